"""The Usage page and its export show the same figures, for the same address, in the member's own days."""

import csv
import html
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.formats import date_format, number_format

from accounts import tenancy
from accounts.models import Membership
from billing.models import Subscription
from config.templatetags.ui import seconds
from tests.people import Person, join, put_on_plan
from tests.usage.test_sums import busy_team
from tests.usage.test_usage_api import use
from usage import analytics, services, shown
from usage.models import Entry, Period

__all__ = ["busy_team"]
OF_ENDS = "How questions ended"
TEAM_AFTER_ONE = {"used": "1", "limit": "50000", "held": "0", "forecast": "", "used, percent": "0"}
# As docs/benchmarks.md says.
MOST_STATEMENTS = 24
SPANS = ["", "?period=previous", "?period=year", "?from={from}&to={to}"]


@pytest.fixture(params=SPANS)
def query(request: pytest.FixtureRequest, busy_team: Person, now: datetime) -> str:
    """Of days in which the team worked."""
    if request.param == "?period=previous":
        put_on_plan(busy_team, "teams", seats=5, now=now - timedelta(days=5))
    first, last = (now - timedelta(days=days) for days in (300, 0))
    return str(request.param).format_map({"from": first.date(), "to": last.date()})


def page_of(person: Person, query: str = "") -> str:
    answer = person.web.get(f"/app/usage{query}")
    assert answer.status_code == 200
    return html.unescape(answer.content.decode()).replace("\xa0", " ")


def export_of(person: Person, query: str = "") -> list[dict[str, str]]:
    return list(csv.DictReader(person.web.get(f"/app/usage/export{query}").content.decode().splitlines()))


def live_url(page: str) -> str:
    found = re.search(r'hx-get="(/app/usage[^"]*)"', page)
    assert found is not None
    return found[1]


def cells(page: str, heading: str) -> list[list[str]]:
    """The table below this heading, as texts."""
    table = page.split(f">{heading}</h2>", 1)[1].split("<tbody>", 1)[1].split("</tbody>", 1)[0]
    rows = re.findall(r"<tr>(.*?)</tr>", table, re.S)
    found = (re.findall(r"<t[dh].*?</t[dh]>", row, re.S) for row in rows)
    return [[re.sub(r"<[^>]+>", "", cell).strip() for cell in row] for row in found]


def test_the_export_has_exactly_what_the_page_shows(busy_team: Person, query: str) -> None:
    page, rows = page_of(busy_team, query), export_of(busy_team, query)

    for part in {row["part"] for row in rows} & {"Questions per day", "Questions per month"}:
        days = [(row["row"], row["value"]) for row in rows if row["part"] == part]
        assert [[shown_day(on), value] for on, value in days] == cells(page, part)
    for part, columns in (("By member", (1, 3)), ("By model", (1, 2))):
        shown = [[row[n] for n in columns] for row in cells(page, part)] if f">{part}</h2>" in page else []
        counted = [figures(rows, part, name) for name in ("questions", "tokens")]
        assert [list(pair) for pair in zip(*counted, strict=True)] == shown
    for row in rows:
        if (row["part"], row["figure"]) == (OF_ENDS, "count"):
            assert f"<b>{row['row']}</b>" in page
            assert f"<small>{row['value']} of " in page


def test_no_figure_of_the_page_is_missing_in_the_export(busy_team: Person, query: str) -> None:
    page, rows = page_of(busy_team, query), export_of(busy_team, query)

    exported = " ".join(f"{row['value']} {row['row']}" for row in rows)
    exported += " ".join(seconds(int(row["value"])) for row in rows if row["part"] == "Answer speed")
    exported += " ".join(shown_day(row["row"]) for row in rows if row["part"].startswith("Questions per"))
    assert not numbers(figures_of(page)) - numbers(exported)
    assert {row["figure"] for row in rows} >= {"forecast", "change", "last active", "share of questions, percent"}


def figures_of(page: str) -> str:
    """The text of the cards without axes and legends, and without how long ago somebody was active."""
    cards = page.split('id="usage-now"', 1)[1].split(">", 1)[1].split('<form class="filters"', 1)[0]
    for part in (r"<svg.*?</svg>", r'<div class="legend">.*?</div>', r'<td class="r muted">.*?</td>', r"<[^>]+>"):
        cards = re.sub(part, " ", cards, flags=re.S)
    return cards


def numbers(text: str) -> set[str]:
    return set(re.findall(r"\d+", re.sub(r"(?<=\d),(?=\d)", "", text)))


def figures(rows: list[dict[str, str]], part: str, name: str) -> list[str]:
    found = [row["value"] for row in rows if row["part"] == part and row["figure"] == name]
    return [number_format(int(value), force_grouping=True) for value in found]


def shown_day(on: str) -> str:
    moment = datetime.fromisoformat(on if len(on) > 7 else f"{on}-01")
    return date_format(moment, "D j M" if len(on) > 7 else "F Y")


@pytest.mark.parametrize(
    ("counts", "percents"),
    [
        ([2, 1], [67, 33]),
        ([1, 1, 1], [34, 33, 33]),
        ([7, 7, 6, 1], [33, 33, 29, 5]),
        ([199, 1], [99, 1]),
        ([9, 0], [100, 0]),
        ([0, 0], [0, 0]),
    ],
)
def test_shares_add_up_and_nothing_is_called_all_that_is_not(counts: list[int], percents: list[int]) -> None:
    rows = shown._with_percents([{"count": count} for count in counts], of="count")

    assert [row["percent"] for row in rows] == percents


@pytest.mark.parametrize(
    ("total", "before", "words"), [(3, 2, "▲ 50%"), (1, 2, "▼ 50%"), (2, 2, "± 0%"), (999, 1_000, "± 0%")]
)
def test_what_has_not_changed_by_a_percent_did_not_rise(total: int, before: int, words: str) -> None:
    moment = datetime(2026, 11, 30, tzinfo=UTC)
    span = analytics.Span(moment - timedelta(days=1), moment)

    assert shown._change(total, before, span, ZoneInfo("UTC"))["change_words"] == words


def test_the_shares_of_members_and_of_ends_add_up_on_the_page(busy_team: Person) -> None:
    page = page_of(busy_team)

    parts = [page.split(f">{heading}</h2>", 1)[1].split("</section>", 1)[0] for heading in ("By member", OF_ENDS)]
    told = [[int(share) for share in re.findall(r'num[^"]*">(\d+)%</span>', part)] for part in parts]
    assert [sum(shares) for shares in told] == [100, 100]
    assert all(len(shares) > 1 for shares in told)


def test_the_page_leads_to_the_export_of_what_it_shows(busy_team: Person, query: str) -> None:
    link = re.search(r'href="(/app/usage/export[^"]*)">Export CSV', page_of(busy_team, query))

    assert link is not None
    assert parse_qsl(urlsplit(link[1]).query) == parse_qsl(query[1:])


def test_the_export_adds_up_to_the_lines(busy_team: Person) -> None:
    rows = export_of(busy_team, "?period=year")
    with tenancy.within(busy_team.workspace):
        lines = list(Entry.objects.all())

    def total(part: str, figure: str) -> int:
        return sum(int(row["value"]) for row in rows if row["part"] == part and row["figure"] == figure)

    requests = sum(line.requests for line in lines)
    tokens = sum(line.input_tokens + line.output_tokens for line in lines)
    for part in ("Total", "By member", "By model"):
        assert (total(part, "questions"), total(part, "tokens")) == (requests, tokens)
    assert total("Questions per month", "questions") == requests
    assert total("How questions ended", "count") == sum(line.outcome != "overage" for line in lines)


def test_no_cell_of_the_export_is_a_formula(busy_team: Person) -> None:
    rows = export_of(busy_team, "?period=year")

    assert "'=HYPERLINK()" in {row["row"] for row in rows}
    assert not [cell for row in rows for cell in row.values() if cell[:1] in {"=", "+", "-", "@"}]


def test_days_are_the_members_own(alice: Person, now: datetime) -> None:
    put_on_plan(alice, "pro", now=now - timedelta(days=20))
    alice.api.patch("/user/config", {"timezone": "Asia/Tokyo"})
    late = (now - timedelta(days=3)).replace(hour=23, minute=30)
    use(alice, late)
    her_day = (late + timedelta(hours=9)).date().isoformat()

    rows = export_of(alice, f"?from={her_day}&to={her_day}")
    counted = {row["row"]: row["value"] for row in rows if row["part"] == "Questions per day"}

    assert counted == {her_day: "1"}


@pytest.mark.parametrize(
    "query",
    [
        "?from=tomorrow&to=2026-01-01",
        "?from=2026-02-01&to=2026-01-01",
        "?from=0001-01-01&to=9999-12-31",
        "?period=ever",
    ],
)
def test_nonsense_is_refused_and_shows_no_other_days(alice: Person, now: datetime, query: str) -> None:
    use(alice, now)

    answers = [alice.web.get(f"/app/usage{part}{query}") for part in ("", "/export")]

    assert [answer.status_code for answer in answers] == [400, 400]
    assert "Answered" not in answers[0].content.decode()


def test_the_page_asks_often_while_a_question_is_open_and_else_now_and_then(alice: Person, now: datetime) -> None:
    idle = page_of(alice)
    with tenancy.within(alice.workspace):
        services.hold(membership=alice.membership, key="open", now=now)
    during = page_of(alice)

    assert 'hx-trigger="every 5s, visibilitychange' in idle
    assert 'hx-trigger="every 2s, visibilitychange' in during
    assert "1 in progress" in during


@pytest.mark.parametrize("who", ["owner", "member"])
def test_a_team_sees_what_everybody_asks_while_it_is_asked(
    team_owner: Person, bob: Person, now: datetime, who: str
) -> None:
    looker = team_owner if who == "owner" else join(team_owner, "Nora")
    first = live_url(page_of(looker))
    with tenancy.within(team_owner.workspace):
        held = services.hold(membership=bob.membership, key="open", now=now)
    during = looker.web.get(first)
    second = live_url(html.unescape(during.content.decode()))
    with tenancy.within(team_owner.workspace):
        cost = services.Cost(200, 100, "extractive", milliseconds=10, grounded=True)
        services.settle(hold_id=held.pk, now=now, outcome="succeeded", cost=cost)
    after = looker.web.get(second)

    team = [row for row in export_of(looker) if row["row"] == "Questions of the team"]
    assert (during.status_code, "1 in progress" in during.content.decode()) == (200, True)
    assert (after.status_code, "in progress" in after.content.decode()) == (200, False)
    assert {row["figure"]: row["value"] for row in team} == TEAM_AFTER_ONE


def test_a_page_that_is_still_right_is_not_sent_again(alice: Person, now: datetime) -> None:
    live = live_url(page_of(alice))

    same = alice.web.get(live).status_code
    use(alice, now)
    changed = alice.web.get(live).status_code

    assert (same, changed) == (204, 200)


def test_the_page_costs_the_same_statements_however_much_was_used(
    team_owner: Person, bob: Person, now: datetime
) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            page_of(team_owner)
        return len(queries)

    use(team_owner, now, key="first")
    use(bob, now, key="first")
    page_of(team_owner)
    few = cost()
    for number in range(12):
        use((team_owner, bob)[number % 2], now - timedelta(minutes=number), key=str(number), tokens=200 + number)

    assert cost() == few <= MOST_STATEMENTS


def banner(page: str) -> str:
    found = re.search(r'<section class="callout banner (.*?)</section>', page, re.S)
    return re.sub(r"<[^>]+>", "", found[1]) if found else ""


@pytest.fixture
def pro(alice: Person, now: datetime) -> Person:
    """Alice on Pro for ten days, with a quota row."""
    put_on_plan(alice, "pro", now=now - timedelta(days=10))
    use(alice, now - timedelta(days=9))
    return alice


def set_used(person: Person, **used: int) -> None:
    with tenancy.within(person.workspace):
        Period.objects.filter(member_id=person.user.pk).update(**used)


def test_below_four_fifths_no_page_warns(pro: Person) -> None:
    set_used(pro, requests_used=799)

    assert banner(page_of(pro)) == ""


def test_from_four_fifths_every_page_says_when_the_limit_is_reached(pro: Person, now: datetime) -> None:
    set_used(pro, requests_used=800)

    for address in ("/app", "/app/usage", "/app/tasks"):
        said = banner(html.unescape(pro.web.get(address).content.decode()))
        assert said.startswith("warn")
        assert "800 of 1,000 questions are used." in said
        assert f"lasts until {date_format(now + timedelta(days=2.5), 'j M Y')}" in said
        assert "Compare plans" in said


@pytest.mark.parametrize(
    ("used", "what"),
    [({"requests_used": 1_000}, "1,000 questions"), ({"tokens_used": 1_000_000}, "1,000,000 tokens")],
)
def test_at_the_limit_every_page_says_what_has_stopped_and_when_it_returns(
    pro: Person, used: dict[str, int], what: str
) -> None:
    set_used(pro, **used)
    resets_at = datetime.fromisoformat(pro.api.get("/usage/quota").json()["period"]["ends_at"])

    said = banner(page_of(pro))

    assert said.startswith('bad" role="alert"')
    assert f"All {what} are used. Asking has stopped until {date_format(resets_at, 'j M Y')}." in said
    assert "Compare plans" in said


def test_too_few_tokens_for_a_question_are_said_to_be(pro: Person) -> None:
    set_used(pro, tokens_used=999_990)

    assert "What is left of 1,000,000 tokens is too little for a question." in banner(page_of(pro))


def test_a_used_up_trial_leads_to_the_plans(alice: Person, now: datetime) -> None:
    use(alice, now)
    set_used(alice, requests_used=120)

    assert "All 120 questions of the trial are used. Asking has stopped; a paid plan" in banner(page_of(alice))


def test_a_viewer_is_not_told_about_asking(team_owner: Person, vera: Person) -> None:
    assert banner(page_of(vera)) == ""


def test_a_member_at_their_cap_is_told_when_it_returns(team_owner: Person, bob: Person, now: datetime) -> None:
    use(bob, now)
    set_used(bob, requests_used=5_000)

    said = banner(page_of(bob))

    assert "All 5,000 questions are used. Asking has stopped until" in said
    assert "Compare plans" not in said
    assert banner(page_of(team_owner)) == ""


def test_of_what_is_used_up_no_pace_is_told(team_owner: Person, bob: Person, now: datetime) -> None:
    use(bob, now)
    Membership.objects.filter(pk=bob.membership.pk).update(request_cap=0)

    assert "1 of 0" in page_of(bob)
    assert "on pace" not in page_of(bob).split("1 of 0", 1)[1].split("</li>")[0]


def test_a_failed_payment_goes_before_a_limit_that_is_near(pro: Person, now: datetime) -> None:
    set_used(pro, requests_used=800)
    values: dict[str, Any] = {"status": "past_due", "past_due_since": now}
    Subscription.objects.filter(workspace=pro.workspace).update(**values)

    assert "The last payment failed." in banner(page_of(pro))


def test_twelve_months_say_of_which_years(alice: Person, now: datetime) -> None:
    page = page_of(alice, "?period=year")

    assert f"to {date_format(now, 'j F Y')}" in page or f"1 January to {date_format(now, 'j F')}" in page
