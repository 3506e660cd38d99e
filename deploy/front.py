"""The front process (窓口): the pages of all services, on one origin.

It only reads the services' databases, so that it goes on when any of them is down; who is signed in
it keeps itself. Services never import one another; that their pages are put together is a matter of
deployment, and done here. In production it runs on its own: `uvicorn deploy.front:app --factory`.
"""

from __future__ import annotations

import asyncio
import logging
import re
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import NamedTuple

import anyio.to_thread
import sqlalchemy as sa
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles

from deploy.copies import STATEMENTS, Copies
from deploy.importing.jobs import Jobs
from deploy.importing.pages import ImportPages
from deploy.outlook import Outlook
from deploy.tonight_copies import TonightCopies
from events.ending import ended
from services.clock import Clock, system_clock
from services.database import open_reader
from services.handover.in_hand import in_hand
from services.handover.looking import Looking, in_charge
from services.health import Server, open_socket, routes
from services.intake.correction_pages import CorrectionPages
from services.intake.door import Door
from services.intake.http import door_routes
from services.intake.night_calls import NightCalls
from services.intake.recall import Recall
from services.intake.reception import Reception
from services.intake.tonight_cases import TonightCases
from services.intake.web import Lookup, Register
from services.intake.whose import registrant_of
from services.journal import log_of
from services.keyed import Label
from services.logs import STARTED, log_to
from services.pages.addresses import UnreadableAddress
from services.pages.agencies import AgencyPages, open_passings, to_tell
from services.pages.agency_offer import OfferPages
from services.pages.evening_log import EveningLog
from services.pages.flags import FlagPages, open_flags
from services.pages.frame import STATIC, Around, Frame, bare, language_of, render, templates_in, with_counts
from services.pages.guard import Guard
from services.pages.morning import MorningPages, to_acknowledge
from services.pages.night_log import NightLog
from services.pages.parked import ParkedPages, open_parked
from services.pages.ringing import Ringing
from services.pages.sending import Backroom
from services.pages.shield import Shield
from services.pages.signing import Signing
from services.pages.terms import Language, Terms
from services.pages.tonight import TonightPages
from services.pages.tonight_reading import Tonight
from services.pages.words import SCREEN
from services.process import collect_rarely
from services.reporting.deliveries import acknowledged_by
from services.reporting.inquiry import UNREADABLE, Inquiry, Opens
from services.reporting.known import Known
from services.reporting.published import load
from services.reporting.sheet_pages import SheetPages
from services.reporting.subscriber_pages import Asks, SubscriberPages, nobody
from services.reporting.web import Site, around
from services.seal import KeyReader, Secrets
from services.settings import FRONT, Settings, from_environment
from services.signin import SignIns
from services.subjects import WRITERS
from services.ward import Ward

LOOPBACK = ("localhost", "127.0.0.1", "[::1]", "::1")
THREADS = 4
"""Requests that are answered at once; each thread may hold a connection, and its cache."""

KEEP_SECONDS = 2.0
"""Between two looks for a statement of which no copy was kept yet."""

OWN_MAPPINGS = "sheets"
"""Where a ward keeps mapping files of its own, beside the keys."""

OPEN = re.compile(r"/(signin|signin/.*|static/.*|healthz|readyz|metrics)", re.DOTALL)
"""Addresses that are there for everybody: they show nobody. Everything else asks who is there first."""

TEMPLATES = templates_in()

log = logging.getLogger("yoake.front")


class Parts(NamedTuple):
    """What the front reads: ledger, sign-ins, how everybody is, what opens boxes, the register; and how it acts."""

    inquiry: Inquiry
    signins: SignIns
    outlook: Outlook
    opens: Opens
    lookup: Lookup
    backroom: Backroom
    jobs: Jobs
    clock: Clock = system_clock
    door: Door | None = None
    asks: Asks = nobody


def assemble(settings: Settings, parts: Parts) -> Starlette:
    """The pages of all services as one ASGI application.

    Raises:
        services.ward.WardError: the ward's file cannot be used.
        services.reporting.published.PublishedError: the published figures cannot be used.
    """
    ward, (inquiry, signins, outlook, opens), backroom = settings.ward(), parts[:4], parts.backroom
    published = load(settings.published) if settings.published else ()
    is_open = bool(ward.policy.tables_open and published)
    tonight = tonight_of(backroom.engines, parts.lookup, opens)
    ringing = Ringing(tonight, opens, parts.clock)
    nights, stands = NightLog(backroom.engines["handover"]), Looking(backroom.engines["handover"])
    waiting: dict[str, Callable[[], int | None]] = {
        "/tonight": lambda: len(nights.alarms()) or None,
        "/morning": to_acknowledge(nights, stands, backroom.clock),
        "/agencies": partial(open_passings, backroom.engines["handover"]),
        "/flags": partial(open_flags, backroom.engines["intake"]),
        "/parked": open_parked(backroom),
    }
    frame = with_counts(around(ward, inquiry, outlook.everywhere, is_open=is_open), waiting, sample=bool(published))
    owner, tell = partial(in_charge, backroom.engines["handover"]), partial(to_tell, backroom.engines["handover"])
    site = Site(
        frame,
        inquiry,
        outlook.everywhere,
        published,
        is_open=is_open,
        opens=opens,
        in_charge=owner,
        to_tell=tell,
        whose=lambda case, personal: registrant_of(parts.lookup, case, personal=personal),
    )
    acknowledged = partial(acknowledged_by, inquiry.engine)
    always = patient(frame, ward, is_open=is_open)
    reception = Reception(always, parts.door, Recall(settings), parts.lookup, opens, parts.clock, ringing, nights)
    cookie = f"yoake-{settings.pages[1]}"  # Browsers tell hosts apart, and not ports.
    signing, refusals = Signing(frame, ward, signins, cookie), Refusals(ward, frame, is_open=is_open)

    return Starlette(
        routes=[
            *signing.routes(),
            *site.routes(),
            *Register(frame, parts.lookup, parts.clock, ringing).routes(),
            *reception.routes(),
            *CorrectionPages(frame, backroom, parts.lookup, opens).routes(),
            *TonightPages(frame, backroom, tonight, nights, opens).routes(),
            *MorningPages(
                frame, backroom, nights, stands, NightCalls(parts.lookup.log, opens), opens, acknowledged
            ).routes(),
            *OfferPages(frame, backroom).routes(),
            *AgencyPages(frame, backroom, opens).routes(),
            *FlagPages(frame, backroom).routes(),
            *ParkedPages(frame, backroom).routes(),
            *ImportPages(frame, parts.jobs, settings.keys.parent / OWN_MAPPINGS).routes(),
            *SheetPages(frame, inquiry, Known(inquiry.ledger, opens, ward.agency), backroom).routes(),
            *SubscriberPages(frame, inquiry.engine, parts.asks).routes(),
            *routes(outlook),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        middleware=[
            Middleware(Shield),
            # Otherwise any page on the web could give our address a name of its own and read us.
            Middleware(TrustedHostMiddleware, allowed_hosts=[*LOOPBACK, settings.pages[0]], www_redirect=False),
            Middleware(
                Guard,
                signins=signins,
                cookie=cookie,
                is_open=lambda path: bool(OPEN.fullmatch(path)) or (is_open and path == "/"),
                closed=signing.closed,
                unavailable=refusals.unavailable,
            ),
        ],
        exception_handlers={HTTPException: refusals.refused, **dict.fromkeys(UNREADABLE, refusals.unavailable)},
    )


def tonight_of(engines: Mapping[str, sa.Engine], lookup: Lookup, opens: Opens) -> Tonight:
    """What reads tonight's notes, of three services' databases."""
    notes = EveningLog(engines["handover"], engines["placement"])
    alarms = NightLog(engines["handover"]).alarms
    return Tonight(notes, TonightCases(lookup, opens), partial(in_hand, engines["handover"]), alarms)


def patient(around: Around, ward_file: Ward, *, is_open: bool) -> Around:
    """The same; where the database does not answer, by the ward's file and bare: a call is taken all the same."""

    def terms(language: Language) -> Terms:
        try:
            return around.terms(language)
        except UNREADABLE:
            return Terms(ward_file, language)

    def frame(terms: Terms) -> Frame:
        try:
            return around.frame(terms)
        except UNREADABLE:
            return bare(ward_file, terms, is_open=is_open)

    return Around(terms, frame)


def on_one_origin(
    pages: Starlette,
    outlook: Outlook,
    door: Door | None = None,
    *,
    beside: Sequence[BaseRoute] = (),
    copies: Sequence[Copies | TonightCopies] = (),
) -> Starlette:
    """Everything that the front serves; what is no page and knows itself who asks stands beside the pages.

    `door`: what `beside` puts messages through; it hears receipts from when NATS is there. `copies`: what keeps copies
    of the statements, and of tonight's notes.
    """

    async def open_door() -> None:
        await outlook.connected.wait()
        assert door is not None, "only where there is one"
        await door.__aenter__()

    @asynccontextmanager
    async def running(_: Starlette) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
        tasks = [asyncio.create_task(outlook.watch())]
        tasks += [asyncio.create_task(open_door())] if door else []
        tasks += [asyncio.create_task(keep(each)) for each in copies]
        log.info(STARTED)
        yield
        await ended(tasks)

    return Starlette(lifespan=running, routes=[*beside, Mount("/", pages)])


async def keep(copies: Copies | TonightCopies) -> None:
    """Look every few seconds whether there is something of which no copy was kept yet."""
    while True:
        try:
            await anyio.to_thread.run_sync(copies.keep)
        except (*UNREADABLE, OSError) as error:  # It is tried again; the page and the journals hold the statement.
            log.warning("no copy could be kept", exc_info=error)
        await asyncio.sleep(KEEP_SECONDS)


class Refusals:
    """The answers of all pages to what is not there, or cannot be shown just now: in both languages, in the frame."""

    def __init__(self, ward_file: Ward, around: Around, *, is_open: bool) -> None:
        self._ward_file, self._around, self._is_open = ward_file, around, is_open

    def refused(self, request: Request, error: Exception) -> Response:
        """What does not exist, or is not for whoever asks: nobody can tell which."""
        status = error.status_code if isinstance(error, HTTPException) else 500
        key = {404: "not_found", 405: "wrong_method"}.get(status, "not_available")
        message = error.said if isinstance(error, UnreadableAddress) else SCREEN[key]
        try:
            terms = self._around.terms(language_of(request))
            answer = self._said(request, message, status, self._around.frame(terms), terms)
        except UNREADABLE as unreadable:
            return self.unavailable(request, unreadable)
        answer.headers.update(getattr(error, "headers", None) or {})
        return answer

    def unavailable(self, request: Request, error: Exception) -> Response:
        """The database does not answer; nothing is asked of it for this page."""
        log.warning("the database cannot be read", exc_info=error)
        terms = Terms(self._ward_file, language_of(request))
        return self._said(
            request, SCREEN["not_available"], 503, bare(self._ward_file, terms, is_open=self._is_open), terms
        )

    def _said(self, request: Request, message: Label, status: int, frame: Frame, terms: Terms) -> Response:
        words = {"message": message, "start": SCREEN["to_start"]}
        return render(request, TEMPLATES, "refused.html", frame, terms, status, **words)


class Front:
    """The front as a process: told to run, and to exit, as a service is."""

    def __init__(self, site: Starlette, address: tuple[str, int], closing: Sequence[Callable[[], None]]) -> None:
        self.site, self._address, self._closing = site, address, closing
        self._server = _Server(uvicorn.Config(site, log_config=None, access_log=False, lifespan="on"))

    def after_startup(self, hook: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        """What to do as soon as it serves."""
        self._server.hooks.append(hook)
        return hook

    async def run(self) -> None:
        """Serve until told to stop."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.exit)
        collect_rarely()
        try:
            await self._server.serve([open_socket(self._address)])
        finally:
            for close in self._closing:
                close()

    def exit(self) -> None:
        """Stop serving, soon."""
        self._server.should_exit = True


class _Server(Server):
    """Says when it serves."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.hooks: list[Callable[[], Awaitable[None]]] = []

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for hook in self.hooks:
            await hook()


def build(settings: Settings) -> Front:
    """Wire the front; it opens what it reads when somebody asks.

    Raises:
        services.ward.WardError, services.reporting.published.PublishedError, services.database.DatabaseError:
            it cannot start.
    """
    engine, keys = open_reader(settings.database_of("reporting")), open_reader(settings.database_of("keys"))
    inquiry, ward = Inquiry(engine, log_of(engine)), settings.ward()
    secrets = Secrets.at(settings.keys)
    store = KeyReader(keys, secrets)
    signins = SignIns(settings.keys, ward)
    outlook = Outlook(settings.nats, ward.id, inquiry)
    door = Door(outlook.client, ward.id, secrets.inbox)
    desks = {service: open_reader(settings.database_of(service)) for service in WRITERS}
    backroom = Backroom(desks, secrets, door.submit)
    jobs = Jobs(backroom, lambda: inquiry.ward() or ward, store)
    lookup = Lookup(desks["intake"], secrets, store)
    parts = Parts(inquiry, signins, outlook, store.opened, lookup, backroom, jobs, door=door, asks=outlook.ask)
    pages = assemble(settings, parts)

    def terms() -> Terms:
        return Terms(inquiry.ward() or ward, "ja", inquiry.wards())

    copies = Copies(
        settings.keys.parent / STATEMENTS,
        NightLog(desks["handover"]),
        Looking(desks["handover"]),
        NightCalls(lookup.log, store.opened),
        store.opened,
        terms,
    )
    notes = TonightCopies(
        settings.keys.parent / STATEMENTS,
        tonight_of(desks, lookup, store.opened),
        list(desks.values()),
        store.opened,
        terms,
    )
    site = on_one_origin(pages, outlook, door, beside=door_routes(settings, door), copies=[copies, notes])
    opened = [engine, keys, *desks.values()]
    return Front(site, settings.pages, [*(each.dispose for each in opened), signins.close, jobs.close])


def app() -> Starlette:
    """The front with its settings from the environment: `uvicorn deploy.front:app --factory`."""
    settings = from_environment()
    log_to(None, FRONT, settings.log)
    return build(settings).site
