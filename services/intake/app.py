"""The intake service, wired."""

from __future__ import annotations

from faststream import FastStream

from services import writer
from services.intake.rules import Rules
from services.settings import Settings


def build(settings: Settings) -> FastStream:
    """The intake service; see `services.writer.build` for what it raises."""
    return writer.build("intake", Rules(), settings)
