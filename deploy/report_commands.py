"""`yoake report` and `yoake case`: the ward's figures, and the history behind each."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, TypeVar

import typer

from deploy.datadir import DEFAULT
from deploy.opened import asked_of
from deploy.options import Data, Json, Lang
from deploy.output import Language, fail, print_json
from deploy.said import said
from deploy.showing import print_changes, print_history, print_report
from services.era import folded, parse_date
from services.pages.terms import Terms
from services.reporting.changes import changes
from services.reporting.inquiry import Inquiry, NotKnown
from services.reporting.pages import asked
from services.reporting.tables import read_years

T = TypeVar("T")

app = typer.Typer(rich_markup_mode=None)


class ReportName(StrEnum):
    """The five tables."""

    registrations = "registrations"
    handbooks = "handbooks"
    ages = "ages"
    calls_by_district = "calls-by-district"
    calls = "calls"


class Format(StrEnum):
    """How a table is printed."""

    table = "table"
    json = "json"
    csv = "csv"


class Order(StrEnum):
    """By which clock a history is told."""

    time = "time"
    ledger = "ledger"


@app.command()
@said
def report(
    name: Annotated[ReportName, typer.Argument(help="Which table.")],
    fy: Annotated[str | None, typer.Option("--fy", help="Fiscal years: 2022, 2022-2023 or 令和4年度.")] = None,
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="Count what had occurred by the end of this day.")
    ] = None,
    known_at: Annotated[
        str | None, typer.Option("--known-at", help="As the ledger knew it: a position, a time, or a day (its end).")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", help="What differs from an earlier state, and why; written like --known-at."),
    ] = None,
    format_: Annotated[Format, typer.Option("--format", help="How to print it.")] = Format.table,
    data: Data = DEFAULT,
    lang: Lang = Language.ja,
) -> None:
    """One table of the ward, from the ledger; works whether or not the services run."""
    with asked_of(data) as inquiry:
        years = _option("--fy", fy, read_years)
        day = _option("--as-of", as_of, _day)
        known = _option("--known-at", known_at, lambda text: _known_at(text, inquiry))
        earlier = _option("--since", since, lambda text: _known_at(text, inquiry))
        if earlier is not None and known is None:
            known = inquiry.end()[0]
        try:
            found = inquiry.report(name.value, years=years, as_of=day, known_at=known)
        except LookupError as error:
            fail(f"--known-at {known_at}: {error}" if known_at is not None else error)
        if earlier is None:
            print_report(found, format_.value, lang.value)
            return
        try:
            then = inquiry.report(name.value, years=years, as_of=day, known_at=earlier)
            moved = changes(inquiry, then, found)
        except LookupError as error:
            fail(f"--since {since}: {error}")
        *former, ward = inquiry.wards()
        print_changes(moved, then, found, Terms(ward, lang.value, former), format_.value)


@app.command()
@said
def case(
    name: Annotated[
        str, typer.Argument(metavar="CASE", help="A case id, a reference number (R5-0012) or PROVIDER/REF.")
    ],
    by: Annotated[
        Order, typer.Option("--by", help="In the order in which it happened, or in the ledger's.")
    ] = Order.time,
    data: Data = DEFAULT,
    json: Json = False,
    lang: Lang = Language.ja,
) -> None:
    """A case's whole history across the services: both clocks, source, cause, and what changed."""
    with asked_of(data) as inquiry:
        try:
            history = inquiry.history(inquiry.find(name), by=by.value)
        except NotKnown as error:
            fail(error)
        if json:
            print_json(history)
        else:
            print_history(history, inquiry.ward(), lang.value)


def _option(name: str, text: str | None, read: Callable[[str], T]) -> T | None:
    if text is None:
        return None
    try:
        return read(text)
    except ValueError as error:
        fail(f"{name} {text}: {error}")


def _day(text: str) -> date:
    try:
        return parse_date(text)
    except ValueError as error:
        raise ValueError("not a day that exists; accepted: 2023-01-26 or 令和5年1月26日") from error


def _known_at(text: str, inquiry: Inquiry) -> datetime | int:
    ward = inquiry.ward()
    if ward is None:
        raise ValueError("the ledger is empty: nothing was recorded yet")
    try:
        return asked.known_at(folded(text), ward)
    except ValueError as error:
        accepted = "a ledger position such as 120, a time such as 2025-04-02T10:00+09:00, or a day, which means its end"
        raise ValueError(f"not understood; accepted: {accepted}") from error
