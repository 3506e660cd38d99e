"""What a sheet says becomes a message, whatever program wrote it; and what is odd in it is told by row and column."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook

from deploy.importing.copying import path_of_copy, write_copy
from deploy.importing.faults import in_words
from deploy.importing.making import Finding
from deploy.importing.mapping import MappingError, load
from deploy.importing.sheets import ITEMS, STATE, Sheet, SheetError
from deploy.importing.values import clock_of, day_of, moment_of, text_of, truth_of
from deploy.importing.words import TAKEN, letter, told
from events.messages import Receipt
from services.inbox import A_TIME
from services.ward import load as load_ward
from tests.deploy.sheet_examples import CALLS, HEADING, ROSTER, Imported, Lines, csv_file, person, xlsx_file
from tests.desk_examples import at
from tests.running import WARD


def D(*parts: int) -> datetime:  # noqa: N802  (short in the tables below)
    """A moment as a sheet keeps it, without an offset."""
    return datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        ("昭和60年4月30日", date(1985, 4, 30)),
        ("Ｓ６０．４．３０", date(1985, 4, 30)),
        ("令和元年5月1日（水）", date(2019, 5, 1)),
        ("1985/4/30", date(1985, 4, 30)),
        ("19850430", date(1985, 4, 30)),
        (D(1985, 4, 30), date(1985, 4, 30)),
        (31167, date(1985, 4, 30)),
        ("31167", date(1985, 4, 30)),
        ("昭和60年4月31日", None),
        ("不明", None),
        (3, None),
        (True, None),
        (1e12, None),
    ],
)
def test_a_day_is_read_in_any_era_width_and_format(cell: Any, day: date | None) -> None:
    """As people type it, as a spreadsheet keeps it, as its number of days."""
    assert day_of(cell) == day


@pytest.mark.parametrize(
    ("cell", "clock"),
    [
        ("2:10", time(2, 10)),
        ("午前２時１０分", time(2, 10)),
        ("午後2時", time(14)),
        ("午後12時5分", time(12, 5)),
        ("午前12時", time(0)),
        ("23:59:59", time(23, 59, 59)),
        (time(2, 10), time(2, 10)),
        (0.5, time(12)),
        ("24:00", timedelta(hours=24)),
        ("２６時１０分", timedelta(hours=26, minutes=10)),
        ("29:59:59", timedelta(hours=29, minutes=59, seconds=59)),
        (timedelta(hours=25, minutes=50), timedelta(hours=25, minutes=50)),
        (D(1900, 1, 1, 1, 50), timedelta(hours=25, minutes=50)),
        (1.0625, timedelta(hours=25, minutes=30)),
        ("30:00", None),
        (timedelta(hours=30), None),
        ("25:60", None),
        ("午後25時", None),
        ("210", None),
        ("午後13時", None),
        ("夜", None),
    ],
)
def test_a_time_of_day_is_read_in_any_width_and_format(cell: Any, clock: time | timedelta | None) -> None:
    """30 hours, as a night shift counts them, or 午前 and 午後; what is no time is none."""
    since = datetime.combine(D(1, 1, 1), clock) - D(1, 1, 1) if isinstance(clock, time) else clock
    assert clock_of(cell) == since


@pytest.mark.parametrize(
    ("cells", "moment"),
    [
        (["令和6年5月14日", "2:10"], D(2024, 5, 14, 2, 10)),
        (["令和6年5月14日 午前2時10分"], D(2024, 5, 14, 2, 10)),
        (["令和6年5月14日（火）2:10"], D(2024, 5, 14, 2, 10)),
        (["2024-05-14 02:10:30"], D(2024, 5, 14, 2, 10, 30)),
        ([D(2024, 5, 14), time(2, 10)], D(2024, 5, 14, 2, 10)),
        ([45426.0902777], D(2024, 5, 14, 2, 10)),
        (["令和6年5月14日", None], D(2024, 5, 14)),
        (["R7.11.15", "25:50"], D(2025, 11, 16, 1, 50)),
        (["R8.3.31 24:00"], D(2026, 4, 1)),
        (["2025-12-31T29:59"], D(2026, 1, 1, 5, 59)),
        (["9999-12-31", "25:00"], None),
        (["R7.13.40"], None),
        (["令和6年5月14日", "夜"], None),
        (["きのう"], None),
    ],
)
def test_a_moment_comes_of_one_cell_or_of_two(cells: list[Any], moment: datetime | None) -> None:
    """A day alone is 0:00; half a moment is none."""
    found = moment_of(cells)
    assert (found.replace(microsecond=0) if found else None) == moment


def test_a_moment_with_an_offset_keeps_it() -> None:
    """Another system's export."""
    assert moment_of(["2024-05-14T02:10:00+09:00"]) == at("2024-05-14 02:10")


def test_marks_say_yes_no_or_neither() -> None:
    """Nothing is guessed."""
    assert [truth_of(mark) for mark in ("○", "〇", "レ", "有", "×", "なし", "△")] == [True] * 4 + [False] * 2 + [None]


def test_a_number_that_a_sheet_keeps_as_a_fraction_is_the_number() -> None:
    """1.0 is no id of anybody's."""
    assert [text_of(cell) for cell in (1.0, 2.5, " a ", None, True)] == ["1", "2.5", "a", "", "true"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932", "xlsx"])
def test_the_same_sheet_in_any_format_makes_the_same_messages(tmp_path: Path, encoding: str) -> None:
    """With and without a byte order mark, in cp932 with 髙 and 﨑, and as a workbook."""
    lines: Lines = [HEADING, person(氏名="架空 髙子"), person("Ｒ－００２", 氏名="架空 﨑男", 電話番号="０００－１")]
    is_xlsx = encoding == "xlsx"
    file = xlsx_file(tmp_path / "a.xlsx", lines) if is_xlsx else csv_file(tmp_path / "a.csv", lines, encoding)
    done = Imported(file)

    assert done.sheet.encoding == encoding
    assert [message["id"] for message in done.messages.values() if message] == ["R-001", "R-002"]
    assert done.data(2) == {
        "person": "R-001",
        "district": "北沢",
        "handbooks": ["intellectual"],
        "certificate": True,
        "personal": {
            "name": "架空 髙子",
            "kana": "カクウ ハナコ",
            "birth_date": "1985-04-30",
            "phone": "000-0000-0001",
            "address": "世田谷区架空町1-1-1",
            "contacts": [{"name": "架空 一郎"}],
        },
    }
    assert done.data(3)["personal"]["name"] == "架空 﨑男"
    assert done.result.counts == {"ready": 2}


def test_what_cp932_cannot_say_is_told_and_not_lost(tmp_path: Path) -> None:
    """Bytes that are no character of it, or one of a single machine's own (外字), stand as they are and are named."""
    file = tmp_path / "a.csv"
    text = io.StringIO(newline="")
    csv.writer(text).writerows([HEADING, person(氏名="架空 XX")])
    file.write_bytes(text.getvalue().encode("cp932").replace(b"XX", b"\x85\x40\xfd"))
    done = Imported(file)

    assert done.sheet.encoding == "cp932"
    assert ("unreadable", ["氏名"]) in done.told(2)
    assert "\\x85" in done.data(2)["personal"]["name"]


def test_real_dates_and_numbers_of_a_workbook_are_read(tmp_path: Path) -> None:
    """A number in the column of numbers, a date as a date, and one whose format was lost."""
    line = person(7, 登録日=D(2024, 4, 10), 生年月日=31167, 受給者証=True)
    done = Imported(xlsx_file(tmp_path / "a.xlsx", [HEADING, line]))
    message = done.messages[2]

    assert message
    assert (message["id"], message["time"]) == ("7", "2024-04-10T00:00:00+09:00")
    assert done.data(2)["personal"]["birth_date"] == "1985-04-30"
    assert done.data(2)["certificate"] is True


@pytest.mark.parametrize("suffix", ["xlsx", "csv"])
def test_a_telephone_number_kept_as_a_number_gets_its_zero_back(tmp_path: Path, suffix: str) -> None:
    """A spreadsheet takes the 0 away; a number with it, or one of another length, stands as it is."""
    cells = [9012345678, 312345678, "03-0000-0001", "000-0000-0001", 12345678, "８０１２３４５６７８"]
    mother = {"緊急連絡先電話": 8000000001.0 if suffix == "xlsx" else 8000000001}
    lines: Lines = [HEADING, *(person(f"R-{n}", 電話番号=cell, **mother) for n, cell in enumerate(cells))]
    make = xlsx_file if suffix == "xlsx" else csv_file
    done = Imported(make(tmp_path / f"a.{suffix}", lines))
    told = [done.data(row)["personal"]["phone"] for row in range(2, 8)]

    assert told == ["09012345678", "0312345678", "03-0000-0001", "000-0000-0001", "12345678", "08012345678"]
    assert done.data(2)["personal"]["contacts"][0]["phone"] == "08000000001"


QUOTES = {
    "to the end": ('"架空 引用2', "2"),
    "to the next quote": ('"架空 引用2', '"2"'),
}


@pytest.mark.parametrize("name", QUOTES)
def test_a_quote_that_is_not_closed_is_told_with_its_row(tmp_path: Path, name: str) -> None:
    """Otherwise the rows behind it would be one cell of it, and lost without a word."""
    opened, later = QUOTES[name]
    rows = ["a,b", '"1",x', f"{opened},x", "3,x", f"{later},x"]
    file = tmp_path / "a.csv"
    file.write_text("\n".join(rows) + "\n", encoding="utf-8")

    with pytest.raises(SheetError, match=r"3行目で開いた引用符.*the quote \(\"\) opened in row 3 is not closed"):
        Sheet(file)


def test_quotes_within_a_cell_and_around_lines_are_as_spreadsheets_write_them(tmp_path: Path) -> None:
    """Doubled within, and with line breaks."""
    file = csv_file(tmp_path / "a.csv", [["a"], ['架空 "花子"'], ["一行目\n二行目"], ["x"]])

    assert [cells for _, cells in Sheet(file).rows()] == [["a"], ['架空 "花子"'], ["一行目\n二行目"], ["x"]]


def test_titles_blank_rows_and_merged_cells_are_no_rows(tmp_path: Path) -> None:
    """The heading is where every column is, and rows keep the numbers that they have in the sheet."""
    book = Workbook()
    for line in (["利用登録台帳"], [], HEADING, [], person(), [None] * 20, person("R-002")):
        book.active.append(line)
    book.active.merge_cells("A1:P1")
    book.save(tmp_path / "a.xlsx")

    assert list(Imported(tmp_path / "a.xlsx").messages) == [5, 7]


def test_a_heading_of_two_rows_names_columns_by_both(tmp_path: Path) -> None:
    """A cell merged over several columns belongs to each of them."""
    lines: Lines = [
        ["番号", "日", "連絡先", None],
        [None, None, "氏名", "電話"],
        ["1", "R6.4.10", "架空 一郎", "000-0000"],
    ]
    mapping = tmp_path / "m.toml"
    mapping.write_text(
        'type = "registration.submit"\nsource = "/t"\n[sheet]\nheading_rows = 2\n[id]\ncolumns = ["番号"]\n'
        '[[field]]\nto = "time"\nas = "time"\ncolumns = ["日"]\n'
        '[[field]]\nto = "data.personal.contacts[0].phone"\ncolumns = ["連絡先/電話"]\n'
    )
    done = Imported(xlsx_file(tmp_path / "a.xlsx", lines), mapping)

    assert done.data(3) == {"personal": {"contacts": [{"phone": "000-0000"}]}}


def test_formulas_give_their_result_and_one_never_calculated_is_told(tmp_path: Path) -> None:
    """A file written by a program has formulas without results; nothing is calculated here."""
    file = xlsx_file(tmp_path / "a.xlsx", [HEADING, person(地域='=CONCAT("北","沢")')])
    done = Imported(file)

    assert ("no-result", ["地域"]) in done.told(2)
    assert "district" not in done.data(2)


def test_a_cell_of_ten_thousand_characters_is_sent_and_one_of_a_million_is_held(tmp_path: Path) -> None:
    """What would be refused whole by its size is told beforehand, alone."""
    lines = [HEADING, person(住所="あ" * 10_000), person("R-002", 住所="あ" * 100_000)]
    done = Imported(csv_file(tmp_path / "a.csv", lines))

    assert done.result.counts == {"ready": 1, "held": 1}
    assert done.told(3) == [("too-large", [])]


def test_a_column_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    """In both languages, with what to do."""
    with pytest.raises(SheetError, match=r"「登録番号」の列がありません。ある列：番号、.*'登録番号'"):
        Imported(csv_file(tmp_path / "a.csv", [["番号", *HEADING[2:]], person()]))


def test_a_column_that_is_there_twice_is_not_guessed(tmp_path: Path) -> None:
    """Which of them is meant, a person says."""
    with pytest.raises(SheetError, match="同じ見出しの列が複数"):
        Imported(csv_file(tmp_path / "a.csv", [[*HEADING, "氏 名"], person()]))


def test_what_is_no_sheet_says_what_would_be_one(tmp_path: Path) -> None:
    """A text called .xlsx, an archive of something else, an old .xls, a damaged workbook, nothing at all."""
    (text := tmp_path / "a.xlsx").write_text("番号,氏名")
    with zipfile.ZipFile(zipped := tmp_path / "b.xlsx", "w") as packed:
        packed.writestr("a.txt", "x")
    (old := tmp_path / "c.xls").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
    with zipfile.ZipFile(damaged := tmp_path / "d.xlsx", "w") as packed:
        packed.writestr("xl/workbook.xml", "<")
    for file in (text, zipped, old, damaged, tmp_path / "none.csv"):
        with pytest.raises(SheetError, match=r"save|give"):
            Sheet(file)


@pytest.mark.parametrize(
    "content",
    [
        b"SQLite format 3\x00\x10\x00\x01\x01\x00@  \x00",
        b"%PDF-1.7\n%",
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
        b"<!DOCTYPE html><table>",
        "番号,氏名".encode("utf-16-le"),
    ],
)
def test_a_file_that_is_no_text_is_said_to_be_no_sheet(tmp_path: Path, content: bytes) -> None:
    """In both languages, without a byte of it."""
    (file := tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(SheetError, match=r"\.xlsx でも \.csv でもありません.* / neither \.xlsx nor \.csv; ") as error:
        Imported(file)
    assert not {"SQLite", "IHDR", "\0"} & set(str(error.value).split())


def test_a_sheet_in_utf_16_that_says_so_is_read(tmp_path: Path) -> None:
    """By its mark, or by an option."""
    lines = [HEADING, person()]
    marked = csv_file(tmp_path / "a.csv", lines, "utf-16")
    bare = csv_file(tmp_path / "b.csv", lines, "utf-16-le")

    assert Imported(marked).messages == Imported(bare, encoding="utf-16-le").messages


def test_headings_are_told_so_far_as_they_help(tmp_path: Path) -> None:
    """A file of another kind may have a heading of any length."""
    with pytest.raises(SheetError, match=r"ある列：x{40}…、a b") as error:
        Imported(csv_file(tmp_path / "a.csv", [["x" * 9_000, "a\x07b"], ["1"]]))
    assert len(str(error.value)) < 500


def test_odd_values_are_told_by_row_and_column_and_sent_all_the_same(tmp_path: Path) -> None:
    """A form is never refused: only a row without an id, or with a day that nobody can read, is held back."""
    lines = [
        HEADING,
        person(生年月日="昭和60年4月31日", 地域="北区", 受給者証="△"),
        person(None),
        person("R-003", 登録日=None),
    ]
    done = Imported(csv_file(tmp_path / "a.csv", lines))

    assert dict(done.told(2)) == {
        "not-a-day": ["生年月日"],
        "birth-date-unusable": ["生年月日"],
        "unknown-district": ["地域"],
        "not-true-or-false": ["受給者証"],
    }
    assert done.told(3) == [("no-id", ["登録番号"])]
    assert ("time-unusable", ["登録日"]) in done.told(4)
    assert done.result.counts == {"ready-flagged": 2, "held": 1}
    assert not done.result.clean


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("R7.13.40", "time-unreadable"),
        ("きのう", "time-unreadable"),
        ("令和4年4月10日", "time-outside"),
        ("令和17年4月10日", "time-outside"),
        ("=TODAY()", "no-result"),
    ],
)
def test_a_time_that_cannot_be_used_is_never_that_of_the_arrival(tmp_path: Path, cell: str, code: str) -> None:
    """Sent, the row would be counted in the year of the import: it is held back, and mended it is taken."""
    lines = [HEADING, person(登録日=cell), person("R-002")]
    sent = Imported(xlsx_file(tmp_path / "a.xlsx", lines), send=answering())

    assert sent.told(2) == [(code, ["登録日"])]
    assert sent.result.counts == {"held": 1, "accepted": 1}
    assert not sent.result.clean


def test_the_hours_after_midnight_of_a_night_shift_are_of_the_next_day(tmp_path: Path) -> None:
    """受付時刻 25:50, in a text and in a workbook's own hours: 1:50 on the next day, in its fiscal year."""
    heading = load(CALLS).columns
    cells: dict[str, Any] = {"受付日": "R8.3.31", "連絡者": "架空 一郎", "相談番号": "K-1"}
    for n, clock in enumerate(("25:50", timedelta(hours=25, minutes=50))):
        line = [(cells | {"受付時刻": clock}).get(name) for name in heading]
        done = Imported(xlsx_file(tmp_path / f"{n}.xlsx", [heading, line]), CALLS)
        made = done.messages[2]
        assert made is not None
        assert made["time"] == "2026-04-01T01:50:00+09:00"


def test_one_id_in_two_rows_is_sent_once_and_told(tmp_path: Path) -> None:
    """The same again is known; another content is held back, with the row that came first."""
    done = Imported(csv_file(tmp_path / "a.csv", [HEADING, person(), person(), person(氏名="架空 次郎")]))

    assert [done.result.state(row) for row in (2, 3, 4)] == ["ready", "known", "held"]
    assert [found.other_row for found in done.result.findings[4]] == [2]


def test_a_message_that_could_never_be_used_is_held_back(tmp_path: Path) -> None:
    """Anything but a call or a form needs a time and known words; the rules themselves say so."""
    mapping = tmp_path / "m.toml"
    mapping.write_text(
        'type = "placement.arrange"\nsource = "/t"\n[id]\ncolumns = ["番号"]\n'
        '[[field]]\nto = "time"\nas = "time"\ncolumns = ["日"]\n'
        + "".join(f'[[field]]\nto = "data.{to}"\ncolumns = ["{c}"]\n' for to, c in (("case", "相談"), ("kind", "種類")))
        + '[[field]]\nto = "data.placement"\ncolumns = ["番号"]\n'
    )
    kinds = ((1, "short-stay"), (2, "tent"), (3, "x"))
    rows = [[n, "R6.4.10" if n < 3 else "", "C", kind] for n, kind in kinds]
    lines: Lines = [["番号", "日", "相談", "種類"], *rows]
    done = Imported(csv_file(tmp_path / "a.csv", lines), mapping)

    assert [done.result.state(row) for row in (2, 3, 4)] == ["ready", "held", "held"]
    assert done.told(3) == [("unusable", ["種類"])]


def test_an_id_of_a_digest_is_the_same_ever_after(tmp_path: Path) -> None:
    """Of the same cells in any width, in any place of the sheet; and says nothing of what stands in them."""
    heading = load(CALLS).columns
    cells = {"受付日": "令和6年5月14日", "受付時刻": "2:10", "連絡者": "架空 一郎", "相談番号": "K-1"}
    cells |= {"地域": "北沢", "緊急の理由": "介護疲れ、その他"}
    line = [cells.get(name, "") for name in heading]
    wide = ["令和６年５月１４日", "２：１０", *line[2:]]
    first = Imported(csv_file(tmp_path / "a.csv", [heading, line]), CALLS)
    second = Imported(csv_file(tmp_path / "b.csv", [heading, [], ["x"] * len(heading), wide]), CALLS)

    assert first.messages[2] and second.messages[4]  # noqa: PT018  (neither is None)
    assert first.messages[2]["id"] == second.messages[4]["id"]
    assert "架空" not in first.messages[2]["id"]
    assert first.data(2)["matters"][0]["reasons"] == ["介護疲れ", "その他"]


def test_columns_in_another_order_and_more_of_them_change_nothing(tmp_path: Path) -> None:
    """So the corrected copy, with its two columns more, is the same sheet."""
    first = Imported(csv_file(tmp_path / "a.csv", [HEADING, person()]))
    turned = [[STATE, *HEADING[::-1]], ["受付済み", *person()[::-1]]]

    assert Imported(csv_file(tmp_path / "b.csv", turned)).messages == first.messages


def answering(status: str = "accepted", **fields: Any) -> Any:
    """Somebody who gives every message the same receipt."""

    def send(messages: Any) -> list[Receipt]:
        now, given = at("2024-06-01 12:00"), dict[str, Any](status=status, **fields)
        return [Receipt(provider="contractor", service="intake", at=now, id=m["id"], **given) for m in messages]

    return send


def test_what_the_receipts_say_is_told_by_row_and_column(tmp_path: Path) -> None:
    """Flags where they are about a column; a conflict with what to do."""
    file = csv_file(tmp_path / "a.csv", [HEADING, person()])
    flags = [{"code": "unknown-district", "field": "data.district", "accepted": "kitazawa, kinuta"}]
    flagged, conflict = Imported(file, send=answering(flags=flags)), Imported(file, send=answering("conflict"))

    assert (flagged.result.state(2), flagged.told(2)) == ("flagged", [("unknown-district", ["地域"])])
    assert flagged.result.findings[2][0].accepted == "北沢 (kitazawa)、砧 (kinuta)"
    assert (conflict.result.state(2), conflict.result.clean) == ("conflict", False)


def test_what_a_cell_may_hold_is_told_in_japanese(tmp_path: Path) -> None:
    """What a message may hold is not what a cell may: 令和7年4月10日 is taken, and so is ○."""
    file = csv_file(tmp_path / "a.csv", [HEADING, person()])
    flags = [
        {"code": "time-unusable", "field": "entered", "accepted": A_TIME},
        {"code": "not-true-or-false", "field": "data.certificate", "accepted": "true or false"},
        {"code": "outside-hours", "field": "time", "accepted": "a time within the provider's bands"},
        {"code": "possible-duplicate", "field": "data.person", "accepted": "person.merge, if it is one person"},
        {"code": "unknown-channel", "field": "data.channel", "accepted": "fax, phone"},
    ]
    flagged = Imported(file, send=answering(flags=flags)).result.findings[2]
    reason = "data.kind: not one of the known values; accepted: a later time"
    (parked,) = Imported(file, send=answering("parked", field="data.kind", reason=reason)).result.findings[2]

    assert [told(finding, "ja").partition("受け付けられる内容：")[2] for finding in flagged] == [
        "R7.11.15 1:50, 2025-11-15 01:50, 25:50）",
        "○, ×, 有, 無）",
        "担当の時間帯の日時）",
        "同じ方であれば、登録を一つにまとめる（person.merge））",
        "ファクス (fax)、電話 (phone)）",
    ]
    assert told(parked, "ja").endswith("：使える語ではありません（受け付けられる内容：より後の日時）")
    assert told(parked, "en").endswith(": not one of the known values (accepted: a later time)")


def test_a_row_that_was_taken_says_how_it_is_mended(tmp_path: Path) -> None:
    """Imported again it would only be told: beside it stands how it is corrected; beside a row not sent, nothing."""
    file = csv_file(tmp_path / "a.csv", [HEADING, person(), person(None)])
    done = Imported(file, send=answering(flags=[{"code": "unknown-district", "field": "data.district"}]))
    write_copy(done.sheet, done.result, tmp_path / "b.csv", "ja")
    with (tmp_path / "b.csv").open(encoding="utf-8", newline="") as copy:
        _, taken, held = csv.reader(copy)

    assert taken[16:] == ["受付済み・確認が必要です", f"G列「地域」：区の地域にありません\n{TAKEN['ja']}"]
    assert "--correct" in taken[17]
    assert held[17].endswith("番号がないため送信できません")


def test_a_copy_in_english_is_read_again_without_what_was_added(tmp_path: Path) -> None:
    """And its own copy in Japanese has the two columns once; each row is as high as what stands beside it."""
    first = Imported(xlsx_file(tmp_path / "a.xlsx", [HEADING, person(地域="北区", 受給者証="△")]))
    write_copy(first.sheet, first.result, tmp_path / "b.xlsx", "en")
    second = Imported(tmp_path / "b.xlsx")
    write_copy(second.sheet, second.result, tmp_path / "c.xlsx", "ja")
    third = Imported(tmp_path / "c.xlsx")

    assert second.sheet.headings[-2:] == ["State (Yoake)", "Items to check (Yoake)"]
    assert third.sheet.headings == [*HEADING, STATE, ITEMS]
    assert first.messages == second.messages == third.messages
    page = load_workbook(tmp_path / "c.xlsx").active
    assert page.row_dimensions[2].height >= 30
    assert page.column_dimensions["E"].width > page.column_dimensions["H"].width


@pytest.mark.parametrize("suffix", ["xlsx", "csv"])
def test_the_copy_has_every_cell_and_says_what_is_wrong_where(tmp_path: Path, suffix: str) -> None:
    """It is read again as the same sheet; nothing in it is a formula, whatever a cell begins with."""
    evil = '=HYPERLINK("http://x","y")'
    lines = [["台帳"], HEADING, person(氏名=evil, 電話番号="+81-3"), person("R-002", 生年月日="昭和60年4月31日")]
    if suffix == "xlsx":
        book = Workbook()
        for line in lines:
            book.active.append(line)
        book.active["D3"].data_type = "s"
        book.save(file := tmp_path / "a.xlsx")
    else:
        file = csv_file(tmp_path / "a.csv", lines, "cp932")
    done = Imported(file)
    copy = path_of_copy(file)
    write_copy(done.sheet, done.result, copy, "ja")
    again = Imported(copy)

    assert (copy.name, path_of_copy(copy).name) == (f"a.checked.{suffix}", f"a.checked-2.{suffix}")
    assert copy.stat().st_mode & 0o077 == 0
    assert again.messages == done.messages
    assert again.data(3)["personal"]["name"] == evil
    assert again.sheet.headings[-2:] == [STATE, ITEMS]
    if suffix == "xlsx":
        page = load_workbook(copy).active
        assert page["D3"].data_type == "s"
        assert page["F4"].fill.fgColor.rgb.endswith("FFF2CC")
        assert "生年月日" in page["F4"].comment.text
        assert "F列「生年月日」" in str(page["R4"].value)
        assert page["Q4"].value == "送信できます・確認が必要です"
        assert (page.sheet_properties.pageSetUpPr.fitToPage, page.page_setup.fitToHeight) == (True, 0)
        assert (page.page_setup.orientation, page.print_title_rows) == ("landscape", "$2:$2")
    else:
        assert b"'=HYPERLINK" in copy.read_bytes()


def test_a_copy_of_a_copy_has_the_two_columns_once(tmp_path: Path) -> None:
    """However often it goes round."""
    first = Imported(csv_file(tmp_path / "a.csv", [HEADING, person()]))
    write_copy(first.sheet, first.result, tmp_path / "b.csv", "ja")
    second = Imported(tmp_path / "b.csv")
    write_copy(second.sheet, second.result, tmp_path / "c.csv", "ja")

    assert (tmp_path / "c.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_cells_beyond_the_last_heading_stay_and_move_nothing(tmp_path: Path) -> None:
    """Somebody's note at the edge of the sheet is kept; the two columns stand under their headings all the same."""
    first = Imported(csv_file(tmp_path / "a.csv", [HEADING, [*person(), "", "覚え書き"], person(None)]))
    write_copy(first.sheet, first.result, tmp_path / "b.csv", "ja")
    with (tmp_path / "b.csv").open(encoding="utf-8", newline="") as file:
        heading, noted, held = csv.reader(file)

    assert (heading[16:], noted[16:18], noted[18:]) == ([STATE, ITEMS], ["送信できます", ""], ["", "覚え書き"])
    assert held[16].startswith("未送信")


def test_a_character_that_cp932_lacks_makes_the_copy_utf_8(tmp_path: Path) -> None:
    """A byte that is no character, or a word beside a row, must not be lost for the sake of an encoding."""
    done = Imported(csv_file(tmp_path / "a.csv", [HEADING, person()], "cp932"))
    done.result.findings[2] = (Finding("unusable", (), "𠮷"),)

    assert write_copy(done.sheet, done.result, tmp_path / "b.csv", "ja") == "utf-8-sig"
    assert "𠮷" in (tmp_path / "b.csv").read_text("utf-8-sig")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('type = "registration.submit"', 'type = "registration.sent"', r"registration\.submit"),
        ('to = "data.district"', 'to = "data.distrct"', r"no distrct; it has .*district"),
        ('to = "data.district"', 'to = "Data.district"', "a place such as"),
        ('as = "truth"', 'as = "bool"', "truth"),
        ('columns = ["地域"]', 'colums = ["地域"]', "colums"),
        ('columns = ["地域"]', "", "one of columns, constant and marks"),
        ('to = "data.personal.kana"', 'to = "data.personal.name"', "fed twice"),
        ('columns = ["登録日"]', 'columns = ["登録日", "a", "b"]', "one with the date"),
        ("heading_rows = 1", "heading_rows = 9", "1 to 5"),
    ],
)
def test_a_mapping_that_cannot_be_used_says_where_and_what_is_accepted(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    """With its line."""
    text = ROSTER.read_text()
    assert old in text
    (file := tmp_path / "m.toml").write_text(text.replace(old, new, 1))

    with pytest.raises(MappingError, match=told) as error:
        load(file)
    assert error.value.line


def test_columns_are_named_as_a_spreadsheet_does() -> None:
    """After Z comes AA."""
    assert [letter(n) for n in (0, 25, 26, 701, 702)] == ["A", "Z", "AA", "ZZ", "AAA"]


def test_the_sample_ward_is_the_one_of_these_tests() -> None:
    """So that words that it knows are those of the sheets."""
    assert "北沢" in load_ward(WARD).words["district"]


ENGLISH, JAPANESE = re.compile(r"\b[A-Za-z]+ [a-z]+ [a-z]+\b"), re.compile(r"[぀-ヿ一-鿿]")
"""Three words of a sentence; a letter that is none of English."""

A_TIME_COLUMN = '[[field]]\nto = "time"\nas = "time"\ncolumns = ["a"]\n'
A_MAPPING = 'type = "call.report"\nsource = "/t"\nid = { columns = ["a"] }\n' + A_TIME_COLUMN


@pytest.mark.parametrize(
    "text",
    [
        "type = 1",
        'type = "x"',
        A_MAPPING.replace("call.report", "x"),
        A_MAPPING.replace("/t", ""),
        A_MAPPING.replace('["a"]', "[]", 1),
        "sheet = { heading_rows = 9 }\n" + A_MAPPING,
        "huh = 1\n" + A_MAPPING,
        A_MAPPING + A_TIME_COLUMN,
        A_MAPPING.replace('"time"\nas', '"entered"\nas'),
        A_MAPPING.replace('columns = ["a"]\n', 'columns = ["a", "b", "c"]\n'),
        *(
            f"{A_MAPPING}[[field]]\n{field}"
            for field in (
                'to = "data.channel"',
                'to = "data..x"\ncolumns = ["a"]',
                'to = "data.foo"\ncolumns = ["a"]',
                'to = "foo"\ncolumns = ["a"]',
                'to = "entered"\ncolumns = ["a"]',
                'to = "data.channel"\nas = "huh"\ncolumns = ["a"]',
            )
        ),
    ],
)
def test_what_is_wrong_with_a_mapping_is_said_in_the_language_asked_for(tmp_path: Path, text: str) -> None:
    """No sentence of ours is left in the other language."""
    (file := tmp_path / "m.toml").write_text(text)
    with pytest.raises(MappingError) as error:
        load(file)
    fault = str(error.value)

    assert not ENGLISH.search(in_words(fault, "ja"))
    assert in_words(fault, "en") == fault


def test_what_is_wrong_with_a_sheet_is_said_in_the_language_asked_for(tmp_path: Path) -> None:
    """Of the two in which it is said; the headings that are there stand in both."""
    (text := tmp_path / "a.xlsx").write_text("番号,氏名")
    (old := tmp_path / "c.xls").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
    (picture := tmp_path / "d.csv").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00")
    short = csv_file(tmp_path / "e.csv", [["番号 / name"], ["1"]])
    told = []
    for file in (text, old, picture, tmp_path / "none.csv", short):
        with pytest.raises(SheetError) as error:
            Imported(file)
        told.append([in_words(str(error.value), language) for language in ("ja", "en")])

    assert not [ja for ja, _ in told if ENGLISH.search(ja)]
    assert not [en for _, en in told[:-1] if JAPANESE.search(en)]
    assert [("番号 / name" in said, "登録番号" in said) for said in told[-1]] == [(True, True)] * 2
    assert told[-1][1].startswith(f"{short}: there is no column ")
