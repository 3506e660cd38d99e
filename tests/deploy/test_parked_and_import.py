"""The desk for parked messages and the import of sheets, on a Yoake that runs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from deploy.cli import app
from events.adapter import Adapter
from tests.running import Finished, call, message, running, settled, until, up, write_lines

NIGHT_43 = {
    "specversion": "1.0",
    "id": "43",
    "source": "/test/raw",
    "type": "call.report",
    "time": "2023-11-15T01:30:00+09:00",
    "synthetic": True,
    "data": {"matters": [{"case": "C-43", "district": "北沢", "personal": {"name": "架空 髙子"}}]},
}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A running Yoake with nothing in it."""
    data = tmp_path_factory.mktemp("up") / "data"
    with up(data):
        yield data


def raw(data: Path, body: bytes) -> None:
    """A sender that does not use the kit."""
    found = running(data)
    assert found is not None

    async def send() -> None:
        async with Adapter(found["nats"], "setagaya", "contractor") as adapter:
            await adapter.send([body], lambda _, __: None)

    asyncio.run(send())


def feed(data: Path, tmp_path: Path, *messages: dict[str, Any]) -> None:
    run("feed", write_lines(tmp_path / "fed.jsonl", list(messages)), "--as", "contractor", "--data", data)


def run(*arguments: object) -> Finished:
    """A command in this process: starting another for each would take most of the time."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return Finished([], done.exit_code, done.stdout, done.stderr)


def parked(data: Path, *arguments: object) -> Finished:
    return run("parked", *arguments, "--data", data)


def listed(data: Path, *options: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = parked(data, "--json", *options).json
    return found


def test_what_is_cp932_is_shown_and_sent_again_in_utf_8(here: Path) -> None:
    """Story 2: the bytes were cp932, so that nothing could be read, not even the id; one option mends it."""
    raw(here, json.dumps(NIGHT_43, ensure_ascii=False).encode("cp932"))
    (row,) = listed(here)
    shown = parked(here, "show", row["number"], "--clear")
    mended = parked(here, "mend", row["number"], "--encoding", "cp932", "--json")

    assert (row["kind"], row["field"], row["state"]) == ("parked", "message", "open")
    assert "架空 髙子" in shown.stdout
    assert "cp932" in shown.stdout
    assert mended.returncode == 0, mended.stderr
    assert [receipt["status"] for receipt in mended.json["receipts"]] == ["accepted"]
    assert listed(here) == []
    assert listed(here, "--all")[-1]["because"] == "mended"


def test_a_list_says_number_field_reason_and_what_would_be_accepted(here: Path, tmp_path: Path) -> None:
    """And nothing personal; the exit status says that somebody is needed."""
    feed(here, tmp_path, call(1), message("close-1", "case.close", "2023-06-20T10:00:00+09:00", {"case": 7}))
    done = parked(here)
    (row,) = listed(here)

    assert done.returncode == 1
    assert {row["number"], "contractor", "close-1", "data.case"} <= set(done.stdout.replace("/test/desk ", " ").split())
    assert parked(here, "show", row["number"]).returncode == 0
    assert parked(here, "--lang", "en").stdout.count("Reason") == 1


def test_a_mended_copy_is_taken_under_the_same_id(here: Path, tmp_path: Path) -> None:
    """Another id, another message or no JSON is said before anything is sent."""
    (row,) = listed(here)
    right = message("close-1", "case.close", "2023-06-20T10:00:00+09:00", {"case": "C-1"})
    for wrong, says in (
        (right | {"id": "close-2"}, "another `source` or `id`"),
        (right | {"type": "case.shut"}, "type: unknown"),
    ):
        told = parked(here, "mend", row["number"], write_lines(tmp_path / "wrong.json", [wrong]))
        assert (told.returncode, says in told.stderr) == (2, True), told.stderr
    mended = parked(here, "mend", row["number"], write_lines(tmp_path / "right.json", [right]))

    assert mended.returncode == 0, mended.stderr
    assert listed(here) == []
    assert listed(here, "--all")[-1]["state"] == "mended"


def test_a_conflict_is_closed_with_a_reason(here: Path, tmp_path: Path) -> None:
    """It cannot be resent or mended under its id; the words of the reason are nowhere in clear."""
    feed(here, tmp_path, call(2))
    feed(here, tmp_path, call(2, district="kinuta"))
    (row,) = listed(here)
    again = parked(here, "resend", row["number"])
    closed = parked(here, "close", row["number"], "--reason", "先のものが正しい", "--by", "架空 次郎")

    assert (row["kind"], len(row["first"])) == ("conflict", 1)
    assert (again.returncode, "new id" in again.stderr) == (2, True)
    assert closed.returncode == 0, closed.stdout + closed.stderr
    assert listed(here) == []
    assert listed(here, "--all")[-1]["because"] == "other"
    until(lambda: settled(here))
    assert "先のもの".encode() not in (here / "reporting.db").read_bytes()


def test_what_was_parked_behind_a_mended_message_is_named(here: Path, tmp_path: Path) -> None:
    """The return was parked because the acceptance was: mending the one, a person is told of the other."""
    offer = message("h-1", "handover.offer", "2023-06-05T10:00:00+09:00", {})
    offer["data"] = {"case": "C-1", "handover": "H-1", "kind": "agency", "to": "架空"}
    accept = message("h-2", "handover.accept", "2023-06-05T11:00:00+09:00", {"handover": "H-1", "purpose": 7})
    back = message("h-3", "handover.return", "2023-06-05T12:00:00+09:00", {"handover": "H-1"})
    feed(here, tmp_path, offer)
    feed(here, tmp_path, accept, back)
    first, second = listed(here)
    accept["data"].pop("purpose")
    mended = parked(here, "mend", first["number"], write_lines(tmp_path / "mended.json", [accept]), "--json")

    assert mended.json["next"] == [second["number"]]
    assert parked(here, "resend", second["number"]).returncode == 0
    assert listed(here) == []


def test_a_number_that_nobody_has_is_said_to_be_none(here: Path) -> None:
    """And what a number looks like."""
    for number in ("intake-999", "nobody-1", "7"):
        told = parked(here, "show", number)
        assert (told.returncode, "intake-3" in told.stderr) == (2, True)
