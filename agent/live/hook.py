"""The subscription at Notion: the token that signs its events, and the moment in which a new one is accepted."""

import hashlib
import hmac
import re
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from accounts import sealed
from accounts.models import NotionHook
from config.errors import AppError

WINDOW = timedelta(minutes=30)
SIGNATURE = re.compile(r"sha256=([0-9a-f]{64})", re.ASCII)
TOKEN = re.compile(r"[!-~]{8,200}", re.ASCII)


class NotFromNotion(AppError):
    code = "bad-signature"
    status = 401


class NotAwaited(AppError):
    """Nobody asked for a token, or one works already."""

    code = "not-awaited"
    status = 403


class TokenHeld(AppError):
    code = "token-held"
    status = 409


def token() -> str:
    """Empty when there is no subscription yet."""
    if settings.NOTION_WEBHOOK_TOKEN:
        return str(settings.NOTION_WEBHOOK_TOKEN)
    hook = NotionHook.objects.filter(pk=1).first()
    return _unsealed(hook) if hook else ""


def is_set_up() -> bool:
    return bool(settings.NOTION_WEBHOOK_TOKEN) or NotionHook.objects.exclude(sealed_token="").exists()


def check_signature(body: bytes, signature: str, *, key: str) -> None:
    """Over the bytes as they came, before anything reads them."""
    given = SIGNATURE.fullmatch(signature)
    expected = hmac.new(key.encode(), body, hashlib.sha256).hexdigest()
    if not key or given is None or not hmac.compare_digest(given[1], expected):
        raise NotFromNotion("The signature does not fit. Events are accepted from Notion alone.")


def open_window(*, now: datetime, replaces: bool = False) -> datetime:
    """Accept one token until the moment that is answered. What works is only replaced on purpose."""
    if settings.NOTION_WEBHOOK_TOKEN:
        raise TokenHeld("NOTION_WEBHOOK_TOKEN is set, so no other token is accepted.")
    with transaction.atomic():
        hook = _locked()
        if hook.sealed_token and not replaces:
            raise TokenHeld("There is a token already. Say that it is to be replaced, if it is.")
        hook.waits_until = now + WINDOW
        hook.save()
    return now + WINDOW


def close_window() -> None:
    NotionHook.objects.filter(pk=1).update(waits_until=None)


def accept(given: str, *, now: datetime) -> None:
    """The token that Notion sends once. The window closes with it."""
    with transaction.atomic():
        hook = _locked()
        if settings.NOTION_WEBHOOK_TOKEN or hook.waits_until is None or hook.waits_until <= now:
            raise NotAwaited("No verification token is awaited now.")
        hook.sealed_token = sealed.seal(given, workspace_id=NotionHook.OWNER, place=NotionHook.PLACE)
        hook.waits_until, hook.received_at = None, now
        hook.save()


def _locked() -> NotionHook:
    NotionHook.objects.bulk_create([NotionHook()], ignore_conflicts=True)
    return NotionHook.objects.select_for_update().get(pk=1)


def _unsealed(hook: NotionHook) -> str:
    if not hook.sealed_token:
        return ""
    return sealed.unseal(hook.sealed_token, workspace_id=NotionHook.OWNER, place=NotionHook.PLACE)
