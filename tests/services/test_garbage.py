"""What adapters send by mistake: it is recorded with a flag, or parked with a reason; nothing crashes or spreads."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwe

from events import ContractError, decode, event_of
from events.intake import CallReceived, PersonRegistered
from events.seal import HEADER, Unreadable, unseal
from services.inbox import Delivery, items
from tests.desk_examples import NOON, SECRETS, Centre, arrange, at, call, codes, contact, message, register

RELEASED = (Path(__file__).parents[1] / "events" / "released" / "call.received.v1.json").read_bytes()
DEEP = b"[" * 5000 + b"]" * 5000


def _part(header: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()


ODD_CURVE = (
    _part({**HEADER, "epk": {"kty": "EC", "crv": "P-999", "x": "AA", "y": "AA"}})
    + "..AAAAAAAAAAAAAAAA.AA.AAAAAAAAAAAAAAAAAAAAAA"
)


def test_bad_bytes_inside_an_event_are_a_contract_error() -> None:
    """Whatever a journal or the bus holds, reading it ends in one kind of error."""
    with pytest.raises(ContractError):
        event_of(decode(RELEASED.replace(b'"C-0002"', b'"C-\x80"')))
    with pytest.raises(ContractError):
        decode(RELEASED.replace(b'"data":{', b'"data":{"x":' + DEEP + b","))


def test_a_sealed_text_of_an_unknown_curve_is_unreadable_and_the_call_is_recorded(centre: Centre) -> None:
    """A call is never refused for what cannot be opened."""
    with pytest.raises(Unreadable):
        unseal(ODD_CURVE, SECRETS.inbox)
    receipt = centre.say("day", contact({"case": "A", "personal": ODD_CURVE}))
    assert receipt.status == "accepted"
    assert "personal-unreadable" in codes(receipt)


def test_a_deeply_nested_sealed_text_is_unreadable() -> None:
    """Depth inside a seal is no way to end a service."""
    with pytest.raises(Unreadable):
        unseal(jwe.encrypt_compact(HEADER, b'{"a":' + DEEP + b"}", SECRETS.inbox), SECRETS.inbox)


@pytest.mark.parametrize("body", [b'{"id": "1"', b'{"id": 1e400}', b'{"id": "\\ud800"}'])
def test_the_reason_is_the_true_one(body: bytes) -> None:
    """A cut message, a number out of range and a lone surrogate are not said to be nested too deeply."""
    (item,) = items(Delivery(provider="day", service="intake", body=body, arrived=at(NOON)))
    assert "nested" not in str(item.garbled)


@pytest.mark.parametrize("age", ["0000000000999", "0" * 9 + "9" * 5000])
def test_an_age_that_is_none_is_flagged(centre: Centre, age: str) -> None:
    """The form is registered all the same."""
    assert "not-a-number" in codes(centre.say("day", register(age=age)))
    (event,) = centre.events()
    assert isinstance(event, PersonRegistered)
    assert event.age is None


@pytest.mark.parametrize(
    ("personal", "code"), [({"note": "x"}, "personal-in-clear"), ("garbage", "personal-unreadable")]
)
def test_what_lay_open_or_stays_shut_is_told_of_every_message(centre: Centre, personal: object, code: str) -> None:
    """Not only calls: a placement's receipt says so too."""
    centre.say("day", call("A"))
    centre.pump()
    assert codes(centre.say("day", arrange(personal=personal))) == [code]


def test_what_one_matter_got_wrong_stays_with_its_person(centre: Centre) -> None:
    """Flags and raw values of the first person's matter are neither on nor in the second person's event."""
    centre.say("day", contact({"case": "A", "district": "Tanaka's house"}, {"case": "B", "district": "kinuta"}))
    second = centre.events()[1]
    assert isinstance(second, CallReceived)
    assert second.sealed is None
    assert all("matters[0]" not in (flag.field or "") for flag in second.flags)


@pytest.mark.parametrize("name", ["id", "source"])
def test_a_name_with_control_characters_is_parked(name: str, centre: Centre) -> None:
    """A NUL cannot stand in PostgreSQL; the message is parked and those behind it go on."""
    assert centre.say("day", {**call("A"), name: "a\x00b"}).status == "parked"
    assert centre.say("day", call("A")).status == "accepted"


def test_references_of_any_kind_get_an_answer(centre: Centre) -> None:
    """With a NUL, or longer than a column."""
    assert centre.say("day", call("a\x00b")).status == "accepted"
    for number in ("R" * 600, "R\x00"):
        assert centre.say("day", message("case.close", number=number)).status in ("waiting", "parked")


def test_an_empty_batch_gets_an_answer(centre: Centre) -> None:
    """Its sender would wait for ever otherwise."""
    (receipt,) = centre.say_all(("day", b"[]"))
    assert receipt.status == "parked"
