from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor

from accounts import access, schemas
from accounts.models import WorkspaceSchema
from config.numbers import argument


class Command(BaseCommand):
    help = "Make roles, migrate the shared schema and every workspace's, set rights, fill the pool. Safe to repeat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--warm", type=argument, default=settings.WARM_SCHEMAS, help="ready schemas to keep")

    def handle(self, *args: Any, **options: Any) -> None:
        if schemas.OWNER not in settings.DATABASES:
            raise CommandError("DATABASE_URL is not set: preparing needs the database's owner.")
        with connections[schemas.OWNER].cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(hashtext('docent prepare'))")
            try:
                self._prepare(options["warm"])
            finally:
                cursor.execute("SELECT pg_advisory_unlock(hashtext('docent prepare'))")

    def _prepare(self, warm: int) -> None:
        if not settings.ALLOW_WEAK_ISOLATION:
            try:
                access.make_roles()
            except DatabaseError as error:
                raise CommandError(
                    f"This server does not let Docent build the walls between workspaces ({error}). Use an owner "
                    "that may create roles and revoke functions, or accept the risk with ALLOW_WEAK_ISOLATION=1."
                ) from error
        executor = MigrationExecutor(connections[schemas.OWNER])
        leaves = executor.loader.graph.leaf_nodes()
        executor.migrate([leaf for leaf in leaves if leaf[0] not in schemas.workspace_apps()])
        if not settings.ALLOW_WEAK_ISOLATION:
            access.grant()
        failed = self._migrate_workspaces()
        built = schemas.fill(warm)
        self.stdout.write(f"The database is ready; {built} schemas were built ahead.")
        if failed:
            raise CommandError(f"{failed} workspaces could not be migrated; run the command again.")
        access.insist_on_walls()

    def _migrate_workspaces(self) -> int:
        behind = WorkspaceSchema.objects.using(schemas.OWNER).exclude(head=schemas.head()).exclude(state="erasing")
        failed = 0
        for name in behind.order_by("error", "name").values_list("name", flat=True):
            try:
                schemas.migrate(name)
                self.stdout.write(f"{name}: migrated")
            except DatabaseError as error:
                failed += 1
                WorkspaceSchema.objects.using(schemas.OWNER).filter(name=name).update(error=str(error)[:2000])
                self.stderr.write(f"{name}: {error}")
        return failed
