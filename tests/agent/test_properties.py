"""The properties of a row, as lines to read and as values to work with."""

import json
from itertools import permutations
from typing import Any

import pytest

from agent.properties import filled, properties_of, title_of
from tests.agent.notion_blocks import NOT_THERE, RECORDED, Json, recorded_bodies, recorded_objects, text

recorded = pytest.mark.skipif(not RECORDED.is_dir(), reason=NOT_THERE)

ANNA = {"object": "user", "id": "u1", "name": "Anna Berg", "person": {"email": "anna@acme.example"}}


def page(**values: Any) -> Json:
    """One property per keyword: its type and value."""
    properties = {kind: {"id": f"id_{kind}", "type": kind, kind: value} for kind, value in values.items()}
    return {"object": "page", "id": "p", "properties": properties}


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("rich_text", [text("Who "), text("is\nit?")], "Who is it?"),
        ("number", 2, "2"),
        ("number", 0, "0"),
        ("number", 2.5, "2.5"),
        ("number", None, ""),
        ("select", {"id": "o", "name": "High", "color": "red"}, "High"),
        ("select", None, ""),
        ("multi_select", [{"name": "a"}, {"name": "b"}], "a, b"),
        ("status", {"id": "s", "name": "Doing"}, "Doing"),
        ("date", {"start": "2026-07-10", "end": None, "time_zone": None}, "2026-07-10"),
        ("date", {"start": "2026-07-10", "end": "2026-07-12"}, "2026-07-10 → 2026-07-12"),
        ("date", {"start": "2026-07-10T09:30:00.000+02:00"}, "2026-07-10 09:30 +02:00"),
        ("people", [ANNA, {"object": "user", "id": "guest"}], "Anna Berg"),
        (
            "files",
            [{"name": "offer.pdf", "type": "file", "file": {"url": "https://s3/x?X-Amz-Signature=1"}}],
            "offer.pdf",
        ),
        ("checkbox", True, "yes"),
        ("checkbox", False, "no"),
        ("url", "https://a.example", "https://a.example"),
        ("email", "a@b.example", "a@b.example"),
        ("phone_number", "+49 1", "+49 1"),
        ("formula", {"type": "string", "string": "Done"}, "Done"),
        ("formula", {"type": "boolean", "boolean": True}, "yes"),
        ("formula", {"type": "unsupported", "unsupported": {}}, ""),
        ("relation", [{"id": "r1"}, {"id": "unknown"}], "Roadmap"),
        ("rollup", {"type": "number", "number": 3, "function": "count"}, "3"),
        (
            "rollup",
            {"type": "array", "array": [{"type": "title", "title": [text("A")]}, {"type": "number", "number": 1}]},
            "A, 1",
        ),
        ("rollup", {"type": "incomplete", "incomplete": {}}, ""),
        ("created_time", "2026-06-26T13:45:00.000Z", "2026-06-26 13:45 UTC"),
        ("last_edited_time", "2026-06-26T13:45:00.000Z", "2026-06-26 13:45 UTC"),
        ("created_by", ANNA, "Anna Berg"),
        ("last_edited_by", {"object": "user", "id": "u1"}, ""),
        ("unique_id", {"prefix": "TASK", "number": 3}, "TASK-3"),
        ("unique_id", {"prefix": None, "number": 3}, "3"),
        ("button", {}, ""),
        ("place", {"lat": 1, "lon": 2, "name": "Office", "address": "Main St 1"}, "Office, Main St 1"),
        ("place", None, ""),
        ("verification", {"state": "verified", "verified_by": ANNA, "date": None}, "verified"),
        ("a_new_type", {"name": "x"}, ""),
    ],
)
def test_each_type_has_its_line(kind: str, value: Any, expected: str) -> None:
    properties = properties_of(page(**{kind: value}), title_of_page=lambda page_id: {"r1": "Roadmap"}.get(page_id))

    assert properties.lines == ([(kind, expected)] if expected else [])


def test_the_title_is_found_under_any_name() -> None:
    named = {"properties": {"Aufgabe": {"id": "title", "type": "title", "title": [text("Write "), text("report")]}}}

    assert properties_of(named).title == "Write report"


@pytest.mark.parametrize("untitled", [page(title=[]), page(title=None), {"object": "page", "id": "stripped"}])
def test_without_title_a_page_is_untitled(untitled: Json) -> None:
    assert title_of(untitled) == "Untitled"


def test_data_sources_and_databases_have_a_title_of_their_own() -> None:
    source = {"title": [text("Tasks")], "properties": {"Name": {"id": "title", "type": "title", "title": {}}}}

    assert title_of(source) == "Tasks"


def test_values_are_kept_by_id() -> None:
    given = page(status={"id": "o2", "name": "Done"}, people=[ANNA], relation=[{"id": "r1"}], checkbox=True)
    groups = [{"name": "To-do", "option_ids": ["o1"]}, {"name": "Complete", "option_ids": ["o2"]}]
    schema = {"properties": {"Renamed": {"id": "id_status", "type": "status", "status": {"groups": groups}}}}

    typed = properties_of(given, schema).typed

    assert typed["id_status"].value == {"id": "o2", "name": "Done", "group": "Complete"}
    assert typed["id_people"].value == [{"id": "u1", "name": "Anna Berg", "email": "anna@acme.example"}]
    assert typed["id_relation"].value == ["r1"]
    assert typed["id_checkbox"].value is True


@pytest.mark.parametrize("names", list(permutations(["Due date", "Url", "Assignee"])))
def test_lines_are_the_same_in_whatever_order_they_are_kept(names: tuple[str, ...]) -> None:
    values = {name: {"id": f"id_{name}", "type": "url", "url": name} for name in names}
    schema = {name: {"id": f"id_{name}"} for name in reversed(names)}

    read = properties_of({"properties": values}, {"properties": schema})

    assert [name for name, _ in read.lines] == ["Assignee", "Due date", "Url"]


def test_nameless_people_are_looked_up() -> None:
    given = page(people=[{"object": "user", "id": "guest"}])

    properties = properties_of(given, name_of_user=lambda user_id: {"guest": "Bob"}.get(user_id))

    assert properties.text() == "people: Bob"


def test_a_cut_relation_says_so_and_can_be_filled() -> None:
    given = page(relation=[{"id": "r0"}])
    given["properties"]["relation"]["has_more"] = True

    whole = filled(given, {"id_relation": [{"type": "relation", "relation": {"id": f"r{n}"}} for n in range(30)]})

    assert properties_of(given).truncated == ("id_relation",)
    assert len(properties_of(whole).typed["id_relation"].value) == 30
    assert properties_of(whole).truncated == ()


def test_a_full_list_of_people_may_be_cut() -> None:
    assert properties_of(page(people=[ANNA] * 24)).truncated == ()
    assert properties_of(page(people=[ANNA] * 25)).truncated == ("id_people",)


@pytest.mark.parametrize(
    "kind", ["title", "select", "people", "date", "formula", "rollup", "relation", "unique_id", "files", "status"]
)
@pytest.mark.parametrize("value", [None, 1, "x", [], {}, [None], {"type": None}, {"type": "array", "array": 1}])
def test_malformed_values_leave_no_line(kind: str, value: Any) -> None:
    assert properties_of(page(**{kind: value})).lines == []


@recorded
def test_every_recorded_page_is_read() -> None:
    pages = [found for found in recorded_objects("page") if "properties" in found]

    read = [properties_of(found) for found in pages]

    assert len(pages) > 250
    assert all(
        properties.title and len(properties.typed) == len(found["properties"])
        for properties, found in zip(read, pages, strict=True)
    )
    assert "X-Amz" not in "".join(properties.text() for properties in read)


@recorded
def test_the_recorded_relation_of_30_is_filled() -> None:
    sequence = json.loads((RECORDED / "relation_truncated_then_property_item_v2026.json").read_text())["sequence"]
    cut, items = (each["response"]["body"] for each in sequence)

    whole = properties_of(filled(cut, {"o_yF": items["results"]}))

    assert properties_of(cut).truncated == ("o_yF",)
    assert len(whole.typed["o_yF"].value) == 30


@recorded
def test_every_recorded_data_source_orders_its_rows() -> None:
    sources = {
        found["id"]: found for body in recorded_bodies() for found in [body] if found.get("object") == "data_source"
    }
    rows = [found for found in recorded_objects("page") if found["parent"].get("data_source_id") in sources]

    groups = [
        each.value["group"]
        for found in rows
        for each in properties_of(found, sources[found["parent"]["data_source_id"]]).typed.values()
        if each.type == "status"
    ]

    assert groups
    assert set(groups) <= {"To-do", "In progress", "Complete"}
