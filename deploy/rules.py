"""Each service's rules, for what goes through all of them."""

from __future__ import annotations

from typing import Any

from services.desk import Rules
from services.handover.rules import Rules as HandoverRules
from services.intake.rules import Rules as IntakeRules
from services.placement.domain import Rules as PlacementRules

RULES: dict[str, Rules[Any]] = {"intake": IntakeRules(), "placement": PlacementRules(), "handover": HandoverRules()}
"""The services that take messages."""
