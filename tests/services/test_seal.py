"""Design rule 14: nothing personal in clear, boxes bound to their events, and a person who can be forgotten."""

from __future__ import annotations

from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

import msgspec
import pytest

from events import Recorded
from events.seal import new_key, seal
from services.reporting.fold import all_entries
from services.seal import Destroyed, KeyStore, Secrets
from services.tables import PARKED
from tests.desk_examples import (
    NIGHT,
    ON_ONE_STORE,
    SECRETS,
    Centre,
    answer,
    arrange,
    call,
    cancel,
    close,
    codes,
    contact,
    correct,
    message,
    offer,
    register,
)

NAME = "夜明花子"
PHONE = "03-5432-0000"
PERSONAL = {"name": NAME, "phone": PHONE, "birth_date": "1985-04-30"}


def opened(keys: KeyStore, record: Recorded, subject: str) -> dict[str, Any]:
    """What the box of an event holds."""
    data = msgspec.json.decode(record.data)
    return keys.unseal(subject, f"{record.type}/{record.id}", data["sealed"])


def test_a_box_opens_for_its_event_and_its_person(centre: Centre) -> None:
    """What was said comes back word for word."""
    centre.say("day", register(personal=PERSONAL))
    (record,) = centre.records()

    assert opened(centre.keys, record, record.subject) == PERSONAL


def test_boxes_cannot_be_swapped_between_events(centre: Centre) -> None:
    """Both of one person, and both opened with her key: the event's identity is part of the seal."""
    centre.say("day", call("A", person="P", personal={"note": "first"}))
    centre.say("day", call("A", person="P", personal={"note": "second"}))
    first, second = centre.records()
    swapped = msgspec.structs.replace(first, data=second.data)

    with pytest.raises(ValueError, match="not sealed for this event"):
        opened(centre.keys, swapped, centre.events()[0].person)


def test_a_box_cannot_be_moved_to_another_person(centre: Centre) -> None:
    """Each person has a key of their own."""
    centre.say("day", call("A", personal=PERSONAL))
    centre.say("day", call("B", personal=PERSONAL))
    first, second = centre.events()
    record = centre.records()[0]

    with pytest.raises(ValueError, match="not sealed for this event"):
        opened(centre.keys, record, second.person)
    assert opened(centre.keys, record, first.person) == PERSONAL


def test_a_changed_box_does_not_open(centre: Centre) -> None:
    """One bit is enough."""
    centre.say("day", call("A", personal=PERSONAL))
    (event,), (record,) = centre.events(), centre.records()
    box = bytearray(b64decode(event.sealed))
    box[20] ^= 1

    with pytest.raises(ValueError, match="not sealed for this event"):
        centre.keys.unseal(event.person, f"{record.type}/{record.id}", b64encode(box).decode())


def test_nothing_personal_stands_in_clear_anywhere(centre: Centre) -> None:
    """Not in a journal, a table, the ledger, a receipt, or what is parked or waits; however it was sent."""
    person: dict[str, Any] = {"personal": PERSONAL}
    told = [
        register(**person),
        call("A", **person),
        contact({"case": "B", "district": NAME, "reasons": [NAME], "person": NAME, "number": NAME}, channel=NAME),
        contact(NAME, personal=NAME, not_counted=NAME) | {"time": NAME, "entered": NAME},
        correct(call(id="call-a"), **person),
        close("A", reason=f"{NAME}が来所"),
        close(NAME),
        message("registration.correct", "2025-05-12 13:00", person="P", **person),
        register("Q", district=NAME, handbooks=[NAME], age=NAME),
        arrange(case="A", **person),
        cancel(reason=f"{NAME}が辞退"),
        offer(case="A", **person),
        answer("accept", purpose=f"{NAME}の支援", **person),
        answer("return", reason=f"{NAME}が転居"),
        close("A", id="poison", data=NAME),
    ]
    for one in told:
        centre.say("day", one)
    centre.say("day", f'{{"id": "1", "data": {{"name": "{NAME}", "phone": "{PHONE}"}}'.encode())
    centre.pump()

    for word in (NAME, PHONE, "1985-04-30"):
        written = centre.on_disk()
        assert word.encode() not in written
        assert word.encode("unicode_escape") not in written
        assert msgspec.json.encode(word) not in written


def test_the_search_for_clear_words_finds_them(centre: Centre) -> None:
    """What is public stands on disk and is found there, or else the test above would prove nothing."""
    centre.say("day", call("reference-77"))
    centre.pump()

    assert b"reference-77" in centre.on_disk()


def test_what_was_sent_in_clear_is_sealed_and_flagged(centre: Centre) -> None:
    """A raw publisher is recorded all the same."""
    receipt = centre.say("day", call("A", personal=PERSONAL))

    assert receipt.status == "accepted"
    assert "personal-in-clear" in codes(receipt)


def test_what_was_sealed_by_the_adapter_is_not_flagged(centre: Centre) -> None:
    """And comes out as it went in."""
    receipt = centre.say("day", call("A", personal=seal(PERSONAL, SECRETS.inbox)))
    (event,), (record,) = centre.events(), centre.records()

    assert "personal-in-clear" not in codes(receipt)
    assert opened(centre.keys, record, event.person) == PERSONAL


ODD = ["", "夜明花子", "a.b.c.d.e", "eyJhbGciOiJub25lIn0..AAAA.AAAA.AAAA", "W10.W10.W10.W10.W10", [NAME], 7]


@ON_ONE_STORE
@pytest.mark.parametrize("personal", [*ODD, seal(PERSONAL, new_key())])
def test_a_call_whose_personal_part_cannot_be_opened_is_recorded(centre: Centre, personal: Any) -> None:
    """Flagged; what came is sealed as it came, so that a person can mend it."""
    receipt = centre.say("day", call("A", personal=personal))
    (event,), (record,) = centre.events(), centre.records()

    assert "personal-unreadable" in codes(receipt)
    assert opened(centre.keys, record, event.person) == {"unreadable": personal}


def test_forgetting_a_person_leaves_every_proof_and_tally(centre: Centre) -> None:
    """The log, the root and the figures are as they were; only the box does not open."""
    centre.say("day", register(personal=PERSONAL))
    centre.say("day", call("A", NIGHT, person="P", personal=PERSONAL))
    centre.pump()
    before = centre.desk().journal.read(), centre.inquiry.end(), centre.figures()
    person = centre.events()[0].person
    centre.keys.destroy(person)
    centre.restart()

    assert (centre.desk().journal.read(), centre.inquiry.end(), centre.figures()) == before
    assert len(all_entries(centre.inquiry.facts())) > 0
    assert centre.keys.destroyed() == {person}
    with pytest.raises(Destroyed):
        opened(centre.keys, centre.records()[0], person)


def test_a_forgotten_person_gets_no_new_key(centre: Centre) -> None:
    """Or what is sealed afterwards would be readable again."""
    centre.keys.destroy("P")
    centre.keys.ensure(["P"])

    with pytest.raises(Destroyed):
        centre.keys.seal("P", "call.received/1", PERSONAL)


def test_a_forgotten_person_who_rings_again_is_recorded(centre: Centre) -> None:
    """A call is never refused, whoever it is about."""
    centre.say("day", call("A", person="P", personal=PERSONAL))
    centre.keys.destroy(centre.events()[0].person)
    centre.restart()
    receipt = centre.say("day", call("A", NIGHT, person="P", personal=PERSONAL))

    assert receipt.status == "accepted"
    assert len(centre.events()) == 2


def test_a_running_service_does_not_use_a_key_that_was_destroyed(centre: Centre) -> None:
    """Forgetting happens in another process; what was in memory is forgotten too."""
    centre.say("day", call("A", person="P", personal=PERSONAL))
    (event,) = centre.events()
    centre.keys.destroy(event.person)

    with pytest.raises(Destroyed):
        opened(centre.desk().keys, centre.records()[0], event.person)


def test_what_is_parked_can_be_opened_by_us_alone(centre: Centre) -> None:
    """A person who mends it sees what came."""
    centre.say("day", close("A", personal=PERSONAL, id="poison"))
    (row,) = centre.rows(PARKED)

    assert NAME.encode() in SECRETS.open_local(row["body"])


def test_the_keys_are_made_once_and_for_their_owner_alone(tmp_path: Path) -> None:
    """A second start finds them; nobody else may read them but the public one."""
    first, second = Secrets.at(tmp_path / "keys"), Secrets.at(tmp_path / "keys")
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "keys").iterdir()}

    assert first.digest(b"x") == second.digest(b"x")
    assert modes == {"master.key": 0o600, "inbox.jwk": 0o600, "inbox.pub.jwk": 0o644}
    assert b'"d"' not in (tmp_path / "keys" / "inbox.pub.jwk").read_bytes()


def test_a_digest_over_personal_content_needs_the_key() -> None:
    """Or names could be guessed by hashing the telephone book."""
    other = Secrets(b"o" * 32, SECRETS.inbox)

    assert SECRETS.digest(NAME.encode()) != other.digest(NAME.encode())
