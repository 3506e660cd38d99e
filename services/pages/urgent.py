"""What cannot wait, in words: why and by when, whom to ring now, when the next is to be rung. Pure.

The pages, the sheets on paper and the texts to read out have it from here, so that all say the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from services.pages.night_log import Alarm
from services.pages.terms import Terms


class Urgent(NamedTuple):
    """A call that cannot wait, in words, and where it is."""

    number: str
    about: str
    text: str


def urgent_in_words(alarms: Iterable[Alarm], terms: Terms, now: datetime) -> list[Urgent]:
    """Each as it stands at a moment; it changes by itself only when its time has passed."""
    return [Urgent(alarm.number, alarm.about, _line(alarm, terms, now) + _moves(alarm, terms)) for alarm in alarms]


def urgent_on_paper(alarms: Iterable[Alarm], terms: Terms, now: datetime) -> tuple[str, ...]:
    """The same as lines of a sheet, under a heading that says how many there are; nothing where there is none.

    A sheet stays as it is: when the next is to be rung is for the page.
    """
    lines = [_line(alarm, terms, now) for alarm in alarms]
    apart = "　" if terms.language == "ja" else ": "
    return (f"{terms.screen('urgent_now')}{apart}{terms.screen('records', n=len(lines))}", *lines) if lines else ()


def _line(alarm: Alarm, terms: Terms, now: datetime) -> str:
    duty = next((each for each in terms.ward.duty if each.key == alarm.next), None)
    whom = f"{terms.say(duty.label)} {duty.phone}" if duty else alarm.next or terms.screen("urgent_nobody")
    because, by = terms.screen(f"urgent_{alarm.because}"), terms.moment(alarm.by)
    parts = [terms.screen("urgent_line", number=alarm.number, because=because, by=by, next=whom)]
    if alarm.by < now:
        parts.insert(0, terms.screen("urgent_overdue"))
    if alarm.tries:
        parts.append(terms.screen("urgent_tries", n=alarm.tries))
    return "".join(parts)


def _moves(alarm: Alarm, terms: Terms) -> str:
    if terms.ward.urgent is None:
        return ""
    moves = terms.ward.local(alarm.since + timedelta(minutes=terms.ward.urgent.every))
    return terms.screen("urgent_moves", at=f"{moves:%H:%M}")
