"""Plan and billing in every state, and the price list."""

from functools import cache
from typing import Any

from tests.pages import samples as s

Context = dict[str, Any]
STRANGER: Context = {"shell": None, "workspace": None}
INVOICES = [
    {
        "on": s.before(days=days), "number": f"8A2F-{number:04}", "cents": cents, "currency": "usd", "tone": tone,
        "status_words": words, "pdf_url": "#",
    }
    for number, (days, cents, tone, words) in enumerate(
        [(1, 6100, "warn", "Not paid"), (22, 3912, "ok", "Paid"), (31, 1000, "ok", "Paid"), (400, 1000, "", "Void")], 1
    )
]  # fmt: skip
NEXT = "Next invoice: $61 on 1 Dec 2026."
LIMIT = "At a limit, questions stop until the next month begins; everything else goes on."


@cache
def columns(current: str, **actions: str) -> tuple[Context, ...]:
    # Reads settings, which the gallery prepares first.
    from billing.plans import PLANS

    who = ["To find out whether it answers your questions.", "For one person who asks now and then."]
    who += ["For one person who asks all day.", "For everybody who works together."]
    return tuple(
        {
            "plan": plan,
            "who": words,
            "is_current": plan.tier == current,
            "action": actions.get(plan.tier, ""),
            "is_primary": next(iter(actions), "") == plan.tier and actions[plan.tier].startswith(("Up", "Ch", "St")),
            "why_not": "Once, at the beginning" if plan.trial else actions.get(f"not_{plan.tier}", ""),
            "url": actions.get("url", ""),
        }
        for plan, words in zip(PLANS.values(), who, strict=True)
    )


def standing(words: str, tone: str, *sentences: str, **more: Any) -> Context:
    return {"state_words": words, "state_tone": tone, "sentences": sentences, "total_cents": 0} | more


def page(current: str, subscription: Context, listed: tuple[Context, ...], **more: Any) -> Context:
    from billing.plans import COMING, PLANS, Feature, Tier

    return {
        "section": "plan", "current": PLANS[Tier(current)], "subscription": subscription, "columns": listed,
        "features": list(Feature), "coming": COMING, "can_manage": True, "can_see_prices": True, "can_cancel": False,
        "can_set_seats": False, "owners": "", "has_portal": True, "invoices": INVOICES[1:], "confirm": None,
        "notice": None, "bought": None, **more,
    }  # fmt: skip


def offer(**more: Any) -> Context:
    return {"today_cents": 0, "then_cents": 0, "then_on": "", "currency": "usd", "seats": 1} | more


TRIAL = standing(
    "Trial", "",
    "Your trial ends on 29 Nov 2026 at 14:20 UTC. Then questions stop; what is here is kept until 29 Dec 2026.",
    "At a limit, questions stop until a plan is chosen; everything else goes on.",
)  # fmt: skip
TEAMS = standing("Active", "ok", NEXT, LIMIT, total_cents=6100, seats=3)
ENDS = "What is here is kept until 1 Dec 2026 and then erased, unless you choose a plan."


def plan_pages() -> dict[str, Context]:
    choose = columns("trial", pro="Choose Pro", plus="Choose Plus", teams="Choose Teams")
    from_pro = columns("pro", plus="Upgrade to Plus", teams="Upgrade to Teams")
    from_teams = columns("teams", pro="Move to Pro on 1 Dec 2026", plus="Move to Plus on 1 Dec 2026")
    late_columns = columns("teams", not_pro="After the late payment", not_plus="After the late payment")
    again = columns("", pro="Choose Pro", plus="Choose Plus", teams="Choose Teams")
    paying: Context = {"can_cancel": True, "can_set_seats": True}
    teams = page("teams", TEAMS, from_teams, **paying)
    pro = page("pro", standing("Active", "ok", "Next invoice: $10 on 1 Dec 2026.", LIMIT, total_cents=1000), from_pro)
    trial = page("trial", TRIAL, choose, has_portal=False, invoices=[])
    late = {"since": "21 Nov 2026", "until": "28 Nov 2026 at 09:00 UTC", "is_read_only": False}
    grace = standing("Payment late", "warn", LIMIT, total_cents=6100, seats=3)
    return {
        "plan": teams,
        "plan-trial": trial,
        "plan-trial-ended": page(
            "trial",
            standing("Trial ended", "bad", f"Your trial ended on 1 Nov 2026 at 14:20 UTC. {ENDS}", total_cents=None),
            again,
            has_portal=False, invoices=[],
        ),
        "plan-pending": teams | {
            "subscription": TEAMS | {
                "pending": "The plan changes to Pro on 1 Dec 2026. Until then everything stays as it is."
            },
            "columns": columns("teams", plus="Move to Plus on 1 Dec 2026", not_pro="From 1 Dec 2026"),
        },
        "plan-leaving": teams | {
            "can_cancel": False,
            "subscription": TEAMS | {
                "sentences": ["The month ends on 1 Dec 2026; then the limits start anew.", LIMIT],
                "pending": "The subscription ends on 1 Dec 2026. Until then everything stays as it is.",
            },
        },
        "plan-late": page("teams", grace, late_columns, late=late, invoices=INVOICES, can_cancel=True),
        "plan-read-only": page(
            "teams", standing("Read only", "bad", "The month ends on 1 Dec 2026; then the limits start anew.",
            "Reading is possible; questions and changes wait for the payment.", total_cents=6100, seats=3),
            late_columns, late=late | {"is_read_only": True}, invoices=INVOICES, can_cancel=True,
        ),
        "plan-ended": page(
            "teams",
            standing("Ended", "bad", f"Your subscription ended on 1 Nov 2026 at 09:00 UTC. {ENDS}", total_cents=None),
            again,
        ),
        "plan-given": teams | {"is_given": True, "has_portal": False, "invoices": []},
        "plan-asked": trial | {"subscription": TRIAL | {"asked": "Your wish for Teams waits for our answer."}},
        "plan-wish-refused": trial | {
            "subscription": TRIAL
            | {"refused": "We refused your wish for Teams with 12 seats on 28 Nov 2026. Our answer: Call us first."}
        },
        "plan-member": teams | {
            "can_manage": False, "can_see_prices": False, "can_cancel": False, "can_set_seats": False,
            "has_portal": False, "invoices": [], "owners": "Maya Okafor and Olga Berg",
        },
        "plan-invoices-away": teams | {"invoices": None, "invoices_away": "Away."},
        "plan-refused": pro | {
            "notice": {
                "tone": "bad", "url": "#", "action": "Try again",
                "text": "The payment provider does not answer as it should. Nothing was changed.",
            },
        },
        **{f"plan-{name}": (trial if name == "buy" else pro if name.startswith("confirm") else teams)
           | {"confirm": confirm} for name, confirm in _dialogs().items()},
        "plan-waiting": trial | {"bought": _bought("pro", "trial", waits=True)},
        "plan-unpaid": trial | {"bought": _bought("pro", "trial", is_known=True)},
        "plan-unknown": trial | {"bought": _bought("pro", "trial")},
        "plan-bought": teams | {"bought": _bought("teams", "pro", is_there=True)},
    }  # fmt: skip


def _bought(tier: str, was: str, **more: bool) -> Context:
    from billing.plans import PLANS, Tier

    urls = {"url": "/plan-waiting", "next_url": "/plan-waiting"}
    return {"plan": PLANS[Tier(tier)], "was": PLANS[Tier(was)], **urls, **more}


def _dialogs() -> dict[str, Context]:
    leads = "The next page is our payment provider's. Nothing is charged before you confirm it there."
    lines = [
        {"description": "Unused time on Pro after 22 Nov 2026", "amount_cents": -290},
        {"description": "Remaining time on 3 × Teams after 22 Nov 2026", "amount_cents": 2465},
    ]
    upgrade = {
        "chosen": "teams", "title": "Upgrade to Teams", "action": "upgrade", "button": "Continue to payment",
        "lines": ["5,000 questions and 5,000,000 tokens a month for each member.", leads], "seats_least": 3,
        "offer": offer(today_cents=2175, then_cents=8500, then_on="1 Dec 2026", lines=lines, seats=3),
    }  # fmt: skip
    return {
        "buy": upgrade | {
            "chosen": "pro", "title": "Choose Pro", "seats_least": 0,
            "lines": ["1,000 questions and 1,000,000 tokens a month.", leads],
            "offer": offer(today_cents=1000, then_cents=1000),
        },
        "confirm": upgrade,
        "confirm-problem": upgrade | {
            "offer": {"problem": "Seats: from 3, one for each member, to 500.", "seats": 1, "then_cents": None},
        },
        "down": {
            "chosen": "pro", "title": "Move to Pro on 1 Dec 2026", "action": "downgrade", "button": "Move to Pro",
            "lines": ["Until then everything stays as it is, and it can be taken back on this page."],
            "losses": [
                "Pro is for one person and 3 are here. Only Maya Okafor can ask then; the others can only read.",
                "2 Notion workspaces are connected and Pro has one: the others are no longer synced.",
                "1,000 questions and 1,000,000 tokens a month instead of 5,000 and 5,000,000.",
            ],
            "offer": offer(today_cents=None, then_cents=1000, then_on="1 Dec 2026"),
        },
        "seats": upgrade | {
            "title": "Change seats", "action": "seats", "button": "Change seats",
            "lines": ["As many as members: then seats follow the members."],
            "offer": offer(
                today_cents=None, rest_cents=1600, then_cents=10900, then_on="1 Dec 2026", seats=5
            ),
        },
        "seats-balance": upgrade | {
            "title": "Change seats", "action": "seats", "button": "Change seats",
            "lines": ["As many as members: then seats follow the members."],
            "offer": offer(
                today_cents=None, rest_cents=1600, then_cents=10900, then_on="1 Dec 2026", invoice_cents=2500, seats=5,
            ),
        },
        "cancel": {
            "chosen": "cancel", "title": "Cancel Teams", "action": "cancel", "button": "Cancel subscription",
            "lines": ["It ends on 1 Dec 2026. Until then everything stays as it is."], "is_loss": True,
            "losses": [
                "Questions, syncs and changes stop then, also for the 2 others here.",
                "What was read from Notion is kept until 31 December 2026 and erased after that.",
            ],
            "offer": offer(today_cents=None, then_cents=None),
        },
    }  # fmt: skip


def prices(*, is_member: bool) -> Context:
    from billing.plans import COMING, Feature

    start = dict.fromkeys(("trial", "pro", "plus", "teams"), "Start the trial")
    choose = {"pro": "Choose Pro", "plus": "Choose Plus", "teams": "Choose Teams"}
    return STRANGER | {
        "columns": columns("", **(choose if is_member else start), url="#"), "features": list(Feature),
        "coming": COMING, "can_see_prices": True, "is_member": is_member, "trial_days": 7, "kept_days": 30,
        "currency": "USD",
    }  # fmt: skip
