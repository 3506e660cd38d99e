"""What the command line prints: tables, histories and lists, for people and for programs."""

from __future__ import annotations

import csv
import io
import os
import sys
from datetime import date, datetime
from enum import StrEnum
from typing import Any, NoReturn

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from services.era import japanese_date
from services.reporting.report import Report, shown
from services.ward import Label


class Language(StrEnum):
    """The two languages."""

    ja = "ja"
    en = "en"


WHOLE = 10_000
"""Columns where nobody looks: what goes into a file or another program is cut nowhere."""

_is_seen = sys.stdout.isatty() or "COLUMNS" in os.environ
out = Console(highlight=False, soft_wrap=False, width=None if _is_seen else WHOLE)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def fail(message: object, code: int = 2) -> NoReturn:
    """Say what is wrong and what to do, and end."""
    err.print(f"[bold red]yoake:[/] {_plain(message)}")
    raise typer.Exit(code)


def _plain(message: object) -> str:
    return str(message).replace("[", r"\[")


def print_json(value: object) -> None:
    """One JSON text, for a program."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def report_csv(report: Report, language: str) -> str:
    """A table as CSV: headings, one line for each row, and the notes under it in the first column."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["", *(column.label[language] for column in report.columns)])
    for row in report.rows:
        cells = [report.cell(row.key, column.key) for column in report.columns]
        writer.writerow([heading(row.year, row.label, language), *(shown(cell.value) for cell in cells if cell)])
    writer.writerows([f"※ {note[language]}"] for note in report.footnotes)
    return text.getvalue()


def heading(year: Label | None, label: Label, language: str) -> str:
    """A row's heading, with its fiscal year where it has one."""
    return f"{year[language]} {label[language]}" if year else label[language]


def report_table(report: Report, language: str, beside: dict[tuple[str, str], str] | None = None) -> Table:
    """A table for the terminal; `beside` is printed after each computed value."""
    table = Table(header_style="bold")
    table.add_column("", no_wrap=True)
    for column in report.columns:
        table.add_column(column.label[language], justify="right", overflow="fold")
    for row in report.rows:
        cells = []
        for column in report.columns:
            cell = report.cell(row.key, column.key)
            value = shown(cell.value) if cell else ""
            cells.append(value + (beside or {}).get((row.key, column.key), ""))
        table.add_row(heading(row.year, row.label, language), *cells)
    return table


def print_footnotes(report: Report, language: str) -> None:
    """What the headings over several columns say, and the notes under a table."""
    for group in report.groups:
        under = (column.label[language] for column in report.columns if column.group == group.key)
        out.print(f"  {group.label[language]}: {', '.join(under)}", style="dim")
    for note in report.footnotes:
        out.print(f"  ※ {note[language]}" if language == "ja" else f"  * {note[language]}", style="dim")


def day_of(moment: date, language: str) -> str:
    """A day as the language writes it."""
    return japanese_date(moment) if language == "ja" else f"{moment.day} {moment:%B %Y}"


def clock_of(moment: datetime, language: str, zone: Any) -> str:
    """A moment on the ward's clock: 令和5年1月26日（木）10:15."""
    local = moment.astimezone(zone)
    if language == "ja":
        return f"{japanese_date(local.date(), weekday=True)}{local:%H:%M}"
    return f"{local:%a %d %b %Y %H:%M}"
