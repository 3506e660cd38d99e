"""Who was registered when, in which district, how old and with which handbooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from random import Random
from typing import Any

from deploy.history.cuts import settle
from deploy.history.figures import NO_AGE, NOT_STATED, UNKNOWN, Figures, columns_of
from deploy.history.people import birth_date, home, phone, relative, somebody
from deploy.history.post import Draft
from services.ward import DAY, Provider, Ward

OPENING, CLOSING = time(9), time(16, 45)
NEW_YEAR = {(12, 29), (12, 30), (12, 31), (1, 1), (1, 2), (1, 3)}
BLANK = 0.03
"""The share of forms with the handbooks left blank, where no table says it."""


@dataclass(eq=False)
class Registrant:
    """A person on the register. `handbooks` None: left blank; `age_group` None: no date of birth.

    `cohort`: whoever has the same one can change age and handbooks with this person, and no table
    changes.
    """

    at: datetime
    district: str | None
    provider: str
    ref: str = ""
    age_group: str | None = None
    handbooks: tuple[str, ...] | None = None
    cohort: tuple[int, int] = (0, 0)


def register(figures: Figures, ward: Ward, rng: Random) -> list[Registrant]:
    """Everybody who was registered, by time.

    Raises:
        Contradiction: the tables of registrations, ages and handbooks cannot all hold.
    """
    opens = ward.ward.registration_opens
    told = [claim for claims in figures.registrations.values() for claim in claims]
    days = sorted({opens} | {max(day, opens) for claim in told for day in (claim.start or opens, claim.end)})
    weights = {column: 1 if column == UNKNOWN else 10_000 for column in columns_of(ward)}
    counts = settle(days, figures.registrations, weights, rng)
    people = [
        _registrant(ward, None if column == UNKNOWN else column, days[i], days[i + 1], rng)
        for column in columns_of(ward)
        for i, (before, after) in enumerate(pairwise(counts[column]))
        for _ in range(after - before)
    ]
    people.sort(key=lambda person: person.at)
    for number, person in enumerate(people, start=1):
        person.ref = f"P-{number:04}"
    _deal_ages(people, figures.ages, ward, rng)
    _deal_handbooks(people, figures.handbooks, ward, rng)
    return people


def in_charge(ward: Ward, moment: datetime) -> Provider:
    """The provider on duty; where there is none, any under contract that day, and else the first."""
    day = ward.local(moment).date()
    contracted = [
        entry for entry in ward.provider if entry.from_ <= day and (entry.until is None or day <= entry.until)
    ]
    on_duty = [entry for entry in contracted if ward.on_duty(entry.id, moment)]
    return next(iter([*on_duty, *contracted, *ward.provider]))


def _registrant(ward: Ward, district: str | None, start: date, end: date, rng: Random) -> Registrant:
    at = office_moment(ward, start, end, rng)
    return Registrant(at, district, in_charge(ward, at).id)


def office_moment(ward: Ward, start: date, end: date, rng: Random) -> datetime:
    """A moment in office hours from `start` until before `end`; on a weekday if there is one."""
    days = [start + DAY * offset for offset in range((end - start).days)]
    day = rng.choice([day for day in days if day.weekday() < 5 and (day.month, day.day) not in NEW_YEAR] or days)
    first, last = OPENING.hour * 60, CLOSING.hour * 60 + CLOSING.minute
    return ward.start_of(day) + timedelta(minutes=rng.randint(first, last))


def _waves(people: Sequence[Registrant], tables: Mapping[date, object], ward: Ward) -> list[list[Registrant]]:
    """The people up to each table's day, then those after the last."""
    ends = [ward.start_of(day) for day in sorted(tables)]
    waves: list[list[Registrant]] = [[] for _ in range(len(ends) + 1)]
    for person in people:
        waves[sum(end <= person.at for end in ends)].append(person)
    return waves


def _added(tables: Mapping[date, dict[str, int]]) -> list[dict[str, int]]:
    """What each table adds to the one before it."""
    kept = [tables[day] for day in sorted(tables)]
    return [
        {key: count - before.get(key, 0) for key, count in table.items()}
        for before, table in zip([{}, *kept], kept, strict=False)
    ]


def _deal_ages(people: Sequence[Registrant], tables: dict[date, dict[str, int]], ward: Ward, rng: Random) -> None:
    waves, groups = _waves(people, tables, ward), [group.key for group in ward.age_group]
    deals = [[key for key, count in added.items() for _ in range(count)] for added in _added(tables)]
    latest = tables[max(tables)] if tables else {}
    deals.append(rng.choices(groups, [1 + latest.get(group, 0) for group in groups], k=len(waves[-1])))
    for number, (wave, deal) in enumerate(zip(waves, deals, strict=True)):
        rng.shuffle(deal)
        for person, group in zip(wave, deal, strict=True):
            person.age_group = None if group == NO_AGE else group
            person.cohort = (number, 0)


def _deal_handbooks(people: Sequence[Registrant], tables: dict[date, dict[str, int]], ward: Ward, rng: Random) -> None:
    waves, deals = _waves(people, tables, ward), _added(tables)
    deals.append(_plausible(len(waves[-1]), tables[max(tables)] if tables else {}, ward, rng))
    for number, (wave, deal) in enumerate(zip(waves, deals, strict=True)):
        for person in wave:
            person.cohort = (person.cohort[0], number)
        stating = rng.sample(wave, len(wave) - deal.get(NOT_STATED, 0))
        _deal_round(stating, {key: count for key, count in deal.items() if key != NOT_STATED})


def _plausible(size: int, latest: Mapping[str, int], ward: Ward, rng: Random) -> dict[str, int]:
    """Counts of handbooks for so many people of whom no table tells, in the proportions of the latest that does."""
    blank = sum(rng.random() < BLANK for _ in range(size))
    keys = [handbook.key for handbook in ward.handbook]
    weights = [1 + latest.get(key, 0) for key in keys]
    held = rng.choices(keys, weights, k=size - blank)
    return {NOT_STATED: blank, **{key: held.count(key) for key in keys}}


def _deal_round(people: Sequence[Registrant], counts: Mapping[str, int]) -> None:
    """Hand the books out round the circle: nobody gets one kind twice, and few get none."""
    held: dict[Registrant, list[str]] = {person: [] for person in people}
    books = [key for key, count in counts.items() for _ in range(count)]
    for place, key in enumerate(books):
        held[people[place % len(people)]].append(key)
    for person, keys in held.items():
        person.handbooks = tuple(keys)


def submission(person: Registrant, number: int, ward: Ward, rng: Random) -> Draft:
    """The registration form as its adapter sends it."""
    personal: dict[str, Any] = {**somebody(number), "phone": phone(number), "address": home(number, ward)}
    personal["contacts"] = [relative(number)]
    needs_certificate = not person.handbooks
    if person.age_group is not None:
        born = birth_date(person.age_group, ward.local(person.at).date(), ward, rng)
        personal["birth_date"] = born.isoformat()
        needs_certificate |= person.at.year - born.year >= ward.eligibility.under
    data: dict[str, Any] = {"person": person.ref, "district": person.district}
    if person.handbooks is not None:
        data["handbooks"] = list(person.handbooks)
    data |= {"certificate": needs_certificate or rng.random() < 0.8, "personal": personal}
    if person.district is None:
        del data["district"]
    entered = person.at + timedelta(minutes=rng.randint(3, 30))
    return Draft(provider=person.provider, type="registration.submit", time=person.at, entered=entered, data=data)
