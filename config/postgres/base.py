"""Django's Postgres connection with two walls: a schema and a database role for each workspace.

The login has no rights of its own. With no workspace active, statements run as `docent_public`; with one active, as the
role that is named like its schema and may touch that schema alone. Every statement goes through the extended protocol,
so that an injected text can never smuggle in a second statement such as `RESET ROLE`.
"""

from typing import Any

import psycopg
from django.core.exceptions import ImproperlyConfigured
from django.db.backends.postgresql.base import Cursor, ServerSideCursor
from django_tenants.postgresql_backend.base import DatabaseWrapper as TenantDatabaseWrapper
from django_tenants.utils import get_public_schema_name
from psycopg.pq import TransactionStatus
from psycopg_pool import ConnectionPool

PUBLIC_ROLE = "docent_public"
AT_LOGIN = ""


class _ExtendedProtocol:
    # The hook is psycopg's own; `tests/config/test_walls.py` fails if a release stops calling it.
    def _execute_send(self, query: Any, *, force_extended: bool = False, binary: bool | None = None) -> None:
        super()._execute_send(query, force_extended=True, binary=binary)  # type: ignore[misc]  # the mixin's host has it


class OneStatementCursor(_ExtendedProtocol, Cursor):
    pass


class OneStatementServerSideCursor(_ExtendedProtocol, ServerSideCursor):
    def __init__(self, *args: Any, **kwargs: Any) -> None:  # the stubs know only the mixins' empty one
        super().__init__(*args, **kwargs)


def _is_alive(connection: psycopg.Connection[Any]) -> bool:
    try:
        ConnectionPool.check_connection(connection)
    except psycopg.Error:
        return False
    return True


class DatabaseWrapper(TenantDatabaseWrapper):  # type: ignore[misc]  # django-tenants has no types
    """`OPTIONS["roles"]`: True for the login that serves requests, False for the owner of the tables."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._setting_search_path = False
        self._role: str | None = AT_LOGIN  # None: unknown, as after a rollback
        super().__init__(*args, **kwargs)

    @property
    def has_roles(self) -> bool:
        return bool(self.settings_dict["OPTIONS"].get("roles"))

    @property
    def wanted_role(self) -> str:
        return PUBLIC_ROLE if self.schema_name == get_public_schema_name() else self.schema_name

    def get_connection_params(self) -> dict[str, Any]:
        params: dict[str, Any] = super().get_connection_params()
        if params.pop("roles", False):
            params["cursor_factory"] = OneStatementCursor
        return params

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        connection = super().get_new_connection(conn_params)
        # A restarted Postgres breaks all connections of the pool at once, and each would cost somebody a request. The
        # pool's own check sleeps longer and longer between one broken connection and the next.
        for _ in range(self.pool.max_size if self.pool else 0):
            if _is_alive(connection):
                break
            self.pool.putconn(connection)
            connection = super().get_new_connection(conn_params)
        self._role = AT_LOGIN
        return connection

    def create_cursor(self, name: str | None = None) -> Any:
        if name is None or not self.has_roles:
            return super().create_cursor(name)
        return OneStatementServerSideCursor(
            self.connection, name=name, scrollable=False, withhold=self.connection.autocommit
        )

    def rollback(self) -> None:
        self._role = None
        super().rollback()

    def savepoint_rollback(self, sid: str) -> None:
        try:
            super().savepoint_rollback(sid)
        finally:
            self._role = None

    def _handle_search_path(self, cursor: Any = None) -> None:
        if not self.has_roles:
            super()._handle_search_path(cursor)
            return
        if self._setting_search_path or (self.search_path_set_schemas and self._role == self.wanted_role):
            return
        if not self.schema_name:
            raise ImproperlyConfigured("No schema is active on this connection.")
        self._setting_search_path = True
        try:
            self._enter(self.wanted_role)
        finally:
            self._setting_search_path = False

    def _enter(self, role: str) -> None:
        if self.connection.info.transaction_status == TransactionStatus.INERROR:
            return  # the next statement fails anyway, and the rollback makes us enter again
        path = [*self._get_cursor_search_paths(), "pg_temp"]
        # Below Django's cursors, whose errors it translates.
        with self.wrap_database_errors, self.connection.cursor() as cursor:
            if self._role != AT_LOGIN:
                cursor.execute("RESET ROLE")
            cursor.execute(
                "SELECT set_config('search_path', %s, false), set_config('role', %s, false)",
                [",".join(f'"{name}"' for name in path), role],
            )
        self._role = role
        self.search_path_set_schemas = path

    def _close(self) -> Any:
        # The physical connection goes back to the pool, so it leaves its workspace and its locks first; if it cannot,
        # it is closed.
        connection = self.connection
        if connection is not None and self._role != AT_LOGIN and not connection.closed:
            try:
                if connection.info.transaction_status != TransactionStatus.IDLE:
                    connection.rollback()
                connection.autocommit = True
                with connection.cursor() as cursor:
                    cursor.execute("RESET ROLE")
                    cursor.execute("RESET search_path")
                    cursor.execute("SELECT pg_advisory_unlock_all()")
            except psycopg.Error:
                connection.close()
        self._role = AT_LOGIN
        return super()._close()
