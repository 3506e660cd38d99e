"""A history as a page tells it: each event with both clocks, where it came from, and what it changed. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, NamedTuple

from events.handover import AGENCY_KINDS
from services.pages.agency_rows import INFORMATION, named
from services.pages.symbols import symbol
from services.pages.terms import Terms
from services.pages.words import CORRECTED_BY, EVENTS, HANDOVERS
from services.reporting.inquiry import LOST, Change, History, Step
from services.reporting.pages.values import IDS, text_of

_IN_SUMMARY = ("open", "counted", "first_contact", "fiscal_year", "band", "district", "outcome", "registered_on")
_CORRECTIONS = frozenset({"call.corrected", "registration.corrected"})
_TELL_PERSONAL = _CORRECTIONS | {"call.received", "call.added", "person.registered"}
_OF_THE_CORRECTION = frozenset({"reason", "by", "note", "raw"})
_BEGINNINGS = frozenset({"first_contact", "registered_on"})
_MEANINGFUL_NONE = frozenset({"district", "handbooks"})
_A_DAY = len("2025-11-14")


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
    """One event of the history. `clock` is a word of the pages, for when it happened. `personal`: what was sealed, for
    those who see it; `corrected`: what of it stood otherwise before; `is_lost`: no key opens it.
    """

    position: int
    name: str
    mark: str | None
    clock: str
    occurred: str
    recorded: str
    ledgered: str
    is_message: bool
    cause: str
    cause_position: int | None
    changes: tuple[Changed, ...]
    fields: tuple[Told, ...]
    personal: tuple[Told, ...] = ()
    corrected: tuple[Changed, ...] = ()
    is_lost: bool = False


class Passing(NamedTuple):
    """A hand-over: its kind, and to whom it was to go."""

    kind: str
    to: str | None


class Course(NamedTuple):
    """The whole history. `heading` is a word of the pages; `stands`: where it stands after the last event.

    `is_part`: it was merged into another consultation.
    """

    heading: str
    number: str
    synthetic: bool
    stands: tuple[Told, ...]
    happenings: tuple[Happening, ...]
    is_part: bool = False


def told(
    history: History, terms: Terms, known: Mapping[str, str] = MappingProxyType({}), owner: str | None = None
) -> Course:
    """The history in words, in the order of its steps.

    `known`: the 受付番号 of other consultations, by their ids. `owner`: in whose charge it is now (担当).
    """
    learned = sorted(history.steps, key=lambda step: step.position)  # Of two changes the one learned later stands.
    state = _last_state(learned)
    first = state.get("first_contact")
    times = _contact_times(learned)
    passings = {
        step.data["handover"]: Passing(step.data["kind"], step.data.get("to"))
        for step in history.steps
        if {"handover", "kind"} <= set(step.data)
    }
    positions = {step.id: step.position for step in history.steps}
    numbers = {**known, **dict(_numbers(history))}
    corrected = _corrected(learned, terms)
    return Course(
        heading=_heading(history, state),
        number=history.number or symbol(history.id),
        synthetic=history.synthetic,
        stands=(*_stands(state, _kind(learned), numbers, terms), *([_told("owner", owner, terms)] if owner else ())),
        is_part=bool(state.get("merged_into")),
        happenings=tuple(
            Happening(
                position=step.position,
                name=name_of(step, passings, terms),
                mark=_mark(step, times, first, terms),
                clock="said_at" if _is_passing(step) else "occurred",
                occurred=terms.moment(step.occurred_at),
                recorded=terms.moment(step.recorded_at),
                ledgered=terms.moment(step.ledgered_at),
                is_message=step.message is not None,
                cause=_cause(step, positions, terms),
                cause_position=positions.get(step.cause.removeprefix("event:")),
                changes=tuple(changes_of(step, terms, numbers)),
                fields=tuple(
                    _told(name, value, terms, numbers) for name, value in step.data.items() if name != "personal"
                ),
                personal=tuple(_personal(step, terms)),
                corrected=corrected.get(step.position, ()),
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


def _kind(learned: Iterable[Step]) -> str | None:
    """As what the contacts are not counted, where it is the same of all; a correction replaces it."""
    kinds: dict[str, str | None] = {}
    for step in learned:
        if step.event == "call.received":
            kinds[step.data["contact"]] = step.data.get("not_counted")
        for change in step.data.get("changes", ()):
            if change["field"] == "not_counted" and step.data.get("contact") in kinds:
                kinds[step.data["contact"]] = change["after"]
    return kinds.popitem()[1] if len(set(kinds.values())) == 1 else None


def _stands(state: Mapping[str, Any], kind: str | None, numbers: Mapping[str, str], terms: Terms) -> Iterator[Told]:
    for name in _IN_SUMMARY:
        if name == "counted" and state.get(name) is False and kind:
            yield Told(terms.field(name), f"{terms.screen('not_counted')}（{terms.code(kind)}）")
        elif name in state and not (state[name] is None and name != "district"):
            yield _told(name, state[name], terms)
    if state.get("merged_into"):
        yield _told("merged_into", state["merged_into"], terms, numbers)


def name_of(step: Step, passings: Mapping[str, Passing], terms: Terms) -> str:
    """What happened, with its kind: 調整済み：短期入所施設, 朝の引継ぎ：受諾, 関係機関への引継ぎ：受諾：たまがわ."""
    name = terms.say(EVENTS[step.event]) if step.event in EVENTS else step.event
    separator = "：" if terms.language == "ja" else ": "
    if passing := passings.get(step.data.get("handover", "")):
        kind = terms.say(HANDOVERS[passing.kind]) if passing.kind in HANDOVERS else passing.kind
        whose = passing.to if passing.kind in AGENCY_KINDS else None
        if (passing.kind, step.event) == (INFORMATION, "handed-over"):
            kind, name = terms.screen("informed"), ""  # Nobody took anything on.
        return separator.join(part for part in (kind, name, whose) if part)
    if step.event == "case.passed":
        giver, to, because = (step.data[name] for name in ("giver", "to", "because"))
        parties = {"giver": terms.owner(giver), "to": terms.owner(to)}
        return terms.screen("passed_from_to", what=name, because=terms.code(because), **parties)
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
        case "deadline":
            return terms.screen("because_due")
        case "event" if name in positions:
            return terms.screen("because_of", n=positions[name])
        case _:
            return step.cause


def changes_of(step: Step, terms: Terms, numbers: Mapping[str, str]) -> Iterator[Changed]:
    """What changed for the tables, and what a correction changed besides."""
    begins = any(change.feature in _BEGINNINGS and change.before is None for change in step.changes)
    ends = any(change.feature in _BEGINNINGS and change.after is None for change in step.changes)
    for change in step.changes:
        yield _changed(change, terms, begins=begins, ends=ends)
    shown = {change.feature for change in step.changes}
    for corrected in step.data.get("changes", ()):
        if corrected["field"] not in shown and not (corrected["field"] == "time" and "first_contact" in shown):
            before, after = corrected["before"], corrected["after"]
            if corrected["field"] == "case":
                before, after = numbers.get(before, before), numbers.get(after, after)
            yield _changed(Change(corrected["field"], before, after), terms)
    for attempt in step.data.get("danger", ()) if step.event == "call.added" else ():
        yield _changed(Change("danger", None, attempt), terms)


def _numbers(history: History) -> Iterator[tuple[str, str]]:
    """The 受付番号 of the consultations that a history names, by their ids."""
    if history.number:
        yield history.id, history.number
    for step in history.steps:
        for case, number in (("case", "number"), ("to_case", "to_number")):
            if step.data.get(case) and step.data.get(number):
                yield step.data[case], step.data[number]


def _personal(step: Step, terms: Terms) -> Iterator[Told]:
    """What was sealed, without what a correction replaced: that is told with what stood there before."""
    personal = step.data.get("personal")
    if step.event in _CORRECTIONS and isinstance(personal, dict):
        if by := personal.get("by"):
            yield Told(terms.say(CORRECTED_BY), str(by))
        personal = {name: value for name, value in personal.items() if name == "reason"}
    elif _is_passing(step) and isinstance(personal, dict):
        for name in ("by", "note"):
            if isinstance(said := personal.get(name), str) and said:
                yield Told(named(name, step.event, terms), said)
        personal = {name: value for name, value in personal.items() if name not in ("by", "note")}
    yield from personal_lines(personal, terms)


def _is_passing(step: Step) -> bool:
    """Whether it is about a hand-over."""
    return step.event.startswith(("handover.", "handed-over"))


def _corrected(learned: Iterable[Step], terms: Terms) -> dict[int, tuple[Changed, ...]]:
    """Of each correction what it changed of what is personal, blanks included. `learned`: in the ledger's order."""
    stands: dict[str, dict[str, Any]] = {}
    found = {}
    for step in learned:
        personal = step.data.get("personal")
        if step.event not in _TELL_PERSONAL or not isinstance(personal, dict):
            continue
        before = stands.setdefault(step.data.get("contact") or step.data.get("person") or "", {})
        told = {name: value for name, value in personal.items() if name not in _OF_THE_CORRECTION}
        if step.event in _CORRECTIONS:
            found[step.position] = tuple(_both({name: before.get(name) for name in told}, told, terms))
        before |= told
    return found


def _both(before: Mapping[str, Any], after: Mapping[str, Any], terms: Terms) -> Iterator[Changed]:
    one, other = [{each.name: each.text for each in personal_lines(dict(part), terms)} for part in (before, after)]
    for name in dict.fromkeys([*one, *other]):
        if one.get(name, "") != other.get(name, ""):
            none = terms.screen("none")
            yield Changed(name, one.get(name) or none, other.get(name) or none)


def _changed(change: Change, terms: Terms, *, begins: bool = False, ends: bool = False) -> Changed:
    """`begins`, `ends`: nothing stood there before, or stands there any more; None is then no value of its own."""
    name, before, after = change.feature, change.before, change.after
    fresh = before is None and (begins or name not in _MEANINGFUL_NONE)
    then = terms.screen("none") if after is None and ends else text_of(name, after, terms)
    return Changed(terms.field(name), None if fresh else text_of(name, before, terms), then)


def _told(name: str, value: Any, terms: Terms, numbers: Mapping[str, str] = MappingProxyType({})) -> Told:
    text = numbers.get(value) if name in IDS and isinstance(value, str) else None
    text = text or text_of(name, value, terms)
    return Told(terms.field(name), text, value if name in IDS and isinstance(value, str) else None)


def personal_lines(personal: Any, terms: Terms, around: tuple[str, ...] = (), of: str = "") -> Iterator[Told]:
    """The personal parts, each on a line, under the names of all that it stands in: 連絡先 1 › 電話番号.

    `of`: the part that these parts stand in.
    """
    match personal:
        case dict():
            called = terms.handbook if of == "handbook_grades" else terms.personal
            for name, value in personal.items():
                yield from personal_lines(value, terms, (*around, called(name)), name)
        case [*values] if any(isinstance(value, dict) for value in values):
            for number, value in enumerate(values, 1):
                yield from personal_lines(value, terms, (*around[:-1], f"{around[-1]} {number}"))
        case [*values]:
            yield Told("　›　".join(around), terms.listed(str(value) for value in values))
        case _ if around and personal is not None:
            yield Told("　›　".join(around), _as_read(str(personal), terms))
        case _:
            pass


def _as_read(text: str, terms: Terms) -> str:
    """A whole day stands there as every page writes one; all else as it was told."""
    try:
        return terms.day(date.fromisoformat(text)) if len(text) == _A_DAY else text
    except ValueError:
        return text
