"""Design rule 8 and domain rule 13: the figure then, the figure now, and the events between."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import msgspec
import pytest

from services.reporting.changes import Changes, changes
from services.reporting.inquiry import SEALED, NotKnown
from services.reporting.ledger import BeforeTheLedger
from tests.desk_examples import (
    LATER,
    NEXT_DAY,
    NIGHT,
    ON_ONE_STORE,
    Centre,
    arrange,
    at,
    call,
    close,
    correct,
    merge,
    message,
    register,
)
from tests.reporting_examples import row


@pytest.fixture
def told(centre: Centre) -> Centre:
    """A night's call, and on the next day a place."""
    for one in (register(personal={"name": "夜明花子"}), call("A", NIGHT, person="P"), arrange()):
        centre.say("day", one)
        centre.pump()
    return centre


def night(centre: Centre, **asked: object) -> list[object]:
    """The night's row of the table of consultations."""
    return list(row(centre.inquiry.report("calls", **asked), "night"))  # type: ignore[arg-type]  # The options of `report`.


OTHER = [0, 0, 0, 0, 0, 1, 1]
SHORT_STAY = [1, 0, 0, 0, 0, 0, 1]
NOTHING = [0, 0, 0, 0, 0, 0, 0]


def test_a_late_event_changes_the_figure_now_and_not_the_figure_then(told: Centre) -> None:
    """By position: each prefix of the ledger gives what was known with it."""
    assert [night(told, known_at=position) for position in (2, 3, 4)] == [NOTHING, OTHER, SHORT_STAY]
    assert night(told) == SHORT_STAY


def test_a_figure_then_goes_by_time_too(told: Centre) -> None:
    """By the second clock: what the ledger held at that moment."""
    then = told.inquiry.ledger.row(3).ledgered_at

    assert night(told, known_at=then) == OTHER
    assert night(told, known_at=then + timedelta(days=365)) == SHORT_STAY


def test_a_figure_then_does_not_change_whatever_comes(told: Centre) -> None:
    """A correction, a merging, a moved contact: the table of a prefix is the same for ever, root and all."""
    before = told.inquiry.report("calls", known_at=4)
    for one in (
        call("A", LATER),
        close("A", NEXT_DAY),
        call("B", NIGHT),
        merge("B", into="A"),
    ):
        told.say("day", one)
    told.pump()

    assert told.inquiry.report("calls", known_at=4) == before
    assert told.inquiry.report("calls") != before


def test_a_table_names_its_prefix(told: Centre) -> None:
    """Position, time and root."""
    known_at = told.inquiry.report("calls", known_at=4).known_at

    assert known_at is not None
    assert (known_at.position, known_at.root) == told.inquiry.end()


def test_a_time_before_the_ledger_has_no_figures(told: Centre) -> None:
    """It is not 0: nothing was known."""
    with pytest.raises(BeforeTheLedger):
        night(told, known_at=told.inquiry.ledger.row(1).ledgered_at - timedelta(seconds=1))


def test_a_day_is_on_the_first_clock(told: Centre) -> None:
    """As of the evening of the call the place was not arranged yet, whenever it was heard of."""
    assert night(told, as_of=date(2025, 5, 12)) == OTHER
    assert night(told, as_of=date(2025, 5, 13)) == SHORT_STAY


def test_both_clocks_may_be_asked_at_once(told: Centre) -> None:
    """What had happened by a day, as far as it was known at a position."""
    late = call("B", "2025-05-12 23:00")
    told.say("day", late)
    told.pump()

    assert night(told, as_of=date(2025, 5, 12), known_at=4) == OTHER
    assert night(told, as_of=date(2025, 5, 12)) == [0, 0, 0, 0, 0, 2, 2]


def test_a_table_now_is_the_table_of_the_whole_ledger(told: Centre) -> None:
    """From the tallies, and folded from nothing."""
    whole = told.inquiry.report("calls", known_at=told.inquiry.ledger.head())

    assert told.inquiry.report("calls").cells == whole.cells


def test_every_figure_opens_to_its_consultations(told: Centre) -> None:
    """And each of them to its events."""
    cell = told.inquiry.report("calls").cell("night", "short-stay")
    assert cell is not None
    (case,) = cell.cases

    assert [step.event for step in told.inquiry.history(case).steps] == ["call.received", "placement.arranged"]


def test_a_history_shows_both_clocks_the_message_the_cause_and_what_changed(told: Centre) -> None:
    """Step by step."""
    told.say("day", close("A"))
    told.pump()
    called, arranged, closed = told.inquiry.history(told.events()[1].case).steps

    assert called.occurred_at == at(NIGHT)
    assert called.recorded_at <= called.ledgered_at
    assert (called.position, called.service, called.service_position) == (3, "intake", 3)
    assert called.message is not None
    assert called.message.startswith("day adapter#call.report-")
    assert called.cause.startswith("message:day/adapter#call.report-")
    changes = {change.feature: (change.before, change.after) for change in called.changes}
    assert changes["band"] == (None, "night")
    assert changes["open"] == (None, True)
    assert [(change.feature, change.before, change.after) for change in arranged.changes] == [
        ("outcome", "other", "short-stay")
    ]
    assert [(change.feature, change.before, change.after) for change in closed.changes] == [("open", True, False)]


def test_a_history_shows_what_a_correction_changed(told: Centre) -> None:
    """The year and the band of a call whose time was wrong."""
    wrong = call("B", NIGHT)
    told.say("day", wrong)
    told.say("day", correct(wrong, occurred_at="2025-03-31T12:00:00+09:00"))
    told.pump()
    step = told.inquiry.history(told.events()[-1].case).steps[-1]
    changes = {change.feature: (change.before, change.after) for change in step.changes}

    assert changes["fiscal_year"] == (2025, 2024)
    assert changes["band"] == ("night", "day")


def test_a_history_shows_what_a_merging_changed(told: Centre) -> None:
    """The one that was merged counts no longer."""
    told.say("day", call("B", NIGHT))
    told.say("day", merge("B", into="A"))
    told.pump()
    step = told.inquiry.history(told.events()[-1].case).steps[-1]

    assert ("counted", True, False) in [(change.feature, change.before, change.after) for change in step.changes]


def test_a_history_shows_no_box(told: Centre) -> None:
    """Only that something is sealed."""
    person = told.events()[0].person
    (registered,) = [step for step in told.inquiry.history(person).steps if step.event == "person.registered"]

    assert registered.data["sealed"] == SEALED


@ON_ONE_STORE
@pytest.mark.parametrize("name", ["R7-0001", "r7-0001", "Ｒ７－０００１", "day/A", "A", " A "])
def test_a_consultation_is_found_by_number_and_by_reference(told: Centre, name: str) -> None:
    """In any width; and by its id."""
    case = told.events()[1].case

    assert told.inquiry.find(name) == case
    assert told.inquiry.find(case) == case


def test_a_person_is_found_by_id(told: Centre) -> None:
    """With everything about the registration."""
    person = told.events()[0].person

    assert told.inquiry.find(person) == person
    assert told.inquiry.history(person).kind == "person"


@ON_ONE_STORE
@pytest.mark.parametrize("name", ["R7-9999", "night/A", "Z", "", "R7", "day/", "/A/"])
def test_what_nobody_knows_is_not_found(told: Centre, name: str) -> None:
    """It says what would be."""
    with pytest.raises(NotKnown, match="reference number such as"):
        told.inquiry.find(name)


def test_a_reference_that_stands_for_several_is_not_guessed(told: Centre) -> None:
    """After a closing the same reference names a second consultation; both ids are given."""
    told.say("day", close("A", NEXT_DAY))
    told.say("day", call("A", LATER))
    told.pump()

    with pytest.raises(NotKnown, match="stands for several"):
        told.inquiry.find("A")


def test_what_nothing_is_known_of_has_no_history(told: Centre) -> None:
    """Not an empty page."""
    with pytest.raises(NotKnown):
        told.inquiry.history("nobody")


def test_a_history_knows_whether_it_is_synthetic(told: Centre) -> None:
    """Each says so for itself; the whole does as soon as anything is."""
    assert not told.inquiry.synthetic()
    told.say("day", call("B", NIGHT) | {"synthetic": True})
    told.pump()

    assert told.inquiry.history(told.events()[-1].case).synthetic
    assert not told.inquiry.history(told.events()[1].case).synthetic
    assert told.inquiry.synthetic()


def test_rule_8_the_net_number_stands_beside_the_gross_one(centre: Centre) -> None:
    """現在登録者数 on a day, and as it was known; who came back is in it again, who was merged counts once."""
    for person in ("P", "Q", "R"):
        centre.say("day", register(person, "2025-05-01 10:00"))
    centre.say("day", message("registration.withdraw", "2025-05-12 13:00", person="P"))
    centre.say("day", message("person.merge", "2025-05-13 10:00", person="Q", into="R"))
    centre.pump()
    before = centre.inquiry.ledger.head()
    centre.say("day", message("registration.reinstate", "2025-05-14 10:00", person="P"))
    centre.pump()

    def both(**asked: Any) -> tuple[Any, int]:
        report = centre.inquiry.report("registrations", **asked)
        return report.cells[-1].value, report.also["current_registrants"]

    assert both(as_of=date(2025, 5, 11)) == (2, 2)
    assert both(as_of=date(2025, 5, 12)) == (2, 1)
    assert both(known_at=before) == (2, 1)
    assert both() == (2, 2)
    assert centre.inquiry.report("registrations", years=range(2025, 2026)).also == {}


def changed(told: Centre, since: int, known_at: int | None = None) -> Changes:
    """What differs in the table of consultations."""
    then, now = (told.inquiry.report("calls", known_at=at) for at in (since, known_at or told.inquiry.ledger.head()))
    return changes(told.inquiry, then, now)


def test_a_difference_says_what_moved_and_which_record_did_it(told: Centre) -> None:
    """From the call alone to the short stay: the consultation left one column for another, by record 4."""
    found = changed(told, 3)
    cells = {(cell.row, cell.column): (cell.then, cell.now) for cell in found.cells}

    assert cells["night", "other"] == (1, 0)
    assert cells["night", "short-stay"] == (0, 1)
    assert ("night", "total") not in cells
    [cause] = found.causes
    assert (cause.step.position, cause.step.event) == (4, "placement.arranged")
    assert {name for cell in found.cells for name in (*cell.came, *cell.left)} == {cause.about}


def test_a_late_entry_is_named(told: Centre) -> None:
    """A call of the night, typed in on the next day: its flag stands in the record that is named."""
    told.say("day", close(on=LATER))
    told.say("day", call("late", NIGHT))
    told.pump()

    [cause] = [cause for cause in changed(told, 4).causes if cause.step.event == "call.received"]

    assert "late-entry" in {flag["code"] for flag in cause.step.data["flags"]}


def test_between_two_states_a_merging_is_told(told: Centre) -> None:
    """What was merged left its cells; the record that did it is named, and the later cut-off is not looked beyond."""
    told.say("day", call("B", NEXT_DAY))
    told.pump()
    before = told.inquiry.ledger.head()
    told.say("day", merge("B", "A"))
    told.pump()
    after = told.inquiry.ledger.head()
    told.say("day", call("C", NEXT_DAY))
    told.pump()

    assert {cause.step.event for cause in changed(told, before, after).causes} == {"case.merged"}
    assert changed(told, after, after) == msgspec.structs.replace(changed(told, after, after), cells=(), causes=())


def test_a_later_state_is_no_earlier_one(told: Centre) -> None:
    """Then and now cannot stand the other way about."""
    with pytest.raises(LookupError, match="record 4 is later than record 3"):
        changed(told, 4, 3)
