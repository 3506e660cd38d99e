"""The last copies: every statement and supplement as it was issued, as text and PDF, in files of their own.

They are there when the line, NATS, the services and the databases are not. They hold personal words, so that their
owner alone may read them, and only those of the last nights are kept.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import NamedTuple

from deploy.datadir import write_whole
from services.clock import Clock, system_clock
from services.pages.night_call import Calls
from services.pages.night_log import NightLog
from services.pages.nights import Night, Stands
from services.pages.statement import Sheet, sheet_of
from services.pages.statement_pdf import as_pdf
from services.pages.statement_rows import Opens
from services.pages.statement_text import as_text
from services.pages.terms import Terms
from services.pages.typesetting import NoPdf

STATEMENTS = "statements"
"""The directory, beside the keys."""

KEPT = 7
"""Nights of which copies are kept."""

AGAIN = 60.0
"""Seconds after which a PDF that could not be made is tried again."""

_NAME = re.compile(r"(\d{4}-\d{2}-\d{2})_(\d{1,3})\.(txt|pdf)")

log = logging.getLogger("yoake.front")


class Copy(NamedTuple):
    """One copy: the night, the edition up to which it goes, and its two files; a file may be missing."""

    night: date
    edition: int
    text: Path
    pdf: Path


class Copies:
    """Keeps a copy of each edition. `keep` reads and writes files and databases: never on the event loop."""

    def __init__(
        self,
        directory: Path,
        nights: NightLog,
        stands: Stands,
        calls: Calls,
        opens: Opens,
        terms: Callable[[], Terms],
        clock: Clock = system_clock,
        pdf: Callable[[Sheet], bytes] = as_pdf,
    ) -> None:
        self._directory, self._nights, self._stands, self._calls = directory, nights, stands, calls
        self._opens, self._terms, self._clock, self._pdf = opens, terms, clock, pdf
        self._failed: dict[Path, float] = {}

    def keep(self) -> list[Path]:
        """Write the copies that are missing, and remove those of older nights; what was written."""
        written = []
        nights = self._nights.recent(KEPT)
        for night in nights:
            for issued in night.editions:
                written += self._copy(night, issued.statement.edition)
        if nights:
            self._remove({night.night for night in nights})
        return written

    def _copy(self, night: Night, edition: int) -> list[Path]:
        copy = _copy_in(self._directory, night.night, edition)
        missing = [path for path in (copy.text, copy.pdf) if not path.exists() and not self._is_resting(path)]
        if not missing:
            return []
        items = [entry.item for entry in night.entries if entry.item]
        calls = self._calls(items, personal=True)
        shown = night.upto(edition)  # As it was issued: of later editions it knows nothing.
        now = self._clock()
        alarms = self._nights.alarms()
        sheet = sheet_of(shown, self._stands(night, now), calls, self._terms(), now, self._opens, alarms=alarms)
        written = []
        if copy.text in missing:
            write_whole(copy.text, as_text(sheet).encode())
            written.append(copy.text)
        if copy.pdf in missing:
            try:
                write_whole(copy.pdf, self._pdf(sheet))
                written.append(copy.pdf)
            except NoPdf as error:
                self._failed[copy.pdf] = time.monotonic()
                log.warning("no PDF of the copy: %s", error)
        return written

    def _is_resting(self, path: Path) -> bool:
        return time.monotonic() - self._failed.get(path, -AGAIN) < AGAIN

    def _remove(self, kept: set[date]) -> None:
        oldest = min(kept)
        for copy in copies_in(self._directory):
            if copy.night < oldest:
                copy.text.unlink(missing_ok=True)
                copy.pdf.unlink(missing_ok=True)


def copies_in(directory: Path) -> list[Copy]:
    """The copies that are there, the newest first."""
    found = {match.groups()[:2] for path in _files(directory) if (match := _NAME.fullmatch(path.name))}
    copies = [_copy_in(directory, date.fromisoformat(night), int(edition)) for night, edition in found]
    return sorted(copies, key=lambda copy: (copy.night, copy.edition), reverse=True)


def _files(directory: Path) -> list[Path]:
    return list(directory.iterdir()) if directory.is_dir() else []


def _copy_in(directory: Path, night: date, edition: int) -> Copy:
    name = f"{night.isoformat()}_{edition}"
    return Copy(night, edition, directory / f"{name}.txt", directory / f"{name}.pdf")
