"""The hand-overs of a case as they stand, and how an event moves them. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, assert_never

import msgspec

from events.handover import (
    HandedOver,
    HandoverDeclined,
    HandoverEvent,
    HandoverOffered,
    HandoverReturned,
    HandoverWithdrawn,
)
from services.book import Book

Status = Literal["offered", "accepted", "declined", "withdrawn", "returned"]


class Handover(msgspec.Struct, frozen=True, kw_only=True):
    """One hand-over as it stands."""

    kind: str
    to: str
    agency: str | None = None
    giver: str
    status: Status
    since: datetime
    ref: str | None = None


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """The hand-overs of one consultation, by id."""

    handovers: dict[str, Handover] = {}


HandoverBook = Book[Case]


def after(state: Case | None, fact: HandoverEvent, at: datetime) -> Case:
    """The hand-overs of a case after an event."""
    handovers = dict(state.handovers) if state else {}
    match fact:
        case HandoverOffered():
            handovers[fact.handover] = _opened(fact, "offered", at)
        case HandedOver():
            handovers[fact.handover] = _opened(fact, "accepted", at)
        case HandoverDeclined():
            handovers[fact.handover] = _now(handovers[fact.handover], "declined", at)
        case HandoverWithdrawn():
            handovers[fact.handover] = _now(handovers[fact.handover], "withdrawn", at)
        case HandoverReturned():
            handovers[fact.handover] = _now(handovers[fact.handover], "returned", at)
        case _:
            assert_never(fact)
    return Case(handovers=handovers)


def _opened(fact: HandoverOffered | HandedOver, status: Status, at: datetime) -> Handover:
    giver = fact.giver if isinstance(fact, HandedOver) else fact.provider
    return Handover(kind=fact.kind, to=fact.to, agency=fact.agency, giver=giver, status=status, since=at, ref=fact.ref)


def _now(handover: Handover, status: Status, at: datetime) -> Handover:
    return msgspec.structs.replace(handover, status=status, since=at)
