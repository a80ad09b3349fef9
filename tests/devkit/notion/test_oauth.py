from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from notion_client import APIResponseError, Client
from notion_client.errors import UnknownHTTPResponseError

from .conftest import SEED, Notion
from .recordings import needs_schema, validator

BACK = "http://localhost:8000/back"
SECRET = {"client_id": "client", "client_secret": "secret"}


def authorize(notion: Notion, **given: str) -> httpx.Response:
    asked = {"client_id": "client", "redirect_uri": BACK, "response_type": "code", "owner": "user", "state": "s1"}
    query = urlencode(asked | {"workspace": notion.workspace} | given)
    return httpx.get(f"{notion.emulator.url}/v1/oauth/authorize?{query}")


def answered(response: httpx.Response) -> dict[str, str]:
    assert response.status_code == 302
    return {key: values[0] for key, values in parse_qs(urlsplit(response.headers["location"]).query).items()}


def client_of(notion: Notion) -> Any:
    return Client(base_url=notion.emulator.url, retry=False, client=notion.http())


def connect(notion: Notion, **given: str) -> Any:
    code = answered(authorize(notion, auto="allow", **given))["code"]
    return client_of(notion).oauth.token(**SECRET, grant_type="authorization_code", code=code, redirect_uri=BACK)


def refresh(notion: Notion, token: str) -> Any:
    return client_of(notion).oauth.token(**SECRET, grant_type="refresh_token", refresh_token=token)


def test_a_code_becomes_a_token_that_sees_what_was_picked(notion: Notion) -> None:
    given = connect(notion, roots="sub", user="bert")

    client: Any = notion.client(token=given["access_token"])
    assert given["workspace_id"] == notion.workspace
    assert given["owner"]["user"]["name"] == "Bert"
    assert [one["id"] for one in client.search()["results"]] == [notion.id("sub")]


@needs_schema
def test_the_answer_has_the_form_of_notions_types(notion: Notion) -> None:
    given = connect(notion)

    assert [error.message for error in validator("OauthTokenResponse").iter_errors(given)] == []


def test_the_page_offers_the_tree_and_takes_the_choice(notion: Notion) -> None:
    page = authorize(notion).text
    action = page.partition('action="')[2].partition('"')[0].replace("&amp;", "&")
    form = {"decision": "allow", "user": notion.id("anna"), "root": notion.id("handbook")}

    back = httpx.post(notion.emulator.url + action, data=form)

    assert "Handbook" in page
    assert "Sub page" in page
    assert answered(back)["state"] == "s1"
    assert answered(back)["code"]


def test_a_browser_that_asks_for_an_icon_gets_none(notion: Notion) -> None:
    answer = httpx.get(f"{notion.emulator.url}/favicon.ico")

    assert (answer.status_code, answer.content) == (204, b"")


def test_cancelling_comes_back_with_an_error(notion: Notion) -> None:
    assert answered(authorize(notion, auto="deny")) == {"error": "access_denied", "state": "s1"}


@pytest.mark.parametrize("wrong", [{"client_id": "x"}, {"redirect_uri": BACK + "/"}, {"response_type": "token"}])
def test_a_wrong_request_stays_on_notions_side(notion: Notion, wrong: dict[str, str]) -> None:
    assert authorize(notion, **wrong).status_code == 400


def test_any_loopback_port_may_be_allowed(seeded: Any) -> None:
    loose = [SEED["integrations"][0] | {"any_loopback_port": True, "client_id": "loose"}]
    notion = seeded(SEED | {"integrations": loose})

    ours = authorize(notion, client_id="loose", auto="allow", redirect_uri="http://127.0.0.1:5173/back")
    foreign = authorize(notion, client_id="loose", auto="allow", redirect_uri="http://evil.example/back")

    assert ours.status_code == 302
    assert foreign.status_code == 400


def test_a_code_works_once(notion: Notion) -> None:
    code = answered(authorize(notion, auto="allow"))["code"]
    given = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK}
    client_of(notion).oauth.token(**SECRET, **given)

    with pytest.raises(UnknownHTTPResponseError) as refused:
        client_of(notion).oauth.token(**SECRET, **given)

    assert refused.value.status == 400
    assert '"code":"invalid_grant"' in refused.value.body


def test_refreshing_gives_new_tokens_and_ends_the_old(notion: Notion) -> None:
    old = connect(notion)

    new = refresh(notion, old["refresh_token"])

    assert new["bot_id"] == old["bot_id"]
    assert notion.client(token=new["access_token"]).users.me()
    with pytest.raises(APIResponseError, match="API token is invalid"):
        notion.client(token=old["access_token"]).users.me()
    with pytest.raises(UnknownHTTPResponseError, match="400"):
        refresh(notion, old["refresh_token"])


def test_authorizing_again_keeps_the_bot_and_changes_the_pages(notion: Notion) -> None:
    first = connect(notion, roots="sub")

    second = connect(notion, roots="secret")

    found: Any = notion.client(token=second["access_token"]).search()
    assert second["bot_id"] == first["bot_id"]
    assert [one["id"] for one in found["results"]] == [notion.id("secret")]


def test_introspection_and_revocation(notion: Notion) -> None:
    token = connect(notion)["access_token"]
    oauth = client_of(notion).oauth

    before = oauth.introspect(client_id="client", client_secret="secret", token=token)
    oauth.revoke(client_id="client", client_secret="secret", token=token)
    after = oauth.introspect(client_id="client", client_secret="secret", token=token)

    assert (before["active"], after["active"]) == (True, False)
    with pytest.raises(APIResponseError, match="API token is invalid"):
        notion.client(token=token).users.me()


def test_a_wrong_secret_is_refused(notion: Notion) -> None:
    with pytest.raises(UnknownHTTPResponseError) as refused:
        client_of(notion).oauth.introspect(client_id="client", client_secret="wrong", token="x")

    assert refused.value.status == 401


def test_the_other_form_of_error_can_be_chosen(seeded: Any) -> None:
    notion = seeded(SEED | {"integrations": [SEED["integrations"][0] | {"rfc_errors": True, "client_id": "rfc"}]})
    oauth = client_of(notion).oauth

    with pytest.raises(UnknownHTTPResponseError) as refused:
        oauth.token(client_id="rfc", client_secret="secret", grant_type="refresh_token", refresh_token="nrt_x")

    assert '"error":"invalid_grant"' in refused.value.body


def test_oauth_calls_can_be_troubled_by_the_clients_id(seeded: Any) -> None:
    notion = seeded(SEED | {"integrations": [SEED["integrations"][0] | {"client_id": "troubled"}]})
    trouble = {"error": {"status": 400, "code": "invalid_grant", "message": "Gone."}}
    notion.emulator.fault(trouble, token="troubled", path_regex="/oauth/token$")

    with pytest.raises(UnknownHTTPResponseError) as refused:
        client_of(notion).oauth.token(client_id="troubled", client_secret="secret", grant_type="refresh_token")

    assert "Gone." in refused.value.body


def test_an_expired_token_can_be_refreshed(notion: Notion) -> None:
    given = connect(notion)
    notion.emulator.control("tokens", {"token": given["access_token"], "do": "expire"})

    with pytest.raises(APIResponseError, match="API token is invalid"):
        notion.client(token=given["access_token"]).users.me()
    assert refresh(notion, given["refresh_token"])["access_token"]
