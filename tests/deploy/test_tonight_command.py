"""`yoake tonight` and the last copy of tonight's notes: from the journals, and from disk where nothing else is left."""

from __future__ import annotations

import json
import shutil
import stat
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pytest
from pypdf import PdfReader
from typer.testing import CliRunner, Result

from deploy import tonight_command
from deploy.cli import app
from deploy.copies import STATEMENTS
from deploy.datadir import DataDirectory, Kept
from deploy.front import tonight_of
from deploy.setting_up import SAMPLE
from deploy.tonight_copies import APART, TonightCopies, tonight_copies_in
from services.intake.web import Lookup
from services.pages.terms import Terms
from services.pages.tonight_sheet import Sheet
from services.pages.typesetting import NoPdf
from services.seal import Secrets
from services.settings import FORMAT
from tests import desk_examples
from tests.desk_examples import WARD, Centre, at, call
from tests.evening_examples import RINGS, mother_rings, new_years_eve, note

RUN = CliRunner()


def a_pdf(sheet: Sheet) -> bytes:
    """A typesetter that takes no time."""
    return f"%PDF-1.7 of {len(sheet.changes)} changes".encode()


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, Centre]]:
    """A data directory on New Year's Eve, on its own keys; nothing runs."""
    directory = DataDirectory(tmp_path / ".yoake")
    directory.keep(Kept(format=FORMAT, ward=WARD.id))
    shutil.copy(SAMPLE, directory / "ward.toml")
    monkeypatch.setattr(desk_examples, "SECRETS", Secrets.at(directory / "keys"))
    with new_years_eve(directory.path) as centre:
        monkeypatch.setattr(tonight_command, "system_clock", centre.clock)
        yield directory.path, centre


def yoake(data: Path, *words: str) -> Result:
    """The command, as somebody types it."""
    return RUN.invoke(app, ["tonight", *words, "--data", str(data)], catch_exceptions=False)


def copies(data: Path, centre: Centre, pdf: Callable[[Sheet], bytes] = a_pdf) -> TonightCopies:
    """What keeps the copy."""
    engines = {service: centre.engine(service) for service in ("intake", "placement", "handover")}
    lookup = Lookup(engines["intake"], desk_examples.SECRETS, centre.keys)
    tonight = tonight_of(engines, lookup, centre.keys.opened)
    opens, terms = centre.keys.opened, lambda: Terms(WARD, "ja")
    return TonightCopies(data / STATEMENTS, tonight, list(engines.values()), opens, terms, centre.clock, pdf)


def ring(centre: Centre) -> None:
    """E's mother rings at 23:10."""
    centre.clock.now = at(RINGS)
    centre.say("night", mother_rings())
    centre.pump()


def test_the_notes_are_printed(data: tuple[Path, Centre]) -> None:
    """As text in either language, and as JSON for a program; compared with a printed copy where its time is given."""
    ring(data[1])
    japanese, english = yoake(data[0]), yoake(data[0], "--text", "--lang", "en")
    found = json.loads(yoake(data[0], "--json").stdout)
    compared = yoake(data[0], "--since", "23:10")

    assert "約束しないこと：帰る日" in japanese.stdout
    assert "23:10　R7-0001：続報" in japanese.stdout
    assert english.stdout.startswith("Tonight's notes, Night of Wed 31 December 2025")
    assert (found["night"], [row["number"] for row in found["rows"]]) == ("2025-12-31", ["R7-0001", "R7-0002"])
    assert "変更はありません。" in compared.stdout


def test_a_pdf_is_written_for_its_owner_alone(data: tuple[Path, Centre], tmp_path: Path) -> None:
    """One A4 sheet with the same words, and nobody else may read it."""
    to = tmp_path / "tonight.pdf"
    yoake(data[0], "--pdf", str(to))
    assert yoake(data[0], "--pdf", "-").stdout_bytes.startswith(b"%PDF-")
    pages = PdfReader(BytesIO(to.read_bytes())).pages
    words = "".join(pages[0].extract_text().split())

    assert len(pages) == 1
    for said in ("今夜の申し送り", "架空の家", "母（電話することあり）", "帰る日", "大きな音が苦手", "03-0000-4321"):
        assert said in words
    assert stat.S_IMODE(to.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--since", "soon"), "--since soon: not a time of day"),
        (("--last",), "holds no copy"),
        (("--last", "--since", "16:50"), "leave --since out"),
        (("--json", "--text"), "--json goes with none"),
        (("--pdf", "/nowhere/x.pdf"), "/nowhere/x.pdf"),
    ],
)
def test_what_cannot_be_done_is_said(data: tuple[Path, Centre], words: tuple[str, ...], said: str) -> None:
    """A line that says what is wrong, and status 2."""
    done = yoake(data[0], *words)

    assert done.exit_code == 2
    assert said in done.stderr.replace("\n", " ")


def test_the_copy_is_what_stood_last(data: tuple[Path, Centre], monkeypatch: pytest.MonkeyPatch) -> None:
    """Written as the notes are issued; again, the text at once and the PDF within a minute, when something changed."""
    directory, centre = data
    clock = [1_000.0]
    monkeypatch.setattr("deploy.tonight_copies.time.monotonic", lambda: clock[0])
    keeping = copies(directory, centre)
    first, nothing = keeping.keep(), keeping.keep()
    ring(centre)
    second, waits = keeping.keep(), keeping.keep()
    clock[0] += APART
    third, done = keeping.keep(), keeping.keep()
    (copy,) = tonight_copies_in(directory / STATEMENTS)

    assert [path.name for path in first] == ["tonight_2025-12-31.txt", "tonight_2025-12-31.pdf"]
    assert [path.suffix for path in second] == [".txt"]
    assert [path.suffix for path in third] == [".pdf"]
    assert nothing == waits == done == []
    assert "23:10　R7-0001：続報" in copy.text.read_text()
    assert copy.pdf.read_bytes() == b"%PDF-1.7 of 1 changes"
    assert {stat.S_IMODE(path.stat().st_mode) for path in (directory / STATEMENTS).iterdir()} == {0o600}


def test_before_they_are_issued_there_is_no_copy_and_old_ones_go(data: tuple[Path, Centre]) -> None:
    """Tonight's and last night's are kept."""
    directory, centre = data
    for day in ("2025-12-31", "2026-01-01", "2026-01-02"):
        centre.tick(f"{day} 16:50")
        copies(directory, centre).keep()
    centre.tick("2026-01-03 09:00")

    assert copies(directory, centre).keep() == []
    assert [str(copy.night) for copy in tonight_copies_in(directory / STATEMENTS)] == ["2026-01-02", "2026-01-01"]


def test_a_first_start_in_the_night_has_a_copy_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was issued that evening; the copy says so, and speaks of no hour that has passed. It follows as ever."""
    directory = DataDirectory(tmp_path / ".yoake")
    directory.keep(Kept(format=FORMAT, ward=WARD.id))
    monkeypatch.setattr(desk_examples, "SECRETS", Secrets.at(directory / "keys"))
    with Centre(f"sqlite:///{directory.path}/{{service}}.db", ward=None) as centre:
        centre.clock.now = at("2026-01-01 02:57")
        centre.activate(WARD)
        keeper = copies(directory.path, centre)
        keeper.keep()
        (first,) = tonight_copies_in(directory.path / STATEMENTS)
        before = first.text.read_text("utf-8")
        centre.say("night", call("A", "2026-01-01 03:00"))
        centre.pump()
        written = keeper.keep()

        assert "この夜間には発行していません。" in before
        assert "16:50" not in before
        assert "R8-0001" not in before
        assert first.pdf.exists()
        assert written == [first.text]
        assert "対応中1件" in first.text.read_text("utf-8")
        assert [copy.night.isoformat() for copy in tonight_copies_in(directory.path / STATEMENTS)] == ["2025-12-31"]


def test_the_copy_is_printed_where_nothing_else_is_left(data: tuple[Path, Centre], tmp_path: Path) -> None:
    """No database, no key, no ward's file, as in a power cut; as PDF as well."""
    directory, centre = data
    copies(directory, centre).keep()
    alone, to = tmp_path / "alone", tmp_path / "last.pdf"
    alone.mkdir()
    shutil.move(str(directory / STATEMENTS), str(alone / STATEMENTS))
    printed, written = yoake(alone, "--last"), yoake(alone, "--last", "--pdf", str(to))

    assert (printed.exit_code, written.exit_code) == (0, 0)
    assert "約束しないこと：帰る日" in printed.stdout
    assert "tonight_2025-12-31.txt" in printed.stderr.replace("\n", "")
    assert to.read_bytes().startswith(b"%PDF")


def test_the_text_is_there_also_where_no_pdf_can_be_made(data: tuple[Path, Centre]) -> None:
    """And what is written afterwards is kept all the same."""

    def broken(_: Sheet) -> bytes:
        raise NoPdf("broken")

    directory, centre = data
    keeping = copies(directory, centre, broken)
    first = keeping.keep()
    centre.say("night", note(None, "2025-12-31 18:00", number="R7-0002", personal={"note": "折り返し済み"}))
    centre.pump()
    second = keeping.keep()

    assert [path.suffix for path in [*first, *second]] == [".txt", ".txt"]
    assert "折り返し済み" in second[0].read_text()
