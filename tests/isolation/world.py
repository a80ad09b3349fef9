"""Alice and what is hers, with a word in everything private that nobody else may ever read."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connections
from django.utils import timezone

from accounts import sealed, tenancy
from accounts.models import Connection, Role
from agent.models import Chunk, Conversation, Page, Run, Source, SyncRun
from tasks.models import Task
from tests.people import Person, join, put_on_plan, sign_up

SECRET = "nightjarmerger"


@dataclass
class World:
    alice: Person
    bob: Person
    vera: Person
    charlie: Person
    eve: Person
    ids: dict[str, UUID]

    def of_alice(self) -> str:
        """A digest of everything in Alice's workspace, and of the shared rows about it."""
        digest = hashlib.sha256()
        schema = self.alice.workspace.schema_name
        with connections["owner"].cursor() as cursor:
            cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s ORDER BY 1", [schema])
            for (table,) in cursor.fetchall():
                cursor.execute(f'SELECT md5(string_agg(t::text, \'\' ORDER BY t::text)) FROM "{schema}"."{table}" t')
                digest.update(f"{table}{cursor.fetchone()[0]}".encode())
            for table, column in SHARED:
                cursor.execute(
                    f"SELECT md5(string_agg((to_jsonb(t) - 'last_active_at')::text, '' ORDER BY t::text))"
                    f" FROM public.{table} t WHERE t.{column} = %s",
                    [self.alice.workspace.pk],
                )
                digest.update(f"{table}{cursor.fetchone()[0]}".encode())
            cursor.execute("SELECT to_jsonb(t)::text FROM public.accounts_user t WHERE id = %s", [self.alice.user.pk])
            digest.update(str(cursor.fetchone()[0]).encode())
        return digest.hexdigest()


SHARED = (
    ("accounts_workspace", "id"),
    ("accounts_membership", "workspace_id"),
    ("accounts_connection", "workspace_id"),
    ("accounts_job", "workspace_id"),
    ("billing_subscription", "workspace_id"),
    ("billing_planrequest", "workspace_id"),
)


def build() -> World:
    alice = sign_up("Alice")
    put_on_plan(alice, "teams", seats=10)
    bob, vera = join(alice, "Bob"), join(alice, "Vera", Role.VIEWER)
    charlie = sign_up("Charlie")
    put_on_plan(charlie, "teams", seats=3)
    eve = sign_up("Eve", now=timezone.now() - timedelta(days=8))
    return World(alice=alice, bob=bob, vera=vera, charlie=charlie, eve=eve, ids=_things(alice))


def _things(alice: Person) -> dict[str, UUID]:
    now, owner = timezone.now(), alice.user.pk
    connection = Connection(
        workspace=alice.workspace, owner=alice.user, kind="token", bot_id="b", notion_workspace_name=SECRET
    )
    connection.sealed_access_token = sealed.seal(
        "ntn_nightjar", workspace_id=alice.workspace.pk, place=connection.place("access_token")
    )
    connection.last_synced_at = now
    connection.save()
    with tenancy.within(alice.workspace):
        source = Source.objects.create(connection_id=connection.pk, kind="page", notion_id="n1", title=SECRET)
        page = Page.objects.create(
            connection_id=connection.pk,
            source=source,
            notion_id="n1",
            title=SECRET,
            state="indexed",
            indexed_at=now,
            edited_at=now,
            markdown=SECRET,
            url="https://app.notion.com/p/n1",
        )
        Chunk.objects.create(
            page=page,
            connection_id=connection.pk,
            ordinal=0,
            context=SECRET,
            text=f"The {SECRET} is planned.",
            spans=[["b1", 0, 10]],
            tokens=5,
            fingerprint="f",
            embedder="none",
            embedding=b"\0" * 1536,
        )
        sync = SyncRun.objects.create(
            connection_id=connection.pk, requested_by=owner, status="complete", finished_at=now
        )
        conversation = Conversation.objects.create(owner_id=owner, title=SECRET)
        run = Run.objects.create(
            conversation=conversation,
            owner_id=owner,
            prompt=SECRET,
            answer=SECRET,
            status="succeeded",
            grounded=True,
            finished_at=now,
        )
        task = Task.objects.create(owner_id=owner, title=SECRET)
    return {
        "connection": connection.pk,
        "source": source.pk,
        "sync": sync.pk,
        "conversation": conversation.pk,
        "run": run.pk,
        "task": task.pk,
        "workspace": alice.workspace.pk,
        "user": alice.user.pk,
    }


def shown(answer: Any) -> str:
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return str(body.decode("utf-8", "replace")) + str(answer.headers)
