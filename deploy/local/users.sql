-- Customers with an account, to ban and to let back in.
INSERT INTO auth.users (id, email, email_confirmed_at)
SELECT id::uuid, name || '@customers.example', now() FROM (VALUES
    ('5b8ab7f6-2d6b-4b8e-9b39-6f0f6f5f0a11', 'jo'),
    ('9c1f0b52-7c54-4d0e-8f5c-0a6a3e1d2b22', 'kim'),
    ('e2d7a1c8-33b0-4f4b-9a52-6b1f4c7d8e33', 'lou')) AS people (id, name);
INSERT INTO public.users (id, display_name) SELECT id, initcap(split_part(email, '@', 1)) FROM auth.users;
INSERT INTO auth.sessions (user_id) SELECT id FROM auth.users CROSS JOIN generate_series(1, 2);
INSERT INTO auth.refresh_tokens (token, user_id, revoked, session_id)
SELECT 'sample-' || id, user_id::text, false, id FROM auth.sessions;
