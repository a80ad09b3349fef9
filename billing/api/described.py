"""What is answered about plans and the people of a team, for the description of the API only; the views make the
answers."""

from typing import Any

from rest_framework import serializers

from accounts.described import UserFields, WorkspaceAndRole
from accounts.models import Role
from accounts.models.invitation import INVITABLE
from billing.gateways import ACTIVE, CHECKOUT_REQUIRED, PENDING_APPROVAL
from billing.models import PlanRequest, Subscription
from billing.plans import Feature, Tier
from billing.states import Access, State

WAITING = "waiting"


class PeriodFields(serializers.Serializer[Any]):
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()


class PendingFields(serializers.Serializer[Any]):
    tier = serializers.ChoiceField(choices=Tier.choices, allow_null=True, help_text="Null: the subscription ends.")
    at = serializers.DateTimeField()


class SubscriptionFields(serializers.Serializer[Any]):
    tier = serializers.ChoiceField(choices=Tier.choices)
    name = serializers.CharField()
    status = serializers.ChoiceField(choices=Subscription.Status.choices)
    state = serializers.ChoiceField(choices=list(State))
    access = serializers.ChoiceField(choices=list(Access))
    trial_ends_at = serializers.DateTimeField()
    period = PeriodFields()
    ends_at = serializers.DateTimeField(allow_null=True, help_text="When this state turns into a worse one by itself.")
    erases_at = serializers.DateTimeField(allow_null=True, help_text="When the content is erased.")
    pending = PendingFields(allow_null=True, help_text="What is planned, and can be taken back until then.")
    seen = serializers.CharField(help_text="Opaque: send it with a change, to keep what came between.")
    seats = serializers.IntegerField()
    paid_seats = serializers.IntegerField()
    seats_are_fixed = serializers.BooleanField(help_text="False: they follow the members.")


class RequestFields(serializers.Serializer[Any]):
    tier = serializers.ChoiceField(choices=Tier.choices)
    seats = serializers.IntegerField()
    status = serializers.ChoiceField(choices=[WAITING, *PlanRequest.Outcome.values])
    requested_at = serializers.DateTimeField()
    decided_at = serializers.DateTimeField(allow_null=True)
    reason = serializers.CharField(help_text="Why it was refused; else empty.")


class UndoneFields(serializers.Serializer[Any]):
    dropped = PendingFields(allow_null=True, help_text="What was planned and will not happen now.")
    withdrawn = RequestFields(allow_null=True, help_text="The wish that waited and waits no more.")


class ChangedFields(SubscriptionFields, UndoneFields):
    request = RequestFields(allow_null=True, help_text="The newest wish.")


class UpgradeFields(UndoneFields):
    status = serializers.ChoiceField(choices=[ACTIVE, CHECKOUT_REQUIRED, PENDING_APPROVAL])
    subscription = SubscriptionFields()
    checkout_url = serializers.CharField(allow_null=True, help_text="Where to pay, before anything changes.")


class LineFields(serializers.Serializer[Any]):
    description = serializers.CharField()
    amount_cents = serializers.IntegerField()


class InvoiceFields(serializers.Serializer[Any]):
    takes_effect_at = serializers.DateTimeField()
    due_now_cents = serializers.IntegerField()
    rest_cents = serializers.IntegerField(help_text="For the rest of the present period.")
    then_cents = serializers.IntegerField()
    next_at = serializers.DateTimeField(allow_null=True)
    invoice_cents = serializers.IntegerField(allow_null=True, help_text="What is really taken next.")
    drops = PendingFields(allow_null=True, help_text="What is planned and would not happen.")
    currency = serializers.CharField()
    lines = LineFields(many=True)


class ConsequencesFields(InvoiceFields):
    tier = serializers.ChoiceField(choices=Tier.choices)
    consequences = serializers.ListField(child=serializers.CharField(), help_text="What will no longer fit, in words.")
    seen = serializers.CharField()


class AllowedFields(serializers.Serializer[Any]):
    upgrades = serializers.ListField(child=serializers.ChoiceField(choices=Tier.choices))
    downgrades = serializers.ListField(child=serializers.ChoiceField(choices=Tier.choices))


class PresentFields(SubscriptionFields):
    allowed = AllowedFields()
    monthly_cents = serializers.IntegerField(allow_null=True, help_text="Null for who is no owner.")
    next_invoice = InvoiceFields(allow_null=True)
    next_invoice_is_known = serializers.BooleanField(allow_null=True, help_text="Null for who is no owner.")
    request = RequestFields(allow_null=True)


class PortalFields(serializers.Serializer[Any]):
    url = serializers.CharField(help_text="Where card and invoices are kept. It lets in who has it.")


class TrialFields(serializers.Serializer[Any]):
    tier = serializers.ChoiceField(choices=Tier.choices)
    is_trial = serializers.BooleanField()
    active = serializers.BooleanField()
    trial_ends_at = serializers.DateTimeField()
    seconds_remaining = serializers.IntegerField()
    days_remaining = serializers.IntegerField()
    erases_at = serializers.DateTimeField(allow_null=True)
    content_erased_at = serializers.DateTimeField(allow_null=True)
    message = serializers.CharField()
    is_known = serializers.BooleanField(help_text="False: the payment provider could not be asked.")
    upgrade_url = serializers.CharField()


class LimitsFields(serializers.Serializer[Any]):
    requests = serializers.IntegerField()
    tokens = serializers.IntegerField()


class PlanFields(serializers.Serializer[Any]):
    tier = serializers.ChoiceField(choices=Tier.choices)
    name = serializers.CharField()
    price_cents = serializers.IntegerField()
    price_per_user_cents = serializers.IntegerField()
    currency = serializers.CharField()
    interval = serializers.ChoiceField(choices=["month"])
    trial_days = serializers.IntegerField()
    limits = LimitsFields()
    features = serializers.ListField(child=serializers.ChoiceField(choices=Feature.choices))
    coming = serializers.ListField(child=serializers.ChoiceField(choices=Feature.choices), help_text="Not made yet.")


class PlansFields(serializers.Serializer[Any]):
    plans = PlanFields(many=True)


class ReceivedFields(serializers.Serializer[Any]):
    received = serializers.BooleanField()


class RegisteredFields(serializers.Serializer[Any]):
    user = UserFields()
    workspace = WorkspaceAndRole()
    subscription = SubscriptionFields()
    email_verification = serializers.ChoiceField(choices=["required", "not_required"])
    access = serializers.CharField(allow_null=True, help_text="Null until the address is verified.")
    refresh = serializers.CharField(allow_null=True, help_text="Null until the address is verified.")


class ProfileFields(UserFields):
    subscription_tier = serializers.ChoiceField(choices=Tier.choices)
    trial_ends_at = serializers.DateTimeField()
    team_id = serializers.UUIDField(allow_null=True)
    team_role = serializers.ChoiceField(choices=Role.choices, allow_null=True)
    notion_workspace_id = serializers.CharField(allow_null=True)
    workspaces = WorkspaceAndRole(many=True)


class InviterFields(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()


class InvitationFields(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    email = serializers.CharField()
    role = serializers.ChoiceField(choices=INVITABLE)
    invited_by = InviterFields()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    is_expired = serializers.BooleanField()


class InvitationPage(serializers.Serializer[Any]):
    results = InvitationFields(many=True)
    next = serializers.CharField(allow_null=True)


class NewInvitation(InvitationFields):
    link = serializers.CharField(allow_null=True, help_text="In this one answer; null where it is in the mail alone.")


class JoinedFields(serializers.Serializer[Any]):
    workspace = WorkspaceAndRole()
