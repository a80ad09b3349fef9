"""What a role may do, to ask and to insist."""

from accounts.models import Membership, Role
from config.errors import AppError


class Forbidden(AppError):
    code = "forbidden"
    status = 403


def can_manage(membership: Membership) -> bool:
    return membership.may_manage


def check_can_manage(membership: Membership) -> None:
    if not can_manage(membership):
        raise Forbidden("Only an owner or admin can do this.")


def can_buy(membership: Membership) -> bool:
    return membership.role == Role.OWNER


def check_can_buy(membership: Membership) -> None:
    if not can_buy(membership):
        raise Forbidden("Only an owner can change the plan.")


def can_delete_workspace(membership: Membership) -> bool:
    return membership.role == Role.OWNER


def check_can_delete_workspace(membership: Membership) -> None:
    if not can_delete_workspace(membership):
        raise Forbidden("Only an owner can delete the workspace.")
