"""The people of the tests: Alice owns a workspace, Bob is a member of it, Charlie belongs to another one."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import schemas, tokens
from accounts.models import Membership, Role, User, Workspace, WorkspaceSchema
from accounts.scopes import Scope
from billing import services
from billing.keys import services as keys
from billing.models import Subscription

PASSWORD = "correct horse battery staple"


class Browser(Client):
    """Posts as our pages do: with the workspace the page was opened in, unless the test says another."""

    workspace_id = ""

    def post(self, path: str, data: Any = None, **more: Any) -> Any:
        if data is None or (isinstance(data, dict) and "content_type" not in more):
            data = {"workspace": self.workspace_id, **(data or {})}
        return super().post(path, data, **more)


@dataclass
class Person:
    user: User
    membership: Membership

    @property
    def workspace(self) -> Workspace:
        return self.membership.workspace

    @property
    def email(self) -> str:
        return self.user.email

    @property
    def subscription(self) -> Subscription:
        return Subscription.objects.get(workspace=self.workspace)

    @cached_property
    def api(self) -> APIClient:
        """A program with this person's access token."""
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {tokens.issue(self.membership).access}")
        return client

    @cached_property
    def web(self) -> Browser:
        """A browser in which this person is signed in."""
        client = Browser()
        client.workspace_id = str(self.workspace.pk)
        client.force_login(self.user)
        session = client.session
        session["workspace"] = str(self.workspace.pk)
        session.save()
        return client


def key_of(person: Person, *scopes: str, expires_at: datetime | None = None) -> str:
    """A new API key of theirs; without `scopes` it may do whatever a key may."""
    made = keys.create(
        by=person.membership, name="Robot", scopes=scopes or Scope, expires_at=expires_at, now=timezone.now()
    )
    return made.secret


def program(key: str) -> APIClient:
    """One that has this key and no sign-in."""
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    return client


def sign_up(name: str, *, now: datetime | None = None) -> Person:
    """A new customer with a workspace of their own, made the way the product makes one."""
    return sign_up_as(f"{name.lower()}-{secrets.token_hex(5)}@example.com", name=name, now=now)


def sign_up_as(email: str, *, name: str = "Ada", now: datetime | None = None) -> Person:
    if not WorkspaceSchema.objects.filter(state="warm", head=schemas.head()).exists():
        schemas.fill(8)
    registration = services.register(
        email=email, password=PASSWORD, name=name, workspace_name=f"{name}'s company", now=now or timezone.now()
    )
    return Person(user=registration.user, membership=registration.membership)


def join(owner: Person, name: str, role: Role = Role.MEMBER) -> Person:
    """Somebody else in the owner's workspace. Their own workspace stays behind, as when an existing user is invited."""
    person = sign_up(name)
    membership = Membership.objects.create(workspace=owner.workspace, user=person.user, role=role)
    return Person(user=person.user, membership=membership)


def put_on_plan(person: Person, tier: str, *, seats: int = 1, now: datetime | None = None) -> None:
    moment = now or timezone.now()
    Subscription.objects.filter(workspace=person.workspace).update(
        tier=tier, status=Subscription.Status.ACTIVE, seats=seats, anchor_at=moment, changed_at=moment
    )
    Membership.objects.filter(pk=person.membership.pk, joined_at__gt=moment).update(joined_at=moment)
