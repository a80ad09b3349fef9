"""Where somebody is signed in with a browser. What programs hold are tokens, which end with the others."""

import re
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib.auth import HASH_SESSION_KEY, update_session_auth_hash
from django.contrib.sessions.models import Session
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

from accounts import audit
from accounts.models import AuditAction, User
from accounts.session_store import BEGAN

# In the order in which they are looked for: each of the first names itself as the last ones too.
BROWSERS = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrom", "Chrome"), ("Safari", "Safari"))
SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


@dataclass(frozen=True)
class Place:
    """One browser. `browser` is what it says of itself, in words, or nothing."""

    id: int
    browser: str
    address: str
    since: datetime
    is_this: bool


def note_beginning(request: HttpRequest, **_: Any) -> None:
    request.session[BEGAN] = int(time.time())


def places(request: HttpRequest, user: User) -> list[Place]:
    """This browser first, then the newest. Constant number of queries."""
    known = {each.session_key: each for each in UserSession.objects.filter(user=user)}
    if request.session.session_key not in known:
        UserSession.objects.create_from_request(request)
        known = {each.session_key: each for each in UserSession.objects.filter(user=user)}
    alive = [known[session.pk] for session in _alive(user, known)]
    this = request.session.session_key
    alive.sort(key=lambda each: (each.session_key == this, each.created_at), reverse=True)
    return [
        Place(each.pk, named(each.user_agent), each.ip, each.created_at, each.session_key == this) for each in alive
    ]


def _alive(user: User, keys: Any) -> list[Session]:
    """A new password leaves the rows of the sessions that it has ended."""
    good = user.get_session_auth_hash()
    sessions = Session.objects.filter(session_key__in=list(keys), expire_date__gt=timezone.now())
    return [each for each in sessions if constant_time_compare(each.get_decoded().get(HASH_SESSION_KEY, ""), good)]


def end(user: User, place_id: str) -> bool:
    """That one alone. False when it is none of this user's, or over already."""
    is_one = re.fullmatch("[0-9]{1,18}", place_id)
    place = UserSession.objects.filter(user=user, pk=place_id).first() if is_one else None
    if place is None:
        return False
    with transaction.atomic():
        place.end()
        audit.record_everywhere(AuditAction.SIGNED_OUT, user, by=user)
    return True


def end_others(request: HttpRequest, user: User) -> None:
    """Every session but this one, and every token."""
    with transaction.atomic():
        before = request.session.session_key
        user.end_all_tokens()
        user.end_sessions()
        update_session_auth_hash(request, user)
        UserSession.objects.filter(user=user).exclude(session_key=before).delete()
        UserSession.objects.filter(session_key=before).update(session_key=request.session.session_key)


def end_all(user: User) -> None:
    """Every session and every token, with what is kept of them."""
    with transaction.atomic():
        user.end_all_tokens()
        user.end_sessions()
        keys = UserSession.objects.filter(user=user).values_list("session_key", flat=True)
        Session.objects.filter(session_key__in=list(keys)).delete()
        UserSession.objects.filter(user=user).delete()
        OutstandingToken.objects.filter(user=user).delete()


def named(user_agent: str) -> str:
    found = [next((name for sign, name in signs if sign in user_agent), "") for signs in (BROWSERS, SYSTEMS)]
    return ", ".join(filter(None, found))
