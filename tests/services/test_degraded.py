"""What is said of each fault, from facts alone."""

from __future__ import annotations

import msgspec
import pytest

from services.degraded import Disk, Facts, Level, Stream, degraded, is_ready, worst, worst_first

GIB = 1024**3

CASES = [
    (Facts(running=False), "not-running", Level.stopped),
    (Facts(running=False, halted="another process writes the journal"), "halted", Level.stopped),
    (Facts(looked=False), "starting", Level.late),
    (Facts(answers=False), "not-answering", Level.stopped),
    (Facts(connected=False), "nats-gone", Level.stopped),
    (Facts(jetstream=False), "jetstream-silent", Level.stopped),
    (Facts(missing=("EVENTS",)), "missing", Level.stopped),
    (Facts(silent=("intake",)), "not-pulling", Level.late),
    (Facts(stalled=("intake",)), "stalled", Level.late),
    (Facts(relay_behind=11, relay_lag=3), "relay-behind", Level.late),
    (Facts(database_missing=True), "database-missing", Level.stopped),
    (Facts(write_failed="locked"), "database-locked", Level.stopped),
    (Facts(write_failed="full"), "database-full", Level.stopped),
    (Facts(write_failed="failed"), "database-failed", Level.stopped),
    (Facts(write_waits=6), "database-slow", Level.late),
    (Facts(ward_known=False), "no-ward", Level.late),
    (Facts(clock_behind=3600), "clock-back", Level.notice),
    (Facts(disk=Disk(GIB // 2, 100 * GIB)), "disk-low", Level.notice),
    (Facts(streams=(Stream("INBOX", 6, 10),)), "stream-filling", Level.notice),
]


@pytest.mark.parametrize(("facts", "code", "level"), CASES, ids=[code for _, code, _ in CASES])
def test_each_fault_is_said_once_in_both_languages_with_what_to_do(facts: Facts, code: str, level: Level) -> None:
    """One fault, one sentence; it names the service, and leaves it ready only where it is a notice."""
    found = degraded(msgspec.structs.replace(facts, service="intake"))

    assert [(one.code, one.level, one.service) for one in found] == [(code, level, "intake")]
    assert found[0].ja.startswith("受付：")
    assert found[0].en.startswith("intake: ")
    assert all((found[0].ja, found[0].en, found[0].do_ja, found[0].do_en))
    assert is_ready(found) == (level is Level.notice)


@pytest.mark.parametrize(
    "facts",
    [
        Facts(),
        Facts(relay_behind=9, relay_lag=3),
        Facts(write_waits=4),
        Facts(clock_behind=59),
        Facts(disk=Disk(2 * GIB, 100 * GIB)),
        Facts(disk=Disk(GIB // 20, GIB // 8)),
        Facts(streams=(Stream("INBOX", 5, 10), Stream("OTHER", 5, 0))),
    ],
)
def test_what_is_well_is_not_said(facts: Facts) -> None:
    """Short waits, a small disk with room and a stream that is half full are nobody's worry."""
    assert degraded(facts) == []


def test_the_worst_comes_first_and_what_is_said_twice_is_said_once() -> None:
    """Several faults together; the order is that of their levels."""
    found = degraded(Facts(clock_behind=100, relay_behind=30, connected=False))

    assert [one.level for one in worst_first(found + found)] == [Level.stopped, Level.notice]
    assert worst(found) is Level.stopped
    assert worst([]) is None
