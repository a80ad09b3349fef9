"""Random histories over 400 days, in the database and through both gateways: several seats, a customer in a zone of
summer time. Nobody who pays is refused, nobody else is served, and each seat is charged for once."""

import random
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from devkit.stripe.process import StripeProcess
from tests.billing.life import DAYS, DEEDS, Life, LifeByHand
from tests.billing.life_at_stripe import LifeAtStripe
from tests.billing.stripe import at_stripe
from tests.storm import ROUND, STORM

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
NEXT = timezone.now().year + 1
LEAP = NEXT + -NEXT % 4
# Month ends and a leap day, and the hour in which a zone's clocks change: those of 2027 by the calendar.
STARTS = (
    datetime(2027, 3, 28, 1, 30, tzinfo=BERLIN),
    datetime(2027, 10, 31, 2, 30, fold=1, tzinfo=BERLIN),
    datetime(2027, 11, 7, 1, 30, tzinfo=NEW_YORK),
    datetime(LEAP, 1, 31, 23, 30, tzinfo=NEW_YORK),
)


def walk(life: Life) -> None:
    deeds = random.Random(life.chance.random())
    while life.book.now < life.start + timedelta(days=DAYS):
        (name,) = deeds.choices(list(DEEDS), weights=list(DEEDS.values()))
        if getattr(life, name)():
            life.done.append(f"{life.book.now:%Y-%m-%d %H:%M} {name}")
            try:
                life.check()
            except AssertionError as failed:
                raise AssertionError("\n".join([*life.done[-20:], str(life.book)])) from failed
    life.check_money()


@pytest.mark.parametrize("seed", range(4 * STORM))
def test_by_hand_the_plan_and_the_seats_are_those_that_were_chosen(seed: int) -> None:
    chance = random.Random(seed + 1_000 * ROUND)

    walk(LifeByHand(STARTS[seed % 4], chance))


@pytest.mark.parametrize("seed", range(STORM))
def test_at_stripe_each_seat_is_charged_for_once_and_who_pays_is_served(process: StripeProcess, seed: int) -> None:
    chance = random.Random(seed + 1_000 * ROUND)
    process.reset()

    with at_stripe(process):
        walk(LifeAtStripe(STARTS[seed % 4], chance, process))
