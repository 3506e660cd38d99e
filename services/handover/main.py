"""Runs the handover service alone: `faststream run services.handover.main:app --factory`."""

from __future__ import annotations

from faststream import FastStream

from services.handover.app import build
from services.logs import log_to
from services.settings import from_environment


def app() -> FastStream:
    """The service, with its settings from the environment."""
    settings = from_environment()
    log_to(None, "handover", settings.log)
    return build(settings)
