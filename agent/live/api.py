import json
from typing import Any

import kombu.exceptions
from django.db import transaction
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.edge import PublicAPI, TooLarge
from agent.live import events, hook, jobs
from billing.api.described import ReceivedFields
from config.parsers import refuse_odd

MOST_BYTES = 256_000


class FromNotion(PublicAPI):
    """Events of Notion: verified, stored once, and answered at once. A worker does the rest."""

    @extend_schema(request=OpenApiTypes.OBJECT, responses=ReceivedFields)
    def post(self, request: Request) -> Response:
        body = request._request.body
        if len(body) > MOST_BYTES:
            raise TooLarge(f"An event may have {MOST_BYTES:,} bytes.")
        signature = request.headers.get("X-Notion-Signature", "")
        now, held = timezone.now(), hook.token()
        if is_handshake(body):
            _shake_hands(read(body), body, signature)
            return Response({"received": True})
        hook.check_signature(body, signature, key=held)
        payload = read(body)
        with transaction.atomic():
            is_new = events.store(payload, now=now)
        if is_new:
            _wake()
        return Response({"received": True})


def is_handshake(body: bytes) -> bool:
    """Notion sends its token alone, so this is known without reading more than a glance."""
    return len(body) < 1_000 and body.lstrip().startswith(b"{") and b'"verification_token"' in body


def _shake_hands(payload: dict[str, Any], body: bytes, signature: str) -> None:
    given = payload.get("verification_token")
    if len(payload) != 1 or not isinstance(given, str) or not hook.TOKEN.fullmatch(given):
        raise events.Malformed("A handshake has a verification token and nothing else.")
    # It is signed by what it brings, which proves only that it came whole.
    hook.check_signature(body, signature, key=given)
    hook.accept(given, now=timezone.now())


def read(body: bytes) -> dict[str, Any]:
    try:
        payload = json.loads(body.decode())
        refuse_odd(payload)
    except (ValueError, RecursionError) as error:
        raise events.Malformed("The body is not JSON that can be read.") from error
    if not isinstance(payload, dict):
        raise events.Malformed("An event is a JSON object.")
    return payload


def _wake() -> None:
    try:
        jobs.take_events.apply_async(retry=False)
    except (kombu.exceptions.OperationalError, OSError):
        # The clock wakes a worker too.
        return
