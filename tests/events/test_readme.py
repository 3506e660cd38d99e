"""events/README.md is all that an adapter's author has: what it says is checked against the code."""

from __future__ import annotations

import re
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import msgspec
import pytest

from deploy.contract import SCHEMAS
from events import Recorded, known_events
from events.intake import Attempt, CallBack, Card, Change, Feed, Flag
from events.messages import (
    MAX_BATCH_BYTES,
    MAX_BATCH_ITEMS,
    MAX_ID_LENGTH,
    MAX_MESSAGE_BYTES,
    MAX_NESTING,
    MESSAGES,
    Danger,
    Matter,
    Receipt,
    addressed,
)
from events.morning import Difference, Hops, Item
from events.seal import sealed
from services.inbox import Delivery, items
from tests.desk_examples import RULES, SECRETS, WARD, Centre, Databases, codes
from tests.events.json_schema import faults
from tests.events.readme import EVENTS, described, examples, first_column, messages, part, rows, section, tables
from tests.morning_examples import evening

SERVICES = Path(__file__).parents[2] / "services"
RELEASED = Path(__file__).parent / "released"
MESSAGES_PART, EVENTS_PART = part("Messages"), part("Events")
PARKED = "parked.close"
"""The file of all examples is accepted whole, so that nothing in it is parked, and nothing is there to be closed."""
OF_A_NIGHT = tuple(name for name in MESSAGES if name.startswith(("item.", "exchange.")))
"""These speak of a statement, which is there once the night is over: they have a file of their own."""


def lines(name: str) -> list[Any]:
    """The messages of a file of examples."""
    return [msgspec.json.decode(line) for line in (EVENTS / "examples" / name).read_bytes().splitlines()]


def test_every_message_is_described_in_the_order_of_the_vocabulary() -> None:
    """A message that is not described does not exist for anybody outside."""
    assert described(MESSAGES_PART) == list(MESSAGES)


def test_every_event_is_described() -> None:
    """And nothing that is no event."""
    assert sorted(described(EVENTS_PART)) == list(known_events())


@pytest.mark.parametrize("name", MESSAGES)
def test_the_table_of_a_message_has_its_fields(name: str) -> None:
    """Each with its type, and whether it is needed."""
    assert tables(section(name, MESSAGES_PART))[0] == rows(MESSAGES[name])


@pytest.mark.parametrize("name", known_events())
def test_the_table_of_an_event_has_its_fields(name: str) -> None:
    """Each with its type, and whether it is always there."""
    assert sorted(tables(section(name, EVENTS_PART))[0]) == sorted(rows(known_events()[name]))


def test_the_other_tables_have_their_fields_too() -> None:
    """A matter and its parts, a receipt, the envelope of an event, a flag, a change, a card and a feed."""
    assert tables(section("call.report"))[1:] == [rows(Matter), rows(CallBack), rows(Danger)]
    assert tables(section("Receipts")) == [rows(Receipt)]
    assert tables(section("statement.issued"))[1:] == [rows(Item), rows(Hops), rows(Difference)]
    assert tables(section("Events")) == [
        *(rows(Recorded), rows(Flag), rows(Change)),
        *(rows(Card), rows(CallBack), rows(Attempt), rows(Feed)),
    ]


def test_the_envelope_of_a_message_is_that_of_the_schemas() -> None:
    """The same fields are asked for."""
    schema = msgspec.json.decode((SCHEMAS / "messages" / "call.report.json").read_bytes())
    table = tables(section("The envelope"))[0]

    assert [row.field for row in table] == list(schema["properties"])
    assert [row.field for row in table if row.needed] == schema["required"]


@pytest.mark.parametrize("name", MESSAGES)
def test_every_message_has_an_example(name: str) -> None:
    """In its own section."""
    assert name in {example["type"] for example in examples(section(name, MESSAGES_PART))}


@pytest.mark.parametrize("message", messages(), ids=lambda message: f"{message['source']}#{message['id']}")
def test_an_example_of_a_message_is_exactly_right(message: dict[str, Any]) -> None:
    """It has no field too many, fits the types strictly and the schema, and says that it is synthetic."""
    kind = MESSAGES[message["type"]]
    schema = msgspec.json.decode((SCHEMAS / "messages" / f"{kind.name}.json").read_bytes())

    assert list(faults(message, schema, schema)) == []
    assert msgspec.json.decode(msgspec.json.encode(msgspec.convert(message["data"], kind))) == message["data"]
    assert message["synthetic"] is True


def test_the_table_says_for_every_message_which_service_takes_it() -> None:
    """Sent over NATS to another one it is parked: each message stands under the service of the code, and no other."""
    row = next(line for line in section("Sending over NATS").splitlines() if line.startswith("| service |"))
    listed = [re.fullmatch(r"(?:\| service \| )?`(\w+)` for (.*)", one) for one in row.split("; ")]
    said = {one[1]: re.findall(r"`([a-z.*-]+)`", one[2]) for one in listed if one}
    others = [name for name in MESSAGES if name != PARKED]

    assert {name: [to for to in said if any(fnmatchcase(name, each) for each in said[to])] for name in others} == {
        name: [MESSAGES[name].service] for name in others
    }
    assert all(any(fnmatchcase(name, each) for name in MESSAGES) for of in said.values() for each in of)


def test_a_closing_goes_to_the_service_that_the_table_names() -> None:
    """With which the number of what was parked begins: the example of the table, and each service of the messages."""
    (row,) = (line for line in section("Sending over NATS").splitlines() if line.startswith(f"| service of `{PARKED}`"))
    named = re.findall(r"`(\w+)` for `(\w+-\d+)`", row)
    services = {kind.service for kind in MESSAGES.values()}

    assert named
    for service, number in [*named, *((each, f"{each}-3") for each in services)]:
        assert addressed({"type": PARKED, "data": {"parked": number}}) == service


def test_no_two_examples_have_the_same_id() -> None:
    """The page keeps its own rule; the batch and the two files have sources of their own."""
    keys = [(message["source"], message["id"]) for message in messages()]

    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("name", known_events())
def test_every_event_has_an_example_as_it_was_recorded(name: str) -> None:
    """Sealed texts are shortened, and of the ward's file only a part is shown."""
    (example,) = examples(section(name, EVENTS_PART))
    version = known_events()[name].version
    recorded = msgspec.json.decode((RELEASED / f"{name}.v{version}.json").read_bytes())

    assert is_part_of(example, recorded)
    assert example["data"].keys() == recorded["data"].keys()
    assert example.get("synthetic") is True or name == "ward.activated"


def is_part_of(shown: Any, whole: Any) -> bool:
    """Whether an example shows a thing, shortened."""
    if isinstance(shown, dict) and isinstance(whole, dict):
        return all(name in whole and is_part_of(value, whole[name]) for name, value in shown.items())
    if isinstance(shown, str) and shown.endswith("…"):
        return isinstance(whole, str) and whole.startswith(shown[:-1])
    return bool(shown == whole)


def test_the_whole_event_and_the_receipt_fit_their_schemas() -> None:
    """The two envelopes that the page shows in full."""
    (event,) = (example for example in examples(section("Events")) if "position" in example)
    (receipt,) = examples(section("Receipts"))

    for example, path in ((event, f"events/{event['type']}.v1.json"), (receipt, "receipt.json")):
        schema = msgspec.json.decode((SCHEMAS / path).read_bytes())
        assert list(faults(example, schema, schema)) == []


def test_the_files_of_examples_are_those_of_the_page() -> None:
    """Whoever copies from the page and whoever takes the file have the same."""
    first = (EVENTS / "examples" / "first-night.jsonl").read_text(encoding="utf-8")
    others = (PARKED, *OF_A_NIGHT)
    in_sections = [one for name in MESSAGES if name not in others for one in examples(section(name, MESSAGES_PART))]
    of_a_night = [one for name in OF_A_NIGHT for one in examples(section(name, MESSAGES_PART))]

    assert f"```jsonl\n{first}```" in section("A file that works")
    assert sorted(in_sections, key=lambda one: str(one["id"])) == lines("every-message.jsonl")
    assert sorted(of_a_night, key=lambda one: str(one["id"])) == [
        one for one in lines("a-night.jsonl") if one["type"] in OF_A_NIGHT
    ]
    assert [msgspec.json.decode((EVENTS / "examples" / "batch.json").read_bytes())] == examples(
        section("Sending over NATS")
    )


@pytest.mark.parametrize("name", ["first-night.jsonl", "every-message.jsonl"])
def test_a_file_of_examples_is_accepted_whole(name: str, centre: Centre) -> None:
    """Sealed and sent as `yoake feed` does; the flags are those that the page tells of."""
    receipts = []
    for message in lines(name):
        receipts.append(centre.say("contractor", sealed(message, SECRETS.inbox)))
        centre.pump()

    assert {receipt.status for receipt in receipts} == {"accepted"}
    told = {"first-night.jsonl": [], "every-message.jsonl": ["possible-duplicate", "not-registered"]}[name]
    assert [code for receipt in receipts for code in codes(receipt)] == ["form-incomplete", *told]


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
def test_siblings_and_two_callers_count_as_the_page_says(centre: Centre) -> None:
    """One contact about two is two, two callers about one matter are one, and a mistake is none."""
    told, counted = lines("siblings.jsonl"), []
    for message in told:
        assert centre.say("contractor", sealed(message, SECRETS.inbox)).status == "accepted"
        centre.pump()
        counted.append(sum(centre.figures().values()))
    contacts = [event.contact for event in centre.events() if event.name == "call.received"]

    assert counted == [1, 2, 2, 3, 2, 1]
    assert (len(contacts), len(set(contacts))) == (4, 3)


def test_the_closing_of_the_page_closes_what_was_parked(centre: Centre) -> None:
    """Once something is parked, as the page says."""
    (closing,) = examples(section(PARKED, MESSAGES_PART))
    centre.say("contractor", {**closing, "id": "91", "type": "case.close", "data": {}})

    assert centre.say("contractor", closing).status == "accepted"
    assert [record.type for record in centre.records()] == ["parked.closed"]


def test_every_event_but_a_few_comes_of_the_examples(databases: Databases) -> None:
    """A file, a restore, a late contact, what was parked and a time that passed make those; the examples the rest."""
    told = set()
    for name, on in (("every-message.jsonl", "2025-05-12 12:00"), ("a-night.jsonl", "2025-03-31 12:00")):
        with evening(databases(), on) as centre:
            for one in lines(name):
                _say_in_time(centre, one)
            centre.tick()
            told |= {record.type for service in RULES for record in centre.records(service)}

    others = {"ward.activated", "epoch.opened", "contact.moved", "parked.closed", "handover.expired"}
    assert set(known_events()) - told == others


def test_the_night_of_the_examples_is_accepted_whole(database_url: str) -> None:
    """Each line by the provider whom the end of its source names, as time passes; what it leads to is in the log."""
    with evening(database_url, "2025-03-31 12:00") as centre:
        receipts = [_say_in_time(centre, sealed(one, SECRETS.inbox)) for one in lines("a-night.jsonl")]

        assert {receipt.status for receipt in receipts} == {"accepted"}
        (statement,) = (event for event in centre.events("handover") if event.name == "statement.issued")
        assert ([item.n for item in statement.items], statement.verdict) == ([1, 2], "differ")


def _say_in_time(centre: Centre, one: dict[str, Any]) -> Receipt:
    """As it happened: everything that is due before it has fallen due."""
    provider = one["source"].rpartition("/")[2]
    centre.tick(datetime.fromisoformat(one["time"]))
    receipt = centre.say(provider if provider in ("day", "night") else "contractor", one)
    centre.tick()
    return receipt


def test_the_batch_of_the_page_is_heard_message_by_message() -> None:
    """Both can be read."""
    body = (EVENTS / "examples" / "batch.json").read_bytes()
    delivery = Delivery(provider="contractor", service="intake", body=body, arrived=WARD.start_of(WARD.ward.line_opens))

    assert [(item.identity, item.garbled) for item in items(delivery)] == [
        (("/example/batch", "b1"), None),
        (("/example/batch", "b2"), None),
    ]


def test_every_flag_of_the_code_is_in_the_table() -> None:
    """A code that nobody explains helps nobody; a code that is gone misleads."""
    code = "\n".join(path.read_text(encoding="utf-8") for path in SERVICES.rglob("*.py"))
    flags = set(re.findall(r'(?:Flag\(code=|\.flag(?:_time)?\(|_odd\([^)"]*)"([a-z-]+)"', code))
    flags |= set(re.findall(r'_odd\("", values, "([a-z-]+)"', code)) | {"unknown-person"}
    flags |= {f"unknown-{name.replace('_', '-')}" for name in re.findall(r'\.choices?\("([a-z_]+)"', code)}

    assert set(first_column(section("Receipts"), "code")) == flags


def test_every_status_of_a_receipt_is_in_the_table() -> None:
    """As the receipt itself lists them."""
    _, listed = (Receipt.__doc__ or "").split("`status`:")

    assert first_column(section("Receipts"), "status") == re.findall(r"`([a-z]+)`", listed.split("`flags`")[0])


def test_the_words_of_the_sample_ward_are_on_the_page() -> None:
    """Every district, handbook, reason, refusal and placement kind, in both languages of the table."""
    words = section("Words of the ward")
    entries = [*WARD.district, *WARD.handbook, *WARD.reason, *WARD.refusal, *WARD.placement]

    assert [entry.key for entry in entries if f"`{entry.key}` {entry.label.ja}" not in words] == []


def test_the_limits_on_the_page_are_those_of_the_code() -> None:
    """Bytes, messages, characters and levels."""
    limits = section("The envelope")

    for limit in (MAX_ID_LENGTH, MAX_MESSAGE_BYTES, MAX_BATCH_BYTES, MAX_BATCH_ITEMS, MAX_NESTING):
        assert f" {limit:,} " in limits
