"""What intake recorded, as it is heard: which night a call is an item of, and how each consultation began.

Nothing is decided here: whatever has to happen at once is planned for this moment, and happens as it falls due.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from events import Event, Recorded
from events.intake import (
    Attempt,
    CallAdded,
    CallCorrected,
    CallLinked,
    CallReceived,
    CallUnlinked,
    Card,
    CaseClosed,
    CaseMerged,
    CaseSplit,
    ContactMoved,
    NightClosed,
)
from services.book import Book
from services.handover import contracts, night, opening, urgent
from services.handover.firsts import counts
from services.handover.register import CaseRow, ItemRow, Register, waiting_part
from services.handover.statement import WRITING
from services.handover.unfinished import SILENT, settle
from services.ward import Ward

ON_CARD = frozenset({"safe_until", "medication_at", "call_back", "danger"})
CONCERNS = ON_CARD | {"time", "not_counted", "channel"}
"""The fields of a contact that matter here."""


def expect(heard: Iterable[tuple[Recorded, Event]], book: Book[Any]) -> None:
    """Read together the rows that hearing these will ask for. A call under a new number is a new row: none is read."""
    cases: list[str | None] = []
    contacts: list[str] = []
    for _, event in heard:
        match event:
            case CallReceived():
                if event.case is not None and book.targets(f"number/{event.number}"):
                    cases.append(event.case)
            case CallAdded() | CallCorrected():  # The ward's file may come only in this batch: it is not asked yet.
                cases.append(event.case)
                contacts.append(event.contact)
            case ContactMoved():
                cases += [event.case, event.to_case]
                contacts.append(event.contact)
            case CaseClosed() | CaseMerged() | CaseSplit() | CallLinked() | CallUnlinked():
                cases.append(event.case)
            case _:
                pass
    if cases or contacts:
        register: Register = book.beside
        register.read((case for case in cases if case is not None), contacts)


def hear(record: Recorded, event: Event, book: Book[Any]) -> None:
    """Keep what an event says of calls and consultations. Names are learned after this, so that new ones are new."""
    match event:
        case CallReceived():
            _called(record, event, book)
        case CallAdded() | CallCorrected():
            if _concerns(record, event, book):
                _changed(record, event, book)
            if isinstance(event, CallAdded) and event.registered is not None:
                _is_about(event, record, book, registered=event.registered)
        case CallLinked():
            _is_about(event, record, book, registered=event.registered)
        case CallUnlinked():
            _is_about(event, record, book, registered=False)
        case ContactMoved():
            _moved(record, event, book)
        case CaseClosed():
            _closed(record, event, book)
        case CaseMerged(case=part, into=into):
            _belongs(part, into, book)
            settle(into, book)
        case CaseSplit(case=part, from_case=into):
            _belongs(part, None, book)
            settle(part, book)
            settle(into, book)
        case NightClosed():
            night.closed(event, record, book)
        case _:
            pass  # Nothing else is about calls.


def _called(record: Recorded, event: CallReceived, book: Book[Any]) -> None:
    ward = book.ward_at(record.time)
    at = ward.local(record.time)
    band = ward.band_of(at)
    row = ItemRow(
        contact=event.contact,
        matter=event.matter,
        night=night.kept(band, at, ward, book),
        case=event.case,
        number=event.number,
        provider=event.provider,
        at=at,
        recorded=record.recordedat,
        not_counted=event.not_counted,
        channel=event.channel,
        card=None if event.card is None else waiting_part(event.card),
        registered=event.registered,
        synthetic=record.synthetic,
    )
    register: Register = book.beside
    if event.case is None:
        register.keep_item(row)
    else:
        known = register.known(event.case)
        if known is not None and event.registered and known.registered is False:
            known.registered = None  # A link that was undone says nothing of one who is named now.
            register.keep_case(known)
        _put_under(known, row, record, band, ward, book)
    if row.night is not None:
        night.late(row, record, ward, book)
        if row.card is not None:
            urgent.heard(row, record, ward, book, is_new=True)


def _put_under(known: CaseRow | None, row: ItemRow, record: Recorded, band: str, ward: Ward, book: Book[Any]) -> None:
    """Let a contact be one of its consultation's: the first of a new one, or a further one (続報)."""
    register: Register = book.beside
    if known is None:
        _begin(row, record, band, ward, book)
        return
    register.keep_item(row)
    if row.at < known.began_at:
        _begin_with(known, row, record, ward, book)
    if not known.open or known.merged_into is not None or row.not_counted is not None:
        _settle(known.case, row.at, record, book)


def _begin(row: ItemRow, record: Recorded, band: str, ward: Ward, book: Book[Any]) -> None:
    """A consultation that was not known; a contact that was moved there stands in a row of its own."""
    register: Register = book.beside
    assert row.case is not None, "it is of a consultation"
    was_moved = record.type == ContactMoved.name
    case = CaseRow(
        case=row.case,
        number=row.number,
        owner=contracts.on_duty_at(row.provider, row.at, band, ward),
        band=band,
        began_at=row.at,
        open=row.not_counted is None or _opens(row, ward),
        first=None if was_moved else row,
        synthetic=row.synthetic,
    )
    case.opened = case.open
    register.keep_case(case)
    if was_moved:
        register.keep_item(row)
    contracts.heard_late(case, case.began_at, record.recordedat, book)


def _opens(row: ItemRow, ward: Ward) -> bool:
    """Whether somebody has to do something about it: it counts, or is a registrant's silent call (domain Rule 2)."""
    is_silent = row.not_counted == SILENT and row.registered and ward.policy.silent_registered == "open"
    return is_silent or counts(row, ward)


def _begin_again(case: CaseRow, record: Recorded, book: Book[Any]) -> None:
    """A contact of it has another time, or is another's: which one is the first now. Asked rarely."""
    register: Register = book.beside
    first = min(register.contacts_of(case.case), key=lambda row: (row.at, row.contact), default=None)
    if first is not None:
        _begin_with(case, first, record, book.ward_at(first.at), book)


def _begin_with(case: CaseRow, first: ItemRow, record: Recorded, ward: Ward, book: Book[Any]) -> None:
    """This contact was the first: it is in the charge by that, unless it has passed to somebody since.

    Heard of only after its provider's contract was over, it passes on at once.
    """
    register: Register = book.beside
    band = ward.band_of(first.at)
    if contracts.on_duty_at(case.owner, case.began_at, case.band, ward) == case.owner:
        case.owner = contracts.on_duty_at(first.provider, first.at, band, ward)
    case.began_at, case.band = first.at, band
    register.keep_case(case)
    contracts.heard_late(case, case.began_at, record.recordedat, book)


def _settle(case: str, since: datetime, record: Recorded, book: Book[Any]) -> None:
    """Whether it is open, by all that it consists of; `since`: from when, if it is again."""
    whole = settle(case, book)
    if whole is not None:
        contracts.heard_late(whole, since, record.recordedat, book)
        opening.take_over(whole, record.time, record.recordedat, book)


def _concerns(record: Recorded, event: CallAdded | CallCorrected, book: Book[Any]) -> bool:
    """Whether it says something that matters here; what is filled in at night says that it was still in writing."""
    if any(change.field in CONCERNS for change in event.changes):
        return True
    if isinstance(event, CallCorrected):
        return False
    ward = book.ward_at(record.time)
    return bool(event.danger) or (ward.morning is not None and ward.band_of(record.time - WRITING) == ward.morning.band)


def _changed(record: Recorded, event: CallAdded | CallCorrected, book: Book[Any]) -> None:
    register: Register = book.beside
    matter = event.matter if isinstance(event, CallAdded) and event.case is None else None
    row = register.contact(event.contact, event.case, matter)
    if row is None:
        return  # From before this register was kept.
    before = (row.at, row.not_counted)
    added = event.danger if isinstance(event, CallAdded) else ()
    _fill_in(row, {change.field: change.after for change in event.changes}, added)
    ward = book.ward_at(row.at)
    row.at = ward.local(row.at)
    if isinstance(event, CallAdded):
        row.touched = max(ward.local(record.time), row.touched or row.at)
    _put(row, record, ward, book)
    if before != (row.at, row.not_counted) and row.case is not None and (case := register.case(row.case)) is not None:
        _begin_again(case, record, book)
        _settle(case.case, row.at, record, book)
    if row.night is not None:
        if row.n is None:
            night.late(row, record, ward, book)
        urgent.heard(row, record, ward, book, is_new=False)


def _fill_in(row: ItemRow, values: dict[str, Any], added: tuple[Attempt, ...]) -> None:
    """Other values on a contact; they are plain, as they stand in an event that was read again."""
    if "time" in values:
        row.at = msgspec.convert(values["time"], datetime)
    if "not_counted" in values:
        row.not_counted = values["not_counted"]
    if "channel" in values:
        row.channel = values["channel"]
    on_card = {field: value for field, value in values.items() if field in ON_CARD}
    if on_card or added:
        plain: dict[str, Any] = msgspec.to_builtins(row.card or Card()) | msgspec.to_builtins(on_card)
        card = msgspec.convert({field: value for field, value in plain.items() if value is not None}, Card)
        row.card = waiting_part(msgspec.structs.replace(card, danger=(*card.danger, *added)))


def _put(row: ItemRow, record: Recorded, ward: Ward, book: Book[Any]) -> None:
    """Let a contact be an item of the night of its time, and no longer of another; where it comes to, it is new."""
    register: Register = book.beside
    of = night.kept(ward.band_of(row.at), row.at, ward, book)
    if of != row.night:
        row.night, row.edition, row.n, row.recorded = of, None, None, record.recordedat
    register.keep_item(row)


def _is_about(
    event: CallLinked | CallUnlinked | CallAdded, record: Recorded, book: Book[Any], *, registered: bool
) -> None:
    """A consultation is found to be about a registrant, or not to be, and was so all along."""
    register: Register = book.beside
    case = register.case(event.case) if event.case is not None else None
    if case is None:
        return  # From before this register was kept.
    case.registered = registered
    register.keep_case(case)
    row = register.contact(event.contact, case.case)
    _settle(case.case, row.at if row else case.began_at, record, book)


def _moved(record: Recorded, event: ContactMoved, book: Book[Any]) -> None:
    """It belongs to another consultation, as what it is."""
    register: Register = book.beside
    row = register.contact(event.contact, event.case, event.matter)
    before = register.case(event.case)
    ward = book.ward_at(event.contact_at)
    at = ward.local(event.contact_at)
    if row is None:  # From before this register was kept.
        row = ItemRow(
            contact=event.contact,
            matter=event.matter,
            night=None,
            case=event.to_case,
            number=event.to_number,
            provider=event.provider,
            at=at,
            recorded=record.recordedat,
            not_counted=event.not_counted,
            channel=event.channel,
            card=waiting_part(event.card),
            synthetic=record.synthetic,
        )
    if before is not None and before.first is row:
        before.first = None
        register.keep_case(before)
    row.case, row.number = event.to_case, event.to_number
    _put_under(register.case(event.to_case), row, record, ward.band_of(at), ward, book)
    if (whole := register.standing(event.to_case)) is not None:
        opening.take_over(whole, record.time, record.recordedat, book)
    urgent.moved(row, event.case, record.recordedat, book)
    if before is not None:
        if before.began_at == row.at:
            _begin_again(before, record, book)
        _settle(before.case, record.time, record, book)


def _closed(record: Recorded, event: CaseClosed, book: Book[Any]) -> None:
    register: Register = book.beside
    case = register.case(event.case)
    if case is not None:
        case.open, case.closed = False, max(record.time, case.closed or record.time)
        register.keep_case(case)
        settle(event.case, book)
        urgent.closed(event.case, record, book)


def _belongs(case: str, into: str | None, book: Book[Any]) -> None:
    """What a consultation is a part of from now on."""
    register: Register = book.beside
    row = register.case(case)
    if row is not None:
        row.merged_into = into
        register.keep_case(row)
