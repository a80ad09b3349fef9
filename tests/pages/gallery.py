"""Every page in every state, as HTML, without a database: `python -m tests.pages.gallery [port]` serves it."""

import dataclasses
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import django
import django_htmx
from django.conf import settings
from django.template import Context, Engine
from django.test.utils import override_settings
from django.urls import set_urlconf

from tests.pages import samples as s

ROOT = Path(__file__).resolve().parents[2]
STATIC = {"static": ROOT / "static", "django_htmx": Path(django_htmx.__file__).parent / "static" / "django_htmx"}
PLAIN_FILES = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)


def _pages() -> dict[str, tuple[str, dict[str, Any]]]:
    plans, features = _plans()
    login = s.LoginForm({"login": "maya@northwind.example", "password": ""})
    login.add_error(None, "The e-mail or the password is not right.")
    plan_page = {
        "section": "plan", "can_manage": True, "can_see_prices": True, "columns": plans, "features": features,
        "current": plans[1]["plan"],
        "subscription": {"total_cents": 1000, "sentence": "Next invoice on 1 December.", "seats": 1,
                         "pending": "Moves to Trial on 1 Dec.", "state_words": "Active", "state_tone": "ok"},
        "invoices": [{"on": s.TODAY, "cents": 1000, "tone": "ok", "status_words": "Paid", "pdf_url": "#"}],
        "confirm": None, "can_cancel": True,
    }  # fmt: skip
    confirm = {"title": "Upgrade to Teams", "tier": "teams", "today_cents": 3912, "then_cents": 6100,
               "action": "upgrade", "button": "Upgrade to Teams", "asks_seats": True, "seats": 1,
               "lines": ["5,000 questions for each member", "Members and roles"]}  # fmt: skip
    confirmation = {"key": "k", "email_address": {"email": "maya@northwind.example"}}
    connecting = {"section": "sources", "is_first": True, "connection": s.CONNECTION, "owner_name": "Maya Okafor"}
    choosing = connecting | {"sources": s.CHOICES, "selected_count": 4, "selected_pages": 2876, "page_limit": 3000}
    source_page = {
        "section": "sources", "source": s.SOURCES[3] | {"label": "No access", "notion_url": "#"}, "can_manage": True,
        "counts": {"indexed": 312, "known": 318, "skipped": 2, "failed": 4}, "preview": s.TASKS[:3],
        "mapping": [{"name": "due", "label": "Due date", "value": "a", "choices": [("a", "Due")]}],
        "syncs": [{"created_at": s.before(days=1), "duration": "40 s", "indexed": 4, "unchanged": 300, "skipped": 2,
                   "failed": 4, "status": "partial"}],
        "gaps": [{"title": "Board export", "url": "#", "state": "skipped", "reason": "Too large to read"}],
    }  # fmt: skip
    task_filters = {
        "section": "tasks", "total": 9, "has_source": True, "filters": {}, "is_filtered": False, "can_complete": True,
        "whose": [{"name": "Mine", "url": "?", "is_current": True}, {"name": "All", "url": "?whose=all"}],
        "selects": [{"name": "source", "label": "Source", "value": "", "choices": [("a", "Launch plan")]}],
    }  # fmt: skip
    groups = [{"name": "Overdue", "is_late": True, "tasks": s.TASKS[:1]}, {"name": "This week", "tasks": s.TASKS[1:]}]
    settings_page = {
        "section": "settings", "profile_form": s.ProfileForm({"name": ""}), "workspace_form": s.WorkspaceForm(),
        "connections": [s.CONNECTION],
    }  # fmt: skip
    problem = {"title": "Customer interviews", "text": "stopped syncing yesterday.", "url": "#", "action": "Restore"}
    return {
        "login": ("account/login.html", {"form": s.LoginForm()}),
        "login-wrong": ("account/login.html", {"form": login}),
        "signup": ("account/signup.html", {"form": s.SignupForm(), "trial_days": 7}),
        "signup-wrong": ("account/signup.html", {"form": s.SignupForm({"email": "x"})}),
        "password-reset": ("account/password_reset.html", {"form": s.EmailForm()}),
        "password-reset-done": ("account/password_reset_done.html", {}),
        "password-reset-key": ("account/password_reset_from_key.html", {"form": s.PasswordForm(), "action_url": "/x"}),
        "password-reset-old": ("account/password_reset_from_key.html", {"token_fail": True}),
        "password-reset-saved": ("account/password_reset_from_key_done.html", {}),
        "password-change": ("account/password_change.html", {"form": s.PasswordForm()}),
        "email-confirm": ("account/email_confirm.html", {"confirmation": confirmation, "can_confirm": True}),
        "email-confirm-old": ("account/email_confirm.html", {}),
        "email-code": (
            "account/confirm_email_verification_code.html",
            {"verify_form": s.CodeForm(), "change_form": s.EmailForm(), "email": "maya@northwind.example",
             "can_resend": True, "can_change": True},
        ),
        "verification-sent": ("account/verification_sent.html", {}),
        "reauthenticate": ("account/reauthenticate.html", {"form": s.LoginForm()}),
        "logout": ("account/logout.html", {}),
        "inactive": ("account/account_inactive.html", {}),
        "connect": ("connect/start.html", connecting | {"form": s.TokenForm(), "authorize_url": "/go"}),
        "connect-denied": ("connect/start.html", connecting | {"form": s.TokenForm({}), "problem": "denied"}),
        "choose": ("connect/choose.html", choosing),
        "choose-loading": ("connect/choose.html", connecting | {"is_loading": True}),
        "choose-none": ("connect/choose.html", connecting | {"sources": []}),
        "sync": ("connect/sync.html", connecting | {"sync": s.SYNC, "can_stop": True}),
        "sync-done": ("connect/sync.html", connecting | {"sync": s.DONE_SYNC}),
        "sync-failed": ("connect/sync.html", connecting | {"sync": s.FAILED_SYNC}),
        "overview": ("agent/overview.html", s.OVERVIEW),
        "overview-new": ("agent/overview.html", {"section": "overview", "stage": "new", "today": s.TODAY,
                                                 "first_steps": s.FIRST_STEPS}),
        "overview-syncing": ("agent/overview.html", s.OVERVIEW | {"stage": "syncing", "sync": s.SYNC, "total": 0,
                             "connection": s.CONNECTION, "recent": [], "tasks": [], "callout": None}),
        "ask": ("agent/ask.html", {"section": "ask", "turns": [], "suggestions": s.SUGGESTIONS}),
        "thread": ("agent/ask.html", s.THREAD),
        "thread-trouble": ("agent/ask.html", s.TROUBLE),
        "conversations": ("agent/conversations.html", {"conversations": s.CONVERSATIONS, "total": 5, "next_url": "#"}),
        "conversations-none": ("agent/conversations.html", {"conversations": []}),
        "sources": ("agent/sources.html", {"section": "sources", "connections": [s.CONNECTION], "sources": s.SOURCES,
                    "can_manage": True, "problems": [problem], "gaps": source_page["gaps"],
                    "coverage": {"known": 4618, "indexed": 4412, "missing": 206, "last_synced_at": s.NOW}}),
        "sources-none": ("agent/sources.html", {"section": "sources"}),
        "source": ("agent/source.html", source_page),
        "tasks": ("tasks/list.html", task_filters | {"groups": groups}),
        "tasks-filtered": ("tasks/list.html", task_filters | {"is_filtered": True}),
        "tasks-clear": ("tasks/list.html", task_filters | {"next_task": s.TASKS[3]}),
        "tasks-none": ("tasks/list.html", {"section": "tasks", "choose_url": "#"}),
        "usage": ("usage/usage.html", s.USAGE),
        "usage-none": ("usage/usage.html", s.USAGE | {"total": 0}),
        "plan": ("billing/plan.html", plan_page),
        "plan-confirm": ("billing/plan.html", plan_page | {"confirm": confirm}),
        "plan-member": ("billing/plan.html", plan_page | {"can_manage": False, "can_see_prices": False}),
        "members": ("accounts/members.html", s.MEMBERS | {"form": s.InviteForm()}),
        "members-remove": ("accounts/members.html", s.MEMBERS | {"form": s.InviteForm(), "confirm_remove": s.PEOPLE[1]}),
        "members-single": ("accounts/members.html", {"section": "members", "is_available": False}),
        "settings": ("accounts/settings.html", settings_page),
        "settings-disconnect": ("accounts/settings.html", settings_page | {"confirm_disconnect": s.CONNECTION}),
        "404": ("404.html", {}),
        "404-stranger": ("404.html", {"shell": None, "workspace": None}),
        "403": ("403.html", {"needed_role": "Admin", "holders": ["Maya Okafor"]}),
        "500": ("500.html", {"request_id": "7f3a"}),
        "409": ("409.html", {"other_workspace": {"id": "w2", "name": "Okafor Consulting"}}),
        "402": ("402.html", {"code": "trial-expired"}),
    }  # fmt: skip


def _plans() -> tuple[list[dict[str, Any]], list[Any]]:
    from billing.plans import PLANS, Feature

    who = ["To try it", "For one person", "For one person with a lot in Notion", "For everybody who asks"]
    columns = [{"plan": plan, "who": words} for plan, words in zip(PLANS.values(), who, strict=True)]
    columns[0]["why_not"] = "Used"
    columns[1]["is_current"] = True
    columns[2] |= {"action": "Upgrade to Plus", "is_primary": True}
    columns[3]["action"] = "Upgrade to Teams"
    return columns, list(Feature)


@cache
def engine() -> Engine:
    return Engine(
        dirs=[ROOT / "templates"],
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
                return engine().get_template(template).render(Context(s.COMMON | {"theme": theme} | context))
        finally:
            set_urlconf(None)


def gallery() -> Gallery:
    return Gallery(_pages())


@contextmanager
def served(port: int = 0) -> Iterator[str]:
    shown = gallery()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            address = urlsplit(self.path)
            name = address.path.strip("/")
            if name in shown.pages:
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
        server.shutdown()


def _static(path: str) -> Path | None:
    folder, _, rest = path.removeprefix("/static/").partition("/")
    file = STATIC["django_htmx"] / rest if folder == "django_htmx" else STATIC["static"] / folder
    return file if path.startswith("/static/") and file.suffix in KINDS and file.is_file() else None


def prepare() -> None:
    """Enough settings to render, for runs outside the project's own."""
    if not settings.configured and "DJANGO_SETTINGS_MODULE" not in os.environ:
        settings.configure(STATIC_URL="/static/", USE_TZ=True, TRIAL_DAYS=7, TRIAL_REQUESTS=120)
        django.setup()


if __name__ == "__main__":
    prepare()
    with served(int(sys.argv[1]) if len(sys.argv) > 1 else 8100) as url:
        print(url, *sorted(gallery().pages), flush=True)
        sys.stdin.read()
