"""Who may see a page: nobody who has not signed in, but for what is open; and of a role's pages, nobody else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import sqlalchemy as sa
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from services.ward import Sees

if TYPE_CHECKING:
    from services.signin import Ended, Session, SignIns

Endpoint = Callable[[Request], Response]
Acting = Callable[[Request], Awaitable[Response]]
_KEY = "yoake.session"
FORM = "application/x-www-form-urlencoded"
LARGEST_TYPED = 1024 * 1024
"""Bytes of a form that is shown again to whoever sent it."""


def session_of(request: HTTPConnection) -> Session | None:
    """Who is signed in; None: nobody."""
    session: Session | None = request.scope.get(_KEY)
    return session


def sees(request: HTTPConnection, *needed: Sees) -> bool:
    """Whether whoever asks is signed in and may see all of this."""
    session = session_of(request)
    return session is not None and all(session.sees(one) for one in needed)


def shown_to(endpoint: Endpoint, *needed: Sees) -> Endpoint:
    """An endpoint for those alone who see all that is needed; for others there is no such page."""

    def guarded(request: Request) -> Response:
        if not sees(request, *needed):
            raise HTTPException(404)
        return endpoint(request)

    return guarded


def taken_from(endpoint: Acting, *needed: Sees) -> Acting:
    """The same for an endpoint that runs on the event loop, since it reads what was sent or awaits an answer."""

    async def guarded(request: Request) -> Response:
        if not sees(request, *needed):
            raise HTTPException(404)
        return await endpoint(request)

    return guarded


def done_by(endpoint: Acting, *needed: Sees) -> Acting:
    """An endpoint that sends something, for those alone who see all that is needed and speak for a provider."""

    async def guarded(request: Request) -> Response:
        session = session_of(request)
        if session is None or session.role.provider is None or not sees(request, *needed):
            raise HTTPException(404)
        return await endpoint(request)

    return guarded


class Guard:
    """An ASGI middleware: finds out who asks, and lets nobody else past but to what is open. Closed by default."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        signins: SignIns,
        cookie: str,
        is_open: Callable[[str], bool],
        closed: Callable[[Request, Ended | None, Mapping[str, str]], Response],
        unavailable: Callable[[Request, Exception], Response],
    ) -> None:
        """`closed` answers whoever must sign in first, `unavailable` where nobody can be looked up.

        `closed` is given the contract that ended under somebody who was signed in, and the form that they sent then.
        """
        self._app, self._signins, self._cookie = app, signins, cookie
        self._is_open, self._closed, self._unavailable = is_open, closed, unavailable

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        try:
            token = request.cookies.get(self._cookie)
            scope[_KEY] = await run_in_threadpool(self._signins.session, token) if token else None
            if scope[_KEY] is None and not self._is_open(scope["path"]):
                ended = await run_in_threadpool(self._signins.ended, token) if token else None
                typed = await _typed(Request(scope, receive)) if ended else {}
                response: Any = await run_in_threadpool(self._closed, request, ended, typed)
                await response(scope, receive, send)
                return
        except (sa.exc.DatabaseError, sa.exc.TimeoutError) as error:
            response = await run_in_threadpool(self._unavailable, request, error)
            await response(scope, receive, send)
            return
        await self._app(scope, receive, send)


async def _typed(request: Request) -> dict[str, str]:
    """The fields of a form, for whoever sent it; nothing where it is none, or cannot be read."""
    if request.method != "POST" or not request.headers.get("content-type", "").startswith(FORM):
        return {}
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_TYPED:
            return {}
    return dict(parse_qsl(body.decode("ascii", "replace"), errors="replace"))
