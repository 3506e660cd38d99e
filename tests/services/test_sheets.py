"""Fax and paper: a sheet goes out to whom the directory names, checked by two; or is asked back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from services.ward import Ward
from tests.desk_examples import LATER, NEXT_DAY, WARD, Centre, Message, answer, call, message, offer
from tests.web_examples import centre_in

SECTION = "kitazawa-section"
TWO = {"by": "架空 花子", "checked_by": "架空 次郎"}


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Centre]:
    """A case that is offered to the section in Kitazawa."""
    with centre_in(tmp_path) as centre:
        centre.say("day", call())
        centre.pump()
        centre.say("day", offer(kind="section", to=SECTION))
        yield centre


def send(on: str = LATER, **data: Any) -> Message:
    given: Message = {"handover": "offer", "how": "fax", "pages": 2, "personal": TWO}
    return message("handover.send", on, **given | data)


def recall(on: str = LATER, **data: Any) -> Message:
    return message("handover.recall", on, **{"handover": "offer", "reason": "misdialled"} | data)


def test_a_fax_goes_to_the_number_of_the_directory(told: Centre) -> None:
    """Nobody types one; who sent it and who checked it is sealed; whether it came is another matter."""
    assert told.say("day", send()).status == "accepted"
    event = told.events("handover")[-1]
    assert (event.name, event.sending, event.how, event.pages) == ("handover.sent", 1, "fax", 2)
    assert (event.to, event.agency, event.fax) == ("北沢保健福祉課", SECTION, "03-0000-0021")
    assert (
        told.keys.opened([told.events()[0].person], f"handover.sent/{told.records('handover')[-1].id}", event.sealed)
        == TWO
    )
    assert told.say("day", answer("deliver", how="fax")).status == "accepted"


def test_each_sheet_has_its_number_and_is_asked_back_by_it(told: Centre) -> None:
    """A second one after a recall; what became of the first is told again once it is known."""
    for one in (send(), recall(), send(how="post"), recall(sending=1, collected=True, how="phone")):
        assert told.say("day", one).status == "accepted"
    events = told.events("handover")[1:]
    assert [(e.name, e.sending) for e in events] == [
        ("handover.sent", 1),
        ("handover.recalled", 1),
        ("handover.sent", 2),
        ("handover.recalled", 1),
    ]
    assert [e.collected for e in events if e.name == "handover.recalled"] == [None, True]
    assert events[2].fax is None  # By post there is none.


def test_what_was_sent_after_all_is_kept_whatever_became_of_the_offer(told: Centre) -> None:
    """It is a fact, and somebody may have to ask it back."""
    told.say("day", answer("withdraw"))
    assert told.say("day", send()).status == "accepted"


def test_no_figure_moves_for_paper(told: Centre) -> None:
    """Neither sending, nor asking back, nor anything that came of it."""
    told.pump()
    before = told.figures()
    told.say("day", send())
    told.say("day", recall())
    told.pump()
    assert told.figures() == before


@pytest.mark.parametrize(
    ("odd", "field"),
    [
        ({"how": "phone"}, "data.how"),
        ({"how": "pigeon"}, "data.how"),
        ({"pages": 0}, "data.pages"),
        ({"pages": 201}, "data.pages"),
        ({"personal": {"by": "架空 花子"}}, "data.personal.checked_by"),
        ({"personal": {"by": "架空 花子", "checked_by": " 架空　花子"}}, "data.personal.checked_by"),
        ({"personal": {"by": "架空 朝子", "checked_by": "架空朝子"}}, "data.personal.checked_by"),
        ({"personal": {"by": "Kakuu\u3000Asako", "checked_by": "ＫａｋｕｕAsako"}}, "data.personal.checked_by"),
        ({"personal": {"by": "　", "checked_by": "架空 次郎"}}, "data.personal.by"),
        ({"personal": {"by": ["x"], "checked_by": ["x"]}}, "data.personal.checked_by"),
        ({"personal": None}, "data.personal.by"),
        ({"handover": ""}, "data.handover"),
        ({"number": "03-9999-9999"}, "data.number"),
        ({"on": "2025-05-01 10:00"}, "time"),
    ],
)
def test_what_two_people_would_not_send_is_parked(told: Centre, odd: dict[str, Any], field: str) -> None:
    """With the field, and what would be accepted; a number that somebody typed is no field at all."""
    receipt = told.say("day", send(**odd))
    assert (receipt.status, receipt.field) == ("parked", field)


@pytest.mark.parametrize(
    ("odd", "field"),
    [
        ({"sending": 2}, "data.sending"),
        ({"sending": 0}, "data.sending"),
        ({"reason": "架空の理由"}, "data.reason"),
        ({"how": "pigeon"}, "data.how"),
    ],
)
def test_what_never_went_out_cannot_be_asked_back(told: Centre, odd: dict[str, Any], field: str) -> None:
    """Nor for a reason that is none."""
    told.say("day", send())
    receipt = told.say("day", recall(**odd))
    assert (receipt.status, receipt.field) == ("parked", field)


def test_before_anything_went_out_nothing_is_asked_back(told: Centre) -> None:
    """The reason says what comes first."""
    receipt = told.say("day", recall())
    assert receipt.status == "parked"
    assert "handover.send first" in (receipt.reason or "")


def test_who_is_in_no_directory_is_sent_no_fax(told: Centre) -> None:
    """A number that nobody has checked; by post it goes."""
    told.say("day", call("B"))
    told.pump()
    told.say("day", offer("other", "B", to="架空相談室"))
    assert told.say("day", send(handover="other")).field == "data.how"
    assert told.say("day", send(handover="other", how="post")).status == "accepted"
    assert told.events("handover")[-1].agency is None


def test_an_entry_without_a_fax_or_that_ended_is_sent_none(tmp_path: Path) -> None:
    """The directory of that very day counts."""
    [entry] = [agency for agency in WARD.agency if agency.key == SECTION]
    day = WARD.local(WARD.start_of(msgspec.convert("2025-05-15", type(WARD.ward.line_opens)))).date()
    for changed in (msgspec.structs.replace(entry, fax=None), msgspec.structs.replace(entry, until=day)):
        ward: Ward = msgspec.structs.replace(WARD, agency=(changed,))
        directory = tmp_path / str(changed.fax)
        directory.mkdir()
        with Centre(f"sqlite:///{directory}/{{service}}.db", ward) as centre:
            centre.say("day", call())
            centre.pump()
            assert centre.say("day", offer(kind="section", to=SECTION)).status == "accepted"
            receipt = centre.say("day", send(on="2025-06-01 10:00"))
            assert (receipt.status, receipt.field) == ("parked", "data.how")


def test_no_sheet_goes_out_for_the_mornings_hand_over(told: Centre) -> None:
    """It stays within the centre."""
    told.say("day", call("B"))
    told.pump()
    told.say("day", offer("morning", "B", "morning", to="day", on=NEXT_DAY))
    assert told.say("day", send(handover="morning")).field == "data.handover"
