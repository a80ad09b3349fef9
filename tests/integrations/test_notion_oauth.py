"""Alice connects her workspace."""

from urllib.parse import parse_qs, urlsplit

import pytest

from integrations.notion import BrokenAnswer, InvalidGrant, NotConfigured, Refused, Unreachable, oauth
from tests.integrations.wire import ScriptedServer, answer, error

GRANT = {
    "access_token": "ntn_access",
    "token_type": "bearer",
    "refresh_token": "nrt_refresh",
    "bot_id": "bot",
    "workspace_id": "space",
    "workspace_name": "Acme",
    "workspace_icon": None,
    "owner": {"type": "user", "user": {"object": "user", "id": "u1", "person": {"email": "alice@acme.example"}}},
    "duplicated_template_id": None,
    "request_id": "r",
}
APP = {"client_id": "docent", "client_secret": "geheim"}


def test_a_code_becomes_a_grant(server: ScriptedServer) -> None:
    server.says(answer(200, GRANT))

    grant = oauth.exchange(**APP, code="c", redirect_uri="https://docent.example/back", base_url=server.url)

    assert (grant.access_token, grant.refresh_token, grant.bot_id) == ("ntn_access", "nrt_refresh", "bot")
    assert server.requests[0].headers["authorization"] == "Basic ZG9jZW50OmdlaGVpbQ=="
    assert server.requests[0].body["redirect_uri"] == "https://docent.example/back"


def test_the_consent_page_is_asked_for_alice(server: ScriptedServer) -> None:
    url = oauth.authorize_url(
        client_id="docent", redirect_uri="https://d.example/b?x=1", state="s&t", base_url="http://n/"
    )

    question = parse_qs(urlsplit(url).query)
    assert url.startswith("http://n/v1/oauth/authorize?")
    assert (question["state"], question["owner"]) == (["s&t"], ["user"])
    assert question["redirect_uri"] == ["https://d.example/b?x=1"]


@pytest.mark.parametrize("owner", [{"type": "workspace", "workspace": True}, {"type": "user", "user": None}, None])
def test_a_grant_may_lack_owner_name_and_refresh_token(server: ScriptedServer, owner: object) -> None:
    server.says(answer(200, GRANT | {"refresh_token": None, "owner": owner, "workspace_name": None}))

    grant = oauth.refresh(**APP, refresh_token="nrt_old", base_url=server.url)

    assert (grant.bot_id, grant.refresh_token, grant.workspace_name) == ("bot", None, "")


@pytest.mark.parametrize(
    "refusal",
    [
        error(400, "invalid_grant", "Invalid code: this code has been revoked."),
        answer(400, {"error": "invalid_grant", "error_description": "used", "request_id": "r"}),
    ],
)
def test_a_used_token_is_an_invalid_grant_in_both_forms(server: ScriptedServer, refusal: bytes) -> None:
    server.says(refusal)

    with pytest.raises(InvalidGrant):
        oauth.refresh(**APP, refresh_token="nrt_old", base_url=server.url)

    assert len(server.requests) == 1


@pytest.mark.parametrize("refusal", [error(401, "invalid_client"), answer(401, {"error": "invalid_client"})])
def test_a_wrong_secret_is_not_configured(server: ScriptedServer, refusal: bytes) -> None:
    server.says(refusal)

    with pytest.raises(NotConfigured):
        oauth.revoke(**APP, token="ntn_access", base_url=server.url)


def test_other_refusals_keep_their_code(server: ScriptedServer) -> None:
    server.says(answer(400, {"error": "unsupported_grant_type"}))

    with pytest.raises(Refused) as caught:
        oauth.refresh(**APP, refresh_token="nrt_old", base_url=server.url)

    assert caught.value.code == "unsupported_grant_type"


def test_a_refresh_whose_answer_is_lost_is_never_repeated(server: ScriptedServer) -> None:
    server.says(b"")

    with pytest.raises(Unreachable):
        oauth.refresh(**APP, refresh_token="nrt_old", base_url=server.url)

    assert len(server.requests) == 1


@pytest.mark.parametrize("active", [True, False])
def test_introspection_tells_whether_a_token_lives(server: ScriptedServer, active: bool) -> None:
    server.says(answer(200, {"active": active, "request_id": "r"}))

    assert oauth.introspect(**APP, token="ntn_access", base_url=server.url) is active


@pytest.mark.parametrize("missing", ["access_token", "bot_id", "workspace_id"])
def test_a_grant_without_what_names_it_is_broken(server: ScriptedServer, missing: str) -> None:
    server.says(answer(200, {key: value for key, value in GRANT.items() if key != missing}))

    with pytest.raises(BrokenAnswer):
        oauth.exchange(**APP, code="c", redirect_uri="r", base_url=server.url)


def test_without_credentials_nothing_is_asked(server: ScriptedServer) -> None:
    with pytest.raises(NotConfigured):
        oauth.revoke(client_id="", client_secret="", token="ntn_access", base_url=server.url)
    with pytest.raises(NotConfigured):
        oauth.authorize_url(client_id="", redirect_uri="r", state="s")

    assert server.requests == []


def test_a_grant_does_not_show_its_tokens(server: ScriptedServer) -> None:
    server.says(answer(200, GRANT))

    shown = repr(oauth.exchange(**APP, code="c", redirect_uri="r", base_url=server.url))

    assert "ntn_access" not in shown
    assert "nrt_refresh" not in shown
