"""The streams of NATS JetStream, the durables on them, and the subjects: what `yoake streams` declares."""

from __future__ import annotations

from collections.abc import Iterable

from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    PersistMode,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)

from services.subscribers import user_prefix

INBOX, EVENTS, RECEIPTS, DELIVERIES = "INBOX", "EVENTS", "RECEIPTS", "DELIVERIES"
WRITERS = ("intake", "placement", "handover")
"""The services that take messages from outside."""

HEARS = {"placement": ("intake",), "handover": ("intake",), "reporting": WRITERS}
"""Whose events each service hears."""

BATCH = 256
ACK_WAIT = 5.0
"""Seconds after which JetStream gives a message to whoever asks next: a stalled service's work goes on."""

RECEIPT_WAIT = 30.0
"""Seconds after which a receipt that a provider has pulled and not acknowledged comes again."""

MIB = 1024 * 1024


def streams() -> list[StreamConfig]:
    """The four streams, as `yoake streams` declares them.

    INBOX and EVENTS refuse what they cannot hold, so that the sender knows; nobody may delete from
    them. Old receipts may go: a message sent again gets its receipt again. DELIVERIES holds what a subscriber has
    not acknowledged, and nothing else; the ledger's database holds it as well.
    """
    inbox = StreamConfig(name=INBOX, subjects=inbox_subjects("*", "*"), max_bytes=1024 * MIB)
    inbox.retention = RetentionPolicy.WORK_QUEUE
    events = StreamConfig(name=EVENTS, subjects=["events.>"], max_bytes=16 * 1024 * MIB, duplicate_window=120)
    receipts = StreamConfig(name=RECEIPTS, subjects=["receipts.>"], max_bytes=1024 * MIB, max_age=30 * 24 * 3600)
    deliveries = StreamConfig(name=DELIVERIES, subjects=["deliveries.>"], max_bytes=1024 * MIB, duplicate_window=120)
    deliveries.retention, deliveries.discard = RetentionPolicy.WORK_QUEUE, DiscardPolicy.NEW
    for stream in (inbox, events):
        stream.discard, stream.deny_delete, stream.deny_purge = DiscardPolicy.NEW, True, True
    for stream in (events, receipts):  # The journals hold these; INBOX must be synced before it acknowledges.
        stream.retention, stream.persist_mode = RetentionPolicy.LIMITS, PersistMode.ASYNC
    for stream in (inbox, events, receipts, deliveries):
        stream.storage = StorageType.FILE
    # An event can be larger than the message that led to it: what was sealed once is sealed again.
    inbox.max_msg_size, events.max_msg_size, receipts.max_msg_size = MIB, 8 * MIB, 8 * MIB
    deliveries.max_msg_size = 8 * MIB
    return [inbox, events, receipts, deliveries]


def durables(ward: str) -> list[tuple[str, ConsumerConfig]]:
    """(stream, durable) for every subscription of every service."""
    from_inbox = [
        (INBOX, _durable(service, [f"inbox.{ward}.*.{service}.>"], AckPolicy.EXPLICIT)) for service in WRITERS
    ]
    from_events = [  # Heard in the order of positions, so that one acknowledgement serves for all before it.
        (EVENTS, _durable(f"{service}-events", [f"events.{ward}.{heard}.>" for heard in sources], AckPolicy.ALL))
        for service, sources in HEARS.items()
    ]
    return from_inbox + from_events


def receipt_durables(ward: str, providers: Iterable[str]) -> list[tuple[str, ConsumerConfig]]:
    """(stream, durable) by which each provider gets its receipts, however long it was away."""
    found = []
    for provider in providers:
        config = _durable(receipt_durable(provider), [receipt_subject(ward, provider)], AckPolicy.EXPLICIT)
        config.ack_wait = RECEIPT_WAIT
        found.append((RECEIPTS, config))
    return found


def subscriber_durables(ward: str, subscribers: Iterable[str]) -> list[tuple[str, ConsumerConfig]]:
    """(stream, durable) by which each subscriber on NATS hears what is for it, however long it was away."""
    found = []
    for key in subscribers:
        config = _durable(user_prefix(key), [f"deliveries.{ward}.{key}.>"], AckPolicy.EXPLICIT)
        config.ack_wait = RECEIPT_WAIT
        found.append((DELIVERIES, config))
    return found


def _durable(name: str, subjects: list[str], acknowledging: AckPolicy) -> ConsumerConfig:
    return ConsumerConfig(
        durable_name=name,
        filter_subjects=subjects,
        deliver_policy=DeliverPolicy.ALL,
        ack_policy=acknowledging,
        ack_wait=ACK_WAIT,
        max_deliver=-1,  # Poison is parked by us; a limit would only stop delivery in silence.
        max_ack_pending=4 * BATCH,
    )


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
