import uuid
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.models import User, Workspace
from billing import giving
from billing.models import GivenPlan
from billing.plans import PLANS, Tier
from config.errors import AppError
from config.numbers import argument


class Command(BaseCommand):
    help = (
        "Give a workspace a plan that nobody pays for. Who gave it and why is kept; without arguments: what was given."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("workspace", type=uuid.UUID, nargs="?", help="its id")
        parser.add_argument(
            "tier", nargs="?", choices=[plan.tier.value for plan in PLANS.values() if plan.trial is None]
        )
        parser.add_argument("--seats", type=argument, help="of a plan that is paid by member; without it one for each")
        parser.add_argument("--by", metavar="EMAIL", help="the staff account that gives it")
        parser.add_argument("--why", metavar="WORDS")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["workspace"] is None:
            for given in GivenPlan.objects.select_related("workspace").order_by("given_at"):
                at = f"{given.given_at:%Y-%m-%d %H:%M} UTC"
                self.stdout.write(f"{at}: {given.workspace_id} {given}, by {given.given_by}: {given.why}")
            return
        if not (options["tier"] and options["by"] and options["why"]):
            raise CommandError("Say all of it: give_plan WORKSPACE TIER --by EMAIL --why WORDS")
        try:
            subscription = giving.give(
                workspace=Workspace.objects.get(pk=options["workspace"]),
                tier=Tier(options["tier"]),
                seats=options["seats"],
                by=User.objects.get(email__iexact=options["by"]),
                why=options["why"],
                now=timezone.now(),
            )
        except Workspace.DoesNotExist as error:
            raise CommandError(f"There is no workspace {options['workspace']}.") from error
        except User.DoesNotExist as error:
            raise CommandError(f"Nobody has the address {options['by']}.") from error
        except AppError as error:
            raise CommandError(error.detail) from error
        self.stdout.write(
            f"{subscription.workspace} is on {PLANS[Tier(subscription.tier)].with_seats(subscription.seats)}."
        )
