"""The list of hand-overs to agencies and sections (関係機関への引継ぎ): its table, and how it is read.

Handover writes it; pages read it, whether or not handover runs.
It can be made again from the log at any time. Information only (情報提供のみ) is listed too; the morning's
hand-over has pages of its own.
"""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import sqlalchemy as sa

from events.handover import PASSING_KINDS
from services.late_notes import TOO_LATE

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
"""One row for each, as it stands. Times are UTC. `noted_at`: when the last was recorded of which they must be told."""

_CASES = sa.table(
    "cases",
    sa.column("case", _ID),
    sa.column("open", sa.Boolean),
    sa.column("owner", sa.String),
    sa.column("merged_into", _ID),
)
"""Of handover's register, in the same database, what is read here: whether a case is open, and whose it is."""

OPEN = "offered"
"""The standing in which somebody must answer yet."""

OVER = ("expired", "declined", "withdrawn", "returned")
"""The standings that leave a case with whoever gave it away, so that somebody must decide what comes next."""

TELLING = ("accepted", *TOO_LATE)
"""The standings in which there may be something that they must be told."""

UNWILLING = ("person-unwilling", "family-unwilling")
"""The reasons, where the ward's file has them, for which an offer is taken back and nobody else is to be asked."""


class Passing(msgspec.Struct, frozen=True, kw_only=True):
    """One hand-over as the list has it.

    `owner`: in whose charge the case is, or that into which it was merged; None: handover does not know the case.
    `is_left`: it is over, its case is open, and nobody else has it or was asked: somebody must decide what comes next.
    """

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
    owner: str | None = None
    is_left: bool = False

    @property
    def is_anothers(self) -> bool:
        """Whether they took it on, and the case was merged with one that another agency has (domain Rule 1)."""
        is_theirs = self.owner in (None, f"agency:{self.agency or self.to}")
        return self.status == "accepted" and self.kind in PASSING_KINDS and not is_theirs

    @property
    def is_open(self) -> bool:
        """Whether somebody must answer yet."""
        return self.status == OPEN

    def is_overdue(self, now: datetime) -> bool:
        """Whether the answer was due already."""
        return self.is_open and self.answer_by is not None and self.answer_by < now

    @property
    def must_tell(self) -> bool:
        """Whether they must be told something that was recorded since they were last told anything: what happened on a
        case of theirs, or what became of an offer. See `services.late_notes`.
        """
        if self.noted_at is None or self.status not in TELLING:
            return False
        return self.delivered_at is None or self.noted_at > self.delivered_at


def text_of(moment: datetime | None) -> str | None:
    """A time as the table has it: UTC and always as long, so that the order of the texts is that of the times."""
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="microseconds")


def passings(
    engine: sa.Engine, *, everything: bool = False, case: str | None = None, most: int = 0, skip: int = 0
) -> list[Passing]:
    """The hand-overs: what somebody here has to do something about, then the open ones, by when the answer is due; then
    the others. The newest first.

    Not `everything`: without the others. `case`: of it, and of what was merged into it.
    """
    found = _found()
    place = sa.case((_must_act(found), 0), (found.c.status == OPEN, 1), else_=2)
    due = sa.case((found.c.status == OPEN, sa.func.coalesce(found.c.answer_by, "9")), else_="")
    query = sa.select(found).order_by(place, due, found.c.since.desc(), found.c.handover)
    query = query.limit(most).offset(skip) if most else query
    query = query.where(sa.or_(found.c.case == case, found.c.whole == case)) if case else query
    query = query if everything else query.where(_waits(found))
    with engine.connect() as connection:
        return [_passing(row) for row in connection.execute(query)]


def count(engine: sa.Engine, *, everything: bool = False) -> int:
    """How many."""
    found = _found()
    query = sa.select(sa.func.count()).select_from(found)
    query = query if everything else query.where(_waits(found))
    with engine.connect() as connection:
        return connection.execute(query).scalar_one()


def one(engine: sa.Engine, handover: str) -> Passing | None:
    """One of them; None: there is none."""
    found = _found()
    with engine.connect() as connection:
        row = connection.execute(sa.select(found).where(found.c.handover == handover)).one_or_none()
    return _passing(row) if row else None


def _passing(row: sa.Row[tuple[object, ...]]) -> Passing:
    fields = {str(name): value for name, value in row._mapping.items()}  # SQLAlchemy's own kind of text is no `str`.
    truths = {name: bool(fields[name]) for name in ("synthetic", "is_left")}
    return msgspec.convert(fields | truths, Passing)


def _found() -> sa.Subquery:
    """The list, with whose each case is by now, and whether it was left to somebody to decide what comes next."""
    standing = _standing()
    whole, passes = sa.func.coalesce(standing.c.case, HANDOVERS.c.case), HANDOVERS.c.kind.in_(PASSING_KINDS)
    ended = sa.case((HANDOVERS.c.status.in_(OVER), 1), else_=0)
    nth = sa.func.row_number().over(
        partition_by=(whole, passes), order_by=(ended, HANDOVERS.c.since.desc(), HANDOVERS.c.handover)
    )
    is_unwanted = sa.and_(HANDOVERS.c.status == "withdrawn", sa.func.coalesce(HANDOVERS.c.reason, "").in_(UNWILLING))
    is_left = sa.and_(sa.func.coalesce(standing.c.open, sa.false()), passes, ended == 1, nth == 1, sa.not_(is_unwanted))
    rows = sa.select(HANDOVERS, whole.label("whole"), standing.c.owner, is_left.label("is_left"))
    return rows.select_from(HANDOVERS.outerjoin(standing, standing.c.part == HANDOVERS.c.case)).subquery("found")


def _standing() -> sa.Subquery:
    """For each case of the list (`part`) the one that stands for it, however often it was merged."""
    into = _CASES.alias("into")
    first = sa.select(_CASES.c.case.label("part"), _CASES.c.case, _CASES.c.merged_into)
    parts = first.where(_CASES.c.case.in_(sa.select(HANDOVERS.c.case))).cte("parts", recursive=True)
    parts = parts.union(
        sa.select(parts.c.part, into.c.case, into.c.merged_into).where(into.c.case == parts.c.merged_into)
    )
    query = sa.select(parts.c.part, _CASES.c.case, _CASES.c.owner, _CASES.c.open)
    return query.where(_CASES.c.case == parts.c.case, parts.c.merged_into.is_(None)).subquery("standing")


def _waits(found: sa.Subquery) -> sa.ColumnElement[bool]:
    return sa.or_(found.c.status == OPEN, _must_act(found))


def _must_act(found: sa.Subquery) -> sa.ColumnElement[bool]:
    """Somebody here has to do something: tell them, or decide what comes next."""
    unheard = found.c.noted_at > sa.func.coalesce(found.c.delivered_at, "")
    return sa.or_(found.c.is_left, sa.and_(found.c.status.in_(TELLING), unheard))
