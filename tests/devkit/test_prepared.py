from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from devkit import prepared
from devkit.home import Home
from devkit.services import Services


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("prepared")
    folder.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DATABASE_URL", raising=False)
        with Services(Home(folder), tests=True, with_emulator=False) as services:
            yield services.environment["DATABASE_URL"]


def test_a_database_is_prepared_once_by_the_same_code(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = prepared.is_prepared(url)
    prepared.note(url)
    after = prepared.is_prepared(url)
    monkeypatch.setattr(prepared, "APPLIED", ("accounts/models/*.py",))

    assert (before, after, prepared.is_prepared(url)) == (False, True, False)


def test_what_is_noted_belongs_to_one_database(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as server:
        server.execute("CREATE DATABASE another")

    assert not prepared.is_prepared(url.replace("/docent?", "/another?"))
