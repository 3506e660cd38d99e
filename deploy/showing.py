"""How the command line shows a report and a case's history."""

from __future__ import annotations

import csv
import sys
from typing import Any

from rich.table import Table

from deploy.output import clock_of, day_of, out, print_footnotes, print_json, report_csv, report_table
from services.pages.terms import Terms
from services.reporting.changes import Changes
from services.reporting.inquiry import History, Step
from services.reporting.pages.difference import in_words
from services.reporting.report import Report
from services.ward import Ward


def print_report(report: Report, format_: str, language: str) -> None:
    """A table, as a table, as JSON or as CSV."""
    match format_:
        case "json":
            print_json(report)
        case "csv":
            sys.stdout.write(report_csv(report, language))
        case _:
            out.print(title_of(report, language), style="bold")
            out.print(report_table(report, language))
            print_footnotes(report, language)
            if (current := report.also.get("current_registrants")) is not None:
                out.print(f"  {_CURRENT[language].format(n=current)}", style="dim")


def print_changes(changes: Changes, then: Report, now: Report, terms: Terms, format_: str) -> None:
    """What differs from an earlier state, and the records that brought it about; as CSV the figures alone."""
    if format_ == "json":
        print_json(changes)
        return
    told = in_words(changes, then, now, terms)
    heads = [terms.screen(name) for name in ("figure", "then", "at_present", "moved")]
    if format_ == "csv":
        csv.writer(sys.stdout, lineterminator="\n").writerows([heads, *told.lines])
        return
    out.print(f"{terms.say(now.title)}　{terms.screen('difference')}", style="bold", markup=False)
    out.print(f"{terms.screen('then')}：{told.then}\n{terms.screen('at_present')}：{told.now}", markup=False)
    if not told.lines:
        out.print(terms.screen("no_difference"), markup=False)
        return
    table = Table(*heads, header_style="bold")
    for line in told.lines:
        table.add_row(*line)
    out.print(table)
    out.print(terms.screen("moved_by"), markup=False)
    for each in told.because:
        known = terms.screen("known_upto", moment=each.ledgered, n=each.position)
        said = (each.number, each.name, terms.screen("happened_at", moment=each.occurred), known)
        out.print("  " + "　".join(said), markup=False, soft_wrap=True)
    if told.unnamed:
        out.print(terms.screen("moved_more", n=told.unnamed), markup=False)


_CURRENT = {
    "ja": "現在登録者数 {n}名（登録を終えた方を除く）",
    "en": "Current registrants {n} (without those who left)",
}


def title_of(report: Report, language: str) -> str:
    """The table's title, with its day."""
    title = report.title[language]
    if report.as_of is None:
        return title
    day = day_of(report.as_of, language)
    return f"{title}（{day}現在）" if language == "ja" else f"{title} (as of {day})"


def print_history(history: History, ward: Ward | None, language: str) -> None:
    """Every event of a case: when, where from, why, and what changed."""
    zone = ward.zone if ward else None
    synthetic = ("　架空データ" if language == "ja" else "  Synthetic data") if history.synthetic else ""
    out.print(f"{history.number or ''} {history.id}{synthetic}".strip(), style="bold", markup=False)
    for step in history.steps:
        _print_step(step, language, zone)


def _print_step(step: Step, language: str, zone: Any) -> None:
    words = _WORDS[language]
    out.print(f"\n{step.position}  {step.event}  ({step.service} {step.service_position})", style="bold", markup=False)
    out.print(f"   {words['occurred']} {clock_of(step.occurred_at, language, zone)}", markup=False)
    out.print(
        f"   {words['recorded']} {clock_of(step.recorded_at, language, zone)}"
        f"　{words['ledgered']} {clock_of(step.ledgered_at, language, zone)}",
        markup=False,
    )
    out.print(f"   {words['cause']} {step.message or step.cause}", markup=False, soft_wrap=True)
    for change in step.changes:
        out.print(f"   {change.feature}: {_value(change.before)} → {_value(change.after)}", style="green", markup=False)
    shown = {name: value for name, value in step.data.items() if name not in ("case", "contact", "person", "number")}
    out.print("   " + ", ".join(f"{name}={_value(value)}" for name, value in shown.items()), style="dim", markup=False)


_WORDS = {
    "ja": {"occurred": "受付日時", "recorded": "記録日時", "ledgered": "原簿", "cause": "もとの記録"},
    "en": {"occurred": "Happened", "recorded": "Recorded", "ledgered": "Ledger", "cause": "Because of"},
}


def _value(value: Any) -> str:
    return "－" if value is None else str(value)
