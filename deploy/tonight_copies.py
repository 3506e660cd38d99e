"""The last copy of tonight's notes (今夜の申し送り), as text and PDF, beside those of the statements (`deploy.copies`).

It is written as the notes are issued, and again whenever something of them changed, so that what is printed when the
line and the power are gone is what stood last. In a night in which nothing was issued, as where the first start comes
in its middle, it is written all the same.
"""

from __future__ import annotations

import hashlib
import logging
import re
import time
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import msgspec
import sqlalchemy as sa

from deploy.datadir import write_whole
from services.clock import Clock, system_clock
from services.evenings import evening_of, has_come, tonight
from services.journal import LogReader
from services.pages.statement_pdf import TONIGHT, as_pdf
from services.pages.terms import Terms
from services.pages.tonight_facts import Opens, Seen
from services.pages.tonight_reading import Tonight
from services.pages.tonight_sheet import Sheet
from services.pages.tonight_text import as_text
from services.pages.typesetting import NoPdf
from services.ward import Ward

KEPT = 2
"""Nights of which the notes are kept: tonight's and the last."""

APART = 60.0
"""Seconds between two PDFs, at least; the text is written at once."""

_NAME = re.compile(r"tonight_(\d{4}-\d{2}-\d{2})\.(txt|pdf)")

log = logging.getLogger("yoake.front")


class TonightCopy(NamedTuple):
    """The copy of one night's notes; a file may be missing."""

    night: date
    text: Path
    pdf: Path


class TonightCopies:
    """Keeps the copy. `keep` reads and writes files and databases: never on the event loop."""

    def __init__(
        self,
        directory: Path,
        tonight: Tonight,
        journals: Sequence[sa.Engine],
        opens: Opens,
        terms: Callable[[], Terms],
        clock: Clock = system_clock,
        pdf: Callable[[Sheet], bytes] = lambda sheet: as_pdf(sheet, TONIGHT),
    ) -> None:
        """`journals`: those of which the notes are made; while none of them grows, nothing is read."""
        self._directory, self._tonight, self._logs = directory, tonight, [LogReader(engine) for engine in journals]
        self._opens, self._terms, self._clock, self._pdf = opens, terms, clock, pdf
        self._seen: tuple[date, list[int]] | None = None
        self._kept = ""
        self._printed, self._printed_at = "", -APART

    def keep(self) -> list[Path]:
        """Write what is new, and remove the copies of older nights; what was written."""
        terms, now = self._terms(), self._clock()
        night = self._night(terms.ward, now)
        if night is None:
            return []
        seen, is_behind = (night, self._heads()), self._printed != self._kept
        if seen == self._seen and not (is_behind and self._may_print()):
            return []
        sheet = self._tonight.sheet(Seen(terms, now, self._opens, None))
        if sheet is None:
            return []
        written = self._write(sheet, copy_in(self._directory, night))
        self._seen = seen
        for old in tonight_copies_in(self._directory)[KEPT:]:
            old.text.unlink(missing_ok=True)
            old.pdf.unlink(missing_ok=True)
        return written

    def _night(self, ward: Ward, now: datetime) -> date | None:
        """The night of which a copy is to be there: its notes were issued, or should have been some time ago."""
        if issued := self._tonight.issued(ward, now):
            return issued.night
        evening = evening_of(ward, tonight(ward, now))
        return evening.night if evening and has_come(evening, now - timedelta(seconds=APART)) else None

    def _write(self, sheet: Sheet, copy: TonightCopy) -> list[Path]:
        told = hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(sheet, as_of=""))).hexdigest()
        written = []
        if told != self._kept or not copy.text.exists():
            write_whole(copy.text, as_text(sheet).encode())
            self._kept = told
            written.append(copy.text)
        if told != self._printed and self._may_print():
            self._printed_at = time.monotonic()
            try:
                write_whole(copy.pdf, self._pdf(sheet))
                self._printed = told
                written.append(copy.pdf)
            except NoPdf as error:
                log.warning("no PDF of tonight's notes: %s", error)
        return written

    def _may_print(self) -> bool:
        return time.monotonic() - self._printed_at >= APART

    def _heads(self) -> list[int]:
        heads = []
        for reader in self._logs:
            with reader.engine.connect() as connection:
                heads.append(connection.execute(sa.select(sa.func.max(reader.log.c.id))).scalar() or 0)
        return heads


def tonight_copies_in(directory: Path) -> list[TonightCopy]:
    """The copies that are there, the newest first."""
    files = directory.iterdir() if directory.is_dir() else ()
    nights = {match[1] for path in files if (match := _NAME.fullmatch(path.name))}
    return [copy_in(directory, date.fromisoformat(night)) for night in sorted(nights, reverse=True)]


def copy_in(directory: Path, night: date) -> TonightCopy:
    """Where the copy of a night's notes is kept."""
    name = f"tonight_{night.isoformat()}"
    return TonightCopy(night, directory / f"{name}.txt", directory / f"{name}.pdf")
