from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from agent.live import hook


class Command(BaseCommand):
    help = "The subscription to Notion's events: wait for its verification token, show it, or wait no more."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["open", "show", "close"])
        parser.add_argument("--replace", action="store_true", help="Let the next token replace one that works.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["what"] == "close":
            hook.close_window()
            self.stdout.write("No token is awaited.")
        elif options["what"] == "show":
            held = hook.token()
            self.stdout.write(held or "There is no token yet.")
        else:
            try:
                until = hook.open_window(now=timezone.now(), replaces=options["replace"])
            except hook.TokenHeld as error:
                raise CommandError(f"{error.detail} (--replace)") from error
            self.stdout.write(f"Notion's verification token is accepted until {until:%H:%M} UTC.")
