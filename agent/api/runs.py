"""Runs over JSON. Waiting and streaming are handed over to the layer around Django (`config.handover`)."""

import uuid
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from agent import listening
from agent.api.answers import HEARD, RATINGS, EventOfRun, FeedbackFields, RunFields
from agent.models import Run
from agent.proposals.shown import as_json
from agent.runs import services, shown
from config.body import Body, Choice
from config.handover import Mode
from config.headers import LAST_EVENT_ID, LOCATION, PREFER
from config.negotiation import JSON, STREAM, JSONOrStream, preferred
from usage.edge import MeteredAPI


class RunAPI(MeteredAPI):
    content_negotiation_class = JSONOrStream


class Ask(RunAPI):
    """Ask a question. Waits for the answer; `Prefer: respond-async` answers at once with 202 and where to look, and
    `Accept: text/event-stream` streams. Under a server that cannot wait the answer is 202 as well."""

    class Input(Body):
        prompt = serializers.CharField(max_length=services.LONGEST_PROMPT)
        conversation_id = serializers.UUIDField(required=False, allow_null=True)

    @extend_schema(
        request=Input,
        parameters=[PREFER, LOCATION],
        responses={(200, JSON): RunFields, (200, STREAM): EventOfRun, 202: RunFields},
    )
    def post(self, request: Request) -> Response:
        form = self.Input(data=request.data)
        form.is_valid(raise_exception=True)
        run = services.ask(
            membership=self.membership,
            prompt=form.validated_data["prompt"],
            conversation_id=form.validated_data.get("conversation_id"),
            now=timezone.now(),
            key=self.request_key,
            api_key_id=self.api_key_id,
        )
        return Response(shown.as_json(run, []), status=202, headers={"Location": f"/agent/runs/{run.pk}"})

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Response:
        answer = super().finalize_response(request, response, *args, **kwargs)
        location = answer.get("Location", "")
        if answer.status_code == 202 and location:
            # Here, so that a repeated request with the same Idempotency-Key waits for the first one's answer too.
            run_id = uuid.UUID(location.rpartition("/")[2])
            if "respond-async" in request.headers.get("Prefer", ""):
                answer["Preference-Applied"] = "respond-async"
            else:
                wants_stream = preferred(request.headers.get("Accept", ""), [JSON, STREAM]) == STREAM
                mode = Mode.STREAM if wants_stream else Mode.WAIT
                listening.hand_over(request._request, answer, run_id=run_id, mode=mode)
        return answer


class OneRun(RunAPI):
    """A run as it stands."""

    @extend_schema(responses=RunFields)
    def get(self, request: Request, run_id: uuid.UUID) -> Response:
        run = services.get(membership=self.membership, run_id=run_id)
        return Response(as_json(run, by=self.membership))


class RunEvents(RunAPI):
    """The run's server-sent events: `step`, `delta`, `citation`, `proposal` (its id, for who may look at it), `done`,
    `error`. Resumes after `Last-Event-ID`."""

    @extend_schema(parameters=[LAST_EVENT_ID], responses={(200, STREAM): EventOfRun, 204: HEARD})
    def get(self, request: Request, run_id: uuid.UUID) -> HttpResponse:
        run = services.get(membership=self.membership, run_id=run_id)
        return listening.answer(request._request, run, by=self.membership, mode=Mode.STREAM)


class StopRun(RunAPI):
    """Stop answering. What was written so far stays, and what was used is charged."""

    @extend_schema(request=None, responses={202: RunFields})
    def post(self, request: Request, run_id: uuid.UUID) -> Response:
        run = services.stop(membership=self.membership, run_id=run_id, now=timezone.now())
        return Response(as_json(run, by=self.membership), status=202)


class RunFeedback(RunAPI):
    class Input(Body):
        rating = Choice(choices=RATINGS)
        reason = serializers.CharField(max_length=services.LONGEST_REASON, required=False, default="", allow_blank=True)

    @extend_schema(request=Input, responses=FeedbackFields)
    def post(self, request: Request, run_id: uuid.UUID) -> Response:
        form = self.Input(data=request.data)
        form.is_valid(raise_exception=True)
        run: Run = services.rate(membership=self.membership, run_id=run_id, **form.validated_data)
        return Response({"rating": run.rating, "reason": run.rating_reason})
