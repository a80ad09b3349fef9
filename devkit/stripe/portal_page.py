"""The billing portal as a page: the plan, the card, the invoices, and the flows that links lead into directly."""

from __future__ import annotations

from html import escape
from typing import Any

from devkit.notion.http import Request, Response
from devkit.stripe import cards, lines, money, pages, portal_deeds, previews, prices, subscriptions
from devkit.stripe.errors import ApiError
from devkit.stripe.portal_deeds import NeedsAuthentication
from devkit.stripe.world import World

Json = dict[str, Any]


def answer(world: World, request: Request, id: str, step: str) -> Response:
    session = world.get("billing_portal.session", id)
    if request.method == "GET":
        if step == "authenticate" and session["_authenticating"]:
            return pages.authentication(f"{_here(session)}/authenticate", _here(session))
        return show(world, session)
    form = dict(request.form())
    try:
        with world.transaction():
            done = portal_deeds.do(world, session, form, authenticating=step == "authenticate")
    except NeedsAuthentication as needs:
        world.change(session, _authenticating=needs.then)
        return pages.see_other(f"{_here(session)}/authenticate")
    except ApiError as refused:
        return show(world, session, problem=str(refused))
    return _after(world, session, done)


def _here(session: Json) -> str:
    return f"/p/session/{session['id']}"


def _after(world: World, session: Json, done: str) -> Response:
    flow = session["flow"]
    if flow is None:
        return show(world, session, done=done)
    after = flow["after_completion"]
    world.change(session, flow=None)
    if after["type"] == "redirect":
        return pages.see_other(after["redirect"]["return_url"])
    words = (after.get("hosted_confirmation") or {}).get("custom_message")
    return show(world, session, done=words or done)


def show(world: World, session: Json, *, problem: str | None = None, done: str | None = None) -> Response:
    customer = world.objects[session["customer"]]
    features = world.objects[session["configuration"]]["features"]
    flow = session["flow"]
    notes = pages.problem(problem) + (f'<p class="done" role="status">{escape(done)}</p>' if done else "")
    back = f'<p><a href="{escape(session["return_url"])}">Back</a></p>' if session["return_url"] else ""
    status = 402 if problem else 200
    if flow is not None:
        title, body = FLOWS[flow["type"]](world, session)
        return pages.page(title, notes + body + back, status=status)
    parts = [_subscription(world, session, one, features) for one in _living(world, customer)]
    if features["payment_method_update"]["enabled"]:
        parts.append(_card(world, session, customer))
    if features["invoice_history"]["enabled"]:
        parts.append(_invoices(world, customer))
    return pages.page("Billing", notes + "".join(parts) + back, status=status)


def _living(world: World, customer: Json) -> list[Json]:
    return [one for one in world.all("subscription", customer=customer["id"]) if one["ended_at"] is None]


def _form(
    session: Json, do: str, label: str, *, inside: str = "", primary: bool = False, subscription: str = ""
) -> str:
    look = ' class="primary"' if primary else ""
    return (
        f'<form method="post" action="{_here(session)}">{inside}'
        f'<input type="hidden" name="subscription" value="{escape(subscription)}">'
        f'<button{look} name="do" value="{do}">{escape(label)}</button></form>'
    )


def _named(world: World, subscription: Json) -> str:
    names = (
        f"{one['quantity']} × {prices.name_of(world, world.objects[one['price']])}"
        for one in subscription["items"]["data"]
    )
    return ", ".join(names)


def _subscription(world: World, session: Json, one: Json, features: Json) -> str:
    cost = money.shown(subscriptions.amount(world, one), one["currency"])
    ending = one["cancel_at"]
    when = f"Ends on {lines.day(ending)}" if ending else f"Renews on {lines.day(lines.period_of(one)[1])}"
    button = ""
    if features["subscription_cancel"]["enabled"]:
        button = (
            _form(session, "renew", "Renew", primary=True, subscription=one["id"])
            if ending
            else _form(session, "cancel", "Cancel", subscription=one["id"])
        )
    return (
        f'<section class="card"><h2>{escape(_named(world, one))}</h2><p>{escape(cost)} each period · {when} · '
        f"<strong>{escape(one['status'])}</strong></p>{button}</section>"
    )


def _card(world: World, session: Json, customer: Json) -> str:
    living = _living(world, customer)
    method = cards.paying_for(world, living[0]) if living else None
    if method is None:
        method = world.objects.get(customer["invoice_settings"]["default_payment_method"] or "")
    now = f"{method['card']['brand'].title()} •••• {method['card']['last4']}" if method else "No card"
    form = _form(session, "card", "Use this card", inside=pages.card_fields(), primary=True)
    return f'<section class="card"><h2>Card</h2><p>{escape(now)}</p>{form}</section>'


def _invoices(world: World, customer: Json) -> str:
    rows = "".join(
        f'<tr><td><a href="/invoice/{one["id"]}">{escape(one["number"] or "Draft")}</a></td>'
        f"<td>{lines.day(one['created'])}</td><td>{escape(one['status'])}</td>"
        f'<td class="sum">{escape(money.shown(one["total"], one["currency"]))}</td></tr>'
        for one in reversed(world.all("invoice", customer=customer["id"]))
    )
    head = '<tr><th scope="col">Number</th><th scope="col">Date</th><th scope="col">Status</th>'
    table = f'<table>{head}<th scope="col" class="sum">Total</th></tr>{rows}</table>' if rows else "<p>None yet.</p>"
    return f'<section class="card"><h2>Invoices</h2>{table}</section>'


# -- what links lead into directly


def _confirm(world: World, session: Json) -> tuple[str, str]:
    wanted = session["flow"]["subscription_update_confirm"]
    subscription = world.objects[wanted["subscription"]]
    feature = world.objects[session["configuration"]]["features"]["subscription_update"]
    details = {"items": portal_deeds.items_of(wanted), "proration_behavior": feature["proration_behavior"]}
    try:
        if portal_deeds.is_put_off(world, subscription, feature, details["items"]):
            details["proration_behavior"] = "none"
        preview = previews.of_subscription(world, subscription, details)
    except ApiError as refused:
        return "Confirm your change", pages.problem(str(refused))
    rows = [
        (line["description"], money.shown(line["amount"], preview["currency"])) for line in preview["lines"]["data"]
    ]
    now = preview["billing_reason"] == "subscription_update"
    label = "Due today" if now else f"Due on {lines.day(lines.period_of(subscription)[1])}"
    total = money.shown(preview["amount_due"], preview["currency"])
    button = _form(session, "confirm", "Confirm", primary=True)
    return "Confirm your change", (
        f'<section class="card" aria-label="What changes"><p>Now: {escape(_named(world, subscription))}</p>'
        f"{pages.table(rows, (label, total))}{button}</section>"
    )


def _cancelling(world: World, session: Json) -> tuple[str, str]:
    subscription = world.objects[session["flow"]["subscription_cancel"]["subscription"]]
    ends = lines.day(lines.period_of(subscription)[1])
    button = _form(session, "cancel", "Cancel subscription", subscription=subscription["id"], primary=True)
    words = f"<p>{escape(_named(world, subscription))} stays available until {ends}.</p>"
    return "Cancel your subscription", f'<section class="card">{words}{button}</section>'


def _new_card(world: World, session: Json) -> tuple[str, str]:
    return "Add a card", _card(world, session, world.objects[session["customer"]])


FLOWS = {
    "subscription_update_confirm": _confirm,
    "subscription_cancel": _cancelling,
    "payment_method_update": _new_card,
}
