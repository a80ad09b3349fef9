"""Whether a plan lets Notion be read: which Notion workspaces it covers, asked when one is connected and before each
request of a job. The oldest is the one that a smaller plan goes on with."""

import uuid
from datetime import datetime

from django.db.models import Q

from accounts import connections
from accounts.models import Connection, Membership
from billing.effective import EffectivePlan, PaymentRequired, TrialExpired, check_access, effective
from billing.models import Subscription
from billing.permissions import PlanRequired, cheapest_with, check_can_use
from billing.plans import Feature, upgrade_url
from integrations.notion import Grant

NOT_COVERED = (TrialExpired, PaymentRequired, PlanRequired)


def connect_with_token(*, membership: Membership, token: str, is_shared: bool, now: datetime) -> Connection:
    """As in accounts, within the plan: raises PlanRequired for another Notion workspace than it covers."""
    return connections.connect_with_token(
        membership=membership, token=token, is_shared=is_shared, now=now, admit=check_fits
    )


def complete_authorization(
    *, membership: Membership, session_key: str, state: str, code: str, refusal: str, now: datetime
) -> Connection:
    """As in accounts, within the plan: raises PlanRequired for another Notion workspace than it covers."""
    return connections.complete_authorization(
        membership=membership,
        session_key=session_key,
        state=state,
        code=code,
        refusal=refusal,
        now=now,
        admit=check_fits,
    )


def check_fits(membership: Membership, grant: Grant) -> None:
    """In the transaction that keeps the connection. The lock makes two tabs follow each other; everybody takes it
    before that of a connection."""
    subscription = Subscription.objects.select_for_update().get(workspace_id=membership.workspace_id)
    live = _live(membership.workspace_id)
    if live and not any(_is_same(each, grant.workspace_id, grant.bot_id) for each in live):
        check_can_use(subscription, Feature.SEVERAL_CONNECTIONS)


def check_can_read(connection: Connection, *, now: datetime) -> None:
    """Raises one of NOT_COVERED; its message is a reason that members can be shown."""
    current = effective(Subscription.objects.get(workspace_id=connection.workspace_id), now)
    check_access(current, is_read=False)
    if connection.pk in _uncovered(connection.workspace_id, current):
        raise PlanRequired(
            why_uncovered(current),
            plan=cheapest_with(Feature.SEVERAL_CONNECTIONS).tier,
            upgrade_url=upgrade_url(),
        )


def check_is_open(workspace_id: uuid.UUID, *, now: datetime) -> None:
    """Raises TrialExpired or PaymentRequired: then nothing is written to Notion either."""
    check_access(effective(Subscription.objects.get(workspace_id=workspace_id), now), is_read=False)


def can_read(connection: Connection, *, now: datetime) -> bool:
    try:
        check_can_read(connection, now=now)
    except NOT_COVERED:
        return False
    return True


def uncovered(workspace_id: uuid.UUID, *, now: datetime) -> frozenset[uuid.UUID]:
    """Connections that the plan no longer syncs. What was read through them stays searchable."""
    return _uncovered(workspace_id, effective(Subscription.objects.get(workspace_id=workspace_id), now))


def why_uncovered(current: EffectivePlan) -> str:
    better = cheapest_with(Feature.SEVERAL_CONNECTIONS).name
    return (
        f"{current.plan.name} syncs one Notion workspace, the one connected first. This one is no longer synced; what"
        f" was read stays searchable. Several come with the {better} plan."
    )


def notion_workspaces(workspace_id: uuid.UUID) -> int:
    """How many are connected; two connections to the same one are one."""
    return len({each.notion_workspace_id or each.bot_id for each in _live(workspace_id)})


def _uncovered(workspace_id: uuid.UUID, current: EffectivePlan) -> frozenset[uuid.UUID]:
    if Feature.SEVERAL_CONNECTIONS in current.plan.features:
        return frozenset()
    live = _live(workspace_id)
    return frozenset(each.pk for each in live if not _is_same(each, live[0].notion_workspace_id, live[0].bot_id))


def _live(workspace_id: uuid.UUID) -> list[Connection]:
    connected = Connection.objects.filter(~Q(status=Connection.Status.DISCONNECTED), workspace_id=workspace_id)
    return list(connected.only("notion_workspace_id", "bot_id", "connected_at").order_by("connected_at", "pk"))


def _is_same(connection: Connection, notion_workspace_id: str, bot_id: str) -> bool:
    """Notion does not tell every token's workspace; then its bot is all there is to go by."""
    return connection.bot_id == bot_id or (
        bool(notion_workspace_id) and connection.notion_workspace_id == notion_workspace_id
    )
