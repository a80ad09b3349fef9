"""A workspace whose questions a model of a vendor answers, and what was charged for it."""

from typing import Any

import pytest
from pytest_django import Settings

from accounts import tenancy
from config.providers import ANTHROPIC, OPENAI, Provider
from devkit.models.server import ModelServer
from tests.people import Person
from usage.models import Entry, Hold, Period

KINDS = (OPENAI, ANTHROPIC)
KEY = "sk-of-the-installation-0123456789"
DAYS = "Everyone has 28 days of paid holiday a year «Everyone has 28 days»."
HOTELS = "Hotels are paid up to 140 euros a night «Hotels are paid»."
SEARCH: dict[str, Any] = {"calls": [{"name": "search", "arguments": {"query": "days of paid holiday"}}]}
NEVER = "http://127.0.0.1:9/v1"


def provider(vendor: ModelServer, kind: str = OPENAI, name: str = "gpt", **more: Any) -> Provider:
    url = vendor.openai_url if kind == OPENAI else vendor.anthropic_url
    return Provider(name, kind, more.pop("url", url), f"{name}-large", KEY, **more)


def offer(settings: Settings, *providers: Provider) -> None:
    """The first one is the default, the others take over in this order."""
    settings.MODELS = {each.name: each for each in providers}
    settings.MODEL, *settings.MODEL_FALLBACK = settings.MODELS


def usage(read: int, written: int) -> dict[str, int]:
    return {"input_tokens": read, "output_tokens": written}


def charged(person: Person) -> dict[str, Any]:
    """What the period says, and each line of the log; nothing may be held any more."""
    with tenancy.within(person.workspace):
        assert not Hold.objects.filter(state=Hold.State.OPEN).exists()
        period = Period.objects.get()
        assert (period.requests_held, period.tokens_held) == (0, 0)
        lines = Entry.objects.order_by("-kind").values_list("kind", "outcome", "input_tokens", "output_tokens", "model")
        return {"requests": period.requests_used, "tokens": period.tokens_used, "lines": list(lines)}


@pytest.fixture(scope="session")
def models() -> Any:
    with ModelServer() as server:
        yield server


@pytest.fixture
def vendor(models: ModelServer) -> ModelServer:
    models.reset()
    return models
