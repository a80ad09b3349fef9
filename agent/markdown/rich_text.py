"""Notion's rich text as one line of Markdown, or as plain words.

Words come from `plain_text`: mentions and equations have no other. Marks are set only around whole words, since one
word may be split over several items and must stay findable. Nothing is escaped, for the same reason.
"""

import re
from typing import Any, NamedTuple
from urllib.parse import urlsplit

_SIGNED = re.compile(r"[?&]X-Amz-(?:Signature|Credential|Security-Token)=", re.IGNORECASE)
_MARKS = (("strikethrough", "~~"), ("italic", "*"), ("bold", "**"))
_STYLES = frozenset(name for name, _ in _MARKS)


class _Run(NamedTuple):
    words: str
    style: frozenset[str]
    href: str


def clean(text: str) -> str:
    """Without what a database cannot keep: NUL, and halves of characters (pairs split over two items are joined)."""
    text = text.replace("\0", "")
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def plain(rich_text: object) -> str:
    return "".join(_words(item) for item in _items(rich_text))


def inline(rich_text: object) -> str:
    runs = _runs(rich_text)
    parts = []
    for position, run in enumerate(runs):
        before = position == 0 or _apart(runs[position - 1], runs[position - 1].words[-1], run.words[0])
        after = position + 1 == len(runs) or _apart(runs[position + 1], runs[position + 1].words[0], run.words[-1])
        parts.append(_marked(run, whole=before and after))
    return "".join(parts)


def safe_url(value: object) -> str:
    """An address that may stand in Markdown, or nothing. Signed addresses die within the hour and differ every time."""
    if not isinstance(value, str) or not value or _SIGNED.search(value):
        return ""
    if value.startswith("/") and not value.startswith("//"):
        value = f"https://www.notion.so{value}"
    try:
        scheme = urlsplit(value).scheme.lower()
    except ValueError:
        return ""
    if scheme not in ("http", "https", "mailto"):
        return ""
    return re.sub(r"[\s()<>|]", lambda match: "".join(f"%{byte:02X}" for byte in match[0].encode()), value)


def link(words: str, url: str) -> str:
    words = " ".join(words.split())
    if not url:
        return words
    return url if words in ("", url) else f"[{words.replace('[', '(').replace(']', ')')}]({url})"


def notion_url(object_id: object) -> str:
    plain_id = object_id.replace("-", "") if isinstance(object_id, str) else ""
    return f"https://www.notion.so/{plain_id}" if plain_id.isalnum() else ""


def _items(rich_text: object) -> list[dict[str, Any]]:
    return [item for item in rich_text if isinstance(item, dict)] if isinstance(rich_text, list) else []


def _runs(rich_text: object) -> list[_Run]:
    """Neighbours of one style and one link, joined."""
    runs: list[_Run] = []
    for item in _items(rich_text):
        run = _Run(_words(item), _style(item), _href(item))
        if not run.words:
            continue
        if runs and runs[-1][1:] == run[1:] and "equation" not in run.style:
            runs[-1] = run._replace(words=runs[-1].words + run.words)
        else:
            runs.append(run)
    return runs


def _style(item: dict[str, Any]) -> frozenset[str]:
    annotations = item.get("annotations")
    marks = {name for name, value in annotations.items() if value is True} if isinstance(annotations, dict) else set()
    return frozenset(marks | ({"equation"} if item.get("type") == "equation" else set()))


def _href(item: dict[str, Any]) -> str:
    text = item.get("text")
    target = text.get("link") if isinstance(text, dict) else None
    return safe_url(item.get("href")) or safe_url(target.get("url") if isinstance(target, dict) else None)


def _words(item: dict[str, Any]) -> str:
    words = item.get("plain_text")
    if isinstance(words, str) and words:
        return words
    payload = item.get(str(item.get("type")))
    if not isinstance(payload, dict):
        return ""
    if item.get("type") == "mention":
        return _mentioned(payload)
    words = payload.get("content", payload.get("expression"))
    return words if isinstance(words, str) else ""


def _mentioned(mention: dict[str, Any]) -> str:
    target = mention.get(str(mention.get("type")))
    if not isinstance(target, dict):
        return ""
    for key in ("title", "name", "start", "href", "url"):
        if isinstance(target.get(key), str) and target[key]:
            return str(target[key])
    return ""


def _apart(neighbour: _Run, its_edge: str, own_edge: str) -> bool:
    """Whether marks may stand at this edge: neither inside a word, nor against the marks of the neighbour."""
    if its_edge.isspace() or own_edge.isspace():
        return True
    return not (its_edge.isalnum() and own_edge.isalnum()) and not neighbour.style & _STYLES and not neighbour.href


def _marked(run: _Run, *, whole: bool) -> str:
    words, style, href = run
    core = words.strip()
    if not core:
        return words
    lead, trail = words[: words.index(core)], words[words.index(core) + len(core) :]
    if "equation" in style:
        return f"{lead}${core}${trail}"
    if "\n" in core:
        return words
    if "code" in style:
        core = _code(core)
    elif whole and not set(core) & {"*", "~"}:
        for name, mark in _MARKS:
            if name in style:
                core = f"{mark}{core}{mark}"
    if href and whole:
        core = link(core, href)
    return f"{lead}{core}{trail}"


def _code(words: str) -> str:
    longest = max((len(run) for run in re.findall(r"`+", words)), default=0)
    fence = "`" * (longest + 1)
    space = " " if longest else ""
    return f"{fence}{space}{words}{space}{fence}"
