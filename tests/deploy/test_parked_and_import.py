"""The desk for parked messages and the import of sheets, on a Yoake that runs."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from deploy.cli import app
from deploy.datadir import DataDirectory
from deploy.history import plan, read_examples
from deploy.importing.mapping import load as load_mapping
from deploy.opened import Opened
from deploy.setting_up import PUBLISHED
from events.adapter import Adapter
from services.era import japanese_date
from services.reporting.published import compare
from services.reporting.published import load as load_tables
from services.ward import load as load_ward
from tests.deploy.sheet_examples import CALLS, HEADING, ROOT, ROSTER, csv_file, person, xlsx_file
from tests.running import GROUND, WARD, Finished, call, message, placed, running, settled, until, up, write_lines

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
    assert "理由: 値の種類が違います（必要なのは文字、届いたのは整数）" in done.stdout
    assert "相談 data.case" in done.stdout
    assert parked(here, "--lang", "en").stdout.count("Reason") == 1


def test_a_mended_copy_is_taken_under_the_same_id(here: Path, tmp_path: Path) -> None:
    """Another id, another message or no JSON is said before anything is sent."""
    (row,) = listed(here)
    right = message("close-1", "case.close", "2023-06-20T10:00:00+09:00", {"case": "C-1"})
    for wrong, says in (
        (right | {"id": "close-2"}, "`source` か `id` が"),
        (right | {"type": "case.shut"}, "知られていません（受け付けられる内容"),
    ):
        told = parked(here, "mend", row["number"], write_lines(tmp_path / "wrong.json", [wrong]))
        assert (told.returncode, says in told.stderr) == (2, True), told.stderr
    mended = parked(here, "mend", row["number"], write_lines(tmp_path / "right.json", [right]))

    before = len(listed(here, "--all"))
    again = [
        parked(here, "mend", row["number"], tmp_path / "right.json"),
        parked(here, "resend", row["number"]),
        parked(here, "close", row["number"], "--reason", "x"),
    ]

    assert mended.returncode == 0, mended.stderr
    assert listed(here) == []
    assert listed(here, "--all")[-1]["state"] == "mended"
    assert [(done.returncode, "すでに直して再送済みです" in done.stderr) for done in again] == [(2, True)] * 3
    assert len(listed(here, "--all")) == before


def test_an_editor_and_standard_input_mend_too(here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The editor gets the content unsealed, in a file of its owner alone; one that ends badly sends nothing."""
    tents = [{**placed(n), "data": {**placed(n)["data"], "kind": "tent"}} for n in (3, 4)]
    feed(here, tmp_path, call(3), call(4))
    feed(here, tmp_path, *tents)
    first, second = listed(here)
    (script := tmp_path / "editor.py").write_text(
        "import os, sys\nfile = sys.argv[1]\nassert os.stat(file).st_mode & 0o077 == 0\n"
        "text = open(file).read()\nopen(file, 'w').write(text.replace('tent', 'short-stay'))\n"
    )
    monkeypatch.setenv("VISUAL", f"{sys.executable} -c 'raise SystemExit(1)'")
    failed = parked(here, "mend", first["number"], "--edit")
    monkeypatch.setenv("VISUAL", f"{sys.executable} {script}")
    edited = parked(here, "mend", first["number"], "--edit")
    given = CliRunner().invoke(
        app, ["parked", "mend", second["number"], "-", "--data", str(here)], input=json.dumps(placed(4))
    )

    assert (failed.returncode, "何も送っていません" in failed.stderr) == (2, True)
    assert (edited.returncode, given.exit_code) == (0, 0), edited.stderr + given.stderr
    assert listed(here) == []


def test_a_conflict_is_closed_with_a_reason(here: Path, tmp_path: Path) -> None:
    """It cannot be resent or mended under its id; the words of the reason are nowhere in clear."""
    feed(here, tmp_path, call(2))
    feed(here, tmp_path, call(2, district="kinuta"))
    (row,) = listed(here)
    again = parked(here, "resend", row["number"])
    blank = [parked(here, "close", row["number"], "--reason", text) for text in ("", " 　")]
    still = listed(here)
    closed = parked(here, "close", row["number"], "--reason", "先のものが正しい", "--by", "架空 次郎")

    assert (row["kind"], len(row["first"])) == ("conflict", 1)
    assert (again.returncode, "新しい番号で" in again.stderr) == (2, True)
    assert [(told.returncode, "閉じる理由を入力してください" in told.stderr) for told in blank] == [(2, True)] * 2
    assert still == [row]
    assert closed.returncode == 0, closed.stdout + closed.stderr
    assert listed(here) == []
    assert listed(here, "--all")[-1]["because"] == "other"
    shown = [parked(here, "show", row["number"], *options).stdout for options in ((), ("--clear",))]
    assert ["先のものが正しい" in text and "架空 次郎" in text for text in shown] == [False, True]
    in_json = parked(here, "show", row["number"], "--clear", "--json").json
    assert in_json["closing"] == {"by": "架空 次郎", "reason": "先のものが正しい"}
    until(lambda: settled(here))
    assert "先のもの".encode() not in (here / "reporting.db").read_bytes()


def test_what_was_parked_behind_a_mended_message_is_named(here: Path, tmp_path: Path) -> None:
    """The return was parked because the acceptance was: mending the one, a person is told of the other."""
    offer = message("h-1", "handover.offer", "2023-06-05T10:00:00+09:00", {})
    offer["data"] = {"case": "C-1", "handover": "H-1", "kind": "agency", "to": "架空", **GROUND}
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


def test_all_that_have_something_in_common_are_closed_for_one_reason(here: Path, tmp_path: Path) -> None:
    """Said how many first; what the options do not mean stays; numbers and options are not given together."""
    feed(here, tmp_path, *(call(n) for n in (31, 32, 33)))
    feed(here, tmp_path, *(call(n, district="kinuta") for n in (31, 32)))
    feed(here, tmp_path, message("close-9", "case.close", "2023-06-20T10:00:00+09:00", {"case": 7}))
    meant = ("--kind", "conflict", "--source", "/test/desk", "--reason", "x")
    asked = parked(here, "close", *meant)
    before = [row["kind"] for row in listed(here)]
    both = parked(here, "close", listed(here)[0]["number"], *meant)
    closed = parked(here, "close", *meant, "--yes", "--json")
    (left,) = listed(here)
    one = parked(here, "close", left["number"], "--reason", "x", "--lang", "en")

    assert (asked.returncode, "2件が当てはまります" in asked.stdout, before.count("conflict")) == (0, True, 2)
    assert (both.returncode, "両方は指定できません" in both.stderr) == (2, True)
    assert [receipt["status"] for receipt in closed.json.values()] == ["accepted"] * 2
    assert (left["kind"], one.stdout) == ("parked", f"{left['number']}: Closed.\n")
    assert listed(here) == listed(here, "--kind", "conflict") == []


def test_a_number_that_nobody_has_is_said_to_be_none(here: Path) -> None:
    """And what a number looks like."""
    for number in ("intake-999", "nobody-1", "7"):
        told = parked(here, "show", number)
        assert (told.returncode, "intake-3" in told.stderr) == (2, True)


EXAMPLES = ROOT / "events" / "examples"


def imported(data: Path, file: Path, mapping: Path, *options: object, by: str = "contractor") -> Finished:
    return run("import", file, "--map", mapping, "--as", by, "--data", data, "--json", *options)


@pytest.mark.parametrize(("sheet", "mapping", "rows"), [("roster.csv", ROSTER, 3), ("call-log.csv", CALLS, 4)])
def test_the_sheets_of_the_page_are_taken_once(
    here: Path, tmp_path: Path, sheet: str, mapping: Path, rows: int
) -> None:
    """A dry run sends nothing; imported, every row is taken; imported again, every row is known."""
    (file := tmp_path / sheet).write_bytes((EXAMPLES / sheet).read_bytes())
    dry = imported(here, file, mapping, "--synthetic", "--dry-run")
    first = imported(here, file, mapping, "--synthetic")
    again = imported(here, file, mapping, "--synthetic")

    assert (dry.returncode, dry.json["states"]) == (0, {"ready": rows}), dry.stdout + dry.stderr
    assert (first.returncode, first.json["states"], first.json["copy"]) == (0, {"accepted": rows}, None), first.stdout
    assert (again.returncode, again.json["states"]) == (0, {"known": rows})


def test_the_sheet_of_the_page_is_the_file_of_examples() -> None:
    """Whoever copies from events/README.md and whoever takes the file have the same."""
    page = (ROOT / "events" / "README.md").read_text(encoding="utf-8")

    assert f"```csv\n{(EXAMPLES / 'call-log.csv').read_text(encoding='utf-8')}```" in page


def test_the_mended_copy_adds_only_what_is_new_and_an_edited_row_is_corrected(here: Path, tmp_path: Path) -> None:
    """The row without a number is held back; numbered it is taken; an edited one is told, then corrected."""
    second: dict[str, str] = {"フリガナ": "カクウ ジロウ", "生年月日": "昭和61年1月1日", "電話番号": "000-0000-0011"}
    third: dict[str, str] = {"フリガナ": "カクウ サブロウ", "生年月日": "昭和62年1月1日", "電話番号": "000-0000-0012"}
    other: dict[str, str] = {
        "フリガナ": "カクウ シロウ",
        "生年月日": "昭和63年1月1日",
        "電話番号": "000-0000-0013",
    }
    lines = [HEADING, person("X-1", **other), person(None, **second), person("X-3", 地域="北区", **third)]
    file = csv_file(tmp_path / "a.csv", lines, "cp932")
    first = imported(here, file, ROSTER, "--synthetic", by="day")
    copy = Path(first.json["copy"])
    text = copy.read_text("cp932")
    copy.write_text(
        text.replace("\n,令和6年", "\nX-2,令和6年").replace("X-1,令和6年4月10日", "X-1,令和6年4月11日"), "cp932"
    )
    again = imported(here, copy, ROSTER, "--synthetic", by="day")
    told = run("import", copy, "--map", ROSTER, "--as", "day", "--data", here, "--synthetic")
    corrected = imported(here, copy, ROSTER, "--synthetic", "--correct", "登録日の訂正", by="day")
    known = imported(here, copy, ROSTER, "--synthetic", "--correct", "登録日の訂正", by="day")

    assert (first.returncode, first.json["states"]) == (1, {"accepted": 1, "flagged": 1, "held": 1})
    assert [(p["row"], p["state"]) for p in first.json["problems"]] == [(3, "held"), (4, "flagged")]
    assert (again.returncode, again.json["states"]) == (1, {"accepted": 1, "known": 1, "edited": 1})
    assert "B列「登録日」：受け付けた内容と違います\n" in told.stdout
    assert "--correct" in told.stdout
    assert (corrected.returncode, corrected.json["states"]) == (0, {"known": 2, "corrected": 1})
    assert (known.returncode, known.json["states"]) == (0, {"known": 3})
    assert listed(here) == []


def test_what_a_former_provider_imported_is_corrected_by_whoever_is_under_contract(here: Path, tmp_path: Path) -> None:
    """The same sheet, edited, with `--of`: nobody is registered twice, and a row that it never sent is held back."""
    own: dict[str, str] = {"フリガナ": "カクウ ゴロウ", "生年月日": "昭和59年5月5日", "電話番号": "000-0000-0015"}
    new: dict[str, str] = {"フリガナ": "カクウ ロクロウ", "生年月日": "昭和59年6月6日", "電話番号": "000-0000-0016"}
    before = csv_file(tmp_path / "before.csv", [HEADING, person("Z-1", **own)], "cp932")
    after = csv_file(tmp_path / "after.csv", [HEADING, person("Z-1", 地域="砧", **own), person("Z-2", **new)], "cp932")
    asked = ("--synthetic", "--of", "contractor", "--correct", "転居")

    first = imported(here, before, ROSTER, "--synthetic", by="contractor")
    corrected, again = (imported(here, after, ROSTER, *asked, by="day") for _ in range(2))
    unknown = run("import", after, "--map", ROSTER, "--as", "day", "--of", "nobody", "--data", here)

    assert (first.returncode, first.json["states"]) == (0, {"accepted": 1})
    assert (corrected.returncode, corrected.json["states"]) == (1, {"corrected": 1, "held": 1})
    assert (again.returncode, again.json["states"]) == (1, {"known": 1, "held": 1})
    assert (unknown.returncode, "--of" in unknown.stderr, "contractor" in unknown.stderr) == (2, True, True)


def test_what_cannot_be_imported_is_said_in_one_line(here: Path, tmp_path: Path) -> None:
    """An unknown provider, a column that is missing, a mapping with a fault; no trace of ours on the screen."""
    file = csv_file(tmp_path / "a.csv", [["番号"], ["1"]])
    (broken := tmp_path / "m.toml").write_text("type = 1")
    for arguments, says in (
        (("--map", ROSTER, "--as", "nobody"), "contractor"),
        (("--map", ROSTER, "--as", "contractor"), "登録番号"),
        (("--map", broken, "--as", "contractor"), "m.toml"),
        (("--map", ROSTER, "--as", "contractor", "--checked", file), "元の表そのもの"),
    ):
        told = run("import", file, *arguments, "--data", here)
        assert (told.returncode, says in told.stderr, "Traceback" in told.stderr) == (2, True, False), told.stderr


def test_where_the_copy_goes_is_looked_at_before_anything_is_sent(here: Path, tmp_path: Path) -> None:
    """A directory that is not there, or a directory itself: one sentence, and no row was sent."""
    file = csv_file(tmp_path / "a.csv", [HEADING, person("R-901", 地域="アトランティス")])
    arguments = ("import", file, "--map", ROSTER, "--as", "contractor", "--synthetic", "--data", here)
    for place in (tmp_path / "none" / "x.csv", tmp_path):
        told = run(*arguments, "--checked", place)
        assert (told.returncode, told.stderr.count("\n")) == (2, 1), told.stderr
        assert f"{place}: ここには写しを保存できません" in told.stderr
    taken = run(*arguments, "--checked", tmp_path / "x.csv", "--json")

    assert taken.json["states"] == {"flagged": 1}
    assert (tmp_path / "x.csv").exists()


HISTORY_ROSTER = """
type = "registration.submit"
source = "/history/setagaya/20221001"
synthetic = true
id = { columns = ["通し番号"] }
field = [
  { to = "time", as = "time", columns = ["登録日時"] },
  { to = "entered", as = "time", columns = ["入力日時"] },
  { to = "data.person", columns = ["登録番号"] },
  { to = "data.district", columns = ["地域"] },
  { to = "data.handbooks", as = "list", columns = ["手帳"], none = ["なし"] },
  { to = "data.certificate", as = "truth", columns = ["受給者証"] },
  { to = "data.personal.name", columns = ["氏名"] },
  { to = "data.personal.birth_date", as = "day", columns = ["生年月日"] },
]
"""

HISTORY_CALLS = """
type = "call.report"
source = "/history/setagaya/20221001"
synthetic = true
id = { columns = ["通し番号"] }
field = [
  { to = "time", as = "time", columns = ["受付日時"] },
  { to = "entered", as = "time", columns = ["入力日時"] },
  { to = "data.not_counted", columns = ["件数外"] },
  { to = "data.matters[0].case", columns = ["相談1"] },
  { to = "data.matters[0].person", columns = ["登録番号1"] },
  { to = "data.matters[0].district", columns = ["地域1"] },
  { to = "data.matters[0].reasons", as = "list", columns = ["理由1"] },
  { to = "data.matters[1].case", columns = ["相談2"] },
  { to = "data.matters[1].person", columns = ["登録番号2"] },
  { to = "data.matters[1].district", columns = ["地域2"] },
  { to = "data.matters[1].reasons", as = "list", columns = ["理由2"] },
]
"""


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=None)


def _roster_line(message: dict[str, Any]) -> list[Any]:
    data, times = message["data"], [_moment(message["time"]), _moment(message["entered"])]
    books = data.get("handbooks")
    marks = None if books is None else "、".join(books) or "なし"
    certificate = {True: "○", False: "×", None: None}[data.get("certificate")]
    personal = data.get("personal", {})
    birth = personal.get("birth_date")
    born = japanese_date(date.fromisoformat(birth)) if birth else None
    own = [data["person"], data.get("district"), marks, certificate, personal.get("name"), born]
    return [message["id"], *times, *own]


def _call_line(message: dict[str, Any]) -> list[Any]:
    line = [message["id"], _moment(message["time"]), _moment(message["entered"]), message["data"].get("not_counted")]
    for matter in message["data"].get("matters", []):
        line += [matter.get(field) for field in ("case", "person", "district")]
        line.append("、".join(matter.get("reasons", [])) or None)
    return line


def test_the_demo_history_out_of_sheets_gives_the_published_tables(tmp_path: Path) -> None:
    """Registrations and calls out of workbooks, the rest as messages: cell by cell as if all had been fed."""
    tables, ward = load_tables(PUBLISHED), load_ward(WARD)
    sent = [message for _, message in plan(tables, ward, 20221001, read_examples(PUBLISHED))]
    kinds = {"registration.submit": (HISTORY_ROSTER, _roster_line), "call.report": (HISTORY_CALLS, _call_line)}
    rest = [message for message in sent if message["type"] not in kinds]
    with up(data := tmp_path / "data"):
        for kind, (text, line) in kinds.items():
            (mapping := tmp_path / f"{kind}.toml").write_text(text)
            own = [message for message in sent if message["type"] == kind]
            lines = [load_mapping(mapping).columns, *map(line, own)]
            done = imported(data, xlsx_file(tmp_path / f"{kind}.xlsx", lines), mapping)
            assert done.returncode == 0, done.stdout
            assert done.json["states"].get("accepted", 0) + done.json["states"].get("flagged", 0) == len(own)
        fed = run("feed", write_lines(tmp_path / "rest.jsonl", rest), "--as", "contractor", "--data", data)
        assert fed.returncode == 0, fed.stdout
        until(lambda: settled(data))
        books = Opened(DataDirectory(data).settings(), "setagaya")
        with closing(books):
            for table in tables:
                report = books.inquiry.report(table.report, years=table.years, as_of=table.as_of)
                assert [cell for cell in compare(table, report) if not cell.equal] == []
