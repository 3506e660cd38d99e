"""Messages in the order in which their adapters send them, numbered as they are sent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from services.ward import Ward


class Sent(NamedTuple):
    """A CloudEvent and the provider that sends it."""

    provider: str
    message: dict[str, Any]


@dataclass(frozen=True, eq=False, kw_only=True)
class Draft:
    """A message without its id, which follows from the order. `call`: the earlier message that this one corrects."""

    provider: str
    type: str
    time: datetime
    entered: datetime
    data: dict[str, Any]
    call: Draft | None = None


def post(drafts: Iterable[Draft], ward: Ward, seed: int) -> list[Sent]:
    """The drafts as CloudEvents, by the time they were entered."""
    ordered = sorted(drafts, key=lambda draft: draft.entered)
    ids = {draft: f"{number:04}" for number, draft in enumerate(ordered, start=1)}
    source = f"/history/{ward.id}/{seed}"
    return [Sent(draft.provider, _message(draft, ids, source)) for draft in ordered]


def _message(draft: Draft, ids: dict[Draft, str], source: str) -> dict[str, Any]:
    data = draft.data if draft.call is None else {"call": ids[draft.call], **draft.data}
    return {
        "specversion": "1.0",
        "id": ids[draft],
        "source": source,
        "type": draft.type,
        "time": draft.time.isoformat(),
        "entered": draft.entered.isoformat(),
        "synthetic": True,
        "datacontenttype": "application/json",
        "data": data,
    }
