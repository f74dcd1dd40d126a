"""What belongs to a database itself and is in no dump of it: owner, locale, settings, privileges, comment."""

import json
import re
from typing import Any

from bot.connectors.postgres.session import Connection, literal, quoted
from bot.model import Record

PROVIDERS = {"b": "builtin", "c": "libc", "i": "icu"}
LISTS = frozenset(  # settings whose stored value is a list of quoted names
    {
        "local_preload_libraries",
        "search_path",
        "session_preload_libraries",
        "shared_preload_libraries",
        "temp_tablespaces",
        "unix_socket_directories",
    }
)
ROW = """
SELECT to_jsonb(d) AS row, pg_get_userbyid(d.datdba) AS owner, pg_encoding_to_char(d.encoding) AS encoding,
       (SELECT spcname FROM pg_tablespace WHERE oid = d.dattablespace) AS tablespace,
       shobj_description(d.oid, 'pg_database') AS comment, d.datacl IS NULL AS default_grants
FROM pg_database d WHERE d.datname = $1
"""
GRANTS = """
SELECT CASE grantee WHEN 0 THEN NULL ELSE pg_get_userbyid(grantee) END AS role, privilege_type, is_grantable
FROM pg_database d, aclexplode(d.datacl) WHERE d.datname = $1 ORDER BY 1, 2
"""
SETTINGS = """
SELECT CASE s.setrole WHEN 0 THEN NULL ELSE pg_get_userbyid(s.setrole) END AS role, one.setting
FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase,
     unnest(s.setconfig) WITH ORDINALITY AS one (setting, place)
WHERE d.datname = $1 ORDER BY s.setrole, one.place
"""


class Grant(Record):
    role: str | None  # None: PUBLIC
    privilege: str
    grantable: bool = False


class Setting(Record):
    role: str | None  # None: whoever connects
    name: str
    value: str


class Properties(Record):
    """Enough to make another database that differs in nothing but its rows and its name."""

    owner: str
    encoding: str
    collate: str
    ctype: str
    provider: str = "c"
    locale: str | None = None
    icu_rules: str | None = None
    tablespace: str
    connection_limit: int = -1
    comment: str | None = None
    settings: tuple[Setting, ...] = ()
    grants: tuple[Grant, ...] | None = None  # None: nobody ever changed them


async def properties(connection: Connection, name: str) -> Properties | None:
    """Those of the database of that name; None where there is none. Any PostgreSQL from 14 on."""
    found = await connection.fetchrow(ROW, name)
    if found is None:
        return None
    row: dict[str, Any] = json.loads(found["row"])
    grants = tuple(
        Grant(role=g["role"], privilege=g["privilege_type"], grantable=g["is_grantable"])
        for g in await connection.fetch(GRANTS, name)
    )
    return Properties(
        owner=found["owner"],
        encoding=found["encoding"],
        collate=row["datcollate"],
        ctype=row["datctype"],
        provider=row.get("datlocprovider", "c"),
        locale=row.get("datlocale", row.get("daticulocale")),
        icu_rules=row.get("daticurules"),
        tablespace=found["tablespace"],
        connection_limit=row["datconnlimit"],
        comment=found["comment"],
        settings=tuple(_setting(s["role"], s["setting"]) for s in await connection.fetch(SETTINGS, name)),
        grants=None if found["default_grants"] else grants,
    )


def _setting(role: str | None, text: str) -> Setting:
    name, _, value = text.partition("=")
    return Setting(role=role, name=name, value=value)


def creation(name: str, like: Properties) -> str:
    """The statement that makes an empty database of that nature, open to its maker."""
    parts = [
        f"CREATE DATABASE {quoted(name)} TEMPLATE template0 OWNER {quoted(like.owner)}",
        f"ENCODING {literal(like.encoding)} LC_COLLATE {literal(like.collate)} LC_CTYPE {literal(like.ctype)}",
    ]
    if like.tablespace != "pg_default":  # template0 lies there already, and naming it asks for a privilege on it
        parts.append(f"TABLESPACE {quoted(like.tablespace)}")
    if like.provider != "c":
        kind = "ICU_LOCALE" if like.provider == "i" else "BUILTIN_LOCALE"
        parts.append(f"LOCALE_PROVIDER {PROVIDERS[like.provider]} {kind} {literal(like.locale or '')}")
    if like.icu_rules:
        parts.append(f"ICU_RULES {literal(like.icu_rules)}")
    return " ".join(parts)


def furnishing(name: str, like: Properties) -> tuple[str, ...]:
    """The statements that give it the rest, once it is full: some settings would keep rows from being loaded."""
    database = quoted(name)
    made = [f"ALTER DATABASE {database} CONNECTION LIMIT {like.connection_limit}"]
    if like.comment is not None:
        made.append(f"COMMENT ON DATABASE {database} IS {literal(like.comment)}")
    if like.grants is not None:
        made.append(f"REVOKE ALL ON DATABASE {database} FROM PUBLIC, {quoted(like.owner)}")
    for grant in like.grants or ():
        role = "PUBLIC" if grant.role is None else quoted(grant.role)
        option = " WITH GRANT OPTION" if grant.grantable else ""
        made.append(f"GRANT {grant.privilege} ON DATABASE {database} TO {role}{option}")
    for setting in like.settings:
        whose = f"ROLE {quoted(setting.role)} IN DATABASE {database}" if setting.role else f"DATABASE {database}"
        made.append(f"ALTER {whose} SET {_parameter(setting.name)} TO {_value(setting)}")
    return tuple(made)


def _parameter(name: str) -> str:
    return ".".join(quoted(part) for part in name.split("."))


def _value(setting: Setting) -> str:
    if setting.name not in LISTS:
        return literal(setting.value)
    parts = re.findall(r'"((?:[^"]|"")*)"|([^",\s]+)', setting.value)
    return ", ".join(literal(inner.replace('""', '"') or plain) for inner, plain in parts) or "''"
