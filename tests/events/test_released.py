"""Names, versions and fields are promises: whatever was recorded or published once is still read today.

`released/` holds a record of every event version, byte for byte as it was written (none of it about a real
person), and `released/schema/` the schemas as they were published. Both only ever grow.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, cast, get_args

import msgspec
import pytest

from deploy import contract
from deploy.contract import SCHEMAS, documents
from events import Recorded, decode, encode, encode_data, event_of, known_events
from events.intake import WardActivated
from events.messages import MESSAGES, CaseClose, Message
from events.morning import MorningEvent
from services.reporting.fold import fold
from services.ward import parse
from tests.events.compatibility import broken, incompatible
from tests.events.json_schema import faults

RELEASED = Path(__file__).parent / "released"
RECORDS = sorted(RELEASED.glob("*.json"))
PUBLISHED = {path.relative_to(RELEASED / "schema").as_posix() for path in (RELEASED / "schema").rglob("*.json")}
TODAY = {name: schema for name, schema in documents().items() if name != "openapi.json"}  # It repeats the others.


def text_of(path: Path) -> bytes:
    """A record's own bytes, without the end of the line."""
    return path.read_bytes().removesuffix(b"\n")


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


def test_every_released_schema_still_holds() -> None:
    """Nothing removed, nothing of another type, nothing asked for anew; a change like that is a new version."""
    assert incompatible(RELEASED / "schema", TODAY, SCHEMAS) == []


def changed(kind: type[Message], **fields: Any) -> type[Message]:
    """A message as a careless release might have it: None leaves a field out."""
    own = {
        f.name: (f.name, f.type) if f.required else (f.name, f.type, f.default) for f in msgspec.structs.fields(kind)
    }
    own |= {name: (name, *value) if isinstance(value, tuple) else (name, value) for name, value in fields.items()}
    kept = [field for name, field in own.items() if fields.get(name, ...) is not None]
    names = {"name": kind.name, "service": kind.service, "__doc__": kind.__doc__}
    made = msgspec.defstruct(kind.__name__, kept, bases=(Message,), namespace=names, kw_only=True, frozen=True)
    return cast("type[Message]", made)


@pytest.mark.parametrize(
    ("message", "found"),
    [
        (changed(CaseClose, reason=None), ["messages/case.close.json.data.reason: gone"]),
        (changed(CaseClose, reason=(int, 0)), ["messages/case.close.json.data.reason: another type"]),
        (changed(CaseClose, case=(str, "")), ["messages/case.close.json.data.case: another type"]),
        (changed(CaseClose, why=str), ["messages/case.close.json.data.why: needed now"]),
        (changed(CaseClose, why=(str, "")), []),
        (None, ["messages/case.close.json: gone"]),
    ],
    ids=["a field removed", "of another type", "narrowed", "asked for anew", "a field more", "a message removed"],
)
def test_an_incompatible_change_of_a_message_is_found(
    message: type[Message] | None, found: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted in the vocabulary itself: what a release may not do to those who send."""
    others = {name: kind for name, kind in MESSAGES.items() if name != "case.close"}
    monkeypatch.setattr(contract, "MESSAGES", others | ({"case.close": message} if message else {}))

    assert incompatible(RELEASED / "schema", documents(), SCHEMAS) == found


def test_an_event_that_is_gone_is_found(tmp_path: Path) -> None:
    """Its schema is removed with it; that of an earlier version, which is kept, is not missed."""
    today = {name: text for name, text in TODAY.items() if name != "events/case.closed.v1.json"}
    kept = shutil.copytree(SCHEMAS, tmp_path / "schema", ignore=shutil.ignore_patterns("case.closed.v1.json"))

    assert incompatible(RELEASED / "schema", today, kept) == ["events/case.closed.v1.json: gone"]
    assert incompatible(RELEASED / "schema", today, SCHEMAS) == []


def test_every_schema_of_today_is_among_the_released_ones() -> None:
    """Or what is new in it would not be guarded."""
    assert TODAY.keys() - PUBLISHED == set()


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
    of_no_figure = {"ward.activated", "epoch.opened", "parked.closed", "shift.closed", "night.closed"}
    if wanted.type not in of_no_figure | {kind.name for kind in get_args(MorningEvent)}:
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
