"""`yoake subscriber`, as people and programs meet it, on a Yoake that runs."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import nats
import pytest

from deploy.natsd import NatsError, connect
from deploy.ports import free_port
from tests.running import GROUND, WARD, YOAKE, call, environment, message, settled, until, up, write_lines, yoake
from tests.subscriber_examples import OFFICE_KEY, public_half

ENTRY = """
[[subscriber]]
key = "office"
label = {{ ja = "見本の係", en = "Sample office" }}
way = "nats"
events = ["handover.offered", "handed-over"]
personal = ["name"]
public_key = {{ kty = "EC", crv = "P-256", x = "{x}", y = "{y}" }}
"""
HOOK = """
[[subscriber]]
key = "hook"
label = {{ ja = "見本の台帳", en = "Sample register" }}
way = "webhook"
url = "http://localhost:{port}/hook"
private_hosts = ["localhost"]
events = ["handed-over"]
"""
PORT = free_port()
PAGE = Path(__file__).parents[2] / "docs" / "subscribers.md"


def ward_with(*entries: str) -> str:
    """The sample ward's file with further entries."""
    return WARD.read_text(encoding="utf-8") + "".join(entries)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A Yoake whose ward has a subscriber on NATS, with one hand-over in it."""
    directory = tmp_path_factory.mktemp("subscribers")
    (directory / "ward.toml").write_text(ward_with(ENTRY.format(**public_half()), HOOK.format(port=PORT)), "utf-8")
    with up(directory / "data", "--ward", directory / "ward.toml"):
        data = {"case": "C-1", "handover": "H-1", "kind": "agency", "to": "ぽーと"} | GROUND
        handed = message("handed-1", "handover.complete", "2023-06-03T12:00:00+09:00", data)
        file = write_lines(directory / "lines.jsonl", [call(1), handed])
        assert yoake("feed", file, "--as", "contractor", "--data", directory / "data").returncode == 0
        until(lambda: settled(directory / "data"))
        yield directory / "data"


def fetched(made: dict[str, Any], count: int) -> list[Any]:
    """What a subscriber's own program finds on its durable; it acknowledges all of it."""

    async def fetch() -> list[Any]:
        client = await nats.connect(made["nats"])
        pulling = await client.jetstream().pull_subscribe_bind(made["durable"], stream=made["stream"])
        found = []
        for _ in range(count):
            [one] = await pulling.fetch(1, timeout=10)
            await one.ack_sync()
            found.append(msgspec.json.decode(one.data))
        await client.close()
        return found

    return asyncio.run(fetch())


def test_a_ward_system_subscribes_hears_and_is_seen_to_have_heard(here: Path) -> None:
    """From `add` to delivered: its token is shown once and works at once, and the list says how far it is."""
    made = yoake("subscriber", "add", "office", "--json", "--data", here).json
    standing = yoake("subscriber", "list", "--json", "--data", here).json[0]
    assert standing["standing"]["sent"] == 1
    [heard] = fetched(made, 1)
    assert (heard["type"], heard["data"]["to"]) == ("handed-over", "ぽーと")
    until(lambda: yoake("subscriber", "queue", "office", "--json", "--data", here).json == [])
    shown = yoake("subscriber", "queue", "office", "--all", "--data", here)
    assert "delivered" in shown.stdout
    assert made["token"] not in (here / "keys" / "subscribers.json").read_text()
    assert "subscriber-office" in yoake("credentials", "config", "--data", here).stdout


def test_everything_goes_once_more_from_a_time_or_a_position(here: Path) -> None:
    """And a time before the ledger began means everything."""
    made = yoake("subscriber", "add", "office", "--json", "--data", here).json
    for start in ("1", "2020-01-01T00:00", "令和2年1月1日"):
        assert yoake("subscriber", "replay", "office", "--from", start, "--data", here).returncode == 0
        assert [one["type"] for one in fetched(made, 1)] == ["handed-over"]
    until(lambda: yoake("subscriber", "queue", "office", "--json", "--data", here).json == [])


def test_a_test_message_says_whether_it_was_acknowledged(here: Path) -> None:
    """0 where somebody hears, 1 where nobody does; and it is about nobody."""
    assert yoake("subscriber", "test", "office", "--wait", "1", "--data", here).returncode == 1
    made = yoake("subscriber", "add", "office", "--json", "--data", here).json
    command = [YOAKE, "subscriber", "test", "office", "--json", "--data", str(here)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment()) as testing:
        assert [one["type"] for one in fetched(made, 2)] == ["subscriber.test"] * 2
        assert testing.stdout is not None
        said = msgspec.json.decode(testing.stdout.read())
    assert testing.returncode == 0
    assert said == {"subscriber": "office", "delivered": True, "answer": "acknowledged", "stopped": False}


def example(name: str, at: Path) -> Path:
    """A program of docs/subscribers.md, as it stands there."""
    block = re.search(rf"```python file={re.escape(name)}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    (at / name).write_text(block[1], encoding="utf-8")
    return at / name


@contextmanager
def running_example(name: str, at: Path, **variables: str) -> Iterator[Path]:
    """It runs; what it prints goes into a file."""
    said = at / f"{name}.said"
    with said.open("w") as file:
        command = [sys.executable, str(example(name, at))]
        process = subprocess.Popen(command, stdout=file, stderr=file, env=environment() | variables)
        try:
            yield said
        finally:
            process.kill()
            process.wait()


def test_the_examples_of_the_documentation_work_as_they_stand_there(here: Path, tmp_path: Path) -> None:
    """A ward's own system in Python, on NATS and behind a webhook: what it prints is the hand-over, and it counts."""
    made = yoake("subscriber", "add", "office", "--json", "--data", here).json
    yoake("subscriber", "replay", "office", "--from", "1", "--data", here)
    private = msgspec.json.encode(OFFICE_KEY.as_dict(private=True)).decode()
    with running_example("on_nats.py", tmp_path, OFFICE_NATS=made["nats"], OFFICE_KEY=private) as said:
        until(lambda: '"handed-over"' in said.read_text())
        until(lambda: yoake("subscriber", "queue", "office", "--json", "--data", here).json == [])
    heard = [msgspec.json.decode(line) for line in said.read_text().splitlines()]
    assert {"name": "見本 1"} in [one["data"].get("personal") for one in heard]

    secret = yoake("subscriber", "add", "hook", "--json", "--data", here).json["secret"]
    with running_example("receiver.py", tmp_path, OFFICE_SECRET=secret, PORT=str(PORT)) as said:
        until(lambda: yoake("subscriber", "test", "hook", "--data", here).returncode == 0)
        yoake("subscriber", "replay", "hook", "--from", "1", "--data", here)
        until(lambda: '"handed-over"' in said.read_text())
    assert "401" not in said.read_text()
    keys = subprocess.run([sys.executable, example("keys.py", tmp_path)], capture_output=True, text=True, check=True)
    assert keys.stdout.count("'crv': 'P-256'") == 2


def test_a_secret_is_shown_once_and_kept_sealed(here: Path) -> None:
    """Neither in the file nor in a log."""
    secret = yoake("subscriber", "add", "hook", "--json", "--data", here).json["secret"]
    assert secret.startswith("whsec_")
    kept = (here / "keys" / "webhooks.json").read_text() + "".join(p.read_text() for p in (here / "logs").iterdir())
    assert secret.removeprefix("whsec_") not in kept
    assert (here / "keys" / "webhooks.json").stat().st_mode & 0o077 == 0


def test_a_webhook_that_nobody_takes_is_told_why(here: Path) -> None:
    """The receiver is not there: what came back is said, and the test is not kept for later."""
    yoake("subscriber", "add", "hook", "--data", here)
    done = yoake("subscriber", "test", "hook", "--data", here)
    assert done.returncode == 1
    assert "no-connection" in done.stdout
    assert "subscriber.test" not in yoake("subscriber", "queue", "hook", "--data", here).stdout


def test_what_nobody_takes_can_be_left_out_for_good(here: Path) -> None:
    """What is sent once more, and what never is again, is said in both languages; and then nothing waits."""
    yoake("subscriber", "add", "hook", "--data", here)
    replayed = yoake("subscriber", "replay", "hook", "--from", "1", "--data", here)
    until(lambda: yoake("subscriber", "queue", "hook", "--json", "--data", here).json)
    [waiting] = yoake("subscriber", "queue", "hook", "--json", "--data", here).json
    skipped = yoake("subscriber", "skip", "hook", str(waiting["position"]), "--data", here)

    assert replayed.stdout.startswith("From position 1 of the ledger on everything goes to hook once more.")
    assert "記録原簿の1件目から、すべてもう一度送ります。" in replayed.stdout
    assert f"Delivery {waiting['position']} to hook is left out for good" in skipped.stdout
    assert f"{waiting['position']}番は送らないことにしました。" in skipped.stdout
    assert yoake("subscriber", "queue", "hook", "--json", "--data", here).json == []
    assert yoake("subscriber", "skip", "hook", str(waiting["position"]), "--data", here).returncode == 2


class Gone(BaseHTTPRequestHandler):
    """Says 410 to everything."""

    def do_POST(self) -> None:
        self.send_response(410)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""


def test_one_that_says_it_is_gone_is_said_to_be_stopped(here: Path) -> None:
    """By the test that found out, by `retry` (status 2) with the way out, and with the ward's time in the list."""
    yoake("subscriber", "add", "hook", "--data", here)
    with HTTPServer(("127.0.0.1", PORT), Gone) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        tested = yoake("subscriber", "test", "hook", "--data", here)
        server.shutdown()
    retried = yoake("subscriber", "retry", "hook", "--data", here)
    listed = yoake("subscriber", "list", "--data", here).stdout
    enabled, again = (yoake("subscriber", "enable", "hook", "--data", here) for _ in range(2))
    nothing = yoake("subscriber", "retry", "office", "--data", here)
    skipped = yoake("subscriber", "retry", "hook", "--data", here)

    assert (enabled.returncode, again.returncode, nothing.returncode, skipped.returncode) == (0, 0, 0, 0)
    assert enabled.stdout.startswith("Sending to hook goes on.")
    assert "送信を再開しました。" in enabled.stdout
    assert again.stdout.startswith("Sending to hook was not stopped.")
    assert "送信は止まっていません。" in again.stdout
    for said in (enabled, again, nothing, skipped):
        some = re.search(r"[1-9]\d*(件| deliveries)", said.stdout)
        assert bool(some) is ("yoake subscriber queue" in said.stdout), said.stdout
        assert some or "待っているものはありません。" in said.stdout or "送り直すものはありません。" in said.stdout
    assert (tested.returncode, retried.returncode) == (1, 2)
    assert "送信を止めています（410）" in tested.stdout
    assert all("yoake subscriber enable hook" in said for said in (tested.stdout, retried.stderr))
    hours = [datetime.now(ZoneInfo("Asia/Tokyo")) - timedelta(minutes=n) for n in range(3)]
    assert any(f"410 {hour:%F %H:%M}" in listed for hour in hours)


def test_the_queue_of_one_that_is_gone_says_that_nothing_is_tried(here: Path) -> None:
    """Since when, why and what to do, in both languages; no time of a next attempt, which there is not."""
    yoake("subscriber", "add", "hook", "--data", here)
    with HTTPServer(("127.0.0.1", PORT), Gone) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yoake("subscriber", "replay", "hook", "--from", "1", "--data", here)
        until(lambda: any(row["stopped"] for row in rows("hook", here)))
        server.shutdown()
    stopped, [row] = yoake("subscriber", "queue", "hook", "--data", here).stdout, rows("hook", here)
    since = f"{datetime.fromisoformat(row['stopped']).astimezone(ZoneInfo('Asia/Tokyo')):%F %H:%M}"
    yoake("subscriber", "enable", "hook", "--data", here)
    goes_on, [enabled] = yoake("subscriber", "queue", "hook", "--data", here).stdout, rows("hook", here)
    yoake("subscriber", "skip", "hook", str(row["position"]), "--data", here)

    assert f"Sending to hook is stopped since {since} (410)" in stopped
    assert f"{since}から送信を止めています（410）" in stopped
    assert stopped.count("yoake subscriber enable hook") == 2
    assert (row["state"], row["attempts"]) == ("waiting", 1)
    assert column("next", stopped) == ""
    assert "stopped" not in goes_on
    assert enabled["stopped"] is None


def column(name: str, shown: str) -> str:
    """What stands in a column of a table, its lines together."""
    lines = [re.split("[┃│]", line) for line in shown.splitlines() if line[:1] in ("┃", "│")]
    at = next(n for n, cell in enumerate(lines[0]) if cell.strip() == name)
    return "".join(line[at].strip() for line in lines[1:])


def rows(key: str, here: Path) -> Any:
    """The queue of a subscriber, as a program reads it."""
    return yoake("subscriber", "queue", key, "--json", "--data", here).json


def test_a_revoked_token_hears_nothing_more(here: Path) -> None:
    """At once; and nobody else's is touched."""
    first = yoake("subscriber", "add", "office", "--json", "--data", here).json
    second = yoake("subscriber", "add", "office", "--json", "--data", here).json
    assert yoake("subscriber", "revoke", first["user"], "--data", here).returncode == 0

    async def lets_in(url: str) -> bool:
        try:
            await (await connect(url)).close()
        except NatsError:
            return False
        return True

    until(lambda: not asyncio.run(lets_in(first["nats"])))
    assert asyncio.run(lets_in(second["nats"]))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("add", "nobody"), ("nobody", "it has office, hook")),
        (("add", "../office"), ("no such subscriber",)),
        (("queue", "nobody"), ("it has office, hook",)),
        (("retry", "office", "999999"), ("no delivery to office is open",)),
        (("skip", "office", "0"), ("no delivery to office is open",)),
        (("replay", "office", "--from", "soon"), ("--from soon", "a position")),
        (("replay", "office", "--from", "99999999"), ("no such position", "it has 1 to")),
        (("replay", "office", "--from", "0"), ("no such position",)),
        (("replay", "office", "--from", "2023-02-30"), ("not understood",)),
        (
            ("replay", "office", "--from", "2999-01-01"),
            ("--from 2999-01-01: this is still to come", "a time up to now"),
        ),
        (("revoke", "office-1"), ("no credential of this name",)),
        (("test", "nobody"), ("it has office, hook",)),
        (("enable", "\x00"), ("no such subscriber",)),
    ],
)
def test_what_cannot_be_done_is_said_with_a_way_out(here: Path, arguments: tuple[str, ...], words: tuple[str]) -> None:
    """Status 2, on standard error, and no traceback."""
    if "\x00" in arguments:
        arguments = (*arguments[:-1], "　")  # No shell hands over a zero byte.
    done = yoake("subscriber", *arguments, "--data", here)
    assert done.returncode == 2, done.stdout
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


def test_a_backup_holds_what_waits_and_what_they_sign_on_with(here: Path, tmp_path: Path) -> None:
    """After a restore nobody must be told anew how to reach us, and nothing that was not delivered is missing."""
    yoake("subscriber", "add", "hook", "--data", here)
    yoake("subscriber", "add", "office", "--data", here)
    yoake("subscriber", "replay", "hook", "--from", "1", "--data", here)
    until(lambda: yoake("subscriber", "queue", "hook", "--json", "--data", here).json)
    assert yoake("backup", tmp_path / "copy", "--data", here).returncode == 0
    assert yoake("backup", "--check", tmp_path / "copy").returncode == 0
    assert yoake("restore", tmp_path / "copy", "--data", tmp_path / "new").returncode == 0
    for name in ("subscribers.json", "webhooks.json"):
        assert (tmp_path / "new" / "keys" / name).read_bytes() == (here / "keys" / name).read_bytes()
    [waiting] = yoake("subscriber", "queue", "hook", "--json", "--data", tmp_path / "new").json
    assert waiting["event"] == "handed-over"


def test_where_nothing_runs_it_is_said_and_a_list_is_still_given(tmp_path: Path) -> None:
    """Whoever looks needs no NATS; whoever asks for something does."""
    (tmp_path / "ward.toml").write_text(ward_with(ENTRY.format(**public_half())), encoding="utf-8")
    data = tmp_path / "data"
    assert yoake("subscriber", "list", "--data", data).returncode == 2
    with up(data, "--ward", tmp_path / "ward.toml"):
        pass
    listed = yoake("subscriber", "list", "--json", "--data", data)
    assert [one["key"] for one in listed.json] == ["office"]
    asked = yoake("subscriber", "test", "office", "--data", data)
    assert asked.returncode == 2
    assert "yoake up" in asked.stderr


def test_looking_at_the_commands_does_not_load_what_only_services_need() -> None:
    """As for every other command."""
    asked = (
        "import sys, deploy.subscriber_commands as _; print([m for m in ('faststream', 'httpx') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"
