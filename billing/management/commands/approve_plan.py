from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.models import User
from billing import giving, wishes
from billing.models import PlanRequest
from billing.plans import PLANS, Tier
from config.errors import AppError
from config.numbers import argument


class Command(BaseCommand):
    help = "Say yes or no to a change of plan that waits (hosted, where nobody pays here). Without an id: what waits."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", type=argument, nargs="?")
        parser.add_argument("--by", metavar="EMAIL", help="the staff account that answers")
        parser.add_argument("--refuse", metavar="WORDS", help="say no, and why: the customer reads it")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["id"] is None:
            giving.withdraw_lapsed(now=timezone.now())
            for request in PlanRequest.objects.filter(decided_at=None).select_related("workspace", "requested_by"):
                self.stdout.write(
                    f"{request.pk}: {request.workspace} wants {wishes.in_words(request)}"
                    f" ({request.requested_by.email}, {request.requested_at:%Y-%m-%d %H:%M} UTC)"
                )
            return
        if not options["by"]:
            raise CommandError("Say who answers: approve_plan ID --by EMAIL")
        try:
            self.stdout.write(self._answer(options["id"], options["by"], options["refuse"]))
        except PlanRequest.DoesNotExist as error:
            raise CommandError(f"There is no request {options['id']}. Without an id this lists what waits.") from error
        except User.DoesNotExist as error:
            raise CommandError(f"Nobody has the address {options['by']}.") from error
        except AppError as error:
            raise CommandError(error.detail) from error

    def _answer(self, request_id: int, by: str, refusal: str | None) -> str:
        PlanRequest.objects.get(pk=request_id)
        staff, now = User.objects.get(email__iexact=by), timezone.now()
        if refusal is not None:
            subscription = giving.refuse(request_id=request_id, by=staff, why=refusal, now=now)
            return f"The wish of {subscription.workspace} is refused."
        subscription = giving.approve(request_id=request_id, by=staff, now=now)
        return f"{subscription.workspace} is on {PLANS[Tier(subscription.tier)].with_seats(subscription.seats)}."
