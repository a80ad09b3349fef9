"""A mail server on this machine that takes, refuses, delays or hangs up as a test wants."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message

from django.test import override_settings


@dataclass
class Post:
    """What came in. `refused` and `busy` recipients get 550 and 451; `hangs_up` names when the line is cut, once.

    `hold`, when set, keeps the answer to DATA back until it is released; `asked` says that a message is there.
    """

    port: int = 0
    received: list[Message] = field(default_factory=list)
    greeted: int = 0
    refused: set[str] = field(default_factory=set)
    busy: set[str] = field(default_factory=set)
    hangs_up: str = ""
    hold: threading.Event | None = None
    asked: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, email: str) -> list[Message]:
        return [message for message in self.received if message["To"] == email]


class Line(socketserver.StreamRequestHandler):
    """One connection. Each answer is a line; `None` from a step cuts the connection."""

    post: Post

    def say(self, words: str) -> None:
        self.wfile.write(f"{words}\r\n".encode())

    def cut(self, when: str) -> bool:
        with self.post.lock:
            is_now = self.post.hangs_up == when
            if is_now:
                self.post.hangs_up = ""
        return is_now

    def handle(self) -> None:
        self.post.greeted += 1
        if self.cut("greeting"):
            return
        self.say("220 here")
        while line := self.rfile.readline():
            verb = line.split(b":")[0].split()[0].upper() if line.strip() else b""
            if verb == b"QUIT":
                self.say("221 bye")
                return
            if verb == b"RCPT":
                self.say(self.judged(line.decode()))
            elif verb == b"DATA":
                if not self.data():
                    return
            else:
                self.say("250 well")

    def judged(self, line: str) -> str:
        email = line.partition("<")[2].partition(">")[0]
        return "550 nobody" if email in self.post.refused else "451 later" if email in self.post.busy else "250 well"

    def data(self) -> bool:
        self.say("354 go on")
        body = b""
        while (line := self.rfile.readline()) and line != b".\r\n":
            body += line
        if self.cut("before taking"):
            return False
        self.post.received.append(message_from_bytes(body))
        self.post.asked.set()
        if self.post.hold is not None:
            self.post.hold.wait(30)
        if self.cut("after taking"):
            return False
        self.say("250 taken")
        return True


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True


@contextmanager
def listening() -> Iterator[Post]:
    """The product sends to it within the block."""
    post = Post()
    line = type("BoundLine", (Line,), {"post": post})
    with _Server(("127.0.0.1", 0), line) as server:
        post.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            with override_settings(
                EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend",
                EMAIL_HOST="127.0.0.1",
                EMAIL_PORT=post.port,
            ):
                yield post
        finally:
            server.shutdown()
            thread.join()
