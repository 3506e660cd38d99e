"""Flags (確認事項) stand open until somebody resolves them; the list is what the log says, however it was made."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from services import flagged
from services.intake.mending import MENDED_BY
from services.pages.flag_words import FLAGS as IN_WORDS
from services.tables import FLAGS, PARKED
from tests.desk_examples import (
    LATER,
    NEXT_DAY,
    NOON,
    ON_ONE_STORE,
    Centre,
    Message,
    call,
    close,
    codes,
    contact,
    correct,
    message,
    names,
    register,
)

Open = tuple[str, str]
"""(code, field)"""


def resolve(code: str, on: str = LATER, **data: Any) -> Message:
    return message("flag.resolve", on, code=code, **{"resolution": "confirmed"} | data)


def stands(centre: Centre, *, is_open: bool = True) -> list[Open]:
    """The flags in the table that are open, or that are not."""
    return [(row["code"], row["field"]) for row in centre.rows(FLAGS) if (row["resolved_at"] is None) == is_open]


def made_again(centre: Centre) -> bool:
    """Whether the table made again from the log is the one that was written along with it."""
    before = centre.rows(FLAGS)
    flagged.rebuild(centre.desk().journal)
    return centre.rows(FLAGS) == before


def test_every_flag_of_a_call_and_of_a_form_stands_open(centre: Centre) -> None:
    """Whose it is, its code and its field, and since when; for each matter its own."""
    centre.say("day", register(age=66, certificate=None))
    centre.say("day", contact({"case": "A", "district": "atlantis"}, {"case": "B", "district": "kinuta"}))
    rows = {(row["matter"], row["code"]): row for row in centre.rows(FLAGS)}

    assert set(rows) == {
        (1, "eligibility-age"),
        (1, "form-incomplete"),
        (1, "not-registered"),
        (1, "unknown-district"),
        (2, "not-registered"),
    }
    assert (rows[2, "not-registered"]["number"], rows[2, "not-registered"]["field"]) == (
        "R7-0002",
        "data.matters[1].person",
    )
    assert all(row["opened_at"] == centre.records()[0].recordedat.isoformat() for row in rows.values())


def test_a_flag_is_resolved_by_somebody_with_a_reason(centre: Centre) -> None:
    """An event says how, and for whom it was; words about it are sealed."""
    odd = call("A", district="atlantis")
    centre.say("day", odd)
    receipt = centre.say(
        "day", resolve("unknown-district", call=odd["id"], resolution="corrected", personal={"by": "みほん"})
    )
    event = centre.events()[1]

    assert (event.code, event.field, event.resolution) == ("unknown-district", "data.matters[0].district", "corrected")
    assert (event.provider, receipt.number) == ("day", ["R7-0001"])
    assert "みほん".encode() not in bytes(centre.records()[1].data)
    assert stands(centre) == [("not-registered", "data.matters[0].person")]
    assert made_again(centre)


def test_a_flag_resolved_twice_is_resolved_once(centre: Centre) -> None:
    """In one transaction, in two, and after a restart."""
    odd = call("A")
    told = [resolve("not-registered", call=odd["id"]) for _ in range(4)]
    centre.say_all(("day", odd), ("day", told[0]), ("day", told[1]))
    centre.say("day", told[2])
    centre.restart()

    assert centre.say("day", told[3]).status == "accepted"
    assert names(centre.events()) == ["call.received", "flag.resolved"]
    assert stands(centre) == []


def test_a_resolved_flag_comes_back_only_by_a_new_event(centre: Centre) -> None:
    """Told again of the same field, it is open again, and can be resolved again."""
    odd = call("A")
    again = message("call.add", LATER, call=odd["id"], district="atlantis")
    centre.say("day", odd)
    for _ in range(2):
        centre.say("day", again | {"id": f"{again['id']}-{_}"})
        assert ("unknown-district", "data.district") in stands(centre)
        centre.say("day", resolve("unknown-district", call=odd["id"], field="data.district"))
        assert ("unknown-district", "data.district") not in stands(centre)

    assert names(centre.events()).count("flag.resolved") == 2
    assert made_again(centre)


def test_a_date_of_birth_that_is_no_date_is_flagged_until_one_is_told(centre: Centre) -> None:
    """The call is taken with it as it was typed; told again as badly, somebody still has to look."""
    odd = call("A", personal={"birth_date": "昭和99年13月45日"})
    receipt = centre.say("day", odd)
    told = {"call": odd["id"]}
    worse = centre.say("day", message("call.add", LATER, **told, personal={"birth_date": "1985-02-30"}))
    still = [code for code, _ in stands(centre)].count("birth-date-unusable")
    unclear = centre.say("day", message("call.add", LATER, **told, personal={"birth_date": "昭和60年ごろ"}))
    centre.say("day", message("call.add", LATER, **told, personal={"birth_date": "昭和60年4月30日"}))

    assert ("birth-date-unusable", "data.matters[0].personal.birth_date") in [
        (flag["code"], flag["field"]) for flag in receipt.flags
    ]
    assert "birth-date-unusable" in [flag["code"] for flag in worse.flags]
    assert "birth-date-unusable" not in [flag["code"] for flag in unclear.flags]
    assert still == 2
    assert "birth-date-unusable" not in [code for code, _ in stands(centre)]


def test_by_number_the_flags_of_every_contact_are_resolved(centre: Centre) -> None:
    """Whoever looks at a consultation looks at all of it."""
    for on in ("2025-05-12 12:00", "2025-05-12 12:01", "2025-05-12 12:02"):
        centre.say("day", call("A", on))
    centre.say("night", resolve("possible-duplicate", number="R7-0001", resolution="duplicate"))

    assert stands(centre) == [("not-registered", "data.matters[0].person")]
    assert [row["by"] for row in centre.rows(FLAGS) if row["code"] == "possible-duplicate"] == ["night", "night"]


def test_a_flag_of_a_registration_is_resolved_by_the_persons_reference(centre: Centre) -> None:
    """It waits for the registration, as every message about one does."""
    early = centre.say("day", resolve("eligibility-age", "2025-05-01 09:00", person="P", resolution="not-needed"))
    centre.say("day", register(age=66))

    assert early.status == "waiting"
    assert names(centre.events()) == ["person.registered", "flag.resolved"]
    assert stands(centre) == [("form-incomplete", "data.personal")]
    assert made_again(centre)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"code": "late-entry", "call": "C"}, "data.code"),
    ({"code": "not-registered", "call": "C", "field": "data.matters[7].person"}, "data.code"),
    ({"code": "not-registered", "call": "C", "resolution": "bored"}, "data.resolution"),
    ({"code": "not-registered"}, "data.call"),
]


@ON_ONE_STORE
@pytest.mark.parametrize(("data", "field"), WRONG)
def test_resolving_what_is_not_there_is_parked(centre: Centre, data: dict[str, Any], field: str) -> None:
    """The reason says which flags the record has."""
    centre.say("day", call("A", id="C"))
    receipt = centre.say("day", resolve(**data))

    assert (receipt.status, receipt.field) == ("parked", field)
    if field == "data.code":
        assert "not-registered" in (receipt.reason or "")


def test_a_flag_goes_where_its_contact_goes(centre: Centre) -> None:
    """Moved to another consultation, it is looked for under that one's number."""
    centre.say("day", call("B"))
    wrong = call("A", "2025-05-12 13:00")
    centre.say("day", wrong)
    centre.say("day", correct(wrong, to="B"))

    assert {row["number"] for row in centre.rows(FLAGS)} == {"R7-0001"}
    centre.say("day", resolve("not-registered", number="R7-0001"))
    assert stands(centre) == []
    assert made_again(centre)


def test_a_log_older_than_the_table_fills_it_at_the_start(centre: Centre) -> None:
    """What was flagged before is found, resolved or not; a table that has rows is left as it is."""
    odd = call("A", district="atlantis")
    for told in (odd, resolve("not-registered", call=odd["id"]), call("A", LATER, x=1), close("A", NEXT_DAY)):
        centre.say("day", told)  # The closing moves the second contact.
    before = centre.rows(FLAGS)
    with centre.engine("intake").begin() as connection:
        connection.execute(sa.delete(FLAGS))
    centre.restart()

    assert len(before) == 3
    assert centre.rows(FLAGS) == before
    assert {row["number"] for row in before} == {"R7-0001", "R7-0002"}
    assert centre.rows(PARKED) == []


def test_flags_are_written_with_their_event_or_not_at_all(centre: Centre) -> None:
    """A transaction that fails leaves no flag behind."""
    odd = call("A")

    class Failed(RuntimeError):
        """The power went."""

    def fail() -> None:
        with centre.desk()._group() as group:
            centre.desk()._take_one(group, centre.desk()._opened(*_arrived(centre, odd)))  # type: ignore[arg-type]
            group.write()
            raise Failed

    with pytest.raises(Failed):
        fail()
    assert (centre.events(), centre.rows(FLAGS)) == ([], [])


def _arrived(centre: Centre, told: Message) -> Any:
    from services.inbox import items

    delivery = centre.delivery("day", told, "intake")
    return delivery, next(items(delivery))


def mended(centre: Centre) -> list[tuple[str, str | None]]:
    """What was resolved without anybody's doing: its code, and the event that mended it."""
    return [(event.code, event.because) for event in centre.events() if event.name == "flag.resolved"]


NEXT = "2025-05-13T08:00:00+09:00"
AT_NOON, AT_NIGHT = "2025-05-12T12:00:00+09:00", "2025-05-12T23:00:00+09:00"


def odd(on: str = NOON, **matter: Any) -> Message:
    return call("A", on, id="odd", **matter)


def right(kind: str = "call.correct", **data: Any) -> Message:
    return message(kind, NEXT_DAY, call="odd", **data)


CALLS: list[tuple[Message, Message, list[str]]] = [
    (odd(district="atlantis"), right(district="kinuta"), ["unknown-district"]),
    (odd(district="atlantis"), right("call.add", district="kinuta"), ["unknown-district"]),
    (odd(district="atlantis"), right(reasons=["carer-ill"]), []),
    (odd(district=None), right(district="kinuta"), ["district-unknown"]),
    (contact(id="odd"), right(not_counted="enquiry"), ["matter-missing"]),
    (contact({}, id="odd", channel="drum"), right(channel="fax"), ["unknown-channel"]),
    (odd(reasons=["bored"]), right(reasons=["carer-ill"]), ["unknown-reasons"]),
    (odd(safe_until="soon"), right("call.add", safe_until=NEXT), ["time-unusable"]),
    (odd(danger=[{"what": "run", "at": AT_NOON}]), right(danger=[{"what": "119", "at": AT_NOON}]), ["unknown-what"]),
    (odd("2025-05-12 22:00"), right(occurred_at=AT_NOON), ["outside-hours"]),
    (odd("2025-05-12 22:00"), right(occurred_at=AT_NIGHT), []),
]


@ON_ONE_STORE
@pytest.mark.parametrize(("told", "correction", "closed"), CALLS)
def test_the_correction_that_mends_a_flag_resolves_it(
    centre: Centre, told: Message, correction: Message, closed: list[str]
) -> None:
    """In its own transaction, by an event that names it; what it does not mend stays open."""
    opened = set(codes(centre.say("day", told)))
    centre.say("day", correction)
    because = "call.added" if correction["type"] == "call.add" else "call.corrected"

    assert mended(centre) == [(code, because) for code in closed]
    assert {code for code, _ in stands(centre)} == opened - set(closed)
    assert made_again(centre)


LAPSED = {"age": 66, "certificate": True, "certificate_until": "2025-04-01"}
ONE, OTHER = {"name": "a", "kana": "a", "address": "a"}, {"phone": "1", "contacts": [{"name": "b"}]}
FORMS: list[tuple[dict[str, Any], list[dict[str, Any]], list[str]]] = [
    ({"age": 66, "certificate": None}, [{"certificate": True}], ["eligibility-age"]),
    ({"age": 66, "certificate": None}, [{"district": "kitazawa"}], []),
    (LAPSED, [{"certificate_until": "2026-04-01"}], ["certificate-lapsed"]),
    ({"district": "atlantis"}, [{"district": "kitazawa"}], ["unknown-district"]),
    ({"district": None}, [{"district": "kitazawa"}], ["missing"]),
    ({"age": None}, [{"personal": {"birth_date": "1985-04-30"}}], ["missing"]),
    ({"personal": {"birth_date": "1985-02-30"}}, [{"personal": {"birth_date": "1985-03-01"}}], ["birth-date-unusable"]),
    ({"certificate_until": "some day"}, [{"personal": {"certificate_until": "2026-03-31"}}], ["not-a-day"]),
    ({}, [{"personal": ONE}], []),
    ({}, [{"personal": ONE}, {"personal": OTHER}], ["form-incomplete"]),
]


@ON_ONE_STORE
@pytest.mark.parametrize(("form", "corrections", "closed"), FORMS)
def test_the_correction_that_completes_a_form_resolves_its_flags(
    centre: Centre, form: dict[str, Any], corrections: list[dict[str, Any]], closed: list[str]
) -> None:
    """Also what is told in several parts: only the names of the fields stand in clear."""
    opened = set(codes(centre.say("day", register(**form))))
    for correction in corrections:
        centre.say("day", message("registration.correct", LATER, person="P", **correction))

    assert mended(centre) == [(code, "registration.corrected") for code in closed]
    assert {code for code, _ in stands(centre)} == opened - set(closed)
    assert made_again(centre)


@ON_ONE_STORE
def test_a_link_mends_what_stood_for_nobody_and_its_undoing_opens_that_again(centre: Centre) -> None:
    """For every contact of the consultation; what somebody had looked at stays resolved."""
    centre.say("day", register())
    first, further = call("A", district=None), call("A", "2025-05-12 13:00")
    centre.say("day", first)
    centre.say("day", further)
    before = sorted(stands(centre))
    centre.say("day", message("call.link", LATER, call=first["id"], person="P", matched=["name", "phone"]))

    assert stands(centre) == [("form-incomplete", "data.personal")]
    assert set(mended(centre)) == {("not-registered", "call.linked"), ("district-unknown", "call.linked")}
    centre.restart()
    centre.say("day", message("call.unlink", LATER, call=first["id"]))
    assert sorted(stands(centre)) == before
    assert names(centre.events()).count("flag.reopened") == len(before) - 1
    assert made_again(centre)
    centre.say("day", resolve("not-registered", call=first["id"]))
    centre.say("day", message("call.link", LATER, call=first["id"], person="P", matched=["name", "phone"]))
    centre.say("day", message("call.unlink", LATER, call=first["id"]))
    assert len(stands(centre)) == len(before) - 1


@ON_ONE_STORE
def test_who_is_registered_after_they_rang_is_no_stranger_any_more(centre: Centre) -> None:
    """Nobody was registered under this reference; now somebody is. A certificate mends the calls, too."""
    centre.say("day", call("A", "2025-04-20 12:00", person="P"))
    assert ("unknown-person", "data.matters[0].person") in stands(centre)
    centre.say("day", register(age=66))
    centre.say("day", call("B", person="P"))

    assert mended(centre) == [("unknown-person", "person.registered")]
    assert [code for code, _ in stands(centre)].count("eligibility-age") == 2
    centre.say("day", message("registration.correct", LATER, person="P", certificate=True))
    assert {code for code, _ in stands(centre)} == {"late-entry", "form-incomplete"}
    assert made_again(centre)


@ON_ONE_STORE
def test_made_one_they_are_no_duplicates_any_more(centre: Centre) -> None:
    """Two forms of one person, two numbers of one matter."""
    alike = {"name": "架空 花子", "birth_date": "1985-04-30"}
    centre.say("day", register("P", personal=alike))
    centre.say("day", register("Q", personal=alike))
    centre.say("day", message("person.merge", LATER, person="Q", into="P"))
    assert mended(centre) == [("possible-duplicate", "person.merged")]
    centre.say("day", call("A"))
    centre.say("day", call("B", number="R7-9999"))
    centre.say("day", message("case.merge", LATER, case="B", into="A"))

    assert mended(centre)[1:] == [("unknown-number", "case.merged")]
    assert made_again(centre)


def test_every_code_says_what_mends_it() -> None:
    """In the one table, in which somebody looks who asks why a flag went, or did not."""
    assert MENDED_BY.keys() == IN_WORDS.keys()
