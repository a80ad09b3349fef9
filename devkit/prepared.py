"""Has this database been prepared by this very code? Then a start need not do it again."""

import hashlib

import psycopg
from psycopg import sql

from devkit.home import PROJECT

# What `prepare_database` applies: migrations, roles and rights, and itself.
APPLIED = ("*/migrations/*.py", "accounts/access.py", "accounts/schemas.py", "accounts/management/commands/*.py")
PREFIX = "prepared by "


def fingerprint() -> str:
    digest = hashlib.sha256()
    for pattern in APPLIED:
        for path in sorted(PROJECT.glob(pattern)):
            digest.update(str(path.relative_to(PROJECT)).encode() + path.read_bytes())
    return PREFIX + digest.hexdigest()


def is_prepared(database_url: str) -> bool:
    with psycopg.connect(database_url) as server:
        row = server.execute(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()"
        ).fetchone()
    return row is not None and row[0] == fingerprint()


def note(database_url: str) -> None:
    """Written into the database itself, so that it is true of a copy and gone with the data."""
    with psycopg.connect(database_url) as server:
        name = sql.Identifier(server.info.dbname)
        server.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(name, sql.Literal(fingerprint())))
