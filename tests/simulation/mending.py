"""What is thought better of: consultations merged and taken apart, calls that do not count after all, other answers;
and silent calls that are found to be somebody's.

In some nights only, and drawn beside all else.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from tests.simulation.provider import PERSONAL

if TYPE_CHECKING:
    from tests.simulation.script import Script

ANY = "any"
"""Whether it is accepted depends on what came first."""


def write(script: Script) -> None:
    """Everything of one night."""
    random = Random(f"{script.seed}/mending")
    if random.random() < 0.6:
        return
    for saying in script.said:
        if saying.letter.type.startswith("handover."):
            saying.letter.expects = ANY
    for _ in range(random.choice((1, 2, 3, 4))):
        match random.choice(("merge", "merge", "count", "answer")):
            case "merge":
                _merge(script, random)
            case "count":
                _count(script, random)
            case _:
                _answer(script, random)


def _merge(script: Script, random: Random) -> None:
    """Two consultations of one provider are one; perhaps they are not, or closed as one."""
    provider = random.choice(script.providers)
    own = [(ref, began) for whose, ref, began in script.cases if whose == provider]
    if len(own) < 2:
        return
    (part, began), (into, after) = random.sample(own, 2)
    at = script.within(max(began, after) + timedelta(minutes=1), script.until(provider), random)
    script.say(provider, "case.merge", at, at, f"{part} into {into}", case=part, into=into, expects=ANY)
    for kind, ref in (("case.close", into), ("case.close", part), ("case.split", part)):
        if random.random() < 0.4:
            at = script.within(at, script.until(provider), random)
            script.say(provider, kind, at, at, ref, case=ref, expects=ANY)


def _count(script: Script, random: Random) -> None:
    """A call turns out not to count; perhaps it does."""
    calls = [each for each in script.said if each.letter.calls == 1 and each.letter.expects == "accepted"]
    if not calls:
        return
    _, provider, call = random.choice(calls)
    at = script.within(script.time_of(call), script.until(provider), random)
    for value in ("wrong-number", None):
        script.say(provider, "call.correct", at, at, call.id, call=call.id, not_counted=value, expects=ANY)
        if random.random() < 0.5:
            return
        at = script.within(at, script.until(provider), random)


def _answer(script: Script, random: Random) -> None:
    """Declined, withdrawn or given back, whatever was said before."""
    offers = [each for each in script.said if each.letter.type == "handover.offer"]
    if not offers:
        return
    _, provider, offer = random.choice(offers)
    at = script.within(script.time_of(offer), script.until(provider), random)
    kind = random.choice(("handover.decline", "handover.withdraw", "handover.return", "handover.accept"))
    ref = offer.fields["data"]["handover"]
    said_at = min(at + timedelta(minutes=random.choice((0, 0, 30))), script.until(provider))
    script.say(provider, kind, at, said_at, ref, handover=ref, personal={"reason": PERSONAL}, expects=ANY)


def find_whose(script: Script) -> None:
    """A registrant rings and says nothing; whose calls those are is found out later, or was a mistake.

    With random numbers of its own, so that the rest of the night is what it was.
    """
    random = Random(f"{script.seed}/whose")
    if random.random() < 0.75:
        return
    provider = random.choice(script.providers)
    until, person = script.until(provider), "S1"
    at = script.within(script.begins, until, random)
    form = {"district": "tamagawa", "handbooks": ["psychiatric"], "certificate": False, "age": 30}
    script.say(provider, "registration.submit", at, at, person, person=person, personal={"name": PERSONAL}, **form)
    for n in range(random.choice((1, 2, 3))):
        ref = f"silent-{n if random.random() < 0.7 else 0}"
        at = script.within(script.at(17), until, random)
        matter = {"case": ref, "district": "kinuta"} | ({"person": person} if random.random() < 0.2 else {})
        about = {"not_counted": "silent", "matters": [matter], "calls": 1, "personal": {"note": PERSONAL}}
        call = script.say(provider, "call.report", at, _later(script, at, random), f"nobody speaks, {ref}", **about)
        for kind in ("call.link", "call.unlink", "call.link", "case.close"):
            if random.random() < 0.3:
                continue
            at = script.within(at, until, random)
            data: dict[str, Any] = {"case": ref} if kind == "case.close" else {"call": call.id}
            if kind == "call.link":
                data |= {"person": person, "matched": ["phone", "voice-known"]}
            script.say(provider, kind, at, _later(script, at, random), ref, expects=ANY, **data)
            if random.random() < 0.5:
                break
    counted = [each for each in script.said if each.letter.calls == 1 and each.letter.expects == "accepted"]
    _, teller, call = random.choice(counted)
    at = script.within(script.time_of(call), script.until(teller), random)
    script.say(teller, "call.correct", at, at, call.id, call=call.id, not_counted="silent", expects=ANY)


def _later(script: Script, at: datetime, random: Random) -> datetime:
    """When it is written down: mostly at once."""
    return min(at + timedelta(minutes=random.choice((0, 0, 1, 30, 400))), script.ends)
