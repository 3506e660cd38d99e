"""Finding a registrant, and what must be known of them first: 利用登録者をさがす.

What is typed to find somebody is sent in the body, never in an address: addresses stay in browsers and logs.
"""

from __future__ import annotations

import logging
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import sqlalchemy as sa
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.clock import Clock, system_clock
from services.intake.brief import brief
from services.intake.finding import Finder, Found, NotIndexed
from services.journal import LogReader
from services.pages.frame import Around, language_of, render, templates_in
from services.pages.guard import session_of, shown_to, taken_from
from services.pages.ringing import NotesTonight, Ringing
from services.seal import KeyReader, Secrets

TEMPLATES = templates_in(Path(__file__).with_name("templates"))
LONGEST_TYPED = 200
LONGEST_BODY = 4_096
log = logging.getLogger("yoake.pages")


class Lookup:
    """The finder of a process that only reads, made when it is first needed: intake may start later."""

    def __init__(self, engine: sa.Engine, secrets: Secrets, keys: KeyReader) -> None:
        """`engine`: intake's database."""
        self.log, self._secrets, self._keys = LogReader(engine), secrets, keys

    @cached_property
    def finder(self) -> Finder:
        """Raises services.intake.finding.NotIndexed until intake has made its index."""
        return Finder(self.log, self._secrets, self._keys)


class Register:
    """The endpoints that look registrants up, for those who see persons."""

    def __init__(
        self, around: Around, lookup: Lookup, clock: Clock = system_clock, ringing: Ringing | None = None
    ) -> None:
        """`ringing`: looks up tonight's notes, which stand beside whoever is found."""
        self._around, self._lookup, self._clock, self._ringing = around, lookup, clock, ringing

    def routes(self) -> list[Route]:
        """The addresses of these pages."""
        return [
            Route("/find", shown_to(self.asking, "persons"), methods=["GET"]),
            Route("/find", taken_from(self.finding, "persons"), methods=["POST"]),
            Route("/persons/{person}", shown_to(self.person, "persons")),
        ]

    def asking(self, request: Request) -> Response:
        """One box for whatever is known of somebody."""
        return self._page(request, "find.html", typed="", found=None, not_yet=False, choose=False)

    async def finding(self, request: Request) -> Response:
        """Whom that may mean. With `part` the list alone; with `choose` each one as a button, for the call card."""
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > LONGEST_BODY:
                raise HTTPException(413)
        typed = parse_qs(body.decode("utf-8", "replace")).get("q", [""])[0][:LONGEST_TYPED]
        return await run_in_threadpool(self._finding, request, typed)

    def person(self, request: Request) -> Response:
        """What must be known of a registrant, first things first."""
        terms = self._around.terms(language_of(request))
        try:
            told = brief(
                self._lookup.finder, request.path_params["person"].lower(), terms.ward.local(self._clock()).date()
            )
        except NotIndexed as error:
            raise HTTPException(404) from error
        if told is None:
            raise HTTPException(404)
        session = session_of(request)
        assert session is not None, "this page is for those who have signed in"
        log.info("looked at", extra={"case": told.details.person, "role": session.role.key, "who": session.who})
        return self._page(request, "person.html", brief=told)

    def _finding(self, request: Request, typed: str) -> Response:
        found: Found | None = None
        not_yet = False
        terms = self._around.terms(language_of(request))
        try:
            if typed.strip():
                found = self._lookup.finder.find(typed, terms.ward.local(self._clock()).date())
        except NotIndexed:
            not_yet = True
        template = "candidates.html" if "part" in request.query_params else "find.html"
        choose = "choose" in request.query_params
        return self._page(request, template, typed=typed, found=found, not_yet=not_yet, choose=choose)

    def _page(self, request: Request, template: str, **context: Any) -> Response:
        terms = self._around.terms(language_of(request))
        notes = self._ringing(terms, personal=True) if self._ringing else NotesTonight()
        return render(request, TEMPLATES, template, self._around.frame(terms), terms, notes=notes, **context)
