-- The sample company's shop: data worth losing. Made from series, the same at every start, shop.orders rows of them.
CREATE TABLE public.customers (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    town text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE public.products (id integer PRIMARY KEY, name text NOT NULL, price numeric(10, 2) NOT NULL, stock integer NOT NULL);
CREATE TABLE public.orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer bigint NOT NULL,
    product integer NOT NULL,
    amount integer NOT NULL,
    note text,
    ordered_at timestamptz NOT NULL DEFAULT now()
);

INSERT INTO public.products
SELECT n, (ARRAY['Oak table', 'Pine bench', 'Walnut board', 'Beech stool', 'Ash shelf'])[n % 5 + 1] || ' ' || n,
       40 + n * 7 % 900, n * 13 % 200
FROM generate_series(1, 200) AS n;

INSERT INTO public.customers (name, town, created_at)
SELECT 'Customer ' || n, (ARRAY['Lisbon', 'London', 'Stockholm', 'Rome', 'Paris'])[n % 5 + 1],
       now() - interval '1 day' * (n % 700)
FROM generate_series(1, greatest(current_setting('shop.orders')::int * 2 / 15, 1)) AS n;

INSERT INTO public.orders (customer, product, amount, note, ordered_at)
SELECT n::bigint * 7919 % (SELECT max(id) FROM public.customers) + 1, n::bigint * 104729 % 200 + 1, n % 5 + 1, CASE WHEN n % 3 = 0 THEN repeat('deliver to the yard ', n % 7) END,
       now() - interval '1 minute' * (n * 3 % 500000)
FROM generate_series(1, current_setting('shop.orders')::int) AS n;

-- after the rows: checked and built at once they take a fraction of the time
ALTER TABLE public.orders ADD FOREIGN KEY (customer) REFERENCES public.customers;
ALTER TABLE public.orders ADD FOREIGN KEY (product) REFERENCES public.products;
CREATE INDEX orders_customer ON public.orders (customer);
CREATE INDEX orders_ordered_at ON public.orders (ordered_at);
