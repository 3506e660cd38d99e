"""The nouns of the tests of the morning: a night with calls, its statement, and what became of its items.

Calls go through intake as providers say them. What handover records is written into its journal as it would be.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from events import Event
from events.intake import CallReceived
from events.morning import Difference, Hops, Item, StatementIssued
from services.journal import Draft
from tests.desk_examples import Centre, Message, at, call, contact

NIGHT_OF = date(2025, 11, 14)
ENDED = at("2025-11-15 08:30")


def on(time: str) -> str:
    """A time of the night of 14 November 2025: after midnight that of the next day."""
    day = "2025-11-15" if time < "12:00" else "2025-11-14"
    return f"{day} {time}"


def told(case: str, time: str, *, words: str = "", **matter: Any) -> Message:
    """A night call about somebody made up, with everything personal that a card has."""
    personal = {
        "name": "架空 太郎",
        "kana": "カクウ タロウ",
        "where": "自宅",
        "with_whom": "隣人が付添い",
        "done": "電話で様子を聞き取り、隣人に付添いを頼んだ。",
        "for_the_morning": "短期入所の空きを探す。",
        "call_back_phone": "090-0000-1234",
    } | matter.pop("personal", {})
    data: Message = call(case, on(time), **matter, personal=personal)
    data["data"]["personal"] = {
        "words": words or "母が救急車で運ばれ、本人が一人になった。",
        "caller": {"name": "架空 花子", "relation": "隣人", "phone": "03-0000-0000"},
    }
    return data | {"synthetic": True}


def silent(time: str) -> Message:
    """A call at which nobody spoke."""
    return contact(on=on(time), not_counted="silent") | {"synthetic": True}


def items_of(centre: Centre, *, first: int = 1, known: Sequence[Item] = (), late: bool = False) -> tuple[Item, ...]:
    """The items of what intake recorded and no edition names yet, in the order of their times."""
    stated = {(item.contact, item.matter) for item in known}
    records = [record for record in centre.records() if record.type == CallReceived.name]
    calls = [(record, event) for record, event in zip(records, _called(centre), strict=True)]
    new = sorted(
        (each for each in calls if (each[1].contact, each[1].matter) not in stated), key=lambda each: each[0].time
    )
    return tuple(
        Item(
            n=first + n,
            contact=event.contact,
            matter=event.matter,
            case=event.case,
            number=event.number,
            provider=event.provider,
            at=record.time,
            not_counted=event.not_counted,
            wait_until=event.card.safe_until if event.card else None,
            late=late,
        )
        for n, (record, event) in enumerate(new)
    )


def _called(centre: Centre) -> list[CallReceived]:
    return [event for event in centre.events() if isinstance(event, CallReceived)]


def issue(
    centre: Centre,
    items: Sequence[Item] = (),
    *,
    edition: int = 0,
    verdict: str = "agree",
    differences: Sequence[Difference] = (),
    due: datetime = ENDED,
    night: date = NIGHT_OF,
    known: Sequence[Item] = (),
    **hops: int | None,
) -> StatementIssued:
    """A statement, or a supplement, a second after it was due."""
    n = len(items)
    counts: dict[str, Any] = {"sent": n, "received": n, "recorded": n, "held": n, "stated": n, "items": n} | hops
    by = due + timedelta(minutes=30)
    statement = StatementIssued(
        night=night,
        edition=edition,
        began_at=ENDED - timedelta(hours=15, minutes=30),
        ended_at=ENDED,
        due_at=due,
        items=tuple(items),
        new=sum(item.not_counted is None and not item.further for item in (*known, *items)),
        hops=Hops(**counts),
        differences=tuple(differences),
        verdict=verdict,
        acknowledge_by=by,
        givers=("night",),
        receiver="day",
    )
    record(centre, statement, due + timedelta(seconds=1))
    return statement


def record(centre: Centre, event: Event, moment: datetime, personal: dict[str, Any] | None = None) -> None:
    """Let handover's journal hold an event; time has passed until then."""
    desk = centre.desk("handover")
    centre.clock.now = max(centre.clock.now, moment)
    subject = getattr(event, "case", None) or getattr(event, "contact", None) or event.about
    desk.keys.ensure([subject])
    draft = Draft(
        event=event,
        occurred_at=moment,
        causation="test",
        synthetic=True,
        personal=personal,
        subject=subject,
    )
    with desk.journal.transaction() as session:
        desk.journal.append(session, [draft], desk.keys.seal)


def about(item: Item, **more: Any) -> dict[str, Any]:
    """What every event about an item says of it."""
    return {
        "night": NIGHT_OF,
        "item": item.n,
        "contact": item.contact,
        "matter": item.matter,
        "case": item.case,
        "provider": "day",
    } | more
