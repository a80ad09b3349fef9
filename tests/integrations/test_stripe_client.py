"""How the client of Stripe connects."""

import gc
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from stripe import APIConnectionError

from integrations import stripe
from integrations.stripe import silence

FOUND = b'{"object": "list", "data": [], "has_more": false, "url": "/v1/prices"}'


class Listener:
    def __init__(self) -> None:
        self.connections, self.asked = 0, list[str]()
        self.closed = threading.Semaphore(0)
        # Between the bytes of the body.
        self.pause_seconds = 0.0
        listener = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                listener.connections += 1
                super().setup()

            def finish(self) -> None:
                super().finish()
                listener.closed.release()

            def do_GET(self) -> None:
                listener.asked.append(self.path)
                self.send_response(200)
                self.send_header("content-length", str(len(FOUND)))
                self.end_headers()
                for byte in FOUND if listener.pause_seconds else ():
                    time.sleep(listener.pause_seconds)
                    self.wfile.write(bytes([byte]))
                if not listener.pause_seconds:
                    self.wfile.write(FOUND)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def listener() -> Iterator[Listener]:
    started = Listener()
    yield started
    started.server.shutdown()
    started.server.server_close()


def test_a_connection_is_kept(listener: Listener) -> None:
    for _ in range(2):
        stripe.client(key="sk_test", url=listener.url).v1.prices.list()

    assert (listener.connections, len(listener.asked)) == (1, 2)
    assert not listener.closed.acquire(blocking=False)


def test_who_asks_briefly_leaves_no_connection_open(listener: Listener) -> None:
    """Not even until the next collection of garbage."""
    gc.disable()
    try:
        for _ in range(2):
            with stripe.brief_client(key="sk_test", url=listener.url) as client:
                client.v1.prices.list()
                client.v1.prices.list()
        assert all(listener.closed.acquire(timeout=20) for _ in range(2))
    finally:
        gc.enable()

    assert (listener.connections, len(listener.asked)) == (2, 4)


def test_a_proxy_of_the_environment_is_used(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", listener.url)

    stripe.client(key="sk_test", url="http://stripe.example").v1.prices.list()

    assert listener.asked == ["http://stripe.example/v1/prices"]


def test_a_body_that_trickles_in_is_not_waited_for_without_end(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stripe, "BRIEF_SECONDS", 1)
    listener.pause_seconds = 0.2

    with pytest.raises(APIConnectionError) as refused, stripe.brief_client(key="sk_test", url=listener.url) as client:
        client.v1.prices.list()

    assert silence.is_hang(refused.value)
