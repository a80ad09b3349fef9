"""The audit log says which sources were chosen or left out and which database holds tasks, each time it is another."""

from typing import Any

from accounts import tenancy
from accounts.models import AuditAction, AuditEvent
from agent.models import Source
from agent.sync import choosing, finding
from tests.outside import NotionWorkspace, connect
from tests.people import Person

READ, TASKS = AuditAction.SOURCES_CHOSEN, AuditAction.TASKS_MAPPED


def told(person: Person) -> list[tuple[str, Any, Any]]:
    found = AuditEvent.objects.filter(workspace=person.workspace, action__in=[READ, TASKS])
    assert {event.actor_email for event in found} == {person.email}
    return list(found.order_by("at").values_list("action", "before", "after"))


def test_what_is_read_and_where_tasks_stand_is_told_by_ids(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)
    with tenancy.within(alice.workspace):
        finding.find_sources(connection_id=str(connection.pk))
        database, tree = Source.objects.get(kind="database"), Source.objects.get(kind="page")
        chosen: Any = {"source_ids": {database.pk}, "shown_ids": {database.pk, tree.pk}}
        for _ in range(2):
            choosing.choose(membership=alice.membership, connection=connection, tasks_source=str(database.pk), **chosen)
            choosing.remap(membership=alice.membership, source=database, columns={})
        for _ in range(2):
            finding.leave_out_source(database, by=alice.membership)

    left, mapped, remapped, out, unmapped = told(alice)
    assert left == (READ, {"read": [tree.notion_id]}, {"read": []})
    assert (mapped[0], mapped[1]["database"], mapped[2]["database"]) == (TASKS, None, database.notion_id)
    assert set(remapped[2].values()) == {""}
    assert mapped[2].items() >= remapped[1].items()
    assert out == (READ, {"read": [database.notion_id]}, {"read": []})
    assert (unmapped[1]["database"], unmapped[2]["database"]) == (database.notion_id, None)
