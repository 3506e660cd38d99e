"""`yoake manifest PROVIDER`: what is held from a provider, source by source, and what is missing from its numbers.

Each database is asked for its runs of numbers, not for its messages; the runs of the services are put
together here, for a provider counts across them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from rich.table import Table

from events.manifest import Feed, Manifest, Range, gaps, merged, size
from services.numbering import beside, heard, runs, without
from services.tables import HEARD

VERDICTS = {
    "complete": {"ja": "すべて受信", "en": "complete"},
    "gaps": {"ja": "未着あり", "en": "gaps"},
    "not-proved": {"ja": "未確認", "en": "not proved"},
}
HEADINGS = {
    "ja": ("送信元", "判定", "番号", "未着", "受信", "到着待ち", "要確認データ", "内容の違う記録", "番号なし"),
    "en": ("source", "verdict", "numbers", "missing", "heard", "waiting", "parked", "conflicts", "without number"),
}
MOST_SHOWN = 8
"""Ranges in a cell; --json has all of them."""


class Told(msgspec.Struct):
    """What the databases say of one source; each list holds runs of numbers, in any order."""

    messages: int = 0
    unnumbered: int = 0
    numbers: int = 0
    runs: dict[str, list[Range]] = {}
    others: dict[str, int] = {}


def manifest_of(engines: Iterable[sa.Engine], ward: str, provider: str, at: datetime) -> Manifest:
    """What these services' databases hold from a provider, under the name that was authenticated."""
    told: defaultdict[str, Told] = defaultdict(Told)
    for engine in engines:
        with engine.connect() as connection:
            _ask_heard(connection, provider, told)
            for kind, asked in beside(provider).items():
                _ask_others(connection, kind, asked, told)
    unreadable = told.pop("", Told()).others.get("parked", 0)
    sources = [_feed(source, told[source]) for source in sorted(told)]
    return Manifest(ward=ward, provider=provider, at=at, sources=sources, unreadable=unreadable)


def _ask_heard(connection: sa.Connection, provider: str, told: dict[str, Told]) -> None:
    counts = sa.select(HEARD.c.source, sa.func.count(), sa.func.count(HEARD.c.sequence))
    for source, messages, numbered in connection.execute(counts.where(HEARD.c.provider == provider).group_by("source")):
        told[source].messages += messages
        told[source].unnumbered += messages - numbered
        told[source].numbers += numbered
    for source, first, last in connection.execute(runs(heard(provider))):
        told[source].runs.setdefault("held", []).append((first, last))


def _ask_others(connection: sa.Connection, kind: str, asked: sa.Select[Any], told: dict[str, Told]) -> None:
    rows = asked.subquery()
    counts = sa.select(rows.c.source, sa.func.count(), sa.func.count(rows.c.sequence)).group_by(rows.c.source)
    for source, messages, numbered in connection.execute(counts):
        told[source].others[kind] = told[source].others.get(kind, 0) + messages
        if kind in ("parked", "conflicts"):
            told[source].unnumbered += messages - numbered
    for source, first, last in connection.execute(runs(asked)):
        told[source].runs.setdefault(kind, []).append((first, last))


def _feed(source: str, told: Told) -> Feed:
    found = {kind: merged(each) for kind, each in told.runs.items()}
    held = found.get("held", [])
    came = merged(run for each in found.values() for run in each)
    last = came[-1][1] if came else 0
    missing, twice = gaps(came, last), told.numbers - size(held)
    proved = came and not told.unnumbered and not twice
    return Feed(
        source=source,
        verdict="gaps" if missing else "complete" if proved else "not-proved",
        messages=told.messages,
        last=last,
        held=held,
        gaps=missing,
        waiting=found.get("waiting", []),
        parked=found.get("parked", []),
        conflicts=found.get("conflicts", []),
        closed=without(found.get("closed", []), held),
        unnumbered=told.unnumbered,
        waiting_messages=told.others.get("waiting", 0),
        parked_messages=told.others.get("parked", 0),
        conflict_messages=told.others.get("conflicts", 0),
        numbers_used_twice=twice,
    )


def complete(manifest: Manifest) -> bool:
    """Whether there is something, and every number of it was heard."""
    return bool(manifest.sources) and all(feed.verdict == "complete" for feed in manifest.sources)


def manifest_table(manifest: Manifest, language: str) -> Table:
    """A manifest for the terminal."""
    table = Table(header_style="bold")
    for heading in HEADINGS[language]:
        table.add_column(heading, overflow="fold")
    for feed in manifest.sources:
        table.add_row(
            feed.source,
            VERDICTS[feed.verdict][language],
            _ranges(feed.held),
            _ranges(feed.gaps),
            f"{feed.messages:,}",
            _with(feed.waiting_messages, feed.waiting),
            _with(feed.parked_messages, feed.parked),
            _with(feed.conflict_messages, feed.conflicts),
            f"{feed.unnumbered:,}",
        )
    return table


def notes(manifest: Manifest, language: str) -> list[str]:
    """What a table's reader must know beside it."""
    japanese, found = language == "ja", []
    if not manifest.sources:
        found.append(
            f"{manifest.provider}からの記録はありません。" if japanese else f"Nothing is held from {manifest.provider}."
        )
    if manifest.unreadable:
        many = manifest.unreadable
        found.append(
            f"送信元を読み取れない記録が{many}件あります。" if japanese else f"{many} parked without a readable source."
        )
    for feed in manifest.sources:
        if feed.numbers_used_twice:
            many = feed.numbers_used_twice
            found.append(
                f"{feed.source}: 同じ番号の記録が{many}件あります。番号では確認できません。"
                if japanese
                else f"{feed.source}: {many} numbers stand on more than one message; they prove nothing."
            )
    found.append(
        "届いた最後の番号より後のことは、送信側で確かめます（yoake-adapter prove）。"
        if japanese
        else "What comes after the last number heard only the sender knows: yoake-adapter prove."
    )
    return found


def _ranges(ranges: Sequence[Range]) -> str:
    shown = ", ".join(f"{first:,}" if first == last else f"{first:,}–{last:,}" for first, last in ranges[:MOST_SHOWN])
    return shown + (f", … (+{len(ranges) - MOST_SHOWN})" if len(ranges) > MOST_SHOWN else "")


def _with(many: int, ranges: Sequence[Range]) -> str:
    return f"{many:,} ({_ranges(ranges)})" if ranges else f"{many:,}"
