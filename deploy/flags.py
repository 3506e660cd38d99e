"""`yoake flags`: what somebody should look at (確認事項), in the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from deploy.output import out
from services.flag_list import Flagged


def print_flags(found: Sequence[Flagged], counted: dict[str, int]) -> None:
    """A line for each, and under them how many there are of each code."""
    table = Table(header_style="bold", box=None, padding=(0, 2, 0, 0))
    for column in ("受付番号", "確認事項 / code", "field", "since (UTC)", "resolved"):
        table.add_column(column, overflow="fold")
    for flag in found:
        resolved = f"{flag.resolution} {flag.by} {(flag.resolved_at or '')[:16]}" if flag.resolved_at else ""
        table.add_row(flag.number or flag.holder, flag.code, flag.field, flag.opened_at[:16], resolved)
    if found:
        out.print(table)
    total = sum(counted.values())
    listed = ", ".join(f"{code} {count}" for code, count in counted.items())
    out.print(f"{total}件 / {total} flags{': ' if listed else ''}{listed}", markup=False, soft_wrap=True)
    if len(found) < total:
        out.print(f"The oldest {len(found)} are shown; --limit 0 shows all, --code CODE one kind.", markup=False)
