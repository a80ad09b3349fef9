from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import resealing


class Command(BaseCommand):
    help = "Seal every kept secret with the first key of SEAL_KEYS, so that older keys can be taken out of it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="only count what an older key still opens")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["check"]:
            self.stdout.write(f"{resealing.outdated()} rows have a secret under an older key.")
            return
        result = resealing.reseal()
        self.stdout.write(f"{result.resealed} rows were sealed anew, {result.current} had the first key already.")
        if result.unreadable:
            raise CommandError(
                f"{len(result.unreadable)} rows cannot be opened with any key of SEAL_KEYS; put the key back that "
                f"sealed them, or their owners connect again (for factors, `remove_second_factor`): "
                f"{', '.join(result.unreadable)}"
            )
