"""Bugs planted on purpose in what passes from night to morning: one bad night must find each of them.

As in `test_planted_bugs`: a guarantee whose test cannot fail is no guarantee. In `night` the contract passes to others
at midnight, things come late, twice and in the wrong order, the centre is off for a while, one call cannot wait and
another is known to the telephone exchange alone; `broken` names what does not hold on the next day.
"""

from __future__ import annotations

import builtins
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from random import Random
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from events.messages import Receipt
from services.book import Book, Due
from services.handover import comparison, contracts, items, ladder, statement, urgent
from services.handover import night as nights
from services.handover.night import Night
from services.handover.register import CASES, ItemRow, Register
from services.tables import WAITING
from tests.desk_examples import ON_ONE_STORE, Centre, at, badly, call, contact, message
from tests.morning_examples import WORKER, acknowledge, clock, evening, owners, recorded, statements

Patch = pytest.MonkeyPatch
NIGHT, NEXT = "2025-03-31", "2025-04-01"


pytestmark = ON_ONE_STORE


@pytest.fixture
def url(database_url: str) -> str:
    return database_url


def night(url: str) -> tuple[Centre, list[Receipt]]:
    """One bad night and its morning, and the receipts that the day was given."""
    centre, random = evening(url, "2025-03-31 12:00"), Random(7)
    carry = badly(random)
    late = {**call("L", "2025-04-01 02:00"), "sequence": 3}
    cannot_wait = call("U", "2025-04-01 05:20", medication_at="2025-04-01T07:00:00+09:00") | {"sequence": 2}

    def tell(provider: str, *said: Any) -> list[Receipt]:
        receipts = [centre.say(provider, one) for one in said]
        centre.tick(None, carry)
        return receipts

    tell("contractor", call("D", "2025-03-31 13:00"), call("N", "2025-03-31 22:00"), call("N", "2025-03-31 23:00"))
    tell("contractor", contact(on="2025-03-31 23:30", not_counted="wrong-number"))
    centre.tick("2025-04-01 00:30", carry)
    tell("night", call("X", "2025-04-01 03:00") | {"sequence": 1}, cannot_wait)
    centre.tick("2025-04-01 05:32", carry)
    tell("night", _attempt(cannot_wait, "05:32", answered=False))
    tell("night", _attempt(cannot_wait, "05:41", answered=True))
    centre.restart()
    centre.tick("2025-04-01 08:10", carry)
    receipts = tell("day", acknowledge(1, "2025-04-01 08:10", night=NIGHT))
    tell("night", message("exchange.count", "2025-04-01 08:20", night=NIGHT, contacts=6))
    tell("night", message("shift.close", "2025-04-01 08:25", night=NIGHT, last=3))
    centre.tick("2025-04-01 08:40", carry)
    receipts += tell("day", *(acknowledge(n, "2025-04-01 08:41", night=NIGHT, worker=WORKER) for n in (2, 2, 3, 5)))
    centre.tick("2025-04-01 09:50", carry)
    tell("night", late, late)
    centre.tick("2025-04-01 10:00", carry)
    centre.close()
    centre.clock.now = at("2025-04-01 11:30")
    for _ in range(2):
        centre.restart()
        centre.tick(None, carry)
    receipts += tell("day", acknowledge(4, "2025-04-01 08:55", night=NIGHT))
    centre.tick("2025-04-02 08:40", carry)
    receipts += tell("day", acknowledge(0, "2025-04-02 08:40", night=NEXT))
    centre.tick("2025-04-02 12:00", carry)
    return centre, receipts


def _attempt(of: Any, time: str, *, answered: bool) -> Any:
    on = f"2025-04-01 {time}"
    attempt = {"what": "ward", "at": at(on).isoformat(), "to": "ward-duty", "answered": answered}
    return message("call.add", on, call=of["id"], danger=[attempt])


def broken(centre: Centre, receipts: list[Receipt]) -> list[str]:
    """The guarantees that do not hold."""
    found = []
    if [receipt.status for receipt in receipts] != ["waiting", *["accepted"] * 6]:
        found.append(f"receipts: {[receipt.status for receipt in receipts]}")
    if centre.rows(WAITING, "handover"):
        found.append("something still waits for a statement that was issued")
    if WORKER.encode() in centre.on_disk():
        found.append("who acknowledged lies in clear")
    return found + _stated(centre) + _told(centre) + _charge(centre) + _urgent(centre)


def _stated(centre: Centre) -> list[str]:
    """Every call once, numbered on; a quiet night is stated too; what differs is said, and withholds nothing."""
    found, issued = [], statements(centre)
    if [(str(each.night), each.edition) for each in issued] != [(NIGHT, 0), (NIGHT, 1), (NEXT, 0)]:
        found.append(f"statements: {[(str(each.night), each.edition) for each in issued]}")
    listed = [each for one in issued for each in one.items]
    calls = {event.contact for event in centre.events() if event.name == "call.received"}
    by_day = next(event.contact for event in centre.events() if event.name == "call.received")
    if Counter(each.contact for each in listed) != Counter(calls - {by_day}):
        found.append("a call of the night is on no statement, or on two")
    if [each.n for each in listed] != list(range(1, 7)):
        found.append(f"items are numbered {[each.n for each in listed]}")
    differ = [(each.what, each.named) for each in issued[0].differences] if issued else []
    if differ != [("not-received", ("3",)), ("exchange", ("6", "5"))] or issued[0].verdict != "differ":
        found.append(f"the first statement says {issued[0].verdict if issued else None}: {differ}")
    return found


def _told(centre: Centre) -> list[str]:
    """Each step once, of what was left; and that it is in hand, in time by the first clock."""
    found = []
    steps = [(e.edition, e.step, clock(e.due_at), e.items, e.also) for e in recorded(centre, "deadline.passed")]
    expected = [
        (0, "reminded", "01 09:15", (4,), ()),
        (0, "escalated", "01 09:30", (4,), ()),
        (1, "reminded", "01 10:35", (6,), ()),
        (1, "escalated", "01 10:50", (6,), ("reminded",)),
    ]
    if steps != expected:
        found.append(f"steps: {steps}")
    settled = [(each.edition, each.step, each.in_time) for each in recorded(centre, "deadline.settled")]
    if settled != [(0, "reminded", True), (0, "escalated", True)]:
        found.append(f"settled: {settled}")
    if Counter(event.item for event in recorded(centre, "item.acknowledged")) != Counter([1, 2, 3, 5, 4, 0]):
        found.append("an item was acknowledged twice, or never")
    return found


def _charge(centre: Centre) -> list[str]:
    """One owner at any instant: by contract at midnight, by acknowledging in the morning, by nothing else."""
    found, last = [], {row["case"]: row["owner"] for row in centre.rows(CASES, "handover")}
    chains: dict[str, list[str]] = {}
    for event in recorded(centre, "case.passed", "item.acknowledged"):
        giver = event.giver if event.name == "case.passed" else event.from_owner
        taker = event.to if event.name == "case.passed" else event.to_owner
        if giver and event.case:
            chain = chains.setdefault(event.case, [giver])
            if chain[-1] != giver:
                found.append("a case passed on from somebody who did not have it")
            chain.append(taker)
    if any(last[case] != chain[-1] for case, chain in chains.items()):
        found.append("a case is in the charge of somebody to whom it never passed")
    expected = {"R6-0001": "day", "R6-0002": "day", "R7-0001": "day", "R7-0002": "day", "R7-0003": "night"}
    if owners(centre) != expected:
        found.append(f"owners: {owners(centre)}")
    passed = sorted((event.giver, event.to) for event in recorded(centre, "case.passed"))
    if passed != [("contractor", "day"), ("contractor", "night")]:
        found.append(f"passed at the end of the contract: {passed}")
    return found


def _urgent(centre: Centre) -> list[str]:
    """At once, to the next of the ladder while nobody answers, and no further."""
    told = [event for event in recorded(centre) if event.name.startswith("urgent.")]
    steps = [(event.name.removeprefix("urgent."), getattr(event, "next", None)) for event in told]
    expected = [("raised", "ward-duty"), ("unanswered", "ward-duty-second"), ("answered", None)]
    return [] if steps == expected else [f"what could not wait: {steps}"]


def test_the_night_as_it_should_be(url: str) -> None:
    """Without a planted bug everything holds."""
    centre, receipts = night(url)
    assert broken(centre, receipts) == []
    centre.close()


def leaves_out_further_contacts(patch: Patch) -> None:
    """A statement lists consultations, not calls: what is a further contact is left out."""
    of_night = Register.of_night

    def firsts(self: Register, day: Any) -> list[ItemRow]:
        found = of_night(self, day)
        earliest = {row.case: row for row in reversed(found)}
        return [row for row in found if row.case is None or earliest[row.case] is row]

    patch.setattr(Register, "of_night", firsts)


def forgets_what_it_stated(patch: Patch) -> None:
    """What was stated is not marked, so that a supplement lists it again."""
    issue = statement._issue

    def forgetful(day: Any, span: Any, ward: Any, now: datetime, book: Book[Any]) -> None:
        issue(day, span, ward, now, book)
        for row in book.beside.of_night(day):
            row.n = None

    patch.setattr(statement, "_issue", forgetful)


def numbers_each_edition_from_one(patch: Patch) -> None:
    """A supplement's items begin with 1 again, and nobody knows which 1 is meant."""
    patch.setattr(statement, "enumerate", lambda rows, start: builtins.enumerate(rows, 1), raising=False)


def withholds_what_differs(patch: Patch) -> None:
    """A statement waits until there is no difference."""
    compare = statement.stands

    def strict(*arguments: Any) -> comparison.Compared:
        found = compare(*arguments)
        if found.verdict == "differ":
            raise RuntimeError("there is a difference")
        return found

    patch.setattr(statement, "stands", strict)


def says_nothing_of_a_quiet_night(patch: Patch) -> None:
    """Where nothing was heard, nothing is issued."""
    issue = statement._issue

    def silent(day: Any, span: Any, ward: Any, now: datetime, book: Book[Any]) -> None:
        if book.beside.of_night(day):
            issue(day, span, ward, now, book)

    patch.setattr(statement, "_issue", silent)


def agrees_while_a_number_is_missing(patch: Patch) -> None:
    """What the provider says it sent is compared with nothing."""
    patch.setattr(comparison, "_of_feeds", lambda closing, held: iter(()))


def believes_the_exchange(patch: Patch) -> None:
    """The exchange's count is noted and compared with nothing."""
    patch.setattr(comparison, "_of_exchange", lambda exchange, phoned: None)


def reminds_of_what_is_acknowledged(patch: Patch) -> None:
    """A step does not look at what was acknowledged meanwhile."""
    patch.setattr(ladder, "outstanding", lambda edition, own, acknowledged: edition.numbers)


def loses_the_ladder(patch: Patch) -> None:
    """The steps are not planned with the statement."""
    patch.setattr(ladder, "plan", lambda *arguments, **options: None)


def escalates_into_another_charge(patch: Patch) -> None:
    """Whoever is told of a case is taken to be in charge of it."""
    fall_due = ladder.fall_due

    def transferring(due: Due, now: datetime, book: Book[Any]) -> None:
        fall_due(due, now, book)
        for written in book.written:
            for row in book.beside.of_night(written.event.night):  # type: ignore[attr-defined]  # A deadline's event.
                if row.case and row.n in written.event.items and (case := book.beside.case(row.case)):  # type: ignore[attr-defined]  # As above.
                    case.owner = written.event.to  # type: ignore[attr-defined]  # As above.
                    book.beside.keep_case(case)

    patch.setattr(ladder, "fall_due", transferring)


def tells_of_each_step_alone(patch: Patch) -> None:
    """Steps that were missed in one outage do not name one another."""
    patch.setattr(ladder, "_also", lambda *arguments: ())


def never_says_that_it_is_in_hand(patch: Patch) -> None:
    """Whoever was told of something overdue hears no more of it."""
    patch.setattr(ladder, "settle", lambda *arguments: None)


def takes_the_time_of_entry(patch: Patch) -> None:
    """What was signed on paper in time counts from when it was typed in."""
    settle = ladder.settle

    def by_entry(day: Any, known_at: datetime, book: Book[Any]) -> None:
        state = book.state(f"night-{day}")
        assert isinstance(state, Night)
        known = {n: msgspec.structs.replace(each, at=known_at) for n, each in state.acknowledged.items()}
        patch.setattr(ladder, "state_of", lambda *_: msgspec.structs.replace(state, acknowledged=known))
        settle(day, known_at, book)

    patch.setattr(ladder, "settle", by_entry)


def acknowledges_again(patch: Patch) -> None:
    """A second acknowledgement is written over the first."""
    state_of = nights.state_of

    def ignorant(day: Any, book: Book[Any]) -> Night:
        return msgspec.structs.replace(state_of(day, book), acknowledged={})

    patch.setattr(items, "state_of", ignorant)


def keeps_every_case_with_the_night(patch: Patch) -> None:
    """Acknowledging notes a name, and leaves the case where it was."""
    patch.setattr(items, "_is_nights", lambda *arguments: False)


def passes_a_case_with_every_item(patch: Patch) -> None:
    """The owner is not looked at: each item of a case passes it on once more."""
    patch.setattr(items, "_pass", lambda *arguments: None)


def drops_what_was_said_early(patch: Patch) -> None:
    """What is acknowledged before the statement waits for a name that nothing ever gets."""
    name = Book.name

    def without(self: Book[Any], key: str, *arguments: Any, **options: Any) -> None:
        if not key.startswith("statement/"):
            name(self, key, *arguments, **options)

    patch.setattr(Book, "name", without)


def passes_everything_to_the_day(patch: Patch) -> None:
    """At the end of a contract every open case goes to the first provider there is."""
    successor = contracts.successor
    patch.setattr(contracts, "successor", lambda owner, band, at, ward: successor(owner, "day", at, ward))


def sleeps_through_midnight(patch: Patch) -> None:
    """The end of a contract passes nothing on."""
    patch.setattr(contracts, "begin", lambda now, book: None)


def lets_it_wait(patch: Patch) -> None:
    """What cannot wait stands on the statement, and is raised with nobody before."""
    patch.setattr(urgent, "cannot_wait", lambda row, ward: None)


def calls_on_for_ever(patch: Patch) -> None:
    """An answer on the card does not end the ladder."""
    patch.setattr(ItemRow, "attended", property(lambda self: False))


def calls_the_first_alone(patch: Patch) -> None:
    """While nobody answers, the same one is called again and again."""
    patch.setattr(urgent, "_next", lambda row, alarm, ward, now: ward.duty_at(now)[0].key)


PLANTED: list[Callable[[Patch], None]] = [
    leaves_out_further_contacts,
    forgets_what_it_stated,
    numbers_each_edition_from_one,
    withholds_what_differs,
    says_nothing_of_a_quiet_night,
    agrees_while_a_number_is_missing,
    believes_the_exchange,
    reminds_of_what_is_acknowledged,
    loses_the_ladder,
    escalates_into_another_charge,
    tells_of_each_step_alone,
    never_says_that_it_is_in_hand,
    takes_the_time_of_entry,
    acknowledges_again,
    keeps_every_case_with_the_night,
    passes_a_case_with_every_item,
    drops_what_was_said_early,
    passes_everything_to_the_day,
    sleeps_through_midnight,
    lets_it_wait,
    calls_on_for_ever,
    calls_the_first_alone,
]


@pytest.mark.parametrize("plant", PLANTED)
def test_a_planted_bug_is_found(plant: Callable[[Patch], None], url: str) -> None:
    """With the bug the night either fails outright or leaves a guarantee broken."""
    with pytest.MonkeyPatch.context() as patch:
        plant(patch)
        assert noticed(url), f"nobody noticed: {plant.__doc__}"


def noticed(url: str) -> bool:
    """Whether a night with the bug fails outright, or leaves a guarantee broken."""
    try:
        centre, receipts = night(url)
    except (AssertionError, LookupError, RuntimeError, sa.exc.SQLAlchemyError):
        return True  # Loud is found; a TypeError would be a fault of the plant.
    found = broken(centre, receipts)
    centre.close()
    return bool(found)
