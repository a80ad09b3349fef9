from django.db import models

from accounts.models import Workspace


class WorkspaceFigures(models.Model):
    """What a workspace has used in its present period, as `usage.figures` noted it last: what staff may see of it."""

    workspace = models.OneToOneField(Workspace, primary_key=True, on_delete=models.CASCADE, related_name="figures")
    requests = models.BigIntegerField()
    tokens = models.BigIntegerField()
    # When they were read: older ones never stand over newer ones.
    noted_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "workspace figures"

    def __str__(self) -> str:
        return f"{self.requests} requests of {self.workspace_id}"
