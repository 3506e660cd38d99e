"""The programs of events/examples/, run as they stand there against a real Yoake."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
import pytest
import uvicorn

from events.courier import Courier
from events.outbox import Outbox
from events.over_http import OverHttp
from tests.events.readme import EVENTS, section
from tests.running import message, running, up, yoake

EXAMPLES = EVENTS / "examples"
DOOR = pytest.mark.skipif(find_spec("services.intake.http") is None, reason="needs the HTTP door")


def kit(here: Path, *line: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The kit's command line, in a directory."""
    command = [sys.executable, "-m", "events.kit", *line]
    return subprocess.run(
        command, cwd=here, env=os.environ | variables, capture_output=True, text=True, check=False, timeout=60
    )


def test_the_adapter_of_the_page_sends_its_records_and_proves_it(tmp_path: Path) -> None:
    """Run twice, for it need not know what it has put; sent; and the ward's manifest says that all is there."""
    data = tmp_path / "data"
    with up(data):
        found = running(data)
        assert found is not None
        shutil.copy(data / "keys" / "inbox.pub.jwk", tmp_path)
        for _ in range(2):
            put = subprocess.run(
                [sys.executable, str(EXAMPLES / "adapter.py")],
                cwd=tmp_path,
                input=(EXAMPLES / "records.jsonl").read_text(encoding="utf-8"),
                capture_output=True,
                text=True,
                check=True,
            )
            assert put.stdout == "entry 43: number 1\nentry 44: number 2\n"
        sent = kit(tmp_path, "send", YOAKE_NATS=found["nats"], YOAKE_WARD_ID="setagaya", YOAKE_PROVIDER="contractor")
        assert (sent.returncode, sent.stderr) == (0, "")
        assert "受付番号 R6-0001" in sent.stdout
        held = yoake("manifest", "contractor", "--json", "--data", data)
        shown = yoake("manifest", "contractor", "--data", data)

    assert (held.returncode, held.json["sources"][0]["held"]) == (0, [[1, 2]])
    assert "すべて受信" in shown.stdout
    (tmp_path / "manifest.json").write_text(held.stdout)
    proved = kit(tmp_path, "prove", "manifest.json")
    assert (proved.returncode, proved.stdout) == (0, "/night-desk/1: 1～2番: すべて届いています\n")
    with Outbox(tmp_path / "outbox.db", source="/night-desk/1") as outbox:
        outbox.put({"type": "call.report", "time": "2024-06-02T04:00:00+09:00", "data": {}})
    lacking = kit(tmp_path, "--lang", "en", "prove", "manifest.json")
    assert (lacking.returncode, lacking.stdout) == (1, "/night-desk/1: 1 to 3: gaps: 1 not there: 3\n")


def test_the_page_shows_the_adapter_as_it_is() -> None:
    """What is copied from the page runs."""
    shown = re.search(r"```python\n(.*?)```", section("An afternoon's work"), re.DOTALL)

    assert shown is not None
    assert shown[1] == (EXAMPLES / "adapter.py").read_text(encoding="utf-8")


@DOOR
@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
async def test_over_the_door_with_curl_and_with_the_kit(tmp_path: Path) -> None:
    """One message with nothing but curl; many with the kit, one of which waits, and one that is too large."""
    names = ("services.credentials", "services.intake.http", "tests.door_examples")
    credentials, http, examples = (import_module(name) for name in names)
    async with examples.doorway(tmp_path) as here:
        _, token = credentials.Credentials(here.settings.keys / credentials.FILE).new("night", datetime.now(UTC))
        config = uvicorn.Config(http.door_app(here.settings, here.door), port=0, log_level="critical", lifespan="off")
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110  (it has no event)
            await asyncio.sleep(0.01)
        url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        try:
            receipts = await asyncio.to_thread(_curl, tmp_path, url, token)
            assert [receipt["status"] for receipt in receipts] == ["accepted"]
            with Outbox(tmp_path / "outbox.db", source="/test/http") as outbox:
                outbox.put_all([_call(n) for n in range(150)])
                outbox.put(_call(150) | {"data": {"personal": {"words": "x" * 300_000}}})
                late = {"type": "case.close", "time": "2025-06-01T12:00:00+09:00", "data": {"case": "later"}}
                outbox.put(late | {"id": "late"})
                await asyncio.wait_for(Courier(outbox, OverHttp(url, token)).run(), 60)
                assert outbox.counts() == {"accepted": 150, "problem": 1, "waiting": 1}
        finally:
            server.should_exit = True
            await serving


def _call(n: int) -> dict[str, Any]:
    told = message(f"http-{n}", "call.report", "2025-06-01T10:00:00+09:00", {"matters": [{"case": f"H-{n}"}]})
    return {name: value for name, value in told.items() if name != "source"}


def _curl(here: Path, url: str, token: str) -> Any:
    file = here / "call.json"
    file.write_bytes(msgspec.json.encode(_call(-1) | {"source": "/test/curl"}))
    variables = os.environ | {"YOAKE_HTTP": url, "YOAKE_TOKEN": token}
    command = ["sh", str(EXAMPLES / "curl.sh"), str(file)]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)["receipts"]
