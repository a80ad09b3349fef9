from collections.abc import Iterator

import pytest

from billing.models import StripeAccount, StripeEvent
from devkit.stripe.process import KEY, WEBHOOK_SECRET, StripeProcess
from tests.billing.stripe import at_stripe, forget_the_hang
from tests.browser import browser_type_launch_args
from tests.database import leave_nobody
from tests.stack import Stack, running

__all__ = ["browser_type_launch_args"]


@pytest.fixture(scope="package")
def process() -> Iterator[StripeProcess]:
    with StripeProcess() as started:
        yield started


@pytest.fixture(scope="package")
def stack(_database: None, process: StripeProcess, chroma: str) -> Iterator[Stack]:
    """Web and workers that take money through the stand-in, which tells them of what happens.

    No longer than the package: its workers would do the jobs that another test keeps waiting on purpose.
    """
    with running(
        is_apart=True,
        CHROMA_URL=chroma,
        BILLING_GATEWAY="stripe",
        STRIPE_API_URL=process.url,
        STRIPE_SECRET_KEY=KEY,
        STRIPE_WEBHOOK_SECRETS=WEBHOOK_SECRET,
    ) as product:
        yield product
    leave_nobody()


@pytest.fixture
def vendor(process: StripeProcess, stack: Stack) -> Iterator[StripeProcess]:
    """A Stripe in which nobody has bought anything yet."""
    process.reset()
    # What an earlier test has left: its customers are gone with the reset, and nobody hears of them any more.
    StripeEvent.objects.filter(processed_at=None).delete()
    StripeAccount.objects.exclude(unanswered_at=None).update(unanswered_at=None)
    forget_the_hang()
    with at_stripe(process):
        process.send_webhooks_to(f"{stack.url}/webhooks/stripe")
        yield process


@pytest.fixture(scope="module", autouse=True)
def _nobody_of_another_module(_database: None) -> None:
    """They stay while the stack runs, whose workers may be busy with them."""
