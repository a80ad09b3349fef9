"""The outbox over a real line: once in the table whatever happens, at least once at the wire."""

import os
import re
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.db import transaction
from django.test import Client, override_settings
from django.utils import timezone

from accounts import mails, tenancy
from accounts.models import Mail
from devkit.home import PROJECT
from tests.mail_server import Post, listening
from tests.people import Person
from tests.threads import at_once, elsewhere


@pytest.fixture
def post() -> Iterator[Post]:
    Mail.objects.filter(sent_at=None).delete()
    with listening() as server:
        yield server


def address() -> str:
    return f"reader-{secrets.token_hex(5)}@example.com"


def put(email: str, *, key: str = "", now: datetime | None = None) -> str:
    key = key or f"test:{secrets.token_hex(8)}"
    words = {"title": "Hello\nthere", "paragraphs": ["Less < more & so."], "url": "http://127.0.0.1/x", "action": "Go"}
    mails.put(key=key, to=email, template="letter", context=words, now=now)
    return key


def test_a_mail_goes_out_as_text_and_html(post: Post) -> None:
    email = address()
    key = put(email)

    mails.send_due()

    (message,) = post.of(email)
    text, html = [part.get_payload(decode=True).decode() for part in message.get_payload()]
    assert message["Subject"] == "Hello"
    assert message["Message-ID"] == mails.message_id(key)
    assert "Less < more & so." in text
    assert "Less &lt; more &amp; so." in html
    assert Mail.objects.get(key=key).sent_at is not None


def test_a_mail_fetches_nothing_from_elsewhere() -> None:
    key = put(address())

    html = Mail.objects.get(key=key).html

    assert re.findall(r"\bsrc=|\bbackground=|@import|url\(|<link", html) == []
    assert "<script" not in html


def test_a_key_is_used_once_by_eight_at_the_same_moment() -> None:
    email, key = address(), f"test:{secrets.token_hex(8)}"

    at_once(lambda: put(email, key=key), times=8)

    assert Mail.objects.filter(to=email).count() == 1


def test_what_is_rolled_back_is_never_said() -> None:
    email = address()

    with transaction.atomic():
        put(email)
        transaction.set_rollback(True)

    assert not Mail.objects.filter(to=email).exists()


def test_a_workspace_writes_mails_and_cannot_read_them(alice: Person) -> None:
    email = address()

    with tenancy.within(alice.workspace):
        put(email)

    assert Mail.objects.filter(to=email).count() == 1


def test_eight_workers_send_each_mail_once(post: Post) -> None:
    emails = [address() for _ in range(24)]
    for email in emails:
        put(email)

    at_once(mails.send_due, times=8)

    assert sorted(str(message["To"]) for message in post.received) == sorted(emails)


def test_a_refused_recipient_is_given_up_and_keeps_nobody_else_waiting(post: Post) -> None:
    bad, good = address(), address()
    post.refused.add(bad)
    put(bad)
    put(good)

    sent = mails.send_due()

    refused = Mail.objects.get(to=bad)
    assert (sent, refused.attempts, refused.sent_at) == (1, 1, None)
    assert refused.gave_up_at is not None
    assert "550" in refused.error
    assert len(post.of(good)) == 1


def test_a_busy_mailbox_is_tried_again_later_and_later(post: Post, now: datetime) -> None:
    email = address()
    post.busy.add(email)
    put(email)

    mails.send_due()
    first = Mail.objects.get(to=email)
    again(first)
    mails.send_due()

    second = Mail.objects.get(to=email)
    assert (first.attempts, second.attempts, second.gave_up_at) == (1, 2, None)
    assert second.next_try_at - timezone.now() > first.next_try_at - now


def again(mail: Mail) -> None:
    """As if its pause were over."""
    Mail.objects.filter(pk=mail.pk).update(next_try_at=timezone.now())


@pytest.mark.parametrize("moment", ["greeting", "before taking"])
def test_a_cut_line_loses_nothing(post: Post, moment: str) -> None:
    email = address()
    put(email)
    post.hangs_up = moment

    mails.send_due()
    again(Mail.objects.get(to=email))
    mails.send_due()

    assert len(post.of(email)) == 1
    assert Mail.objects.get(to=email).sent_at is not None


def test_a_line_cut_after_the_server_took_it_makes_two_of_one_id(post: Post) -> None:
    email = address()
    key = put(email)
    post.hangs_up = "after taking"

    mails.send_due()
    again(Mail.objects.get(to=email))
    mails.send_due()

    assert [message["Message-ID"] for message in post.of(email)] == [mails.message_id(key)] * 2


def test_an_absent_server_costs_one_attempt_a_round() -> None:
    emails = [address(), address()]
    Mail.objects.filter(sent_at=None).delete()
    for email in emails:
        put(email)

    with listening() as gone:
        pass
    with override_settings(
        EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend", EMAIL_HOST="127.0.0.1", EMAIL_PORT=gone.port
    ):
        mails.send_due()

    assert sorted(Mail.objects.filter(to__in=emails).values_list("attempts", flat=True)) == [0, 1]


def test_what_never_succeeds_is_given_up_with_an_error(post: Post, caplog: pytest.LogCaptureFixture) -> None:
    email = address()
    post.busy.add(email)
    put(email)
    Mail.objects.filter(to=email).update(attempts=mails.MOST_ATTEMPTS - 1)

    mails.send_due()

    assert Mail.objects.get(to=email).gave_up_at is not None
    assert [record.levelname for record in caplog.records if "given up" in record.message] == ["ERROR"]
    assert email not in caplog.text


SENDER = """
import os, django
django.setup()
from accounts import mails
mails.send_due()
"""


def test_a_worker_killed_while_sending_is_replaced_after_its_lease(post: Post) -> None:
    email, other = address(), address()
    put(email, now=timezone.now() - timedelta(minutes=1))
    post.hold = held = threading.Event()
    dying = subprocess.Popen(
        [sys.executable, "-c", SENDER],
        cwd=PROJECT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "EMAIL_URL": f"smtp://127.0.0.1:{post.port}"},
    )
    assert post.asked.wait(60)

    dying.send_signal(signal.SIGKILL)
    dying.wait()
    post.hold = None
    held.set()
    put(other)
    mails.send_due()
    before = len(post.of(email))
    Mail.objects.filter(to=email).update(leased_until=timezone.now() - timedelta(seconds=1))
    mails.send_due()

    assert (before, len(post.of(other))) == (1, 1)
    assert len({message["Message-ID"] for message in post.of(email)}) == 1
    assert Mail.objects.get(to=email).sent_at is not None


def test_a_line_break_in_a_name_adds_no_header(post: Post) -> None:
    email = address()
    mails.put(
        key=f"test:{email}",
        to=email,
        template="letter",
        context={"title": "Hi\r\nBcc: x@example.com", "paragraphs": []},
    )

    mails.send_due()

    assert post.of(email)[0]["Bcc"] is None


def test_an_address_that_fits_into_no_mail_is_given_up(post: Post) -> None:
    email = f"two\nlines-{address()}"
    put(email)

    mails.send_due()

    assert Mail.objects.get(to=email).gave_up_at is not None


@override_settings(SHOWS_MAILS=False)
def test_where_mails_are_not_shown_a_sent_one_is_emptied(post: Post) -> None:
    email = address()
    put(email)

    mails.send_due()

    mail = Mail.objects.get(to=email)
    assert (mail.text, mail.html, len(post.of(email))) == ("", "", 1)


def test_asking_for_a_password_talks_to_no_mail_server(post: Post, alice: Person) -> None:
    browser = Client(REMOTE_ADDR=f"10.1.{secrets.randbelow(256)}.{secrets.randbelow(256)}")

    for email in (alice.email, address()):
        assert browser.post("/accounts/password/reset/", {"email": email}).status_code == 302

    assert post.greeted == 0
    mail = Mail.objects.get(to=alice.email)
    assert (mail.subject, mail.user_id, mail.sent_at) == ("Choose a new password", alice.user.pk, None)
    assert "http://" in mail.text


def test_the_job_sends_what_is_due(post: Post) -> None:
    from accounts.jobs import send_mails

    email = address()
    put(email)

    elsewhere(send_mails)

    assert len(post.of(email)) == 1


def test_old_mails_of_nobody_are_forgotten(alice: Person, now: datetime) -> None:
    old = now - timedelta(days=31)
    forgotten = put(address(), now=old)
    kept = f"test:{secrets.token_hex(8)}"
    mails.put(
        key=kept, to=address(), template="letter", context={"title": "x"}, workspace_id=alice.workspace.pk, now=old
    )

    mails.forget_old(now=now)

    assert not Mail.objects.filter(key=forgotten).exists()
    assert Mail.objects.filter(key=kept).exists()


def test_the_page_lists_what_was_sent_to_anybody() -> None:
    email = address()
    key = put(email)

    page = Client().get("/mails").content.decode()
    alone = Client().get(f"/mails/{Mail.objects.get(key=key).pk}")

    assert email in page
    assert "Less &lt; more &amp; so." in page
    assert "sandbox" in alone.headers["Content-Security-Policy"]
    assert "script-src 'none'" in alone.headers["Content-Security-Policy"]


PRODUCTION = {
    "DOCENT_ENV": "production",
    "DATABASE_WEB_URL": "postgresql://docent_web@127.0.0.1/none",
    "PUBLIC_URL": "https://docent.example",
}


@pytest.mark.parametrize("more", [PRODUCTION, {"DOCENT_ENV": "embedded", "PUBLIC_URL": "http://docent.example"}])
def test_a_hosted_installation_has_no_such_page(more: dict[str, str]) -> None:
    ask = "import django; django.setup(); from accounts import urls; print([str(p.pattern) for p in urls.pages])"
    said = subprocess.run(
        [sys.executable, "-c", ask],
        cwd=PROJECT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", **more},
        capture_output=True,
        text=True,
        check=True,
    )

    assert "app/theme" in said.stdout
    assert "mails" not in said.stdout
