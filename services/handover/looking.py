"""How a night stands, for whoever looks: 件数照合 at this moment, and in whose charge its cases are. Reading only."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from events import Recorded, event_of
from events.intake import night_id
from events.morning import CasePassed, OfNight
from services.handover.night import Night, after, own
from services.handover.register import ItemRow, Register, closing_of, items_of
from services.handover.statement import stands
from services.journal import LogReader
from services.pages import nights as shown


class Looking:
    """Compares as handover itself does; a `services.pages.nights.Stands`."""

    def __init__(self, engine: sa.Engine) -> None:
        """`engine`: handover's database."""
        self._log = LogReader(engine)

    def __call__(self, night: shown.Night, now: datetime) -> shown.Standing:
        """How a night stands at a moment."""
        with self._log.engine.connect() as connection:
            about = night_id(night.night)
            state = _state(self._log.histories(connection, [about])[about])
            rows = items_of(connection, night.night)
            closing = closing_of(connection, night.night)
            compared = stands(state, rows, closing, now)
            owners = _owners(connection, [row.case for row in (*rows, *_gone(connection, state, rows)) if row.case])
        return shown.Standing(
            verdict=compared.verdict,
            hops=compared.hops,
            differences=compared.differences,
            own=frozenset(own(rows)),
            owners=owners,
            feeds=closing.feeds if closing else None,
        )


def in_charge(engine: sa.Engine, case: str) -> str | None:
    """In whose charge (担当) a consultation is now: a provider's id, or an agency as `services.handover.owners` has it.

    None: handover has not heard of it. `engine`: handover's database.
    """
    with engine.connect() as connection:
        return _owners(connection, [case]).get(case)


def _state(history: list[Recorded]) -> Night:
    state = Night()
    for record in history:
        event = event_of(record)
        if isinstance(event, OfNight | CasePassed):
            state = after(state, event, record.time)
    return state


def _gone(connection: sa.Connection, state: Night, rows: list[ItemRow]) -> list[ItemRow]:
    """The calls that were stated and are not of this night any more, where they stand now."""
    register, here = Register(connection), own(rows)
    items = [item for item in state.items.values() if (item.contact, item.matter) not in here]
    register.read([item.case for item in items if item.case], [item.contact for item in items])
    found = (register.contact(item.contact, item.case, item.matter) for item in items)
    return [row for row in found if row is not None]


def _owners(connection: sa.Connection, cases: list[str]) -> dict[str, str]:
    """Whose each is, and what each is a part of: the owner of the whole, under either id."""
    register = Register(connection)
    register.read(cases=cases)
    standing = [(case, row) for case in cases if (row := register.standing(case)) is not None]
    return {one: row.owner for case, row in standing for one in (case, row.case)}
