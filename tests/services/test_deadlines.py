"""What must happen at a time, does so once: through crashes, restarts and a weekend switched off."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from events import Recorded, event_of
from events.intake import CaseClosed
from services import deadlines, writer
from services.book import Due, Said
from services.clock import system_clock
from services.group import Group
from services.intake.domain import IntakeBook
from services.intake.rules import Rules as IntakeRules
from services.journal import Journal
from services.tables import DEADLINES
from tests.desk_examples import RULES, Centre, Clock, at, call
from tests.running import eventually

Fell = list[tuple[str, str]]

MORNING, LATER_THEN, EVENING = "2025-05-12 08:30", "2025-05-12 09:00", "2025-05-12 22:00"


class Reminding(IntakeRules):
    """Intake that plans what a call's `case` says, and notes what falls due by closing a consultation."""

    def __init__(self) -> None:
        self.fell: Fell = []
        self.fails: set[str] = set()
        self.then: Callable[[IntakeBook], None] = lambda book: None

    def decide(self, said: Said, book: IntakeBook) -> None:
        """`plan KEY TIME` and `cancel KEY` as the case's reference."""
        verb, key, *when = said.data["matters"][0]["case"].split(" ", 2)
        if verb == "plan":
            book.plan(key, at(when[0]), "remind", "somebody", synthetic=said.synthetic)
        elif verb == "cancel":
            book.cancel(key)
        elif verb == "ask":
            planned = book.planned(key)
            book.cases.append(str(planned and planned.astimezone(said.at.tzinfo)))

    def begin(self, now: datetime, book: IntakeBook) -> None:
        """Nothing of intake's own falls due beside what these tests plan."""

    def fall_due(self, due: Due, now: datetime, book: IntakeBook) -> None:
        """Note it: in memory when it was tried, in the log that it had its effect."""
        self.fell.append((due.key, f"{_local(now):%d %H:%M}"))
        if due.key in self.fails:
            raise RuntimeError("a fault of ours")
        book.note(CaseClosed(case=book.new_id(), reason=due.key), now)
        self.then(book)


@pytest.fixture
def rules(monkeypatch: pytest.MonkeyPatch) -> Reminding:
    """The rules of these tests in the place of intake's."""
    reminding = Reminding()
    monkeypatch.setitem(RULES, "intake", reminding)
    return reminding


@pytest.fixture
def night(rules: Reminding, database_url: str) -> Iterator[Centre]:
    """A centre at the beginning of a night."""
    with Centre(database_url) as running:
        running.clock.now = at(EVENING) - timedelta(days=1)
        yield running


def test_what_is_due_falls_due_once_and_in_its_order(night: Centre) -> None:
    """Whatever was planned first: the earlier comes before the later, and neither comes again."""
    tell(night, f"plan later {LATER_THEN}", f"plan sooner {MORNING}")
    night.tick("2025-05-12 08:29")
    assert fallen(night) == []

    night.tick(EVENING)
    night.tick("2025-05-14 22:00")

    assert fallen(night) == [("sooner", "12 08:30"), ("later", "12 09:00")]
    assert night.rows(DEADLINES) == []


def test_two_that_are_due_at_once_both_fall_due(night: Centre) -> None:
    """None takes the place of the other."""
    tell(night, f"plan b {MORNING}", f"plan a {MORNING}")
    night.tick(EVENING)

    assert fallen(night) == [("a", "12 08:30"), ("b", "12 08:30")]


def test_after_a_weekend_switched_off_each_falls_due_once_and_says_how_late(night: Centre, rules: Reminding) -> None:
    """It is not lost, and it does not fire for each look that was missed."""
    tell(night, f"plan one {MORNING}", "plan two 2025-05-13 08:30")
    night.close()
    night.clock.now = at("2025-05-15 07:00")
    night.restart()
    night.tick()
    night.tick("2025-05-16 07:00")

    assert fallen(night) == [("one", "15 07:00"), ("two", "15 07:00")]


def test_what_was_given_up_does_not_fall_due(night: Centre) -> None:
    """Also not after a restart; giving up what was never planned is nothing."""
    tell(night, f"plan one {MORNING}", f"plan two {MORNING}", "cancel one", "cancel never")
    night.restart()
    tell(night, "cancel two")
    night.tick(EVENING)

    assert fallen(night) == []


def test_planning_it_again_moves_it(night: Centre) -> None:
    """There is one of each key: it falls due at the later time alone, or at the sooner."""
    tell(night, f"plan one {MORNING}", f"plan two {EVENING}")
    tell(night, f"plan one {LATER_THEN}", f"plan two {MORNING}")
    night.tick("2025-05-13 22:00")

    assert fallen(night) == [("two", "12 08:30"), ("one", "12 09:00")]


def test_a_rule_can_ask_when_something_is_planned(night: Centre) -> None:
    """What this very transaction planned and gave up is known as well."""
    tell(night, f"plan one {MORNING}")
    asked = tell(night, "ask one", f"plan two {EVENING}", "ask two", "cancel one", "ask one")
    night.tick(EVENING)

    assert [case for receipt in asked for case in receipt] == [
        "2025-05-12 08:30:00+09:00",
        "2025-05-12 22:00:00+09:00",
        "None",
    ]
    assert tell(night, "ask two") == [["None"]]


def test_what_falls_due_may_plan_what_follows(night: Centre, rules: Reminding) -> None:
    """A ladder: each step plans the next one, under the same name; a step that is due already follows at once."""

    def next_step(book: IntakeBook) -> None:
        if len(rules.fell) < 3:
            book.plan("step", at(MORNING) + timedelta(minutes=15 * len(rules.fell)), "remind", "somebody")

    rules.then = next_step
    tell(night, f"plan step {MORNING}")
    night.clock.now = at("2025-05-12 08:50")
    night.tick(EVENING)

    assert fallen(night) == [("step", "12 08:50"), ("step", "12 08:50"), ("step", "12 09:00")]


def test_one_that_fails_holds_up_no_other_and_is_tried_again(night: Centre, rules: Reminding) -> None:
    """A fault of ours in one is logged, leaves nothing behind, and is done as soon as it can be."""
    rules.fails = {"bad"}
    tell(night, f"plan bad {MORNING}", f"plan good {LATER_THEN}", f"plan too {MORNING}")
    night.tick(LATER_THEN)
    assert fallen(night) == [("too", "12 08:30"), ("good", "12 09:00")]
    tried = [when for key, when in rules.fell if key == "bad"]
    assert tried[:3] == ["12 08:30", "12 08:31", "12 08:32"]

    rules.fails = set()
    night.tick("2025-05-12 09:05")
    assert fallen(night)[2:] == [("bad", "12 09:01")]
    assert night.rows(DEADLINES) == []


def test_one_that_failed_is_tried_at_once_after_a_restart(night: Centre, rules: Reminding) -> None:
    """A newer release may be able to do it."""
    rules.fails = {"bad"}
    tell(night, f"plan bad {MORNING}")
    night.tick(MORNING)
    rules.fails = set()
    night.restart()
    night.tick()

    assert fallen(night) == [("bad", "12 08:30")]


def test_the_database_is_asked_only_when_something_is_due(night: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    """A desk knows when to look, whatever is planned meanwhile; after a restart it asks again."""
    asked: list[str] = []
    earliest = deadlines.earliest

    def counting(*args: Any, **kwargs: Any) -> Due | None:
        asked.append(f"{_local(night.clock.now):%d %H:%M}")
        return earliest(*args, **kwargs)

    monkeypatch.setattr(deadlines, "earliest", counting)
    look(night)
    tell(night, f"plan one {MORNING}", f"plan two {EVENING}")
    for moment in ("2025-05-12 07:00", "2025-05-12 08:29", MORNING, LATER_THEN):
        night.clock.now = at(moment)
        look(night)
    tell(night, "ask two", "cancel two")
    night.clock.now = at("2025-05-13 22:00")
    look(night)
    night.restart()
    look(night)

    assert asked == ["11 22:00", "12 08:30", "12 08:30", "13 22:00", "13 22:00"]
    assert fallen(night) == [("one", "12 08:30")]


def test_what_is_moved_after_a_look_falls_due_when_it_is_due_now(night: Centre) -> None:
    """To sooner, to later, and planned where nothing was: what was known of the next one is forgotten."""
    look(night)
    tell(night, f"plan one {EVENING}", f"plan two {MORNING}")
    look(night)
    tell(night, f"plan one {MORNING}", f"plan two {LATER_THEN}")
    look(night)
    tell(night, f"plan three {MORNING}")
    night.tick(EVENING)

    assert fallen(night) == [("one", "12 08:30"), ("three", "12 08:30"), ("two", "12 09:00")]


def test_a_clock_that_is_set_moves_no_deadline(night: Centre) -> None:
    """Set back, what is due waits for its own time, once; set forward, it is due."""
    tell(night, f"plan one {MORNING}", f"plan two {LATER_THEN}")
    for moment in ("2025-05-12 08:00", "2025-05-12 02:00", MORNING, "2025-05-12 08:00", MORNING, EVENING):
        night.clock.now = at(moment)
        look(night)

    assert fallen(night) == [("one", "12 08:30"), ("two", "12 22:00")]


def test_what_is_set_back_with_a_failure_is_tried_again(night: Centre, rules: Reminding) -> None:
    """It waits for its minute by the clock as it then is; the others are due at their own times."""
    rules.fails = {"bad"}
    tell(night, f"plan bad {MORNING}", f"plan good {LATER_THEN}")
    night.clock.now = at(MORNING)
    look(night)
    rules.fails = set()
    night.clock.now = at("2025-05-12 08:00")
    look(night)
    night.tick(EVENING)

    assert fallen(night) == [("bad", "12 08:31"), ("good", "12 09:00")]


@pytest.mark.parametrize("is_on_disk", [True, False], ids=["committed", "not-committed"])
def test_after_a_commit_without_an_answer_the_database_is_asked(
    night: Centre, monkeypatch: pytest.MonkeyPatch, *, is_on_disk: bool
) -> None:
    """Nobody knows whether what it planned, moved or gave up is on disk; only there it can be seen."""
    tell(night, f"plan one {EVENING}")
    look(night)
    transaction = Journal.transaction

    @contextmanager
    def unanswered(journal: Journal) -> Iterator[Any]:
        with suppress(Lost), transaction(journal) as session:
            yield session
            if not is_on_disk:
                raise Lost
        raise sa.exc.OperationalError("COMMIT", None, Lost())

    monkeypatch.setattr(Journal, "transaction", unanswered)
    with pytest.raises(sa.exc.OperationalError):
        tell(night, f"plan one {MORNING}", f"plan two {MORNING}")
    monkeypatch.setattr(Journal, "transaction", transaction)
    for moment in (MORNING, EVENING):
        night.clock.now = at(moment)
        look(night)

    expected = [("one", "12 08:30"), ("two", "12 08:30")] if is_on_disk else [("one", "12 22:00")]
    assert fallen(night) == expected


def test_what_could_not_be_asked_is_asked_again(night: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that is away for a moment delays what is due, and loses nothing."""
    tell(night, f"plan one {MORNING}", f"plan two {MORNING}")
    look(night)
    night.clock.now = at(MORNING)
    earliest, answers = deadlines.earliest, iter([False, True, False])

    def away(*args: Any, **kwargs: Any) -> Due | None:
        if next(answers, True):
            return earliest(*args, **kwargs)
        raise sa.exc.OperationalError("SELECT", None, Lost())

    monkeypatch.setattr(deadlines, "earliest", away)
    for _ in range(2):
        with pytest.raises(sa.exc.OperationalError):
            look(night)
    look(night)

    assert fallen(night) == [("one", "12 08:30"), ("two", "12 08:30")]


def test_a_crash_before_the_commit_leaves_it(night: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    """Either it had its effect and is planned no longer, or neither."""
    tell(night, f"plan one {MORNING}")
    night.tick()
    whole = Group.write

    def dying(group: Group) -> None:
        whole(group)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, suppress(KeyboardInterrupt):
        patch.setattr(Group, "write", dying)
        night.tick(MORNING)
    assert night.clock() == at(MORNING)
    assert [row["key"] for row in night.rows(DEADLINES)] == ["one"]
    assert fallen(night) == []

    night.restart()
    night.tick()
    assert fallen(night) == [("one", "12 08:30")]


def test_a_restart_fires_nothing_twice(night: Centre) -> None:
    """What had its effect is not planned any more, and what is planned has had none."""
    tell(night, f"plan one {MORNING}", f"plan two {EVENING}")
    for moment in (MORNING, LATER_THEN, EVENING, EVENING):
        night.restart()
        night.tick(moment)
        night.restart()

    assert fallen(night) == [("one", "12 08:30"), ("two", "12 22:00")]


def test_what_it_led_to_says_so(night: Centre) -> None:
    """Every event names what caused it; what an exercise planned is an exercise's."""
    night.say("day", call(f"plan one {MORNING}", "2025-05-12 07:00") | {"synthetic": True})
    tell(night, f"plan two {MORNING}")
    night.tick(MORNING)

    assert [(r.causation, r.synthetic) for r in night.records()] == [("deadline:one", True), ("deadline:two", False)]


def test_very_many_at_once_all_fall_due_between_other_work(night: Centre) -> None:
    """After some of them what else waits for the writer has its turn."""
    tell(night, *(f"plan {n:03} {MORNING}" for n in range(120)))
    night.clock.now = at(LATER_THEN)
    again = night.desk().fall_due()

    assert again == at(LATER_THEN)
    assert 0 < len(fallen(night)) < 120
    night.tick()
    assert [key for key, _ in fallen(night)] == [f"{n:03}" for n in range(120)]


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
async def test_a_commit_that_plans_something_sooner_wakes_the_keeper(
    night: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not sleep through what was planned while it slept; nor does it miss what it was never told of."""
    monkeypatch.setattr(writer, "LOOK", 30.0)
    night.clock = RealClock()
    night.restart()
    desk, compared, sooner = night.desk(), asyncio.Event(), asyncio.Event()
    keeper = asyncio.create_task(writer.keep_time(desk, compared, sooner))
    try:
        compared.set()
        await asyncio.sleep(0.3)
        began = time.monotonic()
        soon = system_clock() + timedelta(seconds=0.2)
        wish = f"plan soon {_local(soon).replace(tzinfo=None).isoformat()}"
        await desk.journal.run(night.say, "day", call(wish, "2025-05-12 07:00"))
        assert desk.has_planned
        sooner.set()
        await eventually(lambda: bool(fallen(night)))
        assert time.monotonic() < began + writer.LOOK
        assert [key for key, _ in fallen(night)] == ["soon"]
        assert system_clock() >= soon
    finally:
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
async def test_the_writer_thread_is_left_alone_while_nothing_falls_due(
    night: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked once what is planned; looking at the clock is enough from then on."""
    monkeypatch.setattr(writer, "LOOK", 0.01)
    desk, compared = night.desk(), asyncio.Event()
    run, asked = desk.journal.run, []

    async def running(work: Callable[..., Any], *arguments: Any) -> Any:
        asked.append(work)
        return await run(work, *arguments)

    monkeypatch.setattr(desk.journal, "run", running)
    keeper = asyncio.create_task(writer.keep_time(desk, compared, asyncio.Event()))
    compared.set()
    await asyncio.sleep(0.2)
    keeper.cancel()
    await asyncio.gather(keeper, return_exceptions=True)
    assert asked == [desk.fall_due]


class RealClock(Clock):
    """The time of day, and whatever a message moves is left alone."""

    def __init__(self) -> None:
        pass

    def __call__(self) -> datetime:
        return system_clock()

    @property
    def now(self) -> datetime:
        return system_clock()

    @now.setter
    def now(self, moment: datetime) -> None:
        pass


class Lost(Exception):
    """The connection broke."""


def look(centre: Centre) -> None:
    """Let the desk of these tests see to what is due, once, as the keeper does."""
    centre.desk().fall_due()


def tell(centre: Centre, *wishes: str) -> list[Any]:
    """One transaction in which a call each wishes something of the rules above; the answers, where one was asked."""
    receipts = centre.say_all(*(("day", call(wish, "2025-05-11 22:00")) for wish in wishes))
    assert {receipt.status for receipt in receipts} == {"accepted"}
    return [receipt.case for receipt in receipts if receipt.case]


def fallen(centre: Centre) -> Fell:
    """What had its effect, and when. Read once: the keeper may write meanwhile."""
    told: list[tuple[Any, Recorded]] = [(event_of(record), record) for record in centre.records()]
    assert {record.type for _, record in told} <= {"case.closed"}
    return [(event.reason, f"{_local(record.time):%d %H:%M}") for event, record in told]


def _local(moment: datetime) -> datetime:
    return moment.astimezone(at(MORNING).tzinfo)
