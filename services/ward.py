"""A ward's file: districts, hours, outcomes, policies and words, checked and made usable.

Everything here is pure: times and dates come in as arguments, and the same content gives the same
answers for ever. The whole content of a file is journaled (`ward.activated`), so that an old
report keeps the old rules.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from datetime import date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from events.handover import KINDS as HANDOVER_KINDS

DAY = timedelta(days=1)


class WardError(ValueError):
    """A ward's file that cannot be used; the text says where, why and what would be accepted."""


class Label(msgspec.Struct, frozen=True):
    """A word in the two languages of the screens."""

    ja: str
    en: str

    def __getitem__(self, language: str) -> str:
        return self.en if language == "en" else self.ja


class _Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Identity(_Strict, frozen=True, kw_only=True):
    """Which ward this is, and since when it serves."""

    id: str
    code: str
    name: Label
    centre: Label
    timezone: str
    registration_opens: date
    line_opens: date


class Keyed(_Strict, frozen=True, kw_only=True):
    """Something that messages name by `key` and people by `label`; `also` are further words for it."""

    key: str
    label: Label
    also: tuple[str, ...] = ()


class Provider(_Strict, frozen=True, kw_only=True):
    """Who may send, from and until which day (both included), and in which bands it works."""

    id: str
    label: Label
    from_: date = msgspec.field(name="from")
    until: date | None = None
    bands: tuple[str, ...]


class Span(_Strict, frozen=True, kw_only=True):
    """A band's hours, local time; `end` before `start` crosses midnight."""

    band: str
    start: str
    end: str


class Hours(_Strict, frozen=True, kw_only=True):
    """The bands in force from 0:00 of a day."""

    from_: date = msgspec.field(name="from")
    spans: tuple[Span, ...]


class Outcome(Keyed, frozen=True, kw_only=True):
    """A column: its condition and its precedence."""

    rank: int
    group: str | None = None
    arranged: tuple[str, ...] = ()
    handed_over: tuple[str, ...] = ()


class AgeGroup(Keyed, frozen=True, kw_only=True):
    """Ages up to and including `to`; the last group has no upper end."""

    to: int | None = None


class Policy(_Strict, frozen=True, kw_only=True):
    """The choices that the published papers leave open; see the comments in the ward's file."""

    unit: Literal["matter", "contact"] = "matter"
    after_closing: Literal["new", "same"] = "new"
    not_counted: tuple[str, ...] = ("silent", "wrong-number", "enquiry", "exercise")
    silent_registered: Literal["open", "closed"] = "open"
    edges: Literal["start", "end"] = "start"
    period: Literal["clock", "evening"] = "clock"
    cancelled: Literal["before-start", "any"] = "before-start"
    handover: Literal["accepted", "offered", "ever"] = "accepted"
    age: Literal["birthday", "legal"] = "birthday"
    percentages: Literal["half-up", "to-100"] = "half-up"
    late_entry_hours: int = 12


class Eligibility(_Strict, frozen=True, kw_only=True):
    """Under this legal age, or with a certificate."""

    under: int = 65


class Ward(_Strict, frozen=True, kw_only=True, dict=True):
    """One ward's file, whole and checked."""

    ward: Identity
    district: tuple[Keyed, ...]
    provider: tuple[Provider, ...]
    band: tuple[Keyed, ...]
    hours: tuple[Hours, ...]
    placement: tuple[Keyed, ...]
    outcome: tuple[Outcome, ...]
    outcome_group: tuple[Keyed, ...] = ()
    handbook: tuple[Keyed, ...]
    age_group: tuple[AgeGroup, ...]
    reason: tuple[Keyed, ...] = ()
    refusal: tuple[Keyed, ...] = ()
    policy: Policy = Policy()
    eligibility: Eligibility = Eligibility()
    labels: dict[str, Label]
    titles: dict[str, Label]
    footnotes: dict[str, Label]

    @property
    def id(self) -> str:
        return self.ward.id

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.ward.timezone)

    def local(self, moment: datetime) -> datetime:
        """The moment on the ward's own clock."""
        return moment.astimezone(self.zone)

    @cached_property
    def opens_at(self) -> datetime:
        """When the register opened: before that nothing was recorded."""
        return self.start_of(self.ward.registration_opens)

    def start_of(self, day: date) -> datetime:
        """0:00 of a day on the ward's clock."""
        return datetime.combine(day, time(), self.zone)

    def end_of(self, day: date) -> datetime:
        """The first moment after a day on the ward's clock."""
        return self.start_of(day + DAY)

    def fiscal_year(self, moment: datetime) -> int:
        """The 年度 of a call (April to March), by the period policy."""
        day = self.night_of(moment) if self.policy.period == "evening" else self.local(moment).date()
        return fiscal_year(day)

    def band_of(self, moment: datetime) -> str:
        """The band in which a call falls, by the hours then in force (domain Rule 3)."""
        return self._span_at(moment)[0].band

    def night_of(self, moment: datetime) -> date:
        """The day on which the band of this moment began; 02:00 belongs to the evening before."""
        _, began_the_day_before = self._span_at(moment)
        day = self.local(moment).date()
        return day - DAY if began_the_day_before else day

    def _span_at(self, moment: datetime) -> tuple[Span, bool]:
        local = self.local(moment)
        if self.policy.edges == "end":  # (start, end]: a call on the edge belongs to the band that ends there.
            local -= timedelta.resolution
        minute = local.time()
        for span in self._hours_on(local.date()).spans:
            start, end = _clock(span.start), _clock(span.end)
            if start < end:
                if start <= minute < end:
                    return span, False
            elif minute >= start or minute < end:
                return span, minute < end and start != time()
        raise WardError(f"hours: no band holds {local:%Y-%m-%d %H:%M}")

    def _hours_on(self, day: date) -> Hours:
        return next((h for h in reversed(self.hours) if h.from_ <= day), self.hours[0])

    @cached_property
    def by_rank(self) -> tuple[Outcome, ...]:
        """The outcomes in their precedence, the first that holds wins."""
        return tuple(sorted(self.outcome, key=lambda outcome: outcome.rank))

    def outcome_of(self, arranged: frozenset[str], handed_over: frozenset[str]) -> str:
        """The one column of a consultation, from what was arranged and handed over (Rule 6)."""
        for outcome in self.by_rank:
            if outcome.arranged and not arranged.issuperset(outcome.arranged):
                continue
            if outcome.handed_over and handed_over.isdisjoint(outcome.handed_over):
                continue
            return outcome.key
        raise WardError("outcome: none holds")  # Unreachable: the last rank has no condition.

    def age_group_of(self, age: int) -> str:
        """The age group of a whole number of years."""
        return next(group.key for group in self.age_group if group.to is None or age <= group.to)

    def district_of(self, told: str) -> str | None:
        """The district that somebody named by key or label in any width; None if it is none of ours."""
        return self.words["district"].get(_folded(told))

    @cached_property
    def words(self) -> dict[str, dict[str, str]]:
        """What people call the districts, handbooks and reasons, in any width, to their keys."""
        return {place: words_of(getattr(self, place)) for place in ("district", "handbook", "reason")}

    def provider_of(self, name: str) -> Provider | None:
        """The provider with this id, whatever its dates."""
        return self._providers.get(name)

    @cached_property
    def _providers(self) -> dict[str, Provider]:
        return {provider.id: provider for provider in self.provider}

    def on_duty(self, provider: str, moment: datetime) -> bool:
        """Whether the provider had the line at this moment: its contract, and its bands."""
        contract = self.provider_of(provider)
        if contract is None:
            return False
        day = self.local(moment).date()
        in_force = contract.from_ <= day and (contract.until is None or day <= contract.until)
        return in_force and self.band_of(moment) in contract.bands

    def content(self) -> dict[str, Any]:
        """The whole file as plain data, as `ward.activated` keeps it."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain


def words_of(entries: tuple[Keyed, ...]) -> dict[str, str]:
    """Every word that names one of these, its key and its labels in any width, to its key."""
    return {
        _folded(word): entry.key
        for entry in entries
        for word in (entry.key, entry.label.ja, entry.label.en, *entry.also)
    }


def fiscal_year(day: date) -> int:
    """The 年度 of a day: April to March, named by the year in which it began."""
    return day.year if day.month >= 4 else day.year - 1


def load(path: Path) -> Ward:
    """Read a ward's file.

    Raises:
        WardError: unreadable, not TOML, or contradicting itself; says where and what is accepted.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise WardError(f"{path}: no such file; give the path of a ward's TOML file") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise WardError(f"{path}: cannot be read as TOML: {error}") from error
    try:
        return parse(content)
    except WardError as error:
        raise WardError(f"{path}: {error}") from error


def parse(content: dict[str, Any]) -> Ward:
    """Check a ward's content, from a file or from the journal.

    Raises:
        WardError: says which part is wrong and what would be accepted.
    """
    try:
        ward = msgspec.convert(content, Ward)
    except msgspec.ValidationError as error:
        raise WardError(str(error)) from error
    for check in (_check_identity, _check_keys, _check_hours, _check_outcomes, _check_ages, _check_words):
        check(ward)
    return ward


def _check_identity(ward: Ward) -> None:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,31}", ward.ward.id):
        raise WardError(f"ward.id: {ward.ward.id!r} cannot stand in a subject; a to z, 0 to 9 and hyphens can")
    try:
        ZoneInfo(ward.ward.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise WardError(f"ward.timezone: {ward.ward.timezone!r} is not a time zone such as Asia/Tokyo") from error


def _check_keys(ward: Ward) -> None:
    for place in (
        "district",
        "band",
        "placement",
        "outcome",
        "outcome_group",
        "handbook",
        "age_group",
        "reason",
        "refusal",
    ):
        keys = [entry.key for entry in getattr(ward, place)]
        twice = {key for key in keys if keys.count(key) > 1}
        if twice:
            raise WardError(f"{place}: {', '.join(sorted(twice))} stands twice; each key once")
        if long := [key for key in keys if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", key)]:
            raise WardError(f"{place}: {long[0]!r} is no key; up to 40 of a to z, 0 to 9 and hyphens")
        if not keys and place not in ("reason", "refusal", "outcome_group"):
            raise WardError(f"{place}: empty; at least one is needed")
    bands = {band.key for band in ward.band}
    ids = [provider.id for provider in ward.provider]
    if twice := {own for own in ids if ids.count(own) > 1}:
        raise WardError(f"provider: {_list(twice)} stands twice; each id once")
    for provider in ward.provider:
        if unknown := set(provider.bands) - bands:
            raise WardError(f"provider {provider.id}: unknown band {', '.join(sorted(unknown))}; known: {_list(bands)}")
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,31}", provider.id):
            raise WardError(f"provider.id: {provider.id!r} cannot stand in a subject; a to z, 0 to 9 and hyphens can")


def _check_hours(ward: Ward) -> None:
    if not ward.hours:
        raise WardError("hours: empty; at least one [[hours]] is needed")
    starts = [hours.from_ for hours in ward.hours]
    if starts != sorted(set(starts)):
        raise WardError("hours: [[hours]] must stand in the order of `from`, each day once")
    bands = {band.key for band in ward.band}
    for hours in ward.hours:
        place = f"hours from {hours.from_}"
        edges: list[tuple[int, int, str]] = []
        for span in hours.spans:
            if span.band not in bands:
                raise WardError(f"{place}: unknown band {span.band!r}; known: {_list(bands)}")
            try:
                start, end = _minutes(_clock(span.start)), _minutes(_clock(span.end))
            except ValueError as error:
                raise WardError(f"{place}, {span.band}: {error}; write 08:30") from error
            if start < end:
                edges.append((start, end, span.band))
            else:
                edges += [(start, 1440, span.band)] + ([(0, end, span.band)] if end else [])
        _check_cover(place, sorted(edges))


def _check_cover(place: str, edges: list[tuple[int, int, str]]) -> None:
    at = 0
    for start, end, band in edges:
        if start > at:
            raise WardError(f"{place}: nothing from {_hhmm(at)} to {_hhmm(start)}; the spans must cover 24 hours")
        if start < at:
            raise WardError(f"{place}: {band} overlaps the band before it at {_hhmm(start)}; each minute in one band")
        at = end
    if at != 1440:
        raise WardError(f"{place}: nothing from {_hhmm(at)} to 24:00; the spans must cover 24 hours")


def _check_outcomes(ward: Ward) -> None:
    placements = {placement.key for placement in ward.placement}
    groups = {group.key for group in ward.outcome_group}
    ranks = [outcome.rank for outcome in ward.outcome]
    if len(ranks) != len(set(ranks)):
        raise WardError("outcome: two outcomes have the same rank; each needs its own")
    for outcome in ward.outcome:
        if unknown := set(outcome.arranged) - placements:
            raise WardError(f"outcome {outcome.key}: unknown placement {_list(unknown)}; known: {_list(placements)}")
        if unknown := set(outcome.handed_over) - set(HANDOVER_KINDS):
            raise WardError(
                f"outcome {outcome.key}: unknown hand-over {_list(unknown)}; known: {_list(set(HANDOVER_KINDS))}"
            )
        if outcome.group is not None and outcome.group not in groups:
            raise WardError(f"outcome {outcome.key}: unknown group {outcome.group!r}; known: {_list(groups)}")
    ordered = ward.by_rank
    if ordered[-1].arranged or ordered[-1].handed_over:
        raise WardError(f"outcome {ordered[-1].key}: the last rank must take everything else, with no condition")
    for position, outcome in enumerate(ordered):
        for earlier in ordered[:position]:
            takes_arranged = set(earlier.arranged) <= set(outcome.arranged)
            takes_handed = not earlier.handed_over or (
                bool(outcome.handed_over) and set(outcome.handed_over) <= set(earlier.handed_over)
            )
            if takes_arranged and takes_handed:
                raise WardError(f"outcome {outcome.key}: nobody can reach it, {earlier.key} comes first")


def _check_ages(ward: Ward) -> None:
    ends = [group.to for group in ward.age_group]
    if ends[-1] is not None or None in ends[:-1]:
        raise WardError("age_group: only the last group goes without `to`")
    bounds = [end for end in ends if end is not None]
    if bounds != sorted(set(bounds)):
        raise WardError("age_group: `to` must rise from group to group")


_WORDS = {
    "labels": ["unknown_district", "not_stated", "total", "registrants", "consultations", "count", "percent", "no_age"],
    "titles": ["registrations", "handbooks", "ages", "calls-by-district", "calls"],
    "footnotes": [
        "hours",
        "hours_only",
        "overlap",
        "rounding",
        "first_year",
        "first_contact",
        "pending",
        "known_at",
        "synthetic",
    ],
}


def _check_words(ward: Ward) -> None:
    for place, needed in _WORDS.items():
        if missing := set(needed) - set(getattr(ward, place)):
            raise WardError(f"{place}: {_list(missing)} missing")


def _clock(text: str) -> time:
    if text == "24:00":
        return time()
    if not re.fullmatch(r"\d\d:\d\d", text):
        raise ValueError(f"{text!r} is not a time of day")
    return time.fromisoformat(text)


def _minutes(moment: time) -> int:
    return moment.hour * 60 + moment.minute


def _hhmm(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _list(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().casefold()
