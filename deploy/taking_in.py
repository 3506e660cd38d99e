"""`yoake import`: a roster or a call log out of a spreadsheet, sent as an adapter would."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from deploy.datadir import DataDirectory, DataError
from deploy.importing.checking import Checker
from deploy.importing.copying import check_place, path_of_copy, write_copy
from deploy.importing.differing import Differing
from deploy.importing.held import Held
from deploy.importing.making import Maker
from deploy.importing.mapping import load as load_mapping
from deploy.importing.running import ORDER, Result, Seal, Send, run
from deploy.importing.sheets import Sheet, SheetError
from deploy.importing.words import CODES, ROW, STATES, SUMMARY, placed
from deploy.output import out
from events.adapter import Adapter, sealed
from events.messages import Receipt
from events.seal import public_key
from services.clock import system_clock
from services.database import open_reader
from services.seal import KeyReader, Secrets
from services.subjects import WRITERS
from services.ward import Ward, load

TOGETHER = 100
"""Rows that travel as one batch."""

SHOWN = 20
"""Rows told in the terminal; the copy has them all."""


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a sheet, for programs. `states` and `flags` are counts; `problems` one line for each odd row."""

    file: str
    encoding: str
    dry_run: bool
    rows: int
    states: dict[str, int]
    flags: dict[str, int]
    problems: list[dict[str, Any]]
    copy: str | None


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How a sheet is imported. `checked`: where the copy goes; None: beside the file, under a free name.

    `correct`: the reason for which records are to say what rows say that were edited since; None: they are told alone.
    `of`: the provider that sent these rows before, where another corrects them now.
    """

    mapping: Path
    provider: str
    encoding: str | None = None
    checked: Path | None = None
    dry_run: bool = False
    synthetic: bool = False
    correct: str | None = None
    of: str | None = None
    language: str = "ja"
    quiet: bool = False


def import_sheet(file: Path, data: DataDirectory, ward: Ward, options: Options) -> tuple[Imported, Result, Sheet]:
    """Read, check, send and copy a sheet.

    Raises:
        deploy.importing.sheets.SheetError, deploy.importing.mapping.MappingError: it cannot be read as asked.
            Nothing was sent then, nor where the copy could not be written.
        deploy.datadir.DataError: nothing runs, or the keys that its ids need are not here.
        events.adapter.NotSent: it could not be handed over; what was is known when it is imported again.
    """
    if options.checked is not None and options.checked.resolve() == file.resolve():
        raise SheetError(f"--checked {options.checked}: the sheet itself; give another file, or leave it out")
    mapping = load_mapping(options.mapping)
    sheet = Sheet(file, name=mapping.sheet.name, encoding=options.encoding)
    places = sheet.find_heading(mapping.columns, mapping.sheet.heading_rows)
    maker = Maker(mapping, places, ward.zone, _digest(data), epoch=sheet.epoch, synthetic=options.synthetic)
    checker = Checker(ward, options.provider, maker, system_clock())
    copy_to = options.checked or path_of_copy(file)
    check_place(copy_to)
    send = None if options.dry_run else _sender(data, ward, options.provider)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with (
        _again(data, mapping.source, checker, options) as again,
        Progress(*columns, console=Console(stderr=True), disable=options.quiet) as progress,
    ):
        task = progress.add_task("読取・送信 / Read and sent", total=None)
        result = run(
            sheet,
            maker,
            checker,
            send,
            lambda rows: progress.advance(task, rows),
            _sealer(data, dry=send is None),
            again,
        )
        copy = None
        if any(True for _ in result.odd_rows()):
            progress.update(task, description="写しの作成 / Writing the copy", total=result.counts.total())
            copy = copy_to
            copy.unlink(missing_ok=True)
            write_copy(sheet, result, copy, options.language)
    return _imported(sheet, result, copy, options), result, sheet


@contextmanager
def _again(data: DataDirectory, source: str, checker: Checker, options: Options) -> Iterator[Differing | None]:
    """What compares with the records of this directory; None where its keys are not here, which only a dry run does."""
    if not (data / "keys" / "master.key").exists():
        if options.of is not None:
            raise DataError(
                f"{data / 'keys'} holds no master.key, without which nothing is known of what was taken before"
            )
        yield None
        return
    settings, secrets = data.settings(), Secrets.at(data / "keys")
    engines = {service: open_reader(settings.database_of(service)) for service in (*WRITERS, "keys")}
    try:
        held = Held(engines, KeyReader(engines["keys"], secrets), secrets, options.provider, source, of=options.of)
        yield Differing(checker, held, options.correct)
    finally:
        for engine in engines.values():
            engine.dispose()


def _digest(data: DataDirectory) -> Any:
    """A keyed digest for ids, with this directory's keys, opened when the first one is made."""
    found: list[Secrets] = []

    def digest(content: bytes) -> str:
        if not found:
            if not (data / "keys" / "master.key").exists():
                raise DataError(f'{data / "keys"} holds no master.key, which digest = "keyed" needs')
            found.append(Secrets.at(data / "keys"))
        return found[0].digest(b"yoake/import\x1f" + content)

    return digest


def _sealer(data: DataDirectory, *, dry: bool) -> Seal:
    if dry:
        return lambda message: message
    key = public_key((data / "keys" / "inbox.pub.jwk").read_bytes())
    return lambda message: sealed(message, key)


def _sender(data: DataDirectory, ward: Ward, provider: str) -> Send:
    """The one place that sends: as the provider, a receipt for each message."""
    running = data.running()
    if running is None:
        raise DataError(f"Yoake does not run on {data.path}: start it with `yoake up`, give --data, or try --dry-run")

    async def deliver(messages: Sequence[dict[str, Any]]) -> dict[int, Receipt]:
        async with Adapter(running.nats, ward.id, provider) as adapter:
            return await adapter.send(list(messages), lambda _, __: None, together=TOGETHER)

    def send(messages: Sequence[dict[str, Any]]) -> Sequence[Receipt]:
        receipts = asyncio.run(deliver(messages))
        return [receipts[n] for n in range(len(messages))]

    return send


def _imported(sheet: Sheet, result: Result, copy: Path | None, options: Options) -> Imported:
    return Imported(
        file=str(sheet.path),
        encoding=sheet.encoding,
        dry_run=options.dry_run,
        rows=result.counts.total(),
        states={state: result.counts[state] for state in ORDER if result.counts[state]},
        flags=dict(sorted(result.codes.items())),
        problems=[_problem(row, sheet, result) for row in result.odd_rows()],
        copy=str(copy) if copy else None,
    )


def _problem(row: int, sheet: Sheet, result: Result) -> dict[str, Any]:
    findings = [
        {
            "code": one.code,
            "columns": [_heading(sheet, n) for n in one.columns],
            "reason": one.reason,
            "accepted": one.accepted,
        }
        for one in result.findings[row]
    ]
    return {"row": row, "state": result.state(row), "findings": findings}


def _heading(sheet: Sheet, column: int) -> str:
    return sheet.headings[column] if column < len(sheet.headings) else ""


def ward_of(data: DataDirectory) -> Ward:
    """The ward's file in force."""
    data.kept()
    return load(data / "ward.toml")


def print_imported(done: Imported, result: Result, sheet: Sheet, language: str) -> None:
    """What became of it: counts, the first rows at which somebody should look, and where all of them stand."""
    out.print(f"{done.file} ({done.encoding})", markup=False, soft_wrap=True)
    out.print(f"{SUMMARY['rows'][language]}: {done.rows}")
    for state, count in done.states.items():
        out.print(f"  {STATES[state][language]}: {count}", markup=False)
    for code, count in done.flags.items():
        words = CODES[code][language].split("。")[0].format(n="…") if code in CODES else code
        out.print(f"  {SUMMARY['flags'][language]} {code} {words}: {count}", markup=False, soft_wrap=True, style="dim")
    odd = len(done.problems)
    for row in islice(result.odd_rows(), SHOWN):  # What is held is for the copy, and no terminal's history.
        told = "; ".join(placed(one, sheet.headings, language, values=False) for one in result.findings[row])
        out.print(f"{ROW[language].format(n=row)}: {told}", markup=False, soft_wrap=True)
    if odd > SHOWN:
        out.print(SUMMARY["more"][language].format(n=odd - SHOWN))
    if done.copy:
        out.print(f"{SUMMARY['copy'][language]}{done.copy}", markup=False, soft_wrap=True)
        out.print(SUMMARY["first" if done.dry_run else "again"][language], soft_wrap=True)
    if result.correctable and done.states.get("edited"):
        out.print(SUMMARY["edited"][language], markup=False, soft_wrap=True)
    if done.dry_run:
        out.print(SUMMARY["dry"][language], style="bold")
