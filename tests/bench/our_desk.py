"""Intake's desk on PostgreSQL, as the service runs it, fed by a loop instead of the bus."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import msgspec
import sqlalchemy as sa

from events.seal import new_key
from services.database import open_engine
from services.desk import Desk
from services.hearing import CURSORS
from services.inbox import Delivery
from services.intake.rules import Rules
from services.journal import Journal
from services.seal import KeyStore, Secrets
from services.tables import HEARD, PARKED, RECEIPTS, WAITING, WRITER_TABLES
from services.ward import Ward
from tests.bench.accepting import Messages, Run, in_turn
from tests.bench.durable_postgresql import Server


class Ours:
    """`Desk.take`: unsealed, decided, sealed with the person's own key, then event, receipt, heard row and names."""

    def __init__(self, server: Server, ward: Ward, group: int) -> None:
        self.name = "Yoake, one to a transaction" if group == 1 else f"Yoake, {group} to a transaction"
        self._group = group
        secrets = Secrets(os.urandom(32), new_key())
        self._messages = Messages(secrets.inbox)
        self._keys = open_engine(_sqlalchemy(server.new_database(f"yoake_keys_{group}")))
        url = _sqlalchemy(server.new_database(f"yoake_intake_{group}"))
        self._journal = Journal(url, "intake", ward.id, tables=[*WRITER_TABLES, CURSORS])
        self._desk = Desk(self._journal, Rules(), secrets, KeyStore(self._keys, secrets))
        self._desk.activate(ward, ward.start_of(ward.ward.registration_opens))
        self._provider = next(provider.id for provider in ward.provider if not provider.until)

    def _accept(self) -> None:
        arrived = datetime.now(UTC)
        self._desk.take(
            [
                Delivery(provider=self._provider, service="intake", body=self._messages.body(), arrived=arrived)
                for _ in range(self._group)
            ]
        )

    def run(self, warm: float, seconds: float) -> Run:
        return in_turn(self._accept, self._group, warm, seconds)

    def stored(self) -> int:
        """Events of calls; each has its receipt and its heard row, and nothing waits or was parked."""
        with self._journal.engine.connect() as connection:

            def rows(table: sa.Table) -> int:
                return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()

            calls = sa.select(sa.func.count()).where(self._journal.log.c.topic == "call.received")
            events = connection.execute(calls).scalar_one()
            letters = connection.execute(sa.select(RECEIPTS.c.body)).scalars()
            receipts = sum(len(msgspec.json.decode(letter, type=list[msgspec.Raw])) for letter in letters)
            assert (receipts, rows(HEARD), rows(WAITING), rows(PARKED)) == (events, events, 0, 0)
        return events

    def close(self) -> None:
        self._journal.close()
        self._keys.dispose()


def _sqlalchemy(uri: str) -> str:
    return sa.make_url(uri).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
