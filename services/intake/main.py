"""Runs the intake service alone: `faststream run services.intake.main:app --factory`."""

from __future__ import annotations

from faststream import FastStream

from services.intake.app import build
from services.logs import log_to
from services.settings import from_environment


def app() -> FastStream:
    """The service, with its settings from the environment."""
    settings = from_environment()
    log_to(None, "intake", settings.log)
    return build(settings)
