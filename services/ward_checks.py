"""What a ward's file may not say: each contradiction with its place, its reason and what would be accepted. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from events.handover import KINDS as HANDOVER_KINDS
from services import directory, morning_checks, subscribers
from services import hours as hours_of
from services.hours import ACCEPTED_DAYS, MIDNIGHT, NEXT, Hours, Span, hhmm, minutes_of
from services.toml_file import FileError

if TYPE_CHECKING:
    from services.ward import Outcome, Ward

KEYED = (
    "district",
    "band",
    "placement",
    "outcome",
    "outcome_group",
    "handbook",
    "age_group",
    "reason",
    "refusal",
    "closing",
    "role",
    "duty",
    "agency",
    "basis",
    "subscriber",
)
MAY_BE_EMPTY = ("reason", "refusal", "closing", "outcome_group", "role", "duty", "agency", "basis", "subscriber")


class WardError(FileError):
    """A ward's file that cannot be used; the text says where, why and what would be accepted."""


def check(ward: Ward) -> None:
    """Refuse a content with which nothing could be counted.

    What was journaled once must pass for ever, so that these checks never grow stricter.

    Raises:
        WardError: the first contradiction.
    """
    for part in (_identity, _keys, _providers, _hours, _outcomes, _ages, _words):
        part(ward)


def check_file(ward: Ward) -> None:
    """Refuse, beyond `check`, what nobody can have meant in a file that is to come into force.

    Raises:
        WardError: the first contradiction.
    """
    for part in (_districts, _staffing, _holidays, _days_left, _bands, _reach, _blanks, _roles):
        part(ward)
    _mornings(ward)
    _directory(ward)
    _subscribers(ward)


def _identity(ward: Ward) -> None:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,31}", ward.ward.id):
        reason = f"ward.id: {ward.ward.id!r} cannot stand in a subject; a to z, 0 to 9 and hyphens can"
        raise WardError(reason, "ward", "id")
    try:
        ZoneInfo(ward.ward.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        reason = f"ward.timezone: {ward.ward.timezone!r} is not a time zone such as Asia/Tokyo"
        raise WardError(reason, "ward", "timezone") from error


def _keys(ward: Ward) -> None:
    for place in KEYED:
        keys = [entry.key for entry in getattr(ward, place)]
        _once(place, "key", keys)
        for position, key in enumerate(keys):
            if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", key):
                reason = f"{place}: {key!r} is no key; up to 40 of a to z, 0 to 9 and hyphens"
                raise WardError(reason, place, position, "key")
        if not keys and place not in MAY_BE_EMPTY:
            raise WardError(f"{place}: empty; at least one is needed", place)


def _once(place: str, field: str, words: list[str]) -> None:
    for position, word in enumerate(words):
        if word in words[:position]:
            raise WardError(f"{place}: {word} stands twice; each {field} once", place, position, field)


def _districts(ward: Ward) -> None:
    """No word names two districts, and an alias names one that is there."""
    known = [district.key for district in ward.district]
    named: dict[str, str] = {}
    for position, district in enumerate(ward.district):
        for word in (district.key, district.label.ja, district.label.en, *district.also):
            if named.setdefault(_folded(word), district.key) != district.key:
                reason = f"district {district.key}: {word!r} names {named[_folded(word)]} too; each word one district"
                raise WardError(reason, "district", position)
    for position, alias in enumerate(ward.alias):
        if alias.district not in known:
            raise WardError(
                f"alias {alias.word}: unknown district {alias.district!r}; known: {', '.join(known)}",
                *("alias", position, "district"),
            )
        if named.setdefault(_folded(alias.word), alias.district) != alias.district:
            other = named[_folded(alias.word)]
            reason = f"alias {alias.word}: it names {other} already; each word one district"
            raise WardError(reason, "alias", position, "word")


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().casefold()


def _providers(ward: Ward) -> None:
    bands = {band.key: band for band in ward.band}
    _once("provider", "id", [provider.id for provider in ward.provider])
    for position, provider in enumerate(ward.provider):
        at = ("provider", position)
        if unknown := set(provider.bands) - bands.keys():
            reason = f"provider {provider.id}: unknown band {_list(unknown)}; known: {_list(bands)}"
            raise WardError(reason, *at, "bands")
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,31}", provider.id):
            reason = f"provider.id: {provider.id!r} cannot stand in a subject; a to z, 0 to 9 and hyphens can"
            raise WardError(reason, *at, "id")
        for reason, field in directory.number_faults(provider.phone, provider.fax):
            raise WardError(f"provider {provider.id}: {reason}", *at, field)


def _staffing(ward: Ward) -> None:
    closed = {band.key for band in ward.band if band.closed}
    for position, provider in enumerate(ward.provider):
        if working := closed.intersection(provider.bands):
            reason = f"provider {provider.id}: nobody works in {_list(working)}, which is closed; leave it out"
            raise WardError(reason, "provider", position, "bands")
        if provider.until is not None and provider.until < provider.from_:
            reason = f"provider {provider.id}: until {provider.until} lies before its `from`"
            raise WardError(reason, "provider", position, "until")


def _holidays(ward: Ward) -> None:
    if ward.holidays is None:
        return
    for position, (day, later) in enumerate(pairwise(ward.holidays.days)):
        if later <= day:
            reason = f"holidays: {later} after {day}; list each day once, the earlier first"
            raise WardError(reason, "holidays", "days", position + 1)
    if ward.holidays.days and ward.holidays.days[-1] > ward.holidays.until:
        reason = f"holidays: until {ward.holidays.until}, but {ward.holidays.days[-1]} is listed"
        raise WardError(reason, "holidays", "until")


def _hours(ward: Ward) -> None:
    if not ward.hours:
        raise WardError("hours: empty; at least one [[hours]] is needed", "hours")
    for position, (entry, later) in enumerate(pairwise(ward.hours)):
        if later.from_ <= entry.from_:
            reason = "hours: [[hours]] must stand in the order of `from`, each day once"
            raise WardError(reason, "hours", position + 1, "from")
    for position, entry in enumerate(ward.hours):
        _days(ward, entry, position)
        for kind in range(-1, len(entry.days)):
            _spans(ward, entry, position, kind)
        for before, own in sorted(hours_of.following(entry.days)):
            _cover(entry, position, before, own)


def _days(ward: Ward, entry: Hours, position: int) -> None:
    at = ("hours", position, "days")
    for number, days in enumerate(entry.days):
        for n, name in enumerate(days.on):
            if not hours_of.is_day(name):
                reason = f"{_hours_from(entry)}: {name!r} names no day; accepted: {ACCEPTED_DAYS}"
                raise WardError(reason, *at, number, "on", n)
            if name == "holiday" and ward.holidays is None:
                reason = f"{_hours_from(entry)}: no [holidays] are listed; `yoake ward holidays` writes them"
                raise WardError(reason, *at, number, "on", n)


def _days_left(ward: Ward) -> None:
    for position, entry in enumerate(ward.hours):
        there = {own for _, own in hours_of.following(entry.days)}
        for number, days in enumerate(entry.days):
            if number not in there:
                place = f"{_hours_from(entry)}, on {', '.join(days.on)}"
                reason = f"{place}: no day is left for it; those before it take them all, put it before them"
                raise WardError(reason, "hours", position, "days", number)


def _hours_from(entry: Hours) -> str:
    return f"hours from {entry.from_}"


def _spans(ward: Ward, entry: Hours, position: int, kind: int) -> None:
    """Each span for itself: a band that is there and may be in force, and times that are times."""
    bands = {band.key: band for band in ward.band}
    place, at = _hours_from(entry), _spans_at(position, kind)
    for number, span in enumerate(entry.on(kind)):
        if span.band not in bands:
            reason = f"{place}: unknown band {span.band!r}; known: {_list(bands)}"
            raise WardError(reason, *at, number, "band")
        begins = bands[span.band].from_
        if begins is not None and begins > entry.from_:
            reason = f"{place}: {span.band} begins only on {begins}; give it hours from that day"
            raise WardError(reason, *at, number, "band")
        for field, text in (("start", span.start), ("end", span.end)):
            try:
                if field == "start" or text != NEXT:
                    minutes_of(text)
            except ValueError as error:
                reason = f"{place}, {span.band}: {error}; write 08:30" + (' or "next"' if field == "end" else "")
                raise WardError(reason, *at, number, field) from error


def _spans_at(position: int, kind: int) -> tuple[str | int, ...]:
    return ("hours", position, "spans") if kind < 0 else ("hours", position, "days", kind, "spans")


def _cover(entry: Hours, position: int, before: int, own: int) -> None:
    """A day of one kind after a day of another: each minute in one band, none without."""
    place = _hours_from(entry)
    if entry.days:
        place = f"{place}, {_kind(entry, own)} after {_kind(entry, before)}"
    laid_out = hours_of.stretches(entry.on(before), entry.on(own))
    at, last = 0, _spans_at(position, own)
    for stretch in laid_out:
        here = (*_spans_at(position, before if stretch.before else own), stretch.position)
        if stretch.start > at:
            gap = f"nothing from {hhmm(at)} to {hhmm(stretch.start)}"
            raise WardError(f"{place}: {gap}; the spans must cover 24 hours", *last)
        if stretch.start < at:
            reason = f"{place}: {stretch.band} overlaps the band before it at {hhmm(stretch.start)}"
            raise WardError(f"{reason}; each minute in one band", *here)
        at, last = stretch.until, here
    if at != MIDNIGHT:
        raise WardError(f"{place}: nothing from {hhmm(at)} to 24:00; the spans must cover 24 hours", *last)


def _kind(entry: Hours, kind: int) -> str:
    return "any other day" if kind < 0 else "/".join(entry.days[kind].on)


def _bands(ward: Ward) -> None:
    """Every band has hours."""
    spans: set[str] = {span.band for each in ward.hours for span in _all_spans(each)}
    for position, band in enumerate(ward.band):
        if band.key not in spans:
            raise WardError(f"band {band.key}: it has no hours; name it in a span, or leave it out", "band", position)


def _all_spans(entry: Hours) -> Iterable[Span]:
    return (span for kind in range(-1, len(entry.days)) for span in entry.on(kind))


def _outcomes(ward: Ward) -> None:
    placements = {placement.key for placement in ward.placement}
    groups = {group.key for group in ward.outcome_group}
    ranks = [outcome.rank for outcome in ward.outcome]
    for position, outcome in enumerate(ward.outcome):
        at = ("outcome", position)
        if outcome.rank in ranks[:position]:
            reason = f"outcome {outcome.key}: two outcomes have the same rank {outcome.rank}; each needs its own"
            raise WardError(reason, *at, "rank")
        if unknown := set(outcome.arranged) - placements:
            reason = f"outcome {outcome.key}: unknown placement {_list(unknown)}; known: {_list(placements)}"
            raise WardError(reason, *at, "arranged")
        if unknown := set(outcome.handed_over) - set(HANDOVER_KINDS):
            reason = f"outcome {outcome.key}: unknown hand-over {_list(unknown)}; known: {_list(HANDOVER_KINDS)}"
            raise WardError(reason, *at, "handed_over")
        if outcome.group is not None and outcome.group not in groups:
            reason = f"outcome {outcome.key}: unknown group {outcome.group!r}; known: {_list(groups)}"
            raise WardError(reason, *at, "group")
    last = ward.by_rank[-1]
    if last.arranged or last.handed_over:
        reason = f"outcome {last.key}: the last rank must take everything else, with no condition"
        raise WardError(reason, "outcome", ward.outcome.index(last))


def _reach(ward: Ward) -> None:
    """No outcome stands behind others that take all of its consultations."""
    for position, outcome in enumerate(ward.outcome):
        if taking := _taken_by(ward, outcome):
            reason = f"outcome {outcome.key}: nobody can reach it, {taking} comes first; give it a lower rank"
            raise WardError(reason, "outcome", position)


def _taken_by(ward: Ward, outcome: Outcome) -> str | None:
    """Who takes all that an outcome could take; None if anything is left.

    What happens beyond an outcome's own condition only helps those before it, so that the least of
    each way to meet the condition decides.
    """
    arranged = frozenset(outcome.arranged)
    ways = [frozenset({kind}) for kind in outcome.handed_over] or [frozenset()]
    takers = [ward.outcome_of(arranged, handed) for handed in ways]
    return None if outcome.key in takers else " or ".join(dict.fromkeys(takers))


def _ages(ward: Ward) -> None:
    for position, group in enumerate(ward.age_group):
        is_last = position == len(ward.age_group) - 1
        if (group.to is None) != is_last:
            raise WardError("age_group: only the last group goes without `to`", "age_group", position)
        before = ward.age_group[position - 1].to if position else -1
        if group.to is not None and before is not None and group.to <= before:
            raise WardError("age_group: `to` must rise from group to group", "age_group", position, "to")


_NEEDED: dict[str, tuple[str, ...]] = {
    "labels": ("unknown_district", "not_stated", "total", "registrants", "consultations", "count", "percent", "no_age"),
    "titles": ("registrations", "handbooks", "ages", "calls-by-district", "calls"),
    "footnotes": (
        *("hours", "hours_only", "overlap", "rounding", "first_year"),
        *("first_contact", "pending", "known_at", "synthetic"),
    ),
}
_FILLED = {
    "hours": {"from", "spans"},
    "hours_only": {"spans"},
    "first_year": {"year", "month"},
    "pending": {"count"},
    "known_at": {"date"},
}


def _words(ward: Ward) -> None:
    for place, needed in _NEEDED.items():
        if missing := set(needed) - set(getattr(ward, place)):
            raise WardError(f"{place}: {_list(missing)} missing", place)


def _roles(ward: Ward) -> None:
    """A role sees something, each thing once, and speaks for a provider that is there."""
    known = [provider.id for provider in ward.provider]
    for position, role in enumerate(ward.role):
        at = ("role", position)
        if role.provider is not None and role.provider not in known:
            reason = f"role {role.key}: unknown provider {role.provider!r}; known: {_list(known)}"
            raise WardError(reason, *at, "provider")
        if not role.sees or len(set(role.sees)) < len(role.sees):
            reason = f"role {role.key}: `sees` must name something, and each thing once"
            raise WardError(reason, *at, "sees")
        if "persons" in role.sees and "calls" not in role.sees:
            reason = f"role {role.key}: who sees persons sees them in their calls; add calls to `sees`"
            raise WardError(reason, *at, "sees")


def _mornings(ward: Ward) -> None:
    """Nights and mornings: a band that is there, steps that come one after the other, somebody who answers."""
    for reason, at in morning_checks.faults(ward):
        raise WardError(reason, *at)


def _subscribers(ward: Ward) -> None:
    """Who receives what: nothing that cannot be meant, and no name on NATS that is a provider's as well."""
    for position, subscriber in enumerate(ward.subscriber):
        known = [agency.key for agency in ward.agency], [provider.id for provider in ward.provider]
        for field, reason in subscribers.mistakes(subscriber, *known):
            raise WardError(f"subscriber {subscriber.key}: {reason}", "subscriber", position, field)
    for position, provider in enumerate(ward.provider):
        if subscribers.is_taken(provider.id, ward.subscriber):
            reason = f"provider.id: {provider.id!r} is the name by which a subscriber signs on to NATS; take another"
            raise WardError(reason, "provider", position, "id")


def _directory(ward: Ward) -> None:
    """Who can be handed a case, and on what basis: dates, numbers and names that can be meant."""
    for reason, at in directory.faults(ward.agency, ward.basis, ward.handover):
        raise WardError(reason, *at)


def _blanks(ward: Ward) -> None:
    """A footnote's {blanks} are ones that its table can fill."""
    for name, label in ward.footnotes.items():
        for language, text in (("ja", label.ja), ("en", label.en)):
            _filled(name, language, text)


def _filled(name: str, language: str, text: str) -> None:
    known = _FILLED.get(name, set())
    blanks: Any = dict.fromkeys(known, "")
    try:
        text.format(**blanks)
    except (KeyError, IndexError, ValueError) as error:
        accepted = ", ".join(f"{{{blank}}}" for blank in sorted(known)) or "none"
        reason = f"footnotes.{name}: a blank that nothing fills; accepted: {accepted}"
        raise WardError(reason, "footnotes", name, language) from error


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"
