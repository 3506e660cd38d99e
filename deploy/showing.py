"""How the command line shows a report, a case's history and the status."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from typing import Any

import msgspec
from rich.table import Table

from deploy.output import clock_of, day_of, out, print_footnotes, print_json, report_csv, report_table
from deploy.status import FrontStatus, ServiceStatus, Status
from services.pages.terms import Terms
from services.reporting.changes import Changes
from services.reporting.footnotes import of_gap
from services.reporting.inquiry import History, Step
from services.reporting.pages.difference import in_words
from services.reporting.report import Gap, Report
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


def print_status(status: Status, language: str, ward: Ward | None = None) -> None:
    """Each service on a line, then the ledger, what is held back, and what is degraded."""
    table = Table(header_style="bold", box=None, padding=(0, 2, 0, 0))
    table.add_column("service", no_wrap=True)
    for column in (
        "runs",
        "log",
        "on bus",
        "relay lag",
        "inbox lag",
        "events lag",
        "waiting",
        "parked",
        "conflict",
        "ledger",
    ):
        table.add_column(column.replace("_", "\n"), justify="right")
    for service in status.services:
        table.add_row(service.service, *_figures(service))
    table.add_row(*_of_front(status.front))
    out.print(table)
    if ledger := status.ledger:
        whole = "holds every event of every service" if ledger.complete else "does NOT hold every event yet"
        out.print(f"Ledger position {ledger.position}: {whole}. Root {ledger.root}", markup=False, soft_wrap=True)
    for stream in status.streams:
        full = f"{stream.bytes / 1e6:.1f} of {stream.limit / 1e6:.0f} MB"
        words = "  ALARM: over half full" if stream.alarm else ""
        out.print(f"{stream.stream}: {stream.messages} messages, {full}{words}", markup=False)
    for held in status.held:
        where = f"{held.service}: {held.kind}: {held.provider} {held.source}#{held.id}"
        out.print(f"{where} ({held.arrived[:16]}): {held.why}", markup=False, soft_wrap=True)
    for older in status.set_back:
        out.print(f"● 古い複製に戻されています / SET BACK: {older}", style="bold", markup=False, soft_wrap=True)
    print_gaps(status.missing, ward)
    for what, trouble in status.troubles.items():
        out.print(f"● {what}: {trouble}", style="bold", markup=False, soft_wrap=True)
    if not status.running and not status.degraded:
        out.print("Yoake does not run here, so lags are not known: start it with `yoake up`.", markup=False)
    for one in status.degraded:
        said = f"{one.ja}{one.do_ja}" if language == "ja" else f"{one.en} {one.do_en}"
        out.print(f"● {said}", markup=False, soft_wrap=True)
    if ledger and ledger.synthetic:
        out.print("架空データ / Synthetic data")


def print_gaps(gaps: Sequence[Gap], ward: Ward | None) -> None:
    """From when to when a restore may have left something out."""
    for gap in gaps:
        told = of_gap(gap, ward)
        out.print(f"{told.ja}\n{told.en}", markup=False, soft_wrap=True)


def _of_front(front: FrontStatus) -> list[str]:
    """It has no log and takes no messages: a line for whether it runs."""
    return ["front 窓口", "yes" if front.running else "no", *["－"] * 9]


def _figures(service: ServiceStatus) -> list[str]:
    figures = msgspec.structs.astuple(service)[2:]
    return ["yes" if service.running else "no", *("－" if figure is None else str(figure) for figure in figures)]
