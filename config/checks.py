"""What an installation refuses to start with: limits that contradict each other, and, where it is hosted, the doors and
defaults that are meant for one machine."""

import logging
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.utils.module_loading import import_string

from config import environment as env
from config import providers

log = logging.getLogger(__name__)
NOTION = "https://api.notion.com"
STRIPE = "https://api.stripe.com"
LOCAL_HOSTS = {"", "localhost", "127.0.0.1", "0.0.0.0", "[::1]", "::1"}
SECRET_LENGTH = 32


def insist_on_production() -> None:
    """Raises ImproperlyConfigured with everything that is wrong at once. Elsewhere only what is wrong everywhere."""
    found = list(problems())
    if found:
        listed = "\n".join(f"- {problem}" for problem in found)
        raise ImproperlyConfigured(f"Docent does not start like this:\n{listed}")
    for doubt in doubts():
        log.warning(doubt)


def insist_on_connections(needed: int, *, of: str) -> None:
    """Raises ImproperlyConfigured where the threads of this process would wait for each other's connections."""
    pool = settings.DATABASES["default"]["OPTIONS"]["pool"]["max_size"]
    if pool < needed:
        raise ImproperlyConfigured(f"DATABASE_POOL must be at least {needed} here ({of}), not {pool}.")


def insist_on_walls() -> None:
    """Raises WeakIsolation when the database login could leave its workspace. Called before a process forks."""
    import_string("accounts.access.insist_on_walls")()
    serving: Any = connections["default"]
    serving.close()
    serving.close_pool()


def as_system_check(app_configs: Any, **_: Any) -> list[CheckMessage]:
    return [
        *(Error(problem, id="docent.E001") for problem in problems()),
        *(Warning(doubt, id="docent.W001") for doubt in doubts()),
    ]


def problems() -> Iterator[str]:
    """Each names the variable and says what to do."""
    yield from _times()
    yield from _payments()
    yield from _models()
    if settings.IS_PRODUCTION:
        yield from _secrets()
        yield from _addresses()
        yield from _doors()


def doubts() -> Iterator[str]:
    """What a hosted installation may mean, and is told at each start."""
    if not settings.IS_PRODUCTION:
        return
    if settings.BILLING_GATEWAY == "manual":
        yield "BILLING_GATEWAY=manual: nothing is charged, and each change of plan waits for `approve_plan`."
    if settings.STRIPE_SECRET_KEY.startswith(("sk_test_", "rk_test_")):
        yield (
            "STRIPE_SECRET_KEY is a test key: every plan can be had for a test card's number and nobody pays. "
            "Set the live key, and the signing secret of its endpoint, before customers come."
        )


def _times() -> Iterator[str]:
    # A run whose worker died is taken up after the lease; it must still find its hold then.
    longest = settings.RUN_HARD_TIME_LIMIT + settings.RUN_LEASE_SECONDS
    if longest >= settings.HOLD_LIFE_SECONDS:
        life = settings.HOLD_LIFE_SECONDS
        yield (
            f"RUN_TIME_LIMIT and RUN_LEASE_SECONDS let a run outlive its quota's hold of {life} s: "
            f"lower them by more than {longest - life} s."
        )


def _payments() -> Iterator[str]:
    """Half of it would take money and give nothing, or give everything for nothing."""
    gateway, key = settings.BILLING_GATEWAY, settings.STRIPE_SECRET_KEY
    if gateway not in {"manual", "stripe"}:
        yield f"BILLING_GATEWAY is {gateway!r}: set it to manual or stripe."
    if gateway == "stripe":
        if not re.fullmatch(r"[sr]k_\S+", key):
            yield "STRIPE_SECRET_KEY is not set or no secret key: BILLING_GATEWAY=stripe needs one (sk_… or rk_…)."
        if not all(re.fullmatch(r"whsec_\S+", secret) for secret in settings.STRIPE_WEBHOOK_SECRETS or [""]):
            yield "STRIPE_WEBHOOK_SECRETS is not set or no signing secret: give the endpoint's (whsec_…)."
    elif gateway == "manual" and (key or settings.STRIPE_WEBHOOK_SECRETS):
        yield "STRIPE_SECRET_KEY or STRIPE_WEBHOOK_SECRETS is set and BILLING_GATEWAY is manual: set it to stripe."
    if key.startswith(("sk_live_", "rk_live_")) and not settings.IS_PRODUCTION:
        yield "STRIPE_SECRET_KEY is a live key outside production: use a test key."
    if settings.IS_PRODUCTION and settings.STRIPE_API_URL != STRIPE:
        yield f"STRIPE_API_URL is not {STRIPE}: leave it unset; the stand-in is for one machine."


def _models() -> Iterator[str]:
    known = {providers.KEYLESS, *settings.MODELS}
    if providers.KEYLESS in settings.MODELS:
        yield f"MODELS has {providers.KEYLESS!r}, which is our own: give it another name."
    for variable, names in (("MODEL", [settings.MODEL]), ("MODEL_FALLBACK", settings.MODEL_FALLBACK)):
        for name in filter(None, names):
            if name not in known:
                yield f"{variable} is {name!r}, and MODELS has no such model: there are {', '.join(sorted(known))}."
    if settings.MODEL_FALLBACK and not settings.MODELS:
        yield "MODEL_FALLBACK is set and MODELS is not: our own model needs nobody to take over."


def _secrets() -> Iterator[str]:
    for name in ("SECRET_KEY", "TOKEN_SIGNING_KEY"):
        if len(env.text(name, "")) < SECRET_LENGTH:
            yield f"{name} is not set or short: give it {SECRET_LENGTH} or more random characters of its own."
    if env.text("SECRET_KEY", "") == env.text("TOKEN_SIGNING_KEY", "-"):
        yield "TOKEN_SIGNING_KEY equals SECRET_KEY: give it another value."
    if settings.SECRET_KEY == settings.DEFAULT_SECRET_KEY:
        yield "SECRET_KEY is the one for a single machine: make a new one."
    one_machine = set(env.seal_keys(settings.DEFAULT_SEAL_KEYS).values())
    if one_machine & set(settings.SEAL_KEYS.values()):
        yield "SEAL_KEYS is not set or holds the key for a single machine: give it NAME:KEY with 32 random bytes."


def _addresses() -> Iterator[str]:
    public = urlsplit(settings.PUBLIC_URL)
    if public.scheme != "https" or (public.hostname or "") in LOCAL_HOSTS:
        yield "PUBLIC_URL is not a public https address: set it to the one that customers open."
    local = [host for host in settings.ALLOWED_HOSTS if host.strip() in LOCAL_HOSTS or "*" in host]
    if local:
        yield f"ALLOWED_HOSTS has {', '.join(repr(host) for host in local)}: name only the public hosts."
    if settings.NOTION_API_URL != NOTION:
        yield f"NOTION_API_URL is not {NOTION}: leave it unset; the emulator is for one machine."
    if not (env.text("DATABASE_URL", "") or env.text("DATABASE_WEB_URL", "")):
        yield "DATABASE_WEB_URL is not set: give the address of the lesser login."
    for name in ("REDIS_URL", "CHROMA_URL"):
        if not env.text(name, ""):
            yield f"{name} is not set: give the address of the service."


def _doors() -> Iterator[str]:
    if any(name.partition(".")[0] == "devkit" for name in settings.INSTALLED_APPS):
        yield "INSTALLED_APPS has devkit, which holds the demo: take it out."
    if not settings.EMAIL_VERIFICATION_REQUIRED:
        yield "EMAIL_VERIFICATION_REQUIRED is off: leave it unset, or anybody signs up with anybody's address."
    if not env.text("EMAIL_URL", ""):
        yield "EMAIL_URL is not set: without it nobody can verify an address or reset a password."
