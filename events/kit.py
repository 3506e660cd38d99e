"""`python -m events.kit`, or `yoake-adapter`: the adapter kit at the command line.

put keeps messages in the outbox, send sends them, pending shows what is still under way or needs
somebody, close-night closes a night with the last number given, prove compares what was sent with the
ward's manifest, begin-after goes on numbering where a lost outbox had come to.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import unicodedata
from collections import deque
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from events.courier import Courier, Transport
from events.japanese import in_japanese
from events.manifest import Manifest, prove, size
from events.messages import Receipt
from events.outbox import Outbox, OutboxError, Unfit
from events.seal import in_clear, public_key
from events.shown import STATUSES, VERDICTS, Shown, finish, write


class UsageError(ValueError):
    """What was asked cannot be done; says why and what to do."""


def put(arguments: argparse.Namespace, show: Shown) -> int:
    """Keep the messages of a file, each with one write to disk; what does not fit is told by its line and left out."""
    unfit = kept = clear = 0
    with opened(arguments, begin=True) as outbox:
        for where, message in read(arguments.file):
            try:
                if isinstance(message, Unfit):
                    raise message
                number = outbox.put(message)
            except Unfit as error:
                unfit += 1
                show.fault(str(error), f"{where}: ")
                continue
            if not arguments.key and in_clear(message):
                clear += 1
                _warn_once(clear, arguments.outbox, show)
            kept += 1
            show(f"{where}: 保存しました（{number}番）", f"{where}: kept, number {number}")
        waiting = outbox.counts().get("pending", 0)
    left = (f"。{unfit}件は保存していません", f" {unfit} left out.") if unfit else ("", "")
    show(f"{kept}件を保存しました{left[0]}。未送信 {waiting}件", f"{kept} kept.{left[1]} Not sent yet: {waiting}")
    return 1 if unfit else 0


def _warn_once(clear: int, outbox: str, show: Shown) -> None:
    if clear == 1:
        show.warn(
            f"注意：personal の中身を暗号にしないまま {outbox} に保存しました。"
            "--key（YOAKE_KEY）で自治体の inbox.pub.jwk を指定すると、暗号にしてから保存します",
            f"warning: personal parts are kept in clear in {outbox}; "
            "with --key (YOAKE_KEY) and the ward's inbox.pub.jwk they are sealed before they are kept",
        )


def read(name: str) -> list[tuple[str, dict[str, Any] | Unfit]]:
    """JSON Lines or one JSON text, from a file or standard input: where each stands, and the message or its fault.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        raw = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise UsageError(f"{name}: {error.strerror}; give a file of messages, or - for standard input") from error
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    try:
        whole = msgspec.json.decode(raw)
    except (ValueError, RecursionError):
        return [(f"{name}:{n}", _line(line)) for n, line in enumerate(raw.split(b"\n"), 1) if line.strip()]
    several = whole if isinstance(whole, list) else [whole]
    return [(f"{name}[{n}]", _message(one)) for n, one in enumerate(several, start=1)]


def _line(line: bytes) -> dict[str, Any] | Unfit:
    try:
        return _message(msgspec.json.decode(line))
    except (ValueError, RecursionError) as error:
        return Unfit(f"not JSON: {error}; accepted: one CloudEvent a line, see events/README.md")


def _message(value: object) -> dict[str, Any] | Unfit:
    if isinstance(value, dict):
        return value
    return Unfit("no JSON object; accepted: one CloudEvent a line, see events/README.md")


def send(arguments: argparse.Namespace, show: Shown) -> int:
    """Send what is pending until everything has a receipt, or with --stay for ever."""
    troubles: deque[str] = deque(maxlen=1)

    def on_answer(receipt: Receipt) -> None:
        troubles.clear()
        show.receipt(receipt)

    def on_trouble(reason: str) -> None:
        troubles.append(reason)
        show.fault(reason)

    transport = way(arguments)
    with opened(arguments, begin=arguments.stay) as outbox:
        courier = Courier(outbox, transport, on_answer=on_answer, on_trouble=on_trouble)
        try:
            asyncio.run(asyncio.wait_for(courier.run(stay=arguments.stay), arguments.give_up))
        except TimeoutError:
            unsent, why = outbox.counts().get("pending", 0), troubles[-1] if troubles else None
            show(
                f"まだ送れません。未送信 {unsent}件（保存してあります）："
                f"{in_japanese(why or 'no answer came within this time')}",
                f"Not sent yet: {unsent}; they are kept: {why or 'no answer came within this time'}",
            )
            return 1
        except KeyboardInterrupt:
            return 0
        return 1 if outbox.parked else 0


def way(arguments: argparse.Namespace) -> Transport:
    """The transport that was asked for.

    Raises:
        UsageError: none, or half of one.
    """
    if arguments.http:
        from events.over_http import OverHttp

        try:
            return OverHttp(arguments.http, secret(arguments.token_file, "YOAKE_TOKEN"))
        except ValueError as error:
            raise UsageError(str(error)) from error
    if not (arguments.nats and arguments.ward and arguments.provider):
        raise UsageError("give --http URL, or --nats URL with --ward and --provider")
    try:
        from events.over_nats import OverNats
    except ModuleNotFoundError as error:
        raise UsageError("NATS needs nats-py: install yoake-adapter[nats], or send with --http") from error
    options: dict[str, Any] = {}
    if arguments.user:
        options = {"user": arguments.user, "password": secret(arguments.password_file, "YOAKE_PASSWORD") or ""}
    if arguments.credentials:
        options["user_credentials"] = arguments.credentials
    if arguments.inbox_prefix:
        options["inbox_prefix"] = arguments.inbox_prefix
    return OverNats(arguments.nats, arguments.ward, arguments.provider, **options)


def secret(file: str | None, variable: str) -> str | None:
    """What is not to stand on a command line, from a file or the environment.

    Raises:
        UsageError: the file cannot be read.
    """
    try:
        return Path(file).read_text().strip() if file else os.environ.get(variable)
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}; give the file that the ward's operator made for you") from error


def pending(arguments: argparse.Namespace, show: Shown) -> int:
    """How many messages have which status, and each that is not settled; 1 if somebody must look at one of them."""
    with opened(arguments) as outbox:
        counts, entries = outbox.counts(), outbox.entries("pending", "waiting", "parked", "conflict", "problem")
        sources, flagged, status = outbox.sources(), outbox.flagged, 1 if outbox.parked else 0
    if arguments.json:
        _print_json({"counts": counts, "sources": sources, "messages": entries, "flagged": flagged})
        return status
    for each, many in counts.items():
        word = show.word(STATUSES.get(each, (each, each)))
        show(f"{word} {many}件", f"{many} {word}")
    if flagged:
        ja, en = ("", "") if arguments.flags else ("（--flags で一覧）", " (listed with --flags)")
        show(f"うち確認事項のある記録 {len(flagged)}件{ja}", f"{len(flagged)} of them with flags{en}")
    for entry in [*entries, *flagged] if arguments.flags else entries:
        show.entry(entry)
    return status


def prove_feed(arguments: argparse.Namespace, show: Shown) -> int:
    """Compare the numbers given here with what the ward says that it holds; 0 if it holds them all."""
    try:
        manifest = msgspec.json.decode(Path(arguments.manifest).read_bytes(), type=Manifest)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{arguments.manifest}: no manifest ({error}); accepted: what `yoake manifest PROVIDER --json` prints"
        ) from error
    with opened(arguments) as outbox:
        proofs = prove(manifest, outbox.sources())
        for proof in proofs if arguments.again else ():
            numbers = (number for first, last in proof.missing for number in range(first, last + 1))
            again = outbox.send_again(proof.source, numbers)
            show(f"{proof.source}: {len(again)}件を再送します", f"{proof.source}: {len(again)} will be sent again")
    if arguments.json:
        _print_json(proofs)
    for proof in () if arguments.json else proofs:
        missing = ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in proof.missing)
        word, many = show.word(VERDICTS[proof.verdict]), size(proof.missing)
        show(
            f"{proof.source}: 1～{proof.last}番: {word}" + (f"。未着 {many}件：{missing}番" if missing else ""),
            f"{proof.source}: 1 to {proof.last}: {word}" + (f": {many} not there: {missing}" if missing else ""),
        )
    return 0 if all(proof.verdict == "complete" for proof in proofs) else 1


def close_night(arguments: argparse.Namespace, show: Shown) -> int:
    """Keep the closing of a night, with the last number given here; `send` sends it, like any other message."""
    with opened(arguments, begin=True) as outbox:
        last = outbox.close_night(arguments.night, calls=arguments.calls)
        waiting = outbox.counts().get("pending", 0)
    show(
        f"{arguments.source}: 夜間を締めました（最後は{last}番）。未送信 {waiting}件",
        f"{arguments.source}: the night is closed, its last number is {last}. Not sent yet: {waiting}",
    )
    return 0


def begin_after(arguments: argparse.Namespace, show: Shown) -> int:
    """Go on numbering a source after what the ward's manifest says that it holds."""
    with opened(arguments, begin=True) as outbox:
        outbox.begin_after(arguments.of, arguments.last)
    show(f"{arguments.of}: 次は{arguments.last + 1}番です", f"{arguments.of}: the next number is {arguments.last + 1}")
    return 0


def opened(arguments: argparse.Namespace, *, begin: bool = False) -> Outbox:
    """The outbox that was asked for; with `begin` it is made where there is none.

    Raises:
        UsageError: the ward's key cannot be read, or there is no such outbox.
        OutboxError: the outbox cannot be used.
    """
    key = None
    if arguments.key:
        try:
            key = public_key(Path(arguments.key).read_bytes())
        except (OSError, ValueError) as error:
            raise UsageError(f"{arguments.key}: no key; give the ward's inbox.pub.jwk") from error
    if not begin and not Path(arguments.outbox).exists():
        raise UsageError(
            f"{arguments.outbox}: no such outbox; give the file that messages were put into, "
            "with --outbox (before the command) or YOAKE_OUTBOX"
        )
    return Outbox(arguments.outbox, source=arguments.source, key=key)


def _print_json(value: object) -> None:
    write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


COMMANDS = {
    "put": ("記録のファイルを送信箱に保存します", "keep the messages of a file in the outbox"),
    "send": ("未送信の記録を、すべての受付が分かるまで送ります", "send what is pending until everything has a receipt"),
    "pending": (
        "状態ごとの件数と、済んでいない記録を示します",
        "how many messages have which status, and each that is not settled",
    ),
    "close-night": ("夜間を、最後の番号で締めます", "close the night with the last number that was given"),
    "prove": ("区の受信記録の一覧と比べます", "compare the numbers given here with the ward's manifest"),
    "begin-after": ("失った送信箱の続きから番号を付けます", "go on numbering where a lost outbox had come to"),
}


def parser(lang: str = "ja") -> argparse.ArgumentParser:
    """The commands and their options, explained in this language."""

    def say(japanese: str, english: str) -> str:
        return english if lang == "en" else japanese

    given = os.environ.get
    own = argparse.ArgumentParser(
        prog="yoake-adapter",
        description=say(
            "アダプタキット：記録を受付が分かるまで保存し、送ります。",
            "The adapter kit: keeps messages, and sends them.",
        ),
    )
    add = own.add_argument
    add(
        "--outbox",
        default=given("YOAKE_OUTBOX", "outbox.db"),
        help=say("送信箱のファイル", "the outbox's file") + " (YOAKE_OUTBOX)",
    )
    add(
        "--source",
        default=given("YOAKE_SOURCE", "/adapter"),
        help=say("source のない記録の source", "for messages that name none"),
    )
    add(
        "--key",
        default=given("YOAKE_KEY"),
        help=say("区の inbox.pub.jwk：個人情報を暗号にします", "the ward's inbox.pub.jwk: seals what is personal"),
    )
    add(
        "--lang",
        choices=("ja", "en"),
        default=given("YOAKE_LANG", "ja"),
        help=say("表示の言語", "the language") + " (YOAKE_LANG)",
    )
    commands = own.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Any) -> argparse.ArgumentParser:
        told = say(*COMMANDS[name])
        made = commands.add_parser(name, help=told, description=told)
        made.set_defaults(run=run)
        return made

    command("put", put).add_argument(
        "file", help=say("JSON Lines か JSON。- は標準入力", "JSON Lines or JSON; - is standard input")
    )
    _sending_options(command("send", send), say)
    listing = command("pending", pending)
    listing.add_argument(
        "--flags",
        action="store_true",
        help=say("30日以内に受け付けた、確認事項のある記録も", "also what was accepted in the last 30 days with flags"),
    )
    listing.add_argument("--json", action="store_true", help=say("プログラム用に全部", "all of it, for programs"))
    closing = command("close-night", close_night)
    closing.add_argument(
        "--night",
        type=_day,
        metavar="YYYY-MM-DD",
        help=say(
            "夜間の始まった日。省くと、いまの夜間か、直前に終わった夜間", "the day on which it began; else this one"
        ),
    )
    closing.add_argument(
        "--calls",
        type=_count,
        metavar="N",
        help=say("そちらで数えた相談の電話の件数", "how many calls you count yourself"),
    )
    proving = command("prove", prove_feed)
    proving.add_argument(
        "manifest",
        help=say("yoake manifest PROVIDER --json の出力", "what `yoake manifest PROVIDER --json` has printed"),
    )
    proving.add_argument(
        "--again", action="store_true", help=say("足りないものを再送する", "let what is missing be sent again")
    )
    proving.add_argument("--json", action="store_true", help=say("プログラム用", "for programs"))
    beginning = command("begin-after", begin_after)
    beginning.add_argument("of", metavar="SOURCE")
    beginning.add_argument("last", type=int)
    return own


def _day(text: str) -> date:
    try:
        return date.fromisoformat(unicodedata.normalize("NFKC", text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no day such as 2025-11-14") from error


def _count(text: str) -> int:
    plain = unicodedata.normalize("NFKC", text)
    if not (plain.isascii() and plain.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r} is no number such as 5")
    return int(plain)


def _sending_options(sending: argparse.ArgumentParser, say: Callable[[str, str], str]) -> None:
    add, given = sending.add_argument, os.environ.get
    add("--http", metavar="URL", default=given("YOAKE_HTTP"), help=say("区の受付口", "the ward's door"))
    add(
        "--token-file",
        metavar="FILE",
        help=say("--http のトークンのファイル", "holds the token for --http") + " (YOAKE_TOKEN)",
    )
    add("--nats", metavar="URL", default=given("YOAKE_NATS"), help=say("区のNATS", "the ward's NATS"))
    add("--ward", default=given("YOAKE_WARD_ID"), help=say("区の記号（--nats）", "the ward's id, for --nats"))
    add(
        "--provider",
        default=given("YOAKE_PROVIDER"),
        help=say("送る受託事業者（--nats）", "who is sending, for --nats"),
    )
    add("--user", default=given("YOAKE_USER"), help=say("NATSの利用者名", "the user's name on NATS"))
    add(
        "--password-file",
        metavar="FILE",
        help=say("そのパスワードのファイル", "holds its password") + " (YOAKE_PASSWORD)",
    )
    add(
        "--credentials",
        metavar="FILE",
        help=say("利用者の代わりのNATS認証ファイル", "a NATS credentials file, instead of a user"),
    )
    add(
        "--inbox-prefix",
        metavar="PREFIX",
        help=say("NATSの返信先（制限のあるとき）", "where NATS answers, if it is restricted"),
    )
    add(
        "--stay",
        action="store_true",
        help=say("終わらずに、これから保存するものも送る", "go on for ever, and send what is put from now on"),
    )
    add(
        "--give-up",
        type=float,
        metavar="SECONDS",
        help=say("この秒数で終える（すべて保存したまま）", "end after so long, with everything kept"),
    )


def _language(arguments: Sequence[str]) -> str:
    """The language of the explanations, which are printed before the options are read."""
    looking = argparse.ArgumentParser(add_help=False, exit_on_error=False, allow_abbrev=False)
    looking.add_argument("--lang", default=os.environ.get("YOAKE_LANG", "ja"))
    try:
        return str(looking.parse_known_args(list(arguments))[0].lang)
    except argparse.ArgumentError:
        return "ja"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0: all is well, 1: something needs a person, 2: it could not be done."""
    asked = parser(_language(sys.argv[1:] if arguments is None else arguments)).parse_args(arguments)
    show = Shown(asked.lang)
    try:
        status: int = asked.run(asked, show)
    except (OutboxError, UsageError, Unfit) as error:
        show.fault(str(error), "yoake-adapter: ")
        return 2
    finally:
        finish()
    return status


if __name__ == "__main__":
    sys.exit(main())
