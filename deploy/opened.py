"""The journals of a data directory, opened for looking."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from deploy.datadir import DataDirectory
from deploy.tables import tables_of
from events import ContractError, Recorded, decode
from services.hearing import Cursors
from services.journal import Journal
from services.reporting.inquiry import Inquiry
from services.settings import Settings
from services.subjects import WRITERS

SETTLE_SECONDS = 10.0


@contextmanager
def asked_of(data: Path) -> Iterator[Inquiry]:
    """What the ledger of a data directory can be asked; nothing else is opened."""
    directory = DataDirectory(data)
    with closing(open_journal(directory.settings(), directory.kept().ward, "reporting")) as ledger:
        yield Inquiry(ledger.engine, ledger.log)


def open_journal(settings: Settings, ward: str, service: str) -> Journal:
    """One service's journal, or the ledger.

    Raises:
        services.database.DatabaseError, services.journal.JournalError: it cannot be used.
    """
    return Journal(settings.database_of(service), service, ward, tables=tables_of(service))


class Opened:
    """The journals of a data directory, opened for looking."""

    def __init__(self, settings: Settings, ward: str) -> None:
        self.settings, self.ward = settings, ward
        with ExitStack() as opening:  # What was opened is closed again where the next cannot be.

            def opened(service: str) -> Journal:
                journal = open_journal(settings, ward, service)
                opening.callback(journal.close)
                return journal

            self.writers = {service: opened(service) for service in WRITERS}
            self.ledger = opened("reporting")
            self.inquiry = Inquiry(self.ledger.engine, self.ledger.log)
            self._close = opening.pop_all().close

    def close(self) -> None:
        """Let go of the databases."""
        self._close()

    def behind(self) -> dict[str, int]:
        """How many events of each service the ledger does not hold yet."""
        cursors = Cursors(self.ledger.engine)
        return {name: journal.last_position() - cursors.position(name) for name, journal in self.writers.items()}

    def settle(self) -> None:
        """Give a running system a while to come to rest."""
        until = time.monotonic() + SETTLE_SECONDS
        while any(self.behind().values()) and time.monotonic() < until:
            time.sleep(0.1)


def opened(data: Path) -> closing[Opened]:
    """The journals of a data directory, for looking."""
    directory = DataDirectory(data)
    return closing(Opened(directory.settings(), directory.kept().ward))


def pages(journal: Journal) -> Iterator[tuple[int, bytes]]:
    """(position, text) of every event of a journal, in order."""
    after = 0
    while page := journal.read(after, 2_000):
        yield from page
        after = page[-1][0]


def readable(text: bytes) -> Recorded | None:
    """The event in a text; None if it is none of ours."""
    try:
        return decode(text)
    except ContractError:
        return None
