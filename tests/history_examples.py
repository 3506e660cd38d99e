"""A counter of tables that knows no service, and a ward and tables invented for the tests of the history."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import strategies as st

from deploy.history import Sent
from services.era import age_on, legal_age_on
from services.reporting.percentages import percentages
from services.reporting.published import Published
from services.ward import Label, Policy, Ward, fiscal_year, parse
from services.ward import load as load_ward

WARDS = Path(__file__).parents[1] / "deploy" / "wards"
SETAGAYA = load_ward(WARDS / "setagaya.toml")


@dataclass
class Person:
    """A registration, as the counter below sees it."""

    on: date
    district: str
    handbooks: list[str]
    group: str


@dataclass
class Matter:
    """A consultation, as the counter below sees it."""

    at: datetime
    district: str
    person: str | None
    reasons: list[str]
    placed: dict[str, dict[str, Any]] = field(default_factory=dict)
    passed: dict[str, dict[str, Any]] = field(default_factory=dict)


class Count:
    """The tables, counted straight from the messages, with no help from any service."""

    def __init__(self, sent: Sequence[Sent], ward: Ward) -> None:
        self.ward = ward
        self.persons: dict[str, Person] = {}
        self.matters: dict[str, Matter] = {}
        self.calls: dict[str, str] = {}
        self.parts: dict[str, dict[str, Any]] = {}
        for _, message in sent:
            self.hear(message, message["data"], datetime.fromisoformat(message["time"]))

    def hear(self, message: dict[str, Any], data: dict[str, Any], at: datetime) -> None:
        match message["type"]:
            case "registration.submit":
                self.persons[data["person"]] = self.person(data, at.date())
            case "call.report" if data.get("not_counted") not in self.ward.policy.not_counted:
                for matter in data.get("matters", ()):
                    assert self.ward.policy.unit == "matter" or matter["case"] not in self.matters
                    told = Matter(
                        at, matter.get("district", "unknown"), matter.get("person"), matter.get("reasons", [])
                    )
                    self.matters.setdefault(matter["case"], told)
                    self.calls[message["id"]] = matter["case"]
            case "call.correct":
                self.matters[self.calls[data["call"]]].district = data["district"]
            case "placement.arrange":
                self.parts[data["placement"]] = self.matters[data["case"]].placed[data["placement"]] = {
                    **data,
                    "at": at,
                }
            case "placement.cancel":
                self.parts[data["placement"]]["cancelled"] = at
            case "handover.offer":
                self.parts[data["handover"]] = self.matters[data["case"]].passed[data["handover"]] = {**data}
            case "handover.complete":
                self.matters[data["case"]].passed[data["handover"]] = {**data, "handover.accept": at}
            case "handover.accept" | "handover.decline" | "handover.withdraw" | "handover.return" as answer:
                self.parts[data["handover"]][answer] = at

    def person(self, data: dict[str, Any], on: date) -> Person:
        born = date.fromisoformat(data["personal"]["birth_date"])
        held = data.get("handbooks", ["not-stated"])
        if self.ward.policy.age == "school-year":  # Born from 2 April to 1 April: one school year.
            age = max(0, fiscal_year(on) - fiscal_year(born - timedelta(days=1)) - 1)
        else:
            age = age_on(born, on)
            assert age == legal_age_on(born, on)
        return Person(on, data.get("district", "unknown"), held, self.ward.age_group_of(age))

    def outcome(self, matter: Matter) -> str:
        """By the ward's precedence, after the rules of what counts (Rules 6 and 7)."""
        policy = self.ward.policy
        arranged, handed = set(), set()
        for place in matter.placed.values():
            given_up = place.get("cancelled")
            in_time = given_up is not None and given_up < datetime.fromisoformat(place["begins_at"])
            gone = in_time if policy.cancelled == "before-start" else given_up is not None
            if place.get("by", "centre") == "centre" and not gone:
                arranged.add(place["kind"])
        for passing in matter.passed.values():
            ended = passing.keys() & {"handover.decline", "handover.withdraw", "handover.return"}
            counts = {
                "accepted": "handover.accept" in passing and not ended,
                "ever": "handover.accept" in passing,
                "offered": not ended,
            }
            if counts[policy.handover]:
                handed.add(passing["kind"])
        return self.ward.outcome_of(frozenset(arranged), frozenset(handed))

    def cells(self, table: Published) -> Iterator[tuple[str, str]]:
        """The row and column of everything that the table counts."""
        within = self.within(table)
        match table.report:
            case "registrations":
                for person in self.persons.values():
                    if person.on <= within[-1]:
                        yield (str(fiscal_year(person.on)) if table.years else "registrants"), person.district
            case "ages" | "handbooks" as report:
                for person in self.persons.values():
                    for row in [person.group] if report == "ages" else person.handbooks:
                        if person.on <= within[-1]:
                            yield row, "count"
            case "calls-by-district":
                for matter in self.matters.values():
                    if matter.at.date() <= within[-1]:
                        year = str(self.ward.fiscal_year(matter.at))
                        yield (year if table.years else "consultations"), matter.district
            case "calls":
                for matter in self.matters.values():
                    yield f"{self.ward.fiscal_year(matter.at)}/{self.ward.band_of(matter.at)}", self.outcome(matter)

    def within(self, table: Published) -> tuple[date, ...]:
        return (table.as_of,) if table.as_of else (date(list(table.years or [0])[-1] + 1, 3, 31),)

    def rows(self, table: Published) -> dict[str, tuple[int | float | None, ...]]:
        """What the history has in the table's cells."""
        tally = Counter(self.cells(table))
        return {
            row: tuple(
                self.value(table, tally, row, column, value)
                for column, value in zip(table.columns, values, strict=True)
            )
            for row, values in table.rows.items()
        }

    def value(
        self, table: Published, tally: Counter[tuple[str, str]], row: str, column: str, printed: int | float | None
    ) -> int | float | None:
        year = row.removesuffix("total") if row.endswith("total") else None
        found = sum(
            count
            for (r, c), count in tally.items()
            if (r == row or (year is not None and r.startswith(year))) and (column in (c, "total"))
        )
        if printed is None:
            return found or None
        if column == "percent":
            groups = [tally[group.key, "count"] for group in self.ward.age_group]
            shares = percentages(groups, self.ward.policy.percentages)
            return {group.key: share for group, share in zip(self.ward.age_group, shares, strict=True)}.get(row, 100.0)
        return found


def keyed(*keys: str, **more: Any) -> list[dict[str, Any]]:
    """Entries of a ward's file with these keys."""
    return [{"key": key, "label": {"ja": key, "en": key}, **more} for key in keys]


def invented(policy: Policy) -> Ward:
    """Another ward: three bands, one over midnight; hours that changed; two providers; outcomes of its own."""
    words = SETAGAYA.content()
    early, late = {"band": "early", "start": "05:00"}, {"band": "late", "start": "13:00"}
    night, changed_late = {"band": "night", "end": "05:00"}, {**late, "start": "12:00", "end": "22:00"}
    return parse(
        {
            "ward": {**words["ward"], "id": "invented", "registration_opens": "2023-05-01", "line_opens": "2023-06-01"},
            "district": keyed("north", "south", "isle"),
            "provider": [
                {"id": "dawn", "label": words["ward"]["name"], "from": "2023-05-01", "until": "2024-09-30",
                 "bands": ["early", "late", "night"]},
                {"id": "sun", "label": words["ward"]["name"], "from": "2024-10-01", "bands": ["early", "late"]},
                {"id": "moon", "label": words["ward"]["name"], "from": "2024-10-01", "bands": ["night"]},
            ],
            "band": keyed("early", "late", "night"),
            "hours": [
                {"from": "2023-05-01", "spans": [
                    {**early, "end": "13:00"}, {**late, "end": "21:00"}, {**night, "start": "21:00"}]},
                {"from": "2024-07-01", "spans": [
                    {**early, "end": "12:00"}, changed_late, {**night, "start": "22:00"}]},
            ],
            "placement": keyed("bed", "visit"),
            "outcome": [
                {**keyed("bed-and-agency")[0], "rank": 1, "arranged": ["bed"], "handed_over": ["agency"]},
                {**keyed("nothing")[0], "rank": 9},
                {**keyed("bed")[0], "rank": 2, "arranged": ["bed"]},
                {**keyed("section")[0], "rank": 3, "handed_over": ["section", "agency"]},
                {**keyed("visit")[0], "rank": 4, "arranged": ["visit"]},
            ],
            "handbook": keyed("red", "green"),
            "age_group": [{**keyed("young")[0], "to": 17}, {**keyed("grown")[0], "to": 64}, *keyed("old")],
            "policy": msgspec.to_builtins(policy),
            "labels": words["labels"],
            "titles": words["titles"],
            "footnotes": words["footnotes"],
        }
    )  # fmt: skip


DISTRICTS = ("north", "south", "isle", "unknown")
TITLE = Label("見本", "Sample")
AS_OF_DAY = date(2023, 11, 10)
YEARS_SHOWN = range(2023, 2025)


def table(report: Any, columns: Sequence[str], rows: dict[str, Any], *, as_of: date | None = None) -> Published:
    """A published table; of two fiscal years where it is not as of a day."""
    return Published(report, TITLE, as_of, None if as_of else YEARS_SHOWN, tuple(columns), rows)


def summed(counts: Sequence[int]) -> tuple[int, ...]:
    return (*counts, sum(counts))


@st.composite
def consistent_tables(draw: st.DrawFn, ward: Ward) -> list[Published]:
    """Tables of a history that could have been: drawn as what each day's figures add up to."""
    few = st.integers(0, 6)
    first, second, third = ([draw(few) for _ in range(3)] for _ in range(3))
    both = [a + b for a, b in zip(first, second, strict=True)]
    young = draw(st.integers(0, sum(first)))
    grown = draw(st.integers(0, sum(first) - young))
    ages = [young, grown, sum(first) - young - grown]
    blank = draw(st.integers(0, sum(first)))
    books = [draw(st.integers(0, sum(first) - blank)) for _ in range(2)]
    outcomes, bands = [entry.key for entry in ward.outcome], [entry.key for entry in ward.band]
    cells = {f"{year}/{band}": [draw(few) for _ in outcomes] for year in YEARS_SHOWN for band in bands}
    totals = [sum(sum(counts) for row, counts in cells.items() if row.startswith(str(year))) for year in YEARS_SHOWN]
    where = [[draw(st.sampled_from(range(4))) for _ in range(total)] for total in totals]
    by_then = where[0][: draw(st.integers(0, totals[0]))]
    sums = {
        f"{year}/total": summed([sum(cells[f"{year}/{band}"][i] for band in bands) for i in range(len(outcomes))])
        for year in YEARS_SHOWN
    }
    shares = zip(ages, percentages(ages, ward.policy.percentages), strict=True)
    held = {"red": (books[0],), "green": (books[1],), "not-stated": (blank,)}
    found = [
        table("registrations", [*DISTRICTS[:3], "total"], {"registrants": summed(first)}, as_of=AS_OF_DAY),
        table("registrations", DISTRICTS[:3], {"2023": tuple(both), "2024": tuple(third)}),
        table(
            "ages",
            ["count", "percent"],
            dict(zip(("young", "grown", "old"), shares, strict=True)),
            as_of=AS_OF_DAY,
        ),
        table("handbooks", ["count"], held, as_of=AS_OF_DAY),
        table("calls", [*outcomes, "total"], {row: summed(counts) for row, counts in cells.items()} | sums),
        table("calls-by-district", [*DISTRICTS, "total"], {
            "consultations": summed([by_then.count(i) for i in range(4)])}, as_of=AS_OF_DAY),
        table("calls-by-district", DISTRICTS, {
            str(year): tuple(told.count(i) for i in range(4)) for year, told in zip(YEARS_SHOWN, where, strict=True)}),
    ]  # fmt: skip
    return [each for each in found if draw(st.integers(0, 3))]


POLICIES = st.builds(
    Policy,
    unit=st.sampled_from(["matter", "contact"]),
    edges=st.sampled_from(["start", "end"]),
    period=st.sampled_from(["clock", "evening"]),
    cancelled=st.sampled_from(["before-start", "any"]),
    handover=st.sampled_from(["accepted", "offered", "ever"]),
    age=st.sampled_from(["birthday", "legal"]),
    percentages=st.sampled_from(["half-up", "to-100"]),
    not_counted=st.sampled_from([(), ("silent",), ("silent", "exercise")]),
)
