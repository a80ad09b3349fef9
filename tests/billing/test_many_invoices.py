"""The list of invoices on the plan's page: the newest, and where the older ones are."""

from billing.stripe import truth
from devkit.stripe.process import StripeProcess
from tests.billing.pages import text
from tests.billing.stripe import DAY, a_while_passes, account, buy, hear
from tests.people import Person

OLDER = "Older invoices are kept at the payment provider."


def test_who_has_paid_for_years_is_told_where_the_older_ones_are(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "pro")
    for _ in range(25):
        vendor.advance(31 * DAY)
    hear(alice, vendor)
    a_while_passes(alice)

    page = text(alice)
    led = alice.web.post("/app/plan", {"action": "portal"})

    assert len(truth.api().v1.invoices.list({"customer": account(alice).customer_id, "limit": 100}).data) > 24
    assert OLDER in page
    assert led.headers["location"].startswith(vendor.url)


def test_who_sees_all_of_them_is_not_sent_elsewhere(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "pro")

    page = text(alice)

    assert "Invoices Date" in page
    assert OLDER not in page
