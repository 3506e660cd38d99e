"""Each service's rules, and the tables in its database, for what looks at all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from services.desk import Rules
from services.handover.rules import Rules as HandoverRules
from services.hearing import CURSORS
from services.intake.rules import Rules as IntakeRules
from services.placement.domain import Rules as PlacementRules
from services.reporting.ledger import LEDGER_TABLES
from services.tables import WRITER_TABLES

RULES: dict[str, Rules[Any]] = {"intake": IntakeRules(), "placement": PlacementRules(), "handover": HandoverRules()}
"""The services that take messages."""


def tables_of(service: str) -> Sequence[sa.Table]:
    """The tables beside a service's event log."""
    return LEDGER_TABLES if service not in RULES else (*WRITER_TABLES, CURSORS, *RULES[service].tables)
