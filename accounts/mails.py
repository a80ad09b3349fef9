"""The outbox. Whoever has something to say writes it beside the change it tells of; a worker sends it.

A key is used once, so a message is written once, whatever crashes. At the wire it is at least once: a worker that is
killed after the server took a message and before that was written down leaves it to the next one. Both copies carry
the same Message-ID, which comes from the key.
"""

import hashlib
import logging
import smtplib
import time
import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from email.errors import MessageError
from email.utils import parseaddr
from functools import reduce
from operator import or_
from typing import Any

import kombu.exceptions
from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.db.models import Q
from django.template.loader import render_to_string
from django.utils import timezone

from accounts import tenancy
from accounts.models import Mail
from config.errors import AppError

log = logging.getLogger(__name__)
# Nearly three days of an absent server, with these pauses.
MOST_ATTEMPTS = 40
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=2)
# A round takes no new message after this long. The task is ended before the lease of its last one runs out.
ROUND_SECONDS = 60
TASK_SECONDS = 240
LEASE = timedelta(seconds=300)
# Messages without a workspace are answers to somebody's click; their rows are of no use later.
KEPT = timedelta(days=30)


def put(
    *,
    key: str,
    to: str,
    template: str,
    context: Mapping[str, Any],
    user_id: uuid.UUID | None = None,
    workspace_id: uuid.UUID | None = None,
    now: datetime | None = None,
) -> bool:
    """Write a message in the caller's transaction; a worker is woken after the commit. False: the key was used before.

    `templates/mail/{template}.txt` has the subject in its first line; `.html` gets it as `subject`.
    """
    given = {"product_name": settings.PRODUCT_NAME, "public_url": settings.PUBLIC_URL, **context}
    subject, _, text = render_to_string(f"mail/{template}.txt", given).strip().partition("\n")
    subject = " ".join(subject.split())[:200]
    moment = now or timezone.now()
    mail = Mail(
        key=key,
        to=to,
        subject=subject,
        text=text.strip() + "\n",
        html=render_to_string(f"mail/{template}.html", {**given, "subject": subject}),
        user_id=user_id,
        workspace_id=workspace_id,
        created_at=moment,
        next_try_at=moment,
    )
    with tenancy.shared():
        Mail.objects.bulk_create([mail], ignore_conflicts=True)
        is_new = Mail.objects.filter(pk=mail.pk).exists()
        if is_new:
            transaction.on_commit(wake)
    return is_new


def wake() -> None:
    """Tell the broker. When it is away nothing is lost: the next round is never far."""
    from accounts.jobs import send_mails

    try:
        send_mails.apply_async(retry=False)
    except (kombu.exceptions.OperationalError, OSError):
        log.warning("the broker is away; mails wait for the next round")


def send_due() -> int:
    """Send what is due, one after the other. Any number of workers may do this at once. Answers how many went out."""
    wire = get_connection()
    sent, end = 0, time.monotonic() + ROUND_SECONDS
    try:
        while time.monotonic() < end and (mail := _claim(timezone.now())):
            try:
                _send(mail, wire)
            except smtplib.SMTPRecipientsRefused as error:
                code = max(code for code, _ in error.recipients.values())
                _failed(mail, error, is_final=code >= 500)
            except smtplib.SMTPResponseException as error:
                # It may have been left in the middle of a message.
                wire.close()
                _failed(mail, error)
            except (smtplib.SMTPNotSupportedError, ValueError, MessageError) as error:
                # No repeating makes this address or these words fit into a mail.
                _failed(mail, error, is_final=True)
            except OSError as error:
                wire.close()
                _failed(mail, error)
                log.warning("the mail server is away; the next round tries again")
                break
            else:
                sent += 1
    finally:
        _close(wire)
    return sent


def withdraw(*, workspace_id: uuid.UUID, kinds: Iterable[str]) -> None:
    """Take back what was not sent yet of these kinds; a kind is what stands before the key's first colon."""
    waiting = Mail.objects.filter(workspace_id=workspace_id, sent_at=None, gave_up_at=None)
    of_these = reduce(or_, (Q(key__startswith=f"{kind}:") for kind in kinds), Q(pk=None))
    waiting.filter(of_these).delete()


class SentAlready(AppError):
    code = "does-not-apply"
    status = 409


def try_now(mail_id: uuid.UUID, *, now: datetime) -> Mail | None:
    """Locked, and due at once with all its attempts before it. Raises SentAlready; a mail on its way is that too."""
    mail = Mail.objects.select_for_update(of=("self",)).select_related("user").filter(pk=mail_id).first()
    if mail is None:
        return None
    if mail.sent_at is not None:
        raise SentAlready(f"It was sent at {mail.sent_at:%Y-%m-%d %H:%M} UTC, and its text is not kept.")
    if mail.gave_up_at is None and mail.next_try_at <= now:
        raise SentAlready("It is due, and goes with the next round.")
    mail.gave_up_at, mail.attempts, mail.next_try_at, mail.error = None, 0, now, ""
    mail.save(update_fields=["gave_up_at", "attempts", "next_try_at", "error"])
    transaction.on_commit(wake)
    return mail


def forget_old(*, now: datetime) -> None:
    Mail.objects.filter(workspace=None, created_at__lt=now - KEPT).delete()
    # Nothing else names the address of who was erased.
    Mail.objects.filter(key__startswith="certificate:", sent_at__isnull=False).delete()


def message_id(key: str) -> str:
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
    return f"<{hashlib.sha256(key.encode()).hexdigest()[:40]}@{domain}>"


def _claim(now: datetime) -> Mail | None:
    with transaction.atomic():
        mail = (
            Mail.objects.select_for_update(skip_locked=True, of=("self",))
            .filter(Q(leased_until=None) | Q(leased_until__lt=now), sent_at=None, gave_up_at=None, next_try_at__lte=now)
            .order_by("next_try_at")
            .first()
        )
        if mail is not None:
            mail.lease, mail.leased_until, mail.attempts = uuid.uuid4(), now + LEASE, mail.attempts + 1
            mail.save(update_fields=["lease", "leased_until", "attempts"])
    return mail


def _send(mail: Mail, wire: BaseEmailBackend) -> None:
    headers = {"Message-ID": message_id(mail.key), "Auto-Submitted": "auto-generated"}
    message = EmailMultiAlternatives(mail.subject, mail.text, to=[mail.to], connection=wire, headers=headers)
    message.attach_alternative(mail.html, "text/html")
    wire.open()
    message.send()
    forgotten = {} if settings.SHOWS_MAILS else {"text": "", "html": ""}
    _held(mail).update(sent_at=timezone.now(), leased_until=None, lease=None, error="", **forgotten)


def _failed(mail: Mail, error: Exception, *, is_final: bool = False) -> None:
    words = f"{type(error).__name__}: {error}"[:2000]
    now = timezone.now()
    if is_final or mail.attempts >= MOST_ATTEMPTS:
        # The words hold the address, so they stand in the row alone.
        log.error("%s is given up after %d attempts: %s", mail, mail.attempts, type(error).__name__)
        _held(mail).update(gave_up_at=now, leased_until=None, lease=None, error=words)
        return
    log.warning("%s could not be sent at attempt %d: %s", mail, mail.attempts, type(error).__name__)
    pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(mail.attempts - 1, 10))
    _held(mail).update(next_try_at=now + pause, leased_until=None, lease=None, error=words)


def _held(mail: Mail) -> Any:
    return Mail.objects.filter(pk=mail.pk, lease=mail.lease)


def _close(wire: BaseEmailBackend) -> None:
    try:
        wire.close()
    except (smtplib.SMTPException, OSError):
        log.info("the mail server hung up first")
