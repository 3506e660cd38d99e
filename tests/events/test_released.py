"""Names, versions and fields are promises: whatever was recorded or published once is still read today.

`released/` holds a record of every event version, byte for byte as it was written (none of it about a real
person), and `released/schema/` the schemas as they were published. Both only ever grow.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from deploy.contract import SCHEMAS, documents
from events import Recorded, decode, encode, encode_data, event_of, known_events
from events.intake import WardActivated
from services.reporting.fold import fold
from services.ward import parse
from tests.events.compatibility import broken
from tests.events.json_schema import faults

RELEASED = Path(__file__).parent / "released"
RECORDS = sorted(RELEASED.glob("*.json"))
PUBLISHED = sorted((RELEASED / "schema").rglob("*.json"))
TODAY = documents()


def text_of(path: Path) -> bytes:
    """A record's own bytes, without the end of the line."""
    return path.read_bytes().removesuffix(b"\n")


def published(path: Path) -> tuple[str, dict[str, Any]]:
    """A schema that was released, and its path in events/schema/."""
    return path.relative_to(RELEASED / "schema").as_posix(), msgspec.json.decode(path.read_bytes())


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_a_released_record_is_written_today_as_it_was_then(path: Path) -> None:
    """The ledger's hashes are over these bytes; reading and writing must not change one."""
    record = decode(text_of(path))

    assert path.stem == f"{record.type}.v{record.version}"
    assert encode(record) == text_of(path)


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_a_released_record_is_understood(path: Path) -> None:
    """As the event of its name; one of the present version also gives its own bytes back."""
    record = decode(text_of(path))
    event = event_of(record)

    assert type(event) is known_events()[record.type]
    assert (event.about, event.case_id) == (record.subject, record.case)
    assert record.version != event.version or bytes(encode_data(event)) == bytes(record.data)


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_a_released_record_fits_the_schema_of_its_version(path: Path) -> None:
    """So the schema says what is really sent."""
    schema = msgspec.json.decode((SCHEMAS / "events" / path.name).read_bytes())

    assert list(faults(msgspec.json.decode(text_of(path)), schema, schema)) == []


@pytest.mark.parametrize("name", known_events())
def test_every_event_has_a_released_record_of_every_version(name: str) -> None:
    """A new event, or a new version, puts one record and one schema of it into tests/events/released/."""
    versions = range(1, known_events()[name].version + 1)

    assert [version for version in versions if not (RELEASED / f"{name}.v{version}.json").exists()] == []
    assert [v for v in versions if not (RELEASED / "schema" / "events" / f"{name}.v{v}.json").exists()] == []


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.stem)
def test_a_released_schema_still_holds(path: Path) -> None:
    """Nothing removed, nothing of another type, nothing asked for anew; a change like that is a new version."""
    name, old = published(path)
    new = msgspec.json.decode(TODAY.get(name) or (SCHEMAS / name).read_bytes())

    assert broken(old, new, heard=not name.startswith("messages/")) == []


def test_every_schema_of_today_is_among_the_released_ones() -> None:
    """Or what is new in it would not be guarded."""
    assert TODAY.keys() - {published(path)[0] for path in PUBLISHED} == set()


def test_the_ward_file_of_a_released_record_can_still_be_used() -> None:
    """A report on an old year needs the rules of that year."""
    event = event_of(decode(text_of(RELEASED / "ward.activated.v1.json")))

    assert isinstance(event, WardActivated)
    assert parse(event.content).id == event.ward


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_a_released_record_is_read_by_the_fold(path: Path) -> None:
    """After the ward's file and everything about the same thing that was recorded before it, as in a ledger."""
    wanted = decode(text_of(path))
    records = [decode(text_of(other)) for other in RECORDS]
    before = [r for r in records if r.type == "ward.activated" or _comes_before(r, wanted)]
    history = sorted(before, key=lambda r: (r.type != "ward.activated", r.recordedat, r.service, r.position))
    facts = fold([*history, wanted] if wanted.type != "ward.activated" else history)

    assert facts.wards
    if wanted.type not in ("ward.activated", "epoch.opened", "parked.closed"):
        assert {wanted.subject, wanted.case} & (facts.cases.keys() | facts.persons.keys())


def _comes_before(record: Recorded, wanted: Recorded) -> bool:
    related = {wanted.subject, wanted.case} & {record.subject, record.case} - {None}
    return bool(related) and record.recordedat < wanted.recordedat and record.id != wanted.id


OLD: dict[str, Any] = {
    "properties": {
        "case": {"type": "string"},
        "flags": {"items": {"$ref": "#/$defs/Flag"}, "type": "array"},
        "reason": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
    },
    "required": ["case"],
    "$defs": {"Flag": {"properties": {"code": {"type": "string"}}, "required": ["code"]}},
}


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"description": "other words"}, []),
        ({"properties": {**OLD["properties"], "new": {"type": "string"}}}, []),
        ({"properties": {name: OLD["properties"][name] for name in ("case", "flags")}}, [".reason: gone"]),
        ({"properties": {**OLD["properties"], "case": {"type": "integer"}}}, [".case: another type"]),
        ({"properties": {**OLD["properties"], "reason": {"type": "string"}}}, [".reason: another type"]),
        ({"properties": {**OLD["properties"], "flags": {"type": "array"}}}, [".flags[]: another type"]),
        ({"required": ["case", "reason"]}, [".reason: needed now"]),
        ({"required": []}, [".case: not always there now"]),
        ({"$defs": {"Flag": {"properties": {}, "required": ["code"]}}}, [".flags[].code: gone"]),
    ],
)
def test_what_breaks_a_released_schema(change: dict[str, Any], found: list[str]) -> None:
    """The comparison itself, change by change."""
    assert broken(OLD, {**OLD, **change}, heard=True) == found


def test_a_sender_may_be_asked_for_less() -> None:
    """A field that a message need no longer have breaks nobody."""
    assert broken(OLD, {**OLD, "required": []}, heard=False) == []
