"""Asking for an export, making it in a worker, and reading it for a day."""

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from zipfile import ZIP_DEFLATED, ZipFile

from django.db import transaction
from django.db.models import QuerySet

from accounts import audit, background, tenancy
from accounts.models import AuditAction, Membership, Workspace
from agent.exports import contents
from agent.models import Export, ExportPart
from config.errors import AppError

KEPT = timedelta(days=1)
PART_BYTES = 1_000_000


class NoExport(AppError):
    """Also said of others' exports."""

    code = "not-found"
    status = 404


class TakenBack(Exception):
    """An export that is being made is not wanted any more; its worker stops."""


class ExportNotReady(AppError):
    code = "export-not-ready"
    status = 409


def ask(*, membership: Membership, now: datetime) -> Export:
    """Have it made. While one is at work, that one."""
    from agent.jobs import export, forget_exports

    with transaction.atomic():
        made = Export(owner_id=membership.user_id, created_at=now)
        Export.objects.bulk_create([made], ignore_conflicts=True)
        found = newest(membership=membership, now=now)
        if found is None or found.pk != made.pk:
            return found or made
        where, key = membership.workspace_id, str(made.pk)
        audit.record(AuditAction.EXPORT_ASKED, workspace_id=where, by=membership.user, about=key)
        background.enqueue(export, workspace_id=where, key=f"export {key}", export_id=key)
        background.enqueue(forget_exports, workspace_id=where, due_at=now + KEPT)
    return made


def newest(*, membership: Membership, now: datetime) -> Export | None:
    return _readable(membership, now).order_by("-created_at").first()


def get(*, membership: Membership, export_id: uuid.UUID, now: datetime) -> Export:
    """One that can be read. Raises NoExport or ExportNotReady."""
    export = _readable(membership, now).filter(pk=export_id).first()
    if export is None:
        raise NoExport("There is no such export. Each is kept for a day.")
    if export.status != Export.Status.READY:
        raise ExportNotReady("This export is not ready." if export.status == Export.Status.WORKING else "It failed.")
    return export


def download(*, membership: Membership, export_id: uuid.UUID, now: datetime) -> Export:
    """As `get`, for who is sent its bytes; the audit log tells of it."""
    export = get(membership=membership, export_id=export_id, now=now)
    audit.record_download(AuditAction.EXPORT_DOWNLOADED, by=membership, about=export.pk)
    return export


def expires_at(export: Export) -> datetime:
    return export.created_at + KEPT


def data(export: Export, *, workspace: Workspace) -> Iterator[bytes]:
    """Its bytes, read part by part while they are sent; the request has left the workspace by then."""
    with tenancy.within(workspace):
        numbers = list(export.parts.order_by("number").values_list("number", flat=True))
    for number in numbers:
        with tenancy.within(workspace):
            part = bytes(export.parts.get(number=number).data)
        yield part


def build(*, export_id: uuid.UUID, now: datetime) -> None:
    """The job. Repeated, it begins anew; what is over, or was taken back, is left alone."""
    export = Export.objects.filter(pk=export_id, status=Export.Status.WORKING).first()
    if export is None:
        return
    workspace_id = tenancy.active_workspace_id()
    assert workspace_id is not None
    with tenancy.shared():
        members = Membership.objects.select_related("workspace", "user")
        by = members.filter(workspace_id=workspace_id, user_id=export.owner_id).first()
    if by is None:
        export.delete()
        return
    export.parts.all().delete()
    out = _Parts(export)
    try:
        with ZipFile(out, "w", ZIP_DEFLATED) as archive:
            contents.write(archive, by=by, now=now)
        out.close()
    except TakenBack:
        return
    with transaction.atomic():
        _delete(Export.objects.filter(owner_id=export.owner_id).exclude(pk=export.pk))
        Export.objects.filter(pk=export.pk).update(status=Export.Status.READY, ready_at=now, size=out.size)


def give_up(*, export_id: str) -> None:
    Export.objects.filter(pk=export_id, status=Export.Status.WORKING).update(status=Export.Status.FAILED)


def forget(*, made_before: datetime) -> None:
    """With what they hold. One that is being made goes too: its worker finds no place for the next part."""
    _delete(Export.objects.filter(created_at__lt=made_before))


@transaction.atomic
def _delete(exports: QuerySet[Export]) -> None:
    """A worker keeps each part under a lock on its export, so none comes between the parts' end and the export's."""
    locked = list(exports.order_by("pk").select_for_update().values_list("pk", flat=True))
    Export.objects.filter(pk__in=locked).delete()


def _readable(membership: Membership, now: datetime) -> QuerySet[Export]:
    return Export.objects.filter(owner_id=membership.user_id, created_at__gt=now - KEPT)


class _Parts:
    """A file that can only be written, as rows."""

    def __init__(self, export: Export) -> None:
        self.export = export
        self.size = 0
        self._number = 0
        self._waiting = bytearray()

    def write(self, data: bytes) -> int:
        self._waiting += data
        while len(self._waiting) >= PART_BYTES:
            self._keep(PART_BYTES)
        return len(data)

    def flush(self) -> None:
        return None

    def close(self) -> None:
        self._keep(len(self._waiting))

    def _keep(self, count: int) -> None:
        background.renew_lease()
        with transaction.atomic():
            if not Export.objects.select_for_update(no_key=True).filter(pk=self.export.pk):
                raise TakenBack
            ExportPart.objects.create(export=self.export, number=self._number, data=bytes(self._waiting[:count]))
        del self._waiting[:count]
        self._number += 1
        self.size += count
