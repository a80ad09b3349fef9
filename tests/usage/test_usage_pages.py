import csv
from datetime import datetime

import pytest
from django.db import connection

from accounts import tenancy
from tests.people import Person
from tests.usage.test_usage_api import use


def test_the_usage_page_shows_what_was_used(alice: Person, now: datetime) -> None:
    use(alice, now)

    page = alice.web.get("/app/usage").content.decode()

    assert "1 of 120" in page
    assert "Answered" in page


def test_the_usage_page_of_the_first_day_says_what_to_do(alice: Person) -> None:
    assert "Usage appears after the first question" in alice.web.get("/app/usage").content.decode()


def test_an_owner_sees_the_use_of_each_member(team_owner: Person, bob: Person, now: datetime) -> None:
    use(team_owner, now)
    use(bob, now)

    assert "By member" in team_owner.web.get("/app/usage?period=year").content.decode()
    assert "By member" not in bob.web.get("/app/usage").content.decode()


def test_the_log_can_be_taken_along(alice: Person, now: datetime) -> None:
    use(alice, now)

    answer = alice.web.get("/app/usage/export?of=log")

    rows = list(csv.DictReader(answer.getvalue().decode().splitlines()))
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert [(row["requests"], row["input_tokens"], row["outcome"]) for row in rows] == [("1", "200", "succeeded")]


def test_the_taken_log_has_only_what_one_may_see(
    team_owner: Person, bob: Person, charlie: Person, now: datetime
) -> None:
    use(team_owner, now)

    assert len(team_owner.web.get("/app/usage/export?of=log").getvalue().splitlines()) == 2
    assert len(bob.web.get("/app/usage/export?of=log").getvalue().splitlines()) == 1
    assert len(charlie.web.get("/app/usage/export?of=log").getvalue().splitlines()) == 1


MANY = """
INSERT INTO usage_entry (id, at, member_id, kind, requests, input_tokens, output_tokens, model, outcome, milliseconds)
SELECT gen_random_uuid(), %(now)s - n / 7 * interval '1 second', %(member)s, 'run', 1, n, 0, 'm', 'succeeded', 5
FROM generate_series(1, %(lines)s) AS n
"""


def test_the_taken_log_has_every_line_however_many(alice: Person, now: datetime) -> None:
    lines = 60_001
    with tenancy.within(alice.workspace), connection.cursor() as cursor:
        # Seven at the same moment, so that what is read at once ends between them.
        cursor.execute(MANY, {"now": now, "member": alice.user.pk, "lines": lines})

    answer = alice.web.get("/app/usage/export?period=year&of=log")

    rows = list(csv.DictReader(answer.getvalue().decode().splitlines()))
    assert len(rows) == lines
    assert {int(row["input_tokens"]) for row in rows} == set(range(1, lines + 1))
    moments = [row["at"] for row in rows]
    assert moments == sorted(moments, reverse=True)


def test_a_team_sees_its_members(team_owner: Person, bob: Person) -> None:
    page = team_owner.web.get("/app/members").content.decode()

    assert bob.email in page
    assert "2 members, $73 a month" in page


def test_alone_there_are_no_members_to_see(alice: Person) -> None:
    assert "is for one person" in alice.web.get("/app/members").content.decode()


@pytest.mark.parametrize("address", ["/app/usage", "/app/usage/export", "/app/members"])
def test_charlie_never_sees_alice(alice: Person, charlie: Person, address: str) -> None:
    assert alice.email not in charlie.web.get(address).content.decode()
