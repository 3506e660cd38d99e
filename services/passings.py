"""The list of hand-overs to agencies and sections (関係機関への引継ぎ): its table, and how it is read.

Handover writes it; pages read it, whether or not handover runs.
It can be made again from the log at any time. Information only (情報提供のみ) is listed too; the morning's
hand-over has pages of its own.
"""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import sqlalchemy as sa

_METADATA = sa.MetaData()
_ID = sa.String(64)
_TIME = sa.String(40)

HANDOVERS = sa.Table(
    "handovers",
    _METADATA,
    sa.Column("handover", _ID, primary_key=True),
    sa.Column("case", _ID, nullable=False, index=True),
    sa.Column("giver", sa.String(40), nullable=False),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("to", sa.String(200), nullable=False),
    sa.Column("agency", sa.String(40)),
    sa.Column("status", sa.String(20), nullable=False, index=True),
    sa.Column("since", _TIME, nullable=False),
    sa.Column("offered_at", _TIME),
    sa.Column("answer_by", _TIME),
    sa.Column("delivered_at", _TIME),
    sa.Column("seen_at", _TIME),
    sa.Column("noted_at", _TIME),
    sa.Column("basis", sa.String(40)),
    sa.Column("reason", sa.String(40)),
    sa.Column("synthetic", sa.Boolean, nullable=False),
    sqlite_with_rowid=False,
)
"""One row for each, as it stands. Times are UTC. `noted_at`: the last late note of which the new owner must be told."""

OPEN = "offered"
"""The standing in which somebody must answer yet."""


class Passing(msgspec.Struct, frozen=True, kw_only=True):
    """One hand-over as the list has it."""

    handover: str
    case: str
    giver: str
    kind: str
    to: str
    agency: str | None
    status: str
    since: datetime
    offered_at: datetime | None
    answer_by: datetime | None
    delivered_at: datetime | None
    seen_at: datetime | None
    noted_at: datetime | None
    basis: str | None
    reason: str | None
    synthetic: bool

    @property
    def is_open(self) -> bool:
        """Whether somebody must answer yet."""
        return self.status == OPEN

    def is_overdue(self, now: datetime) -> bool:
        """Whether the answer was due already."""
        return self.is_open and self.answer_by is not None and self.answer_by < now

    @property
    def must_tell(self) -> bool:
        """Whether something was written on the case since the new owner was last sent anything."""
        told = self.delivered_at or self.since
        return self.status == "accepted" and self.noted_at is not None and self.noted_at > told


def text_of(moment: datetime | None) -> str | None:
    """A time as the table has it: UTC and always as long, so that the order of the texts is that of the times."""
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="microseconds")


def passings(
    engine: sa.Engine, *, everything: bool = False, case: str | None = None, most: int = 0, skip: int = 0
) -> list[Passing]:
    """The hand-overs, the open ones first, by when the answer is due; then the others, the newest first.

    Not `everything`: the open ones, and those of which a new owner must be told something.
    """
    closed = sa.case((HANDOVERS.c.status == OPEN, 0), (_must_tell(), 1), else_=2)
    due = sa.case((HANDOVERS.c.status == OPEN, sa.func.coalesce(HANDOVERS.c.answer_by, "9")), else_="")
    query = sa.select(HANDOVERS).order_by(closed, due, HANDOVERS.c.since.desc(), HANDOVERS.c.handover)
    query = query.limit(most).offset(skip) if most else query
    with engine.connect() as connection:
        return [_passing(row) for row in connection.execute(query.where(*_wanted(everything, case)))]


def count(engine: sa.Engine, *, everything: bool = False) -> int:
    """How many."""
    query = sa.select(sa.func.count()).select_from(HANDOVERS).where(*_wanted(everything, None))
    with engine.connect() as connection:
        return connection.execute(query).scalar_one()


def one(engine: sa.Engine, handover: str) -> Passing | None:
    """One of them; None: there is none."""
    with engine.connect() as connection:
        row = connection.execute(sa.select(HANDOVERS).where(HANDOVERS.c.handover == handover)).one_or_none()
    return _passing(row) if row else None


def _passing(row: sa.Row[tuple[object, ...]]) -> Passing:
    fields = {str(name): value for name, value in row._mapping.items()}  # SQLAlchemy's own kind of text is no `str`.
    return msgspec.convert(fields | {"synthetic": bool(fields["synthetic"])}, Passing)


def _must_tell() -> sa.ColumnElement[bool]:
    told = sa.func.coalesce(HANDOVERS.c.delivered_at, HANDOVERS.c.since)
    return sa.and_(HANDOVERS.c.status == "accepted", HANDOVERS.c.noted_at > told)


def _wanted(everything: bool, case: str | None) -> list[sa.ColumnElement[bool]]:
    wanted: list[sa.ColumnElement[bool]] = [] if everything else [sa.or_(HANDOVERS.c.status == OPEN, _must_tell())]
    return [*wanted, HANDOVERS.c.case == case] if case else wanted
