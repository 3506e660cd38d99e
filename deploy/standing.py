"""How the command line shows the status, and what restores may have left out."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from rich.table import Table

from deploy.output import out
from deploy.status import FrontStatus, ServiceStatus, Status
from services.reporting.footnotes import of_gap
from services.reporting.report import Gap
from services.ward import Ward


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
