"""`yoake flags`: what somebody should look at (確認事項), in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.table import Table

from deploy.output import clock_of, out
from services.flag_list import Flagged
from services.pages.flag_words import FLAGS
from services.pages.places import place_in_words
from services.pages.terms import Terms
from services.ward import Label

WORDS = {
    "number": Label("受付番号", "Number"),
    "code": Label("確認事項", "Item to check"),
    "field": Label("項目", "Field"),
    "since": Label("発生", "Since"),
    "resolved": Label("確認済み", "Resolved"),
    "total": Label("{n}件", "{n} in all"),
    "more": Label(
        "古い順に{n}件を表示しました。すべては --limit 0、一種類は --code で表示できます。",
        "The oldest {n} are shown; --limit 0 shows all, --code CODE one kind.",
    ),
}


def print_flags(found: Sequence[Flagged], counted: dict[str, int], terms: Terms) -> None:
    """A line for each, and under them how many there are of each code."""
    language = terms.language
    table = Table(header_style="bold", box=None, padding=(0, 2, 0, 0))
    for name in ("number", "code", "field", "since", "resolved"):
        table.add_column(WORDS[name][language], overflow="fold")
    for flag in found:
        resolved = (
            f"{terms.code(flag.resolution or '')} {terms.provider(flag.by or '')} {_clock(flag.resolved_at, terms)}"
            if flag.resolved_at
            else ""
        )
        place = place_in_words(flag.field, terms)
        field = place if place == flag.field else f"{place} {flag.field}"
        code = f"{_means(flag.code, language)} ({flag.code})"
        table.add_row(flag.number or flag.holder, code, field, _clock(flag.opened_at, terms), resolved)
    if found:
        out.print(table)
    total = sum(counted.values())
    out.print(WORDS["total"][language].format(n=total), markup=False)
    for code, count in counted.items():
        out.print(f"  {_means(code, language)} ({code}): {count}", markup=False, soft_wrap=True)
    if len(found) < total:
        out.print(WORDS["more"][language].format(n=len(found)), markup=False, soft_wrap=True)


def _means(code: str, language: str) -> str:
    return FLAGS[code].means[language] if code in FLAGS else code


def _clock(moment: str, terms: Terms) -> str:
    return clock_of(datetime.fromisoformat(moment), terms.language, terms.ward.zone)
