"""夜間引継書: every call of a night, numbered, none left out; and what differs between the hops, said by name.

It is never withheld: what is missing is said on it. What comes later stands on a supplement (追加分), on which the
numbers go on.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import msgspec

from events.intake import NightClosed, night_id
from events.morning import Item, StatementIssued
from services.book import Book, Due
from services.handover import ladder
from services.handover.comparison import Compared, Edition, Held, compare
from services.handover.firsts import Firsts, firsts_of
from services.handover.night import STATEMENT, SUPPLEMENT, Night, of_key, plan, state_of
from services.handover.register import ItemRow, Register
from services.ward import Ward

WRITING = timedelta(minutes=5)
"""Begun or filled in so shortly before the night ended, a card is taken to be still in writing (記入中)."""


def fall_due(due: Due, now: datetime, book: Book[Any]) -> None:
    """Issue the statement of a night and plan the next one; or issue the next supplement."""
    night, ward = of_key(due.key), book.ward_at(due.due)
    span = ward.night_span(night)
    if due.kind == SUPPLEMENT:
        if span is not None:
            _issue(night, span, ward, now, book)
        return
    if span is not None and not state_of(night, book).editions:
        _issue(night, span, ward, now, book)
    current = book.ward_at(now)
    following = current.night_ending_after(span[1] if span else ward.end_of(night))
    if following is not None:
        plan(following, current, book)


def stands(state: Night, rows: Sequence[ItemRow], closing: NightClosed | None, now: datetime) -> Compared:
    """How a night stands at a moment, by everything that was heard of it: 件数照合."""
    held = [Held(row.contact, row.matter, row.number, row.channel, row.provider) for row in rows]
    return compare(closing, held, state.editions, state.acknowledged, state.exchange, now)


def _issue(night: date, span: tuple[datetime, datetime], ward: Ward, now: datetime, book: Book[Any]) -> None:
    register: Register = book.beside
    state, rows = state_of(night, book), register.of_night(night)
    fresh, number = [row for row in rows if row.n is None], len(state.editions)
    if ward.morning is None or (number and not fresh):
        return  # There is nothing to hand over, or what was late has turned out to be of another night.
    due_at = ward.local(min(row.recorded for row in fresh)) if number else span[1]
    may_wait = timedelta(minutes=ward.morning.acknowledge)
    firsts = firsts_of(rows, ward, register)
    items = []
    for n, row in enumerate(_ordered(fresh, span[1] + may_wait, register), start=len(state.items) + 1):
        row.edition, row.n = number, n
        register.keep_item(row)
        items.append(_item(row, firsts, writing_from=span[1] - WRITING))
    edition = Edition(edition=number, acknowledge_by=due_at + may_wait, items=tuple(items))
    after = msgspec.structs.replace(state, editions=(*state.editions, edition))
    compared = stands(after, rows, register.closing(night), now)
    event = StatementIssued(
        night=night,
        edition=number,
        began_at=span[0],
        ended_at=span[1],
        due_at=due_at,
        items=edition.items,
        new=firsts.new,
        hops=compared.hops,
        differences=compared.differences,
        verdict=compared.verdict,
        acknowledge_by=edition.acknowledge_by,
        givers=givers(span, ward),
        receiver=receiver(span[1], ward),
    )
    book.synthetic = book.synthetic or any(row.synthetic for row in rows)
    book.write(event, ward.local(now))
    book.name(f"{STATEMENT}/{night}", night_id(night), now)
    ladder.plan(night, edition, ward, book)


def _ordered(rows: Sequence[ItemRow], cutoff: datetime, register: Register) -> list[ItemRow]:
    """What was attended at night because it could not wait; what can wait, by until when; the rest by its time.

    Among the rest the open ones come first, and those that do not count (件数外) last.
    """
    register.read(cases=[row.case for row in rows if row.case is not None])

    def place(row: ItemRow) -> tuple[int, datetime, datetime, str, int]:
        by = row.wait_until
        case = register.case(row.case) if row.case is not None else None
        if by is not None:
            group = 0 if row.attended and by < cutoff else 1
        elif row.not_counted is not None:
            group = 4
        else:
            group = 2 if case is not None and case.open else 3
        return group, by or row.at, row.at, row.contact, row.matter

    return sorted(rows, key=place)


def _item(row: ItemRow, firsts: Firsts, writing_from: datetime) -> Item:
    assert row.n is not None, "it has just been numbered"
    return Item(
        n=row.n,
        contact=row.contact,
        matter=row.matter,
        case=row.case,
        number=row.number,
        provider=row.provider,
        at=row.at,
        further=row.case is not None and (row.contact, row.matter) not in firsts.first,
        not_counted=row.not_counted,
        wait_until=row.wait_until,
        attended=row.attended,
        late=bool(row.edition),
        writing=not row.edition and max(row.at, row.touched or row.at) > writing_from,
    )


def givers(span: tuple[datetime, datetime], ward: Ward) -> tuple[str, ...]:
    """Whose contract held at some time of the night, for its band. With (start, end] its last moment is the end."""
    band = ward.morning.band if ward.morning else ""
    first, last = span[0].date(), (span[1] - timedelta.resolution).date()
    return tuple(
        contract.id
        for contract in ward.provider
        if band in contract.bands and contract.from_ <= last and (contract.until is None or contract.until >= first)
    )


def receiver(ended: datetime, ward: Ward) -> str:
    """Who has the line as the night ends; where nobody has, whoever is under contract, and first by another band."""
    band = ward.band_of(ended)
    here = [contract for contract in ward.provider if ward.is_under_contract(contract.id, ended)] or ward.provider
    night = ward.morning.band if ward.morning else None
    ranked = sorted(here, key=lambda each: (band not in each.bands, all(own == night for own in each.bands)))
    return ranked[0].id
