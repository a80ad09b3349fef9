"""`Idempotency-Key`: a request that is sent again gets the answer of the first one, and is not done twice."""

import hashlib
import json
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.http import HttpResponseBase
from django.utils import timezone
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import tenancy
from accounts.models import IdempotentAnswer, Membership
from config.errors import AppError, InvalidField

KEPT = timedelta(hours=24)
# A first request that has said nothing for so long died with its process; the next one takes its place.
LOST_AFTER = timedelta(minutes=5)
LONGEST_KEY = 200
NOT_KEPT_HEADERS = {"allow", "vary", "content-length", "set-cookie"}


class StillRunning(AppError):
    code = "idempotency-in-progress"
    status = 409


class OtherRequest(AppError):
    code = "idempotency-mismatch"
    status = 422


class Replay(Exception):
    """No error: it ends the view early, with the kept answer."""

    def __init__(self, answer: IdempotentAnswer) -> None:
        super().__init__(answer)
        self.answer = answer


def key_of(request: Request) -> str:
    key = request.headers.get("Idempotency-Key", "").strip() if request.method == "POST" else ""
    if len(key) > LONGEST_KEY or not key.isascii() or not (key.isprintable() or not key):
        raise InvalidField(
            f"An idempotency key has at most {LONGEST_KEY} printable characters.", pointer="/Idempotency-Key"
        )
    return key


def begin(request: Request, membership: Membership, key: str) -> IdempotentAnswer:
    """Claim the key for this request. Raises Replay with the kept answer, StillRunning or OtherRequest."""
    now = timezone.now()
    claim = IdempotentAnswer(
        workspace=membership.workspace, user=membership.user, key=key, fingerprint=_fingerprint(request), created_at=now
    )
    mine = IdempotentAnswer.objects.filter(workspace=membership.workspace, user=membership.user, key=key)
    try:
        with transaction.atomic():
            mine.filter(created_at__lt=now - KEPT).delete()
            claim.save(force_insert=True)
        return claim
    except IntegrityError:
        stored = mine.first()
    if stored is not None and stored.fingerprint != claim.fingerprint:
        raise OtherRequest("This idempotency key was used for another request. Take a new key.")
    if stored is not None and mine.filter(status=None, created_at__lt=now - LOST_AFTER).update(created_at=now):
        # With the id of the first one: what that one has done already is found by it.
        return stored
    if stored is None or stored.status is None:
        raise StillRunning("The first request with this key is still at work. Try again soon.", retry_after=2)
    raise Replay(stored)


def _fingerprint(request: Request) -> str:
    """Only a digest is kept, so a secret in the body stays nowhere."""
    raw = request._request
    digest = hashlib.sha256(f"{raw.method} {raw.get_full_path()}\n".encode())
    digest.update(raw.body)
    return digest.hexdigest()


def end(claim: IdempotentAnswer, response: HttpResponseBase, *, keeps: bool) -> None:
    """Keep what was done. A refusal changed nothing, so the same key may try again; a stream cannot be kept.

    Of an answer with a secret the claim alone stays, as one that was lost: the same request is done again.
    """
    with tenancy.shared():
        mine = IdempotentAnswer.objects.filter(pk=claim.pk)
        if response.status_code >= 400 or response.streaming:
            mine.delete()
            return
        if not keeps:
            mine.update(created_at=timezone.now() - LOST_AFTER)
            return
        body = JSONRenderer().render(response.data).decode() if isinstance(response, Response) else ""
        headers = {name: value for name, value in response.items() if name.lower() not in NOT_KEPT_HEADERS}
        mine.update(status=response.status_code, headers=headers, body=body)


def replayed(answer: IdempotentAnswer) -> Response:
    data = json.loads(answer.body) if answer.body not in {"", "null"} else None
    return Response(data, status=answer.status, headers={**answer.headers, "Idempotency-Replayed": "true"})
