"""`yoake signin`: a link for one person."""

from __future__ import annotations

from typing import Annotated

import typer

from deploy.datadir import DEFAULT, DataDirectory, running_on
from deploy.options import Data, Lang
from deploy.output import Language, fail, out
from deploy.said import said
from deploy.signing_in import link
from services.settings import from_environment
from services.signin import SignInError

app = typer.Typer(rich_markup_mode=None)


@app.command()
@said
def signin(
    role: Annotated[str, typer.Argument(help="A role of the ward's file: night, day, ward or auditor in the sample.")],
    name: Annotated[
        str | None, typer.Option("--name", help="Whom the link is for; every page then says who is signed in.")
    ] = None,
    pages: Annotated[
        str | None,
        typer.Option(help="Where the pages are reached, if `yoake up` does not run them; YOAKE_KEYS etc. are read."),
    ] = None,
    data: Data = DEFAULT,
    lang: Lang = Language.ja,
) -> None:
    """Print a link that signs one person in to the pages, once, within ten minutes.

    The pages open in the language of --lang.
    """
    directory = DataDirectory(data)
    settings = from_environment() if pages else directory.settings()
    try:
        address = link(settings, pages or running_on(directory).pages, role, name)
    except SignInError as error:
        fail(error.japanese if lang == "ja" else error)
    out.print(address + ("?lang=en" if lang == "en" else ""), markup=False, soft_wrap=True)
