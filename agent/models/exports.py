import uuid
from typing import ClassVar

from django.db import models
from django.utils import timezone


class Export(models.Model):
    """What a member may read, as one file. It stands in the workspace's own schema, so no web process needs a disk."""

    class Status(models.TextChoices):
        WORKING = "working"
        READY = "ready"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner_id = models.UUIDField()
    status = models.CharField(max_length=7, choices=Status.choices, default=Status.WORKING)
    created_at = models.DateTimeField(default=timezone.now)
    ready_at = models.DateTimeField(null=True)
    size = models.BigIntegerField(default=0)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["owner_id"], condition=models.Q(status="working"), name="one_export_at_work_for_each"
            )
        ]

    def __str__(self) -> str:
        return f"export {self.id}"


class ExportPart(models.Model):
    export = models.ForeignKey(Export, on_delete=models.CASCADE, related_name="parts")
    number = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["export", "number"], name="export_part_once")
        ]

    def __str__(self) -> str:
        return f"part {self.number} of {self.export_id}"
