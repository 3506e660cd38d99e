"""Each night is closed at its end, so that a quiet one is proved and not guessed from silence; pure.

The next closing is always planned, and each plans the one after it: after a weekend switched off every night is closed,
once, in its order, and late. What comes for a closed night afterwards closes it again. Nights that were over before
this service first ran are history, and are never closed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple, Protocol

import msgspec

from events import intake as e
from events.intake import Feed, NightClosed, ShiftClosed, night_id, shifts_id
from events.manifest import Range, gaps, merged, size
from events.messages import MOST_CALLS, ShiftClose
from services.book import Due, Said, Unusable
from services.contact import Contact
from services.inbox import AHEAD, MOST_SEQUENCE
from services.intake.closings import Night, Shifts
from services.intake.domain import Case, IntakeBook
from services.ward import Provider, Ward

CLOSE, AGAIN = "close-night", "close-again"
"""What falls due: the end of a night; a night that was closed and has changed since."""

NEXT = "night/next"
"""The key of the closing that comes next; there is one."""

MOST_LISTED = 5_000
"""Contacts that a closing lists by their ids; beyond that the digest alone proves them."""

OWN_PAGES = "/front/"
"""So the sources of the call card begin: it is saved at once and numbers nothing, so that nobody need close it."""

MOST_RANGES = 1_000
"""Ranges and numbers that a feed names, and that a provider may give."""

SETTLE = timedelta(seconds=2)
"""What comes for a closed night within so short a time closes it again together."""

LOOK, MOST_LOOK, LOOKING = timedelta(minutes=10), timedelta(days=1), timedelta(days=7)
"""A night from which something is missing is looked at again, more and more rarely, for a week."""


class Numbers(NamedTuple):
    """What is there of a provider's numbers: ranges of those heard, and which are parked or wait for something."""

    held: list[Range]
    parked: list[int]
    waiting: list[int]


class Told(NamedTuple):
    """A call, or a correction of one, as the log has it; `cause` is the message that told it."""

    at: datetime
    event: e.CallReceived | e.CallCorrected
    cause: str = ""


Source = tuple[str, str]
"""(provider, source) of messages."""


class NightLog(Protocol):
    """What intake's own log and tables say of a night; see `services.intake.night_log`."""

    def head(self) -> int:
        """The last position of the log."""

    def before(self, moment: datetime) -> int:
        """The last position that was recorded before a moment."""

    def calls(self, after: int, began: datetime, ended: datetime) -> Iterator[Told]:
        """The calls of this time, and all corrections of calls, that stand in the log behind a position."""

    def source(self, provider: str, public: str, as_public: Callable[[str], str]) -> str | None:
        """A sender's own source by what may stand of it in clear."""

    def numbers(self, provider: str, source: str, first: int, last: int) -> Numbers:
        """What is there of these numbers."""

    def first_since(self, provider: str, source: str, last: int, moment: datetime) -> int | None:
        """The smallest number up to `last` that arrived since a moment."""


def begin(now: datetime, book: IntakeBook) -> None:
    """Plan the next closing, where none is planned; a changed file may let the night end earlier than was planned."""
    ward, planned = book.ward_at(now), book.planned(NEXT)
    night = ward.night_ending_after(now)
    span = ward.night_span(night) if night else None
    if night and span and (planned is None or now < _utc(span[1]) < planned):
        book.plan(NEXT, _utc(span[1]), CLOSE, night_id(night))


def fall_due(due: Due, now: datetime, book: IntakeBook) -> None:
    """Close a night; or close it again, if it is not what it was."""
    night = date.fromisoformat(due.about.removeprefix("night-"))
    if due.kind == AGAIN:
        _close(night, due, now, book)
        return
    span = _ward_of(night, book).night_span(night)
    if span is not None and _utc(span[1]) > now:  # The hours were changed meanwhile.
        book.plan(NEXT, _utc(span[1]), CLOSE, due.about)
        return
    if span is not None:
        _close(night, due, now, book)
    _plan_after(max(due.due, _utc(span[1])) if span else due.due, book)


def _plan_after(moment: datetime, book: IntakeBook) -> None:
    ward = book.ward_at(moment)
    night = ward.night_ending_after(moment)
    span = ward.night_span(night) if night else None
    if night and span:
        book.plan(NEXT, _utc(span[1]), CLOSE, night_id(night))


def _close(night: date, due: Due, now: datetime, book: IntakeBook) -> None:
    """Write how a night stands, unless it stands so already."""
    state, ward = book.state(night_id(night)), _ward_of(night, book)
    span = ward.night_span(night)
    before = state if isinstance(state, Night) else None
    if span is None or (before is None and due.kind == AGAIN):
        return
    log: NightLog = book.beside
    position = log.head()
    contacts, sources = _contacts(night, span, before, log, book)
    feeds = tuple(_feeds(night, span, ward, log, book, sources))
    digest = digest_of(contacts)
    if before is None or (before.digest, before.feeds) != (digest, feeds):
        event = NightClosed(
            night=night,
            edition=before.edition + 1 if before else 1,
            began_at=span[0],
            ended_at=span[1],
            due_at=ward.local(due.due),
            count=len(contacts),
            digest=digest,
            position=position,
            contacts=tuple(sorted(contacts)) if len(contacts) <= MOST_LISTED else (),
            feeds=feeds,
        )
        book.write(event, ward.local(now))
    age = now - _utc(span[1])
    if age < LOOKING and any(feed.missing or feed.parked or feed.waiting for feed in feeds):
        again = now + min(max(age, LOOK), MOST_LOOK)
        book.plan(f"night/{night}", again, AGAIN, due.about, synthetic=due.synthetic)


def digest_of(contacts: set[str] | frozenset[str]) -> str:
    """SHA-256 over the ids, sorted, each with a line break."""
    return sha256("".join(f"{contact}\n" for contact in sorted(contacts)).encode()).hexdigest()


def _contacts(
    night: date, span: tuple[datetime, datetime], before: Night | None, log: NightLog, book: IntakeBook
) -> tuple[set[str], set[Source]]:
    """The contacts of a night, from the last closing on; from its beginning, where that lists none.

    And the sources which sent these, those that an earlier closing names among them.
    """
    began, ended = map(_utc, span)
    known = before.contacts if before else None
    start = log.before(began - AHEAD) if before is None or known is None else before.position
    found, touched, came = set(known or ()), dict[str, bool](), dict[str, Source]()
    for told in log.calls(start, began, ended):
        match told.event:
            case e.CallReceived():
                if _night_of(told.at, book) == night:
                    found.add(told.event.contact)
                    came[told.event.contact] = _source_of(told.event.provider, told.cause)
            case e.CallCorrected():
                for change in told.event.changes:
                    if change.field == "time":
                        touched[told.event.contact] = _night_of(_moment(change.after), book) == night
    for contact, is_here in touched.items():
        times = list(_times(contact, book))
        if any(_night_of(at, book) == night for at in times) if times else is_here:
            found.add(contact)
        else:
            found.discard(contact)
    sources = {source for contact, source in came.items() if contact in found}
    if before is not None:
        sources |= {(feed.provider, feed.source) for feed in before.feeds if feed.source is not None}
    return found, sources


def _source_of(provider: str, cause: str) -> Source:
    """Under which source a message of a provider came, as it may stand in clear."""
    return provider, cause.removeprefix(f"message:{provider}/").rpartition("#")[0]


def _times(contact: str, book: IntakeBook) -> Iterator[datetime]:
    """When a contact was, by each of its matters as it stands now."""
    matter = 1
    while places := book.targets(f"contact/{contact}/{matter}"):
        for place in places:
            match book.state(place.target):
                case Contact(at=at):
                    yield at
                case Case(contacts=contacts):
                    yield from (each.at for each in contacts if each.id == contact and each.matter == matter)
                case _:
                    pass
        matter += 1


def _night_of(at: datetime, book: IntakeBook) -> date | None:
    return book.ward_at(at).night_at(at)


def _ward_of(night: date, book: IntakeBook) -> Ward:
    """The ward by whose file a night began."""
    latest = book.ward_at(datetime.combine(night, datetime.min.time(), UTC))
    return book.ward_at(latest.end_of(night) - timedelta.resolution)


def _feeds(
    night: date, span: tuple[datetime, datetime], ward: Ward, log: NightLog, book: IntakeBook, sources: set[Source]
) -> Iterator[Feed]:
    """What each provider that had the line in this night sent, source by source; also one that was not closed."""
    for provider in ward.provider:
        if _has_line(provider, span, ward):
            state = book.state(shifts_id(provider.id))
            shifts = state.of(night) if isinstance(state, Shifts) else ()
            yield from (_feed(shift, span[0], log, book) for shift in shifts)
            if not shifts:
                yield Feed(provider=provider.id)
                continue
            closed = {shift.source for shift in shifts}
            own = sorted(source for by, source in sources if by == provider.id and source not in closed)
            yield from (Feed(provider=provider.id, source=each) for each in own if not each.startswith(OWN_PAGES))


def _has_line(provider: Provider, span: tuple[datetime, datetime], ward: Ward) -> bool:
    """Whether a provider's contract, for this band, was in force at any time of a night."""
    is_of_band = ward.morning is not None and ward.morning.band in provider.bands
    is_over = provider.until is not None and _utc(ward.end_of(provider.until)) <= _utc(span[0])
    return is_of_band and not is_over and _utc(ward.start_of(provider.from_)) < _utc(span[1])


def _feed(shift: ShiftClosed, began: datetime, log: NightLog, book: IntakeBook) -> Feed:
    feed = Feed(provider=shift.provider, source=shift.source, calls=shift.calls)
    source = log.source(shift.provider, shift.source, book.reference)
    if shift.last is None:
        return feed
    state = book.state(shifts_id(shift.provider))
    before = state.before(shift.night, shift.source) if isinstance(state, Shifts) else None
    first = before.last + 1 if before and before.last is not None else None
    if first is None and source is not None:
        first = log.first_since(shift.provider, source, shift.last, _utc(began))
    feed = msgspec.structs.replace(feed, closed=True, first=first, last=shift.last)
    if first is None or first > shift.last:
        return feed
    there = Numbers([], [], []) if source is None else log.numbers(shift.provider, source, first, shift.last)
    elsewhere = merged(
        (max(a, first), min(b, shift.last)) for a, b in shift.elsewhere if a <= shift.last and b >= first
    )
    found = merged([(1, first - 1), *there.held, *elsewhere, *((n, n) for n in (*there.parked, *there.waiting))])
    return msgspec.structs.replace(
        feed,
        received=size(there.held),
        missing=tuple(gaps([run for run in found if run[1] > 0], shift.last)[:MOST_RANGES]),
        parked=tuple(there.parked[:MOST_RANGES]),
        waiting=tuple(there.waiting[:MOST_RANGES]),
        elsewhere=size(elsewhere),
    )


def heard(said: Said, book: IntakeBook) -> None:
    """Let a closed night be closed again, where a message adds to it: a late call, another time, a number that came."""
    for written in book.written:
        match written.event:
            case e.CallReceived():
                _again_at(written.at, said, book)
            case e.CallCorrected():
                for change in written.event.changes:
                    if change.field == "time":
                        _again_at(_moment(change.before), said, book)
                        _again_at(_moment(change.after), said, book)
            case _:
                pass
    if said.sequence is not None:
        shifts = book.state(shifts_id(said.provider))
        if isinstance(shifts, Shifts) and said.sequence <= shifts.upto.get(said.source, 0):
            shift = shifts.holding(said.source, said.sequence)
            if shift is not None:
                _again(shift.night, said, book)


def _again_at(moment: datetime, said: Said, book: IntakeBook) -> None:
    night = _night_of(moment, book)
    if night is not None:
        _again(night, said, book)


def _again(night: date, said: Said, book: IntakeBook) -> None:
    """Let a night be closed again, if it was closed; a night that was not, its closing will see whole."""
    state = book.state(night_id(night))
    if isinstance(state, Night):
        due = max(said.arrived, state.closed_at + SETTLE)
        book.plan(f"night/{night}", due, AGAIN, night_id(night), synthetic=said.synthetic)


def close_shift(said: Said, message: ShiftClose, book: IntakeBook) -> None:
    """A provider closes its night with its last number.

    Raises:
        Unusable: no such night, not a night of this provider's, or a number that cannot be.
    """
    night = message.night or _last_night(said, book)
    ward = _ward_of(night, book)
    span = ward.night_span(night)
    if span is None:
        raise Unusable("data.night", "no night began on this day", "the day on which the night began")
    if _utc(span[0]) > said.arrived:
        raise Unusable("data.night", "it has not begun yet", "the day on which the night began")
    contract = ward.provider_of(said.provider)
    if contract is None or not _has_line(contract, span, ward):
        raise Unusable("data.night", "not a night of this provider's", "a night within its contract and its bands")
    event = ShiftClosed(
        night=night,
        provider=said.provider,
        source=book.reference(message.source) if message.source else said.source,
        last=_number("data.last", message.last),
        calls=_number("data.calls", message.calls, MOST_CALLS),
        elsewhere=_ranges(message.elsewhere),
    )
    state = book.state(shifts_id(said.provider))
    shifts = state if isinstance(state, Shifts) else Shifts()
    _check_order(event, shifts)
    if event in shifts.closed:
        return  # Closed so already.
    book.write(event, said.at)
    _again(night, said, book)
    following = shifts.after(night, event.source)
    if following is not None:  # Its numbers begin where these end.
        _again(following.night, said, book)


def _last_night(said: Said, book: IntakeBook) -> date:
    """The night in which something is said, or the last one that was over then."""
    ward = book.ward_at(said.at)
    night = ward.night_at(said.at) or ward.night_ended_by(said.at)
    if night is None:
        raise Unusable("data.night", "this ward closes no nights", "a ward's file with [morning]")
    return night


def _check_order(event: ShiftClosed, shifts: Shifts) -> None:
    """A source's numbers only rise, from night to night."""
    before, after = shifts.before(event.night, event.source), shifts.after(event.night, event.source)
    if event.last is None:
        return
    if before and before.last is not None and event.last < before.last:
        accepted = f"{before.last} or more; a numbering that begins anew needs a new source"
        raise Unusable("data.last", "less than the last number of the night before it", accepted)
    if after and after.last is not None and event.last > after.last:
        raise Unusable("data.last", "more than the last number of the night after it", f"up to number {after.last}")


def _number(field: str, given: int | None, most: int = MOST_SEQUENCE) -> int | None:
    if given is not None and not 0 <= given <= most:
        raise Unusable(field, "not a count", f"a whole number from 0 to {most}")
    return given


def _ranges(given: list[tuple[int, int]] | None) -> tuple[tuple[int, int], ...]:
    ranges = given or []
    if len(ranges) > MOST_RANGES or not all(0 < first <= last <= MOST_SEQUENCE for first, last in ranges):
        raise Unusable("data.elsewhere", "not ranges of numbers", "ranges such as [[3, 5]], up to 1000")
    return tuple(merged(ranges))


def _moment(value: Any) -> datetime:
    """A time as it stands in a change: as it is, or as the text that it is in an event read again."""
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)
