"""The demonstration's history by every way that an adapter may take: whichever it is, the published tables come out.

Out of sheets: `test_parked_and_import.py`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.datadir import DataDirectory
from deploy.demo import SEED
from deploy.history import plan, read_examples
from deploy.opened import Opened
from deploy.setting_up import PUBLISHED
from events import BATCH_CONTENT_TYPE
from events.courier import Courier, Transport
from events.outbox import Outbox
from events.over_http import OverHttp
from events.over_nats import OverNats
from events.seal import public_key
from services.reporting.published import compare, load
from services.ward import load as load_ward
from tests.running import WARD, running, settled, until, up, write_lines, yoake

Message = dict[str, Any]
PROVIDER = "contractor"
SOURCE = f"/history/setagaya/{SEED}"


@pytest.fixture(scope="module")
def history() -> list[Message]:
    """What the demonstration sends, in its order."""
    sent = plan(load(PUBLISHED), load_ward(WARD), SEED, read_examples(PUBLISHED))
    assert {provider for provider, _ in sent} == {PROVIDER}
    return [message for _, message in sent]


def fed(data: Path, history: list[Message]) -> None:
    """`yoake feed`: messages over NATS, one by one."""
    file = write_lines(data.with_name("history.jsonl"), history)
    assert yoake("feed", file, "--as", PROVIDER, "--data", data).returncode == 0


def by_the_kit_over_nats(data: Path, history: list[Message]) -> None:
    """Put into an outbox on disk, sent by its courier."""
    found = running(data)
    assert found is not None
    _carried(data, history, OverNats(found["nats"], "setagaya", PROVIDER))


def by_the_kit_over_http(data: Path, history: list[Message]) -> None:
    """The same outbox, through the door."""
    _carried(data, history, OverHttp(*_door(data)))


def by_nothing_but_http(data: Path, history: list[Message]) -> None:
    """Batches posted in the order of the records, personal parts in clear: the door seals them."""
    url, token = _door(data)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": BATCH_CONTENT_TYPE}
    for batch in _by_hundreds(history):
        answer = httpx.post(f"{url}v1/messages", content=json.dumps(batch), headers=headers, timeout=60)
        assert answer.status_code in (200, 201), answer.text
        receipts = answer.json()["receipts"]
        assert {receipt["status"] for receipt in receipts} <= {"accepted", "known", "waiting"}


WAYS: list[Callable[[Path, list[Message]], None]] = [
    fed,
    by_the_kit_over_nats,
    by_the_kit_over_http,
    by_nothing_but_http,
]


@pytest.mark.parametrize("way", WAYS)
def test_the_published_tables_come_out_by(
    way: Callable[[Path, list[Message]], None], history: list[Message], tmp_path: Path
) -> None:
    """Every cell of every published table is equal; nothing is parked, waits or is in conflict."""
    data = tmp_path / "data"
    with up(data):
        way(data, history)
        until(lambda: settled(data))
        status = yoake("status", "--json", "--data", data).json
        with closing(Opened(DataDirectory(data).settings(), "setagaya")) as books:
            compared = [
                cell
                for table in load(PUBLISHED)
                for cell in compare(table, books.inquiry.report(table.report, years=table.years, as_of=table.as_of))
            ]
    assert not [state for s in status["services"] for state in ("waiting", "parked", "conflicts") if s[state]]
    assert len(compared) == 100
    assert [cell for cell in compared if not cell.equal] == []


def _door(data: Path) -> tuple[str, str]:
    """Where the door is, and a token for it."""
    made = yoake("credentials", "new", PROVIDER, "--json", "--data", data)
    assert made.returncode == 0, made.stderr
    found = running(data)
    assert found is not None
    return found["pages"], made.json["token"]


def _carried(data: Path, history: list[Message], transport: Transport) -> None:
    key = public_key((data / "keys" / "inbox.pub.jwk").read_bytes())
    with Outbox(data.with_name("outbox.db"), source=SOURCE, key=key) as outbox:
        outbox.put_all(history)
        asyncio.run(asyncio.wait_for(Courier(outbox, transport).run(), 120))
        assert outbox.counts().keys() <= {"accepted", "known", "waiting"}


def _by_hundreds(history: list[Message]) -> Iterator[list[Message]]:
    left = iter(history)
    while batch := list(islice(left, 100)):
        yield batch
