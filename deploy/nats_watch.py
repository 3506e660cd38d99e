"""Watches the NATS server of the embedded runner, and mends what it does not mend by itself.

Seen on nats-server 2.15: after a full disk its streams refuse every write until it is started
again, though there is room; it goes on with a stream whose files were deleted, on files that
nobody can find; and nothing tells but its own health and a look at the directory.
"""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Sequence

import nats.errors
import nats.js.errors

from deploy.natsd import NatsError, NatsServer, connect, declare
from deploy.restarts import Restarts
from services.credentials import CredentialsError
from services.streams import streams
from services.subjects import INBOX

LOOK = 2.0
"""Seconds between looks at the server's health."""

HUNG = 30.0
"""Seconds without an answer after which the server is killed and started again."""

ROOM = 4 * 1024 * 1024
"""Bytes that must be free before a server that could not write is started again."""

ERRAND = 3.0

log = logging.getLogger("yoake.runner")


class NatsWatch:
    """Call `look` often; `troubles` names what is wrong now, by what it is wrong with."""

    def __init__(
        self, server: NatsServer, ward: str, providers: Sequence[str] = (), subscribers: Sequence[str] = ()
    ) -> None:
        self._server, self._ward, self._providers, self._subscribers = server, ward, providers, subscribers
        self._restarts = Restarts()
        self._restarts.started()
        self._looked = 0.0
        self._silent_since: float | None = None
        self._down = False
        self.troubles: dict[str, str] = {}

    def look(self) -> None:
        """See to the server, at most every `LOOK` seconds while it lives; to its users each time."""
        try:
            self._server.renew()
        except (CredentialsError, OSError) as error:  # Who may send now may go on.
            self.troubles["credentials"] = str(error)
        if not self._server.alive():
            self._start()
        elif time.monotonic() - self._looked > LOOK:
            self._looked = time.monotonic()
            self._see_to(self._health())

    def _see_to(self, health: str | None) -> None:
        if health is None:
            self._silent()
            return
        self._silent_since = None
        if "write error" in health or "not enabled" in health:
            self._cannot_write(health)
            return
        try:
            self.troubles = asyncio.run(_streams(self._server, self._ward, self._providers, self._subscribers))
        except (NatsError, OSError, nats.errors.Error, nats.js.errors.Error) as error:
            self.troubles = {"nats": f"the streams cannot be looked at: {error or type(error).__name__}"}
        if health:  # Something that starting it again would not mend.
            self.troubles["nats"] = f"nats-server is not well: {health}"

    def _start(self) -> None:
        if not self._down:
            log.warning("nats-server ended; it is started again")
            self._ended(killed=self._server.killed)
        if not self._restarts.due():
            return
        self._restarts.started()
        try:
            self._server.start()
            self._down, self.troubles = False, {}
        except (NatsError, CredentialsError, OSError) as error:
            log.warning("nats-server does not start: %s", error)
            self._server.kill()
            self._ended()
            self.troubles = {"nats": f"nats-server does not start: {error}"}

    def _ended(self, *, killed: bool = False) -> None:
        self._down, self._silent_since = True, None
        self._restarts.ended(killed=killed)
        self.troubles = {"nats": "nats-server ended; it is started again"}

    def _silent(self) -> None:
        now = time.monotonic()
        self._silent_since = self._silent_since or now
        silent = now - self._silent_since
        self.troubles = {"nats": f"nats-server has not answered for {silent // 10 * 10:.0f} s"}
        if silent > HUNG:
            log.warning("nats-server has not answered for %.0f s; it is killed", silent)
            self._server.kill()
            self._ended()

    def _cannot_write(self, health: str) -> None:
        free = shutil.disk_usage(self._server.directory).free
        if free < ROOM:
            self.troubles = {"nats": f"no message is taken: {health}; {free // 1024} KiB are free: make room"}
            return
        log.warning("nats-server cannot write (%s), and there is room; it is started again", health)
        self._server.stop()
        self._ended()

    def _health(self) -> str | None:
        """What the server says is wrong with it, nothing if it is well; None if it does not answer."""
        try:
            with urllib.request.urlopen(f"{self._server.monitoring}/healthz", timeout=2):  # noqa: S310  (our own server)
                return ""
        except urllib.error.HTTPError as error:
            try:
                return str(json.load(error).get("error") or "it is not well")
            except ValueError:
                return "it is not well"
        except OSError:
            return None


async def _streams(
    server: NatsServer, ward: str, providers: Sequence[str], subscribers: Sequence[str]
) -> dict[str, str]:
    """Make again what is missing; says what must wait."""
    troubles = {}
    lost = [str(s.name) for s in streams() if s.name and not (server.stream_files(s.name) / "meta.inf").exists()]
    async with asyncio.timeout(4 * ERRAND):  # The runner has others to look after.
        if lost:
            troubles = await _remove(server.url, lost)
        for done in await declare(server.url, ward, ERRAND, providers, subscribers):
            log.warning("%s", done)
    return troubles


async def _remove(url: str, lost: list[str]) -> dict[str, str]:
    """Take away streams whose files are gone. INBOX not before it is empty: nothing else holds what is in it."""
    troubles = {}
    connection = await connect(url)
    try:
        js = connection.jetstream(timeout=ERRAND)
        for name in lost:
            try:
                messages = (await js.stream_info(name)).state.messages
            except nats.js.errors.NotFoundError:
                continue
            if name == INBOX and messages:
                troubles[name] = f"its files are gone; it is made anew when its {messages} messages are taken"
                continue
            log.warning("the files of %s are gone; it is made anew", name)
            await js.delete_stream(name)
    finally:
        await connection.close()
    return troubles
