from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts import impersonation
from accounts.models import Impersonation, Membership, User
from agent.admin import searching
from agent.admin.deeds import Deed, page
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


VIEW = Deed(
    "See it as they see it",
    "For half an hour you see the workspace as this member sees it. You can change nothing there, unless an owner or"
    " admin has allowed it. The owners and the member are told by mail, and the audit log has your name and reason.",
    "",
    impersonation.begin,
)


@admin.display(description="")
def _view(member: Membership) -> SafeString | str:
    """Nobody looks through the eyes of staff."""
    if member.user.is_staff or member.user.is_superuser or not member.user.is_active:
        return ""
    return format_html('<a href="{}">{}</a>', reverse("staff:member-view", args=[member.pk]), VIEW.label)


@admin.register(Membership, site=site)
class MemberAdmin(Found):
    search_help_text = "E-mail address, name, or id of the person or the workspace"
    list_select_related = ("user", "workspace")
    list_filter = ("role",)
    ordering = ("-joined_at",)
    list_display = (_email, _workspace, "role", _view, "joined_at", "last_active_at")

    def found_by(self, term: str) -> Q:
        return searching.members(term)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.view_as)
        return [path("<int:membership_id>/view/", view, name="member-view"), *super().get_urls()]

    def view_as(self, request: HttpRequest, membership_id: int) -> HttpResponse:
        member = Membership.objects.select_related("user", "workspace").filter(pk=membership_id).first()
        if member is None:
            raise Http404

        def enter(begun: Impersonation) -> HttpResponse:
            request.session[impersonation.KEY] = str(begun.pk)
            return redirect("overview")

        about, back = f"{member.user.email} in {member.workspace}", f"{_list('membership')}?q={member.workspace_id}"
        return page(request, VIEW, about=about, back=back, then=enter, membership_id=membership_id)
