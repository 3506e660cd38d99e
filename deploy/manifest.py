"""What a backup says of itself, and the files it consists of."""

from __future__ import annotations

import hashlib
import os
from datetime import datetime
from pathlib import Path

import msgspec

FORMAT = 1
"""The version of a backup's own layout; a newer one is refused."""

MANIFEST = "manifest.json"
LEDGER_FILE = "reporting.db"


class BackupError(RuntimeError):
    """A backup that cannot be made, used or restored; says why and what to do."""


class Log(msgspec.Struct, frozen=True):
    """How far a journal goes in a backup."""

    epoch: int
    position: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup says of itself. It is written last: without it, a backup is half a one.

    Times are UTC. What was received after `started` may be missing. `keys`: the master key and the
    inbox key are in it. `files` maps each file to its SHA-256 in hex. `left_out`: tables that this
    release does not know.
    """

    format: int = FORMAT
    release: str
    ward: str
    demo: bool
    keys: bool
    started: datetime
    finished: datetime
    inbox: int
    logs: dict[str, Log]
    root: str
    rows: dict[str, dict[str, int]]
    left_out: list[str] = []
    files: dict[str, str]


def read_manifest(source: Path) -> Manifest:
    """What a backup says of itself.

    Raises:
        BackupError: it is none, half a one, damaged or of a newer release.
    """
    try:
        raw = (source / MANIFEST).read_bytes()
    except OSError as error:
        fault = "it was not finished" if (source / LEDGER_FILE).exists() else "it holds no backup"
        raise BackupError(f"{source}: no {MANIFEST}: {fault}; give a directory that `yoake backup` has made") from error
    try:
        found = msgspec.json.decode(raw, type=dict[str, object]).get("format")
        if isinstance(found, int) and found > FORMAT:
            raise BackupError(f"{source} was made by a newer release (format {found}): use that one, or a newer one")
        return msgspec.json.decode(raw, type=Manifest)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise BackupError(f"{source}/{MANIFEST} is damaged: {error}; take another backup") from error


def damage(source: Path, manifest: Manifest) -> list[str]:
    """What is not as the manifest says: files that are missing, changed or too many."""
    have = {str(path.relative_to(source)) for path in source.rglob("*") if path.is_file()} - {MANIFEST}
    found = [f"{name} is missing" for name in sorted(manifest.files.keys() - have)]
    found += [f"{name} is not of this backup" for name in sorted(have - manifest.files.keys())]
    return found + [
        f"{name} is not as it was written (SHA-256)"
        for name in sorted(have & manifest.files.keys())
        if digest(source / name) != manifest.files[name]
    ]


def digest(path: Path) -> str:
    """A file's SHA-256, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write(path: Path, content: bytes) -> None:
    """A file for its owner alone, on disk whole or not at all."""
    fresh = path.with_name(f".{path.name}.new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Have a file or a directory on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
