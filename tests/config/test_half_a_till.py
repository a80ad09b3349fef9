"""Nothing starts with half of what taking money needs."""

from typing import Any

import pytest
from django.test import override_settings

from config import checks

WHOLE = {
    "BILLING_GATEWAY": "stripe",
    "STRIPE_SECRET_KEY": "sk_test_1",
    "STRIPE_WEBHOOK_SECRETS": ["whsec_1", "whsec_2"],
}
NOTHING = {"BILLING_GATEWAY": "manual", "STRIPE_SECRET_KEY": "", "STRIPE_WEBHOOK_SECRETS": []}


@pytest.mark.parametrize("settings", [WHOLE, NOTHING, WHOLE | {"STRIPE_SECRET_KEY": "rk_test_1"}])
def test_all_or_nothing_starts(settings: dict[str, Any]) -> None:
    with override_settings(**settings):
        assert list(checks._payments()) == []


@pytest.mark.parametrize(
    ("half", "named"),
    [
        ({"STRIPE_SECRET_KEY": ""}, "STRIPE_SECRET_KEY"),
        ({"STRIPE_SECRET_KEY": "pk_test_1"}, "STRIPE_SECRET_KEY"),
        ({"STRIPE_SECRET_KEY": "sk_"}, "STRIPE_SECRET_KEY"),
        ({"STRIPE_WEBHOOK_SECRETS": ["whsec_"]}, "STRIPE_WEBHOOK_SECRETS"),
        ({"STRIPE_WEBHOOK_SECRETS": []}, "STRIPE_WEBHOOK_SECRETS"),
        ({"STRIPE_WEBHOOK_SECRETS": ["whsec_1", "sk_test_1"]}, "STRIPE_WEBHOOK_SECRETS"),
        ({"BILLING_GATEWAY": "manual", "STRIPE_WEBHOOK_SECRETS": []}, "BILLING_GATEWAY"),
        ({"BILLING_GATEWAY": "manual", "STRIPE_SECRET_KEY": ""}, "BILLING_GATEWAY"),
        ({"BILLING_GATEWAY": "paypal"}, "BILLING_GATEWAY"),
        ({"STRIPE_SECRET_KEY": "sk_live_1"}, "live key"),
        ({"IS_PRODUCTION": True, "STRIPE_API_URL": "http://127.0.0.1:1"}, "STRIPE_API_URL"),
    ],
)
def test_each_half_is_refused_by_its_name(half: dict[str, Any], named: str) -> None:
    with override_settings(**WHOLE | half):
        assert named in " ".join(checks.problems())
        assert checks.as_system_check(None)


@pytest.mark.parametrize("key", ["sk_test_1", "rk_test_1"])
def test_a_hosted_installation_with_a_test_key_is_told_that_nobody_pays(key: str) -> None:
    with override_settings(**WHOLE | {"IS_PRODUCTION": True, "STRIPE_SECRET_KEY": key}):
        doubts = [found for found in checks.as_system_check(None) if found.id == "docent.W001"]

    assert ["STRIPE_SECRET_KEY is a test key" in found.msg for found in doubts] == [True]


@pytest.mark.parametrize("settings", [{"IS_PRODUCTION": True, "STRIPE_SECRET_KEY": "sk_live_1"}, {}])
def test_a_live_key_and_a_test_key_on_one_machine_are_no_doubt(settings: dict[str, Any]) -> None:
    with override_settings(**WHOLE | settings):
        assert list(checks.doubts()) == []
