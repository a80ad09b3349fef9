"""The page on which a person pays for a subscription."""

from __future__ import annotations

from html import escape
from typing import Any

from devkit.notion.http import Request, Response
from devkit.stripe import cards, checkout, money, pages
from devkit.stripe.errors import ApiError
from devkit.stripe.world import World

Json = dict[str, Any]
NOT_A_TEST_CARD = "Your card number is not one of the test cards. This stand-in takes no other."
NOT_AUTHENTICATED = (
    "We are unable to authenticate your payment method. Please choose a different payment method and try again."
)


def answer(world: World, request: Request, id: str, step: str) -> Response:
    session = world.get("checkout.session", id)
    if session["status"] != "open":
        return _over(session)
    if request.method == "GET":
        return _ask(session) if step == "authenticate" and session["_card"] else show(world, session)
    form = dict(request.form())
    if step == "authenticate":
        return _authenticated(world, session, form.get("authentication") == "complete")
    return _pay(world, session, form)


def _pay(world: World, session: Json, form: dict[str, str]) -> Response:
    typed = form.get("card", "")
    card = cards.by_number(typed)
    world.change(session, _email=form.get("email") or None, _name=form.get("name") or None)
    if card is None:
        return show(world, session, NOT_A_TEST_CARD)
    if card.authentication != "never":
        world.change(session, _card=card.number)
        return pages.see_other(f"/c/pay/{session['id']}/authenticate")
    return _complete(world, session, card, authenticated=False)


def _authenticated(world: World, session: Json, passed: bool) -> Response:
    card = cards.BY_NUMBER.get(session["_card"] or "")
    world.change(session, _card=None)
    if card is None or not passed:
        return show(world, session, NOT_AUTHENTICATED)
    return _complete(world, session, card, authenticated=True)


def _complete(world: World, session: Json, card: cards.Card, *, authenticated: bool) -> Response:
    try:
        with world.transaction():
            checkout.complete(world, session, card, authenticated=authenticated)
    except ApiError as refused:
        return show(world, session, str(refused))
    return pages.see_other(session["success_url"].replace("{CHECKOUT_SESSION_ID}", session["id"]))


def _over(session: Json) -> Response:
    words = "You have already paid." if session["status"] == "complete" else "This page has expired."
    return pages.page("Checkout", f'<p class="card">{words}</p>', status=410 if session["status"] == "expired" else 200)


def _ask(session: Json) -> Response:
    return pages.authentication(f"/c/pay/{session['id']}/authenticate", f"/c/pay/{session['id']}")


def show(world: World, session: Json, problem: str | None = None) -> Response:
    rows = [
        (f"{line['quantity']} × {line['description']}", money.shown(line["amount_total"], line["currency"]))
        for line in session["_line_items"]
    ]
    price = world.objects[session["_line_items"][0]["price"]]
    each = f"Total for each {price['recurring']['interval']}"
    total = money.shown(session["amount_total"], session["currency"])
    customer = world.objects.get(session["customer"] or "")
    email = (customer or {}).get("email") or session["_email"] or session["customer_email"] or ""
    cancel = session["cancel_url"]
    body = (
        f'<section class="card" aria-label="What you buy">{pages.table(rows, (each, total))}</section>'
        f'{pages.problem(problem)}<form class="card" method="post" action="/c/pay/{session["id"]}">'
        f'<label for="email">Email</label><input id="email" name="email" type="email" value="{escape(email)}"'
        f' autocomplete="email"{" readonly" if customer and email else ""}>'
        '<label for="name">Name on card</label>'
        f'<input id="name" name="name" autocomplete="off" value="{escape(session["_name"] or "")}">'
        f'{pages.card_fields()}<button class="primary">Subscribe for {escape(total)}</button></form>'
        + (f'<p><a href="{escape(cancel)}">Back</a></p>' if cancel else "")
    )
    return pages.page("Subscribe", body, status=402 if problem else 200)
