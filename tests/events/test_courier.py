"""What an outbox holds arrives, whatever happens to the way: over a real NATS into real services, and over HTTP.

The door is another program's; here a small server answers as it may, and what is looked at is the kit.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import nats
import pytest

from deploy.natsd import NatsServer, declare_now
from events.courier import TOGETHER, Courier, Transport, Unreachable, batches
from events.ending import ended
from events.japanese import in_japanese
from events.kit import main
from events.messages import Receipt
from events.outbox import Busy, Letter, Outbox
from events.over_http import NO_DOOR, OverHttp
from events.over_nats import WHOSE, OverNats
from tests.events.test_outbox import call, closing
from tests.running import eventually, running, up

WARD, PROVIDER = "setagaya", "contractor"

Answer = tuple[int, Any]
"""An HTTP status, and the body that goes with it."""


@pytest.fixture(scope="module")
def yoake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A Yoake that runs: its data directory, and where its NATS is."""
    data = tmp_path_factory.mktemp("kit") / "data"
    with up(data):
        found = running(data)
        assert found is not None
        yield data, found["nats"]


@pytest.fixture
def outbox(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Outbox]:
    """An outbox whose source is this test's own."""
    with Outbox(tmp_path / "outbox.db", source=f"/test/{request.node.name}") as box:
        yield box


def ours(prefix: str, n: int) -> dict[str, Any]:
    """A call about a case of this test's own."""
    told = {"matters": [{"case": f"{prefix}-{n}", "district": "kitazawa"}]}
    return call(f"{prefix}-{n}", time="2023-06-01T10:00:00+09:00", synthetic=True, data=told)


async def sent(outbox: Outbox, transport: Transport, *, within: float = 30, quiet: float = 5.0) -> list[str]:
    """Send until everything has a receipt; what was said about troubles on the way."""
    troubles: list[str] = []
    await asyncio.wait_for(Courier(outbox, transport, on_trouble=troubles.append, quiet=quiet).run(), within)
    return troubles


async def test_everything_gets_its_receipt_over_nats(yoake: tuple[Path, str], outbox: Outbox) -> None:
    """Sent in order and together; a second sending of all of it adds nothing."""
    outbox.put_all([ours("all", n) for n in range(250)])

    assert await sent(outbox, OverNats(yoake[1], WARD, PROVIDER)) == []
    assert outbox.counts() == {"accepted": 250}
    (source,) = outbox.sources()
    outbox.send_again(source, range(1, 251))
    await sent(outbox, OverNats(yoake[1], WARD, PROVIDER))
    assert outbox.counts().keys() <= {"known", "accepted"}  # A receipt of the first sending may come once more.
    assert sum(outbox.counts().values()) == 250


async def test_each_message_gets_its_own_answer(yoake: tuple[Path, str], outbox: Outbox) -> None:
    """One that waits, one in conflict with the one before it, one too large to be read; the rest is accepted."""
    outbox.put_all([ours("own", 1), ours("own", 1) | {"data": {}}, ours("own", 2)])
    outbox.put({"type": "case.close", "id": "own-c", "time": "2023-06-01T11:00:00+09:00", "data": {"case": "own-3"}})
    outbox.put(call("own-large", data={"personal": {"words": "x" * 300_000}}))
    await sent(outbox, OverNats(yoake[1], WARD, PROVIDER))

    assert outbox.counts() == {"accepted": 2, "conflict": 1, "parked": 1, "waiting": 1}
    assert [(entry.sequence, entry.status) for entry in outbox.parked] == [(2, "conflict"), (5, "parked")]
    assert "too large" in str(outbox.parked[1].reason)

    outbox.put(ours("own", 3))  # The case that was waited for.
    await sent(outbox, OverNats(yoake[1], WARD, PROVIDER))
    assert outbox.waiting == []


async def test_receipts_of_the_time_offline_come_from_the_durable(yoake: tuple[Path, str], outbox: Outbox) -> None:
    """What went on while nobody listened is known without asking; each receipt is acknowledged there."""
    outbox.put({"type": "case.close", "id": "off", "time": "2023-06-01T11:00:00+09:00", "data": {"case": "off-1"}})
    connection = await nats.connect(yoake[1])
    js = connection.jetstream()
    try:
        await sent(outbox, OverNats(yoake[1], WARD, PROVIDER))
        assert len(outbox.waiting) == 1
        subject = f"inbox.{WARD}.{PROVIDER}.intake.call-report"
        other = ours("off", 1) | {"specversion": "1.0", "source": outbox.waiting[0].source}
        await js.publish(subject, json.dumps(other).encode())
        transport = OverNats(yoake[1], WARD, PROVIDER)
        await transport.open(_settle(outbox))
        await eventually(
            lambda: not outbox.waiting, 90
        )  # It may have gone to the connection that just closed: then again.
        await transport.close()
    finally:
        await connection.close()

    assert outbox.counts() == {"accepted": 1}


async def test_a_task_that_did_not_hear_of_its_end_is_told_again() -> None:
    """`asyncio.wait_for` may swallow a cancellation; a connection is closed all the same, and at once."""
    swallowed: list[BaseException] = []

    async def follow() -> None:
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError as cancelled:
                swallowed.append(cancelled)
                if len(swallowed) > 1:
                    raise

    task = asyncio.create_task(follow())
    await asyncio.sleep(0)
    await asyncio.wait_for(ended([task]), 10)

    assert task.cancelled()


def _settle(outbox: Outbox) -> Any:
    async def heard(answers: Any) -> None:
        outbox.settle(answers)

    return heard


async def test_it_waits_for_a_server_that_is_not_there_yet(outbox: Outbox, tmp_path: Path) -> None:
    """A week or a second: nothing is given up, and a server without services keeps it pending here."""
    outbox.put(ours("later", 1))
    server = NatsServer(tmp_path / "nats", 0)
    server.start()
    server.stop()
    troubles: list[str] = []
    courier = Courier(outbox, OverNats(server.url, WARD, PROVIDER), on_trouble=troubles.append, quiet=0.3)
    sending = asyncio.create_task(courier.run(stay=True))
    try:
        await eventually(lambda: troubles)
        assert troubles[0].startswith(f"nobody answers at {server.url}")
        await asyncio.to_thread(server.start)
        await asyncio.to_thread(declare_now, server.url, WARD)
        connection = await nats.connect(server.url)
        js = connection.jetstream()
        subscription = await js.pull_subscribe_bind(consumer="intake", stream="INBOX")
        (first,) = await subscription.fetch(timeout=20)
        await first.ack()
        (again,) = await subscription.fetch(timeout=20)  # It has no receipt, so it is sent again.
        assert first.data == again.data
        assert len(outbox.pending()) == 1
        await connection.close()
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        server.stop()


async def test_a_connection_that_is_reset_while_signing_on_may_be_a_refusal() -> None:
    """The server closes as it refuses, and its reason may be lost on the way; nobody listening is something else."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'INFO {"auth_required": true, "max_payload": 1048576}\r\n')
        await reader.readline()
        connection = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # Closing resets.
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        with pytest.raises(Unreachable, match=r"broke off while we signed on \(.*password or credentials may be wrong"):
            await OverNats(f"nats://night-1:wrong@127.0.0.1:{port}", WARD, PROVIDER).open(_nothing)
    with pytest.raises(Unreachable, match=f"^nobody answers at nats://127.0.0.1:{port} "):
        await OverNats(f"nats://night-1:wrong@127.0.0.1:{port}", WARD, PROVIDER).open(_nothing)


async def _nothing(answers: Any) -> None:
    """No receipt is waited for."""


async def test_what_another_process_puts_is_sent_at_once_by_one_that_stays(
    yoake: tuple[Path, str], outbox: Outbox, tmp_path: Path
) -> None:
    """One process sends, others put; and a second sender says that there is one already."""
    way = OverNats(yoake[1], WARD, PROVIDER)
    sending = asyncio.create_task(Courier(outbox, way).run(stay=True))
    with Outbox(tmp_path / "outbox.db", source="/test/put-by-another") as other:
        other.put(ours("stay", 1))
        await eventually(lambda: outbox.counts() == {"accepted": 1})
        with pytest.raises(Busy):
            await Courier(other, way).run()
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)


def test_put_send_and_pending_at_the_command_line(
    yoake: tuple[Path, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line that does not fit is told with its place; a parked one is listed; exit statuses say who must act."""
    file, box = tmp_path / "calls.jsonl", ["--outbox", str(tmp_path / "box.db"), "--lang", "en"]
    key = ["--key", str(yoake[0] / "keys" / "inbox.pub.jwk"), "--source", "/test/line"]
    bad = closing(1) | {"id": "cli-2", "data": {"case": 7}}
    early = closing(1) | {"id": "cli-3", "time": "1999-01-01T00:00:00+09:00"}
    file.write_text("\n".join(json.dumps(message) for message in (ours("cli", 1), bad, early)))
    to = ["send", "--nats", yoake[1], "--ward", WARD, "--provider", PROVIDER]

    assert main([*box, *key, "put", str(file)]) == 1
    told = capsys.readouterr()
    assert f"{file}:2: data: Expected `str | null`, got `int`" in told.err
    assert "2 kept. 1 left out. Not sent yet: 2" in told.out
    assert main([*box, *to]) == 1
    assert "reference number R5-" in capsys.readouterr().out
    assert main([*box, "pending"]) == 1
    assert "/test/line 2 cli-3 case.close: parked" in capsys.readouterr().out
    assert main(["--outbox", str(tmp_path / "box.db"), "pending"]) == 1
    assert "要確認データ 1件" in capsys.readouterr().out
    assert main([*box, "pending", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["counts"] == {"accepted": 1, "parked": 1}


ENGLISH = re.compile(r"\b[A-Za-z]+ [a-z]+ [a-z]+\b")
"""Three words of a sentence."""


@pytest.mark.parametrize(
    "fault",
    [
        "type: unknown; accepted: call.report, call.add",
        "id: missing; accepted: 1 to 200 printable characters; time: no time; accepted: "
        "a time with its offset, such as 2025-04-01T02:10:00+09:00",
        "data: Expected `str`, got `int` - at `$.case`; accepted: see case.close in events/README.md",
        "data.mattres: not a field of this message; accepted: matters, channel",
        "data.matters[0]: a field that is none of this message's; accepted: case, number",
        "message: cannot be written as JSON (TypeError); accepted: texts, numbers, lists, times",
        "message: nests too deeply; accepted: up to 20 levels",
        "message: 2000000 bytes; accepted: up to 1000000",
        "not JSON: x; accepted: one CloudEvent a line, see events/README.md",
        f"https://yoake.example answers 403 without problem details: {NO_DOOR}; "
        "look at the token: the ward's operator makes it",
        f"nats://yoake.example does not take messages (permissions violation); {WHOSE}",
        "nats://yoake.example broke off while we signed on (EOF): user, password or credentials may be wrong, "
        "or the server is just ending",
        "the inbox is full: the ward's services do not keep up, or do not run",
        "o.db was written by a later release (format 9): use that one, or another file",
        "o.db: another process sends from it now, and one is enough",
        "/s has come to 9 here, beyond 3: leave it as it is",
        "night: 2025-04-02 has not begun yet; accepted: the day on which a night began, up to 2025-04-01",
        "calls: 10000 is no count of a night's calls; accepted: a whole number from 0 to 9999",
    ],
)
def test_a_fault_is_told_in_japanese_whole(fault: str) -> None:
    """No sentence of ours is left in English beside a Japanese one."""
    assert not ENGLISH.search(in_japanese(fault))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (["put", "nowhere.jsonl"], "nowhere.jsonl: No such file"),
        (["send"], "give --http URL, or --nats URL with --ward and --provider"),
        (["send", "--http", "yoake.example"], "yoake.example: not an address"),
        (["prove", "nowhere.json"], "nowhere.json: no manifest"),
        (["--key", "nowhere.jwk", "pending"], "nowhere.jwk: no key"),
        (["--outbox", "nowhere/outbox.db", "begin-after", "/s", "1"], "No such file or directory; give a file that"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    line: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With status 2; no traceback; in Japanese no English sentence is left."""
    monkeypatch.chdir(tmp_path)

    assert main(["--lang", "en", *line]) == 2
    assert told in capsys.readouterr().err
    assert main(line) == 2
    assert not ENGLISH.search(capsys.readouterr().err)


def receipts(body: bytes, status: str = "accepted") -> Any:
    """What a door that accepts everything would answer."""
    read = msgspec.json.decode(body)
    told = [
        Receipt(provider="p", source=m["source"], id=m["id"], status=status, service="intake", at=datetime.now(UTC))
        for m in (read if isinstance(read, list) else [read])
    ]
    return {"receipts": told}


@contextmanager
def door(answer: Callable[[bytes, int], Answer | None]) -> Iterator[tuple[str, list[bytes]]]:
    """A server that answers the nth request so; None hangs up. Gives its address, and what it was sent."""
    heard: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.append(body)
            said = answer(body, len(heard))
            if said is None:
                self.close_connection = True
                return
            content = msgspec.json.encode(said[1])
            self.send_response(said[0])
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Nothing is printed."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", heard
        server.shutdown()


async def test_over_http_the_answer_is_the_receipt(outbox: Outbox) -> None:
    """Together, in order, in one request."""
    outbox.put_all([call(n) for n in range(3)])
    with door(lambda body, n: (201, receipts(body))) as (url, heard):
        assert await sent(outbox, OverHttp(url, "a token")) == []

    assert outbox.counts() == {"accepted": 3}
    assert [[m["id"] for m in msgspec.json.decode(body)] for body in heard] == [["0", "1", "2"]]


@pytest.mark.parametrize(
    ("first", "told"),
    [
        ((503, {"title": "no room"}), "answers 503 no room; everything is kept and sent later"),
        ((401, {"title": "who are you"}), "answers 401 who are you; look at the token"),
        ((404, "none"), "look at the address: /v1/messages"),
        ((202, {"queued": [{"source": "/s", "id": "1"}]}), ""),
        ((201, "not receipts"), "answers 201 without receipts: this does not look like a Yoake door"),
        ((403, "a page"), "check the address (URL); look at the token"),
        ((502, "a page"), "answers 502 (no problem details); everything is kept and sent later"),
    ],
)
async def test_over_http_what_is_not_taken_now_is_sent_again(outbox: Outbox, first: Answer, told: str) -> None:
    """Until the receipt is here; the reason is told, with what to look at."""
    outbox.put(call(1))
    with door(lambda body, n: first if n == 1 else (201, receipts(body))) as (url, heard):
        troubles = await sent(outbox, OverHttp(url), quiet=0.2)

    assert outbox.counts() == {"accepted": 1}
    assert heard[0] == heard[1]
    assert [told in trouble for trouble in troubles] == ([True] if told else [])


async def test_over_http_a_connection_that_was_closed_is_opened_again(outbox: Outbox) -> None:
    """A door may hang up between two requests, and in the middle of one."""
    outbox.put_all([call(n) for n in range(TOGETHER + 1)])
    with door(lambda body, n: None if n == 2 else (201, receipts(body))) as (url, heard):
        assert await sent(outbox, OverHttp(url)) == []

    assert (outbox.counts(), len(heard)) == ({"accepted": TOGETHER + 1}, 3)


async def test_over_http_one_that_is_not_read_does_not_hold_up_the_others(outbox: Outbox) -> None:
    """Its reason is kept with it; sending anew tries it anew, and mended it goes under its own number."""
    outbox.put_all([call(n) for n in range(3)])

    def strict(body: bytes, n: int) -> Answer:
        return (400, {"title": "bad", "detail": "id 1"}) if b'"id":"1"' in body else (201, receipts(body))

    with door(strict) as (url, heard):
        troubles = await sent(outbox, OverHttp(url))
        assert [(e.sequence, e.reason) for e in outbox.parked] == [(2, "400 bad: id 1")]
        assert troubles == [f"{outbox.parked[0].source} 1: 400 bad: id 1"]
        assert len(heard) == 4
    with door(lambda body, n: (201, receipts(body))) as (url, heard):
        await sent(outbox, OverHttp(url))
    assert outbox.counts() == {"accepted": 3}


async def test_over_http_what_is_not_read_is_told_by_its_place(outbox: Outbox) -> None:
    """The others of the batch were taken, and their receipts are in the same answer."""
    outbox.put_all([call(n) for n in range(3)])

    def partly(body: bytes, _: int) -> Answer:
        told = receipts(body)["receipts"]
        fault = {"n": 2, "field": "id", "fault": "odd", "accepted": "a text"}
        return 400, {"title": "bad", "receipts": [told[0], told[2]], "unread": [fault]}

    with door(partly) as (url, heard):
        await sent(outbox, OverHttp(url))

    assert (outbox.counts(), len(heard)) == ({"accepted": 2, "problem": 1}, 1)
    assert [(entry.sequence, entry.reason) for entry in outbox.parked] == [(2, "id: odd; accepted: a text")]


async def test_over_http_what_waits_is_asked_about(outbox: Outbox) -> None:
    """There is nobody to tell it otherwise."""
    outbox.put(call(1))
    with door(lambda body, n: (201, receipts(body, "waiting" if n == 1 else "accepted"))) as (url, _):
        await sent(outbox, OverHttp(url))

    assert outbox.counts() == {"accepted": 1}


def letter(n: int, type_: str = "call.report", *, name: str = "", size: int = 10) -> Letter:
    return Letter(n=n, edition=1, source="/s", id=name or str(n), sequence=n, type=type_, body=b"x" * size)


@pytest.mark.parametrize(
    ("letters", "expected"),
    [
        ([letter(1), letter(2)], [[1, 2]]),
        ([letter(1), letter(2, "placement.arrange"), letter(3)], [[1], [2], [3]]),
        ([letter(1), letter(2, name="1"), letter(3)], [[1], [2, 3]]),
        ([letter(1), letter(2, size=200_000), letter(3)], [[1], [2], [3]]),
        ([letter(n, size=120_000) for n in range(1, 7)], [[1, 2, 3, 4], [5, 6]]),
        ([letter(n) for n in range(1, TOGETHER + 2)], [list(range(1, TOGETHER + 1)), [TOGETHER + 1]]),
    ],
)
def test_what_travels_together(letters: list[Letter], expected: list[list[int]]) -> None:
    """In order, to one service, no name twice, none so large that it could not be told apart if it is not read."""
    assert [[one.n for one in batch] for batch in batches(letters)] == expected
