"""Published tables read into claims; each table is checked for itself before it is believed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date

from deploy.history.figures import (
    NO_AGE,
    NOT_STATED,
    TOTAL,
    UNKNOWN,
    Cell,
    Claim,
    Claims,
    Contradiction,
    Figures,
    columns_of,
    year_start,
)
from services.reporting.percentages import percentages
from services.reporting.published import Published
from services.reporting.report import NOT_YET, Value
from services.ward import DAY, Ward

Grid = dict[tuple[str, str], Value]
"""The figures of a table by row and column."""
Began = Callable[[str, str], date]
"""The day from which a row and a column are there."""


def read(tables: Iterable[Published], ward: Ward) -> Figures:
    """All that the tables claim, older ones first.

    Raises:
        Contradiction: a table does not fit its report or the ward, or contradicts itself; or two
            tables print different figures for one cell.
    """
    columns = [*columns_of(ward), TOTAL]
    figures = Figures({column: [] for column in columns}, {column: [] for column in columns}, {}, {}, {})
    for table in sorted(tables, key=lambda table: (_end(table), table.report)):
        match table.report:
            case "registrations":
                _by_district(table, ward, "registrants", figures.registrations, ward.ward.registration_opens)
            case "calls-by-district":
                _by_district(table, ward, "consultations", figures.consultations, ward.ward.line_opens)
            case "calls":
                _calls(table, ward, figures)
            case "handbooks":
                _handbooks(table, ward, figures)
            case "ages":
                _ages(table, ward, figures)
            case other:
                known = "registrations, handbooks, ages, calls-by-district, calls"
                raise Contradiction(f"{other!r} is no report; known: {known}")
    return figures


def name(table: Published, row: str = "") -> str:
    """How a message names the table: `ages as of 2023-01-26`, `calls 2022-2023`; with its file and line, if it has one.

    `row`: a row's key, or `columns`, for the line of that.
    """
    line = table.lines.get(row, table.lines.get(""))
    where = "" if table.file is None or line is None else f"{table.file}:{line}: "
    if table.as_of is not None:
        return f"{where}{table.report} as of {table.as_of}"
    years = sorted({_years(table)[0], _years(table)[-1]})
    return f"{where}{table.report} {'-'.join(str(year) for year in years)}"


def _years(table: Published) -> range:
    """The fiscal years of a table that has rows for each."""
    if not table.years:
        raise Contradiction(f"{table.report}: give as_of or fy, one of the two")
    return table.years


def _end(table: Published) -> date:
    """The first day that the table no longer counts."""
    return year_start(_years(table)[-1] + 1) if table.as_of is None else table.as_of + DAY


def _grid(table: Published, rows: Sequence[str], columns: Sequence[str], optional: Sequence[str] = ()) -> Grid:
    """The table's figures, once it has just the rows and columns that it should; `optional` may be missing."""
    _expect(table, "column", table.columns, columns, optional)
    _expect(table, "row", list(table.rows), rows, optional)
    for row, values in table.rows.items():
        if len(values) != len(table.columns):
            raise Contradiction(f"{name(table, row)}, {row}: {len(values)} figures for {len(table.columns)} columns")
    return {
        (row, column): value
        for row, values in table.rows.items()
        for column, value in zip(table.columns, values, strict=True)
    }


def _expect(table: Published, what: str, found: Sequence[str], needed: Sequence[str], optional: Sequence[str]) -> None:
    for key in found:
        place = name(table, "columns" if what == "column" else key)
        if key not in needed and key not in optional:
            raise Contradiction(f"{place}: unknown {what} {key!r}; known: {', '.join([*needed, *optional])}")
        if list(found).count(key) > 1:
            raise Contradiction(f"{place}: {what} {key!r} stands twice")
    for key in needed:
        if key not in found:
            raise Contradiction(f"{name(table, 'columns' if what == 'column' else '')}: {what} {key!r} is missing")


def _count(place: str, value: Value) -> int:
    """A figure as a whole number of persons or consultations."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        raise Contradiction(f"{place}: {NOT_YET if value is None else value} is not a whole number")
    if value < 0:
        raise Contradiction(f"{place}: {value} is below 0")
    return int(value)


def _counts(table: Published, row: str, columns: Iterable[str], grid: Grid) -> dict[str, int]:
    return {
        column: _count(f"{name(table, row)}, {row}, {column}", grid[row, column])
        for column in columns
        if (row, column) in grid
    }


def _row(table: Published, row: str, columns: Sequence[str], grid: Grid) -> dict[str, int]:
    """One row of counts and their sum under `total`, which must be the printed one where there is one."""
    counts = _counts(table, row, [*columns, TOTAL], grid)
    total = sum(count for column, count in counts.items() if column != TOTAL)
    if counts.setdefault(TOTAL, total) != total:
        raise Contradiction(
            f"{name(table, row)}, {row}, {TOTAL}: {counts[TOTAL]}, but the row's columns sum to {total}"
        )
    return counts


def _not_yet(table: Published, row: str, end: date, opens: date, grid: Grid, began: Began) -> bool:
    """Whether the row lies before the register, or the line, opened; then, and only then, every figure is －.

    A column, or the row itself, may have begun later still: its figures before that are － too, and are taken as 0.
    """
    for (found, column), value in grid.items():
        if found != row:
            continue
        place = f"{name(table, row)}, {row}, {column}"
        since = max(opens, began(row, column))
        if end <= since and value is not None:
            raise Contradiction(
                f"{place}: {value}, but it opened only on {since}; before that every figure is {NOT_YET}"
            )
        if end > since and value is None:
            raise Contradiction(f"{place}: {NOT_YET}, but it was open from {since}; none is 0")
        if value is None and end > opens:
            grid[found, column] = 0
    return end <= opens


def _by_district(table: Published, ward: Ward, key: str, claims: Claims, opens: date) -> None:
    rows = [key] if table.as_of is not None else [str(year) for year in _years(table)]
    columns = columns_of(ward)
    grid = _grid(table, rows, columns[:-1], [UNKNOWN, TOTAL])
    since = {district.key: district.from_ for district in ward.district}
    for row in rows:
        start, end = (
            (None, _end(table)) if table.as_of is not None else (year_start(int(row)), year_start(int(row) + 1))
        )
        if _not_yet(table, row, end, opens, grid, lambda _, column: since.get(column) or date.min):
            continue
        counts = _row(table, row, columns, grid)
        for column in [*columns, TOTAL]:
            place = f"{name(table, row)}, {row}, {column}"
            claims[column].append(Claim(place, start, end, counts.get(column, 0)))


def _calls(table: Published, ward: Ward, figures: Figures) -> None:
    if table.years is None:
        raise Contradiction(f"{name(table)}: the table of calls goes by fiscal years; give fy, not as_of")
    outcomes, bands = [outcome.key for outcome in ward.outcome], [band.key for band in ward.band]
    years = _years(table)
    needed = [f"{year}/{band}" for year in years for band in bands]
    grid = _grid(table, [*needed], outcomes, [TOTAL, *(f"{year}/{TOTAL}" for year in years)])
    by_band = {band.key: band.from_ for band in ward.band}
    by_outcome = {outcome.key: ward.begins(outcome) for outcome in ward.outcome}

    def began(row: str, column: str) -> date:
        return max(by_band.get(row.partition("/")[2]) or date.min, by_outcome.get(column) or date.min)

    for year in years:
        shown = [f"{year}/{band}" for band in [*bands, TOTAL] if f"{year}/{band}" in table.rows]
        closed = [_not_yet(table, row, year_start(year + 1), ward.ward.line_opens, grid, began) for row in shown]
        if any(closed):
            continue
        rows = {row: _row(table, row, outcomes, grid) for row in shown}
        total = _total_row(table, year, rows)
        place = f"{name(table)}, {year}/{TOTAL}, {TOTAL}"
        figures.consultations[TOTAL].append(Claim(place, year_start(year), year_start(year + 1), total[TOTAL]))
        for band in bands:
            for outcome in outcomes:
                cell, count = Cell(year, band, outcome), rows[f"{year}/{band}"][outcome]
                if figures.cells.setdefault(cell, count) != count:
                    place = f"{name(table)}, {year}/{band}, {outcome}"
                    raise Contradiction(f"{place}: {count}, but another table of calls says {figures.cells[cell]}")


def _total_row(table: Published, year: int, rows: dict[str, dict[str, int]]) -> dict[str, int]:
    """The year's sums over the bands, which must be the printed ones where there are any."""
    key = f"{year}/{TOTAL}"
    bands = [counts for row, counts in rows.items() if row != key]
    sums = {column: sum(counts[column] for counts in bands) for column in bands[0]}
    for column, count in rows.get(key, {}).items():
        if count != sums[column]:
            raise Contradiction(f"{name(table)}, {key}, {column}: {count}, but its bands sum to {sums[column]}")
    return sums


def _since(table: Published) -> date:
    if table.as_of is None:
        raise Contradiction(f"{name(table)}: this table is as of a day; give as_of, not fy")
    return table.as_of + DAY


def _rising(table: Published, kept: dict[date, dict[str, int]], counts: dict[str, int]) -> dict[str, int]:
    """What was added since the last table of the same report; nothing ever falls."""
    end = _since(table)
    before = kept[max(kept)] if kept else {}
    if kept and max(kept) == end and before != counts:
        raise Contradiction(f"{name(table)}: stands twice, with different figures")
    for row, count in counts.items():
        if count < before.get(row, 0):
            place = f"{name(table, row)}, {row}, count"
            raise Contradiction(
                f"{place}: {count}, but {before[row]} as of {max(kept) - DAY}; it counts since the start"
            )
    kept[end] = counts
    return {row: count - before.get(row, 0) for row, count in counts.items()}


def _handbooks(table: Published, ward: Ward, figures: Figures) -> None:
    """A registrant who did not leave the field blank may hold all, some or none: only upper bounds bind."""
    start = max(figures.handbooks, default=None)
    grid = _grid(table, [handbook.key for handbook in ward.handbook], ["count"], [NOT_STATED])
    counts = {row: _count(f"{name(table, row)}, {row}, count", value) for (row, _), value in grid.items()}
    added = _rising(table, figures.handbooks, counts)
    blank = added.get(NOT_STATED, 0)
    for row, count in sorted(added.items(), key=lambda entry: entry[0] != NOT_STATED):
        place = f"{name(table, row)}, {row}, count"
        if row != NOT_STATED:
            place = f"{place} (holders, and {blank} left blank)"
        needed = count if row == NOT_STATED else count + blank
        figures.registrations[TOTAL].append(Claim(place, start, _since(table), needed, floor=True))


def _ages(table: Published, ward: Ward, figures: Figures) -> None:
    groups = [group.key for group in ward.age_group]
    grid = _grid(table, groups, ["count"], ["percent", NO_AGE, TOTAL])
    rows = [row for row in table.rows if row != TOTAL]
    counts = {row: _count(f"{name(table, row)}, {row}, count", grid[row, "count"]) for row in rows}
    total = sum(counts.values())
    printed = _count(f"{name(table)}, {TOTAL}, count", grid.get((TOTAL, "count"), total))
    if printed != total:
        raise Contradiction(f"{name(table)}, {TOTAL}, count: {printed}, but the age groups sum to {total}")
    if "percent" in table.columns:
        _percentages(table, counts, ward, grid)
    _rising(table, figures.ages, counts)
    place = f"{name(table)}, {TOTAL}, count (sum of the age groups)"
    figures.registrations[TOTAL].append(Claim(place, None, _since(table), total))


def _percentages(table: Published, counts: dict[str, int], ward: Ward, grid: Grid) -> None:
    """The printed shares must follow from the counts, by the ward's policy."""
    shares = dict(zip(counts, percentages(list(counts.values()), ward.policy.percentages), strict=True))
    total = sum(counts.values())
    if TOTAL in table.rows:
        shares[TOTAL] = 100.0 if total else 0.0
    for row, share in shares.items():
        printed = grid[row, "percent"]
        if printed != share:
            count = counts.get(row, total)
            raise Contradiction(f"{name(table, row)}, {row}, percent: {printed}, but {count} of {total} is {share}")
