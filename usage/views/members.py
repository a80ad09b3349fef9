import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from accounts import tenancy
from accounts.edge import MemberPage
from accounts.models import Invitation, Membership, Role
from accounts.models.invitation import INVITABLE
from accounts.permissions import can_change_owners, can_manage_members
from accounts.roles import Action
from accounts.zones import zone_of
from billing import gateways, seats, shown
from billing.api.invitations import link_to_show
from billing.effective import Access, effective
from billing.models import Subscription
from billing.moments import on
from billing.permissions import can_use, check_open, is_included, the_one
from billing.plans import Feature
from billing.team import invitations, members, owners, roles
from config.errors import InvalidField
from config.numbers import WholeNumberField
from usage import analytics, periods

AT_ONCE = 20
# The newest; the API has them all.
SHOWN = 200


class InviteForm(forms.Form):
    emails = forms.CharField(widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off"}), max_length=6_000)
    role = forms.ChoiceField(choices=INVITABLE, initial=Role.MEMBER)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].help_text = " ".join(roles.invitable_in_words())

    def clean_emails(self) -> list[str]:
        found = list(dict.fromkeys(self.cleaned_data["emails"].replace(",", " ").replace(";", " ").split()))
        if len(found) > AT_ONCE:
            raise ValidationError(f"At most {AT_ONCE} addresses at once.")
        for address in found:
            try:
                validate_email(address)
            except ValidationError as error:
                raise ValidationError(f"{address} is not an e-mail address.") from error
        return found


class LimitsForm(forms.Form):
    """Empty: the plan's own."""

    requests = WholeNumberField(min_value=0, required=False)
    tokens = WholeNumberField(min_value=0, required=False)


class Members(MemberPage):
    """Who is in the workspace. Everybody may see it; only Teams has more than one."""

    schema_of_view: ClassVar[str] = "workspace"
    asks_for_payments = True
    # Asked here: removing and leaving go on while a payment is late, and for whom a team left over.
    open_when_expired: ClassVar[bool] = True

    def get(self, request: HttpRequest) -> HttpResponse:
        check_open(self.membership, method="GET")
        return self._page(request)

    def post(self, request: HttpRequest) -> HttpResponse:
        actions: dict[str, Callable[[HttpRequest], HttpResponse]] = {
            "invite": self._invite,
            "revoke": self._revoke,
            "role": self._role,
            "limits": self._limits,
            "remove": self._remove,
        }
        action = actions.get(request.POST.get("action", ""))
        if action is None:
            raise Http404
        check_open(self.membership, method="GET" if action == self._remove else "POST")
        try:
            return action(request)
        except (owners.LastOwner, invitations.AlreadyMember) as error:
            messages.error(request, error.detail)
            return redirect("members")

    def _invite(self, request: HttpRequest) -> HttpResponse:
        form = InviteForm(request.POST)
        if not form.is_valid():
            return self._page(request, status=400, invite={"form": form})
        results = [self._sent(address, Role(form.cleaned_data["role"])) for address in form.cleaned_data["emails"]]
        return self._page(request, results=results)

    def _sent(self, address: str, role: Role) -> dict[str, Any]:
        try:
            with tenancy.shared():
                link = invitations.invite(by=self.membership, email=address, role=role, now=timezone.now())
        except (invitations.AlreadyMember, invitations.TooManyInvitations, InvalidField, gateways.Refused) as error:
            return {"email": address, "is_ok": False, "words": error.detail, "link": ""}
        return {"email": link.invitation.email, "is_ok": True, "words": "Sent", "link": link_to_show(link) or ""}

    def _revoke(self, request: HttpRequest) -> HttpResponse:
        with tenancy.shared():
            invitations.revoke(by=self.membership, invitation_id=_id(request, "invitation"), now=timezone.now())
        messages.success(request, "The link no longer works.")
        return redirect("members")

    def _role(self, request: HttpRequest) -> HttpResponse:
        role, member_id = request.POST.get("role"), _id(request, "member")
        if role not in Role.values:
            raise Http404
        if "sure" not in request.POST and self._decides_owners(member_id, role):
            return redirect(f"{reverse('members')}?{urlencode({'role': role, 'of': str(member_id)})}")
        with tenancy.shared():
            members.change(by=self.membership, user_id=member_id, role=Role(role), now=timezone.now())
        messages.success(request, "Saved.")
        return redirect("members")

    def _decides_owners(self, member_id: uuid.UUID, role: str) -> bool:
        member = Membership.objects.filter(workspace_id=self.membership.workspace_id, user_id=member_id).first()
        return member is not None and can_change_owners(self.membership) and _is_of_owners(member.role, role)

    def _limits(self, request: HttpRequest) -> HttpResponse:
        form, member_id = LimitsForm(request.POST), _id(request, "member")
        if form.is_valid():
            try:
                with tenancy.shared():
                    members.change(by=self.membership, user_id=member_id, caps=form.cleaned_data, now=timezone.now())
            except InvalidField as error:
                form.add_error(str(error.extra["errors"][0]["pointer"]).rpartition("/")[2], error.detail)
            else:
                messages.success(request, "Saved. It holds from the next question on.")
                return redirect("members")
        return self._page(request, status=400, limits={"id": member_id, "form": form})

    def _remove(self, request: HttpRequest) -> HttpResponse:
        member_id = _id(request, "member")
        with tenancy.shared():
            members.remove(by=self.membership, user_id=member_id, now=timezone.now())
        if member_id == self.membership.user_id:
            return redirect("overview")
        messages.success(request, "Removed.")
        return redirect("members")

    def _page(
        self,
        request: HttpRequest,
        *,
        status: int = 200,
        invite: dict[str, Any] | None = None,
        limits: dict[str, Any] | None = None,
        results: list[dict[str, Any]] | None = None,
    ) -> HttpResponse:
        context = _context(self.membership, now=timezone.now()) | {"results": results or []}
        if context["can_manage"] and (invite or "invite" in request.GET):
            context["invite"] = _offer(self.membership, now=timezone.now()) | {"form": InviteForm()} | (invite or {})
        by_id = {str(person["id"]): person for person in context["people"]}
        removing = by_id.get(request.GET.get("remove", ""))
        context["confirm_remove"] = removing if removing and removing["can_remove"] else None
        context["confirm_role"] = _asked_role(by_id.get(request.GET.get("of", "")), request.GET.get("role", ""))
        limited = by_id.get(str(limits["id"]) if limits else request.GET.get("limits", ""))
        if limited and limited["can_limit"]:
            initial = {"requests": limited["request_cap"], "tokens": limited["token_cap"]}
            context["limits"] = {"person": limited, "form": LimitsForm(initial=initial)} | (limits or {})
        return render(request, "accounts/members.html", context, status=status)


def _is_of_owners(before: str, role: str) -> bool:
    """Somebody becomes an owner, or is one no longer: this is asked for once more."""
    return before != role and Role.OWNER in {before, role}


def _asked_role(person: dict[str, Any] | None, role: str) -> dict[str, Any] | None:
    choices = dict(person["roles"]) if person and person["can_change"] else {}
    if person is None or role not in choices or not _is_of_owners(person["role"], role):
        return None
    return {
        "person": person,
        "role": role,
        "is_owner": role == Role.OWNER,
        "words": choices[role].lower(),
        "may": ", ".join(roles.of_owners_alone()),
    }


def _id(request: HttpRequest, name: str) -> uuid.UUID:
    try:
        return uuid.UUID(request.POST.get(name, ""))
    except ValueError as error:
        raise Http404 from error


def _offer(membership: Membership, *, now: datetime) -> dict[str, Any]:
    """What one more costs, said before anybody is invited."""
    with tenancy.shared():
        subscription = Subscription.objects.select_related("workspace").get(workspace_id=membership.workspace_id)
        taken, fixed = membership.workspace.memberships.count(), subscription.fixed_seats
        offer = {"fixed": fixed, "is_full": bool(fixed and taken >= fixed)}
        if gateways.is_given(subscription, now=now):
            return {**offer, "is_given": True}
        leaves_at = effective(subscription, now).leaves_at
        cost = seats.one_more(subscription=subscription, now=now)
        is_charged = gateways.gateway().takes_money
    offer |= {"is_charged": is_charged, "rest_cents": cost.rest if is_charged else None}
    if leaves_at:
        return {**offer, "at_once_cents": cost.at_once, "ends_on": on(leaves_at, zone_of(membership.user))}
    return {**offer, "now_cents": cost.as_it_is, "then_cents": cost.then}


def _context(membership: Membership, *, now: datetime) -> dict[str, Any]:
    subscription = Subscription.objects.get(workspace_id=membership.workspace_id)
    current = effective(subscription, now)
    rows = list(Membership.objects.filter(workspace_id=membership.workspace_id).order_by("joined_at", "pk"))
    has_team, manages = can_use(subscription, Feature.MEMBERS), can_manage_members(membership)
    # Whom a team left over can still be seen, and removed.
    is_available = has_team or len(rows) > 1
    can_manage = has_team and manages and current.access == Access.FULL
    with tenancy.shared():
        is_given = gateways.is_given(subscription, now=now)
        is_charged = gateways.gateway().takes_money and not is_given
    return {
        "section": "members",
        "is_available": is_available,
        "is_left_over": is_available and not has_team,
        **(_left_over(membership) if is_available and not has_team else {}),
        "can_manage": can_manage,
        "seats": {
            "used": len(rows),
            "limit": subscription.fixed_seats if has_team else None,
            "is_charged": is_charged,
            "cents": shown.monthly_cents(subscription, current)
            if has_team and membership.may(Action.SEE_PRICES) and not is_given
            else None,
        },
        "plan": current.plan,
        "people": _people(membership, rows, subscription, now, can_manage=can_manage),
        "role_names": Role.labels,
        "role_rows": roles.rows(),
        "invitations": _waiting(membership, now) if has_team and manages else [],
        "invite": None,
        "limits": None,
    }


def _left_over(membership: Membership) -> dict[str, Any]:
    """Who can do something about it: one of them removes, and any owner chooses a plan."""
    with tenancy.shared():
        one = the_one(membership.workspace_id)
        return {"who_removes": str(one.user) if one else "", "owners": shown.owners(membership)}


def _people(
    membership: Membership, rows: list[Membership], subscription: Subscription, now: datetime, *, can_manage: bool
) -> list[dict[str, Any]]:
    ids = [row.user_id for row in rows]
    people, used = analytics.people(ids), analytics.used_by(ids, subscription=subscription, now=now)
    decides = can_manage and can_change_owners(membership)
    current, manages = effective(subscription, now), can_manage_members(membership)
    may_remove = is_included(current, membership)
    sees_usage = membership.may(Action.SEE_USAGE)
    rows = [row for row in rows if row.user_id in people]
    owning = {row.pk for row in rows if row.role == Role.OWNER and people[row.user_id].is_present}
    last = {row.pk for row in rows if row.role == Role.OWNER and not owning - {row.pk}}
    return [
        {
            "id": row.user_id,
            "name": str(people[row.user_id]),
            "email": people[row.user_id].email,
            "role": row.role,
            "role_words": Role(row.role).label,
            "is_me": row.user_id == membership.user_id,
            "can_change": row.pk not in last and (decides if row.role == Role.OWNER else can_manage),
            "roles": Role.choices if decides else INVITABLE,
            "can_limit": can_manage and Feature.MEMBER_CAPS in current.plan.features,
            "can_remove": members.can_remove(membership, row, by_is_included=may_remove) and row.pk not in last,
            "why_fixed": "The last owner stays." if row.pk in last and manages else "",
            "requests": used.get(row.user_id, (0, 0))[0] if sees_usage or row.user_id == membership.user_id else None,
            "limit": periods.limits(current, row).requests,
            "request_cap": row.request_cap,
            "token_cap": row.token_cap,
            "last_active_at": row.last_active_at,
        }
        for row in rows
    ]


def _waiting(membership: Membership, now: datetime) -> list[dict[str, Any]]:
    zone = zone_of(membership.user)
    with tenancy.shared():
        rows = list(
            Invitation.objects.filter(workspace_id=membership.workspace_id).waiting().order_by("-created_at")[:SHOWN]
        )
    return [
        {
            "id": row.pk,
            "email": row.email,
            "role": row.role,
            "role_words": Role(row.role).label,
            "created_at": row.created_at,
            "expires_on": row.expires_at.astimezone(zone).date(),
            "is_expired": row.is_expired(now),
        }
        for row in rows
    ]
