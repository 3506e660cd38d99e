"""Where a service takes in what it hears: decide, record, answer, all in one transaction.

Messages from outside are heard once by (provider, source, id), for ever. What cannot be used is
parked, what speaks of something unknown waits; neither delays what comes behind. Events of other
services are heard in the order of their positions, by a cursor kept in the same transaction.

Everything here runs in the journal's writer thread.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Generic, NamedTuple, Protocol, TypeVar

import sqlalchemy as sa

from events import Event, Recorded, event_of
from events.intake import WardActivated
from events.messages import ParkedClose
from services import deadlines, flagged
from services.blind import BlindIndex, Identifying
from services.book import Book, Due, Name, Said, Shelf, Unusable, Waits
from services.database import found, found_among
from services.group import Group, Key, heard_before
from services.hearing import Cursors
from services.inbox import Delivery, Item, items
from services.journal import Journal, SecondWriter
from services.parked import check_order, close_parked
from services.reading import Message, opened, public, said
from services.seal import KeyStore, Secrets
from services.tables import NAMES, PARKED, SERIES, WAITING, WARDS
from services.ward import Ward, parse, parsed

S = TypeVar("S")

log = logging.getLogger("yoake.desk")

ASKED_SOON = ("case/", "number/", "person")
"""The kinds of names that what comes next speaks of; others are asked for rarely, and are read then."""

CACHE = 200_000
"""States, and names, kept in memory; beyond that the cache starts anew."""


MOST_DUE = 50
"""Deadlines that fall due before what else waits for the writer thread has its turn."""

TRY_AGAIN = timedelta(minutes=1)
"""After this time a deadline falls due again whose handling failed."""

_NAMES = sa.select(NAMES)
_LAST = sa.select(SERIES.c.last).where(SERIES.c.key == sa.bindparam("key"))
_WARDS = sa.select(WARDS).order_by(WARDS.c.position)
_WAITING = sa.select(WAITING.c.key)
_PARKED = sa.select(PARKED.c.provider, PARKED.c.source, PARKED.c.id).where(PARKED.c.closed.is_(None))

AT_ONCE = datetime.min.replace(tzinfo=UTC)
"""When to ask what falls due next, where that is not known."""


class Beside(Protocol):
    """What a service's own tables say, for one transaction; read when asked, and written with the events."""

    def write(self, connection: sa.Connection) -> None:
        """Write what the rules put here. Called once, at the end of the transaction."""


class Rules(Protocol[S]):
    """What makes a service this service; all of it pure, but for what `beside` reads when it is asked."""

    @property
    def tables(self) -> Sequence[sa.Table]:
        """Tables of this service alone, beside those that every service has."""

    @property
    def identifying(self) -> Identifying | None:
        """How persons are found by what is personal about them; None: this service keeps no such index."""

    def decide(self, said: Said, book: Book[S]) -> None:
        """Let a message have its effect on the book. Raises Waits or Unusable."""

    def evolve(self, state: S | None, event: Event, at: datetime) -> S | None:
        """The state of what an event is about, after it."""

    def hear(self, record: Recorded, event: Event, book: Book[S]) -> None:
        """Take notice of another service's event."""

    def asks(self, event: Event) -> Iterable[str]:
        """The names that hearing an event will ask for; they are read together, for a whole batch."""

    def expect(self, heard: Sequence[tuple[Recorded, Event]], book: Book[S]) -> None:
        """Let `book.beside` read together what hearing these will ask of it."""

    def begin(self, now: datetime, book: Book[S]) -> None:
        """Plan what must always be planned, where it is not: as the service starts, and as a ward's file comes."""

    def fall_due(self, due: Due, now: datetime, book: Book[S]) -> None:
        """Let a deadline have its effect; it is planned no longer. `now` is after `due.due`, perhaps by days."""

    def beside(self, connection: sa.Connection) -> Beside | None:
        """What the books of one transaction show as `book.beside`.

        What is put there is written even if the message is parked in the end: rules do so last.
        """


class Arrived(NamedTuple):
    """A message as it was read; `message` is None where it is garbled."""

    delivery: Delivery
    item: Item
    message: Message | None


class Desk(Generic[S]):
    """Takes messages and events into one service's journal."""

    def __init__(self, journal: Journal, rules: Rules[S], secrets: Secrets, keys: KeyStore) -> None:
        self.journal, self.rules, self.secrets, self.keys = journal, rules, secrets, keys
        self.cursors = Cursors(journal.engine)
        self._is_stale = False
        self._cache: dict[str, S | None] = {}
        self._names: dict[str, list[Name]] = {}
        self.index = BlindIndex(journal, secrets, keys, rules.identifying) if rules.identifying else None
        with journal.engine.connect() as connection:
            self.wards, self._parked, self._waiting = _wards(connection), _parked(connection), _waiting(connection)
        self._failed: dict[str, datetime] = {}
        self.look_at: datetime | None = AT_ONCE
        """Nothing falls due before; None: nothing is planned. Only this process writes deadlines, so it can know."""
        self.has_planned = False
        """Set by what planned a deadline before all others; cleared by whoever then looks when to look."""
        if journal.service == "intake":
            flagged.fill(journal)

    def prepare(self) -> bool:
        """Make a part of what is missing beside the log; False if nothing was. Before anything is taken."""
        return self.index is not None and self.index.fill()

    def ward_at(self, moment: datetime) -> Ward:
        """The ward's rules in force at a moment.

        Raises:
            Waits: no ward's file was heard of yet.
        """
        if not self.wards:
            raise Waits("ward")
        since, ward = self.wards[-1]
        if since <= moment:
            return ward
        return next((ward for since, ward in reversed(self.wards) if since <= moment), self.wards[0][1])

    def read(self, deliveries: Sequence[Delivery]) -> list[Arrived]:
        """What was delivered, message by message, unsealed. Nothing of the journal is needed: it may be read ahead."""
        return [Arrived(d, item, self._opened(d, item)) for d in deliveries for item in items(d)]

    def take(self, deliveries: Sequence[Delivery], read: Sequence[Arrived] | None = None) -> None:
        """Take in messages as one transaction; if that fails, one by one, and park what fails alone.

        `read`: the same messages, where they were read ahead.

        Raises:
            SecondWriter: another process writes this journal.
            sqlalchemy.exc.OperationalError: the database does not take it now; nothing was written.
        """
        try:
            self._take(self.read(deliveries) if read is None else read)
        except (SecondWriter, sa.exc.OperationalError):
            raise
        except Exception as error:  # What fails only as it is written must not hold up the others either.
            if len(deliveries) > 1:
                self._take_singly(deliveries)
            else:
                self._park_whole(deliveries[0], error)

    def hear(self, records: Sequence[Recorded]) -> set[str]:
        """Hear other services' events, each once and in order.

        Returns:
            The services whose logs have a gap before one of these, to be asked again.

        Raises:
            services.hearing.LogChanged: a known position came with another event.
        """
        gaps, heard = set(), []
        with self._group() as group:
            for record in records:
                if self.cursors.is_next(record):
                    heard.append((record, event_of(record)))
                    self.cursors.advance(record)
                elif record.position > self.cursors.position(record.service):
                    gaps.add(record.service)
            self._read_names(group.connection, (name for _, event in heard for name in self.rules.asks(event)))
            if heard:
                self.rules.expect(heard, self._book(group))
            for record, event in heard:
                self._hear_one(group, record, event)
            self.cursors.write(group.connection)
        return gaps

    def activate(self, ward: Ward, effective_from: datetime) -> None:
        """Let a ward's file be in force from a moment on. Only the service that owns the ward does this."""
        event = WardActivated(ward=ward.id, effective_from=effective_from, content=ward.content())
        with self._group() as group:
            book = self._book(group)
            book.write(event, effective_from)
            group.keep(book, f"file:{ward.id}", synthetic=False)
            self._activate(group, event)

    def begin(self) -> None:
        """Plan what must always be planned. Before the first ward's file nothing must; it comes with that."""
        if self.wards:
            with self._group() as group:
                self._begin(group)

    def nothing_is_due(self) -> bool:
        """Whether it is known that nothing falls due now. The one question that any thread may ask."""
        return self.look_at is None or self.journal.clock() < self.look_at

    def fall_due(self) -> datetime | None:
        """Let everything that is due by the clock have its effect, the earliest first, each in its own transaction.

        What that plans falls due as well. One whose handling fails is left for later, and holds up no other.
        The database is asked only when the next one is due, and after a transaction that failed.

        Returns:
            When to look again: when the next is due, or at once where there are very many.

        Raises:
            SecondWriter: another process writes this journal.
            sqlalchemy.exc.OperationalError: the database does not take it now; what was not written is due still.
        """
        now = self.journal.clock()
        if self.nothing_is_due():
            return self.look_at
        self._failed = {key: again for key, again in self._failed.items() if again > now}
        for _ in range(MOST_DUE):
            with self.journal.engine.connect() as connection:
                due = deadlines.earliest(connection, without=self._failed)
            if due is None or due.due > now:
                self.look_at = min([*self._failed.values(), *([due.due] if due else [])], default=None)
                return self.look_at
            self._fall_due(due, now)
        return now

    def _fall_due(self, due: Due, now: datetime) -> None:
        try:
            with self._group() as group:
                book = self._book(group)
                book.cancel(due.key)
                self.rules.fall_due(due, now, book)
                group.keep(book, due.causation, synthetic=due.synthetic or book.synthetic)
        except (SecondWriter, sa.exc.OperationalError):
            raise
        except Exception:  # A fault of ours in one must not hold up the others, and must not lose it.
            log.exception("what fell due (%s) could not be done; it is tried again", due.kind)
            self._failed[due.key] = now + TRY_AGAIN

    @contextmanager
    def _group(self) -> Iterator[Group]:
        """One transaction: filled by the caller, gone on with, written; or nothing at all."""
        if self._is_stale:
            self._refresh()
        try:
            with self.journal.transaction() as connection:
                group = Group(self.journal, self.secrets, self.keys, connection, self.index)
                group.shelf = self._shelf(group)
                try:
                    yield group
                    self._resume(group)
                    group.write()
                finally:
                    del group.shelf  # It knows the group: all that this held would stay until the collector comes.
        except BaseException:
            self._is_stale = True
            self.look_at = AT_ONCE
            self._cache.clear()
            self._names.clear()
            self.cursors.undo()
            with suppress(sa.exc.SQLAlchemyError):  # The database is away: before anything else is done, then.
                self._refresh()
            raise
        self.cursors.settle()
        self._remember(group)

    def _refresh(self) -> None:
        """Know again what is on disk: a transaction that failed may have been committed all the same."""
        self.cursors.reload()
        self.wards = wards_of(self.journal.engine)
        self._is_stale = False

    def _remember(self, group: Group) -> None:
        """What was written is what will be asked for next."""
        self._cache = self._cache if len(self._cache) < CACHE else {}
        self._cache.update(group.states)
        for key, names in group.names.items():
            if key in self._names:
                self._names[key] = [*self._names[key], *names]
            elif key.startswith(ASKED_SOON):
                self._names[key] = names
        self._names = self._names if len(self._names) < CACHE else {}
        soonest = min((each.due for each in group.deadlines.values() if each), default=None)
        if soonest is not None and (self.look_at is None or soonest < self.look_at):
            self.look_at = soonest  # Before it is told: whoever clears what was told looks at this next.
            self.has_planned = True
        self._parked |= group.parked
        self._waiting |= group.waiting

    def _take(self, arrived: Sequence[Arrived]) -> None:
        with self._group() as group:
            messages = [message for _, _, message in arrived if message is not None]
            group.known = heard_before(group.connection, {message.key for message in messages})
            self._prefetch(group, [message for message in messages if message.key not in group.known])
            for delivery, item, message in arrived:
                if message is None:
                    group.park(delivery, item, item.garbled or Unusable("id", "missing"))
                else:
                    self._take_one(group, message)

    def _opened(self, delivery: Delivery, item: Item) -> Message | None:
        """The message, unsealed; None where it is garbled."""
        return None if item.garbled or item.identity is None else opened(delivery, item, self.secrets)

    def _prefetch(self, group: Group, messages: Sequence[Message]) -> None:
        """Read what these messages speak of together, rather than each when it is asked for."""
        asked = {name for message in messages for name in message.names}
        self._read_names(group.connection, asked)
        targets = {name.target for key in asked for name in self._names[key] if name.target not in self._cache}
        for about, records in self.journal.histories(group.connection, sorted(targets)).items():
            self._cache[about] = self._state(records)
        if self.index is not None:
            sought = self.index.identifying.sought
            group.look_up([i for message in messages for i in sought(message.fields["type"], message.fields["data"])])

    def _read_names(self, connection: sa.Connection, keys: Iterable[str]) -> None:
        missing = sorted({key for key in keys if key not in self._names})
        if not missing:
            return
        self._names.update((key, []) for key in missing)
        for row in found_among(connection, _NAMES, NAMES.c.key, missing):
            self._names[row.key].append(Name(row.target, datetime.fromisoformat(row.since)))

    def _take_singly(self, deliveries: Sequence[Delivery]) -> None:
        faults = []
        for delivery in deliveries:
            try:
                self.take([delivery])
            except (SecondWriter, sa.exc.OperationalError):
                raise
            except Exception as error:  # Not even parked; those behind it go on, and this one comes again.
                faults.append(error)
        if faults:
            raise ExceptionGroup("messages that can be neither taken nor parked", faults)

    def _park_whole(self, delivery: Delivery, error: Exception) -> None:
        with self._group() as group:
            for item in items(delivery):
                group.park(delivery, item, item.garbled or _fault(error))

    def _take_one(self, group: Group, message: Message) -> None:
        before = group.known.get(message.key)
        if before is None:
            self._consider(group, message)
        elif before[0] == message.digest:
            group.answer_again(message, before[1])
        else:
            reason = Unusable("id", "the same id came before with other content", "a new id for other content")
            group.park(message.delivery, message.item, reason, kind="conflict", digest=message.digest)

    def _consider(self, group: Group, message: Message) -> None:
        """Decide on a message that has had no effect yet."""
        book = self._book(group)
        try:
            words = said(message, self.ward_at(message.delivery.arrived), self.secrets)
            if words.type == ParkedClose.name:
                close_parked(words, book, group, self.journal.service)
            else:
                self.rules.decide(words, book)
            if message.key in self._parked:
                check_order(book, lambda about: self.journal.histories(group.connection, [about])[about])
            book.flags += [flag for flag in words.flags if flag not in book.flags]
        except Waits as waits:
            group.wait(message, waits.key)
        except Unusable as unusable:
            group.park(message.delivery, message.item, unusable, digest=message.digest)
        except (sa.exc.SQLAlchemyError, SecondWriter):
            raise
        except Exception as error:  # A fault of ours in one message must not hold up the others.
            log.exception("%s could not be processed", message.fields["type"], extra=group.named(*message.key))
            group.park(message.delivery, message.item, _fault(error), digest=message.digest)
        else:
            group.keep(book, words.causation, synthetic=words.synthetic)
            group.accept(message, book)
            if message.key in self._parked:
                group.settle(message.key)

    def _hear_one(self, group: Group, record: Recorded, event: Event) -> None:
        if isinstance(event, WardActivated):
            self._activate(group, event)
        book = self._book(group)
        self.rules.hear(record, event, book)
        group.keep(book, f"event:{record.id}", synthetic=record.synthetic)

    def _activate(self, group: Group, event: WardActivated) -> None:
        group.activate(event)
        self.wards = sorted([*self.wards, (event.effective_from, parse(event.content))], key=lambda entry: entry[0])
        self._begin(group)

    def _begin(self, group: Group) -> None:
        book = self._book(group)
        self.rules.begin(self.journal.clock(), book)
        group.keep(book, f"start:{self.journal.service}", synthetic=False)

    def _resume(self, group: Group) -> None:
        """Let go on what waited for the names that this transaction brought."""
        while (self._waiting or group.waiting) and (woken := group.take_woken()):
            waiting = self._waiting | group.waiting
            keys = [key for key in woken if key in waiting]
            for delivery in group.take_waiting(keys) if keys else ():
                self._consider(group, opened(delivery, next(items(delivery)), self.secrets))

    def _shelf(self, group: Group) -> Shelf[S]:
        return Shelf(
            ward=self.ward_at,
            load=lambda about: self._load(group, about),
            evolve=self.rules.evolve,
            names=lambda key: self._stored_names(group, key),
            count=lambda series: _count(group, series),
            new_id=self.journal.new_id,
            reference=lambda own: public(own, self.secrets),
            same=group.same,
            flags=lambda holder, matter: flagged.flags_of(group.connection, holder, matter, group.events()),
            planned=group.planned,
            beside=self.rules.beside(group.connection),
        )

    def _book(self, group: Group) -> Book[S]:
        return Book(group.shelf)

    def _load(self, group: Group, about: str) -> S | None:
        if about in group.states:
            known: S | None = group.states[about]
            return known
        if about not in self._cache:
            self._cache[about] = self._state(self.journal.histories(group.connection, [about])[about])
        return self._cache[about]

    def _state(self, records: Iterable[Recorded]) -> S | None:
        state: S | None = None
        for record in records:
            state = self.rules.evolve(state, event_of(record), record.time)
        return state

    def _stored_names(self, group: Group, key: str) -> list[Name]:
        if key not in self._names:
            self._read_names(group.connection, [key])
        own = group.names.get(key)
        return [*self._names[key], *own] if own else self._names[key]


def _fault(error: Exception) -> Unusable:
    return Unusable("message", f"this release cannot process it ({type(error).__name__})", "tell the operator")


def _count(group: Group, series: str) -> int:
    if series in group.counts:
        return group.counts[series]
    rows = found(group.connection, _LAST, key=series)
    return int(rows[0].last) if rows else 0


def wards_of(engine: sa.Engine) -> list[tuple[datetime, Ward]]:
    """The ward's rules as a service's database has them, each with the moment from which it is in force, in order."""
    with engine.connect() as connection:
        return _wards(connection)


def _wards(connection: sa.Connection) -> list[tuple[datetime, Ward]]:
    rows = found(connection, _WARDS)
    entries = [(datetime.fromisoformat(row.effective_from), parsed(bytes(row.content))) for row in rows]
    return sorted(entries, key=lambda entry: entry[0])


def _waiting(connection: sa.Connection) -> set[str]:
    return {row.key for row in found(connection, _WAITING)}


def _parked(connection: sa.Connection) -> set[Key]:
    return {(row.provider, row.source, row.id) for row in found(connection, _PARKED)}
