"""The streams of NATS JetStream and the durables on them: what `yoake streams` declares."""

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

from services.subjects import (
    DELIVERIES,
    EVENTS,
    HEARS,
    INBOX,
    RECEIPTS,
    WRITERS,
    inbox_subjects,
    receipt_durable,
    receipt_subject,
)
from services.subscribers import user_prefix

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
