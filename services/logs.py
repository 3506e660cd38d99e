"""Log lines: one JSON object each, with what happened and where, and never a word that somebody said.

An exception's own text may quote what it failed on, so only its type and the places it passed are
written; what a reader needs is in `text`, which this project writes itself.
"""

from __future__ import annotations

import logging
import logging.handlers
import sys
import traceback
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

FIELDS = ("provider", "source", "id", "case", "position", "durable", "role", "who")
"""What a line may say besides its text, given as `extra`; ids are as `services.reading.public` shows them."""

_ENCODE = msgspec.json.Encoder().encode


class JsonLines(logging.Formatter):
    """Writes time, level, service, logger and text, then those of FIELDS that are known, then where it failed."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """One line of JSON."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "service": self._service,
            "logger": record.name,
            "text": record.getMessage(),
        }
        line |= {name: record.__dict__[name] for name in FIELDS if name in record.__dict__}
        if record.exc_info and record.exc_info[1]:
            line["failed"] = failed(record.exc_info[1])
        return _ENCODE(line).decode()


def failed(error: BaseException) -> list[str]:
    """An exception and what caused it: each one's type and the places it passed, without its text."""
    lines: list[str] = []
    seen: set[int] = set()
    queue: list[BaseException | None] = [error]
    while queue:
        one = queue.pop(0)
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        places = [f"{Path(p.filename).name}:{p.lineno} {p.name}" for p in traceback.extract_tb(one.__traceback__)]
        lines.append(f"{type(one).__module__}.{type(one).__qualname__}: {' < '.join(reversed(places))}")
        queue += [*(one.exceptions if isinstance(one, BaseExceptionGroup) else ()), one.__cause__ or one.__context__]
    return lines


def log_to(file: Path | None, service: str, level: str = "info") -> None:
    """Let this process log to a file that is turned over, or to standard error; libraries never below info."""
    handler: logging.Handler = logging.StreamHandler(sys.stderr)
    if file:
        handler = logging.handlers.RotatingFileHandler(file, maxBytes=5_000_000, backupCount=3, encoding="utf-8")
    handler.setFormatter(JsonLines(service))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    logging.getLogger("yoake").setLevel(level.upper())
    for quiet in ("httpx", "uvicorn"):
        logging.getLogger(quiet).setLevel(logging.WARNING)


class _Line(msgspec.Struct):
    time: datetime
    level: str
    text: str


STARTED = "started"
TAIL = 64 * 1024
FRESH = timedelta(seconds=60)
"""A service that stops by itself is started again, and may stop again, within this time."""


def last_words(file: Path, now: datetime) -> str:
    """Why a service stopped by itself, from the end of its log; empty if it has run well since."""
    try:
        with file.open("rb") as log:
            log.seek(max(0, log.seek(0, 2) - TAIL))
            lines = log.read().splitlines()
    except OSError:
        return ""
    started = False
    for text in reversed(lines):
        try:
            line = msgspec.json.decode(text, type=_Line)
        except msgspec.DecodeError:
            continue
        if line.level == "critical":
            return "" if started and now - line.time > FRESH else line.text
        started = started or line.text == STARTED
    return ""
