"""Alice and what is hers, with a word in everything private that nobody else may ever read."""

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.db import connections
from django.utils import timezone

from accounts import sealed, tenancy
from accounts.models import ApiKey, Connection, Invitation, Mail, Role
from agent.models import Chunk, Conversation, Export, ExportPart, Page, Proposal, Run, Source, SyncRun
from tasks.models import Task
from tests.isolation.table import INVITATION
from tests.people import Person, join, put_on_plan, sign_up

SECRET = "nightjarmerger"


@dataclass
class World:
    alice: Person
    bob: Person
    vera: Person
    # A second owner, and an admin.
    olga: Person
    ada: Person
    charlie: Person
    eve: Person
    ids: dict[str, UUID]

    shared: dict[str, UUID]
    rows: frozenset[str] = frozenset()

    @property
    def by_role(self) -> dict[Role, Person]:
        """Alice's colleagues: nothing that is asked for is their own."""
        return {Role.OWNER: self.olga, Role.ADMIN: self.ada, Role.MEMBER: self.bob, Role.VIEWER: self.vera}

    def of_alice(self) -> frozenset[str]:
        """A digest of each row in Alice's workspace, of the shared rows about it, and of herself."""
        found: set[str] = set()
        schema = self.alice.workspace.schema_name
        with connections["owner"].cursor() as cursor:
            cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s ORDER BY 1", [schema])
            for (table,) in cursor.fetchall():
                cursor.execute(f'SELECT md5(t::text) FROM "{schema}"."{table}" t')
                found |= {f"{table} {digest}" for (digest,) in cursor.fetchall()}
            for table, column in SHARED:
                # Whoever may read a shared connection may begin a sync of it.
                row = "to_jsonb(t) - 'last_active_at' - 'open_sync'"
                cursor.execute(
                    f"SELECT md5(({row})::text) FROM public.{table} t WHERE t.{column} = %s",
                    [self.alice.workspace.pk],
                )
                found |= {f"{table} {digest}" for (digest,) in cursor.fetchall()}
            cursor.execute(
                "SELECT md5(t::text) FROM public.accounts_apikey t JOIN public.accounts_membership m"
                " ON m.id = t.membership_id WHERE m.workspace_id = %s",
                [self.alice.workspace.pk],
            )
            found |= {f"accounts_apikey {digest}" for (digest,) in cursor.fetchall()}
            cursor.execute("SELECT to_jsonb(t)::text FROM public.accounts_user t WHERE id = %s", [self.alice.user.pk])
            found.add(str(cursor.fetchone()[0]))
        return frozenset(found)

    def lost(self) -> frozenset[str]:
        """Rows of the beginning that changed or are gone. Others may add what is their own."""
        return self.rows - self.of_alice()


SHARED = (
    ("accounts_workspace", "id"),
    ("accounts_membership", "workspace_id"),
    ("accounts_connection", "workspace_id"),
    ("accounts_invitation", "workspace_id"),
    ("accounts_job", "workspace_id"),
    ("accounts_mail", "workspace_id"),
    ("billing_subscription", "workspace_id"),
    ("billing_planrequest", "workspace_id"),
    ("billing_givenplan", "workspace_id"),
)


def build() -> World:
    alice = sign_up("Alice")
    put_on_plan(alice, "teams", seats=10)
    bob, vera = join(alice, "Bob"), join(alice, "Vera", Role.VIEWER)
    olga, ada = join(alice, "Olga", Role.OWNER), join(alice, "Ada", Role.ADMIN)
    charlie = sign_up("Charlie")
    put_on_plan(charlie, "teams", seats=3)
    eve = sign_up("Eve", now=timezone.now() - timedelta(days=8))
    ids = _things(alice)
    people = {"alice": alice, "bob": bob, "vera": vera, "olga": olga, "ada": ada, "charlie": charlie, "eve": eve}
    world = World(**people, ids=ids, shared=ids | _twins(alice))
    world.rows = world.of_alice()
    return world


def _twins(alice: Person) -> dict[str, UUID]:
    """The same kinds of things, shared with everybody in the workspace: nothing hides them from a viewer."""
    connection = Connection.objects.create(
        workspace=alice.workspace, owner=alice.user, kind="token", bot_id="s", is_shared=True
    )
    with tenancy.within(alice.workspace):
        source = Source.objects.create(connection_id=connection.pk, kind="page", notion_id="s1", title="Handbook")
        sync = SyncRun.objects.create(connection_id=connection.pk, status="complete", finished_at=timezone.now())
        task = Task.objects.create(owner_id=alice.user.pk, title="Book the room", is_shared=True)
    return {"connection": connection.pk, "source": source.pk, "sync": sync.pk, "task": task.pk}


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
        proposal = Proposal.objects.create(
            run=run,
            owner_id=owner,
            kind="complete",
            task=task,
            title=SECRET,
            values={"is_done": True},
            changes=[{"field": "status", "name": "Status", "before": SECRET, "after": "Done"}],
            expires_at=now + timedelta(days=7),
        )
        export = Export.objects.create(owner_id=owner, status="ready", ready_at=now, size=len(SECRET))
        ExportPart.objects.create(export=export, number=0, data=SECRET.encode())
    Mail.objects.create(key=f"x:{owner}", to=alice.email, subject="Hello", workspace=alice.workspace)
    invitation = Invitation.objects.create(
        workspace=alice.workspace,
        email=f"{SECRET}@example.com",
        digest=str(owner),
        invited_by=alice.user,
        expires_at=now + timedelta(days=7),
    )
    Invitation.objects.create(
        workspace=alice.workspace,
        email=f"guest-{owner}@example.com",
        digest=sha256(INVITATION.encode()).hexdigest(),
        invited_by=alice.user,
        expires_at=now + timedelta(days=7),
    )
    api_key = ApiKey.objects.create(
        membership=alice.membership, name=SECRET, start=str(owner)[:15], digest=SECRET, scopes=["read"]
    )
    return {
        "api_key": api_key.pk,
        "connection": connection.pk,
        "source": source.pk,
        "sync": sync.pk,
        "invitation": invitation.pk,
        "conversation": conversation.pk,
        "run": run.pk,
        "task": task.pk,
        "proposal": proposal.pk,
        "export": export.pk,
        "workspace": alice.workspace.pk,
        # Nobody else's rule protects this one: no last owner, and nobody who may remove themselves.
        "plain_member": join(alice, "Peter").user.pk,
    }


def shown(answer: Any) -> str:
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return str(body.decode("utf-8", "replace")) + str(answer.headers)
