"""One case of tonight's notes in words: its note, what is due, and what must be known of whom it is about. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec

from events.morning import NOTED_PARTS
from services.evenings import Span
from services.pages.evening_log import Handed, Noted, Stay
from services.pages.terms import Terms
from services.pages.tonight_case import Promise, TonightCase
from services.pages.tonight_facts import STILL, ByCase, Facts, NightTimes, Opens, Seen


class Line(msgspec.Struct, frozen=True):
    """Something said under a name; `alarm`: it is overdue, or must not be done."""

    label: str
    text: str
    alarm: bool = False


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """A note: its parts in words, by whom and until when; `values` and `until` as a form has them."""

    identity: str
    lines: tuple[Line, ...]
    by: str
    values: dict[str, str]
    until: str
    hidden: str = ""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One case. `lines`: places, promises, hand-overs; `know`: what must be known of a registrant."""

    case: str
    number: str
    who: str
    marks: tuple[str, ...]
    began: str
    note: Words | None
    lines: tuple[Line, ...]
    know: tuple[Line, ...]
    person: str = ""
    has_place: bool = False
    changed: bool = False


def row_of(case: TonightCase, by_case: ByCase, clock: NightTimes, seen: Seen, *, changed: bool) -> Row:
    """One case for somebody who looks. `changed`: since their copy was printed."""
    terms, note, places = seen.terms, by_case.note(case), by_case.places(case)
    known = case.known
    marks = [terms.code(known.status)] if known and known.status != "registered" else []
    marks += [] if known or seen.opens is None else [terms.screen("tonight_unregistered")]
    marks += [] if case.is_open else [terms.screen("tonight_closed")]
    lines = [Line(terms.screen("stay"), place_in_words(stay, clock, terms)) for stay in places]
    lines += _due(case, by_case.facts, clock, seen)
    lines += [Line(terms.screen("handed_to"), _handed(each, clock, terms)) for each in by_case.handovers(case)]
    return Row(
        case=case.case,
        number=case.number,
        who=_who(case, terms),
        marks=tuple(marks),
        began=_began(case, clock, terms),
        note=note_in_words(note, case, by_case.facts.span, seen) if note else None,
        lines=tuple(lines),
        know=tuple(_know(case, terms)),
        person=known.person if known else "",
        has_place=bool(places),
        changed=changed,
    )


def _who(case: TonightCase, terms: Terms) -> str:
    """The name and the age, where whoever looks may see them."""
    known = case.known
    if known is None:
        return case.name or ""
    age = terms.screen("age", n=known.age) if known.age is not None else ""
    kana = f"（{known.kana}）" if known.kana and terms.language == "ja" else f" ({known.kana})" if known.kana else ""
    return f"{known.name or terms.screen('nameless')}{kana}{age}"


def _began(case: TonightCase, clock: NightTimes, terms: Terms) -> str:
    parts = [f"{terms.screen('first_of')} {clock.at(case.began_at)}"]
    if case.called_at != case.began_at:
        parts.append(f"{terms.screen('last_of')} {clock.at(case.called_at)}")
    parts += [terms.district(case.district), *(terms.word("reason", reason) for reason in case.reasons)]
    return "　".join(parts) if terms.language == "ja" else ", ".join(parts)


def place_in_words(stay: Stay, clock: NightTimes, terms: Terms) -> str:
    """A place, where it is and from when to when."""
    kind, facility = terms.word("placement", stay.kind), stay.facility or ""
    if stay.ends is None:
        text = terms.screen("stay_from", kind=kind, facility=facility, from_=clock.at(stay.begins))
    else:
        times = {"from_": clock.at(stay.begins), "to": clock.at(stay.ends)}
        text = terms.screen("stay_between", kind=kind, facility=facility, **times)
    return text.replace("　　", "　").replace(" ,", ",")


def _handed(each: Handed, clock: NightTimes, terms: Terms) -> str:
    word = f"handed_{each.standing}"
    return terms.screen(word, to=each.to, kind=terms.code(each.kind), at=clock.at(each.at))


def _promised(case: TonightCase, now: datetime) -> list[Promise]:
    """What is to come, and what should have been not long ago; each once."""
    latest = {(p.what, p.at): p for p in case.promises}
    return sorted((p for p in latest.values() if p.at > now - STILL), key=lambda promise: promise.at)


def _due(case: TonightCase, facts: Facts, clock: NightTimes, seen: Seen) -> Iterator[Line]:
    if not case.is_open:
        return
    for promise in _promised(case, min(seen.now, facts.span.begins)):
        label, text, passed = _promise(promise, clock, seen)
        yield Line(label, text, alarm=passed)


def _promise(promise: Promise, clock: NightTimes, seen: Seen) -> tuple[str, str, bool]:
    terms, passed = seen.terms, promise.at < seen.now
    by = "due_at" if promise.what == "medication" else "due_by"
    parts = [terms.screen(by, at=clock.at(promise.at))]
    parts += [terms.promised(promise.who, promise.at)] if promise.who else []
    parts += [promise.text] if promise.text else []
    parts += [terms.screen("due_passed")] if passed else []
    return terms.screen(f"due_{promise.what}"), ("　" if terms.language == "ja" else ", ").join(parts), passed


def _know(case: TonightCase, terms: Terms) -> Iterator[Line]:
    known = case.known
    if known is None:
        return
    for name, text in known.facts:
        yield Line(terms.personal(name), text)
    for n, contact in enumerate(known.contacts, start=1):
        yield Line(f"{terms.screen('contacts_in_order')} {n}", " ".join(contact))


def note_in_words(note: Noted, case: TonightCase, span: Span, seen: Seen) -> Words:
    """A note about a case, for somebody who looks."""
    terms, clock = seen.terms, NightTimes(seen.terms, span)
    told = opened(note, case, seen.opens) if seen.opens else None
    name = told.get("by") if told else None
    who = terms.provider(note.provider)
    if isinstance(name, str):
        who += f"（{name}）" if terms.language == "ja" else f" ({name})"
    by = [terms.screen("note_by", provider=who, at=clock.at(note.at))]
    by += [terms.screen("note_until", day=terms.day(note.until, weekday=True))] if note.until else []
    texts = words_in(told or {})
    lines = [Line(terms.screen(f"note_{part}"), text, alarm=part == "not_promise") for part, text in texts.items()]
    return Words(
        identity=note.identity,
        lines=tuple(lines),
        by=("　" if terms.language == "ja" else ", ").join(by),
        values=texts,
        until=note.until.isoformat() if note.until else "",
        hidden=terms.screen("note_shut") if seen.opens is None else "" if told else terms.screen("note_lost"),
    )


def opened(note: Noted, case: TonightCase, opens: Opens) -> dict[str, Any] | None:
    """What is in a note's box; None where no key opens it."""
    return opens([*case.subjects, note.case], note.identity, note.sealed) if note.sealed else None


def words_in(told: Mapping[str, Any]) -> dict[str, str]:
    """The parts of a note that are told, in their order."""
    return {part: text for part in NOTED_PARTS if isinstance(text := told.get(part), str) and text.strip()}
