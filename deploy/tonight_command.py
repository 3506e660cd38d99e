"""`yoake tonight`: tonight's notes in the terminal, as a PDF, or from the last copy where nothing runs."""

from __future__ import annotations

import sys
from contextlib import ExitStack, closing
from datetime import datetime
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from deploy import output
from deploy.copies import STATEMENTS
from deploy.datadir import DEFAULT, DataDirectory, DataError
from deploy.opened import open_journal
from deploy.options import Data, Json, Lang
from deploy.output import err, fail, print_json
from deploy.said import said
from deploy.statement_command import StatementError, say_where, write_file, write_pdf
from deploy.tonight_copies import TonightCopy, tonight_copies_in
from services.clock import system_clock
from services.database import open_reader
from services.desk import wards_of
from services.handover.in_hand import in_hand
from services.intake.tonight_cases import TonightCases
from services.intake.web import Lookup
from services.pages.evening_log import EveningLog
from services.pages.night_log import NightLog
from services.pages.statement_pdf import TONIGHT, as_pdf
from services.pages.terms import Language, Terms
from services.pages.tonight import printed_at
from services.pages.tonight_facts import Seen
from services.pages.tonight_reading import Tonight
from services.pages.tonight_sheet import Sheet
from services.pages.tonight_text import as_text
from services.pages.typesetting import NoPdf
from services.seal import KeyReader, Secrets

app = typer.Typer(rich_markup_mode=None)


class AskedTonight(NamedTuple):
    """In which language, and with which printed copy it is compared: its time as HH:MM; None: as it was issued."""

    language: Language
    since: str | None


@app.command("tonight")
@said
def tonight_command(
    text: Annotated[bool, typer.Option("--text", help="Plain text, to be read out. This is the default.")] = False,
    pdf: Annotated[
        Path | None,
        typer.Option("--pdf", metavar="FILE", help="Write it on A4, as PDF, instead; - is standard output."),
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="HH:MM", help="The time on the printed copy, to compare with.")
    ] = None,
    last: Annotated[
        bool, typer.Option("--last", help="The last copy that was kept on disk; needs no service and no database.")
    ] = False,
    data: Data = DEFAULT,
    json: Json = False,
    lang: Lang = output.Language.ja,
) -> None:
    """Tonight's notes (今夜の申し送り): stays and open cases that the night must know. Prints personal data."""
    directory = DataDirectory(data)
    if json and (text or pdf or last):
        fail("--json goes with none of --text, --pdf and --last")
    if last:
        if since is not None:
            fail("--last prints the copy as it is: leave --since out")
        copy = last_notes(directory)
        if pdf:
            write_pdf(pdf, None, copy)
        else:
            sys.stdout.write(copy.text.read_text(encoding="utf-8"))
        err.print(str(copy.pdf if pdf else copy.text), markup=False, soft_wrap=True)
        return
    found = notes_in(directory, AskedTonight("ja" if lang == "ja" else "en", since))
    if pdf:
        write_notes(pdf, found)
        say_where(pdf)
    elif json:
        print_json(found)
    else:
        sys.stdout.write(as_text(found))


def notes_in(data: DataDirectory, asked: AskedTonight, now: datetime | None = None) -> Sheet:
    """Tonight's notes out of a data directory, whether or not Yoake runs there.

    Raises:
        StatementError: the ward has no nights, or `since` is no time.
        services.database.DatabaseError, services.journal.JournalError: the journals cannot be read.
    """
    kept, settings = data.kept(), data.settings()
    with ExitStack() as opened:
        intake, placement, handover = (
            opened.enter_context(closing(open_journal(settings, kept.ward, service)))
            for service in ("intake", "placement", "handover")
        )
        wards = [ward for _, ward in wards_of(intake.engine)]
        if not wards:
            raise DataError(f"nothing was recorded in {data.path} yet: start it with `yoake up`, or give --data")
        engine = open_reader(settings.database_of("keys"))
        opened.callback(engine.dispose)
        secrets = Secrets.at(settings.keys)
        keys = KeyReader(engine, secrets)
        cases = TonightCases(Lookup(intake.engine, secrets, keys), keys.opened)
        evenings, alarms = EveningLog(handover.engine, placement.engine), NightLog(handover.engine).alarms
        tonight = Tonight(evenings, cases, lambda: in_hand(handover.engine), alarms)
        local = wards[-1].local(now or system_clock())
        since = printed_at(asked.since, local) if asked.since else None
        if asked.since and since is None:
            raise StatementError(f"--since {asked.since}: not a time of day such as 16:50")
        sheet = tonight.sheet(Seen(Terms(wards[-1], asked.language, wards[:-1]), local, keys.opened, since))
    if sheet is None:
        raise StatementError("the ward's file names no nights: it has no [morning]")
    return sheet


def last_notes(data: DataDirectory) -> TonightCopy:
    """The newest copy on disk; nothing else is opened.

    Raises:
        StatementError: there is none.
    """
    found = tonight_copies_in(data / STATEMENTS)
    if not found:
        raise StatementError(f"{data / STATEMENTS} holds no copy of tonight's notes")
    return found[0]


def write_notes(to: Path, sheet: Sheet) -> None:
    """Write the PDF, for its owner alone.

    Raises:
        StatementError: it cannot be made or written.
    """
    try:
        write_file(to, as_pdf(sheet, TONIGHT))
    except NoPdf as error:
        raise StatementError(f"the PDF could not be made ({error}); print the text instead") from error
