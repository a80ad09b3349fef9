"""One trial for each person: known by the address they have confirmed, without what anybody can vary in it."""

import uuid
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts import audit
from accounts.models import Membership, Role
from billing.models import Subscription, TrialPerson

# Of these the provider ignores the dots, and the two names are one mailbox.
DOTS_IGNORED = {"gmail.com": "gmail.com", "googlemail.com": "gmail.com"}


def normalised(email: str) -> str:
    """The mailbox that the address leads to: `Ada.L+docent@googlemail.com` and `adal@gmail.com` are one."""
    name, _, domain = email.strip().lower().rpartition("@")
    with suppress(UnicodeError):
        domain = domain.encode("idna").decode()
    name = name.partition("+")[0] or name
    if domain in DOTS_IGNORED:
        return f"{name.replace('.', '')}@{DOTS_IGNORED[domain]}"
    return f"{name}@{domain}"


def digest(email: str) -> str:
    """Kept after the account is gone, so it tells no address."""
    return salted_hmac("billing.one_trial", normalised(email), algorithm="sha256").hexdigest()


def claim(*, user_id: Any, email: str, now: datetime) -> bool:
    """This person's trial, if none had it before; else the running trial ends here. False then."""
    with transaction.atomic():
        mine = TrialPerson(digest=digest(email), user_id=user_id, taken_at=now)
        TrialPerson.objects.bulk_create([mine], ignore_conflicts=True)
        if TrialPerson.objects.filter(digest=mine.digest, user_id=user_id).exists():
            return True
        owned = Membership.objects.filter(user_id=user_id, role=Role.OWNER).values("workspace_id")
        running = Subscription.objects.select_for_update().filter(
            workspace__in=owned, status=Subscription.Status.TRIALING, trial_ends_at__gt=now
        )
        for subscription in running:
            subscription.trial_ends_at = subscription.changed_at = now
            # Nobody asked for it: it is our rule.
            with audit.acting(audit.SYSTEM):
                subscription.save(update_fields=["trial_ends_at", "changed_at"])
    return False


def remember(*, user_id: Any, emails: Iterable[str], now: datetime) -> None:
    """Of a person whose account goes, so that its address begins no second trial; nothing of the account."""
    digests = {digest(email) for email in emails}
    TrialPerson.objects.bulk_create(
        [TrialPerson(digest=each, user_id=uuid.uuid4(), taken_at=now) for each in digests], ignore_conflicts=True
    )
    for mine in TrialPerson.objects.filter(user_id=user_id):
        TrialPerson.objects.filter(pk=mine.pk).update(user_id=uuid.uuid4())


def was_had(email: str) -> bool:
    return TrialPerson.objects.filter(digest=digest(email)).exists()


def on_address(sender: Any, instance: EmailAddress, **_: Any) -> None:
    """Whichever way an address comes to be confirmed: a link, a reset. Unconfirmed ones prove nobody."""
    if settings.EMAIL_VERIFICATION_REQUIRED and instance.verified:
        claim(user_id=instance.user_id, email=instance.email, now=timezone.now())
