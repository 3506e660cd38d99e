"""What is said around a night's end: closings, counts, notes, what cannot wait, and what becomes of each item.

Nobody who writes this down has seen the statement: an item that is not on it is parked, and what is said too early
waits.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from events.messages import MESSAGES
from tests.simulation.provider import PERSONAL, Letter

if TYPE_CHECKING:
    from tests.simulation.script import Script

SETTLED = "settled"
"""An item may be on the statement or not; but nothing may wait for a statement that was issued."""

WORKER = {"worker": PERSONAL}


def write(script: Script) -> None:
    """Everything of one morning."""
    _note(script)
    _count(script)
    _close(script)
    _take_over(script)


def number(script: Script) -> None:
    """Whoever is to prove its feed numbers what it sends to intake, in the order in which it writes it down."""
    for provider in script.providers:
        has_numbers, last = script.random.random() < 0.7, 0
        for saying in script.said:
            letter = saying.letter
            if saying.provider != provider or not letter.fields or MESSAGES[letter.type].service != "intake":
                continue
            if letter.type == "shift.close":
                told = max(0, last + letter.fields["data"].pop("wrong"))
                letter.fields["data"]["last"] = told if has_numbers else None
            elif has_numbers:
                last += 1
                letter.fields["sequence"] = last
            letter.body = msgspec.json.encode(letter.fields)


def cannot_wait(script: Script, provider: str, at: datetime, matter: dict[str, Any]) -> datetime | None:
    """Now and then somebody needs something before the morning; until when it can wait."""
    random = script.random
    if random.random() > 0.15:
        return None
    by = at + timedelta(minutes=random.choice((20, 60, 240)))
    if random.random() < 0.3:
        matter["call_back"] = {"who": random.choice((provider, "ward-duty")), "by": by.isoformat()}
    else:
        matter[random.choice(("safe_until", "medication_at"))] = by.isoformat()
    return by


def attempts(script: Script, provider: str, call: Letter, at: datetime) -> None:
    """The ward is called; mostly somebody answers in the end."""
    random = script.random
    for n in range(random.choice((0, 1, 1, 2, 3))):
        at = script.within(at, min(at + timedelta(minutes=30), script.until(provider)))
        tried = {
            "what": "ward",
            "at": at.isoformat(),
            "to": random.choice(("ward-duty", "ward-duty-second")),
            "answered": n > 0 or random.random() < 0.6,
        }
        script.say(provider, "call.add", at, script.written(at), call.id, call=call.id, danger=[tried])


def _note(script: Script) -> None:
    """今夜の申し送り of what is known already, or comes later in the night."""
    random = script.random
    for _ in range(random.choice((0, 0, 1, 2))):
        if script.open:
            provider, ref, began = random.choice(script.open)
            at = script.within(began, script.until(provider))
            script.say(provider, "case.note", at, script.written(at), ref, case=ref, personal={"note": PERSONAL})


def _count(script: Script) -> None:
    """The telephone exchange's count: right, or of one more that nobody entered; perhaps corrected later."""
    random = script.random
    calls = sum(s.letter.type == "call.report" and script.is_by_night(s.letter) for s in script.said)
    for _ in range(random.choice((0, 0, 1, 1, 2))):
        at = script.within(script.at(31), script.ends)
        contacts = calls + random.choice((0, 0, 0, 1))
        script.say("night", "exchange.count", at, at, night=script.night, contacts=contacts)


def _close(script: Script) -> None:
    """A provider closes its night: in time or late, with its last number or another one; or never."""
    random = script.random
    for provider in script.at_night:
        for _ in range(random.choice((0, 1, 1, 1, 2))):
            at = script.within(script.at(32, 10), random.choice((script.at(32, 30), script.ends)))
            wrong = random.choice((0, 0, 0, 0, 2, -1))
            said_at = at
            at = min(at, script.until(provider))
            script.say(provider, "shift.close", at, said_at, night=script.night, wrong=wrong)


def _take_over(script: Script) -> None:
    """The day takes over item by item: everything, some of it, or nothing; asks, undoes, and does what was left."""
    random = script.random
    diligence = random.choice((0.0, 0.5, 0.9, 1.0, 1.0))
    many = sum(max(1, s.letter.calls) for s in script.said if script.is_by_night(s.letter) and s.letter.calls)
    for n in [*range(1, many + 1)] or [0]:
        if random.random() > diligence:
            continue
        at = script.within(script.at(32, 20), random.choice((script.at(32, 58), script.at(33, 25), script.ends)))
        _say_of(script, "day", "item.acknowledge", at, n)
        then = script.within(at, script.ends)
        match random.choice(("", "", "", "again", "undo", "undo", "ask", "done", "wrong")):
            case "again":
                _say_of(script, "day", "item.acknowledge", then, n)
            case "undo":
                _say_of(script, "day", "item.undo", then, n)
                if random.random() < 0.5:
                    _say_of(script, "day", "item.acknowledge", script.within(then, script.ends), n)
            case "ask":
                _say_of(script, "day", "item.question", then, n, question=PERSONAL)
                _say_of(script, "night", "item.answer", script.within(then, script.ends), n, answer=PERSONAL)
            case "done":
                _say_of(script, "day", "item.done", then, n, note=PERSONAL)
            case "wrong":
                _say_of(script, "day", "item.acknowledge", then, many + 1 + n)
            case _:
                pass


def _say_of(script: Script, provider: str, kind: str, at: datetime, item: int, **words: str) -> None:
    late = timedelta(minutes=script.random.choice((0, 0, 0, 1, 20, 60)))
    said_at = min(at + late, script.ends)
    script.say(
        provider,
        kind,
        at,
        said_at,
        f"item {item}",
        night=script.night,
        item=item,
        personal=WORKER | words,
        expects=SETTLED,
    )
