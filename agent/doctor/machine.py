"""What this machine and its environment say, without asking anybody."""

import shutil
from collections.abc import Iterator
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import validate_host

from agent.doctor.findings import Finding, bad, ok, warn
from config import checks
from integrations import embedder

GIGABYTE = 10**9
# Postgres, Valkey and Chroma stop when they cannot write.
LITTLE_ROOM, NO_ROOM = 2 * GIGABYTE, GIGABYTE // 4


def settings_hold() -> Iterator[Finding]:
    problems, doubts = list(checks.problems()), list(checks.doubts())
    for problem in problems:
        yield bad(problem, "Change the environment and start every process again.")
    for doubt in doubts:
        yield warn(doubt, "Change it, or leave it if it is meant.")
    if not problems and not doubts:
        yield ok(f"the environment ({settings.DOCENT_ENV}) contradicts itself nowhere")


def address_is_served() -> Iterator[Finding]:
    parts = urlsplit(settings.PUBLIC_URL)
    host = parts.hostname or ""
    if not validate_host(f"[{host}]" if ":" in host else host, settings.ALLOWED_HOSTS):
        yield bad(f"{host!r} is not in ALLOWED_HOSTS: whoever opens it gets 400", "Add it to ALLOWED_HOSTS.")
    elif parts.path or parts.query:
        yield bad("it has more than scheme and host: links in mails lead nowhere", "Leave out what follows the host.")
    else:
        yield ok(settings.PUBLIC_URL)


def proxies_are_counted() -> Iterator[Finding]:
    number = settings.ALLAUTH_TRUSTED_PROXY_COUNT
    is_secure = settings.PUBLIC_URL.startswith("https:")
    if is_secure and not number:
        yield warn(
            "0, and PUBLIC_URL is https: all visitors of a proxy share its address and its limits",
            "Set it to the number of proxies before the web process.",
        )
    elif number and not is_secure:
        yield warn(
            f"{number}, and PUBLIC_URL is not https: without so many proxies anybody says which address is theirs",
            "Set it to 0, or PUBLIC_URL to the proxies' address.",
        )
    else:
        yield ok(str(number))


def embedder_is_there() -> Iterator[Finding]:
    folder = settings.EMBEDDER_DIR
    if missing := embedder.missing_files(folder):
        yield bad(f"{', '.join(missing)} not in {folder}", f"Make it: python -m devkit.embedder {folder}")
    else:
        yield ok(str(folder))


def disk_has_room() -> Iterator[Finding]:
    if settings.IS_PRODUCTION:
        yield ok("not looked at: where it is hosted, the data stand elsewhere")
        return
    free = shutil.disk_usage(settings.DOCENT_HOME).free
    says = f"{free / GIGABYTE:.1f} GB free at {settings.DOCENT_HOME}"
    todo = "Make room: the databases stop when they cannot write."
    if free < NO_ROOM:
        yield bad(says, todo)
    elif free < LITTLE_ROOM:
        yield warn(says, todo)
    else:
        yield ok(says)
