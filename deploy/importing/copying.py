"""A copy of the sheet with what became of each row: problem cells coloured, and in words beside them.

A text is written as a text, whatever it begins with: no cell of it is ever calculated (formula injection).
"""

from __future__ import annotations

import csv
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any
from unicodedata import east_asian_width

from deploy.importing.running import TO_MEND, Result
from deploy.importing.sheets import ADDED, NO_VALUE, Sheet, SheetError
from deploy.importing.words import STATES, TAKEN, letter, placed, told

MOST_COMMENTS = 2_000
"""Comments in one workbook; more make it slow to open, and the words stand in the last column all the same."""

NARROWEST, WIDEST = 6.0, 40.0
"""Widths of a column, in narrow characters."""

A4 = 9
"""Paper, by its number in a workbook."""

OF_STATES, OF_ITEMS = 36.0, 80.0
"""Widths of the columns that are added."""

LINE, HIGHEST = 17.0, 400.0
"""Heights of a line, and of a row at most, in points: no program is asked to find them out."""

LOOKED_AT = 200
"""Rows by which the widths are told."""

ODD, HELD = "FFF2CC", "F8CBAD"
_CALCULATED = re.compile(r"[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
_NOT_IN_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def path_of_copy(path: Path) -> Path:
    """Where a copy goes: FILE.checked.xlsx, or with the first number that is free; no file is ever written over."""
    stem = re.sub(r"\.checked(-\d+)?$", "", path.stem)
    names = (path.with_name(f"{stem}.checked{'' if n == 1 else f'-{n}'}{path.suffix}") for n in range(1, 10_000))
    return next(name for name in names if not name.exists())


def check_place(to: Path) -> None:
    """Whether a copy can be written there: asked before anything is sent.

    Raises:
        SheetError: there is no such directory, or nothing can be written to it.
    """
    try:
        if to.is_dir():
            raise IsADirectoryError
        with tempfile.TemporaryFile(dir=to.parent):
            pass
    except OSError as error:
        raise SheetError(
            f"{to}: ここには写しを保存できません。保存できる場所を --checked で指定してください / "
            f"not a place for the copy ({error.strerror or 'a directory'}); give one with --checked"
        ) from error


def write_copy(sheet: Sheet, result: Result, to: Path, language: str) -> str:
    """Write the copy, readable by its owner alone, as it may hold anything personal; returns its encoding."""
    os.close(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    if sheet.is_xlsx:
        _write_xlsx(sheet, result, to, language)
        return "xlsx"
    return _write_csv(sheet, result, to, language)


Line = tuple[int, list[Any], str, str, list[Any]]
"""(number, the cells under headings, state, items, cells beyond the last heading)."""


def _ours(sheet: Sheet) -> list[int]:
    """The columns of an earlier copy, which are left out."""
    added = tuple(heading for headings in ADDED.values() for heading in headings)
    return [n for n, heading in enumerate(sheet.headings) if heading.endswith(added)]


def _width(sheet: Sheet) -> int:
    """How many columns have the sheet's own headings, gaps between them included."""
    ours = _ours(sheet)
    own = [heading for n, heading in enumerate(sheet.headings) if n not in ours]
    return max((n + 1 for n, heading in enumerate(own) if heading), default=0)


def _rows(sheet: Sheet, result: Result, language: str) -> Iterator[Line]:
    """Every row of the sheet, with what is to be said of it behind the last heading."""
    ours, width = _ours(sheet), _width(sheet)
    for number, cells in sheet.rows():
        own = ["" if cell == NO_VALUE else cell for n, cell in enumerate(cells) if n not in ours]
        own += [None] * (width - len(own))
        if number == sheet.heading_row:
            yield number, own[:width], *ADDED[language], own[width:]
        else:
            state = result.state(number)
            items = [placed(finding, sheet.headings, language) for finding in result.findings.get(number, ())]
            if state == "flagged":
                items.append(TAKEN[language])
            words = STATES[state][language] if state else ""
            yield number, own[:width], words, "\n".join(items), own[width:]


def _write_xlsx(sheet: Sheet, result: Result, to: Path, language: str) -> None:
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.comments import Comment
    from openpyxl.styles import Alignment, Font, PatternFill
    from openpyxl.worksheet.properties import PageSetupProperties

    book = Workbook(write_only=True)
    book.epoch = sheet.epoch
    page = book.create_sheet("Yoake")
    width = _width(sheet)
    for place, wide in enumerate((*_widths(sheet, width), OF_STATES, OF_ITEMS)):
        page.column_dimensions[letter(place)].width = wide
    page.page_setup.orientation, page.page_setup.paperSize = "landscape", A4
    page.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)  # Printed, every row is on one sheet whole.
    page.page_setup.fitToHeight, page.print_title_rows = 0, f"{sheet.heading_row}:{sheet.heading_row}"
    page.freeze_panes = f"B{sheet.heading_row + 1}"
    page.auto_filter.ref = f"A{sheet.heading_row}:{letter(width + 1)}{max(result.last_row, sheet.heading_row)}"
    fills = {colour: PatternFill("solid", fgColor=colour) for colour in (ODD, HELD)}
    comments, top = 0, Alignment(vertical="top")

    def cell(value: Any, colour: str | None = None) -> Any:
        text = isinstance(value, str)
        made = WriteOnlyCell(page, _NOT_IN_XML.sub("�", value) if text else value)
        if text:
            made.data_type = "s"
        if colour:
            made.fill = fills[colour]
        return made

    for number, cells, state, items, beyond in _rows(sheet, result, language):
        odd = {n: finding for finding in result.findings.get(number, ()) for n in finding.columns}
        colour = HELD if result.state(number) in TO_MEND else ODD if result.is_odd(number) else None
        if number == sheet.heading_row:
            heads = [cell(value) for value in (*cells, state, items, *beyond)]
            for head in heads:
                head.font = Font(bold=True)
            page.append(heads)
            continue
        if not odd and not colour:
            page.append([*_plain(cells, cell), state or None, items or None, *_plain(beyond, cell)])
            continue
        line = [cell(value, (colour or ODD) if n in odd else None) for n, value in enumerate(cells)]
        for n, finding in odd.items():
            if n < len(line) and comments < MOST_COMMENTS:
                line[n].comment = Comment(told(finding, language), "Yoake")
                comments += 1
        page.row_dimensions[number].height = _height(items)
        line += [cell(state, colour), words := cell(items, colour), *(cell(value) for value in beyond)]
        for each in line:
            each.alignment = top
        words.alignment = Alignment(wrap_text=True, vertical="top")
        page.append(line)
    book.save(to)


def _widths(sheet: Sheet, width: int) -> list[float]:
    """How wide the sheet's own columns are, by what stands in their first rows; titles above the heading left out."""
    ours, widest = _ours(sheet), [NARROWEST] * width
    for number, cells in islice(sheet.rows(), sheet.heading_row + LOOKED_AT):
        if number >= sheet.heading_row:
            own = [cell for n, cell in enumerate(cells) if n not in ours][:width]
            widest[: len(own)] = [max(wide, _columns_of(cell)) for wide, cell in zip(widest, own, strict=False)]
    return [min(wide + 2, WIDEST) for wide in widest]


def _height(items: str) -> float:
    """Of a row whose items stand below one another, each in as many lines as it needs."""
    lines = sum(1 + int(_columns_of(item) // (OF_ITEMS - 8)) for item in items.split("\n"))
    return min(LINE * lines, HIGHEST)


def _columns_of(cell: Any) -> float:
    """How many narrow characters a cell takes; a day with its time is written in ten or so."""
    if not isinstance(cell, str):
        return 10 if isinstance(cell, date) else len(str(cell or ""))
    lines = cell.splitlines() or [""]
    return max(sum(2 if east_asian_width(one) in "WFA" else 1 for one in line) for line in lines)


def _plain(cells: Sequence[Any], cell: Any) -> list[Any]:
    """Cells without a colour; only texts that could be taken for more need an object of their own."""
    return [
        cell(value) if isinstance(value, str) and (_CALCULATED.match(value) or _NOT_IN_XML.search(value)) else value
        for value in cells
    ]


def _write_csv(sheet: Sheet, result: Result, to: Path, language: str) -> str:
    encoding = sheet.encoding
    try:
        _write_lines(sheet, result, to, language, encoding)
    except UnicodeEncodeError:  # A word of ours, or of the file's own, that its encoding does not have.
        encoding = "utf-8-sig"
        _write_lines(sheet, result, to, language, encoding)
    return encoding


def _write_lines(sheet: Sheet, result: Result, to: Path, language: str, encoding: str) -> None:
    with to.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file)
        for _, cells, state, items, beyond in _rows(sheet, result, language):
            writer.writerow([_guarded(value) for value in (*cells, state, items, *beyond)])


def _guarded(value: Any) -> Any:
    """A text that a spreadsheet would calculate gets an apostrophe, which is taken away again as it is read."""
    if isinstance(value, str) and _CALCULATED.match(value) and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return value
