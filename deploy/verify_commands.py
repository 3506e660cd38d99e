"""`yoake verify`, `rebuild` and `streams`: what is compared, and what is made again."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from deploy.datadir import DEFAULT, DataDirectory, running_on
from deploy.natsd import declare
from deploy.opened import opened
from deploy.options import Data, Json
from deploy.output import fail, out, print_json
from deploy.refill import rebuild as rebuild_tallies
from deploy.refill import rebuild_index
from deploy.refill import refill as fill_events
from deploy.said import said
from deploy.standing import print_gaps
from deploy.verify import verify as differences

app = typer.Typer(rich_markup_mode=None)


@app.command()
@said
def verify(data: Data = DEFAULT, json: Json = False) -> None:
    """Compare ledger with journals, tallies with the fold, the index of persons with the log, streams with journals.

    The exit status is 0 if everything is equal, 1 if not; every difference is named.
    """
    running = DataDirectory(data).running()
    with opened(data) as books:
        compared = differences(books, running.nats if running else None)
        head, root = books.inquiry.ledger.head(), books.inquiry.ledger.root()
        missing, ward_now = books.inquiry.gaps(), books.inquiry.ward()
    found = compared.differences
    if json:
        told = {"equal": not found, "differences": found, "unchecked": compared.unchecked, "streams": bool(running)}
        print_json(told | {"position": head, "root": root, "missing": missing})
    else:
        for difference in found:
            out.print(difference, markup=False)
        streams = "streams too" if running else "streams not compared: Yoake does not run"
        for unchecked in compared.unchecked:
            out.print(f"NOT CHECKED: {unchecked}", markup=False, soft_wrap=True)
        equal = "What was compared is equal" if compared.unchecked else "Everything is equal"
        verdict = f"{len(found)} differences" if found else equal
        out.print(f"{verdict}: ledger 1 to {head}, root {root} ({streams}).", markup=False, soft_wrap=True)
        print_gaps(missing, ward_now)
    raise typer.Exit(1 if found else 0)


@app.command()
@said
def rebuild(
    index: Annotated[
        bool, typer.Option("--index", help="The index of persons instead, from intake's log; Yoake must be stopped.")
    ] = False,
    data: Data = DEFAULT,
    json: Json = False,
) -> None:
    """Throw the tallies away and fold them again from the ledger; says whether the result is identical."""
    if index and DataDirectory(data).running():
        fail(f"Yoake runs on {data}, and intake writes the index: stop it first (Ctrl-C), then ask again")
    with opened(data) as books:
        if index:
            same, head, source = rebuild_index(books), books.writers["intake"].head, "intake"
        else:
            same, head, source = rebuild_tallies(books), books.inquiry.ledger.head(), "ledger"
    if json:
        print_json({"identical": same, "position": head})
    elif same:
        out.print(f"Made again from {source} positions 1 to {head}: identical.")
    else:
        out.print(f"Made again from {source} positions 1 to {head}: it was NOT identical; the new result is kept.")
    if not same and not index and not json:
        out.print("If Yoake runs, restart it, so that the reporting service reads the new tallies.")
    raise typer.Exit(0 if same else 1)


@app.command()
@said
def streams(
    refill: Annotated[
        bool, typer.Option("--refill", help="Publish to EVENTS what it lacks, from the journals.")
    ] = False,
    data: Data = DEFAULT,
    json: Json = False,
) -> None:
    """Declare the streams and durables on the running NATS; with --refill, fill EVENTS from the journals."""
    directory = DataDirectory(data)
    url = running_on(directory).nats
    ward = directory.settings().ward()
    providers = [provider.id for provider in ward.provider]
    subscribers = [subscriber.key for subscriber in ward.subscriber if subscriber.way == "nats"]
    done = asyncio.run(declare(url, ward.id, providers=providers, subscribers=subscribers))
    published_again: dict[str, int] = {}
    if refill:
        with opened(data) as books:
            published_again = asyncio.run(fill_events(url, books))
    if json:
        print_json({"declared": done, "published": published_again})
        return
    out.print("\n".join(done) or "Every stream and durable is as it must be.", markup=False)
    for service, count in published_again.items():
        out.print(f"{service}: {count} events published again" if count else f"{service}: EVENTS lacks nothing")
