"""What is thought better of: consultations merged and taken apart, calls that do not count after all, other answers.

In some nights only, and drawn beside all else.
"""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING

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
