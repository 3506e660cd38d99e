"""Ports of this machine, and what to say when one cannot be had."""

from __future__ import annotations

import socket

LOOPBACK = "127.0.0.1"


class StartError(RuntimeError):
    """Yoake cannot start; says what is wrong and what to do."""


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.create_server((LOOPBACK, 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


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
