import uuid
from datetime import datetime
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from .workspace import Membership


class ApiKey(models.Model):
    """What a program shows instead of signing in: a member's own, in one workspace. It ends with the membership.

    Of the key itself only a digest is kept, and what it begins and ends with, by which people know it again.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # The database itself cascades (see the migration): one that is made while its member is removed goes too. Django
    # would delete keys before their member, and who makes one locks the member first.
    membership = models.ForeignKey(
        Membership, on_delete=models.DO_NOTHING, db_constraint=False, related_name="api_keys"
    )
    name = models.CharField(max_length=80)
    start = models.CharField(max_length=15, unique=True)
    ending = models.CharField(max_length=4)
    digest = models.CharField(max_length=64)
    scopes = ArrayField(models.CharField(max_length=40))
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=models.Q(scopes__len__gt=0), name="api_key_has_scopes"),
            models.CheckConstraint(
                condition=models.Q(expires_at=None) | models.Q(expires_at__gt=models.F("created_at")),
                name="api_key_expires_after_it_was_made",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.start}…{self.ending}"

    def is_expired(self, now: datetime) -> bool:
        return self.expires_at is not None and now >= self.expires_at
