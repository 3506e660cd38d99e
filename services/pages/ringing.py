"""While the telephone rings: tonight's note of an open case, beside the person who may be meant and on the card."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import msgspec
import sqlalchemy as sa

from services.clock import Clock
from services.database import DatabaseError
from services.pages.terms import Terms
from services.pages.tonight_facts import Opens, Seen
from services.pages.tonight_reading import Tonight
from services.pages.tonight_rows import Words

log = logging.getLogger("yoake.pages")


class NotedCase(msgspec.Struct, frozen=True, kw_only=True):
    """An open case with a note that holds tonight."""

    number: str
    case: str
    note: Words


class NotesTonight(msgspec.Struct, frozen=True):
    """Them all, by the registrant whom each is about, and by 受付番号."""

    of_person: Mapping[str, Sequence[NotedCase]] = {}
    of_number: Mapping[str, NotedCase] = {}


class Ringing:
    """Looks up the notes. It asks databases: never on the event loop; where none answers there are none."""

    def __init__(self, tonight: Tonight, opens: Opens, clock: Clock) -> None:
        self._tonight, self._opens, self._clock = tonight, opens, clock

    def __call__(self, terms: Terms, *, personal: bool) -> NotesTonight:
        """The notes that hold tonight, for somebody who sees what is personal, or does not."""
        try:
            noted = self._tonight.noted(Seen(terms, self._clock(), self._opens if personal else None, None))
        except (DatabaseError, sa.exc.SQLAlchemyError) as error:  # The telephone is answered all the same.
            log.warning("tonight's notes cannot be read", exc_info=error)
            return NotesTonight()
        of_person: dict[str, list[NotedCase]] = {}
        of_number: dict[str, NotedCase] = {}
        for case, note in noted:
            of_number[case.number] = one = NotedCase(number=case.number, case=case.case, note=note)
            if case.registrant:
                of_person.setdefault(case.registrant, []).append(one)
        return NotesTonight(of_person, of_number)
