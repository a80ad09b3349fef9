"""What the frame of every page says when a limit is near or reached."""

from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from accounts.models import Membership
from accounts.permissions import can_buy
from accounts.zones import zone_of
from billing.effective import Access
from billing.moments import on
from billing.plans import cheapest_with_more
from usage.quota import Metric, Quota
from usage.services import LEAST_RUN_TOKENS

WARN_FROM = 0.8
WORDS = {"requests": "questions", "tokens": "tokens"}


def of_quota(left: Quota, membership: Membership) -> dict[str, str] | None:
    """The worse of both limits: red when nothing can be asked any more, amber from 80 %. For everybody who may ask."""
    if not left.is_open:
        return None
    metrics = {"requests": (left.requests, 1), "tokens": (left.tokens, LEAST_RUN_TOKENS)}
    for name, (metric, least) in metrics.items():
        if metric.used + least > metric.limit:
            return _reached(name, metric, left, membership) if least <= metric.limit else _too_little(name, metric)
        if metric.together and metric.together.used + least > metric.together.limit:
            return _reached_together(name, metric.together, left, membership)
    own = [(name, metric) for name, (metric, _least) in metrics.items()]
    together = [(name, metric.together) for name, metric in own if metric.together]
    # The member's own limit first where both are as full.
    name, fullest = max([*own, *together], key=lambda each: _share(each[1]))
    if _share(fullest) < WARN_FROM:
        return None
    if (name, fullest) in own:
        return _near(name, fullest, left, membership)
    return _near_together(name, fullest, left, membership)


def of_whom_a_team_left_over(left: Quota) -> dict[str, str] | None:
    if left.plan.access == Access.CLOSED or left.is_included:
        return None
    return {
        "tone": "bad",
        "title": _("You can only read here."),
        "text": _(
            "%(plan)s is for one person. You can read until the plan is Teams again, or leave on the page Members."
        )
        % {"plan": left.plan.plan.name},
        "url": reverse("members"),
        "action": _("Members"),
    }


def _share(metric: Metric) -> float:
    return metric.used / max(1, metric.limit)


def _near_together(name: str, metric: Metric, left: Quota, membership: Membership) -> dict[str, str]:
    values = {"used": _number(metric.used), "limit": _number(metric.limit), "what": WORDS[name]}
    title = _("%(used)s of %(limit)s %(what)s of the team's seats are used.") % values
    texts = _pace(metric, left, membership)
    if left.plan.is_late or not can_buy(membership):
        texts += [] if left.plan.is_late else [_("An owner can add seats.")]
        return {"tone": "warn", "title": title, "text": " ".join(texts), "url": "", "action": ""}
    return {"tone": "warn", "title": title, "text": " ".join(texts), "url": reverse("plan"), "action": _("Add seats")}


def _reached_together(name: str, metric: Metric, left: Quota, membership: Membership) -> dict[str, str]:
    """By what everybody has used, also who has left."""
    values = {"limit": _number(metric.limit), "what": WORDS[name]}
    title = _("All %(limit)s %(what)s of the team's seats are used.") % values
    texts = [_stopped(left, membership), _("What was answered stays readable.")]
    if left.plan.is_late or not can_buy(membership):
        texts += [] if left.plan.is_late else [_("An owner can add seats.")]
        return {"tone": "bad", "title": title, "text": " ".join(texts), "url": "", "action": ""}
    return {"tone": "bad", "title": title, "text": " ".join(texts), "url": reverse("plan"), "action": _("Add seats")}


def _reached(name: str, metric: Metric, left: Quota, membership: Membership) -> dict[str, str]:
    is_trial = left.plan.plan.trial is not None
    texts = [_stopped(left, membership), _("What was answered stays readable.")]
    used_up = _("All %(limit)s %(what)s of the trial are used.") if is_trial else _("All %(limit)s %(what)s are used.")
    if metric.limit == 1:
        used_up = _("The one %(what)s is used.")
    if metric.used < metric.limit:
        used_up = _("What is left of %(limit)s %(what)s is too little for a question.")
    title = used_up % {"limit": _number(metric.limit), "what": _what(name, metric.limit)}
    return {"tone": "bad", "title": title, **_way_out(name, texts, left, membership)}


def _too_little(name: str, metric: Metric) -> dict[str, str]:
    """A member's own limit under what one question needs: no new month helps."""
    title = _("With %(limit)s %(what)s a month nothing can be asked.") % {
        "limit": _number(metric.limit),
        "what": _what(name, metric.limit),
    }
    text = _("This is your own limit; an owner or admin can raise it. What was answered stays readable.")
    return {"tone": "bad", "title": title, "text": text, "url": "", "action": ""}


def _stopped(left: Quota, membership: Membership) -> str:
    if left.plan.plan.trial is not None:
        return _("Asking has stopped; a paid plan starts it again at once.")
    if left.plan.renews_at is not None:
        return _("Asking has stopped until %(day)s.") % {"day": on(left.plan.renews_at, zone_of(membership.user))}
    if left.plan.is_late and left.plan.ends_at != left.plan.leaves_at:
        day = on(left.plan.period.ends_at, zone_of(membership.user))
        return _("Asking has stopped until %(day)s, and until the payment that failed is made.") % {"day": day}
    return _("Asking has stopped: the subscription ends before they would start anew.")


def _near(name: str, metric: Metric, left: Quota, membership: Membership) -> dict[str, str]:
    values = {"used": _number(metric.used), "limit": _number(metric.limit), "what": WORDS[name]}
    title = _("%(used)s of %(limit)s %(what)s are used.") % values
    texts = _pace(metric, left, membership)
    return {"tone": "warn", "title": title, **_way_out(name, texts, left, membership)}


def _pace(metric: Metric, left: Quota, membership: Membership) -> list[str]:
    """How long the rest lasts, and when it starts anew."""
    zone = zone_of(membership.user)
    if metric.runs_out_at is not None:
        texts = [_("At this pace the rest lasts until %(day)s.") % {"day": on(metric.runs_out_at, zone)}]
    else:
        texts = [_lasting(left)]
    if left.plan.renews_at is not None:
        texts.append(_("They start anew on %(day)s.") % {"day": on(left.plan.renews_at, zone)})
    return texts


def _lasting(left: Quota) -> str:
    if left.plan.plan.trial is not None:
        return _("At this pace the rest lasts until the trial ends.")
    if left.plan.leaves_at is not None and left.plan.leaves_at <= left.plan.period.ends_at:
        return _("At this pace the rest lasts until the subscription ends.")
    return _("At this pace the rest lasts until the period ends.")


def _way_out(name: str, texts: list[str], left: Quota, membership: Membership) -> dict[str, str]:
    if getattr(left, name).limit < getattr(left.plan.plan, name):
        texts = [*texts, _("This is your own limit; an owner or admin can raise it.")]
        return {"text": " ".join(texts), "url": "", "action": ""}
    # While a payment is late, no plan can be changed.
    if left.plan.is_late or cheapest_with_more(left.plan.tier, name) is None:
        return {"text": " ".join(texts), "url": "", "action": ""}
    if not can_buy(membership):
        return {"text": " ".join([*texts, _("Ask an owner for a larger plan.")]), "url": "", "action": ""}
    return {"text": " ".join(texts), "url": reverse("plan"), "action": _("Compare plans")}


def _what(name: str, number: int) -> str:
    return WORDS[name].removesuffix("s") if number == 1 else WORDS[name]


def _number(value: int) -> str:
    return number_format(value, force_grouping=True)
