from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import services
from accounts.second_factor import has_second_factor
from config.errors import AppError


class Command(BaseCommand):
    help = "Make an account one of staff, whom the staff pages and commands let in, or a customer's again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", help="of an account that exists")
        parser.add_argument("--remove", action="store_true", help="no longer staff")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            user = services.set_staff(email=options["email"], is_staff=not options["remove"])
        except AppError as error:
            raise CommandError(error.detail) from error
        if not user.is_staff:
            self.stdout.write(f"{user.email} is not staff.")
        elif has_second_factor(user):
            self.stdout.write(f"{user.email} is staff.")
        else:
            self.stdout.write(f"{user.email} is staff, and sets up a second factor in the settings to see /staff/.")
