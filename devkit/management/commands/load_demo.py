import json
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from accounts import connections, tenancy
from accounts.models import Connection, Membership, User
from agent.sync import services as syncs
from billing import reading, seats
from billing import services as billing
from billing.models import Subscription
from billing.plans import Tier
from devkit import demo
from integrations import notion

EMAIL = "maya@northwind.example"
PASSWORD = "harbor-ferry-demo-2026"


class Command(BaseCommand):
    help = "A Teams workspace with a demo user, connected to the demo company's Notion. Safe to repeat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print the sign-in as JSON on the last line")

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.IS_PRODUCTION:
            raise CommandError("There is no demo in production.")
        now = timezone.now()
        user = User.objects.filter(email=EMAIL).first()
        if user is None:
            made = billing.register(
                email=EMAIL, password=PASSWORD, now=now, name="Maya Okafor", workspace_name="Northwind Studio"
            )
            Subscription.objects.filter(pk=made.subscription.pk).update(
                tier=Tier.TEAMS, status=Subscription.Status.ACTIVE, anchor_at=now, changed_at=now
            )
            user = made.user
        membership = Membership.objects.select_related("workspace", "user").get(user=user)
        # Also where an earlier release gave it more seats than it has members.
        with transaction.atomic():
            seats.follow(workspace=membership.workspace, now=now)
        self._connect(membership)
        if options["json"]:
            self.stdout.write(json.dumps({"email": EMAIL, "password": PASSWORD, "notion_token": demo.TOKEN}))

    def _connect(self, membership: Membership) -> None:
        if Connection.objects.filter(workspace=membership.workspace).exists():
            return
        try:
            connection = reading.connect_with_token(
                membership=membership, token=demo.TOKEN, is_shared=True, now=timezone.now()
            )
        except (connections.NotionAway, connections.TokenRefused, notion.NotConfigured) as error:
            raise CommandError(f"The demo's Notion does not answer at {settings.NOTION_API_URL}: {error}") from error
        with tenancy.within(membership.workspace):
            syncs.start_connection(connection, requested_by=membership.user_id)
