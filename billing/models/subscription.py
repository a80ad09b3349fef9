import uuid
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar

from django.db import models, transaction
from django.utils import timezone

from accounts import audit, mails
from accounts.models import Workspace
from billing import history
from billing.effective import effective
from billing.plans import PLANS, Plan, Tier
from billing.reminders import KINDS


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    def update(self, **changes: Any) -> int:
        return super().update(**{"remind_at": timezone.now(), **changes})


class Subscription(models.Model):
    """What a workspace has bought, as facts; what it may do now is `billing.effective.effective`."""

    class Status(models.TextChoices):
        TRIALING = "trialing"
        ACTIVE = "active"
        PAST_DUE = "past_due"
        CANCELED = "canceled"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.OneToOneField(Workspace, on_delete=models.CASCADE, related_name="subscription")
    tier = models.CharField(max_length=8, choices=Tier.choices, default=Tier.TRIAL)
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.TRIALING)
    seats = models.PositiveIntegerField(default=1)
    started_at = models.DateTimeField(default=timezone.now)
    trial_ends_at = models.DateTimeField()
    # Monthly periods are counted from here; the trial is one period of its own.
    anchor_at = models.DateTimeField(default=timezone.now)
    past_due_since = models.DateTimeField(null=True, blank=True)
    # What will be from `pending_at` on: another plan, or with an empty tier the end.
    pending_tier = models.CharField(max_length=8, choices=Tier.choices, blank=True)
    pending_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    # Seats follow the members unless an owner has fixed their number. `seats` is what is being paid for.
    fixed_seats = models.PositiveIntegerField(null=True, blank=True)
    # The most that were charged for in the period that began at `paid_from`: they are the customer's until its end.
    paid_seats = models.PositiveIntegerField(default=1)
    paid_from = models.DateTimeField(null=True, blank=True)
    # What this subscription pays a month, and will pay for the plan that is planned; empty: the price it is sold at.
    price_cents = models.PositiveIntegerField(null=True, blank=True)
    price_per_user_cents = models.PositiveIntegerField(null=True, blank=True)
    pending_price_cents = models.PositiveIntegerField(null=True, blank=True)
    changed_by = models.UUIDField(null=True, blank=True)
    changed_at = models.DateTimeField(default=timezone.now)
    # When the reminders look at it next; every change makes that now, and nothing to be said makes it never.
    remind_at = models.DateTimeField(null=True, blank=True, default=timezone.now)
    # Set with the last warning: from then on the content may be erased. Emptied when that is done.
    erases_from = models.DateTimeField(null=True, blank=True)
    content_erased_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[models.Manager["Subscription"]] = SubscriptionQuerySet.as_manager()
    # The facts as the clock has made them, until they are saved.
    _turned: dict[str, Any] | None = None

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=models.Q(seats__gte=1), name="subscription_has_a_seat"),
            models.CheckConstraint(
                condition=models.Q(status="trialing", tier="trial") | ~models.Q(status="trialing"),
                name="only_a_trial_is_trialing",
            ),
            models.CheckConstraint(
                condition=~models.Q(status="past_due") | models.Q(past_due_since__isnull=False),
                name="past_due_has_begun",
            ),
            models.CheckConstraint(
                condition=models.Q(status="canceled", ended_at__isnull=False)
                | (~models.Q(status="canceled") & models.Q(ended_at=None)),
                name="what_has_ended_has_an_end",
            ),
            models.CheckConstraint(
                condition=models.Q(pending_at=None, pending_tier="")
                | (
                    models.Q(pending_at__isnull=False, status__in=["active", "past_due"])
                    & ~models.Q(pending_tier="trial")
                ),
                name="only_who_pays_has_a_change_pending",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["remind_at"], condition=models.Q(remind_at__isnull=False), name="subscription_to_remind"
            ),
            models.Index(
                fields=["erases_from"], condition=models.Q(erases_from__isnull=False), name="subscription_to_erase"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.tier} of {self.workspace_id}"

    def refresh_from_db(self, using: Any = None, fields: Any = None, from_queryset: Any = None) -> None:
        super().refresh_from_db(using, fields, from_queryset)
        if fields is None:
            self._turned = None

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.remind_at = timezone.now()
        if kwargs.get("update_fields") is not None:
            kwargs["update_fields"] = {*kwargs["update_fields"], "remind_at"}
        with transaction.atomic():
            before = Subscription.objects.filter(pk=self.pk).values(*history.FACTS).first()
            super().save(*args, **kwargs)
            if before is not None:
                self._note(before, kwargs.get("update_fields") or history.FACTS)
        if self.status == self.Status.ACTIVE:
            # Who has paid hears no more of it, also where a reminder waits for the mail server.
            mails.withdraw(workspace_id=self.workspace_id, kinds=KINDS)

    def _note(self, before: dict[str, Any], saved: Collection[str]) -> None:
        """For the audit log. What the clock made true is nobody's doing."""
        if self._turned is not None and set(history.FACTS) <= set(saved):
            with audit.acting(audit.SYSTEM):
                history.note(self.workspace_id, before, self._turned)
            before, self._turned = self._turned, None
        after = {name: getattr(self, name) if name in saved else value for name, value in before.items()}
        history.note(self.workspace_id, before, after)

    @property
    def is_erasing(self) -> bool:
        """Its erasure has begun: what belongs to it goes, also when somebody buys meanwhile."""
        return bool(self.erases_from and self.content_erased_at and self.content_erased_at >= self.erases_from)

    def buy(self, tier: Tier, *, seats: int, by: uuid.UUID | None, now: datetime) -> None:
        """From now on this plan. A running paid month goes on; after a trial or an end a new one begins."""
        self.catch_up(now)
        if self.status not in {self.Status.ACTIVE, self.Status.PAST_DUE}:
            self.anchor_at, self.seats = now, seats
        self.tier, self.status = tier, self.Status.ACTIVE
        self.past_due_since = self.ended_at = self.price_cents = self.price_per_user_cents = None
        self.forget_pending()
        self.pay_for(seats, now=now)
        self.changed_by, self.changed_at = by, now
        self.save()

    def catch_up(self, now: datetime) -> None:
        """Writes into the facts what the clock has already made true: a pending change whose moment is over."""
        if self.pending_at is None or now < self.pending_at:
            return
        if self.pending_tier:
            self.tier, self.price_cents, self.price_per_user_cents = self.pending_tier, self.pending_price_cents, None
            if not PLANS[Tier(self.tier)].is_per_seat:
                self.seats, self.fixed_seats = 1, None
        else:
            self.status, self.ended_at, self.past_due_since = self.Status.CANCELED, self.pending_at, None
        self.changed_at = self.pending_at
        self.forget_pending()
        self._turned = {name: getattr(self, name) for name in history.FACTS}

    def pay_for(self, seats: int, *, now: datetime) -> None:
        """So many seats from now on. What was charged for in this period stays paid until its end."""
        starts_at = effective(self, now).period.starts_at
        self.paid_seats, self.paid_from = max(seats, self.paid_in(starts_at)), starts_at
        self.seats = seats

    def paid_in(self, starts_at: datetime) -> int:
        """How many seats were charged for in the period that began then."""
        if self.paid_from is None or self.paid_from < starts_at:
            return self.seats
        return max(self.paid_seats, self.seats)

    def end(self, *, by: uuid.UUID | None, now: datetime) -> None:
        """At once, whatever it was."""
        self.catch_up(now)
        if self.status == self.Status.TRIALING:
            self.trial_ends_at = min(self.trial_ends_at, now)
        elif self.status != self.Status.CANCELED:
            self.status, self.ended_at, self.past_due_since = self.Status.CANCELED, now, None
            self.forget_pending()
        self.changed_by, self.changed_at = by, now
        self.save()

    def forget_pending(self) -> None:
        self.pending_tier, self.pending_at, self.pending_price_cents = "", None, None

    def priced(self, plan: Plan) -> Plan:
        """The plan at what it costs here, if it is the present or the planned one: old payers keep their price."""
        if plan.tier == self.tier and self.price_cents is not None:
            return replace(plan, price_cents=self.price_cents, price_per_user_cents=self.price_per_user_cents or 0)
        if plan.tier == self.pending_tier and self.pending_price_cents is not None:
            return replace(plan, price_cents=self.pending_price_cents)
        return plan


class TrialPerson(models.Model):
    """A person who has had their trial; see `billing.one_trial`."""

    digest = models.CharField(primary_key=True, max_length=64)
    # No foreign key: who deletes their account has had the trial all the same.
    user_id = models.UUIDField()
    taken_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.digest
