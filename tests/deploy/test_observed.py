"""A whole Yoake says how it is, what it says when something is broken, and that it says nothing of anybody."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import nats
import pytest

from services import logs
from tests.running import call, message, pid_of, running, settled, until, up, write_lines, yoake

MARKER = "架空マーカー太郎"
SPACED = "Kakuu Marker Taro"
"""Synthetic names; an id without a space in ASCII may be shown, as in events."""

FIELDS = {"time", "level", "service", "logger", "text", *logs.FIELDS, "failed"}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def answers(data: Path, path: str) -> dict[str, str]:
    """What each service answers at a path."""
    found = running(data)
    assert found is not None
    return {service: _get(f"{address}{path}") for service, address in found["health"].items()}


def _get(address: str) -> str:
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310  (loopback, our own)
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:
        with error:
            return error.read().decode()


def said(data: Path) -> set[tuple[str, str]]:
    """(service, code) of everything that status calls degraded."""
    status = yoake("status", "--json", "--data", data)
    assert status.returncode == 0, status.stderr
    return {(one["service"], one["code"]) for one in status.json["degraded"] if one["code"] != "disk-low"}


def everything_odd() -> list[bytes]:
    """Messages with the marker in personal fields, ids, sources, references, bad fields and broken JSON."""
    texts: list[dict[str, Any]] = [
        call(1, personal={"name": MARKER, "note": SPACED}),
        call(2, case=MARKER, district=MARKER),
        {**call(3), "id": MARKER, "source": f"/{SPACED}"},
        {**call(3), "id": MARKER, "source": f"/{SPACED}", "data": {"matters": [{"personal": {"name": SPACED}}]}},
        {**call(4), "time": MARKER, "entered": SPACED},
        {**call(5), "data": {"matters": MARKER}},
        {**call(6), MARKER: MARKER, "data": {MARKER: SPACED, "matters": [{MARKER: MARKER, "case": SPACED}]}},
        {**call(7), "type": MARKER},
        {**call(8), "specversion": MARKER},
        message(f"stay {MARKER}", "placement.arrange", "2023-06-01T11:00:00+09:00", {"case": MARKER, "kind": MARKER}),
        message("reg-1", "registration.report", MARKER, {"person": MARKER, "personal": MARKER, "birth": SPACED}),
    ]
    whole = [json.dumps(text, ensure_ascii=False).encode() for text in texts]
    broken = [whole[0][:-9], MARKER.encode(), whole[0].replace(b"1.0", b"\xff"), f'["{MARKER}", 1]'.encode()]
    return [*whole, *broken, MARKER.encode("cp932"), f'{{"id": "{MARKER}\\ud800", "source": NaN}}'.encode()]


async def _publish(url: str, texts: list[bytes]) -> None:
    connection = await nats.connect(url)
    js = connection.jetstream()
    for text in texts:
        for service in ("intake", "placement", "handover"):
            await js.publish(f"inbox.setagaya.contractor.{service}.odd", text, stream="INBOX")
    await connection.close()


async def _subjects(url: str) -> str:
    connection = await nats.connect(url)
    js = connection.jetstream()
    infos = [await js.stream_info(name, subjects_filter=">") for name in ("INBOX", "EVENTS", "RECEIPTS")]
    await connection.close()
    return " ".join(subject for info in infos for subject in info.state.subjects or {})


def test_nothing_that_anybody_said_is_in_a_log_a_metric_a_subject_or_a_reason(data: Path) -> None:
    """Everything odd that we could think of goes through, with faults on the way; a marker name stays inside."""
    with up(data, YOAKE_LOG="debug"):
        found = running(data)
        assert found is not None
        asyncio.run(_publish(found["nats"], everything_odd()))
        until(lambda: settled(data))
        other = sqlite3.connect(data / "intake.db", isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")  # Long enough for what is under way to fail, and be logged.
        asyncio.run(_publish(found["nats"], everything_odd()))
        until(lambda: "given back" in (data / "logs" / "intake.log").read_text())
        seen = [*answers(data, "readyz").values()]
        other.execute("ROLLBACK")
        other.close()
        until(lambda: settled(data))
        seen += [text for path in ("readyz", "healthz", "metrics") for text in answers(data, path).values()]
        seen.append(asyncio.run(_subjects(found["nats"])))
    written = {file.name: file.read_text() for file in (data / "logs").glob("*.log*")}
    escaped = json.dumps(MARKER)[1:-1]
    for text in [*written.values(), *seen]:
        assert not any(word in text for word in (MARKER, SPACED, escaped, "マーカー", "Marker"))
    lines = [json.loads(line) for text in written.values() for line in text.splitlines()]
    assert all({"time", "level", "service", "logger", "text"} <= set(line) <= FIELDS for line in lines)
    assert any(line.get("id", "").startswith("h-") and line["provider"] == "contractor" for line in lines)
    assert any(line["text"] == "accepted" and line["case"] for line in lines)
    assert any("sqlalchemy.exc.OperationalError" in "".join(line.get("failed", [])) for line in lines)
    assert "database-locked" in "".join(seen)


def test_status_says_what_is_paused_locked_and_gone_and_then_nothing(data: Path) -> None:
    """A paused service, a locked database, and NATS held still: status answers each time, in both languages."""
    with up(data):
        until(lambda: not said(data))
        pid = pid_of(data, "placement")
        os.kill(pid, signal.SIGSTOP)
        assert ("placement", "not-answering") in said(data)
        assert "受入調整：応答がありません。" in yoake("status", "--data", data).stdout
        assert "placement: it runs and does not answer." in yoake("status", "--data", data, "--lang", "en").stdout
        os.kill(pid, signal.SIGCONT)

        server = int((data / "nats" / "nats.pid").read_text())
        os.kill(server, signal.SIGSTOP)
        assert {code for _, code in said(data)} & {"nats-gone", "jetstream-silent"}
        os.kill(server, signal.SIGCONT)
        until(lambda: not said(data))


def test_a_clock_behind_the_last_record_is_a_notice(data: Path, tmp_path: Path) -> None:
    """The last record bears a time of a year ahead, as after a clock that was ahead: said, and still ready."""
    (ahead := tmp_path / "ahead").write_text(str(365 * 86_400))
    with up(data, YOAKE_TEST_CLOCK=str(ahead)):
        fed = write_lines(tmp_path / "one.jsonl", [call(1)])
        assert yoake("feed", fed, "--as", "contractor", "--data", data).returncode == 0
        until(lambda: settled(data))
    assert ("intake", "clock-back") in said(data)
    with up(data):
        until(lambda: json.loads(answers(data, "readyz")["intake"])["ready"])
        told = json.loads(answers(data, "readyz")["intake"])["degraded"]
        assert [one["code"] for one in told] == ["clock-back"]
        assert ("intake", "clock-back") in said(data)


def test_a_service_that_stopped_by_itself_is_named_with_its_reason(data: Path, tmp_path: Path) -> None:
    """Intake's journal is set back to nothing: it is refused, and status repeats why."""
    with up(data):
        fed = write_lines(tmp_path / "one.jsonl", [call(1)])
        assert yoake("feed", fed, "--as", "contractor", "--data", data).returncode == 0
        until(lambda: settled(data))
    for file in data.glob("intake.db*"):
        file.unlink()
    with up(data):
        until(lambda: ("intake", "halted") in said(data))
        assert "restored from an older copy" in yoake("status", "--data", data, "--lang", "en").stdout
