"""Access and refresh tokens for programs. Rotation is under a lock; a refresh token used twice ends them all."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken
from rest_framework_simplejwt.tokens import RefreshToken

from accounts import audit, tenancy
from accounts.models import AuditAction, Membership, User
from accounts.roles import MAY, Action
from config.errors import AppError

# Two tabs may refresh at the same moment; only a later second use means that a token was stolen.
REUSE_GRACE = timedelta(seconds=20)
# However often they are renewed: whoever still has them signs in again.
LONGEST = timedelta(days=90)
ENDED = "This refresh token is no longer good. Sign in again."


class InvalidToken(AppError):
    code = "invalid-token"
    status = 401


@dataclass(frozen=True)
class Pair:
    access: str
    refresh: str


class _Unchecked(RefreshToken):
    """Signature, expiry, issuer, audience and type are checked; the list of used tokens is read under our lock."""

    def check_blacklist(self) -> None:
        pass


def issue(membership: Membership, *, began: int | None = None) -> Pair:
    """`began`: when the password was said for the token that these replace, in seconds since 1970."""
    refresh = RefreshToken.for_user(membership.user)
    refresh["bg"] = began or refresh["iat"]
    refresh["exp"] = min(refresh["exp"], refresh["bg"] + int(LONGEST.total_seconds()))
    refresh["ws"] = str(membership.workspace_id)
    refresh["tv"] = membership.user.token_version
    # Who left and came back is another membership: what was issued before stays dead.
    refresh["mb"] = membership.pk
    return Pair(access=str(refresh.access_token), refresh=str(refresh))


def begin(membership: Membership) -> Pair:
    """As `issue`, for who signs in just now."""
    with transaction.atomic():
        audit.record_everywhere(AuditAction.SIGNED_IN, membership.user, by=membership.user)
        return issue(membership)


def rotate(raw: str, *, now: datetime) -> Pair:
    """A new pair for a refresh token, once. Raises InvalidToken; a second use after the grace ends all tokens."""
    token = _read(raw)
    with transaction.atomic():
        outstanding = OutstandingToken.objects.select_for_update().filter(jti=token["jti"]).first()
        user = User.objects.filter(pk=token["sub"], is_active=True).first()
        if outstanding is None or user is None or token.get("tv") != user.token_version:
            raise InvalidToken(ENDED)
        used = BlacklistedToken.objects.filter(token=outstanding).first()
        if used is None:
            BlacklistedToken.objects.create(token=outstanding)
            membership = tenancy.member(
                user_id=user.pk, workspace_id=token.get("ws"), while_closing=MAY[Action.DELETE_WORKSPACE]
            )
            # All tokens may have been ended while this one waited; what is issued carries the number compared here.
            if token["tv"] != membership.user.token_version or token.get("mb") != membership.pk:
                raise InvalidToken(ENDED)
            return issue(membership, began=token.get("bg"))
    if now - used.blacklisted_at > REUSE_GRACE:
        user.end_all_tokens()
    raise InvalidToken("This refresh token was already used. Sign in again.")


def revoke(raw: str) -> None:
    """End this refresh token. An unknown or expired one is already ended, so that is no error.

    It is forgotten rather than listed as used: whoever sends it later was signed out and is no thief.
    """
    try:
        token = _read(raw)
    except InvalidToken:
        return
    with transaction.atomic():
        outstanding = OutstandingToken.objects.select_for_update().filter(jti=token["jti"]).first()
        if outstanding is not None and not BlacklistedToken.objects.filter(token=outstanding).exists():
            outstanding.delete()


def _read(raw: str) -> RefreshToken:
    try:
        return _Unchecked(raw)  # type: ignore[arg-type]  # its annotation says a token; it takes the text
    except TokenError as error:
        raise InvalidToken("This is not a refresh token of ours, or it has expired. Sign in again.") from error
