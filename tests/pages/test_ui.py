import datetime as dt

import pytest
from django.template import Context

from config.templatetags import ui
from tests.pages.gallery import engine
from tests.pages.samples import NOW, before


def shown(source: str, **context: object) -> str:
    return engine().from_string("{% load ui %}" + source).render(Context({"now": NOW} | context))


def test_numbers_have_separators_and_limits_are_said_in_full() -> None:
    assert ui.of(1248, 2000) == "1,248 of 2,000"


def test_a_share_is_rounded_down_so_that_only_full_is_100() -> None:
    assert (ui.percent(1999, 2000), ui.tone(1999, 2000)) == (99, "warn")
    assert (ui.percent(2000, 2000), ui.tone(2000, 2000)) == (100, "bad")


def test_prices_show_cents_only_when_there_are_some() -> None:
    assert (ui.money(1_000), ui.money(3_912)) == ("$10", "$39.12")


@pytest.mark.parametrize(
    ("milliseconds", "words"), [(1_972, "2.0"), (1_949, "1.9"), (50, "0.1"), (49, "<0.1"), (0, "0.0"), (1_250.0, "1.3")]
)
def test_seconds_are_rounded(milliseconds: float, words: str) -> None:
    assert ui.seconds(milliseconds) == f"{words}\u00a0s"


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (before(seconds=20), "now"),
        (before(minutes=4), "4\u00a0min ago"),
        (before(hours=2), "2\u00a0h ago"),
        (before(days=1), "yesterday 14:00"),
        (before(days=3), "3 days ago"),
        (before(days=10), "12\u00a0Nov"),
        (before(days=400), "18\u00a0Oct\u00a02025"),
        ("2026-11-22T13:56:00Z", "4\u00a0min ago"),
    ],
)
def test_a_moment_is_said_as_people_say_it(moment: dt.datetime | str, words: str) -> None:
    html = shown("{% ago moment %}", moment=moment)

    assert html.endswith(f">{words}</time>")


def test_a_meter_turns_amber_at_80_and_red_at_100_percent() -> None:
    html = [shown("{% meter used 100 'pages' %}", used=used) for used in (79, 80, 100)]

    assert [("warn" in one, "bad" in one) for one in html] == [(False, False), (True, False), (False, True)]
    assert 'aria-label="79 of 100 pages"' in html[0]


def test_every_whole_percent_is_shown_as_it_is() -> None:
    assert [ui.percent(used, 100) for used in range(101)] == list(range(101))
    assert [ui.percent(used * 10, 1_000) for used in range(101)] == list(range(101))
    assert (ui.percent(799, 1_000), ui.percent(999_999, 1_000_000)) == (79, 99)


def test_started_work_is_visible_and_never_amber() -> None:
    html = shown("{% meter 1 1000 'pages' 'work' %}")

    assert 'width="2.0%"' in html
    assert "warn" not in html


def test_a_chart_says_its_numbers_and_offers_them_as_a_table() -> None:
    series = [(NOW.date() - dt.timedelta(days=1), 90), (NOW.date(), 9)]

    html = shown("{% bars series 'questions per day' %}", series=series)

    assert "Bar chart of questions per day, 21 November to 22 November. 99 in total, highest 90." in html
    assert html.count("<title>") == 2
    assert '<td class="r">90</td>' in html


def test_an_empty_chart_can_be_drawn() -> None:
    assert "0 in total" in shown("{% bars series 'questions per day' %}", series=[])


def test_a_late_task_is_red() -> None:
    html = shown("{% due on %}", on=NOW.date() - dt.timedelta(days=2))

    assert 'class="badge bad"' in html
    assert "2 days late" in html


def test_what_is_done_is_never_late() -> None:
    html = shown("{% due on is_done=True %}", on=(NOW - dt.timedelta(days=3)).date())

    assert "late" not in html
    assert "badge bad" not in html


@pytest.mark.parametrize(("days", "width"), [(1, 8.0), (7, 8.0), (30, 2.22)])
def test_few_days_are_not_drawn_as_walls(days: int, width: float) -> None:
    html = shown("{% bars series 'questions' %}", series=[(before(days=n).date(), n) for n in range(days)])

    assert html.count(f'width="{width:.2f}%"') == days
