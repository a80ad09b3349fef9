"""What Stripe has, as far as it is kept here."""

from typing import ClassVar

from django.db import models
from django.utils import timezone

from accounts.models import Workspace
from billing.plans import Tier


class StripeAccount(models.Model):
    """Who a workspace is at Stripe. What it has bought there is mirrored into its `Subscription`."""

    workspace = models.OneToOneField(
        Workspace, primary_key=True, on_delete=models.CASCADE, related_name="stripe_account"
    )
    customer_id = models.CharField(max_length=64, unique=True)
    # What is being paid for. Empty before the first purchase and after an end.
    subscription_id = models.CharField(max_length=64, blank=True)
    # The last one whose end we know: what stands beside it was given since.
    ended_id = models.CharField(max_length=64, blank=True)
    synced_at = models.DateTimeField(null=True, blank=True)
    # When Stripe was asked in vain last, by who had to wait for that; emptied when it answers.
    unanswered_at = models.DateTimeField(null=True, blank=True)
    # To whom Stripe writes, as it was told last: `billing.stripe.contact`.
    told_email = models.EmailField(blank=True)
    told_name = models.CharField(max_length=120, blank=True)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["unanswered_at"],
                condition=models.Q(unanswered_at__isnull=False),
                name="stripe_account_unanswered",
            )
        ]

    def __str__(self) -> str:
        return f"{self.customer_id} of {self.workspace_id}"


class StripePage(models.Model):
    """A choice for which a page of Stripe's was opened; it may be used beside later ones: `billing.stripe.pages`."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="stripe_pages")
    tier = models.CharField(max_length=8, choices=Tier.choices)
    seats = models.PositiveIntegerField()
    # Whether an owner has named the number of seats; else they follow the members.
    is_fixed = models.BooleanField()
    opened_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["workspace", "tier", "seats"], name="one_page_for_a_choice")
        ]

    def __str__(self) -> str:
        return f"{self.tier} with {self.seats} seats for {self.workspace_id}"


class StripeEvent(models.Model):
    """A delivered event, stored once. It says that something happened; what, Stripe is asked at the processing."""

    id = models.CharField(primary_key=True, max_length=64)
    type = models.CharField(max_length=80)
    # Empty when it is about nobody's account.
    customer_id = models.CharField(max_length=64, blank=True)
    received_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField(default=timezone.now)
    processed_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["due_at"], condition=models.Q(processed_at=None), name="stripe_event_open")
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.type}"
