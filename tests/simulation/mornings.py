"""What must hold of a night and its morning, by the logs: statements, ladders, charge, and what could not wait."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from events import Recorded, event_of
from services.handover.owners import owner_after
from services.ward import Ward
from tests.simulation.script import CHANGE

if TYPE_CHECKING:
    from services.ward import Ward
    from tests.simulation.invariants import Left

BEGINS, ENDS = time(17), time(8, 30)
"""Of a night, by the ward's file; until the contract changed it began a quarter of an hour later."""

STEPS = {"reminded": timedelta(minutes=15), "escalated": timedelta(minutes=30)}
"""After what time each step follows on one that nobody acknowledged."""

Place = tuple[str, int]
"""A contact, and which of its matters."""


def night_of(moment: datetime, ward: Ward) -> date | None:
    """The night to which a moment belongs; None: it is by day."""
    local = ward.local(moment)
    begins = BEGINS if local.date() > CHANGE else time(17, 15)
    if ENDS <= local.time() < begins:
        return None
    return local.date() if local.time() >= begins else local.date() - timedelta(days=1)


def _events(left: Left, service: str, *names: str) -> list[tuple[Recorded, Any]]:
    return [(record, event_of(record)) for record in left.logs[service] if record.type in names]


def _calls(left: Left) -> dict[Place, Recorded]:
    """Every call of this night, by intake's log."""
    night = left.night
    return {
        (event.contact, event.matter): record
        for record, event in _events(left, "intake", "call.received")
        if night_of(record.time, night.ward) == night.script.evening
    }


def _deadlines(left: Left, service: str) -> dict[str, datetime]:
    rows = left.ask(service, "SELECT key, due FROM deadlines")
    return {key: datetime.fromisoformat(due) for key, due in rows}


def everything_due_has_fired(left: Left) -> Iterator[str]:
    """Nothing overdue is left, nothing happened before its time, and nothing twice."""
    now = left.night.truth() - timedelta(seconds=5)
    for service in ("intake", "placement", "handover"):
        late = [key for key, due in _deadlines(left, service).items() if due < now]
        yield from (f"{service}: {key} was due, and has not fired" for key in late)
    once: Counter[str] = Counter()
    for service in ("intake", "handover"):
        for record in left.logs[service]:
            event: Any = event_of(record)
            due_at, fired_at = getattr(event, "due_at", None), getattr(event, "fired_at", record.time)
            if due_at is not None and fired_at < due_at:
                yield f"{record.type} happened at {fired_at}, and was due at {due_at}"
            if record.type in ("statement.issued", "night.closed", "evening.issued"):
                once[f"{record.type} of {event.night} {getattr(event, 'edition', '')}".strip()] += 1
    yield from (f"{what} happened {many} times" for what, many in once.items() if many > 1)


def every_call_is_stated_once(left: Left) -> Iterator[str]:
    """Each call of the night on exactly one edition, numbered on; what came last may still be planned."""
    issued = [
        (record, event)
        for record, event in _events(left, "handover", "statement.issued")
        if event.night == left.night.script.evening
    ]
    if not issued:
        yield "there is no statement of this night"
        return
    if [event.edition for _, event in issued] != list(range(len(issued))):
        yield f"its editions are {[event.edition for _, event in issued]}"
    items = [item for _, event in issued for item in event.items]
    if [item.n for item in items] != list(range(1, len(items) + 1)):
        yield f"its items are numbered {[item.n for item in items]}"
    stated, calls = Counter((item.contact, item.matter) for item in items), _calls(left)
    yield from (f"{place} is stated {many} times" for place, many in stated.items() if many > 1)
    yield from (f"{place} is stated, and no call of this night" for place in stated.keys() - calls.keys())
    if f"supplement/{left.night.script.night}" not in _deadlines(left, "handover"):
        yield from (
            f"{calls[place].subject} of this night is on no statement" for place in calls.keys() - stated.keys()
        )


def the_night_is_closed_as_it_was(left: Left) -> Iterator[str]:
    """Count, digest and contacts of each closing are those of the log up to its position; of the last, of all of it."""
    closings = [
        (record, event)
        for record, event in _events(left, "intake", "night.closed")
        if event.night == left.night.script.evening
    ]
    if [event.edition for _, event in closings] != list(range(1, len(closings) + 1)) or not closings:
        yield f"the night was closed as {[event.edition for _, event in closings]}"
        return
    calls = _calls(left)
    for _, event in closings:
        up_to = sorted({contact for (contact, _), record in calls.items() if record.position <= event.position})
        digest = sha256("".join(f"{contact}\n" for contact in up_to).encode()).hexdigest()
        if (event.count, event.digest, list(event.contacts)) != (len(up_to), digest, up_to):
            yield f"closing {event.edition} says {event.count} contacts, and the log has {len(up_to)}"
    if set(closings[-1][1].contacts) != {contact for contact, _ in calls}:
        yield "the last closing of the night is not of all its calls"


def a_statement_agrees_only_with_the_truth(left: Left) -> Iterator[str]:
    """It never says 一致 while what was sent, recorded, stated, counted or acknowledged differs."""
    closings = [event for _, event in _events(left, "intake", "night.closed")]
    stated: set[str] = set()
    acknowledged: set[int] = set()
    exchange, editions = None, list[Any]()
    received = _events(left, "intake", "call.received")
    phoned = {call.contact for _, call in received if call.channel == "phone"}
    for record in left.logs["handover"]:
        event: Any = event_of(record)
        if getattr(event, "night", None) != left.night.script.evening:
            continue
        match record.type:
            case "item.acknowledged":
                acknowledged.add(event.item)
            case "item.unacknowledged":
                acknowledged.discard(event.item)
            case "exchange.counted":
                exchange = event.contacts
            case "statement.issued":
                overdue = [e for e in editions if e.acknowledge_by < record.time and _left(e, acknowledged)]
                editions.append(event)
                stated |= {item.contact for item in event.items}
                if event.verdict == "agree":
                    proofs = [
                        closing
                        for closing in closings
                        if set(closing.contacts) == stated and closing.feeds and all(map(_is_whole, closing.feeds))
                    ]
                    if not proofs:
                        yield f"edition {event.edition} says that it agrees, and no closing of the night does"
                    if exchange is not None and exchange != len(stated & phoned):
                        yield f"edition {event.edition} agrees, and the exchange counted {exchange}"
                    if overdue:
                        yield f"edition {event.edition} agrees, and something is overdue"
                elif event.verdict == "differ" and not event.differences:
                    yield f"edition {event.edition} differs in nothing"


def _is_whole(feed: Any) -> bool:
    return feed.closed and not (feed.missing or feed.parked or feed.waiting)


def _left(edition: Any, acknowledged: set[int]) -> list[int]:
    return [n for n in [item.n for item in edition.items] or [0] if n not in acknowledged]


def everything_is_taken_over_or_told(left: Left) -> Iterator[str]:
    """Each item is acknowledged, or every step of the ladder told of it; nobody is told of what was acknowledged."""
    acknowledged: set[int] = set()
    told: dict[tuple[int, str], set[int]] = defaultdict(set)
    editions = []
    for record in left.logs["handover"]:
        event: Any = event_of(record)
        match record.type:
            case "statement.issued":
                editions.append(event)
            case "item.acknowledged":
                if event.item in acknowledged:
                    yield f"item {event.item} was acknowledged again"
                acknowledged.add(event.item)
            case "item.unacknowledged":
                if event.item not in acknowledged:
                    yield f"item {event.item} was given back, and nobody had it"
                acknowledged.discard(event.item)
            case "deadline.passed":
                if again := told[event.edition, event.step] & set(event.items):
                    yield f"{event.to} was told of {sorted(again)} again, and never that it was in hand"
                told[event.edition, event.step] |= set(event.items)
                if known := set(event.items) & acknowledged:
                    yield f"{event.to} was told that nobody took over {sorted(known)}, and somebody had"
            case "deadline.settled":
                told[event.edition, event.step] -= set(event.items)
    planned = _deadlines(left, "handover")
    for edition in editions:
        for step in STEPS:
            if f"step/{edition.night}/{edition.edition}/{step}" not in planned and (
                silent := set(_left(edition, acknowledged)) - told[edition.edition, step]
            ):
                yield f"nobody acknowledged {sorted(silent)} of edition {edition.edition}, and nobody was {step}"
    for (number, step), items in told.items():
        if items and items <= acknowledged:
            yield f"whoever was {step} of edition {number} never heard that it is in hand"
    for provider, letter in left.letters():
        if letter.type == "item.acknowledge" and letter.status in ("accepted", "known"):
            n = letter.fields["data"]["item"]
            if not any(event.item == n for _, event in _events(left, "handover", "item.acknowledged")):
                yield f"{provider.name}'s {letter.id} was accepted, and item {n} was never acknowledged"


def one_provider_is_in_charge(left: Left) -> Iterator[str]:
    """Each case passes on from whoever has it, and handover's register says who that is at the end.

    Of what was merged, whoever has any of it may have it all.
    """
    owners: dict[str, str] = {}
    began, together = _began(left), ever_one_with(left)
    for record in left.logs["handover"]:
        event: Any = event_of(record)
        case = getattr(event, "case", None)
        giver, taker = _passes(record.type, event, owners.get(case or ""))
        if case is None or taker is None:
            continue
        known = {owner for each in together.get(case, [case]) if (owner := owners.get(each)) is not None}
        if giver is not None and case in owners and giver not in known:
            yield f"{giver} passed {case} on to {taker}, and {' or '.join(sorted(known))} had it"
        owners[case] = taker
    rows = left.ask("handover", 'SELECT "case", owner, open FROM cases WHERE merged_into IS NULL')
    for case, owner, is_open in rows:
        if owner == "contractor" and is_open:
            yield f"{case} is open, and in the charge of one whose contract is over"
        expected = {owners.get(each) or _on_duty(left, began[each]) for each in together.get(case, [case])}
        if owner not in expected:
            yield f"{case} is in the charge of {owner}, and nobody but {' or '.join(sorted(expected))} was given it"


def what_the_day_acknowledged_is_the_days(left: Left) -> Iterator[str]:
    """No open case is the night's whose items are all acknowledged, however it came to be open; and whose that is."""
    items = {
        (event.night, item.n): (item.contact, item.matter)
        for _, event in _events(left, "handover", "statement.issued")
        for item in event.items
    }
    takers: dict[Place, str] = {}
    for record, event in _events(left, "handover", "item.acknowledged", "item.unacknowledged"):
        if event.item and record.type == "item.acknowledged":
            takers[items[event.night, event.item]] = event.provider
        else:
            takers.pop(items.get((event.night, event.item), ("", 0)), None)
    rows = left.ask("handover", 'SELECT "case", owner, open, merged_into FROM cases')
    whole = {case: into for case, _, _, into in rows}
    of: dict[str, list[Place]] = defaultdict(list)
    for place, (case, moment) in _placed(left).items():
        while case is not None and whole.get(case) is not None:
            case = whole[case]
        if case is not None and night_of(moment, left.night.ward) is not None:
            of[case].append(place)
    for case, owner, is_open, into in rows:
        is_taken = bool(of[case]) and all(place in takers for place in of[case])
        if is_open and into is None and is_taken and owner in ("night", "contractor"):
            yield f"{case} is open, the day has acknowledged all of it, and it is in the charge of {owner}"
    for _, event in _events(left, "handover", "case.passed"):
        if event.because == "acknowledged" and (event.giver not in ("night", "contractor") or event.to != "day"):
            yield f"{event.case} passed from {event.giver} to {event.to} by what the day acknowledged"


def ever_one_with(left: Left) -> dict[str, list[str]]:
    """Of each case that was merged or taken apart, all that it ever was one with."""
    of: dict[str, list[str]] = {}
    for _, event in _events(left, "intake", "case.merged"):
        both = sorted({*of.get(event.case, [event.case]), *of.get(event.into, [event.into])})
        of |= dict.fromkeys(both, both)
    return of


def _began(left: Left) -> dict[str, datetime]:
    """When each consultation began."""
    began: dict[str, datetime] = {}
    for case, moment in _placed(left).values():
        if case is not None:
            began[case] = min(moment, began.get(case, moment))
    return began


def _placed(left: Left) -> dict[Place, tuple[str | None, datetime]]:
    """Of which consultation each contact is at the end, and when it was."""
    places: dict[Place, tuple[str | None, datetime]] = {}
    for record, event in _events(left, "intake", "call.received", "contact.moved"):
        is_moved = record.type == "contact.moved"
        moment = event.contact_at if is_moved else record.time
        places[event.contact, event.matter] = (event.to_case if is_moved else event.case, moment)
    return places


def _passes(kind: str, event: Any, owner: str | None) -> tuple[str | None, str | None]:
    """From whom to whom a case passes with an event."""
    match kind:
        case "item.acknowledged" | "item.unacknowledged":
            return event.from_owner, event.to_owner
        case "case.passed":
            return event.giver, event.to
        case "handed-over" | "handover.returned" | "handover.withdrawn":
            return None, owner_after(owner, event)
        case _:
            return None, None


def _on_duty(left: Left, moment: datetime) -> str:
    if left.night.ward.local(moment).date() <= CHANGE:
        return "contractor"
    return "day" if night_of(moment, left.night.ward) is None else "night"


def what_cannot_wait_is_raised(left: Left) -> Iterator[str]:
    """Raised once for each matter, and again where it was taken over by mistake; then rung by rung until an answer."""
    ladders: dict[Place, list[tuple[Recorded, Any]]] = defaultdict(list)
    for record, step in _events(left, "handover", "urgent.raised", "urgent.unanswered", "urgent.answered"):
        ladders[step.contact, step.matter].append((record, step))
    until = left.night.script.at(33)
    acknowledged = {event.contact for _, event in _events(left, "handover", "item.acknowledged")}
    closed = {event.case for _, event in _events(left, "intake", "case.closed")}
    for place, record in _calls(left).items():
        event: Any = event_of(record)
        by = _cannot_wait(event.card, until, left.night.ward) if event.card else None
        if by is not None and place not in ladders and place[0] not in acknowledged and event.case not in closed:
            yield f"{event.number} could wait until {by}, and was raised with nobody"
    planned = _deadlines(left, "handover")
    taken_back = {event.contact for _, event in _events(left, "handover", "item.unacknowledged")}
    taken_back |= {
        event.contact for _, event in _events(left, "intake", "contact.moved")
    }  # Out of one that was closed.
    for place, told in ladders.items():
        rounds = _rounds(told)
        for n, each in enumerate(rounds):
            kinds = [record.type.removeprefix("urgent.") for record, _ in each]
            is_over, is_last = kinds[-1] == "answered", n == len(rounds) - 1
            if kinds[0] != "raised" or "answered" in kinds[:-1] or not (is_over or is_last):
                yield f"what could not wait went {kinds}"
            steps = [event.step for record, event in each if record.type == "urgent.unanswered"]
            if steps != list(range(1, len(steps) + 1)):
                yield f"the ladder for {told[0][1].number} went {steps}"
            if not is_over and not any(key.startswith(f"urgent/{place[0]}/{place[1]}/") for key in planned):
                yield f"the ladder for {told[0][1].number} ended with nobody's answer"
        if len(rounds) > 1 and place[0] not in taken_back:
            yield f"{told[0][1].number} was raised {len(rounds)} times, and nobody took anything back"
        yield from _each_rung(left, told)


def _rounds(told: list[tuple[Recorded, Any]]) -> list[list[tuple[Recorded, Any]]]:
    """What could not wait, each time that it was raised."""
    found: list[list[tuple[Recorded, Any]]] = []
    for step in told:
        if step[0].type == "urgent.raised" or not found:
            found.append([])
        found[-1].append(step)
    return found


def _cannot_wait(card: Any, until: datetime, ward: Ward) -> datetime | None:
    times = [card.safe_until, card.medication_at]
    back = card.call_back
    if back and back.by and (back.who not in ("night", "contractor") or ward.is_over(back.who, back.by)):
        times.append(back.by)
    return min((moment for moment in times if moment is not None and moment < until), default=None)


def _each_rung(left: Left, told: list[tuple[Recorded, Any]]) -> Iterator[str]:
    """While nothing else is tried, the next one called is another."""
    for (_, before), (record, event) in pairwise(told):
        if record.type != "urgent.unanswered":
            continue
        same_tries = event.tries == getattr(before, "tries", 0)
        if same_tries and before.next == event.next and event.tries == 0:
            yield f"{event.number}: {event.next} was called, and then {event.next} again"
        rungs = {duty.key for duty in left.night.ward.duty_at(record.time)}
        if event.next not in rungs:
            yield f"{event.number}: {event.next} was to be called at {record.time.astimezone(UTC)}, and is not there"


CHECKS: tuple[Callable[[Left], Iterator[str]], ...] = (
    everything_due_has_fired,
    every_call_is_stated_once,
    the_night_is_closed_as_it_was,
    a_statement_agrees_only_with_the_truth,
    everything_is_taken_over_or_told,
    one_provider_is_in_charge,
    what_the_day_acknowledged_is_the_days,
    what_cannot_wait_is_raised,
)
