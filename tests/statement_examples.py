"""The nouns of the tests of the morning's page and its prints: the night of Friday 14 November 2025, as it is said.

Everything goes the way of real messages: calls through intake, what is said of items through handover; time passes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from events import event_of
from events.morning import Item, StatementIssued
from tests.desk_examples import Centre, Message, call, contact, message
from tests.morning_examples import evening, item

NIGHT_OF = date(2025, 11, 14)
WORKER = "架空 次郎"


def on(time: str) -> str:
    """A time of that night: after midnight, and in the morning, that of the next day."""
    return f"2025-11-15 {time}" if time < "12:00" else f"2025-11-14 {time}"


@contextmanager
def night_in(directory: Path) -> Iterator[Centre]:
    """A centre on SQLite at noon before the night."""
    with evening(f"sqlite:///{directory}/{{service}}.db", "2025-11-14 12:00") as centre:
        yield centre


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


def say(centre: Centre, provider: str, *said: Message) -> None:
    """Say these, one after the other; everybody hears them, and what is due by then falls due."""
    for one in said:
        centre.say(provider, one)
        centre.tick()


def handed_over(centre: Centre, *calls: Message, shut: bool = True) -> None:
    """A night with these calls, numbered from 41 on and closed with the last number, and its statement; it is 8:35."""
    numbered = [call | {"sequence": n} for n, call in enumerate(calls, start=41)]
    say(centre, "night", *numbered)
    if shut:
        say(centre, "night", close(40 + len(calls)))
    centre.tick(on("08:35"))


def close(last: int, time: str = "08:20") -> Message:
    """The night provider closes its night with this number."""
    return message("shift.close", on(time), night=NIGHT_OF.isoformat(), last=last) | {"synthetic": True}


def late(centre: Centre, time: str, *calls: Message) -> None:
    """These calls of the night come at this time, after the statement, and are on a supplement a minute later."""
    centre.tick(on(time))
    for one in calls:
        centre.say("night", one)
    centre.tick()
    hour, minute = time.split(":")
    centre.tick(on(f"{hour}:{int(minute) + 1:02}"))


def of_item(verb: str, n: int, time: str, **personal: Any) -> Message:
    """Something said of an item: acknowledge, undo, question, answer or done."""
    told_of = {"worker": WORKER} | personal
    return item(verb, n, on(time), night=NIGHT_OF.isoformat(), **told_of) | {"synthetic": True}


def count(contacts: int, time: str) -> Message:
    """How many calls the telephone exchange counted."""
    return message("exchange.count", on(time), night=NIGHT_OF.isoformat(), contacts=contacts) | {"synthetic": True}


def items(centre: Centre) -> list[Item]:
    """Every item that was stated, in its order."""
    found = [event_of(record) for record in centre.records("handover") if record.type == StatementIssued.name]
    return [item for event in found if isinstance(event, StatementIssued) for item in event.items]
