"""The tables that handover keeps beside its event log."""

from __future__ import annotations

from services.handover import register
from services.passings import HANDOVERS

TABLES = (*register.TABLES, HANDOVERS)
