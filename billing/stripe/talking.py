"""A talk with Stripe while somebody waits: how many at once, and what they are told when it goes wrong."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import stripe

from billing.gateways.contract import KnownSilent, Refused, Silent
from billing.stripe import paying, truth
from billing.stripe.setup import NotSetUp
from integrations.stripe import StripeError, alive, silence

log = logging.getLogger(__name__)
# Who may wait for Stripe in one process: fewer than its threads for payments, so that some are left for who does not.
ASKING = threading.BoundedSemaphore(2)
# As long as Stripe answers others meanwhile, who waits for a turn waits on, so many times.
TURN_SECONDS, TURNS = 1, 10


class CardRefused(Refused):
    code = "card-declined"
    status = 402


NOTHING_DONE = "Nothing was changed."
# An answer may be lost after the deed, or the first of two steps be done.
PERHAPS_DONE = "Whether it was done is not known yet: look at the plan again before you repeat it."


def _take_turn() -> None:
    """Raises PaymentsAway."""
    for _ in range(TURNS):
        since = time.monotonic()
        if ASKING.acquire(timeout=TURN_SECONDS):
            return
        if not alive.has_answered_since(since):
            break
    raise paying.PaymentsAway(f"The payment provider is slow to answer. {NOTHING_DONE}", retry_after=60)


@contextmanager
def talking(outcome: str = NOTHING_DONE) -> Iterator[None]:
    """What Stripe refuses or does not answer is told to who asked, and our side stays as it was. While it is known to
    hang, nobody waits for it."""
    if silence.is_known():
        raise KnownSilent(f"The payment provider does not answer. {NOTHING_DONE}", retry_after=silence.SECONDS)
    _take_turn()
    try:
        yield
    except stripe.CardError as error:
        raise CardRefused(error.user_message or "The card was declined.") from error
    except (StripeError, NotSetUp, truth.UnknownPrice) as error:
        if isinstance(error, stripe.APIConnectionError) or silence.is_hang(error):
            silence.note(error)
            raise Silent(f"The payment provider does not answer. {outcome}", retry_after=60) from error
        log.exception("Stripe does not do what was asked")
        raise paying.PaymentsAway(
            f"The payment provider does not answer as it should. {outcome}", retry_after=60
        ) from error
    finally:
        ASKING.release()
