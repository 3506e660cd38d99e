"""What may be done about an item of a night, by whom, and the message that says so. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

from events.manifest import Range
from events.messages import MOST_CALLS
from services.era import folded
from services.pages.nights import Entry, Night, Word
from services.pages.sending import message
from services.ward import Ward

UNDO = timedelta(seconds=30)
"""How long after it was recorded an acknowledgement is taken back by one press; later a reason is asked for."""

MINUTE = timedelta(minutes=1)
ON_TIME = 2 * MINUTE
"""A statement that was issued so long after the night's end, at most, was there for the morning."""

LONGEST_TEXT = 1_000
LONGEST_NAME = 100
MOST_DIGITS = 15
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


class Act(NamedTuple):
    """One thing that can be done: the kind of its message, what its text is called there, and whether it must be."""

    kind: str
    text: str = ""
    needs_text: str = ""
    """The word that asks for it."""


ACTS = {
    "acknowledge": Act("item.acknowledge", "note"),
    "undo": Act("item.undo", "reason"),
    "correct": Act("item.undo", "reason", "needs_reason"),
    "question": Act("item.question", "question", "needs_text"),
    "answer": Act("item.answer", "answer", "needs_text"),
    "done": Act("item.done", "note"),
    "count": Act("exchange.count"),
    "close": Act("shift.close"),
}
SAID = {
    "acknowledge": "morning_acknowledged",
    "undo": "morning_undone",
    "correct": "morning_undone",
    "question": "morning_questioned",
    "answer": "morning_answered",
    "done": "morning_done",
    "count": "morning_counted",
    "close": "morning_closed",
    "sent": "morning_sent",
}
"""What the page says after a form: part of its address, so that loading it again sends nothing."""


class Mistake(NamedTuple):
    """A form that did not get through, which is shown again: why, what had been typed, and the `values` of the word."""

    word: str
    form: Mapping[str, str]
    status: int
    values: Mapping[str, object] = MappingProxyType({})


class Side(NamedTuple):
    """On which side of a night's hand-over somebody stands; with one contractor, on both.

    `provider` None: on neither; they only look.
    """

    provider: str | None
    takes: bool = False
    gives: bool = False

    @classmethod
    def of(cls, provider: str | None, night: Night, ward: Ward, now: datetime) -> Side:
        """By day whoever is under contract takes over; at night they answer, and so does whoever recorded a call."""
        contract = ward.provider_of(provider) if provider else None
        if contract is None:
            return cls(None)
        is_here = ward.is_under_contract(contract.id, now)
        at_night = ward.morning.band if ward.morning else None
        recorded = any(entry.item is not None and entry.item.provider == provider for entry in night.entries)
        takes = is_here and any(band != at_night for band in contract.bands)
        return cls(contract.id, takes, recorded or (is_here and at_night in contract.bands))


def can(entry: Entry, side: Side, now: datetime) -> frozenset[str]:
    """What somebody on this side may do about an item just now."""
    found = set()
    word = entry.acknowledged
    if side.takes and word is None and not entry.gone:
        found.add("acknowledge")
    if side.takes and word is not None and word.provider == side.provider:
        found.add("undo" if now - word.recorded < UNDO else "correct")
    if side.takes and entry.item is not None:
        found.add("question")
    if side.takes and entry.is_left:
        found.add("done")
    if side.gives and entry.is_asked:
        found.add("answer")
    return frozenset(found)


def prepared(act: Act, form: Mapping[str, str], night: Night, side: Side, now: datetime) -> bytes | Mistake:
    """The message of a form, as somebody sends it at `now` on the ward's clock; or what is wrong with the form."""
    if act.kind == "exchange.count":
        return _count(form, night, side, now)
    given = form.get("item", "")
    number = int(given) if given.isascii() and given.isdigit() and len(given) < 7 else -1
    entry = night.entry(number)
    if entry is None or not (side.gives if act.kind == "item.answer" else side.takes):
        return Mistake("not_found", form, 404)
    worker, text = form.get("worker", ""), form.get("text", "")
    if not worker:
        return Mistake("needs_worker", form, 400)
    if len(worker) > LONGEST_NAME:
        return Mistake("name_too_long", form, 400)
    if act.needs_text and not text:
        return Mistake(act.needs_text, form, 400)
    if len(text) > LONGEST_TEXT:
        return Mistake("text_too_long", form, 400)
    happened = _happened(form.get("at", ""), entry.acknowledge_by.astimezone(now.tzinfo).date(), now)
    if happened is None:
        return Mistake("needs_time", form, 400)
    if happened > now:
        return Mistake("still_to_come", form, 400)
    if act.kind == "item.acknowledge" and entry.item is not None:
        if happened <= entry.item.at - MINUTE:
            return Mistake("before_the_call", form, 400, {"at": f"{entry.item.at.astimezone(now.tzinfo):%H:%M}"})
        happened = max(happened, entry.item.at.astimezone(now.tzinfo))  # A form says the minute.
    ready = _ready(entry, night) if act.kind == "item.acknowledge" else None
    if ready is not None and happened < ready:
        return Mistake("before_the_statement", form, 400, {"at": f"{ready.astimezone(now.tzinfo):%H:%M}"})
    if wrong := _WRONG_NOW.get(act.kind, _nothing)(entry):
        return Mistake(wrong, form, 409)
    personal = {"worker": worker, **({act.text: text} if text else {})}
    data: dict[str, Any] = {"night": night.night.isoformat(), "item": number, "personal": personal}
    if act.kind in ("item.undo", "item.done"):  # Of two forms at once the second is heard as what its sender saw.
        data["seen"] = "done" if act.kind == "item.undo" and form.get("seen") == "done" else "acknowledged"
    told = message(act.kind, data, happened, synthetic=night.synthetic)
    if happened != now:
        told["entered"] = now.isoformat()
    return msgspec.json.encode(told)


def _ready(entry: Entry, night: Night) -> datetime | None:
    """From when an item could be signed for: the night's end, where its statement was issued then; None: any time."""
    issued = next(one for one in night.editions if one.statement.edition == entry.edition)
    due_at = issued.statement.due_at
    return due_at if entry.edition == 0 and issued.at - due_at <= ON_TIME else None


def _nothing(_: Entry) -> str | None:
    return None


_WRONG_NOW: dict[str, Callable[[Entry], str | None]] = {
    "item.undo": lambda entry: None if entry.acknowledged or entry.undone else "not_acknowledged",
    "item.done": lambda entry: None if entry.acknowledged or entry.undone else "done_not_acknowledged",
    "item.answer": lambda entry: None if entry.is_asked else "nobody_asked",
}
"""What an old tab asks for that makes no sense any more: the word that says why; None: it does."""


def said_before(do: str, entry: Entry, seen: str) -> tuple[str, Word] | None:
    """What somebody has said of an item that stands in the way of a form, and its word; None: nothing does.

    `seen`: `done` where the form showed it as done, with what it takes back.
    """
    words = {"acknowledge": entry.acknowledged, "done": entry.done, "undo": entry.undone}
    asked: tuple[str, ...] = {"acknowledge": ("acknowledge",), "done": ("done", "undo")}.get(do, ("undo",))
    if do in ("undo", "correct") and (entry.done is not None) != (seen == "done"):
        asked = ("undo", "done", "acknowledge")
    return next(((what, word) for what in asked if (word := words[what]) is not None), None)


def closing(
    form: Mapping[str, str],
    night: date,
    now: datetime,
    elsewhere: Callable[[str, int], list[Range]],
    *,
    synthetic: bool,
) -> bytes | Mistake:
    """The message with which a provider closes a night, or what is wrong with the form.

    `elsewhere`: which numbers of a source up to its last one went to other services than intake.
    """
    numbers = {name: _digits(form[name]) for name in ("last", "calls") if form.get(name)}
    good = all(text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS for text in numbers.values())
    source = form.get("source", "")
    if not numbers or not good or len(source) > LONGEST_NAME or not source.isprintable():
        return Mistake("needs_numbers", form, 400)
    if int(numbers.get("calls", "0")) > MOST_CALLS:
        return Mistake("needs_count", form, 400)
    data: dict[str, Any] = {"night": night.isoformat(), **{name: int(text) for name, text in numbers.items()}}
    data |= {"source": source} if source else {}
    went = elsewhere(source, data["last"]) if source and "last" in data else []
    data |= {"elsewhere": went} if went else {}
    return msgspec.json.encode(message("shift.close", data, now, synthetic=synthetic))


def _digits(given: str) -> str:
    """A number in the digits of any keyboard; ² is none."""
    return folded(given) if given.isdecimal() else given


def _happened(given: str, day: date, now: datetime) -> datetime | None:
    """When it was: now, or at this time of the `day` on which it was to be acknowledged; None: it is no time."""
    if not given:
        return now
    found = _TIME.fullmatch(folded(given))
    if found is None:
        return None
    return datetime.combine(day, time(int(found[1]), int(found[2])), now.tzinfo)


def _count(form: Mapping[str, str], night: Night, side: Side, now: datetime) -> bytes | Mistake:
    given = _digits(form.get("contacts", ""))
    if not (given.isascii() and given.isdigit() and len(given) < 7 and int(given) <= MOST_CALLS):
        return Mistake("needs_count", form, 400)
    if not (side.takes or side.gives):
        return Mistake("not_found", form, 404)
    data = {"night": night.night.isoformat(), "contacts": int(given)}
    return msgspec.json.encode(message("exchange.count", data, now, synthetic=night.synthetic))
