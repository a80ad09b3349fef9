"""Stripe: the one client, its pinned version, and what a delivered event has to prove.

Objects of this library are no dicts: `obj["items"]` and attributes work, `.get` does not.
"""

import functools
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

import requests
import stripe
from requests.utils import get_environ_proxies
from stripe import StripeClient, StripeError

from integrations.stripe import alive

API = "https://api.stripe.com"
# Events carry the version of their endpoint, so `stripe_setup` makes the endpoint with this one too.
VERSION: Final = "2026-10-28.endive"
TIMEOUT_SECONDS = 10
# Of what only makes a page fuller.
BRIEF_SECONDS = 4
TOLERANCE_SECONDS = 300
LONGEST_ID, LONGEST_TYPE = 64, 80

__all__ = [
    "API",
    "VERSION",
    "BadSignature",
    "NoEvent",
    "StripeClient",
    "StripeError",
    "brief_client",
    "client",
    "verified",
]


class BadSignature(Exception):
    """The body does not come from Stripe, or is too old."""


class NoEvent(Exception):
    """It comes from who has the secret, and is none of Stripe's events."""


@functools.lru_cache(maxsize=8)
def client(*, key: str, url: str = API) -> StripeClient:
    """Repeats what failed on the way once; every POST is given an idempotency key by who sends it."""
    return _client(key, url, _session(url, TIMEOUT_SECONDS), retries=1, seconds=TIMEOUT_SECONDS)


@contextmanager
def brief_client(*, key: str, url: str = API) -> Iterator[StripeClient]:
    """For what somebody waits to see and can do without: it asks once, and not for long, over connections of its own,
    since a kept one may have been dropped on the way without a word."""
    with _session(url, BRIEF_SECONDS) as session:
        yield _client(key, url, session, retries=0, seconds=BRIEF_SECONDS)


def _client(key: str, url: str, session: requests.Session, *, retries: int, seconds: int) -> StripeClient:
    return StripeClient(
        key,
        stripe_version=VERSION,
        base_addresses={"api": url, "files": url, "connect": url, "meter_events": url},
        max_network_retries=retries,
        http_client=stripe.RequestsClient(timeout=seconds, session=session),
    )


def _session(url: str, seconds: float) -> requests.Session:
    """Looks for proxies in the environment once: to do so for each request takes as long as all else of it."""
    session = requests.Session()
    session.hooks["response"] += [_whole_in(seconds), alive.note]
    session.trust_env = False
    session.proxies.update(get_environ_proxies(url))
    return session


def _whole_in(seconds: float) -> Callable[..., None]:
    """The library's timeout is for each piece: a body that trickles in would be waited for without end."""

    def read(answer: requests.Response, **_more: Any) -> None:
        is_late = threading.Event()

        def stop() -> None:
            is_late.set()
            # It has just been read.
            with suppress(RuntimeError, ValueError, OSError):
                answer.raw.shutdown()

        timer = threading.Timer(seconds, stop)
        timer.start()
        try:
            _ = answer.content
        except requests.RequestException as error:
            if is_late.is_set():
                raise requests.ReadTimeout(f"the body took longer than {seconds} seconds") from error
            raise
        finally:
            timer.cancel()

    return read


def verified(body: bytes, signature: str, *, secrets: Sequence[str]) -> stripe.Event:
    """The event, when one of the secrets has signed it within the last five minutes. Raises BadSignature or NoEvent."""
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise NoEvent("The body is not UTF-8.") from error
    if not any(_has_signed(secret, text, signature) for secret in secrets):
        raise BadSignature("No signature of ours, or one of more than five minutes ago.")
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NoEvent("The body is not JSON.") from error
    if not _is_event(given):
        raise NoEvent("The body is no event.")
    return stripe.Event.construct_from(given, None)


def _has_signed(secret: str, text: str, signature: str) -> bool:
    try:
        stripe.WebhookSignature.verify_header(text, signature, secret, TOLERANCE_SECONDS)
    except (stripe.SignatureVerificationError, ValueError, OverflowError):
        return False
    return True


def _is_event(given: object) -> bool:
    """The parts of it that we read are what they should be, and fit where they are kept."""
    match given:
        case {"object": "event", "id": key, "type": kind, "livemode": bool(), "data": {"object": dict(thing)}}:
            customer = thing.get("customer")
            about = customer["id"] if isinstance(customer, dict) and "id" in customer else customer or ""
            is_named = bool(key and kind)
            return (
                is_named and _is_kept(key, LONGEST_ID) and _is_kept(kind, LONGEST_TYPE) and _is_kept(about, LONGEST_ID)
            )
    return False


def _is_kept(text: object, longest: int) -> bool:
    return isinstance(text, str) and len(text) <= longest and text.isprintable()
