"""INBOX in a backup: copied without consuming anything of it, and published again by a restore."""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import nats.js.errors
from nats.js import JetStreamContext

from deploy.access import Access
from deploy.datadir import DataDirectory
from deploy.natsd import NatsServer, connect, declare
from services.seal import Secrets
from services.subjects import INBOX

INBOX_FILE = "inbox.jsonl"


class Held(msgspec.Struct, frozen=True):
    """One message that INBOX held: its body is sealed with the master key, base64."""

    subject: str
    headers: dict[str, str]
    body: str


async def copy_inbox(data: DataDirectory, nats: str | None, file: Path, secrets: Secrets) -> int:
    """Write down what INBOX holds, without consuming any of it; how many messages."""
    count = 0
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as lines:
        async with _jetstream(data, nats) as js:
            if js is not None:
                async for held in _held(js, secrets):
                    lines.write(msgspec.json.encode(held) + b"\n")
                    count += 1
        lines.flush()
        os.fsync(lines.fileno())
    return count


@asynccontextmanager
async def _jetstream(data: DataDirectory, nats: str | None) -> AsyncIterator[JetStreamContext | None]:
    """The directory's JetStream; where nothing runs, its server is started for a moment. None: it has none."""
    running = data.running()
    url = nats or (running.nats if running else None)
    if url is not None:
        async with _connected(url) as js:
            yield js
        return
    data.lock()  # Nobody may start here while we read the server's files.
    try:
        if not (data / "nats" / "store").exists():
            yield None
            return
        server = NatsServer(data / "nats", 0, Access(data / "nats"))
        server.start()
        try:
            async with _connected(server.url) as js:
                yield js
        finally:
            server.stop()
    finally:
        data.unlock()


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[JetStreamContext]:
    connection = await connect(url)
    try:
        yield connection.jetstream()
    finally:
        await connection.close()


async def _held(js: JetStreamContext, secrets: Secrets) -> AsyncIterator[Held]:
    try:
        state = (await js.stream_info(INBOX)).state
    except nats.js.errors.NotFoundError:
        return
    following = state.first_seq
    while following <= state.last_seq:
        try:
            message = await js.get_msg(INBOX, seq=following, subject="inbox.>", next=True)
        except nats.js.errors.NotFoundError:
            return  # Everything further on was taken meanwhile.
        assert message.seq is not None
        following = message.seq + 1
        body = b64encode(secrets.seal_local(message.data or b"")).decode()
        yield Held(message.subject or "", dict(message.headers or {}), body)


async def put_inbox(file: Path, stage: DataDirectory, nats: str | None, ward: str, secrets: Secrets) -> None:
    """Publish again what INBOX held: what was taken meanwhile counts once."""
    server = None
    if nats is None:
        server = NatsServer(stage / "nats", 0, Access(stage / "nats"))
        server.start()
        nats = server.url
    try:
        await declare(nats, ward)
        connection = await connect(nats)
        try:
            js = connection.jetstream(timeout=30)
            with file.open("rb") as lines:
                for line in lines:
                    held = msgspec.json.decode(line, type=Held)
                    body = secrets.open_local(b64decode(held.body))
                    await js.publish(held.subject, body, stream=INBOX, headers=held.headers or None)
        finally:
            await connection.close()
    finally:
        if server is not None:
            server.stop()
