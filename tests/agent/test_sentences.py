"""What a model writes is taken to sentences while it writes, and loses its links."""

import pytest
from hypothesis import given
from hypothesis.strategies import integers, lists, sampled_from

from agent.runs.sentences import Sentence, Splitter, without_links

TEXT = (
    "Everyone has 28 days of holiday [1]. Dr. Ruiz approves them. [2][3] Hotels cost e.g. 140 euros [4, 5].\n\n"
    "The list:\n- Pens are free [1]\n- Paper too [2]. And ink [3]\n1. First [4]\n\nThe end [9]"
)


def split(text: str, size: int) -> list[Sentence]:
    splitter, found = Splitter(), list[Sentence]()
    for at in range(0, len(text), size):
        found += splitter.feed(text[at : at + size])
    return found + list(splitter.finish())


def test_sentences_come_with_the_passages_they_name() -> None:
    found = split(TEXT, len(TEXT))

    assert [(each.text, each.marks) for each in found] == [
        ("Everyone has 28 days of holiday.", (1,)),
        ("Dr. Ruiz approves them.", (2, 3)),
        ("Hotels cost e.g. 140 euros.", (4, 5)),
        ("The list:", ()),
        ("Pens are free", (1,)),
        ("Paper too.", (2,)),
        ("And ink", (3,)),
        ("First", (4,)),
        ("The end", (9,)),
    ]
    assert [each.prefix for each in found] == ["", "", "", "", "- ", "- ", "- ", "1. ", ""]
    assert [each.opens_line for each in found] == [True, False, False, True, True, True, False, True, True]
    assert [each.opens_paragraph for each in found] == [False, False, False, True, False, False, False, False, True]


@given(size=integers(1, 40))
def test_it_does_not_matter_in_which_pieces_it_comes(size: int) -> None:
    assert split(TEXT, size) == split(TEXT, len(TEXT))


@given(
    parts=lists(sampled_from(["A b. ", "[1]", "\n", "- ", "x", ". ", "1. ", " [2] "]), max_size=12), size=integers(1, 9)
)
def test_of_anything_nothing_is_lost_or_said_twice(parts: list[str], size: int) -> None:
    text = "".join(parts)

    said = "".join(each.text for each in split(text, size))

    assert sorted(said.replace(" ", "").replace("-", "")).count("x") == text.count("x")


def test_a_sentence_is_told_as_soon_as_its_end_is_sure() -> None:
    splitter = Splitter()

    assert list(splitter.feed("Everyone has 28 days [1].")) == []
    assert [each.text for each in splitter.feed(" It")] == ["Everyone has 28 days."]


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("See [the page](https://evil.example/?q=secret) now", "See the page now"),
        ("![x](https://evil.example/a.png) now", "x now"),
        ("Go to https://evil.example/a?b=c now", "Go to … now"),
        ("Go to <https://evil.example> or www.evil.example now", "Go to … or … now"),
        ('<img src="https://evil.example/x"> <b>bold</b>', "bold"),
        ("[a][b] and [b]: https://evil.example", "a and"),
        ("javascript:alert(1) mailto:a@b.example", "… …"),
        ("un\u200bseen \u202eturned", "unseen turned"),
        ("28 < 30 and 5 > 3", "28 < 30 and 5 > 3"),
    ],
)
def test_links_and_images_are_their_words(text: str, clean: str) -> None:
    assert without_links(text) == clean


def test_the_address_of_a_cited_page_stays() -> None:
    page = "https://www.notion.so/abc"

    assert without_links(f"[Time off]({page}), {page}, {page}x", {page}) == f"[Time off]({page}), {page}, …"
