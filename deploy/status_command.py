"""`yoake status`: how far everything is."""

from __future__ import annotations

import typer

from deploy.datadir import DEFAULT, DataDirectory
from deploy.options import Data, Json, Lang
from deploy.output import Language, print_json
from deploy.said import said
from deploy.standing import print_status
from deploy.status import status as status_of
from services.ward import load

app = typer.Typer(rich_markup_mode=None)


@app.command()
@said
def status(data: Data = DEFAULT, json: Json = False, lang: Lang = Language.ja) -> None:
    """How far each service, its relay and its consumers are, and what is degraded, with what to do.

    The exit status is 0 whenever it could look; /readyz of each service is for programs that watch.
    """
    found = status_of(DataDirectory(data))
    if json:
        print_json(found)
    else:
        print_status(found, lang.value, load(DataDirectory(data) / "ward.toml") if found.missing else None)
