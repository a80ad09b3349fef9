"""Loaded before Django (`-p tests.environment`): each test process gets a database and a Valkey database of its own."""

import os
from urllib.parse import urlsplit

import pytest

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")
NUMBER = 0 if WORKER == "main" else int(WORKER.removeprefix("gw")) + 1

if "DATABASE_URL" not in os.environ:
    raise pytest.UsageError("The tests need Postgres, Valkey and Chroma: run `make test` (or `make test ARGS=…`).")

# Set once, so that a process started by a test inherits the same names and does not change them again.
if os.environ.get("DOCENT_TEST_WORKER") != WORKER:
    os.environ["DOCENT_TEST_WORKER"] = WORKER
    os.environ["DATABASE_URL"] = (
        urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/docent_test_{os.getpid()}_{WORKER}").geturl()
    )
    os.environ["REDIS_URL"] = urlsplit(os.environ["REDIS_URL"])._replace(path=f"/{NUMBER}").geturl()
    os.environ["DOCENT_ENV"] = "test"
    os.environ["WARM_SCHEMAS"] = "4"
