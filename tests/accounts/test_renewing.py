"""A refresh token works once: who renews, and what is left when Notion refuses."""

import pytest

from accounts import connections
from accounts.models import Connection
from integrations import notion
from tests.outside import NotionWorkspace, connect
from tests.people import Person
from tests.threads import at_once


def with_refresh_token(person: Person, acme: NotionWorkspace, token: str) -> Connection:
    connection = connect(person, acme)
    access = connections.access_token(connection)
    connections._seal(connection, notion.Grant(access, token, connection.bot_id, "", ""))
    connection.save()
    return connection


def refreshes(acme: NotionWorkspace, since: int) -> int:
    return sum(each["path"].endswith("/oauth/token") for each in acme.emulator.journal(since=since))


def test_workers_that_find_a_token_dead_at_once_refresh_once(alice: Person, acme: NotionWorkspace) -> None:
    grants = acme.emulator.control("state")["workspaces"]
    refresh = next(g["refresh_token"] for w in grants for g in w["grants"] if g["access_token"] == acme.token)
    connection = with_refresh_token(alice, acme, refresh)
    since = acme.emulator.control("journal")["last"]

    got = at_once(
        lambda: connections.renewed_token(Connection.objects.get(pk=connection.pk), rejected=acme.token), times=4
    )

    assert len(set(got)) == 1
    assert refreshes(acme, since) == 1


def test_a_refused_refresh_is_never_repeated_and_asks_to_connect_again(alice: Person, acme: NotionWorkspace) -> None:
    connection = with_refresh_token(alice, acme, "nrt_used_up")
    since = acme.emulator.control("journal")["last"]

    for _ in range(3):
        with pytest.raises(notion.Unauthorized):
            connections.renewed_token(connection, rejected=acme.token)

    assert refreshes(acme, since) == 1
    assert Connection.objects.get(pk=connection.pk).status == Connection.Status.REAUTHORIZE
