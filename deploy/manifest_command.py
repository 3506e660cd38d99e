"""`yoake manifest`: what is held from a provider."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from deploy.datadir import DEFAULT, DataDirectory
from deploy.feeds import complete, manifest_of, manifest_table, notes
from deploy.opened import opened
from deploy.options import Data, Json, Lang
from deploy.output import Language, fail, out, print_json
from deploy.said import said
from services.ward import load

app = typer.Typer(rich_markup_mode=None)


@app.command()
@said
def manifest(
    provider: Annotated[str, typer.Argument(help="Who has sent: a provider of the ward's file.")],
    data: Data = DEFAULT,
    json: Json = False,
    lang: Lang = Language.ja,
) -> None:
    """What is held from a provider: the ranges of its own numbers, gaps, what waits, what is parked or in conflict.

    The exit status is 0 if every number from 1 to the last one heard is there, 1 if not or if that is not proved.
    """
    DataDirectory(data).kept()
    ward = load(DataDirectory(data) / "ward.toml")
    if ward.provider_of(provider) is None:
        known = ", ".join(p.id for p in ward.provider)
        fail(f"{provider}: the ward does not know this provider; it knows {known}")
    with opened(data) as books:
        engines = [journal.engine for journal in books.writers.values()]
        held = manifest_of(engines, ward.id, provider, datetime.now(UTC))
    if json:
        print_json(held)
    else:
        out.print(manifest_table(held, lang.value))
        for note in notes(held, lang.value):
            out.print(note, markup=False, soft_wrap=True)
    raise typer.Exit(0 if complete(held) else 1)
