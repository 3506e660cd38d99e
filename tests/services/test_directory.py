"""送付先名簿: a receiver is named by a key or word of the directory that holds on the day, or by a name of its own."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest

from services.directory import Agency, entry_of
from services.keyed import Label
from tests.desk_examples import WARD, Centre, answer, call, offer

OLD = Agency(key="old-port", label=Label("ぽーと", "Port"), kind="agency", until=date(2025, 3, 31))
NEW = Agency(key="new-port", label=Label("ぽーと", "Port"), kind="agency", from_=date(2025, 4, 1))
SECTION = "kitazawa-section"


@pytest.fixture
def told(centre: Centre) -> Centre:
    """Handover has heard of the day provider's case A, of 12 May 2025."""
    centre.say("day", call())
    centre.pump()
    return centre


@pytest.mark.parametrize("word", ["old-port", "ぽーと", "port", "ＰＯＲＴ", " Port "])
def test_an_entry_is_found_by_any_of_its_words(word: str) -> None:
    """In any width and case."""
    assert entry_of(word, [OLD], date(2025, 3, 31)) is OLD


def test_of_two_of_one_name_the_one_of_the_day_is_meant() -> None:
    """An office that moved keeps its name."""
    assert entry_of("ぽーと", [OLD, NEW], date(2025, 3, 31)) is OLD
    assert entry_of("ぽーと", [OLD, NEW], date(2025, 4, 1)) is NEW
    assert entry_of("ほか", [OLD, NEW], date(2025, 4, 1)) is None


@pytest.mark.parametrize(
    "to", [SECTION, "北沢保健福祉課", "北沢総合支所保健福祉課", "Kitazawa health and welfare section"]
)
def test_a_receiver_of_the_directory_stands_in_the_event_with_its_key(told: Centre, to: str) -> None:
    """And by the ward's own word, however it was named; the acceptance says the same."""
    told.say("day", offer(kind="section", to=to))
    told.say("day", answer("accept"))

    for event in told.events("handover"):
        assert (event.to, event.agency) == ("北沢保健福祉課", SECTION)


def test_another_name_is_taken_as_it_is_told(told: Centre) -> None:
    """Without a key: so it can be seen that it is none of the directory's."""
    told.say("day", offer(to="となりの市の相談支援事業所"))
    (event,) = told.events("handover")

    assert (event.to, event.agency) == ("となりの市の相談支援事業所", None)


@pytest.mark.parametrize("days", [{"until": date(2025, 5, 12)}, {"from_": date(2025, 5, 14)}])
def test_an_entry_that_is_not_there_on_the_day_is_refused(told: Centre, days: dict[str, date]) -> None:
    """With what would be accepted; nothing is recorded."""
    entries = tuple(msgspec.structs.replace(a, **days) if a.key == "port-kitazawa" else a for a in WARD.agency)
    told.activate(msgspec.structs.replace(WARD, agency=entries))
    told.pump()
    receipt = told.say("day", offer(to="port-kitazawa"))

    assert (receipt.status, receipt.field) == ("parked", "data.to")
    assert "not in the directory on that day; accepted: port-setagaya, port-tamagawa" in (receipt.reason or "")
    assert told.events("handover") == []


def test_the_morning_is_no_agencys(told: Centre) -> None:
    """朝の引継ぎ is between providers; whoever stands in the directory is asked as what it is."""
    receipt = told.say("day", offer(kind="morning", to="inaho"))

    assert (receipt.status, receipt.field) == ("parked", "data.kind")
    assert "accepted: agency" in (receipt.reason or "")


def test_an_agency_that_is_gone_is_refused_with_what_was_meant(told: Centre) -> None:
    """A section was wanted: sections are named."""
    entries = tuple(
        msgspec.structs.replace(a, until=date(2025, 5, 12)) if a.key == "port-kitazawa" else a for a in WARD.agency
    )
    told.activate(msgspec.structs.replace(WARD, agency=entries))
    told.pump()
    receipt = told.say("day", offer(kind="section", to="port-kitazawa"))

    assert "accepted: setagaya-section, kitazawa-section" in (receipt.reason or "")
    assert "port-" not in (receipt.reason or "")


def test_a_section_is_no_agency(told: Centre) -> None:
    """What counts must be what it is."""
    receipt = told.say("day", offer(kind="agency", to=SECTION))

    assert (receipt.status, receipt.field) == ("parked", "data.kind")
    assert "accepted: section" in (receipt.reason or "")


def test_information_may_go_to_either(told: Centre) -> None:
    """Its kind says that it is information only."""
    assert told.say("day", offer(kind="information", to=SECTION)).status == "accepted"


def test_an_escalation_asks_no_directory(told: Centre) -> None:
    """Whoever was told was told, and is handed nothing."""
    told.say("day", offer(kind="escalation", to=SECTION))

    assert told.events("handover")[0].agency is None
