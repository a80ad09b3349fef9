"""Base classes for everything that answers a signed-in member: they decide in which schema a view runs."""

from typing import Any, ClassVar

from django.http import HttpResponseBase
from django.views import View
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts import tenancy
from accounts.models import Membership


class MemberAPI(APIView):
    """JSON for a member. `schema_of_view`: "workspace" runs in the workspace's schema, "shared" in the shared one."""

    schema_of_view: ClassVar[str] = "shared"

    @property
    def membership(self) -> Membership:
        membership: Membership = self.request._request.membership  # type: ignore[attr-defined]  # set when signing in
        return membership

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if self.schema_of_view == "workspace":
            tenancy.enter(self.membership.workspace)


class MemberPage(View):
    """A page for a member; the middleware has found the membership. See MemberAPI for `schema_of_view`."""

    is_workspace_page = True
    schema_of_view: ClassVar[str] = "shared"
    request: tenancy.WorkspaceRequest

    @property
    def membership(self) -> Membership:
        return self.request.membership

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if self.schema_of_view == "workspace":
            tenancy.enter(self.membership.workspace)
        return super().dispatch(request, *args, **kwargs)
