"""The handover service, wired."""

from __future__ import annotations

from faststream import FastStream

from services import writer
from services.handover.rules import Rules
from services.settings import Settings


def build(settings: Settings) -> FastStream:
    """The handover service; see `services.writer.build` for what it raises."""
    return writer.build("handover", Rules(), settings)
