"""件数照合: compared by id at every hop; a difference is a named list, and 一致 is never said while there is one."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from events.intake import Feed, NightClosed
from events.morning import DIFFERENCES, VERDICTS, Item
from services.handover.comparison import MOST_NAMED, Compared, Edition, Held, compare, digest_of
from tests.desk_examples import at

NOW, BY, OVERDUE = at("2025-05-13 08:31"), at("2025-05-13 09:00"), at("2025-05-13 09:01")


def closing(*contacts: str, feeds: Any = None, named: bool = True, digest: str | None = None) -> NightClosed:
    """Intake closed the night with these contacts; by default one provider, complete."""
    sent = Feed(provider="night", closed=True, first=41, last=40 + len(contacts), received=len(contacts))
    return NightClosed(
        night=at("2025-05-12 00:00").date(),
        edition=0,
        began_at=at("2025-05-12 17:00"),
        ended_at=at("2025-05-13 08:30"),
        due_at=at("2025-05-13 08:30"),
        count=len(contacts),
        digest=digest or digest_of(contacts),
        position=7,
        contacts=tuple(sorted(contacts)) if named else (),
        feeds=(sent,) if feeds is None else feeds,
    )


def held(*contacts: str, channel: str = "phone") -> list[Held]:
    return [Held(contact, 1, f"R7-{contact}", channel) for contact in contacts]


def edition(*contacts: str, number: int = 0, start: int = 1) -> Edition:
    items = tuple(
        Item(n=n, contact=contact, number=f"R7-{contact}", provider="night", at=NOW)
        for n, contact in enumerate(contacts, start)
    )
    return Edition(edition=number, acknowledge_by=BY, items=items)


def compared(
    close: NightClosed | None = None,
    rows: Any = (),
    stated: Any = None,
    acknowledged: Any = (),
    exchange: int | None = None,
    now: Any = NOW,
) -> Compared:
    """By default everything held is stated."""
    editions = [edition(*(row.contact for row in rows))] if stated is None else stated
    return compare(close, rows, editions, set(acknowledged), exchange, now)


def differences(found: Compared) -> list[tuple[str, tuple[str, ...]]]:
    return [(difference.what, difference.named) for difference in found.differences]


def test_a_night_in_which_every_hop_is_the_same_agrees() -> None:
    """Sent, received, recorded, held, stated; what waits to be acknowledged is no difference."""
    found = compared(closing("a", "b"), held("a", "b"), exchange=2)

    assert (found.verdict, found.differences) == ("agree", ())
    hops = found.hops
    assert (hops.sent, hops.received, hops.recorded, hops.held, hops.stated, hops.exchange) == (2, 2, 2, 2, 2, 2)
    assert (hops.items, hops.acknowledged) == (2, 0)


def test_a_quiet_night_is_proved() -> None:
    """Nothing sent, nothing recorded, nothing held: and a provider that says so."""
    quiet = Feed(provider="night", closed=True, first=None, last=None, received=0)

    assert compared(closing(feeds=(quiet,))).verdict == "agree"
    assert compared(closing(feeds=(Feed(provider="night"),))).verdict == "unconfirmed"
    assert compared(None).verdict == "unconfirmed"


def test_what_nobody_has_confirmed_is_not_known() -> None:
    """未確認: how many were sent is said only when every provider has closed its night."""
    feeds = (Feed(provider="contractor", closed=True, first=1, last=2, received=2), Feed(provider="night", received=1))
    found = compared(closing("a", "b", "c", feeds=feeds), held("a", "b", "c"))

    assert (found.verdict, found.hops.sent, found.hops.received) == ("unconfirmed", None, 3)


def test_a_number_that_never_came_is_named() -> None:
    """Four were sent and three received: 43 is missing; one that came and cannot be read is another matter."""
    missing = Feed(provider="night", closed=True, first=41, last=46, received=3, missing=((43, 44),), parked=(46,))
    found = compared(closing("a", "b", "c", feeds=(missing,)), held("a", "b", "c"))

    assert found.verdict == "differ"
    assert differences(found) == [("not-received", ("43", "44")), ("unreadable", ("46",))]
    assert [(each.provider, each.count) for each in found.differences] == [("night", 2), ("night", 1)]


def test_both_providers_of_a_night_are_compared() -> None:
    """In the night in which the contract passes each has numbers of its own."""
    feeds = (
        Feed(provider="contractor", closed=True, first=1, last=3, received=2, missing=((2, 2),)),
        Feed(provider="night", closed=True, first=1, last=1, received=1),
    )
    found = compared(closing("a", "b", "c", feeds=feeds), held("a", "b", "c"))

    assert (found.hops.sent, found.hops.received) == (4, 3)
    assert [(each.provider, each.named) for each in found.differences] == [("contractor", ("2",))]


def test_what_intake_recorded_and_handover_does_not_hold_is_named() -> None:
    """By id, and the reverse by 受付番号: one too many and one too few do not make up for one another."""
    found = compared(closing("a", "b"), held("a", "c"))

    assert found.hops.recorded == found.hops.held == 2
    assert differences(found) == [("not-held", ("b",)), ("not-recorded", ("R7-c",))]


def test_a_night_too_long_to_be_listed_is_compared_by_its_digest() -> None:
    """The same ids give the same digest; others do not, though they be as many."""
    assert compared(closing("a", "b", named=False), held("b", "a")).verdict == "agree"
    assert differences(compared(closing("a", "b", named=False), held("a", "c"))) == [("not-held", ())]
    assert compared(closing("a", "b", named=False), held("a", "c")).differences[0].count == 1


def test_what_no_edition_names_is_a_difference() -> None:
    """Until its supplement is there."""
    late = compared(closing("a", "b"), held("a", "b"), [edition("a")])
    then = compared(closing("a", "b"), held("a", "b"), [edition("a"), edition("b", number=1, start=2)])

    assert (late.verdict, differences(late), late.hops.stated) == ("differ", [("not-stated", ("R7-b",))], 1)
    assert (then.verdict, then.hops.stated) == ("agree", 2)


def test_what_was_not_acknowledged_in_time_is_a_difference() -> None:
    """受領待ち is none: only what is overdue, by its own edition's time."""
    night, rows = closing("a", "b"), held("a", "b")
    late = compared(night, rows, acknowledged=[1], now=OVERDUE)

    assert compared(night, rows, acknowledged=[1], now=BY).verdict == "agree"
    assert (late.verdict, differences(late), late.hops.acknowledged) == ("differ", [("overdue", ("2",))], 1)
    assert compared(night, rows, acknowledged=[1, 2], now=OVERDUE).verdict == "agree"


def test_a_quiet_night_must_be_acknowledged_too() -> None:
    """As a whole."""
    quiet = closing(feeds=(Feed(provider="night", closed=True),))

    assert differences(compared(quiet, now=OVERDUE)) == [("overdue", ("0",))]
    assert compared(quiet, acknowledged=[0], now=OVERDUE).verdict == "agree"


def test_a_call_that_nobody_entered_is_found_by_the_exchange() -> None:
    """The only check on that: contacts against contacts; what came by fax never rang."""
    night, rows = closing("a", "b"), [*held("a"), *held("b", channel="fax")]

    assert compared(night, rows, exchange=1).verdict == "agree"
    assert differences(compared(night, rows, exchange=2)) == [("exchange", ("2", "1"))]
    assert compared(night, rows, exchange=0).differences[0].count == 1


def test_one_call_about_two_persons_rang_once() -> None:
    """Two items, one contact; it is stated when both are."""
    rows = [Held("a", 1, "R7-a"), Held("a", 2, "R7-b")]
    one = compared(closing("a"), rows, [edition("a")], exchange=1)

    assert (one.hops.held, one.hops.stated, one.verdict) == (1, 0, "differ")
    assert differences(one) == [("not-stated", ("R7-b",))]


def test_what_the_provider_counts_itself_is_compared() -> None:
    """Calls, not messages: one more than is held of it is one that it has not sent."""
    rows = [Held("a", 1, "R7-a", provider="night"), Held("b", 1, "R7-b", provider="day")]
    feed = Feed(provider="night", closed=True, first=41, last=43, received=3, calls=1)

    assert compared(closing("a", "b", feeds=(feed,)), rows).verdict == "agree"
    more = compared(closing("a", "b", feeds=(msgspec.structs.replace(feed, calls=2),)), rows)
    assert [(each.what, each.provider, each.named) for each in more.differences] == [("calls", "night", ("2", "1"))]


@pytest.mark.parametrize(
    ("calls", "named"),
    [
        ((2, 1), []),
        ((2, 2), [("4", "3")]),
        ((2, 0), [("2", "3")]),
        ((3, None), []),
        ((2, None), []),
        ((None, None), []),
    ],
)
def test_what_a_provider_counts_at_each_source_is_added_up(calls: tuple[int | None, ...], named: Any) -> None:
    """Three calls came from two desks, each of which counts its own; while one has not told, nothing is said."""
    rows = [Held(contact, 1, f"R7-{contact}", provider="night") for contact in "abc"]
    desks = Feed(provider="night", closed=True, first=1, last=2, received=2)
    feeds = tuple(msgspec.structs.replace(desks, source=f"/s/desk-{n}", calls=told) for n, told in enumerate(calls))
    found = compared(closing("a", "b", "c", feeds=feeds), rows)

    assert [each.named for each in found.differences if each.what == "calls"] == named


def test_a_source_that_sent_nothing_need_not_count() -> None:
    """It is closed without a number of this night: what the other one counts is the whole."""
    rows = [Held("a", 1, "R7-a", provider="night")]
    one = Feed(provider="night", source="/s/desk-1", closed=True, first=1, last=1, received=1, calls=2)
    quiet = Feed(provider="night", source="/s/desk-2", closed=True, first=5, last=4)
    found = compared(closing("a", feeds=(one, quiet)), rows)

    assert [each.named for each in found.differences] == [("2", "1")]


def test_what_waits_for_something_and_what_went_elsewhere_are_known() -> None:
    """A number that waits is a difference; one that went to another service was never for intake."""
    feed = Feed(provider="night", closed=True, first=41, last=44, received=1, waiting=(42,), elsewhere=2)
    found = compared(closing("a", feeds=(feed,)), held("a"))

    assert (found.hops.sent, differences(found)) == (2, [("waiting", ("42",))])


def test_what_is_of_another_night_by_now_is_not_compared_here() -> None:
    """It was printed, and its time corrected since."""
    found = compared(closing("a"), held("a"), [edition("a", "gone")], now=OVERDUE, acknowledged=[1])

    assert (found.verdict, found.hops.items, found.hops.stated) == ("agree", 1, 1)


def test_of_very_many_a_hundred_are_named() -> None:
    """And all of them are counted."""
    gap = Feed(provider="night", closed=True, first=1, last=10_000, received=0, missing=((1, 10_000),))
    (found,) = compared(closing(feeds=(gap,)), acknowledged=[0]).differences

    assert (len(found.named), found.count) == (MOST_NAMED, 10_000)
    many = compared(closing(), held(*(f"{n:03}" for n in range(150))), [edition()])
    assert [(len(each.named), each.count) for each in many.differences] == [(100, 150), (100, 150)]


@pytest.mark.parametrize("close", [True, False])
@pytest.mark.parametrize("missing", [(), ((41, 41),)])
@pytest.mark.parametrize("extra", [[], ["z"]])
@pytest.mark.parametrize("unstated", [0, 1])
@pytest.mark.parametrize("overdue", [True, False])
@pytest.mark.parametrize("exchange", [None, 2, 3])
def test_it_never_agrees_while_anything_differs(
    close: bool, missing: Any, extra: Any, unstated: int, overdue: bool, exchange: int | None
) -> None:
    """Every combination: agreed is only what is proved and the same at every hop."""
    contacts = ["a", "b"]
    feed = Feed(provider="night", closed=True, first=41, last=42 + len(missing), received=2, missing=missing)
    rows = held(*contacts, *extra)
    stated = [edition(*(row.contact for row in rows[: len(rows) - unstated]))]
    now = OVERDUE if overdue else NOW
    found = compared(closing(*contacts, feeds=(feed,)) if close else None, rows, stated, [], exchange, now)
    same = not (missing and close) and not (extra and close) and not unstated and not overdue
    same = same and exchange in (None, len(rows))

    assert found.verdict == (("agree" if close else "unconfirmed") if same else "differ")
    assert found.verdict in VERDICTS
    assert {difference.what for difference in found.differences} <= set(DIFFERENCES)
