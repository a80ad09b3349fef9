"""The plan page as somebody reads it."""

import re
from html import unescape

from tests.people import Person


def text(person: Person, query: str = "", **headers: str) -> str:
    answer = person.web.get(f"/app/plan{query}", headers=headers)
    assert answer.status_code == 200
    words = re.sub(r"<[^>]+>", " ", answer.content.decode())
    return re.sub(r"\s+", " ", unescape(words)).replace("\u00a0", " ")
