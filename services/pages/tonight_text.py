"""今夜の申し送り as plain text: short lines in the order in which somebody reads them out. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from services.pages.tonight_rows import Line, Row
from services.pages.tonight_sheet import Sheet
from services.pages.unseen import straight

_UNSEEN = re.compile(r"[^\S\n]+")


def as_text(sheet: Sheet) -> str:
    """The whole sheet, with a newline at its end."""
    return "\n".join(_lines(sheet)) + "\n"


def _lines(sheet: Sheet) -> Iterator[str]:
    yield f"{sheet.title}　{sheet.name}" if sheet.language == "ja" else f"{sheet.title}, {sheet.name}"
    yield f"{sheet.ward} {sheet.centre}"
    yield from filter(None, (sheet.synthetic,))
    if sheet.urgent:
        yield from ("", *(straight(line) for line in sheet.urgent), "")
    yield from filter(None, (sheet.period, sheet.issued, sheet.as_of, "", sheet.counts, sheet.more))
    if sheet.compared:
        yield ""
        yield sheet.compared
        yield from (f"  {line}" for line in sheet.changes or (sheet.words["tonight_no_changes"],))
    if not sheet.rows:
        yield ""
        yield sheet.words["tonight_nothing"]
    for heading, has_place in (("tonight_stays", True), ("tonight_open", False)):
        rows = [row for row in sheet.rows if row.has_place is has_place]
        if rows:
            yield ""
            yield f"【{sheet.words[heading]}】" if sheet.language == "ja" else f"[{sheet.words[heading]}]"
        for row in rows:
            yield from _row(row, sheet)
    yield ""
    yield sheet.words["end_of_notes"]


def _row(row: Row, sheet: Sheet) -> Iterator[str]:
    joined = "　" if sheet.language == "ja" else ", "
    changed = sheet.words["tonight_changed"] if row.changed else ""
    yield joined.join(filter(None, (row.number, straight(row.who), *row.marks, changed)))
    yield from _indented(row.began)
    for line in row.lines:
        yield from _said(line, sheet)
    if row.note is None:
        yield from _indented(sheet.words["note_none"])
    else:
        for line in row.note.lines:
            yield from _said(line, sheet)
        yield from _indented(joined.join(filter(None, (row.note.hidden, row.note.by))))
    for line in row.know:
        yield from _said(line, sheet)


def _said(line: Line, sheet: Sheet) -> Iterator[str]:
    mark = "● " if line.alarm else ""
    yield from _indented(f"{mark}{line.label}{sheet.words['colon']}{line.text}")


def _indented(text: str) -> Iterator[str]:
    """What somebody typed may have lines of its own; nothing in it moves a terminal's cursor."""
    for line in straight(text).splitlines():
        seen = "".join(each if each.isprintable() or each == "　" else " " for each in line)
        yield f"  {_UNSEEN.sub(lambda found: found[0][0] if found[0][0] == '　' else ' ', seen)}".rstrip()
