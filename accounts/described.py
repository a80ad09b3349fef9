"""What is answered about people, for the description of the API only; the views make the answers."""

from typing import Any

from rest_framework import serializers

from accounts.models import Role


class UserFields(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    email = serializers.CharField()
    name = serializers.CharField()
    created_at = serializers.DateTimeField()


class WorkspaceAndRole(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    role = serializers.ChoiceField(choices=Role.choices)


class PairFields(serializers.Serializer[Any]):
    access = serializers.CharField(help_text="Good for 15 minutes.")
    refresh = serializers.CharField(help_text="Good once, for POST /auth/refresh.")


class SignedIn(PairFields):
    user = UserFields()
    workspace = WorkspaceAndRole()


class NotificationFields(serializers.Serializer[Any]):
    sync_problems = serializers.BooleanField()
    quota_warnings = serializers.BooleanField()
    product_news = serializers.BooleanField()


class SettingsFields(serializers.Serializer[Any]):
    timezone = serializers.CharField()
    language = serializers.ChoiceField(choices=["en"])
    model = serializers.CharField(help_text="Empty: left to Docent.")
    email_notifications = NotificationFields()
    default_sharing = serializers.ChoiceField(choices=["private", "workspace"])
