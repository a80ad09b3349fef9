from agent.candidates import Candidate
from agent.composing import Citation
from agent.runs.citing import checked

SIDE = "The long road winds along the coast for many miles before it reaches the harbour of the old town, at last."
TEXT = f"{SIDE} Boats leave at noon. {SIDE}"
PAGE = Candidate(chunk_id="c", page_id="p", title="Boats", text=TEXT, spans=(("b", 0, len(TEXT)),), place="Handbook")


def cited() -> dict[str, str]:
    citation = Citation(1, "c", "p", "b", "Boats leave at noon.")
    (shown,) = checked([citation], {"c": PAGE})
    return shown


def test_what_stands_around_a_quote_is_cut_between_words() -> None:
    shown = cited()

    assert shown["before"].startswith("…")
    assert shown["after"].endswith("…")
    assert SIDE.endswith(" " + shown["before"].removeprefix("…"))
    assert SIDE.startswith(shown["after"].removesuffix("…") + " ")


def test_a_citation_says_which_source_its_page_belongs_to() -> None:
    assert cited()["place"] == "Handbook"


def test_words_without_spaces_are_cut_where_they_must_be() -> None:
    page = PAGE.model_copy(update={"text": "海" * 200 + "Boats leave at noon.", "spans": (("b", 0, 220),)})

    (shown,) = checked([Citation(1, "c", "p", "b", "Boats leave at noon.")], {"c": page})

    assert shown["before"] == "…" + "海" * 90
