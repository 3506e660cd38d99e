"""A history as a page tells it: each event with both clocks, where it came from, and what it changed. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from services.pages.terms import Terms
from services.pages.words import EVENTS, HANDOVERS
from services.reporting.inquiry import LOST, Change, History, Step
from services.reporting.pages.values import IDS, text_of

_IN_SUMMARY = ("open", "counted", "first_contact", "fiscal_year", "band", "district", "outcome", "registered_on")
_BEGINNINGS = frozenset({"first_contact", "registered_on"})
_MEANINGFUL_NONE = frozenset({"district", "handbooks"})


class Told(NamedTuple):
    """A name and what is said under it; `about` is the id of something that has a history of its own."""

    name: str
    text: str
    about: str | None = None


class Changed(NamedTuple):
    """One thing that an event changed; `before` is None where nothing stood."""

    name: str
    before: str | None
    after: str


class Happening(NamedTuple):
    """One event of the history. `personal`: what was sealed, for those who see it; `is_lost`: no key opens it."""

    position: int
    name: str
    mark: str | None
    occurred: str
    recorded: str
    ledgered: str
    is_message: bool
    cause: str
    cause_position: int | None
    changes: tuple[Changed, ...]
    fields: tuple[Told, ...]
    personal: tuple[Told, ...] = ()
    is_lost: bool = False


class Course(NamedTuple):
    """The whole history. `heading` is a word of the pages; `stands`: where it stands after the last event."""

    heading: str
    number: str
    synthetic: bool
    stands: tuple[Told, ...]
    happenings: tuple[Happening, ...]


def told(history: History, terms: Terms) -> Course:
    """The history in words, in the order of its steps."""
    learned = sorted(history.steps, key=lambda step: step.position)  # Of two changes the one learned later stands.
    state = _last_state(learned)
    first = state.get("first_contact")
    times = _contact_times(learned)
    kinds = {
        step.data["handover"]: step.data["kind"] for step in history.steps if {"handover", "kind"} <= set(step.data)
    }
    positions = {step.id: step.position for step in history.steps}
    return Course(
        heading=_heading(history, state),
        number=history.number or history.id[:8],
        synthetic=history.synthetic,
        stands=tuple(_stands(state, terms)),
        happenings=tuple(
            Happening(
                position=step.position,
                name=_name(step, kinds, terms),
                mark=_mark(step, times, first, terms),
                occurred=terms.moment(step.occurred_at),
                recorded=terms.moment(step.recorded_at),
                ledgered=terms.moment(step.ledgered_at),
                is_message=step.message is not None,
                cause=_cause(step, positions, terms),
                cause_position=positions.get(step.cause.removeprefix("event:")),
                changes=tuple(_changes(step, terms)),
                fields=tuple(_told(name, value, terms) for name, value in step.data.items() if name != "personal"),
                personal=tuple(personal_lines(step.data.get("personal"), terms)),
                is_lost=step.data.get("personal") == LOST,
            )
            for step in history.steps
        ),
    )


def _heading(history: History, state: Mapping[str, Any]) -> str:
    if history.kind == "person":
        return "course_of_person"
    if all(step.event == "ward.activated" for step in history.steps):
        return "course_of_ward"
    is_case = any(step.data.get("case") for step in history.steps)
    return "course" if is_case else "course_of_contact"


def _last_state(steps: Iterable[Step]) -> dict[str, Any]:
    return {change.feature: change.after for step in steps for change in step.changes}


def _stands(state: Mapping[str, Any], terms: Terms) -> Iterator[Told]:
    for name in _IN_SUMMARY:
        if name in state and not (state[name] is None and name != "district"):
            yield _told(name, state[name], terms)
    if state.get("merged_into"):
        yield _told("merged_into", state["merged_into"], terms)


def _name(step: Step, kinds: Mapping[str, str], terms: Terms) -> str:
    """What happened, with its kind: 調整済み：短期入所施設, 朝の引継ぎ：受諾."""
    name = terms.say(EVENTS[step.event]) if step.event in EVENTS else step.event
    separator = "：" if terms.language == "ja" else ": "
    if passing := kinds.get(step.data.get("handover", "")):
        return separator.join((terms.say(HANDOVERS[passing]) if passing in HANDOVERS else passing, name))
    if step.event == "placement.arranged":
        return separator.join((name, terms.word("placement", step.data["kind"])))
    return name


def _contact_times(steps: Iterable[Step]) -> dict[str, datetime]:
    """When each contact was, as it stands now; a correction replaces its time."""
    times: dict[str, datetime] = {}
    for step in steps:
        if step.event == "call.received":
            times.setdefault(step.data["contact"], step.occurred_at)
        for change in step.data.get("changes", ()) if step.event == "call.corrected" else ():
            if change["field"] == "time":
                times[step.data["contact"]] = datetime.fromisoformat(change["after"])
    return times


def _mark(step: Step, times: Mapping[str, datetime], first: datetime | None, terms: Terms) -> str | None:
    """第一報, 続報 or 件数外 for a contact; only the first contact is counted."""
    if step.event != "call.received":
        return None
    if kind := step.data.get("not_counted"):
        return f"{terms.screen('not_counted')}（{terms.code(kind)}）"
    if first is None:
        return None
    return terms.screen("first_contact" if times[step.data["contact"]] == first else "further_contact")


def _cause(step: Step, positions: Mapping[str, int], terms: Terms) -> str:
    """Who sent what caused it, under which number of theirs; or which record of the ledger did."""
    kind, _, name = step.cause.partition(":")
    match kind:
        case "message":
            provider, _, rest = name.partition("/")
            source, _, own = rest.rpartition("#")
            return f"{terms.provider(provider)}　{source}　#{own}"
        case "file":
            return terms.screen("because_file")
        case "event" if name in positions:
            return terms.screen("because_of", n=positions[name])
        case _:
            return step.cause


def _changes(step: Step, terms: Terms) -> Iterator[Changed]:
    """What changed for the tables, and what a correction changed besides."""
    begins = any(change.feature in _BEGINNINGS and change.before is None for change in step.changes)
    ends = any(change.feature in _BEGINNINGS and change.after is None for change in step.changes)
    for change in step.changes:
        yield _changed(change, terms, begins=begins, ends=ends)
    shown = {change.feature for change in step.changes}
    for corrected in step.data.get("changes", ()):
        if corrected["field"] not in shown and not (corrected["field"] == "time" and "first_contact" in shown):
            yield _changed(Change(corrected["field"], corrected["before"], corrected["after"]), terms)


def _changed(change: Change, terms: Terms, *, begins: bool = False, ends: bool = False) -> Changed:
    """`begins`, `ends`: nothing stood there before, or stands there any more; None is then no value of its own."""
    name, before, after = change.feature, change.before, change.after
    fresh = before is None and (begins or name not in _MEANINGFUL_NONE)
    then = terms.screen("none") if after is None and ends else text_of(name, after, terms)
    return Changed(terms.field(name), None if fresh else text_of(name, before, terms), then)


def _told(name: str, value: Any, terms: Terms) -> Told:
    text = text_of(name, value, terms)
    return Told(terms.field(name), text, value if name in IDS and isinstance(value, str) else None)


def personal_lines(personal: Any, terms: Terms, around: tuple[str, ...] = ()) -> Iterator[Told]:
    """The personal parts, each on a line, under the names of all that it stands in: 連絡先 1 › 電話番号."""
    match personal:
        case dict():
            for name, value in personal.items():
                yield from personal_lines(value, terms, (*around, terms.personal(name)))
        case [*values] if any(isinstance(value, dict) for value in values):
            for number, value in enumerate(values, 1):
                yield from personal_lines(value, terms, (*around[:-1], f"{around[-1]} {number}"))
        case [*values]:
            yield Told("　›　".join(around), terms.listed(str(value) for value in values))
        case _ if around and personal is not None:
            yield Told("　›　".join(around), str(personal))
        case _:
            pass
