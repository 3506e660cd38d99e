"""Design rules 8 and 10: every event once, in the order of arrival, hashed from the first row, under a second clock."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from events import encode
from services.journal import SecondWriter
from services.reporting.ledger import LEDGER_TABLES, BeforeTheLedger, Ledger, LedgerReader
from services.reporting.merkle import EMPTY_ROOT, leaf_hash, root
from tests.desk_examples import (
    LATER,
    NEXT_DAY,
    NIGHT,
    ON_ONE_STORE,
    SEEDED,
    Centre,
    answer,
    arrange,
    badly,
    call,
    close,
    merge,
    offer,
    register,
)


def reader(centre: Centre) -> LedgerReader:
    return centre.inquiry.ledger


def recomputed(centre: Centre, upto: int | None = None) -> str:
    """The root over the rows as they stand on disk."""
    return root([leaf_hash(text) for text in reader(centre).texts(upto)]).hex()


@pytest.fixture
def told(centre: Centre) -> Centre:
    """A night's call, a place, an accepted hand-over; each heard by the ledger in a batch of its own."""
    for message in (register(), call("A", NIGHT), arrange(), offer(), answer("accept")):
        centre.say("day", message)
        centre.pump()
    return centre


def test_every_event_of_every_journal_is_in_the_ledger_once(told: Centre) -> None:
    """Byte for byte as its service recorded it, each service in its own order."""
    rows = list(reader(told).rows())
    for service in ("intake", "placement", "handover"):
        journal = [text for _, text in told.desk(service).journal.read()]
        assert [encode(row.event) for row in rows if row.event.service == service] == journal

    assert [row.position for row in rows] == list(range(1, 7))


def test_what_is_delivered_again_is_not_entered_again(told: Centre) -> None:
    """In any order, however often, and after a restart."""
    before = told.inquiry.end()
    texts = [text for service in ("intake", "placement", "handover") for _, text in told.desk(service).journal.read()]
    told.restart()
    told.ledger.hear(Random(1).sample(texts * 2, k=2 * len(texts)))

    assert told.inquiry.end() == before


def test_the_root_is_that_of_the_rows(told: Centre) -> None:
    """RFC 6962 over exactly the stored texts, of the whole and of every prefix."""
    for upto in range(1, 7):
        assert reader(told).root(upto) == recomputed(told, upto)

    assert told.inquiry.end() == (6, recomputed(told))


def test_the_root_goes_on_after_a_restart(told: Centre) -> None:
    """The right edge of the tree is on disk."""
    told.restart()
    told.say("day", call("B", LATER))
    told.pump()

    assert told.inquiry.end() == (7, recomputed(told))


def test_an_empty_ledger_has_the_empty_root(database_url: str) -> None:
    """Of no rows."""
    with Centre(database_url, ward=None) as centre:
        assert centre.inquiry.end() == (0, EMPTY_ROOT.hex())


@settings(max_examples=5, **SEEDED)
@given(seed=st.integers(0, 2**32))
def test_however_the_batches_fall_the_root_is_that_of_the_rows(centre: Centre, seed: int) -> None:
    """Batches of any size, with repetitions and gaps."""
    for n in range(4):
        centre.say("day", call(f"{seed}-{n}", NIGHT))
    centre.pump(badly(Random(seed)))

    assert centre.inquiry.end() == (centre.desk().journal.head, recomputed(centre))


def test_ledgered_at_never_goes_back(told: Centre) -> None:
    """A clock that is set back does not change what was known when; nor over a restart."""
    told.clock.now -= timedelta(days=30)
    told.restart()
    told.desk().take([told.delivery("day", b"{}", "intake")])
    told.say("day", call("B"))
    told.pump()
    moments = [row.ledgered_at for row in reader(told).rows()]

    assert len(moments) == 7
    assert moments == sorted(moments)


def test_a_time_resolves_to_the_last_position_that_was_known_then(told: Centre) -> None:
    """The cut-off is always a position."""
    rows = list(reader(told).rows())
    for row in rows:
        last = max(other.position for other in rows if other.ledgered_at <= row.ledgered_at)
        assert reader(told).position_at(row.ledgered_at) == last

    assert reader(told).position_at(rows[-1].ledgered_at + timedelta(days=365)) == 6


def test_a_time_before_the_ledger_began_says_so(told: Centre) -> None:
    """And when it began."""
    first = reader(told).row(1).ledgered_at
    with pytest.raises(BeforeTheLedger, match="its first row is of"):
        reader(told).position_at(first - timedelta(seconds=1))


def test_nothing_was_known_before_the_first_row(database_url: str) -> None:
    """An empty ledger is before its beginning at any time."""
    with Centre(database_url, ward=None) as centre, pytest.raises(BeforeTheLedger, match="empty"):
        reader(centre).position_at(centre.clock.now)


@ON_ONE_STORE
@pytest.mark.parametrize("position", [0, -1, 7, 10**9])
def test_a_position_that_the_ledger_does_not_have_is_refused(told: Centre, position: int) -> None:
    """It says which there are."""
    with pytest.raises(LookupError, match="1 to 6"):
        told.inquiry.cut(position)


def test_a_second_ledger_is_fenced(told: Centre) -> None:
    """Another process that writes it makes one of them stop; the rows stay those of the first."""
    second = Ledger(told.journal("reporting", LEDGER_TABLES))
    told.say("day", call("B", LATER))
    waiting = told.unheard("reporting")
    told.pump()
    try:
        with pytest.raises((SecondWriter, sa.exc.IntegrityError)):
            second.hear(waiting)
    finally:
        second.journal.close()

    assert told.inquiry.end() == (7, recomputed(told))


def test_the_ledger_is_append_only(told: Centre) -> None:
    """The database itself refuses."""
    with pytest.raises(sa.exc.DBAPIError), told.engine("reporting").begin() as connection:
        connection.execute(sa.text("DELETE FROM stored_events"))


def test_a_history_finds_an_event_under_every_case_that_it_concerns(told: Centre) -> None:
    """A merging stands in both, and so does a moved contact."""
    told.say("day", call("B", NIGHT))
    told.say("day", call("B", LATER))
    told.say("day", close("B", NEXT_DAY))
    told.say("day", merge("B", into="A"))
    told.pump()
    events = {event.name: event for event in told.events()}
    moved, merged = events["contact.moved"], events["case.merged"]

    for name, case in (
        ("contact.moved", moved.case),
        ("contact.moved", moved.to_case),
        ("case.merged", merged.case),
        ("case.merged", merged.into),
    ):
        assert name in [row.event.type for row in reader(told).history(case)]
