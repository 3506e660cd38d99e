"""What the HTTP door answers: the receipts, or a problem as RFC 9457 describes it, in Japanese and English.

The status says who has the message now: 200 or 201 we have it and here is its receipt, 202 it is
safe in the queue, anything else the sender still has it. What became of it, the receipt says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from starlette.responses import Response

from events.messages import Receipt
from services.intake.door import Outcome, Queued, Unread

SOON, LATER = "5", "15"
"""Seconds after which to ask again, or to send again."""

PROBLEM_TYPE = "application/problem+json"

PROBLEMS: dict[str, tuple[int, str]] = {
    "unreadable": (400, "読み取れません。直して送り直してください。 / It cannot be read. Mend it and send it again."),
    "no-credentials": (401, "認証情報がありません。 / The credentials are missing."),
    "unknown-token": (401, "認証情報が有効ではありません。 / These credentials are not valid."),
    "not-found": (404, "該当する記録はありません。 / There is no such record."),
    "wrong-method": (405, "この方法では受け付けていません。 / This method is not accepted here."),
    "too-large": (413, "大きすぎます。分けて送り直してください。 / It is too large. Send it in parts."),
    "wrong-type": (415, "この形式は受け付けていません。 / This content type is not accepted."),
    "not-stored": (
        503,
        "いま受け取れません。手元に残し、あとで送り直してください。 / Not taken now. Keep it and send it again.",
    ),
    "not-looked-up": (503, "いま調べられません。 / It cannot be looked up now."),
}
"""Every problem by its code: its status and its title."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of messages: the receipts there are, and which messages are queued and have none yet."""

    receipts: list[Receipt]
    queued: list[Queued] = []


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A problem (RFC 9457). `field` is at fault, `accepted` is what would do.

    `unread` names each message that cannot be read. Where others beside it were taken, their
    `receipts` are here, and those without one yet are `queued`.
    """

    type: str
    title: str
    status: int
    detail: str
    field: str | None = None
    accepted: str | None = None
    unread: list[Unread] = []
    receipts: list[Receipt] = []
    queued: list[Queued] = []


def answered(outcome: Outcome) -> Response:
    """The answer to what was submitted."""
    match outcome.state:
        case "unavailable":
            return problem("not-stored", "NATS is not there, or INBOX is full", headers={"Retry-After": LATER})
        case "unreadable":
            return _unread(outcome)
        case "queued" | "receipts" if outcome.unread:
            return _unread(outcome)
        case "queued":
            answer = Answer(receipts=outcome.receipts, queued=outcome.queued)
            return told(answer, status=202, headers={"Retry-After": SOON})
        case "receipts":
            is_known = all(receipt.status == "known" for receipt in outcome.receipts)
            return told(Answer(receipts=outcome.receipts), status=200 if is_known else 201)


def told(answer: Answer, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Receipts, as JSON."""
    return _response(answer, status, "application/json", headers or {})


def problem(
    code: str,
    detail: str,
    *,
    field: str | None = None,
    accepted: str | None = None,
    outcome: Outcome | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """One of PROBLEMS. `detail` must hold nothing of the request but names that we gave ourselves."""
    status, title = PROBLEMS[code]
    content = Problem(
        type=f"urn:yoake:problem:{code}",
        title=title,
        status=status,
        detail=detail,
        field=field,
        accepted=accepted,
        unread=outcome.unread if outcome else [],
        receipts=outcome.receipts if outcome else [],
        queued=outcome.queued if outcome else [],
    )
    return _response(content, status, PROBLEM_TYPE, headers or {})


def _unread(outcome: Outcome) -> Response:
    first = outcome.unread[0]
    code = "too-large" if all(one.is_too_large for one in outcome.unread) else "unreadable"
    detail = f"message {first.n}: {first.field}: {first.fault}"
    if outcome.state != "unreadable":
        detail += "; the others were taken"
    return problem(code, detail, field=first.field, accepted=first.accepted, outcome=outcome)


def _response(content: Answer | Problem, status: int, kind: str, headers: Mapping[str, str]) -> Response:
    given = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", **headers}
    return Response(msgspec.json.encode(content), status, given, kind)


def unread(fields: Sequence[Unread]) -> Response:
    """The answer where nothing was submitted, since it cannot be read."""
    return _unread(Outcome(state="unreadable", unread=list(fields)))
