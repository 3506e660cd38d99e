"""`yoake backup` and `yoake restore`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from deploy import saving
from deploy.datadir import DEFAULT, DataDirectory
from deploy.options import Data, Json, NatsUrl
from deploy.output import print_json
from deploy.said import said

app = typer.Typer(rich_markup_mode=None)


@app.command()
@said
def backup(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A directory that does not exist yet.")],
    check: Annotated[bool, typer.Option("--check", help="Verify the backup in DIR instead, offline.")] = False,
    without_keys: Annotated[
        bool,
        typer.Option("--without-keys", help="Leave out the master key and the inbox key: you keep them elsewhere."),
    ] = False,
    nats: NatsUrl = None,
    data: Data = DEFAULT,
    json: Json = False,
) -> None:
    """Copy everything, consistently, while Yoake runs or while it does not; with --check, verify a backup.

    The exit status is 0 if all is well, 1 if a checked backup has a fault; each is named.
    """
    if check:
        faults = saving.check(directory)
        (print_json if json else saving.print_check)({"directory": str(directory), "faults": faults})
        raise typer.Exit(1 if faults else 0)
    with saving.progress("Copied / 複製", quiet=json) as progress:
        made = saving.back_up(DataDirectory(data), directory, keys=not without_keys, nats=nats, progress=progress)
    print_json(made) if json else saving.print_backup(directory, made)


@app.command()
@said
def restore(
    source: Annotated[Path, typer.Argument(metavar="DIR", help="A backup, as `yoake backup` has made it.")],
    data: Annotated[Path, typer.Option("--data", envvar="YOAKE_DATA", help="A directory that does not exist yet.")],
    database: Annotated[
        str | None, typer.Option(help="PostgreSQL instead of SQLite: a URL with {service} in it, all empty.")
    ] = None,
    keys: Annotated[
        Path | None, typer.Option("--keys", help="A keys directory kept elsewhere, with its list of destroyed keys.")
    ] = None,
    nats: NatsUrl = None,
    json: Json = False,
) -> None:
    """Put a backup into an empty directory, and empty databases, as the beginning of a new epoch."""
    with saving.progress("Restored / 復元", quiet=json) as progress:
        done = saving.restore(source, DataDirectory(data), database=database, keys=keys, nats=nats, progress=progress)
    print_json(done) if json else saving.print_restored(data, done)
