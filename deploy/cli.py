"""The command line, `yoake`: each command with --help, with --json where a program may read it."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import Annotated, ParamSpec, TypeVar

import msgspec
import sqlalchemy as sa
import typer

from deploy import output, saving
from deploy.credential_commands import credentials_app
from deploy.datadir import DEFAULT, DataDirectory, DataError, Running
from deploy.feeding import FeedError, feed, read_lines
from deploy.feeds import complete, manifest_of, manifest_table, notes
from deploy.history import Contradiction, plan, read_examples
from deploy.importing.faults import in_words
from deploy.importing.mapping import MappingError
from deploy.importing.sheets import SheetError
from deploy.manifest import BackupError
from deploy.natsd import NatsError, declare, without_password
from deploy.opened import Opened
from deploy.output import Language, err, fail, out, print_json
from deploy.parked_commands import parked_app
from deploy.ports import StartError, check_port
from deploy.refill import rebuild as rebuild_tallies
from deploy.refill import rebuild_index
from deploy.refill import refill as fill_events
from deploy.setting_up import PUBLISHED, SAMPLE, prepare
from deploy.showing import print_changes, print_gaps, print_history, print_report, print_status
from deploy.signing_in import link, print_links
from deploy.statement_command import Asked, StatementError, last_copy, night_in, sheet_in, write_pdf
from deploy.status import status as status_of
from deploy.subscriber_commands import subscriber_app
from deploy.tonight_command import AskedTonight, last_notes, notes_in, write_notes
from deploy.verify import verify as differences
from deploy.verify_index import NoKeys
from deploy.ward_commands import ward_app
from events.adapter import NotSent
from services.clock import system_clock
from services.database import DatabaseError
from services.era import folded, parse_date
from services.flag_list import counts, flags
from services.intake.finding import NotIndexed
from services.journal import JournalError
from services.pages.statement_text import as_text
from services.pages.terms import Terms
from services.pages.tonight_text import as_text as notes_as_text
from services.reporting import published
from services.reporting.changes import changes
from services.reporting.inquiry import NotKnown
from services.reporting.pages import asked
from services.reporting.tables import read_years
from services.settings import SettingsError, from_environment
from services.signin import SignInError
from services.toml_file import FileError
from services.ward import Ward, WardError, load

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Yoake (夜明け): nothing that was said at night is missing in the morning.",
)
app.add_typer(ward_app, name="ward")
app.add_typer(credentials_app, name="credentials")
app.add_typer(parked_app, name="parked")
app.add_typer(subscriber_app, name="subscriber")

P = ParamSpec("P")
T = TypeVar("T")

SAID = (
    BackupError,
    DataError,
    DatabaseError,
    FeedError,
    FileError,
    JournalError,
    NatsError,
    NoKeys,
    NotIndexed,
    NotSent,
    SettingsError,
    SignInError,
    SheetError,
    StartError,
    StatementError,
    WardError,
    Contradiction,
    published.PublishedError,
)
"""Errors whose text says what is wrong and what to do."""


class ReportName(StrEnum):
    """The five tables."""

    registrations = "registrations"
    handbooks = "handbooks"
    ages = "ages"
    calls_by_district = "calls-by-district"
    calls = "calls"


class Format(StrEnum):
    """How a table is printed."""

    table = "table"
    json = "json"
    csv = "csv"


class Order(StrEnum):
    """By which clock a history is told."""

    time = "time"
    ledger = "ledger"


Data = Annotated[
    Path, typer.Option("--data", envvar="YOAKE_DATA", help="The data directory.", show_default=".yoake", file_okay=True)
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for a program.")]
Lang = Annotated[Language, typer.Option("--lang", envvar="YOAKE_LANG", help="ja or en.")]
WardFile = Annotated[Path | None, typer.Option("--ward", help="The ward's TOML file; Setagaya's is the default.")]
NatsPort = Annotated[int, typer.Option("--nats-port", min=0, max=65535, help="NATS's port; 0 takes a free one.")]
PagesPort = Annotated[int, typer.Option("--port", min=0, max=65535, help="The pages' port; 0 takes a free one.")]
NatsUrl = Annotated[str | None, typer.Option("--nats", help="Where NATS runs, if `yoake up` does not run it.")]

MOST_REASON = 1_000
NATS_PORT, PAGES_PORT = 14222, 18222


def said(command: Callable[P, T]) -> Callable[P, T]:
    """Turn errors that say what to do into a line on standard error and an exit status of 2."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return command(*args, **kwargs)
        except SAID as error:
            fail(error)
        except sa.exc.DatabaseError as error:
            fail(f"the database cannot be read: {error.orig}")
        except PermissionError as error:
            fail(f"{error.filename}: no permission; use a directory that you may read and write, or give --data")

    return run


@app.command()
@said
def demo(
    once: Annotated[
        bool, typer.Option("--once", help="Stop after the tables; the exit status says if all are equal.")
    ] = False,
    morning: Annotated[
        bool, typer.Option("--morning", help="Instead: an invented night passes, and its morning stands there.")
    ] = False,
    data: Data = DEFAULT,
    port: PagesPort = PAGES_PORT,
    nats_port: NatsPort = NATS_PORT,
    lang: Lang = Language.ja,
) -> None:
    """Two synthetic fiscal years in, the ward's published tables out, cell beside cell."""
    from deploy.demo import demonstrate  # The services' own libraries take a second to import; few commands need them.
    from deploy.demo_morning import demonstrate_morning

    if morning:
        raise typer.Exit(0 if demonstrate_morning(once=once, ports=(nats_port, port), language=lang) else 1)
    equal = demonstrate(DataDirectory(data), once=once, ports=(nats_port, port), language=lang)
    raise typer.Exit(0 if equal else 1)


@app.command()
@said
def up(
    data: Data = DEFAULT,
    ward: WardFile = None,
    port: PagesPort = PAGES_PORT,
    nats_port: NatsPort = NATS_PORT,
    database: Annotated[
        str | None, typer.Option(help="PostgreSQL instead of SQLite: a URL with {service} in it, a database for each.")
    ] = None,
    activate: Annotated[
        bool, typer.Option("--activate", help="Let a changed ward's file be in force from now on.")
    ] = False,
) -> None:
    """Run NATS, the four services and the pages here, on loopback only, until Ctrl-C."""
    from deploy.embedded import Embedded

    directory = DataDirectory(data)
    changed = prepare(directory, ward, database, activate=activate)
    if changed:
        err.print(
            "The ward's file differs from the one in force; it is not taken. --activate lets it be in force from now:"
        )
        for line in changed:
            err.print(f"  {line}", markup=False, soft_wrap=True)
    directory.lock()
    for number, option in ((port, "--port"), (nats_port, "--nats-port")):
        check_port(number, option)
    embedded = Embedded(directory, nats_port=nats_port, pages_port=port)
    ended_by_itself = False
    try:
        with embedded as running:
            where = (("Pages", running.pages), ("NATS", without_password(running.nats)), ("Data", directory.path))
            out.print("\n".join(f"{name:<8} {what}" for name, what in where), markup=False)
            print_links(directory.settings(), running.pages)
            out.print("Ctrl-C stops everything. / 終了は Ctrl-C です。")
            ended_by_itself = not embedded.wait_for_ctrl_c()
    except KeyboardInterrupt:
        pass  # It came while everything was being started; the context has stopped it all.
    if ended_by_itself:
        fail(f"the runner ended by itself; see {directory / 'logs' / 'runner.log'}", 1)
    out.print("Stopped. / 終了しました。")


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
        output.print_summary(summary)
    raise typer.Exit(0 if summary.clean else 1)


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
    synthetic: Annotated[bool, typer.Option("--synthetic", help="These are invented data (架空データ).")] = False,
    data: Data = DEFAULT,
    json: Json = False,
    lang: Lang = Language.ja,
) -> None:
    """Take in a roster or a call log from a spreadsheet; importing it again adds only what is new.

    Rows that were edited since they were taken are told, and corrected with --correct alone.
    The exit status is 0 if every row was taken, 1 if some were held back, parked, or differ from what is held.
    """
    from deploy.import_command import Options, import_sheet, print_imported, ward_of

    directory = DataDirectory(data)
    ward = ward_of(directory)
    check_provider(ward, provider)
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


@app.command()
@said
def report(
    name: Annotated[ReportName, typer.Argument(help="Which table.")],
    fy: Annotated[str | None, typer.Option("--fy", help="Fiscal years: 2022, 2022-2023 or 令和4年度.")] = None,
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="Count what had occurred by the end of this day.")
    ] = None,
    known_at: Annotated[
        str | None, typer.Option("--known-at", help="As the ledger knew it: a position, or a time with its offset.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", help="What differs from an earlier state, and why; written like --known-at."),
    ] = None,
    format_: Annotated[Format, typer.Option("--format", help="How to print it.")] = Format.table,
    data: Data = DEFAULT,
    lang: Lang = Language.ja,
) -> None:
    """One table of the ward, from the ledger; works whether or not the services run."""
    with opened(data) as books:
        years = _option("--fy", fy, read_years)
        day = _option("--as-of", as_of, _day)
        known = _option("--known-at", known_at, lambda text: _known_at(text, books))
        earlier = _option("--since", since, lambda text: _known_at(text, books))
        if earlier is not None and known is None:
            known = books.inquiry.end()[0]
        try:
            found = books.inquiry.report(name.value, years=years, as_of=day, known_at=known)
        except LookupError as error:
            fail(f"--known-at {known_at}: {error}" if known_at is not None else error)
        if earlier is None:
            print_report(found, format_.value, lang.value)
            return
        try:
            then = books.inquiry.report(name.value, years=years, as_of=day, known_at=earlier)
            moved = changes(books.inquiry, then, found)
        except LookupError as error:
            fail(f"--since {since}: {error}")
        *former, ward = books.inquiry.wards()
        print_changes(moved, then, found, Terms(ward, lang.value, former), format_.value)


@app.command()
@said
def case(
    name: Annotated[
        str, typer.Argument(metavar="CASE", help="A case id, a reference number (R5-0012) or PROVIDER/REF.")
    ],
    by: Annotated[
        Order, typer.Option("--by", help="In the order in which it happened, or in the ledger's.")
    ] = Order.time,
    data: Data = DEFAULT,
    json: Json = False,
    lang: Lang = Language.ja,
) -> None:
    """A case's whole history across the services: both clocks, source, cause, and what changed."""
    with opened(data) as books:
        try:
            history = books.inquiry.history(books.inquiry.find(name), by=by.value)
        except NotKnown as error:
            fail(error)
        if json:
            print_json(history)
        else:
            print_history(history, books.inquiry.ward(), lang.value)


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
    from deploy.flags import print_flags

    print_flags(found, counted, Terms(load(DataDirectory(data) / "ward.toml"), "ja" if lang == "ja" else "en"))


@app.command()
@said
def statement(
    night: Annotated[
        str | None,
        typer.Argument(metavar="[NIGHT]", help="The day on which the night began, 2025-11-14; else the newest."),
    ] = None,
    text: Annotated[bool, typer.Option("--text", help="Plain text, to be read out. This is the default.")] = False,
    pdf: Annotated[Path | None, typer.Option("--pdf", metavar="FILE", help="Write it on A4, as PDF, instead.")] = None,
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
        out.print(str(pdf), markup=False, soft_wrap=True)
    elif json:
        print_json(found)
    else:
        sys.stdout.write(as_text(found))
    raise typer.Exit(0 if found.now.code == "agree" else 1)


@app.command("tonight")
@said
def tonight_command(
    text: Annotated[bool, typer.Option("--text", help="Plain text, to be read out. This is the default.")] = False,
    pdf: Annotated[Path | None, typer.Option("--pdf", metavar="FILE", help="Write it on A4, as PDF, instead.")] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="HH:MM", help="The time on the printed copy, to compare with.")
    ] = None,
    last: Annotated[
        bool, typer.Option("--last", help="The last copy that was kept on disk; needs no service and no database.")
    ] = False,
    data: Data = DEFAULT,
    json: Json = False,
    lang: Lang = Language.ja,
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
        out.print(str(pdf), markup=False, soft_wrap=True)
    elif json:
        print_json(found)
    else:
        sys.stdout.write(notes_as_text(found))


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
    from deploy.finding import answer, opened_finder, print_answer, ward_of

    with opened_finder(DataDirectory(data)) as finder:
        ward = ward_of(finder)
        found = answer(finder, " ".join(text), ward.local(system_clock()).date())
        print_json(found) if json else print_answer(found, ward, lang.value)
    raise typer.Exit(0 if found.candidates else 1)


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


@app.command()
@said
def verify(data: Data = DEFAULT, json: Json = False) -> None:
    """Compare ledger with journals, tallies with the fold, the index of persons with the log, streams with journals.

    The exit status is 0 if everything is equal, 1 if not; every difference is named.
    """
    running = DataDirectory(data).running()
    with opened(data) as books:
        compared = differences(books, running.nats if running else None)
        head, root = books.inquiry.ledger.head(), books.inquiry.ledger.root()
        missing, ward_now = books.inquiry.gaps(), books.inquiry.ward()
    found = compared.differences
    if json:
        told = {"equal": not found, "differences": found, "unchecked": compared.unchecked, "streams": bool(running)}
        print_json(told | {"position": head, "root": root, "missing": missing})
    else:
        for difference in found:
            out.print(difference, markup=False)
        streams = "streams too" if running else "streams not compared: Yoake does not run"
        for unchecked in compared.unchecked:
            out.print(f"NOT CHECKED: {unchecked}", markup=False, soft_wrap=True)
        equal = "What was compared is equal" if compared.unchecked else "Everything is equal"
        verdict = f"{len(found)} differences" if found else equal
        out.print(f"{verdict}: ledger 1 to {head}, root {root} ({streams}).", markup=False, soft_wrap=True)
        print_gaps(missing, ward_now)
    raise typer.Exit(1 if found else 0)


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


@app.command()
@said
def rebuild(
    index: Annotated[
        bool, typer.Option("--index", help="The index of persons instead, from intake's log; Yoake must be stopped.")
    ] = False,
    data: Data = DEFAULT,
    json: Json = False,
) -> None:
    """Throw the tallies away and fold them again from the ledger; says whether the result is identical."""
    if index and DataDirectory(data).running():
        fail(f"Yoake runs on {data}, and intake writes the index: stop it first (Ctrl-C), then ask again")
    with opened(data) as books:
        if index:
            same, head, source = rebuild_index(books), books.writers["intake"].head, "intake"
        else:
            same, head, source = rebuild_tallies(books), books.inquiry.ledger.head(), "ledger"
    if json:
        print_json({"identical": same, "position": head})
    elif same:
        out.print(f"Made again from {source} positions 1 to {head}: identical.")
    else:
        out.print(f"Made again from {source} positions 1 to {head}: it was NOT identical; the new result is kept.")
    if not same and not index and not json:
        out.print("If Yoake runs, restart it, so that the reporting service reads the new tallies.")
    raise typer.Exit(0 if same else 1)


@app.command()
@said
def streams(
    refill: Annotated[
        bool, typer.Option("--refill", help="Publish to EVENTS what it lacks, from the journals.")
    ] = False,
    data: Data = DEFAULT,
    json: Json = False,
) -> None:
    """Declare the streams and durables on the running NATS; with --refill, fill EVENTS from the journals."""
    directory = DataDirectory(data)
    url = running_on(directory).nats
    ward = directory.settings().ward()
    providers = [provider.id for provider in ward.provider]
    subscribers = [subscriber.key for subscriber in ward.subscriber if subscriber.way == "nats"]
    done = asyncio.run(declare(url, ward.id, providers=providers, subscribers=subscribers))
    published_again: dict[str, int] = {}
    if refill:
        with opened(data) as books:
            published_again = asyncio.run(fill_events(url, books))
    if json:
        print_json({"declared": done, "published": published_again})
        return
    out.print("\n".join(done) or "Every stream and durable is as it must be.", markup=False)
    for service, count in published_again.items():
        out.print(f"{service}: {count} events published again" if count else f"{service}: EVENTS lacks nothing")


@app.command()
@said
def history(
    tables: Annotated[
        Path, typer.Option("--tables", help="A TOML of published tables, such as the sample's.")
    ] = PUBLISHED,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same history.")] = 1,
    ward: WardFile = None,
    to: Annotated[
        Path | None, typer.Option("--out", help="A file; with several senders, one for each: NAME-PROVIDER.jsonl.")
    ] = None,
) -> None:
    """Write a synthetic history (架空データ), as adapter messages, that yields exactly these tables."""
    sent = plan(published.load(tables), load(ward or SAMPLE), seed, read_examples(tables))
    by_provider: dict[str, list[bytes]] = {}
    for provider, message in sent:
        by_provider.setdefault(provider, []).append(msgspec.json.encode(message) + b"\n")
    if to is None:
        if len(by_provider) > 1:
            fail(f"there are several senders ({', '.join(by_provider)}): give --out FILE to get a file for each")
        sys.stdout.buffer.write(b"".join(line for lines in by_provider.values() for line in lines))
        return
    for provider, lines in by_provider.items():
        file = to if len(by_provider) == 1 else to.with_name(f"{to.stem}-{provider}{to.suffix or '.jsonl'}")
        try:
            file.write_bytes(b"".join(lines))
        except OSError as error:
            fail(f"{file}: {error.strerror}; give --out a file that you may write")
        out.print(f"{file}: {len(lines)} messages; feed them with `yoake feed {file} --as {provider}`", soft_wrap=True)


def check_provider(ward: Ward, sender: str) -> None:
    """End where the ward's file does not know a provider."""
    if ward.provider_of(sender) is None:
        fail(f"--as {sender}: the ward does not know this provider; it knows {', '.join(p.id for p in ward.provider)}")


def opened(data: Path) -> closing[Opened]:
    """The journals of a data directory, for looking."""
    directory = DataDirectory(data)
    return closing(Opened(directory.settings(), directory.kept().ward))


def running_on(directory: DataDirectory) -> Running:
    """The Yoake that runs on the directory.

    Raises:
        DataError: nothing runs on it.
    """
    directory.kept()
    running = directory.running()
    if running is None:
        raise DataError(f"Yoake does not run on {directory.path}: start it with `yoake up`, or give --data")
    return running


def _option(name: str, text: str | None, read: Callable[[str], T]) -> T | None:
    if text is None:
        return None
    try:
        return read(text)
    except ValueError as error:
        fail(f"{name} {text}: {error}")


def _day(text: str) -> date:
    try:
        return parse_date(text)
    except ValueError as error:
        raise ValueError("not a day that exists; accepted: 2023-01-26 or 令和5年1月26日") from error


def _known_at(text: str, books: Opened) -> datetime | int:
    ward = books.inquiry.ward()
    if ward is None:
        raise ValueError("the ledger is empty: nothing was recorded yet")
    try:
        return asked.known_at(folded(text), ward)
    except ValueError as error:
        accepted = "a ledger position such as 120, or a time such as 2025-04-02T10:00+09:00"
        raise ValueError(f"not understood; accepted: {accepted}") from error


def main() -> None:
    """The entry point."""
    for stops in (signal.SIGTERM, signal.SIGINT):  # Both as Ctrl-C, which a script's `&` would ignore.
        signal.signal(stops, signal.default_int_handler)
    app()


if __name__ == "__main__":
    main()
