"""What stands for tonight, gathered by case, before any word is made of it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from services.evenings import Evening, Span
from services.pages.evening_log import Handed, Issued, Noted, Stay
from services.pages.night_log import Alarm
from services.pages.terms import Terms
from services.pages.tonight_case import TonightCase

Opens = Callable[[Iterable[str], str, str], dict[str, Any] | None]
"""(of whom it may be, the event's identity, a box) → what is in it; None where no key opens it."""

STILL = timedelta(hours=12)
"""How long before a night something should have happened that is shown as overdue in it."""


class Facts(NamedTuple):
    """What the sheet is made of. `cases`: by every id that something is about; `notes`: the last about each."""

    span: Span
    evening: Evening | None
    issued: Issued | None
    cases: Mapping[str, TonightCase]
    notes: Mapping[str, Noted]
    stays: Sequence[Stay]
    handed: Sequence[Handed]
    answered: Sequence[Handed]
    alarms: Sequence[Alarm]


class Seen(NamedTuple):
    """Who looks, and when: `opens` None where nothing personal is shown; `since`: when their copy was printed."""

    terms: Terms
    now: datetime
    opens: Opens | None
    since: datetime | None
    synthetic: bool = False


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


class ByCase(NamedTuple):
    """The same by case: what was merged into a case is the case's."""

    facts: Facts
    cases: dict[str, TonightCase]
    notes: dict[str, Noted]
    stays: dict[str, list[Stay]]
    handed: dict[str, list[Handed]]

    @classmethod
    def of(cls, facts: Facts) -> ByCase:
        cases = {case.case: case for case in facts.cases.values()}
        notes = {case.case: note for case in cases.values() if (note := last_note(case, facts.notes))}
        stays: dict[str, list[Stay]] = {}
        for stay in facts.stays:
            if case := facts.cases.get(stay.case):
                stays.setdefault(case.case, []).append(stay)
        handed: dict[str, list[Handed]] = {}
        for each in facts.handed:
            if case := facts.cases.get(each.case):
                handed.setdefault(case.case, []).append(each)
        return cls(facts, cases, notes, stays, handed)

    def handovers(self, case: TonightCase) -> list[Handed]:
        """By which an agency has it, and then what waits for an answer. Of two acceptances the later one holds."""
        handed = self.handed.get(case.case, ())
        accepted = [each for each in handed if each.standing == "accepted"]
        return [*accepted[-1:], *(each for each in handed if each.standing == "offered")]

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


def last_note(case: TonightCase, notes: Mapping[str, Noted]) -> Noted | None:
    """The last that was said of a case, or of what was merged into it."""
    found = [notes[part] for part in (case.case, *case.parts) if part in notes]
    return max(found, key=lambda note: note.at, default=None)
