from typing import Any, ClassVar

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import tenancy
from accounts.edge import MemberAPI
from config.headers import RATE_LIMITS
from usage import rates
from usage.quota import quota, rate_limit_headers


class MeteredAPI(MemberAPI):
    """Every answer, refusals too, says what is left."""

    schema_of_view: ClassVar[str] = "workspace"
    answer_headers = RATE_LIMITS

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        # Before all else, so that a refusal of the body's size or of what is accepted says too what is left.
        self.perform_authentication(request)
        super().initial(request, *args, **kwargs)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Response:
        answer = super().finalize_response(request, response, *args, **kwargs)
        membership = getattr(request._request, "membership", None)
        if membership is not None:
            with tenancy.within(membership.workspace):
                left = quota(membership=membership, now=timezone.now())
            asked = rates.buckets(
                plan=left.plan.plan,
                seats=left.seats,
                workspace_id=membership.workspace_id,
                api_key_id=self.api_key_id,
            )
            for name, value in rate_limit_headers(left, rates.look(asked)).items():
                answer[name] = value
        return answer
