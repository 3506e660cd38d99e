"""夜間引継書 as plain text: short lines in the order in which somebody reads them out on the telephone. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from services.pages.statement import Sheet
from services.pages.statement_rows import Row
from services.pages.unseen import straight

_UNSEEN = re.compile(r"[^\S\n]+")


def as_text(sheet: Sheet) -> str:
    """The whole sheet, with a newline at its end."""
    return "\n".join(_lines(sheet)) + "\n"


def _lines(sheet: Sheet) -> Iterator[str]:
    stop, colon = _stop(sheet), sheet.words["colon"]
    yield f"{sheet.title}　{sheet.name}" if sheet.language == "ja" else f"{sheet.title}, {sheet.name}"
    yield f"{sheet.ward} {sheet.centre}"
    if sheet.synthetic:
        yield sheet.synthetic
    if sheet.urgent:
        yield from ("", *(straight(line) for line in sheet.urgent), "")
    yield sheet.copy
    yield from filter(None, (sheet.followed,))
    yield from (edition.text for edition in sheet.editions)
    yield sheet.words["duration"] + sheet.period
    yield from sheet.between
    yield sheet.as_of
    yield ""
    yield from filter(None, (sheet.quiet,))
    yield f"{sheet.how_many}{stop}"
    yield from sheet.together
    yield f"{sheet.words['comparison']}{colon}{sheet.now.verdict}{stop}"
    joined = "、" if sheet.language == "ja" else ", "
    yield joined.join(f"{hop} {count}" for hop, count in sheet.now.hops) + stop
    yield from sheet.now.differences
    if (sheet.then.code, sheet.then.differences) != (sheet.now.code, sheet.now.differences):
        yield f"{sheet.words['as_issued']}{sheet.then.verdict}{stop}"
        yield from (f"  {line}" for line in sheet.then.differences)
    yield from sheet.notices
    for row in sheet.rows:
        yield ""
        yield from _row(row, sheet)
    yield ""
    yield sheet.words["end_of_statement"]


def _row(row: Row, sheet: Sheet) -> Iterator[str]:
    colon, joined, stop = sheet.words["colon"], "、" if sheet.language == "ja" else ", ", _stop(sheet)
    number = f"{sheet.words['number']} {row.number}" if row.number else ""
    yield joined.join(filter(None, (row.name, number, row.time, row.kind, *row.marks))) + stop
    for fact in row.facts:
        yield from _indented(f"{fact.label}{colon}{fact.text}" if fact.label else fact.text)
    for attempt in row.attempts:
        yield from _indented(f"{sheet.words['item_attempts']}{colon}{attempt}")
    yield from _indented(joined.join(filter(None, (*row.standings, row.due, row.owner))) + stop)
    for said in row.said:
        yield from _indented(f"{said.head}{colon}{said.text}" if said.text else said.head)


def _indented(text: str) -> Iterator[str]:
    """What somebody typed may have lines of its own; nothing in it moves a terminal's cursor."""
    for line in straight(text).splitlines():
        seen = "".join(each if each.isprintable() else " " for each in line)
        yield f"  {_UNSEEN.sub(lambda found: found[0][0] if found[0][0] == '　' else ' ', seen)}".rstrip()


def _stop(sheet: Sheet) -> str:
    return "。" if sheet.language == "ja" else "."
