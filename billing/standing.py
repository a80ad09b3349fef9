"""Where a workspace stands with its plan, in words: what ends exactly when, and what happens then."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from billing.effective import EffectivePlan, State
from billing.moments import exactly, on
from billing.plans import KEPT_AFTER_END

# From here on the end of a trial is no longer only information.
NEAR = timedelta(days=3)


@dataclass(frozen=True)
class Standing:
    """`key`: while it stays the same, a member who has put the words aside does not see them again."""

    tone: str
    title: str
    text: str
    key: str

    @property
    def can_be_dismissed(self) -> bool:
        return self.tone == ""


def standing(current: EffectivePlan, now: datetime, zone: ZoneInfo) -> Standing | None:
    """What every page says on top. None: nothing ends."""
    about = current.ended_at or current.ends_at
    title, text = _words(current, zone)
    if not title:
        return None
    tone = _tone(current, now)
    return Standing(tone, title, text, key=f"{current.state} {about:%Y%m%dT%H%M%S}" if about else current.state)


def sentence(current: EffectivePlan, zone: ZoneInfo) -> str:
    """The same in one line; also where nothing ends."""
    return " ".join(filter(None, _words(current, zone))) or f"You are on the {current.plan.name} plan."


def _tone(current: EffectivePlan, now: datetime) -> str:
    if current.state in {State.TRIAL_ENDED, State.ENDED, State.READ_ONLY}:
        return "bad"
    is_near = current.state == State.TRIAL and current.ends_at is not None and current.ends_at - now <= NEAR
    return "warn" if is_near or current.state == State.GRACE else ""


def _words(current: EffectivePlan, zone: ZoneInfo) -> tuple[str, str]:
    ends_at, ended_at = current.ends_at, current.ended_at
    if current.is_late:
        return "The last payment failed.", _late(current, zone)
    what = "trial" if current.state in {State.TRIAL, State.TRIAL_ENDED} else "subscription"
    if ended_at:
        return f"Your {what} ended on {exactly(ended_at, zone)}.", _what_is_kept(current, zone)
    if ends_at:
        return f"Your {what} ends on {exactly(ends_at, zone)}.", (
            f"Then questions stop; what is here is kept until {on(ends_at + KEPT_AFTER_END, zone)}."
        )
    return "", ""


def _late(current: EffectivePlan, zone: ZoneInfo) -> str:
    ends_at, leaves_at = current.ends_at, current.leaves_at
    if current.state == State.READ_ONLY:
        end = f" until the subscription ends on {exactly(leaves_at, zone)}" if leaves_at else ""
        return f"Questions, syncs and changes have stopped until it is made; reading goes on{end}."
    assert ends_at is not None
    if ends_at == leaves_at:
        return f"Everything works until the subscription ends on {exactly(ends_at, zone)}."
    return f"Everything works until {exactly(ends_at, zone)}. Then questions, syncs and changes stop; reading goes on."


def _what_is_kept(current: EffectivePlan, zone: ZoneInfo) -> str:
    if current.erased_at:
        return f"What was read from Notion was erased on {on(current.erased_at, zone)}; a plan begins anew."
    assert current.erases_at is not None
    if current.erases_soon:
        return "What is here is erased soon, unless you choose a plan."
    return f"What is here is kept until {on(current.erases_at, zone)} and then erased, unless you choose a plan."
