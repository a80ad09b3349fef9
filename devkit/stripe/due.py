"""What time brings: renewals, retries, ends. Each happens at its own moment, in order, however far a clock jumps."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from devkit.stripe import cards, events, invoice_items, invoices, lines, phases, standing, subscriptions
from devkit.stripe.periods import HOUR, next_boundary
from devkit.stripe.render import view
from devkit.stripe.world import World

Json = dict[str, Any]
INCOMPLETE_LIVES = 23 * HOUR
Due = tuple[int, int, Callable[[], None]]


def run(world: World, clock: Json | None, until: int) -> None:
    """Everything that is due under one clock up to a moment; None is everybody's clock."""
    while True:
        first = min(_all(world, clock), key=lambda due: due[:2], default=None)
        if first is None or first[0] > until:
            return
        with world.at(first[0]):
            first[2]()


def move_clock(world: World, to: int, *, freeze: bool | None = None) -> None:
    """Everybody's, and everything on the way happens. Only forwards while there are subscriptions."""
    present = world.now()
    if to < present and world.all("subscription"):
        raise ValueError("the clock goes forwards only while there are subscriptions; reset first")
    with world.transaction():
        run(world, None, to)
    if freeze is not None:
        world.frozen = float(to) if freeze else None
    elif world.frozen is not None:
        world.frozen = float(to)
    world.offset = to - time.time() if (to != present or freeze is not None) else world.offset


def _all(world: World, clock: Json | None) -> Iterator[Due]:
    mine = {"subscription": _of_subscription, "invoice": _of_invoice, "checkout.session": _of_checkout}
    for one in list(world.objects.values()):
        dues = mine.get(one["object"])
        if dues is not None and world.clock_of(one) is clock:
            yield from dues(world, one)


def _of_subscription(world: World, one: Json) -> Iterator[Due]:
    if one["ended_at"] is not None:
        return
    if one["status"] == "incomplete":
        yield one["created"] + INCOMPLETE_LIVES, 0, partial(_expire, world, one)
        return
    if one["pending_update"]:
        yield one["pending_update"]["expires_at"], 1, partial(_give_up_update, world, one)
    if one["cancel_at"]:
        yield one["cancel_at"], 2, partial(_end, world, one)
    schedule = world.objects.get(one["schedule"] or "")
    if schedule is not None and schedule["current_phase"]:
        yield schedule["current_phase"]["end_date"], 3, partial(phases.turn, world, schedule)
    yield lines.period_of(one)[1], 4, partial(_renew, world, one)


def _of_invoice(world: World, one: Json) -> Iterator[Due]:
    if one["status"] == "draft" and one["automatically_finalizes_at"]:
        yield one["automatically_finalizes_at"], 5, partial(_finalize, world, one)
    if one["status"] == "open" and one["next_payment_attempt"]:
        yield one["next_payment_attempt"], 6, partial(_retry, world, one)


def _of_checkout(world: World, one: Json) -> Iterator[Due]:
    if one["status"] == "open":
        yield one["expires_at"], 7, partial(expire_session, world, one)


def _expire(world: World, subscription: Json) -> None:
    before = view(world, subscription)
    world.change(subscription, status="incomplete_expired", ended_at=world.now())
    invoice = world.objects[subscription["latest_invoice"]]
    if invoice["status"] == "open":
        invoices.void(world, invoice)
    events.emit(world, "customer.subscription.updated", subscription, before)


def _give_up_update(world: World, subscription: Json) -> None:
    before = view(world, subscription)
    world.change(subscription, pending_update=None, _pending_items=None)
    invoice = world.objects[subscription["latest_invoice"]]
    if invoice["status"] == "open":
        invoices.void(world, invoice)
    events.emit(world, "customer.subscription.pending_update_expired", subscription, before)
    events.emit(world, "customer.subscription.updated", subscription, before)


def _end(world: World, subscription: Json) -> None:
    """What waits is still collected, by an invoice of its own."""
    waiting = invoice_items.waiting(world, subscription)
    subscriptions.end(world, subscription, reason="cancellation_requested")
    if waiting:
        invoice = invoices.make(world, subscription, waiting, "subscription_cycle", lines.period_of(subscription))
        world.change(invoice, automatically_finalizes_at=world.now() + int(world.settings["draft_seconds"]))


def _renew(world: World, subscription: Json) -> None:
    """The next period begins now; its invoice is a draft for a while, as Stripe does it."""
    before = view(world, subscription)
    start, end = lines.period_of(subscription)
    recurring = world.objects[subscription["items"]["data"][0]["price"]]["recurring"]
    after = next_boundary(subscription["billing_cycle_anchor"], recurring["interval"], recurring["interval_count"], end)
    moved = [one | {"current_period_start": end, "current_period_end": after} for one in subscription["items"]["data"]]
    world.change(subscription, items=subscription["items"] | {"data": moved})
    parts = [*invoice_items.waiting(world, subscription), *subscriptions.renewal_lines(world, subscription)]
    invoice = invoices.make(world, subscription, parts, "subscription_cycle", (start, end))
    if subscription["status"] == "unpaid":
        world.change(invoice, auto_advance=False)
    else:
        world.change(invoice, automatically_finalizes_at=end + int(world.settings["draft_seconds"]))
    events.emit(world, "customer.subscription.updated", subscription, before)


def _finalize(world: World, invoice: Json) -> None:
    invoices.finalize(world, invoice)
    _collect(world, invoice)


def _retry(world: World, invoice: Json) -> None:
    world.change(invoice, next_payment_attempt=None)
    _collect(world, invoice)


def _collect(world: World, invoice: Json) -> None:
    method = cards.paying_for(world, invoices.subscription_of(world, invoice))
    standing.collect(world, invoice, method)


def expire_session(world: World, session: Json) -> None:
    world.change(session, status="expired", url=None)
    events.emit(world, "checkout.session.expired", session)
