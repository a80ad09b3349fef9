"""Northwind Studio, an invented company, in every state a page can be in."""

import datetime as dt
from types import SimpleNamespace
from typing import Any

from django import forms

Context = dict[str, Any]

NOW = dt.datetime(2026, 11, 22, 14, 0, tzinfo=dt.UTC)
TODAY = NOW.date()


def before(**span: float) -> dt.datetime:
    return NOW - dt.timedelta(**span)


def in_days(days: int) -> dt.date:
    return TODAY + dt.timedelta(days=days)


CONVERSATIONS = [
    {"id": str(n), "title": title, "updated_at": before(hours=n), "is_shared": n == 2, "by": "Maya Okafor"}
    for n, title in enumerate(
        [
            "Blocked launch tasks",
            "Q4 OKR status by team",
            "Who owns the pricing page copy after the reorganisation of marketing?",
            "Summary of customer calls in October",
            "ملخص اجتماع الإطلاق",
        ]
    )
]
SHELL = {
    "plan_name": "Teams",
    "can_see_members": True,
    "can_see_keys": True,
    "can_upgrade": True,
    "workspaces": [{"id": "w1", "name": "Northwind Studio"}, {"id": "w2", "name": "Okafor Consulting"}],
    "open_tasks": 9,
    "sources_attention": 1,
    "recent": CONVERSATIONS,
    "requests": {"used": 1248, "limit": 5000, "remaining": 3752},
    "tokens": {"used": 4_120_500, "limit": 5_000_000},
    "resets_on": dt.date(2026, 12, 1),
    "me": {"id": "u1", "name": "Maya Okafor", "email": "maya@northwind.example"},
    "banner": {
        "tone": "",
        "title": "Your trial ends on 30 Nov 2026 at 14:05.",
        "text": "Then questions stop; what is here is kept until 30 Dec 2026.",
        "url": "#",
        "action": "Choose a plan",
        "dismissal": "trial",
    },
}
COMMON: Context = {
    "product_name": "Docent",
    "workspace": {"id": "w1", "name": "Northwind Studio"},
    "shell": SHELL,
    "csrf_token": "sample",
    "messages": [],
    "now": NOW,
    "theme": "system",
}


def source(title: str, icon: str, total: int, **more: Any) -> Context:
    defaults = {"state": "ok", "label": "Up to date", "synced_at": before(minutes=4), "place": "Company"}
    return {"id": title, "title": title, "icon": icon, "total": total, "kind": "database", "url": "#"} | defaults | more


SOURCES = [
    source("Launch plan", "rocket", 142),
    source("Roadmap", "target", 512, state="busy", label="Syncing", done=318, note="about 1 min left"),
    source("Meeting notes", "messages-square", 1904),
    source("Customer interviews", "users-round", 318, state="warn", badge="No access", synced_at=before(hours=20)),
    source("Handbook", "notebook-text", 1742, synced_at=before(minutes=9)),
]
TASKS: list[Context] = [
    {"id": "t1", "title": "Approve vendor contract", "place": "Launch plan", "assignees": ["Maya Okafor"],
     "due_on": in_days(-2), "status": "In review", "url": "#", "badge": "Notion refused it", "tone": "bad",
     "actions": [("retry", "Try again"), ("discard", "Discard")], "reason": "Notion said: Due is not a date."},
    {"id": "t2", "title": "Pricing page copy", "place": "Launch plan", "assignees": ["Tom Reyes"],
     "due_on": in_days(2), "status": "To do", "url": "#", "badge": "Changed on both sides", "tone": "warn",
     "actions": [("mine", "Keep mine"), ("keep", "Keep what is shown")]},
    {"id": "t3", "title": "Load test of sign-up", "place": "Roadmap", "assignees": [],
     "due_on": in_days(4), "status": "To do", "url": "#", "badge": "Waiting for Notion"},
    {"id": "t4", "title": "Publish hiring plan", "place": "", "assignees": ["Priya Shah"],
     "due_on": in_days(8), "status": "", "url": ""},
]  # fmt: skip
TASKS = [{"page": "#", "reason": "", "badge": "", "tone": "", "actions": [], **task} for task in TASKS]
HISTORY = [
    {"at": dt.datetime(2026, 11, 22, 9, 30, tzinfo=dt.UTC), "field": "Due", "old": "2026-11-25", "new": "2026-12-01",
     "who": "Notion", "is_conflict": True},
    {"at": dt.datetime(2026, 11, 21, 9, 30, tzinfo=dt.UTC), "field": "Status", "old": "To do", "new": "In review",
     "who": "Maya Okafor", "is_conflict": False},
]  # fmt: skip
SERIES = [
    (in_days(n - 29), 9 if n == 29 else (14 + n % 5 if in_days(n - 29).weekday() >= 5 else 46 + n * 37 % 41))
    for n in range(30)
]
SUGGESTIONS = ["What changed in Roadmap this week?", "Which launch tasks are overdue?", "Summarise Thursday’s review"]

CITATIONS = [
    {"n": 1, "title": "Legal review of new terms", "url": "https://www.notion.so/1", "place": "Launch plan",
     "before": "Status:", "quote": "In review, due 20 Nov.", "after": "Blocks: Pricing page copy, Billing e-mails.",
     "edited_at": "2026-11-20T10:00:00Z"},
    {"n": 2, "title": "Pricing page copy", "url": "https://www.notion.so/2", "place": "Launch plan",
     "quote": "Cannot publish before terms are approved", "edited_at": "2026-11-21T10:00:00Z", "changed_since": True},
    {"n": 3, "title": "Load test of sign-up", "url": "https://www.notion.so/3", "place": "Roadmap",
     "quote": "Owner: empty.", "after": "Needs the staging database on version 16 first.",
     "edited_at": "2026-11-17T10:00:00Z"},
]  # fmt: skip
ANSWER = """**Three of the 14 launch tasks are blocked**, and two of them wait on the same thing: the legal review. [1]

| Task | Owner | Blocked by | Due |
|---|---|---|---|
| Pricing page copy [2] | Tom Reyes | Legal review of terms | 25 Nov |
| Billing e-mails [1] | Ana Lind | Legal review of terms | 27 Nov |
| Load test of sign-up [3] | Not assigned | Staging database upgrade | 26 Nov |

The review was due on Friday. The load test has no owner yet. [3] [9]

- see [the terms](https://www.notion.so/1) and [this](https://evil.example/x)
- ![chart](https://evil.example/pixel.png) `pip install`
"""
STEPS = [
    {"name": "search", "summary": "Searched Launch plan for status changes", "milliseconds": 412},
    {"name": "read_page", "summary": "Read Launch sync, 19 Nov and 2 more pages", "milliseconds": 900},
]
REASONS = [("wrong", "Wrong"), ("incomplete", "Incomplete"), ("source", "Bad source"), ("other", "Something else")]


def turn(number: int, prompt: str, *, run: Context | None = None, **more: Any) -> Context:
    defaults = {"id": f"r{number}", "prompt": prompt, "status": "succeeded", "answer": ANSWER, "citations": CITATIONS,
                "grounded": True, "synced_at": before(minutes=4), "rating": "", "conversation_id": "0"}  # fmt: skip
    return {
        "run": defaults | (run or {}),
        "anchor": f"r{number}s",
        "steps": STEPS,
        "steps_line": "Searched 3 sources, read 7 pages · 3.1 s",
        "hosts": ["www.notion.so"],
        "reasons": REASONS,
        "can_rate": True,
        "can_ask": True,
    } | more


def proposal(state: str, words: str, **more: Any) -> Context:
    """A card; its number is that of its state."""
    return {
        "id": state, "anchor": f"p{state}", "title": "Change a task: Load test of sign-up", "state": state,
        "state_words": words, "tone": "", "place": "Roadmap", "url": "https://www.notion.so/3",
        "action_url": "/proposal", "source_page": None, "reason": "", "is_at_work": False, "is_closed": False,
        "changes": [{"name": "Owner", "before": "", "after": "Tom Reyes"}, {
            "name": "Due", "before": "Thursday, 26 November 2026", "after": "Monday, 30 November 2026"}],
        "why": "You asked to give it to Tom and to move it behind the upgrade.", "can_decide": False,
        "can_reject": False, "can_undo": False, "undo_until": NOW, "verified_words": "",
    } | more  # fmt: skip


PROPOSAL = proposal("pending", "Waiting for you", tone="warn", can_decide=True, can_reject=True)
PROPOSALS = [
    proposal("stale", "Replaced", is_closed=True, reason="The task was changed after this was shown"),
    PROPOSAL,
    proposal("applying", "Being written", is_at_work=True),
    proposal("applied", "Done", tone="ok", can_undo=True, verified_words="Done, checked in Notion"),
    proposal("failed", "Not done", tone="bad", reason="Notion said: Due is odd."),
    proposal("undone", "Undone", verified_words="Undone, checked in Notion"),
    proposal("rejected", "Rejected", is_closed=True),
]
ONE_PROPOSAL: Context = {"section": "ask", "proposal": PROPOSAL, "form": None, "back_url": "/x"}
COVERED = {
    "known": 4618, "indexed": 4400, "older": 12, "older_since": before(hours=3), "missing": 206, "complete": False,
}  # fmt: skip
THREAD: Context = {
    "section": "ask", "covered": COVERED,
    "conversation": {"id": "0", "title": "Blocked launch tasks"}, "is_mine": True, "can_share": True,
    "source_count": 3, "scope_name": "3 sources", "last_prompt": "Draft a short update", "scopes": SOURCES,
    "turns": [
        turn(1, "Which launch tasks are blocked, and what’s blocking them?", proposals=[PROPOSAL]),
        turn(2, "Draft a short update for the launch channel.", is_live=True, now="Writing…",
             run={"status": "running", "citations": [], "answer": "**Launch update, 22 November.** 11 of 14 tasks are"
                  " on track for the 1 December date.\n\n- **Legal review** holds the pricing page\n"}),
    ],
}  # fmt: skip
THREAD["live"] = THREAD["turns"][1]["run"]
TROUBLE: Context = THREAD | {
    "live": None,
    "source_count": 0,
    "notice": {"text": "Customer interviews was last synced yesterday 18:20."},
    "turns": [
        turn(1, "What is our policy on Mars?", run={"answer": "I couldn’t find this in your sources. I searched Launch "
             "plan, Roadmap and Handbook.", "grounded": False, "citations": []}, was_scoped=True),
        turn(2, "And on the Moon?", run={"status": "failed", "answer": "", "citations": []}, problem={"text": ""}),
        turn(3, "And in Portugal?", run={"status": "stopped", "answer": "The policy in Portugal", "citations": []}),
        turn(4, "One more?", run={"status": "failed", "answer": "", "citations": []},
             problem={"tone": "warn", "text": "You’re asking faster than your plan allows.", "wait_seconds": 12}),
        turn(5, "ما هي المهام المتأخرة؟", run={"status": "failed", "answer": "", "citations": []},
             problem={"tone": "warn", "text": "All 5,000 questions of this period are used. They come back on "
                      "1 December.", "url": "#", "action": "Compare plans"}),
    ],
}  # fmt: skip

SYNC: Context = {
    "id": "s1", "status": "running", "is_open": True, "done": 2364, "known": 4618, "percent": 51,
    "left": "about 4 min left", "speed": 9.6, "chunks_embedded": 31208, "skipped": 2, "failed": 0, "slowed_until": NOW,
    "sources": SOURCES, "ready": {"title": "Launch plan", "done": 142},
}  # fmt: skip
PAUSED_SYNC: Context = SYNC | {
    "status": "paused", "speed": None, "left": "", "slowed_until": None, "paused_by": "Tom Reyes", "paused_at": NOW,
}  # fmt: skip
WAITING_SYNC: Context = PAUSED_SYNC | {
    "status": "queued", "done": 0, "known": 0, "waiting": "Waiting for 2 minutes, 3 before it.", "ready": None,
}  # fmt: skip
DONE_SYNC: Context = SYNC | {
    "status": "partial", "is_open": False, "done": 4616, "duration": "7 min 40 s", "failed": 1,
    "problems": [{"title": "Old board export", "reason": "Larger than what is read from one page"}],
}  # fmt: skip
FAILED_SYNC: Context = SYNC | {"status": "failed", "is_open": False, "reason": "Notion took the access back."}
CONNECTION: Context = {
    "id": "c1", "notion_workspace_name": "Northwind HQ", "connected_at": before(days=9), "status": "active",
    "can_disconnect": True, "is_shared": True, "pages": 4618,
}  # fmt: skip
CHOICES = [
    s | {"is_chosen": n < 4, "pages": s["total"], "is_too_big": n == 4, "place": "Projects › Launch"}
    for n, s in enumerate(SOURCES)
] + [source("Contracts", "", 204, kind="page", pages=None)]
PLACES = [
    {"id": 1, "browser": "Firefox, Linux", "address": "203.0.113.7", "since": before(hours=2), "is_this": True},
    {"id": 2, "browser": "Safari, iPhone", "address": "2001:db8:85a3:8d3:1319:8a2e:370:7348", "since": before(days=9)},
    {"id": 3, "browser": "", "address": "198.51.100.24", "since": before(days=12)},
]  # fmt: skip
ENDED = [
    {"notion_workspace_name": "Northwind Old", "ended_at": before(hours=2), "is_revoked": revoked, "pages": 1904,
     "passages": 8211, "tasks": 60, "erased_at": NOW if revoked else None}
    for revoked in (True, False)
]  # fmt: skip
FRESHNESS: Context = {
    "id": "c1", "label": "Near live", "every": "every 15 minutes", "is_live": True, "heard_at": NOW,
    "median": "9 s", "most": "41 s",
}  # fmt: skip
COLUMNS: Context = {
    "of": "s1", "title": "Task",
    "rows": [{"name": "due_property", "label": "Due date", "value": "a", "choices": [("a", "Due"), ("b", "Start")]}],
    "preview": [{"title": "Approve vendor contract", "status": "Done", "is_done": True, "due_on": TODAY,
                 "assignees": ["Maya Okafor"], "priority": "High", "labels": []}],
}  # fmt: skip

FIGURES = {
    "requests": {"used": 1248, "limit": 5000, "remaining": 3752}, "pages": COVERED,
    "grounded_share": 94.6, "grounded_weeks": [92, 93, 92.5, 93.4, 93, 94.2, 94.8], "grounded_change": 1.2,
    "grounded_change_words": "1.2 pts", "first_word": {"p50": 800, "p95": 2100},
    "first_word_weeks": [1100, 1200, 1000, 900, 850, 800], "forecast": "On pace for 1,702 by 1 Dec",
}  # fmt: skip
QUESTIONS = [
    {"prompt": c["title"], "conversation_id": c["id"], "by": by, "by_id": by, "created_at": c["updated_at"],
     "sources": n, "status": "succeeded", "is_mine": n == 2}
    for n, (c, by) in enumerate(zip(CONVERSATIONS, ["Tom Reyes", "Ana Lind", "Maya Okafor", "Priya Shah", "Tom Reyes"],
                                    strict=True))
]  # fmt: skip
OVERVIEW: Context = {
    "section": "overview", "stage": "ready", "today": TODAY, "suggestions": SUGGESTIONS, "figures": FIGURES,
    "sync_line": {"state": "busy", "text": "Syncing 1 of 5 sources"}, "ranges": [7, 30, 90], "days": 30,
    "callout": {"title": "Customer interviews", "text": "stopped syncing yesterday at 18:20. Access was removed in "
                "Notion, so answers use the copy from then.", "url": "#", "action": "Restore access"},
    "series": SERIES, "total": 1450, "change_words": "▲ 18%", "change_tone": "up", "sources": SOURCES,
    "recent": QUESTIONS, "tasks": TASKS, "scopes": SOURCES,
}  # fmt: skip
FIRST_STEPS = [
    {"title": "Connect Notion", "text": "Takes a minute.", "url": "#", "action": "Connect Notion", "is_next": True},
    {"title": "Choose databases", "text": "Only these are read."},
    {"title": "Ask your first question", "text": "The answer shows where it comes from."},
]
USAGE: Context = {
    "section": "usage", "period_words": "1 – 22 November", "resets_on": dt.date(2026, 12, 1), "csv_url": "#",
    "periods": [{"name": n, "url": "#", "is_current": n == "This month"} for n in ("This month", "October", "Year")],
    "limits": [
        {"name": "Questions", "per": "per month", "used": 1248, "limit": 5000, "forecast": "On pace for 1,702"},
        {"name": "Tokens", "per": "per month", "used": 4_120_500, "limit": 5_000_000, "held": 12_000},
        {"name": "Members", "per": "seats", "used": 15, "limit": 15},
    ],
    "total": 1248, "ended": 1248, "series": SERIES, "change_words": "▲ 18%", "change_tone": "up",
    "change_against": "vs October",
    "speeds": [{"label": "First word", "p50": 800, "p95": 2100, "p99": 3400},
               {"label": "Whole answer", "p50": 4600, "p95": 9800, "p99": 13100}],
    "speed_scale": 14000,
    "by_member": [{"id": n, "name": n, "requests": r, "percent": share, "tokens": r * 1300, "grounded_share": 95,
                   "last_active_at": before(minutes=r)}
                  for n, r, share in (("Tom Reyes", 412, 58), ("Maya Okafor", 298, 42))],
    "by_source": [
        {"source": "sign_in", "name": "Signed in", "requests": 948, "percent": 76, "tokens": 1_300_500,
         "grounded_share": 94},
        {"source": "api_key", "name": "Nightly report", "requests": 300, "percent": 24, "tokens": 320_000,
         "grounded_share": None, "is_others": True, "member": "Tom Reyes"},
    ],
    "by_model": [{"name": "extractive", "requests": 1248, "tokens": 1_620_500, "share": 95}],
    "outcomes": [{"name": "With sources", "count": 1180, "percent": 95},
                 {"name": "Nothing found", "count": 52, "percent": 4}, {"name": "Failed", "count": 16, "percent": 1}],
}  # fmt: skip


class LoginForm(forms.Form):
    login = forms.EmailField(widget=forms.EmailInput(attrs={"placeholder": "E-mail", "autocomplete": "email"}))
    password = forms.CharField(widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}))
    remember = forms.BooleanField(required=False)


class SignupForm(forms.Form):
    name = forms.CharField(required=False, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    email = forms.EmailField(widget=forms.EmailInput(attrs={"autocomplete": "email"}))
    password1 = forms.CharField(widget=forms.PasswordInput, help_text="<ul><li>At least 10 characters.</li></ul>")
    workspace_name = forms.CharField()


class PasswordForm(forms.Form):
    oldpassword = forms.CharField(widget=forms.PasswordInput)
    password1 = forms.CharField(widget=forms.PasswordInput)
    password2 = forms.CharField(widget=forms.PasswordInput)


class EmailForm(forms.Form):
    email = forms.EmailField()


class ConfirmForm(forms.Form):
    password = forms.CharField(label="Password", widget=forms.PasswordInput())
    code = forms.CharField(label="Code of your authenticator app, or a recovery code")


class AddressForm(EmailForm):
    user = SimpleNamespace(email="maya@northwind.example")


class CodeForm(forms.Form):
    code = forms.CharField()


class SetUpForm(CodeForm):
    secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


OTHER_WAY: Context = {"reauthentication_alternatives": [{"url": "#"}]}
SQUARES = "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 9 9'><path d='M1 1h3v3h-3zM5 5h3v3h-3z'/></svg>"
SECOND_FACTOR: Context = {"totp_svg_data_uri": f"data:image/svg+xml;utf8,{SQUARES}"}
RECOVERY_CODES: Context = {"unused_codes": [f"{n * 9_091_237:08}" for n in range(1, 11)], "total_count": 10}


class TaskForm(forms.Form):
    title = forms.CharField(label="Title", initial="Load test of sign-up")
    due_on = forms.DateField(label="Due", required=False, widget=forms.DateInput(attrs={"type": "date"}))

    def as_shown(self) -> list[str]:
        return []


class TokenForm(forms.Form):
    token = forms.CharField(widget=forms.PasswordInput)


class InviteForm(forms.Form):
    emails = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}))
    role = forms.ChoiceField(
        choices=[("member", "Member"), ("viewer", "Viewer")],
        help_text="Viewer: ask and read what is shared. Member: also make and change tasks.",
    )


class KeyForm(forms.Form):
    name = forms.CharField(label="Name", help_text="What will use it, such as “Nightly report”.")
    scopes = forms.MultipleChoiceField(
        label="It may", choices=[("read", "Read conversations, tasks, sources and usage"), ("ask", "Ask questions")]
    )
    life = forms.ChoiceField(label="Good for", choices=[("90 days", "90 days"), ("A year", "A year")])
    request = forms.CharField(required=False, widget=forms.HiddenInput)


class LimitsForm(forms.Form):
    requests = forms.IntegerField(required=False)
    tokens = forms.IntegerField(required=False)


class ProfileForm(forms.Form):
    name = forms.CharField(label="Name")
    timezone = forms.ChoiceField(label="Time zone", choices=[("UTC", "UTC"), ("Europe/Lisbon", "Europe/Lisbon")])
    language = forms.ChoiceField(label="Language", choices=[("en", "English")])
    theme = forms.ChoiceField(label="Theme", choices=[("system", "System"), ("light", "Light"), ("dark", "Dark")])


class DeletionForm(forms.Form):
    confirm = forms.CharField(label="Type Northwind Ltd to confirm")


class WorkspaceForm(forms.Form):
    name = forms.CharField(label="Workspace name", help_text="Shown in the sidebar and in e-mails.")
    write_policy = forms.ChoiceField(
        label="Changes that the agent proposes", required=False, choices=[("ask", "Ask before each")]
    )
    write_kinds = forms.MultipleChoiceField(
        label="Kinds made without asking",
        required=False,
        choices=[("create", "Make a task"), ("complete", "Mark a task as done")],
        widget=forms.SelectMultiple(attrs={"size": 2}),
        help_text="It still asks once it has read pages in the conversation: their text never decides.",
    )


class ModelForm(forms.Form):
    model = forms.ChoiceField(
        label="Who answers", choices=[("", "Each member’s choice, or else docent-keyless"), ("own", "Your own model")]
    )
    kind = forms.ChoiceField(label="Vendor of your own model", choices=[("anthropic", "Anthropic")])
    url = forms.ChoiceField(label="Address", choices=[("", "The vendor’s own")])
    name = forms.CharField(label="Name of your own model")
    key = forms.CharField(label="Key", widget=forms.PasswordInput(), help_text="Kept sealed and never shown again.")


KEYS: Context = {
    "section": "keys", "may_make": True, "can_make": True, "needs_plan": None, "public_url": "http://127.0.0.1:8000",
    "rows": [
        {"id": "k1", "name": "Nightly", "start": "docent_7Q2xLm0a", "ending": "9fZk", "scopes": ["ask"],
         "created_at": before(days=40), "last_used_at": before(minutes=4), "expires_at": NOW + dt.timedelta(days=50)},
        {"id": "k2", "name": "ملخص اجتماع الإطلاق and a name as long as names of keys may be, 80 letters", "start":
         "docent_Zz81bQwe", "ending": "0aB1", "scopes": ["read", "conversations:write",
         "tasks:write"], "created_at": before(days=400), "last_used_at": None, "expires_at": None},
        {"id": "k3", "name": "Old", "start": "docent_Aa11Bb22", "ending": "Cc33", "scopes": ["ask"],
         "created_at": before(days=400), "last_used_at": before(days=90), "expires_at": NOW, "is_expired": True},
    ],
}  # fmt: skip
NEW_KEY: Context = {"key": {"name": "Nightly report"}, "secret": "docent_7Q2xLm0a" + "b3Kd9" * 9 + "9fZk"}
ROLES = [("owner", "Owner"), ("admin", "Admin"), ("member", "Member"), ("viewer", "Viewer")]
PEOPLE = [
    {"id": "u1", "name": "Maya Okafor", "email": "maya@northwind.example", "role": "owner", "role_words": "Owner",
     "is_me": True, "roles": ROLES, "why_fixed": "The last owner stays.", "requests": 298, "limit": 5_000,
     "can_limit": True, "last_active_at": NOW},
    {"id": "u2", "name": "Tom Reyes", "email": "tom@northwind.example", "role": "member", "can_change": True,
     "roles": ROLES, "can_remove": True, "requests": 412, "limit": 500, "can_limit": True,
     "last_active_at": before(hours=2)},
]  # fmt: skip
MEMBERS: Context = {
    "section": "members", "is_available": True, "can_manage": True,
    "seats": {"used": 12, "limit": 15, "is_charged": True, "cents": 22_900},
    "people": PEOPLE,
    "role_names": ["Owner", "Admin", "Member", "Viewer"],
    "role_rows": [{"words": "Ask and read what is shared", "may": [True] * 4},
                  {"words": "Manage members and invitations", "may": [True, True, False, False]}],
    "invitations": [{"id": "i1", "email": "ana@northwind.example", "role": "member", "role_words": "Member",
                     "is_expired": True, "created_at": before(days=9), "expires_on": before(days=2).date()}],
    "results": [], "invite": None, "limits": None, "confirm_remove": None, "confirm_role": None,
    "plan": {"name": "Teams", "requests": 5_000, "tokens": 5_000_000},
}  # fmt: skip
DECIDED = {"may": "decide who owns the workspace, change and pay the plan, delete the workspace"}
NEW_OWNER = DECIDED | {"person": PEOPLE[1], "role": "owner", "is_owner": True, "words": "owner"}
STEP_DOWN = DECIDED | {"person": PEOPLE[0], "role": "admin", "is_owner": False, "words": "admin"}
INVITE: Context = {"now_cents": 7_300, "then_cents": 8_500, "is_charged": True, "fixed": None, "is_full": False}
INVITATION: Context = {
    "invitation": {"invited_by": "Maya Okafor", "workspace": {"name": "Northwind"}, "workspace_id": "w1",
                   "email": "ana@northwind.example", "expires_at": NOW},
    "role_words": "Member", "has_joined": False, "person": None, "is_for_person": False,
    "sign_in_url": "/", "sign_up_url": "/",
}  # fmt: skip

CLOSING: Context = {
    "shell": None,
    "closing": {"id": "w1", "name": "Northwind Studio"},
    "at": "6 Dec 2026 at 14:05",
    "may_take_back": True,
    "export": None,
    "others": [{"id": "w2", "name": "Okafor Consulting"}],
    "person": {"email": "maya@northwind.example"},
    "erases": ["conversations, answers and exports", "tasks, sources and usage"],
    "keeps": ["your account, and every other workspace"],
}
CERTIFICATE: Context = {
    "shell": None,
    "workspace": None,
    "token": "x",
    "certificate": {
        "id": "7c1de49a-4a34-4f43-8f83-4e19b5d0c1f2", "kind": "workspace",
        "subject_id": "76ea6702-71f3-4e80-a539-9005b6e08933", "begun_at": before(minutes=2), "given_at": NOW,
        "stores": [
            {"name": "Tables of the workspace's own database schema", "before": 31, "after": 0},
            {"name": "Rows in them: conversations, answers, tasks, what was read from Notion, usage",
             "before": 48_120, "after": 0},
            {"name": "Its database role", "before": 1, "after": 0},
            {"name": "Rows about it in shared tables: members, keys, connections, invitations, subscription, audit log",
             "before": 412, "after": 0},
            {"name": "Vectors in them", "before": 12_904, "after": 0},
        ],
    },
}  # fmt: skip
DELETE_ACCOUNT: Context = {
    "shell": None,
    "workspace": None,
    "person": {"email": "maya@northwind.example"},
    "gone": [{"name": "Okafor Consulting"}],
    "to_hand_over": [],
}
AUDIT: Context = {
    "section": "settings",
    "events": [
        {"at": NOW, "who": "maya@northwind.example", "actor": {"id": "u1"}, "words": "changed a role",
         "about": "tom@northwind.example", "address": "203.0.113.9", "had": True,
         "changes": [{"name": "role", "before": "member", "after": "admin"}]},
        {"at": before(hours=1), "who": "Payment provider", "actor": {"id": None}, "words": "changed the plan",
         "about": "", "address": None, "had": True, "changes": [{"name": "tier", "before": "plus", "after": "teams"},
                                                   {"name": "seats", "before": "1", "after": "12"}]},
        {"at": before(days=1), "who": "maya@northwind.example", "really": "Docent staff", "actor": {"id": "u1"},
         "words": "changed the plan", "about": "", "address": None, "had": True,
         "changes": [{"name": "status", "before": "trialing", "after": "active"}]},
        {"at": before(days=2), "who": "tom@northwind.example", "actor": {"id": "u2"}, "words": "connected Notion",
         "about": "76ea6702-71f3-4e80-a539-9005b6e08933", "address": "2001:db8:85a3:8d3:1319:8a2e:370:7348",
         "had": False, "changes": [{"name": "kind", "before": "–", "after": "oauth"},
                                   {"name": "shared", "before": "–", "after": "no"}]},
        {"at": before(days=9), "who": "tom@northwind.example", "actor": {"id": "u2"}, "address": "203.0.113.80",
         "words": "was refused: wrong password or code", "about": "tom@northwind.example", "had": False, "changes": []},
    ],
    "people": [("u1", "maya@northwind.example"), ("u2", "tom@northwind.example")], "member": None,
    "actions": [("member.role_changed", "changed a role"), ("sign_in.refused", "was refused: wrong password or code")],
    "given": {"action": "", "from": "", "to": ""}, "is_filtered": False, "is_later": True, "newest_url": "?",
    "next_url": "?cursor=x", "csv_url": "#",
}  # fmt: skip
SUSPENDED = (
    "Docent's staff has suspended this workspace: questions, syncs and changes in Notion are stopped. Write to support."
    " What is here can still be exported or deleted."
)
SEEN = {
    "impersonation": {
        "member": {"email": "maya@northwind.example"},
        "workspace": {"name": "Northwind Studio"},
        "until": "14:05",
    },
    "may_act": False,
}
ONLY_LOOKING = (
    "You are only looking, so nothing was changed. An owner or admin can let staff act here for a day, in the settings."
)
