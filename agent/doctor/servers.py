"""The servers beside Postgres: do they answer, and as Docent needs it?"""

import socket
from collections.abc import Iterator

import redis
import stripe
from django.conf import settings

from agent.doctor.findings import Finding, bad, ok, place
from billing.stripe import setup
from config import valkey
from integrations import vectors
from integrations.stripe import StripeError, brief_client

SECONDS = 3
SMTP = "django.core.mail.backends.smtp.EmailBackend"


def valkey_answers() -> Iterator[Finding]:
    where = place(settings.REDIS_URL)
    try:
        valkey.brief_client().ping()
    except redis.AuthenticationError:
        yield bad(f"{where} refuses the password", "Correct REDIS_URL.")
    except (redis.RedisError, OSError) as error:
        yield bad(f"{where} does not answer ({type(error).__name__})", "Start it, or correct REDIS_URL.")
    else:
        yield ok(f"{where} answers")


def valkey_keeps_queues() -> Iterator[Finding]:
    policy = valkey.brief_client().info("memory")["maxmemory_policy"]
    if policy == "noeviction":
        yield ok("drops nothing (noeviction)")
    else:
        yield bad(
            f"maxmemory-policy is {policy}: when it is full it drops queues and streams",
            "Set maxmemory-policy to noeviction.",
        )


def chroma_answers() -> Iterator[Finding]:
    where = place(settings.CHROMA_URL)
    try:
        vectors.Vectors(settings.CHROMA_URL, answer_seconds=SECONDS).insist_on_answer()
    except (vectors.NotConfigured, vectors.Unreachable, vectors.Refused) as error:
        yield bad(f"{where}: {type(error).__name__}", "Start it, or correct CHROMA_URL.")
    else:
        yield ok(f"{where} answers")


def mail_server_answers() -> Iterator[Finding]:
    if settings.EMAIL_BACKEND != SMTP:
        yield ok("none (EMAIL_URL is not set)")
        return
    where = f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}"
    try:
        socket.create_connection((settings.EMAIL_HOST, settings.EMAIL_PORT), timeout=SECONDS).close()
    except OSError as error:
        yield bad(f"{where} cannot be reached ({type(error).__name__})", "Start it, or correct EMAIL_URL; mails wait.")
    else:
        yield ok(f"{where} can be reached")


def stripe_answers() -> Iterator[Finding]:
    if settings.BILLING_GATEWAY != "stripe":
        yield ok(f"not asked (BILLING_GATEWAY is {settings.BILLING_GATEWAY})")
        return
    where = place(settings.STRIPE_API_URL)
    try:
        with brief_client(key=settings.STRIPE_SECRET_KEY, url=settings.STRIPE_API_URL) as client:
            missing = setup.missing_prices(client)
    except (stripe.AuthenticationError, stripe.PermissionError):
        yield bad(f"{where} refuses the key", "Set STRIPE_SECRET_KEY to a key that may do what docs/billing.md says.")
    except StripeError as error:
        yield bad(f"{where} does not answer well ({type(error).__name__})", "See status.stripe.com; nobody can pay.")
    else:
        if missing:
            yield bad(f"{where} has no price {', '.join(missing)}", "Run `manage.py stripe_setup`.")
        else:
            yield ok(f"{where} takes the key and has the prices")
