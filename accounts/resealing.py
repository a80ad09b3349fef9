"""Changing the key under which secrets are kept."""

import uuid
from dataclasses import dataclass, field

from django.db import transaction

from accounts import sealed
from accounts.models import Connection, NotionHook

# Columns with sealed text, and the name each was sealed for.
COLUMNS = {"sealed_access_token": "access_token", "sealed_refresh_token": "refresh_token"}


@dataclass
class Result:
    resealed: int = 0
    current: int = 0
    unreadable: list[str] = field(default_factory=list)


def reseal() -> Result:
    """May be stopped and repeated: a row has either its old secrets or its new ones."""
    result = Result()
    for key in Connection.objects.values_list("pk", flat=True).order_by("pk"):
        try:
            is_changed = _reseal(key)
        except sealed.Unreadable:
            result.unreadable.append(str(key))
            continue
        result.resealed += is_changed
        result.current += not is_changed
    try:
        result.resealed += _reseal_hook()
    except sealed.Unreadable:
        result.unreadable.append(NotionHook.PLACE)
    return result


def _reseal_hook() -> bool:
    with transaction.atomic():
        hook = NotionHook.objects.select_for_update().exclude(sealed_token="").first()
        if hook is None or sealed.is_current(hook.sealed_token):
            return False
        text = sealed.unseal(hook.sealed_token, workspace_id=NotionHook.OWNER, place=NotionHook.PLACE)
        hook.sealed_token = sealed.seal(text, workspace_id=NotionHook.OWNER, place=NotionHook.PLACE)
        hook.save()
    return True


def outdated() -> int:
    hooks = NotionHook.objects.exclude(sealed_token="").values_list("sealed_token", flat=True)
    connections = Connection.objects.only("pk", *COLUMNS).iterator()
    return sum(bool(_old(each)) for each in connections) + sum(not sealed.is_current(each) for each in hooks)


def _reseal(key: uuid.UUID) -> bool:
    with transaction.atomic():
        # Locked, because a worker may be renewing the token at this moment.
        connection = Connection.objects.select_for_update().filter(pk=key).first()
        columns = _old(connection) if connection else []
        if connection is None or not columns:
            return False
        for column in columns:
            workspace_id, place = connection.workspace_id, connection.place(COLUMNS[column])
            text = sealed.unseal(getattr(connection, column), workspace_id=workspace_id, place=place)
            setattr(connection, column, sealed.seal(text, workspace_id=workspace_id, place=place))
        connection.save(update_fields=columns)
    return True


def _old(connection: Connection) -> list[str]:
    values = {column: getattr(connection, column) for column in COLUMNS}
    return [column for column, value in values.items() if value and not sealed.is_current(value)]
