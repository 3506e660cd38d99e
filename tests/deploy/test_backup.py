"""Backup and restore: everything consistently, while it runs; an empty machine goes on from it in a new epoch."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from base64 import b64decode
from contextlib import closing
from pathlib import Path
from typing import Any

import nats
import pytest
import sqlalchemy as sa

from deploy.backup import COPIED, back_up
from deploy.datadir import DataDirectory, DataError
from deploy.manifest import BackupError, Manifest, damage, read_manifest
from deploy.opened import Opened
from deploy.restore import check, restore
from deploy.setting_up import prepare
from deploy.verify import verify
from services.database import open_engine
from services.reporting.footnotes import of_gap
from services.seal import Destroyed, KeyStore, Secrets
from services.subjects import HEARS
from tests.conftest import schemas
from tests.desk_examples import Centre, arrange, offer, register
from tests.desk_examples import call as said
from tests.running import call, pid_of, placed, running, settled, total, until, up, write_lines, yoake, yoake_anew

PERSONAL = {"name": "架空 花子"}


def silent(_: int) -> Any:
    """No progress bar."""
    return lambda _: None


@pytest.fixture
def data(tmp_path: Path, database_url: str) -> DataDirectory:
    """A directory at rest, on either database: a registration, three calls, a bed, an offer; one message waits."""
    directory = DataDirectory(tmp_path / "data")
    sqlite = database_url.startswith("sqlite")
    prepare(directory, None, None if sqlite else database_url)
    secrets = Secrets.at(directory / "keys")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.desk_examples.SECRETS", secrets)
        with Centre(directory.settings().database) as centre:
            for told in (register(personal=PERSONAL), said("A", person="P", personal=PERSONAL), said("B"), said("C")):
                centre.say("day", told)
            centre.pump()
            centre.say("day", arrange())
            centre.say("day", arrange("later", "never-heard-of"))
            centre.say("day", offer())
            centre.pump()
    return directory


def faults(directory: DataDirectory) -> list[str]:
    """What `yoake verify` finds, with nothing running."""
    with closing(Opened(directory.settings(), directory.kept().ward)) as books:
        return verify(books, None).differences


def backed_up(data: DataDirectory, to: Path, **options: Any) -> Manifest:
    """A backup without a bar."""
    return back_up(data, to, progress=silent, **options)


@pytest.mark.parametrize("onto", ["sqlite", "postgresql"])
def test_a_backup_restored_elsewhere_verifies(
    data: DataDirectory, tmp_path: Path, onto: str, request: pytest.FixtureRequest
) -> None:
    """From either database onto either; the ledger goes on over what it held, in a new epoch."""
    made = backed_up(data, tmp_path / "backup")
    database = schemas(request.getfixturevalue("postgresql")) if onto == "postgresql" else None
    there = DataDirectory(tmp_path / "there")
    done = restore(tmp_path / "backup", there, database=database, progress=silent)

    assert check(tmp_path / "backup") == faults(there) == []
    assert done.epochs == {"intake": 2, "placement": 2, "handover": 2, "reporting": 2}
    with closing(Opened(there.settings(), "setagaya")) as books:
        ledger = books.inquiry.ledger
        assert (ledger.root(made.logs["reporting"].position), ledger.head()) == (made.root, done.position)
        last = [journal.read(journal.last_position() - 1) for journal in books.writers.values()]
        assert all(b'"type":"epoch.opened"' in text for ((_, text),) in last)
        (gap,) = books.inquiry.gaps()
        assert (gap.missing_from, gap.missing_until) == (made.started, done.missing_until)
        report = books.inquiry.report("calls")
        assert of_gap(gap, books.inquiry.ward()) in report.footnotes
        assert books.inquiry.gaps(upto=made.logs["reporting"].position) == []


def test_every_table_is_in_a_backup(data: DataDirectory, tmp_path: Path) -> None:
    """Row for row; and nothing else is in the databases."""
    made = backed_up(data, tmp_path / "backup")

    assert made.left_out == []
    for service, tables in made.rows.items():
        engine = open_engine(data.settings().database_of(service))
        with engine.connect() as connection:
            for table, rows in tables.items():
                count = connection.execute(sa.select(sa.func.count()).select_from(sa.table(table))).scalar()
                assert count == rows, (service, table)
        engine.dispose()
    assert made.rows["placement"]["waiting"] == 1


def test_after_a_restore_things_go_on(data: DataDirectory, tmp_path: Path, databases: Any) -> None:
    """New messages count, what waited goes on, the old ones are known, and no reference number is given twice."""
    backed_up(data, tmp_path / "backup")
    there = DataDirectory(tmp_path / "there")
    url = databases()
    restore(tmp_path / "backup", there, database=None if url.startswith("sqlite") else url, progress=silent)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.desk_examples.SECRETS", Secrets.at(there / "keys"))
        with Centre(there.settings().database, ward=None) as centre:
            new = centre.say("day", said("never-heard-of"))
            centre.pump()
            numbers = [event.number for event in centre.events() if event.name == "call.received"]

    assert (new.status, new.number[0][-5:]) == ("accepted", "-1001")
    assert len(numbers) == len(set(numbers)) == 4
    assert faults(there) == []
    with closing(Opened(there.settings(), "setagaya")) as books:
        assert [record.type for record in books.writers["placement"].records()][-2:] == [
            "epoch.opened",
            "placement.arranged",
        ]


SQLITE = pytest.mark.parametrize("databases", ["sqlite"], indirect=True)


@SQLITE
def test_nothing_personal_stands_in_clear_in_a_backup_without_keys(data: DataDirectory, tmp_path: Path) -> None:
    """The keys are put back from where they were kept; without them, or with others, it is refused."""
    backup, there = tmp_path / "backup", DataDirectory(tmp_path / "there")
    made = backed_up(data, backup, keys=False)

    assert not made.keys
    assert not (backup / "keys" / "master.key").exists()
    assert check(backup) == []
    assert not any("花子".encode() in file.read_bytes() for file in backup.rglob("*") if file.is_file())
    with pytest.raises(BackupError, match="--keys"):
        restore(backup, there, progress=silent)
    Secrets.at(tmp_path / "others")
    with pytest.raises(BackupError, match="not the keys of this backup"):
        restore(backup, there, keys=tmp_path / "others", progress=silent)
    assert not there.path.exists()
    restore(backup, there, keys=data / "keys", progress=silent)
    assert faults(there) == []


@SQLITE
def test_a_backup_is_for_its_owner_alone(data: DataDirectory, tmp_path: Path) -> None:
    """The files are 0600, the directories 0700."""
    backed_up(data, tmp_path / "backup")

    for path in (tmp_path / "backup", *(tmp_path / "backup").rglob("*")):
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path


@SQLITE
def test_a_destroyed_key_stays_destroyed(data: DataDirectory, tmp_path: Path) -> None:
    """Whether the key store alone is an older copy, or everything is restored from before the key was destroyed."""
    backup, there = tmp_path / "backup", DataDirectory(tmp_path / "there")
    backed_up(data, backup)
    older = (data / "keys.db").read_bytes()
    engine = open_engine(data.settings().database_of("keys"))
    person = min(_subjects(engine) - {"-"})
    KeyStore(engine, Secrets.at(data / "keys")).destroy(person)
    engine.dispose()
    for file in data.path.glob("keys.db*"):
        file.unlink()
    (data / "keys.db").write_bytes(older)
    restore(backup, there, keys=data / "keys", progress=silent)

    for directory in (data, there):
        engine = open_engine(directory.settings().database_of("keys"))
        store = KeyStore(engine, Secrets.at(directory / "keys"))
        assert store.destroyed() == {person}
        with pytest.raises(Destroyed):
            store.seal(person, "call.received/1", PERSONAL)
        engine.dispose()
    assert faults(there) == []
    (tokens,) = faults(data)  # They go when intake starts.
    assert tokens.startswith(f"index of persons: {person} is in it with")


def _subjects(engine: sa.Engine) -> set[str]:
    with engine.connect() as connection:
        return set(connection.execute(sa.text("SELECT subject FROM person_keys")).scalars())


@SQLITE
def test_a_backup_that_is_none_or_damaged_is_refused(data: DataDirectory, tmp_path: Path) -> None:
    """Half a one, one of a newer release, a changed or missing or strange file; what is wrong is said."""
    backup, there = tmp_path / "backup", DataDirectory(tmp_path / "there")
    with pytest.raises(BackupError, match="holds no backup"):
        read_manifest(tmp_path)
    backed_up(data, backup)
    manifest = (backup / "manifest.json").read_text()

    with pytest.raises(BackupError, match="not empty"):
        backed_up(data, backup)
    with pytest.raises(BackupError, match="not empty"):
        restore(backup, data, progress=silent)
    (backup / "manifest.json").write_text(manifest.replace('"format": 1', '"format": 2'))
    with pytest.raises(BackupError, match="newer release"):
        check(backup)
    (backup / "manifest.json").unlink()
    with pytest.raises(BackupError, match="was not finished"):
        restore(backup, there, progress=silent)
    (backup / "manifest.json").write_text(manifest)
    with (backup / "intake.db").open("r+b") as file:
        file.seek(5_000)
        file.write(b"another")
    (backup / "stray").touch()
    (backup / "ward.toml").unlink()
    wrong = ["ward.toml is missing", "stray is not of this backup", "intake.db is not as it was written (SHA-256)"]
    assert check(backup) == wrong
    with pytest.raises(BackupError, match="is damaged"):
        restore(backup, there, progress=silent)
    assert not there.path.exists()


@SQLITE
def test_a_backup_whose_rows_do_not_agree_is_named(data: DataDirectory, tmp_path: Path) -> None:
    """The hashes of the files say nothing about what was wrong already when it was made."""
    engine = sa.create_engine(data.settings().database_of("reporting"))
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE cells SET value = value + 1 WHERE report = 'calls'"))
    engine.dispose()
    backed_up(data, tmp_path / "backup")

    assert any("by the fold" in fault for fault in check(tmp_path / "backup"))


def test_a_backup_given_as_a_data_directory_says_how_to_restore_it(data: DataDirectory, tmp_path: Path) -> None:
    """Instead of saying that nothing is there; a directory without a backup is told of `yoake up` as ever."""
    backed_up(data, tmp_path / "copy")

    with pytest.raises(DataError, match=r"copy is a backup.*`yoake restore .*copy --data NEW`"):
        DataDirectory(tmp_path / "copy").kept()
    with pytest.raises(DataError, match="holds no Yoake data"):
        DataDirectory(tmp_path).kept()


def test_nothing_runs_on_a_backup_itself(data: DataDirectory, tmp_path: Path) -> None:
    """It stays as it is: `yoake up` and `yoake demo` say how to restore it, and leave no file there."""
    manifest = backed_up(data, tmp_path / "copy")
    for command in ("up", "demo"):
        refused = yoake(command, "--port", 0, "--nats-port", 0, "--data", tmp_path / "copy", timeout=30)
        assert refused.returncode == 2
        assert "is a backup" in refused.stderr
        assert "yoake restore" in refused.stderr
    assert damage(tmp_path / "copy", manifest) == []


AUDIT = Path(__file__).parents[2] / "docs" / "audit.md"


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
def test_an_auditor_verifies_a_backup_as_the_page_says(data: DataDirectory, tmp_path: Path) -> None:
    """Its commands, in their order; and its program, without Yoake, finds the same roots and what was changed."""
    copy, page = tmp_path / "copy", AUDIT.read_text(encoding="utf-8")
    manifest = backed_up(data, copy)
    upto = manifest.logs["reporting"].position
    [*commands] = re.findall(r"^\$ yoake (.+)$", page, re.MULTILINE)
    told = {}
    for command in commands:
        words = command.replace("600", str(upto)).replace("2022-2023", "2025").replace("R5-0001", "R7-0001").split()
        words = [str(tmp_path / word) if word in ("copy", "fresh") else word for word in words]
        told[command] = yoake(*words)
        assert told[command].returncode == 0, (command, told[command].stderr)
    (known_at,) = (done.json["known_at"] for command, done in told.items() if "--known-at" in command)
    assert (known_at["position"], known_at["root"]) == (upto, manifest.root)

    program = re.search(r"```python file=root.py\n(.*?)```", page, re.DOTALL)
    assert program is not None
    (tmp_path / "root.py").write_text(program[1], encoding="utf-8")
    ledger = tmp_path / "copy" / "reporting.db"
    assert root_of(tmp_path) == f"rows 1 to {upto}: root {manifest.root}\n"
    books = Opened(DataDirectory(tmp_path / "fresh").settings(), manifest.ward)
    with closing(books):
        assert root_of(tmp_path, upto - 1) == f"rows 1 to {upto - 1}: root {books.inquiry.ledger.root(upto - 1)}\n"
    ledger.write_bytes(ledger.read_bytes().replace(b'"district":"', b'"distriCt":"'))
    changed = root_of(tmp_path)
    assert "changed since the backup: reporting.db" in changed
    assert manifest.root not in changed


def root_of(directory: Path, *upto: int) -> str:
    """What the page's program says, in a Python that knows nothing of Yoake."""
    command = [sys.executable, "-I", "-S", "root.py", "copy", *map(str, upto)]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, check=True).stdout


def test_databases_in_use_are_refused(tmp_path: Path, postgresql: str) -> None:
    """A restore never writes into what is there."""
    used = DataDirectory(tmp_path / "used")
    url = schemas(postgresql)
    prepare(used, None, url)
    backed_up(used, tmp_path / "backup")

    with pytest.raises(BackupError, match="is not empty"):
        restore(tmp_path / "backup", DataDirectory(tmp_path / "there"), database=url, progress=silent)


def test_who_hears_another_is_copied_before_that_one() -> None:
    """Or a backup made while messages arrive holds what was heard of a log, and not the log's own end."""
    assert all(COPIED.index(service) < COPIED.index(source) for service in HEARS for source in HEARS[service])


@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
def test_a_backup_made_while_messages_arrive(tmp_path: Path, store: str, request: pytest.FixtureRequest) -> None:
    """Nothing stops; restored, it verifies, and the file fed again makes it whole: what is there counts once."""

    def database() -> tuple[str, ...]:
        return ("--database", schemas(request.getfixturevalue("postgresql"))) if store == "postgresql" else ()

    data, there, backup = tmp_path / "data", tmp_path / "there", tmp_path / "backup"
    messages = write_lines(tmp_path / "m.jsonl", [m for n in range(60) for m in (placed(n), call(n))])
    with up(data, *database()):
        feeding = threading.Thread(target=yoake, args=("feed", messages, "--as", "contractor", "--data", data))
        feeding.start()
        made = yoake("backup", backup, "--data", data)
        feeding.join()
        assert made.returncode == 0, made.stderr
        assert "KEYS are in it" in made.stderr
        until(lambda: settled(data))
        assert total(data) == 60
    checked = yoake("backup", "--check", backup)
    assert checked.returncode == 0, checked.stdout
    restored = yoake_anew("restore", backup, "--data", there, *database())
    assert restored.returncode == 0, restored.stderr
    verified = yoake("verify", "--data", there)
    assert verified.returncode == 0, verified.stdout
    with up(there):
        until(lambda: settled(there))
        fed = yoake("feed", messages, "--as", "contractor", "--data", there, "--json")
        assert fed.json["accepted"] + fed.json["known"] == 120
        until(lambda: settled(there))
        assert total(there) == total(there, "short-stay") == 60
        verified = yoake("verify", "--data", there)
        assert verified.returncode == 0, verified.stdout
        assert "may be missing" in verified.stdout
        assert "復元したデータに含まれていない可能性" in yoake("status", "--data", there).stdout


def test_what_inbox_holds_is_backed_up_and_comes_back(tmp_path: Path) -> None:
    """Intake hangs, three calls lie in INBOX: they are in a backup made then, and in one made when all has stopped."""
    data, there = tmp_path / "data", tmp_path / "there"
    with up(data):
        until(lambda: settled(data))  # Who is stopped before the ledger has heard of the ward leaves it without tables.
        os.kill(pid_of(data, "intake"), signal.SIGSTOP)
        asyncio.run(_publish(data, [call(n) for n in range(3)]))
        live = yoake("backup", tmp_path / "live", "--data", data, "--json")
        assert live.json["inbox"] == 3, live.stderr
    off = yoake("backup", tmp_path / "off", "--data", data, "--json")
    assert off.json["inbox"] == 3, off.stderr
    lines = (tmp_path / "off" / "inbox.jsonl").read_text().splitlines()
    bodies = [b64decode(json.loads(line)["body"]) for line in lines]
    assert len(bodies) == 3
    assert not any("見本".encode() in body for body in bodies)
    shutil.rmtree(data)
    assert yoake("restore", tmp_path / "live", "--data", there).returncode == 0
    with up(there):
        until(lambda: total(there) == 3)


async def _publish(data: Path, messages: list[dict[str, Any]]) -> None:
    found = running(data)
    assert found is not None
    connection = await nats.connect(found["nats"])
    for message in messages:
        body = json.dumps(message, ensure_ascii=False).encode()
        await connection.jetstream().publish("inbox.setagaya.contractor.intake.call-report", body, stream="INBOX")
    await connection.close()
