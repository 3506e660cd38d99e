"""Who is meant, while the telephone rings: by number, reading, name, date of birth, certificate or 受付番号.

It reads alone, and from any process: intake's database for the blind index and the events, the key store for what is
personal. The index gives candidates; each one's own record is then opened, looked at whether it really fits what was
typed, and ranked. Whoever was forgotten cannot be found.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import groupby
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from events import event_of
from events.intake import PersonRegistered, RegistrationCorrected
from services.blind import opened, usable
from services.book import Identifier
from services.database import among
from services.era import age_of, folded
from services.intake import identifiers as ids
from services.intake.domain import Case, Person, State, evolve
from services.intake.identifiers import by_field, fold_kana, is_kana, numbers_in, parts_of_kana, parts_of_name
from services.intake.records import Caller, Record, contacts_of, text_of
from services.journal import LogReader
from services.seal import KeyReader, Secrets
from services.tables import BLIND, INDEXED, NAMES

MOST = 20
"""Candidates in one answer."""

LOOKED_AT = 100
"""Records that are opened for one answer; of more, those that the better signs gave."""

PART_OF_A_NUMBER = 4
"""The rank of the sign that costs most to look for, and says least."""

_NUMBER = re.compile(r"[MTSHR]\d{1,2}-\d{1,9}")
_PERSON = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DIGITS = re.compile(r"[\d\s()+.-]+")
_DASH = re.compile(r"(?<=[\d)])\s?[\u2010-\u2015\u2212ー]\s?(?=[\d(])")
"""What a keyboard gives for a hyphen, also one that is set to kana."""

_APART = re.compile(r"(?<=[年月])\s+(?=\d)")
_FROM_ABROAD = re.compile(r"(?:00|010)?81(0?[1-9]\d{8,9})")
"""Our country's code as an exchange hands it over, without the plus; no number of our own begins so."""

_WHOLE = 10
"""Digits of a whole number, at least."""


class NotIndexed(RuntimeError):
    """There is no index of persons that this release can use; says what to do."""


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """One registrant who may be meant. `status`: registered, withdrawn, moved-away or died.

    `matched`: by which fields, the best first; `caller`: whose number it was, if a contact's. `age`: on the day asked.
    """

    person: str
    name: str | None
    kana: str | None
    birth_date: date | None
    age: int | None
    district: str | None
    phone: str | None
    status: str
    matched: tuple[str, ...]
    caller: Caller | None = None


class Found(msgspec.Struct, frozen=True):
    """At most `MOST` candidates, the likeliest first. `more`: there are others, for whom more must be asked."""

    candidates: tuple[Candidate, ...]
    more: bool


class Sign(NamedTuple):
    """One way in which a word may be meant: who has all of these identifiers. The lower the rank, the surer."""

    rank: int
    field: str
    needs: tuple[Identifier, ...]
    word: str


class Finder:
    """Looks persons up in one intake database."""

    def __init__(self, journal: LogReader, secrets: Secrets, keys: KeyReader) -> None:
        """`journal`: intake's, of which nothing but the log is read; `keys` may be opened for reading alone.

        Raises:
            NotIndexed: intake has not made the index yet.
        """
        self.journal, self._secrets, self._keys = journal, secrets, keys
        with journal.engine.connect() as connection:
            if not usable(connection):
                raise NotIndexed("persons are not indexed yet: start Yoake once with this release, then search again")

    def find(self, text: str, on: date) -> Found:
        """The registrants whom `text` may mean, `on` a day (for their ages); none for what is too short.

        Words apart from one another must all fit: a reading and a date of birth, a family name and a given name.
        """
        with self.journal.engine.connect() as connection:
            text = _plain(text)
            words, persons = [list(signs(word)) for word in words_in(text)], self._named(connection, text)
            words = [] if persons or not all(words) else words
            raw = persons or (self._indexed(connection, words) if words else [])
            more, found = len(raw) > LOOKED_AT, []
            records = self.records(connection, raw[:LOOKED_AT])
            roots = self.records(
                connection, sorted({r.state.merged_into for r in records.values() if r.state.merged_into})
            )
            for record in records.values():
                fits = _fits(words, record, text) if words else (0, ("number",), None)
                if fits is not None:
                    stands = self._standing(connection, record, roots)
                    found.append((fits[0], _candidate(stands, fits[1], fits[2], on)))
        found.sort(key=lambda ranked: (ranked[0], ranked[1].kana or "￿", ranked[1].person))
        once = tuple({candidate.person: candidate for _, candidate in reversed(found)}.values())[::-1]
        return Found(once[:MOST], more or len(once) > MOST)

    def record(self, connection: sa.Connection, person: str) -> Record | None:
        """One registrant's record, open; None where nobody is registered under this id, or was forgotten."""
        return self.records(connection, [person]).get(person)

    def records(self, connection: sa.Connection, persons: Sequence[str]) -> dict[str, Record]:
        """Registrants' records, in the order asked for; those that nobody can read any more are left out."""
        histories = self.journal.histories(connection, persons)
        told = [record for person in persons for record in histories[person]]
        boxes = dict(zip((record.id for record in told), opened(self._keys, told), strict=True))
        found = {}
        for person in persons:
            state: State | None = None
            personal: dict[str, Any] = {}
            is_shut = False
            for record in histories[person]:
                event = event_of(record)
                state = evolve(state, event, record.time)
                if isinstance(event, PersonRegistered | RegistrationCorrected) and event.sealed:
                    is_shut = is_shut or boxes[record.id] is None
                    personal |= boxes[record.id] or {}
            if isinstance(state, Person) and (personal or not is_shut):
                found[person] = Record(state=state, personal=personal)
        return found

    def targets(self, connection: sa.Connection, keys: Sequence[str]) -> list[str]:
        """What these names stand for, the oldest first."""
        query = sa.select(NAMES.c.target).where(among(connection, NAMES.c.key, list(keys))).order_by(NAMES.c.since)
        return list(dict.fromkeys(connection.execute(query).scalars()))

    def cases(self, connection: sa.Connection, ids_of: Sequence[str]) -> list[Case]:
        """Consultations by their ids."""
        found = []
        for records in self.journal.histories(connection, list(ids_of)).values():
            state: State | None = None
            for record in records:
                state = evolve(state, event_of(record), record.time)
            if isinstance(state, Case):
                found.append(state)
        return found

    def _named(self, connection: sa.Connection, text: str) -> list[str]:
        """Whom our 受付番号 or the register's own id names."""
        plain = folded(text)
        if _PERSON.fullmatch(plain.lower()):
            return [plain.lower()]
        if not _NUMBER.fullmatch(plain.upper()):
            return []
        cases = self.cases(connection, self.targets(connection, [f"number/{plain.upper()}"]))
        return list(dict.fromkeys(case.person for case in cases if case.person))

    def _indexed(self, connection: sa.Connection, words: Sequence[Sequence[Sign]]) -> list[str]:
        """Who has what all words need, the surer signs of the first word first; a few more than are looked at."""
        first, *others = words
        found: dict[str, None] = {}
        for sign in sorted(first):
            if len(found) > LOOKED_AT or (found and sign.rank == PART_OF_A_NUMBER):
                break  # A whole number is not looked for within others.
            base, *rest = (self._secrets.blind(*identifier) for identifier in sign.needs)
            has = [self._has(token) for token in rest]
            has += [
                sa.or_(*(sa.and_(*(self._has(self._secrets.blind(*i)) for i in s.needs)) for s in w)) for w in others
            ]
            query = sa.select(INDEXED.c.person).join_from(BLIND, INDEXED, BLIND.c.n == INDEXED.c.n)
            query = query.where(BLIND.c.token == base, *has).limit(LOOKED_AT + 1)
            found.update(dict.fromkeys(connection.execute(query).scalars()))
        return list(found)

    @staticmethod
    def _has(token: int) -> sa.ColumnElement[bool]:
        other = BLIND.alias()
        return sa.exists().where(other.c.token == token, other.c.n == BLIND.c.n)

    def _standing(self, connection: sa.Connection, record: Record, roots: dict[str, Record]) -> Record:
        """The record that stands for a person: where it was merged into another, that one."""
        while record.state.merged_into:
            into = record.state.merged_into
            following = roots.get(into) or self.record(connection, into)
            if following is None:
                break  # The other was forgotten; what is left of the person is this.
            record = following
        return record


def words_in(text: str) -> list[str]:
    """What must fit, each by itself; a date or a number with spaces in it is one, also beside others."""
    plain = _plain(text)
    if ids.date_in(plain) is not None or _DIGITS.fullmatch(plain):
        return [plain]
    words: list[str] = []
    for is_number, together in groupby(plain.split(), key=_is_of_a_number):
        found = list(together)
        joined = "".join(found)
        whole = is_number and joined[0] in "0+(" and sum(map(str.isdigit, joined)) >= _WHOLE
        words += [joined] if whole else found
    return words


def _is_of_a_number(word: str) -> bool:
    return _DIGITS.fullmatch(word) is not None and ids.date_in(word) is None


def _plain(text: str) -> str:
    """What was typed or pasted, without what cannot be seen, with plain hyphens within numbers."""
    seen = "".join(character for character in folded(text) if unicodedata.category(character) != "Cf")
    return _APART.sub("", _DASH.sub("-", seen)).strip().removeprefix("tel:")


def _dialled(word: str) -> list[str]:
    """The number that a word is, in each way in which it may stand on a form."""
    if not _DIGITS.fullmatch(word):
        return []
    digits = "".join(filter(str.isdigit, word))
    is_short = digits.startswith("0081") and ids.PART <= len(digits) < _WHOLE
    numbers = [digits] if is_short else numbers_in(word)  # Four last digits may be 0081 as well as any others.
    ours = [match[1] for number in numbers if (match := _FROM_ABROAD.fullmatch(number))]
    return [*numbers, *(f"0{number.lstrip('0')}" for number in ours)]


def signs(word: str) -> Iterator[Sign]:
    """The ways in which one word may be meant; none where it is too short to find anybody by."""
    if (day := ids.date_in(word)) is not None:
        yield Sign(2, "birth_date", (Identifier(ids.BIRTH_DATE, day.isoformat()),), word)
    for number in _dialled(word):
        yield Sign(0, "phone", (Identifier(ids.OWN_PHONE, number),), number)
        yield Sign(1, "contacts", (Identifier(ids.PHONE, number),), number)
        if len(number) == ids.PART:
            yield Sign(3, "phone", (Identifier(ids.PHONE_END, number),), number)
        parts = tuple(Identifier(ids.PHONE_PART, part) for part in ids.number_parts(number))
        yield Sign(PART_OF_A_NUMBER, "phone", parts, number)
    if any(character.isdigit() for character in word):
        yield Sign(0, "certificate_number", (Identifier(ids.CERTIFICATE, ids.certificate_in(word)),), word)
    elif is_kana(word):
        reading = fold_kana(word)
        yield Sign(2, "kana", (Identifier(ids.KANA, reading),), reading)
        yield Sign(3, "kana", (Identifier(ids.KANA_START, reading[: ids.LONGEST_START]),), reading)
    for name in parts_of_name(word):
        yield Sign(1, "name", (Identifier(ids.NAME, name),), name)
        yield Sign(2, "name", (Identifier(ids.NAME_PART, name),), name)


def _fits(
    words: Sequence[Sequence[Sign]], record: Record, text: str
) -> tuple[int, tuple[str, ...], Caller | None] | None:
    """How surely a record is meant (less is surer), by which fields, and whose number it was; None: it is not."""
    has = frozenset().union(*by_field(record.personal).values())
    numbers = [entry.value for entry in has if entry.kind == ids.PHONE]
    kana = text_of(record.personal, "kana") or text_of(record.personal, "name") or ""
    readings = [fold_kana("".join(kana.split())), *parts_of_kana(kana)]

    def holds(sign: Sign) -> bool:
        kinds = {need.kind for need in sign.needs}
        if ids.PHONE_PART in kinds:
            return any(sign.word in number for number in numbers)
        if ids.KANA_START in kinds:
            return any(reading.startswith(sign.word) for reading in readings)
        return has.issuperset(sign.needs)

    best = [min((sign for sign in word if holds(sign)), default=None) for word in words]
    if not all(best):
        return None
    fitting = [sign for sign in best if sign is not None]
    whole = {Identifier(ids.NAME, "".join(parts_of_name(text))), Identifier(ids.KANA, fold_kana("".join(text.split())))}
    caller = next((c for sign in fitting for c in _callers(sign, record)), None)
    fields = tuple(dict.fromkeys("contacts" if caller and sign.field == "phone" else sign.field for sign in fitting))
    rank = 0 if whole & has else max(sign.rank for sign in fitting)
    return 2 * rank + (caller is not None), fields, caller  # Of two numbers that end alike one's own comes first.


def _callers(sign: Sign, record: Record) -> Iterable[Caller]:
    """The contacts who have a number, where it is not the person's own."""
    if sign.field not in ("phone", "contacts"):
        return
    own = text_of(record.personal, "phone") or ""
    if any(sign.word in number for number in numbers_in(own)):
        return
    for contact in contacts_of(record.personal):
        if any(sign.word in number for number in numbers_in(contact.phone or "")):
            yield contact


def _candidate(record: Record, matched: tuple[str, ...], caller: Caller | None, on: date) -> Candidate:
    birth = record.birth_date
    return Candidate(
        person=record.state.id,
        name=text_of(record.personal, "name"),
        kana=text_of(record.personal, "kana"),
        birth_date=birth,
        age=age_of(birth, on),
        district=record.state.registered.district,
        phone=text_of(record.personal, "phone"),
        status=record.status,
        matched=matched,
        caller=caller,
    )
