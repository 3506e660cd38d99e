"""How the front process is, and what it hears of the services: the light in the head of every page."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

import msgspec
import nats.errors
from nats.aio.client import Client
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily

from events.ending import ended
from services.degraded import Degraded, Facts, degraded, is_ready, worst_first
from services.errands import Errand, Outcome, ask
from services.reporting.inquiry import UNREADABLE, Inquiry, further_facts
from services.settings import FRONT, SERVICES
from services.subjects import health_subject

ASK = 3.0
"""Seconds between questions to the services how they are, and at most until they answer."""

log = logging.getLogger("yoake.front")


class Outlook:
    """What the front knows of itself and of the others. What asks the database must not run on the event loop."""

    service = FRONT

    def __init__(self, url: str, ward: str, inquiry: Inquiry) -> None:
        """`url` empty: looked at without NATS. `connected` is set once `client` has been."""
        self._url, self._ward, self._inquiry = url, ward, inquiry
        self.client, self._others = Client(), list[Degraded]()
        self.connected = asyncio.Event()
        self.registry = CollectorRegistry()
        self.registry.register(_Now(self))

    @property
    def head(self) -> int:
        """How far the ledger goes; 0 while it cannot be read."""
        try:
            return self._inquiry.end()[0]
        except UNREADABLE:
            return 0

    def is_healthy(self) -> bool:
        """It writes nothing, so that an answer is all there is to know."""
        return True

    def degraded(self) -> list[Degraded]:
        """What is not as it should be here, at this moment."""
        connected = not self._url or self.client.is_connected
        return degraded(Facts(service=FRONT, connected=connected, **further_facts(self._inquiry)))

    def everywhere(self) -> list[Degraded]:
        """`degraded`, and what the services last said of themselves."""
        return worst_first([*self.degraded(), *self._others])

    async def ask(self, errand: Errand) -> Outcome:
        """Have something done about a subscriber.

        Raises:
            services.errands.NotDone: nobody did it.
        """
        return await ask(self.client, self._ward, errand)

    async def watch(self) -> None:
        """Ask, for ever; NATS may come later, and go."""
        if not self._url:
            return
        connecting = asyncio.create_task(self._connect())
        try:
            while True:
                if self.client.is_connected:
                    said = await asyncio.gather(*(self._how_is(service) for service in SERVICES))
                    self._others = [one for found in said for one in found]
                else:  # Nobody can be asked, and that is said already.
                    self._others = []
                await asyncio.sleep(ASK if self.client.is_connected else 0.1)
        finally:
            await ended([connecting])
            await self.client.close()

    async def _connect(self) -> None:
        async def refused(error: Exception) -> None:
            log.warning("nats: %s", error or type(error).__name__)

        await self.client.connect(
            self._url, name="yoake-front", max_reconnect_attempts=-1, reconnect_time_wait=1, error_cb=refused
        )
        self.connected.set()

    async def _how_is(self, service: str) -> list[Degraded]:
        try:
            answer = await self.client.request(health_subject(self._ward, service), b"", timeout=ASK)
        except nats.errors.NoRespondersError:
            return degraded(Facts(service=service, running=False))
        except nats.errors.TimeoutError:
            return degraded(Facts(service=service, answers=False)) if self.client.is_connected else []
        except (nats.errors.Error, OSError):
            return []
        return msgspec.json.decode(answer.data, type=list[Degraded])


class _Now:
    """Figures that are read when somebody asks for them."""

    def __init__(self, outlook: Outlook) -> None:
        self._outlook = outlook

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """The figures of this moment."""
        yield GaugeMetricFamily("yoake_ledger_position", "Events in the ledger", value=self._outlook.head)
        yield GaugeMetricFamily("yoake_ready", "1 if ready", value=int(is_ready(self._outlook.degraded())))

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing is known before somebody asks."""
        return []
