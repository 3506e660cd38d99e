"""A ward's file: districts, hours, outcomes, policies and words, checked and made usable.

Everything here is pure: times and dates come in as arguments, and the same content gives the same
answers for ever. The whole content of a file is journaled (`ward.activated`), so that an old
report keeps the old rules.
"""

from __future__ import annotations

import unicodedata
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from services import mornings, toml_file, ward_checks
from services.directory import Agency, Answering, Basis
from services.hours import DAY, Calendar, Holidays, Hours, Span, Stretch, is_among
from services.keyed import Keyed, Label
from services.keyed import Strict as _Strict
from services.mornings import Closed, Duty, Evening, Morning, Urgent, When
from services.subscribers import Subscriber
from services.ward_checks import WardError

__all__ = [
    "DAY",
    "Hours",
    "Keyed",
    "Label",
    "Span",
    "Ward",
    "WardError",
    "fiscal_year",
    "load",
    "parse",
    "parsed",
    "words_of",
]


class Identity(_Strict, frozen=True, kw_only=True):
    """Which ward this is, and since when it serves."""

    id: str
    code: str
    name: Label
    centre: Label
    timezone: str
    registration_opens: date
    line_opens: date


class Begun(Keyed, frozen=True, kw_only=True):
    """Something that is there from a day on; before it a figure of nothing is －, not 0."""

    from_: date | None = msgspec.field(name="from", default=None)


class Band(Begun, frozen=True, kw_only=True):
    """A row. `closed`: nobody works; a call then is recorded and counted here all the same, with a flag."""

    closed: bool = False


class Alias(_Strict, frozen=True, kw_only=True):
    """A word by which somebody may tell a district: a town, an old name."""

    word: str
    district: str


class Provider(_Strict, frozen=True, kw_only=True):
    """Who may send, from and until which day (both included), and in which bands it works.

    `phone` and `fax` are the organisation's: by them a receiver of a sheet answers.
    """

    id: str
    label: Label
    from_: date = msgspec.field(name="from")
    until: date | None = None
    bands: tuple[str, ...]
    phone: str | None = None
    fax: str | None = None


class Outcome(Begun, frozen=True, kw_only=True):
    """A column: its condition and its precedence."""

    rank: int
    group: str | None = None
    arranged: tuple[str, ...] = ()
    handed_over: tuple[str, ...] = ()


class AgeGroup(Keyed, frozen=True, kw_only=True):
    """Ages up to and including `to`; the last group has no upper end."""

    to: int | None = None


Sees = Literal["persons", "calls", "figures", "audit", "parked", "status"]
"""What a role may see. `calls` are cases without their personal parts; `persons` are the personal parts."""


class Role(_Strict, frozen=True, kw_only=True):
    """As whom one signs in to the pages: `provider` is the one for which this role speaks, if it speaks for any."""

    key: str
    label: Label
    provider: str | None = None
    sees: tuple[Sees, ...]


ROLES = (
    Role(key="night", label=Label("夜間の担当", "Night"), sees=("persons", "calls", "parked", "status")),
    Role(key="day", label=Label("日中の担当", "Day"), sees=("persons", "calls", "figures", "parked", "status")),
    Role(key="ward", label=Label("区の職員", "Ward"), sees=("calls", "figures", "audit", "parked", "status")),
    Role(key="auditor", label=Label("監査人", "Auditor"), sees=("calls", "figures", "audit", "status")),
)
"""The roles of a ward whose file names none. They speak for no provider: which it would be, only the file can say."""


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
    age: Literal["birthday", "legal", "school-year"] = "birthday"
    percentages: Literal["half-up", "to-100"] = "half-up"
    late_entry_hours: int = 12
    tables_open: bool = False
    duplicate_minutes: int = 3


class Eligibility(_Strict, frozen=True, kw_only=True):
    """Under this legal age, or with a certificate."""

    under: int = 65


class Ward(_Strict, frozen=True, kw_only=True, dict=True):
    """One ward's file, whole and checked."""

    ward: Identity
    district: tuple[Begun, ...]
    alias: tuple[Alias, ...] = ()
    provider: tuple[Provider, ...]
    band: tuple[Band, ...]
    hours: tuple[Hours, ...]
    holidays: Holidays | None = None
    placement: tuple[Begun, ...]
    outcome: tuple[Outcome, ...]
    outcome_group: tuple[Keyed, ...] = ()
    handbook: tuple[Keyed, ...]
    age_group: tuple[AgeGroup, ...]
    reason: tuple[Keyed, ...] = ()
    refusal: tuple[Keyed, ...] = ()
    role: tuple[Role, ...] = ()
    closing: tuple[Keyed, ...] = ()
    morning: Morning | None = None
    urgent: Urgent | None = None
    duty: tuple[Duty, ...] = ()
    closed: Closed | None = None
    evening: Evening | None = None
    subscriber: tuple[Subscriber, ...] = ()
    agency: tuple[Agency, ...] = ()
    basis: tuple[Basis, ...] = ()
    handover: Answering | None = None
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
        return moment if moment.tzinfo is self.zone else moment.astimezone(self.zone)

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
        return self._stretch_at(moment)[0].band

    def night_of(self, moment: datetime) -> date:
        """The day on which the band of this moment began; 02:00 belongs to the evening before."""
        stretch, day = self._stretch_at(moment)
        return day - DAY if stretch.before else day

    def _stretch_at(self, moment: datetime) -> tuple[Stretch, date]:
        local = self.local(moment)
        if self.policy.edges == "end":  # (start, end]: a call on the edge belongs to the band that ends there.
            local -= timedelta.resolution
        day, minute = local.date(), local.hour * 60 + local.minute
        for stretch in self.calendar.on(day):
            if minute < stretch.until:
                return stretch, day
        raise WardError(f"hours: no band holds {local:%Y-%m-%d %H:%M}")  # Unreachable: the check covers 24 hours.

    def night_span(self, night: date) -> tuple[datetime, datetime] | None:
        """When the night of this day began and ended, by the band of `[morning]`; None: no night began then.

        Compare these with other times of the ward's clock as UTC: the clock may have been put back in between.
        """
        if self.morning is None:
            return None
        return mornings.night_span(self.calendar, self.zone, self.morning.band, night)

    def night_at(self, moment: datetime) -> date | None:
        """The night to which a call of this moment belongs; None where it is none of a night's."""
        if self.morning is None:
            return None
        stretch, day = self._stretch_at(moment)
        if stretch.band != self.morning.band:
            return None
        return day - DAY if stretch.before else day

    def night_ending_after(self, moment: datetime) -> date | None:
        """The first night that ends after a moment; None where there are no nights."""
        if self.morning is None:
            return None
        return mornings.night_ending_after(self.calendar, self.zone, self.morning.band, moment)

    def night_ended_by(self, moment: datetime) -> date | None:
        """The last night that had ended at a moment; None where there are no nights."""
        if self.morning is None:
            return None
        return mornings.night_ended_by(self.calendar, self.zone, self.morning.band, moment)

    def is_closed_day(self, day: date) -> bool:
        """Whether the ward's offices are closed on this day (閉庁日)."""
        return self.closed is not None and is_among(self.closed.days, day, day in self._holidays)

    def duty_at(self, moment: datetime) -> tuple[Duty, ...]:
        """Who answers for the ward at a moment, in the order in which they are called."""
        when = self._when(moment)
        return tuple(duty for duty in self.duty if when in duty.on)

    def _when(self, moment: datetime) -> When:
        if self.night_at(moment) is not None:
            return "night"
        return "closed" if self.is_closed_day(self.local(moment).date()) else "open"

    @cached_property
    def _holidays(self) -> frozenset[date]:
        return frozenset(self.holidays.days if self.holidays else ())

    @cached_property
    def calendar(self) -> Calendar:
        """The hours laid out day by day."""
        return Calendar(self.hours, self._holidays)

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
        """What people call districts (aliases too), handbooks and reasons, in any width, to their keys."""
        found = {place: words_of(getattr(self, place)) for place in ("district", "handbook", "reason")}
        found["district"] |= {_folded(alias.word): alias.district for alias in self.alias}
        return found

    def begins(self, outcome: Outcome) -> date | None:
        """The day on which an outcome became possible: its own, or that of what has to be arranged."""
        kinds = [kind.from_ for kind in self.placement if kind.key in outcome.arranged]
        return max((day for day in (outcome.from_, *kinds) if day is not None), default=None)

    @property
    def roles(self) -> tuple[Role, ...]:
        """Who may sign in: the file's own roles, or `ROLES` where it names none."""
        return self.role or ROLES

    def role_of(self, key: str) -> Role | None:
        """The role with this key."""
        return next((role for role in self.roles if role.key == key), None)

    def provider_of(self, name: str) -> Provider | None:
        """The provider with this id, whatever its dates."""
        return self._providers.get(name)

    @cached_property
    def _providers(self) -> dict[str, Provider]:
        return {provider.id: provider for provider in self.provider}

    def on_duty(self, provider: str, moment: datetime) -> bool:
        """Whether the provider had the line at this moment: its contract, and its bands."""
        contract = self.provider_of(provider)
        return contract is not None and self._covers(contract, moment) and self.band_of(moment) in contract.bands

    def answering(self, moment: datetime) -> Provider | None:
        """Who is on duty (当番) at this moment and answers the telephone; None: no contract covers it."""
        return next((provider for provider in self.provider if self.on_duty(provider.id, moment)), None)

    def is_under_contract(self, provider: str, moment: datetime) -> bool:
        """Whether the provider's contract was in force at this moment."""
        contract = self.provider_of(provider)
        return contract is not None and self._covers(contract, moment)

    def is_over(self, provider: str, moment: datetime) -> bool:
        """Whether the provider's contract had ended by this moment; one that is not known has none that could."""
        contract = self.provider_of(provider)
        return contract is not None and contract.until is not None and self.local(moment).date() > contract.until

    def is_yet_to_begin(self, provider: str, moment: datetime) -> bool:
        """Whether the provider's contract had not begun by this moment; one that is not known has none that could."""
        contract = self.provider_of(provider)
        return contract is not None and self.local(moment).date() < contract.from_

    def _covers(self, contract: Provider, moment: datetime) -> bool:
        day = self.local(moment).date()
        return contract.from_ <= day and (contract.until is None or day <= contract.until)

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
        WardError: unreadable, not TOML, or contradicting itself; says on which line, and what is accepted.
    """
    text = None
    with suppress(OSError):  # Whoever reads it in earnest says why it cannot be read.
        text = path.read_bytes()
    return _loaded(path, text)


@lru_cache(maxsize=20)
def _loaded(path: Path, _text: bytes | None) -> Ward:
    """A file that says what it said is not read twice; every page, service and command of a process asks for it."""
    content, lines = toml_file.read(path, WardError, "a ward's TOML file")
    try:
        ward = parse(content)
        ward_checks.check_file(ward)
    except WardError as error:
        raise error.located(path, lines) from error
    return ward


def parse(content: dict[str, Any]) -> Ward:
    """A ward's content as the journal has it; what was in force once can always be read again.

    Raises:
        WardError: says which part is wrong and what would be accepted.
    """
    ward = toml_file.shaped(content, Ward, WardError)
    ward_checks.check(ward)
    return ward


@lru_cache(maxsize=20)
def parsed(content: bytes) -> Ward:
    """The same from its JSON, which a service reads whenever it starts and after every fault of its database."""
    return parse(msgspec.json.decode(content))


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().casefold()
