"""`yoake parked`: the desk for parked messages (要確認データ), in the terminal."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, ParamSpec, TypeVar

import sqlalchemy as sa
import typer

from deploy import saving
from deploy.datadir import DEFAULT, DataDirectory, DataError
from deploy.opened import Opened
from deploy.output import Language, clock_of, fail, out, print_json
from deploy.parked import TOGETHER, Outcome, ParkedDesk
from events.adapter import NotSent
from events.messages import Receipt
from services.database import DatabaseError
from services.journal import JournalError
from services.pages.parked_words import accepted_in_words, fault_in_words, place_of, reason_in_words, why
from services.pages.terms import Terms
from services.parked_desk import Parked, ParkedError, Wanted
from services.ward import Label, load

app = typer.Typer(
    name="parked",
    invoke_without_command=True,
    rich_markup_mode=None,
    help="The desk for parked messages (要確認データ): list them, show one, mend it, send it again, or close it.",
)

P = ParamSpec("P")
T = TypeVar("T")

Number = Annotated[str, typer.Argument(metavar="N", help="Its number in the list, such as intake-3.")]
Data = Annotated[Path, typer.Option("--data", envvar="YOAKE_DATA", help="The data directory.", show_default=".yoake")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for a program.")]
Lang = Annotated[Language, typer.Option("--lang", envvar="YOAKE_LANG", help="ja or en.")]


class ParkedKind(StrEnum):
    """Why a person must look."""

    parked = "parked"
    conflict = "conflict"


Kind = Annotated[ParkedKind | None, typer.Option("--kind", help="Only what is parked, or in conflict.")]
Provider = Annotated[str | None, typer.Option("--provider", help="Only what this provider sent.")]
Source = Annotated[str | None, typer.Option("--source", help="Only what has this source.")]
Field = Annotated[str | None, typer.Option("--field", help="Only where this field is wrong, such as data.case.")]

WORDS = {
    "meant": Label(
        "{n}件が当てはまります。閉じるときは --yes を付けてください。", "{n} are meant. To close them, add --yes."
    ),
    "heading": Label("要確認データ", "Data to mend"),
    "none": Label("要確認データはありません。", "Nothing is parked."),
    "number": Label("番号", "Number"),
    "provider": Label("受託事業者", "Provider"),
    "arrived": Label("受信日時", "Arrived"),
    "kind": Label("種類", "Kind"),
    "state": Label("状態", "State"),
    "field": Label("項目", "Field"),
    "reason": Label("理由", "Reason"),
    "accepted": Label("受け付けられる内容", "What would be accepted"),
    "id": Label("送信元の番号", "The sender's id"),
    "first": Label("先に受け付けた記録", "What stands"),
    "settled": Label("対応した日時", "Settled"),
    "because": Label("閉じた理由", "Closed because"),
    "by": Label("閉じた者", "Closed by"),
    "parked": Label("読み取れない・使えない", "parked"),
    "conflict": Label("同じ番号で内容が違う", "conflict"),
    "open": Label("未対応", "open"),
    "mended": Label("直して再送済み", "mended"),
    "closed": Label("閉じた", "closed"),
    "next": Label(
        "同じ件について後から届いた要確認データがあります。続けて再送してください：",
        "Parked later, about the same: send them again now:",
    ),
    "done": Label("受け付けました。", "Taken."),
    "close_done": Label("閉じました。", "Closed."),
    "not_done": Label(
        "まだ使えません。直して、もう一度送ってください。", "It cannot be used yet: mend it and send again."
    ),
}


def said(command: Callable[P, T]) -> Callable[P, T]:
    """Turn errors that say what to do into a line on standard error and an exit status of 2."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return command(*args, **kwargs)
        except ParkedError as error:
            fail(_said_in(error, kwargs))
        except (DataError, DatabaseError, JournalError, NotSent) as error:
            fail(error)
        except sa.exc.DatabaseError as error:
            fail(f"the database cannot be read: {error.orig}")

    return run


def _said_in(error: ParkedError, options: Mapping[str, object]) -> str:
    """In the language of the command; a fault of a mended copy by its place and what would be accepted."""
    if options.get("lang") == "en":
        return str(error)
    if error.fault is None:
        return error.japanese
    terms = _terms(Path(str(options["data"])), "ja")
    return f"{error.japanese}：{fault_in_words(error.fault.field, error.fault.reason, error.fault.accepted, terms)}"


@contextmanager
def _desk(data: Path) -> Iterator[ParkedDesk]:
    directory = DataDirectory(data)
    with closing(Opened(directory.settings(), directory.kept().ward)) as books:
        yield ParkedDesk(directory, books)


@app.callback()
@said
def parked(
    context: typer.Context,
    all_: Annotated[bool, typer.Option("--all", help="What is mended or closed, too.")] = False,
    kind: Kind = None,
    provider: Provider = None,
    source: Source = None,
    field: Field = None,
    data: Data = DEFAULT,
    json: Json = False,
    lang: Lang = Language.ja,
) -> None:
    """List what a person must look at. The exit status is 0 if nothing is open, 1 if something is."""
    if context.invoked_subcommand is not None:
        return
    with _desk(data) as desk:
        rows = desk.rows(_wanted(kind, provider, source, field), closed=all_)
    if json:
        print_json(rows)
    else:
        print_rows(rows, data, lang, states=all_)
    raise typer.Exit(1 if any(row.state == "open" for row in rows) else 0)


@app.command()
@said
def show(
    number: Number,
    clear: Annotated[
        bool,
        typer.Option("--clear", help="Unseal the content: personal, for your eyes; only on the machine with the keys."),
    ] = False,
    data: Data = DEFAULT,
    json: Json = False,
    lang: Lang = Language.ja,
) -> None:
    """One message: what is wrong, in which field, and what would be accepted."""
    with _desk(data) as desk:
        row = desk.one(number)
        content, words = desk.in_clear(number) if clear else (None, {})
    if json:
        print_json({"parked": row, "content": content} | ({"closing": words} if clear else {}))
        return
    _print_one(row, data, lang, words)
    if content is not None:
        if content.note:
            out.print(f"({content.note})", markup=False, soft_wrap=True)
        out.print(content.text, markup=False, soft_wrap=True)


@app.command()
@said
def mend(
    number: Number,
    file: Annotated[Path | None, typer.Argument(help="The mended copy (JSON); - reads it from standard input.")] = None,
    edit: Annotated[
        bool, typer.Option("--edit", help="Unseal it into $EDITOR, and send what is saved; the copy is removed then.")
    ] = False,
    encoding: Annotated[
        str | None, typer.Option("--encoding", help="What it is written in (cp932): alone, it is read so and sent.")
    ] = None,
    data: Data = DEFAULT,
    json: Json = False,
    lang: Lang = Language.ja,
) -> None:
    """Send a mended copy, as the same provider, under the same id; needs the keys, and a running Yoake.

    The exit status is 0 if it was taken, 1 if it is still parked.
    """
    if sum((file is not None, edit)) + (file is None and not edit and encoding is not None) != 1:
        raise ParkedError(
            "give one of: FILE, -, --edit, or --encoding alone",
            "FILE、-、--edit、または --encoding だけ、のどれか一つを指定してください",
        )
    with _desk(data) as desk:
        desk.check_open(number)  # Before an editor is opened.
        outcome = desk.mend(number, _mended(desk, number, file, edit=edit, encoding=encoding))
    _tell(outcome, data, json=json, lang=lang)


@app.command()
@said
def resend(number: Number, data: Data = DEFAULT, json: Json = False, lang: Lang = Language.ja) -> None:
    """Send it again as it is, for example after the ward's file has changed; needs the keys, and a running Yoake.

    The exit status is 0 if it was taken, 1 if it is still parked.
    """
    with _desk(data) as desk:
        outcome = desk.resend(number)
    _tell(outcome, data, json=json, lang=lang)


@app.command(name="close")
@said
def close_command(
    reason: Annotated[
        str, typer.Option("--reason", help="Why nobody will mend it; sealed, unless it is a short code (not-needed).")
    ],
    numbers: Annotated[
        list[str] | None, typer.Argument(metavar="[N]...", help="Numbers in the list, such as intake-3.")
    ] = None,
    by: Annotated[str | None, typer.Option("--by", help="Who decides it; sealed.")] = None,
    kind: Kind = None,
    provider: Provider = None,
    source: Source = None,
    field: Field = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Close everything that the options mean; without it: say how many.")
    ] = False,
    data: Data = DEFAULT,
    json: Json = False,
    lang: Lang = Language.ja,
) -> None:
    """Leave it as it is, with a reason, for ever on record: by numbers, or all that the options mean together.

    Needs the keys, and a running Yoake. The exit status is 0 if all were closed, 1 if some were not.
    """
    if not reason.strip():
        raise ParkedError("--reason: say why it is closed", "--reason：閉じる理由を入力してください")
    wanted = _wanted(kind, provider, source, field)
    if bool(numbers) == (wanted != Wanted()):
        raise ParkedError(
            "give numbers, or at least one of --kind, --provider, --source and --field, and not both",
            "番号か、--kind・--provider・--source・--field のどれかを指定してください（両方は指定できません）",
        )
    with _desk(data) as desk:
        for number in numbers or ():
            desk.check_open(number)
        meant = numbers or [row.number for row in desk.rows(wanted)]
        if not numbers and not yes:
            _say_meant(meant, lang, json=json)
            return
        with saving.progress("Closed / 閉じた件数", quiet=json or len(meant) <= TOGETHER) as progress:
            closed = desk.close_all(list(dict.fromkeys(meant)), reason, by, progress(len(meant)))
    _tell_closed(closed, lang, json=json, alone=bool(numbers) and len(closed) == 1)


def _say_meant(meant: list[str], lang: str, *, json: bool) -> None:
    if json:
        print_json({"meant": meant})
    else:
        out.print(WORDS["meant"][lang].format(n=len(meant)), markup=False, soft_wrap=True)
        out.print(" ".join(meant), markup=False, soft_wrap=True)


def _tell_closed(closed: dict[str, Receipt], lang: str, *, json: bool, alone: bool) -> None:
    if json:
        print_json(next(iter(closed.values())) if alone else closed)
    for number, receipt in () if json else closed.items():
        if receipt.status == "accepted":
            out.print(f"{number}: {WORDS['close_done'][lang]}", markup=False)
        else:
            out.print(f"{number}: {receipt.status}: {receipt.reason}", markup=False, soft_wrap=True)
    raise typer.Exit(0 if all(receipt.status == "accepted" for receipt in closed.values()) else 1)


def _wanted(kind: ParkedKind | None, provider: str | None, source: str | None, field: str | None) -> Wanted:
    return Wanted(kind=kind.value if kind else None, provider=provider, source=source, field=field)


def _mended(desk: ParkedDesk, number: str, file: Path | None, *, edit: bool, encoding: str | None) -> str:
    if edit:
        return _edited(desk.content(number).text)
    try:
        if file is None:
            return desk.decoded(number, encoding or "utf-8")
        raw = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        return raw.decode(encoding or "utf-8-sig")
    except OSError as error:
        raise ParkedError(
            f"{file}: {error.strerror}; give a file that you may read, or - for standard input",
            f"{file}：読み取れません。読み取れるファイルか、標準入力の - を指定してください",
        ) from error
    except (UnicodeDecodeError, LookupError) as error:
        code = encoding or "UTF-8"
        raise ParkedError(
            f"{file or number}: it is not {code}; try --encoding cp932",
            f"{file or number}：{code} ではありません。--encoding cp932 を試してください",
        ) from error


def _edited(text: str) -> str:
    """What a person made of a text; it lies, for the editor, in a file that nobody else can read, and not longer."""
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with tempfile.TemporaryDirectory(prefix="yoake-") as place:
        file = Path(place) / "parked.json"
        file.touch(mode=0o600)
        file.write_text(text, encoding="utf-8")
        try:
            subprocess.run([*shlex.split(editor), str(file)], check=True)  # noqa: S603  (the person's own editor)
        except (OSError, subprocess.CalledProcessError) as error:
            raise ParkedError(
                f"{editor}: the editor did not end well; nothing was sent",
                f"{editor}：エディタが正しく終わりませんでした。何も送っていません",
            ) from error
        return file.read_text(encoding="utf-8")


def _tell(outcome: Outcome, data: Path, *, json: bool, lang: str) -> None:
    if json:
        print_json(outcome)
    else:
        for receipt in outcome.receipts:
            name = receipt.id or ""
            told = f": {_told(receipt, _terms(data, lang))}" if receipt.reason else ""
            out.print(f"{name}: {receipt.status}{told}", markup=False, soft_wrap=True)
            for flag in receipt.flags:
                out.print(f"  {flag['code']} {flag['field'] or ''}", markup=False, soft_wrap=True)
        out.print(WORDS["done" if outcome.done else "not_done"][lang])
        if outcome.next:
            out.print(f"{WORDS['next'][lang]} {', '.join(outcome.next)}", markup=False, soft_wrap=True)
    raise typer.Exit(0 if outcome.done else 1)


def _told(receipt: Receipt, terms: Terms) -> str:
    reason, accepted = why(receipt)
    return fault_in_words(receipt.field or "", reason, accepted, terms)


def _terms(data: Path, lang: str) -> Terms:
    return Terms(load(DataDirectory(data) / "ward.toml"), "ja" if lang == "ja" else "en")


def print_rows(rows: list[Parked], data: Path, lang: str, *, states: bool) -> None:
    """One message a block: a table would cut the reasons."""
    if not rows:
        out.print(WORDS["none"][lang])
    for row in rows:
        _print_one(row, data, lang, {}, state=states)


def _print_one(row: Parked, data: Path, lang: str, words: dict[str, Any], *, state: bool = True) -> None:
    """One row; `words`: what was sealed as it was closed, where it is shown in clear."""
    terms = _terms(data, lang)
    out.print(f"{row.number}  {WORDS[row.kind][lang]}", style="bold")
    lines = {
        "provider": row.provider,
        "id": f"{row.source} {row.id}".strip(),
        "arrived": clock_of(row.arrived, lang, terms.ward.zone),
        "field": row.field
        if (place := place_of(row.field, row.reason, terms)) == row.field
        else f"{place} {row.field}",
        "reason": reason_in_words(row.reason, terms.language),
        "accepted": accepted_in_words(row.accepted, terms.language) if row.accepted else "",
        "first": ", ".join(row.first),
        "state": WORDS[row.state][lang] if state else "",
        "settled": clock_of(row.closed, lang, terms.ward.zone) if row.closed else "",
        "because": words.get("reason") or terms.code(row.because or ""),
        "by": words.get("by"),
    }
    for name, text in lines.items():
        if text:
            out.print(f"  {WORDS[name][lang]}: {text}", markup=False, soft_wrap=True)
