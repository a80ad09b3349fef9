from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from billing.stripe import setup
from integrations.stripe import StripeError


class Command(BaseCommand):
    help = "Make at Stripe what Docent needs: products, prices, the Portal's settings. Twice changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--endpoint", metavar="URL", help="also the endpoint for events; its secret is shown once")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.STRIPE_SECRET_KEY:
            raise CommandError("STRIPE_SECRET_KEY is not set: give the secret key of your Stripe account.")
        try:
            for line in setup.set_up():
                self.stdout.write(f"made {line}")
            if options["endpoint"] and (done := setup.endpoint(options["endpoint"])):
                self.stdout.write(done)
        except setup.NotSetUp as error:
            raise CommandError(str(error)) from error
        except StripeError as error:
            raise CommandError(f"Stripe refuses: {error.user_message or error}") from error
        self.stdout.write("Stripe has what Docent needs.")
