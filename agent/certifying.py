"""The certificate of an erasure: each store is counted before, and looked into again after. Only zeros are certified.

What is counted is found by ids that are noted before (`traces`), since nothing is left then that could name it. Each
step may be repeated, whatever was killed in between.
"""

import logging
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.db import connections, transaction
from django.db.models import Q
from django.utils import timezone
from psycopg import sql

from accounts import mails, schemas, tenancy
from accounts.models import Connection, ErasureCertificate, Mail, Membership, Role, User, Workspace
from agent.models import Conversation, Export
from billing import account_deletion
from billing.models import StripeAccount, StripeEvent
from config import valkey
from config.errors import AppError
from integrations import vector_files, vectors
from tasks.models import Task

log = logging.getLogger(__name__)
Kind = ErasureCertificate.Kind
signer = Signer(salt="erasure certificate")
# Written after the erasure, to whom it is told; the row goes when it is sent.
LAST_MAIL = "certificate:"


class NoCertificate(AppError):
    code = "not-found"
    status = 404


@dataclass(frozen=True)
class Traces:
    """Of a workspace."""

    workspace_id: str
    schema: str
    memberships: list[int] = field(default_factory=list)
    connections: list[str] = field(default_factory=list)
    customer: str = ""
    files: list[str] = field(default_factory=list)

    @property
    def id(self) -> uuid.UUID:
        return uuid.UUID(self.workspace_id)


# What stands in a shared table by another store's name.
BY_NAME = {"accounts_mail": "mails", "billing_stripeaccount": "customer", "billing_stripepage": "customer"}
NAMES = {
    "tables": "Tables of the workspace's own database schema",
    "rows": "Rows in them: conversations, answers, tasks, what was read from Notion, usage",
    "exports": "Parts of export files",
    "role": "Its database role",
    "shared": "Rows about it in shared tables: members, keys, connections, invitations, subscription, audit log",
    "mails": "Mails in the outbox",
    "customer": "Links to the payment provider's customer, and events of it",
    "databases": "Its database in the search index (Chroma)",
    "collections": "Collections in that",
    "vectors": "Vectors in them",
    "files": "Folders of the search index on disk",
    "streams": "Streams in Valkey",
    "cache": "Cached values in Valkey",
    "private": "Conversations, tasks and exports in teams that nobody else could read",
    **{name: name.capitalize() for name in account_deletion.KINDS},
}


def trace(workspace: Workspace) -> Traces:
    found = StripeAccount.objects.filter(workspace=workspace).first()
    return Traces(
        workspace_id=str(workspace.pk),
        schema=workspace.schema_name,
        memberships=list(Membership.objects.filter(workspace=workspace).values_list("pk", flat=True)),
        connections=[str(pk) for pk in Connection.objects.filter(workspace=workspace).values_list("pk", flat=True)],
        customer=found.customer_id if found else "",
        files=vector_files.of(workspace.pk),
    )


def count(traces: Traces) -> dict[str, int]:
    """What there is in each store, looked for there."""
    held = vectors.workspace(traces.id).held()
    keys = list(valkey.client().scan_iter(match=f"*{traces.workspace_id}*", count=1_000))
    streams = sum(valkey.client().type(key) == b"stream" for key in keys)
    seen = {"files": vector_files.count(traces.files)} if vector_files.are_seen() else {}
    return {
        **_in_schema(traces.schema),
        **_in_shared_tables(traces),
        **held._asdict(),
        **seen,
        "streams": streams,
        "cache": len(keys) - streams,
    }


def _in_schema(name: str) -> dict[str, int]:
    with connections[schemas.OWNER].cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [name])
        tables = [str(table) for (table,) in cursor.fetchall()]
        rows = {}
        for table in tables:
            cursor.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(name, table)))
            rows[table] = cursor.fetchone()[0]
        cursor.execute("SELECT count(*) FROM pg_namespace WHERE nspname = %s", [name])
        is_there = cursor.fetchone()[0]
        cursor.execute("SELECT count(*) FROM pg_roles WHERE rolname = %s", [name])
        role = cursor.fetchone()[0]
    # A schema that is empty is there all the same.
    return {
        "tables": max(len(tables), is_there),
        "rows": sum(rows.values()),
        "exports": rows.get("agent_exportpart", 0),
        "role": role,
    }


def _in_shared_tables(traces: Traces) -> dict[str, int]:
    """By whatever column names it, so that a new table is counted too."""
    by_column: Mapping[str, tuple[list[Any], str]] = {
        "workspace_id": ([traces.workspace_id], "uuid"),
        "membership_id": (traces.memberships, "bigint"),
        "connection_id": (traces.connections, "uuid"),
    }
    found = {"shared": 0, "mails": 0, "customer": 0}
    with connections[schemas.OWNER].cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name FROM information_schema.columns"
            " WHERE table_schema = 'public' AND column_name = ANY(%s)",
            [list(by_column)],
        )
        for table, column in [*cursor.fetchall(), ("accounts_workspace", "id"), ("accounts_workspaceschema", "name")]:
            ids, kind = by_column.get(column, ([traces.workspace_id], "uuid"))
            if column == "name":
                ids, kind = [traces.schema], "text"
            query = sql.SQL("SELECT count(*) FROM public.{} WHERE {} = ANY(%s::{}[])")
            named = query.format(sql.Identifier(table), sql.Identifier(column), sql.SQL(kind))
            cursor.execute(named, [[str(each) for each in ids]])
            found[BY_NAME.get(table, "shared")] += cursor.fetchone()[0]
    found["mails"] += (
        Mail.objects.filter(workspace__isnull=True, key__contains=traces.workspace_id).exclude(_last()).count()
    )
    if traces.customer:
        found["customer"] += StripeEvent.objects.filter(customer_id=traces.customer).count()
    return found


def begin(workspace: Workspace) -> Traces:
    """Before anything is erased, once: a worker that was killed later leaves less to be counted."""
    known = ErasureCertificate.objects.filter(kind=Kind.WORKSPACE, subject_id=workspace.pk).first()
    if known is None:
        traces = trace(workspace)
        owners = Membership.objects.filter(workspace=workspace, role=Role.OWNER).values_list("user__email", flat=True)
        known, _ = ErasureCertificate.objects.get_or_create(
            kind=Kind.WORKSPACE,
            subject_id=workspace.pk,
            defaults={
                "before": count(traces),
                "traces": asdict(traces),
                "tells": {"what": workspace.name, "addresses": sorted(owners)},
            },
        )
    return Traces(**known.traces)


def begin_account(user: User) -> None:
    """As `begin`, of a person."""
    if ErasureCertificate.objects.filter(kind=Kind.ACCOUNT, subject_id=user.pk).exists():
        return
    emails = sorted(account_deletion.addresses(user))
    teams = Membership.objects.filter(user=user).values_list("workspace_id", flat=True)
    traces = {"emails": emails, "workspaces": [str(each) for each in teams]}
    ErasureCertificate.objects.get_or_create(
        kind=Kind.ACCOUNT,
        subject_id=user.pk,
        defaults={
            "before": count_account(user.pk, traces),
            "traces": traces,
            "tells": {"what": "Your account", "addresses": [user.email]},
        },
    )


def count_account(user_id: uuid.UUID, traces: Mapping[str, Any]) -> dict[str, int]:
    private = 0
    for workspace in Workspace.objects.filter(pk__in=traces["workspaces"]).exclude(state=Workspace.State.ERASING):
        with tenancy.within(workspace):
            private += Conversation.objects.filter(owner_id=user_id, is_shared=False).count()
            private += Task.objects.filter(owner_id=user_id, is_shared=False, connection_id=None).count()
            private += Export.objects.filter(owner_id=user_id).count()
    return {**account_deletion.traces(user_id, set(traces["emails"])), "private": private}


def clear(traces: Traces) -> None:
    """The stores beside Postgres, and what in it goes with no row of the workspace. Safe to repeat."""
    vectors.workspace(traces.id).drop()
    vector_files.remove(traces.files)
    for key in valkey.client().scan_iter(match=f"*{traces.workspace_id}*", count=1_000):
        valkey.client().delete(key)
    Mail.objects.filter(key__contains=traces.workspace_id).exclude(_last()).delete()
    if traces.customer:
        StripeEvent.objects.filter(customer_id=traces.customer).delete()


def resume(*, now: datetime) -> None:
    """Looks again where something was left, or where a worker was killed before it looked."""
    for certificate in ErasureCertificate.objects.filter(given_at=None).order_by("begun_at"):
        if not _is_there(certificate):
            try:
                finish(certificate, now=now)
            except Exception:
                log.exception("%s could not be looked after", certificate)


def finish(certificate: ErasureCertificate, *, now: datetime) -> bool:
    """Looks into every store. Given when all are empty; else staff hear of it, and the next round tries again."""
    with transaction.atomic():
        same = ErasureCertificate.objects.select_for_update(skip_locked=True).filter(pk=certificate.pk, given_at=None)
        waiting = same.first()
        if waiting is None:
            return False
        if waiting.kind == Kind.WORKSPACE:
            traces = Traces(**waiting.traces)
            clear(traces)
            schemas.drop(traces.schema)
            waiting.after = count(traces)
        else:
            waiting.after = count_account(waiting.subject_id, waiting.traces)
        waiting.checked_at = now
        if waiting.left:
            _withhold(waiting)
        else:
            _give(waiting, now)
        waiting.save()
    return not waiting.left


def finish_for(kind: ErasureCertificate.Kind, subject_id: uuid.UUID) -> None:
    certificate = ErasureCertificate.objects.filter(kind=kind, subject_id=subject_id, given_at=None).first()
    if certificate is not None:
        finish(certificate, now=timezone.now())


def url_of(certificate: ErasureCertificate) -> str:
    return f"{settings.PUBLIC_URL}/app/erasures/{signer.sign(certificate.pk.hex)}"


def find(token: str) -> ErasureCertificate:
    """Raises NoCertificate."""
    try:
        key = uuid.UUID(signer.unsign(token))
    except (BadSignature, ValueError):
        raise NoCertificate("This link leads to no certificate. See whether it was copied as a whole.") from None
    certificate = ErasureCertificate.objects.filter(pk=key).exclude(given_at=None).first()
    if certificate is None:
        raise NoCertificate("This certificate is not given yet.")
    return certificate


def as_json(certificate: ErasureCertificate) -> dict[str, Any]:
    return {
        "id": certificate.pk,
        "kind": certificate.kind,
        "subject_id": certificate.subject_id,
        "begun_at": certificate.begun_at,
        "given_at": certificate.given_at,
        "stores": [
            {"store": store, "name": NAMES.get(store, store), "before": certificate.before.get(store, 0), "after": left}
            for store, left in certificate.after.items()
        ],
    }


def _is_there(certificate: ErasureCertificate) -> bool:
    """What it is about is not erased yet."""
    rows: dict[str, Callable[[], bool]] = {
        Kind.WORKSPACE: Workspace.objects.filter(pk=certificate.subject_id).exists,
        Kind.ACCOUNT: User.objects.filter(pk=certificate.subject_id).exists,
    }
    return rows[certificate.kind]()


def _give(certificate: ErasureCertificate, now: datetime) -> None:
    what = certificate.tells["what"]
    for number, address in enumerate(certificate.tells["addresses"]):
        mails.put(
            key=f"{LAST_MAIL}{certificate.pk}:{number}",
            to=address,
            template="letter",
            context={
                "title": f"{what} is erased",
                "paragraphs": [
                    f"{what} was erased everywhere. The certificate lists each store, and the zero counted in it.",
                    "Backups of the database hold it until they run out.",
                ],
                "url": url_of(certificate),
                "action": "See the certificate",
                "footnote": "This is the last mail about it.",
            },
        )
    certificate.given_at, certificate.traces, certificate.tells = now, {}, {}
    log.info("%s is given", certificate)


def _withhold(certificate: ErasureCertificate) -> None:
    log.error("%s is withheld: still there are %s", certificate, certificate.left)
    if settings.STAFF_MAIL:
        left = ", ".join(f"{store} ({number})" for store, number in certificate.left.items())
        mails.put(
            key=f"certificate-withheld:{certificate.pk}",
            to=settings.STAFF_MAIL,
            template="letter",
            context={
                "title": "An erasure left something behind",
                "paragraphs": [
                    f"After the erasure of {certificate.kind} {certificate.subject_id} there is still: {left}.",
                    "It is tried again every minute; no certificate is given before all is zero.",
                ],
            },
        )


def _last() -> Q:
    return Q(key__startswith=LAST_MAIL) | Q(key__startswith="certificate-withheld:")
