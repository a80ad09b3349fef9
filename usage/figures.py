"""Writing down, when work was charged, what staff may know of a workspace's use. Outside of its schema."""

from django.db import transaction
from django.db.models import Max, Sum
from django.utils import timezone

from accounts import tenancy
from billing.models import WorkspaceFigures
from usage.models import Period


def note() -> None:
    """When the transaction that charges is through, which no failure here undoes."""
    transaction.on_commit(_note, robust=True)


def _note() -> None:
    workspace_id, now = tenancy.active_workspace_id(), timezone.now()
    if workspace_id is None:
        return
    present = Period.objects.filter(starts_at__lte=now, ends_at__gt=now)
    read = present.aggregate(requests=Sum("requests_used"), tokens=Sum("tokens_used"), ends_at=Max("ends_at"))
    if read["ends_at"] is None:
        return
    with tenancy.shared():
        mine = WorkspaceFigures.objects.filter(workspace_id=workspace_id)
        if not mine.filter(noted_at__lte=now).update(**read, noted_at=now):
            new = WorkspaceFigures(workspace_id=workspace_id, **read, noted_at=now)
            WorkspaceFigures.objects.bulk_create([new], ignore_conflicts=True)
