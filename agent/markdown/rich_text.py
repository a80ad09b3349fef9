"""Notion's rich text as one line of Markdown, or as plain words.

Words come from `plain_text`: mentions and equations have no other. Marks are set only around whole words, since one
word may be split over several items and must stay findable. Nothing is escaped, for the same reason.
"""

import re
from typing import Any
from urllib.parse import urlsplit

_SIGNED = re.compile(r"[?&]X-Amz-(?:Signature|Credential|Security-Token)=", re.IGNORECASE)
_MARKS = (("strikethrough", "~~"), ("italic", "*"), ("bold", "**"))


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
    for position, (words, style, href) in enumerate(runs):
        before = runs[position - 1][0][-1:] if position else ""
        after = runs[position + 1][0][:1] if position + 1 < len(runs) else ""
        parts.append(_marked(words, style, href, whole=not (_joins(before, words[:1]) or _joins(words[-1:], after))))
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


def _runs(rich_text: object) -> list[tuple[str, frozenset[str], str]]:
    """Neighbours of one style and one link, joined."""
    runs: list[tuple[str, frozenset[str], str]] = []
    for item in _items(rich_text):
        words, style, href = _words(item), _style(item), _href(item)
        if not words:
            continue
        if runs and runs[-1][1:] == (style, href) and "equation" not in style:
            runs[-1] = (runs[-1][0] + words, style, href)
        else:
            runs.append((words, style, href))
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


def _joins(left: str, right: str) -> bool:
    return bool(left and right) and left.isalnum() and right.isalnum()


def _marked(words: str, style: frozenset[str], href: str, *, whole: bool) -> str:
    core = words.strip()
    if not core:
        return words
    lead, trail = words[: words.index(core)], words[words.index(core) + len(core) :]
    if "equation" in style:
        return f"{lead}${core}${trail}"
    if "code" in style and "\n" not in core:
        core = _code(core)
    elif whole and not set(core) & {"*", "~", "\n"}:
        for name, mark in _MARKS:
            if name in style:
                core = f"{mark}{core}{mark}"
    if href and "\n" not in core:
        core = link(core, href)
    return f"{lead}{core}{trail}"


def _code(words: str) -> str:
    longest = max((len(run) for run in re.findall(r"`+", words)), default=0)
    fence = "`" * (longest + 1)
    space = " " if longest else ""
    return f"{fence}{space}{words}{space}{fence}"
