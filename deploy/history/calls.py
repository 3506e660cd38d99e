"""Which consultations there were: the cell, the district, the first contact and the person of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from typing import NamedTuple

from deploy.history.cuts import settle
from deploy.history.examples import Example, become
from deploy.history.figures import UNKNOWN, Cell, Contradiction, Figures, columns_of, year_start
from deploy.history.hours import in_force, moment_between, moment_in
from deploy.history.outcomes import outcome, reachable
from deploy.history.register import Registrant, in_charge
from services.ward import DAY, Ward, fiscal_year

DAYS_TO_SETTLE = 6
"""An example's call comes so many days before `until`, so that its outcome is reached by then."""
UNREGISTERED = 0.15
"""The share of callers who are not on the register."""


class Slot(NamedTuple):
    """Room for one consultation of a district, from `start` until before `end`."""

    start: date
    end: date
    district: str


@dataclass(eq=False)
class Consultation:
    """One consultation as it will be told. `person` None: not on the register, or not known."""

    cell: Cell
    at: datetime
    district: str | None
    example: Example | None = None
    person: Registrant | None = None
    ref: str = ""


def consultations(
    figures: Figures, ward: Ward, people: Sequence[Registrant], examples: Sequence[Example], rng: Random
) -> list[Consultation]:
    """Every consultation, by the time of its first contact.

    Raises:
        Contradiction: the tables of consultations cannot all hold, or leave no room for an example.
    """
    _check_cells(figures, ward)
    taken: set[Registrant] = set()
    found: list[Consultation] = []
    slots = _slots(figures, ward, people, rng)
    for year in sorted({fiscal_year(slot.start) for slot in slots}):
        free = [slot for slot in slots if fiscal_year(slot.start) == year]
        cells = _cells(figures, ward, year, len(free), rng)
        wanted = [example for example in examples if example.year == year]
        for number, example in enumerate(wanted, start=1):
            found.append(_example(f"example {number} of {year}", example, cells, free, ward, people, taken, rng))
        found += [_consultation(cell, slot, ward, rng) for cell, slot in _pairs(cells, free, ward, rng)]
    found.sort(key=lambda consultation: consultation.at)
    for number, consultation in enumerate(found, start=1):
        consultation.ref = f"C-{number:04}"
        consultation.person = consultation.person or _caller(consultation, ward, people, taken, rng)
    return found


def _check_cells(figures: Figures, ward: Ward) -> None:
    for cell, count in figures.cells.items():
        place = f"calls, {cell.year}/{cell.band}, {cell.outcome}: {count}"
        if count and not reachable(ward, cell.outcome):
            raise Contradiction(f"{place}, but an outcome of a lower rank always takes these, so only 0 is possible")
        if count and not in_force(ward, cell.band, year_start(cell.year), year_start(cell.year + 1)):
            raise Contradiction(f"{place}, but the band has no hours in that year, so only 0 is possible")


def _slots(figures: Figures, ward: Ward, people: Sequence[Registrant], rng: Random) -> list[Slot]:
    """How many consultations each district has between the days of the tables and the turns of the years."""
    opens = ward.ward.line_opens
    told = [claim for claims in figures.consultations.values() for claim in claims]
    days = {opens} | {max(day, opens) for claim in told for day in (claim.start or opens, claim.end)}
    turns = {year_start(year) for year in range(fiscal_year(opens) + 1, fiscal_year(max(days)) + 1)}
    cuts = sorted(days | turns)
    districts = [person.district for person in people]
    weights = {column: 1 + districts.count(column) for column in columns_of(ward)}
    counts = settle(cuts, figures.consultations, weights, rng)
    return [
        Slot(cuts[i], cuts[i + 1], district)
        for i in range(len(cuts) - 1)
        for district in columns_of(ward)
        for _ in range(counts[district][i + 1] - counts[district][i])
    ]


def _cells(figures: Figures, ward: Ward, year: int, size: int, rng: Random) -> list[Cell]:
    """The year's consultations by cell; by chance where no table of calls covers the year."""
    if any(cell.year == year for cell in figures.cells):
        return [cell for cell, count in figures.cells.items() if cell.year == year for _ in range(count)]
    bands = [band.key for band in ward.band if in_force(ward, band.key, year_start(year), year_start(year + 1))]
    outcomes = [entry.key for entry in ward.outcome if reachable(ward, entry.key)]
    return [Cell(year, rng.choice(bands), rng.choice(outcomes)) for _ in range(size)]


def _pairs(cells: list[Cell], slots: list[Slot], ward: Ward, rng: Random) -> list[tuple[Cell, Slot]]:
    """Cells and slots by chance; where a band has no hours in its slot, two cells change places."""
    rng.shuffle(cells)
    for i, (cell, slot) in enumerate(zip(cells, slots, strict=True)):
        if _possible(ward, cell, slot):
            continue
        for j, other in enumerate(cells):
            if _possible(ward, cell, slots[j]) and _possible(ward, other, slot):
                cells[i], cells[j] = other, cell
                break
        else:
            place = f"calls, {cell.year}/{cell.band}, {cell.outcome}"
            raise Contradiction(f"{place}: no room from {slot.start} until {slot.end}, where the band has no hours")
    return list(zip(cells, slots, strict=True))


def _possible(ward: Ward, cell: Cell, slot: Slot) -> bool:
    return in_force(ward, cell.band, slot.start, slot.end)


def _consultation(cell: Cell, slot: Slot, ward: Ward, rng: Random) -> Consultation:
    """A first contact within the slot; one that leads to a placement comes before midnight, not after."""
    coordinated = bool(outcome(ward, cell.outcome).arranged)
    at = moment_in(ward, cell.band, slot.start, slot.end, rng, evening=coordinated)
    if at is None:
        raise Contradiction(f"calls, {cell.year}/{cell.band}: no moment from {slot.start} until {slot.end}")
    return Consultation(cell, at, None if slot.district == UNKNOWN else slot.district)


def _example(
    place: str,
    example: Example,
    cells: list[Cell],
    slots: list[Slot],
    ward: Ward,
    people: Sequence[Registrant],
    taken: set[Registrant],
    rng: Random,
) -> Consultation:
    """The consultation of an example; its cell and its slot are used up."""
    cell = Cell(example.year, example.band, example.outcome)
    if cell not in cells:
        raise Contradiction(f"{place}: the tables have no consultation left in {example.band}, {example.outcome}")
    for slot in rng.sample(slots, len(slots)):
        for person in _candidates(example, slot, people, taken):
            at = _example_moment(example, slot, person, ward, rng)
            if at is not None and (person is None or become(person, example, people, taken)):
                cells.remove(cell)
                slots.remove(slot)
                taken |= {person} if person else set()
                return Consultation(cell, at, None if slot.district == UNKNOWN else slot.district, example, person)
    raise Contradiction(f"{place}: the tables leave no day and no registrant for it")


def _candidates(
    example: Example, slot: Slot, people: Sequence[Registrant], taken: set[Registrant]
) -> list[Registrant | None]:
    """Who may be the example's person; anybody, and so None, where the papers do not say."""
    if not example.about_somebody:
        return [None]
    return [person for person in people if person.district == slot.district and person not in taken]


def _example_moment(
    example: Example, slot: Slot, person: Registrant | None, ward: Ward, rng: Random
) -> datetime | None:
    start, end = slot.start, slot.end
    if person is not None:
        start = max(start, ward.local(person.at).date() + DAY)
    if example.until is not None:
        end = min(end, example.until - DAY * DAYS_TO_SETTLE)
    days = [start + DAY * offset for offset in range((end - start).days)]
    days = [day for day in days if example.on(day)]
    for day in rng.sample(days, len(days)):
        at = moment_between(ward, example.band, day, example.from_, example.to, rng)
        if at is not None:
            return at
    return None


def _caller(
    consultation: Consultation, ward: Ward, people: Sequence[Registrant], taken: set[Registrant], rng: Random
) -> Registrant | None:
    """A registrant of the district who had registered before with the same provider, and not called yet."""
    if consultation.district is None or rng.random() < UNREGISTERED:
        return None
    provider = in_charge(ward, consultation.at).id
    latest = consultation.at - timedelta(hours=2)
    able = [
        person
        for person in people
        if person.district == consultation.district and person.at < latest
        if person.provider == provider and person not in taken
    ]
    if not able:
        return None
    person = rng.choice(able)
    taken.add(person)
    return person
