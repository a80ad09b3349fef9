import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any

import pytest
from django.http import HttpRequest
from django.test import override_settings

from accounts.models import User
from billing.models import StripeAccount
from billing.stripe import truth
from devkit.stripe.process import StripeProcess
from integrations.stripe import StripeClient
from tests.billing.stripe import at_stripe, forget_the_hang
from tests.billing.wishes import staff


@pytest.fixture(scope="session")
def process() -> Iterator[StripeProcess]:
    with StripeProcess() as started:
        yield started


@pytest.fixture
def vendor(process: StripeProcess, _database: None) -> Iterator[StripeProcess]:
    """A Stripe in which nobody has bought anything yet, and which takes the product's money."""
    process.reset()
    # What other tests asked it in vain.
    StripeAccount.objects.update(unanswered_at=None)
    forget_the_hang()
    with at_stripe(process):
        yield process


@pytest.fixture
def hosted(_database: None) -> Iterator[None]:
    with override_settings(IS_PRODUCTION=True, STAFF_MAIL="staff@example.com"):
        yield


@pytest.fixture
def sam(_database: None) -> User:
    """One of our staff."""
    return staff()


@pytest.fixture(autouse=True)
def _only_views_that_say_so_ask_for_payments(monkeypatch: pytest.MonkeyPatch) -> None:
    ask = truth.client

    def client(**options: Any) -> StripeClient:
        view = _view_at_work()
        assert view is None or getattr(view, "asks_for_payments", False), f"{view} asks Stripe and does not say so"
        return ask(**options)

    monkeypatch.setattr(truth, "client", client)


def _view_at_work() -> object:
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        request = frame.f_locals.get("request")
        if frame.f_code.co_name == "_get_response" and isinstance(request, HttpRequest):
            view = getattr(request.resolver_match, "func", None)
            return getattr(view, "view_class", getattr(view, "cls", None))
        frame = frame.f_back
    return None
