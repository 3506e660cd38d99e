"""What a ward's file may not say of nights and mornings: each contradiction with its place and reason. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, get_args

from services import hours as hours_of
from services.hours import ACCEPTED_DAYS
from services.mornings import WARD, When

if TYPE_CHECKING:
    from services.ward import Ward

Fault = tuple[str, tuple[str | int, ...]]
"""(what is wrong and what would be accepted, its place in the file)"""

_NUMBER = re.compile(r"0\d{1,4}-\d{1,4}-\d{4}")
_KEY = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


def faults(ward: Ward) -> Iterator[Fault]:
    """What nobody can have meant, as it stands in the file."""
    for part in (_morning, _steps, _evening, _duty, _ladder, _closed_days):
        yield from part(ward)


def _morning(ward: Ward) -> Iterator[Fault]:
    morning = ward.morning
    if morning is None:
        return
    bands = {band.key: band for band in ward.band}
    at = ("morning", "band")
    if morning.band not in bands:
        yield f"morning: unknown band {morning.band!r}; known: {', '.join(sorted(bands))}", at
    elif bands[morning.band].closed:
        yield f"morning: nobody works in {morning.band}, which is closed; name a band that is handed over", at
    yield from _positive(morning.acknowledge, "minutes", "morning", "acknowledge")
    if morning.grace < 0:
        yield f"morning.grace: {morning.grace}; accepted: 0 or more seconds", ("morning", "grace")


def _steps(ward: Ward) -> Iterator[Fault]:
    steps = ward.morning.step if ward.morning else ()
    known = sorted([*(provider.id for provider in ward.provider), WARD])
    for position, step in enumerate(steps):
        at = ("morning", "step", position)
        if not _KEY.fullmatch(step.key):
            yield f"morning.step: {step.key!r} is no key; up to 40 of a to z, 0 to 9 and hyphens", (*at, "key")
        if step.key in [other.key for other in steps[:position]]:
            yield f"morning.step: {step.key} stands twice; each key once", (*at, "key")
        if step.to not in known:
            yield f"morning.step {step.key}: unknown receiver {step.to!r}; known: {', '.join(known)}", (*at, "to")
        yield from _positive(step.after, "minutes", *at, "after")
    for position, (before, step) in enumerate(pairwise(steps), 1):
        if step.after < before.after:
            reason = f"morning.step {step.key}: after {step.after} minutes, but {before.key} is after {before.after}"
            yield f"{reason}; put the earlier step first", ("morning", "step", position, "after")


def _ladder(ward: Ward) -> Iterator[Fault]:
    """Whenever it is, somebody answers what cannot wait."""
    if ward.urgent is None:
        return
    yield from _positive(ward.urgent.every, "minutes", "urgent", "every")
    if ward.morning is None:
        yield "urgent: what cannot wait for the morning needs a [morning]", ("urgent",)
    for when in get_args(When):
        if not any(when in duty.on for duty in ward.duty):
            yield f"urgent: no [[duty]] answers when it is {when!r}; at least one must", ("urgent",)


def _duty(ward: Ward) -> Iterator[Fault]:
    for position, duty in enumerate(ward.duty):
        at = ("duty", position)
        if not _NUMBER.fullmatch(duty.phone):
            yield f"duty {duty.key}: {duty.phone!r} is no telephone number such as 03-0000-0000", (*at, "phone")
        if not duty.on or len(set(duty.on)) < len(duty.on):
            accepted = ", ".join(get_args(When))
            yield f"duty {duty.key}: `on` must name something, and each once; accepted: {accepted}", (*at, "on")


def _closed_days(ward: Ward) -> Iterator[Fault]:
    for position, name in enumerate(ward.closed.days if ward.closed else ()):
        at = ("closed", "days", position)
        if not hours_of.is_day(name):
            yield f"closed: {name!r} names no day; accepted: {ACCEPTED_DAYS}", at
        if name == "holiday" and ward.holidays is None:
            yield "closed: no [holidays] are listed; `yoake ward holidays` writes them", at


def _evening(ward: Ward) -> Iterator[Fault]:
    if ward.evening is None:
        return
    yield from _positive(ward.evening.before, "minutes", "evening", "before")
    if ward.morning is None:
        yield "evening: it comes before the night of [morning], and there is none", ("evening",)


def _positive(number: int, unit: str, *at: str | int) -> Iterator[Fault]:
    if number < 1:
        place = ".".join(str(step) for step in at if isinstance(step, str))
        yield f"{place}: {number}; accepted: 1 or more {unit}", at
