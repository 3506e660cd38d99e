"""What is personal leaves an adapter sealed to the ward, or the ward cannot read it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.seal import Unreadable, new_key, public_key, seal, sealed, unseal

KEY, OTHER = new_key(), new_key()
PUBLIC = public_key(msgspec.json.encode(KEY.as_dict(private=False)))

SECRET = ("架空 花子", "1970-05-01", "03-0000-0000", "介護者が救急搬送された")
CALL: dict[str, Any] = {
    "specversion": "1.0",
    "id": "1",
    "source": "/desk",
    "type": "call.report",
    "time": "2025-04-01T02:10:00+09:00",
    "data": {
        "personal": {"caller": SECRET[0], "phone": SECRET[2]},
        "matters": [
            {"case": "C-1", "personal": {"name": SECRET[0], "birth_date": SECRET[1]}},
            {"case": "C-2", "personal": {"words": SECRET[3]}},
        ],
    },
}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.dictionaries(st.text(), json_values, max_size=5))
def test_what_was_sealed_opens_as_it_was(personal: dict[str, Any]) -> None:
    """Any fields, in any writing; the public half is enough to seal."""
    assert unseal(seal(personal, PUBLIC), KEY) == personal


@pytest.mark.parametrize("kanji", [16_400, 64_000, 80_000])
def test_a_long_report_opens_too(kanji: int) -> None:
    """A library's own limit is far below that of a message."""
    assert unseal(seal({"words": "架" * kanji}, PUBLIC), KEY) == {"words": "架" * kanji}


def test_the_same_sealed_twice_looks_different() -> None:
    """Nobody can tell from two messages that they are about one person."""
    assert seal({"name": "x"}, PUBLIC) != seal({"name": "x"}, PUBLIC)


def test_another_wards_key_opens_nothing() -> None:
    """Nor does the public half."""
    text = seal({"name": "x"}, PUBLIC)

    with pytest.raises(Unreadable, match="not sealed to this ward's key"):
        unseal(text, OTHER)
    with pytest.raises(Unreadable):
        unseal(text, PUBLIC)


@settings(deadline=None)
@given(st.text())
def test_what_is_no_sealed_text_is_unreadable(text: str) -> None:
    """Whatever a sender puts there; no other exception reaches the desk."""
    with pytest.raises(Unreadable):
        unseal(text, KEY)


@settings(deadline=None)
@given(st.integers(0, 400), st.characters(codec="utf-8"))
def test_a_sealed_text_that_was_changed_is_unreadable(at: int, put: str) -> None:
    """One character anywhere after the header; or it is the same text still."""
    header, _, rest = seal({"name": "x"}, PUBLIC).partition(".")
    at %= len(rest)
    changed = f"{header}.{rest[:at]}{put}{rest[at + 1 :]}"

    try:
        assert unseal(changed, KEY) == {"name": "x"}  # The last bits of a base64 text may mean nothing.
    except Unreadable as error:
        assert "x" not in str(error).split()  # noqa: PT017  (both ends are right; another exception is not)


def test_a_sealed_text_must_hold_an_object() -> None:
    """A list or a number is nothing that a rule could look into."""
    with pytest.raises(Unreadable):
        unseal(seal([1], PUBLIC), KEY)  # type: ignore[arg-type]  # What a sender may do is not bound by our types.


def test_the_adapter_seals_every_personal_part() -> None:
    """That of the contact, and that of each matter; each opens as it was."""
    data = sealed(CALL, PUBLIC)["data"]

    assert unseal(data["personal"], KEY) == CALL["data"]["personal"]
    assert [unseal(matter["personal"], KEY) for matter in data["matters"]] == [
        matter["personal"] for matter in CALL["data"]["matters"]
    ]


def test_nothing_personal_is_left_in_the_bytes_that_leave() -> None:
    """Neither as UTF-8 nor escaped; what is not personal is as it was."""
    message = sealed(CALL, PUBLIC)
    sent = msgspec.json.encode(message)

    assert [secret for secret in SECRET if secret.encode() in sent or ascii(secret)[1:-1].encode() in sent] == []
    assert {name: value for name, value in message.items() if name != "data"} == {
        name: value for name, value in CALL.items() if name != "data"
    }
    assert [matter["case"] for matter in message["data"]["matters"]] == ["C-1", "C-2"]


def test_sealing_leaves_the_senders_own_message_alone() -> None:
    """An adapter keeps it until the receipt, and sends it again."""
    before = msgspec.json.encode(CALL)

    sealed(CALL, PUBLIC)
    assert msgspec.json.encode(CALL) == before


def test_without_a_key_a_message_goes_as_it_is() -> None:
    """It is taken all the same, and flagged."""
    assert sealed(CALL, None) is CALL


@pytest.mark.parametrize("data", [None, [], "text", {}, {"personal": "eyJ"}, {"matters": "no list"}, {"matters": [1]}])
def test_what_has_nothing_to_seal_is_left_as_it_is(data: Any) -> None:
    """Whatever a sender wrote is for the ward to judge, and what is sealed is not sealed again."""
    assert sealed({"type": "call.report", "data": data}, PUBLIC) == {"type": "call.report", "data": data}


def test_two_threads_seal_at_once_and_both_can_be_opened() -> None:
    """A sender may have several threads; the library keeps its work where they would meet."""
    with ThreadPoolExecutor(2) as threads:
        texts = list(threads.map(lambda n: seal({"n": n}, PUBLIC), range(300)))

    assert [unseal(text, KEY)["n"] for text in texts] == list(range(300))
