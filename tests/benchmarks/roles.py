"""Entering a workspace's role, with a login that is a member of 1,000 and of 10,000 roles."""

from django.db import connections
from psycopg import sql

from accounts import schemas, tenancy
from tests.benchmarks._figures import show, timed
from tests.people import sign_up

SIZES = (1_000, 10_000)


def main() -> None:
    person = sign_up("Alice")
    made: list[str] = []
    with connections["owner"].cursor() as cursor:
        for size in SIZES:
            while len(made) < size:
                name = f"bench_{connections['owner'].settings_dict['NAME'][-6:]}_{len(made)}"
                cursor.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(name)))
                cursor.execute(
                    sql.SQL("GRANT {} TO {} WITH INHERIT FALSE, SET TRUE").format(
                        sql.Identifier(name), sql.Identifier(schemas.WEB_LOGIN)
                    )
                )
                made.append(name)
            _measure(person.workspace, size)
        for name in made:
            cursor.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def _measure(workspace: object, roles: int) -> None:
    default = connections["default"]

    def enter() -> None:
        with tenancy.within(workspace):
            default.ensure_connection()
            default.cursor().close()

    first = []
    for _ in range(5):
        default.close_pool()
        default.close()
        default.ensure_connection()
        first += timed(enter, 1)
    show(f"first entry of a connection, {roles:,} roles", first)
    show(f"later entries, {roles:,} roles", timed(enter, 200))
