"""Who may send, and as whom: the credentials of the ward's providers, of which only digests are kept.

A credential is a random token of 256 bits, shown once. Over HTTP it is a bearer token; on NATS it is the
password of a user with the credential's name. One file, beside the keys, readable by its owner alone.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

import bcrypt
import msgspec

FILE = "credentials.json"
SUBSCRIBERS = "subscribers.json"
"""The same for the ward's subscribers on NATS: a file of its own, so that none of them is taken for a provider."""

T = TypeVar("T")

ROUNDS = 4
"""A token cannot be guessed, so its digest need not be slow; NATS computes it for each connection."""


class CredentialsError(RuntimeError):
    """The credentials cannot be read or changed; says why and what to do."""


class Credential(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One credential of a provider. `name` is NATS's user; `revoked` is when it ended, and it stays listed."""

    name: str
    provider: str
    made: datetime
    revoked: datetime | None = None
    sha256: str
    bcrypt: str


class Credentials:
    """The file of credentials, read again whenever it has changed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: tuple[int, int, int] | None = None
        self._all: list[Credential] = []
        self._providers: dict[str, str] = {}

    @property
    def version(self) -> tuple[int, int, int] | None:
        """Differs whenever the file does; None while there is none."""
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def all(self) -> list[Credential]:
        """Every credential ever made, the first first.

        Raises:
            CredentialsError: the file cannot be read.
        """
        version = self.version
        if version != self._seen:
            self._all = self._read()
            self._providers = {one.sha256: one.provider for one in self._all if not one.revoked}
            self._seen = version
        return self._all

    def in_force(self) -> list[Credential]:
        """Those that were not revoked. Raises as `all` does."""
        return [one for one in self.all() if not one.revoked]

    def provider_of(self, token: str) -> str | None:
        """Whose token this is; None: nobody's. Raises as `all` does."""
        self.all()
        return self._providers.get(sha256(token.encode(errors="replace")).hexdigest())

    def new(self, provider: str, now: datetime) -> tuple[Credential, str]:
        """Make another credential for a provider; the token with it is nowhere else.

        Raises:
            CredentialsError: the file cannot be read or written.
        """
        token = secrets.token_urlsafe(32)
        hashed = bcrypt.hashpw(token.encode(), bcrypt.gensalt(ROUNDS, prefix=b"2a")).decode()  # NATS knows no other.
        with self._changing() as all_:
            number = sum(one.provider == provider for one in all_) + 1
            made = Credential(
                name=f"{provider}-{number}",
                provider=provider,
                made=now,
                sha256=sha256(token.encode()).hexdigest(),
                bcrypt=hashed,
            )
            all_.append(made)
        return made, token

    def revoke(self, name: str, now: datetime) -> Credential:
        """Let a credential end, for ever.

        Raises:
            CredentialsError: there is none of this name in force, or the file cannot be read or written.
        """
        with self._changing() as all_:
            for n, one in enumerate(all_):
                if one.name == name and not one.revoked:
                    all_[n] = msgspec.structs.replace(one, revoked=now)
                    return all_[n]
            known = ", ".join(one.name for one in all_ if not one.revoked) or "none"
            raise CredentialsError(f"{name}: no credential of this name is in force; in force: {known}")

    def _read(self) -> list[Credential]:
        return read_whole(self.path, list[Credential])

    def _changing(self) -> AbstractContextManager[list[Credential]]:
        return kept_whole(self.path, list[Credential])


def read_whole(path: Path, kind: type[list[T]]) -> list[T]:
    """What such a file holds; nothing while there is none.

    Raises:
        CredentialsError: it cannot be read.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        return []
    except (OSError, msgspec.DecodeError) as error:
        raise CredentialsError(f"{path} cannot be read ({error}): put back a copy of it") from error


@contextmanager
def kept_whole(path: Path, kind: type[list[T]]) -> Iterator[list[T]]:
    """What the file holds, to be changed by nobody else meanwhile, and written whole at the end.

    Raises:
        CredentialsError: it cannot be read or written.
    """
    try:
        with (path.parent / f".{path.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            all_ = read_whole(path, kind)
            yield all_
            fresh = path.with_name(f".{path.name}.new")
            with open(fresh, "wb", opener=_private) as file:  # A Path has no opener.
                file.write(msgspec.json.format(msgspec.json.encode(all_), indent=2) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
    except OSError as error:
        raise CredentialsError(f"{error.filename}: {error.strerror}; use a directory that you may write") from error


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
