"""Reading a sheet row by row, .xlsx or .csv, without holding it: two passes over it see the same."""

from __future__ import annotations

import codecs
import csv
import re
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from deploy.importing.values import EPOCH
from services.era import folded

Row = tuple[int, Sequence[Any]]
"""(the row's number in the file, the first being 1; its cells)."""

ENCODINGS = ("utf-8", "utf-8-sig", "cp932")
MOST_UNPACKED = 2 * 1024**3
"""Bytes to which the parts of an .xlsx may unpack; a small file can be made that would fill any machine."""

LOOKED_INTO = 4_096
"""Bytes, and characters, by which is told what a file is."""

LOOKED_AT = 50
"""Rows among which the heading is looked for."""

STATE, ITEMS = "状態（Yoake）", "確認事項（Yoake）"
ADDED = {"ja": (STATE, ITEMS), "en": ("State (Yoake)", "Items to check (Yoake)")}
"""Headings of the columns that a checked copy has in addition, by its language; they are not read."""

NO_VALUE = "\x00formula"
"""In the place of a formula whose result was never saved."""

_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
_NO_SHEETS = (b"%pdf", b"{\\rtf", b"<?xml", b"<html", b"<!doctype")
_MOST_SHOWN = 40
"""Headings told where one is missing, and characters of each."""
_GUARDED = re.compile(r"'(?=[=+\-@\t\r])")


class SheetError(ValueError):
    """A sheet that cannot be read; says why and what would be accepted."""


class Sheet:
    """One sheet of a file. `headings` are as they stand; data begin after row `heading_row`."""

    def __init__(self, path: Path, *, name: str | None = None, encoding: str | None = None) -> None:
        """Look what it is.

        Raises:
            SheetError: no such file, no such sheet, or neither .xlsx nor .csv.
        """
        self.path, self._name = path, name
        self.headings: list[str] = []
        self.epoch: datetime = EPOCH
        self.heading_row = 0
        try:
            with path.open("rb") as file:
                start = file.read(LOOKED_INTO)
        except OSError as error:
            raise SheetError(f"{path}: {error.strerror}; give an .xlsx or a .csv file that you may read") from error
        self.is_xlsx = path.suffix.lower() in (".xlsx", ".xlsm") or start.startswith(b"PK")
        self.encoding = "xlsx" if self.is_xlsx else (encoding or _encoding_of(path, start))
        if start.startswith(_OLD_EXCEL):
            raise SheetError(
                f"{path}: 古い形式（.xls）か、パスワードで保護された表です。パスワードなしの .xlsx か .csv で"
                "保存してください / "
                "an old .xls, or protected by a password; save it as .xlsx without one, or as .csv"
            )
        if self.is_xlsx:
            self._check_workbook()
        else:
            _check_encoding(path, self.encoding)
            _check_text(path, self.encoding, start)
            self._delimiter = _delimiter_of(path, self.encoding)
            self._check_quotes()

    def rows(self) -> Iterator[Row]:
        """Every row of the file, those above the heading too."""
        return self._xlsx_rows() if self.is_xlsx else self._csv_rows()

    def data(self) -> Iterator[Row]:
        """The rows under the heading that are not blank."""
        for number, cells in self.rows():
            if number > self.heading_row and any(cell not in (None, "") for cell in cells):
                yield number, cells

    def find_heading(self, wanted: Sequence[str], heading_rows: int = 1) -> dict[str, int]:
        """Where each wanted column is: the first row that has all of them is the heading.

        A heading of two rows names a column `上/下`; a cell merged over several belongs to each of them.

        Raises:
            SheetError: a column is missing or there twice; names it and those that are there.
        """
        best: tuple[int, int, list[str]] = (-1, 0, [])
        seen: list[Sequence[Any]] = []
        keys = [_key(heading) for heading in wanted]
        for number, cells in self.rows():
            seen.append(cells)
            headings = _joined(seen[-heading_rows:])
            have = {_key(heading) for heading in headings}
            found = sum(key in have for key in keys)
            if found > best[0]:
                best = (found, number, headings)
            if found == len(keys) or number >= LOOKED_AT:
                break
        _, self.heading_row, self.headings = best
        return {heading: self._column(heading) for heading in wanted}

    def _column(self, wanted: str) -> int:
        places = [n for n, heading in enumerate(self.headings) if _key(heading) == _key(wanted)]
        if len(places) == 1:
            return places[0]
        named = [_plain(heading) for heading in self.headings if heading]
        have = "、".join(named[:_MOST_SHOWN]) + ("…" if len(named) > _MOST_SHOWN else "") or "（なし / none）"
        fault = "there is no column" if not places else f"{len(places)} columns are called"
        ja = "列がありません" if not places else "同じ見出しの列が複数あります"
        raise SheetError(
            f"{self.path}: 「{wanted}」の{ja}。ある列：{have} "
            f"/ {fault} {wanted!r} (there are: {have}); "
            "mend the mapping or the heading"
        )

    def _check_workbook(self) -> None:
        try:
            with zipfile.ZipFile(self.path) as packed:
                size = sum(part.file_size for part in packed.infolist())
                names = set(packed.namelist())
        except (zipfile.BadZipFile, OSError) as error:
            raise SheetError(
                f"{self.path}: .xlsx ではありません。表計算ソフトで開いて、.xlsx か .csv で保存してください / "
                "not an .xlsx file; open it in a spreadsheet and save it as .xlsx or .csv"
            ) from error
        if "xl/workbook.xml" not in names or size > MOST_UNPACKED:
            raise SheetError(
                f"{self.path}: 読み取れる .xlsx ではありません。.xlsx か .csv で保存し直してください / "
                "not an .xlsx file that can be read; save it anew as .xlsx, or as .csv"
            )
        with self._worksheet(values=True) as sheet:
            self._has_formulas = _has_formulas(self.path, sheet)

    @contextmanager
    def _worksheet(self, *, values: bool) -> Iterator[Any]:
        import openpyxl  # It takes a moment to import, and few commands need it.

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Of what a copy would lose, such as drop-down lists: only values are read.
            try:
                book = openpyxl.load_workbook(self.path, read_only=True, data_only=values)
            except Exception as error:  # Whatever stands in a damaged file: the library raises anything.
                raise SheetError(
                    f"{self.path}: ファイルが壊れています。.xlsx で保存し直してください / "
                    f"damaged ({type(error).__name__}); save it anew as .xlsx"
                ) from error
            try:
                yield self._chosen(book)
            finally:
                book.close()

    def _chosen(self, book: Any) -> Any:
        sheets = book.worksheets
        found = [sheet for sheet in sheets if self._name is None or _key(sheet.title) == _key(self._name)]
        if not found:
            raise SheetError(
                f"{self.path}: 「{self._name}」のシートがありません。"
                f"あるシート：{'、'.join(_plain(sheet.title) for sheet in sheets)} / "
                f"there is no sheet {self._name!r}; mend the mapping, or give the sheet this name"
            )
        found[0].reset_dimensions()
        self.epoch = book.epoch
        return found[0]

    def _xlsx_rows(self) -> Iterator[Row]:
        with self._worksheet(values=True) as sheet:
            if not self._has_formulas:
                yield from enumerate(sheet.iter_rows(values_only=True), start=1)
                return
            with self._worksheet(values=False) as written:
                both = zip(sheet.iter_rows(values_only=True), written.iter_rows(values_only=True), strict=True)
                for number, (values, formulas) in enumerate(both, start=1):
                    yield number, [_calculated(*pair) for pair in zip(values, formulas, strict=True)]

    def _check_quotes(self) -> None:
        """Raises SheetError for a quote that is never closed, or closed by the next: rows would be read as one cell."""
        row = 1
        with self.path.open(encoding=self.encoding, errors="backslashreplace", newline="") as file:
            try:
                for _ in csv.reader(file, delimiter=self._delimiter, strict=True):
                    row += 1
            except csv.Error as error:
                if "expected after" not in str(error) and "unexpected end" not in str(error):
                    return  # Told where it is read.
                raise SheetError(
                    f'{self.path}: {row}行目で開いた引用符（"）が閉じていません。閉じるか、取り除いてください / '
                    f'not CSV: the quote (") opened in row {row} is not closed; close it, or take it away'
                ) from error

    def _csv_rows(self) -> Iterator[Row]:
        with self.path.open(encoding=self.encoding, errors="backslashreplace", newline="") as file:
            try:
                for number, cells in enumerate(csv.reader(file, delimiter=self._delimiter), start=1):
                    yield number, [_GUARDED.sub("", cell, count=1) for cell in cells]
            except csv.Error as error:
                raise SheetError(
                    f"{self.path}: CSVとして読み取れません。.csv か .xlsx で保存し直してください / "
                    f"not CSV: {error}; save it anew as CSV or .xlsx"
                ) from error


def _calculated(value: Any, written: Any) -> Any:
    return NO_VALUE if value is None and isinstance(written, str) and written.startswith("=") else value


def _has_formulas(path: Path, sheet: Any) -> bool:
    part = str(sheet._worksheet_path).lstrip("/")
    with zipfile.ZipFile(path) as packed, packed.open(part) as content:
        before = b""
        while piece := content.read(1 << 20):
            if b"<f>" in before + piece or b"<f " in before + piece:
                return True
            before = piece[-2:]
    return False


def _joined(rows: Sequence[Sequence[Any]]) -> list[str]:
    """The headings of one or several rows, one text for each column."""
    *upper, lowest = rows
    joined = [_text(cell) for cell in lowest]
    for row in reversed(upper):
        carried = ""
        for place in range(max(len(joined), len(row))):
            if place >= len(joined):
                joined.append("")
            carried = _text(row[place]) if place < len(row) and _text(row[place]) else carried
            joined[place] = "/".join(part for part in (carried, joined[place]) if part)
    return joined


def _text(cell: Any) -> str:
    return "" if cell is None else str(cell).strip()


def _key(heading: str) -> str:
    """A heading in any width, without the line breaks and spaces that make it fit its column."""
    return re.sub(r"\s+", "", folded(heading)).casefold()


def _encoding_of(path: Path, start: bytes) -> str:
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if start.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        try:
            while piece := file.read(1 << 20):
                decoder.decode(piece)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "cp932"
    return "utf-8"


def _check_encoding(path: Path, encoding: str) -> None:
    try:
        codecs.lookup(encoding)
    except LookupError as error:
        raise SheetError(f"{path}: there is no encoding {encoding!r}; accepted: {', '.join(ENCODINGS)}") from error


def _check_text(path: Path, encoding: str, start: bytes) -> None:
    """Raises SheetError for a document, a picture, a database: whatever is no lines of text."""
    if start.lower().startswith(_NO_SHEETS) or "\0" in start.decode(encoding, errors="replace"):
        raise SheetError(
            f"{path}: .xlsx でも .csv でもありません。表計算ソフトで開いて、どちらかで保存してください / "
            "neither .xlsx nor .csv; open it in a spreadsheet and save it as one of them"
        )


def _plain(heading: str) -> str:
    """A heading as it can be told."""
    shown = "".join(character if character.isprintable() else " " for character in heading)
    return shown if len(shown) <= _MOST_SHOWN else f"{shown[:_MOST_SHOWN]}…"


def _delimiter_of(path: Path, encoding: str) -> str:
    with path.open(encoding=encoding, errors="backslashreplace", newline="") as file:
        start = file.read(LOOKED_INTO)
    return max(",\t;", key=start.count)
