"""Simulated nights: a seed is a night, and unbroken code leaves nothing broken. More of them: `make simulate`."""

from __future__ import annotations

import os
import sqlite3
from datetime import datetime

import pytest
import sqlalchemy as sa

from tests.simulation import disk, night
from tests.simulation.__main__ import main
from tests.simulation.bugs import moves_the_tallies_twice
from tests.simulation.runs import broken_among, nights, told

TOGETHER = 50
SEEDS = int(os.environ.get("YOAKE_SIMULATED_NIGHTS", "500"))


def test_the_same_seed_is_the_same_night() -> None:
    """Two nights of one seed have the same trace, whether anybody listens or not; another seed has another."""
    [first, second] = [next(iter(nights([seed]))) for seed in (7, 7)]

    assert first.hash == second.hash == told(7).hash
    assert first.hash != next(iter(nights([8]))).hash


class _Kept(sqlite3.Connection):
    """A connection that outlives the engine which opened it."""

    def close(self) -> None:
        self.rollback()


class _Plain(disk.Disks):
    """Disks on which a commit is a commit, new for each night."""

    def connection(self, name: str) -> sqlite3.Connection:
        if name not in self._used:
            self._used[name] = made = sqlite3.connect(":memory:", factory=_Kept, check_same_thread=False)
            made.deserialize(self._image.contents[name])
        return self._used[name]

    def scrap(self) -> None:
        self._used.clear()


def _engine(name: str) -> sa.Engine:
    """SQLAlchemy's own."""

    def connect() -> sqlite3.Connection:
        assert disk.SLOT.disks is not None, "disks are put in before anything is read"
        return disk.SLOT.disks.connection(name)

    return sa.create_engine("sqlite://", creator=connect, poolclass=sa.NullPool)


def test_the_disks_of_a_night_do_what_sqlalchemy_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nights on engines of SQLAlchemy's own have the same traces, to the last step."""
    ours = [outcome.hash for outcome in nights(range(1, 21))]
    monkeypatch.setattr(disk, "_ENGINES", {})
    monkeypatch.setattr(disk, "Engine", _engine)
    monkeypatch.setattr(night, "Disks", _Plain)

    assert [outcome.hash for outcome in nights(range(1, 21))] == ours


def test_what_is_derived_from_a_statement_is_another_one() -> None:
    """A condition that is added to a statement which was asked before is asked as well."""
    table = sa.Table("numbers", sa.MetaData(), sa.Column("n", sa.Integer))
    disk.SLOT.put(disks := disk.Disks())
    disks.connection("here").execute("CREATE TABLE numbers (n)")
    every = sa.select(table.c.n).order_by(table.c.n)
    with disk.engine_of("here").begin() as connection:
        connection.execute(sa.insert(table), [{"n": n} for n in (3, 1, 2)])

        assert connection.execute(every).scalars().all() == [1, 2, 3]
        assert connection.execute(every.where(table.c.n.not_in([2, 3]))).scalars().all() == [1]
        assert connection.execute(every.where(table.c.n > sa.bindparam("more")), {"more": 1}).scalars().all() == [2, 3]
    disks.scrap()


@pytest.mark.parametrize("first", range(1, SEEDS + 1, TOGETHER))
def test_so_many_nights_leave_nothing_broken(first: int) -> None:
    """Whatever befalls the services, every guarantee holds the next morning; a test for each so many nights."""
    assert broken_among(range(first, min(first + TOGETHER, SEEDS + 1))) == []


def test_a_failing_seed_tells_its_story(capsys: pytest.CaptureFixture[str]) -> None:
    """Times, who, what happened, what broke, and how to play it again."""
    with pytest.MonkeyPatch.context() as patch:
        moves_the_tallies_twice(patch)
        status = main(["--seed", "1"])

    told_ = capsys.readouterr().out
    first = told_.splitlines()[0].split()
    assert status == 1
    assert datetime.strptime(first[1], "%H:%M:%S.%f")  # noqa: DTZ007  (a time of day)
    assert "night       writes down call.report-" in told_
    assert "broken: the cells say" in told_
    assert 'make simulate ARGS="--seed 1"' in told_
