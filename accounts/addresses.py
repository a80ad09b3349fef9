"""Changing the e-mail address of an account. The new one is nobody's until it was confirmed from its mailbox."""

from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote
from uuid import uuid4

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core import signing
from django.db import IntegrityError, transaction

from accounts import audit, mails
from accounts.models import AuditAction, User
from config.errors import AppError

SALT = "accounts.addresses"
GOOD_FOR = timedelta(days=1)


class Taken(AppError):
    """Said to who has confirmed the address alone; nobody else learns it."""

    code = "email-taken"
    status = 409


@dataclass(frozen=True)
class Wish:
    user: User
    address: str


def ask(user: User, address: str) -> None:
    """The new address is sent a link, the old one is told. Who has an account with the new one hears that instead."""
    if is_taken(address, user):
        _put(
            address,
            "You have an account already",
            f"Somebody wanted {address} to be the address of another account. It stays that of yours.",
        )
    else:
        signed = signing.dumps([str(user.pk), user.email, address, _stamp(user)], salt=SALT)
        _put(
            address,
            "Confirm your new address",
            f"{address} will be the address of your account. The link is good for a day.",
            url=f"{settings.PUBLIC_URL}/accounts/email/{quote(signed)}/",
            action="Confirm this address",
        )
    _put(
        user.email,
        "Another address was asked for",
        f"Somebody who is signed in to your account asked for {address} as its address. Nothing is changed until that "
        "is confirmed from there.",
        "If this was not you, choose a new password: the link sent there is good for nothing then.",
        url=f"{settings.PUBLIC_URL}/accounts/password/change/",
        action="Choose a new password",
        user=user,
    )


def wish(signed: str) -> Wish | None:
    """What a link asks for. None once it is too old, was followed, or somebody has chosen a new password."""
    return _wish(signed)


def change(signed: str) -> Wish | None:
    """As `wish`, done. Raises Taken."""
    with transaction.atomic():
        found = _wish(signed, locked=True)
        if found is None:
            return None
        before = found.user.email
        _set(found.user, found.address)
        said = {"before": {"email": before}, "after": {"email": found.address}}
        audit.record_everywhere(AuditAction.EMAIL_CHANGED, found.user, by=found.user, **said)
        words = f"The address of your account was {before} and is {found.address} now. It signs you in from now on."
        _put(found.address, "Your address was changed", words, user=found.user)
        _put(
            before, "Your address was changed", words, "If this was not you, write to whoever looks after Docent here."
        )
    return found


def is_taken(address: str, user: User) -> bool:
    """As the account of somebody else."""
    others = User.objects.filter(email=address).exclude(pk=user.pk)
    return others.exists() or EmailAddress.objects.filter(email=address, verified=True).exclude(user=user).exists()


def _wish(signed: str, *, locked: bool = False) -> Wish | None:
    try:
        user_id, before, address, stamp = signing.loads(signed, salt=SALT, max_age=GOOD_FOR)
    except signing.BadSignature:
        return None
    users = User.objects.select_for_update() if locked else User.objects
    user = users.filter(pk=user_id, email=before, is_active=True).first()
    return Wish(user, address) if user is not None and _stamp(user) == stamp else None


def _stamp(user: User) -> str:
    """Another one with another password."""
    return user.get_session_auth_hash()[:16]


def _set(user: User, address: str) -> None:
    taken = Taken(f"{address} is the address of another account.")
    if is_taken(address, user):
        raise taken
    user.email = address
    try:
        with transaction.atomic():
            user.save(update_fields=["email"])
            EmailAddress.objects.filter(user=user).delete()
            EmailAddress.objects.create(user=user, email=address, verified=True, primary=True)
    except IntegrityError as error:
        # Somebody has signed up with it since.
        raise taken from error


def _put(to: str, title: str, *paragraphs: str, url: str = "", action: str = "", user: User | None = None) -> None:
    mails.put(
        key=f"address:{uuid4()}",
        to=to,
        template="letter",
        context={"title": title, "paragraphs": paragraphs, "url": url, "action": action},
        user_id=user.pk if user else None,
    )
