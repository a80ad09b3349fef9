"""Through Notion's consent page and back."""

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from devkit.notion.process import EmulatorProcess
from integrations.notion import InvalidGrant, Notion, Unmetered, oauth
from tests.integrations.acme import APP, BACK, SEED


@pytest.fixture
def consent(emulator: EmulatorProcess) -> Callable[..., str]:
    """Anna allows everything on Notion's consent page; the code that comes back."""
    emulator.seed(SEED)

    def allow() -> str:
        url = oauth.authorize_url(client_id="docent", redirect_uri=BACK, state="state", base_url=emulator.url)
        answer = httpx.get(f"{url}&auto=allow&user=anna")
        return parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]

    return allow


def test_connecting_refreshing_and_leaving(emulator: EmulatorProcess, consent: Callable[..., str]) -> None:
    first = oauth.exchange(**APP, code=consent(), redirect_uri=BACK, base_url=emulator.url)
    assert first.refresh_token is not None
    second = oauth.refresh(**APP, refresh_token=first.refresh_token, base_url=emulator.url)

    with pytest.raises(InvalidGrant):
        oauth.refresh(**APP, refresh_token=first.refresh_token, base_url=emulator.url)
    with Notion(second.access_token, emulator.url, budget=Unmetered()) as notion:
        assert notion.me()["id"] == second.bot_id == first.bot_id


def test_a_revoked_connection_is_dead(emulator: EmulatorProcess, consent: Callable[..., str]) -> None:
    grant = oauth.exchange(**APP, code=consent(), redirect_uri=BACK, base_url=emulator.url)
    alive = oauth.introspect(**APP, token=grant.access_token, base_url=emulator.url)

    oauth.revoke(**APP, token=grant.access_token, base_url=emulator.url)

    assert alive
    assert not oauth.introspect(**APP, token=grant.access_token, base_url=emulator.url)


def test_a_code_works_once(emulator: EmulatorProcess, consent: Callable[..., str]) -> None:
    code = consent()
    oauth.exchange(**APP, code=code, redirect_uri=BACK, base_url=emulator.url)

    with pytest.raises(InvalidGrant):
        oauth.exchange(**APP, code=code, redirect_uri=BACK, base_url=emulator.url)
