"""The page of an invoice: what it is for, and paying it."""

from __future__ import annotations

from html import escape
from typing import Any

from devkit.notion.http import Request, Response
from devkit.stripe import cards, money, pages, payments, standing
from devkit.stripe.errors import ApiError
from devkit.stripe.lines import day
from devkit.stripe.world import World

Json = dict[str, Any]


def answer(world: World, request: Request, id: str, step: str) -> Response:
    invoice = world.get("invoice", id)
    if step == "pdf":
        return _paper(world, invoice)
    if request.method == "GET" or invoice["status"] not in standing.PAYABLE:
        waits = step == "authenticate" and invoice["status"] in standing.PAYABLE
        return pages.authentication(f"/invoice/{id}/authenticate", f"/invoice/{id}") if waits else show(world, invoice)
    form = dict(request.form())
    if step == "authenticate":
        return _authenticated(world, invoice, form.get("authentication") == "complete")
    card = cards.by_number(form.get("card", ""))
    if card is None:
        return show(world, invoice, "This is not one of the test cards. This stand-in takes no other.")
    try:
        method = cards.add(world, world.objects[invoice["customer"]], card)
    except ApiError as refused:
        return show(world, invoice, str(refused))
    return _tried(world, invoice, method, authenticated=False)


def _authenticated(world: World, invoice: Json, passed: bool) -> Response:
    intent = payments.intent_of(world, invoice)
    method = world.objects.get(intent["payment_method"] or "")
    if not passed or method is None:
        payments.authentication_failed(world, invoice)
        return show(world, invoice, "We are unable to authenticate your payment method.")
    return _tried(world, invoice, method, authenticated=True)


def _tried(world: World, invoice: Json, method: Json, *, authenticated: bool) -> Response:
    """A card that pays an invoice is the one used from then on."""
    outcome = standing.collect(world, invoice, method, authenticated=authenticated)
    if outcome.needs_action:
        return pages.see_other(f"/invoice/{invoice['id']}/authenticate")
    if outcome.refusal:
        return show(world, invoice, outcome.refusal.message)
    cards.use(world, world.objects[invoice["customer"]], method)
    return pages.see_other(f"/invoice/{invoice['id']}")


def _rows(invoice: Json) -> str:
    currency = invoice["currency"]
    rows = [(line["description"], money.shown(line["amount"], currency)) for line in invoice["lines"]["data"]]
    if invoice["starting_balance"]:
        rows.append(("Applied balance", money.shown(invoice["amount_due"] - invoice["total"], currency)))
    return pages.table(rows, ("Amount due", money.shown(invoice["amount_due"], currency)))


def show(world: World, invoice: Json, problem: str | None = None) -> Response:
    payable = invoice["status"] in standing.PAYABLE and invoice["amount_due"] > 0
    form = (
        f'<form class="card" method="post" action="/invoice/{invoice["id"]}">{pages.card_fields()}'
        f'<button class="primary">Pay {escape(money.shown(invoice["amount_due"], invoice["currency"]))}</button></form>'
        if payable
        else ""
    )
    body = (
        f"<p>{escape(invoice['number'] or 'Draft')} · {day(invoice['created'])} · "
        f"<strong>{escape(invoice['status'])}</strong></p>"
        f'<section class="card" aria-label="Lines">{_rows(invoice)}</section>{pages.problem(problem)}{form}'
        f'<p><a href="/invoice/{invoice["id"]}/pdf">Invoice to print</a></p>'
    )
    return pages.page("Invoice", body, status=402 if problem else 200)


def _paper(world: World, invoice: Json) -> Response:
    """A page to print stands in for the PDF."""
    customer = world.objects[invoice["customer"]]
    body = f"<p>{escape(invoice['number'] or 'Draft')}<br>{escape(customer['email'] or '')}</p>{_rows(invoice)}"
    return pages.page("Invoice", body)
