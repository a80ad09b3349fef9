from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from billing import giving
from billing.gateways import Refused
from billing.models import PlanRequest


class Command(BaseCommand):
    help = "Approve a change of plan that waits (manual gateway, hosted). Without an id: list what waits."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", type=int, nargs="?")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["id"] is None:
            for request in PlanRequest.objects.filter(decided_at=None).select_related("workspace", "requested_by"):
                self.stdout.write(
                    f"{request.pk}: {request.workspace} wants {request.tier}, {request.seats} seats"
                    f" ({request.requested_by.email}, {request.requested_at:%Y-%m-%d %H:%M} UTC)"
                )
            return
        try:
            subscription = giving.approve(request_id=options["id"], now=timezone.now())
        except PlanRequest.DoesNotExist as error:
            raise CommandError(f"There is no request {options['id']}. Without an id this lists what waits.") from error
        except (giving.IsPaidFor, Refused) as error:
            raise CommandError(error.detail) from error
        self.stdout.write(f"{subscription.workspace} is on {subscription.tier} with {subscription.seats} seats.")
