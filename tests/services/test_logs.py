"""Log lines: what stands in them, and what never does."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.logs import STARTED, JsonLines, last_words

MARKER = "架空マーカー太郎"
NOW = datetime(2025, 4, 1, 2, 10, tzinfo=UTC)


def line(text: str, **extra: Any) -> dict[str, Any]:
    """A log line of the intake service, written while an exception is handled if there is one."""
    log = logging.getLogger("yoake.test")
    failed = sys.exc_info() if sys.exc_info()[0] else None
    record = log.makeRecord(log.name, logging.WARNING, __file__, 1, text, (), failed, extra=extra)
    found: dict[str, Any] = json.loads(JsonLines("intake").format(record))
    return found


def test_a_line_says_where_and_about_what() -> None:
    """Time, level, service, logger and text; of what is given besides, only the known fields."""
    found = line("parked", provider="night", source="/desk", id="42", position=7, body=MARKER)

    assert datetime.fromisoformat(found.pop("time")).tzinfo is not None
    assert found == {
        "level": "warning",
        "service": "intake",
        "logger": "yoake.test",
        "text": "parked",
        "provider": "night",
        "source": "/desk",
        "id": "42",
        "position": 7,
    }


def test_an_exception_is_told_without_its_text() -> None:
    """It may quote a name: neither its own text, nor its cause's, nor a group's members'; their types are told."""
    try:
        try:
            raise ValueError(MARKER)
        except ValueError as cause:
            raise ExceptionGroup(MARKER, [KeyError(MARKER), TypeError(MARKER)]) from cause
    except ExceptionGroup:
        found = line("it failed")

    assert MARKER not in json.dumps(found, ensure_ascii=False)
    told = [text.split(":")[0] for text in found["failed"]]
    assert sorted(told) == [f"builtins.{name}" for name in ("ExceptionGroup", "KeyError", "TypeError", "ValueError")]
    assert "test_logs.py:" in found["failed"][0]


def written(file: Path, *lines: tuple[str, str, timedelta]) -> Path:
    """A log of (level, text, how long ago)."""
    texts = [json.dumps({"time": (NOW - ago).isoformat(), "level": level, "text": text}) for level, text, ago in lines]
    file.write_text("not a line of ours\n" + "\n".join(texts) + "\n")
    return file


STOPPED = ("critical", "stopped: why")
BEGAN = ("info", STARTED)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([], ""),
        ([(*BEGAN, timedelta(hours=1))], ""),
        ([(*STOPPED, timedelta(hours=1))], "stopped: why"),
        ([(*STOPPED, timedelta(hours=2)), (*BEGAN, timedelta(hours=1))], ""),
        ([(*STOPPED, timedelta(seconds=30)), (*BEGAN, timedelta(seconds=5))], "stopped: why"),
    ],
)
def test_the_last_words_are_those_of_a_service_that_has_not_run_well_since(
    tmp_path: Path, lines: list[tuple[str, str, timedelta]], words: str
) -> None:
    """One that started again only a moment ago may stop again for the same reason."""
    assert last_words(written(tmp_path / "intake.log", *lines), NOW) == words


def test_without_a_log_there_are_no_last_words(tmp_path: Path) -> None:
    """As before the first start."""
    assert last_words(tmp_path / "none.log", NOW) == ""
