"""To whom a case can be handed over (送付先名簿), and on what basis: parts of a ward's file, and their checks. Pure.

Most agencies have a telephone and a fax and no system; nobody types their numbers, they stand here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Literal

import msgspec

from services.keyed import Keyed, Label, Strict

CONSENT = "consent"
"""The basis that every ward knows: the person agreed that this receiver may have it."""

LONGEST_ANSWER = 31 * 24
"""Hours that an offer may wait for its answer, at most."""

LONGEST_CONTACT = 40

Fault = tuple[str, tuple[str | int, ...]]
"""(what is wrong and what would be accepted, its place in the file)"""

_NUMBER = re.compile(r"0\d{1,4}-\d{1,4}-\d{4}")


class Agency(Keyed, frozen=True, kw_only=True):
    """An entry of the directory, from and until which day it is one (both included; None: without end).

    `kind`: a consultation support agency (相談支援機関) or the ward's own section (保健福祉課). `contact` is a post,
    such as 相談係, and never a person's name. `phone` and `fax` are the organisation's.
    """

    kind: Literal["agency", "section"]
    from_: date | None = msgspec.field(name="from", default=None)
    until: date | None = None
    phone: str | None = None
    fax: str | None = None
    contact: str | None = None

    def is_there_on(self, day: date) -> bool:
        """Whether the entry is in force on a day."""
        return (self.from_ is None or self.from_ <= day) and (self.until is None or day <= self.until)

    @property
    def words(self) -> frozenset[str]:
        """All that names it: its key and its labels, in any width."""
        return frozenset(folded(word) for word in (self.key, self.label.ja, self.label.en, *self.also))


class Basis(Keyed, frozen=True, kw_only=True):
    """On what something about a person may go to somebody without their consent; `law`: by which article."""

    law: Label


class Answering(Strict, frozen=True, kw_only=True):
    """How long an offer waits for its answer, in hours, where it does not say so itself."""

    answer_hours: int = 24


def entry_of(told: str, agencies: Iterable[Agency], day: date) -> Agency | None:
    """The entry that somebody named, by key or by label: the one in force on the day if there are several."""
    named = [agency for agency in agencies if folded(told) in agency.words]
    return next((agency for agency in named if agency.is_there_on(day)), named[-1] if named else None)


def words_naming(told: str, agencies: Iterable[Agency]) -> frozenset[str]:
    """Every word by which somebody may name the same receiver; of one that the directory has not, its name alone."""
    entries = (agency.words for agency in agencies if folded(told) in agency.words)
    return frozenset({folded(told)}).union(*entries)


def folded(text: str) -> str:
    """A word in any width and case."""
    return unicodedata.normalize("NFKC", text).strip().casefold()


def same_name(one: str, other: str) -> bool:
    """Whether two names are one, in any width, and with or without a space between their parts."""
    return "".join(folded(one).split()) == "".join(folded(other).split())


def faults(agencies: Sequence[Agency], bases: Sequence[Basis], answering: Answering | None) -> Iterator[Fault]:
    """What nobody can have meant in these parts of a file."""
    for position, agency in enumerate(agencies):
        for reason, field in _faults_of(agency):
            yield f"agency {agency.key}: {reason}", ("agency", position, field)
        for other in agencies[:position]:
            if (word := min(agency.words & other.words, default="")) and _overlap(agency, other):
                yield f"agency {agency.key}: {word!r} names {other.key} too, on the same days", ("agency", position)
    for position, basis in enumerate(bases):
        if basis.key == CONSENT:
            yield f"basis: {CONSENT} is there without being listed; leave it out", ("basis", position, "key")
        if not basis.law.ja.strip():
            yield f"basis {basis.key}: `law` must name an article", ("basis", position, "law")
    if answering is not None and not 0 < answering.answer_hours <= LONGEST_ANSWER:
        reason = f"handover: answer_hours is {answering.answer_hours}; 1 to {LONGEST_ANSWER}"
        yield reason, ("handover", "answer_hours")


def _faults_of(agency: Agency) -> Iterator[tuple[str, str]]:
    if agency.from_ and agency.until and agency.until < agency.from_:
        yield f"until {agency.until} lies before its `from`", "until"
    yield from number_faults(agency.phone, agency.fax)
    if agency.contact is not None and not (agency.contact.isprintable() and 0 < len(agency.contact) <= LONGEST_CONTACT):
        yield f"contact must be a post such as 相談係, one line of up to {LONGEST_CONTACT} characters", "contact"


def number_faults(phone: str | None, fax: str | None) -> Iterator[tuple[str, str]]:
    """(what is wrong with an organisation's number, its field)"""
    for field, number in (("phone", phone), ("fax", fax)):
        if number is not None and not _NUMBER.fullmatch(number):
            yield f"{field} {number!r} is not a number such as 03-0000-0000", field


def _overlap(one: Agency, other: Agency) -> bool:
    first, last = date.min, date.max
    return (one.from_ or first) <= (other.until or last) and (other.from_ or first) <= (one.until or last)
