import uuid
from typing import ClassVar

from django.db import models
from django.utils import timezone

from .workspace import Workspace


class Job(models.Model):
    """Work that must happen: written with the change that asks for it, deleted when done.

    The broker only wakes a worker. A worker holds a job by a lease; a lease that runs out means that the worker died.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE)
    name = models.CharField(max_length=80)
    queue = models.CharField(max_length=16)
    arguments = models.JSONField(default=dict)
    # At most one waiting or running job of this name and key in a workspace.
    key = models.CharField(max_length=80, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField(default=timezone.now)
    leased_until = models.DateTimeField(null=True, blank=True)
    lease = models.UUIDField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    failed_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["workspace", "name", "key"],
                condition=~models.Q(key="") & models.Q(failed_at=None),
                name="job_once_per_key",
            )
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["due_at"], condition=models.Q(failed_at=None), name="job_due")
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.id}"
