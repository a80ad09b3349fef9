"""The web process as it runs: what it says at its start, what it holds, and a database that goes away."""

import os
import socket
import time
from contextlib import suppress
from pathlib import Path

import httpx
import psycopg
import pytest
from django.conf import settings
from django.db import Error, connection, connections

from accounts import tenancy, tokens
from accounts.models import User, WorkspaceSchema
from agent.models import Page
from tests.people import Person
from tests.stack import Stack
from tests.threads import at_once


def test_web_starts_without_complaint(stack: Stack) -> None:
    said = stack.web.log.read_text()

    assert "Traceback" not in said
    assert "errored" not in said


def environments_of(group: int) -> list[bytes]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        # One of another test may end while it is looked at.
        with suppress(FileNotFoundError, ProcessLookupError):
            if os.getpgid(int(folder.name)) == group:
                found.append((folder / "environ").read_bytes())
    return found


def test_no_process_of_the_web_holds_the_owners_login(stack: Stack) -> None:
    owner = os.environ["DATABASE_URL"].encode()
    assert stack.web.process is not None

    held = environments_of(stack.web.process.pid)

    assert held
    assert all(owner not in environment for environment in held)
    assert all(b"docent_web" in environment for environment in held)


def test_somebody_signs_up_over_a_web_process_without_the_owner(stack: Stack) -> None:
    person = {"email": f"nora-{os.urandom(4).hex()}@example.com", "password": "correct horse battery staple"}

    answer = httpx.post(f"{stack.url}/auth/register", json=person, timeout=30)

    assert answer.status_code == 201, answer.text
    # What OWASP recommends; the tests' own process hashes at less cost.
    assert User.objects.get(email=person["email"]).password.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")


def test_eight_sign_up_at_once_while_no_workspace_is_ready(stack: Stack) -> None:
    WorkspaceSchema.objects.filter(state="warm").update(state="claimed")

    def sign_up() -> int:
        person = {"email": f"nora-{os.urandom(4).hex()}@example.com", "password": "correct horse battery staple"}
        return httpx.post(f"{stack.url}/auth/register", json=person, timeout=60).status_code

    assert at_once(sign_up, times=8) == [201] * 8


def test_web_is_not_ready_while_the_database_lets_nobody_in(stack: Stack) -> None:
    """It has as many broken connections then as the crowd before it has left."""
    try:
        shut(True)
        refused = httpx.get(f"{stack.url}/readyz", timeout=30)
    finally:
        shut(False)
    opened_at = time.monotonic()
    while httpx.get(f"{stack.url}/readyz", timeout=30).status_code != 200:
        assert time.monotonic() - opened_at < 8
    again = [httpx.get(f"{stack.url}/readyz", timeout=30).status_code for _ in range(12)]

    assert refused.status_code == 503
    assert "database" in refused.text
    assert again == [200] * 12


def said_by(stack: Stack, request: bytes) -> bytes:
    """The whole answer to exactly these bytes, which no client library would send."""
    with socket.create_connection(("127.0.0.1", stack.port), timeout=30) as wire:
        wire.sendall(request)
        return b"".join(iter(lambda: wire.recv(65_536), b""))


def in_chunks(person: Person, method: str, address: str, body: bytes) -> bytes:
    lines = [
        f"{method} {address} HTTP/1.1",
        "Host: 127.0.0.1",
        "Connection: close",
        f"Authorization: Bearer {tokens.issue(person.membership).access}",
        "Content-Type: application/json",
        "Transfer-Encoding: chunked",
    ]
    parts = [body[at : at + 50_000] for at in range(0, len(body), 50_000)]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    return "\r\n".join([*lines, "", ""]).encode() + chunks + b"0\r\n\r\n"


def test_a_body_in_chunks_is_read(stack: Stack, alice: Person) -> None:
    answer = said_by(stack, in_chunks(alice, "PATCH", "/user/config", b'{"timezone": "Asia/Tokyo"}'))

    assert answer.startswith(b"HTTP/1.1 200 ")
    alice.user.refresh_from_db()
    assert alice.user.timezone == "Asia/Tokyo"


@pytest.mark.parametrize("size", [1_000_001, 2_500_000])
def test_a_body_in_chunks_that_is_too_large_is_refused(stack: Stack, alice: Person, size: int) -> None:
    """Django judges the one; the other is refused before it could fill the memory."""
    answer = said_by(stack, in_chunks(alice, "PATCH", "/user/config", b'{"timezone": "' + b"x" * size))

    assert answer.startswith(b"HTTP/1.1 413 ")


def asked(person: Person, address: bytes, *more: str) -> bytes:
    token = tokens.issue(person.membership).access
    lines = ["Host: 127.0.0.1", "Connection: close", f"Authorization: Bearer {token}", *more, "", ""]
    return b"GET %b HTTP/1.1\r\n" % address + "\r\n".join(lines).encode()


@pytest.mark.parametrize("spelling", ["über".encode(), b"%C3%BCber", b"%c3%BCber"])
def test_a_query_is_understood_however_it_is_spelled(stack: Stack, alice: Person, spelling: bytes) -> None:
    alice.api.post("/tasks", {"title": "Talk über Zahlen"})

    answer = said_by(stack, asked(alice, b"/tasks/search?q=" + spelling))

    assert answer.startswith(b"HTTP/1.1 200 "), answer
    assert b"Zahlen" in answer


@pytest.mark.parametrize(
    ("address", "status"),
    [
        # What is not even UTF-8 the server refuses.
        ("/accounts/login/?next=é".encode(), 200),
        (b"/accounts/login/?next=\xff\xfe", 400),
        ("/tasks/é".encode(), 404),
        (b"/tasks/%C3%A9", 404),
        (b"/tasks/\xff", 400),
        (b"/tasks/%FF", 404),
        (b"/tasks/%ED%A0%80", 404),
        ("/app/é?a=ü".encode(), 404),
    ],
)
def test_no_spelling_of_an_address_is_a_fault_of_ours(stack: Stack, alice: Person, address: bytes, status: int) -> None:
    answer = said_by(stack, asked(alice, address))

    assert answer.startswith(b"HTTP/1.1 %d " % status), answer


def opened(stack: Stack, *lines: str) -> bytes:
    """The first line of what a browser gets that sends these headers."""
    request = "\r\n".join(["GET /app HTTP/1.1", "Host: 127.0.0.1", "Connection: close", *lines, "", ""])
    return said_by(stack, request.encode()).partition(b"\r\n")[0]


def test_a_session_in_one_of_several_cookie_lines_is_found(stack: Stack, alice: Person) -> None:
    session = f"{settings.SESSION_COOKIE_NAME}={alice.web.cookies[settings.SESSION_COOKIE_NAME].value}"

    assert opened(stack, "Cookie: a=b", f"Cookie: {session}", "Cookie: c=d") == b"HTTP/1.1 200 OK"


def test_a_header_with_an_underscore_passes_for_no_other(stack: Stack, alice: Person) -> None:
    session = f"Cookie: {settings.SESSION_COOKIE_NAME}={alice.web.cookies[settings.SESSION_COOKIE_NAME].value}"

    assert opened(stack, session, "X-Workspace: of-others") != b"HTTP/1.1 200 OK"
    assert opened(stack, session, "X_Workspace: of-others") == b"HTTP/1.1 200 OK"


def shut(is_shut: bool) -> None:
    """As when Postgres was killed: every connection breaks, and no new one is made."""
    owner = settings.DATABASES["owner"]
    name = owner["NAME"]
    with psycopg.connect(dbname="postgres", host=owner["HOST"], user=owner["USER"], autocommit=True) as server:
        server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS {not is_shut}')
        if is_shut:
            server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
    for alias in connections:
        connections[alias].close()
        connections[alias].close_pool()


def test_entering_a_workspace_over_a_broken_connection_raises_djangos_error(alice: Person) -> None:
    connection.ensure_connection()
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 60000)", [connection.connection.info.backend_pid])

    with pytest.raises(Error), tenancy.within(alice.workspace):
        Page.objects.count()

    connection.close()


def test_a_connection_goes_back_to_the_pool_without_its_locks() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(4711)")
    connection.close()

    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711")

        assert cursor.fetchone() == (0,)
