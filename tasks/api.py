import base64
import binascii
import uuid
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.edge import MemberAPI
from config import paging
from config.body import Body, Choice
from config.headers import LOCATION
from config.numbers import WholeNumber, whole
from tasks import services
from tasks.filters import LOCAL, NOTION, Filters, is_source, narrowed
from tasks.forms import check_seen
from tasks.models import Outgoing, Task
from tasks.search import search

FURTHEST = 5_000


def _source(value: str) -> str:
    if not is_source(value):
        raise serializers.ValidationError("This is local, notion, or the id of a source.")
    return value


class TaskInput(Body):
    title = serializers.CharField(max_length=2000, validators=[check_seen])
    status = serializers.CharField(max_length=200, required=False, allow_blank=True)
    done = serializers.BooleanField(source="is_done", required=False)
    due_on = serializers.DateField(required=False, allow_null=True)
    priority = serializers.CharField(max_length=200, required=False, allow_blank=True)
    assignees = serializers.ListField(child=serializers.CharField(max_length=200), max_length=100, required=False)
    labels = serializers.ListField(child=serializers.CharField(max_length=200), max_length=100, required=False)
    shared = serializers.BooleanField(source="is_shared", required=False)


class NewTask(TaskInput):
    source = serializers.CharField(  # type: ignore[assignment]  # Field has one too
        default=LOCAL,
        help_text="`notion` makes a row in the mapped database; with several, the id of one says in which",
    )

    def validate_source(self, value: str) -> str:
        return _source(value)


class SettleInput(Body):
    action = Choice(["retry", "make", "found", "discard", "undo", "keep", "mine", "restore"])
    page = serializers.CharField(
        max_length=2000, required=False, help_text="With `found`: the link or id of the row in Notion that it is"
    )

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        if ("page" in given) != (given["action"] == "found"):
            raise serializers.ValidationError({"page": "The row's link belongs to `found`, and to nothing else."})
        return given


class ChangeRow(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    at = serializers.DateTimeField()
    by = serializers.UUIDField(allow_null=True, source="by_id")
    origin = serializers.CharField(help_text="`docent` or `notion`: whose value holds")
    field = serializers.CharField()
    old = serializers.JSONField(allow_null=True, help_text="In a conflict, the value that lost")
    new = serializers.JSONField(allow_null=True)
    conflict = serializers.BooleanField(source="is_conflict")
    open = serializers.BooleanField(source="is_open")


class ChangePage(serializers.Serializer[Any]):
    results = ChangeRow(many=True)
    next = serializers.CharField(allow_null=True)


class TaskRow(serializers.Serializer[Any]):
    """For the description of the API only; `row` makes the answer."""

    id = serializers.UUIDField()
    title = serializers.CharField()
    status = serializers.CharField()
    done = serializers.BooleanField()
    due_on = serializers.DateField(allow_null=True)
    priority = serializers.CharField()
    assignees = serializers.ListField(child=serializers.CharField())
    labels = serializers.ListField(child=serializers.CharField())
    url = serializers.CharField(help_text="In Notion; empty for a local task")
    notion_page_id = serializers.CharField(allow_null=True)
    source = serializers.ChoiceField(choices=[LOCAL, NOTION])  # type: ignore[assignment]  # Field has one too
    source_id = serializers.UUIDField(allow_null=True)
    source_title = serializers.CharField()
    shared = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    sync_state = serializers.ChoiceField(choices=Task.SyncState.choices)
    sync_reason = serializers.CharField(help_text="Why it is not in Notion yet; empty when nothing stands in the way")
    doubtful = serializers.BooleanField(
        help_text="Notion may have it already: `make` it, or it is `found`, or `discard` it"
    )


class TaskPage(serializers.Serializer[Any]):
    results = TaskRow(many=True)
    next = serializers.CharField(allow_null=True)


class FoundRow(TaskRow):
    score = serializers.FloatField()
    matched = serializers.ListField(child=serializers.CharField())


class FoundPage(serializers.Serializer[Any]):
    results = FoundRow(many=True)
    next = serializers.CharField(allow_null=True)
    words = serializers.CharField(help_text="What was searched for after the filters were taken out")
    filters = serializers.DictField(child=serializers.CharField())


class FilterInput(serializers.Serializer[Any]):
    status = serializers.CharField(max_length=200, required=False, help_text="The status in words, in any case")
    done = serializers.BooleanField(required=False)
    due_before = serializers.DateField(required=False, help_text="Due earlier than this day")
    due_after = serializers.DateField(required=False, help_text="Due later than this day")
    assignee = serializers.CharField(max_length=200, required=False, help_text="A name, or `me`")
    source = serializers.CharField(  # type: ignore[assignment]  # Field has one too
        required=False, help_text="`local`, `notion`, or the id of a source"
    )

    def validate_source(self, value: str) -> str:
        return _source(value)


class PageInput(FilterInput):
    cursor = serializers.CharField(max_length=500, required=False, help_text="`next` of the answer before")
    limit = WholeNumber(required=False, min_value=1, max_value=paging.LIMIT_MOST, default=paging.LIMIT)


class SearchInput(PageInput):
    q = serializers.CharField(max_length=500, help_text="Words and filters, as in `contract is:open due:week`")


class Tasks(MemberAPI):
    schema_of_view = "workspace"
    filters = (PageInput,)

    @extend_schema(responses=TaskPage)
    def get(self, request: Request) -> Response:
        """Tasks that the member may read, newest first."""
        filters = Filters(**_checked(FilterInput, _given(request)))
        tasks = narrowed(Task.objects.readable_by(self.membership), filters, self.membership)
        piece = paging.piece(
            tasks.select_related("task_source", "outgoing").defer("words"),
            request.query_params,
            by="created_at",
            newest_first=True,
        )
        return Response({"results": [row(task) for task in piece.rows], "next": piece.next})

    @extend_schema(request=NewTask, parameters=[LOCATION], responses={201: TaskRow})
    def post(self, request: Request) -> Response:
        values = _checked(NewTask, request.data)
        task = services.create(by=self.membership, now=timezone.now(), **values)
        return Response(row(task), status=201, headers={"Location": f"/tasks/{task.pk}"})


class OneTask(MemberAPI):
    schema_of_view = "workspace"

    @extend_schema(responses=TaskRow)
    def get(self, request: Request, task_id: uuid.UUID) -> Response:
        return Response(row(services.one(by=self.membership, task_id=task_id)))

    @extend_schema(request=TaskInput, responses=TaskRow)
    def patch(self, request: Request, task_id: uuid.UUID) -> Response:
        services.check_can_change(services.one(by=self.membership, task_id=task_id), self.membership)
        values = _checked(TaskInput, request.data, partial=True)
        return Response(row(services.change(by=self.membership, task_id=task_id, now=timezone.now(), **values)))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, task_id: uuid.UUID) -> Response:
        services.delete(by=self.membership, task_id=task_id, now=timezone.now())
        return Response(status=204)


class History(MemberAPI):
    schema_of_view = "workspace"
    filters = paging.PAGED

    @extend_schema(responses=ChangePage)
    def get(self, request: Request, task_id: uuid.UUID) -> Response:
        """What happened to a task, newest first."""
        changes = services.history_of(by=self.membership, task_id=task_id)
        piece = paging.piece(changes, request.query_params, by="at", newest_first=True)
        return Response({"results": ChangeRow(piece.rows, many=True).data, "next": piece.next})


class Settle(MemberAPI):
    schema_of_view = "workspace"

    @extend_schema(request=SettleInput, responses=TaskRow)
    def post(self, request: Request, task_id: uuid.UUID) -> Response:
        """Send again, discard or take that back what Notion does not have; `make` what it may have, or say which row it
        is (`found`); in a conflict, keep what won or write what lost (`mine`); restore from the trash."""
        given = _checked(SettleInput, request.data)
        action = given["action"]
        if action == "found":
            return Response(row(services.recognise(by=self.membership, task_id=task_id, link=given["page"])))
        return Response(row(services.settle(by=self.membership, task_id=task_id, action=action, now=timezone.now())))


class SearchTasks(MemberAPI):
    schema_of_view = "workspace"
    filters = (SearchInput, OpenApiParameter("q", str, required=True, description="Words and filters"))

    @extend_schema(responses=FoundPage)
    def get(self, request: Request) -> Response:
        """Tasks that fit the words, best first; how they fit stands in `matched`."""
        values = _checked(SearchInput, _given(request))
        text, limit, offset = values.pop("q"), values.pop("limit"), _offset(values.pop("cursor", ""))
        findings = search(
            by=self.membership, text=text, now=timezone.now(), filters=Filters(**values), offset=offset, limit=limit
        )
        results = [row(each.task) | {"score": each.score, "matched": each.matched} for each in findings.found]
        is_end = findings.is_last or offset + limit >= FURTHEST
        following = None if is_end else base64.urlsafe_b64encode(str(offset + limit).encode()).decode()
        answer = {"results": results, "next": following, "words": findings.words, "filters": findings.filters.named()}
        return Response(answer)


def row(task: Task) -> dict[str, Any]:
    """By hand: a serializer costs more than the query for fifty of them."""
    source, outgoing = task.task_source, getattr(task, "outgoing", None)
    return {
        "id": str(task.pk),
        "title": task.title,
        "status": task.status,
        "done": task.is_done,
        "due_on": task.due_on.isoformat() if task.due_on else None,
        "priority": task.priority,
        "assignees": task.assignees,
        "labels": task.labels,
        "url": task.url,
        "notion_page_id": task.notion_page_id or None,
        "source": LOCAL if task.is_local else NOTION,
        "source_id": str(source.pk) if source else None,
        "source_title": source.title if source else "",
        "shared": task.is_shared,
        "created_at": task.created_at,
        "updated_at": task.updated_at,
        "sync_state": task.sync_state,
        "sync_reason": outgoing.reason if outgoing else "",
        "doubtful": outgoing is not None and outgoing.state == Outgoing.State.DOUBTFUL,
    }


def _given(request: Request) -> dict[str, str]:
    """The parameters that have a value. A plain mapping: in a form's, a missing yes-or-no would count as no."""
    return {name: str(value) for name, value in request.query_params.items() if value}


def _checked(kind: type[serializers.Serializer[Any]], data: Any, *, partial: bool = False) -> dict[str, Any]:
    form = kind(data=data, partial=partial)
    form.is_valid(raise_exception=True)
    return dict(form.validated_data)


def _offset(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        text = base64.urlsafe_b64decode(cursor).decode("ascii")
    except (binascii.Error, ValueError):
        text = ""
    offset = whole(text)
    if offset is None or not 0 < offset < FURTHEST:
        raise paging.BadCursor
    return offset
