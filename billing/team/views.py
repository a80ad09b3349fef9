import uuid
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache

from accounts import tenancy
from accounts.models import Membership, Role
from billing.gateways import Refused
from billing.seats import SeatsFull
from billing.team import invitations


@method_decorator(never_cache, name="dispatch")
class AcceptPage(View):
    """Who invites to what. Not a MemberPage: who opens it may not be signed in, and belongs elsewhere so far."""

    asks_for_payments = True

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        invitation, user = invitations.find(token), tenancy.signed_in(request)
        if user and (mine := _joined(invitation.workspace_id, user.pk)):
            if request.session.get("workspace") == str(mine.workspace_id):
                return redirect("overview")
            return render(request, "accounts/invitation.html", {"invitation": invitation, "has_joined": True})
        invitations.check_good(invitation, now=timezone.now())
        back = urlencode({"next": request.path})
        return render(
            request,
            "accounts/invitation.html",
            {
                "invitation": invitation,
                "has_joined": False,
                "role_words": Role(invitation.role).label,
                "person": user,
                "is_for_person": bool(user and invitations.is_for(invitation, user)),
                "sign_in_url": f"{reverse('account_login')}?{back}",
                "sign_up_url": f"{reverse('account_signup')}?{back}",
            },
        )

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        user = tenancy.signed_in(request)
        if user is None:
            return redirect(f"{reverse('account_login')}?{urlencode({'next': request.path})}")
        try:
            joined = invitations.accept(token=token, user=user, now=timezone.now())
        except (SeatsFull, invitations.WorkspaceClosed, Refused) as error:
            # The link stays good, and its page says why.
            messages.error(request, error.detail)
            return redirect(request.path)
        request.session["workspace"] = str(joined.workspace_id)
        messages.success(request, f"You have joined {joined.workspace.name}.")
        return redirect("overview")


def _joined(workspace_id: uuid.UUID, user_id: uuid.UUID) -> Membership | None:
    return Membership.objects.filter(workspace_id=workspace_id, user_id=user_id).first()
