"""What concerns everybody in a workspace, changed by owners and admins while their plan lets them."""

from datetime import datetime
from typing import Any

from django.db import transaction

from accounts import connections as authorizations
from accounts import model_choices, services
from accounts.models import Connection, Membership
from accounts.permissions import check_can_change_settings
from agent.proposals import policy
from agent.sync import intervals
from billing.permissions import check_can_change


def configure(*, by: Membership, now: datetime, **choices: Any) -> None:
    """`name`, `sync_interval_minutes` (None: as often as the plan allows), `write_policy` and `write_kinds`, `model`
    (empty: left to the installation), `own_model` (`kind`, `model`, and if need be `url` and `key`): those that are
    given, all or none.

    Raises Forbidden, TrialExpired, PaymentRequired, PlanRequired or InvalidField.
    """
    check_can_change_settings(by)
    check_can_change(by)
    with transaction.atomic():
        if "sync_interval_minutes" in choices:
            intervals.choose(by=by, minutes=choices["sync_interval_minutes"], now=now)
        if "model" in choices:
            model_choices.choose(by=by, name=choices["model"])
        if "own_model" in choices:
            model_choices.choose_own(by=by, **choices["own_model"])
        if "write_policy" in choices or "write_kinds" in choices:
            policy.choose(by=by, policy=choices.get("write_policy"), kinds=choices.get("write_kinds"))
        if "name" in choices:
            services.rename_workspace(workspace=by.workspace, name=choices["name"], by=by)


def share(connection: Connection, *, by: Membership, is_shared: bool) -> None:
    """As in accounts, while the plan is open. Taking it back is always possible."""
    if is_shared:
        check_can_change(by)
    authorizations.share(connection, by=by, is_shared=is_shared)
