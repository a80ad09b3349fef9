from collections.abc import Iterator

import pytest

from devkit.stripe.process import StripeProcess
from tests.billing.stripe import at_stripe


@pytest.fixture(scope="module")
def process() -> Iterator[StripeProcess]:
    with StripeProcess() as started:
        yield started


@pytest.fixture
def vendor(process: StripeProcess) -> Iterator[StripeProcess]:
    """A Stripe in which nobody has bought anything yet, and which takes the product's money."""
    process.reset()
    with at_stripe(process):
        yield process
