"""One item of a statement in words: the call as it stands, what was said of it, and where it stands. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from events.intake import Attempt, CallBack
from events.morning import Item, ItemAcknowledged, ItemAnswered, ItemDone, ItemQuestioned, ItemUnacknowledged
from services.pages.night_call import Call
from services.pages.night_clock import NightClock
from services.pages.nights import Entry, Heard, Informed, Key, Night, Word
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

    `said` in the order in which it was; `owner`: in whose charge (担当) the case is.
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
    owner: str = ""


class RowWriter:
    """Puts the items of one night in words. `opens` None: what is personal stays shut."""

    def __init__(
        self,
        terms: Terms,
        clock: NightClock,
        night: Night,
        now: datetime,
        opens: Opens | None,
        owners: Mapping[str, str],
        heard: Heard | None = None,
    ) -> None:
        """`owners`: in whose charge each case is. `heard`: who acknowledged what was sent of the
        ladder; None: that is not known here.
        """
        self._terms, self._clock, self._night, self._now, self._opens = terms, clock, night, now, opens
        self._owners, self._heard = owners, heard
        self._opened: dict[str, dict[str, Any]] = {}

    def row(self, entry: Entry, calls: Mapping[Key, Call]) -> Row:
        say, item = self._terms.screen, entry.item
        call = calls.get((item.contact, item.matter)) if item else None
        entry = _for_all_of(entry, call)
        common: dict[str, Any] = {
            "n": entry.n,
            "edition": entry.edition,
            "standing": self._standing(entry),
            "standings": tuple(self._standings(entry)),
            "due": "" if entry.acknowledged else say("by_when", at=self._clock.in_the_morning(entry.acknowledge_by)),
            "said": tuple(self._said(entry)),
        }
        if item is None:
            return Row(
                name=say("whole_statement"), number="", about=None, time="", kind="", marks=(), facts=(), attempts=(),
                **common,
            )  # fmt: skip
        facts = tuple(self._facts(call)) if call else (Fact("", say("call_unknown")),)
        return Row(
            name=say("nth_item", n=entry.n),
            number=call.number if call else item.number,
            about=item.case or item.contact,
            time=self._time(call.at if call else item.at),
            kind=self._kind(item, call),
            marks=tuple(self._marks(entry, item, call)),
            facts=facts,
            attempts=tuple(self._attempt(*each) for each in call.attempts) if call else (),
            owner=self._owner(call.case if call else item.case),
            **common,
        )

    def _time(self, at: datetime) -> str:
        """When a call was; with its day, where it was corrected out of the night."""
        night = self._night.newest.statement
        return self._clock.at_night(at) if night.began_at <= at < night.ended_at else self._clock.whole(at)

    def told(self, entry: Entry, calls: Mapping[Key, Call], word: Word) -> dict[str, str]:
        """Which item, who said something of it, and when, for a sentence about that."""
        item = entry.item
        call = calls.get((item.contact, item.matter)) if item else None
        name = self._terms.screen("nth_item", n=entry.n) if item else self._terms.screen("whole_statement")
        told = self._told(_for(call, word)).get("worker")
        who = told if isinstance(told, str) and told else self._terms.provider(word.provider)
        return {"item": name, "who": who, "at": self._clock.in_the_morning(word.at)}

    def _owner(self, case: str | None) -> str:
        owner = self._owners.get(case) if case else None
        return self._terms.screen("in_charge", who=self._terms.owner(owner)) if owner else ""

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
        if entry.gone:
            night = self._terms.ward.night_at(call.at) if call else None
            yield say("mark_moved", night=self._clock.day(night)) if night else say("mark_gone")
        if item.writing:
            yield say("mark_writing")
        if entry.passed_later:
            yield say("mark_passed_later")
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

    def _facts(self, call: Call) -> Iterable[Fact]:
        say, text = self._terms.screen, call.personal.get
        if call.shut:
            yield Fact("", say("unreadable" if call.lost else "shut"))
        yield from _told(say("item_safe_until"), self._when(call.card.safe_until), urgent=True)
        medication = " ".join(filter(None, (self._at(call.card.medication_at), text("next_medication"))))
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
        who = self._terms.promised(back.who, back.by) if back.who else ""
        return self._terms.listed(filter(None, (who, self._when(back.by), call.personal.get("call_back_phone"))))

    def _at(self, moment: datetime | None) -> str:
        return self._clock.at_night(moment) if moment else ""

    def _when(self, moment: datetime | None) -> str:
        return self._terms.screen("until_when", at=self._at(moment)) if moment else ""

    def _attempt(self, attempt: Attempt, mistaken: bool) -> str:
        say = self._terms.screen
        answered = {None: "", True: say("answered"), False: say("not_answered")}[attempt.answered]
        notes = self._terms.listed(filter(None, (self._duty(attempt.to), answered)))
        text = self._with(f"{self._clock.at_night(attempt.at)} {self._terms.code(attempt.what)}", notes) or ""
        return text + (say("pressed_by_mistake") if mistaken else "")

    def _duty(self, key: str | None) -> str | None:
        """What the ward calls one of its contacts; another's code as it is."""
        known = next((each for each in self._terms.ward.duty if each.key == key), None)
        return self._terms.say(known.label) if known else key

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
            if to_ward := [each for each in self._night.told(entry.n) if each.step.to == "ward"]:
                yield say(self._notified(to_ward))
        elif not entry.done and not entry.gone:
            yield say("standing_waiting")
        if entry.is_answered:
            yield say("standing_answered")

    def _notified(self, informed: Iterable[Informed]) -> str:
        """The word for what the ward was told: that a system of the ward has it is said once that answered."""
        sent = {each.key for each in self._terms.told_outside("ward")}
        if not sent:
            return "standing_notified_here"
        if self._heard is None:
            return "standing_notified_sent"
        is_heard = any(sent & self._heard.get(each.id, frozenset()) for each in informed)
        return "standing_notified" if is_heard else "standing_notified_unheard"

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
        """The questions, the answers and the notes, with their texts; and what was done before it was undone."""
        for word in entry.words:
            told = self._told(word)
            texts = (told.get(name) for name in ("question", "answer", "note", "reason"))
            text = next((text for text in texts if isinstance(text, str)), "")
            if not text and word in entry.talk:
                text = self._terms.screen("shut" if self._opens is None else "unreadable")
            if word.what == ItemAcknowledged.name and text:
                is_last = word is entry.acknowledged
                yield Said(self._terms.screen("item_note") if is_last else self._by("acknowledged_by", word), text)
            elif text or word.what == ItemUnacknowledged.name or (word.what == ItemDone.name and word != entry.done):
                yield Said(self._by(_SAID[word.what], word), text)

    def _told(self, said: Word) -> dict[str, Any]:
        if said.sealed is None or self._opens is None:
            return {}
        if said.identity not in self._opened:
            self._opened[said.identity] = self._opens(said.subjects, said.identity, said.sealed) or {}
        return self._opened[said.identity]


_SAID = {
    ItemAcknowledged.name: "acknowledged_by",
    ItemUnacknowledged.name: "undone_by",
    ItemQuestioned.name: "asked_by",
    ItemAnswered.name: "answered_by",
    ItemDone.name: "done_by",
}


def _for_all_of(entry: Entry, call: Call | None) -> Entry:
    """An item whose words are opened with the key of anybody whom the consultation was ever about."""
    return msgspec.structs.replace(entry, words=tuple(_for(call, word) for word in entry.words))


def _for(call: Call | None, word: Word) -> Word:
    return msgspec.structs.replace(word, subjects=(*(call.persons if call else ()), *word.subjects))


def _told(label: str, text: str | None, *, urgent: bool = False, short: bool = False) -> Iterable[Fact]:
    """A line, where there is something to say."""
    if text:
        yield Fact(label, text, urgent, short or urgent)
