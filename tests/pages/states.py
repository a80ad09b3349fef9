"""Which template is shown with which samples: one name for each state of each page."""

from typing import Any

from tests.pages import money
from tests.pages import samples as s

State = tuple[str, dict[str, Any]]
LOSS = {"connection_id": "c1", "sync_id": "s1", "vanished": 1208, "of": 4618, "can_confirm": True}
CONNECTING = {"section": "sources", "is_first": True, "connection": s.CONNECTION, "owner_name": "Maya Okafor"}
GAPS = [
    {
        "title": "Archive 2019",
        "url": "#",
        "state": "kept",
        "state_words": "Kept",
        "reason": "In Notion's trash together with many others; kept until that is confirmed",
    },
    {"title": "Board export", "url": "#", "state": "skipped", "reason": "Too large to read"},
    {
        "title": "Launch plan",
        "url": "#",
        "state": "failed",
        "reason": "Notion had an error",
        "older_since": s.before(hours=3),
        "next_try_at": s.NOW,
    },
]


def pages() -> dict[str, State]:
    return _entrance() | _connection() | _asking() | _sources() | _tasks() | _money() | _people() | _refusals()


def _entrance() -> dict[str, State]:
    wrong = s.LoginForm({"login": "maya@northwind.example", "password": ""})
    wrong.add_error(None, "The e-mail or the password is not right.")
    code = {
        "verify_form": s.CodeForm(), "change_form": s.EmailForm(), "email": "maya@northwind.example",
        "can_resend": True, "can_change": True,
    }  # fmt: skip
    wish = {"user": {"email": "maya@northwind.example"}, "address": "maya.lind@northwind.example"}
    confirmation = {"key": "k", "email_address": {"email": "maya@northwind.example"}}
    return {
        "login": ("account/login.html", {"form": s.LoginForm()}),
        "login-wrong": ("account/login.html", {"form": wrong}),
        "signup": ("account/signup.html", {"form": s.SignupForm(), "trial_days": 7}),
        "signup-wrong": ("account/signup.html", {"form": s.SignupForm({"email": "x"})}),
        "password-reset": ("account/password_reset.html", {"form": s.EmailForm()}),
        "password-reset-done": ("account/password_reset_done.html", {}),
        "password-reset-key": ("account/password_reset_from_key.html", {"form": s.PasswordForm(), "action_url": "/x"}),
        "password-reset-old": ("account/password_reset_from_key.html", {"token_fail": True}),
        "password-reset-saved": ("account/password_reset_from_key_done.html", {}),
        "password-change": ("account/password_change.html", {"form": s.PasswordForm()}),
        "email-change": ("account/email_change.html", {"form": s.AddressForm()}),
        "email-change-wrong": ("account/email_change.html", {"form": s.AddressForm({"email": "x"})}),
        "email-asked": ("account/email_asked.html", {"address": wish["address"]}),
        "email-new": ("account/email_new.html", {"wish": wish}),
        "email-changed": ("account/email_new.html", {"done": wish}),
        "email-taken": (
            "account/email_new.html",
            {"taken": "maya.lind@northwind.example is the address of another account."},
        ),
        "email-new-old": ("account/email_new.html", {}),
        "email-confirm": ("account/email_confirm.html", {"confirmation": confirmation, "can_confirm": True}),
        "email-confirm-old": ("account/email_confirm.html", {}),
        "email-code": ("account/confirm_email_verification_code.html", code),
        "verification-sent": ("account/verification_sent.html", {}),
        "second-factor": ("mfa/authenticate.html", {"form": s.CodeForm()}),
        "second-factor-wrong": ("mfa/authenticate.html", {"form": s.CodeForm({})}),
        "second-factor-confirm": ("mfa/reauthenticate.html", {"form": s.CodeForm()} | s.OTHER_WAY),
        "second-factor-set-up": ("mfa/totp/activate_form.html", s.SECOND_FACTOR | {"form": s.SetUpForm()}),
        "second-factor-off": ("mfa/totp/deactivate_form.html", {}),
        "recovery-codes": ("mfa/recovery_codes/index.html", s.RECOVERY_CODES | {"can_view_codes": True}),
        "recovery-codes-shown": ("mfa/recovery_codes/index.html", s.RECOVERY_CODES),
        "recovery-codes-new": ("mfa/recovery_codes/generate.html", {}),
        "reauthenticate-by-code": ("account/reauthenticate.html", {"form": s.LoginForm()} | s.OTHER_WAY),
        "reauthenticate": ("account/reauthenticate.html", {"form": s.LoginForm()}),
        "logout": ("account/logout.html", {}),
        "inactive": ("account/account_inactive.html", {}),
    }


def _connection() -> dict[str, State]:
    choosing = {
        "sources": s.CHOICES,
        "selected_count": 4,
        "selected_pages": 2876,
        "page_limit": 3000,
        "has_databases": True,
        "columns": s.COLUMNS,
        "found": [4, 1],
    }
    return {
        "connect": ("connect/start.html", CONNECTING | {"form": s.TokenForm(), "authorize_url": "/go"}),
        "connect-denied": ("connect/start.html", CONNECTING | {"form": s.TokenForm({}), "problem": "denied"}),
        "choose": ("connect/choose.html", CONNECTING | choosing),
        "choose-cut-short": ("connect/choose.html", CONNECTING | choosing | {"is_cut_short": True}),
        "choose-loading": ("connect/choose.html", CONNECTING | {"is_loading": True}),
        "choose-none": ("connect/choose.html", CONNECTING | {"sources": []}),
        "sync": ("connect/sync.html", CONNECTING | {"sync": s.SYNC, "can_steer": True}),
        "sync-paused": ("connect/sync.html", CONNECTING | {"sync": s.PAUSED_SYNC, "can_steer": True}),
        "sync-waiting": ("connect/sync.html", CONNECTING | {"sync": s.WAITING_SYNC, "can_steer": True}),
        "sync-done": ("connect/sync.html", CONNECTING | {"sync": s.DONE_SYNC}),
        "sync-loss": ("connect/sync.html", CONNECTING | {"sync": s.DONE_SYNC, "loss": LOSS}),
        "sync-failed": ("connect/sync.html", CONNECTING | {"sync": s.FAILED_SYNC}),
    }


def _asking() -> dict[str, State]:
    new = {"section": "overview", "stage": "new", "today": s.TODAY, "first_steps": s.FIRST_STEPS}
    syncing = {
        "stage": "syncing", "sync": s.SYNC, "connection": s.CONNECTION,
        "total": 0, "recent": [], "tasks": [], "callout": None,
    }  # fmt: skip
    ending = s.turn(2, "Done?", is_live=True, run={"id": "ending", "status": "running", "answer": "", "citations": []})
    return {
        "overview": ("agent/overview.html", s.OVERVIEW),
        "overview-seen-by-staff": ("agent/overview.html", s.OVERVIEW | s.SEEN),
        "overview-new": ("agent/overview.html", new),
        "overview-syncing": ("agent/overview.html", s.OVERVIEW | syncing),
        "ask": ("agent/ask.html", {"section": "ask", "turns": [], "suggestions": s.SUGGESTIONS}),
        "thread": ("agent/ask.html", s.THREAD),
        "thread-proposals": (
            "agent/ask.html",
            s.THREAD | {"turns": [s.turn(1, "Give the load test to Tom.", proposals=s.PROPOSALS)], "live": None},
        ),
        "proposal": ("agent/proposal.html", s.THREAD | {"proposal": s.PROPOSAL, "form": None, "back_url": "/x"}),
        "proposal-edit": (
            "agent/proposal.html",
            s.THREAD | {"proposal": s.PROPOSAL, "form": s.TaskForm(), "back_url": "/x"},
        ),
        "thread-trouble": ("agent/ask.html", s.TROUBLE),
        "thread-ending": ("agent/ask.html", s.THREAD | {"turns": [ending], "live": ending["run"]}),
        "conversation/0": ("agent/ask.html", s.THREAD | {"turns": [s.turn(1, "Done?")], "live": None}),
        "conversations": ("agent/conversations.html", {"conversations": s.CONVERSATIONS, "total": 5, "next_url": "#"}),
        "conversations-none": ("agent/conversations.html", {"conversations": []}),
    }


def _sources() -> dict[str, State]:
    problem = {"title": "Customer interviews", "text": "stopped syncing yesterday.", "url": "#", "action": "Restore"}
    coverage = s.COVERED | {"waiting": 0, "last_synced_at": s.NOW}
    listed = {
        "section": "sources", "connections": [s.CONNECTION], "groups": [{"name": "", "sources": s.SOURCES}],
        "can_manage": True, "problems": [problem], "gaps": GAPS, "coverage": coverage,
        "freshness": [s.FRESHNESS],
    }  # fmt: skip
    run = {
        "created_at": s.before(days=1), "duration": "40 s", "indexed": 4, "unchanged": 300, "skipped": 2, "failed": 4,
        "status": "partial",
    }  # fmt: skip
    detail = {
        "section": "sources", "source": s.SOURCES[3] | {"label": "No access", "notion_url": "#"}, "can_manage": True,
        "counts": {
            "known": 318, "indexed": 312, "older": 3, "older_since": s.before(hours=3), "missing": 3, "waiting": 0,
            "skipped": 2, "failed": 4, "kept": 1, "unreachable": 0, "trashed": 0,
        }, "syncs": [run],
        "columns": s.COLUMNS, "gaps": GAPS,
    }  # fmt: skip
    return {
        "sources": ("agent/sources.html", listed),
        "sources-loss": ("agent/sources.html", listed | {"problems": [], "losses": [LOSS | {"can_confirm": False}]}),
        "sources-none": ("agent/sources.html", {"section": "sources"}),
        "source": ("agent/source.html", detail),
    }


def _tasks() -> dict[str, State]:
    listed = {
        "section": "tasks", "total": 9, "has_source": True, "filters": {}, "is_filtered": False, "can_complete": True,
        "can_create": True,
        "whose": [{"name": "Mine", "url": "?", "is_current": True}, {"name": "All", "url": "?whose=all"}],
        "selects": [{"name": "source", "label": "Source", "value": "", "choices": [("a", "Launch plan")]}],
    }  # fmt: skip
    refused = {
        "errors": {"source": ["The chosen database does not hold tasks, or does so no longer. Choose another."]},
        "title": {"value": "Order more paper for the printer on the second floor"},
        "due_on": {"value": "2026-12-04"},
    }
    groups = [{"name": "Overdue", "is_late": True, "tasks": s.TASKS[:1]}, {"name": "This week", "tasks": s.TASKS[1:]}]
    return {
        "tasks": ("tasks/list.html", listed | {"groups": groups, "edit_url": "?edit="}),
        "task": (
            "tasks/task.html",
            {"section": "tasks", "task": s.TASKS[1], "history": s.HISTORY, "can_change": True, "can_delete": True},
        ),
        "tasks-refused": (
            "tasks/list.html",
            listed
            | {
                "groups": groups,
                "new_form": refused,
                "targets": [{"id": "t1", "title": "Launch plan", "workspace": ""}],
            },
        ),
        "tasks-filtered": ("tasks/list.html", listed | {"is_filtered": True}),
        "tasks-clear": ("tasks/list.html", listed | {"next_task": s.TASKS[3]}),
        "tasks-none": ("tasks/list.html", {"section": "tasks", "choose_url": "#"}),
    }


def _money() -> dict[str, State]:
    return {
        "usage": ("usage/usage.html", s.USAGE),
        "usage-none": ("usage/usage.html", s.USAGE | {"total": 0, "ended": 0}),
        **{name: ("billing/plan.html", context) for name, context in money.plan_pages().items()},
        "pricing": ("billing/pricing.html", money.prices(is_member=False)),
        "pricing-member": ("billing/pricing.html", money.prices(is_member=True)),
    }


def _people() -> dict[str, State]:
    members, person = s.MEMBERS, {"email": "tom@northwind.example"}
    alone = {"used": 1, "limit": None, "cents": 6_100}
    sent = {"email": "ana@northwind.example", "is_ok": True, "words": "Sent", "link": "http://127.0.0.1:8000/app/in"}
    failed = {"email": "tom@northwind.example", "is_ok": False, "words": "Tom is a member already.", "link": ""}
    settings = {
        "section": "settings", "profile_form": s.ProfileForm({"name": ""}), "connections": [s.CONNECTION],
        "places": s.PLACES,
        "workspace_form": s.WorkspaceForm(auto_id="workspace_%s"), "can_change": True,
        "model_form": s.ModelForm(auto_id="model_%s"),
        "deletion_form": s.DeletionForm(auto_id="deletion_%s"),
        "erases": ["conversations, answers and exports", "tasks, sources and usage"], "keeps": ["your account"],
    }  # fmt: skip
    made = {"status": "ready", "created_at": s.NOW, "bytes": 1_204_000, "download_url": "/workspace/export/1"}
    return {
        "members": ("accounts/members.html", members),
        "members-remove": ("accounts/members.html", members | {"confirm_remove": s.PEOPLE[1]}),
        "members-owner": ("accounts/members.html", members | {"confirm_role": s.NEW_OWNER}),
        "members-step-down": ("accounts/members.html", members | {"confirm_role": s.STEP_DOWN}),
        "members-invite": ("accounts/members.html", members | {"invite": s.INVITE | {"form": s.InviteForm()}}),
        "members-invite-free": (
            "accounts/members.html",
            members | {"invite": s.INVITE | {"is_charged": False, "form": s.InviteForm()}},
        ),
        "members-invite-unknown": (
            "accounts/members.html",
            members | {"invite": s.INVITE | {"now_cents": None, "then_cents": None, "form": s.InviteForm()}},
        ),
        "members-invite-wrong": ("accounts/members.html", members | {"invite": s.INVITE | {"form": s.InviteForm({})}}),
        "members-invite-full": (
            "accounts/members.html",
            members | {"invite": s.INVITE | {"fixed": 15, "is_full": True, "form": s.InviteForm()}},
        ),
        "members-sent": ("accounts/members.html", members | {"results": [sent, failed]}),
        "members-limits": (
            "accounts/members.html",
            members | {"limits": {"person": s.PEOPLE[1], "form": s.LimitsForm()}},
        ),
        "members-alone": (
            "accounts/members.html",
            members | {"people": s.PEOPLE[:1], "invitations": [], "seats": alone},
        ),
        "invitation": ("accounts/invitation.html", s.INVITATION),
        "invitation-mine": ("accounts/invitation.html", s.INVITATION | {"person": person, "is_for_person": True}),
        "invitation-other": ("accounts/invitation.html", s.INVITATION | {"person": person}),
        "invitation-joined": ("accounts/invitation.html", s.INVITATION | {"has_joined": True}),
        "members-single": ("accounts/members.html", {"section": "members", "is_available": False}),
        "keys": ("accounts/keys.html", s.KEYS),
        "keys-new": ("accounts/keys.html", s.KEYS | {"form": s.KeyForm(initial={"scopes": ["read"]})}),
        "keys-new-wrong": ("accounts/keys.html", s.KEYS | {"form": s.KeyForm({})}),
        "keys-made": ("accounts/keys.html", s.KEYS | {"made": s.NEW_KEY}),
        "keys-delete": ("accounts/keys.html", s.KEYS | {"confirm": s.KEYS["rows"][0]}),
        "keys-empty": ("accounts/keys.html", s.KEYS | {"rows": []}),
        "keys-of-others": ("accounts/keys.html", s.KEYS | {"rows": [], "may_make": False, "can_make": False}),
        "keys-trial": (
            "accounts/keys.html",
            s.KEYS | {"rows": [], "can_make": False, "needs_plan": {"name": "Pro", "price_cents": 1_000}},
        ),
        "settings": ("accounts/settings.html", settings),
        "settings-staff": ("accounts/settings.html", settings | {"can_allow_staff": True}),
        "settings-staff-allowed": (
            "accounts/settings.html",
            settings | s.SEEN | {"can_allow_staff": True, "staff_until": s.NOW, "may_act": True},
        ),
        "settings-factor": ("accounts/settings.html", settings | {"has_second_factor": True}),
        "settings-ended": ("accounts/settings.html", settings | {"ended": s.ENDED, "is_erasing": True}),
        "settings-export": ("accounts/settings.html", settings | {"export": made}),
        "settings-export-working": ("accounts/settings.html", settings | {"export": {"status": "working"}}),
        "settings-export-failed": ("accounts/settings.html", settings | {"export": {"status": "failed"}}),
        "settings-delete-wrong": (
            "accounts/settings.html",
            settings | {"deletion_form": s.DeletionForm({}, auto_id="deletion_%s")},
        ),
        "settings-model-wrong": (
            "accounts/settings.html",
            settings | {"model_form": s.ModelForm({}, auto_id="model_%s")},
        ),
        "settings-closed": (
            "accounts/settings.html",
            settings | {"workspace_form": None, "model_form": None, "can_change": False, "connections": []},
        ),
        "settings-audit": ("accounts/settings.html", settings | {"has_audit": True}),
        "audit": ("accounts/audit.html", s.AUDIT),
        "audit-none": ("accounts/audit.html", s.AUDIT | {"events": [], "is_filtered": True}),
        "account-delete": ("accounts/delete_account.html", s.DELETE_ACCOUNT | {"form": s.ConfirmForm()}),
        "account-delete-wrong": ("accounts/delete_account.html", s.DELETE_ACCOUNT | {"form": s.ConfirmForm({})}),
        "account-delete-owner": (
            "accounts/delete_account.html",
            s.DELETE_ACCOUNT | {"to_hand_over": [{"name": "Northwind Studio"}]},
        ),
        "account-closing": ("accounts/account_closing.html", s.DELETE_ACCOUNT | {"at": "6 Dec 2026 at 14:05"}),
        "certificate": ("accounts/certificate.html", s.CERTIFICATE),
        "account-deleted": ("accounts/account_deleted.html", s.DELETE_ACCOUNT),
        "closing": ("agent/closing.html", s.CLOSING),
        "closing-export": ("agent/closing.html", s.CLOSING | {"export": made}),
        "closing-member": ("agent/closing.html", s.CLOSING | {"may_take_back": False}),
        "settings-disconnect": ("accounts/settings.html", settings | {"confirm_disconnect": s.CONNECTION}),
    }


FOR_ANOTHER = "This invitation is for maya@northwind.example. Sign in with that address."
LEFT_OVER = "Pro is for one person: the others can read here until the plan is Teams again."
OTHER = "This page belongs to another workspace than the one now open."
FULL = "All 2 seats are taken. An owner can add some."


def _refusals() -> dict[str, State]:
    elsewhere = {"other_workspace": {"id": "w2", "name": "Okafor Consulting"}, "detail": OTHER}
    return {
        "404": ("404.html", {}),
        "404-stranger": ("404.html", {"shell": None, "workspace": None}),
        "403": ("403.html", {"detail": LEFT_OVER}),
        "403-stranger": ("403.html", {"shell": None, "workspace": None, "detail": FOR_ANOTHER}),
        "500": ("500.html", {"request_id": "7f3a"}),
        "409": ("409.html", elsewhere),
        "409-typed": ("409.html", elsewhere | {"typed": "How many days of paid holiday do I get?"}),
        "409-copied": ("409.html", {"detail": OTHER, "typed": "How many days of paid holiday do I get?"}),
        "refused": ("refused.html", {"error": {"status": 409}, "detail": FULL, "again_url": "#"}),
        "suspended": ("suspended.html", {"code": "workspace-suspended", "detail": s.SUSPENDED}),
        "402": ("402.html", {"code": "trial-expired"}),
        "429": ("429.html", {"shell": None, "workspace": None, "detail": "Wait a minute and try again."}),
        "only-looking": ("only_looking.html", s.SEEN | {"code": "only-looking", "detail": s.ONLY_LOOKING}),
        "closed-to-staff": ("only_looking.html", s.SEEN | {"code": "closed-to-staff", "detail": "It stays closed."}),
        "view-is-over": ("only_looking.html", {"code": "view-is-over", "detail": "You are yourself again."}),
        "staff-closed": ("staff_closed.html", {"missing": ""}),
        "staff-without-factor": ("staff_closed.html", {"missing": "factor"}),
        "staff-without-code": ("staff_closed.html", {"missing": "code"}),
    }
