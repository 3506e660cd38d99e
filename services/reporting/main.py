"""Runs the reporting service alone: `faststream run services.reporting.main:app --factory`."""

from __future__ import annotations

from faststream import FastStream

from services.logs import log_to
from services.reporting.app import build
from services.settings import from_environment


def app() -> FastStream:
    """The service, with its settings from the environment."""
    settings = from_environment()
    log_to(None, "reporting", settings.log)
    return build(settings)
