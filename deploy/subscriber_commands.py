"""`yoake subscriber`: who receives what, how far each is, and what to do where one does not get on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ParamSpec, TypeVar

import msgspec
import sqlalchemy as sa
import typer
from rich.table import Table

from deploy.datadir import DEFAULT, DataDirectory, DataError, running_on, without_password
from deploy.output import fail, out, print_json
from services.clock import system_clock
from services.credentials import SUBSCRIBERS, Credentials, CredentialsError
from services.database import DatabaseError, open_reader
from services.era import folded, parse_date
from services.reporting.deliveries import Delivery, Standing, State, one, queue, standings
from services.subscribers import Subscriber, user_prefix
from services.ward import Ward, WardError, load

if TYPE_CHECKING:
    from services.errands import Errand, Outcome, What

app = typer.Typer(
    name="subscriber",
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Who receives what (送信先): credentials, how far each is, send again, test.",
)

Data = Annotated[Path, typer.Option("--data", envvar="YOAKE_DATA", help="The data directory.", show_default=".yoake")]
Key = Annotated[str, typer.Argument(metavar="KEY", help="A subscriber of the ward's file.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for a program.")]
Position = Annotated[int, typer.Argument(help="The delivery's position in the ledger, as `queue` shows it.")]

LOOK = 0.1
"""Seconds between looks at what came of a test message."""

P = ParamSpec("P")
T = TypeVar("T")


def said(command: Callable[P, T]) -> Callable[P, T]:
    """Turn errors that say what to do into a line on standard error and an exit status of 2."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return command(*args, **kwargs)
        except (DataError, WardError, CredentialsError, DatabaseError) as error:
            fail(error)
        except (sa.exc.OperationalError, sa.exc.ProgrammingError) as error:
            fail(f"the ledger's database cannot be read: start Yoake once with this release ({error.orig})")

    return run


@app.command()
@said
def add(key: Key, data: Data = DEFAULT, json: Json = False) -> None:
    """Make what a subscriber of the ward's file needs to hear us, and print it, once.

    On NATS a user and a token; for a webhook the secret of its signatures. Once more makes another one: a token
    stays good until `revoke`, an earlier secret signs beside the new one for a day.
    """
    from services.seal import Secrets
    from services.webhook_secrets import WebhookSecrets

    directory = DataDirectory(data)
    subscriber = _known(_ward(directory), key)
    keys = directory.settings().keys
    keys.mkdir(mode=0o700, exist_ok=True)
    if subscriber.way == "nats":
        _print(_signed_on(directory, subscriber, Credentials(keys / SUBSCRIBERS)), json)
    else:
        secret = WebhookSecrets(keys, Secrets.at(keys)).new(key, datetime.now(UTC))
        _print({"subscriber": key, "url": subscriber.url or "", "secret": secret}, json)


def _signed_on(directory: DataDirectory, subscriber: Subscriber, credentials: Credentials) -> dict[str, str]:
    made, token = credentials.new(user_prefix(subscriber.key), datetime.now(UTC))
    running = directory.running()
    address = without_password(running.nats).removeprefix("nats://") if running else None
    found = {"subscriber": subscriber.key, "user": made.name, "token": token}
    if address:
        found["nats"] = f"nats://{made.name}:{token}@{address}"
    return found | {"stream": "DELIVERIES", "durable": user_prefix(subscriber.key)}


def _print(found: dict[str, str], json: bool) -> None:
    if json:
        print_json(found)
        return
    for name, value in found.items():
        out.print(f"{name:<10} {value}", markup=False, soft_wrap=True)
    out.print("It is shown this once: hand it over safely.\nこの表示は一度だけです。安全な方法で渡してください。")


@app.command()
@said
def revoke(
    user: Annotated[str, typer.Argument(help="The user of a token, as `add` printed it.")],
    data: Data = DEFAULT,
    json: Json = False,
) -> None:
    """Let a token of a subscriber on NATS end at once, and for ever."""
    credentials = Credentials(DataDirectory(data).settings().keys / SUBSCRIBERS)
    ended = credentials.revoke(user, datetime.now(UTC))
    if json:
        print_json({"user": ended.name, "revoked": ended.revoked})
    else:
        out.print(f"{user} is revoked. / {user} を無効にしました。")


@app.command(name="list")
@said
def list_(data: Data = DEFAULT, json: Json = False) -> None:
    """Every subscriber of the ward's file: how it is reached, how far it is, and what is wrong."""
    directory = DataDirectory(data)
    ward = _ward(directory)
    with _ledger(directory) as engine:
        found = standings(engine)
    rows = [(each, found.get(each.key)) for each in ward.subscriber]
    if json:
        print_json([{"key": s.key, "way": s.way, "events": s.events, "standing": at} for s, at in rows])
        return
    table = Table("subscriber", "way", "ledger", "delivered", "open", "since", "given up", "stopped")
    for each, at in rows:
        figures = (
            ("－",) * 6
            if at is None
            else (
                str(at.position),
                str(at.delivered),
                str(at.open),
                _time(at.oldest, ward),
                str(at.given_up),
                f"{at.because} {_local(at.disabled_at, ward)}" if at.disabled_at else "",
            )
        )
        table.add_row(each.key, each.way, *figures)
    out.print(table)


@app.command(name="queue")
@said
def queue_(
    key: Key,
    everything: Annotated[
        bool, typer.Option("--all", help="Also what is delivered or left out, newest first.")
    ] = False,
    data: Data = DEFAULT,
    json: Json = False,
) -> None:
    """What a subscriber has not acknowledged, the first first: at most 200."""
    directory = DataDirectory(data)
    ward = _ward(directory)
    _known(ward, key)
    with _ledger(directory) as engine:
        found, standing = queue(engine, key, everything=everything), standings(engine).get(key)
    stopped = standing.disabled_at if standing else None
    if json:
        print_json([msgspec.structs.asdict(each) | {"stopped": stopped} for each in found])
        return
    if standing:
        _say_where_stopped(standing, ward)
    table = Table("position", "event", "about", "state", "since", "attempts", "next", "answer")
    for each in found:
        tried_again = each.state is State.waiting and each.attempts and not stopped
        following = _time(each.due, ward) if tried_again else ""
        figures = (each.state.value, _time(each.since, ward), str(each.attempts), following, each.answer or "")
        table.add_row(str(each.position), each.event, each.about, *figures)
    out.print(table if found else "Nothing is open. / 未送信はありません。")


@app.command()
@said
def retry(
    key: Key,
    position: Annotated[int | None, typer.Argument(help="One delivery alone, by its position in the ledger.")] = None,
    data: Data = DEFAULT,
    json: Json = False,
) -> None:
    """Try at once what waits or was given up."""
    outcome = _asked(data, "retry", key, position)
    if outcome.count:
        _report(
            outcome, json, f"Deliveries to {key} are tried again now: {{count}}.", "{count}件を送り直しています。", key
        )
    else:
        _report(outcome, json, f"Nothing waits for {key}, and nothing was given up.", "送り直すものはありません。")


@app.command()
@said
def skip(key: Key, position: Position, data: Data = DEFAULT, json: Json = False) -> None:
    """Leave one delivery out for good, so that what follows of its case goes on."""
    _report(
        _asked(data, "skip", key, position),
        json,
        f"Delivery {position} to {key} is left out for good; what follows of its case goes on.",
        f"{position}番は送らないことにしました。同じ相談の後のものを送ります。",
        key,
    )


@app.command()
@said
def enable(key: Key, data: Data = DEFAULT, json: Json = False) -> None:
    """Send to a subscriber again that had said it is gone (410)."""
    outcome, stopped = _stopped(data, key)
    if not stopped:
        text, ja = f"Sending to {key} was not stopped.", "送信は止まっていません。"
    else:
        text, ja = f"Sending to {key} goes on.", "送信を再開しました。"
    if outcome.count:
        more, more_ja = " {count} deliveries wait, and are tried now.", "待っている{count}件を送ります。"
        _report(outcome, json, text + more, ja + more_ja, key)
    else:
        _report(outcome, json, text + " Nothing waits.", ja + "待っているものはありません。")


@app.command()
@said
def replay(
    key: Key,
    start: Annotated[
        str, typer.Option("--from", help="A position of the ledger, or a time: 120, 2025-04-02T10:00+09:00.")
    ],
    data: Data = DEFAULT,
    json: Json = False,
) -> None:
    """Send everything from a point on once more, also what was entered before it was a subscriber."""
    directory = DataDirectory(data)
    first = _first(directory, start)
    _report(
        _asked(data, "replay", key, first),
        json,
        f"From position {first} of the ledger on everything goes to {key} once more.",
        f"記録原簿の{first}件目から、すべてもう一度送ります。",
        key,
    )


@app.command(name="test")
@said
def send_test(
    key: Key,
    patience: Annotated[float, typer.Option("--wait", min=0.1, max=600, help="Seconds to wait for an answer.")] = 20.0,
    data: Data = DEFAULT,
    json: Json = False,
) -> None:
    """Send a test message and say what came back. The exit status is 0 if it was acknowledged, 1 if not."""
    directory = DataDirectory(data)
    outcome = _asked(data, "test", key)
    assert outcome.position is not None, "a test message has a number"
    with _ledger(directory) as engine:
        found = asyncio.run(_came_of(engine, key, outcome.position, patience))
        standing = standings(engine).get(key)
    delivered = found is not None and found.state is State.delivered
    if found is not None and found.state is State.waiting:
        _asked(data, "skip", key, outcome.position)  # It has served; nobody is to get it tomorrow.
    answer = found.answer if found else None
    if json:
        stopped = standing is not None and standing.disabled_at is not None
        print_json({"subscriber": key, "delivered": delivered, "answer": answer, "stopped": stopped})
    elif delivered:
        out.print(f"{key} acknowledged it: {answer}. / 受信を確認しました。", markup=False)
    else:
        said_ = f"it answered: {answer}" if answer else f"no acknowledgement within {patience:g} s"
        out.print(f"{key} did not acknowledge it: {said_}. / 受信を確認できませんでした。", markup=False)
    if standing and not json:
        _say_where_stopped(standing, _ward(directory))
    raise typer.Exit(0 if delivered else 1)


async def _came_of(engine: sa.Engine, key: str, position: int, patience: float) -> Delivery | None:
    """The test message, when it is delivered, when an attempt failed, or when patience ends."""
    end = asyncio.get_running_loop().time() + patience
    while True:
        found = await asyncio.to_thread(one, engine, key, position)
        if found is None or found.answer or asyncio.get_running_loop().time() > end:
            return found
        await asyncio.sleep(LOOK)


def _asked(data: Path, do: What, key: str, position: int | None = None) -> Outcome:
    """What came of an errand; to look at a list needs none of what this imports."""
    from deploy.natsd import NatsError
    from services.errands import Errand, NotDone

    directory = DataDirectory(data)
    ward = _ward(directory)
    _known(ward, key)
    running = running_on(directory)
    try:
        return asyncio.run(_ask(running.nats, ward.id, Errand(do=do, subscriber=key, position=position)))
    except (NatsError, NotDone) as error:
        fail(error)


async def _ask(url: str, ward: str, errand: Errand) -> Outcome:
    from deploy.natsd import connect
    from services.errands import ask

    client = await connect(url)
    try:
        return await ask(client, ward, errand)
    finally:
        await client.close()


def _stopped(data: Path, key: str) -> tuple[Outcome, bool]:
    """Let sending go on; and whether it was stopped."""
    directory = DataDirectory(data)
    _known(_ward(directory), key)
    with _ledger(directory) as engine:
        before = standings(engine).get(key)
    return _asked(data, "enable", key), before is not None and before.disabled_at is not None


def _report(outcome: Outcome, json: bool, text: str, ja: str, key: str | None = None) -> None:
    """Say in both languages what happened. `key`: whose queue shows what comes of it."""
    if json:
        print_json(outcome)
        return
    out.print(f"{text} / {ja}".format(count=outcome.count), markup=False)
    if key is not None:
        out.print(f"What comes of it: yoake subscriber queue {key} / 結果はこのコマンドで確認できます", markup=False)


def _say_where_stopped(at: Standing, ward: Ward) -> None:
    """Where nothing is sent to a subscriber any more: since when, why, and what to do."""
    if at.disabled_at is None:
        return
    since, why, command = _local(at.disabled_at, ward), at.because, f"yoake subscriber enable {at.key}"
    out.print(
        f"Sending to {at.key} is stopped since {since} ({why}): nothing is tried meanwhile. Once mended, `{command}`.\n"
        f"{since}から送信を止めています（{why}）。その間は送りません。直ったら {command} を実行してください。",
        markup=False,
        soft_wrap=True,
    )


def _ward(directory: DataDirectory) -> Ward:
    directory.kept()
    return load(directory / "ward.toml")


def _known(ward: Ward, key: str) -> Subscriber:
    found = next((each for each in ward.subscriber if each.key == key), None)
    if found is None:
        known = ", ".join(each.key for each in ward.subscriber) or "none"
        fail(f"{key}: the ward's file has no such subscriber; it has {known}")
    return found


@contextmanager
def _ledger(directory: DataDirectory) -> Iterator[sa.Engine]:
    engine = open_reader(directory.settings().database_of("reporting"))
    try:
        yield engine
    finally:
        engine.dispose()


def _first(directory: DataDirectory, start: str) -> int:
    """The first position of the ledger that is meant."""
    from services.journal import log_of
    from services.reporting.ledger import BeforeTheLedger, LedgerReader

    found = _start(start, _ward(directory))
    with _ledger(directory) as engine:
        ledger = LedgerReader(engine, log_of(engine))
        if isinstance(found, int):
            if not 1 <= found <= ledger.head():
                fail(f"--from {start}: the ledger has no such position; it has 1 to {ledger.head()}")
            return found
        if found > (now := system_clock()):
            fail(f"--from {start}: this is still to come; give a time up to now, {now:%Y-%m-%dT%H:%MZ}, or a position")
        try:
            return ledger.position_at(found - timedelta.resolution) + 1
        except (BeforeTheLedger, OverflowError):  # The first of all days has none before it.
            return 1


def _start(text: str, ward: Ward) -> datetime | int:
    plain = folded(text)
    if plain.isascii() and plain.isdigit() and len(plain) < 19:
        return int(plain)
    try:
        moment = datetime.fromisoformat(plain)
        return moment if moment.tzinfo else moment.replace(tzinfo=ward.zone)
    except ValueError:
        pass
    try:
        return ward.start_of(parse_date(plain))
    except ValueError:
        fail(f"--from {text}: not understood; accepted: a position such as 120, 2025-04-02T10:00, 令和7年4月2日")


def _local(moment: str, ward: Ward) -> str:
    return f"{ward.local(datetime.fromisoformat(moment)):%F %H:%M}"


def _time(seconds: float | None, ward: Ward) -> str:
    return "" if seconds is None else f"{datetime.fromtimestamp(seconds, ward.zone):%F %H:%M}"
