"""`yoake find` and `yoake flags`: somebody on the register, and what somebody should look at."""

from __future__ import annotations

from typing import Annotated

import typer

from deploy.datadir import DEFAULT, DataDirectory
from deploy.finding import answer, opened_finder, print_answer, ward_of
from deploy.flags import print_flags
from deploy.opened import opened
from deploy.options import Data, Json, Lang
from deploy.output import Language, print_json
from deploy.said import said
from services.clock import system_clock
from services.flag_list import counts, flags
from services.pages.terms import Terms
from services.ward import load

app = typer.Typer(rich_markup_mode=None)


@app.command(name="flags")
@said
def flags_command(
    everything: Annotated[bool, typer.Option("--all", help="Those that were resolved as well.")] = False,
    code: Annotated[
        str | None, typer.Option("--code", help="Only those of one code, such as unknown-district.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=0, help="How many to show, the oldest first; 0: all.")] = 100,
    data: Data = DEFAULT,
    json: Json = False,
    lang: Lang = Language.ja,
) -> None:
    """What somebody should look at (確認事項): the open flags of calls and forms; works whether or not Yoake runs."""
    with opened(data) as books:
        intake = books.writers["intake"].engine
        found = flags(intake, everything=everything, code=code, most=limit)
        counted = counts(intake, everything=everything, code=code)
    if json:
        print_json({"flags": found, "counts": counted})
        return
    print_flags(found, counted, Terms(load(DataDirectory(data) / "ward.toml"), "ja" if lang == "ja" else "en"))


@app.command()
@said
def find(
    text: Annotated[
        list[str],
        typer.Argument(
            metavar="TEXT",
            help="A telephone number or four or more digits of one, a reading, a name, a date of birth, "
            "a certificate's number or a 受付番号. Several words must all fit.",
        ),
    ],
    data: Data = DEFAULT,
    json: Json = False,
    lang: Lang = Language.ja,
) -> None:
    """Who on the register may be meant; where it is one, what to know of them first. Prints personal data.

    The exit status is 0 if somebody is found, 1 if nobody.
    """
    with opened_finder(DataDirectory(data)) as finder:
        ward = ward_of(finder)
        found = answer(finder, " ".join(text), ward.local(system_clock()).date())
        print_json(found) if json else print_answer(found, ward, lang.value)
    raise typer.Exit(0 if found.candidates else 1)
