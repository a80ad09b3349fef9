from hypothesis import given
from hypothesis import strategies as st

from agent.candidates import Candidate
from agent.excerpts import Excerpt, excerpts


def read(text: str, block: str = "b") -> list[Excerpt]:
    return list(excerpts(Candidate(chunk_id="c", page_id="p", title="T", text=text, spans=((block, 0, len(text)),))))


def shown(text: str, block: str = "b") -> list[str]:
    return [each.shown for each in read(text, block)]


def test_prose_is_read_sentence_by_sentence() -> None:
    text = "We ship on Mondays, e.g. to Dr. Who. Is it free? Yes."

    assert shown(text) == ["We ship on Mondays, e.g. to Dr. Who.", "Is it free?", "Yes."]


def test_items_lose_their_marks_and_say_whether_they_are_done() -> None:
    assert shown("- plain\n1. first\n- [ ] to do\n  - [x] finished") == [
        "plain", "first", "to do (open)", "finished (done)"
    ]  # fmt: skip


def test_a_row_is_read_with_the_labels_of_its_header() -> None:
    rows = read("| Plan | Price |\n| --- | --- |\n| Pro | $10 |\n| Teams |  |")

    assert [row.shown for row in rows] == ["Plan: Pro, Price: $10", "Plan: Teams"]
    assert rows[0].quote == "| Pro | $10 |"


def test_properties_are_read_line_by_line() -> None:
    assert [(each.kind, each.shown) for each in read("Status: Done\nDue: 2026-12-01", "")] == [
        ("property", "Status: Done"),
        ("property", "Due: 2026-12-01"),
    ]


def test_addresses_and_false_citations_are_not_shown() -> None:
    assert shown("See [the guide](https://x.example/a) and ![plan](https://y.example) [7].") == [
        "See the guide and plan (7)."
    ]


def test_headings_are_not_quoted() -> None:
    assert shown("## Refunds") == []


@given(st.text(st.characters(codec="utf-8") | st.sampled_from("|-#>`[]().!\n "), max_size=200))
def test_every_quote_stands_where_it_says(text: str) -> None:
    for each in read(text):
        assert each.quote
        assert text[each.start : each.start + len(each.quote)] == each.quote
