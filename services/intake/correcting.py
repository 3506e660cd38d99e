"""What a clerk's form of correction says, as a message of the contract: only what was changed, with the reason. Pure.

A form is flat: a name for each field. `held` is what it showed, in the same shape, and a digest of that goes with the
form, so that nobody corrects what somebody else has corrected meanwhile.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

import msgspec

from services.book import Unusable
from services.era import is_no_day
from services.inbox import A_TIME
from services.intake.card import promised_time
from services.intake.fields import A_DAY
from services.intake.from_page import CALL_BACK, CALLER, MOMENTS, PERSONAL, WORDS, moment_of
from services.intake.people import birth_day, day_read, registration_day
from services.intake.records import CARE, Record, contacts_of, text_of
from services.intake.standing import Standing
from services.ward import Ward

Values = Mapping[str, str]
"""The fields of a form by name; a box is `on` or empty."""

TRUTHS = ("third_party", "abuse_suspected")
CHOICES = ("district", "channel", "not_counted")
DAYS = ("certificate_until", "received_on", "takes_effect_on")
OWN = (
    *("name", "kana", "birth_date", "phone", "address", "certificate_number", "support_level"),
    *("consultation_office", "in_an_emergency", "tell_first"),
)
CONTACT = ("name", "relation", "phone", "note")
MOST_CONTACTS = 6
"""Rows of contacts on the form; who has more is corrected by a message, and the form says nothing of them."""

REASON, VERSION = "reason", "version"


def digest(held: Values) -> str:
    """What the form showed, in short."""
    return hashlib.sha256(msgspec.json.encode(held, order="sorted")).hexdigest()[:16]


def changed(held: Values, typed: Values) -> dict[str, str]:
    """The fields that say something else than was shown; a line break is one, however a browser writes it."""
    plain = {name: typed.get(name, "").replace("\r\n", "\n").strip() for name in held}
    return {name: value for name, value in plain.items() if value != held[name].strip()}


def held_of_call(stands: Standing, ward: Ward) -> dict[str, str]:
    """What stands on the card of a contact."""
    values, at = stands.values, ward.local(stands.began_at)
    fields = {name: str(values.get(name) or "") for name in (*CHOICES, *MOMENTS, *CALL_BACK, *CALLER, *PERSONAL, WORDS)}
    fields["district"] = fields["district"] or "unknown"
    boxes = {f"reason-{entry.key}": _box(entry.key in values.get("reasons", ())) for entry in ward.reason}
    truths = {name: _box(values.get(name)) for name in TRUTHS}
    return {"occurred_at": at.strftime("%Y-%m-%dT%H:%M"), "to_number": "", **fields, **boxes, **truths}


def call_data(number: str, held: Values, said: Values, ward: Ward) -> dict[str, Any]:
    """A `call.correct` of the last contact of a consultation, of what was `said` to be otherwise."""
    data: dict[str, Any] = {"number": number}
    for name, value in said.items():
        if name in CHOICES:
            data[name] = None if value in ("", "unknown") else value
        elif name in TRUTHS:
            data[name] = value == "on"
        elif name in (*MOMENTS, "occurred_at"):
            data[name] = moment_of(value, ward) if value else None
        elif name == "to_number":
            data[name] = value
    after = {**held, **said}
    if said.keys() & CALL_BACK.keys():
        back = {place: after[name] for name, place in CALL_BACK.items() if after[name]}
        data["call_back"] = (back | ({"by": moment_of(back["by"], ward)} if "by" in back else {})) or None
    if any(name.startswith("reason-") for name in said):
        data["reasons"] = [entry.key for entry in ward.reason if after[f"reason-{entry.key}"] == "on"]
    personal: dict[str, Any] = {name: said[name] for name in (*PERSONAL, WORDS) if name in said}
    if said.keys() & CALLER.keys():
        personal["caller"] = {place: after[name] for name, place in CALLER.items() if after[name]}
    return data | ({"personal": personal} if personal else {})


def fault_of_call(said: Values, ward: Ward, now: datetime) -> Unusable | None:
    """What of a correction could never be used: said before it is sent, since nobody waits on the line."""
    try:
        if "occurred_at" in said:
            at = _moment("occurred_at", said["occurred_at"], ward)
            if not ward.opens_at <= at <= now:
                raise Unusable("data.occurred_at", "unusable", "a time that has passed")
        for name in (*MOMENTS, "call_back_by"):
            if said.get(name):
                promised_time(f"data.{name}", _moment(name, said[name], ward), now, ward)
        if is_no_day(said.get("birth_date", "")):
            raise Unusable("data.personal.birth_date", "not a date that exists", A_DAY)
    except Unusable as fault:
        return fault
    return None


def _moment(name: str, typed: str, ward: Ward) -> datetime:
    try:
        return datetime.fromisoformat(str(moment_of(typed, ward)))
    except ValueError:
        raise Unusable(f"data.{name}", "unusable", A_TIME) from None


def held_of_person(record: Record, ward: Ward) -> dict[str, str]:
    """What stands on the register of somebody."""
    form, own = record.state.registered, record.personal
    clear = {"district": form.district or "", "came_by": form.came_by or ""}
    clear["certificate"] = {True: "yes", False: "no", None: ""}[form.certificate]
    clear["handbooks"] = "blank" if form.handbooks is None else "told"
    boxes = {f"handbook-{entry.key}": _box(entry.key in (form.handbooks or ())) for entry in ward.handbook}
    days = {name: _day(getattr(form, name)) for name in ("registered_on", *DAYS)}
    texts = {f"own-{name}": text_of(own, name) or "" for name in OWN}
    care = own.get("care")
    care_texts = {f"care-{name}": (text_of(care, name) if isinstance(care, dict) else None) or "" for name in CARE}
    listed = own.get("usual_services")
    services = "\n".join(one for one in listed if isinstance(one, str)) if isinstance(listed, list) else listed or ""
    contacts = contacts_of(own)[:MOST_CONTACTS]
    rows = {
        f"contact-{n}-{field}": (getattr(contacts[n], field) or "") if n < len(contacts) else ""
        for n in range(min(MOST_CONTACTS, len(contacts) + 1))
        for field in CONTACT
    }
    held = {**clear, **boxes, **days, **texts, **care_texts, **rows, "usual_services": str(services)}
    return {name: value.replace("\r\n", "\n") for name, value in held.items()}


def person_data(person: str, record: Record, held: Values, said: Values, ward: Ward) -> dict[str, Any]:
    """A `registration.correct` of what was `said` to be otherwise."""
    data: dict[str, Any] = {"person_id": person}
    after = {**held, **said}
    for name in ("district", "came_by", *DAYS):
        if name in said:
            data[name] = said[name] or None
    if said.get("registered_on"):
        data["registered_on"] = said["registered_on"]
    if "certificate" in said:
        data["certificate"] = {"yes": True, "no": False}.get(said["certificate"])
    if "handbooks" in said or any(name.startswith("handbook-") for name in said):
        chosen = [entry.key for entry in ward.handbook if after[f"handbook-{entry.key}"] == "on"]
        data["handbooks"] = None if after["handbooks"] == "blank" and not chosen else chosen
    personal: dict[str, Any] = {name: said[f"own-{name}"] or None for name in OWN if f"own-{name}" in said}
    if any(name.startswith("care-") for name in said):
        stands = record.personal.get("care")
        own = {name: after[f"care-{name}"] for name in CARE}
        both = {**(stands if isinstance(stands, dict) else {}), **own}
        personal["care"] = {name: text for name, text in both.items() if text}
    if "usual_services" in said:
        personal["usual_services"] = said["usual_services"].splitlines()
    if any(name.startswith("contact-") for name in said):
        personal["contacts"] = _contacts(after, record)
    return data | ({"personal": personal} if personal else {})


def fault_of_person(said: Values, held: Values, ward: Ward, now: datetime) -> Unusable | None:
    """The same of a registration."""
    try:
        for name in ("registered_on", *DAYS):
            if said.get(name):
                day_read(f"data.{name}", said[name])
        registered_on = day_read("data.registered_on", said.get("registered_on") or held["registered_on"])
        if "registered_on" in said:
            registration_day(registered_on, ward, now)
        if "own-birth_date" in said:
            birth_day("data.personal.birth_date", said["own-birth_date"], registered_on)
    except Unusable as fault:
        return fault
    return None


def _contacts(after: Values, record: Record) -> list[Any]:
    """The rows that say anything, and behind them those for which the form had no room."""
    rows = [
        {field: text for field in CONTACT if (text := after.get(f"contact-{n}-{field}", ""))}
        for n in range(MOST_CONTACTS)
    ]
    stands = record.personal.get("contacts")
    beyond = [one for one in stands if isinstance(one, dict)][MOST_CONTACTS:] if isinstance(stands, list) else []
    return [row for row in rows if row] + beyond


def _box(value: object) -> str:
    return "on" if value else ""


def _day(day: date | None) -> str:
    return day.isoformat() if day else ""


Making = Callable[[Values], dict[str, Any]]
"""What was said to be otherwise → the data of a message."""
