"""What is answered about usage, for the description of the API only; `usage.api` makes the answers."""

from typing import Any

from rest_framework import serializers

from accounts.models import Role
from billing.api.described import PeriodFields
from billing.plans import Tier
from usage.models import Entry


class MetricFields(serializers.Serializer[Any]):
    limit = serializers.IntegerField()
    used = serializers.IntegerField()
    held = serializers.IntegerField(help_text="Reserved by what is at work.")
    remaining = serializers.IntegerField()


class ForecastFields(serializers.Serializer[Any]):
    requests_run_out_at = serializers.DateTimeField(allow_null=True)
    tokens_run_out_at = serializers.DateTimeField(allow_null=True)


class QuotaFields(serializers.Serializer[Any]):
    tier = serializers.ChoiceField(choices=Tier.choices)
    period = PeriodFields()
    requests = MetricFields()
    tokens = MetricFields()
    forecast = ForecastFields()


class EntryFields(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    at = serializers.DateTimeField()
    user_id = serializers.UUIDField()
    kind = serializers.CharField()
    run_id = serializers.UUIDField(allow_null=True)
    api_key_id = serializers.UUIDField(allow_null=True)
    requests = serializers.IntegerField()
    input_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()
    model = serializers.CharField()
    outcome = serializers.ChoiceField(choices=Entry.Outcome.choices)
    milliseconds = serializers.IntegerField()


class EntryPage(serializers.Serializer[Any]):
    results = EntryFields(many=True)
    next = serializers.CharField(allow_null=True)


class CountsFields(serializers.Serializer[Any]):
    requests = serializers.IntegerField()
    tokens = serializers.IntegerField()
    runs_succeeded = serializers.IntegerField()
    runs_failed = serializers.IntegerField()
    grounded_share = serializers.FloatField(allow_null=True, help_text="From 0 to 1; null before there is an answer.")


class LatencyFields(serializers.Serializer[Any]):
    p50 = serializers.IntegerField(allow_null=True)
    p95 = serializers.IntegerField(allow_null=True)
    p99 = serializers.IntegerField(allow_null=True)


class TotalsFields(CountsFields):
    latency_ms = LatencyFields()


class SeriesRow(CountsFields):
    """What a row is about is told by the fields that `by` gives it."""

    day = serializers.DateField(required=False)
    kind = serializers.CharField(required=False)
    model = serializers.CharField(required=False)
    source = serializers.ChoiceField(choices=["sign_in", "api_key"], required=False)  # type: ignore[assignment]  # Field has one too
    api_key_id = serializers.UUIDField(required=False, allow_null=True)
    user_id = serializers.UUIDField(required=False, allow_null=True, help_text="With `by` member or source.")
    name = serializers.CharField(required=False, help_text="Of the member or the API key.")
    member = serializers.CharField(required=False, help_text="Whose key it is; empty for what was asked signed in.")


class SummaryFields(serializers.Serializer[Any]):
    totals = TotalsFields()
    series = SeriesRow(many=True)


class CapsFields(serializers.Serializer[Any]):
    requests = serializers.IntegerField(allow_null=True, help_text="Null: the plan's own.")
    tokens = serializers.IntegerField(allow_null=True, help_text="Null: the plan's own.")


class MemberFields(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    email = serializers.CharField()
    name = serializers.CharField()
    role = serializers.ChoiceField(choices=Role.choices)
    joined_at = serializers.DateTimeField()
    last_active_at = serializers.DateTimeField(allow_null=True)
    requests_used = serializers.IntegerField()
    tokens_used = serializers.IntegerField()
    caps = CapsFields()


class MemberPage(serializers.Serializer[Any]):
    results = MemberFields(many=True)
    next = serializers.CharField(allow_null=True)
