"""What a release has written, every later one opens, verifies and goes on from; it is kept in tests/released/."""

from __future__ import annotations

import shutil
import tarfile
from contextlib import closing
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
import sqlalchemy as sa

from deploy.datadir import DataDirectory
from deploy.opened import Opened
from deploy.restore import check, restore
from deploy.verify import verify
from events import known_events
from events.morning import MorningEvent
from services.hearing import Cursors
from services.subjects import HEARS
from tests.release_fixture import DUMP, RELEASED, SCHEMAS, cells, held, schema, url_of
from tests.running import call, settled, until, up, write_lines, yoake

RELEASES = sorted(path.name for path in RELEASED.iterdir())
LIMIT = 1_000_000
"""Bytes of one archive: the repository keeps every release's."""


@pytest.fixture(params=[(release, store) for release in RELEASES for store in ("sqlite", "postgresql")], ids=str)
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    """A copy of a release's data directory, and what that release said of it."""
    release, store = request.param
    data = unpacked(RELEASED / release / f"{store}.tar.xz", tmp_path / "data")
    expected: dict[str, Any] = msgspec.json.decode((RELEASED / release / f"{store}.json").read_bytes())
    if store == "postgresql":
        server = request.getfixturevalue("postgresql")
        load_dump(server, release, data)
    return data, expected


def unpacked(archive: Path, to: Path) -> Path:
    """An archive's content."""
    with tarfile.open(archive) as packed:
        packed.extractall(to, filter="data")
    return to


def load_dump(server: str, release: str, data: Path) -> None:
    """Put a release's tables into the server of this run, and have the directory point there."""
    engine = sa.create_engine(server)
    with engine.connect() as connection:
        raw: Any = connection.connection.driver_connection
        for service in SCHEMAS:
            raw.execute(f"DROP SCHEMA IF EXISTS {schema(release, service)} CASCADE")
        raw.execute((data / DUMP).read_text(encoding="utf-8"))
        raw.commit()
        connection.invalidate()  # The dump has changed its settings.
    engine.dispose()
    file = data / "yoake.json"
    said = msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
    file.write_bytes(msgspec.json.encode(said | {"database": url_of(server, release)}))


def test_a_release_has_left_its_data_small() -> None:
    """Both databases, a backup, and what it said of them."""
    for release in RELEASES:
        files = {path.name: path.stat().st_size for path in (RELEASED / release).iterdir()}
        archives = {f"{name}.tar.xz" for name in ("sqlite", "postgresql", "backup")}
        assert set(files) == archives | {"sqlite.json", "postgresql.json"}
        assert all(size < LIMIT for size in files.values()), files


def test_the_data_of_a_release_is_opened_verified_and_gone_on_from(kept: tuple[Path, dict[str, Any]]) -> None:
    """Equal in everything, tables folded anew included; then a new message counts, on the same tree."""
    data, expected = kept
    verified = yoake("verify", "--json", "--data", data)
    assert verified.json["differences"] == []
    assert {key: verified.json[key] for key in ("position", "root", "missing")} == {
        key: expected[key] for key in ("position", "root", "missing")
    }
    assert (cells(data), held(data)) == (expected["cells"], expected["held"])
    assert yoake("rebuild", "--data", data).returncode == 0
    assert cells(data) == expected["cells"]

    with up(data):
        until(lambda: settled(data))
        file = write_lines(data.with_name("new.jsonl"), [call(70), call(3)])
        fed = yoake("feed", file, "--as", "contractor", "--data", data, "--json").json
        assert (fed["accepted"], fed["known"]) == (1, 1)
        until(lambda: settled(data))
        verified = yoake("verify", "--json", "--data", data)
        assert verified.json["differences"] == []
        assert verified.json["position"] == expected["position"] + 1
        until(lambda: everybody_has_heard(data))
    directory = DataDirectory(data)
    with closing(Opened(directory.settings(), directory.kept().ward)) as books:
        assert books.inquiry.ledger.root(expected["position"]) == expected["root"]


def everybody_has_heard(data: Path) -> bool:
    """Whether each service has heard all whom it hears to the end, whatever an earlier release heard."""
    directory = DataDirectory(data)
    with closing(Opened(directory.settings(), directory.kept().ward)) as books:
        ends = {source: journal.last_position() for source, journal in books.writers.items()}
        heard = {service: Cursors(books.writers[service].engine) for service in HEARS if service in books.writers}
        return all(
            cursors.position(source) == ends[source] for name, cursors in heard.items() for source in HEARS[name]
        )


def test_the_data_of_a_release_holds_everything_that_can_happen(kept: tuple[Path, dict[str, Any]]) -> None:
    """Or the rest would not be guarded: every event of that time, two epochs, what waits, is parked or conflicts."""
    data, expected = kept
    directory = DataDirectory(data)
    with closing(Opened(directory.settings(), directory.kept().ward)) as books:
        records = [row.event for row in books.inquiry.ledger.rows()]
        flags = [record for record in records if b'"flags":[' in bytes(record.data)]
    assert {record.type for record in records} >= set(known_events()) - NEWER
    assert {record.epoch for record in records} == {1, 2}
    assert {kind for _, kind, *_ in expected["held"]} == {"waiting", "parked", "conflict"}
    assert flags


NEWER = {
    *("handover.delivered", "handover.seen", "handover.expired", "handover.answered-late", "handover.noted-late"),
    *("handover.sent", "handover.recalled"),
    *("shift.closed", "night.closed"),
    *(kind.name for kind in get_args(MorningEvent)),
}
"""Events that came after the oldest release kept."""


@pytest.mark.parametrize("release", RELEASES)
def test_the_backup_of_a_release_is_restored(release: str, tmp_path: Path) -> None:
    """A backup is only worth something if it can be restored years later."""
    backup = unpacked(RELEASED / release / "backup.tar.xz", tmp_path / "backup")
    there = DataDirectory(tmp_path / "there")
    done = restore(backup, there, progress=lambda _: lambda _: None)

    assert check(backup) == []
    assert done.epochs["intake"] == 3
    with closing(Opened(there.settings(), there.kept().ward)) as books:
        assert verify(books, None).differences == []
    shutil.rmtree(there.path)
