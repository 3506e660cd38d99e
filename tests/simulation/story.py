"""What happened in a simulated night: a trace whose hash says whether two nights were the same, and a story to read."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from hashlib import blake2b
from typing import Any

SAID = 3
"""How often one sentence of a log is told."""


class Story:
    """Noted as the night goes on. `told` is for people; `note` is every step on the bus and the disks."""

    def __init__(self, now: Callable[[], datetime], *, with_trace: bool = False) -> None:
        self._now, self._with_trace = now, with_trace
        self._trace: list[tuple[Any, ...]] = []
        self.told: list[tuple[datetime, str, str]] = []

    def tell(self, who: str, what: str) -> None:
        """Something that a reader of the story wants to know."""
        now = self._now()
        self.told.append((now, who, what))
        self._trace.append((now.timestamp(), who, what))

    def note(self, *what: Any) -> None:
        """One step."""
        now = self._now()
        self._trace.append((now.timestamp(), *what))
        if self._with_trace:
            self.told.append((now, "", " ".join(map(str, what))))

    def hash(self) -> str:
        """The same for two nights in which the same things happened in the same order."""
        return blake2b(repr(self._trace).encode(), digest_size=8).hexdigest()

    def text(self, ward: Callable[[datetime], datetime]) -> str:
        """The story, by the ward's clock."""
        lines: list[str] = []
        again: dict[tuple[str, str], int] = {}
        for now, who, what in self.told:
            again[who, what] = again.get((who, what), 0) + 1
            if not what.startswith("says: ") or again[who, what] <= SAID:
                clock = ward(now).strftime("%m-%d %H:%M:%S.%f")[:-3]
                more = " (and so on)" if what.startswith("says: ") and again[who, what] == SAID else ""
                lines.append(f"  {clock}  {who:<10}  {what}{more}")
        return "\n".join(lines)


class Listener(logging.Handler):
    """What services say in their logs belongs to the story; it is no part of the trace."""

    def __init__(self, story: Story, who: Callable[[], str]) -> None:
        super().__init__(logging.WARNING)
        self._story, self._who = story, who

    def emit(self, record: logging.LogRecord) -> None:
        """Add a line."""
        text = record.getMessage()
        if record.exc_info and record.exc_info[1] is not None:
            text += f" ({record.exc_info[1]!r})"
        self._story.told.append((self._story._now(), self._who(), f"says: {text}"))
