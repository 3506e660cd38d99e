"""How far the other services' logs have been heard: every position once, in order, without a gap."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from events import Recorded
from events.epoch import EpochOpened

CURSORS = sa.Table(
    "cursors",
    sa.MetaData(),
    sa.Column("service", sa.String(20), primary_key=True),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column("event", sa.String(36), nullable=False),
)
"""How far each other service's log has been heard: everything up to `position`, without a gap."""


class LogChanged(RuntimeError):
    """Another service's log is not the one heard before; a person must look, nothing goes on."""


class Heard(msgspec.Struct, frozen=True):
    """Where one log has been heard up to."""

    epoch: int
    position: int
    event: str


class Cursors:
    """The cursor of each other service, kept in the transaction of what its events led to."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._heard: dict[str, Heard] = {}
        self.reload()

    def reload(self) -> None:
        """Back to what is on disk, after a transaction that failed."""
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(CURSORS))
            self._heard = {row.service: Heard(row.epoch, row.position, row.event) for row in rows}

    def position(self, service: str) -> int:
        """The last position heard of a service; 0 before the first."""
        heard = self._heard.get(service)
        return heard.position if heard else 0

    def heard(self, service: str) -> Heard | None:
        """Where a service's log has been heard up to; None before the first event."""
        return self._heard.get(service)

    def is_next(self, record: Recorded) -> bool:
        """Whether this event follows directly on the last one heard.

        A new epoch is entered by its `epoch.opened` alone, directly after the last event heard. What comes
        again from an earlier epoch was heard; what lies further on in a later one is a gap like any other.

        Raises:
            LogChanged: the last position came again with another event, a new epoch begins before what was
                heard ends, or an old one goes on after it.
        """
        heard = self._heard.get(record.service)
        if heard is None:
            return record.position == 1
        if _changed(heard, record):
            raise LogChanged(
                f"{record.service} {record.epoch}/{record.position} is {record.id}, and {heard.epoch}/{heard.position} "
                f"was heard as {heard.event}: its journal was replaced; compare with `yoake verify`"
            )
        return record.position == heard.position + 1

    def advance(self, session: Session, record: Recorded) -> None:
        """Note, in the caller's transaction, that this event was heard."""
        values = {"epoch": record.epoch, "position": record.position, "event": record.id}
        if record.service in self._heard:
            session.execute(sa.update(CURSORS).where(CURSORS.c.service == record.service).values(values))
        else:
            session.execute(sa.insert(CURSORS).values(service=record.service, **values))
        self._heard[record.service] = Heard(record.epoch, record.position, record.id)


def _changed(heard: Heard, record: Recorded) -> bool:
    """Whether this event contradicts what was heard of its log."""
    if record.epoch == heard.epoch:
        return record.position == heard.position and record.id != heard.event
    if record.epoch < heard.epoch:
        return record.position > heard.position
    follows = record.position == heard.position + 1
    return record.position <= heard.position or (follows and record.type != EpochOpened.name)
