"""What is known of a message that was sent before: its receipt, from the tables of the service that took it."""

from __future__ import annotations

from datetime import datetime

import msgspec
import sqlalchemy as sa

from events.messages import Receipt
from services.database import DatabaseError, open_engine
from services.settings import Settings
from services.subjects import WRITERS
from services.tables import HEARD, PARKED


class Recall:
    """Reads the services' databases, and never writes; call it in a thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._engines: dict[str, sa.Engine] = {}

    def receipts(self, provider: str, source: str, own_id: str) -> list[Receipt]:
        """The receipt of a message, and one for each content of it that is parked or in conflict; none: not known.

        Raises:
            services.database.DatabaseError, sqlalchemy.exc.SQLAlchemyError: a database cannot be read, and no other
                knows the message.
        """
        found: list[Receipt] = []
        failed: Exception | None = None
        for service in WRITERS:
            try:
                found += self._of(service, (provider, source, own_id))
            except (DatabaseError, sa.exc.SQLAlchemyError) as error:
                failed = error
        if failed and not found:
            raise failed
        return found

    def _of(self, service: str, key: tuple[str, str, str]) -> list[Receipt]:
        if service not in self._engines:
            self._engines[service] = open_engine(self._settings.database_of(service))
        with self._engines[service].connect() as connection:
            heard = connection.execute(sa.select(HEARD.c.receipt).where(_is(HEARD, key))).scalars()
            found = [msgspec.json.decode(bytes(text), type=Receipt) for text in heard]
            rows = connection.execute(sa.select(PARKED).where(_is(PARKED, key), PARKED.c.closed.is_(None)))
            return found + [_parked(service, row) for row in rows]

    def close(self) -> None:
        """Let go of the databases."""
        for engine in self._engines.values():
            engine.dispose()


def _parked(service: str, row: sa.Row[tuple[object, ...]]) -> Receipt:
    return Receipt(
        provider=row.provider,
        source=row.source,
        id=row.id,
        status=row.kind,
        service=service,
        at=datetime.fromisoformat(row.arrived),
        reason=row.reason,
        field=row.field,
    )


def _is(table: sa.Table, key: tuple[str, str, str]) -> sa.ColumnElement[bool]:
    provider, source, own_id = key
    return sa.and_(table.c.provider == provider, table.c.source == source, table.c.id == own_id)
