"""Every page in every state, as HTML, without a database: `python -m tests.pages.gallery [port]` serves it."""

import dataclasses
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import django
import django_htmx
from django.conf import settings
from django.template import Context, Engine
from django.test.utils import override_settings
from django.urls import set_urlconf

from tests.pages.samples import COMMON
from tests.pages.states import pages

ROOT = Path(__file__).resolve().parents[2]
STATIC = {"static": ROOT / "static", "django_htmx": Path(django_htmx.__file__).parent / "static" / "django_htmx"}
EVENTS = b"""retry: 60000

id: 1
event: step
data: {"name": "read_page", "summary": "Read Handbook", "milliseconds": 1200, "now": "Writing"}

id: 2
event: delta
data: {"text": "It is "}

id: 2
event: delta
data: {"text": "It is "}

id: 3
event: delta
data: {"text": "blocked."}

id: 4
event: block
data: <p id="b1">First form</p>

id: 5
event: block
data: <p id="b1">Finished paragraph</p>

"""
DONE = b"id: 6\nevent: done\ndata: {}\n\n"
PLAIN_FILES = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)


@cache
def engine() -> Engine:
    return Engine(
        dirs=[str(ROOT / "templates")],
        libraries={
            "ui": "config.templatetags.ui",
            "i18n": "django.templatetags.i18n",
            "static": "django.templatetags.static",
            "django_htmx": "django_htmx.templatetags.django_htmx",
        },
    )


@dataclasses.dataclass(frozen=True)
class Gallery:
    pages: dict[str, tuple[str, dict[str, Any]]]

    def render(self, name: str, theme: str = "system") -> str:
        template, context = self.pages[name]
        set_urlconf("tests.pages.gallery_urls")
        try:
            with override_settings(STATIC_URL="/static/", STORAGES=PLAIN_FILES, DEBUG=False):
                return engine().get_template(template).render(Context(COMMON | {"theme": theme} | context))
        finally:
            set_urlconf(None)


def gallery() -> Gallery:
    return Gallery(pages())


@contextmanager
def served(port: int = 0) -> Iterator[str]:
    shown, is_over = gallery(), Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            address = urlsplit(self.path)
            name = address.path.strip("/")
            if name.startswith("run-events/"):
                self.answer(200, "text/event-stream", EVENTS + (DONE if name.endswith("ending") else b""))
            elif name.startswith("sync-events/"):
                # Nothing happens, and the browser goes on listening.
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.end_headers()
                is_over.wait()
            elif name in shown.pages:
                theme = parse_qs(address.query).get("theme", ["system"])[0]
                self.answer(200, "text/html; charset=utf-8", shown.render(name, theme).encode())
            elif (file := _static(address.path)) is not None:
                self.answer(200, KINDS[file.suffix], file.read_bytes())
            else:
                self.answer(404, "text/plain", b"")

        def answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Security-Policy", POLICY)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet: a test's output is about the test."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        is_over.set()
        server.shutdown()


def _static(path: str) -> Path | None:
    folder, _, rest = path.removeprefix("/static/").partition("/")
    file = STATIC["django_htmx"] / rest if folder == "django_htmx" else STATIC["static"] / folder
    return file if path.startswith("/static/") and file.suffix in KINDS and file.is_file() else None


def prepare() -> None:
    """Enough settings to render, for runs outside the project's own."""
    if not settings.configured and "DJANGO_SETTINGS_MODULE" not in os.environ:
        settings.configure(
            STATIC_URL="/static/",
            USE_TZ=True,
            TIME_ZONE="UTC",
            TRIAL_DAYS=7,
            TRIAL_REQUESTS=120,
            TRIAL_QUESTIONS_A_MINUTE=30,
        )
        django.setup()


if __name__ == "__main__":
    prepare()
    with served(int(sys.argv[1]) if len(sys.argv) > 1 else 8100) as url:
        print(url, *sorted(gallery().pages), flush=True)
        sys.stdin.read()
