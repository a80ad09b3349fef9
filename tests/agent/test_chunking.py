import re
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from agent.chunking import Chunk, chunk
from agent.passages import Passage

LIMIT = 60


def words(text: str) -> int:
    """Like the model's counter in kind: words and marks, and long words in several parts."""
    return sum((len(found) + 7) // 8 for found in re.findall(r"\w+|[^\w\s]", text))


def cut(passages: list[Passage], title: str = "Handbook", properties: tuple[tuple[str, str], ...] = ()) -> list[Chunk]:
    return chunk(passages, title, properties, LIMIT, count_tokens=words)


def paragraph(text: str, *path: str, block: str = "b") -> Passage:
    return Passage(block, "paragraph", text, path)


texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]) | st.sampled_from(" .\n"), max_size=400)
kinds = st.sampled_from(["heading", "paragraph", "list", "todo", "code", "quote", "caption", "properties"])
paths = st.lists(st.sampled_from(["Refunds", "Teams", "A rather long heading of a section"]), max_size=3).map(tuple)


@st.composite
def pages(draw: st.DrawFn) -> list[Passage]:
    drawn = draw(st.lists(st.tuples(kinds, texts, paths), max_size=12))
    return [Passage(f"block-{position}", *rest) for position, rest in enumerate(drawn)]


@given(pages(), st.text(max_size=60))
def test_nothing_is_lost(passages: list[Passage], title: str) -> None:
    found: dict[str, str] = {}

    for each in cut(passages, title):
        for block_id, start, end in each.spans:
            found[block_id] = found.get(block_id, "") + each.text[start:end]

    assert {key: _dense(text) for key, text in found.items()} == {
        passage.block_id: _dense(passage.text) for passage in passages if passage.text.strip()
    }


@given(pages(), st.text(max_size=300))
def test_no_chunk_is_over_the_limit(passages: list[Passage], title: str) -> None:
    for each in cut(passages, title):
        assert each.tokens == words(each.embedded)
        assert each.tokens <= LIMIT


@given(pages(), st.text(max_size=60))
def test_a_passage_is_divided_only_when_longer_than_a_chunk(passages: list[Passage], title: str) -> None:
    chunks = cut(passages, title)

    for passage in passages:
        homes = [each for each in chunks if passage.block_id in {span[0] for span in each.spans}]
        alone = [passage.text] if words(passage.text) <= LIMIT // 2 else []
        assert len(homes) <= 1 or not alone


@given(pages(), st.text(max_size=60))
def test_the_same_page_gives_the_same_fingerprints(passages: list[Passage], title: str) -> None:
    first, second = cut(passages, title), cut(list(passages), title)

    assert [each.fingerprint for each in first] == [each.fingerprint for each in second]


@given(st.integers(2, 60), st.integers(1, 5))
def test_a_table_is_divided_between_rows_under_its_header(rows: int, columns: int) -> None:
    header = "\n".join(["| " + " | ".join(f"column{n}" for n in range(columns)) + " |", "|" + " --- |" * columns])
    cells = ["| " + " | ".join(f"r{row}c{n}" for n in range(columns)) + " |" for row in range(rows)]
    passages = [
        Passage("head", "table", header, ()),
        *(Passage(f"row{n}", "table", c, ()) for n, c in enumerate(cells)),
    ]

    chunks = cut(passages, "T")

    assert all(each.text.startswith(header + "\n") for each in chunks)
    assert [line for each in chunks for line in each.text.removeprefix(header + "\n").split("\n")] == cells


def test_a_section_begins_a_chunk_and_names_its_path() -> None:
    body = "Refunds take thirty days and need the original receipt of the customer who bought it. " * 2

    heading = Passage("h", "heading", "## Refunds", ("Refunds",))
    chunks = cut([paragraph(body), heading, paragraph(body, "Refunds", block="p")])

    assert [each.context for each in chunks] == ["Handbook", "Handbook > Refunds"]
    assert chunks[1].text.startswith("## Refunds\n\nRefunds take")
    assert [block for block, _, _ in chunks[1].spans] == ["h", "p"]


def test_small_sections_share_a_chunk() -> None:
    chunks = cut([paragraph("One.", "A"), paragraph("Two.", "B")])

    assert [(each.text, each.heading_path) for each in chunks] == [("One.\n\nTwo.", ())]


def test_a_heading_never_ends_a_chunk() -> None:
    filler = " ".join(["word"] * 45)

    chunks = cut(
        [
            Passage("f", "list", "- x", ()),
            Passage("h", "heading", "# Next", ("Next",)),
            paragraph(filler, "Next"),
            Passage("h2", "heading", "# Last", ("Last",)),
            paragraph(filler, "Last", block="c"),
        ]
    )

    assert all(not each.text.split("\n")[-1].startswith("#") for each in chunks)


def test_properties_come_first_and_belong_to_the_page() -> None:
    (only,) = cut([paragraph("Body.")], properties=(("Status", "Done"), ("Empty", ""), ("Due", "2026-11-30")))

    assert only.text == "Status: Done\nDue: 2026-11-30\n\nBody."
    assert only.spans == (("", 0, 28), ("b", 30, 35))


def test_code_is_kept_whole_where_it_fits_and_fenced_where_not() -> None:
    long = "```python\n" + "\n".join(f"call_{n}(argument)" for n in range(40)) + "\n```"

    chunks = cut([Passage("c", "code", long, ())])

    assert len(chunks) > 1
    assert all(each.text.startswith("```python\n") and each.text.endswith("\n```") for each in chunks)


def test_a_page_without_text_is_found_by_its_title() -> None:
    (only,) = cut([], title="Offsite 2026")

    assert (only.text, only.context, only.spans) == ("Offsite 2026", "", ())


def test_another_title_is_another_fingerprint() -> None:
    assert cut([paragraph("x")], "One")[0].fingerprint != cut([paragraph("x")], "Two")[0].fingerprint


def test_a_word_without_end_is_divided() -> None:
    chunks = cut([paragraph("x" * 5_000)])

    assert "".join(each.text for each in chunks) == "x" * 5_000
    assert all(len(first.text) >= len(second.text) for first, second in pairwise(chunks))


def _dense(text: str) -> str:
    return "".join(text.replace("`", "").split())
