"""The published schemas: up to date, deterministic, and as strict as they say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from deploy.contract import SCHEMAS, documents, main, out_of_date, write
from events import Event, known_events
from events.messages import MESSAGES
from tests.events.json_schema import faults

CALL: dict[str, Any] = {
    "specversion": "1.0",
    "id": "1",
    "source": "/desk",
    "type": "call.report",
    "time": "2025-04-01T02:10:00+09:00",
    "data": {"matters": [{"case": "C-1"}]},
}


def schema(path: str) -> dict[str, Any]:
    """A published schema."""
    read: dict[str, Any] = msgspec.json.decode((SCHEMAS / path).read_bytes())
    return read


def test_the_published_schemas_are_those_of_the_vocabulary() -> None:
    """Whoever changes a message or an event runs `make schemas`."""
    assert out_of_date(SCHEMAS) == []


def test_every_message_every_event_and_the_receipt_have_a_schema() -> None:
    """One for each, by name; an event's with its version; and the description of the HTTP door."""
    events = {f"events/{name}.v{kind.version}.json" for name, kind in known_events().items()}
    messages = {f"messages/{name}.json" for name in MESSAGES}

    assert set(documents()) == events | messages | {"receipt.json", "openapi.json", "manifest.json"}


def test_writing_the_schemas_twice_changes_nothing() -> None:
    """No order of a set or a dictionary shows in them."""
    assert documents() == documents()


def test_check_names_what_is_out_of_date_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A changed file, a missing one and one that belongs to nothing; the exit status is 1."""
    write(tmp_path)
    (tmp_path / "receipt.json").write_text("{}")
    (tmp_path / "messages" / "case.close.json").unlink()
    (tmp_path / "messages" / "case.open.json").write_text("{}")

    assert main(["--check"], tmp_path) == 1
    assert out_of_date(tmp_path) == ["messages/case.close.json", "messages/case.open.json", "receipt.json"]
    assert capsys.readouterr().err.count("make schemas") == 3


def test_writing_mends_what_check_found(tmp_path: Path) -> None:
    """Afterwards there is nothing left to name, and what belongs to nothing is gone."""
    write(tmp_path)
    (tmp_path / "receipt.json").write_text("{}")
    (tmp_path / "messages" / "case.open.json").write_text("{}")

    assert main([], tmp_path) == 0
    assert main(["--check"], tmp_path) == 0


def test_the_schema_of_an_earlier_version_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is still needed by whoever reads old events; that of a version to come is not."""
    write(tmp_path)
    monkeypatch.setattr(known_events()["case.closed"], "version", 2)
    write(tmp_path)
    (tmp_path / "events" / "case.closed.v3.json").write_text("{}")

    assert (tmp_path / "events" / "case.closed.v1.json").exists()
    assert out_of_date(tmp_path) == ["events/case.closed.v3.json"]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({}, []),
        ({"synthetic": True, "entered": "2025-04-01T02:20:00+09:00"}, []),
        ({"sequence": 7}, []),
        ({"sequence": 0}, ["$.sequence: below 1"]),
        ({"sequence": "7"}, ["$.sequence: not of type integer"]),
        ({"id": ""}, ["$.id: of another length"]),
        ({"id": "9" * 201}, ["$.id: of another length"]),
        ({"id": 7}, ["$.id: not of type string"]),
        ({"type": "call.correct"}, ["$.type: not 'call.report'"]),
        ({"time": "2025-04-01T02:10:00"}, ["$.time: not a date-time"]),
        ({"data": {"matters": [{"case": 7}]}}, ["$.data.matters[0].case: none of the choices"]),
        ({"data": {"matter": []}}, ["$.data.matter: unknown"]),
        ({"data": {"matters": [{"tel": "03"}]}}, ["$.data.matters[0].tel: unknown"]),
    ],
)
def test_a_message_schema_says_what_is_wrong_with_a_message(change: dict[str, Any], fault: list[str]) -> None:
    """Before anything is sent: an adapter's own tests can use it."""
    whole = schema("messages/call.report.json")
    message = {**CALL, **change}

    assert list(faults(message, whole, whole)) == fault


def test_a_message_schema_asks_for_the_envelope() -> None:
    """Without an id, a source, a type, a time and data there is no message."""
    whole = schema("messages/call.report.json")

    assert [*faults({}, whole, whole)] == [f"$.{name}: missing" for name in CALL]


def test_an_event_schema_is_of_one_name_and_version_and_lets_new_fields_pass() -> None:
    """A listener written today goes on when a later release adds a field."""
    whole = schema("events/case.split.v1.json")
    record = {"type": "case.split", "data": {"case": "a", "from_case": "b", "new": 1}, "later": 1}

    wrong = [*faults({**record, "version": 2, "type": "case.merged"}, whole, whole)]
    assert "$.version: not 1" in wrong
    assert "$.type: not 'case.split'" in wrong
    assert not any("new" in fault or "later" in fault for fault in wrong)


def test_every_time_in_a_schema_says_that_it_is_one() -> None:
    """The library leaves the format out where an offset is optional in the type."""
    moments = [schema(f"events/{name}.v1.json")["properties"]["time"] for name in known_events()]

    assert all(moment["format"] == "date-time" for moment in moments)
    begins_at = schema("messages/placement.arrange.json")["properties"]["data"]["properties"]["begins_at"]
    assert {"type": "string", "format": "date-time"} in begins_at["anyOf"]


def test_an_event_says_what_it_is_about() -> None:
    """A class that forgets to is named by the error."""
    with pytest.raises(TypeError, match="Event does not say what it is about"):
        _ = Event().about
