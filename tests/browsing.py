"""Pages in a real browser: where it is, and a web server for it in this process."""

from __future__ import annotations

import shutil
import socket
import threading

import uvicorn
from starlette.applications import Starlette

CHROMIUM = shutil.which("chromium")
FLAGS_OF_CHROMIUM = ["--no-sandbox", "--disable-gpu"]
"""The tests may run as root, and where there is no screen."""


class served:  # noqa: N801  (read as a verb: with _served(app) as address)
    """A web server in a thread, on a free port."""

    def __init__(self, app: Starlette) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],))

    def __enter__(self) -> str:
        self._thread.start()
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=10)
        self._socket.close()
