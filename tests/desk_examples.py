"""The nouns of the services' tests: a centre without a bus, what providers say to it, and how events travel.

Times are the ward's own clock. Time passes by what is said: a message moves the centre's clock on to
its own time, and never back. Everything has a default, so that a test names only what it is about.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any
from uuid import UUID

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase

from events import Event, Recorded, decode, event_of
from events.messages import MESSAGES, Receipt
from events.seal import new_key
from services.database import open_engine
from services.desk import Desk, Rules
from services.handover.rules import Rules as HandoverRules
from services.hearing import CURSORS
from services.inbox import Delivery
from services.intake.rules import Rules as IntakeRules
from services.journal import Journal
from services.placement.domain import Rules as PlacementRules
from services.reporting.inquiry import Inquiry
from services.reporting.ledger import LEDGER_TABLES, Ledger
from services.reporting.tallies import stored_cells
from services.seal import KeyStore, Secrets
from services.subjects import HEARS
from services.tables import RECEIPTS, WRITER_TABLES
from services.ward import Ward
from tests.prepared import lay, seen
from tests.reporting_examples import LATER, NEXT_DAY, NIGHT, NOON, WARD, at, with_policy
from tests.running import GROUND

__all__ = ["GROUND", "HEARS", "LATER", "NEXT_DAY", "NIGHT", "NOON", "WARD", "at", "with_policy"]

RULES: dict[str, Rules[Any]] = {"intake": IntakeRules(), "placement": PlacementRules(), "handover": HandoverRules()}
SERVICES = (*RULES, "reporting")
OF_EACH = ("meta", "stored_events")
"""Tables that every journal has."""

SECRETS = Secrets(b"m" * 32, new_key())

ON_ONE_STORE = pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
"""For tables of examples whose rule no database can change."""

SEEDED: dict[str, Any] = {
    "deadline": None,
    "phases": [Phase.explicit, Phase.reuse, Phase.generate],  # A seed is the shortest story already.
    "suppress_health_check": [HealthCheck.function_scoped_fixture],  # Examples share a centre; what they say is new.
}
"""Settings for tests whose example is a seed."""

Message = dict[str, Any]
Databases = Callable[[], str]
Carry = Callable[[Sequence[bytes]], Sequence[Sequence[bytes]]]
"""How the bus carries events on: what is published, to the batches in which it is delivered."""


class Clock:
    """A clock that stands still until somebody moves it, in either direction."""

    def __init__(self, now: str = NOON) -> None:
        self.now = at(now)

    def __call__(self) -> datetime:
        return self.now


def seeded_ids(seed: int = 1) -> Callable[[], str]:
    """Ids that look random and are the same in every run."""
    random = Random(seed)
    return lambda: str(UUID(int=random.getrandbits(128), version=4))


class Centre:
    """The three writing services and the ledger on their databases, each opened when it is first needed.

    The test is the bus.
    """

    def __init__(self, url: str, ward: Ward | None = WARD, *, seed: int = 1, now: str = NOON) -> None:
        """`url` holds {service}. `ward` None: no file is in force yet. `seed`: another one where others' ids stand.

        `now`: when it is first switched on; every night from then on is closed.
        """
        self.url, self.clock, self._new_id = url, Clock(now), seeded_ids(seed)
        self._ward = (ward or WARD).id
        self._start()
        if ward is not None:
            self.activate(ward)

    def __enter__(self) -> Centre:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _start(self) -> None:
        lay(self.url)
        self._key_engine = open_engine(self.database_of("keys"))
        with seen("keys", self.url, tables=1):
            self.keys = KeyStore(self._key_engine, SECRETS)
        self._desks: dict[str, Desk[Any]] = {}
        self._ledger: Ledger | None = None

    def close(self) -> None:
        """Let go of all databases."""
        for desk in self._desks.values():
            desk.journal.close()
        if self._ledger:
            self._ledger.journal.close()
        self._key_engine.dispose()

    def restart(self) -> None:
        """Stop everything and start it again on the same databases."""
        self.close()
        self._start()

    def desk(self, service: str = "intake") -> Desk[Any]:
        """A writing service, with a key store object of its own."""
        if service not in self._desks:
            tables = [*WRITER_TABLES, CURSORS, *RULES[service].tables]
            with seen(service, self.url, len(tables) + len(OF_EACH)):
                journal = self.journal(service, tables)
            keys = KeyStore(self._key_engine, SECRETS)
            self._desks[service] = desk = Desk(journal, RULES[service], SECRETS, keys)
            while desk.prepare():
                pass
            desk.begin()
        return self._desks[service]

    @property
    def ledger(self) -> Ledger:
        if self._ledger is None:
            with seen("reporting", self.url, len(LEDGER_TABLES) + len(OF_EACH)):
                journal = self.journal("reporting", LEDGER_TABLES)
            self._ledger = Ledger(journal)
        return self._ledger

    def database_of(self, service: str) -> str:
        """The URL of one service's database, or of the key store."""
        return self.url.replace("{service}", service)

    def journal(self, service: str, tables: Sequence[sa.Table] = ()) -> Journal:
        """A service's journal, as another process would open it."""
        url = self.database_of(service)
        return Journal(url, service, self._ward, tables=tables, clock=self.clock, new_id=self._new_id)

    def activate(self, ward: Ward, since: datetime | None = None) -> None:
        """Let a ward's file be in force, by default from before anything happened."""
        self.desk().activate(ward, since or ward.start_of(ward.ward.registration_opens))

    def say(self, provider: str, message: Message | bytes, *, to: str | None = None) -> Receipt:
        """One message; returns its receipt. `to`: the service whose subject it came on, if not its own."""
        return self.say_all((provider, message), to=to)[0]

    def say_all(self, *said: tuple[str, Message | list[Message] | bytes], to: str | None = None) -> list[Receipt]:
        """Messages to one service in one transaction; returns every receipt written with them."""
        service = to or _service(said[0][1])
        last = max((row["n"] for row in self.rows(RECEIPTS, service)), default=0)
        self.desk(service).take([self.delivery(provider, message, service) for provider, message in said])
        return self.receipts(service, after=last)

    def delivery(self, provider: str, message: Message | list[Message] | bytes, service: str) -> Delivery:
        """A message as it comes out of INBOX; time has passed until it happened."""
        for one in message if isinstance(message, list) else [message]:
            if isinstance(one, dict) and isinstance(one.get("time"), str):
                self.clock.now = max(self.clock.now, _moment(one["time"]) or self.clock.now)
        body = message if isinstance(message, bytes) else msgspec.json.encode(message)
        return Delivery(provider=provider, service=service, body=body, arrived=self.clock())

    def pump(self, carry: Carry | None = None) -> None:
        """Carry every journal's events to those who listen, again and again until each was heard."""
        for listener in HEARS:
            while waiting := self.unheard(listener):
                for batch in (carry or in_order)(waiting):
                    self.hear(listener, batch)

    def tick(self, until: str | datetime | None = None, carry: Carry | None = None) -> None:
        """Let time pass until then (None: none passes). What falls due on the way, in whichever service, does so in the
        order of the times, each at its own, and is heard by the others before the next.
        """
        end = max(self.clock.now, at(until) if isinstance(until, str) else until or self.clock.now)
        while (due := self._fire_all(carry)) is not None and due <= end:
            self.clock.now = max(self.clock.now, due)
        self.clock.now = end

    def _fire_all(self, carry: Carry | None) -> datetime | None:
        """Let what is due now fall due, and be heard; when the next is."""
        for service in RULES:
            for _ in range(100):  # After very many it asks to be called again.
                if (due := self.desk(service).fall_due()) is None or due > self.clock.now:
                    break
            else:
                raise AssertionError(f"{service} never comes to an end of what is due")
            self.pump(carry)
        return min((due for service in RULES if (due := self.desk(service).fall_due())), default=None)

    def hear(self, listener: str, texts: Sequence[bytes]) -> set[str]:
        """Let one service hear these events; returns the services whose events it misses."""
        if listener == "reporting":
            return self.ledger.hear(texts)
        return self.desk(listener).hear([decode(text) for text in texts])

    def unheard(self, listener: str) -> list[bytes]:
        """What was recorded, and not yet heard by a service, each log in its order."""
        cursors = self.ledger.cursors if listener == "reporting" else self.desk(listener).cursors
        found: list[bytes] = []
        for source in HEARS[listener]:
            journal, heard = self.desk(source).journal, cursors.position(source)
            if heard < journal.head:  # A log is read only where there is something: time passes in many small steps.
                found += [text for _, text in journal.read(heard)]
        return found

    def records(self, service: str = "intake") -> list[Recorded]:
        """What a service recorded, without the ward's file."""
        return [record for record in self.desk(service).journal.records() if record.type != "ward.activated"]

    def events(self, service: str = "intake") -> list[Any]:
        """The events inside `records`."""
        return [event_of(record) for record in self.records(service)]

    def without_flags(self, service: str = "intake") -> list[Any]:
        """The same without what only says which flags stand open."""
        return [event for event in self.events(service) if not event.name.startswith("flag.")]

    def receipts(self, service: str = "intake", after: int = 0) -> list[Receipt]:
        """The receipts that wait for the relay."""
        bodies = [row["body"] for row in self.rows(RECEIPTS, service) if row["n"] > after]
        return [receipt for body in bodies for receipt in msgspec.json.decode(body, type=list[Receipt])]

    def rows(self, table: sa.Table, service: str = "intake") -> list[dict[str, Any]]:
        """A table's rows, as they stand on disk."""
        query = sa.select(table).order_by(*table.primary_key.columns)
        with self.engine(service).connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def engine(self, service: str) -> sa.Engine:
        """The engine of one service's database."""
        return self.ledger.journal.engine if service == "reporting" else self.desk(service).journal.engine

    @property
    def inquiry(self) -> Inquiry:
        return Inquiry(self.ledger.journal.engine, self.ledger.journal.log)

    def figures(self, report: str = "calls") -> dict[tuple[str, str], int]:
        """The tallies of a report that are not zero, over all years, by row and column."""
        with self.ledger.journal.engine.connect() as connection:
            cells = stored_cells(connection)
        return {(row, column): value for (name, _, row, column), value in cells.items() if name == report}

    def on_disk(self) -> bytes:
        """Every byte of every database but the keys: its rows, and with SQLite the files themselves."""
        rows = [repr(self._everything(service)).encode() for service in SERVICES]
        place = Path(sa.make_url(self.url).database or "")
        files = [path.read_bytes() for service in SERVICES for path in place.parent.glob(f"{service}.db*")]
        return b"".join(rows + files)

    def _everything(self, service: str) -> list[Any]:
        engine = self.engine(service)
        with engine.connect() as connection:
            tables = sa.inspect(connection).get_table_names()
            rows = [row for table in tables for row in connection.execute(sa.text(f"SELECT * FROM {table}"))]  # noqa: S608  (the database's own names)
        return [value.decode(errors="replace") if isinstance(value, bytes) else value for row in rows for value in row]


def in_order(texts: Sequence[bytes]) -> Sequence[Sequence[bytes]]:
    """Everything once, in one batch."""
    return [texts]


def badly(random: Random) -> Carry:
    """In any order, some twice, some not at all, in batches of any size."""

    def carry(texts: Sequence[bytes]) -> Sequence[Sequence[bytes]]:
        some = random.choices(texts, k=len(texts) + random.randrange(3))
        cuts = sorted(random.choices(range(len(some) + 1), k=3))
        return [batch for start, end in itertools.pairwise([0, *cuts, len(some)]) if (batch := some[start:end])]

    return carry


def _service(message: object) -> str:
    one = message[0] if isinstance(message, list) else message
    kind = MESSAGES.get(str(one.get("type"))) if isinstance(one, dict) else None
    return kind.service if kind else "intake"


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo and moment.year < 2100 else None


_serial = itertools.count(1)


def message(kind: str, on: str = NOON, /, *, id: str | None = None, **data: Any) -> Message:  # noqa: A002  (the word of the field)
    """An adapter's message about something that happened at `on`; each has an id of its own."""
    own = id or f"{kind}-{next(_serial)}"
    return {"specversion": "1.0", "id": own, "source": "adapter", "type": kind, "time": at(on).isoformat()} | {
        "data": data
    }


def register(person: str = "P", on: str = "2025-05-01 10:00", **data: Any) -> Message:
    form: Message = {"person": person, "district": "kinuta", "handbooks": ["physical"], "certificate": False, "age": 40}
    return message("registration.submit", on, **form | data)


def contact(*matters: Any, on: str = NOON, id: str | None = None, **data: Any) -> Message:  # noqa: A002  (as above)
    """A contact with the line about any number of matters."""
    return message("call.report", on, id=id, matters=list(matters), **data)


def call(case: str | None = "A", on: str = NOON, *, id: str | None = None, **matter: Any) -> Message:  # noqa: A002  (as above)
    """A contact about one matter, by default in Kitazawa and about nobody registered."""
    return contact({"case": case, "district": "kitazawa"} | matter, on=on, id=id)


def correct(wrong: Message, on: str = LATER, **data: Any) -> Message:
    """`wrong` was the call as it was reported."""
    return message("call.correct", on, call=wrong["id"], **data)


def close(case: str = "A", on: str = LATER, **data: Any) -> Message:
    return message("case.close", on, case=case, **data)


def merge(case: str, into: str) -> Message:
    return message("case.merge", LATER, case=case, into=into)


def arrange(
    placement: str = "bed", case: str = "A", kind: str = "short-stay", on: str = NEXT_DAY, **data: Any
) -> Message:
    return message("placement.arrange", on, placement=placement, case=case, kind=kind, **data)


def cancel(placement: str = "bed", on: str = LATER, **data: Any) -> Message:
    return message("placement.cancel", on, placement=placement, **data)


def offer(handover: str = "offer", case: str = "A", kind: str = "agency", on: str = NEXT_DAY, **data: Any) -> Message:
    """To an agency that no directory has, on a ground that the law gives."""
    return message("handover.offer", on, handover=handover, case=case, kind=kind, **{"to": "ぽーと"} | GROUND | data)


def answer(verb: str, handover: str = "offer", on: str = LATER, **data: Any) -> Message:
    """`verb`: accept, decline, withdraw or return."""
    return message(f"handover.{verb}", on, handover=handover, **data)


def names(events: Sequence[Event]) -> list[str]:
    """What kinds of event these are, in their order."""
    return [event.name for event in events]


def codes(receipt: Receipt) -> list[str | None]:
    """The flags of a receipt."""
    return [flag["code"] for flag in receipt.flags]
