"""Writing down, when work was charged, what staff may know of a workspace's use. Outside of its schema."""

from django.db import transaction
from django.utils import timezone

from accounts import tenancy
from billing.effective import effective
from billing.models import Subscription, WorkspaceFigures
from usage import periods


def note() -> None:
    """When the transaction that charges is through, which no failure here undoes."""
    transaction.on_commit(_note, robust=True)


def _note() -> None:
    workspace_id, now = tenancy.active_workspace_id(), timezone.now()
    if workspace_id is None:
        return
    subscription = Subscription.objects.get(workspace_id=workspace_id)
    used = periods.present(effective(subscription, now).period, now=now).values_list("requests_used", "tokens_used")
    requests, tokens = (sum(column) for column in zip((0, 0), *used, strict=True))
    read = {"requests": requests, "tokens": tokens}
    with tenancy.shared():
        mine = WorkspaceFigures.objects.filter(workspace_id=workspace_id)
        if not mine.filter(noted_at__lte=now).update(**read, noted_at=now):
            new = WorkspaceFigures(workspace_id=workspace_id, **read, noted_at=now)
            WorkspaceFigures.objects.bulk_create([new], ignore_conflicts=True)
