"""How somebody listens to a run: handed over to the event loop, or, where there is none, as far as it has come."""

import uuid

from django.http import HttpRequest, HttpResponse, HttpResponseBase

from accounts import tenancy
from accounts.models import Membership
from agent.events import Events, ends, rebuilt, stream
from agent.models import Run
from agent.runs import reading, shown
from config import handover, waiting
from config.handover import Handover, Mode


def hand_over(request: HttpRequest, response: HttpResponseBase, *, run_id: uuid.UUID, mode: Mode) -> bool:
    """False when this server cannot wait; the response then stands as it is."""
    by = tenancy.acting(request)
    if not handover.is_offered(request):
        return False
    key = stream(by.workspace_id, run_id)
    handover.give(response, Handover(key, mode, ends(request), f"/agent/runs/{run_id}"))
    return True


def answer(request: HttpRequest, run: Run, *, by: Membership, mode: Mode) -> HttpResponse:
    """The events of a run. What Redis has forgotten, or this member may not hear, is told from what Postgres keeps."""
    workspace_id = tenancy.active_workspace_id()
    assert workspace_id is not None, "runs are listened to inside their workspace"
    events = Events(workspace_id, run.pk)
    response, after = handover.event_stream(), waiting.heard_until(request)
    last = events.last() if run.is_over else None
    if last is not None and last.is_end and after >= waiting.position(last.id):
        # The browser's own sign to stop coming back.
        return HttpResponse(status=204)
    is_free = reading.hears_all(run, by=by)
    is_lost = run.is_over and (last is None or not last.is_end or not is_free)
    if is_free and not is_lost and hand_over(request, response, run_id=run.pk, mode=mode):
        return response
    if is_lost and run.finished_at is not None:
        milliseconds = int(run.finished_at.timestamp() * 1000)
        entries = list(rebuilt(shown.events(run, run.steps.all()), at_milliseconds=milliseconds))
    else:
        # Who may not hear it as it is said comes back until it is over.
        entries = events.said() if is_free else []
    left = [entry for entry in entries if waiting.position(entry.id) > after]
    if is_lost and not left:
        return HttpResponse(status=204)
    # Without a layer that waits the stream ends here, and the client comes back for the rest.
    response.content = waiting.RETRY + b"".join(waiting.frame(entry, is_page=mode == Mode.PAGE) for entry in left)
    return response
