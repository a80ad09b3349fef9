"""The page that moves everybody's clock, so that renewals and ends can be seen without waiting for them."""

from __future__ import annotations

from datetime import UTC, datetime

from devkit.notion.http import Request, Response
from devkit.stripe import due, pages
from devkit.stripe.periods import DAY
from devkit.stripe.world import World

STEPS = {"1": "One day on", "7": "One week on", "31": "31 days on"}


def answer(world: World, request: Request, id: str, step: str) -> Response:
    if request.method == "POST" and (days := dict(request.form()).get("days", "")) in STEPS:
        due.move_clock(world, world.now() + int(days) * DAY)
        return pages.see_other("/clock/")
    now = datetime.fromtimestamp(world.now(), tz=UTC)
    today = f"{datetime.now(tz=UTC):%-d %B %Y}"
    product = f"The product keeps its own time, {today}; its plan page says that this one is ahead."
    buttons = "".join(f'<button name="days" value="{days}">{words}</button>' for days, words in STEPS.items())
    return pages.page(
        "Clock",
        f'<section class="card"><p>Here it is <strong>{now:%-d %B %Y, %H:%M} UTC</strong>. What becomes due on the way '
        f"happens: renewals, retries, ends. It only goes forwards. {product}</p>"
        f'<form method="post" action="/clock/">{buttons}</form></section>',
    )
