"""Reading what was written: earlier versions are raised, later ones and garbage are refused in clear words."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events import ContractError, Event, Recorded, decode, encode, encode_data, event_of, vocabulary
from events.intake import CaseClosed, WardActivated
from events.upcast import STEPS

NOW = datetime(2025, 5, 12, tzinfo=UTC)
RELEASED = (Path(__file__).parent / "released" / "call.received.v1.json").read_bytes()


def record(kind: str = "case.closed", version: int = 1, **data: Any) -> Recorded:
    """An event as some release wrote it."""
    return Recorded(
        specversion="1.0",
        id="e",
        source="/yoake/setagaya/intake",
        type=kind,
        version=version,
        subject="c",
        time=NOW,
        recordedat=NOW,
        ward="setagaya",
        service="intake",
        epoch=1,
        position=7,
        causation="event:d",
        correlation="c",
        data=msgspec.Raw(msgspec.json.encode(data)),
    )


@pytest.fixture
def third_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """A release in which `case.closed` is at version 3: `why` became `reason`, then reasons became lower case."""
    monkeypatch.setattr(CaseClosed, "version", 3)
    monkeypatch.setitem(STEPS, ("case.closed", 1), lambda fields: {"case": fields["case"], "reason": fields["why"]})
    monkeypatch.setitem(STEPS, ("case.closed", 2), lambda fields: {**fields, "reason": fields["reason"].lower()})


@pytest.mark.usefixtures("third_version")
def test_an_event_of_an_earlier_version_is_read_as_todays() -> None:
    """Step by step; from whichever version it was written in."""
    assert event_of(record(version=1, case="c", why="SETTLED")) == CaseClosed(case="c", reason="settled")
    assert event_of(record(version=2, case="c", reason="SETTLED")) == CaseClosed(case="c", reason="settled")
    assert event_of(record(version=3, case="c", reason="SETTLED")) == CaseClosed(case="c", reason="SETTLED")


@pytest.mark.usefixtures("third_version")
def test_an_earlier_version_without_a_step_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guessing would change what a log means."""
    monkeypatch.delitem(STEPS, ("case.closed", 2))

    with pytest.raises(ContractError, match=r"case\.closed version 2 cannot be read: no upcast to 3"):
        event_of(record(version=1, case="c", why="settled"))


@pytest.mark.usefixtures("third_version")
def test_an_earlier_version_whose_fields_do_not_fit_after_all_steps_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The error names the event and its place in the log."""
    monkeypatch.setitem(STEPS, ("case.closed", 2), lambda fields: {"case": fields["case"]})

    with pytest.raises(ContractError, match=r"case\.closed at intake 7: .*`reason`"):
        event_of(record(version=2, case="c", reason="settled"))


def test_a_version_newer_than_this_release_is_refused() -> None:
    """An old program beside a new one stops, and says why, rather than reading half."""
    with pytest.raises(ContractError, match=r"case\.closed version 9 is newer than this release, which reads up to 1"):
        event_of(record(version=9, case="c", reason="settled"))


def test_an_unknown_event_is_refused_with_what_is_known() -> None:
    """The list helps whoever mistyped a name."""
    with pytest.raises(ContractError, match=r"unknown event 'case.opened'; this release knows call.added, "):
        event_of(record("case.opened", case="c"))


def test_fields_that_do_not_fit_are_refused_with_their_place() -> None:
    """The service and the position say where to look."""
    with pytest.raises(ContractError, match=r"case\.closed at intake 7: Object missing required field `reason`"):
        event_of(record(case="c"))


def test_two_events_cannot_have_one_name() -> None:
    """A name is stored for ever; the second class would read the first one's records."""

    class Closed(Event, frozen=True, kw_only=True):
        name = "case.closed"

    with pytest.raises(ContractError, match=r"the name case\.closed is taken"):
        vocabulary(Closed)


def test_equal_events_give_equal_bytes() -> None:
    """Whatever the order in which a dictionary was filled: hashes are over these bytes."""
    one = WardActivated(ward="w", effective_from=NOW, content={"a": {"x": 1, "y": 2}, "b": 3})
    other = WardActivated(ward="w", effective_from=NOW, content={"b": 3, "a": {"y": 2, "x": 1}})

    assert bytes(encode_data(one)) == bytes(encode_data(other))
    assert encode(decode(RELEASED)) == encode(decode(RELEASED))


@settings(deadline=None)
@given(st.binary() | st.text().map(str.encode))
def test_decoding_garbage_says_that_it_is_no_event(text: bytes) -> None:
    """Nothing but ContractError: who reads a log catches that and nothing else."""
    with pytest.raises(ContractError, match="not a recorded event: "):
        decode(text)


@settings(deadline=None)
@given(st.integers(0, len(RELEASED) - 1), st.text(max_size=3).map(str.encode), st.integers(0, 20))
def test_decoding_a_damaged_record_says_so_or_reads_it(at: int, put: bytes, gone: int) -> None:
    """A few characters cut out, or others put in their place, anywhere in a record."""
    try:
        event_of(decode(RELEASED[:at] + put + RELEASED[at + gone :]))
    except ContractError as error:
        assert str(error)  # noqa: PT017  (both ends are right; what must not come is another exception)
