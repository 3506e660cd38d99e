"""The front process (窓口): the pages of all services, on one origin.

It only reads databases, so that it goes on when any service is down. Services never import one
another; that their pages are put together is a matter of deployment, and done here. In production
it runs on its own: `uvicorn deploy.front:app --factory`.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import anyio.to_thread
import sqlalchemy as sa
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from deploy.outlook import Outlook
from services.database import open_reader
from services.health import Server, open_socket, routes
from services.journal import log_of
from services.logs import STARTED, log_to
from services.pages.frame import STATIC, Around, Frame, bare, language_of, render, templates_in
from services.pages.shield import Shield
from services.pages.terms import Terms
from services.pages.words import SCREEN
from services.reporting.inquiry import UNREADABLE, Inquiry
from services.reporting.published import load
from services.reporting.web import Site, around
from services.settings import FRONT, Settings, from_environment
from services.ward import Ward
from services.writer import collect_rarely

LOOPBACK = ("localhost", "127.0.0.1", "[::1]", "::1")
THREADS = 4
"""Requests that are answered at once; each thread may hold a connection, and its cache."""

TEMPLATES = templates_in()

log = logging.getLogger("yoake.front")


def assemble(settings: Settings, inquiry: Inquiry, outlook: Outlook | None = None) -> Starlette:
    """The pages of all services as one ASGI application; without an outlook nobody else is asked how they are.

    Raises:
        services.ward.WardError: the ward's file cannot be used.
        services.reporting.published.PublishedError: the published figures cannot be used.
    """
    ward = settings.ward()
    outlook = outlook or Outlook("", ward.id, inquiry)
    frame = around(ward, inquiry, outlook.everywhere)
    site = Site(frame, inquiry, outlook.everywhere, load(settings.published) if settings.published else ())
    refusals = Refusals(ward, frame)

    @asynccontextmanager
    async def running(_: Starlette) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
        watching = asyncio.create_task(outlook.watch())
        log.info(STARTED)
        yield
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)

    return Starlette(
        lifespan=running,
        routes=[*site.routes(), *routes(outlook), Mount("/static", StaticFiles(directory=STATIC))],
        middleware=[
            Middleware(Shield),
            # Otherwise any page on the web could give our address a name of its own and read us.
            Middleware(TrustedHostMiddleware, allowed_hosts=[*LOOPBACK, settings.pages[0]], www_redirect=False),
        ],
        exception_handlers={HTTPException: refusals.refused, **dict.fromkeys(UNREADABLE, refusals.unavailable)},
    )


class Refusals:
    """The answers of all pages to what is not there, or cannot be shown just now: in both languages, in the frame."""

    def __init__(self, ward_file: Ward, around: Around) -> None:
        self._ward_file, self._around = ward_file, around

    def refused(self, request: Request, error: Exception) -> Response:
        """What does not exist, or is not for whoever asks: nobody can tell which."""
        status = error.status_code if isinstance(error, HTTPException) else 500
        key = {404: "not_found", 405: "wrong_method"}.get(status, "not_available")
        try:
            terms = self._around.terms(language_of(request))
            answer = self._said(request, key, status, self._around.frame(terms), terms)
        except UNREADABLE as unreadable:
            return self.unavailable(request, unreadable)
        answer.headers.update(getattr(error, "headers", None) or {})
        return answer

    def unavailable(self, request: Request, error: Exception) -> Response:
        """The database does not answer; nothing is asked of it for this page."""
        log.warning("the database cannot be read", exc_info=error)
        terms = Terms(self._ward_file, language_of(request))
        return self._said(request, "not_available", 503, bare(self._ward_file, terms), terms)

    def _said(self, request: Request, key: str, status: int, frame: Frame, terms: Terms) -> Response:
        words = {"message": SCREEN[key], "start": SCREEN["to_start"]}
        return render(request, TEMPLATES, "refused.html", frame, terms, status, **words)


class Front:
    """The front as a process: told to run, and to exit, as a service is."""

    def __init__(self, site: Starlette, address: tuple[str, int], engines: Sequence[sa.Engine]) -> None:
        self.site, self._address, self._engines = site, address, engines
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
            for engine in self._engines:
                engine.dispose()

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
    engine = open_reader(settings.database_of("reporting"))
    inquiry = Inquiry(engine, log_of(engine))
    outlook = Outlook(settings.nats, settings.ward().id, inquiry)
    return Front(assemble(settings, inquiry, outlook), settings.pages, [engine])


def app() -> Starlette:
    """The front with its settings from the environment: `uvicorn deploy.front:app --factory`."""
    settings = from_environment()
    log_to(None, FRONT, settings.log)
    return build(settings).site
