"""Which database is older than it was, or older than what the others know of it: restored alone, from an older copy."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import msgspec
import sqlalchemy as sa

from deploy.opened import pages, readable
from events import decode
from services.database import create, open_engine
from services.hearing import Cursors
from services.journal import Journal
from services.mark import Mark
from services.seal import KEY_TABLES, KeyStore, Secrets, WrongKey
from services.settings import Settings


def set_back(settings: Settings, writers: Mapping[str, Journal], ledger: Journal) -> Iterator[str]:
    """Every sign that a database was restored alone from an older copy, or that keys were."""
    yield from older_than_marks(settings, writers, ledger)
    yield from _beyond(writers)
    yield from _epochs(writers)
    yield from _boxes(settings, writers)


def older_than_marks(settings: Settings, writers: Mapping[str, Journal], ledger: Journal) -> Iterator[str]:
    """What each service noted of itself, outside its database; cheap enough for `yoake status`."""
    with key_engine(settings) as keys:
        told: dict[str, None] = {}  # Three services note the one key store.
        for journal in (*writers.values(), ledger):
            own = None if journal is ledger else keys
            told |= dict.fromkeys(Mark(settings.keys, journal, own).faults())
    yield from told


def _beyond(writers: Mapping[str, Journal]) -> Iterator[str]:
    """Who has heard of a log what it does not hold; the ledger is compared event by event elsewhere."""
    for name, journal in writers.items():
        cursors = Cursors(journal.engine)
        for source, heard_of in writers.items():
            heard = cursors.heard(source)
            if heard is None:
                continue
            rows = heard_of.read(heard.position - 1, 1)
            if not rows or rows[0][0] != heard.position or decode(rows[0][1]).id != heard.event:
                yield f"journal {source}: {name} heard its {heard.position} as {heard.event}, and it does not hold that"


def _epochs(writers: Mapping[str, Journal]) -> Iterator[str]:
    """Whether each epoch of a log begins with the event that opens it, and none comes back."""
    for name, journal in writers.items():
        epoch = 0
        for _, text in pages(journal):
            record = readable(text)
            if record is None or record.epoch == epoch:
                continue
            if epoch and (record.epoch < epoch or record.type != "epoch.opened"):
                yield f"journal {name} {record.position}: it is of epoch {record.epoch} in the midst of {epoch}"
            epoch = record.epoch


class _Personal(msgspec.Struct):
    """The fields of an event that say under whose key its box may be."""

    sealed: str | None = None
    person: str | None = None
    case: str | None = None
    to_case: str | None = None
    contact: str | None = None


def _boxes(settings: Settings, writers: Mapping[str, Journal]) -> Iterator[str]:
    """Whether some key opens each box; skipped where the keys are not at hand."""
    if not (settings.keys / "master.key").exists():
        return
    with key_engine(settings) as engine:
        try:
            store = KeyStore(engine, Secrets.at(settings.keys))
        except WrongKey as error:
            yield f"keys: {error}"
            return
        persons: dict[str, set[str]] = defaultdict(set)
        for name, journal in writers.items():
            for _, text in pages(journal):
                record = readable(text)
                if record is None:
                    continue
                told = msgspec.json.decode(record.data, type=_Personal, strict=False)
                case = told.case or record.subject
                for one in {case, told.to_case or case}:
                    persons[one] |= {who for who in (told.person, told.contact) if who}
                owners = [*sorted(persons[case]), case, record.subject]
                if told.sealed and not store.opens(owners, f"{record.type}/{record.id}", told.sealed):
                    whose = told.person or case
                    yield f"keys: none opens the box of {name} {record.position} ({record.type}), of {whose}"


@contextmanager
def key_engine(settings: Settings) -> Iterator[sa.Engine]:
    """The key store's database, with its table."""
    engine = open_engine(settings.database_of("keys"))
    try:
        with engine.begin() as connection:
            create(connection, KEY_TABLES)
        yield engine
    finally:
        engine.dispose()
