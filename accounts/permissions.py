"""What a role may do, to ask and to insist."""

from accounts.models import Membership
from accounts.roles import Action
from config.errors import AppError


class Forbidden(AppError):
    code = "forbidden"
    status = 403


def check_can_ask(membership: Membership) -> None:
    if not membership.may(Action.ASK):
        raise Forbidden("Your role does not ask here. Ask an owner for another role.")


def can_make_keys(membership: Membership) -> bool:
    return membership.may(Action.MAKE_KEYS)


def check_can_make_keys(membership: Membership) -> None:
    if not can_make_keys(membership):
        raise Forbidden("Your role makes no API keys. Ask an owner for another role.")


def can_manage_members(membership: Membership) -> bool:
    return membership.may(Action.MANAGE_MEMBERS)


def check_can_manage_members(membership: Membership) -> None:
    if not can_manage_members(membership):
        raise Forbidden("Only an owner or admin can do this.")


def can_change_settings(membership: Membership) -> bool:
    return membership.may(Action.CHANGE_SETTINGS)


def check_can_change_settings(membership: Membership) -> None:
    if not can_change_settings(membership):
        raise Forbidden("Only an owner or admin can do this.")


def can_see_audit(membership: Membership) -> bool:
    return membership.may(Action.SEE_AUDIT)


def check_can_see_audit(membership: Membership) -> None:
    if not can_see_audit(membership):
        raise Forbidden("Only an owner or admin sees the audit log.")


def can_change_owners(membership: Membership) -> bool:
    return membership.may(Action.CHANGE_OWNERS)


def check_can_change_owners(membership: Membership) -> None:
    if not can_change_owners(membership):
        raise Forbidden("Only an owner decides who owns the workspace.")


def can_buy(membership: Membership) -> bool:
    return membership.may(Action.CHANGE_PLAN)


def check_can_buy(membership: Membership) -> None:
    if not can_buy(membership):
        raise Forbidden("Only an owner can change the plan.")


def can_delete_workspace(membership: Membership) -> bool:
    return membership.may(Action.DELETE_WORKSPACE)


def check_can_delete_workspace(membership: Membership) -> None:
    if not can_delete_workspace(membership):
        raise Forbidden("Only an owner can delete the workspace.")
