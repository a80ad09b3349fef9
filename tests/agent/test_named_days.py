"""A day, week, month or year that a question names is the dates it means."""

from datetime import date

import pytest

from agent import days


@pytest.mark.parametrize(
    ("said", "today", "meant", "others"),
    [
        ("due on 2026-12-11", date(2026, 11, 22), {"2026-12-11"}, {"2026-11-12"}),
        ("due on 3 May", date(2026, 11, 22), {"2026-05-03", "2027-05-03"}, {"2026-05-30", "2026-03-05"}),
        ("due on the 3rd of May, 2026", date(2026, 11, 22), {"2026-05-03"}, {"2027-05-03"}),
        ("due Sept 30", date(2026, 11, 22), {"2026-09-30"}, {"2026-09-03"}),
        ("renew in May", date(2026, 11, 22), {"2026-05-03", "2027-05-30"}, {"2026-03-05"}),
        ("renew in 2027", date(2026, 11, 22), {"2027-01-01"}, {"2026-12-31"}),
        ("due today", date(2026, 12, 31), {"2026-12-31"}, {"2027-01-01"}),
        ("due tomorrow", date(2026, 12, 31), {"2027-01-01"}, {"2026-12-31"}),
        ("due this week", date(2026, 12, 31), {"2026-12-28", "2027-01-03"}, {"2026-12-27", "2027-01-04"}),
        ("due next week", date(2026, 12, 31), {"2027-01-04", "2027-01-10"}, {"2027-01-03", "2027-01-11"}),
        ("due last month", date(2027, 1, 31), {"2026-12-01"}, {"2026-11-30", "2027-01-01"}),
        ("due on 4.12.2026", date(2026, 11, 22), {"2026-12-04"}, {"2026-04-12"}),
        ("due on the fourth of December", date(2026, 11, 22), {"2026-12-04"}, {"2026-12-14"}),
        ("due on the twenty-first of December", date(2026, 11, 22), {"2026-12-21"}, {"2026-12-01", "2026-12-20"}),
        ("due on Friday", date(2026, 11, 29), {"2026-12-04"}, {"2026-11-27", "2026-12-11"}),
        ("due on Sunday", date(2026, 11, 29), {"2026-11-29"}, {"2026-12-06"}),
        ("were due on Friday", date(2026, 11, 29), {"2026-11-27"}, {"2026-12-04"}),
        ("due last Sunday", date(2026, 11, 29), {"2026-11-22"}, {"2026-11-29"}),
        ("due next month", date(2026, 12, 31), {"2027-01-31"}, {"2026-12-31", "2026-01-31"}),
    ],
)
def test_what_is_named_is_what_is_meant(said: str, today: date, meant: set[str], others: set[str]) -> None:
    words = days.named(said, today=today).split()

    assert {each for each in meant | others if any(days.is_meant(word, each) for word in words)} == meant


@pytest.mark.parametrize("said", ["it may be due", "assigned to April", "due on 32 things", "a day of 5 marches"])
def test_other_words_stay_as_they_are(said: str) -> None:
    assert days.named(said, today=date(2026, 11, 22)) == said
