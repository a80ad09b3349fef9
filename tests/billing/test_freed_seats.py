"""A seat that is given up is paid for to the end of its month, and is nothing that is refunded."""

import pytest

from billing.stripe import truth
from devkit.stripe.process import StripeProcess
from tests.billing.stripe import DAY, account, buy, hear
from tests.billing.test_amounts import invoiced, seats_told
from tests.people import Person

PLANNED = {"nothing": "", "a smaller plan": "/subscription/downgrade", "the end": "/subscription/cancel"}


@pytest.mark.parametrize("planned", PLANNED.values(), ids=PLANNED)
def test_a_seat_that_is_freed_is_paid_to_the_months_end_and_nothing_is_given_back(
    vendor: StripeProcess, alice: Person, planned: str
) -> None:
    buy(alice, vendor, "teams", seats=3)
    customer = account(alice).customer_id
    vendor.advance(10 * DAY)
    hear(alice, vendor)
    if planned:
        body = {"tier": "plus"} if planned == PLANNED["a smaller plan"] else {}
        assert alice.api.post(planned, body).status_code == 200

    seats_told(alice, vendor, 1)
    hear(alice, vendor)

    assert alice.subscription.seats == 1
    # No invoice, no credit and nothing that waits to become one.
    assert invoiced(vendor) == [8_500]
    assert truth.api().v1.customers.retrieve(customer).balance == 0
    assert vendor.control("state?kind=invoiceitem")["objects"] == []
    vendor.advance(25 * DAY)
    then = {"": [6_100], "/subscription/downgrade": [1_900], "/subscription/cancel": []}
    assert invoiced(vendor)[1:] == then[planned]
