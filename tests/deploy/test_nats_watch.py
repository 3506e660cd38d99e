"""What a NATS server leaves behind that was killed at a bad moment."""

from __future__ import annotations

import urllib.request
from pathlib import Path

from deploy.natsd import NatsServer


def test_a_server_killed_as_it_tried_its_disk_leaves_the_next_one_well(tmp_path: Path) -> None:
    """The next server takes the probe's file for an account that it cannot find, and is unwell for ever."""
    probe = tmp_path / "store" / "jetstream" / "_test_1403912563"
    probe.parent.mkdir(parents=True)
    probe.touch()
    server = NatsServer(tmp_path, 0)
    server.start()
    try:
        with urllib.request.urlopen(f"{server.monitoring}/healthz", timeout=5) as answer:  # noqa: S310  (our own server)
            assert answer.status == 200
        assert not probe.exists()
    finally:
        server.stop()
