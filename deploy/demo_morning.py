"""`yoake demo --morning`: an invented night passes in seconds, and its morning stands there to be looked at.

Its clock is its own: it stands in November 2025, goes on from there, and is moved by this demonstration alone.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from deploy.datadir import DataDirectory, Running
from deploy.feeding import feed
from deploy.opened import Opened
from deploy.output import out
from deploy.ports import StartError
from deploy.setting_up import prepare
from deploy.signing_in import print_links
from services.clock import CLOCK
from services.ward import load as load_ward

PATIENCE = 60.0
"""Seconds until everything runs, and until the statement is there."""

_MISSING = "43番"
_DAY, _NIGHT = "/day/desk", "/night/desk"
_NOTE = {"note": "短期入所中。夜は廊下の灯りをつけておく。", "may_ring": "母", "not_promise": "帰宅の日は約束しない"}
_MOTHER = {"caller": {"name": "架空 母", "relation": "母"}, "words": "本人の様子を心配している。"}
_FUNERAL = {"words": "介護者が葬儀のため急に不在になる。", "for_the_morning": "短期入所の空きを探す。"}
_BROTHER = {
    "caller": {"name": "架空 弟", "relation": "弟"},
    "words": "介護者の兄が倒れ、救急車で運ばれた。7時にインスリンの注射が必要。",
    "done": "閉庁時の連絡先が訪問看護師を手配した。",
}
_TRIES = [
    {"what": "ward", "at": "2025-11-15T05:32:00+09:00", "answered": False, "to": "ward-duty"},
    {"what": "ward", "at": "2025-11-15T05:41:00+09:00", "answered": True, "to": "ward-duty-second"},
]
_ENDS = "2025-11-15T08:25:00+09:00"
_STAY = {"case": "E", "placement": "S-1", "kind": "short-stay", "begins_at": "2025-11-14T15:00:00+09:00"}


class _Hour(NamedTuple):
    """What a provider says at a moment of this night."""

    at: str
    provider: str
    says: list[dict[str, Any]]


def _message(id_: str, source: str, kind: str, at: str, data: dict[str, Any]) -> dict[str, Any]:
    told = {"specversion": "1.0", "id": id_, "source": source, "type": kind, "time": at, "entered": at}
    return told | {"synthetic": True, "data": data}


def _call(number: str, source: str, at: str, **matter: Any) -> dict[str, Any]:
    matters = [{"case": f"N-{number}", "district": "kitazawa", **matter}]
    return _message(number, source, "call.report", at, {"matters": matters}) | {"sequence": int(number)}


_E = _call("1", _DAY, "2025-11-14T10:00:00+09:00", case="E", reasons=["carer-ill"])
_N41 = _call("41", _NIGHT, "2025-11-14T22:15:00+09:00", personal=_MOTHER)
_N42 = _call("42", _NIGHT, "2025-11-14T23:50:00+09:00", reasons=["carer-away"], personal=_FUNERAL)
_N43 = _call("43", _NIGHT, "2025-11-15T01:30:00+09:00", personal={"words": "ヘルパーが来ない。助言のみ。"})
_N44 = _call(
    *("44", _NIGHT, "2025-11-15T05:20:00+09:00"),
    medication_at="2025-11-15T07:00:00+09:00",
    danger=_TRIES,
    personal=_BROTHER,
)
HOURS = (
    _Hour("2025-11-14T16:40:00+09:00", "day", [
        _E,
        _message("2", _DAY, "placement.arrange", "2025-11-14T11:00:00+09:00", _STAY),
        _message("3", _DAY, "case.note", "2025-11-14T16:30:00+09:00", {"case": "E", "personal": _NOTE}),
    ]),
    _Hour("2025-11-14T22:16:00+09:00", "night", [_N41]),
    _Hour("2025-11-14T23:51:00+09:00", "night", [_N42]),
    _Hour("2025-11-15T05:45:00+09:00", "night", [_N44]),
    _Hour(_ENDS, "night", [
        _message("close-1", _NIGHT, "shift.close", _ENDS, {"night": "2025-11-14", "last": 44}),
        _message("count-1", _NIGHT, "exchange.count", _ENDS, {"night": "2025-11-14", "contacts": 4}),
    ]),
)  # fmt: skip
"""Call 43 never came: the line was down. So the statement misses it, by its number."""

MORNING = "2025-11-15T08:30:00+09:00"
LATER = "2025-11-15T08:35:00+09:00"


def demonstrate_morning(*, once: bool, ports: tuple[int, int], language: str) -> bool:
    """Let the night pass; whether its statement came and misses call 43. Without `once` it stays until Ctrl-C.

    Raises:
        deploy.ports.StartError: it cannot start; says what to do.
    """
    with tempfile.TemporaryDirectory(prefix="yoake-morning-") as place:
        data, clock = DataDirectory(Path(place) / "data"), Path(place) / "clock"
        prepare(data, None, None, demo=True)
        _set(clock, HOURS[0].at)
        out.print("夜明け Yoake　架空の一夜 / One night, invented", style="bold")
        with _up(data, clock, ports) as (running, process):
            _pass(data, clock, running, language)
            said = _yoake("statement", data, clock, language)
            out.print(f"\n$ yoake statement\n{said}", markup=False, soft_wrap=True)
            if not once:
                late = Path(place) / "43.jsonl"
                late.write_bytes(msgspec.json.encode(_N43) + b"\n")
                _say_what_next(data, clock, running, late)
                with suppress(KeyboardInterrupt):
                    process.wait()
                out.print("\n終了しました。 / Stopped.")
    return _MISSING in said


def _pass(data: DataDirectory, clock: Path, running: Running, language: str) -> None:
    """Let the night pass, until its statement is there."""
    ward, key = load_ward(data / "ward.toml"), (data / "keys" / "inbox.pub.jwk").read_bytes()
    for hour in HOURS:
        _set(clock, hour.at)
        summary = feed(
            running.nats, ward.id, hour.provider, key, [(each["id"], each) for each in hour.says], quiet=True
        )
        provider = ward.provider_of(hour.provider)
        who = provider.label[language] if provider else hour.provider
        time.sleep(0.5)  # Until the others have heard it as well, before their clock goes on.
        out.print(f"  {hour.at[:16].replace('T', ' ')}  {who}  {summary.accepted}件 accepted", markup=False)
    _set(clock, MORNING)
    _until(lambda: _has_statement(data, ward.id), "the statement did not come")
    _set(clock, LATER)


def _set(clock: Path, moment: str) -> None:
    """From now on it is this time, in every process that reads this clock."""
    fresh = clock.with_suffix(".new")
    fresh.write_text(str((datetime.fromisoformat(moment) - datetime.now(UTC)).total_seconds()))
    fresh.replace(clock)


@contextmanager
def _up(data: DataDirectory, clock: Path, ports: tuple[int, int]) -> Iterator[tuple[Running, subprocess.Popen[bytes]]]:
    """`yoake up`, by this clock: a process that reads its clock from the start."""
    nats_port, pages_port = map(str, ports)
    command = [*_command("up", data), "--nats-port", nats_port, "--port", pages_port]
    with (data / "up.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=_by(clock))  # noqa: S603  (ours)
        try:
            _until(lambda: data.running() is not None or process.poll() is not None, "it did not start")
            running = data.running()
            if running is None:
                raise StartError((data / "up.log").read_text().strip())
            yield running, process
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(PATIENCE)


def _yoake(name: str, data: DataDirectory, clock: Path, language: str) -> str:
    """What a command says, by this clock."""
    command = [*_command(name, data), "--lang", language]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False, env=_by(clock))  # noqa: S603  (ours)
    return done.stdout.decode()


def _command(name: str, data: DataDirectory) -> list[str]:
    return [sys.executable, "-m", "deploy.cli", name, "--data", str(data.path)]


def _by(clock: Path) -> dict[str, str]:
    return os.environ | {CLOCK: str(clock)}


def _has_statement(data: DataDirectory, ward: str) -> bool:
    books = Opened(data.settings(), ward)
    try:
        return any(record.type == "statement.issued" for record in books.writers["handover"].records())
    finally:
        books.close()


def _until(is_so: Callable[[], bool], otherwise: str) -> None:
    until = time.monotonic() + PATIENCE
    while not is_so():
        if time.monotonic() > until:
            raise StartError(f"{otherwise} within {PATIENCE:.0f} s")
        time.sleep(0.1)


def _say_what_next(data: DataDirectory, clock: Path, running: Running, late: Path) -> None:
    out.print(f"Pages / 画面   {running.pages}", style="bold")
    print_links(data.settings(), running.pages)
    for words, command in (
        ("The morning: sign in as the day / 朝の引継ぎ：日中の担当でサインインします", f"{running.pages}morning"),
        ("Tonight's notes / 今夜の申し送り", f"{running.pages}tonight"),
        ("This night's clock, for commands / この一夜の時計", f"export {CLOCK}={clock}"),
        (
            "Call 43 arrives after all: a supplement appears on the page / 43番が届くと、追加分が画面に出ます",
            f"yoake feed {late} --as night --data {data.path}",
        ),
        ("Print it / 印刷する", f"yoake statement --pdf statement.pdf --data {data.path}"),
        ("Check everything / すべてを照合する", f"yoake verify --data {data.path}"),
    ):
        out.print(f"  {words}\n      {command}", markup=False, soft_wrap=True)
    out.print("  (`yoake` is .venv/bin/yoake.)  Ctrl-C で終了し、すべて消えます / stops everything and leaves nothing.")
