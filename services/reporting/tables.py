"""The ward's five tables, laid out from entries. Pure: the same entries give the same table, byte for byte.

A table is a grid of lines. Each line, across or down, is a heading and the base lines that it adds
up, so that a total is a line like any other and opens to the same consultations.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Final, Literal, NamedTuple, assert_never

from services.reporting import footnotes
from services.reporting.consultations import COUNT, UNKNOWN
from services.reporting.consultations import ROW as CONSULTATIONS
from services.reporting.facts import Entry
from services.reporting.percentages import percentages
from services.reporting.registrations import NO_AGE, NOT_STATED
from services.reporting.registrations import ROW as REGISTRANTS
from services.reporting.report import Cell, Gap, Group, Heading, KnownAt, Report, Value, shown
from services.reporting.rules import Rules, began, label_of
from services.reporting.years import ends, read_years
from services.ward import Keyed, Label, Ward

__all__ = ["REPORTS", "Cell", "Heading", "KnownAt", "Report", "build", "read_years", "shown"]

Name = Literal["registrations", "handbooks", "ages", "calls-by-district", "calls"]
REPORTS: Final[tuple[Name, ...]] = ("registrations", "handbooks", "ages", "calls-by-district", "calls")

TOTAL = "total"
PERCENT = "percent"

Tally = Mapping[tuple[str, str], Sequence[str]]
"""Base row and base column → the members counted there, one for each count."""


class Line(NamedTuple):
    """A row or a column: its heading, the base lines that it adds up, its fiscal year if it has one.

    `began`: the day from which it is there; None: as long as the line, or the register, itself.
    """

    heading: Heading
    parts: tuple[str, ...]
    year: int | None = None
    began: date | None = None


class Grid(NamedTuple):
    """A table's lines."""

    rows: list[Line]
    columns: list[Line]


def build(
    name: Name,
    rules: Rules,
    entries: Iterable[Entry],
    *,
    years: range | None = None,
    as_of: date | None = None,
    known_at: KnownAt | None = None,
    pending: int = 0,
    both: int = 0,
    current: int | None = None,
    synthetic: bool = False,
    gaps: Sequence[Gap] = (),
) -> Report:
    """Lay out one table.

    `entries` are those of the prefix `known_at`, made with `as_of`; others than this report's are
    passed over. `pending` and `both` count the consultations under those two reports in `years`. `gaps` are
    told under the table. `current`: how many are on the register (net), as of the same day.
    The last of `rules` gives the words, the order and the layout; a key it does not know gets a line
    of its own, so that no count is lost: with the words of an earlier one, or under its key.
    """
    ward = rules[-1].ward
    chosen = [entry for entry in entries if entry.report == name and (years is None or entry.year in years)]
    grid = _grid(name, rules, chosen, years)
    tally = _tally(chosen, by_year=any(row.year is not None for row in grid.rows))
    is_of_calls = name in ("calls", "calls-by-district")
    opens = ward.ward.line_opens if is_of_calls else ward.ward.registration_opens

    def has_begun(day: date | None, row: Line) -> bool:
        return day is None or _in_operation(day, row, years, as_of)

    return Report(
        report=name,
        title=ward.labels["registrants"] if name == "registrations" and years is None else ward.titles[name],
        ward=ward.id,
        years=None if years is None else tuple(years),
        as_of=as_of,
        known_at=known_at,
        counts="case" if is_of_calls else "person",
        rows=tuple(row.heading for row in grid.rows),
        columns=tuple(column.heading for column in grid.columns),
        groups=_groups(ward, grid.columns),
        cells=_cells(ward, grid, tally, opens, has_begun),
        footnotes=(
            *_footnotes(name, rules, years, as_of, pending),
            *footnotes.of_every_table(ward, known_at, synthetic, gaps),
        ),
        also=_also(name, both, current),
        synthetic=synthetic,
    )


def _also(name: Name, both: int, current: int | None) -> dict[str, int]:
    if name == "calls":
        return {"placement_and_handover": both}
    return {"current_registrants": current} if name == "registrations" and current is not None else {}


def _tally(entries: Iterable[Entry], *, by_year: bool) -> Tally:
    tally: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for entry in entries:
        row = f"{entry.year}/{entry.row}" if by_year else entry.row
        tally[row, entry.column].append(entry.member)
    return tally


def _grid(name: Name, rules: Rules, entries: Sequence[Entry], years: range | None) -> Grid:
    ward = rules[-1].ward
    rows, columns = {entry.row for entry in entries}, {entry.column for entry in entries}
    words = ward.labels
    match name:
        case "registrations":
            districts = _lines("district", rules, columns, {UNKNOWN: words["unknown_district"]}, if_any={UNKNOWN})
            return Grid(_single(REGISTRANTS, words["registrants"], years), _with_total(districts, ward))
        case "calls-by-district":
            districts = _lines("district", rules, columns, {UNKNOWN: words["unknown_district"]})
            return Grid(_single(CONSULTATIONS, words["consultations"], years), _with_total(districts, ward))
        case "handbooks":
            held = _lines("handbook", rules, rows, {NOT_STATED: words["not_stated"]})
            return Grid(held, [_line(COUNT, words["count"])])
        case "ages":
            groups = _lines("age_group", rules, rows, {NO_AGE: words["no_age"]}, if_any={NO_AGE})
            percent = Line(Heading(PERCENT, words["percent"]), (COUNT,))
            return Grid(_with_total(groups, ward), [_line(COUNT, words["count"]), percent])
        case "calls":
            bands = _with_total(_lines("band", rules, rows), ward)
            outcomes = _lines("outcome", rules, columns)
            return Grid(_per_year(bands, years), _with_total([_grouped(line, ward) for line in outcomes], ward))
        case _:
            assert_never(name)


def _line(key: str, label: Label) -> Line:
    return Line(Heading(key, label), (key,))


def _lines(
    place: str,
    rules: Rules,
    seen: set[str],
    more: Mapping[str, Label] | None = None,
    if_any: frozenset[str] | set[str] = frozenset(),
) -> list[Line]:
    """The ward's own keys in its order, then `more` (`if_any`: only where something is counted), then any others."""
    own: Iterable[Keyed] = getattr(rules[-1].ward, place)
    labels = {entry.key: entry.label for entry in own} | dict(more or {})
    others = {key: label_of(rules, place, key) for key in sorted(seen - labels.keys())}
    return [
        _line(key, label)._replace(began=began(rules, place, key))
        for key, label in (labels | others).items()
        if key in seen or key not in if_any
    ]


def _with_total(lines: list[Line], ward: Ward) -> list[Line]:
    parts = tuple(part for line in lines for part in line.parts)
    return [*lines, Line(Heading(TOTAL, ward.labels[TOTAL]), parts)]


def _grouped(line: Line, ward: Ward) -> Line:
    group = next((outcome.group for outcome in ward.outcome if outcome.key == line.heading.key), None)
    return line._replace(heading=Heading(line.heading.key, line.heading.label, group))


def _groups(ward: Ward, columns: Iterable[Line]) -> tuple[Group, ...]:
    used = {column.heading.group for column in columns}
    return tuple(Group(group.key, group.label) for group in ward.outcome_group if group.key in used)


def _single(key: str, label: Label, years: range | None) -> list[Line]:
    """One row, or one for each fiscal year."""
    if years is None:
        return [_line(key, label)]
    return [Line(Heading(str(year), footnotes.year_label(year)), (f"{year}/{key}",), year) for year in years]


def _per_year(lines: list[Line], years: range | None) -> list[Line]:
    """The rows as they are, or all of them for each fiscal year."""
    return lines if years is None else [_of_year(line, year) for year in years for line in lines]


def _of_year(line: Line, year: int) -> Line:
    heading = Heading(f"{year}/{line.heading.key}", line.heading.label, year=footnotes.year_label(year))
    return Line(heading, tuple(f"{year}/{part}" for part in line.parts), year, line.began)


def _in_operation(opens: date, row: Line, years: range | None, as_of: date | None) -> bool:
    """Whether any day that the row covers was one on which the line, or the register, was open."""
    last_year = row.year if row.year is not None else years[-1] if years else None
    days = [day for day in (as_of, ends(last_year) if last_year is not None else None) if day is not None]
    return all(day >= opens for day in days)


def _cells(
    ward: Ward, grid: Grid, tally: Tally, opens: date, has_begun: Callable[[date | None, Line], bool]
) -> tuple[Cell, ...]:
    """Every figure. One of nothing is － where the row or the column was not there yet; what was counted is shown."""
    shares = _shares(ward, grid, tally)
    cells = []
    for row in grid.rows:
        for column in grid.columns:
            members = _members(tally, row, column)
            value: Value = shares[row.heading.key] if column.heading.key == PERCENT else len(members)
            is_there = has_begun(row.began, row) and has_begun(column.began, row)
            value = value if has_begun(opens, row) and (is_there or members) else None
            cells.append(Cell(row.heading.key, column.heading.key, value, tuple(sorted(set(members)))))
    return tuple(cells)


def _members(tally: Tally, row: Line, column: Line) -> list[str]:
    return [member for r in row.parts for c in column.parts for member in tally.get((r, c), ())]


def _shares(ward: Ward, grid: Grid, tally: Tally) -> dict[str, float]:
    """What each row is of the whole, for the one table that has such a column; the whole itself is 100."""
    column = next((column for column in grid.columns if column.heading.key == PERCENT), None)
    if column is None:
        return {}
    *rows, total = grid.rows
    counts = [len(_members(tally, row, column)) for row in rows]
    shares = zip(rows, percentages(counts, ward.policy.percentages), strict=True)
    return {row.heading.key: share for row, share in shares} | {total.heading.key: 100.0 if any(counts) else 0.0}


def _footnotes(name: Name, rules: Rules, years: range | None, as_of: date | None, pending: int) -> tuple[Label, ...]:
    ward = rules[-1].ward
    match name:
        case "registrations":
            return ()
        case "handbooks":
            return (ward.footnotes["overlap"],)
        case "ages":
            return (ward.footnotes["rounding"],) if ward.policy.percentages == "half-up" else ()
        case "calls-by-district":
            return tuple(footnotes.of_line_opening(ward, years))
        case "calls":
            return tuple(footnotes.of_calls(rules, years, as_of, pending))
        case _:
            assert_never(name)
