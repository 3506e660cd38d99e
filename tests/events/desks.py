"""Three services in one process, without a bus: messages in, receipts and events out, the same each time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from events import Recorded
from events.adapter import sealed
from events.messages import MESSAGES, Receipt
from services.bus import HEARS, WRITERS
from services.database import open_engine
from services.desk import Desk
from services.handover import domain as handover
from services.hearing import CURSORS
from services.inbox import Delivery
from services.intake import domain as intake
from services.journal import Journal
from services.placement import domain as placement
from services.seal import KeyStore, Secrets
from services.tables import RECEIPTS, WRITER_TABLES
from services.ward import Ward

RULES: dict[str, Any] = {"intake": intake.Rules(), "placement": placement.Rules(), "handover": handover.Rules()}


class Desks:
    """Intake, placement and handover over SQLite; ids and the clock count up, so that two runs are alike."""

    def __init__(self, directory: Path, ward: Ward) -> None:
        self.secrets = Secrets.at(directory / "keys")
        self._now = datetime(2025, 3, 1, tzinfo=UTC)
        ids = count(1)
        keys = KeyStore(open_engine(f"sqlite:///{directory}/keys.db"), self.secrets)
        self._desks = {
            service: Desk(
                Journal(
                    f"sqlite:///{directory}/{service}.db",
                    service,
                    ward.id,
                    tables=[*WRITER_TABLES, CURSORS],
                    clock=self._clock,
                    new_id=lambda: str(UUID(int=next(ids))),
                ),
                RULES[service],
                self.secrets,
                keys,
            )
            for service in WRITERS
        }
        self._desks["intake"].activate(ward, ward.start_of(ward.ward.registration_opens))
        self._hear()

    def _clock(self) -> datetime:
        self._now += timedelta(seconds=1)
        return self._now

    def send(self, messages: Sequence[dict[str, Any]], provider: str = "contractor") -> list[Receipt]:
        """The receipts of messages, sealed and sent one by one as `yoake feed` does."""
        for message in messages:
            service = MESSAGES[message["type"]].service
            body = msgspec.json.encode(sealed(message, self.secrets.inbox))
            self._desks[service].take(
                [Delivery(provider=provider, service=service, body=body, arrived=self._clock(), delivery=message["id"])]
            )
            self._hear()
        return list(self.receipts())

    def records(self) -> list[Recorded]:
        """Every event of the three journals."""
        return [record for desk in self._desks.values() for record in desk.journal.records()]

    def receipts(self) -> Iterator[Receipt]:
        """Every receipt that was given, service by service."""
        for desk in self._desks.values():
            with desk.journal.engine.connect() as connection:
                for row in connection.execute(sa.select(RECEIPTS).order_by(RECEIPTS.c.n)):
                    yield msgspec.json.decode(bytes(row.body), type=Receipt)

    def close(self) -> None:
        """Let go of the databases."""
        for desk in self._desks.values():
            desk.journal.close()

    def _hear(self) -> None:
        for service, sources in HEARS.items():
            for source in sources if service in self._desks else ():
                desk = self._desks[service]
                desk.hear(list(self._desks[source].journal.records(desk.cursors.position(source))))
