"""The placement service, wired."""

from __future__ import annotations

from faststream import FastStream

from services import writer
from services.placement.domain import Rules
from services.settings import Settings


def build(settings: Settings) -> FastStream:
    """The placement service; see `services.writer.build` for what it raises."""
    return writer.build("placement", Rules(), settings)
