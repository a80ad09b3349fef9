"""The plans: prices, limits and features. Everything that names one of them reads it here."""

import uuid
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import models


class Tier(models.TextChoices):
    TRIAL = "trial"
    PRO = "pro"
    PLUS = "plus"
    TEAMS = "teams"


class Feature(models.TextChoices):
    ASK = "ask", "Ask with sources"
    TASKS = "tasks", "Tasks"
    MANUAL_SYNC = "manual_sync", "Sync on demand"
    APPROVED_WRITES = "approved_writes", "Changes in Notion that you approve"
    SCHEDULED_SYNC = "scheduled_sync", "Scheduled sync"
    API_KEYS = "api_keys", "API keys"
    LIVE_SYNC = "live_sync", "Near-live sync"
    SEVERAL_CONNECTIONS = "several_connections", "Several Notion workspaces"
    SCHEDULED_EXPORT = "scheduled_export", "Export on schedule"
    MEMBERS = "members", "Members and roles"
    SHARED_CONVERSATIONS = "shared_conversations", "Shared conversations"
    AUDIT_LOG = "audit_log", "Audit log"
    MEMBER_CAPS = "member_caps", "Limits for each member"


# Sold with a plan but not made yet: pages and API say so beside each.
COMING = frozenset(
    {
        Feature.APPROVED_WRITES,
        Feature.SCHEDULED_EXPORT,
    }
)
EVERYONE = (Feature.ASK, Feature.TASKS, Feature.MANUAL_SYNC, Feature.APPROVED_WRITES)
PAID = (*EVERYONE, Feature.SCHEDULED_SYNC, Feature.API_KEYS)
ADVANCED = (*PAID, Feature.LIVE_SYNC, Feature.SEVERAL_CONNECTIONS, Feature.SCHEDULED_EXPORT)
TEAM = (*ADVANCED, Feature.MEMBERS, Feature.SHARED_CONVERSATIONS, Feature.AUDIT_LOG, Feature.MEMBER_CAPS)


@dataclass(frozen=True)
class Plan:
    """Prices in cents a month; limits are for each member and period, or for each member and minute."""

    tier: Tier
    name: str
    price_cents: int
    price_per_user_cents: int
    requests: int
    tokens: int
    questions_a_minute: int
    features: tuple[Feature, ...]
    upgrades: tuple[Tier, ...]
    trial: timedelta | None = None

    def monthly_cents(self, seats: int) -> int:
        return self.price_cents + self.price_per_user_cents * seats

    def with_seats(self, seats: int) -> str:
        """ "Teams with 3 seats"."""
        if not self.is_per_seat:
            return self.name
        return f"{self.name} with {seats} seat{'' if seats == 1 else 's'}"

    @property
    def is_per_seat(self) -> bool:
        return bool(self.price_per_user_cents)

    @property
    def downgrades(self) -> "tuple[Tier, ...]":
        """Paid plans from which this one is an upgrade."""
        return tuple(other.tier for other in PLANS.values() if other.trial is None and self.tier in other.upgrades)


PLANS: dict[Tier, Plan] = {
    plan.tier: plan
    for plan in (
        Plan(
            Tier.TRIAL,
            "Trial",
            0,
            0,
            settings.TRIAL_REQUESTS,
            50_000,
            settings.TRIAL_QUESTIONS_A_MINUTE,
            EVERYONE,
            upgrades=(Tier.PRO, Tier.PLUS, Tier.TEAMS),
            trial=timedelta(days=settings.TRIAL_DAYS),
        ),
        Plan(Tier.PRO, "Pro", 1_000, 0, 1_000, 1_000_000, 60, PAID, upgrades=(Tier.PLUS, Tier.TEAMS)),
        Plan(Tier.PLUS, "Plus", 1_900, 0, 2_500, 2_500_000, 90, ADVANCED, upgrades=(Tier.TEAMS,)),
        Plan(Tier.TEAMS, "Teams", 4_900, 1_200, 5_000, 5_000_000, 60, TEAM, upgrades=()),
    )
}
# How often Notion is read by itself, at most. A plan without the feature is not here.
SYNC_INTERVALS = {Tier.PRO: timedelta(hours=1), Tier.PLUS: timedelta(minutes=15), Tier.TEAMS: timedelta(minutes=15)}
CURRENCY = "usd"
PAST_DUE_GRACE = timedelta(days=7)
# What was read from Notion stays this long after a trial or subscription has ended; the account stays.
KEPT_AFTER_END = timedelta(days=30)


def upgrade_url() -> str:
    """Where a refused person can choose a plan."""
    return f"{settings.PUBLIC_URL}/app/plan"


def plan_url(workspace_id: uuid.UUID) -> str:
    """The same for who comes from elsewhere and may have another workspace open by then."""
    return f"{upgrade_url()}?workspace={workspace_id}"


def cheapest_with_more(tier: Tier, metric: str) -> Plan | None:
    """The cheapest plan one may change to that allows more `requests`, `tokens` or `questions_a_minute`."""
    present = getattr(PLANS[tier], metric)
    better = [PLANS[other] for other in PLANS[tier].upgrades if getattr(PLANS[other], metric) > present]
    return min(better, key=lambda plan: plan.price_cents + plan.price_per_user_cents, default=None)
