"""What stands on the sheet that goes to an agency (送付状・引継書), in words. Pure.

The cover names nobody but the receiver; what is personal stands on the sheet behind it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec

from events import Recorded
from services.contact import attempts_of
from services.directory import Agency
from services.pages.terms import Terms
from services.pages.words import HANDOVERS
from services.passings import Passing
from services.reporting.pages.course import personal_lines
from services.reporting.pages.values import text_of
from services.reporting.whole import Whole
from services.ward import Provider

TOLD = (
    *("name", "kana", "birth_date", "phone", "address", "contacts", "caller", "relation", "where", "with_whom"),
    *("words", "tell_first", "care", "medication", "next_medication", "call_back_phone", "in_an_emergency"),
    *("support_level", "usual_services", "consultation_office", "handbook_grades", "certificate_number"),
    *("done", "for_the_morning", "purpose", "agreed", "note", "notes"),
)
"""What of a person's data stands on a sheet, in this order; nothing else does."""


POSTS = ("係", "担当", "課", "室", "部", "班", "窓口", "事務局", "センター", "チーム", "グループ")
"""How the name of a post ends, to which one writes 御中; 様 is for a person."""

SPAN = ("begins_at", "ends_at")


class Line(msgspec.Struct, frozen=True):
    """A name and what is said under it."""

    label: str
    text: str


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """A cover and what follows. `synthetic` is empty where the data are real; `number` stands under each page."""

    language: str
    ward: str
    centre: str
    synthetic: str
    number: str
    cover: str
    body: str
    to: str
    addresses: tuple[Line, ...]
    facts: tuple[Line, ...]
    pages_label: str
    check: str
    signatures: tuple[str, ...]
    receipt: str
    wrong: str
    case: tuple[Line, ...]
    personal: tuple[Line, ...]


def sheet(
    passing: Passing,
    entry: Agency | None,
    stands: Whole,
    personal: Mapping[str, Any],
    now: datetime,
    terms: Terms,
    *,
    agreed: bool,
) -> Sheet:
    """The sheet of a hand-over. `stands`: its case as it stands now; `entry`: the receiver's in today's directory.

    `agreed`: the basis on which it goes holds still; otherwise what was arranged for the person stays here.
    """
    ward = terms.ward
    sender = ward.provider_of(passing.giver)
    number = stands.number or "－"
    return Sheet(
        language=terms.language,
        ward=terms.say(ward.ward.name),
        centre=terms.say(ward.ward.centre),
        synthetic=terms.screen("synthetic") if any(record.synthetic for record in stands.records) else "",
        number=f"{terms.field('number')} {number}",
        cover=terms.screen("sheet_cover"),
        body=terms.screen("sheet_body"),
        to=receiver(passing, entry, terms),
        addresses=tuple(_addresses(entry, terms)),
        facts=tuple(_facts(passing, sender, number, now, terms)),
        pages_label=terms.screen("sheet_pages"),
        check=terms.screen("sheet_check"),
        signatures=(terms.screen("sheet_sender"), terms.screen("sheet_checker")),
        receipt=(
            terms.screen("sheet_receiver_fax", fax=sender.fax)
            if sender and sender.fax
            else terms.screen("sheet_receiver")
        ),
        wrong=terms.screen("sheet_wrong"),
        case=(*_case(stands, number, terms), *(_arranged(stands.records, terms) if agreed else ())),
        personal=tuple(_personal(personal, terms)),
    )


def receiver(passing: Passing, entry: Agency | None, terms: Terms) -> str:
    """送付先：〇〇相談支援事業所　相談係　御中: an office and its post, and never a person."""
    return terms.screen("sheet_to", **_named(passing, entry, terms))


def before_sending(passing: Passing, entry: Agency | None, terms: Terms) -> str:
    """送付先：〇〇相談支援事業所 〇〇様（送付先名簿）。 What two people compare with the sheet; it is not on it.

    An office or a section, where the directory names nobody in it, is 御中.
    """
    word = "sheet_before_other"
    if entry is not None:
        word = "sheet_before" if entry.contact and not entry.contact.endswith(POSTS) else "sheet_before_office"
    return terms.screen(word, **_named(passing, entry, terms))


def _named(passing: Passing, entry: Agency | None, terms: Terms) -> dict[str, str]:
    to = terms.say(entry.label) if entry else terms.agency(passing.agency, passing.to)
    return {"to": to, "contact": f"　{entry.contact}" if entry and entry.contact else ""}


def _addresses(entry: Agency | None, terms: Terms) -> Iterator[Line]:
    if entry is not None and entry.fax:
        yield Line(terms.screen("sheet_fax"), entry.fax)
    if entry is not None and entry.phone:
        yield Line(terms.screen("sheet_phone"), entry.phone)


def _facts(passing: Passing, sender: Provider | None, number: str, now: datetime, terms: Terms) -> Iterator[Line]:
    separator = terms.screen("colon")
    kind = terms.say(HANDOVERS[passing.kind])
    yield Line(terms.screen("sheet_about"), f"{kind}{separator}{terms.field('number')} {number}")
    ward = terms.ward.ward
    giver = terms.provider(passing.giver)
    yield Line(terms.screen("sheet_from"), f"{terms.say(ward.name)} {terms.say(ward.centre)}（{giver}）")
    for word, own in (("sheet_from_phone", sender and sender.phone), ("sheet_from_fax", sender and sender.fax)):
        if own:
            yield Line(terms.screen(word), own)
    yield Line(terms.screen("sheet_made"), terms.moment(now))
    if passing.answer_by is not None and passing.is_open:
        yield Line(terms.field("answer_by"), terms.moment(passing.answer_by))
    if passing.basis is not None:
        yield Line(terms.field("basis"), terms.basis(passing.basis))


def _case(stands: Whole, number: str, terms: Terms) -> Iterator[Line]:
    """What its card says in clear: number, first contact, where, why, what was done, and what is due until when."""
    yield Line(terms.field("number"), number)
    if stands.first:
        yield Line(terms.screen("first_contact"), terms.moment(stands.first.at))
        yield Line(terms.field("district"), terms.district(stands.district))
    if reasons := list(dict.fromkeys(reason for contact in stands.contacts for reason in contact.reasons)):
        yield Line(terms.field("reasons"), text_of("reasons", reasons, terms))
    cards = [contact.card for contact in stands.contacts if contact.card]
    if at := next((card.safe_until for card in reversed(cards) if card.safe_until), None):
        yield Line(terms.field("safe_until"), terms.moment(at))
    if at := next((card.medication_at for card in reversed(cards) if card.medication_at), None):
        yield Line(terms.screen("medication_at"), terms.moment(at))
    if back := next((card.call_back for card in reversed(cards) if card.call_back), None):
        who = terms.promised(back.who, back.by) if back.who else ""
        by = terms.screen("until_when", at=terms.moment(back.by)) if back.by else ""
        yield Line(terms.field("call_back"), terms.listed(filter(None, (who, by))))
    done = [attempt for card in cards for attempt, mistaken in attempts_of(card) if not mistaken]
    for attempt in sorted(done, key=lambda each: each.at):
        yield Line(terms.field("danger"), text_of("danger", msgspec.to_builtins(attempt), terms))


def _arranged(history: Iterable[Recorded], terms: Terms) -> Iterator[Line]:
    """Each placement that stands: what, where, from when and until when."""
    stands: dict[str, dict[str, Any]] = {}
    for record in history:
        if record.type in ("placement.arranged", "placement.cancelled"):
            data = msgspec.json.decode(record.data)
            stands.pop(data["placement"], None)
            if record.type == "placement.arranged":
                stands[data["placement"]] = data
    for data in stands.values():
        told = [terms.word("placement", data["kind"]), data.get("facility")]
        told += [f"{terms.field(name)} {text_of(name, data[name], terms)}" for name in SPAN if data.get(name)]
        yield Line(terms.screen("sheet_arranged"), "　".join(each for each in told if each))


def _personal(personal: Mapping[str, Any], terms: Terms) -> Iterator[Line]:
    for name in (name for name in TOLD if personal.get(name)):
        if name == "note" and isinstance(personal[name], str):
            yield Line(terms.screen("what_they_must_know"), personal[name])
        elif name == "next_medication" and isinstance(personal[name], str):
            yield Line(terms.screen("next_medication"), personal[name])
        else:
            yield from (Line(each.name, each.text) for each in personal_lines({name: personal[name]}, terms))
