"""Files sent through the API, and what they are put into."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from notion_client import APIResponseError

from .conftest import SEED, V2025, Notion

MIB = 1024 * 1024
CONTENT = b"first\r\n--line\r\n\x00\xff\r\n"


def send(client: Any, content: bytes = CONTENT, **about: Any) -> Any:
    made = client.file_uploads.create(**({"filename": "Über plan.png", "content_type": "image/png"} | about))
    return client.file_uploads.send(made["id"], file=("plan.png", content, "image/png"))


def used(upload: Any, **more: Any) -> Any:
    return {"type": "file_upload", "file_upload": {"id": upload["id"]}} | more


def advance(notion: Notion, seconds: int) -> None:
    notion.emulator.control("clock", {"workspace": notion.workspace, "advance": seconds})


def told(notion: Notion, upload: Any) -> list[str]:
    events = notion.emulator.control(f"events?workspace={notion.workspace}")["events"]
    return [one["type"] for one in events if one["entity"]["id"] == upload["id"]]


def test_a_file_is_sent_in_one_part(notion: Notion, client: Any) -> None:
    made = client.file_uploads.create(filename="notes.txt")
    sent = client.file_uploads.send(made["id"], file=("notes.txt", CONTENT, "text/plain"))

    assert (made["status"], made["content_type"], made["content_length"]) == ("pending", "text/plain", None)
    assert made["upload_url"] == f"{notion.emulator.url}/v1/file_uploads/{made['id']}/send"
    assert made["expiry_time"] == "2026-07-01T10:00:00.000Z"
    assert (sent["status"], sent["content_length"]) == ("uploaded", len(CONTENT))
    assert "upload_url" not in sent
    assert client.file_uploads.retrieve(made["id"])["status"] == "uploaded"
    assert told(notion, made) == ["file_upload.created", "file_upload.completed"]


@pytest.mark.parametrize("version", [V2025, None])
def test_only_the_older_version_says_archived(notion: Notion, version: str | None) -> None:
    client: Any = notion.client(version) if version else notion.client()

    assert ("archived" in client.file_uploads.create()) is bool(version)


def test_a_file_without_a_name_gets_that_of_what_is_sent(client: Any) -> None:
    made = client.file_uploads.create()

    sent = client.file_uploads.send(made["id"], file=("late.csv", b"a,b", "text/csv"))

    assert (made["filename"], made["content_type"]) == (None, None)
    assert (sent["filename"], sent["content_type"]) == ("late.csv", "text/csv")


def test_a_file_is_put_into_a_block_and_read_as_it_was_sent(notion: Notion, client: Any) -> None:
    upload = send(client)

    made = client.blocks.children.append(notion.id("sub"), children=[{"image": used(upload)}, {"file": used(upload)}])

    image, file = made["results"]
    assert list(image["image"]) == ["caption", "type", "file"]
    assert file["file"]["name"] == "Über plan.png"
    answer = httpx.get(image["image"]["file"]["url"])
    assert (answer.content, answer.headers["content-type"]) == (CONTENT, "image/png")


def test_a_file_takes_the_place_of_what_was_linked(notion: Notion, client: Any) -> None:
    linked = {"image": {"external": {"url": "https://example.com/a.png"}}}
    (block,) = client.blocks.children.append(notion.id("sub"), children=[linked])["results"]

    changed = client.blocks.update(block["id"], image=used(send(client)))

    assert (changed["image"]["type"], sorted(changed["image"])) == ("file", ["caption", "file", "type"])


def test_a_file_is_put_into_a_property_an_icon_and_a_cover(notion: Notion, client: Any) -> None:
    upload, main = send(client), notion.id("tasks_main")
    client.data_sources.update(main, properties={"Files": {"files": {}}}, icon=used(upload))
    both = [used(upload, name="Plan"), {"name": "Out", "external": {"url": "https://example.com/a.pdf"}}]

    about = {"icon": used(upload), "cover": used(upload)}
    page = client.pages.update(notion.id("one"), properties={"Files": {"files": both}}, **about)

    first, second = page["properties"]["Files"]["files"]
    assert (first["name"], first["type"]) == ("Plan", "file")
    assert (second["name"], second["type"]) == ("Out", "external")
    for shown in (first, page["icon"], page["cover"], client.data_sources.retrieve(main)["icon"]):
        assert httpx.get(shown["file"]["url"]).content == CONTENT


def test_a_file_is_attached_to_a_comment(notion: Notion, client: Any) -> None:
    text, upload = [{"text": {"content": "See"}}], send(client)

    made = client.comments.create(
        parent={"page_id": notion.id("sub")}, rich_text=text, attachments=[{"file_upload_id": upload["id"]}]
    )

    assert made["attachments"][0]["category"] == "image"
    assert httpx.get(made["attachments"][0]["file"]["url"]).content == CONTENT
    with pytest.raises(APIResponseError, match=r"body\.attachments\.length should be ≤ `3`"):
        client.comments.create(parent={"page_id": notion.id("sub")}, rich_text=text, attachments=[{}] * 4)


def test_what_is_not_used_within_the_hour_expires(notion: Notion, client: Any) -> None:
    upload, kept, pending = send(client), send(client), client.file_uploads.create()
    client.pages.update(notion.id("sub"), icon=used(kept))

    advance(notion, 3600)

    assert client.file_uploads.retrieve(upload["id"])["status"] == "expired"
    shown = client.file_uploads.retrieve(kept["id"])
    assert (shown["status"], shown["expiry_time"]) == ("uploaded", None)
    with pytest.raises(APIResponseError, match="has status expired"):
        client.pages.update(notion.id("sub"), icon=used(upload))
    with pytest.raises(APIResponseError, match="has status expired"):
        client.file_uploads.send(pending["id"], file=("a.txt", b"late", "text/plain"))
    assert told(notion, upload)[-1] == "file_upload.expired"


def test_what_is_refused_uses_no_file(notion: Notion, client: Any) -> None:
    upload = send(client)

    with pytest.raises(APIResponseError, match="Nope is not a property that exists"):
        client.pages.update(notion.id("sub"), icon=used(upload), properties={"Nope": {"number": 1}})

    assert client.file_uploads.retrieve(upload["id"])["expiry_time"] is not None


def test_a_big_file_is_sent_in_parts_in_any_order(notion: Notion, client: Any) -> None:
    made = client.file_uploads.create(mode="multi_part", filename="film.mp4", number_of_parts=2)

    last = client.file_uploads.send(made["id"], file=("b", b"end", "video/mp4"), part_number="2")
    with pytest.raises(APIResponseError, match="Only 1 of 2 parts"):
        client.file_uploads.complete(made["id"])
    client.file_uploads.send(made["id"], file=("a", b"x" * 5 * MIB, "video/mp4"), part_number="1")
    done = client.file_uploads.complete(made["id"])

    assert made["complete_url"].endswith(f"/v1/file_uploads/{made['id']}/complete")
    assert (last["status"], last["number_of_parts"]) == ("pending", {"total": 2, "sent": 1})
    assert (done["status"], done["content_length"]) == ("uploaded", 5 * MIB + 3)
    assert done["number_of_parts"] == {"total": 2, "sent": 2}


def test_a_file_is_imported_from_elsewhere(notion: Notion, client: Any) -> None:
    made = client.file_uploads.create(mode="external_url", filename="a.pdf", external_url="https://example.com/a.pdf")
    lost = client.file_uploads.create(mode="external_url", filename="a.pdf", external_url="https://no.invalid/a.pdf")

    advance(notion, 2)

    assert (made["status"], made["content_type"]) == ("pending", "application/pdf")
    shown = client.file_uploads.retrieve(made["id"])
    assert (shown["status"], shown["file_import_result"]["type"]) == ("uploaded", "success")
    failed = client.file_uploads.retrieve(lost["id"])
    assert (failed["status"], failed["file_import_result"]["error"]["type"]) == ("failed", "download_error")
    assert told(notion, lost) == ["file_upload.created", "file_upload.upload_failed"]


def test_uploads_are_listed_newest_first_by_status_and_page(client: Any) -> None:
    first, second = send(client), client.file_uploads.create(filename="a.txt")

    listed = client.file_uploads.list(page_size=1)

    assert ([one["id"] for one in listed["results"]], listed["next_cursor"]) == ([second["id"]], first["id"])
    rest = client.file_uploads.list(start_cursor=listed["next_cursor"])
    assert [one["id"] for one in rest["results"]] == [first["id"]]
    assert [one["id"] for one in client.file_uploads.list(status="uploaded")["results"]] == [first["id"]]
    with pytest.raises(APIResponseError, match=r"query\.status should be"):
        client.file_uploads.list(status="lost")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"mode": "by_post"}, "body.mode should be"),
        ({"filename": ""}, "body.filename should be a string"),
        ({"filename": "x" * 901}, "body.filename.length should be ≤ `900`, instead was `901`"),
        ({"mode": "multi_part", "filename": "a.mp4"}, "body.number_of_parts should be defined"),
        ({"mode": "multi_part", "number_of_parts": 2}, "body.filename should be defined"),
        ({"mode": "multi_part", "filename": "a", "number_of_parts": 0}, "body.number_of_parts should be ≥ `1`"),
        ({"mode": "multi_part", "filename": "a", "number_of_parts": 10_001}, "should be ≤ `10000`"),
        ({"number_of_parts": 2}, "body.number_of_parts should be not present"),
        ({"mode": "external_url", "filename": "a.pdf"}, "body.external_url should be defined"),
        ({"mode": "external_url", "filename": "a", "external_url": "http://x.example"}, "a valid HTTPS URL"),
        ({"mode": "external_url", "filename": "a", "external_url": "https://["}, "a valid HTTPS URL"),
    ],
)
def test_an_upload_that_makes_no_sense_is_refused(client: Any, body: Any, message: str) -> None:
    with pytest.raises(APIResponseError) as refused:
        client.file_uploads.create(**body)

    assert (refused.value.status, refused.value.code) == (400, "validation_error")
    assert message in str(refused.value)


def test_what_is_sent_wrongly_is_refused(client: Any) -> None:
    parts = client.file_uploads.create(mode="multi_part", filename="film.mp4", number_of_parts=2)["id"]
    single, done = client.file_uploads.create()["id"], send(client)["id"]
    small = ("a", b"small", "video/mp4")

    for id, what, message in [
        (done, {"file": small}, "has status uploaded"),
        (parts, {"file": small}, "body.part_number should be defined"),
        (parts, {"file": small, "part_number": "3"}, "between `1` and `2`"),
        (parts, {"file": small, "part_number": "1"}, "must have at least"),
        (single, {"file": ("a", b"x" * (20 * MIB + 1), "video/mp4")}, "exceeds the limit"),
    ]:
        with pytest.raises(APIResponseError, match=message):
            client.file_uploads.send(id, **what)
    with pytest.raises(APIResponseError, match="is not a multi-part upload"):
        client.file_uploads.complete(single)
    with pytest.raises(APIResponseError, match=r"body\.file should be defined"):
        client.request(path=f"file_uploads/{single}/send", method="POST")


def test_a_free_workspace_takes_small_files_in_one_part(seeded: Any) -> None:
    notion = seeded(SEED | {"workspaces": [SEED["workspaces"][0] | {"plan": "free"}]})
    client = notion.client()

    with pytest.raises(APIResponseError, match="exceeds the limit of 5242880 bytes"):
        send(client, b"x" * (5 * MIB + 1))
    with pytest.raises(APIResponseError, match="not available in free workspaces"):
        client.file_uploads.create(mode="multi_part", filename="film.mp4", number_of_parts=2)


def test_a_file_that_is_not_there_yet_cannot_be_used(notion: Notion, client: Any) -> None:
    pending = client.file_uploads.create(filename="a.png")

    with pytest.raises(APIResponseError, match="has status pending"):
        client.blocks.children.append(notion.id("sub"), children=[{"image": used(pending)}])


def test_another_connection_does_not_see_the_file(seeded: Any) -> None:
    grants = [SEED["grants"][0], {"integration": "ours", "workspace": "acme", "user": "bert", "roots": "all"}]
    notion = seeded(SEED | {"grants": grants})
    upload = send(notion.client())
    other: Any = notion.client(token=notion.seeded["grants"][1]["access_token"])

    assert other.file_uploads.list()["results"] == []
    with pytest.raises(APIResponseError, match="Could not find file_upload"):
        other.file_uploads.retrieve(upload["id"])
    with pytest.raises(APIResponseError, match="Could not find file_upload"):
        other.pages.update(notion.id("sub"), icon=used(upload))


def test_without_the_capability_nothing_is_uploaded(seeded: Any) -> None:
    reader = seeded(SEED | {"integrations": [SEED["integrations"][0] | {"capabilities": {"insert": False}}]})

    with pytest.raises(APIResponseError) as refused:
        reader.client().file_uploads.create()

    assert (refused.value.status, refused.value.code) == (403, "restricted_resource")
