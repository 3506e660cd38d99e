"""What an event or a feature says, as text in the ward's words. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from services import era
from services.pages.flag_words import means_of
from services.pages.terms import Place, Terms
from services.pages.words import EVENTS, HANDOVERS
from services.reporting.inquiry import SEALED

IDS = frozenset({"case", "to_case", "from_case", "into", "merged_into", "person", "from_person"})
"""Fields that hold the id of something with a history of its own."""

_TIMES = frozenset(
    {
        *("entered", "begins_at", "ends_at", "contact_at", "effective_from", "time", "first_contact"),
        *("safe_until", "medication_at", "answer_by", "due_at", "fired_at"),
    }
)
_DAYS = frozenset({"registered_on", "withdrawn_on", "reinstated_on"})
_PROVIDERS = frozenset({"provider", "giver", "to"})
_PLACES: dict[str, Place] = {"band": "band", "outcome": "outcome", "handbooks": "handbook", "reasons": "reason"}


def text_of(field: str, value: Any, terms: Terms) -> str:
    """A value in words; what has none is shown as it is."""
    match value:
        case None:
            return _nothing(field, terms)
        case bool():
            return _truth(field, value, terms)
        case str() if value == SEALED:
            return terms.screen("sealed")
        case list() | tuple():
            return terms.listed(_each(field, value, terms)) or terms.screen("none")
        case datetime():
            return terms.moment(value)
        case date():
            return terms.day(value, weekday=True)
        case int() if field == "fiscal_year":
            return era.fiscal_year_label(value, terms.language)
        case str():
            return _word(field, value, terms)
        case {"what": str(what), "at": at}:  # An attempt, and whether anybody answered.
            answered = value.get("answered")
            told = () if answered is None else (terms.screen("answered" if answered else "not_answered"),)
            mistaken = (terms.screen("noted_by_mistake"),) if value.get("mistaken") else ()
            return terms.listed((terms.code(what), text_of("time", at, terms), *told, *mistaken))
        case dict() if field == "call_back":
            return terms.listed(
                terms.provider(value[key]) if key == "who" else text_of("time", value[key], terms) for key in value
            )
        case dict():
            return terms.listed(f"{terms.field(name)}: {text_of(name, inner, terms)}" for name, inner in value.items())
        case _:
            return str(value)


def _nothing(field: str, terms: Terms) -> str:
    match field:
        case "district":
            return terms.district(None)
        case "handbooks":
            return terms.say(terms.ward.labels["not_stated"])
        case _:
            return terms.screen("none")


def _truth(field: str, value: bool, terms: Terms) -> str:
    match field:
        case "open":
            return terms.screen("open" if value else "closed")
        case "counted":
            return terms.screen("counted" if value else "not_counted")
        case _:
            return terms.screen("yes" if value else "no")


def _each(field: str, values: Any, terms: Terms) -> Iterator[str]:
    for value in values:
        match value:
            case {"code": str(code), "field": str(about)}:  # A flag: what should be looked at, and where.
                yield f"{means_of(code, terms)}（{terms.field(about.rpartition('.')[2])}）"
            case {"code": str(code)}:
                yield means_of(code, terms)
            case {"field": str(name), "before": before, "after": after}:
                told = (text_of(name, before, terms), text_of(name, after, terms))
                yield f"{terms.field(name)}: {' → '.join(told)}"
            case _:
                yield text_of(field, value, terms)


def _word(field: str, value: str, terms: Terms) -> str:
    if field in _TIMES:
        return _read(value, lambda: terms.moment(datetime.fromisoformat(value)))
    if field in _DAYS:
        return _read(value, lambda: terms.day(date.fromisoformat(value), weekday=True))
    if field in _PROVIDERS:
        return terms.provider(value)
    if field in _PLACES:
        return terms.word(_PLACES[field], value)
    match field:
        case "district":
            return terms.district(value)
        case "kind":
            return terms.say(HANDOVERS[value]) if value in HANDOVERS else terms.word("placement", value)
        case "placement_kind":
            return terms.word("placement", value)
        case "reason":
            named = terms.word("refusal", value)
            named = named if named != value else terms.word("closing", value)
            return named if named != value else terms.code(value)
        case "code":
            return means_of(value, terms)
        case "agency":
            return terms.agency(value, value)
        case "basis":
            return terms.basis(value)
        case "owner":
            return terms.owner(value)
        case "what":
            return terms.say(EVENTS[value]) if value in EVENTS else value
        case "not_counted" | "channel" | "by" | "because" | "resolution" | "how" | "said":
            return terms.code(value)
        case _:
            return value


def _read(value: str, read: Any) -> str:
    try:
        return str(read())
    except ValueError:
        return value  # An old version may have written it otherwise; then as it was written.
