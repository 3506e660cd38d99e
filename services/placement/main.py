"""Runs the placement service alone: `faststream run services.placement.main:app --factory`."""

from __future__ import annotations

from faststream import FastStream

from services.logs import log_to
from services.placement.app import build
from services.settings import from_environment


def app() -> FastStream:
    """The service, with its settings from the environment."""
    settings = from_environment()
    log_to(None, "placement", settings.log)
    return build(settings)
