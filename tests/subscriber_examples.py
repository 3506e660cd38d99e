"""The nouns of the tests of subscribers: a ward that names some, a real NATS, and the worker that serves them.

The centre's clock stands still until a test moves it; the worker looks often, so that nobody waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import nats
import nats.errors
from joserfc.jwk import ECKey
from nats.aio.client import Client
from nats.js import JetStreamContext

from deploy.access import Access
from deploy.natsd import NatsServer, declare
from events.seal import new_key
from services.credentials import SUBSCRIBERS, Credentials
from services.errands import Errand, Outcome
from services.reporting import delivering as worker
from services.reporting.deliveries import Delivery, Standing, queue, standings
from services.reporting.delivering import Delivering
from services.reporting.doing import Doing
from services.reporting.known import Known
from services.reporting.posting import Post, Poster
from services.subjects import DELIVERIES
from services.subscribers import Subscriber, user_prefix
from services.ward import Label, Ward
from services.webhook_secrets import WebhookSecrets
from tests.desk_examples import SECRETS, WARD, Centre, answer, call, offer
from tests.hook_examples import Receiver

NOW = datetime(2026, 4, 1, tzinfo=UTC)
OFFICE_KEY: ECKey = new_key()
"""The pair of keys of a subscriber: the public half stands in the ward's file."""

PERSON = {"name": "見本 花子", "phone": "03-0000-0000", "address": "見本町1-2-3"}


def public_half(key: ECKey = OFFICE_KEY) -> dict[str, str]:
    return {name: str(value) for name, value in key.as_dict(private=False).items() if name in ("kty", "crv", "x", "y")}


def subscriber(key: str = "office", **fields: Any) -> Subscriber:
    """A subscriber on NATS that hears of hand-overs."""
    own: dict[str, Any] = {"way": "nats", "events": ("handover.offered", "handed-over")}
    return Subscriber(key=key, label=Label("見本の係", "Sample office"), **own | fields)


def hook(receiver: Receiver, key: str = "office", **fields: Any) -> Subscriber:
    """A subscriber that is sent webhooks, to a host on loopback that its entry allows by name."""
    own: dict[str, Any] = {"way": "webhook", "url": receiver.url, "private_hosts": ("localhost",)}
    return subscriber(key, **own | fields)


def with_subscribers(*subscribers: Subscriber, ward: Ward = WARD) -> Ward:
    return msgspec.structs.replace(ward, subscriber=subscribers)


def handed_over(centre: Centre, case: str = "A", to: str = "ぽーと", kind: str = "agency", **personal: Any) -> None:
    """A call, and its hand-over to an agency, offered and accepted; the ledger holds all of it."""
    centre.say("day", call(case, personal=personal or PERSON))
    centre.pump()
    centre.say_all(("day", offer(f"offer-{case}", case, kind, to=to)))
    centre.say_all(("day", answer("accept", f"offer-{case}", purpose="計画の見直し")))
    centre.pump()


class Served:
    """A worker that serves a ward's subscribers, and the NATS on which it does."""

    def __init__(self, centre: Centre, ward: Ward, server: NatsServer, credentials: Credentials) -> None:
        self.centre, self.ward, self.server, self._credentials = centre, ward, server, credentials
        self.said: list[str] = []
        self.post: Post = Poster(patience=10)
        self.secrets = WebhookSecrets(server.directory.parent, SECRETS)
        self._clients: list[Client] = []
        self._running: asyncio.Task[None] | None = None
        self.secret = ""
        self.admin: Client
        self.delivering: Delivering
        self._reporting: Client

    @property
    def js(self) -> JetStreamContext:
        return self.admin.jetstream()

    async def start(self) -> None:
        """Let the worker begin, as the reporting service's own user of NATS."""
        self._reporting = await self._connected(self.server.url_of("reporting"))
        journal = self.centre.ledger.journal
        known = Known(self.centre.inquiry.ledger, self.centre.keys.opened, self.ward.agency)
        self.delivering = Delivering(
            self.ward,
            journal,
            known,
            lambda: self._reporting,
            secrets=lambda key: self.secrets.of(key, self.centre.clock()),
            post=self.post,
            jitter=lambda: 0.5,
            look=0.05,
        )
        self._running = asyncio.create_task(self.delivering.run())
        wanted = {each.key for each in self.ward.subscriber}
        await self.until(lambda: wanted <= standings(journal.engine).keys())

    async def stop(self) -> None:
        """End it where it stands, as a process that is killed."""
        if self._running:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
            await self._reporting.close()
            self._running = None

    async def close(self) -> None:
        await self.stop()
        for client in self._clients:
            await client.close()
        await self.admin.close()

    async def until(self, done: Any) -> None:
        """Wait until something holds, while the worker works; a worker that fell over fails the test."""
        for _ in range(1_000):
            if done():
                return
            if self._running and self._running.done():
                self._running.result()
            await asyncio.sleep(0.02)
        raise AssertionError("it did not happen in time")

    async def do(self, what: Any, key: str = "office", position: int | None = None) -> Outcome:
        """What somebody asks the reporting service to do."""
        errand = msgspec.json.encode(Errand(do=what, subscriber=key, position=position))
        doing = Doing(self.centre.ledger.journal, self.delivering)
        return msgspec.json.decode(await doing.answer(errand), type=Outcome)

    async def sign_on(self, key: str = "office") -> Client:
        """A subscriber with a credential of its own; what the server refuses is told."""
        made, token = self._credentials.new(user_prefix(key), NOW)
        log = self.server.directory / "server.log"
        before = log.read_text().count("Reloaded server configuration")
        self.server.renew()
        await self.until(lambda: log.read_text().count("Reloaded server configuration") > before)
        return await self._connected(f"nats://{made.name}:{token}@{self.server.url.rpartition('@')[2]}")

    async def _connected(self, url: str) -> Client:
        async def note(error: Exception) -> None:
            self.said.append(str(error))

        client = await nats.connect(url, error_cb=note, max_reconnect_attempts=-1, reconnect_time_wait=0.1)
        self._clients.append(client)
        return client

    async def hear(
        self, client: Client, most: int, key: str = "office", *, acknowledged: bool = True, patience: float = 10
    ) -> list[Any]:
        """What a subscriber finds on its durable, read, as its own program would fetch it."""
        pulling = await client.jetstream(timeout=3).pull_subscribe_bind(user_prefix(key), stream=DELIVERIES)
        found: list[Any] = []
        end = asyncio.get_running_loop().time() + patience
        while len(found) < most and asyncio.get_running_loop().time() < end:
            with suppress(TimeoutError, nats.errors.TimeoutError):
                found += await pulling.fetch(most - len(found), timeout=0.3)
        for message in found if acknowledged else []:
            await message.ack()
        await pulling.unsubscribe()
        return [msgspec.json.decode(message.data) for message in found]

    def later(self, **more: float) -> None:
        """Time passes."""
        self.centre.clock.now += timedelta(**more)

    def queue(self, key: str = "office", **options: Any) -> list[Delivery]:
        return queue(self.centre.ledger.journal.engine, key, **options)

    def states(self, key: str = "office") -> list[str]:
        """The states of all deliveries, the first first."""
        return [each.state.value for each in reversed(self.queue(key, everything=True))]

    def standing(self, key: str = "office") -> Standing:
        return standings(self.centre.ledger.journal.engine)[key]


@asynccontextmanager
async def serving(directory: Path, *subscribers: Subscriber, start: bool = True) -> AsyncIterator[Served]:
    """A worker over a real NATS, for a ward with these subscribers."""
    ward = with_subscribers(*subscribers)
    credentials = Credentials(directory / SUBSCRIBERS)
    server = NatsServer(directory / "nats", 0, Access(directory / "nats", ward, subscribers=credentials))
    await asyncio.to_thread(server.start)
    on_nats = [each.key for each in subscribers if each.way == "nats"]
    await declare(server.url, ward.id, subscribers=on_nats)
    with Centre(f"sqlite:///{directory}/{{service}}.db", ward) as centre:
        served = Served(centre, ward, server, credentials)
        served.admin = await nats.connect(server.url)
        if start:
            await served.start()
        yield served
        await served.close()
    await asyncio.to_thread(server.stop)


def types(messages: Sequence[Any]) -> list[str]:
    return [message["type"] for message in messages]


QUICK = {"RETRY": 0.1, "UNHURRIED": 0.01}
"""How soon the worker of a test tries again what failed."""


def hurry(monkeypatch: Any) -> None:
    for name, seconds in QUICK.items():
        monkeypatch.setattr(worker, name, seconds)
