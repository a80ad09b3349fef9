"""Passages as a model of a vendor reads them: numbered, between marks that no text can forge. Pure."""

import re
import secrets
from collections.abc import Iterable

from agent.candidates import Candidate
from agent.runs.sentences import UNSEEN

MOST_CHARACTERS = 6_000
NOTHING = "Nothing was found."
_MARK = re.compile(r"<(?=/?\s*passage\b)", re.IGNORECASE)


class Passages:
    """Those that one model was given in one run. Each has its number for the whole of it."""

    def __init__(self) -> None:
        # Made for this run and told to the model alone, before any page is read.
        self.key = secrets.token_hex(8)
        self._numbers: dict[str, int] = {}
        self._given: dict[int, Candidate] = {}

    def get(self, number: int) -> Candidate | None:
        return self._given.get(number)

    def shown(self, candidates: Iterable[Candidate]) -> str:
        """As many as a model is given at once, the best first."""
        shown, left = list[str](), MOST_CHARACTERS
        for each in candidates:
            body = self._body(each)
            if shown and len(body) > left:
                break
            left -= len(body)
            # Only what is shown has a number, by which it can be cited.
            number = self._numbers.setdefault(each.chunk_id, len(self._numbers) + 1)
            self._given[number] = each
            shown.append(f"<passage {number} {self.key}>\n{body}\n</passage {number} {self.key}>")
        return "\n".join(shown) or NOTHING

    def _body(self, candidate: Candidate) -> str:
        edited = f", edited {candidate.edited_at:%Y-%m-%d}" if candidate.edited_at else ""
        head = f"Page: {candidate.title} ({candidate.place or 'Notion'}{edited})"
        body = "\n".join(filter(None, (head, candidate.context, candidate.text)))
        return self._harmless(body[:MOST_CHARACTERS])

    def _harmless(self, text: str) -> str:
        return _MARK.sub("‹", UNSEEN.sub("", text)).replace(self.key, "")
