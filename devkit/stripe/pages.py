"""The frame of the hosted pages. They say what they are, and need no JavaScript."""

from __future__ import annotations

from html import escape

from devkit.notion.http import Response, html_response
from devkit.stripe import cards

STYLE = """
:root{color-scheme:light dark}
*{box-sizing:border-box}
body{font:16px/1.5 system-ui,sans-serif;margin:0;color:#1a1f36;background:#f6f8fa}
main{max-width:34rem;margin:2rem auto;padding:0 1rem}
.notice{background:#fff4d6;color:#4a3500;padding:.6rem 1rem;text-align:center;border-bottom:1px solid #e2c46b}
.card{background:#fff;border:1px solid #d5dbe1;border-radius:.6rem;padding:1.25rem;margin:1rem 0}
h1{font-size:1.35rem;line-height:1.3}h2{font-size:1.05rem;margin:.2rem 0 .6rem}
table{width:100%;border-collapse:collapse}th,td{text-align:left;padding:.35rem 0;vertical-align:top}
td.sum,th.sum{text-align:right;white-space:nowrap;padding-left:1rem}
tr.total{border-top:1px solid #d5dbe1;font-weight:600}
label{display:block;margin:.7rem 0 .2rem;font-weight:600}
input{font:inherit;width:100%;padding:.55rem .7rem;border:1px solid #6b7683;border-radius:.4rem;
background:#fff;color:#1a1f36}
button,.button{font:inherit;display:inline-block;padding:.6rem 1.2rem;border-radius:.4rem;border:1px solid #6b7683;
background:#fff;color:#1a1f36;cursor:pointer;text-decoration:none;margin:.3rem .4rem .3rem 0}
button.primary{background:#4338ca;border-color:#4338ca;color:#fff}
:focus-visible{outline:3px solid #2563eb;outline-offset:2px}
.problem{background:#fdecec;border:1px solid #b42318;color:#7a150d;border-radius:.4rem;padding:.6rem .9rem}
.done{background:#e8f6ec;border:1px solid #1a7f37;color:#0f5323;border-radius:.4rem;padding:.6rem .9rem}
.quiet{color:#4b5563}a{color:#3730a3}code{font-size:.95em}details{margin:.8rem 0}
@media(prefers-color-scheme:dark){body{background:#12161c;color:#e6e9ee}.card{background:#1b2129;border-color:#3a4450}
.notice{background:#4a3a0c;color:#ffeec2;border-color:#7a6219}
button,.button,input{background:#12161c;color:#e6e9ee;border-color:#8793a1}
.quiet{color:#a9b4c0}a{color:#a5b4fc}tr.total{border-color:#3a4450}
.problem{background:#3d1512;color:#ffd5d0}.done{background:#10301b;color:#c9f2d5}}
"""
NOTICE = "This is a local stand-in for Stripe. It takes no money, and no real card."


def page(title: str, body: str, *, status: int = 200) -> Response:
    return html_response(
        status,
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex">'
        f"<title>{escape(title)} – stand-in for Stripe</title><style>{STYLE}</style></head><body>"
        f'<header class="notice">{NOTICE}</header><main><h1>{escape(title)}</h1>{body}</main></body></html>',
    )


def see_other(to: str) -> Response:
    return Response(303, b"", {"location": to})


def problem(message: str | None) -> str:
    return f'<p class="problem" role="alert">{escape(message)}</p>' if message else ""


def table(rows: list[tuple[str, str]], total: tuple[str, str] | None = None) -> str:
    shown = "".join(f'<tr><td>{escape(what)}</td><td class="sum">{escape(sum)}</td></tr>' for what, sum in rows)
    if total:
        shown += (
            f'<tr class="total"><th scope="row">{escape(total[0])}</th><td class="sum">{escape(total[1])}</td></tr>'
        )
    return f"<table>{shown}</table>"


CARD_FIELDS = (
    '<label for="card">Card number</label><input id="card" name="card" inputmode="numeric" autocomplete="off" required'
    ' value="{card}" aria-describedby="cards">'
)


def card_fields(typed: str = "4242 4242 4242 4242") -> str:
    rows = "".join(f"<li><code>{_grouped(card.number)}</code> {escape(card.says)}</li>" for card in cards.CARDS)
    return CARD_FIELDS.format(card=escape(typed)) + (
        f'<details id="cards"><summary>Test cards</summary><ul>{rows}</ul></details>'
        '<p class="quiet">Expiry date and CVC are not asked for.</p>'
    )


def _grouped(number: str) -> str:
    return " ".join(number[at : at + 4] for at in range(0, len(number), 4))


def authentication(action: str, cancel: str | None, hidden: str = "") -> Response:
    back = f'<p><a href="{escape(cancel)}">Back</a></p>' if cancel else ""
    return page(
        "3-D Secure",
        '<div class="card"><p>Your bank would like to know that it is you.</p>'
        f'<form method="post" action="{escape(action)}">{hidden}'
        '<button class="primary" name="authentication" value="complete">Complete authentication</button>'
        '<button name="authentication" value="fail">Fail authentication</button></form></div>' + back,
    )
