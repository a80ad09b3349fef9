"""Stripe: the one client, its pinned version, and what a delivered event has to prove.

Objects of this library are no dicts: `obj["items"]` and attributes work, `.get` does not.
"""

from collections.abc import Sequence
from typing import Final

import stripe
from stripe import StripeClient, StripeError

API = "https://api.stripe.com"
# Events carry the version of their endpoint, so `stripe_setup` makes the endpoint with this one too.
VERSION: Final = "2026-10-28.endive"
TIMEOUT_SECONDS = 20
# Of what only makes a page fuller.
BRIEF_SECONDS = 4
TOLERANCE_SECONDS = 300

__all__ = ["API", "VERSION", "BadSignature", "StripeClient", "StripeError", "client", "verified"]


class BadSignature(Exception):
    """The body does not come from Stripe, or is too old."""


def client(*, key: str, url: str = API, is_brief: bool = False) -> StripeClient:
    """Repeats what failed on the way twice; every POST is given an idempotency key by who sends it.

    A brief one is for what somebody waits to see and can do without: it asks once, and not for long.
    """
    return StripeClient(
        key,
        stripe_version=VERSION,
        base_addresses={"api": url, "files": url, "connect": url, "meter_events": url},
        max_network_retries=0 if is_brief else 2,
        http_client=stripe.RequestsClient(timeout=BRIEF_SECONDS if is_brief else TIMEOUT_SECONDS),
    )


def verified(body: bytes, signature: str, *, secrets: Sequence[str]) -> stripe.Event:
    """The event, when one of the secrets has signed it within the last five minutes. Raises BadSignature."""
    for secret in secrets:
        try:
            event: stripe.Event = stripe.Webhook.construct_event(body, signature, secret, tolerance=TOLERANCE_SECONDS)
            if not {"id", "type", "data", "livemode"} <= set(event.to_dict()):
                raise BadSignature("The body is no event.")
            return event
        except stripe.SignatureVerificationError:
            continue
        except ValueError as error:
            raise BadSignature("The body is not JSON.") from error
    raise BadSignature("No signature of ours, or one of more than five minutes ago.")
