"""One webhook, sent: signed as Standard Webhooks says, to an address that was looked at, and nowhere else.

A name is resolved first, and the connection goes to the very address that was looked at: a name that stands for
something else a moment later leads nowhere. No redirect is followed, and of the answer only its first line counts.
"""

from __future__ import annotations

import asyncio
import hmac
import socket
import ssl
from base64 import b64encode
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from services.subscribers import is_public

if TYPE_CHECKING:
    import httpx

PATIENCE = 15.0
"""Seconds for all of it: the name, the connection and the answer."""

LONGEST_PAUSE = 12 * 3600.0
_PORTS = {"https": 443, "http": 80}


class Answer(NamedTuple):
    """What came back, in a short code of ours, never in the receiver's words.

    `status`: of HTTP; None: no answer. `pause`: seconds for which the receiver asks us to wait.
    """

    said: str
    status: int | None = None
    pause: float = 0.0

    @property
    def is_taken(self) -> bool:
        """Whether the receiver has it."""
        return self.status is not None and 200 <= self.status < 300


class NotAllowed(Exception):
    """The name stands for an address that nothing is sent to."""


Post = Callable[[str, Collection[str], dict[str, str], bytes], Awaitable[Answer]]
"""(address, names that may stand for a private address, headers, body) → what came back; it never raises."""


def signed(id_: str, at: float, body: bytes, secrets: Sequence[bytes]) -> dict[str, str]:
    """The headers of a webhook, with a signature by each secret (Standard Webhooks 1.0, `v1`)."""
    stamp = str(int(at))
    content = f"{id_}.{stamp}.".encode() + body
    signatures = [f"v1,{b64encode(hmac.digest(secret, content, 'sha256')).decode()}" for secret in secrets]
    return {"webhook-id": id_, "webhook-timestamp": stamp, "webhook-signature": " ".join(signatures)}


async def addresses(host: str, port: int, *, private: bool) -> list[str]:
    """What a name stands for now, in whatever form it is written.

    Raises:
        NotAllowed: one of them is no public address, and `private` ones are not allowed.
        OSError, UnicodeError: there is no such name.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    all_ = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not private and not all(is_public(address) for address in all_):
        raise NotAllowed
    return all_


class Poster:
    """Sends over HTTP. Each message has a connection of its own: two names may share an address, and no certificate."""

    def __init__(self, patience: float = PATIENCE, *, trusted: ssl.SSLContext | None = None) -> None:
        """`trusted`: whose certificates are good; None: those of the public network."""
        self._patience, self._trusted = patience, trusted
        self._made: httpx.AsyncClient | None = None

    async def __call__(self, url: str, private_hosts: Collection[str], headers: dict[str, str], body: bytes) -> Answer:
        """Send it once."""
        import httpx  # Only a ward with webhooks needs it, and it takes room.

        try:
            async with asyncio.timeout(self._patience):
                return await self._sent(url, private_hosts, headers, body)
        except NotAllowed:
            return Answer("address-not-allowed")
        except (TimeoutError, httpx.TimeoutException):
            return Answer("timed-out")
        except (httpx.ConnectError, httpx.NetworkError) as error:
            return Answer("certificate" if _is_of_tls(error) else "no-connection")
        except (socket.gaierror, UnicodeError):
            return Answer("no-such-host")
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError):
            return Answer("broken-off")

    async def _sent(self, url: str, private_hosts: Collection[str], headers: dict[str, str], body: bytes) -> Answer:
        import httpx

        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
        found = await addresses(host, port, private=host in private_hosts)
        own = {**headers, "Host": parts.netloc, "User-Agent": "Yoake"}
        for last, address in ((address is found[-1], address) for address in found):
            pinned = httpx.URL(url).copy_with(host=address)
            try:
                # Of the answer nothing is read but its head: what else it says is not ours to keep.
                async with self._client().stream(
                    "POST", pinned, content=body, headers=own, extensions={"sni_hostname": host}
                ) as answer:
                    return _read(answer)
            except httpx.ConnectError as error:
                if last or _is_of_tls(error):
                    raise
        return Answer("no-connection")

    def _client(self) -> httpx.AsyncClient:
        import httpx

        if self._made is None:
            self._made = httpx.AsyncClient(
                verify=self._trusted or True,
                trust_env=False,
                follow_redirects=False,
                timeout=self._patience,
                limits=httpx.Limits(max_keepalive_connections=0),
            )
        return self._made

    async def close(self) -> None:
        """Let go of what is open."""
        if self._made is not None:
            await self._made.aclose()


def _read(answer: httpx.Response) -> Answer:
    given = answer.headers.get("retry-after", "")
    pause = min(float(given), LONGEST_PAUSE) if given.isascii() and given.isdigit() and len(given) < 9 else 0.0
    return Answer(f"http-{answer.status_code}", answer.status_code, pause)


def _is_of_tls(error: BaseException) -> bool:
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLError):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


Jitter = Callable[[], float]
"""A number from 0 to 1, so that not everybody tries again at once."""
