"""Changing the key under which secrets are kept."""

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from allauth.mfa.models import Authenticator
from django.db import transaction
from django.db.models import QuerySet

from accounts import sealed, second_factor
from accounts.models import Connection, ModelChoice, NotionHook

Key = TypeVar("Key")
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
    _reseal_each(Connection.objects.values_list("pk", flat=True).order_by("pk"), _reseal, result)
    _reseal_each(_with_keys().values_list("pk", flat=True).order_by("pk"), _reseal_model_key, result)
    _reseal_each(Authenticator.objects.values_list("pk", flat=True).order_by("pk"), _reseal_factor, result)
    try:
        result.resealed += _reseal_hook()
    except sealed.Unreadable:
        result.unreadable.append(NotionHook.PLACE)
    return result


def _reseal_each(keys: Iterable[Key], reseal_row: Callable[[Key], bool], result: Result) -> None:
    for key in keys:
        try:
            is_changed = reseal_row(key)
        except sealed.Unreadable:
            result.unreadable.append(str(key))
            continue
        result.resealed += is_changed
        result.current += not is_changed


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
    factors = [each.data[second_factor.SECRETS[each.type]] for each in Authenticator.objects.all()]
    keys = _with_keys().values_list("sealed_key", flat=True)
    others = sum(not sealed.is_current(each) for each in [*hooks, *factors, *keys])
    return sum(bool(_old(each)) for each in connections) + others


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


def _reseal_factor(key: int) -> bool:
    with transaction.atomic():
        # Locked, because a recovery code may be used at this moment.
        factor = Authenticator.objects.select_for_update().filter(pk=key).first()
        if factor is None or sealed.is_current(factor.data[second_factor.SECRETS[factor.type]]):
            return False
        name, owner = second_factor.SECRETS[factor.type], factor.user_id
        text = sealed.unseal(factor.data[name], workspace_id=owner, place=second_factor.PLACE)
        factor.data[name] = sealed.seal(text, workspace_id=owner, place=second_factor.PLACE)
        factor.save(update_fields=["data"])
    return True


def _with_keys() -> QuerySet[ModelChoice]:
    return ModelChoice.objects.exclude(sealed_key="")


def _reseal_model_key(key: uuid.UUID) -> bool:
    with transaction.atomic():
        # Locked, because another key may be chosen at this moment.
        choice = _with_keys().select_for_update().filter(pk=key).first()
        if choice is None or sealed.is_current(choice.sealed_key):
            return False
        text = sealed.unseal(choice.sealed_key, workspace_id=choice.workspace_id, place=choice.place)
        choice.sealed_key = sealed.seal(text, workspace_id=choice.workspace_id, place=choice.place)
        choice.save(update_fields=["sealed_key"])
    return True


def _old(connection: Connection) -> list[str]:
    values = {column: getattr(connection, column) for column in COLUMNS}
    return [column for column, value in values.items() if value and not sealed.is_current(value)]
