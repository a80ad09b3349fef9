"""Markdown written by people or models, as HTML that can neither run nor fetch anything."""

import re
from collections.abc import Collection, Iterator, Sequence
from urllib.parse import urlsplit

import nh3
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererProtocol
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

TAGS = {
    *("p", "br", "hr", "strong", "em", "s", "code", "pre", "blockquote", "ul", "ol", "li"),
    *("h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td", "a", "div"),
}
ATTRIBUTES = {
    "a": {"href", "title", "class", "aria-label"},
    "ol": {"start"},
    "div": {"class", "tabindex", "role", "aria-label"},
}
MARKER = re.compile(r"\s*\[(\d{1,3})\]")


def render(text: str, hosts: Collection[str] = (), citations: Collection[int] = (), prefix: str = "s") -> SafeString:
    """Links survive only towards `hosts`; others become their words and the host they wanted to lead to.

    `[3]` becomes a chip leading to `#{prefix}3` when 3 is among `citations`, and vanishes when there are citations
    but not this one.
    """
    tokens = _parser.parse(text)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            # The page has its own h1, so an answer starts below it.
            token.tag = f"h{min(6, int(token.tag[1]) + 1)}"
        if token.children:
            token.children = list(_inline(token.children, hosts, set(citations), prefix))
    html = _parser.renderer.render(tokens, _parser.options, {})
    clean = nh3.clean(
        html,
        tags=TAGS,
        attributes=ATTRIBUTES,
        link_rel="noopener nofollow",
        url_schemes={"http", "https", "mailto"},
    )
    return mark_safe(clean)


def _inline(tokens: Sequence[Token], hosts: Collection[str], citations: set[int], prefix: str) -> Iterator[Token]:
    refused: list[str | None] = []
    for token in tokens:
        if token.type == "link_open":
            refused.append(_refused_host(str(token.attrGet("href") or ""), hosts))
            if refused[-1] is None:
                yield token
        elif token.type == "link_close":
            host = refused.pop()
            yield token if host is None else _text(f" ({host})" if host else "")
        elif token.type == "text" and not refused:
            yield from _chips(token.content, citations, prefix)
        else:
            yield token


def _refused_host(href: str, hosts: Collection[str]) -> str | None:
    """None when the link may stay, else the host to show instead."""
    try:
        host = urlsplit(href).hostname or ""
    except ValueError:
        return ""
    return None if host and host in hosts else host


def _chips(text: str, citations: set[int], prefix: str) -> Iterator[Token]:
    if not citations:
        yield _text(text)
        return
    at = 0
    for found in MARKER.finditer(text):
        yield _text(text[at : found.start()])
        if int(found[1]) in citations:
            chip = format_html(
                '<a class="cite" href="#{}{}" aria-label="{}">{}</a>',
                prefix,
                found[1],
                gettext("Source %(number)s") % {"number": found[1]},
                found[1],
            )
            yield Token("html_inline", "", 0, content=chip)
        at = found.end()
    yield _text(text[at:])


def _text(content: str) -> Token:
    return Token("text", "", 0, content=content)


def _image(
    renderer: RendererProtocol, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
) -> SafeString:
    # An image address could carry page text to another host, so only its words are shown.
    return format_html("{}", tokens[index].content)


def _table_open(*_: object) -> SafeString:
    return format_html('<div class="wrap" tabindex="0" role="group" aria-label="{}"><table>', gettext("Table"))


def _table_close(*_: object) -> SafeString:
    return mark_safe("</table></div>")


_parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
_parser.add_render_rule("image", _image)
_parser.add_render_rule("table_open", _table_open)
_parser.add_render_rule("table_close", _table_close)
