"""`yoake statement`: a night's statement in the terminal, as a PDF, or from the last copy where nothing runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from deploy.copies import STATEMENTS, Copy, copies_in
from deploy.datadir import DEFAULT, DataDirectory, DataError
from deploy.opened import open_journal
from deploy.options import Data, Json, Lang
from deploy.output import Language, err, fail, out, print_json
from deploy.said import said
from deploy.tonight_copies import TonightCopy
from services.clock import system_clock
from services.database import open_reader
from services.desk import wards_of
from services.era import parse_date
from services.handover.looking import Looking
from services.intake.night_calls import NightCalls
from services.pages.night_log import NightLog
from services.pages.statement import Sheet, sheet_of
from services.pages.statement_pdf import as_pdf
from services.pages.statement_rows import Opens
from services.pages.statement_text import as_text
from services.pages.terms import Terms
from services.pages.typesetting import NoPdf
from services.seal import KeyReader, Secrets

app = typer.Typer(rich_markup_mode=None)
STDOUT = Path("-")


class StatementError(RuntimeError):
    """There is no such statement, or it cannot be written; says what to do."""


class Asked(NamedTuple):
    """Which statement: of which night (None: the newest), and which edition alone (None: all together)."""

    night: date | None
    edition: int | None
    language: str


@app.command()
@said
def statement(
    night: Annotated[
        str | None,
        typer.Argument(metavar="[NIGHT]", help="The day on which the night began, 2025-11-14; else the newest."),
    ] = None,
    text: Annotated[bool, typer.Option("--text", help="Plain text, to be read out. This is the default.")] = False,
    pdf: Annotated[
        Path | None,
        typer.Option("--pdf", metavar="FILE", help="Write it on A4, as PDF, instead; - is standard output."),
    ] = None,
    edition: Annotated[
        int | None, typer.Option("--edition", min=0, help="One edition alone: 0 the first, 1 the first supplement.")
    ] = None,
    last: Annotated[
        bool, typer.Option("--last", help="The last copy that was kept on disk; needs no service and no database.")
    ] = False,
    data: Data = DEFAULT,
    json: Json = False,
    lang: Lang = Language.ja,
) -> None:
    """The closing statement of a night (夜間引継書) with its supplements. Prints personal data.

    The exit status is 0 if the counts agree, 1 if they differ or are not confirmed; with --last 0 if there is a copy.
    """
    directory, which = DataDirectory(data), night_in(night) if night else None
    if json and (text or pdf or last):
        fail("--json goes with none of --text, --pdf and --last")
    if last:
        if edition is not None:
            fail("--last prints the newest copy, which holds every edition up to its own: leave --edition out")
        copy = last_copy(directory, which)
        if pdf:
            write_pdf(pdf, None, copy)
        else:
            sys.stdout.write(copy.text.read_text(encoding="utf-8"))
        err.print(str(copy.pdf if pdf else copy.text), markup=False, soft_wrap=True)
        return
    found = sheet_in(directory, Asked(which, edition, lang.value))
    if pdf:
        write_pdf(pdf, found, None)
        say_where(pdf)
    elif json:
        print_json(found)
    else:
        sys.stdout.write(as_text(found))
    raise typer.Exit(0 if found.now.code == "agree" else 1)


def night_in(text: str) -> date:
    """The day on which a night began, as people write it, or as `night-2025-11-14`.

    Raises:
        StatementError: not a day.
    """
    try:
        return parse_date(text.removeprefix("night-"))
    except ValueError as error:
        raise StatementError(
            f"{text}: not a day; give that on which the night began, such as 2025-11-14 or 令和7年11月14日"
        ) from error


def sheet_in(data: DataDirectory, asked: Asked) -> Sheet:
    """A statement out of a data directory, whether or not Yoake runs there.

    Raises:
        StatementError: there is none.
        services.database.DatabaseError, services.journal.JournalError: the journals cannot be read.
    """
    with _opened(data) as (nights, stands, calls, opens, terms):
        night = nights.night(asked.night) if asked.night else nights.newest()
        if night is None:
            which = f"the night of {asked.night}" if asked.night else "any night"
            raise StatementError(f"no statement was issued of {which} in {data.path}")
        if asked.edition is not None and asked.edition not in {one.statement.edition for one in night.editions}:
            last = night.newest.statement.edition
            raise StatementError(f"--edition {asked.edition}: the night of {night.night} has editions 0 to {last}")
        found = calls([entry.item for entry in night.entries if entry.item], personal=True)
        is_one, alarms = asked.edition is not None, nights.alarms()
        now = system_clock()
        stand = stands(night, now)
        said_in = terms(asked.language)
        return sheet_of(night, stand, found, said_in, now, opens, alarms=alarms, edition=asked.edition, only=is_one)


def last_copy(data: DataDirectory, night: date | None) -> Copy:
    """The newest copy on disk, of this night or of any; nothing else is opened.

    Raises:
        StatementError: there is none.
    """
    directory = data / STATEMENTS
    found = [copy for copy in copies_in(directory) if night in (None, copy.night)]
    if not found:
        raise StatementError(f"{directory} holds no copy" + (f" of the night of {night}" if night else ""))
    return found[0]


def write_pdf(to: Path, sheet: Sheet | None, copy: Copy | TonightCopy | None) -> None:
    """Write the PDF of a sheet, or that of a copy, for its owner alone.

    Raises:
        StatementError: it cannot be made or written.
    """
    try:
        content = copy.pdf.read_bytes() if copy else as_pdf(sheet) if sheet else b""
    except NoPdf as error:
        raise StatementError(f"the PDF could not be made ({error}); print the text instead") from error
    except OSError as error:
        raise StatementError(f"{error.filename}: {error.strerror}") from error
    write_file(to, content)


def write_file(to: Path, content: bytes) -> None:
    """Write something personal, for its owner alone; `-` is standard output.

    Raises:
        StatementError: it cannot be written, or would go to a terminal.
    """
    if to == STDOUT:
        if sys.stdout.isatty():
            raise StatementError("--pdf -: a PDF is nothing for a terminal; send it on with | or >, or give a file")
        sys.stdout.buffer.write(content)
        return
    try:
        with open(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
    except OSError as error:
        raise StatementError(f"{error.filename}: {error.strerror}") from error


def say_where(pdf: Path) -> None:
    """Where a PDF stands now; nothing beside one that went to standard output."""
    if pdf != STDOUT:
        out.print(str(pdf), markup=False, soft_wrap=True)


@contextmanager
def _opened(data: DataDirectory) -> Iterator[tuple[NightLog, Looking, NightCalls, Opens, Callable[[str], Terms]]]:
    kept, settings = data.kept(), data.settings()
    with closing(open_journal(settings, kept.ward, "intake")) as intake:
        wards = wards_of(intake.engine)
        if not wards:
            raise DataError(f"nothing was recorded in {data.path} yet: start it with `yoake up`, or give --data")
        with closing(open_journal(settings, kept.ward, "handover")) as handover:
            engine = open_reader(settings.database_of("keys"))
            try:
                keys = KeyReader(engine, Secrets.at(settings.keys))
                calls = NightCalls(intake, keys.opened)

                def terms(language: str) -> Terms:
                    return Terms(wards[-1][1], "en" if language == "en" else "ja", [ward for _, ward in wards[:-1]])

                yield NightLog(handover.engine), Looking(handover.engine), calls, keys.opened, terms
            finally:
                engine.dispose()
