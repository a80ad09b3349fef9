"""The models that this installation offers beside its own, as the environment names them."""

import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

KEYLESS = "docent-keyless"
OPENAI, ANTHROPIC = "openai", "anthropic"
KINDS = (OPENAI, ANTHROPIC)
# Where the vendors themselves answer.
VENDORS = {OPENAI: "https://api.openai.com/v1", ANTHROPIC: "https://api.anthropic.com"}
CONTEXT_TOKENS, OUTPUT_TOKENS = 32_000, 1_500
PARTS = ("kind", "url", "key", "model", "context", "output")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,79}")


@dataclass(frozen=True)
class Provider:
    """`url` is the base URL; `name` is what members choose and answers say."""

    name: str
    kind: str
    url: str
    model: str
    key: str = field(repr=False, default="")
    context_tokens: int = CONTEXT_TOKENS
    output_tokens: int = OUTPUT_TOKENS


def read(said: str) -> dict[str, Provider]:
    """`MODELS`: an object of objects. Raises ImproperlyConfigured with what is wrong and never with a key."""
    try:
        given = json.loads(said or "{}")
    except ValueError as error:
        raise ImproperlyConfigured(
            'MODELS must be JSON such as {"gpt": {"kind": "openai", "key": "…", "model": "…"}}.'
        ) from error
    if not isinstance(given, dict) or not all(isinstance(each, dict) for each in given.values()):
        raise ImproperlyConfigured("MODELS must be an object with an object for each model.")
    return {name: _provider(name, parts) for name, parts in given.items()}


def _provider(name: str, parts: dict[str, Any]) -> Provider:
    where = f"MODELS[{name!r}]"
    if not NAME.fullmatch(name):
        raise ImproperlyConfigured(f"{where}: a name has letters, digits and . _ : / - only, 80 at most.")
    if unknown := sorted(set(parts) - set(PARTS)):
        raise ImproperlyConfigured(f"{where} has {unknown[0]!r}: there are {', '.join(PARTS)}.")
    kind = parts.get("kind")
    if kind not in KINDS:
        raise ImproperlyConfigured(f"{where}: kind is openai (also for all that speak like it) or anthropic.")
    if not isinstance(parts.get("model"), str) or not parts["model"]:
        raise ImproperlyConfigured(f"{where}: model is not set. Give the vendor's name of the model.")
    url, key = str(parts.get("url") or VENDORS[kind]).rstrip("/"), str(parts.get("key") or "")
    if not is_address(url):
        raise ImproperlyConfigured(f"{where}: url looks like {VENDORS[kind]} or http://127.0.0.1:11434/v1.")
    if not key and url in VENDORS.values():
        raise ImproperlyConfigured(f"{where}: key is not set, and {url} needs one.")
    return Provider(
        name,
        kind,
        url,
        parts["model"],
        key,
        context_tokens=_tokens(where, parts, "context", CONTEXT_TOKENS, least=4_000),
        output_tokens=_tokens(where, parts, "output", OUTPUT_TOKENS, least=100),
    )


def _tokens(where: str, parts: dict[str, Any], name: str, default: int, *, least: int) -> int:
    value = parts.get(name, default)
    if type(value) is not int or not least <= value <= 10_000_000:
        raise ImproperlyConfigured(f"{where}: {name} is a number of tokens, at least {least}.")
    return int(value)


def is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return (
            parts.scheme in {"http", "https"}
            and bool(parts.hostname)
            and not (parts.username or parts.password or parts.query or parts.fragment)
            and (parts.port is None or parts.port > 0)
        )
    except ValueError:
        return False


def addresses(name: str, said: str) -> tuple[str, ...]:
    """Base URLs with commas between them."""
    found = tuple(each.strip().rstrip("/") for each in said.split(",") if each.strip())
    if wrong := next((each for each in found if not is_address(each)), None):
        raise ImproperlyConfigured(f"{name} has base URLs such as https://llm.example.com/v1, not {wrong!r}.")
    return found
