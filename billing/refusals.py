"""A refusal for want of payment on its way to who asked: word of a payment may be missing, so it is asked for."""

from typing import Any

from django.utils import timezone
from rest_framework.response import Response

from billing import hearing
from config import errors


def handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler; for pages `PlanGateMiddleware` does the same."""
    membership = getattr(context["request"]._request, "membership", None)
    if isinstance(error, errors.AppError) and membership is not None:
        hearing.ask_soon(error, membership=membership, now=timezone.now())
    return errors.handler(error, context)
