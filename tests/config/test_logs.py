"""Lines of the log: one for each message, with the request, the workspace and the run that it is about."""

import json
import logging
import os
import subprocess
import sys
from datetime import datetime
from uuid import uuid4

import pytest
from celery import shared_task
from django.test import Client

from accounts import background, tenancy
from accounts.models import Job
from config.logs import Json, Line, about, begin, request_id
from devkit.home import PROJECT
from tests.lines import heard
from tests.people import Person

FORGED = "no\n2026-01-01 00:00:00 INFO accounts all is well\r\x1b[2K\u2028\x85end"


def record(message: str, *arguments: object) -> logging.LogRecord:
    return logging.LogRecord("agent.runs", logging.ERROR, "", 0, message, arguments, None)


def test_a_line_for_programs_is_an_object_with_what_is_known() -> None:
    begin()
    with about(request_id="r1", workspace_id="w1"), about(run_id="u1"):
        said = json.loads(Json().format(record("run %s failed", 7)))

    assert datetime.fromisoformat(said.pop("time")).utcoffset() is not None
    assert said == {
        "level": "ERROR",
        "logger": "agent.runs",
        "message": "run 7 failed",
        "request_id": "r1",
        "workspace_id": "w1",
        "run_id": "u1",
    }
    assert "run_id" not in json.loads(Json().format(record("afterwards")))


def test_an_exception_is_one_text_with_its_type_and_where_it_was_raised() -> None:
    failed = record("it failed")
    try:
        raise ValueError(FORGED)
    except ValueError:
        failed.exc_info = sys.exc_info()

    said = Json().format(failed)

    assert len(said.splitlines()) == 1
    assert "ValueError: no\n" in json.loads(said)["exception"]
    assert "test_logs.py" in json.loads(said)["exception"]


@pytest.mark.parametrize("formatter", [Line(), Json()])
def test_a_message_never_makes_a_second_line(formatter: logging.Formatter) -> None:
    for said in (record(FORGED), record("a form was refused: %s", FORGED)):
        line = formatter.format(said)

        assert len(line.splitlines()) == 1
        assert line.isprintable()


@pytest.mark.parametrize(("environment", "formatter"), [("embedded", Line), ("production", Json)])
def test_programs_read_the_log_of_production(environment: str, formatter: type) -> None:
    code = "from config import settings as s; print(s.LOGGING['formatters']['line']['()'].__name__)"
    known = {name: value for name, value in os.environ.items() if name != "LOG_FORMAT"} | {"DOCENT_ENV": environment}

    done = subprocess.run([sys.executable, "-c", code], env=known, cwd=PROJECT, capture_output=True, check=True)

    assert done.stdout.decode().strip() == formatter.__name__


@pytest.mark.parametrize("said", ["", "a" * 65, "a b", "a\nb", "a_b", "ä", "a\n"])
def test_a_request_with_no_good_name_gets_a_new_one(said: str) -> None:
    assert request_id("edge-7F") == "edge-7F"
    assert len({said, request_id(said), request_id(said)}) == 3
    assert request_id(request_id(said))


def test_a_refusal_is_found_by_the_name_in_its_answer(alice: Person, charlie: Person) -> None:
    for person, sent in ((alice, {"HTTP_X_REQUEST_ID": "edge-7F"}), (charlie, {})):
        with heard() as lines:
            answer = person.api.get(f"/tasks/{uuid4()}", **sent)

        line = lines.of("django.request")
        assert answer.status_code == 404
        assert line["request_id"] == answer["X-Request-ID"]
        assert line["workspace_id"] == str(person.workspace.pk)
    assert answer["X-Request-ID"] != "edge-7F"


def test_the_next_request_of_a_thread_does_not_say_the_last_ones_workspace(alice: Person) -> None:
    alice.api.get("/tasks", HTTP_X_REQUEST_ID="again")

    with heard() as lines:
        Client().get("/nowhere", HTTP_X_REQUEST_ID="again")

    assert lines.of("django.request")["request_id"] == "again"
    assert "workspace_id" not in lines.of("django.request")


@pytest.mark.urls("tests.config.test_refusals")
def test_the_number_of_a_fault_is_the_name_of_its_request() -> None:
    with heard() as lines:
        answer = Client(raise_request_exception=False).get("/tasks/fail")

    assert answer.json()["request_id"] == answer["X-Request-ID"] == lines.of("config.views")["request_id"]
    assert "RuntimeError: told to" in lines.of("django.request")["exception"]


@shared_task(base=background.WorkspaceJob, name="tests.fail")
def fail(**arguments: str) -> None:
    logging.getLogger("tests.inside").info("at work")
    raise ValueError("no")


def test_a_job_says_which_it_is_and_what_it_is_about(alice: Person) -> None:
    begin()
    background.enqueue(fail, workspace_id=alice.workspace.pk, run_id="u1", sync_run_id="s1", task_id="t1")
    job = Job.objects.get(workspace=alice.workspace, name=fail.name)

    with heard() as lines:
        fail(str(job.pk))
        logging.getLogger("tests.afterwards").info("idle")

    known = {"job": "tests.fail", "job_id": str(job.pk), "workspace_id": str(alice.workspace.pk)}
    for logger in ("tests.inside", "accounts.background"):
        assert lines.of(logger).items() >= {**known, "run_id": "u1", "sync_id": "s1"}.items()
    assert not {*known, "run_id", "sync_id", "task_id"} & set(lines.of("tests.afterwards"))


def test_work_in_a_workspace_says_it_until_it_leaves(alice: Person, charlie: Person) -> None:
    begin()
    with heard() as lines:
        with tenancy.within(alice.workspace):
            with tenancy.within(charlie.workspace):
                logging.getLogger("tests.inner").info("")
            logging.getLogger("tests.outer").info("")
        logging.getLogger("tests.outside").info("")

    said = [lines.of(f"tests.{where}").get("workspace_id") for where in ("inner", "outer", "outside")]
    assert said == [str(charlie.workspace.pk), str(alice.workspace.pk), None]
