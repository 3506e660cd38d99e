"""From published tables to the messages of a history that yields them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from random import Random
from typing import Any

from deploy.history.calls import Consultation, consultations
from deploy.history.cases import oddities, tell
from deploy.history.examples import Example
from deploy.history.hours import moment_in
from deploy.history.people import phone
from deploy.history.post import Draft, Sent, post
from deploy.history.reading import read
from deploy.history.register import Registrant, in_charge, office_moment, register, submission
from services.reporting.published import Published
from services.ward import DAY, Ward


def plan(tables: Iterable[Published], ward: Ward, seed: int, examples: Sequence[Example] = ()) -> list[Sent]:
    """The messages, in the order in which their adapters send them (by the time they were entered).

    Raises:
        Contradiction: no history yields these tables; names table, row, column and the numbers.
    """
    rng = Random(seed)  # noqa: S311 - a seed must give the same history again; nothing here is secret
    figures = read(tables, ward)
    people = register(figures, ward, rng)
    told = consultations(figures, ward, people, examples, rng)
    drafts = [submission(person, number, ward, rng) for number, person in enumerate(people, start=1)]
    odd = oddities(told, ward, rng)
    for consultation in told:
        drafts += tell(consultation, ward, odd[consultation], rng)
    drafts += _not_counted(told, ward, rng) + _leavers(people, told, ward, rng)
    return post(drafts, ward, seed)


def _not_counted(told: Sequence[Consultation], ward: Ward, rng: Random) -> list[Draft]:
    """Silent calls, wrong numbers, enquiries and exercises (件数外), about one to six consultations."""
    kinds = ward.policy.not_counted
    if not told or not kinds:
        return []
    last = ward.local(told[-1].at).date() + DAY
    bands = [band.key for band in ward.band]
    drafts = []
    for _ in range(2 + len(told) // 6):
        at = moment_in(ward, rng.choice(bands), ward.ward.line_opens, last, rng)
        if at is None:
            continue
        data: dict[str, Any] = {"not_counted": rng.choice(kinds), "personal": {"phone": phone(rng.randint(1000, 8999))}}
        drafts.append(
            Draft(
                provider=in_charge(ward, at).id,
                type="call.report",
                time=at,
                entered=at + timedelta(minutes=rng.randint(2, 20)),
                data=data,
            )
        )
    return drafts


def _leavers(people: Sequence[Registrant], told: Sequence[Consultation], ward: Ward, rng: Random) -> list[Draft]:
    """A few who never called leave the register while it is still being written; gross figures keep them."""
    callers = {consultation.person for consultation in told}
    last = people[-1].at if people else None
    quiet = [person for person in people if person not in callers]
    drafts = []
    for person in rng.sample(quiet, len(people) // 40 if len(people) // 40 < len(quiet) else 0):
        until = ward.provider_of(person.provider)
        start, end = ward.local(person.at).date() + DAY, ward.local(last or person.at).date()
        if until is not None and until.until is not None:
            end = min(end, until.until)
        if start < end:
            at = office_moment(ward, start, end, rng)
            entered = at + timedelta(minutes=rng.randint(3, 30))
            data = {"person": person.ref, "reason": rng.choice(("withdrawn", "moved-away", "died"))}
            drafts.append(
                Draft(provider=person.provider, type="registration.withdraw", time=at, entered=entered, data=data)
            )
    return drafts
