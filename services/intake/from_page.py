"""What the call card (相談受付票) sends, as a CloudEvent of the contract. Pure: the same text gives the same message.

The page makes ids and times, so that what it sends again is the same message. Its fields are flat; here they find
their places in a `call.report`, a `call.add`, a `call.link`, a `call.unlink` or a `call.correct`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec

from services.intake.contacts import MISTAKEN
from services.ward import Ward

CALLER = {"caller_name": "name", "caller_relation": "relation", "caller_phone": "phone"}
OF_THE_CONTACT = ("channel", "not_counted", "third_party")
CODES = ("district", "reasons", "abuse_suspected")
MOMENTS = ("safe_until", "medication_at")
CALL_BACK = {"call_back_by": "by", "call_back_who": "who"}
PERSONAL = (
    *("name", "kana", "birth_date", "phone", "where", "with_whom", "next_medication"),
    *("done", "for_the_morning", "call_back_phone"),
)
WORDS = "words"
KNOWN = frozenset({*CALLER, *OF_THE_CONTACT, *CODES, *MOMENTS, *CALL_BACK, *PERSONAL, WORDS})

Value = str | bool | list[str]


class NotUsable(ValueError):
    """What came is not what the card sends; nothing of it was kept. Its text holds no value."""


class Stamp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One press of a danger button; `mistaken`: the word that the press with these values was a mistake."""

    what: str
    at: str
    answered: bool | None = None
    to: str | None = None
    mistaken: bool = False


class FromPage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that the card sends. `time`: when it happened; `entered`: when it was typed.

    `call` is the id of the card's `call.report`; `number`: a card that is gone on with, or, in a report, the
    consultation of which this is a further contact. `beside`, `beside_number`: a report of another person in the
    same contact. `synthetic`: whether the badge stood on the page. `of`, `known`: the number as the card has it by now,
    and by field what it has shown and sent so far; they are for telling what somebody else recorded meanwhile.
    """

    kind: Literal["call.report", "call.add", "call.link", "call.unlink", "call.correct"]
    id: str
    time: str
    entered: str
    synthetic: bool = False
    call: str | None = None
    number: str | None = None
    beside: str | None = None
    beside_number: str | None = None
    person_id: str | None = None
    matched: list[str] = []
    reason: str | None = None
    fields: dict[str, Value] = {}
    danger: list[Stamp] = []
    of: str | None = None
    known: dict[str, list[Value]] = {}


def read(body: bytes) -> FromPage:
    """What the page sent.

    Raises:
        NotUsable: it is not what the card sends.
    """
    try:
        told = msgspec.json.decode(body, type=FromPage)
    except (ValueError, RecursionError) as error:
        raise NotUsable("not what the call card sends") from error
    if unknown := told.fields.keys() - KNOWN:
        raise NotUsable(f"{len(unknown)} fields that no call card has")
    return told


def message(told: FromPage, source: str, ward: Ward) -> dict[str, Any]:
    """The CloudEvent. A time without an offset was typed on the ward's clock."""
    making = {
        "call.report": _report,
        "call.add": _add,
        "call.link": _link,
        "call.unlink": _unlink,
        "call.correct": _mistaken,
    }
    data = making[told.kind](told, ward)
    envelope = {
        "specversion": "1.0",
        "id": told.id,
        "source": source,
        "type": told.kind,
        "time": moment_of(told.time, ward),
        "entered": moment_of(told.entered, ward),
    }
    return {**envelope, **({"synthetic": True} if told.synthetic else {}), "data": data}


def _report(told: FromPage, ward: Ward) -> dict[str, Any]:
    fields = _told(told.fields)
    personal = _of_the_call(fields)
    about = _matter(fields, told, ward) | ({"number": told.number} if told.number else {})
    if own := {name: fields[name] for name in PERSONAL if name in fields}:
        about["personal"] = own
    beside = {name: text for name in ("beside", "beside_number") if (text := getattr(told, name))}
    matters = [] if fields.get("not_counted") and not about and not beside else [about]
    contact = {name: fields[name] for name in OF_THE_CONTACT if name in fields}
    return {**contact, **beside, **({"personal": personal} if personal else {}), "matters": matters}


def _add(told: FromPage, ward: Ward) -> dict[str, Any]:
    """What is personal is told even where it is now empty: it was blanked."""
    fields, given = _told(told.fields), told.fields
    personal = {**_of_the_call(given), **{name: given[name] for name in PERSONAL if name in given}}
    contact = {name: fields[name] for name in OF_THE_CONTACT if name in fields}
    added = {**_which(told), **contact, **_matter(fields, told, ward)}
    return {**added, **({"personal": personal} if personal else {})}


def _link(told: FromPage, _: Ward) -> dict[str, Any]:
    said = {"person_id": told.person_id, "matched": told.matched}
    return {**_which(told), **said, **_reason(told)}


def _unlink(told: FromPage, _: Ward) -> dict[str, Any]:
    return {**_which(told), **_reason(told)}


def _mistaken(told: FromPage, _: Ward) -> dict[str, Any]:
    """The one correction that the card makes: somebody was put on it by mistake."""
    return {**_which(told), "not_counted": MISTAKEN, **_reason(told)}


def _reason(told: FromPage) -> dict[str, Any]:
    return {"personal": {"reason": told.reason}} if told.reason else {}


def _which(told: FromPage) -> dict[str, Any]:
    return {"call": told.call} if told.call else {"number": told.number}


def _told(fields: Mapping[str, Value]) -> dict[str, Value]:
    """Without what is empty: a list of no reasons and a false box say something, an empty text does not."""
    return {name: value for name, value in fields.items() if value != ""}


def _of_the_call(fields: Mapping[str, Value]) -> dict[str, Any]:
    caller = {place: fields[name] for name, place in CALLER.items() if name in fields}
    words = {WORDS: fields[WORDS]} if WORDS in fields else {}
    return {**({"caller": caller} if caller else {}), **words}


def _matter(fields: Mapping[str, Value], told: FromPage, ward: Ward) -> dict[str, Any]:
    """What a card says in clear of one person's matter."""
    found: dict[str, Any] = {name: fields[name] for name in CODES if name in fields}
    found |= {name: moment_of(fields[name], ward) for name in MOMENTS if name in fields}
    if back := {place: fields[name] for name, place in CALL_BACK.items() if name in fields}:
        found["call_back"] = back | ({"by": moment_of(back["by"], ward)} if "by" in back else {})
    if told.danger:
        found["danger"] = [
            {"what": each.what, "at": moment_of(each.at, ward)}
            | ({} if each.answered is None else {"answered": each.answered})
            | ({} if each.to is None else {"to": each.to})
            | ({"mistaken": True} if each.mistaken else {})
            for each in told.danger
        ]
    return found


def moment_of(text: Value, ward: Ward) -> Value:
    """With its offset; what is no time goes on as it is, and intake flags it."""
    try:
        read = datetime.fromisoformat(text) if isinstance(text, str) else None
        if read is None:
            return text
        return (ward.local(read) if read.tzinfo else read.replace(tzinfo=ward.zone)).isoformat()
    except (ValueError, OverflowError):
        return text
