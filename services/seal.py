"""Personal data at rest: a key for each person, in a store of its own, and boxes bound to events.

A box is AES-256-GCM with the event's identity as associated data, so that boxes cannot be swapped
between events. Destroying a key makes every box of that person unreadable and leaves every hash,
proof and tally as it was. The keys themselves are wrapped with the master key.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
from base64 import b64decode, b64encode
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from joserfc.jwk import ECKey

from events import seal as inbox_seal
from services.database import change, create, found, found_among, insert_rows

NONCE = 12
_KEYS = sa.Table(
    "person_keys",
    sa.MetaData(),
    sa.Column("subject", sa.String(64), primary_key=True),
    sa.Column("wrapped", sa.LargeBinary, nullable=True),  # NULL: destroyed, for ever.
)

KEY_TABLES = (_KEYS,)
"""What the key store's database holds."""

DESTROYED = "destroyed"
"""The file, beside the master key, that names whose keys were destroyed."""

_KEPT = sa.select(_KEYS)
_WRAPPED = sa.select(_KEYS.c.wrapped).where(_KEYS.c.subject == sa.bindparam("subject"))
_DESTROYED = sa.select(_KEYS.c.subject).where(_KEYS.c.wrapped.is_(None))
_DESTROY = (
    sa.update(_KEYS).where(_KEYS.c.subject == sa.bindparam("gone"), _KEYS.c.wrapped.is_not(None)).values(wrapped=None)
)

CHECK = "-"
"""A row that only the right master key opens."""


log = logging.getLogger("yoake.seal")


class WrongKey(RuntimeError):
    """The master key is not the one with which the key store was written; nothing must be sealed with it."""


class Destroyed(LookupError):
    """The person's key was destroyed; what was sealed with it cannot be read by anybody."""


class Secrets:
    """The ward's own keys: the master key, the inbox key, and what is derived from the master.

    Files in one directory, readable by its owner alone: `master.key`, `inbox.jwk`; `inbox.pub.jwk`
    is for adapters. `destroyed` names, one a line, whose keys were destroyed: a key store that was
    restored from an older copy forgets them again when it is opened.
    """

    def __init__(self, master: bytes, inbox: ECKey, tombstones: Path | None = None) -> None:
        self.inbox, self.tombstones = inbox, tombstones
        self._master = master
        self._wrap = AESGCM(self._derived("wrap"))
        self._local = AESGCM(self._derived("parked"))
        self._digest = self._derived("digest")
        self._blind = self._derived("blind")

    @classmethod
    def at(cls, directory: Path) -> Secrets:
        """The keys in this directory, made on the first call.

        Raises:
            OSError: the directory cannot be read or written.
        """
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        master = _made_once(directory / "master.key", lambda: os.urandom(32))
        jwk = _made_once(
            directory / "inbox.jwk", lambda: msgspec.json.encode(inbox_seal.new_key().as_dict(private=True))
        )
        inbox = inbox_seal.public_key(jwk)
        public = directory / "inbox.pub.jwk"
        if not public.exists():
            _write_whole(public, msgspec.json.encode(inbox.as_dict(private=False)), 0o644)
        return cls(master, inbox, directory / DESTROYED)

    def _derived(self, purpose: str) -> bytes:
        return hmac.new(self._master, f"yoake/{purpose}".encode(), hashlib.sha256).digest()

    def digest(self, content: bytes) -> str:
        """A keyed digest, for comparing contents that may be personal."""
        return hmac.digest(self._digest, content, "sha256").hex()

    def blind(self, kind: str, value: str) -> int:
        """A token of 64 bits (signed) by which a folded value can be looked up and not read.

        The kind is a part of what is hashed, so that tokens of two kinds say nothing of each other.
        """
        token = hmac.digest(self._blind, f"{kind}\0{value}".encode(), "sha256")
        return int.from_bytes(token[:8], signed=True)

    def seal_local(self, content: bytes) -> bytes:
        """Seal what waits or is parked in a service's own tables."""
        nonce = os.urandom(NONCE)
        return nonce + self._local.encrypt(nonce, content, None)

    def open_local(self, sealed: bytes) -> bytes:
        """Open what `seal_local` sealed."""
        return self._local.decrypt(sealed[:NONCE], sealed[NONCE:], None)

    def wrap(self, subject: str, key: bytes) -> bytes:
        """A person's key, as the key store keeps it."""
        nonce = os.urandom(NONCE)
        return nonce + self._wrap.encrypt(nonce, key, subject.encode())

    def unwrap(self, subject: str, wrapped: bytes) -> bytes:
        """A person's key, from the key store."""
        return self._wrap.decrypt(wrapped[:NONCE], wrapped[NONCE:], subject.encode())


class KeyReader:
    """The keys of persons, for whoever only opens boxes; it writes nothing, and makes no key."""

    def __init__(self, engine: sa.Engine, secrets: Secrets) -> None:
        self._engine = engine
        self._secrets = secrets

    def unseal(self, subject: str, identity: str, sealed: str) -> dict[str, Any]:
        """What a box holds.

        Raises:
            Destroyed: the person's key is gone.
            ValueError: the box belongs to another event or person, or was changed.
        """
        return _open(self._key(subject), identity, sealed)

    def unseal_all(self, boxes: Sequence[tuple[str, str, str] | None]) -> list[dict[str, Any] | None]:
        """What each box, (subject, identity, sealed), holds; None for no box, or for one that nobody can open.

        The keys are read together. A box that was changed keeps nobody from the others: `yoake verify` names it.
        """
        gone = set(read_tombstones(self._secrets.tombstones))  # A key store of an older copy may still hold them.
        wanted = sorted({box[0] for box in boxes if box is not None} - gone)
        with self._engine.connect() as connection:
            rows = found_among(connection, _KEPT, _KEYS.c.subject, wanted)
        keys = {row.subject: self._secrets.unwrap(row.subject, bytes(row.wrapped)) for row in rows if row.wrapped}
        return [_open_if(keys.get(box[0]), box[1], box[2]) if box else None for box in boxes]

    def opened(self, subjects: Iterable[str], identity: str, sealed: str) -> dict[str, Any] | None:
        """What a box holds that is sealed for one of these; None: no key opens it, or none any more."""
        gone = read_tombstones(self._secrets.tombstones)  # A key store of an older copy may still hold them.
        for subject in subjects:
            try:
                if subject not in gone:
                    return self.unseal(subject, identity, sealed)
            except (Destroyed, ValueError):
                continue
        return None

    def destroyed(self) -> frozenset[str]:
        """Whose keys were destroyed."""
        with self._engine.connect() as connection:
            return frozenset(row.subject for row in found(connection, _DESTROYED))

    def _key(self, subject: str) -> bytes:
        with self._engine.connect() as connection:
            rows = found(connection, _WRAPPED, subject=subject)
        if not rows or rows[0].wrapped is None:
            raise Destroyed(f"no key for {subject}")
        try:
            return self._secrets.unwrap(subject, bytes(rows[0].wrapped))
        except InvalidTag as error:
            raise ValueError("this key was not wrapped with this master key") from error


class KeyStore(KeyReader):
    """The keys of persons, by their random ids; `ensure` commits before any event uses a key."""

    def __init__(self, engine: sa.Engine, secrets: Secrets) -> None:
        super().__init__(engine, secrets)
        self._fresh: dict[str, bytes] = {}
        with engine.begin() as connection:
            create(connection, [_KEYS])
            insert_rows(connection, _KEYS, [(CHECK, secrets.wrap(CHECK, bytes(32)))], taken="stays")
            (kept,) = found(connection, _WRAPPED, subject=CHECK)
        try:
            secrets.unwrap(CHECK, bytes(kept.wrapped))
        except InvalidTag as error:
            raise WrongKey("master.key does not open this key store: put back the keys that belong to it") from error
        self._bury(read_tombstones(secrets.tombstones))

    def ensure(self, subjects: Iterable[str]) -> frozenset[str]:
        """Make sure that each subject has a key, on disk, before anything is sealed with it.

        Returns:
            Those whose keys were destroyed; they get no other.
        """
        wanted = sorted(set(subjects))
        if not wanted:
            return frozenset()
        with self._engine.begin() as connection:
            rows = found_among(connection, _KEPT, _KEYS.c.subject, wanted)
            if missing := set(wanted) - {row.subject for row in rows}:
                new = [(s, self._secrets.wrap(s, os.urandom(32))) for s in sorted(missing)]
                insert_rows(connection, _KEYS, new, taken="stays")  # Another service may make the same one.
                rows = found_among(connection, _KEPT, _KEYS.c.subject, wanted)
        # Only what was read just now is used: another process may have destroyed a key meanwhile.
        self._fresh = {
            row.subject: self._secrets.unwrap(row.subject, bytes(row.wrapped)) for row in rows if row.wrapped
        }
        return frozenset(wanted) - self._fresh.keys()

    def seal(self, subject: str, identity: str, personal: dict[str, Any]) -> str:
        """A box of personal fields, bound to the event's identity.

        Raises:
            Destroyed: the person is to be forgotten.
        """
        nonce = os.urandom(NONCE)
        box = AESGCM(self._fresh.get(subject) or self._key(subject)).encrypt(
            nonce, msgspec.json.encode(personal), identity.encode()
        )
        return b64encode(nonce + box).decode()

    def opens(self, subjects: Iterable[str], identity: str, sealed: str) -> bool:
        """Whether some key of these opens a box, or was destroyed, so that nobody can say."""
        for subject in subjects:
            try:
                self.unseal(subject, identity, sealed)
                return True
            except Destroyed:
                if subject in self.destroyed():
                    return True
            except ValueError:
                continue
        return False

    def destroy(self, subject: str) -> None:
        """Forget a person's key for ever; the row stays, so that no new key takes its place."""
        if self._secrets.tombstones is not None:  # First, so that no copy of the key store can bring it back.
            add_tombstones(self._secrets.tombstones, [subject])
        self._bury([subject])
        self._fresh.pop(subject, None)

    def _bury(self, subjects: Iterable[str]) -> None:
        gone = sorted(subjects)
        if not gone:
            return
        with self._engine.begin() as connection:
            insert_rows(connection, _KEYS, [(subject, None) for subject in gone], taken="stays")
            change(connection, _DESTROY, [{"gone": subject} for subject in gone])


def _open(key: bytes, identity: str, sealed: str) -> dict[str, Any]:
    box = b64decode(sealed)
    try:
        plain = AESGCM(key).decrypt(box[:NONCE], box[NONCE:], identity.encode())
    except InvalidTag as error:
        raise ValueError("this box was not sealed for this event") from error
    return msgspec.json.decode(plain, type=dict[str, Any])


def _open_if(key: bytes | None, identity: str, sealed: str) -> dict[str, Any] | None:
    try:
        return None if key is None else _open(key, identity, sealed)
    except ValueError:
        log.error("the box of %s does not open: yoake verify", identity)
        return None


def read_tombstones(file: Path | None) -> list[str]:
    """Whose keys were destroyed, by the list that is kept apart from the key store."""
    if file is None or not file.exists():
        return []
    return sorted({line for line in file.read_text(encoding="utf-8").splitlines() if line})


def add_tombstones(file: Path, subjects: Iterable[str]) -> None:
    """Note for ever, on disk, that these keys were destroyed."""
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(handle, "".join(f"{subject}\n" for subject in subjects).encode())
        os.fsync(handle)
    finally:
        os.close(handle)


def _made_once(path: Path, make: Any) -> bytes:
    if not path.exists():
        _write_whole(path, make(), 0o600)
    return path.read_bytes()


def _write_whole(path: Path, content: bytes, mode: int) -> None:
    """Write a file so that it is there whole or not at all, and never twice (four services may race)."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        os.write(handle, content)
        os.fsync(handle)
    finally:
        os.close(handle)
    try:
        os.link(fresh, path)
    except FileExistsError:
        pass  # Another process made it first; its content is the one that counts.
    finally:
        fresh.unlink()
