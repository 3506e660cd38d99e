"""One database restored alone from an older copy is noticed: refused and named, or filled again; the others go on."""

from __future__ import annotations

import re
import shutil
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from deploy.backup import copy_rows, open_databases
from deploy.datadir import DataDirectory
from deploy.opened import SETTLE_SECONDS
from services.database import create, open_engine
from services.settings import Settings
from tests.conftest import schemas
from tests.running import GROUND, call, message, placed, settled, total, until, up, write_lines, yoake

DATABASES = ("intake", "placement", "handover", "reporting", "keys")
REFUSES = {"keys": ("intake", "placement", "handover")}
"""Whose database it is refuses; the keys are those of all three that seal."""

NAMED = {
    "intake": "the intake log ends at",
    "placement": "the placement log ends at",
    "handover": "the handover log ends at",
    "reporting": "the reporting log ends at",
    "keys": "the key store held",
}


def offered(number: int) -> dict[str, Any]:
    """An agency is asked to take on the case of `call(number)`."""
    data = {"case": f"C-{number}", "handover": f"H-{number}", "kind": "agency", "to": "架空相談支援事業所", **GROUND}
    return message(f"offer-{number}", "handover.offer", f"2023-06-{1 + number % 28:02}T12:00:00+09:00", data)


def feed(data: Path, numbers: range) -> None:
    """Calls, each with a bed and an offer."""
    lines = [told for n in numbers for told in (call(n), placed(n), offered(n))]
    file = write_lines(data.with_name(f"{data.name}.jsonl"), lines)
    assert yoake("feed", file, "--as", "contractor", "--data", data).returncode == 0
    until(lambda: settled(data))


@pytest.fixture(scope="module")
def two_copies(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The same directory at rest, before and after more was told."""
    place = tmp_path_factory.mktemp("copies")
    older, newer = place / "older", place / "newer"
    with up(newer):
        feed(newer, range(4))
    shutil.copytree(newer, older)
    with up(newer):
        feed(newer, range(4, 8))
    return older, newer


@pytest.fixture
def data(two_copies: tuple[Path, Path], tmp_path: Path) -> Path:
    """The newer copy."""
    shutil.copytree(two_copies[1], tmp_path / "data")
    return tmp_path / "data"


def put_back(data: Path, older: Path, database: str) -> None:
    """Let one SQLite database be the older copy."""
    for file in data.glob(f"{database}.db*"):
        file.unlink()
    for file in older.glob(f"{database}.db*"):
        shutil.copy(file, data)


def is_refused(data: Path, database: str) -> None:
    """With everything started: who must refuse refuses and says why, the others run, and both commands name it."""
    refusing = REFUSES.get(database, (database,))
    for service in refusing:
        log = data / "logs" / f"{service}.log"
        until(lambda log=log: "was restored from an older copy" in log.read_text())  # type: ignore[misc]
    began = time.monotonic()
    verified = yoake("verify", "--data", data)
    assert verified.returncode == 1
    assert NAMED[database] in verified.stdout
    assert time.monotonic() - began < SETTLE_SECONDS, "what stands still is not waited for"
    status = yoake("status", "--json", "--data", data).json
    assert any(NAMED[database] in line for line in status["set_back"])
    assert {s["service"] for s in status["services"] if s["running"]} >= set(DATABASES[:4]) - set(refusing)
    assert "SET BACK" in yoake("status", "--data", data).stdout


def published(data: Path) -> int:
    """How many events EVENTS holds."""
    streams = yoake("status", "--json", "--data", data).json["streams"]
    held: int = next(stream["messages"] for stream in streams if stream["stream"] == "EVENTS")
    return held


@pytest.mark.parametrize("database", DATABASES)
def test_an_older_copy_of_one_database_is_refused(database: str, data: Path, two_copies: tuple[Path, Path]) -> None:
    """Nothing is published or counted from it; put back as it was, everything is equal again."""
    put_back(data, two_copies[0], database)
    with up(data):
        is_refused(data, database)
        assert published(data) == 8 * 3 + 1
    put_back(data, two_copies[1], database)
    verified = yoake("verify", "--data", data)
    assert verified.returncode == 0, verified.stdout


def test_boxes_without_a_key_are_named(data: Path, two_copies: tuple[Path, Path]) -> None:
    """Whose they are, event by event: the persons and cases told of since the older copy of the key store."""
    put_back(data, two_copies[0], "keys")
    lines = [
        line for line in yoake("verify", "--data", data).stdout.splitlines() if line.startswith("keys: none opens")
    ]
    named = Counter(
        name for line in lines for name in ("call.received", "handover.offered") if f"({name}), of " in line
    )
    assert (named, len(lines)) == ({"call.received": 4, "handover.offered": 4}, 8)


@pytest.mark.parametrize("witness", ["mark", "durable"])
def test_an_older_ledger_is_refused_by_either_witness(witness: str, data: Path, two_copies: tuple[Path, Path]) -> None:
    """By what was noted beside the keys, where EVENTS is gone; by what its durable acknowledged, where the note is."""
    put_back(data, two_copies[0], "reporting")
    if witness == "mark":
        shutil.rmtree(data / "nats" / "store" / "jetstream" / "YOAKE" / "streams" / "EVENTS")
    else:
        (data / "keys" / "reporting.mark").unlink()
    with up(data):
        until(lambda: "was restored from an older copy" in (data / "logs" / "reporting.log").read_text())
        assert yoake("verify", "--data", data).returncode == 1


def test_an_older_copy_that_has_only_heard_since_hears_again(tmp_path: Path) -> None:
    """Placement published nothing after the copy: it is filled again from intake's log, by itself."""
    data, older = tmp_path / "data", tmp_path / "older"
    with up(data):
        feed(data, range(2))
    shutil.copytree(data, older)
    with up(data):
        file = write_lines(tmp_path / "calls.jsonl", [call(n) for n in range(2, 6)])
        assert yoake("feed", file, "--as", "contractor", "--data", data).returncode == 0
        until(lambda: settled(data))
    put_back(data, older, "placement")
    with up(data):
        until(lambda: _heard(data, "placement") == 7)
        file = write_lines(tmp_path / "bed.jsonl", [placed(5)])
        fed = yoake("feed", file, "--as", "contractor", "--data", data, "--json")
        assert fed.json["accepted"] == 1
        until(lambda: settled(data))
        assert total(data, "short-stay") == 3
        verified = yoake("verify", "--data", data)
        assert verified.returncode == 0, verified.stdout


def _heard(data: Path, service: str) -> int:
    engine = sa.create_engine(f"sqlite:///{data}/{service}.db")
    with engine.connect() as connection:
        position: int = connection.execute(sa.text("SELECT position FROM cursors")).scalar_one()
    engine.dispose()
    return position


def test_messages_that_were_answered_and_are_not_known_any_more_are_noticed(tmp_path: Path) -> None:
    """A message that waits leaves no event; its loss is noticed all the same, by the receipts that were written."""
    data, older = tmp_path / "data", tmp_path / "older"
    with up(data):
        feed(data, range(1))
    shutil.copytree(data, older)
    with up(data):
        file = write_lines(tmp_path / "bed.jsonl", [placed(99)])
        assert yoake("feed", file, "--as", "contractor", "--data", data, "--json").json["waiting"] == 1
    put_back(data, older, "placement")
    verified = yoake("verify", "--data", data)
    assert verified.returncode == 1
    assert re.search(r"placement had answered \d messages, and its database knows of \d", verified.stdout)


@pytest.fixture
def on_postgresql(tmp_path: Path, postgresql: str) -> tuple[Path, Path]:
    """A directory on PostgreSQL to which more was told after a backup, and the backup."""
    data, backup = tmp_path / "data", tmp_path / "backup"
    with up(data, "--database", schemas(postgresql)):
        feed(data, range(3))
        assert yoake("backup", backup, "--data", data).returncode == 0
        feed(data, range(3, 5))
    return data, backup


@pytest.mark.parametrize("database", ["intake", "reporting"])
def test_an_older_copy_is_refused_on_postgresql_too(database: str, on_postgresql: tuple[Path, Path]) -> None:
    """A database made anew and filled from the backup, alone."""
    data, backup = on_postgresql
    _fill_again(DataDirectory(data), backup, database)
    with up(data):
        is_refused(data, database)
        assert published(data) == 5 * 3 + 1


def _fill_again(data: DataDirectory, backup: Path, name: str) -> None:
    settings = data.settings()
    copy = Settings(
        ward_file=settings.ward_file, nats="", database=f"sqlite:///{backup}/{{service}}.db", keys=settings.keys
    )
    engine = open_engine(settings.database_of(name))
    with open_databases(copy, "setagaya") as databases, engine.begin() as target:
        (database,) = (one for one in databases if one.name == name)
        schema = target.execute(sa.text("SELECT current_schema()")).scalar_one()
        target.execute(sa.text(f"DROP SCHEMA {schema} CASCADE"))
        target.execute(sa.text(f"CREATE SCHEMA {schema}"))
        create(target, database.tables)
        with database.engine.connect() as source:
            copy_rows(source, target, database.tables, lambda _: None)
    engine.dispose()
