import uuid
from typing import ClassVar

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.db import models
from django.db.models import Func
from django.utils import timezone


class _Span(Func):
    function = "TSTZRANGE"
    output_field = DateTimeRangeField()


class Period(models.Model):
    """What one member may use and has used between two moments. `held` is reserved by work in flight."""

    member_id = models.UUIDField()
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    requests_limit = models.BigIntegerField()
    requests_used = models.BigIntegerField(default=0)
    requests_held = models.BigIntegerField(default=0)
    tokens_limit = models.BigIntegerField()
    tokens_used = models.BigIntegerField(default=0)
    tokens_held = models.BigIntegerField(default=0)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=models.Q(ends_at__gt=models.F("starts_at")), name="period_has_length"),
            models.CheckConstraint(
                condition=models.Q(requests_used__gte=0, requests_held__gte=0, tokens_used__gte=0, tokens_held__gte=0),
                name="period_counts_are_not_negative",
            ),
            ExclusionConstraint(
                name="periods_do_not_overlap",
                expressions=[
                    ("member_id", RangeOperators.EQUAL),
                    (_Span("starts_at", "ends_at"), RangeOperators.OVERLAPS),
                ],
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["member_id", "-ends_at"], name="period_current")]

    def __str__(self) -> str:
        return f"{self.member_id} until {self.ends_at:%Y-%m-%d}"


class Hold(models.Model):
    """Quota reserved by one piece of work. It outlives the work's hard time limit."""

    class State(models.TextChoices):
        OPEN = "open"
        SETTLED = "settled"
        RELEASED = "released"
        EXPIRED = "expired"
        LATE = "late"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    period = models.ForeignKey(Period, on_delete=models.CASCADE, related_name="holds")
    # The same key never holds twice: a retried request finds its hold.
    key = models.CharField(max_length=255, unique=True)
    # With which a program asked for it.
    api_key_id = models.UUIDField(null=True)
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)
    requests = models.BigIntegerField()
    tokens = models.BigIntegerField()
    requests_charged = models.BigIntegerField(null=True)
    tokens_charged = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=models.Q(requests__gte=0, tokens__gte=0), name="hold_is_not_negative")
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["expires_at"], condition=models.Q(state="open"), name="hold_open")
        ]

    def __str__(self) -> str:
        return f"{self.key} {self.state}"


COUNTED = (
    "kind", "model", "requests", "input_tokens", "output_tokens", "outcome", "grounded", "milliseconds"
)  # fmt: skip


class Entry(models.Model):
    """One line of the usage log: what a piece of work cost. Never changed."""

    class Outcome(models.TextChoices):
        SUCCEEDED = "succeeded"
        NOT_FOUND = "not_found"
        STOPPED = "stopped"
        FAILED = "failed"
        OVERAGE = "overage"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    at = models.DateTimeField(default=timezone.now)
    member_id = models.UUIDField()
    kind = models.CharField(max_length=20)
    run_id = models.UUIDField(null=True)
    api_key_id = models.UUIDField(null=True)
    # Old holds are deleted and their lines stay as they were written, so the database does not insist on the hold.
    hold = models.ForeignKey(Hold, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="entries")
    requests = models.IntegerField(default=0)
    input_tokens = models.BigIntegerField(default=0)
    output_tokens = models.BigIntegerField(default=0)
    model = models.CharField(max_length=80, blank=True)
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    grounded = models.BooleanField(null=True)
    milliseconds = models.PositiveIntegerField(default=0)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            # A settle that is repeated writes nothing twice.
            models.UniqueConstraint(fields=["hold", "kind"], name="entry_once_per_hold_and_kind")
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["-at", "id"], name="entry_newest"),
            # Holds all that is counted, so that a member's own figures are read from it alone.
            models.Index(fields=["member_id", "at"], name="entry_counted_of_member", include=COUNTED),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.outcome} {self.at:%Y-%m-%d %H:%M}"


class _Counts(models.Model):
    """Sums of the log's lines. `usage.sums` adds each line in the transaction that writes it."""

    requests = models.IntegerField(default=0)
    input_tokens = models.BigIntegerField(default=0)
    output_tokens = models.BigIntegerField(default=0)
    succeeded = models.IntegerField(default=0)
    not_found = models.IntegerField(default=0)
    stopped = models.IntegerField(default=0)
    failed = models.IntegerField(default=0)
    grounded = models.IntegerField(default=0)
    ungrounded = models.IntegerField(default=0)

    class Meta:
        abstract = True


class Quarter(_Counts):
    """A quarter of an hour of the workspace: days of every time zone are made of whole ones."""

    starts_at = models.DateTimeField()
    kind = models.CharField(max_length=20)
    model = models.CharField(max_length=80, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["starts_at", "kind", "model"], name="quarter_once")
        ]

    def __str__(self) -> str:
        return f"{self.starts_at:%Y-%m-%d %H:%M} {self.kind} {self.model}"


class MemberDay(_Counts):
    """A day, in UTC, of one member."""

    on = models.DateField()
    member_id = models.UUIDField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["on", "member_id"], name="member_day_once")
        ]

    def __str__(self) -> str:
        return f"{self.member_id} {self.on}"


class KeyDay(_Counts):
    """A day, in UTC, of one API key."""

    on = models.DateField()
    api_key_id = models.UUIDField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["on", "api_key_id"], name="key_day_once")
        ]

    def __str__(self) -> str:
        return f"{self.api_key_id} {self.on}"


class Speed(models.Model):
    """How many answers of a day, in UTC, took as long as the bucket says (`usage.sums`)."""

    on = models.DateField()
    bucket = models.SmallIntegerField()
    answers = models.BigIntegerField(default=0)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["on", "bucket"], name="speed_once")
        ]

    def __str__(self) -> str:
        return f"{self.on} {self.bucket}: {self.answers}"


class Difference(models.Model):
    """An alarm: what is kept is not what the rows add up to. It stays until somebody has looked into it."""

    subject = models.CharField(max_length=200)
    name = models.CharField(max_length=20)
    kept = models.BigIntegerField()
    derived = models.BigIntegerField()
    found_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["subject", "name"], name="difference_once")
        ]

    def __str__(self) -> str:
        return f"{self.subject}: {self.name} is {self.kept} and should be {self.derived}"
