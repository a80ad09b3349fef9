from typing import ClassVar

from django.db import models

from .workspace import Workspace


class ModelChoice(models.Model):
    """Which model answers in a workspace: one that the installation offers, or one of its own with a key of its own."""

    workspace = models.OneToOneField(Workspace, primary_key=True, on_delete=models.CASCADE, related_name="model_choice")
    # As answers name it.
    name = models.CharField(max_length=80)
    # Of its own model alone.
    kind = models.CharField(max_length=9, blank=True)
    url = models.CharField(max_length=500, blank=True)
    sealed_key = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=models.Q(kind="", url="", sealed_key="") | ~models.Q(kind="") & ~models.Q(url=""),
                name="model_choice_is_whole",
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_own(self) -> bool:
        return bool(self.kind)

    @property
    def place(self) -> str:
        """Where the key belongs: it opens for no other row, and is sent to no other address."""
        return f"accounts_modelchoice.key:{self.workspace_id}:{self.kind}:{self.url}"
