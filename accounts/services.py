"""What can be done with accounts that needs no knowledge of plans."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import transaction
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

from accounts import audit, mails
from accounts.idempotency import KEPT
from accounts.models import ApiKey, AuditAction, IdempotentAnswer, Membership, OAuthState, User, Workspace
from accounts.names import cleaned
from accounts.permissions import check_can_change_settings
from config.errors import AppError, InvalidField

# As long as usage can be looked at, which names what a key has used.
REVOKED_KEPT = timedelta(days=366)
CONFIGURABLE = ("timezone", "language", "model", "email_notifications", "default_sharing")


def configure(*, user: User, **choices: Any) -> User:
    """Change the member's own settings, those that are given."""
    chosen = [name for name in CONFIGURABLE if name in choices]
    for name in chosen:
        value = choices[name]
        setattr(user, name, {**user.email_notifications, **value} if name == "email_notifications" else value)
    if chosen:
        user.save(update_fields=chosen)
    return user


def rename_user(*, user: User, name: str) -> None:
    user.name = cleaned(name)
    user.save(update_fields=["name"])


def change_profile(*, user: User, name: str, timezone: str) -> None:
    """An empty time zone: the one it was."""
    user.name, user.timezone = cleaned(name), timezone or user.timezone
    user.save(update_fields=["name", "timezone"])


def choose_theme(*, user: User, theme: str) -> None:
    if theme in User.Theme.values:
        user.theme = theme
        user.save(update_fields=["theme"])


def rename_workspace(*, workspace: Workspace, name: str, by: Membership) -> None:
    check_can_change_settings(by)
    workspace.name = cleaned(name)
    if not workspace.name:
        raise InvalidField("Give the workspace a name that can be seen.", pointer="/name")
    with transaction.atomic():
        before = Workspace.objects.select_for_update(no_key=True).values_list("name", flat=True).get(pk=workspace.pk)
        workspace.save(update_fields=["name"])
        note_settings(by, {"name": before}, {"name": workspace.name})


def note_settings(by: Membership, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """For the audit log, what is another now."""
    if before != after:
        audit.record(AuditAction.SETTINGS_CHANGED, workspace_id=by.workspace_id, by=by.user, before=before, after=after)


class NoSuchAccount(AppError):
    code = "no-account"
    status = 404


def account(*, email: str) -> User:
    user = User.objects.filter(email=email.strip().lower()).first()
    if user is None:
        raise NoSuchAccount(f"There is no account with the address {email}.")
    return user


def set_staff(*, email: str, is_staff: bool) -> User:
    user = account(email=email)
    user.is_staff = is_staff
    user.save(update_fields=["is_staff"])
    return user


def forget_expired(*, now: datetime) -> None:
    """Delete what has only a limited life: states, tokens, sessions, answers kept for retries, keys that were ended."""
    OAuthState.objects.filter(expires_at__lt=now).delete()
    OutstandingToken.objects.filter(expires_at__lt=now).delete()
    IdempotentAnswer.objects.filter(created_at__lt=now - KEPT).delete()
    ApiKey.objects.filter(revoked_at__lt=now - REVOKED_KEPT).delete()
    Session.objects.filter(expire_date__lt=now).delete()
    UserSession.objects.exclude(session_key__in=Session.objects.values("session_key")).delete()
    mails.forget_old(now=now)
