"""今夜の申し送り in words: one row for each case that the night must know, and what changed since it was printed. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from events.morning import NOTED_PARTS
from services.evenings import Evening, Span
from services.pages.evening_log import Issued, Noted, Pending, Stay
from services.pages.terms import Terms
from services.pages.tonight_case import Promise, TonightCase

Opens = Callable[[Iterable[str], str, str], dict[str, Any] | None]
"""(of whom it may be, the event's identity, a box) → what is in it; None where no key opens it."""

MOST = 100
"""Cases on one sheet; of more, those that nobody noted anything about and that began first are left to their pages."""

STILL = timedelta(hours=12)
"""How long something that should have happened by a time is shown as overdue."""

LEFT_OUT = ("handover.declined", "handover.withdrawn")


class Line(msgspec.Struct, frozen=True):
    """Something said under a name; `alarm`: it is overdue, or must not be done."""

    label: str
    text: str
    alarm: bool = False


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """A note: its parts in words, by whom and until when; `values` and `until` as a form has them."""

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


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """Everything, in the order in which it is read. `since`: with what it is compared, as the page asks for it."""

    language: str
    night: str
    ward: str
    centre: str
    title: str
    name: str
    period: str
    synthetic: str
    issued: str
    as_of: str
    counts: str
    more: str
    since: str
    compared: str
    changes: tuple[str, ...]
    rows: tuple[Row, ...]
    words: dict[str, str]


class Facts(NamedTuple):
    """What the sheet is made of. `cases`: by every id under which something stands. `notes`: those that hold tonight."""

    span: Span
    evening: Evening | None
    issued: Issued | None
    cases: Mapping[str, TonightCase]
    notes: Mapping[str, Noted]
    stays: Sequence[Stay]
    pending: Sequence[Pending]
    answered: Sequence[tuple[Pending, datetime]]


class Seen(NamedTuple):
    """Who looks, and when: `opens` None where nothing personal is shown; `since`: when their copy was printed."""

    terms: Terms
    now: datetime
    opens: Opens | None
    since: datetime | None
    synthetic: bool = False


def sheet_of(facts: Facts, seen: Seen) -> Sheet:
    """Tonight's notes for somebody who looks."""
    terms, clock = seen.terms, NightTimes(seen.terms, facts.span)
    by_case = _Gathered.of(facts)
    shown = sorted((case for case in by_case.cases.values() if by_case.is_shown(case)), key=by_case.order)
    rows = [_row(case, by_case, clock, seen) for case in shown[:MOST]]
    say = terms.screen
    ward = terms.ward.ward
    placed = sum(row.has_place for row in rows)
    return Sheet(
        language=terms.language,
        night=facts.span.night.isoformat(),
        ward=terms.say(ward.name),
        centre=terms.say(ward.centre),
        title=say("tonight"),
        name=say("tonight_of", day=terms.day(facts.span.night, weekday=True)),
        period=say("tonight_period", began=clock.at(facts.span.begins), ended=clock.at(facts.span.ends)),
        synthetic=say("synthetic") if seen.synthetic else "",
        issued=_issued(facts, clock, terms),
        as_of=say("tonight_as_of", at=clock.at(seen.now)),
        counts=say(
            "tonight_counts",
            stays=placed,
            open=sum(case.is_open for case in shown),
            noted=sum(row.note is not None for row in rows),
        ),
        more=say("tonight_more", n=len(shown) - MOST) if len(shown) > MOST else "",
        since=terms.ward.local(seen.since).strftime("%H:%M") if seen.since else "",
        compared=say("tonight_changes_since", at=clock.at(seen.since)) if seen.since else "",
        changes=tuple(_changes(by_case, clock, seen)) if seen.since else (),
        rows=tuple(rows),
        words={name: say(name) for name in _WORDS},
    )


_WORDS = (
    *("tonight_stays", "tonight_open", "tonight_changes", "tonight_no_changes", "tonight_changed", "tonight_nothing"),
    *("note_none", "to_know", "first_of", "colon", "end_of_notes", "number"),
)


class NightTimes:
    """Writes times of one night: 16:50, 翌08:30; of another day with it."""

    def __init__(self, terms: Terms, span: Span) -> None:
        self._terms, self._night = terms, span.night

    def at(self, moment: datetime) -> str:
        """With its day where that is not the evening's; after midnight 翌."""
        local = self._terms.ward.local(moment)
        time = f"{local:%H:%M}"
        if local.date() == self._night:
            return time
        if local.date() == self._night + timedelta(days=1):
            return self._terms.screen("tonight_next_day", time=time)
        return self._terms.moment(moment)


class _Gathered(NamedTuple):
    """The same by case: what was merged into a case is the case's."""

    facts: Facts
    cases: dict[str, TonightCase]
    notes: dict[str, Noted]
    stays: dict[str, list[Stay]]
    pending: dict[str, list[Pending]]

    @classmethod
    def of(cls, facts: Facts) -> _Gathered:
        cases = {case.case: case for case in facts.cases.values()}
        notes: dict[str, Noted] = {}
        for note in sorted(facts.notes.values(), key=lambda note: note.at):
            if case := facts.cases.get(note.case):
                notes[case.case] = note
        stays: dict[str, list[Stay]] = {}
        for stay in facts.stays:
            if case := facts.cases.get(stay.case):
                stays.setdefault(case.case, []).append(stay)
        pending: dict[str, list[Pending]] = {}
        for each in facts.pending:
            if case := facts.cases.get(each.case):
                pending.setdefault(case.case, []).append(each)
        return cls(facts, cases, notes, stays, pending)

    def places(self, case: TonightCase) -> list[Stay]:
        """Those that stand tonight: without an end as long as the case is open."""
        stays = (stay for stay in self.stays.get(case.case, ()) if stay.cancelled is None)
        return [stay for stay in stays if stay.ends is not None or case.is_open]

    def is_shown(self, case: TonightCase) -> bool:
        """Whether the night must know it."""
        return case.is_open or bool(self.places(case))

    def note(self, case: TonightCase) -> Noted | None:
        """The note that holds tonight."""
        note = self.notes.get(case.case)
        return note if note and note.holds(self.facts.span.night) else None

    def order(self, case: TonightCase) -> tuple[bool, bool, datetime, float, str]:
        """Places first, then notes, then what is due first, then the newest."""
        due = min((p.at for p in case.promises if p.at > self.facts.span.begins - STILL), default=self.facts.span.ends)
        return not self.places(case), not self.note(case), due, -case.began_at.timestamp(), case.case


def _row(case: TonightCase, by_case: _Gathered, clock: NightTimes, seen: Seen) -> Row:
    terms, note, places = seen.terms, by_case.note(case), by_case.places(case)
    known = case.known
    marks = [terms.code(known.status)] if known and known.status != "registered" else []
    marks += [] if known or seen.opens is None else [terms.screen("tonight_unregistered")]
    marks += [] if case.is_open else [terms.screen("tonight_closed")]
    lines = [Line(terms.screen("stay"), _place(stay, clock, terms)) for stay in places]
    lines += _due(case, by_case.facts, clock, seen)
    lines += [Line(terms.screen("pending_to"), _pending(each, clock, terms)) for each in by_case.pending.get(case.case, ())]
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
        changed=seen.since is not None and any(moment > seen.since for moment, _ in _news(case, by_case, clock, seen)),
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


def _place(stay: Stay, clock: NightTimes, terms: Terms) -> str:
    kind, facility = terms.word("placement", stay.kind), stay.facility or ""
    if stay.ends is None:
        text = terms.screen("stay_from", kind=kind, facility=facility, from_=clock.at(stay.begins))
    else:
        times = {"from_": clock.at(stay.begins), "to": clock.at(stay.ends)}
        text = terms.screen("stay_between", kind=kind, facility=facility, **times)
    return text.replace("　　", "　").replace(" ,", ",")


def _pending(each: Pending, clock: NightTimes, terms: Terms) -> str:
    return terms.screen("pending_since", to=each.to, kind=terms.code(each.kind), at=clock.at(each.at))


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
    parts += [terms.provider(promise.who)] if promise.who else []
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
    provider = terms.provider(note.provider) + (f"（{name}）" if isinstance(name, str) else "")
    by = [terms.screen("note_by", provider=provider, at=clock.at(note.at))]
    by += [terms.screen("note_until", day=terms.day(note.until, weekday=True))] if note.until else []
    texts = words_in(told or {})
    lines = [Line(terms.screen(f"note_{part}"), text, alarm=part == "not_promise") for part, text in texts.items()]
    return Words(
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


def _issued(facts: Facts, clock: NightTimes, terms: Terms) -> str:
    if facts.issued:
        late = facts.issued.at - facts.issued.due_at >= timedelta(minutes=1)
        word = "tonight_issued_late" if late else "tonight_issued"
        return terms.screen(word, at=clock.at(facts.issued.at), due=clock.at(facts.issued.due_at))
    if facts.evening is None:
        return terms.screen("tonight_not_issued")
    return terms.screen("tonight_to_issue", due=clock.at(facts.evening.due))


def _changes(by_case: _Gathered, clock: NightTimes, seen: Seen) -> Iterator[str]:
    """What came after the copy was printed, by the clock on which the system learned it."""
    since = seen.since
    assert since is not None, "only what was printed is compared"
    news = [
        (moment, case.number, text)
        for case in by_case.cases.values()
        for moment, text in _news(case, by_case, clock, seen)
        if moment > since
    ]
    colon = seen.terms.screen("colon")
    for moment, number, text in sorted(news):
        yield f"{clock.at(moment)}　{number}{colon}{text}" if seen.terms.language == "ja" else f"{clock.at(moment)} {number}{colon}{text}"


def _news(case: TonightCase, by_case: _Gathered, clock: NightTimes, seen: Seen) -> Iterator[tuple[datetime, str]]:
    """Everything about a case that a printed copy may not have, with the moment at which it was recorded."""
    terms, say = seen.terms, seen.terms.screen
    yield case.began_recorded, say("changed_opened")
    if case.called_recorded > case.began_recorded:
        yield case.called_recorded, say("changed_further")
    if case.closed_recorded:
        yield case.closed_recorded, say("changed_closed")
    if note := by_case.notes.get(case.case):
        yield note.recorded, say("changed_note")
    for stay in by_case.stays.get(case.case, ()):
        word = "changed_cancelled" if stay.cancelled else "changed_arranged"
        yield stay.changed, say(word, stay=_place(stay, clock, terms))
    for each in by_case.pending.get(case.case, ()):
        yield each.recorded, say("changed_pending", to=each.to)
    for each, answered in by_case.facts.answered:
        if (of := by_case.facts.cases.get(each.case)) and of.case == case.case:
            yield answered, say("changed_answered", to=each.to)
    for promise in case.promises if case.is_open else ():
        if promise.recorded > case.called_recorded and promise.at > seen.now - STILL:
            yield promise.recorded, say("changed_due", what=say(f"due_{promise.what}"), at=clock.at(promise.at))
