"""Who may see a page: nobody who has not signed in, but for what is open; and of a role's pages, nobody else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from services.ward import Sees

if TYPE_CHECKING:
    from services.signin import Session, SignIns

Endpoint = Callable[[Request], Response]
Acting = Callable[[Request], Awaitable[Response]]
_KEY = "yoake.session"


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
        closed: Endpoint,
        unavailable: Callable[[Request, Exception], Response],
    ) -> None:
        """`closed` answers whoever must sign in first, `unavailable` where nobody can be looked up."""
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
                response: Any = await run_in_threadpool(self._closed, request)
                await response(scope, receive, send)
                return
        except (sa.exc.DatabaseError, sa.exc.TimeoutError) as error:
            response = await run_in_threadpool(self._unavailable, request, error)
            await response(scope, receive, send)
            return
        await self._app(scope, receive, send)
