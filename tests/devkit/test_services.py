import json
import os
import signal
import stat
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from devkit.home import Home, Trouble
from devkit.postgres import Postgres
from devkit.processes import Child
from devkit.services import Services, Valkey
from devkit.testing import erase
from tests.devkit.machine import kill, restart

ADDRESSES = ("DATABASE_URL", "REDIS_URL", "CHROMA_URL", "NOTION_API_URL", "SECRET_KEY", "SEAL_KEYS")


@pytest.fixture(scope="module", autouse=True)
def _nothing_from_elsewhere() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ADDRESSES:
            patch.delenv(name, raising=False)
        yield


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path / "home")
    yield home
    erase(home)


@pytest.fixture(scope="module")
def services(_nothing_from_elsewhere: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """For all tests that leave them running."""
    home = Home(tmp_path_factory.mktemp("services") / "home")
    with Services(home, with_emulator=False) as services:
        yield services
    erase(home)


def child(services: Services, name: str) -> Child:
    return next(child for child in services.children if child.name == name)


def write_note(services: Services, text: str) -> None:
    with psycopg.connect(services.environment["DATABASE_URL"]) as database:
        database.execute("drop table if exists note")
        database.execute("create table if not exists note (text text)")
        database.execute("insert into note values (%s)", [text])


def notes(services: Services) -> list[str]:
    with psycopg.connect(services.environment["DATABASE_URL"]) as database:
        return [text for (text,) in database.execute("select text from note order by text")]


def test_postgres_valkey_and_chroma_answer_at_their_addresses(services: Services) -> None:
    with psycopg.connect(services.environment["DATABASE_URL"]) as database:
        row = database.execute("select current_user, current_database(), upper('é')").fetchone()
    with redis.Redis.from_url(services.environment["REDIS_URL"]) as valkey:
        pong = valkey.ping()
    with urllib.request.urlopen(f"{services.environment['CHROMA_URL']}/api/v2/heartbeat") as answer:
        beat = json.load(answer)

    assert row == ("docent_admin", "docent", "É")
    assert pong
    assert beat["nanosecond heartbeat"] > 0


def test_rows_survive_a_killed_postgres(services: Services) -> None:
    write_note(services, "kept")

    kill(child(services, "postgres"))
    restart(child(services, "postgres"))

    assert notes(services) == ["kept"]


def test_entries_survive_a_restart_of_valkey(services: Services) -> None:
    valkey = child(services, "valkey")
    with redis.Redis.from_url(services.environment["REDIS_URL"]) as client:
        client.set("run", "kept")

    valkey.stop()
    restart(valkey)

    with redis.Redis.from_url(services.environment["REDIS_URL"], decode_responses=True) as client:
        assert client.get("run") == "kept"


@pytest.mark.parametrize("name", ["valkey", "chroma"])
def test_a_killed_server_answers_again_at_the_same_address(services: Services, name: str) -> None:
    kill(child(services, name))

    restart(child(services, name))

    assert child(services, name).is_ready()


def test_a_later_start_finds_data_secrets_and_addresses_again(home: Home) -> None:
    with Services(home, with_emulator=False) as first:
        write_note(first, "kept")
        before = first.environment

    with Services(home, with_emulator=False) as second:
        assert notes(second) == ["kept"]
        assert second.environment == before


def test_a_start_after_everything_was_killed_finds_the_data(home: Home) -> None:
    services = Services(home, with_emulator=False)
    services.start()
    write_note(services, "kept")
    for running in services.children:
        os.kill(running.pid, signal.SIGKILL)
    services.stop()

    with Services(home, with_emulator=False) as again:
        assert notes(again) == ["kept"]


def test_two_installations_run_side_by_side(services: Services, tmp_path: Path) -> None:
    other = Home(tmp_path / "other")

    with Services(other, with_emulator=False, tests=True) as second:
        write_note(second, "of the second")
        write_note(services, "of the first")
        assert notes(second) == ["of the second"]

    assert notes(services) == ["of the first"]
    erase(other)


def test_what_the_environment_names_is_not_started(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "REDIS_URL", "CHROMA_URL", "NOTION_API_URL"):
        monkeypatch.setenv(name, "elsewhere://")

    with Services(home) as services:
        assert services.children == []
        assert "DATABASE_URL" not in services.environment


def test_a_long_path_gets_its_socket_elsewhere(tmp_path: Path) -> None:
    home = Home(tmp_path / ("long" * 30))

    postgres = Postgres(home)

    assert len(str(postgres.sockets / ".s.PGSQL.5432")) <= 103
    erase(home)


def test_only_we_may_read_the_data_and_the_secrets(services: Services) -> None:
    postgres = child(services, "postgres")
    assert isinstance(postgres, Postgres)

    modes = [path.stat() for path in (postgres.data, postgres.sockets, services.home.path / "secrets.env")]

    assert [stat.S_IMODE(mode.st_mode) for mode in modes] == [0o700, 0o700, 0o600]


def test_valkey_refuses_who_has_no_password(services: Services) -> None:
    valkey = child(services, "valkey")
    assert isinstance(valkey, Valkey)

    with (
        redis.Redis(port=valkey.port, retry=Retry(NoBackoff(), 0)) as stranger,
        pytest.raises(redis.AuthenticationError),
    ):
        stranger.ping()


def test_a_killed_initdb_leaves_no_half_of_a_database(home: Home) -> None:
    postgres = Postgres(home)
    (postgres.data.with_name("postgres.new") / "base").mkdir(parents=True)

    with Services(home, with_emulator=False) as services:
        write_note(services, "whole")
        assert notes(services) == ["whole"]


def test_a_pid_file_of_another_process_does_not_stop_the_start(home: Home) -> None:
    with Services(home, with_emulator=False) as services:
        postgres = child(services, "postgres")
        assert isinstance(postgres, Postgres)
    (postgres.data / "postmaster.pid").write_text(f"{os.getpid()}\n{postgres.data}\n")

    with Services(home, with_emulator=False) as services:
        assert child(services, "postgres").is_ready()


def test_a_service_that_cannot_start_is_named_with_its_last_words(home: Home) -> None:
    with Services(home, with_emulator=False):
        pass
    (home.path / "chroma" / "chroma.sqlite3").unlink(missing_ok=True)
    (home.path / "chroma" / "chroma.sqlite3").mkdir()

    with pytest.raises(Trouble, match="chroma"):
        Services(home, with_emulator=False).start()
