from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.models import Membership, User
from agent.admin import searching
from agent.admin.lists import Found
from config.staff import site


@admin.display(description="workspaces", empty_value="–")
def _workspaces(user: User) -> SafeString | str:
    mine = [(f"{_list('workspace')}?q={each.workspace_id}", each.role, each.workspace) for each in _memberships(user)]
    return format_html_join(", ", '<a href="{}">{} of {}</a>', mine)


def _memberships(user: User) -> list[Membership]:
    return list(user.memberships.all())


def _list(model: str) -> str:
    return reverse(f"staff:accounts_{model}_changelist")


@admin.register(User, site=site)
class CustomerAdmin(Found):
    """Everybody with an account; by their workspaces one gets to what they have."""

    search_help_text = "E-mail address, name, or id of the person or a workspace"
    list_filter = ("is_staff", "is_active")
    ordering = ("-created_at",)
    list_display = ("email", "name", "id", _workspaces, "created_at", "is_active", "is_staff")

    def found_by(self, term: str) -> Q:
        return searching.people(term)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).prefetch_related("memberships__workspace")


@admin.display(description="workspace", ordering="workspace__name")
def _workspace(member: Membership) -> SafeString:
    address = f"{_list('workspace')}?q={member.workspace_id}"
    return format_html('<a href="{}">{}</a>', address, member.workspace)


@admin.display(description="e-mail", ordering="user__email")
def _email(member: Membership) -> str:
    return member.user.email


@admin.register(Membership, site=site)
class MemberAdmin(Found):
    search_help_text = "E-mail address, name, or id of the person or the workspace"
    list_select_related = ("user", "workspace")
    list_filter = ("role",)
    ordering = ("-joined_at",)
    list_display = (_email, _workspace, "role", "joined_at", "last_active_at")

    def found_by(self, term: str) -> Q:
        return searching.members(term)
