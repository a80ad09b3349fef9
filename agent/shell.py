"""What the frame of every page shows: plan, quota, counts, recent conversations. Asked for only where it is shown."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from accounts import tenancy
from accounts.models import Connection, Membership, Workspace
from accounts.permissions import can_buy, can_make_keys, can_manage_members
from accounts.roles import Action
from accounts.zones import zone_of
from agent.models import Conversation
from agent.runs.services import LONGEST_PROMPT
from billing import choices
from billing.effective import EffectivePlan
from billing.keys import services as keys
from billing.standing import standing
from tasks.models import Task
from usage import banners
from usage.quota import Quota, quota

RECENT = 20
SEVERITY = ("", "warn", "bad")


def member(request: HttpRequest) -> dict[str, Any]:
    """Context processor. Without a member there is no shell, and error pages drop the sidebar."""
    membership: Membership | None = getattr(request, "membership", None)
    if membership is None:
        return {}
    dismissed = request.session.get("dismissed", "") if hasattr(request, "session") else ""
    return {
        "workspace": membership.workspace,
        "theme": membership.user.theme,
        "shell": Shell(membership, dismissed=dismissed, is_alone=tenancy.impersonation_of(request) is not None),
    }


class Shell:
    """A template asks for a part by name; each part costs one statement or two, whatever the workspace holds."""

    def __init__(self, membership: Membership, *, dismissed: str = "", is_alone: bool = False) -> None:
        self.membership = membership
        self.dismissed = dismissed
        # Told of no other workspace of theirs.
        self.is_alone = is_alone
        self.now = timezone.now()

    @property
    def me(self) -> dict[str, Any]:
        user = self.membership.user
        return {"id": user.id, "name": user.name or user.email, "email": user.email}

    @cached_property
    def quota(self) -> Quota:
        with tenancy.within(self.membership.workspace):
            return quota(membership=self.membership, now=self.now)

    @property
    def longest_prompt(self) -> str:
        return str(LONGEST_PROMPT)

    @property
    def plan(self) -> EffectivePlan:
        return self.quota.plan

    @cached_property
    def banner(self) -> dict[str, Any] | None:
        """One at a time, the worst; of equals what ends comes before what is used up."""
        said = [
            self.suspension,
            banners.of_whom_a_team_left_over(self.quota),
            self.ending,
            banners.of_quota(self.quota, self.membership),
        ]
        return max(filter(None, said), key=lambda one: SEVERITY.index(one["tone"]), default=None)

    @property
    def suspension(self) -> dict[str, Any] | None:
        if self.membership.workspace.is_active:
            return None
        return {
            "tone": "bad",
            "title": "This workspace is suspended.",
            "text": "Questions, syncs and changes in Notion are stopped. Write to support.",
            "url": "",
            "leave_url": reverse("settings") + "#data",
        }

    @property
    def ending(self) -> dict[str, Any] | None:
        """What ends, exactly when, and what happens then. Mere information stays away once it was put aside."""
        said = standing(self.plan, self.now, zone_of(self.membership.user))
        if said is None or (said.can_be_dismissed and said.key == self.dismissed):
            return None
        return {
            "tone": said.tone,
            "title": said.title,
            "text": said.text,
            "url": reverse("plan") if can_buy(self.membership) else "",
            "action": "Choose a plan" if self.plan.plan.trial or self.plan.ended_at else "See the plan",
            "dismissal": said.key if said.can_be_dismissed else "",
            # Nobody is kept by an end: the other way out.
            "leave_url": reverse("settings") + "#data" if self.plan.ended_at else "",
        }

    @property
    def plan_name(self) -> str:
        return self.plan.plan.name

    @property
    def can_see_members(self) -> bool:
        return can_manage_members(self.membership) or not self.quota.is_included

    @property
    def can_see_keys(self) -> bool:
        """Who may make none any more may still have some to end."""
        if can_make_keys(self.membership):
            return True
        with tenancy.shared():
            return keys.mine(self.membership).exists()

    @property
    def only_reads(self) -> bool:
        """Nothing can be asked or changed here, but what is there can be read."""
        return not self.quota.is_open

    @property
    def can_upgrade(self) -> bool:
        return self.membership.may(Action.SEE_PRICES) and bool(choices.upgrades(self.plan))

    @cached_property
    def workspaces(self) -> Sequence[Mapping[str, Any]]:
        with tenancy.shared():
            mine = Workspace.objects.filter(memberships__user=self.membership.user_id)
            if self.is_alone:
                mine = mine.filter(pk=self.membership.workspace_id)
            return list(mine.exclude(state=Workspace.State.ERASING).order_by("name").values("id", "name"))

    @cached_property
    def connections(self) -> list[Connection]:
        with tenancy.shared():
            return list(Connection.objects.readable_by(self.membership).only("id", "status"))

    @property
    def sources_attention(self) -> int:
        return sum(each.status == Connection.Status.REAUTHORIZE for each in self.connections)

    @cached_property
    def open_tasks(self) -> int:
        with tenancy.within(self.membership.workspace):
            return Task.objects.readable_by(self.membership).filter(is_done=False).count()

    @property
    def requests(self) -> dict[str, int]:
        requests = self.quota.requests
        return {"used": requests.used + requests.held, "limit": requests.limit, "remaining": self.quota.questions_left}

    @property
    def tokens(self) -> dict[str, int]:
        # What is only reserved comes back when the answer is there, so it is not shown as used.
        return {"used": self.quota.tokens.used, "limit": self.quota.tokens.limit}

    @property
    def resets_on(self) -> datetime | None:
        return self.plan.renews_at

    @property
    def ends_on(self) -> datetime | None:
        """When the limits are of no more use, where nothing renews them."""
        is_open = self.plan.ended_at is None and not self.plan.is_late
        return self.plan.lasts_until if is_open and self.plan.renews_at is None else None

    @cached_property
    def recent(self) -> list[Conversation]:
        with tenancy.within(self.membership.workspace):
            mine = Conversation.objects.filter(owner_id=self.membership.user_id).order_by("-updated_at")
            return list(mine.only("id", "title")[:RECENT])
