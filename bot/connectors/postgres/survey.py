"""What a database holds, in figures that can be compared: tables, rows, newest rows, and what was written since."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from bot.connectors.postgres.session import Connection, proved, quoted
from bot.model import Record

# Tables whose rows pg_dump writes: no views, no foreign tables, nothing that an extension brings.
TABLES = """
SELECT c.oid, n.nspname AS schema, c.relname AS name,
       coalesce(array_agg(a.attname::text ORDER BY a.attnum) FILTER (WHERE a.attnum IS NOT NULL), '{}') AS marks
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND (
    a.atttypid IN ('timestamp'::regtype, 'timestamptz'::regtype)
    OR a.attnum = ANY (i.indkey) AND a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype))
WHERE c.relkind = 'r' AND c.relpersistence <> 't'
  AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
  AND NOT EXISTS (SELECT FROM pg_depend d
                  WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
GROUP BY c.oid, n.nspname, c.relname
ORDER BY n.nspname, c.relname
"""
# Tables of extensions that have their rows dumped all the same, as PostGIS and pg_cron do.
CONFIGURED = """
SELECT count(DISTINCT c.oid) FROM pg_extension e JOIN pg_class c ON c.oid = ANY (e.extconfig)
WHERE e.oid >= 16384 AND c.relkind = 'r'
"""
WRITES = """
SELECT schemaname || '.' || relname AS name, n_tup_ins + n_tup_upd + n_tup_del AS rows,
       coalesce(pg_relation_filenode(relid), 0) AS file
FROM pg_stat_user_tables
"""
# After a crash all statistics start anew, and with them those of the background writer: its date tells.
EPOCH = """
SELECT d.oid, s.stats_reset, (SELECT stats_reset FROM pg_stat_bgwriter) AS crashed
FROM pg_database d JOIN pg_stat_database s ON s.datid = d.oid WHERE d.datname = current_database()
"""
# Whoever may have written what no count holds yet: counts are told when a transaction ends. Others' transactions show
# to whoever may see all statistics; to others, not even the kind of their session does. What autovacuum's write to the
# catalogue are no rows of anybody's.
OPEN = """
SELECT pid || '/' || coalesce(backend_xid::text, '') AS writer, backend_type IS NULL AS hidden
FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
  AND (backend_type IS NULL OR backend_xid IS NOT NULL AND backend_type <> 'autovacuum worker')
UNION ALL
SELECT 'prepared/' || transaction, false FROM pg_prepared_xacts WHERE database = current_database()
"""
ENDING = timedelta(seconds=1)  # the short transactions of every day end within it, and are counted
LOOKING = 0.1  # seconds between two looks; and from a transaction's end until the server has heard of its rows
UNENDED = "a transaction is open, and its rows count only once it ends"
UNSEEN = "whether others' transactions are open is not shown to Tandem's role, which lacks pg_read_all_stats"


class Table(Record):
    """One table's rows, and the greatest of its times and integer keys as one text."""

    rows: int
    newest: str = ""


class Counters(Record):
    """The server's count of rows written, by table, and the epoch within which these counts can be compared."""

    database_oid: int
    stats_reset: datetime | None
    crashed: datetime | None
    writes: dict[str, int]
    files: dict[str, int] = {}  # by table: another one after a TRUNCATE, which counts no rows, and in a table made anew


class Written(Record):
    """Rows inserted, updated and deleted since; a lower bound where `at_least`, None where nobody can say; and why.

    Rolled-back rows are among them: the server counts them alike, and those of a savepoint by nothing else.
    """

    rows: int | None
    at_least: bool = False
    why: str = ""


async def lock(connection: Connection) -> None:
    """Keeps every table from being altered or dropped until the transaction ends. Raises Temporary for a locked one."""
    for table in await connection.fetch(TABLES):
        name = f"{table['schema']}.{table['name']}"
        with proved(f"table {name} cannot be read"):
            await connection.execute(f"LOCK TABLE ONLY {_name(table)} IN ACCESS SHARE MODE")


async def count(connection: Connection, told: Callable[[int], Awaitable[None]] | None = None) -> dict[str, Table]:
    """Every table's exact figures, within the transaction's snapshot. Reads all rows once.

    `told` hears before each table how many are counted.
    """
    found: dict[str, Table] = {}
    for table in await connection.fetch(TABLES):
        if told is not None:
            await told(len(found))
        marks = "".join(f", max({quoted(mark)})::text" for mark in table["marks"])
        row = await connection.fetchrow(f"SELECT count(*){marks} FROM ONLY {_name(table)}")  # noqa: S608
        values = list(row.values()) if row else [0]
        newest = " ".join("-" if value is None else str(value) for value in values[1:])
        found[f"{table['schema']}.{table['name']}"] = Table(rows=values[0], newest=newest)
    return found


async def configured(connection: Connection) -> int:
    """How many tables pg_dump writes the rows of beside those that are counted."""
    return int(await connection.fetchval(CONFIGURED))


def _name(table: Any) -> str:
    return f"{quoted(table['schema'])}.{quoted(table['name'])}"


def differences(expected: Mapping[str, Table], found: Mapping[str, Table]) -> tuple[str, ...]:
    """In words, one a table, what is not as expected; empty where all is."""
    told = [f"{name} is missing" for name in sorted(expected.keys() - found.keys())]
    told += [f"{name} should not be there" for name in sorted(found.keys() - expected.keys())]
    for name in sorted(expected.keys() & found.keys()):
        if expected[name].rows != found[name].rows:
            told.append(f"{name} has {found[name].rows} rows instead of {expected[name].rows}")
        elif expected[name].newest != found[name].newest:
            told.append(f"the newest rows of {name} differ")
    return tuple(told)


async def counters(connection: Connection) -> Counters:
    """The counts of the database that the connection is in."""
    epoch = await connection.fetchrow(EPOCH)
    if epoch is None:
        raise LookupError("PostgreSQL has no statistics of this database")
    tables = await connection.fetch(WRITES)
    return Counters(
        database_oid=epoch["oid"],
        stats_reset=epoch["stats_reset"],
        crashed=epoch["crashed"],
        writes={row["name"]: row["rows"] for row in tables},
        files={row["name"]: row["file"] for row in tables},
    )


async def uncounted(connection: Connection) -> str:
    """Why the counts of the database that the connection is in may lack rows that somebody wrote; empty: they do not.

    Waits for the transactions that are open now, `ENDING` at most. Those that begin meanwhile are later writes. What a
    session wrote within the last second before its end, the server may tell some seconds later.
    """

    async def open_now() -> tuple[set[str], bool]:
        rows = await connection.fetch(OPEN)
        return {row["writer"] for row in rows if not row["hidden"]}, any(row["hidden"] for row in rows)

    (there, hidden), until = await open_now(), monotonic() + ENDING.total_seconds()
    while there and monotonic() < until:
        await asyncio.sleep(LOOKING)
        there &= (await open_now())[0]
    await asyncio.sleep(LOOKING)
    return _both(UNENDED if there else "", UNSEEN if hidden else "")


def written(then: Counters, now: Counters, lacking: str = "") -> Written:
    """Rows written between two counts. Counts that began anew in between, and rows they lack, give a lower bound.

    Another database counts what was loaded into it as written, so that its counts bound nothing.
    """
    if then.database_oid != now.database_oid:
        return Written(rows=None, at_least=True, why="it is another database than then")
    if (then.stats_reset, then.crashed) != (now.stats_reset, now.crashed):
        why = "the server crashed or its statistics were reset"
        return Written(rows=sum(now.writes.values()), at_least=True, why=_both(why, lacking))
    gone = then.writes.keys() - now.writes.keys()
    grown = {name: rows - then.writes.get(name, 0) for name, rows in now.writes.items()}
    fallen = any(rows < 0 for rows in grown.values())
    emptied = any(now.files.get(name, file) != file for name, file in then.files.items())
    why = (
        f"{len(gone)} tables were dropped"
        if len(gone) > 1
        else "a table was dropped"
        if gone
        else "a table was made anew"
        if fallen
        else "a table was emptied, rewritten or made anew"
        if emptied
        else ""
    )
    rows = sum(now.writes[name] if rows < 0 else rows for name, rows in grown.items())
    return Written(rows=rows, at_least=bool(why or lacking), why=_both(why, lacking))


def _both(*whys: str) -> str:
    return ", and ".join(why for why in whys if why)
