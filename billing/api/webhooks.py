import kombu.exceptions
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.edge import PublicAPI
from billing import jobs
from billing.api.described import ReceivedFields
from billing.stripe import events
from config.errors import AppError
from integrations.stripe import BadSignature, NoEvent, verified


class NotFromStripe(AppError):
    code = "bad-signature"
    status = 400


class Malformed(AppError):
    code = "malformed"
    status = 400


class FromStripe(PublicAPI):
    """Events of Stripe: verified, stored once, and answered at once. A worker does the rest."""

    @extend_schema(request=OpenApiTypes.OBJECT, responses=ReceivedFields)
    def post(self, request: Request) -> Response:
        if settings.BILLING_GATEWAY != "stripe":
            raise NotFound("This installation takes no payments.")
        body = request._request.body
        try:
            event = verified(body, request.headers.get("Stripe-Signature", ""), secrets=settings.STRIPE_WEBHOOK_SECRETS)
        except BadSignature as error:
            raise NotFromStripe(str(error)) from error
        except NoEvent as error:
            raise Malformed(str(error)) from error
        if event.livemode != settings.STRIPE_SECRET_KEY.startswith(("sk_live_", "rk_live_")):
            raise NotFromStripe("The event is of the other mode, test or live.")
        with transaction.atomic():
            is_new = events.store(event, now=timezone.now())
        if is_new:
            _wake()
        return Response({"received": True})


def _wake() -> None:
    try:
        jobs.process_events.apply_async(retry=False)
    except (kombu.exceptions.OperationalError, OSError):
        # The clock wakes a worker too.
        return
