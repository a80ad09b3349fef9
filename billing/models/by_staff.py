"""Plans that staff answers for."""

from typing import ClassVar

from django.db import models
from django.utils import timezone

from accounts.models import User, Workspace
from billing.plans import PLANS, Tier


class PlanRequest(models.Model):
    """A change of plan that staff has to say yes to, on a hosted installation. See `billing.wishes`."""

    class Outcome(models.TextChoices):
        APPROVED = "approved"
        REFUSED = "refused"
        WITHDRAWN = "withdrawn"

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="plan_requests")
    tier = models.CharField(max_length=8, choices=Tier.choices)
    seats = models.PositiveIntegerField(default=1)
    # Whether an owner has named the number. None: asked before that was kept.
    is_fixed = models.BooleanField(null=True, blank=True)
    requested_by = models.ForeignKey(User, on_delete=models.CASCADE)
    requested_at = models.DateTimeField(default=timezone.now)
    decided_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=9, choices=Outcome.choices, blank=True)
    # An address, not an account: it stays when the account is gone. Or what has ended the plan that the wish was for.
    decided_by = models.EmailField(max_length=254, blank=True)
    # Why it was refused, or withdrawn by nobody, as the customer reads it.
    reason = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["workspace"], condition=models.Q(decided_at=None), name="one_open_plan_request"
            ),
            models.CheckConstraint(
                condition=models.Q(decided_at=None, outcome="", decided_by="", reason="")
                | (
                    models.Q(decided_at__isnull=False, outcome__in=["approved", "refused", "withdrawn"])
                    & ~models.Q(decided_by="")
                ),
                name="what_is_decided_says_how_and_by_whom",
            ),
            models.CheckConstraint(
                condition=~models.Q(outcome="refused") | ~models.Q(reason=""), name="who_refuses_says_why"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.tier} for {self.workspace_id}"

    def fixed_with(self, members: int) -> int | None:
        """The number that a yes fixes; nobody who is there is left without a seat. None: seats follow the members."""
        is_fixed = self.seats > members if self.is_fixed is None else self.is_fixed and self.seats >= members
        return self.seats if is_fixed and PLANS[Tier(self.tier)].is_per_seat else None


class GivenPlan(models.Model):
    """A plan that staff gave unasked: by whom and why. Never changed."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="given_plans")
    tier = models.CharField(max_length=8, choices=Tier.choices)
    seats = models.PositiveIntegerField(default=1)
    # An address, not an account: it stays when the account is gone.
    given_by = models.EmailField(max_length=254)
    why = models.TextField()
    given_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=~models.Q(why="") & ~models.Q(given_by=""), name="who_gives_says_why")
        ]

    def __str__(self) -> str:
        return f"{PLANS[Tier(self.tier)].with_seats(self.seats)} for {self.workspace}"
