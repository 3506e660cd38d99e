"""A whole centre on the night of a story: real processes, adapters and pages, and a clock that the test drives."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import httpx
import msgspec
import nats
import nats.errors

from deploy.datadir import DataDirectory
from deploy.natsd import NatsError
from deploy.opened import Opened
from deploy.ports import free_port
from deploy.status import status
from events import Recorded, event_of
from events.courier import Courier
from events.messages import MESSAGES
from events.outbox import Outbox
from events.over_nats import OverNats
from events.seal import public_key
from services.database import open_reader
from services.seal import KeyReader, Secrets
from tests.running import WARD as SETAGAYA
from tests.running import YOAKE, Finished, environment, until, up

TOKYO = ZoneInfo("Asia/Tokyo")
WARD = "setagaya"


def moment(text: str) -> datetime:
    """`2025-11-14 22:15`, on the ward's clock."""
    return datetime.fromisoformat(text).replace(tzinfo=TOKYO)


class Centre:
    """`yoake up` on a directory, whose clock stands where the test puts it and goes on from there.

    Its ports stay the same when it is switched on again, so that an adapter and a page that is open find it again.
    """

    def __init__(self, directory: Path, now: str, more: str = "") -> None:
        """`more`: what its ward's file has beside the sample's."""
        self._ward = directory / "ward.toml"
        self._ward.write_text(f"{SETAGAYA.read_text()}\n{more}")
        self.data, self._clock, self._offset = directory / "data", directory / "clock", 0.0
        self._power: Any = None
        self._ports = (free_port(), free_port())
        """The pages' and NATS's, also after a power cut: whoever uses them knows them."""
        self.closing = ExitStack()
        """What is closed when the story is over."""
        self.set_clock(now)

    def set_clock(self, now: str) -> None:
        """From now on it is this time, everywhere at the centre and at its providers."""
        self._offset = (moment(now) - datetime.now(UTC)).total_seconds()
        fresh = self._clock.with_suffix(".new")
        fresh.write_text(str(self._offset))
        fresh.replace(self._clock)

    def now(self) -> datetime:
        """By the clock of the story."""
        return datetime.fromtimestamp(time.time() + self._offset, TOKYO)

    def at(self, now: str) -> None:
        """Let this time come, and let everything happen that is due by then."""
        self.set_clock(now)
        if self._power is not None:
            time.sleep(1.2)  # Who waits for a deadline looks at least once a second.
            self.settle()

    def settle(self) -> None:
        """Wait until nothing is under way."""
        until(self._is_settled)

    def _is_settled(self) -> bool:
        with suppress(NatsError, OSError, RuntimeError, nats.errors.Error):
            found = status(DataDirectory(self.data))
            lags = [lag for each in found.services for lag in (each.relay_lag, each.inbox_lag, each.events_lag)]
            return found.ledger is not None and found.ledger.complete and not any(lags)
        return False

    def switch_on(self) -> None:
        """Services, NATS and databases."""
        page, bus = self._ports
        self._power = up(
            *(self.data, "--ward", self._ward, "--port", page, "--nats-port", bus), YOAKE_TEST_CLOCK=str(self._clock)
        )
        self._power.__enter__()
        time.sleep(1.2)
        self.settle()

    def switch_off(self) -> None:
        """All of it at once."""
        if self._power is not None:
            self._power.__exit__(None, None, None)
            self._power = None

    def __enter__(self) -> Centre:
        self.switch_on()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.close()
        self.switch_off()

    def yoake(self, *arguments: object) -> Finished:
        """A command at the centre, by its clock."""
        command = [YOAKE, *map(str, arguments), "--data", str(self.data)]
        known = environment() | {"YOAKE_TEST_CLOCK": str(self._clock)}
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=known)
        return Finished(done.args, done.returncode, done.stdout, done.stderr)

    def nats_of(self, provider: str) -> str:
        """Where a provider sends, with credentials that may do that and nothing else."""
        made: str = self.yoake("credentials", "new", provider, "--json").json["nats"]
        return made

    def records(self, service: str) -> list[Recorded]:
        """What a service's journal holds, in its order."""
        opened = Opened(DataDirectory(self.data).settings(), WARD)
        try:
            return list(opened.writers[service].records())
        finally:
            opened.close()

    def events(self, service: str, kind: str) -> list[tuple[Recorded, Any]]:
        """The events of one kind, each with its record."""
        return [(record, event_of(record)) for record in self.records(service) if record.type == kind]

    def opened(self, subject: str, record: Recorded) -> Mapping[str, Any]:
        """The personal part of an event, sealed for somebody."""
        settings, event = DataDirectory(self.data).settings(), event_of(record)
        engine = open_reader(settings.database_of("keys"))
        try:
            reader = KeyReader(engine, Secrets.at(settings.keys))
            return reader.opened([subject], f"{record.type}/{record.id}", getattr(event, "sealed", "") or "") or {}
        finally:
            engine.dispose()

    def waits_for(self, service: str, kind: str, count: int) -> list[Any]:
        """Wait until there are so many events of a kind, and no more; returns them."""
        until(lambda: len(self.events(service, kind)) >= count)
        self.settle()
        found = [event for _, event in self.events(service, kind)]
        assert len(found) == count, found
        return found

    def figures(self, year: int, *options: object) -> dict[tuple[str, str], int]:
        """The table of calls of a fiscal year: (row without its year, column) to the figure."""
        report = self.yoake("report", "calls", "--fy", year, "--format", "json", *options).json
        return {(cell["row"].rpartition("/")[2], cell["column"]): cell["value"] for cell in report["cells"]}

    def figures_with(self, period: Literal["clock", "evening"]) -> dict[str, Any]:
        """The totals of the table of calls, row by row, had the ward's file another policy for the fiscal year."""
        opened = Opened(DataDirectory(self.data).settings(), WARD)
        try:
            facts = opened.inquiry.facts()
            for place, (since, ward) in enumerate(facts.wards):
                policy = msgspec.structs.replace(ward.policy, period=period)
                facts.wards[place] = (since, msgspec.structs.replace(ward, policy=policy))
            report = opened.inquiry.report("calls", years=range(2024, 2026), facts=facts)
        finally:
            opened.close()
        return {cell.row: cell.value for cell in report.cells if cell.column == "total"}


class Provider:
    """A provider's own system with the adapter kit: an outbox on its own disk, and a line that may be down."""

    def __init__(self, centre: Centre, name: str, directory: Path, *, begin_after: int = 0) -> None:
        self._centre, self.name = centre, name
        self.source = f"/{name}/desk"
        key = public_key((centre.data / "keys" / "inbox.pub.jwk").read_bytes())
        self.outbox = Outbox(directory / f"{name}.db", source=self.source, key=key, clock=centre.now)
        centre.closing.callback(self.outbox.close)
        self.url = centre.nats_of(name)
        if begin_after:
            self.outbox.begin_after(self.source, begin_after)

    def types(self, kind: str, at: str, data: dict[str, Any], *, name: str, entered: str | None = None) -> int:
        """Something is typed in; it is safe on this disk, under the number that is returned."""
        told = {"type": kind, "id": name, "time": moment(at).isoformat(), "data": data, "synthetic": True}
        return self.outbox.put(told | {"entered": moment(entered or at).isoformat()})

    def sends(self) -> None:
        """The line is up: until everything has its receipt."""
        courier = Courier(self.outbox, OverNats(self.url, WARD, self.name))
        asyncio.run(asyncio.wait_for(courier.run(), 60))
        self._centre.settle()

    def says(self, kind: str, at: str, data: dict[str, Any], *, name: str) -> None:
        """A message without a number of its own, by an adapter without the kit, as soon as the line is up."""
        told = {"specversion": "1.0", "type": kind, "id": name, "source": self.source, "data": data}
        times = {"time": moment(at).isoformat(), "entered": moment(at).isoformat(), "synthetic": True}
        self.publishes(kind, json.dumps(told | times).encode())

    def publishes(self, kind: str, body: bytes) -> None:
        """Raw bytes on its own subject, as an adapter without the kit does."""

        async def publish() -> None:
            connection = await nats.connect(self.url)
            try:
                subject = f"inbox.{WARD}.{self.name}.{MESSAGES[kind].service}.{kind.replace('.', '-')}"
                await connection.jetstream().publish(subject, body, stream="INBOX", timeout=10)
            finally:
                await connection.close()

        asyncio.run(publish())
        self._centre.settle()


class Desk:
    """Somebody at a page, signed in as a role: `get` and `post` as a browser does it."""

    def __init__(self, centre: Centre, role: str, name: str) -> None:
        self._centre = centre
        link = centre.yoake("signin", role, "--name", name).stdout
        found = re.search(r"http://\S+/signin/\S+", link)
        assert found, link
        home, _, token = found[0].partition("/signin/")
        self._client = httpx.Client(base_url=home, headers={"Origin": home}, follow_redirects=True, timeout=30)
        centre.closing.callback(self._client.close)
        assert self._client.post(f"/signin/{token}").status_code == 200

    def reads(self, address: str) -> str:
        """The words of a page."""
        answer = self._client.get(address)
        assert answer.status_code == 200, (address, answer.status_code)
        return words(answer.text)

    def is_shut_out_of(self, address: str) -> bool:
        """Whether the page asks who is there, and shows nothing."""
        answer = self._client.get(address)
        return str(answer.url).partition("?")[0].endswith("/signin") or answer.status_code in (401, 403)

    def presses(self, address: str, **form: object) -> str:
        """A form is sent; what the page says then, once everything has come to rest."""
        answer = self._client.post(address, data={name: str(value) for name, value in form.items()})
        assert answer.status_code == 200, (address, form, answer.status_code, words(answer.text)[:2000])
        self._centre.settle()
        return words(answer.text)

    def sends(self, address: str, told: dict[str, Any]) -> Any:
        """What a page's own script sends, as JSON."""
        answer = self._client.post(address, content=json.dumps(told), headers={"Content-Type": "application/json"})
        assert answer.status_code in (200, 201, 202), (address, answer.status_code, answer.text[:2000])
        self._centre.settle()
        return answer.json()


def words(page: str) -> str:
    """What a person reads of a page, in its order, without its markup."""
    bare = re.sub(r"<(script|style)\b.*?</\1>|<[^>]*>", " ", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", bare)


@contextmanager
def centre_at(directory: Path, now: str, more: str = "") -> Iterator[Centre]:
    """A centre that runs, from this moment on. `more`: see `Centre`."""
    centre = Centre(directory, now, more)
    try:
        with centre:
            yield centre
    finally:
        with suppress(Exception):
            centre.switch_off()
