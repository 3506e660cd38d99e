"""The secrets with which webhooks are signed (Standard Webhooks): made here, shown once, kept sealed beside the keys.

A signature needs the secret itself, so that no digest of it will do; the file holds it sealed with the master key.
Where a new one is made the one before it signs as well for a day, so that the receiver can change in its own time.
"""

from __future__ import annotations

import os
import secrets
from base64 import b64encode
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag

from services.credentials import CredentialsError, kept_whole, read_whole
from services.seal import Secrets

FILE = "webhooks.json"
PREFIX = "whsec_"
BYTES = 32
OVERLAP = timedelta(days=1)


class Secret(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One secret of a subscriber, sealed. `until`: it signs no more from then on; None: it is the newest."""

    subscriber: str
    made: datetime
    sealed: bytes
    until: datetime | None = None


class WebhookSecrets:
    """The file of secrets, read again whenever it has changed."""

    def __init__(self, directory: Path, keys: Secrets) -> None:
        self.path, self._keys = directory / FILE, keys
        self._seen: tuple[int, int, int] | None = None
        self._all: list[Secret] = []

    def new(self, subscriber: str, now: datetime) -> str:
        """Make another secret for a subscriber, as its receiver is to be told it; it is shown nowhere else.

        Raises:
            CredentialsError: the file cannot be read or written.
        """
        secret = secrets.token_bytes(BYTES)
        with kept_whole(self.path, list[Secret]) as all_:
            for n, one in enumerate(all_):
                if one.subscriber == subscriber and one.until is None:
                    all_[n] = msgspec.structs.replace(one, until=now + OVERLAP)
            all_.append(Secret(subscriber=subscriber, made=now, sealed=self._keys.seal_local(secret)))
        return PREFIX + b64encode(secret).decode()

    def of(self, subscriber: str, now: datetime) -> list[bytes]:
        """The secrets with which a message to a subscriber is signed now, the newest first.

        Raises:
            CredentialsError: the file cannot be read, or was sealed with another master key.
        """
        in_force = [s for s in self._read() if s.subscriber == subscriber and (s.until is None or s.until > now)]
        try:
            return [self._keys.open_local(one.sealed) for one in reversed(in_force)]
        except InvalidTag as error:
            raise CredentialsError(
                f"{self.path} was sealed with another master key: make new secrets with `yoake subscriber add`"
            ) from error

    def _read(self) -> list[Secret]:
        try:
            found = os.stat(self.path)
        except FileNotFoundError:
            return []
        version = found.st_ino, found.st_mtime_ns, found.st_size
        if version != self._seen:
            self._all, self._seen = read_whole(self.path, list[Secret]), version
        return self._all
