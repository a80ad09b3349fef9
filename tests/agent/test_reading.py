import pytest

from agent.markdown.reading import as_read


@pytest.mark.parametrize(
    ("markdown", "read"),
    [
        ("The tasks are in [Launch plan](https://app.notion.com/p/1).", "The tasks are in Launch plan."),
        ("| HRB-4012 | Payment **refused** | Paywell |", "HRB-4012 · Payment refused · Paywell"),
        ("| Code | Meaning |\n| --- | --- |\n| A | b |", "Code · Meaning A · b"),
        ("- [x] Order the laptop", "Order the laptop"),
        ("> Quoted\n> twice", "Quoted twice"),
        ("-", ""),
        ("Costs 5 \\* 3 and `code`", "Costs 5 * 3 and code"),
        ("2 * 3 = 6", "2 * 3 = 6"),
    ],
)
def test_marks_are_left_out_and_words_stay(markdown: str, read: str) -> None:
    assert as_read(markdown) == read
