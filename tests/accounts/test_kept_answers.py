"""What is kept for an `Idempotency-Key` after every request that takes one: no secret is in it."""

import re
from urllib.parse import parse_qs, urlsplit

from accounts.models import IdempotentAnswer
from tests.isolation import table
from tests.outside import NotionWorkspace
from tests.people import Person

CONNECT = "/user/notion-integration"
TAKES_A_KEY = [
    (f"/{route}", entry.bodies.get("POST", {}))
    for route, entry in table.JSON.items()
    if "POST" in entry.methods and not entry.open_to_all and not entry.ids
]
# A signed token, a parameter of an address, a key of Notion's or Stripe's.
LOOKS_SECRET = re.compile(
    r"eyJ[\w-]{8,}|[?&](?:state|code|token|secret)=|\bntn_\w|\bsecret_\w|\b[sr]k_(?:live|test)_|\bdocent_\w{40}"
)


def post(person: Person, address: str, body: object, key: str) -> dict[str, str]:
    answer = person.api.post(address, body, headers={"Idempotency-Key": key})
    return dict(answer.json()) if answer.content else {}


def test_no_answer_that_is_kept_holds_a_secret(alice: Person, acme: NotionWorkspace) -> None:
    url = post(alice, CONNECT, {}, "authorize")["authorize_url"]
    post(alice, CONNECT, {"token": acme.token}, "token")
    for number, (address, body) in enumerate(TAKES_A_KEY):
        post(alice, address, body, f"key {number}")

    kept = IdempotentAnswer.objects.filter(user=alice.user).exclude(status=None)
    stored = [str(row) for row in kept.values()]
    state = parse_qs(urlsplit(url).query)["state"][0]
    assert len(stored) > 1
    assert not [row for row in stored if state in row or acme.token in row or LOOKS_SECRET.search(row)]


def test_connecting_again_with_the_same_key_makes_no_second_connection(alice: Person, acme: NotionWorkspace) -> None:
    first, again = (post(alice, CONNECT, {"token": acme.token}, "once") for _ in range(2))

    assert first["connected"] == again["connected"]
    assert alice.workspace.connections.count() == 1
