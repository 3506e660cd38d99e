"""夜間引継書 in words: what the page, the A4 sheet and the plain text show, in one language. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from events.intake import Feed
from events.morning import Difference
from services.pages.night_call import Call
from services.pages.night_clock import NightClock
from services.pages.night_log import Alarm
from services.pages.nights import Entry, Heard, Informed, Issued, Key, Night, Standing
from services.pages.statement_rows import LATER, Opens, Row, RowWriter
from services.pages.symbols import symbol
from services.pages.terms import Terms
from services.pages.urgent import urgent_on_paper
from services.ward import Ward

MISTAKEN = "mistaken"
"""A contact of this kind was put down by mistake, and counts nowhere."""


class Edition(msgspec.Struct, frozen=True):
    """One edition in words. `at`: when it was issued."""

    n: int
    name: str
    text: str
    at: str


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """件数照合 in words. `code`: agree, unconfirmed or differ."""

    code: str
    verdict: str
    hops: tuple[tuple[str, str], ...]
    differences: tuple[str, ...]


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """A statement in words. `then`: the counts as the newest of these editions was issued; `now`: as they stand.

    `copy`: which editions it holds; `followed`: what came after them, empty where nothing did. `urgent`: a heading, and
    what cannot wait and nobody answered for yet, of whichever night; empty where there is none.
    """

    language: str
    night: str
    title: str
    name: str
    ward: str
    centre: str
    synthetic: str
    urgent: tuple[str, ...]
    period: str
    between: tuple[str, ...]
    editions: tuple[Edition, ...]
    copy: str
    followed: str
    as_of: str
    quiet: str
    how_many: str
    together: tuple[str, ...]
    then: Counts
    now: Counts
    notices: tuple[str, ...]
    rows: tuple[Row, ...]
    shut: str
    words: dict[str, str]


WORDS = (
    *("comparison", "as_issued", "now_stands", "differences", "items", "colon", "duration", "item_attempts"),
    *("end_of_statement", "number", "signature", "nothing_differs"),
)
"""What the sheets call their parts."""


def sheet_of(
    night: Night,
    stands: Standing,
    calls: Mapping[Key, Call],
    terms: Terms,
    now: datetime,
    opens: Opens | None,
    *,
    alarms: Sequence[Alarm],
    edition: int | None = None,
    only: bool = False,
    heard: Heard | None = None,
) -> Sheet:
    """A statement with its supplements, up to an `edition` (None: the newest), or that `only`.

    `stands`: how the night stands at this moment. `opens` None: what is personal stays shut. `alarms`: what
    cannot wait, for its top; who shows it beside the sheet gives none. `heard`: who acknowledged what was sent of the
    ladder; None: that is not known here.
    """
    night = night.as_held(stands.own)
    last = night.newest.statement.edition if edition is None else edition
    shown = night.upto(last)
    entries = [entry for entry in shown.entries if entry.edition == last] if only else list(shown.entries)
    clock, newest = NightClock(terms, night.night), shown.newest
    head = _Head(terms, clock, night, now, heard)
    rows = RowWriter(terms, clock, night, now, opens, stands.owners, heard)
    after = [one for one in night.editions if one.statement.edition > last]
    statement = newest.statement
    issued = Standing(verdict=statement.verdict, hops=statement.hops, differences=statement.differences)
    return Sheet(
        language=terms.language,
        night=night.night.isoformat(),
        title=terms.screen("supplement" if only and last else "statement"),
        name=clock.name,
        ward=terms.say(terms.ward.ward.name),
        centre=terms.say(terms.ward.ward.centre),
        synthetic=terms.screen("synthetic") if night.synthetic else "",
        urgent=urgent_on_paper(alarms, terms, now),
        period=terms.screen("period", began=clock.whole(statement.began_at), ended=clock.whole(statement.ended_at)),
        between=(
            terms.screen("given_by") + terms.listed(map(terms.provider, statement.givers)),
            terms.screen("taken_by") + terms.provider(statement.receiver),
        ),
        editions=tuple(head.edition(one) for one in shown.editions),
        copy=terms.screen(
            "printed_only" if only and last else "printed_upto",
            edition=head.edition_name(last),
            at=clock.in_the_morning(newest.at),
        ),
        followed=head.followed(after),
        as_of=terms.screen("as_it_stood", at=terms.moment(now)),
        quiet="" if _tally(shown.entries, calls, terms).new else terms.screen(_quiet(stands)),
        how_many=terms.screen("how_many", **_tally(entries, calls, terms)._asdict()),
        together=tuple(_together(entries, terms)),
        then=head.counts(issued),
        now=head.counts(stands),
        notices=tuple(head.notices()),
        rows=tuple(rows.row(entry, calls) for entry in entries),
        shut=terms.screen("sees_no_persons") if opens is None else "",
        words={word: terms.screen(word) for word in WORDS},
    )


def _quiet(stands: Standing) -> str:
    """The word for a night without a consultation: said flatly only where the counts prove it."""
    if stands.hops.sent is None:
        return "quiet_unconfirmed"
    return "quiet_differs" if any(each.what != "overdue" for each in stands.differences) else "quiet"


class _Tally(NamedTuple):
    """How many of some items are consultations that began, further contacts, and 件数外; as they stand now."""

    new: int
    further: int
    other: int


def _tally(entries: Sequence[Entry], calls: Mapping[Key, Call], terms: Terms) -> _Tally:
    """Of these items alone. What is another night's by now is none of them."""
    new = further = other = 0
    for entry in entries:
        if entry.item is None or entry.gone:
            continue
        call = calls.get((entry.item.contact, entry.item.matter))
        is_first = call.first if call else not entry.item.further
        if not _counts(call.not_counted if call else entry.item.not_counted, terms.ward):
            other += 1
        else:
            new += is_first or terms.ward.policy.unit == "contact"
            further += not is_first
    return _Tally(new, further, other)


def _counts(kind: str | None, ward: Ward) -> bool:
    """Whether a contact of this kind counts (domain Rule 2): what was put there by mistake never does."""
    return kind is None or (kind != MISTAKEN and kind not in ward.policy.not_counted)


def _together(entries: Sequence[Entry], terms: Terms) -> Iterable[str]:
    """Which items came with one contact: the telephone exchange counts contacts, and people count consultations."""
    by_contact: dict[str, list[int]] = {}
    for entry in entries:
        if entry.item:
            by_contact.setdefault(entry.item.contact, []).append(entry.n)
    for numbers in by_contact.values():
        if len(numbers) > 1:
            yield terms.screen("one_contact", items=terms.listed(terms.screen("nth_item", n=n) for n in numbers))


class _Head:
    """Puts what stands above the items in words."""

    def __init__(self, terms: Terms, clock: NightClock, night: Night, now: datetime, heard: Heard | None) -> None:
        self._terms, self._clock, self._night, self._now, self._heard = terms, clock, night, now, heard

    def edition_name(self, n: int) -> str:
        return self._terms.screen("edition_added", n=n) if n else self._terms.screen("edition_first")

    def edition(self, one: Issued) -> Edition:
        statement, clock = one.statement, self._clock
        is_late = one.at - statement.due_at > 2 * LATER
        items = self._terms.screen("records", n=len(statement.items))
        text = self._terms.screen(
            "issued_late" if is_late else "issued_at",
            edition=self.edition_name(statement.edition),
            at=clock.in_the_morning(one.at),
            items=items,
            due=clock.in_the_morning(statement.due_at),
        )
        return Edition(statement.edition, self.edition_name(statement.edition), text, clock.in_the_morning(one.at))

    def followed(self, after: Sequence[Issued]) -> str:
        if not after:
            return ""
        clock = self._clock
        names = (f"{self.edition_name(one.statement.edition)} {clock.in_the_morning(one.at)}" for one in after)
        return self._terms.screen("followed_by", n=len(after), names=self._terms.listed(names))

    def counts(self, found: Standing) -> Counts:
        hops, say = found.hops, self._terms.screen
        received = (
            hops.received if hops.sent is not None else None
        )  # What came by number is known once all have closed.
        named = [("hop_sent", hops.sent), ("hop_received", received)]
        named += [("hop_recorded", hops.recorded)] if hops.recorded != received else []
        named += [("hop_stated", hops.items), ("hop_acknowledged", hops.acknowledged)]
        named += [("hop_stated_contacts", hops.stated)] if hops.stated != hops.items else []
        named += [("hop_exchange", hops.exchange)]
        shown = tuple((say(word), say("hop_unknown") if n is None else say("records", n=n)) for word, n in named)
        lines = tuple(self._difference(each, found) for each in found.differences)
        if found.verdict == "unconfirmed":
            lines = (*lines, *self._not_confirmed(found))
        return Counts(code=found.verdict, verdict=say(f"verdict_{found.verdict}"), hops=shown, differences=lines)

    def _not_confirmed(self, found: Standing) -> tuple[str, ...]:
        """Whose closing is missing."""
        if not found.feeds:
            return (self._terms.screen("not_confirmed_why"),)
        missing = [feed for feed in found.feeds if not feed.closed]
        several = {feed.provider for feed in found.feeds if feed.closed}
        return tuple(dict.fromkeys(self._not_closed(feed, named=feed.provider in several) for feed in missing))

    def _not_closed(self, feed: Feed, *, named: bool) -> str:
        """`named`: by its source, where the provider closed another."""
        provider = self._terms.provider(feed.provider)
        if named and feed.source is not None:
            return self._terms.screen("source_not_closed", provider=provider, source=feed.source)
        return self._terms.screen("not_closed", provider=provider)

    def _difference(self, each: Difference, found: Standing) -> str:
        """A difference as a named list."""
        word, hops = f"differ_{each.what}", found.hops
        is_whole = each.what != "not-received" or None not in (hops.sent, hops.received)
        counted = each.what in ("exchange", "calls") and len(each.named) == 2  # What was counted, and what there is.
        named = self._terms.listed(self._named(each))
        if each.count > len(each.named) > 0:
            named += "…"
        if each.what == "exchange" and counted and int(each.named[0]) < int(each.named[1]):
            word = "differ_exchange_fewer"
        return self._terms.screen(
            word if is_whole else f"{word}_some",
            named=named,
            n=each.count,
            provider=self._terms.provider(each.provider) if each.provider else "",
            sent=hops.sent,
            received=hops.received,
            counted=each.named[0] if counted else hops.exchange,
            contacts=each.named[1] if counted else hops.stated,
        )

    def _named(self, each: Difference) -> list[str]:
        """The provider's own numbers as it says them; contacts by the number under which they are known here."""
        if each.what in ("not-received", "unreadable", "waiting"):
            return [f"{name}番" if self._terms.language == "ja" else f"no. {name}" for name in each.named]
        known = {entry.item.contact: entry.item.number for entry in self._night.entries if entry.item}
        return [known.get(name, symbol(name) if len(name) == _ID else name) for name in each.named]

    def notices(self) -> list[str]:
        """Who was told that something is overdue, and of which edition; and that it is in hand."""
        say, clock = self._terms.screen, self._clock
        overdue = {
            (entry.acknowledge_by, entry.edition) for entry in self._night.entries if entry.is_overdue(self._now)
        }
        differing = [one for one in self._night.editions if one.statement.verdict == "differ"]
        found = [say("issued_differing", edition=self.edition_name(one.statement.edition)) for one in differing]
        if away := [str(entry.n) for entry in self._night.entries if entry.gone]:
            found.insert(0, say("corrected_away", named=self._terms.listed(away)))
        found += [self._of(n, say("overdue_notice", due=clock.in_the_morning(due))) for due, n in sorted(overdue)]
        for informed in self._night.passed:
            step = informed.step
            at = clock.in_the_morning(step.fired_at)
            text = (
                say("escalated", at=at)
                if step.to == "ward"
                else say("reminded", to=self._terms.provider(step.to), at=at)
            )
            text = self._really(informed, text)
            if step.fired_at - step.due_at > LATER:
                text += say("told_late", due=clock.in_the_morning(step.due_at))
            found.append(self._of(step.edition, text))
        return found

    def _really(self, informed: Informed, text: str) -> str:
        """With whom it went to beyond the pages, and who has acknowledged it; where nobody, whom of the ward to ring
        while it is not in hand.
        """
        terms, step = self._terms, informed.step
        sent = terms.told_outside(step.to)
        if sent and self._heard is None:
            return text + terms.screen("told_by_sent", who=terms.listed(terms.say(each.label) for each in sent))
        heard = (self._heard or {}).get(informed.id, frozenset())
        for is_heard, word in ((True, "told_by"), (False, "told_by_unheard")):
            if names := [terms.say(each.label) for each in sent if (each.key in heard) is is_heard]:
                text += terms.screen(word, who=terms.listed(names))
        entries = filter(None, map(self._night.entry, step.items))
        is_to_ring = step.to == "ward" and not heard & {each.key for each in sent}
        if is_to_ring and any(each.is_overdue(self._now) for each in entries):
            word = "told_ring" if sent else "told_here_ring"
            return text + terms.screen(word, duty=terms.first_duty(self._now))
        return text if sent else text + terms.screen("told_here")

    def _of(self, edition: int, text: str) -> str:
        """A line about the items of one edition, which it names where there are several."""
        if len(self._night.editions) < 2:
            return text
        return self._terms.screen("of_edition", edition=self.edition_name(edition), text=text)


_ID = 36
"""Characters of an id."""
