"""What every answer says to the browser, and what no request may do. An ASGI middleware."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

READING = ("GET", "HEAD")
METHODS = (*READING, "POST")
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'; object-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
NO_STORE = "no-store"
"""A page of cases stays in no cache of a shared computer; style sheets may."""


class Shield:
    """Lets through reading, and what the forms of our own pages send; adds the headers to every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_shielded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                if not scope["path"].startswith("/static/"):
                    headers["Cache-Control"] = NO_STORE
            await send(message)

        app: ASGIApp = self._app
        if scope["method"] not in METHODS:
            allowed = {"Allow": ", ".join(METHODS)}
            app = PlainTextResponse(f"only {', '.join(METHODS)}", status_code=405, headers=allowed)
        elif scope["method"] not in READING and not _is_from_our_page(Headers(scope=scope)):
            app = PlainTextResponse("only from a page of this site", status_code=403)
        await app(scope, receive, send_shielded)


def _is_from_our_page(headers: Headers) -> bool:
    """Whether a form was sent from a page of this very site: every browser says from where, and no page can lie."""
    if "sec-fetch-site" in headers:
        return headers["sec-fetch-site"] == "same-origin"
    try:
        return bool(headers.get("host")) and urlsplit(headers.get("origin", "")).netloc == headers["host"]
    except ValueError:  # Not an address at all.
        return False
