"""What each reminder says. In the words: `workspace`, `about` (the exact moment), `works` and `erased`."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from billing.moments import exactly, on
from billing.plans import PAST_DUE_GRACE
from billing.reminders import Reminder


@dataclass(frozen=True)
class Letter:
    title: str
    paragraphs: tuple[str, ...]
    action: str = "Compare plans"


ERASED = "What was read from Notion, the tasks from it and all conversations are erased on {erased} or soon after."
STAYS = "Account, workspace, members and the usage log stay. A plan chosen before that keeps everything."
LETTERS: dict[str, Letter] = {
    "trial-3-days": Letter(
        "Your trial ends on {about}",
        (
            "The trial of {workspace} ends on {about}. Then questions and syncs stop; what is here is kept until "
            "{erased}.",
            "With a plan everything goes on as it is.",
        ),
    ),
    "trial-1-day": Letter(
        "Last day of your trial: it ends on {about}",
        (
            "The trial of {workspace} ends on {about}. Then questions and syncs stop; what is here is kept until "
            "{erased}.",
            "With a plan everything goes on as it is.",
        ),
    ),
    "trial-ended": Letter(
        "Your trial has ended",
        (
            "The trial of {workspace} ended on {about}. Questions and syncs have stopped; what is here is kept until "
            "{erased}.",
            "With a plan everything opens again as you left it.",
        ),
    ),
    "trial-over": Letter(
        "What is here is kept until {erased}",
        (
            "The trial of {workspace} ended on {about}. With a plan everything opens again as you left it.",
            ERASED,
            "If you do nothing, two more mails come before that, and none besides.",
        ),
    ),
    "erasure-7-days": Letter(
        "Your content will be erased on {erased}",
        ("Service for {workspace} ended on {about}, and nobody has chosen a plan since.", ERASED, STAYS),
    ),
    "erasure-1-day": Letter(
        "Last notice: your content will be erased on {erased}",
        ("Service for {workspace} ended on {about}, and nobody has chosen a plan since.", ERASED, STAYS),
    ),
    "payment-failed": Letter(
        "A payment failed",
        ("The payment for {workspace} failed on {about}.", "{works}"),
        "See the plan",
    ),
    "payment-late": Letter(
        "A payment is still open",
        ("The payment for {workspace} failed on {about} and has not been made since.",
         "{works}"),
        "See the plan",
    ),
    "payment-read-only": Letter(
        "Only reading is possible now",
        ("The payment for {workspace} failed on {about} and has not been made since.",
         "Questions, syncs and changes have stopped until it is; what is here can be read."),
        "See the plan",
    ),
}  # fmt: skip


def context(
    reminder: Reminder,
    *,
    workspace: str,
    url: str,
    erased_at: datetime,
    zone: ZoneInfo,
    leaves_at: datetime | None = None,
) -> dict[str, object]:
    """For the mail's template. `leaves_at`: when a cancelled subscription ends."""
    letter = LETTERS[reminder.kind]
    words = {
        "workspace": workspace,
        "about": exactly(reminder.about, zone),
        "works": _works(reminder.about + PAST_DUE_GRACE, leaves_at, zone),
        "erased": on(erased_at, zone),
    }
    return {
        "title": letter.title.format(**words),
        "paragraphs": [paragraph.format(**words) for paragraph in letter.paragraphs],
        "url": url,
        "action": letter.action,
        "footnote": "You get this as an owner of the workspace.",
    }


def _works(grace_ends_at: datetime, leaves_at: datetime | None, zone: ZoneInfo) -> str:
    if leaves_at is not None and leaves_at <= grace_ends_at:
        return f"Everything works until the subscription ends on {exactly(leaves_at, zone)}."
    return f"Everything works until {exactly(grace_ends_at, zone)}; after that, only reading."
