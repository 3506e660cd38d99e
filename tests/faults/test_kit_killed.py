"""SIGKILL to the adapter kit at random moments while it puts and sends: nothing is lost, nothing is counted twice.

`make kit-faults` kills a thousand times, the ordinary suite fifteen times. YOAKE_KIT_SEED and
YOAKE_KIT_KILLS set them.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from random import Random, SystemRandom

from deploy.datadir import DataDirectory
from deploy.feeds import manifest_of
from deploy.opened import Opened, pages
from events import decode
from events.courier import Courier
from events.manifest import Manifest
from events.outbox import Outbox
from events.over_nats import OverNats
from tests.faults.adapter import PROVIDER, SOURCE, WARD, adapter
from tests.running import running, up

KILLS = int(os.environ.get("YOAKE_KIT_KILLS", "15"))
SEED = int(os.environ.get("YOAKE_KIT_SEED") or SystemRandom().randrange(10**6))
LONGEST = 0.3
"""Seconds until a kill: from before the connection stands to well into sending."""


def test_a_kit_killed_while_it_sends_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """Every call that `put` returned for is accepted once, under its own number; no number is missing."""
    print(f"\nYOAKE_KIT_SEED={SEED}, {KILLS} kills")
    random, data, box, noted = Random(SEED), tmp_path / "data", tmp_path / "outbox.db", tmp_path / "noted"
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload([adapter.__module__])
    with up(data):
        found = running(data)
        assert found is not None
        for _ in range(KILLS):
            victim = processes.Process(target=adapter, args=(str(box), found["nats"], str(noted)))
            victim.start()
            time.sleep(random.uniform(0.0, LONGEST))
            victim.kill()
            victim.join()
            assert victim.exitcode == -9, "it ended by itself"
            victim.close()
        with Outbox(box) as outbox:
            under_way = outbox.counts()
            asyncio.run(Courier(outbox, OverNats(found["nats"], WARD, PROVIDER)).run())
            last, counts = outbox.sources()[SOURCE], outbox.counts()
        held, events = kept(data)

    promised = {int(line) for line in noted.read_text().split()}
    print(f"{last} calls, {len(promised)} promised, under way after the last kill: {under_way}")
    assert promised <= set(range(1, last + 1))
    assert counts.keys() <= {"accepted", "known"}
    assert sum(counts.values()) == last
    (feed,) = held.sources
    assert (feed.verdict, feed.held, feed.messages) == ("complete", [(1, last)], last)
    assert sorted(events) == sorted(f"message:{PROVIDER}/{SOURCE}#call-{number}" for number in range(1, last + 1))


def kept(data: Path) -> tuple[Manifest, list[str]]:
    """What the ward holds of the provider, and what each call that it recorded was caused by."""
    directory = DataDirectory(data)
    with closing(Opened(directory.settings(), directory.kept().ward)) as books:
        held = manifest_of([journal.engine for journal in books.writers.values()], WARD, PROVIDER, datetime.now(UTC))
        records = [decode(text) for _, text in pages(books.writers["intake"])]
    return held, [record.causation for record in records if record.type == "call.received"]
