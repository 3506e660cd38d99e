"""Who receives what: the directory of subscribers (送信先) in a ward's file, and its checks. Pure.

A subscriber is a system of the ward or of an agency. It hears of events on a durable of its own on NATS, or
by webhook. What it may read about a person is sealed to its own public key; of everything else that is
personal it gets nothing.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterable, Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any, Literal
from urllib.parse import SplitResult, urlsplit

from events import known_events
from events.handover import KINDS
from services.keyed import Keyed

TEST = "subscriber.test"
"""What a test message is called. It is about nobody, and stands in no log of events."""

OUR_OWN = frozenset({"ward.activated", "epoch.opened"})
"""Events that concern ourselves alone; the first holds the whole file."""

WITH_PERSONAL = frozenset({"handover.offered", "handed-over"})
"""The events with which something about a person may go: somebody is asked to take a case on, or has done so."""

_TRANSLATED = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
"""Where a network translates to IPv4 (RFC 6052, 8215): the last 32 bits are the address that is meant."""

LONGEST_WAIT = 7 * 24 * 60
PREFIX = "subscriber-"
"""Before a key, the account, the users and the durable of a subscriber on NATS."""

TOLD = frozenset({"deadline.passed", "deadline.settled"})
"""Events that are told to somebody: a provider, or `ward`."""

WARD = "ward"
"""How the ward's duty contact is named there."""

_PERSONAL = re.compile(r"[a-z][a-z0-9_]{0,39}")
_LONGEST_URL = 1_000

_P = 2**256 - 2**224 + 2**192 + 2**96 - 1
_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
"""The curve P-256: y² = x³ - 3x + b over the field of p (FIPS 186-5)."""


class Subscriber(Keyed, frozen=True, kw_only=True):
    """One entry of the directory.

    `events` by their names. `kinds` and `to` narrow them to hand-overs of these kinds, to these agencies; an event
    of a case then needs such a hand-over of that case. `whom` narrows what is overdue, or in hand again, to what was
    told to these: a provider, or `ward`. `personal`: fields of a person that go with an offer and a
    hand-over, sealed to `public_key`, a JWK. `private_hosts`: names that may stand for a private address.
    `behind`: after so many minutes without an acknowledgement the subscriber is named as being behind.
    """

    way: Literal["nats", "webhook"]
    events: tuple[str, ...]
    kinds: tuple[str, ...] = ()
    to: tuple[str, ...] = ()
    whom: tuple[str, ...] = ()
    personal: tuple[str, ...] = ()
    public_key: dict[str, str] | None = None
    url: str | None = None
    private_hosts: tuple[str, ...] = ()
    behind: int = 15

    @property
    def is_narrowed(self) -> bool:
        """Whether it hears of some hand-overs alone."""
        return bool(self.kinds or self.to)

    def hears_of(self, kind: str | None, agency: str | None) -> bool:
        """Whether a hand-over of this kind to this entry of the directory is for this subscriber."""
        return (not self.kinds or kind in self.kinds) and (not self.to or agency in self.to)


def user_prefix(key: str) -> str:
    """The name of a subscriber on NATS: of its account and its durable, and the beginning of its users."""
    return f"{PREFIX}{key}"


def is_taken(provider: str, known: Iterable[Subscriber]) -> bool:
    """Whether a provider's id is the name of a subscriber's account or of one of its users."""
    return any(provider == user_prefix(s.key) or provider.startswith(f"{user_prefix(s.key)}-") for s in known)


def mistakes(subscriber: Subscriber, agencies: Sequence[str], providers: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(field, what is wrong with it and what would be accepted) of everything that nobody can have meant.

    `agencies`: the keys of the directory to whom a case can be handed over.
    """
    yield from _in_lists(subscriber, agencies, [WARD, *providers])
    yield from _personal(subscriber)
    yield from _webhook(subscriber) if subscriber.way == "webhook" else _nats(subscriber)
    if not 1 <= subscriber.behind <= LONGEST_WAIT:
        yield "behind", f"{subscriber.behind} minutes; accepted: 1 to {LONGEST_WAIT}"


def deliverable() -> list[str]:
    """The events that may be sent to a subscriber."""
    return [name for name in known_events() if name not in OUR_OWN]


def _in_lists(subscriber: Subscriber, agencies: Sequence[str], told: Sequence[str]) -> Iterator[tuple[str, str]]:
    if not subscriber.events:
        yield "events", f"empty; name what it is to hear: {', '.join(deliverable())}"
    known: dict[str, tuple[Callable[[str], bool], str]] = {
        "events": (lambda name: name in deliverable(), ", ".join(deliverable())),
        "kinds": (lambda name: name in KINDS, ", ".join(KINDS)),
        "to": (lambda name: name in agencies, ", ".join(agencies) or "keys of [[agency]], of which the file has none"),
        "whom": (lambda name: name in told, ", ".join(told)),
        "personal": (lambda name: bool(_PERSONAL.fullmatch(name)), "names of personal fields, such as name, phone"),
    }
    if subscriber.whom and not TOLD.intersection(subscriber.events):
        yield "whom", f"of {' and '.join(sorted(TOLD))} alone it is known whom they were told; name one in `events`"
    for field, (is_known, accepted) in known.items():
        values: tuple[str, ...] = getattr(subscriber, field)
        for position, value in enumerate(values):
            if not is_known(value):
                yield field, f"unknown {value!r} in `{field}`; accepted: {accepted}"
            elif value in values[:position]:
                yield field, f"{value} stands twice in `{field}`; each once"


def _personal(subscriber: Subscriber) -> Iterator[tuple[str, str]]:
    if not subscriber.personal:
        return
    if subscriber.public_key is None:
        yield "personal", "what it may read about a person is sealed to its own key: give its `public_key`, a JWK"
    if not WITH_PERSONAL.intersection(subscriber.events):
        told = " or ".join(sorted(WITH_PERSONAL))
        yield "personal", f"something about a person goes with {told} alone; name one of them in `events`"


def _nats(subscriber: Subscriber) -> Iterator[tuple[str, str]]:
    for field in ("url", "private_hosts"):
        if getattr(subscriber, field):
            yield field, f'`{field}` is for way = "webhook"; on NATS the subscriber connects to us'
    yield from _key(subscriber)


def _webhook(subscriber: Subscriber) -> Iterator[tuple[str, str]]:
    if not subscriber.url:
        yield "url", "missing; a webhook needs the address to which it is sent, such as https://HOST/PATH"
    elif (wrong := url_mistake(subscriber.url, subscriber.private_hosts)) is not None:
        yield "url", wrong
    elif subscriber.private_hosts and _host(subscriber.url) not in subscriber.private_hosts:
        yield "private_hosts", f"it does not name the host of `url`, {_host(subscriber.url)}; leave it out, or name it"
    yield from _key(subscriber)


def _key(subscriber: Subscriber) -> Iterator[tuple[str, str]]:
    if subscriber.public_key is not None and (wrong := key_mistake(subscriber.public_key)) is not None:
        yield "public_key", wrong


def url_mistake(url: str, private_hosts: tuple[str, ...] = ()) -> str | None:
    """What is wrong with a webhook's address; None: nothing."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "no address; such as https://HOST/PATH"
    if parts.scheme not in ("https", "http") or not host or port == 0 or len(url) > _LONGEST_URL or not _plain(url):
        return "no address; such as https://HOST/PATH"
    if parts.username is not None or parts.password is not None or parts.fragment:
        return "no name, password or #part in the address: the signature says who we are"
    if host not in private_hosts and _is_private(host):
        return "a private address: nothing is sent to it, unless the host is named in `private_hosts`"
    if parts.scheme == "http" and host not in private_hosts:
        return "http is read by everybody on the way; https, or a host within your own walls named in `private_hosts`"
    return None


def is_public(address: str) -> bool:
    """Whether an address is one of the public network, also where it stands for one of IPv4."""
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        meant = _embedded(found)
        if meant is not None:
            return is_public(str(meant))
    return found.is_global and not (found.is_multicast or found.is_reserved or found.is_unspecified)


def _embedded(address: IPv6Address) -> IPv4Address | None:
    if any(address in network for network in _TRANSLATED):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)


def _is_private(host: str) -> bool:
    """Whether it is an address, and not a name, that is none of the public network."""
    try:
        return not is_public(host)
    except ValueError:
        return False


def _plain(url: str) -> bool:
    return url.isascii() and url.isprintable() and " " not in url


def _host(url: str) -> str | None:
    parts: SplitResult = urlsplit(url)
    return parts.hostname


def key_mistake(key: dict[str, Any]) -> str | None:
    """What is wrong with a subscriber's public key; None: nothing."""
    if "d" in key:
        return "this is the private half of a key: give the public one, without `d`, and make a new pair"
    if (key.get("kty"), key.get("crv")) != ("EC", "P-256"):
        return 'no key that can be used; accepted: a JWK with kty = "EC" and crv = "P-256"'
    x, y = (_number(key.get(name)) for name in ("x", "y"))
    if x is None or y is None or (y * y - (x**3 - 3 * x + _B)) % _P:
        return "`x` and `y` are no point of the curve P-256, as base64url without padding; copy the key again"
    return None


def _number(text: object) -> int | None:
    if not isinstance(text, str) or not re.fullmatch(r"[A-Za-z0-9_-]{43}", text, re.ASCII):
        return None
    value = int.from_bytes(urlsafe_b64decode(f"{text}="))
    return value if value < _P else None
