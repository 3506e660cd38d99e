"""Kinds of garbage: each a function of a seeded random to bytes, and to what must become of them.

What is expected follows from the contract (`events/README.md`) alone, never from the code: a call
or a registration that can be parsed and has a source and an id is recorded, with a flag; what else
cannot be used is parked, with a reason that names the field. `messages` has the contract's tables.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import msgspec

from events.seal import new_key, seal
from tests.garbage.messages import FIELDS, LENIENT, MARK, MATTER_FIELDS, STRICT, Message, good, service_of


class Expect(msgspec.Struct, frozen=True):
    """What the receipt of one message must say: one of these statuses, the field to blame, a flag."""

    status: tuple[str, ...]
    field: str | None = None
    flag: str | None = None


class Garbage(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent to INBOX, by whom, to which service; and a receipt for each message that is in it."""

    body: bytes
    expects: tuple[Expect, ...]
    service: str = "intake"
    provider: str = "day"


ACCEPTED = Expect(("accepted",))
USABLE = Expect(("accepted", "waiting"))
ANY_LENIENT, ANY_STRICT = LENIENT, STRICT
Kind = Callable[[Random], Garbage]
KINDS: dict[str, Kind] = {}
_STRANGER = new_key()


def kind(function: Kind) -> Kind:
    """Enter a kind of garbage under its name."""
    KINDS[function.__name__] = function
    return function


def parked(field: str) -> Expect:
    """It cannot be used, because of this field."""
    return Expect(("parked",), field)


def flagged(code: str) -> Expect:
    """It was recorded, and somebody should look."""
    return Expect(("accepted",), None, code)


def _bytes(message: object) -> bytes:
    return json.dumps(message, ensure_ascii=False).encode()


def _garbage(message: Message, expect: Expect, body: bytes | None = None) -> Garbage:
    service = service_of(message["type"]) if str(message.get("type")) in FIELDS else "intake"
    return Garbage(body=_bytes(message) if body is None else body, expects=(expect,), service=service)


_OF_WHAT_IS_THERE = ("parked.close", "shift.close", "item.", "exchange.")


def _any(random: Random) -> Message:
    """Of any kind but those that are parked unless its desk has what is closed, or unless there is such a night."""
    return good(random.choice([kind for kind in FIELDS if not kind.startswith(_OF_WHAT_IS_THERE)]), random)


def _lenient_or(message: Message, recorded: Expect, otherwise: Expect) -> Garbage:
    return _garbage(message, recorded if message["type"] in LENIENT else otherwise)


def _raw(message: Message, place: str, token: str) -> bytes:
    """The message with a token of JSON that Python would not write at a place of its data."""
    message = {**message, "data": {**message["data"], place: "@@"}}
    return _bytes(message).replace(b'"@@"', token.encode())


_NO_TIMES: tuple[Any, ...] = (
    *(None, "", "soon", 0, 1e300, [], {}, True, MARK, "\x00", "9" * 10_000, "令和7年5月12日"),
    *("1900-01-01T00:00:00+09:00", "2199-01-01T00:00:00+09:00", "0001-01-01T00:00:00+23:59"),
    *("2025-02-30T00:00:00+09:00", "2025-05-12T25:00:00+09:00", "2025-05-12T10:00:00+99:00"),
    "9999-12-31T23:59:59-23:59",
)

# --- bytes ---


@kind
def truncated(random: Random) -> Garbage:
    """Cut off anywhere."""
    message = _any(random)
    body = json.dumps(message).encode()
    return _garbage(message, parked("message"), body[: random.randrange(1, len(body))])


@kind
def with_a_byte_changed(random: Random) -> Garbage:
    """One byte is another: whatever it makes of the message, there is one answer."""
    message = _any(random)
    body = bytearray(json.dumps(message).encode())
    body[random.randrange(1, len(body))] = random.randrange(256)
    return _garbage(message, Expect(("accepted", "waiting", "parked", "known", "conflict")), bytes(body))


@kind
def no_json_at_all(random: Random) -> Garbage:
    """Nothing, a word, or noise."""
    noise = random.choice(
        [b"", b" ", b"\n\n", MARK.encode(), b"<xml/>", b"\x00", b"{", b"}", b"{}}", random.randbytes(40)]
    )
    return Garbage(body=b"\x01" + noise if noise[:1] == b"[" else noise, expects=(parked("message"),))


@kind
def no_object(random: Random) -> Garbage:
    """JSON, and no message."""
    return Garbage(
        body=random.choice([b"null", b"true", b"12", b'"text"', b"-0.5", b' "\\u0000" ']), expects=(parked("message"),)
    )


@kind
def not_utf8(random: Random) -> Garbage:
    """Saved by a program of another age, or compressed."""
    message = _any(random)
    message["data"]["note"] = "髙橋の相談"
    body = json.dumps(message, ensure_ascii=False)
    encoded = [
        body.encode("cp932"),
        body.encode("euc-jp", "replace"),
        body.encode("utf-16"),
        gzip.compress(body.encode()),
    ]
    return _garbage(message, parked("message"), random.choice(encoded))


@kind
def with_a_byte_order_mark(random: Random) -> Garbage:
    """Excel and Notepad write one before good UTF-8; it can be parsed."""
    message = _any(random)
    return _garbage(message, USABLE, b"\xef\xbb\xbf" + _bytes(message))


@kind
def nested_beyond_reading(random: Random) -> Garbage:
    """Lists in lists, until no parser follows."""
    message = _any(random)
    depth = random.choice([5_000, 20_000])
    return _garbage(message, parked("message"), _raw(message, "matters", "[" * depth + "]" * depth))


@kind
def nested_too_deeply(random: Random) -> Garbage:
    """More than 16 levels: a call is one unknown matter, anything else is parked."""
    message = _any(random)
    value: Any = MARK
    for level in range(random.choice([16, 17, 40, 200])):
        value = [value] if level % 2 else {"x": value}
    message["data"]["deep"] = value
    return _lenient_or(message, flagged("data-unusable"), parked("data"))


@kind
def number_beyond_reading(random: Random) -> Garbage:
    """Valid JSON that fits no number: a call is recorded, with the number as a text."""
    message = _any(random)
    body = _raw(message, "beyond", random.choice(["1e400", "-1e999", "9" * 5_000, "-" + "7" * 4_400]))
    expect = flagged("value-unreadable") if message["type"] in LENIENT else parked("message")
    return _garbage(message, expect, body)


@kind
def half_a_character(random: Random) -> Garbage:
    """A lone surrogate, as JavaScript makes it by cutting an emoji in two."""
    message = _any(random)
    body = _raw(message, "beyond", random.choice(['"\\ud83d"', '"x\\udc00y"', '"\\ude00\\ud83d"']))
    expect = flagged("value-unreadable") if message["type"] in LENIENT else parked("message")
    return _garbage(message, expect, body)


@kind
def not_a_number(random: Random) -> Garbage:
    """Python and JavaScript write these; they are no JSON."""
    message = _any(random)
    return _garbage(
        message,
        parked("message"),
        _raw(message, "beyond", random.choice(["NaN", "Infinity", "-Infinity", "undefined"])),
    )


@kind
def said_twice_in_one_object(random: Random) -> Garbage:
    """A key that comes twice; JSON leaves open what that means, and the last one counts."""
    message = good("call.report", random)
    return _garbage(message, ACCEPTED, b'{"id": "first", "data": 7, ' + _bytes(message)[1:])


@kind
def too_large(random: Random) -> Garbage:
    """Over 262,144 bytes."""
    message = _any(random)
    message["data"]["personal"] = {"note": MARK * random.choice([20_000, 30_000])}
    return _garbage(message, parked("message"))


# --- the envelope ---


@kind
def no_name(random: Random) -> Garbage:
    """`id` or `source` is missing, no text, too long, or holds control characters."""
    message, field = _any(random), random.choice(["id", "source"])
    value: Any = random.choice(
        [None, "", 7, 1.5, True, [], ["a"], {}, "x" * 201, "花" * 300, "a\x00b", "\n", "a\x7f", "gone"]
    )
    message[field] = value
    if value == "gone":
        del message[field]
    return _garbage(message, parked(field))


@kind
def odd_name(random: Random) -> Garbage:
    """Names that look wrong and are allowed: emoji, marks of direction, 200 characters, words of our own."""
    message = good("call.report", random)
    odd = random.choice(
        ["😀", "\u202e", "\u200f", "null", "../..", "a.b.>", "' OR 1=1 --", "é" * 150, "sealed", "%s", "{}"]
    )
    message["id"] = f"{odd}{message['id']}"
    message["data"]["matters"][0]["case"] = f"{odd}{message['id']}"[:200]
    return _garbage(message, ACCEPTED)


@kind
def unknown_type(random: Random) -> Garbage:
    """No message of ours."""
    message = _any(random)
    message["type"] = random.choice(
        [None, "", 1, [], {}, True, MARK, "call.reported", "CALL.REPORT", "call.received", "call.report ", "x" * 10_000]
    )
    return _garbage(message, parked("type"))


@kind
def another_specversion(random: Random) -> Garbage:
    """CloudEvents of another version: a call is recorded, anything else might mean something else."""
    message = _any(random)
    message["specversion"] = random.choice(["2.0", "0.3", 1, 1.0, "", None, [], MARK])
    if message["specversion"] is None and random.random() < 0.5:
        del message["specversion"]
    return _lenient_or(message, flagged("unknown-version"), parked("specversion"))


@kind
def other_attributes(random: Random) -> Garbage:
    """Nobody reads them, so nothing is wrong."""
    message = _any(random)
    name = random.choice(
        ["dataschema", "subject", "sealed", "position", "epoch", "ward", "service", "provider", "flags"]
    )
    message[name] = random.choice([None, "v9", 10**30, [], {"x": [MARK]}, "\x00", "night"])
    return _garbage(message, USABLE)


@kind
def unusable_data(random: Random) -> Garbage:
    """`data` is missing or no object, or comes as data_base64."""
    message = _any(random)
    message["data"] = random.choice([None, [], "text", 5, True, [{"case": "x"}]])
    if random.random() < 0.3:
        del message["data"]
        message["data_base64"] = "e30="
    return _lenient_or(message, flagged("data-unusable"), parked("data"))


@kind
def unusable_time(random: Random) -> Garbage:
    """No time, none that exists, in 1900 or in 2199."""
    message = _any(random)
    message["time"] = random.choice(_NO_TIMES)
    return _lenient_or(message, flagged("time-unusable"), parked("time"))


@kind
def time_without_offset(random: Random) -> Garbage:
    """Read on the ward's own clock."""
    message = good(random.choice(LENIENT), random)
    message["time"] = random.choice(["2025-05-12T10:00:00", "2025-05-12", "2025-05-12 10:00", "２０２５-05-12T10:00"])
    return _garbage(message, flagged("time-without-offset"))


@kind
def odd_entered(random: Random) -> Garbage:
    """It is left out, and flagged."""
    message = good(random.choice(LENIENT), random)
    message["entered"] = random.choice(["", "soon", 5, [], {}, "1900-01-01T00:00:00+09:00", MARK, "\u202e"])
    return _garbage(message, flagged("time-unusable"))


# --- fields ---

_NO_TEXT: tuple[Any, ...] = (7, 1.5, True, [], [MARK], {}, {"x": MARK})
_WRONG: dict[str, tuple[str, tuple[Any, ...]]] = {
    "text": ("not-a-text", (*_NO_TEXT, "", "x" * 201, MARK * 2_000)),
    "list": ("not-a-list", (7, 1.5, True, MARK, {}, {"x": MARK})),
    "truth": ("not-true-or-false", (7, 0, 1.5, MARK, "true", [], {})),
    "whole": ("not-a-number", (-1, 126, 1.5, True, MARK, [], {}, "０" * 30, 10**40)),
    "day": ("not-a-day", (7, 1.5, True, MARK, "", [], {}, "2025-02-30", "2025-13-01T00:00:00+09:00", "99年1月1日")),
    "personal": ("personal-unreadable", (7, True, [], [MARK], MARK, "", "a.b.c.d.e", "e30..AAAA.AA.AAAA")),
}


def _wrong(kind_: str, random: Random) -> tuple[Any, Expect]:
    code, values = _WRONG[kind_]
    return random.choice(values), flagged(code)


@kind
def wrong_field_of_a_form(random: Random) -> Garbage:
    """Any field of a registration with any value that is none."""
    message = good("registration.submit", random)
    name, type_ = random.choice(list(FIELDS["registration.submit"].items()))
    message["data"][name], expect = _wrong(type_, random)
    return _garbage(message, expect)


@kind
def wrong_field_of_a_call(random: Random) -> Garbage:
    """Any field of a call, or of one of its matters, with any value that is none."""
    message = good("call.report", random)
    inside = random.random() < 0.7
    part = message["data"]["matters"][0] if inside else message["data"]
    name, type_ = random.choice(list((MATTER_FIELDS if inside else FIELDS["call.report"]).items()))
    part[name], expect = _wrong(type_, random)
    if name == "matters" or (name, part[name]) == ("district", ""):  # Nothing was told.
        expect = flagged("matter-missing" if name == "matters" else "district-unknown")
    return _garbage(message, expect)


@kind
def sealed_to_somebody_else(random: Random) -> Garbage:
    """A JWE that this ward's key does not open is kept as it came."""
    message = good("call.report", random)
    message["data"]["matters"][0]["personal"] = seal({"name": MARK}, _STRANGER)
    return _garbage(message, flagged("personal-unreadable"))


@kind
def in_clear(random: Random) -> Garbage:
    """Personal words that nobody sealed, under keys that collide with ours."""
    message = good(random.choice(LENIENT), random)
    keys = ["name", "raw", "sealed", "unreadable", "time", "birth_date", MARK, "\x00", "", "😀", "\u202e"]
    message["data"]["personal"] = {
        key: random.choice([MARK, [MARK], {"x": MARK}, None]) for key in random.sample(keys, 4)
    }
    return _garbage(message, flagged("personal-in-clear"))


@kind
def no_matter(random: Random) -> Garbage:
    """A matter that is no object is a matter about which nothing is known."""
    message = good("call.report", random)
    message["data"]["matters"] = [random.choice([None, 1, MARK, [], [{}], True]), {}]
    return _garbage(message, flagged("not-an-object"))


@kind
def too_many(random: Random) -> Garbage:
    """More matters than a contact has, or more to flag than a person reads."""
    message = good("call.report", random)
    if random.random() < 0.5:
        message["data"]["matters"] = [{}] * random.choice([51, 400])
        return _garbage(message, flagged("too-many-matters"))
    message["data"]["matters"] = [{f"x{n}": MARK for n in range(random.choice([30, 500]))}]
    return _garbage(message, flagged("more-flags"))


@kind
def unknown_word(random: Random) -> Garbage:
    """Words that the ward's file does not have."""
    message = good("call.report", random)
    name, code = random.choice([("district", "unknown-district"), ("reasons", "unknown-reasons")])
    word = random.choice([MARK, "kitazawa'", "\x00", "\u202ekinuta", "😀", "sealed", "null"])
    message["data"]["matters"][0][name] = [word] if name == "reasons" else word
    return _garbage(message, flagged(code))


@kind
def unknown_field(random: Random) -> Garbage:
    """A field that the message does not have, named as ours are, or as nobody's is."""
    message = good(random.choice((*LENIENT, *STRICT)), random)
    name = random.choice(
        ["sealed", "position", "flags", "provider", "unusable", "contact", "", "\x00", MARK, "x" * 5_000]
    )
    message["data"][name] = random.choice([None, MARK, 1, [MARK], {"x": 1}])
    return _lenient_or(message, flagged("unknown-field"), parked("data"))


@kind
def wrong_field_of_anything_else(random: Random) -> Garbage:
    """Every field of every message that is not lenient, with a value of another type."""
    message = good(random.choice(STRICT), random)
    name, type_ = random.choice([(n, t) for n, t in FIELDS[message["type"]].items() if t != "personal"])
    wrong: dict[str, tuple[Any, ...]] = {
        "text": _NO_TEXT,
        "needed": (None, *_NO_TEXT),
        "list": (7, True, MARK, {}),
        "truth": (7, MARK, [], {}),
        "whole": (1.5, True, MARK, [], {}),
        "object": (7, True, MARK, []),
        "day": (7, True, MARK, "", [], {}, "2025-02-30", "2025-13-01T00:00:00+09:00"),
    }
    message["data"][name] = random.choice(wrong[type_])
    return _garbage(message, parked(f"data.{name}"))


@kind
def field_left_out(random: Random) -> Garbage:
    """What is needed is not there."""
    message = good(random.choice([m for m in STRICT if "needed" in FIELDS[m].values()]), random)
    name = random.choice([n for n, type_ in FIELDS[message["type"]].items() if type_ == "needed"])
    message["data"].pop(name, None)
    return _garbage(message, parked(f"data.{name}"))


@kind
def odd_reference(random: Random) -> Garbage:
    """References and words of any kind in every text of the other messages: there is an answer, and no harm."""
    referring = [kind for kind in STRICT if {"text", "needed"} & set(FIELDS[kind].values())]
    message = good(random.choice(referring), random)
    name = random.choice([n for n, type_ in FIELDS[message["type"]].items() if type_ in ("text", "needed")])
    message["data"][name] = random.choice(
        ["", "\x00", "a\x00b", "😀" * 70, "\u202e", "x" * 100_000, "R6-0001\x00", MARK]
    )
    return _garbage(message, Expect(("waiting", "parked", "accepted")))


@kind
def odd_field_of_an_addition(random: Random) -> Garbage:
    """A card filled in with anything at all: it waits for its call, or is parked where it does not say which."""
    message = good("call.add", random)
    name = random.choice(list(FIELDS["call.add"]))
    message["data"][name] = random.choice([7, 1.5, True, MARK, [], {}, [MARK], {"x": MARK}])
    return _garbage(message, Expect(("waiting", "parked")))


# --- where it comes ---


@kind
def from_nobody(random: Random) -> Garbage:
    """A provider that the ward does not know; whatever the name looks like."""
    message = _any(random)
    provider = random.choice(["nobody", "見知らぬ", "DAY", "x" * 300, "a:b", "' OR 1=1", "sealed"])
    return msgspec.structs.replace(_garbage(message, parked("provider")), provider=provider)


@kind
def to_the_wrong_service(random: Random) -> Garbage:
    """A good message on another service's subject."""
    message = _any(random)
    others = sorted({"intake", "placement", "handover"} - {service_of(message["type"])})
    return msgspec.structs.replace(_garbage(message, parked("type")), service=random.choice(others))


# --- batches ---


def _batch(parts: Sequence[bytes], expects: Sequence[Expect]) -> Garbage:
    return Garbage(body=b"[" + b",".join(parts) + b"]", expects=tuple(expects))


@kind
def batch_with_one_bad(random: Random) -> Garbage:
    """The bad one is parked, the others are recorded."""
    goods = [_bytes(good("call.report", random)) for _ in range(random.randrange(2, 6))]
    nameless = {**good("call.report", random), "id": None}
    bad = random.choice(
        [
            (b"null", "message"),
            (b"[]", "message"),
            (b"[{}]", "message"),
            (b'{"x": 1e400}', "message"),
            (_bytes(nameless), "id"),
        ]
    )
    where = random.randrange(len(goods) + 1)
    expects = [ACCEPTED] * len(goods)
    return _batch([*goods[:where], bad[0], *goods[where:]], [*expects[:where], parked(bad[1]), *expects[where:]])


@kind
def batch_beyond_reading(random: Random) -> Garbage:
    """Empty, cut, or over a limit: one answer for the whole."""
    some = _bytes(good("call.report", random))
    body, field = random.choice(
        [
            (b"[]", "batch"),
            (b"[" + some, "message"),
            (b"[" + some + b",]", "message"),
            (b"[" + b",".join([some] * 1_001) + b"]", "batch"),
            (b"[" + b" " * 1_000_001 + b"]", "batch"),
            (b"[" * 20_000, "message"),
        ]
    )
    return Garbage(body=body, expects=(parked(field),))
