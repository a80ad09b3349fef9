"""What the environment says, read once. A wrong value stops the start and names the variable."""

import base64
import binascii
import hashlib
import hmac
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qs, quote, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

EMBEDDED, TEST, PRODUCTION = "embedded", "test", "production"
WEB_LOGIN = "docent_web"
N = TypeVar("N", int, float)


def text(name: str, default: str | None = None) -> str:
    value = os.environ.get(name, "").strip() or default
    if value is None:
        raise ImproperlyConfigured(f"{name} is not set. See .env.example for what it is for.")
    return value


def number(name: str, default: int, *, least: int = 1, most: int | None = None) -> int:
    return _parsed(name, default, int, "a whole number", least, most)


def decimal(name: str, default: float, *, least: float, most: float | None = None) -> float:
    return _parsed(name, default, float, f"a number such as {default}", least, most)


def _parsed(name: str, default: N, parse: Callable[[str], N], kind: str, least: float, most: float | None) -> N:
    said = text(name, str(default))
    # Python reads `1_0` and the digits of every script as well.
    if not re.fullmatch(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?", said) or (parse is int and "." in said):
        raise ImproperlyConfigured(f"{name} must be {kind}, not {said!r}.")
    value = parse(said)
    if value < least or (most is not None and value > most):
        allowed = f"at least {least}" if most is None else f"from {least} to {most}"
        raise ImproperlyConfigured(f"{name} must be {allowed}, not {value}.")
    return value


def rates(name: str, default: str) -> str:
    """How often something may happen, in allauth's words: `10/m/ip,5/5m/key`; empty: as often as one likes."""
    value = text(name, default)
    for rate in filter(None, value.split(",")):
        if not re.fullmatch(r"[0-9]+/([1-9][0-9]*)?[smhd]/(ip|key|user)", rate.strip()):
            raise ImproperlyConfigured(
                f"{name} looks like {default or '20/d/key'}: a number, s, m, h or d, and ip, key or user; not {rate!r}."
            )
    return value


def one_of(name: str, default: str, choices: Sequence[str]) -> str:
    value = text(name, default)
    if value not in choices:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(choices)}, not {value!r}.")
    return value


def address(name: str, default: str) -> str:
    value = text(name, default)
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ImproperlyConfigured(f"{name} looks like https://docent.example.com, not {value!r}.")
    return value


def folder(name: str, default: Path) -> Path:
    """One that is named is there; the default may still be made."""
    value = text(name, "")
    if value and not Path(value).is_dir():
        raise ImproperlyConfigured(f"{name} must be a folder that exists, not {value!r}.")
    return Path(value or default)


def redis(name: str, default: str) -> str:
    value = text(name, default)
    if urlsplit(value).scheme not in {"redis", "rediss", "unix"}:
        raise ImproperlyConfigured(f"{name} looks like redis://:password@host:6379/0.")
    return value


def flag(name: str, default: bool = False) -> bool:
    value = text(name, "1" if default else "0").lower()
    if value not in {"0", "1", "true", "false", "yes", "no"}:
        raise ImproperlyConfigured(f"{name} must be 1 or 0, not {value!r}.")
    return value in {"1", "true", "yes"}


def kind() -> str:
    """A word that is none of the three must not open the doors of a single machine."""
    value = text("DOCENT_ENV", EMBEDDED)
    if value not in {EMBEDDED, TEST, PRODUCTION}:
        raise ImproperlyConfigured(f"DOCENT_ENV is embedded, test or production, not {value!r}.")
    return value


@dataclass(frozen=True)
class Mail:
    host: str
    port: int
    user: str
    password: str
    use_tls: bool
    use_ssl: bool


def mail(url: str) -> Mail:
    """`smtp://user:password@host:port` is plain, `smtp+tls://` changes to TLS, `smtps://` is TLS from the start."""
    parts = urlsplit(url)
    ports = {"smtp": 25, "smtp+tls": 587, "smtps": 465}
    if parts.scheme not in ports or not parts.hostname:
        raise ImproperlyConfigured("EMAIL_URL looks like smtp+tls://user:password@host:587.")
    return Mail(
        host=parts.hostname,
        port=parts.port or ports[parts.scheme],
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        use_tls=parts.scheme == "smtp+tls",
        use_ssl=parts.scheme == "smtps",
    )


def database(url: str) -> dict[str, object]:
    """Django's connection settings for `postgresql://user:password@host:port/name?host=/socket/folder`."""
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"} or not parts.path.strip("/"):
        raise ImproperlyConfigured("A database URL looks like postgresql://user:password@host:5432/name.")
    options = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    return {
        "ENGINE": "config.postgres",
        "NAME": unquote(parts.path.strip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "OPTIONS": options,
        "CONN_MAX_AGE": 0,
    }


def web_login_password(secret_key: str) -> str:
    return hmac.new(secret_key.encode(), b"database login of the web process", hashlib.sha256).hexdigest()


def web_database_url(owner_url: str, secret_key: str) -> str:
    """The address of the lesser login that `prepare_database` makes beside the owner's."""
    parts = urlsplit(owner_url)
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{WEB_LOGIN}:{quote(web_login_password(secret_key))}@{host}").geturl()


def seal_keys(value: str) -> dict[str, bytes]:
    """`2:BASE64,1:BASE64`: the first key seals, all of them open."""
    keys = {}
    for entry in value.split(","):
        name, _, encoded = entry.strip().partition(":")
        try:
            key = base64.urlsafe_b64decode(encoded)
        except (binascii.Error, ValueError):
            key = b""
        if not name or len(key) != 32:
            raise ImproperlyConfigured("SEAL_KEYS is NAME:KEY,… with keys of 32 bytes in URL-safe base64.")
        keys[name] = key
    return keys
