import uuid
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import tenancy
from accounts.models import Workspace
from usage.models import Difference


class Command(BaseCommand):
    help = "The alarms of the nightly look at usage: what is kept and is not what its rows add up to."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--looked-into", metavar="WORKSPACE", type=uuid.UUID, help="forget the alarms of this workspace"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        done = options["looked_into"]
        workspaces = Workspace.objects.filter(state=Workspace.State.ACTIVE)
        if done and not workspaces.filter(pk=done).exists():
            raise CommandError(f"There is no workspace {done}.")
        for workspace in workspaces.filter(pk=done) if done else workspaces.iterator():
            with tenancy.within(workspace):
                if done:
                    Difference.objects.all().delete()
                for each in Difference.objects.order_by("found_at", "pk"):
                    self.stdout.write(f"{workspace.pk} {each.found_at:%Y-%m-%d}: {each}")
