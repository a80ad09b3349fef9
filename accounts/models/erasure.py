import uuid
from typing import ClassVar

from django.db import models
from django.utils import timezone


class ErasureCertificate(models.Model):
    """What was counted of a workspace or a person before they were erased, and the zero that was counted after. It
    holds an id and numbers; whom to tell, and what to look for, only until it is given."""

    class Kind(models.TextChoices):
        WORKSPACE = "workspace"
        ACCOUNT = "account"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=9, choices=Kind.choices)
    # No foreign key: it is gone.
    subject_id = models.UUIDField()
    begun_at = models.DateTimeField(default=timezone.now)
    # By store.
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    checked_at = models.DateTimeField(null=True, blank=True)
    given_at = models.DateTimeField(null=True, blank=True)
    traces = models.JSONField(default=dict)
    tells = models.JSONField(default=dict)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["kind", "subject_id"], name="one_certificate_for_each"),
            models.CheckConstraint(
                condition=models.Q(given_at=None) | models.Q(traces={}, tells={}),
                name="a_given_certificate_names_nobody",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["begun_at"], condition=models.Q(given_at=None), name="certificate_to_give")
        ]

    def __str__(self) -> str:
        return f"certificate of {self.kind} {self.subject_id}"

    @property
    def left(self) -> dict[str, int]:
        """What the last look has found still there."""
        return {store: number for store, number in self.after.items() if number}
