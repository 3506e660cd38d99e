"""`yoake import`: a roster or a call log out of a spreadsheet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from deploy.datadir import DEFAULT, DataDirectory
from deploy.importing.faults import in_words
from deploy.importing.mapping import MappingError
from deploy.importing.sheets import SheetError
from deploy.options import Data, Json, Lang, check_provider
from deploy.output import Language, fail, print_json
from deploy.said import said
from deploy.taking_in import Options, import_sheet, print_imported, ward_of

MOST_REASON = 1_000

app = typer.Typer(rich_markup_mode=None)


@app.command(name="import")
@said
def import_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A sheet: .xlsx, or .csv in UTF-8 or cp932.")],
    mapping: Annotated[Path, typer.Option("--map", help="The mapping file: which column feeds which field.")],
    provider: Annotated[
        str, typer.Option("--as", envvar="YOAKE_PROVIDER", help="Who is sending: a provider of the ward's file.")
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and check everything, send nothing.")] = False,
    encoding: Annotated[
        str | None, typer.Option("--encoding", help="What a .csv is written in, if it is taken for something else.")
    ] = None,
    checked: Annotated[
        Path | None, typer.Option("--checked", help="Where the copy goes; FILE.checked if not said, never over a file.")
    ] = None,
    correct: Annotated[
        str | None,
        typer.Option(
            "--correct",
            metavar="REASON",
            help="Let the records say what rows say that were edited after they had been taken; REASON is sealed.",
        ),
    ] = None,
    of: Annotated[
        str | None,
        typer.Option(
            "--of",
            metavar="PROVIDER",
            help="Who took these rows in before, where that provider's contract is over and --as corrects them now.",
        ),
    ] = None,
    synthetic: Annotated[bool, typer.Option("--synthetic", help="These are invented data (架空データ).")] = False,
    data: Data = DEFAULT,
    json: Json = False,
    lang: Lang = Language.ja,
) -> None:
    """Take in a roster or a call log from a spreadsheet; importing it again adds only what is new.

    Rows that were edited since they were taken are told, and corrected with --correct alone.
    The exit status is 0 if every row was taken, 1 if some were held back, parked, or differ from what is held.
    """
    directory = DataDirectory(data)
    ward = ward_of(directory)
    check_provider(ward, provider)
    if of is not None:
        check_provider(ward, of, "--of")
    if correct is not None and not 0 < len(correct.strip()) <= MOST_REASON:
        fail(f"--correct: give the reason of the corrections, up to {MOST_REASON} characters")
    options = Options(
        mapping=mapping,
        provider=provider,
        encoding=encoding,
        checked=checked,
        dry_run=dry_run,
        synthetic=synthetic,
        correct=correct,
        of=of,
        language=lang.value,
        quiet=json,
    )
    try:
        done, result, sheet = import_sheet(file, directory, ward, options)
    except (SheetError, MappingError) as error:
        fail(in_words(str(error), lang.value))
    if json:
        print_json(done)
    else:
        print_imported(done, result, sheet, lang.value)
    raise typer.Exit(0 if result.clean else 1)
