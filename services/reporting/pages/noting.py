"""What a form about tonight's notes has on a case's page: the note that stands in its history. Pure."""

from __future__ import annotations

from typing import NamedTuple

from events.morning import NOTED_PARTS, CaseNoted
from services.reporting.inquiry import History


class Noting(NamedTuple):
    """The words of the form, as they stand; `seen`: which note that is; `stands`: there is one."""

    values: dict[str, str]
    until: str
    seen: str
    stands: bool


def noting(history: History) -> Noting | None:
    """The form of a consultation; None: the history is of something else."""
    if history.kind != "case" or history.number is None:
        return None
    notes = [step for step in history.steps if step.event == CaseNoted.name]
    if not notes:
        return Noting({}, "", "", stands=False)
    last = max(notes, key=lambda step: (step.occurred_at, step.service_position))
    told = last.data.get("personal")
    texts = told if isinstance(told, dict) else {}
    values = {part: text for part in NOTED_PARTS if isinstance(text := texts.get(part), str)}
    return Noting(values, last.data.get("until") or "", f"{last.event}/{last.id}", stands=True)
