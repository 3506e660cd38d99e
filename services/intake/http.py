"""The HTTP door: `POST /v1/messages` takes CloudEvents, `GET /v1/receipts` says what became of one.

A call that can be read is never answered with an error, unless INBOX itself cannot store it. Who sends
is told by the bearer token alone. Nothing that a request said stands in an error, a header or the log.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

import sqlalchemy as sa
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

import events
from events import BATCH_CONTENT_TYPE, CONTENT_TYPE
from events.messages import MAX_BATCH_BYTES
from services.book import Unusable
from services.credentials import FILE, Credentials, CredentialsError
from services.database import DatabaseError
from services.intake.answers import LATER, Answer, answered, problem, told, unread
from services.intake.binary import has_attributes, structured
from services.intake.door import TOO_LARGE, Door, Unread
from services.intake.recall import Recall
from services.settings import Settings

OPENAPI = Path(events.__file__).parent / "schema" / "openapi.json"
JSON_TYPE = "application/json"
ACCEPTED_TYPES = f"{CONTENT_TYPE}, {BATCH_CONTENT_TYPE}, or {JSON_TYPE} with the attributes in ce- headers"
HOW = "the header Authorization: Bearer TOKEN, with a token made by `yoake credentials new`"

log = logging.getLogger("yoake.door")

Handler = Callable[[Request], Awaitable[Response]]


def door_routes(settings: Settings, door: Door) -> list[Route]:
    """The addresses of the door, for an application that has others as well. No middleware may refuse POST there."""
    site = _Site(door, Credentials(settings.keys / FILE), Recall(settings))
    return [
        Route("/v1/messages", _Resource(POST=site.messages)),
        Route("/v1/receipts", _Resource(GET=site.receipts)),
        Route("/v1/openapi.json", _Resource(GET=site.openapi)),
    ]


def door_app(settings: Settings, door: Door) -> Starlette:
    """The door as an application of its own."""
    return Starlette(routes=door_routes(settings, door))


class _Resource:
    """One address: what each method does, and the proper answer to every other."""

    def __init__(self, **handlers: Handler) -> None:
        self._handlers = handlers | ({"HEAD": handlers["GET"]} if "GET" in handlers else {})
        self._allow = ", ".join([*self._handlers, "OPTIONS"])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        handler = self._handlers.get(scope["method"])
        if handler is not None:
            response = await handler(Request(scope, receive))
        elif scope["method"] == "OPTIONS":
            response = Response(status_code=204, headers={"Allow": self._allow})
        else:
            response = problem(
                "wrong-method", f"accepted: {self._allow}", accepted=self._allow, headers={"Allow": self._allow}
            )
        await response(scope, receive, send)


class _Refused(Exception):
    """The request goes no further; this is its answer."""

    def __init__(self, response: Response) -> None:
        self.response = response


class _Site:
    def __init__(self, door: Door, credentials: Credentials, recall: Recall) -> None:
        self._door, self._credentials, self._recall = door, credentials, recall

    async def messages(self, request: Request) -> Response:
        """Take CloudEvents in one of the three modes."""
        try:
            provider = self._provider(request)
            is_binary = _is_binary(request)
            body = await _body(request)
            if is_binary:
                body = structured(request.headers.raw, body)
        except _Refused as refused:
            return refused.response
        except Unusable as unusable:
            return unread([Unread(n=1, field=unusable.field, fault=unusable.reason, accepted=unusable.accepted)])
        except ClientDisconnect:
            return Response(status_code=400)  # Nobody hears it.
        return answered(await self._door.submit(provider, body))

    async def receipts(self, request: Request) -> Response:
        """What is known of one message of the caller's own."""
        try:
            provider = self._provider(request)
        except _Refused as refused:
            return refused.response
        source, own_id = request.query_params.get("source", ""), request.query_params.get("id", "")
        for field, value in (("source", source), ("id", own_id)):
            if not value or "\x00" in value:
                detail = f"{field}: missing or unusable"
                return problem("unreadable", detail, field=field, accepted="as in the message, once percent-encoded")
        try:
            found = await run_in_threadpool(self._recall.receipts, provider, source, own_id)
        except (DatabaseError, sa.exc.SQLAlchemyError):
            return problem("not-looked-up", "a database does not answer", headers={"Retry-After": LATER})
        if not found:
            return problem("not-found", "never sent, or still in the queue: then ask again, or send it again")
        return told(Answer(receipts=found))

    async def openapi(self, _: Request) -> Response:
        """This interface, described; nothing in it is secret."""
        return Response(OPENAPI.read_bytes(), media_type=JSON_TYPE)

    def _provider(self, request: Request) -> str:
        """Raises _Refused unless a provider's token came with the request."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        try:
            provider = self._credentials.provider_of(token.strip()) if scheme.lower() == "bearer" else None
        except CredentialsError as error:
            log.error("%s", error)
            raise _Refused(problem("not-stored", "the credentials cannot be read")) from error
        if provider is not None:
            return provider
        code, challenge = "no-credentials", 'Bearer realm="yoake"'
        if scheme:
            log.warning("a request with credentials that are not in force")
            code, challenge = "unknown-token", challenge + ', error="invalid_token"'
        raise _Refused(problem(code, HOW, field="Authorization", accepted=HOW, headers={"WWW-Authenticate": challenge}))


def _is_binary(request: Request) -> bool:
    """Whether the attributes are in the headers. JSON without any is read as what it holds: one event, or a list.

    Raises:
        _Refused: it is none of the content types.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    has_some = has_attributes(request.headers.raw)
    is_json = kind in (CONTENT_TYPE, BATCH_CONTENT_TYPE, JSON_TYPE) or (has_some and not kind)
    if not is_json or coding != "identity":
        field = "Content-Type" if not is_json else "Content-Encoding"
        accepted = ACCEPTED_TYPES if not is_json else "none"
        raise _Refused(problem("wrong-type", f"{field}: not accepted", field=field, accepted=accepted))
    return has_some and kind not in (CONTENT_TYPE, BATCH_CONTENT_TYPE)


async def _body(request: Request) -> bytes:
    """The body, of which no more is read than may be.

    Raises:
        Unusable: it is too large.
    """
    too_large = Unusable("body", TOO_LARGE, f"up to {MAX_BATCH_BYTES} bytes")
    length = request.headers.get("content-length", "0")
    if not length.isdecimal() or len(length) > 12 or int(length) > MAX_BATCH_BYTES:
        raise too_large
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BATCH_BYTES:
            raise too_large
        parts.append(part)
    return b"".join(parts)
