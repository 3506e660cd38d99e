"""Questions that people ask of the ledger: a table, a figure's consultations, a case's history.

Answers come from the database alone, whether or not the services run. A table of everything known
now comes from the tallies; with a day or a cut-off it is folded from the ledger's prefix.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any, Literal

import msgspec
import sqlalchemy as sa

from events import Recorded, event_of
from events.epoch import EpochOpened
from events.intake import CallReceived, CaseMerged, CaseSplit, ContactMoved
from services.era import folded
from services.reporting.consultations import standing
from services.reporting.facts import CaseFacts, Entry, Facts, PersonFacts
from services.reporting.fold import all_entries, apply, is_open
from services.reporting.fold import fold as fold_records
from services.reporting.ledger import TREE, BeforeTheLedger, LedgerReader, Row
from services.reporting.merkle import Frontier
from services.reporting.registrations import current_registrants
from services.reporting.report import Gap, KnownAt, Report
from services.reporting.rules import in_period
from services.reporting.tables import Name, build
from services.reporting.tallies import ENTRIES, FACTS, Stored, stored_entries, stored_whole
from services.ward import Ward, fiscal_year, parsed

Wards = list[tuple[datetime, Ward]]
SEALED = "封印 / sealed"
"""What a history shows in the place of a box."""

LOST = "復号できません / cannot be decrypted"
"""What stands there for somebody who may see what is in it, where no key opens it any more."""

Opens = Callable[[Iterable[str], str, str], dict[str, Any] | None]
"""(of whom it may be, the event's identity, a box) → what is in it; None where no key opens it."""


UNREADABLE = (sa.exc.OperationalError, sa.exc.ProgrammingError, sa.exc.TimeoutError)
"""The database does not answer, is locked, or has no tables yet."""


class NotKnown(LookupError):
    """Nothing in the ledger goes by that name."""


class Change(msgspec.Struct, frozen=True):
    """What an event changed about a consultation: which of its features, from what to what."""

    feature: str
    before: Any
    after: Any


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One event of a history: both clocks, where it came from, and what it changed.

    `position` is the ledger's, `service_position` the journal's. `message` is the adapter message
    that caused it, as provider/source#id; `cause` is the whole causation.
    """

    position: int
    occurred_at: datetime
    recorded_at: datetime
    ledgered_at: datetime
    service: str
    service_position: int
    event: str
    id: str
    cause: str
    message: str | None
    synthetic: bool
    data: dict[str, Any]
    changes: list[Change]


class History(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the ledger holds about one consultation or person."""

    id: str
    kind: str
    number: str | None
    synthetic: bool
    steps: list[Step]


class Inquiry:
    """Answers from one reporting database."""

    def __init__(self, engine: sa.Engine, log: sa.Table) -> None:
        self.engine, self.ledger = engine, LedgerReader(engine, log)

    def ward(self) -> Ward | None:
        """The ward's rules now; None before the ledger heard of any."""
        with self.engine.connect() as connection:
            wards = stored_whole(connection).wards
        return parsed(bytes(wards[-1][1])) if wards else None

    def wards(self) -> list[Ward]:
        """Every file that was ever in force, the newest last; none before the ledger heard of any."""
        with self.engine.connect() as connection:
            return [parsed(bytes(content)) for _, content in stored_whole(connection).wards]

    def synthetic(self) -> bool:
        """Whether the ledger holds anything synthetic: then every page and print says so."""
        with self.engine.connect() as connection:
            return stored_whole(connection).synthetic

    def cut(self, known_at: datetime | int) -> int:
        """The ledger position that a cut-off means.

        Raises:
            BeforeTheLedger: a time before the first row.
            LookupError: a position that the ledger does not have.
        """
        if isinstance(known_at, datetime):
            return self.ledger.position_at(known_at)
        if not 1 <= known_at <= self.ledger.head():
            raise LookupError(f"the ledger has no position {known_at}; it has 1 to {self.ledger.head()}")
        return known_at

    def report(
        self,
        name: Name,
        *,
        years: range | None = None,
        as_of: date | None = None,
        known_at: datetime | int | None = None,
        facts: Facts | None = None,
    ) -> Report:
        """One table: of what had occurred by the end of `as_of`, as the ledger knew it at `known_at`.

        `facts`: the fold of that prefix, where the caller has it already; several tables then cost one fold.

        Raises:
            BeforeTheLedger, LookupError: see `cut`; also an empty ledger.
        """
        upto = None if known_at is None else self.cut(known_at)
        if facts is None and (as_of is not None or upto is not None):
            facts = self.facts(upto)
        wards, entries, synthetic = self._counted(as_of, facts)
        counts = {report: _members(entries, report, years) for report in ("pending", "both")}
        return build(
            name,
            in_period(wards, years, as_of),
            entries,
            years=years,
            as_of=as_of,
            known_at=None if upto is None else self.known_at(upto),
            pending=counts["pending"],
            both=counts["both"],
            current=self._current(as_of, facts) if name == "registrations" and years is None else None,
            synthetic=synthetic,
            gaps=self.gaps(upto),
        )

    def gaps(self, upto: int | None = None) -> list[Gap]:
        """From when to when what was received may be missing: one for each restore that the prefix knows of."""
        if not self.ledger.head():
            return []
        found = set()
        for row in self.ledger.history(self.ledger.row(1).event.ward):
            event = event_of(row.event)
            if isinstance(event, EpochOpened) and (upto is None or row.position <= upto):
                found.add((event.missing_from, event.missing_until))
        return [Gap(*gap) for gap in sorted(found)]

    def known_at(self, position: int) -> KnownAt:
        """A prefix of the ledger, by position, time and root."""
        return KnownAt(position, self.ledger.row(position).ledgered_at, self.ledger.root(position))

    def facts(self, upto: int | None = None) -> Facts:
        """The fold from nothing of a prefix."""
        with _uncollected():
            return fold_records(self.ledger.occurred(upto))

    @contextmanager
    def stored_facts(self) -> Iterator[Facts]:
        """What is known now, read from the tallies as it is asked for; use it only within the block."""
        cases, persons = Stored("case", CaseFacts), Stored("person", PersonFacts)
        with self.engine.connect() as connection:
            whole = stored_whole(connection)
            wards = [(since, parsed(bytes(content))) for since, content in whole.wards]
            cases.connection = persons.connection = connection
            yield Facts(wards=wards, cases=cases, persons=persons, synthetic=whole.synthetic)

    def end(self) -> tuple[int, str]:
        """The ledger's newest position and the root over it in hex, both of one moment."""
        with self.engine.connect() as connection:
            stored = connection.execute(sa.select(TREE.c.frontier)).scalar()
        frontier = Frontier.decode(bytes(stored)) if stored else Frontier()
        return frontier.size, frontier.root().hex()

    def years(self) -> range:
        """The fiscal years from the one in which registration opened to the newest with an entry."""
        ward = self.ward()
        if ward is None:
            return range(0)
        with self.engine.connect() as connection:
            newest = connection.execute(sa.select(sa.func.max(ENTRIES.c.year))).scalar()
        opened = fiscal_year(ward.ward.registration_opens)
        return range(opened, max(opened, newest or opened) + 1)

    def _current(self, as_of: date | None, facts: Facts | None) -> int:
        """How many are on the register (現在登録者数), net; so many at a time, and not within a year."""
        if facts is None:
            with self.engine.connect() as connection:
                whole = stored_whole(connection)
                rows = connection.execute(sa.select(FACTS.c.id, FACTS.c.body).where(FACTS.c.kind == "person")).all()
            persons = {row.id: msgspec.json.decode(bytes(row.body), type=PersonFacts) for row in rows}
            facts = Facts(wards=[(since, parsed(bytes(content))) for since, content in whole.wards], persons=persons)
        end = None if as_of is None else facts.wards[-1][1].end_of(as_of)
        return len(current_registrants(facts, facts.persons, end))

    def _counted(self, as_of: date | None, facts: Facts | None) -> tuple[Wards, list[Entry], bool]:
        """Every ward's file that was activated, the entries, and whether any of it is synthetic."""
        if facts is None:
            with self.engine.connect() as connection:
                whole = stored_whole(connection)
                if not whole.wards:
                    raise BeforeTheLedger("the ledger is empty: nothing was recorded yet")
                wards = [(since, parsed(bytes(content))) for since, content in whole.wards]
                return wards, stored_entries(connection), whole.synthetic
        if not facts.wards:
            raise BeforeTheLedger("the ledger is empty: nothing was recorded yet")
        end = None if as_of is None else facts.wards[-1][1].end_of(as_of)
        return facts.wards, all_entries(facts, end), facts.synthetic

    def find(self, name: str) -> str:
        """The id of a case or person, by id, by reference number (受付番号) or by a sender's own reference.

        Raises:
            NotKnown: nothing goes by this name, or several do.
        """
        wanted = folded(name)
        if self.ledger.history(wanted):
            return wanted
        found = sorted(set(self._named(wanted)))
        if not found:
            raise NotKnown(
                f"nothing is known as {name!r}; give a case id, a reference number such as R5-0012, or PROVIDER/REF"
            )
        if len(found) > 1:
            raise NotKnown(f"{name!r} stands for several: {', '.join(found)}; give the id")
        return found[0]

    def _named(self, wanted: str) -> Iterator[str]:
        provider, _, ref = wanted.rpartition("/")
        with self.engine.connect() as connection:
            rows = connection.execute(sa.select(FACTS.c.id, FACTS.c.body).where(FACTS.c.kind == "case")).all()
        for row in rows:
            facts = msgspec.json.decode(bytes(row.body), type=CaseFacts)
            known = any(ref == own and provider in ("", by) for by, own in facts.names)
            if known or (facts.number or "").casefold() == wanted.casefold():
                yield row.id

    def history(self, about: str, *, by: Literal["time", "ledger"] = "time", opens: Opens | None = None) -> History:
        """Everything about a case or a person, in the order in which it happened, or in the ledger's.

        With `opens` each step's data has `personal` for `sealed`: what is in the box, or LOST.
        What an event changed is always told in the ledger's order: what was known before it came, and after.

        Raises:
            NotKnown: nothing is known of it.
        """
        rows = self._own_rows(about)
        if not rows:
            raise NotKnown(f"nothing is known of {about!r}")
        facts, steps, owners = Facts(), list[Step](), _owners(rows)
        for row in self._with_relations(rows):
            before = _features(about, facts)
            apply(facts, row.event, event_of(row.event))
            if row in rows:
                after = _features(about, facts)
                steps.append(_step(row, before, after, lambda record: _shown(record, owners, opens)))
        case = facts.cases.get(about)
        return History(
            id=about,
            kind="person" if about in facts.persons else "case",
            number=case.number if case else None,
            synthetic=any(step.synthetic for step in steps),
            steps=steps if by == "ledger" else sorted(steps, key=lambda step: (step.occurred_at, step.position)),
        )

    def _own_rows(self, about: str) -> list[Row]:
        """The rows that tell its story: its own, those of what was merged into it, and what it took over."""
        found = {row.position: row for row in self.ledger.history(about)}
        for row in list(found.values()):
            match event_of(row.event):
                case CaseMerged(case=part, into=into) if into == about and self._is_part(part, about):
                    found |= {other.position: other for other in self._own_rows(part)}
                case ContactMoved(case=earlier, to_case=to, contact_at=since, because="after-closing") if to == about:
                    found |= self._taken_over(earlier, since)
                case CallReceived(follows=str() as earlier, case=to) if to == about:
                    found |= self._taken_over(earlier, row.event.time)
                case _:
                    pass  # Everything else tells of this case alone.
        return [found[position] for position in sorted(found)]

    def _taken_over(self, earlier: str, since: datetime) -> dict[int, Row]:
        """What others recorded of the consultation before, since this one began."""
        rows = (row for row in self.ledger.history(earlier) if row.event.service != "intake")
        return {row.position: row for row in rows if row.event.time >= since}

    def _is_part(self, part: str, of: str) -> bool:
        """Whether a case is still a part of another: the last word is a merging into it."""
        words = [event_of(row.event) for row in self.ledger.history(part)]
        last = next((w for w in reversed(words) if isinstance(w, CaseMerged | CaseSplit) and w.case == part), None)
        return isinstance(last, CaseMerged) and last.into == of

    def _with_relations(self, rows: list[Row]) -> list[Row]:
        """The rows, those of cases merged or moved with it, and the ward's rules, in the ledger's order."""
        ids = {other for row in rows for other in _others(row.event)}
        related = {row.position: row for other in sorted(ids) for row in self.ledger.history(other)}
        related |= {row.position: row for row in rows}
        ward = self.ledger.row(1).event.ward
        related |= {row.position: row for row in self.ledger.history(ward)}
        return [related[position] for position in sorted(related)]


def further_facts(inquiry: Inquiry) -> dict[str, Any]:
    """What the database says of itself: whether it answers, and whether the ward's rules were heard of."""
    try:
        return {"ward_known": inquiry.ward() is not None}
    except UNREADABLE:
        return {"database_missing": True}


@contextmanager
def _uncollected() -> Iterator[None]:
    """A fold makes no circles, and the garbage collector would look through all that it has made again and again."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _members(entries: list[Entry], report: str, years: range | None) -> int:
    return len({e.member for e in entries if e.report == report and (years is None or e.year in years)})


def _others(record: Recorded) -> set[str]:
    if record.type not in ("contact.moved", "case.merged", "case.split", "person.merged", "person.split"):
        return set()
    data = msgspec.json.decode(record.data)
    fields = ("case", "to_case", "into", "from_case", "person", "from_person")
    return {data[field] for field in fields if data.get(field)}


def _features(about: str, facts: Facts) -> dict[str, Any]:
    """What can be said of a consultation at this point of its history."""
    if about in facts.persons:
        person = facts.persons[about]
        return {"registered_on": person.registered_on, "district": person.district, "merged_into": person.merged_into}
    case = facts.cases.get(about)
    if case is None:
        return {}
    found = standing(about, facts)
    features: dict[str, Any] = {
        "open": is_open(about, facts),
        "merged_into": case.merged_into,
        "counted": found is not None,
    }
    if found is not None:
        first = found.counted[0][1]
        ward = facts.ward_at(first.at)
        features |= {
            "first_contact": first.at,
            "fiscal_year": ward.fiscal_year(first.at),
            "band": ward.band_of(first.at),
            "district": first.district,
            "outcome": found.outcome.key,
        }
    return features


def _owners(rows: Iterable[Row]) -> list[str]:
    """Whose keys may open the boxes of a history: of the persons and contacts that it names, and its own."""
    told = [msgspec.json.decode(row.event.data) for row in rows]
    named = {data.get(field) for data in told for field in ("person", "contact", "case")}
    return sorted({name for name in named if isinstance(name, str)} | {row.event.subject for row in rows})


def _shown(event: Recorded, owners: Sequence[str], opens: Opens | None) -> dict[str, Any]:
    """An event's fields as a history shows them: the box as one word, or opened."""
    data: dict[str, Any] = msgspec.json.decode(event.data)
    data.pop("content", None)
    if (box := data.get("sealed")) is None or opens is None:
        return data if "sealed" not in data else data | {"sealed": SEALED}
    del data["sealed"]
    return data | {"personal": opens(owners, f"{event.type}/{event.id}", box) or LOST}


def _step(row: Row, before: dict[str, Any], after: dict[str, Any], shown: Callable[[Recorded], dict[str, Any]]) -> Step:
    event = row.event
    names = [name for name in after if before.get(name) != after[name]] + sorted(before.keys() - after.keys())
    return Step(
        position=row.position,
        occurred_at=event.time,
        recorded_at=event.recordedat,
        ledgered_at=row.ledgered_at,
        service=event.service,
        service_position=event.position,
        event=event.type,
        id=event.id,
        cause=event.causation,
        message=_message(event.causation),
        synthetic=event.synthetic,
        data=shown(event),
        changes=[Change(name, before.get(name), after.get(name)) for name in names],
    )


def _message(causation: str) -> str | None:
    """`provider source#id` of the adapter message that caused an event, if one did."""
    kind, _, name = causation.partition(":")
    return name.replace("/", " ", 1) if kind == "message" else None
