"""夜間引継書 in words: what the page, the A4 sheet and the plain text show, in one language. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from events.intake import Attempt, CallBack
from events.morning import (
    Difference,
    Item,
    ItemAcknowledged,
    ItemAnswered,
    ItemDone,
    ItemQuestioned,
    ItemUnacknowledged,
)
from services.pages.night_call import Call
from services.pages.night_clock import NightClock
from services.pages.nights import WHOLE, Compared, Entry, Issued, Key, Night, Word, compared
from services.pages.terms import Terms

Opens = Callable[[Iterable[str], str, str], dict[str, Any] | None]
"""(of whom it may be, the event's identity, a box) → what is in it; None where no key opens it."""

LATER = timedelta(minutes=1)
"""What the system learned more than this after it happened shows both times."""


class Fact(msgspec.Struct, frozen=True):
    """One line of an item: what it is, and what stands there.

    `urgent`: there is a time by which something must be. `short`: it may share a line with others.
    """

    label: str
    text: str
    urgent: bool = False
    short: bool = False


class Said(msgspec.Struct, frozen=True):
    """One thing that was said of an item: who and when, in words, and the text of it."""

    head: str
    text: str = ""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One item in words. `standing` is the code of the mark that it leads with, `marks` what else it is.

    `said` in the order in which it was; `personal`: whether what is personal of it is shown.
    """

    n: int
    edition: int
    name: str
    number: str
    about: str | None
    time: str
    kind: str
    marks: tuple[str, ...]
    facts: tuple[Fact, ...]
    attempts: tuple[str, ...]
    standing: str
    standings: tuple[str, ...]
    due: str
    said: tuple[Said, ...]
    provider: str
    acknowledged_at: datetime | None = None
    personal: bool = True


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

    `copy`: which editions it holds; `followed`: what came after them, empty where nothing did.
    """

    language: str
    night: str
    title: str
    name: str
    ward: str
    centre: str
    synthetic: str
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
    calls: Mapping[Key, Call],
    terms: Terms,
    now: datetime,
    opens: Opens | None,
    *,
    edition: int | None = None,
    only: bool = False,
) -> Sheet:
    """A statement with its supplements, up to an `edition` (None: the newest), or that `only`.

    `opens` None: what is personal stays shut.
    """
    last = night.newest.statement.edition if edition is None else edition
    shown = night.upto(last)
    entries = [entry for entry in shown.entries if entry.edition == last] if only else list(shown.entries)
    clock, newest = NightClock(terms, night.night), shown.newest
    writer = _Writer(terms, clock, night, now, opens)
    after = [one for one in night.editions if one.statement.edition > last]
    statement = newest.statement
    issued = Compared(verdict=statement.verdict, hops=statement.hops, differences=statement.differences)
    return Sheet(
        language=terms.language,
        night=night.night.isoformat(),
        title=terms.screen("supplement" if only and last else "statement"),
        name=clock.name,
        ward=terms.say(terms.ward.ward.name),
        centre=terms.say(terms.ward.ward.centre),
        synthetic=terms.screen("synthetic") if night.synthetic else "",
        period=terms.screen(
            "period", began=clock.whole(statement.began_at), ended=clock.whole(statement.ended_at)
        ),
        between=(
            terms.screen("giver") + terms.listed(map(terms.provider, statement.givers)),
            terms.screen("receiver") + terms.provider(statement.receiver),
        ),
        editions=tuple(writer.edition(one) for one in shown.editions),
        copy=terms.screen(
            "printed_only" if only and last else "printed_upto",
            edition=writer.edition_name(last),
            at=clock.in_the_morning(newest.at),
        ),
        followed=writer.followed(after),
        as_of=terms.screen("as_it_stood", at=terms.moment(now)),
        quiet=terms.screen("quiet") if not statement.new else "",
        how_many=_how_many(statement.new, entries, terms),
        together=tuple(_together(entries, terms)),
        then=writer.counts(issued),
        now=writer.counts(compared(night, now)),
        notices=tuple(writer.notices()),
        rows=tuple(writer.row(entry, calls) for entry in entries),
        shut=terms.screen("sees_no_persons") if opens is None else "",
        words={word: terms.screen(word) for word in WORDS},
    )


def _how_many(new: int, entries: Sequence[Entry], terms: Terms) -> str:
    items = [entry.item for entry in entries if entry.item]
    other = sum(item.not_counted is not None for item in items)
    further = sum(item.further and item.not_counted is None for item in items)
    return terms.screen("how_many", new=new, further=further, other=other)


def _together(entries: Sequence[Entry], terms: Terms) -> Iterable[str]:
    """Which items came with one contact: the telephone exchange counts contacts, and people count consultations."""
    by_contact: dict[str, list[int]] = {}
    for entry in entries:
        if entry.item:
            by_contact.setdefault(entry.item.contact, []).append(entry.n)
    for numbers in by_contact.values():
        if len(numbers) > 1:
            yield terms.screen("one_contact", items=terms.listed(terms.screen("nth_item", n=n) for n in numbers))


class _Writer:
    """Puts the parts of one night's statement in words."""

    def __init__(self, terms: Terms, clock: NightClock, night: Night, now: datetime, opens: Opens | None) -> None:
        self._terms, self._clock, self._night, self._now, self._opens = terms, clock, night, now, opens

    def edition_name(self, n: int) -> str:
        return self._terms.screen("edition_added", n=n) if n else self._terms.screen("edition_first")

    def edition(self, one: Issued) -> Edition:
        statement, clock = one.statement, self._clock
        is_late = one.at - statement.due_at > LATER + timedelta(minutes=1)
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

    def counts(self, found: Compared) -> Counts:
        hops, say = found.hops, self._terms.screen
        named = [("hop_sent", hops.sent), ("hop_received", hops.received)]
        named += [("hop_recorded", hops.recorded)] if hops.recorded != hops.received else []
        named += [("hop_stated", hops.items), ("hop_acknowledged", hops.acknowledged)]
        named += [("hop_stated_contacts", hops.stated)] if hops.stated != hops.items else []
        named += [("hop_exchange", hops.exchange)]
        shown = tuple((say(word), say("hop_unknown") if n is None else say("records", n=n)) for word, n in named)
        lines = tuple(self._difference(each, found) for each in found.differences)
        if found.verdict == "unconfirmed":
            lines = (*lines, say("not_confirmed_why"))
        return Counts(code=found.verdict, verdict=say(f"verdict_{found.verdict}"), hops=shown, differences=lines)

    def _difference(self, each: Difference, found: Compared) -> str:
        """A difference as a named list."""
        word, hops = f"differ_{each.what}", found.hops
        is_whole = each.what != "not-received" or None not in (hops.sent, hops.received)
        named = self._terms.listed(self._named(each))
        if each.count > len(each.named) > 0:
            named += "…"
        return self._terms.screen(
            word if is_whole else f"{word}_some",
            named=named,
            n=each.count,
            provider=self._terms.provider(each.provider) if each.provider else "",
            sent=hops.sent,
            received=hops.received,
            exchange=hops.exchange,
            contacts=hops.stated,
        )

    def _named(self, each: Difference) -> list[str]:
        """The provider's own numbers as it says them; contacts by the number under which they are known here."""
        if each.what in ("not-received", "unreadable", "waiting"):
            return [f"{name}番" if self._terms.language == "ja" else f"no. {name}" for name in each.named]
        known = {entry.item.contact: entry.item.number for entry in self._night.entries if entry.item}
        return [known.get(name, name[:8] if len(name) == _ID else name) for name in each.named]

    def notices(self) -> list[str]:
        """Who was told that something is overdue; and that it is in hand."""
        say, clock, found = self._terms.screen, self._clock, []
        overdue = [entry for entry in self._night.entries if entry.is_overdue(self._now)]
        for due in sorted({entry.acknowledge_by for entry in overdue}):
            found.append(say("overdue_notice", due=clock.in_the_morning(due)))
        for step in self._night.passed:
            at = clock.in_the_morning(step.fired_at)
            text = say("escalated", at=at) if step.to == "ward" else say(
                "reminded", to=self._terms.provider(step.to), at=at
            )
            if step.fired_at - step.due_at > LATER:
                text += say("told_late", due=clock.in_the_morning(step.due_at))
            found.append(text)
        return found

    def row(self, entry: Entry, calls: Mapping[Key, Call]) -> Row:
        say, item = self._terms.screen, entry.item
        common = {
            "n": entry.n,
            "edition": entry.edition,
            "standing": self._standing(entry),
            "standings": tuple(self._standings(entry)),
            "due": "" if entry.acknowledged else say("by_when", at=self._clock.in_the_morning(entry.acknowledge_by)),
            "said": tuple(self._said(entry)),
            "acknowledged_at": entry.acknowledged.recorded if entry.acknowledged else None,
        }
        if item is None:
            return Row(
                name=say("whole_statement"), number="", about=None, time="", kind="", marks=(), facts=(), attempts=(),
                provider="", **common,
            )  # fmt: skip
        call = calls.get((item.contact, item.matter))
        facts = tuple(self._facts(call, item)) if call else (Fact("", say("call_unknown")),)
        return Row(
            name=say("nth_item", n=entry.n),
            number=call.number if call else item.number,
            about=item.case or item.contact,
            time=self._clock.at_night(call.at if call else item.at),
            kind=self._kind(item, call),
            marks=tuple(self._marks(entry, item, call)),
            facts=facts,
            attempts=tuple(self._attempt(*each) for each in call.attempts) if call else (),
            provider=item.provider,
            personal=not (call and call.shut),
            **common,
        )

    def _kind(self, item: Item, call: Call | None) -> str:
        not_counted = call.not_counted if call else item.not_counted
        if not_counted:
            return self._terms.screen("mark_not_counted", kind=self._terms.code(not_counted))
        return self._terms.screen("mark_further" if item.further else "mark_first")

    def _marks(self, entry: Entry, item: Item, call: Call | None) -> Iterable[str]:
        say = self._terms.screen
        if item.attended:
            yield say("mark_attended")
        if entry.edition:
            yield say("mark_edition", n=entry.edition)
        if item.late:
            yield say("mark_late")
        if item.writing:
            yield say("mark_writing")
        if call is None:
            return
        if call.written:
            yield say("mark_late_entry")
        if call.case and not call.registered and call.not_counted is None:
            yield say("mark_unregistered")
        if call.card.abuse_suspected:
            yield say("mark_abuse")
        if call.flags:
            yield say("mark_flags", n=call.flags)
        if call.closed_at:
            yield say("mark_closed")

    def _facts(self, call: Call, item: Item) -> Iterable[Fact]:
        say, text = self._terms.screen, call.personal.get
        if call.shut:
            yield Fact("", say("shut"))
        yield from _told(say("item_safe_until"), self._when(call.card.safe_until), urgent=True)
        medication = " ".join(filter(None, (self._when(call.card.medication_at), text("next_medication"))))
        yield from _told(say("item_medication"), medication, urgent=call.card.medication_at is not None)
        yield from _told(say("item_call_back"), self._call_back(call), urgent=True)
        yield from _told(say("item_person"), self._person(call), short=True)
        yield from _told(say("item_caller"), self._caller(call), short=True)
        where = self._terms.listed(filter(None, (text("where"), text("with_whom"))))
        yield from _told(say("item_where"), where, short=True)
        yield from _told(say("item_words"), text("words"))
        is_shown = not call.shut and call.not_counted is None
        for name, word in (("done", "item_done"), ("for_the_morning", "item_for_the_morning")):
            yield from _told(say(word), text(name) or (say("not_written") if is_shown else ""))
        if call.written:
            yield Fact(say("mark_late_entry"), say("written_at", at=self._clock.whole(call.written)))

    def _person(self, call: Call) -> str:
        text = call.personal.get
        name, kana = text("name") or call.registrant, text("kana")
        called = self._with(name, kana)
        if called is None and not call.shut and call.not_counted is None:
            called = self._terms.screen("nobody_named")
        district = self._terms.district(call.district) if call.case else ""
        return self._terms.listed(filter(None, (called, text("birth_date"), text("phone"), district)))

    def _caller(self, call: Call) -> str:
        text = call.personal.get
        name, relation = text("caller_name"), text("caller_relation")
        called = self._with(name, relation)
        return self._terms.listed(filter(None, (called, text("caller_phone"))))

    def _call_back(self, call: Call) -> str:
        back = call.card.call_back or CallBack()
        who = self._terms.provider(back.who) if back.who else ""
        return self._terms.listed(filter(None, (who, self._when(back.by), call.personal.get("call_back_phone"))))

    def _when(self, moment: datetime | None) -> str:
        if moment is None:
            return ""
        return self._terms.screen("until_when", at=self._clock.at_night(moment))

    def _attempt(self, attempt: Attempt, mistaken: bool) -> str:
        say = self._terms.screen
        answered = {None: "", True: say("answered"), False: say("not_answered")}[attempt.answered]
        notes = self._terms.listed(filter(None, (attempt.to, answered)))
        text = self._with(f"{self._clock.at_night(attempt.at)} {self._terms.code(attempt.what)}", notes) or ""
        return text + (say("pressed_by_mistake") if mistaken else "")

    def _with(self, text: str | None, more: str | None) -> str | None:
        """A text with another in brackets; either where there is but one."""
        if not (text and more):
            return text or more
        return f"{text}（{more}）" if self._terms.language == "ja" else f"{text} ({more})"

    def _standing(self, entry: Entry) -> str:
        if entry.done:
            return "done"
        if entry.is_asked:
            return "asked"
        if entry.acknowledged:
            return "acknowledged"
        if entry.is_overdue(self._now):
            return "overdue"
        return "answered" if entry.is_answered else "waiting"

    def _standings(self, entry: Entry) -> Iterable[str]:
        """Where it stands, in words: the first leads."""
        say = self._terms.screen
        if entry.done:
            yield self._by("done_by", entry.done)
        if entry.is_asked:
            yield say("standing_asked")
        if entry.acknowledged:
            yield self._by("acknowledged_by", entry.acknowledged)
        elif entry.is_overdue(self._now):
            yield say("standing_overdue")
            if any(step.to == "ward" for step in self._night.told(entry.n)):
                yield say("standing_notified")
        elif not entry.done:
            yield say("standing_waiting")
        if entry.is_answered:
            yield say("standing_answered")

    def _by(self, word: str, said: Word) -> str:
        return self._terms.screen(word, who=self._who(said), at=self._both_clocks(said))

    def _both_clocks(self, said: Word) -> str:
        """When it was; and when the system knew, where that is later."""
        at = self._clock.in_the_morning(said.at)
        if said.recorded - said.at <= LATER:
            return at
        known = self._terms.screen("recorded_at", at=self._clock.in_the_morning(said.recorded))
        return self._terms.listed((at, known))

    def _who(self, said: Word) -> str:
        told = self._told(said).get("worker")
        provider = self._terms.provider(said.provider)
        return f"{provider} {told}" if isinstance(told, str) and told else provider

    def _said(self, entry: Entry) -> Iterable[Said]:
        """The questions, the answers and the notes, with their texts."""
        for word in entry.words:
            told = self._told(word)
            texts = (told.get(name) for name in ("question", "answer", "note", "reason"))
            text = next((text for text in texts if isinstance(text, str)), "")
            if not text and word in entry.talk:
                text = self._terms.screen("shut")
            if word.what == ItemAcknowledged.name and text:
                is_last = word is entry.acknowledged
                yield Said(self._terms.screen("item_note") if is_last else self._by("acknowledged_by", word), text)
            elif text or word.what == ItemUnacknowledged.name:
                yield Said(self._by(_SAID[word.what], word), text)

    def _told(self, said: Word) -> dict[str, Any]:
        if said.sealed is None or self._opens is None:
            return {}
        return self._opens(said.subjects, said.identity, said.sealed) or {}


_SAID = {
    ItemAcknowledged.name: "acknowledged_by",
    ItemUnacknowledged.name: "undone_by",
    ItemQuestioned.name: "asked_by",
    ItemAnswered.name: "answered_by",
    ItemDone.name: "done_by",
}
_ID = 36
"""Characters of an id."""


def _told(label: str, text: str | None, *, urgent: bool = False, short: bool = False) -> Iterable[Fact]:
    """A line, where there is something to say."""
    if text:
        yield Fact(label, text, urgent, short or urgent)


__all__ = ["WHOLE", "Counts", "Edition", "Fact", "Row", "Said", "Sheet", "sheet_of"]
