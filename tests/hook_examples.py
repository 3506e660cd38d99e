"""A receiver of webhooks on loopback: a real HTTP server that says what a test wants, and keeps what it was sent."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec

Says = Callable[["Received"], tuple[int, dict[str, str]]]


class Received(msgspec.Struct):
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def what(self) -> tuple[str, str]:
        """The reference of the hand-over, and what happened to it."""
        return self.event["data"].get("ref", ""), self.event["type"]


class Receiver:
    """What it was sent, and what it says to it."""

    def __init__(self) -> None:
        self.got: list[Received] = []
        self.taken: list[Received] = []
        self.says: Says = lambda _: (204, {})
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}/hook"

    def answer(self, received: Received) -> tuple[int, dict[str, str]]:
        self.got.append(received)
        status, headers = self.says(received)
        if 200 <= status < 300:
            self.taken.append(received)
        return status, headers


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver, as long as the block lasts."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, more = receiver.answer(Received(self.path, headers, body))
            self.send_response(status)
            for name, value in more.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
