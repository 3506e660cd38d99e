"""Whatever arrives, there is an item for it: a readable message, or a reason that names the field."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.messages import MAX_BATCH_BYTES, MAX_BATCH_ITEMS, MAX_ID_LENGTH, MAX_MESSAGE_BYTES, MAX_NESTING, MESSAGES
from services.inbox import AHEAD, LENIENT, Delivery, Item, delivered, depth, items, moment
from tests.reporting_examples import WARD, at

NOON = at("2025-05-12 12:00")
GOOD: dict[str, Any] = {
    "specversion": "1.0",
    "id": "1",
    "source": "/desk",
    "type": "call.report",
    "time": "2025-05-12T11:00:00+09:00",
    "data": {},
}
FIELDS = {"message", "batch", "specversion", "id", "source", "type", "data"}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def parsed(body: bytes) -> list[Item]:
    """The items of one delivery."""
    return list(items(Delivery(provider="day", service="intake", body=body, arrived=NOON)))


def reason(body: bytes) -> str:
    """Why the one message of a delivery cannot be read."""
    (item,) = parsed(body)
    assert item.garbled is not None
    return str(item.garbled)


def message(**change: Any) -> bytes:
    """A good message with other fields; None leaves one out."""
    return msgspec.json.encode({name: value for name, value in {**GOOD, **change}.items() if value is not None})


def test_a_good_message_is_one_item() -> None:
    """With its fields, its own bytes and its name."""
    assert parsed(message()) == [Item(body=message(), fields=GOOD, identity=("/desk", "1"))]
    assert parsed(message())[0].identity == ("/desk", "1")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "message: not JSON"),
        (message()[:-5], "message: not JSON"),
        (message() + b"}", "message: not JSON"),
        (b'{"id": NaN}', "message: not JSON"),
        (rb'{"id": "\ud800"}', "message: not JSON"),
        ('{"id": "相談"}'.encode("cp932"), "message: not UTF-8"),
        ('[{"id": "相談"}]'.encode("cp932"), "message: not UTF-8"),
        (b"\xff\xfe", "message: not UTF-8"),
        (b"[" * 100_000, "message: not JSON"),
        (b'{"a":' * 50_000, "message: not JSON"),
        (b"7", "message: not a JSON object"),
        (b"null", "message: not a JSON object"),
        (b'"text"', "message: not a JSON object"),
        (message(data={"note": "x" * MAX_MESSAGE_BYTES}), "message: too large"),
        (b"[" + b" " * MAX_BATCH_BYTES + b"]", "batch: too large"),
        (b"[" + b",".join([b"{}"] * (MAX_BATCH_ITEMS + 1)) + b"]", "batch: too many messages"),
    ],
)
def test_what_cannot_be_parsed_says_why(body: bytes, why: str) -> None:
    """A cut line, a file from Excel, a number that is none, half a character, too deep, too large."""
    assert reason(body).startswith(why)


def test_a_byte_order_mark_before_good_utf8_is_no_part_of_the_message() -> None:
    """Editors write one without asking; a call would be lost for it."""
    for body in (message(), b"[" + message() + b"]"):
        (item,) = parsed(b"\xef\xbb\xbf" + body)
        assert item.garbled is None


@pytest.mark.parametrize(
    ("token", "read"),
    [("1e400", "1e400"), ("9" * 5_000, "9" * 5_000), (r'"\ud83d"', r"\ud83d"), (r'"a\ude00b"', r"a\ude00b")],
)
def test_a_call_with_a_value_beyond_reading_is_read_with_that_value_as_a_text(token: str, read: str) -> None:
    """Its JSON is good, so it is recorded; every other message must not be guessed at."""
    call = message(type="call.report", data={"x": "@"}).replace(b'"@"', token.encode())
    (item,) = parsed(call)
    assert item.garbled is None
    assert item.mended
    assert item.fields["data"]["x"] == read
    assert reason(call.replace(b"call.report", b"case.close")).startswith("message: not JSON")


@pytest.mark.parametrize("version", [None, "2.0", 1, "0.3"])
def test_only_a_call_or_a_form_may_be_of_another_specversion(version: object) -> None:
    """What another version of CloudEvents means is not known, and a call is never refused."""
    assert parsed(message(type="call.report", specversion=version))[0].garbled is None
    assert reason(message(type="case.close", specversion=version)).startswith("specversion: ")


@pytest.mark.parametrize("provider", ["x" * 300, "a\x07b"])
def test_a_senders_name_that_no_table_holds_is_nobodys(provider: str) -> None:
    """On PostgreSQL it could be neither taken nor parked, and would come again for ever."""
    delivery = delivered(f"inbox.w.{provider}.intake.call-report", b"{}", NOON, named="x" * 201)
    assert re.fullmatch("h-[0-9a-f]{32}", delivery.provider)
    assert delivery.delivery is None


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"id": None}, "id: missing"),
        ({"id": ""}, "id: not a text"),
        ({"id": 7}, "id: not a text"),
        ({"id": ["7"]}, "id: not a text"),
        ({"id": "7" * (MAX_ID_LENGTH + 1)}, "id: too long; accepted: up to 200"),
        ({"source": None}, "source: missing"),
        ({"source": {"a": 1}}, "source: not a text"),
        ({"source": "s" * (MAX_ID_LENGTH + 1)}, "source: too long"),
        ({"type": None}, "type: missing; accepted: registration.submit, "),
        ({"type": "call.received"}, "type: unknown"),
        ({"type": ["call.report"]}, "type: unknown"),
        ({"type": "case.close", "data": None}, "data: missing"),
        ({"type": "case.close", "data": []}, "data: not an object"),
        ({"type": "case.close", "data": "text"}, "data: not an object"),
    ],
)
def test_an_envelope_that_does_not_fit_names_the_field(change: dict[str, Any], why: str) -> None:
    """And says what would be accepted."""
    assert reason(message(**change)).startswith(why)
    assert "accepted: " in reason(message(**change))


def test_an_id_of_exactly_the_limit_is_an_id() -> None:
    """In characters, not bytes."""
    assert parsed(message(id="号" * MAX_ID_LENGTH))[0].identity == ("/desk", "号" * MAX_ID_LENGTH)


@pytest.mark.parametrize(("levels", "fits"), [(MAX_NESTING - 2, True), (MAX_NESTING - 1, False)])
def test_the_nesting_has_a_limit(levels: int, fits: bool) -> None:
    """The message itself is the first level, its data the second."""
    inside: Any = "x"
    for _ in range(levels):
        inside = [inside]
    (item,) = parsed(message(type="case.close", data={"note": inside}))

    assert depth(item.fields) == levels + 2
    assert (item.garbled is None) is fits


def test_one_bad_message_does_not_spoil_its_batch() -> None:
    """The others go on; the bad one is there, with its reason."""
    batch = b"[" + b",".join([message(), b"7", message(id=None), message(id="2")]) + b"]"

    assert [str(item.garbled).partition(";")[0] if item.garbled else item.identity for item in parsed(batch)] == [
        ("/desk", "1"),
        "message: not a JSON object",
        "id: missing",
        ("/desk", "2"),
    ]


def test_a_message_of_a_batch_keeps_its_own_bytes() -> None:
    """What is parked or compared later is exactly what came."""
    odd = b'{ "id":"3" , "source":"/desk","type":"call.report","data":{} }'

    assert [item.body for item in parsed(b"[" + odd + b", " + message() + b"]")] == [odd, message()]


@settings(deadline=None)
@given(st.binary() | json_values.map(msgspec.json.encode) | st.lists(json_values).map(msgspec.json.encode))
def test_whatever_arrives_is_a_message_or_has_a_reason(body: bytes) -> None:
    """Nothing raises, and every reason begins with a field."""
    for item in parsed(body):
        assert item.garbled is not None
        assert str(item.garbled).split(":")[0] in FIELDS


@settings(deadline=None)
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(GOOD, json_values)))
def test_whatever_stands_in_an_envelope_is_read_or_has_a_reason(change: dict[str, Any]) -> None:
    """A message without a reason has a name, a known type, and data unless it is a call or a registration."""
    (item,) = parsed(msgspec.json.encode({**GOOD, **change}))

    if item.garbled is None:
        assert item.identity == (item.fields["source"], item.fields["id"])
        assert item.fields["type"] in MESSAGES
        assert isinstance(item.fields.get("data"), dict) or item.fields["type"] in LENIENT
    else:
        assert item.garbled.field in FIELDS


@settings(deadline=None)
@given(st.sampled_from(["id", "source", "type", "data"]), st.text(min_size=6).map(lambda text: f"架空{text}花子"))
def test_a_reason_never_repeats_what_came(field: str, secret: str) -> None:
    """It may be a name; reasons stand in receipts and logs."""
    for value in ([secret], {secret: secret}, secret * MAX_ID_LENGTH):
        (item,) = parsed(message(**{field: value}))
        assert secret not in str(item.garbled)


@pytest.mark.parametrize(
    ("text", "read", "codes"),
    [
        ("2025-05-12T02:10:00+09:00", "2025-05-12 02:10", []),
        ("2025-05-11T17:10:00Z", "2025-05-12 02:10", []),
        (" 2025-05-12T02:10:00+09:00 ", "2025-05-12 02:10", []),
        ("２０２５－０５－１２Ｔ０２：１０：００＋０９：００", "2025-05-12 02:10", []),
        ("2025-05-12T02:10:00", "2025-05-12 02:10", ["time-without-offset"]),
        ("2025-05-12", "2025-05-12 00:00", ["time-without-offset"]),
        ("2025-05-12T18:00:00+09:00", "2025-05-12 18:00", ["time-ahead"]),
        ("2025-05-12T18:00:00", "2025-05-12 18:00", ["time-without-offset", "time-ahead"]),
        ("2025-05-13T12:00:00+09:00", "2025-05-13 12:00", ["time-ahead"]),
        ("2025-05-13T12:00:01+09:00", None, ["time-unusable"]),
        ("2022-08-26T00:00:00+09:00", "2022-08-26 00:00", []),
        ("2022-08-25T23:59:59+09:00", None, ["time-unusable"]),
        ("1900-01-01T00:00:00+09:00", None, ["time-unusable"]),
        ("2199-01-01T00:00:00+09:00", None, ["time-unusable"]),
        ("0001-01-01T00:00:00+23:59", None, ["time-unusable"]),
        ("9999-12-31T23:59:59-23:59", None, ["time-unusable"]),
        ("2025-02-29T00:00:00+09:00", None, ["time-unusable"]),
        ("2025-05-12T25:00:00+09:00", None, ["time-unusable"]),
        ("令和7年5月12日 2時10分", None, ["time-unusable"]),
        ("", None, ["time-unusable"]),
        (None, None, ["time-unusable"]),
        (1_747_000_000, None, ["time-unusable"]),
        ([], None, ["time-unusable"]),
    ],
)
def test_when_it_happened(text: object, read: str | None, codes: list[str]) -> None:
    """On the ward's own clock, or not at all, and with what is odd about it; we are at noon on 12 May 2025."""
    moment_, flags = moment(text, WARD, NOON, field="time")

    assert (moment_, [flag.code for flag in flags]) == (at(read) if read else None, codes)
    assert moment_ is None or moment_.utcoffset() == timedelta(hours=9)
    assert {flag.field for flag in flags} <= {"time"}


@settings(deadline=None)
@given(
    json_values
    | st.datetimes(timezones=st.none() | st.timezones()).map(datetime.isoformat)
    | st.datetimes(datetime(2022, 1, 1), datetime(2026, 1, 1)).map(datetime.isoformat)  # noqa: DTZ001  (without, on purpose)
    | st.text("0123456789０１２：:-－TＴ+＋Z. ", max_size=30)
)
def test_whatever_stands_for_a_time_is_a_time_in_reach_or_flagged(text: object) -> None:
    """Nothing raises; what is read lies between the opening of the register and a day ahead, on the ward's clock."""
    read, flags = moment(text, WARD, NOON, field="entered")

    assert all(flag.field == "entered" and flag.accepted for flag in flags)
    if read is None:
        assert [flag.code for flag in flags] == ["time-unusable"]
    else:
        assert WARD.start_of(WARD.ward.registration_opens) <= read <= NOON + AHEAD
        assert read.utcoffset() == timedelta(hours=9)


def test_the_arrival_is_compared_whatever_its_offset() -> None:
    """Our clock is UTC, the ward's is not."""
    read, flags = moment("2025-05-12T12:00:00+09:00", WARD, datetime(2025, 5, 12, 3, 0, tzinfo=UTC), field="time")

    assert (read, flags) == (NOON, ())
