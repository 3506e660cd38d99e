"""今夜の申し送り in words: what the night must know, case by case, and what changed since it was printed. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

import msgspec

from services.evenings import has_come
from services.pages.terms import Terms
from services.pages.tonight_case import TonightCase
from services.pages.tonight_facts import STILL, ByCase, Facts, NightTimes, Seen
from services.pages.tonight_rows import Row, place_in_words, row_of
from services.pages.urgent import urgent_on_paper

MOST = 100
"""Cases on one sheet; of more, those that nobody noted anything about and that began first are left to their pages."""

News = tuple[datetime, str]
"""Something that a printed copy may not have, and when it was recorded."""


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """Everything, in the order in which it is read. `since`: with what it is compared, as the page asks for it.

    `urgent`: a heading, and what cannot wait and nobody answered for yet; empty where there is none.
    """

    language: str
    night: str
    ward: str
    centre: str
    title: str
    name: str
    period: str
    synthetic: str
    urgent: tuple[str, ...]
    issued: str
    as_of: str
    duty: str
    counts: str
    more: str
    since: str
    compared: str
    changes: tuple[str, ...]
    rows: tuple[Row, ...]
    words: dict[str, str]


def sheet_of(facts: Facts, seen: Seen) -> Sheet:
    """Tonight's notes for somebody who looks."""
    terms, clock = seen.terms, NightTimes(seen.terms, facts.span)
    by_case = ByCase.of(facts)
    shown = sorted((case for case in by_case.cases.values() if by_case.is_shown(case)), key=by_case.order)
    news = {case.case: _since(seen.since, case, by_case, clock, seen) for case in by_case.cases.values()}
    rows = [row_of(case, by_case, clock, seen, changed=bool(news[case.case])) for case in shown[:MOST]]
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
        urgent=urgent_on_paper(facts.alarms, terms, seen.now),
        issued=_issued(facts, clock, terms, seen.now),
        as_of=say("tonight_as_of", at=clock.at(seen.now)),
        duty=terms.on_duty(seen.now),
        counts=say(
            "tonight_counts",
            stays=placed,
            open=sum(not by_case.places(case) for case in shown),
            noted=sum(row.note is not None for row in rows),
        ),
        more=say("tonight_more", n=len(shown) - MOST) if len(shown) > MOST else "",
        since=terms.ward.local(seen.since).strftime("%H:%M") if seen.since else "",
        compared=_compared(seen.since, facts, clock, seen) if seen.since else "",
        changes=tuple(_changes(by_case, news, clock, terms)),
        rows=tuple(rows),
        words={name: say(name) for name in _WORDS},
    )


_WORDS = (
    *("tonight_stays", "tonight_open", "tonight_changes", "tonight_no_changes", "tonight_changed", "tonight_nothing"),
    *("note_none", "to_know", "first_of", "colon", "end_of_notes", "number"),
)


def _compared(since: datetime, facts: Facts, clock: NightTimes, seen: Seen) -> str:
    """With which moment it is compared; with its day where a time of day alone would be taken for today's."""
    local, today = seen.terms.ward.local(since), seen.terms.ward.local(seen.now).date()
    if local.date() == today:
        return seen.terms.screen("tonight_changes_since", at=clock.at(since))
    is_before = local.date() < facts.span.night
    word = "tonight_not_yet_today" if is_before else "tonight_changes_since"
    return seen.terms.screen(word, at=seen.terms.moment(since), time=f"{local:%H:%M}")


def _issued(facts: Facts, clock: NightTimes, terms: Terms, now: datetime) -> str:
    if facts.issued:
        late = facts.issued.at - facts.issued.due_at >= timedelta(minutes=1)
        word = "tonight_issued_late" if late else "tonight_issued"
        return terms.screen(word, at=clock.at(facts.issued.at), due=clock.at(facts.issued.due_at))
    if facts.evening is None:
        return terms.screen("tonight_not_issued")
    word = "tonight_to_issue" if not has_come(facts.evening, now) else "tonight_passed_over"
    return terms.screen(word, due=clock.at(facts.evening.due))


def _changes(by_case: ByCase, news: Mapping[str, list[News]], clock: NightTimes, terms: Terms) -> Iterator[str]:
    """What came after the copy was printed, one line for each."""
    apart, colon = "　" if terms.language == "ja" else " ", terms.screen("colon")
    told = [(at, by_case.cases[case].number, text) for case, all_of_it in news.items() for at, text in all_of_it]
    for at, number, text in sorted(told):
        yield f"{clock.at(at)}{apart}{number}{colon}{text}"


def _since(since: datetime | None, case: TonightCase, by_case: ByCase, clock: NightTimes, seen: Seen) -> list[News]:
    """What came after the copy was printed, by the clock on which the system learned it."""
    return [] if since is None else [news for news in _news(case, by_case, clock, seen) if news[0] > since]


def _news(case: TonightCase, by_case: ByCase, clock: NightTimes, seen: Seen) -> Iterator[News]:
    """Everything about a case that a printed copy may not have, with the moment at which it was recorded."""
    terms, say = seen.terms, seen.terms.screen
    yield case.began_recorded, say("changed_opened")
    if case.called_recorded > case.began_recorded:
        yield case.called_recorded, say("changed_further")
    if case.closed_recorded:
        yield case.closed_recorded, say("changed_closed")
    if note := by_case.notes.get(case.case):
        yield note.recorded, say("changed_note" if note.holds(by_case.facts.span.night) else "changed_note_ended")
    for stay in by_case.stays.get(case.case, ()):
        word = "changed_cancelled" if stay.cancelled else "changed_arranged"
        yield stay.changed, say(word, stay=place_in_words(stay, clock, terms))
    for each in by_case.handed.get(case.case, ()):
        if each.standing == "offered":
            yield each.recorded, say("changed_offered", to=each.to)
    for each in by_case.facts.answered:
        if (of := by_case.facts.cases.get(each.case)) and of.case == case.case:
            yield each.recorded, say(f"changed_{each.standing}", to=each.to)
    for promise in case.promises if case.is_open else ():
        if promise.recorded > case.called_recorded and promise.at > seen.now - STILL:
            yield promise.recorded, say("changed_due", what=say(f"due_{promise.what}"), at=clock.at(promise.at))
    for what, recorded in case.attempts if case.is_open else ():
        if recorded > case.called_recorded:
            yield recorded, say("changed_attempt", what=terms.code(what))
