from typing import ClassVar

from django.db import models

from .user import User
from .workspace import Workspace


class IdempotentAnswer(models.Model):
    """The answer already given to an `Idempotency-Key`; empty while the first request is still at work."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE)
    user = models.ForeignKey(User, on_delete=models.CASCADE)
    key = models.CharField(max_length=200)
    # Method, address and body: the same key with another request is refused.
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    headers = models.JSONField(default=dict)
    body = models.TextField(blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["workspace", "user", "key"], name="idempotency_key_is_unique")
        ]

    def __str__(self) -> str:
        return self.key
