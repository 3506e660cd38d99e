"""Ports of this machine, and what to say when one cannot be had."""

from __future__ import annotations

import itertools
import os
import socket
from contextlib import suppress

LOOPBACK = "127.0.0.1"

_FIRST, _MANY = 20_000, 12_000
"""Below the ports that Linux, macOS and Windows give to outgoing connections: one of those could take a port of ours
between a look and its use, or while a service is being restarted."""

_APART = 31
"""Each process begins elsewhere, so that two that start together do not take one port; and takes none twice."""

_TRIES = 1_000
_given = itertools.count()


class StartError(RuntimeError):
    """Yoake cannot start; says what is wrong and what to do."""


def free_port() -> int:
    """A port that nobody uses now, and that no outgoing connection takes meanwhile.

    Raises:
        StartError: there is none.
    """
    for _ in range(_TRIES):
        port = _FIRST + (os.getpid() * _APART + next(_given)) % _MANY
        with suppress(OSError), socket.create_server((LOOPBACK, port)):
            return port
    raise StartError(f"no port of {LOOPBACK} from {_FIRST} to {_FIRST + _MANY - 1} is free: stop what uses them")


def check_port(port: int, option: str) -> None:
    """Make sure that a port can be had.

    Raises:
        StartError: it is taken; says what to do.
    """
    try:
        with socket.create_server((LOOPBACK, port)):
            pass
    except OSError as error:
        raise StartError(
            f"port {port} of {LOOPBACK} cannot be used ({error.strerror}): stop what uses it, or give {option} "
            f"another; {option} 0 takes a free one"
        ) from error
