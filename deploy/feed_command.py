"""`yoake feed`: messages in, and what became of each."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from deploy.datadir import DEFAULT, DataDirectory, running_on
from deploy.feeding import feed, print_summary, read_lines
from deploy.options import Data, Json, check_provider
from deploy.output import err, print_json
from deploy.said import said
from services.ward import load

app = typer.Typer(rich_markup_mode=None)


@app.command(name="feed")
@said
def feed_command(
    files: Annotated[list[Path], typer.Argument(help="JSON Lines files: one adapter message (CloudEvent) a line.")],
    provider: Annotated[
        str | None, typer.Option("--as", envvar="YOAKE_PROVIDER", help="Who is sending: a provider of the ward's file.")
    ] = None,
    data: Data = DEFAULT,
    json: Json = False,
) -> None:
    """Send messages as an adapter would, and print what became of each.

    The exit status is 0 if nothing needs a person, 1 if something is parked or in conflict.
    """
    directory = DataDirectory(data)
    url, ward = running_on(directory).nats, load(directory / "ward.toml")
    sender = provider or ward.provider[0].id
    check_provider(ward, sender)
    lines = read_lines(files)
    if provider is None:
        err.print(f"Sending as {sender}; --as names another provider.", markup=False)
    key = (directory / "keys" / "inbox.pub.jwk").read_bytes()
    summary = feed(url, ward.id, sender, key, lines, quiet=json)
    if json:
        print_json(summary)
    else:
        print_summary(summary)
    raise typer.Exit(0 if summary.clean else 1)
