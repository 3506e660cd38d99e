"""How far the other services' logs have been heard: every position once, in order, without a gap."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
import sqlalchemy as sa

from events import ContractError, Recorded, decode, event_of
from events.epoch import EpochOpened
from services.database import found, insert_rows
from services.subjects import event_subject

if TYPE_CHECKING:
    from nats.aio.msg import Msg

log = logging.getLogger("yoake.hearing")

CURSORS = sa.Table(
    "cursors",
    sa.MetaData(),
    sa.Column("service", sa.String(20), primary_key=True),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column("event", sa.String(36), nullable=False),
)
"""How far each other service's log has been heard: everything up to `position`, without a gap."""

_CURSORS = sa.select(CURSORS)

_LONGEST_ID, _LONGEST_ABOUT = 36, 40
"""Characters of an event's id, a UUID; and of what it is about: of `shifts-` and the longest name of a provider 39."""


def of_ours(subject: str, text: bytes, ward: str, sources: Sequence[str]) -> Recorded:
    """Read what came on EVENTS; it must be an event of one of these services, on its own subject.

    Raises:
        ContractError: it is none; names the field. The relay publishes no such thing, so it can be left alone:
            EVENTS keeps it, and no journal holds it.
    """
    record = decode(text)
    if record.ward != ward or record.service not in sources:
        raise ContractError(
            f"service: {record.ward}/{record.service} is not heard here; accepted: {', '.join(sources)}"
        )
    if subject != event_subject(ward, record.service, record.type, record.case):
        raise ContractError("subject: not the one on which this event is published")
    if not (record.epoch > 0 and 0 < record.position < 2**63):
        raise ContractError("position: not counted from 1 within an epoch")
    if len(record.id) > _LONGEST_ID:
        raise ContractError(f"id: longer than {_LONGEST_ID} characters")
    if max(len(record.subject), len(record.correlation)) > _LONGEST_ABOUT:
        raise ContractError(f"subject: longer than {_LONGEST_ABOUT} characters")
    event_of(record)
    return record


class LogChanged(RuntimeError):
    """Another service's log is not the one heard before; a person must look, nothing goes on."""


class Heard(msgspec.Struct, frozen=True):
    """Where one log has been heard up to."""

    epoch: int
    position: int
    event: str


def sifted(messages: Sequence[Msg], ward: str, sources: Sequence[str]) -> tuple[list[tuple[Msg, Recorded]], list[Msg]]:
    """What came on EVENTS, parted into events of these services and what is none, which is said in the log."""
    ours, strange = [], []
    for message in messages:
        try:
            ours.append((message, of_ours(message.subject, message.data, ward, sources)))
        except ContractError as error:
            strange.append(message)
            place = message.metadata.sequence.stream
            log.error("EVENTS %s is left alone, and stays there: %s", place, str(error)[:300])
    return ours, strange


class Cursors:
    """The cursor of each other service, kept in the transaction of what its events led to."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._heard: dict[str, Heard] = {}
        self._moved: set[str] = set()
        self._before: dict[str, Heard | None] = {}
        self.reload()

    def reload(self) -> None:
        """Back to what is on disk: whether a transaction that failed was committed is known there alone."""
        with self._engine.connect() as connection:
            rows = found(connection, _CURSORS)
        self._heard = {row.service: Heard(row.epoch, row.position, row.event) for row in rows}
        self.settle()

    def settle(self) -> None:
        """What was heard since is on disk."""
        self._moved.clear()
        self._before.clear()

    def undo(self) -> None:
        """A transaction failed: nothing of it was heard, also where the disk cannot be asked now."""
        for service, heard in self._before.items():
            if heard is None:
                del self._heard[service]
            else:
                self._heard[service] = heard
        self.settle()

    def position(self, service: str) -> int:
        """The last position heard of a service; 0 before the first."""
        heard = self._heard.get(service)
        return heard.position if heard else 0

    def heard(self, service: str) -> Heard | None:
        """Where a service's log has been heard up to; None before the first event."""
        return self._heard.get(service)

    def positions(self) -> dict[str, int]:
        """The last position heard of each service heard of."""
        return {service: heard.position for service, heard in self._heard.items()}

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

    def advance(self, record: Recorded) -> None:
        """This event is being heard; `write` notes it in the transaction of its effect."""
        self._before.setdefault(record.service, self._heard.get(record.service))
        self._heard[record.service] = Heard(record.epoch, record.position, record.id)
        self._moved.add(record.service)

    def write(self, connection: sa.Connection) -> None:
        """Note, in the caller's transaction, how far each log was heard."""
        rows = [(service, *msgspec.structs.astuple(self._heard[service])) for service in sorted(self._moved)]
        insert_rows(connection, CURSORS, rows, taken="replaces")
        self._moved.clear()


def _changed(heard: Heard, record: Recorded) -> bool:
    """Whether this event contradicts what was heard of its log."""
    if record.epoch == heard.epoch:
        return record.position == heard.position and record.id != heard.event
    if record.epoch < heard.epoch:
        return record.position > heard.position
    follows = record.position == heard.position + 1
    return record.position <= heard.position or (follows and record.type != EpochOpened.name)
