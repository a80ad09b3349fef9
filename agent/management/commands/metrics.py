from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from agent.sync import metrics


class Command(BaseCommand):
    help = "How the whole installation keeps up with Notion, as text for Prometheus (a textfile collector reads it)."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(metrics.text(now=timezone.now()), ending="")
