"""One good message of every type, and what `events/README.md` says of its fields."""

from __future__ import annotations

from itertools import count
from random import Random
from typing import Any

from events.messages import MESSAGES

Message = dict[str, Any]

MARK = "ひみつ太郎"
"""A personal word: it may stand nowhere in clear, whatever the message around it looks like."""

NOW = "2025-05-12T12:00:00+09:00"

_ITEM = {"night": "day", "item": "whole"}
FIELDS: dict[str, dict[str, str]] = {
    "registration.submit": {
        "person": "text",
        "district": "text",
        "handbooks": "list",
        "certificate": "truth",
        "certificate_until": "day",
        "age": "whole",
        "received_on": "day",
        "takes_effect_on": "day",
        "came_by": "text",
        "personal": "personal",
    },
    "registration.correct": {
        "person": "needed",
        "person_id": "text",
        "district": "text",
        "handbooks": "list",
        "certificate": "truth",
        "certificate_until": "day",
        "registered_on": "day",
        "received_on": "day",
        "takes_effect_on": "day",
        "came_by": "text",
    },
    "registration.withdraw": {"person": "needed", "person_id": "text", "reason": "text"},
    "registration.reinstate": {"person": "needed", "person_id": "text"},
    "registration.confirm": {"person": "needed", "person_id": "text", "channel": "text"},
    "consent.give": {"person": "needed", "person_id": "text", "to": "needed", "edition": "text"},
    "consent.withdraw": {"person": "needed", "person_id": "text", "to": "needed"},
    "person.merge": {"person": "needed", "person_id": "text", "into": "needed", "into_id": "text"},
    "person.split": {"person": "needed", "person_id": "text"},
    "call.report": {
        "matters": "list",
        "channel": "text",
        "not_counted": "text",
        "third_party": "truth",
        "beside": "text",
        "beside_number": "text",
        "personal": "personal",
    },
    "call.add": {
        "call": "needed",
        "source": "text",
        "number": "text",
        "matter": "whole",
        "person": "text",
        "district": "text",
        "not_counted": "text",
        "channel": "text",
        "third_party": "truth",
        "reasons": "list",
        "safe_until": "day",
        "medication_at": "day",
        "call_back": "object",
        "danger": "list",
        "abuse_suspected": "truth",
    },
    "call.correct": {
        "call": "needed",
        "source": "text",
        "number": "text",
        "district": "text",
        "not_counted": "text",
        "occurred_at": "day",
        "matter": "whole",
        "channel": "text",
        "third_party": "truth",
        "reasons": "list",
        "safe_until": "day",
        "medication_at": "day",
        "call_back": "object",
        "danger": "list",
        "abuse_suspected": "truth",
        "to": "text",
        "to_number": "text",
    },
    "call.link": {
        "call": "needed",
        "source": "text",
        "number": "text",
        "matter": "whole",
        "person": "text",
        "person_id": "text",
        "matched": "list",
    },
    "call.unlink": {"call": "needed", "source": "text", "number": "text", "matter": "whole"},
    "flag.resolve": {
        "code": "needed",
        "resolution": "needed",
        "call": "text",
        "source": "text",
        "number": "text",
        "person": "text",
        "person_id": "text",
        "matter": "whole",
        "field": "text",
    },
    "case.close": {"case": "text", "number": "text", "reason": "text"},
    "case.merge": {"case": "text", "number": "text", "into": "text", "into_number": "text"},
    "case.split": {"case": "text", "number": "text"},
    "shift.close": {"night": "day", "source": "text", "last": "whole", "calls": "whole", "elsewhere": "list"},
    "placement.arrange": {
        "case": "text",
        "number": "text",
        "placement": "needed",
        "kind": "needed",
        "facility": "text",
        "by": "text",
        "begins_at": "day",
        "ends_at": "day",
    },
    "placement.cancel": {"placement": "needed", "placement_id": "text", "reason": "text"},
    "handover.offer": {
        "case": "text",
        "number": "text",
        "handover": "needed",
        "kind": "needed",
        "to": "needed",
        "basis": "text",
        "answer_by": "day",
    },
    "handover.send": {"handover": "needed", "handover_id": "text", "how": "needed", "pages": "whole"},
    "handover.recall": {
        "handover": "needed",
        "handover_id": "text",
        "how": "text",
        "sending": "whole",
        "reason": "needed",
        "collected": "truth",
    },
    "handover.deliver": {"handover": "needed", "handover_id": "text", "how": "needed"},
    "handover.see": {"handover": "needed", "handover_id": "text", "how": "text"},
    "handover.accept": {"handover": "needed", "handover_id": "text", "how": "text", "purpose": "text"},
    "handover.complete": {
        "case": "text",
        "number": "text",
        "handover": "needed",
        "kind": "needed",
        "to": "needed",
        "basis": "text",
        "how": "text",
        "purpose": "text",
    },
    "handover.decline": {"handover": "needed", "handover_id": "text", "how": "text", "reason": "text"},
    "handover.withdraw": {"handover": "needed", "handover_id": "text", "how": "text", "reason": "text"},
    "handover.return": {"handover": "needed", "handover_id": "text", "how": "text", "reason": "text"},
    "item.acknowledge": _ITEM,
    "item.undo": _ITEM | {"seen": "text"},
    "item.question": _ITEM,
    "item.answer": _ITEM,
    "item.done": _ITEM | {"seen": "text"},
    "exchange.count": {"night": "day", "contacts": "whole"},
    "case.note": {"case": "text", "number": "text", "until": "day"},
    "parked.close": {"parked": "needed", "reason": "needed"},
}
"""The tables of the contract; `needed` is a text that must be there. `personal` is tried where it is listed."""

MATTER_FIELDS = {
    "case": "text",
    "number": "text",
    "person": "text",
    "district": "text",
    "reasons": "list",
    "danger": "list",
    "abuse_suspected": "truth",
    "personal": "personal",
}
LENIENT = ("call.report", "registration.submit")
"""Recorded whatever their fields look like."""

STRICT = tuple(kind for kind in FIELDS if kind not in (*LENIENT, "call.add"))
"""`call.add` is neither: what it says is read like a call, and for which call it is said strictly."""

_serial = count(1)


def service_of(kind: str) -> str:
    """Which service hears a message."""
    return MESSAGES[kind].service


def good(kind: str, random: Random) -> Message:
    """A message that nothing is wrong with; what it speaks of is not known, unless it opens it."""
    n = f"{next(_serial)}-{random.randrange(10**6)}"
    data: Message
    match kind:
        case "registration.submit":
            data = {"person": f"P{n}", "district": "kinuta", "handbooks": [], "certificate": True, "age": 40}
        case "call.report":
            data = {"matters": [{"case": f"C{n}", "district": "kitazawa"}]}
        case "call.correct":
            data = {"call": f"no-{n}", "district": "kinuta"}
        case "flag.resolve":
            data = {"code": "late-entry", "resolution": "confirmed", "call": f"no-{n}"}
        case "case.merge":
            data = {"case": f"C{n}", "into": f"D{n}"}
        case "placement.arrange":
            data = {"case": f"C{n}", "placement": f"B{n}", "kind": "short-stay"}
        case "handover.offer" | "handover.complete":
            data = {"case": f"C{n}", "handover": f"H{n}", "kind": "agency", "to": "架空相談支援事業所"}
            data |= {"basis": "legal-duty", "personal": {"reason": "架空の理由"}}
        case "handover.deliver":
            data = {"handover": f"X{n}", "how": "fax"}
        case "handover.send":
            data = {"handover": f"X{n}", "how": "fax", "pages": 2, "personal": {"by": "甲", "checked_by": "乙"}}
        case "handover.recall":
            data = {"handover": f"X{n}", "reason": "misdialled"}
        case "consent.give" | "consent.withdraw":
            data = {"person": f"P{n}", "to": "架空相談支援事業所"}
        case "parked.close":
            data = {"parked": "intake-999999999", "reason": "架空の理由"}
        case "shift.close":
            data = {"night": "2025-05-11", "last": random.randrange(10**6)}
        case "exchange.count":
            data = {"night": "2025-05-11", "contacts": random.randrange(20)}
        case _ if kind.startswith("item."):
            data = {"night": "2025-05-11", "item": random.randrange(20)}
        case "person.merge":
            data = {"person": f"P{n}", "into": f"Q{n}"}
        case _:
            data = {next(iter(FIELDS[kind])): f"X{n}"}
    return {"specversion": "1.0", "id": n, "source": "/garbage", "type": kind, "time": NOW, "data": data}
