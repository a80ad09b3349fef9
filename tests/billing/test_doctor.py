"""What `manage.py doctor` says of Stripe."""

from django.test import override_settings

from agent.doctor import servers
from agent.doctor.findings import Finding, Level
from devkit.stripe.process import StripeProcess


def asked() -> Finding:
    (finding,) = servers.stripe_answers()
    return finding


def test_a_key_that_works_and_prices_that_are_there_are_well(vendor: StripeProcess) -> None:
    assert asked().level == Level.OK


def test_a_key_that_is_refused_is_told_without_the_key(vendor: StripeProcess) -> None:
    with override_settings(STRIPE_SECRET_KEY="sk_live_wrong"):
        finding = asked()

    assert (finding.level, "refuses the key" in finding.says) == (Level.BAD, True)
    assert "sk_live_wrong" not in " ".join(finding)


def test_prices_that_are_missing_are_told(vendor: StripeProcess) -> None:
    vendor.reset()

    finding = asked()

    assert (finding.level, "pro_monthly" in finding.says, "stripe_setup" in finding.todo) == (Level.BAD, True, True)
