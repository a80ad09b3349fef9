"""What a run answers, for the description of the API. `agent.runs.shown` makes it."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers

from agent.models import Proposal, Run
from agent.sync.described import StreamEvent

RATINGS = ["good", "bad"]
HEARD = OpenApiResponse(description="All was heard: do not come back.")


class EventOfRun(StreamEvent):
    """`data`: of `done` and `error` the run."""

    event = serializers.ChoiceField(choices=["step", "delta", "citation", "proposal", "done", "error"])


class CitationFields(serializers.Serializer[Any]):
    n = serializers.IntegerField()
    page_id = serializers.CharField()
    title = serializers.CharField(allow_blank=True)
    url = serializers.CharField(allow_blank=True)
    block_id = serializers.CharField()
    quote = serializers.CharField(allow_blank=True)
    edited_at = serializers.DateTimeField(allow_null=True)
    indexed_at = serializers.DateTimeField(allow_null=True)
    changed_since = serializers.DateTimeField(
        allow_null=True, help_text="Notion's time of an edit that this answer does not know yet."
    )
    checked = serializers.BooleanField(
        allow_null=True,
        help_text="False: Notion could not be asked, when the answer was given, whether the page is still so.",
    )


class CoverageFields(serializers.Serializer[Any]):
    known = serializers.IntegerField()
    indexed = serializers.IntegerField(help_text="Answered from as they are now, as far as is known.")
    older = serializers.IntegerField(
        required=False, help_text="Answered from as they were read before: a later reading failed or is still due."
    )
    missing = serializers.IntegerField(help_text="Not answered from.")
    older_since = serializers.DateTimeField(
        required=False, allow_null=True, help_text="When the first of the older ones was read."
    )
    complete = serializers.BooleanField()


class UsageFields(serializers.Serializer[Any]):
    input_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()
    total_tokens = serializers.IntegerField()


class StepFields(serializers.Serializer[Any]):
    kind = serializers.CharField()
    name = serializers.CharField()
    summary = serializers.CharField(allow_blank=True)
    milliseconds = serializers.IntegerField(allow_null=True)


class ChangeFields(serializers.Serializer[Any]):
    field = serializers.CharField()
    name = serializers.CharField(help_text="As Notion calls it")
    before = serializers.CharField(allow_blank=True)
    after = serializers.CharField(allow_blank=True)


class WhatFields(serializers.Serializer[Any]):
    task_id = serializers.UUIDField(allow_null=True)
    title = serializers.CharField()
    url = serializers.CharField(allow_blank=True)


class WhereFields(serializers.Serializer[Any]):
    source = serializers.CharField(help_text="`notion` or `local`")  # type: ignore[assignment]  # Field has one too
    title = serializers.CharField(allow_blank=True, help_text="The database")


class SourcePageFields(serializers.Serializer[Any]):
    id = serializers.CharField()
    title = serializers.CharField()
    url = serializers.CharField()


class ProposalFields(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    run_id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=Proposal.Kind.choices)
    state = serializers.ChoiceField(choices=Proposal.State.choices)
    what = WhatFields()
    where = WhereFields()
    changes = ChangeFields(many=True)
    why = serializers.CharField(allow_blank=True)
    source_page = SourcePageFields(allow_null=True, help_text="The page whose text asked for it.")
    replaced_by = serializers.UUIDField(allow_null=True, help_text="The proposal that stands in the place of this one.")
    reason = serializers.CharField(allow_null=True, help_text="Why it was replaced, or not done.")
    verified = serializers.BooleanField(
        allow_null=True, help_text="Whether the task, read back, was as approved. Null before it was done."
    )
    differs = serializers.ListField(
        child=serializers.CharField(), help_text="Fields that somebody had changed again when it was read back."
    )
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    decided_at = serializers.DateTimeField(allow_null=True)
    applied_at = serializers.DateTimeField(allow_null=True)
    undone_at = serializers.DateTimeField(allow_null=True)
    undo_until = serializers.DateTimeField(allow_null=True)


class RunFields(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=Run.Status.choices)
    conversation_id = serializers.UUIDField()
    prompt = serializers.CharField()
    answer = serializers.CharField(allow_blank=True)
    grounded = serializers.BooleanField(allow_null=True)
    model = serializers.CharField(allow_blank=True)
    citations = CitationFields(many=True)
    checked = serializers.BooleanField(
        allow_null=True, help_text="Whether Notion was asked about every cited page. Null without citations."
    )
    coverage = CoverageFields(
        allow_null=True,
        help_text="How the known pages were answered from when the work began. Null before that.",
    )
    proposals = ProposalFields(many=True)
    usage = UsageFields()
    steps = StepFields(many=True)
    error = serializers.CharField(allow_null=True)
    rating = serializers.ChoiceField(choices=RATINGS, allow_null=True)
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class FeedbackFields(serializers.Serializer[Any]):
    rating = serializers.ChoiceField(choices=RATINGS)
    reason = serializers.CharField(allow_blank=True)


class ConversationFields(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    title = serializers.CharField(allow_blank=True)
    shared = serializers.BooleanField()
    is_mine = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class ConversationPage(serializers.Serializer[Any]):
    results = ConversationFields(many=True)
    next = serializers.CharField(allow_null=True)


class ConversationAndRuns(ConversationFields):
    runs = RunFields(many=True)
