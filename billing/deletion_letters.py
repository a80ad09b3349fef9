"""What owners are told of a workspace that was deleted: when it is erased, and how to take that back."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings

from accounts.models import User, Workspace
from accounts.zones import zone_of
from billing.effective import effective
from billing.models import Subscription
from billing.moments import exactly
from billing.plans import plan_url

# What is not said any more when it was taken back.
KINDS = ("closed", "closes-soon")


@dataclass(frozen=True)
class Letter:
    """`words`: title and paragraphs, in the time zone of who gets it."""

    words: Callable[[ZoneInfo], tuple[str, ...]]
    url: str
    action: str
    footnote: str = "You get this as an owner of the workspace."

    def to(self, user: User) -> dict[str, object]:
        title, *paragraphs = self.words(zone_of(user))
        return {
            "title": title,
            "paragraphs": paragraphs,
            "url": self.url,
            "action": self.action,
            "footnote": self.footnote,
        }


def closed(workspace: Workspace, *, by: User) -> Letter:
    def words(zone: ZoneInfo) -> tuple[str, ...]:
        at = _when(workspace, zone)
        return (
            f"{workspace.name} will be erased on {at}",
            f"{by} deleted {workspace.name}. Nothing is asked, synced or charged in it any more.",
            f"Until {at} an owner can sign in, take an export along, or take the deletion back: then everything is as "
            "it was.",
            "After that it is erased everywhere, for everybody in it, and nobody can bring it back.",
        )

    return Letter(words, _url(), "Keep the workspace")


def soon(workspace: Workspace) -> Letter:
    def words(zone: ZoneInfo) -> tuple[str, ...]:
        at = _when(workspace, zone)
        return (
            f"Last day: {workspace.name} will be erased on {at}",
            f"{workspace.name} was deleted, and will be erased everywhere on {at}.",
            "Until then an owner can take an export along, or take the deletion back.",
        )

    return Letter(words, _url(), "Keep the workspace")


def restored(workspace: Workspace, subscription: Subscription, *, by: User, now: datetime) -> Letter:
    current = effective(subscription, now)

    def words(zone: ZoneInfo) -> tuple[str, ...]:
        said = [f"{workspace.name} stays", f"{by} took its deletion back. Everything in it is as it was."]
        if current.ended_at is not None:
            said.append(f"{current.plan.name} ended on {exactly(current.ended_at, zone)}. Choose a plan to go on.")
        elif current.leaves_at is not None:
            said.append(
                f"{current.plan.name} was cancelled with the deletion: it ends on {exactly(current.leaves_at, zone)}, "
                "and is not charged again unless an owner resumes it."
            )
        return tuple(said)

    return Letter(words, plan_url(workspace.pk), "See the plan")


def _when(workspace: Workspace, zone: ZoneInfo) -> str:
    assert workspace.erases_at is not None
    return exactly(workspace.erases_at, zone)


def _url() -> str:
    return f"{settings.PUBLIC_URL}/app/closing"
