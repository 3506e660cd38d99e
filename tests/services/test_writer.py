"""What a service does with a pull that is more than one transaction."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import current_thread
from typing import Any

import msgspec
import pytest
from nats.aio.client import Client

from deploy.natsd import NatsServer
from events import event_of
from events.intake import CallReceived
from services import writer
from services.desk import Desk
from services.intake import app as intake
from services.journal import Journal
from services.settings import Settings
from services.subjects import INBOX, inbox_subject
from services.ward import load
from tests.running import WARD, call, eventually

WARD_ID = load(WARD).id
CALLS = 7


@pytest.fixture
def bus_ward() -> str:
    return WARD_ID


@pytest.fixture
def settings(server: NatsServer, tmp_path: Path) -> Settings:
    return Settings(
        ward_file=WARD,
        nats=server.url,
        database=f"sqlite:///{tmp_path}/{{service}}.db",
        keys=tmp_path / "keys",
        pages=("127.0.0.1", 0),
    )


@pytest.mark.parametrize("fault", [False, True])
async def test_each_part_is_taken_with_what_was_read_of_it(
    client: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch, fault: bool
) -> None:
    """Every message is recorded once, in the order in which it came; also where what is read ahead cannot be read."""
    monkeypatch.setattr(writer, "MOST_BYTES", 1)  # Each message is a transaction.
    if fault:
        monkeypatch.setattr(Desk, "read", _only_as_it_is_taken(Desk.read))
    for n in range(CALLS):
        subject = inbox_subject(WARD_ID, "contractor", "intake", "call.report")
        await client.jetstream().publish(subject, msgspec.json.encode(call(n)), stream=INBOX)
    app = intake.build(settings)
    await app.start()
    try:
        journal = Journal(settings.database_of("intake"), "intake", WARD_ID)
        await eventually(lambda: len(_calls(journal)) >= CALLS)
        assert _calls(journal) == [f"C-{n}" for n in range(CALLS)]
        journal.close()
    finally:
        await app.stop()
    assert (await client.jetstream().stream_info(INBOX)).state.messages == 0


def _calls(journal: Journal) -> list[Any]:
    return [event.case_ref for event in map(event_of, journal.records()) if isinstance(event, CallReceived)]


def _only_as_it_is_taken(read: Callable[..., Any]) -> Callable[..., Any]:
    def reading(self: Desk[Any], deliveries: Any) -> Any:
        if current_thread().name.startswith("reading"):
            raise RuntimeError("a fault of ours")
        return read(self, deliveries)

    return reading
