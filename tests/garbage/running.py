"""Sends garbage to the real desks, mixed with good messages, and says what did not become of it as it must.

`python -m tests.garbage` runs it at any length; the suite runs some of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random

import msgspec

from events.messages import Receipt
from services.inbox import delivered
from services.tables import PARKED, RECEIPTS
from tests.desk_examples import RULES, Centre, at
from tests.garbage.kinds import ACCEPTED, KINDS, Expect, Garbage
from tests.garbage.messages import MARK, good

GROUP = 64
GOOD_ONES = 0.2
"""How much of everything is good."""


class Failure(msgspec.Struct, frozen=True):
    """One message that was not answered as it must be: what was sent, what came, and what was expected."""

    kind: str
    what: str
    garbage: Garbage
    receipts: tuple[Receipt, ...]

    def __str__(self) -> str:
        sent = self.garbage.body[:600].decode(errors="backslashreplace")
        more = f" … ({len(self.garbage.body)} bytes)" if len(self.garbage.body) > 600 else ""
        answers = [f"{r.status} {r.field or ''} {r.reason or ''} {[f['code'] for f in r.flags]}" for r in self.receipts]
        wanted = [f"{'/'.join(e.status)} {e.field or ''} {e.flag or ''}".strip() for e in self.garbage.expects]
        to = f"{self.garbage.provider} → {self.garbage.service}"
        return f"{self.kind}: {self.what}\n  sent     {to}: {sent}{more}\n  wanted   {wanted}\n  answered {answers}"


class Outcome(msgspec.Struct):
    """What a run saw: how many of each kind and status, and what went wrong."""

    counts: Counter[tuple[str, str]] = msgspec.field(default_factory=Counter)
    good: int = 0
    failures: list[Failure] = []

    def table(self) -> str:
        """The summary, by kind, in Markdown."""
        statuses = ("accepted", "waiting", "parked", "conflict", "known")
        rows = [f"| kind | {' | '.join(statuses)} |", "|---" * (len(statuses) + 1) + "|"]
        for kind in ("good", *KINDS):
            seen = [self.counts[kind, status] for status in statuses]
            rows.append(f"| {kind.replace('_', ' ')} | {' | '.join(f'{n:,}' if n else '' for n in seen)} |")
        return "\n".join(rows)


def send(centre: Centre, count: int, seed: int, progress: Callable[[int], None] = lambda _: None) -> Outcome:
    """Send this many deliveries, in groups as the bus gives them, each group to each service in one transaction."""
    random, outcome = Random(seed), Outcome()
    centre.clock.now = at("2025-05-12 12:00")
    centre.pump()  # Every service knows the ward.
    for start in range(0, count, GROUP):
        group = [_one(random) for _ in range(min(GROUP, count - start))]
        for service in RULES:
            mine = [(kind, garbage) for kind, garbage in group if garbage.service == service]
            if mine:
                _take(centre, service, mine, outcome)
        progress(start + len(group))
    return outcome


def _one(random: Random) -> tuple[str, Garbage]:
    if random.random() < GOOD_ONES:
        body = msgspec.json.encode(good(random.choice(["call.report", "registration.submit"]), random))
        return "good", Garbage(body=body, expects=(ACCEPTED,))
    kind = random.choice(list(KINDS))
    return kind, KINDS[kind](random)


def _take(centre: Centre, service: str, group: list[tuple[str, Garbage]], outcome: Outcome) -> None:
    desk = centre.desk(service)
    deliveries = [
        delivered(f"inbox.w.{g.provider}.{service}.x", g.body, centre.clock(), named=str(n))
        for n, (_, g) in enumerate(group)
    ]
    desk.take(deliveries)
    answers: dict[str, list[Receipt]] = {str(n): [] for n in range(len(group))}
    for receipt in centre.receipts(service):
        answers[str(receipt.delivery)].append(receipt)
    _forget_receipts(centre, service)
    for n, (kind, garbage) in enumerate(group):
        receipts = tuple(answers[str(n)])
        outcome.counts.update((kind, receipt.status) for receipt in receipts)
        outcome.good += kind == "good"
        outcome.failures += [Failure(kind, what, garbage, receipts) for what in wrong(garbage, receipts)]


def _forget_receipts(centre: Centre, service: str) -> None:
    """As the relay does once they are published."""
    with centre.engine(service).begin() as connection:
        connection.execute(RECEIPTS.delete())


def wrong(garbage: Garbage, receipts: tuple[Receipt, ...]) -> list[str]:
    """What is wrong with these answers; empty where each says what it must."""
    if len(receipts) != len(garbage.expects):
        return [f"{len(receipts)} receipts for {len(garbage.expects)} messages"]
    found = [
        fault for expect, receipt in zip(garbage.expects, receipts, strict=True) for fault in _wrong(expect, receipt)
    ]
    if any(MARK in msgspec.json.encode(receipt).decode() for receipt in receipts):
        found.append("the receipt echoes a personal word")
    return found


def _wrong(expect: Expect, receipt: Receipt) -> list[str]:
    found = []
    if receipt.status not in expect.status:
        found.append(f"{receipt.status}, not {' or '.join(expect.status)}")
    if expect.field and not (receipt.field or "").startswith(expect.field):
        found.append(f"blames {receipt.field}, not {expect.field}")
    if expect.flag and expect.flag not in {flag["code"] for flag in receipt.flags}:
        found.append(f"lacks the flag {expect.flag}")
    if receipt.status in ("parked", "conflict") and not (
        receipt.reason and (receipt.field or "-") in receipt.reason.split(":")[0]
    ):
        found.append(f"the reason does not name the field: {receipt.reason}")
    if receipt.reason and "cannot process" in receipt.reason:
        found.append("a fault of ours")
    return found


def parked_rows(centre: Centre) -> int:
    """How many things wait for a person."""
    return sum(len(centre.rows(PARKED, service)) for service in RULES)
