"""Tonight's notes, read from the journals for whoever shows them: the page, the command line, the copy on disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from services.evenings import evening_of, tonight
from services.pages.evening_log import EveningLog, Issued
from services.pages.night_log import Alarm
from services.pages.tonight_case import Cases, TonightCase
from services.pages.tonight_facts import Facts, Seen, last_note
from services.pages.tonight_rows import Words, note_in_words
from services.pages.tonight_sheet import Sheet, sheet_of
from services.ward import Ward

MOST_NOTES = 500
"""Of the notes that hold, those that were written last; a case that was closed needs none."""


class InHand(NamedTuple):
    """The open cases by handover's register, and the position of intake's log up to which it has heard."""

    cases: Sequence[str]
    heard: int


class Tonight:
    """Reads tonight's notes. Every method asks databases: never on the event loop."""

    def __init__(
        self, log: EveningLog, cases: Cases, in_hand: Callable[[], InHand], alarms: Callable[[], Sequence[Alarm]]
    ) -> None:
        """`alarms`: what cannot wait just now."""
        self.log, self.cases, self._in_hand, self._alarms = log, cases, in_hand, alarms

    def sheet(self, seen: Seen) -> Sheet | None:
        """The sheet; None: the ward has no nights. Where no `since` is given, it is compared with what was issued."""
        facts = self.facts(seen.terms.ward, seen.now, seen.since, personal=seen.opens is not None)
        if facts is None:
            return None
        synthetic = seen.synthetic or any(case.synthetic for case in facts.cases.values())
        since = seen.since or (facts.issued.at if facts.issued else None)
        return sheet_of(facts, seen._replace(since=since, synthetic=synthetic))

    def issued(self, ward: Ward, now: datetime) -> Issued | None:
        """What was issued for tonight; None: nothing yet."""
        span = tonight(ward, now)
        return self.log.issued(span.night) if span else None

    def noted(self, seen: Seen) -> list[tuple[TonightCase, Words]]:
        """The open cases with a note that holds tonight, each with its words; those that began first come first."""
        span = tonight(seen.terms.ward, seen.now)
        if span is None:
            return []
        notes = self.log.notes()
        holding = [case for case, note in notes.items() if note.holds(span.night)]
        if not holding:
            return []
        cases = self.cases(holding, seen.terms.ward.local(seen.now).date(), personal=False)
        found = sorted({case.case: case for case in cases.values()}.values(), key=lambda case: case.began_at)
        told = [(case, note) for case in found if case.is_open and (note := last_note(case, notes))]
        return [(case, note_in_words(note, case, span, seen)) for case, note in told if note.holds(span.night)]

    def facts(self, ward: Ward, now: datetime, since: datetime | None, *, personal: bool) -> Facts | None:
        """What stands for tonight; None: the ward has no nights."""
        span = tonight(ward, now)
        if span is None:
            return None
        in_hand, issued = self._in_hand(), self.log.issued(span.night)
        notes = self.log.notes()
        holding = [case for case, note in notes.items() if note.holds(span.night)]
        latest = sorted(holding, key=lambda case: notes[case].recorded)[-MOST_NOTES:]
        stays, handed = self.log.stays(span.begins, span.ends), self.log.handed()
        since = since or (issued.at if issued else None)
        answered = self.log.answered(since) if since else []
        about = [*in_hand.cases, *self.cases.since(in_hand.heard), *latest, *(issued.cases if issued else ())]
        about += [each.case for each in stays]
        about += [each.case for each in (*(h for h in handed if h.standing == "offered"), *answered)]
        return Facts(
            span=span,
            evening=evening_of(ward, span),
            issued=issued,
            cases=self.cases(dict.fromkeys(about).keys(), ward.local(now).date(), personal=personal),
            notes=notes,
            stays=stays,
            handed=handed,
            answered=answered,
            alarms=self._alarms(),
        )
