"""Base classes for everything that answers over HTTP: they decide in which schema a view runs."""

import uuid
from collections.abc import Sequence
from typing import Any, ClassVar

from django.conf import settings
from django.http import HttpResponseBase
from django.views import View
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ParseError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import audit, idempotency, tenancy
from accounts.models import ApiKey, IdempotentAnswer, Membership
from config.errors import AppError
from config.filters import Filter, check_known
from config.headers import IDEMPOTENCY_KEY
from config.negotiation import preferred
from config.numbers import whole


class TooLarge(AppError):
    code = "too-large"
    status = 413


class NotAcceptable(AppError):
    code = "not-acceptable"
    status = 406


class _JSON(APIView):
    """Answers hold tokens or people's data, so nothing on the way may keep them."""

    # What each answer says beside its body, for the description.
    answer_headers: ClassVar[Sequence[OpenApiParameter]] = ()
    # What a GET takes behind the `?`; where there is nothing, nothing is looked at.
    filters: ClassVar[Sequence[Filter]] = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        # The framework's parsers would read a body of any size.
        length = whole(request.META.get("CONTENT_LENGTH") or "")
        if length is not None and length > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise TooLarge(f"A request may have {settings.DATA_UPLOAD_MAX_MEMORY_SIZE:,} bytes.")
        super().initial(request, *args, **kwargs)
        if self.filters and request.method in {"GET", "HEAD"}:
            check_known(request.query_params, self.filters)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Response:
        answer = super().finalize_response(request, response, *args, **kwargs)
        if not answer.has_header("Cache-Control"):
            answer["Cache-Control"] = "no-store"
        return answer

    def handle_exception(self, exc: Exception) -> Response:
        # Python's reader of JSON gives up some thousand levels deep.
        return super().handle_exception(ParseError("Too deep.") if isinstance(exc, RecursionError) else exc)


class PublicAPI(_JSON):
    """JSON for anybody, signed in or not. It never looks at who is asking."""

    authentication_classes = ()
    permission_classes = (AllowAny,)


class MemberAPI(_JSON):
    """JSON for a member. `schema_of_view`: "workspace" runs in the workspace's schema, "shared" in the shared one.

    Views that are open where others are not say so: `open_when_expired = True`, and `while_closing`, the roles that are
    let in after the workspace was deleted.
    """

    schema_of_view: ClassVar[str] = "shared"
    post_headers = (IDEMPOTENCY_KEY,)
    # False where an answer shows a secret: it is then never kept for an Idempotency-Key.
    keeps_answers: bool = True
    # Methods that answer in a suspended workspace too.
    open_when_suspended: ClassVar[frozenset[str]] = frozenset()
    # True where the payment provider is asked: then it runs on threads that nothing else needs.
    asks_for_payments: ClassVar[bool] = False
    _claim: IdempotentAnswer | None = None

    @property
    def membership(self) -> Membership:
        return tenancy.acting(self.request._request)

    @property
    def api_key_id(self) -> uuid.UUID | None:
        """Of the one that this request is made with, if it is."""
        return self.request.auth.pk if isinstance(self.request.auth, ApiKey) else None

    @property
    def request_key(self) -> str | None:
        """The same when this request is sent again with its Idempotency-Key, also after a crash; None without one."""
        return str(self._claim.pk) if self._claim is not None else None

    def perform_authentication(self, request: Request) -> None:
        super().perform_authentication(request)
        membership: Membership | None = getattr(request._request, "membership", None)
        if membership is not None:
            tenancy.check_served(membership, opened_to=self.open_when_suspended, method=request.method or "")

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if key := idempotency.key_of(request):
            self._claim = idempotency.begin(request, self.membership, key)
        if self.schema_of_view == "workspace":
            tenancy.enter(self.membership.workspace)

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, idempotency.Replay):
            return idempotency.replayed(exc.answer)
        audit.note_refusal(exc, self.request._request)
        try:
            return super().handle_exception(exc)
        except Exception:
            self._forget_claim()
            raise

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Response:
        answer = super().finalize_response(request, response, *args, **kwargs)
        if self._claim is not None:
            idempotency.end(self._claim, answer, keeps=self.keeps_answers)
        return answer

    def _forget_claim(self) -> None:
        if self._claim is not None:
            with tenancy.shared():
                IdempotentAnswer.objects.filter(pk=self._claim.pk).delete()


class MemberPage(View):
    """A page for a member; the middleware has found the membership. See MemberAPI for what its attributes mean."""

    is_workspace_page = True
    schema_of_view: ClassVar[str] = "shared"
    asks_for_payments: ClassVar[bool] = False
    # Of an address that answers with a file.
    file_type: ClassVar[str] = ""
    open_when_suspended: ClassVar[frozenset[str]] = frozenset()
    request: tenancy.WorkspaceRequest

    @property
    def membership(self) -> Membership:
        return self.request.membership

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if self.file_type and not preferred(request.headers.get("Accept", ""), [self.file_type]):
            raise NotAcceptable(f"The answer is a file of the type {self.file_type}. Send the header Accept with it.")
        if self.schema_of_view == "workspace":
            tenancy.enter(self.membership.workspace)
        answer = super().dispatch(request, *args, **kwargs)
        # Nor by the browser's "Back" after signing out.
        answer.headers.setdefault("Cache-Control", "no-store")
        return answer
