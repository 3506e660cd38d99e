"""The tables in each service's database, for what looks at all of them."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from services.handover.tables import TABLES as HANDOVER_TABLES
from services.hearing import CURSORS
from services.reporting.ledger import LEDGER_TABLES
from services.tables import WRITER_TABLES

OWN: dict[str, Sequence[sa.Table]] = {"intake": (), "placement": (), "handover": HANDOVER_TABLES}
"""What each service that takes messages keeps for its own rules."""


def tables_of(service: str) -> Sequence[sa.Table]:
    """The tables beside a service's event log."""
    return LEDGER_TABLES if service not in OWN else (*WRITER_TABLES, CURSORS, *OWN[service])
