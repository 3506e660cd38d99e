"""Invented sheets for the tests of the import: a roster and a call log, in any format. 架空データ."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from openpyxl import Workbook

from deploy.importing.checking import Checker
from deploy.importing.differing import Differing
from deploy.importing.making import Maker
from deploy.importing.mapping import load
from deploy.importing.running import Result, Send, run
from deploy.importing.sheets import Sheet
from tests.desk_examples import SECRETS, WARD, at

ROOT = Path(__file__).parents[2]
MAPPINGS = ROOT / "deploy" / "sheets"
ROSTER, CALLS = MAPPINGS / "roster.toml", MAPPINGS / "call-log.toml"

NOW = at("2024-06-01 12:00")
HEADING: list[Any] = [
    *("登録番号", "登録日", "入力日", "氏名", "フリガナ", "生年月日", "地域", "身体", "知的", "精神", "受給者証"),
    *("電話番号", "住所", "緊急連絡先", "続柄", "緊急連絡先電話"),
]

Lines = Sequence[Sequence[Any]]


def person(number: object = "R-001", **cells: Any) -> list[Any]:
    """A line of the roster; by default nothing in it is odd."""
    line = {
        "登録番号": number,
        "登録日": "令和6年4月10日",
        "入力日": "令和6年4月10日",
        "氏名": "架空 花子",
        "フリガナ": "カクウ ハナコ",
        "生年月日": "昭和60年4月30日",
        "地域": "北沢",
        "知的": "○",
        "受給者証": "○",
        "電話番号": "000-0000-0001",
        "住所": "世田谷区架空町1-1-1",
        "緊急連絡先": "架空 一郎",
    }
    return [(line | cells).get(heading) for heading in HEADING]


def csv_file(path: Path, lines: Lines, encoding: str = "utf-8") -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file).writerows(lines)
    return path


def xlsx_file(path: Path, lines: Lines) -> Path:
    book = Workbook()
    for line in lines:
        book.active.append(list(line))
    book.save(path)
    return path


class Imported:
    """A sheet read with a mapping, and what became of it; `messages` by row."""

    def __init__(
        self,
        path: Path,
        mapping: Path = ROSTER,
        *,
        send: Send | None = None,
        again: Callable[[Checker], Differing] | None = None,
        now: datetime = NOW,
        by: str = "contractor",
        **options: Any,
    ) -> None:
        plan = load(mapping)
        self.sheet = Sheet(path, name=plan.sheet.name, **options)
        places = self.sheet.find_heading(plan.columns, plan.sheet.heading_rows)
        self.maker = Maker(plan, places, WARD.zone, SECRETS.digest, epoch=self.sheet.epoch)
        checker = Checker(WARD, by, self.maker, now)
        self.messages = {row: self.maker.make(row, cells).message for row, cells in self.sheet.data()}
        self.result: Result = run(self.sheet, self.maker, checker, send, again=again(checker) if again else None)

    def told(self, row: int) -> list[tuple[str, list[str]]]:
        """The findings of a row: code, and headings of its columns."""
        findings = self.result.findings.get(row, ())
        return [(found.code, [self.sheet.headings[n] for n in found.columns]) for found in findings]

    def data(self, row: int) -> Any:
        """The data of a row's message."""
        message = self.messages[row]
        assert message is not None
        return message["data"]
