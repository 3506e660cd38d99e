"""`yoake statement` and the last copies: printed from the journals, and from disk where nothing else is left."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader
from typer.testing import CliRunner, Result

from deploy.cli import app
from deploy.copies import AGAIN, KEPT, STATEMENTS, Copies, copies_in
from deploy.datadir import DataDirectory, Kept
from deploy.front import keep
from deploy.setting_up import SAMPLE
from services.handover.looking import Looking
from services.intake.night_calls import NightCalls
from services.journal import LogReader
from services.pages.night_log import NightLog
from services.pages.statement import Sheet
from services.pages.terms import Terms
from services.pages.typesetting import NoPdf
from services.seal import Secrets
from services.settings import FORMAT
from tests import desk_examples
from tests.desk_examples import WARD, Centre
from tests.running import YOAKE, environment
from tests.statement_examples import handed_over, late, night_in, of_item, say, silent, told

RUN = CliRunner()


def no_pdf(_: Sheet) -> bytes:
    """A typesetter that is broken."""
    raise NoPdf("broken")


def a_pdf(_: Sheet) -> bytes:
    """A typesetter that takes no time."""
    return b"%PDF-1.7 of it"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, Centre]]:
    """A data directory in which a night with one call was handed over, on its own keys; nothing runs."""
    directory = DataDirectory(tmp_path / ".yoake")
    directory.keep(Kept(format=FORMAT, ward=WARD.id))
    shutil.copy(SAMPLE, directory / "ward.toml")
    secrets = Secrets.at(directory / "keys")
    monkeypatch.setattr(desk_examples, "SECRETS", secrets)
    with night_in(directory.path) as centre:
        handed_over(centre, told("A", "23:40"))
        yield directory.path, centre


def yoake(data: Path, *words: str) -> Result:
    """The command, as somebody types it."""
    return RUN.invoke(app, ["statement", *words, "--data", str(data)], catch_exceptions=False)


def copies(data: Path, centre: Centre, pdf: Callable[[Sheet], bytes] = a_pdf) -> Copies:
    """What keeps the copies."""
    return Copies(
        data / STATEMENTS,
        NightLog(centre.engine("handover")),
        Looking(centre.engine("handover")),
        NightCalls(LogReader(centre.engine("intake")), centre.keys.opened),
        centre.keys.opened,
        lambda: Terms(WARD, "ja"),
        centre.clock,
        pdf,
    )


def test_the_newest_is_printed(data: tuple[Path, Centre]) -> None:
    """Without anything else it is the text of the newest, in either language, and JSON for a program."""
    japanese, english = yoake(data[0]), yoake(data[0], "2025-11-14", "--text", "--lang", "en")
    found: dict[str, Any] = json.loads(yoake(data[0], "令和7年11月14日", "--json").stdout)

    assert "1番、受付番号 R7-0001、23:40、第一報" in japanese.stdout
    assert "架空 太郎" in japanese.stdout
    assert english.stdout.startswith("Closing statement, Night of Fri 14 November 2025")
    assert (found["night"], [row["number"] for row in found["rows"]]) == ("2025-11-14", ["R7-0001"])


def test_the_exit_status_says_whether_the_counts_agree(data: tuple[Path, Centre]) -> None:
    """Long after nine nobody has taken it over: it differs, and that is 1; once it was, in time, it is 0."""
    assert yoake(data[0]).exit_code == 1
    say(data[1], "day", of_item("acknowledge", 1, "08:40"))

    assert yoake(data[0]).exit_code == 0


def test_a_pdf_is_written_for_its_owner_alone(data: tuple[Path, Centre], tmp_path: Path) -> None:
    """On A4, and nobody else may read it."""
    to = tmp_path / "statement.pdf"
    yoake(data[0], "--pdf", str(to))

    assert "夜間引継書" in PdfReader(BytesIO(to.read_bytes())).pages[0].extract_text()
    assert stat.S_IMODE(to.stat().st_mode) == 0o600


def test_a_pdf_goes_to_standard_output_alone(data: tuple[Path, Centre], tmp_path: Path) -> None:
    """With nothing beside it, so that it can be sent on; no file of this name is made; a copy as well."""
    copies(*data).keep()
    for words in (("--pdf", "-"), ("--last", "--pdf", "-")):
        done = yoake(data[0], *words)
        assert done.stdout_bytes.startswith(b"%PDF-")
        assert not (Path.cwd() / "-").exists()
    whole = yoake(data[0], "--pdf", "-").stdout_bytes
    assert "夜間引継書" in PdfReader(BytesIO(whole)).pages[0].extract_text()
    assert whole.rstrip().endswith(b"%%EOF")


@pytest.mark.parametrize("more", [(), ("--last",)], ids=["newest", "copy"])
def test_a_pdf_does_not_go_to_a_terminal(data: tuple[Path, Centre], more: tuple[str, ...]) -> None:
    """It would be a screen of garbage: nothing of it is written, and what to do instead is said beside it."""
    copies(*data).keep()
    terminal, its_end = os.openpty()
    with os.fdopen(its_end, "wb") as end:
        command = [YOAKE, "statement", *more, "--pdf", "-", "--data", str(data[0])]
        done = subprocess.run(command, stdout=end, stderr=subprocess.PIPE, check=False, timeout=30, env=environment())
    with suppress(OSError):  # Linux says so where nothing was written, and nobody will.
        assert os.read(terminal, 100) == b""
    os.close(terminal)

    assert done.returncode != 0
    assert b"--pdf -: a PDF is nothing for a terminal" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("2024-01-01",), "no statement was issued of the night of 2024-01-01"),
        (("yesterday",), "yesterday: not a day"),
        (("--edition", "3"), "has editions 0 to 0"),
        (("--last",), "holds no copy"),
        (("--last", "--edition", "0"), "leave --edition out"),
        (("--json", "--text"), "--json goes with none"),
        (("--pdf", "/nowhere/x.pdf"), "/nowhere/x.pdf"),
    ],
)
def test_what_cannot_be_done_is_said(data: tuple[Path, Centre], words: tuple[str, ...], said: str) -> None:
    """A line that says what is wrong, and status 2."""
    done = yoake(data[0], *words)

    assert done.exit_code == 2
    assert said in done.stderr.replace("\n", " ")


def test_a_copy_is_kept_of_every_edition_as_it_was_issued(data: tuple[Path, Centre]) -> None:
    """Text and PDF, once each, for their owner alone; the copy of the first edition knows nothing of the supplement."""
    directory, centre = data
    keeping = copies(directory, centre)
    first = keeping.keep()
    late(centre, "08:52", told("B", "02:10"))
    second, third = keeping.keep(), keeping.keep()
    texts = [(directory / STATEMENTS / f"2025-11-14_{n}.txt").read_text() for n in (0, 1)]

    assert [path.name for path in first] == ["2025-11-14_0.txt", "2025-11-14_0.pdf"]
    assert [path.name for path in second] == ["2025-11-14_1.txt", "2025-11-14_1.pdf"]
    assert third == []
    assert ["R7-0002" in text for text in texts] == [False, True]
    assert "この用紙：初版（8:30発行）まで" in texts[0]
    assert "この用紙：追加分1（8:52発行）まで" in texts[1]
    assert "このあとに追加分" not in texts[0]
    assert stat.S_IMODE((directory / STATEMENTS).stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in (directory / STATEMENTS).iterdir()} == {0o600}


def test_what_was_missed_is_kept_as_it_was_issued(data: tuple[Path, Centre]) -> None:
    """The front was off while two editions came: each gets its own copy, the first without what came later."""
    directory, centre = data
    late(centre, "08:52", told("B", "02:10"))
    copies(directory, centre).keep()
    first, second = [(directory / STATEMENTS / f"2025-11-14_{n}.txt").read_text() for n in (0, 1)]

    assert ["R7-0002" in text for text in (first, second)] == [False, True]
    assert "この用紙：初版（8:30発行）まで" in first


def test_the_last_copy_is_printed_where_nothing_else_is_left(data: tuple[Path, Centre], tmp_path: Path) -> None:
    """No database, no key, no ward's file: the newest copy, which says which it is; as PDF as well."""
    directory, centre = data
    copies(directory, centre).keep()
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.move(str(directory / STATEMENTS), str(alone / STATEMENTS))
    to = tmp_path / "last.pdf"
    printed, written = yoake(alone, "--last"), yoake(alone, "--last", "--pdf", str(to))

    assert (printed.exit_code, written.exit_code) == (0, 0)
    assert printed.stdout.splitlines()[3:5] == ["この用紙：初版（8:30発行）まで", "初版　8:30発行（1件）"]
    assert "架空 太郎" in printed.stdout
    assert "2025-11-14_0.txt" in printed.stderr.replace("\n", "")
    assert to.read_bytes() == b"%PDF-1.7 of it"


def test_a_text_is_there_also_where_no_pdf_can_be_made(
    data: tuple[Path, Centre], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The text is kept at once; the PDF is tried again after a while, and not every two seconds."""
    directory, centre = data
    keeping = copies(directory, centre, no_pdf)
    clock = [1_000.0]
    monkeypatch.setattr("deploy.copies.time.monotonic", lambda: clock[0])
    first, again = keeping.keep(), keeping.keep()
    clock[0] += AGAIN
    keeping._pdf = a_pdf
    later = keeping.keep()

    assert [path.suffix for path in first] == [".txt"]
    assert again == []
    assert [path.suffix for path in later] == [".pdf"]


def test_only_the_last_nights_are_kept(data: tuple[Path, Centre]) -> None:
    """Seven; with the eighth the first one goes. Files of others beside them stay."""
    directory, centre = data
    keeping = copies(directory, centre)
    keeping.keep()
    (directory / STATEMENTS / "note.txt").write_text("mine")
    for n in range(1, KEPT + 1):
        night = date(2025, 11, 14) + timedelta(days=n)
        centre.tick(f"{night + timedelta(days=1)} 08:35")
        keeping.keep()
    kept = {copy.night for copy in copies_in(directory / STATEMENTS)}

    assert kept == {date(2025, 11, 14) + timedelta(days=n) for n in range(1, KEPT + 1)}
    assert (directory / STATEMENTS / "note.txt").exists()


def test_a_quiet_night_has_a_copy_too(data: tuple[Path, Centre]) -> None:
    """相談0件 is on paper as well."""
    directory, centre = data
    say(centre, "night", silent("03:10"))
    centre.tick("2025-11-16 08:35")
    copies(directory, centre).keep()

    assert "届いている相談はありません（0件）。件数は未確認です。" in yoake(directory, "--last").stdout


async def test_the_front_keeps_copies_by_itself(
    data: tuple[Path, Centre], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within seconds; where the disk does not take it, it says so and goes on trying."""
    directory, centre = data
    monkeypatch.setattr("deploy.front.KEEP_SECONDS", 0.05)
    (directory / STATEMENTS).write_text("in the way")
    keeping = asyncio.create_task(keep(copies(directory, centre)))
    try:
        await until(lambda: any("no copy" in record.message for record in caplog.records))
        (directory / STATEMENTS).unlink()
        await until(lambda: len(copies_in(directory / STATEMENTS)) == 1)
    finally:
        keeping.cancel()


async def until(is_so: Callable[[], bool]) -> None:
    """Wait a while for something."""
    for _ in range(200):
        if is_so():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it did not come about")
