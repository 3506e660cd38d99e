"""The names on the bus: the streams, who hears whom, and the subjects."""

from __future__ import annotations

INBOX, EVENTS, RECEIPTS, DELIVERIES = "INBOX", "EVENTS", "RECEIPTS", "DELIVERIES"
WRITERS = ("intake", "placement", "handover")
"""The services that take messages from outside."""

HEARS = {"placement": ("intake",), "handover": ("intake", "placement"), "reporting": WRITERS}
"""Whose events each service hears."""


def subject_token(name: str) -> str:
    """A name as one token of a subject: `call.received` is `call-received`."""
    return name.replace(".", "-")


def inbox_subject(ward: str, provider: str, service: str, message: str) -> str:
    """Where an adapter publishes a message."""
    return f"inbox.{ward}.{provider}.{service}.{subject_token(message)}"


def inbox_subjects(ward: str, provider: str) -> list[str]:
    """Every subject on which a provider publishes: on any other nobody would hear it."""
    return [f"inbox.{ward}.{provider}.{service}.>" for service in WRITERS]


def event_subject(ward: str, service: str, event: str, case: str | None) -> str:
    """Where the relay publishes an event."""
    return f"events.{ward}.{service}.{subject_token(event)}.{case or '_'}"


def receipt_subject(ward: str, provider: str) -> str:
    """Where a provider hears our receipts."""
    return f"receipts.{ward}.{provider}"


def receipt_durable(provider: str) -> str:
    """The durable on RECEIPTS that is this provider's own."""
    return f"receipts-{provider}"


def delivery_subject(ward: str, subscriber: str, event: str, case: str | None) -> str:
    """Where a subscriber hears of an event."""
    return f"deliveries.{ward}.{subscriber}.{subject_token(event)}.{case or '_'}"


def subscribers_subject(ward: str) -> str:
    """Where the reporting service is asked to do something about a subscriber."""
    return f"subscribers.{ward}"


def ledger_subject(ward: str, service: str) -> str:
    """Where the ledger answers how far it has heard a service."""
    return f"ledger.{ward}.{service}"


def health_subject(ward: str, service: str) -> str:
    """Where a service answers what is degraded in it."""
    return f"health.{ward}.{service}"


def again_subject(ward: str, service: str) -> str:
    """Where a service's relay is asked to publish again from a position."""
    return f"relay.{ward}.{service}.again"
