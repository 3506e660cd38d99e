"""The kit's way over HTTP: POST to the door, which answers with the receipts.

200, 201: the receipts are the answer. 202: queued, so it is asked about by sending it again. A
problem of one message (400, 409, 413, 422) is noted with it, and the others go on. Anything else is
tried again later, with everything kept.
"""

from __future__ import annotations

import asyncio
import http.client
import ssl
from collections.abc import Sequence
from urllib.parse import urlsplit

import msgspec

from events import BATCH_CONTENT_TYPE, CONTENT_TYPE
from events.courier import Heard, Unreachable
from events.messages import Receipt
from events.outbox import Letter

PATH = "/v1/messages"
TIMEOUT = 30.0
OF_A_MESSAGE = (400, 409, 413, 422)
"""Statuses that say something about what was sent, and not about the way."""

OF_THE_WAY = (429, 500, 502, 503, 504)
"""Statuses that something between here and a door may give of its own, while all is well with the address."""

NO_DOOR = "this does not look like a Yoake door; check the address (URL)"


class Unread(msgspec.Struct, frozen=True):
    """A message that was not read: its place in what was sent, from 1, and why."""

    n: int
    field: str = ""
    fault: str = ""
    accepted: str | None = None


class Answer(msgspec.Struct, frozen=True):
    """As much of an answer as is needed: receipts, what is queued; of a problem (RFC 9457) what a person is told."""

    title: str = ""
    detail: str = ""
    receipts: list[Receipt] = []
    queued: list[msgspec.Raw] = []
    unread: list[Unread] = []


class OverHttp:
    """A transport of `events.courier` over one connection, kept open."""

    def __init__(self, url: str, token: str | None = None, *, context: ssl.SSLContext | None = None) -> None:
        """`url`: of the door, such as https://yoake.example. `token`: the provider's own.

        Raises:
            ValueError: the address is none.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url}: not an address; accepted: https://HOST or http://HOST:PORT")
        self._url, self._path = url, parts.path.rstrip("/") + PATH
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._connection: http.client.HTTPConnection
        if parts.scheme == "https":
            self._connection = http.client.HTTPSConnection(
                parts.hostname, parts.port, timeout=TIMEOUT, context=context or ssl.create_default_context()
            )
        else:
            self._connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=TIMEOUT)

    async def open(self, heard: Heard) -> None:
        """Nothing is sent before there is something to send."""
        self._heard = heard

    async def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()

    def check(self) -> None:
        """Each request shows for itself whether the way is there."""

    async def hand_over(self, letters: Sequence[Letter]) -> list[tuple[Letter, str]]:
        """Post one message, or a batch of them; one by one where a batch is not read.

        Raises:
            Unreachable: nobody answers, or it is not taken now, or one is not let in.
        """
        kind, body = CONTENT_TYPE, letters[0].body
        if len(letters) > 1:
            kind, body = BATCH_CONTENT_TYPE, b"[" + b",".join(letter.body for letter in letters) + b"]"
        status, text = await asyncio.to_thread(self._post, kind, body)
        answer = _read(text)
        if 200 <= status < 300:
            if not (answer.receipts or answer.queued):
                raise Unreachable(f"{self._url} answers {status} without receipts: {NO_DOOR}")
            await self._take(letters, answer.receipts)
            return []
        if status not in OF_A_MESSAGE:
            raise Unreachable(f"{self._url} answers {status} {_told(answer, status)}; {_advice(status)}")
        if len(letters) == 1:
            return [(letters[0], f"{status} {_told(answer, status)}")]
        if not answer.unread:
            return [problem for letter in letters for problem in await self.hand_over([letter])]
        await self._take(letters, answer.receipts)
        return [(letters[one.n - 1], _fault(one)) for one in answer.unread if 0 < one.n <= len(letters)]

    def _post(self, kind: str, body: bytes) -> tuple[int, bytes]:
        try:
            return self._request(kind, body)
        except (ConnectionError, http.client.BadStatusLine):
            pass  # A connection that was kept open was closed at the other end; a new one tells.
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise Unreachable(f"nobody answers at {self._url} ({error or type(error).__name__})") from error
        try:
            self._connection.close()
            return self._request(kind, body)
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise Unreachable(f"nobody answers at {self._url} ({error or type(error).__name__})") from error

    def _request(self, kind: str, body: bytes) -> tuple[int, bytes]:
        headers = {"Content-Type": kind, "Accept": "application/json"} | self._headers
        self._connection.request("POST", self._path, body, headers)
        response = self._connection.getresponse()
        return response.status, response.read()

    async def _take(self, letters: Sequence[Letter], receipts: Sequence[Receipt]) -> None:
        """The receipts in an answer; what has none in it is asked about later."""
        if not receipts:
            return
        alone = letters[0] if len(letters) == 1 else None
        names = {(letter.source, letter.id): letter for letter in letters}
        answers = [(receipt, alone or names.get((receipt.source or "", receipt.id or ""))) for receipt in receipts]
        await self._heard(answers)


def _read(text: bytes) -> Answer:
    try:
        return msgspec.json.decode(text, type=Answer)
    except (ValueError, RecursionError):
        return Answer()


def _told(answer: Answer, status: int) -> str:
    if answer.title:
        return ": ".join(filter(None, (answer.title, answer.detail)))
    if status in OF_THE_WAY:
        return "(no problem details)"
    return f"without problem details: {NO_DOOR}"


def _fault(one: Unread) -> str:
    return f"{one.field}: {one.fault}" + (f"; accepted: {one.accepted}" if one.accepted else "")


def _advice(status: int) -> str:
    match status:
        case 401 | 403:
            return "look at the token: the ward's operator makes it"
        case 404 | 405:
            return f"look at the address: {PATH} of the door is meant"
        case _:
            return "everything is kept and sent later"
