"""What goes to whom: for every subscriber a cursor over the ledger, and for every event it is told a delivery.

A delivery is kept as it was made, so that what is sent again says what was true then. It is delivered when its
acknowledgement came, and not before. Everything here runs in the ledger's writer thread.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from events import Recorded
from services.database import insert_rows
from services.subscribers import TEST, Subscriber

if TYPE_CHECKING:
    from services.journal import Journal

PAGE = 200
LISTED = 200


class State(StrEnum):
    """Where a delivery stands. `given-up`: tried for days; the later ones of its case wait for a person's word."""

    waiting = "waiting"
    sent = "sent"
    delivered = "delivered"
    given_up = "given-up"
    skipped = "skipped"


OPEN = (State.waiting, State.sent, State.given_up)

_METADATA = sa.MetaData()
SUBSCRIBERS = sa.Table(
    "subscribers",
    _METADATA,
    sa.Column("key", sa.String(40), primary_key=True),
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column("disabled_at", sa.String(40)),
    sa.Column("because", sa.String(40)),
    sa.Column("stream", sa.String(40)),
)
"""How far in the ledger each subscriber was seen to. `stream`: when the DELIVERIES was made that has what was sent."""

DELIVERIES = sa.Table(
    "deliveries",
    _METADATA,
    sa.Column("subscriber", sa.String(40), primary_key=True),
    sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("id", sa.String(36), nullable=False),
    sa.Column("event", sa.String(60), nullable=False),
    sa.Column("about", sa.String(64), nullable=False),
    sa.Column("case_id", sa.String(36)),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("state", sa.String(10), nullable=False),
    sa.Column("since", sa.Double, nullable=False),
    sa.Column("due", sa.Double, nullable=False),
    sa.Column("began", sa.Double),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("answer", sa.String(60)),
    sa.Column("round", sa.Integer, nullable=False),
    sa.Column("sequence", sa.BigInteger),
    sa.Column("delivered_at", sa.Double),
    sa.Index("deliveries_state", "subscriber", "state", "position"),
    sa.Index("deliveries_id", "id"),
)
"""One event for one subscriber. `position` is the ledger's; below 0 it is a test message. `id` is the event's.

Times are seconds since 1970. `since`: when it was to be sent; `due`: not before then; `began`: the first attempt of
this series; `round`: how often it was asked for again; `sequence`: its place in the stream.
"""

DELIVERY_TABLES = (SUBSCRIBERS, DELIVERIES)


class Told(msgspec.Struct, frozen=True):
    """An event as a subscriber is told it. What is told about one thing (`about`) is told in its order."""

    id: str
    event: str
    about: str
    case: str | None
    body: bytes


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery, as it stands."""

    subscriber: str
    position: int
    id: str
    event: str
    about: str
    case_id: str | None
    state: State
    since: float
    due: float
    attempts: int
    round: int
    began: float | None = None
    answer: str | None = None
    sequence: int | None = None
    delivered_at: float | None = None


class Sendable(msgspec.Struct, frozen=True):
    """A delivery with what is to be sent."""

    of: Delivery
    body: bytes


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How far a subscriber is. `oldest`: since when its first open delivery was to be sent; None: there is none."""

    key: str
    position: int
    disabled_at: str | None
    because: str | None
    waiting: int = 0
    sent: int = 0
    given_up: int = 0
    delivered: int = 0
    oldest: float | None = None

    @property
    def open(self) -> int:
        """How many deliveries nobody has acknowledged."""
        return self.waiting + self.sent + self.given_up


Tell = Callable[[int, Recorded], Told | None]
"""What a subscriber is told of an event at a position of the ledger; None: nothing."""


class _Row(msgspec.Struct, frozen=True):
    position: int
    event: Recorded


_ROW = msgspec.json.Decoder(_Row)
_MARK = {column.name: column for column in DELIVERIES.c}


class NoSuchDelivery(LookupError):
    """There is no such delivery, or nothing of the kind is to be done about it; says which."""


class Deliveries:
    """The deliveries of one ledger."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal

    def prepare(self, keys: Iterable[str]) -> None:
        """Begin with subscribers that are new: they hear of what is entered from now on."""
        with self.journal.engine.begin() as connection:
            rows = [(key, self.journal.head, None, None, None) for key in keys]
            insert_rows(connection, SUBSCRIBERS, rows, taken="stays")

    def fill(self, key: str, names: Collection[str], tell: Tell) -> tuple[int, bool]:
        """Make the deliveries of a page of the ledger: how many, and whether there may be more."""
        log, head = self.journal.log, self.journal.head
        with self.journal.engine.connect() as connection:
            after = connection.execute(sa.select(SUBSCRIBERS.c.position).where(SUBSCRIBERS.c.key == key)).scalar_one()
            if after >= head:
                return 0, False
            query = sa.select(log.c.state).where(log.c.id > after, log.c.id <= head, log.c.topic.in_(sorted(names)))
            found = connection.execute(query.order_by(log.c.id).limit(PAGE)).scalars()
            rows = [_ROW.decode(bytes(text)) for text in found]
        told = [(row.position, one) for row in rows if (one := tell(row.position, row.event)) is not None]
        upto, now = rows[-1].position if len(rows) == PAGE else head, self.now()
        with self.journal.engine.begin() as connection:
            insert_rows(connection, DELIVERIES, [_fresh(key, at, one, now) for at, one in told], taken="stays")
            connection.execute(sa.update(SUBSCRIBERS).where(SUBSCRIBERS.c.key == key).values(position=upto))
        return len(told), upto < head

    def put_test(self, key: str, told: Told) -> int:
        """Put a test message before everything else; returns its number, which is below 0."""
        first = sa.select(sa.func.min(DELIVERIES.c.position)).where(DELIVERIES.c.subscriber == key)
        with self.journal.engine.begin() as connection:
            position = min(connection.execute(first).scalar() or 0, 0) - 1
            insert_rows(connection, DELIVERIES, [_fresh(key, position, told, self.now())])
        return position

    def unsent(self, key: str, most: int = PAGE) -> list[Sendable]:
        """What waits for a subscriber, in the ledger's order."""
        return self._sendable(_is(key, State.waiting), most)

    def ready(self, key: str, flying: Collection[str], most: int, *, tests_alone: bool = False) -> list[Sendable]:
        """What is due now: of everything that it is about only the first that is not delivered.

        `flying`: about what something is under way. `tests_alone`: nothing else is sent to it now.
        """
        stuck = _is(key, State.waiting, State.given_up)
        firsts = sa.select(sa.func.min(DELIVERIES.c.position)).where(stuck).group_by(DELIVERIES.c.about)
        ready = sa.and_(_is(key, State.waiting), DELIVERIES.c.due <= self.now(), DELIVERIES.c.position.in_(firsts))
        if flying:
            ready = sa.and_(ready, DELIVERIES.c.about.not_in(sorted(flying)))
        if tests_alone:
            ready = sa.and_(ready, DELIVERIES.c.position < 0)
        return self._sendable(ready, most)

    def sent(self, key: str, places: Sequence[tuple[int, int]], stream: str) -> None:
        """These, (position, sequence), are in the stream of that name."""
        with self.journal.engine.begin() as connection:
            for position, sequence in places:
                values = {"state": State.sent, "sequence": sequence}
                connection.execute(sa.update(DELIVERIES).where(_at(key, position)).values(values))
            connection.execute(sa.update(SUBSCRIBERS).where(SUBSCRIBERS.c.key == key).values(stream=stream))

    def acknowledged(self, key: str, upto: int) -> None:
        """The subscriber acknowledged everything up to a place in the stream."""
        values = {"state": State.delivered, "delivered_at": self.now(), "answer": "acknowledged"}
        self._change(sa.and_(_is(key, State.sent), DELIVERIES.c.sequence <= upto), values)

    def outstanding(self, key: str, most: int) -> tuple[int, list[Delivery]]:
        """How many were sent and not acknowledged, and the first of them."""
        where = _is(key, State.sent)
        with self.journal.engine.connect() as connection:
            count = connection.execute(sa.select(sa.func.count()).where(where)).scalar_one()
        return count, self._deliveries(where, most)

    def answered(self, key: str, position: int, answer: str) -> None:
        """A delivery was acknowledged."""
        values = {"state": State.delivered, "delivered_at": self.now(), "answer": answer}
        values["attempts"] = DELIVERIES.c.attempts + 1
        self._change(_at(key, position), values)

    def failed(self, delivery: Delivery, answer: str, due: float | None) -> None:
        """An attempt failed; `due`: when to try again. None: it is given up."""
        values = {
            "attempts": delivery.attempts + 1,
            "answer": answer,
            "began": self.now() if delivery.began is None else delivery.began,
            "due": delivery.due if due is None else due,
            "state": State.given_up if due is None else State.waiting,
        }
        waits = sa.and_(_at(delivery.subscriber, delivery.position), DELIVERIES.c.state == State.waiting)
        self._change(waits, values)

    def again(self, key: str, position: int | None = None) -> int:
        """What was sent is not in the stream any more, and was not acknowledged: send it again. All, or one."""
        where = _is(key, State.sent) if position is None else _at(key, position)
        return self._change(where, {"state": State.waiting, "sequence": None, "round": DELIVERIES.c.round + 1})

    def disable(self, key: str, because: str) -> None:
        """Send nothing any more, until somebody enables it."""
        values = {"disabled_at": self.journal.clock().isoformat(timespec="seconds"), "because": because}
        with self.journal.engine.begin() as connection:
            connection.execute(sa.update(SUBSCRIBERS).where(SUBSCRIBERS.c.key == key).values(values))

    def enable(self, key: str) -> int:
        """Send again, everything that waits at once; how many that are."""
        with self.journal.engine.begin() as connection:
            values = {"disabled_at": None, "because": None}
            connection.execute(sa.update(SUBSCRIBERS).where(SUBSCRIBERS.c.key == key).values(values))
        return self._change(_is(key, State.waiting), self._anew())

    def retry(self, key: str, position: int | None = None) -> int:
        """Try again at once, as if for the first time: all that wait or were given up, or one of them.

        Raises:
            NoSuchDelivery: there is none at this position that is not delivered.
        """
        return self._one_or_all(key, position, self._anew() | {"state": State.waiting})

    def skip(self, key: str, position: int) -> None:
        """This one is not sent; what follows about the same thing is.

        Raises:
            NoSuchDelivery: there is none at this position that is not delivered.
        """
        self._one_or_all(key, position, {"state": State.skipped})

    def replay(self, key: str, first: int) -> int:
        """Send everything from a position of the ledger on once more, also what it was never told; its own count."""
        values = self._anew() | {"state": State.waiting, "since": self.now(), "sequence": None, "delivered_at": None}
        values |= {"round": DELIVERIES.c.round + 1, "answer": None}
        back = sa.case((SUBSCRIBERS.c.position >= first, first - 1), else_=SUBSCRIBERS.c.position)
        count = self._change(sa.and_(DELIVERIES.c.subscriber == key, DELIVERIES.c.position >= max(first, 1)), values)
        with self.journal.engine.begin() as connection:  # What it has is left alone as the rest is made.
            connection.execute(sa.update(SUBSCRIBERS).where(SUBSCRIBERS.c.key == key).values(position=back))
        return count

    def is_disabled(self, key: str) -> bool:
        """Whether nothing is sent to it."""
        with self.journal.engine.connect() as connection:
            query = sa.select(SUBSCRIBERS.c.disabled_at).where(SUBSCRIBERS.c.key == key)
            return connection.execute(query).scalar() is not None

    def stream(self, key: str) -> str | None:
        """Which stream holds what was sent."""
        with self.journal.engine.connect() as connection:
            return connection.execute(sa.select(SUBSCRIBERS.c.stream).where(SUBSCRIBERS.c.key == key)).scalar()

    def now(self) -> float:
        """The present moment, in seconds since 1970."""
        return self.journal.clock().timestamp()

    def _anew(self) -> dict[str, Any]:
        return {"attempts": 0, "due": self.now(), "began": None}

    def _one_or_all(self, key: str, position: int | None, values: dict[str, Any]) -> int:
        where = _is(key, State.waiting, State.given_up)
        if position is not None:
            where = sa.and_(where, DELIVERIES.c.position == position)
        count = self._change(where, values)
        if position is not None and not count:
            raise NoSuchDelivery(f"{position}: no delivery to {key} is open at this position of the ledger")
        return count

    def _change(self, where: sa.ColumnElement[bool], values: dict[str, Any]) -> int:
        with self.journal.engine.begin() as connection:
            return connection.execute(sa.update(DELIVERIES).where(where).values(values)).rowcount

    def _sendable(self, where: sa.ColumnElement[bool], most: int) -> list[Sendable]:
        query = sa.select(DELIVERIES).where(where).order_by(DELIVERIES.c.position).limit(most)
        with self.journal.engine.connect() as connection:
            return [Sendable(_delivery(row), bytes(row.body)) for row in connection.execute(query)]

    def _deliveries(self, where: sa.ColumnElement[bool], most: int) -> list[Delivery]:
        return read(self.journal.engine, where, most)


def read(engine: sa.Engine, where: sa.ColumnElement[bool], most: int = LISTED) -> list[Delivery]:
    """Deliveries as they stand, in the ledger's order, for whoever looks."""
    query = sa.select(DELIVERIES).where(where).order_by(DELIVERIES.c.position).limit(most)
    with engine.connect() as connection:
        return [_delivery(row) for row in connection.execute(query)]


def queue(engine: sa.Engine, key: str, *, everything: bool = False, most: int = LISTED) -> list[Delivery]:
    """What is open for a subscriber, the first first; with `everything` the newest of all, the newest first."""
    if not everything:
        return read(engine, _is(key, *OPEN), most)
    query = sa.select(DELIVERIES).where(DELIVERIES.c.subscriber == key).order_by(DELIVERIES.c.position.desc())
    with engine.connect() as connection:
        return [_delivery(row) for row in connection.execute(query.limit(most))]


def acknowledged_by(engine: sa.Engine, ids: Collection[str]) -> dict[str, frozenset[str]]:
    """Which subscribers have acknowledged each of these events, by its id; one that nobody has is not there."""
    where = sa.and_(DELIVERIES.c.id.in_(sorted(ids)), DELIVERIES.c.state == State.delivered)
    found: dict[str, set[str]] = {}
    with engine.connect() as connection:
        for row in connection.execute(sa.select(DELIVERIES.c.id, DELIVERIES.c.subscriber).where(where)):
            found.setdefault(row.id, set()).add(row.subscriber)
    return {own: frozenset(subscribers) for own, subscribers in found.items()}


def one(engine: sa.Engine, key: str, position: int) -> Delivery | None:
    """One delivery."""
    return next(iter(read(engine, _at(key, position), 1)), None)


def standings(engine: sa.Engine) -> dict[str, Standing]:
    """How far every subscriber is that was ever one."""
    counts = sa.select(
        DELIVERIES.c.subscriber,
        DELIVERIES.c.state,
        sa.func.count().label("count"),
        sa.func.min(DELIVERIES.c.since).label("oldest"),
    )
    counts = counts.where(DELIVERIES.c.position > 0).group_by(DELIVERIES.c.subscriber, DELIVERIES.c.state)
    with engine.connect() as connection:
        found = {row.key: Standing(**_head(row)) for row in connection.execute(sa.select(SUBSCRIBERS))}
        for row in connection.execute(counts):
            state = State(row.state)
            if row.subscriber in found and state is not State.skipped:
                before = found[row.subscriber]
                changed: dict[str, Any] = {state.name: row.count}
                if state in OPEN:
                    changed["oldest"] = min(row.oldest, before.oldest or row.oldest)
                found[row.subscriber] = msgspec.structs.replace(before, **changed)
    return found


def _head(row: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ("key", "position", "disabled_at", "because")}


def _fresh(key: str, position: int, told: Told, now: float) -> tuple[Any, ...]:
    values: dict[str, Any] = {
        "subscriber": key,
        "position": position,
        "id": told.id,
        "event": told.event,
        "about": told.about,
        "case_id": told.case,
        "body": told.body,
        "state": State.waiting.value,
        "since": now,
        "due": now,
        "attempts": 0,
        "round": 0,
    }
    return tuple(values.get(name) for name in _MARK)


def _delivery(row: Any) -> Delivery:
    values = {name: getattr(row, name) for name in Delivery.__struct_fields__}
    return Delivery(**values | {"state": State(row.state)})


def _is(key: str, *states: State) -> sa.ColumnElement[bool]:
    return sa.and_(DELIVERIES.c.subscriber == key, DELIVERIES.c.state.in_([state.value for state in states]))


def _at(key: str, position: int) -> sa.ColumnElement[bool]:
    return sa.and_(DELIVERIES.c.subscriber == key, DELIVERIES.c.position == position)


def trial_message(subscriber: Subscriber, ward: str, now: datetime, id_: str) -> Told:
    """A message that shows that everything works, and says nothing of anybody."""
    body = {
        "specversion": "1.0",
        "id": id_,
        "source": f"/yoake/{ward}/reporting",
        "type": TEST,
        "subject": subscriber.key,
        "time": now.isoformat(),
        "ward": ward,
        "synthetic": True,
        "data": {"subscriber": subscriber.key},
    }
    return Told(id=id_, event=TEST, about=TEST, case=None, body=msgspec.json.encode(body))
