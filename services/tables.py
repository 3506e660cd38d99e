"""The tables beside a journal's event log, written in the transaction of the events they go with."""

from __future__ import annotations

import sqlalchemy as sa

METADATA = sa.MetaData()
_ID = sa.String(200)
_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

HEARD = sa.Table(
    "heard",
    METADATA,
    sa.Column("provider", sa.String(40), primary_key=True),
    sa.Column("source", _ID, primary_key=True),
    sa.Column("id", _ID, primary_key=True),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("receipt", sa.LargeBinary, nullable=False),
    sa.Column("sequence", sa.BigInteger),
    sqlite_with_rowid=False,
)
"""Every message ever taken, for ever: heard twice is heard once. `sequence`: the sender's own number of it."""

RECEIPTS = sa.Table(
    "receipts",
    METADATA,
    sa.Column("n", _SERIAL, primary_key=True, autoincrement=True),
    sa.Column("provider", sa.String(40), nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)
"""Receipts on their way out; the relay deletes what it has published."""

WAITING = sa.Table(
    "waiting",
    METADATA,
    sa.Column("n", _SERIAL, primary_key=True, autoincrement=True),
    sa.Column("key", sa.String(500), nullable=False, index=True),
    sa.Column("provider", sa.String(40), nullable=False),
    sa.Column("source", _ID, nullable=False),
    sa.Column("id", _ID, nullable=False),
    sa.Column("arrived", sa.String(40), nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)
"""Messages about something not heard of yet, sealed; they go on by themselves."""

PARKED = sa.Table(
    "parked",
    METADATA,
    sa.Column("n", _SERIAL, primary_key=True, autoincrement=True),
    sa.Column("provider", sa.String(40), nullable=False),
    sa.Column("source", _ID, nullable=False),
    sa.Column("id", _ID, nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("kind", sa.String(10), nullable=False),
    sa.Column("field", sa.String(200), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("arrived", sa.String(40), nullable=False),
    sa.Column("closed", sa.String(40)),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("sequence", sa.BigInteger),
    sa.UniqueConstraint("provider", "source", "id", "digest"),
    sqlite_autoincrement=True,
)
"""What a person must look at, sealed: `kind` is parked or conflict; `closed` says when it was settled."""

NAMES = sa.Table(
    "names",
    METADATA,
    sa.Column("key", sa.String(500), primary_key=True),
    sa.Column("target", sa.String(64), primary_key=True),
    sa.Column("since", sa.String(40), nullable=False),
    sqlite_with_rowid=False,
)
"""What the senders' references and our reference numbers stand for."""

SERIES = sa.Table(
    "series",
    METADATA,
    sa.Column("key", sa.String(40), primary_key=True),
    sa.Column("last", sa.BigInteger, nullable=False),
)
"""Where each series of numbers stands."""

WARDS = sa.Table(
    "wards",
    METADATA,
    sa.Column("effective_from", sa.String(40), primary_key=True),
    sa.Column("position", sa.BigInteger, primary_key=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
)
"""The ward's rules, from when on each was in force."""

FLAGS = sa.Table(
    "flags",
    METADATA,
    sa.Column("holder", sa.String(64), primary_key=True),
    sa.Column("matter", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("code", sa.String(60), primary_key=True),
    sa.Column("field", _ID, primary_key=True),
    sa.Column("about", sa.String(64), nullable=False),
    sa.Column("number", sa.String(40), nullable=False),
    sa.Column("opened_at", sa.String(40), nullable=False),
    sa.Column("resolved_at", sa.String(40)),
    sa.Column("resolution", sa.String(20)),
    sa.Column("by", sa.String(40)),
    sqlite_with_rowid=False,
)
"""Every flag (確認事項), open until it is resolved; `holder` is a contact or a person, `by` a provider."""

DEADLINES = sa.Table(
    "deadlines",
    METADATA,
    sa.Column("key", _ID, primary_key=True),
    sa.Column("due", sa.String(40), nullable=False, index=True),
    sa.Column("kind", sa.String(40), nullable=False),
    sa.Column("about", sa.String(64), nullable=False),
    sa.Column("synthetic", sa.Boolean, nullable=False),
    sqlite_with_rowid=False,
)
"""What falls due, and when (UTC): planned with an event, deleted in the transaction of what it leads to."""

WRITER_TABLES = (HEARD, RECEIPTS, WAITING, PARKED, NAMES, SERIES, WARDS, FLAGS, DEADLINES)
"""What a service that takes messages keeps beside its log."""

INDEXED = sa.Table(
    "indexed",
    METADATA,
    sa.Column("n", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=False),
    sa.Column("person", sa.String(64), nullable=False, unique=True),
    sa.Column("tokens", sa.LargeBinary, nullable=False),
)
"""Who can be found, under a short number, and by which tokens, field by field. Row 0 says how they were folded."""

BLIND = sa.Table(
    "blind",
    METADATA,
    sa.Column("token", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("n", sa.BigInteger, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)
"""Keyed tokens of folded identifiers, and who has them: what a search asks. It can be made again from the log."""

INDEX_TABLES = (INDEXED, BLIND)
"""What intake keeps so that persons can be found; no part of a backup."""
