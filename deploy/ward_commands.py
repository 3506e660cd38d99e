"""`yoake ward`: look at a ward's file before it takes effect."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from deploy.datadir import DEFAULT, DataDirectory, DataError
from deploy.differences import Difference, differences
from deploy.history import Contradiction
from deploy.history.reading import read
from deploy.output import err, out, print_json
from services.reporting import published
from services.toml_file import FileError
from services.ward import Ward, load

app = typer.Typer(
    name="ward",
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Check a ward's file, see what it would change, list holidays.",
)

File = Annotated[Path, typer.Argument(help="A ward's TOML file.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for a program.")]
MOST_YEARS = 50


@app.command()
def check(
    file: File,
    tables: Annotated[
        Path | None, typer.Option("--tables", help="A TOML of published tables, to be checked against the ward.")
    ] = None,
    json: Json = False,
) -> None:
    """Whether a ward's file can be used; if not, the line and the reason. The exit status is 0, or 2 if it cannot."""
    try:
        ward = load(file)
        if tables is not None:
            read(published.load(tables), ward)
    except (FileError, Contradiction) as error:
        if json:
            print_json({"usable": False, "error": str(error), "line": getattr(error, "line", None)})
        else:
            err.print(f"yoake: {error}", markup=False, soft_wrap=True)
        raise typer.Exit(2) from error
    notes = list(remarks(ward))
    if json:
        print_json({"usable": True, "ward": ward.id, "remarks": notes})
        return
    out.print(
        f"{file}: {ward.ward.name.ja} / {ward.ward.name.en}: it can be used. / 使用できます。",
        markup=False,
        soft_wrap=True,
    )
    for note in notes:
        out.print(f"  {note}", markup=False, soft_wrap=True)


@app.command()
def diff(
    file: File,
    against: Annotated[
        Path | None, typer.Option("--against", help="Another ward's file, in the place of the one in force.")
    ] = None,
    data: Annotated[
        Path, typer.Option("--data", envvar="YOAKE_DATA", help="The data directory.", show_default=".yoake")
    ] = DEFAULT,
    json: Json = False,
) -> None:
    """What a file would change of the one in force. The exit status is 0 if nothing, 1 if something, 2 on an error."""
    try:
        found = differences(load(against or _in_force(data)), load(file))
    except (FileError, DataError) as error:
        err.print(f"yoake: {error}", markup=False, soft_wrap=True)
        raise typer.Exit(2) from error
    if json:
        print_json(msgspec.to_builtins(found))
    else:
        print_differences(found)
    raise typer.Exit(1 if found else 0)


@app.command()
def holidays(
    first: Annotated[int, typer.Argument(help="The first fiscal year, such as 2025.", min=1949, max=2150)],
    last: Annotated[int, typer.Argument(help="The last one.", min=1949, max=2150)],
) -> None:
    """Japan's national holidays (substitute ones too) of fiscal years, as a [holidays] for a ward's file."""
    if not first <= last < first + MOST_YEARS:
        err.print(f"yoake: {first} {last}: from an earlier to a later year, at most {MOST_YEARS}")
        raise typer.Exit(2)
    days = [day for day in national(first, last + 1) if date(first, 4, 1) <= day <= date(last + 1, 3, 31)]
    lines = ["  " + " ".join(f"{day}," for day in days[at : at + 6]) for at in range(0, len(days), 6)]
    out.print("\n".join(["[holidays]", f"until = {last + 1}-03-31", "days = [", *lines, "]"]), markup=False)


def national(first: int, last: int) -> list[date]:
    """The national holidays of calendar years, as the pinned library knows them."""
    import holidays as library  # It takes a while to import, and one command needs it.

    return sorted(library.country_holidays("JP", years=range(first, last + 1)))


def remarks(ward: Ward) -> Iterator[str]:
    """What a person may want to know of a file that can be used."""
    if ward.holidays is not None:
        yield f"holidays are listed until {ward.holidays.until}; after that every day goes by its weekday"
        listed, since, until = set(ward.holidays.days), ward.hours[0].from_, ward.holidays.until
        known = {day for day in national(since.year, until.year) if since <= day <= until}
        for day in sorted(listed - known):
            yield f"holidays: {day} is listed, but is no national holiday"
        for day in sorted(known - listed):
            yield f"holidays: {day} is a national holiday, but is not listed"
    staffed = {band for provider in ward.provider for band in provider.bands}
    for band in ward.band:
        if not band.closed and band.key not in staffed:
            yield f"band {band.key}: no provider works in it; calls then are flagged. If so, say closed = true"


def print_differences(found: list[Difference]) -> None:
    """One line each."""
    for difference in found:
        out.print(str(difference), markup=False, soft_wrap=True)
    if not found:
        out.print("Nothing differs. / 違いはありません。")


def _in_force(data: Path) -> Path:
    directory = DataDirectory(data)
    directory.kept()
    return directory / "ward.toml"
