from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from agent.sync import watching


class Command(BaseCommand):
    help = (
        "Connections that do not get on though their plan has them read, with how long syncs wait for a worker and how"
        " often Notion refuses."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--all", action="store_true", help="also those that are well")

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        traffic = watching.traffic(now=now)
        self.stdout.write(
            f"{traffic.waiting} waiting for a sync worker, the oldest for {_length(traffic.oldest)};"
            f" {traffic.requests} requests to Notion, {traffic.limited} refused with 429"
        )
        for each in watching.connections(now=now):
            if each.troubles or options["all"]:
                self.stdout.write(_line(each))


def _line(each: watching.Watched) -> str:
    """Ids and states: whose it is can be looked up, what is in it is nobody's business."""
    connection = each.connection
    state = "paused" if connection.is_paused else "open" if connection.open_sync else "idle"
    lag = "never synced" if each.lag is None else f"synced {_length(each.lag)} ago"
    troubles = ", ".join(each.troubles) or ("well" if each.is_covered else "not read with this plan")
    return f"{connection.workspace_id} {connection.pk} {troubles}; {lag}; last {each.outcome or 'none'}; {state}"


def _length(length: timedelta) -> str:
    return str(timedelta(seconds=int(length.total_seconds())))
