"""What a record says, field by field, as a correction names them: of a form, or of one matter of a call. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from events import Event
from events.intake import CallReceived, PersonRegistered

View = dict[str, Any]
"""Plain values by their names in a correction; what is personal as `personal.<name>`; `time` is in UTC."""

OF_A_FORM = (
    *("registered_on", "district", "handbooks", "certificate", "certificate_until"),
    *("received_on", "takes_effect_on", "came_by", "entered"),
)
OF_A_CALL = ("district", "not_counted", "channel", "reasons", "entered")
ON_A_CARD = ("third_party", "safe_until", "medication_at", "call_back", "abuse_suspected", "danger")
PERSONAL = "personal."


def view_of(event: PersonRegistered | CallReceived, at: datetime, personal: Mapping[str, Any] | None) -> View:
    """What a form or a call said as it was taken."""
    plain = _plain(event)
    if isinstance(event, PersonRegistered):
        view = {name: plain.get(name) for name in OF_A_FORM}
    else:
        card = plain.get("card") or {}
        view = {name: plain.get(name) for name in OF_A_CALL} | {name: card.get(name) for name in ON_A_CARD}
        view["case_ref"] = plain.get("case_ref")
        view["time"] = at.astimezone(UTC).isoformat()
    return _settled(view) | _own(personal or {})


def changed(event: Event, personal: Mapping[str, Any]) -> View:
    """What a correction or an addition has changed; empty for any other event."""
    changes = getattr(event, "changes", None)
    if changes is None:
        return {}
    told = {change.field: _plain(change.after) for change in changes}
    if "time" in told:
        told["time"] = datetime.fromisoformat(str(told["time"])).astimezone(UTC).isoformat()
    return _settled(told) | _own(personal)


def _plain(value: Any) -> Any:
    """As it is read again from the log: lists, and moments as texts."""
    return msgspec.json.decode(msgspec.json.encode(value))


def _own(personal: Mapping[str, Any]) -> View:
    return {f"{PERSONAL}{name}": value for name, value in personal.items()}


def _settled(view: View) -> View:
    """Moments alike, whatever offset they were written with; an empty list of entries is none."""
    for name in ("entered", "safe_until", "medication_at"):
        if view.get(name):
            view[name] = datetime.fromisoformat(str(view[name])).astimezone(UTC).isoformat()
    if view.get("danger") == []:
        view["danger"] = None
    return view
