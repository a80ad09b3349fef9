from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import second_factor, services
from config.errors import AppError


class Command(BaseCommand):
    help = "Remove the second factor of somebody who has lost app and codes. Make sure that it is they who ask."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", help="of an account that exists")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            user = services.account(email=options["email"])
        except AppError as error:
            raise CommandError(error.detail) from error
        if not second_factor.remove(user):
            raise CommandError(f"{user.email} has no second factor.")
        self.stdout.write(f"The second factor of {user.email} is removed; they were told by mail.")
