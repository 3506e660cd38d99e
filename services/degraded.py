"""What is not as it should be, from what is known: one judgement for /readyz, `yoake status` and the page. Pure.

Sentences name services, durables and numbers, and never what a message says or who it is about.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum

import msgspec

from services.keyed import Label

RELAY_SECONDS = 10.0
"""Journaled events should reach the bus well before this."""

SILENT_SECONDS = 20.0
"""A pull loop asks every 5 s at least; one that is taking in a large batch needs longer."""

WRITE_SECONDS = 5.0
STUCK_SECONDS = 60.0
"""A locked database answers with an error after 10 s; a writer that is stuck for this long needs a restart."""

CLOCK_SECONDS = 60.0
LOW_BYTES, LOW_SHARE = 1024**3, 0.1
"""A disk is nearly full when less than both is free."""

FULL_SHARE = 0.5
"""A stream that is fuller than this gets a warning."""


NAMES = {
    "intake": "受付",
    "placement": "受入調整",
    "handover": "引継ぎ（朝・関係機関）",
    "reporting": "報告",
    "front": "窓口",
}
"""What the services are called on a Japanese screen."""


class Level(StrEnum):
    """How bad: a notice leaves the service ready; late and stopped do not."""

    notice = "notice"
    late = "late"
    stopped = "stopped"


class Degraded(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is degraded, with what to do about it, in both languages."""

    code: str
    level: Level
    service: str = ""
    ja: str
    en: str
    do_ja: str
    do_en: str


class Stream(msgspec.Struct, frozen=True):
    """How full a stream is, in bytes. `limit` 0: there is none."""

    name: str
    used: int
    limit: int


class Disk(msgspec.Struct, frozen=True):
    """The disk of the data directory or of a database, in bytes."""

    free: int
    total: int


class Receiver(msgspec.Struct, frozen=True, kw_only=True):
    """How far a subscriber is. `open`: deliveries that it has not acknowledged, the first for `seconds`.

    `patience`: so many seconds may pass; `disabled`: why nothing is sent to it; `given_up`: deliveries that were tried
    for days; `unready`: it has no secret yet.
    """

    key: str
    name: Label
    open: int = 0
    seconds: float = 0.0
    patience: float = 0.0
    disabled: str = ""
    given_up: int = 0
    unready: bool = False


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one service, or (`service` empty) of what all share; what is not known looks well.

    Ages are in seconds; `clock_behind` is how far the clock is behind the last record written.
    """

    service: str = ""
    running: bool = True
    looked: bool = True
    answers: bool = True
    halted: str = ""
    connected: bool = True
    jetstream: bool = True
    missing: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    stalled: tuple[str, ...] = ()
    relay_behind: float = 0.0
    relay_lag: int = 0
    database_missing: bool = False
    write_failed: str = ""
    write_waits: float = 0.0
    clock_behind: float = 0.0
    ward_known: bool = True
    disk: Disk | None = None
    streams: tuple[Stream, ...] = ()
    receivers: tuple[Receiver, ...] = ()


def degraded(facts: Facts) -> list[Degraded]:
    """Everything that is not as it should be, the worst first."""
    found = (*_process(facts), *_bus(facts), *_database(facts), *_surroundings(facts), *_receivers(facts))
    return worst_first(_said(facts, *one) for one in found)


def worst_first(found: Iterable[Degraded]) -> list[Degraded]:
    """In order of their levels; what is said twice in the same words is said once."""
    order = list(reversed(Level))
    return sorted(dict.fromkeys(found), key=lambda one: order.index(one.level))


def worst(found: Iterable[Degraded]) -> Level | None:
    """The worst level among these; None where nothing is degraded."""
    levels = {one.level for one in found}
    return next((level for level in reversed(Level) if level in levels), None)


def seen_as(found: Iterable[Degraded]) -> Level | None:
    """The level of the light on a page: not 正常 while a subscriber is sent nothing, ready as all may be."""
    each = tuple(found)
    level = worst(each)
    stops = any(one.code == "subscriber-disabled" for one in each)
    return Level.late if stops and level is Level.notice else level


class Ready(msgspec.Struct, frozen=True):
    """The answer of /readyz. `position`: how far the service's journal, or the ledger, goes."""

    ready: bool
    service: str
    position: int
    degraded: list[Degraded]


def is_ready(found: Iterable[Degraded]) -> bool:
    """Whether a service does its work in time all the same."""
    return worst(found) in (None, Level.notice)


_One = tuple[str, Level, tuple[str, str], tuple[str, str]]
"""(code, level, what in Japanese and English, what to do in both)"""


def _said(facts: Facts, code: str, level: Level, what: tuple[str, str], do: tuple[str, str]) -> Degraded:
    name = NAMES.get(facts.service, facts.service)
    who_ja, who_en = (f"{name}：", f"{facts.service}: ") if facts.service else ("", "")
    return Degraded(
        code=code,
        level=level,
        service=facts.service,
        ja=f"{who_ja}{what[0]}",
        en=f"{who_en}{what[1]}",
        do_ja=do[0],
        do_en=do[1],
    )


def _process(facts: Facts) -> Iterator[_One]:
    log_ja, log_en = "ログに書かれた理由を確認してください。", "See the reason in its log."
    if facts.halted:
        yield (
            "halted",
            Level.stopped,
            (f"自ら停止しました（{facts.halted}）。", f"it stopped by itself ({facts.halted})."),
            (
                "docs/operations.md の「When something stops by itself」のとおりに直してください。",
                'Mend it as docs/operations.md says under "When something stops by itself".',
            ),
        )
    elif not facts.running:
        yield "not-running", Level.stopped, ("動いていません。", "it does not run."), (log_ja, log_en)
    elif not facts.looked:
        yield (
            "starting",
            Level.late,
            ("起動したところです。", "it has only just started."),
            ("しばらくお待ちください。", "Wait a moment."),
        )
    elif not facts.answers:
        yield (
            "not-answering",
            Level.stopped,
            ("応答がありません。", "it runs and does not answer."),
            (
                "一時停止されているか、止まりかけています。続くときは再起動してください。",
                "It is paused or stuck; restart it if that lasts.",
            ),
        )


def _bus(facts: Facts) -> Iterator[_One]:
    if not facts.connected:
        yield (
            "nats-gone",
            Level.stopped,
            ("NATSにつながりません。", "NATS cannot be reached."),
            (
                "NATSを起動してください（yoake up なら自動で起動します）。記録済みのものは失われません。",
                "Start NATS (`yoake up` does so by itself). Nothing that was accepted is lost.",
            ),
        )
        return
    if not facts.jetstream:
        yield (
            "jetstream-silent",
            Level.stopped,
            ("JetStreamが応答しません。", "JetStream does not answer."),
            (
                "NATSのログと、NATSのディスクの空きを確認してください。",
                "See NATS's log, and whether its disk has room.",
            ),
        )
    renew = (
        "yoake streams --refill を実行してください（yoake up なら自動で作り直します）。",
        "Run `yoake streams --refill` (`yoake up` makes it again by itself).",
    )
    for name in facts.missing:
        yield "missing", Level.stopped, (f"{name} がありません。", f"{name} is missing."), renew
    for name in facts.silent:
        what = (f"{name} を読んでいません。", f"it has not asked for messages of {name} lately.")
        yield "not-pulling", Level.late, what, ("続くときは再起動してください。", "Restart it if that lasts.")
    for name in facts.stalled:
        what = (f"{name} に未処理があり、進んでいません。", f"messages of {name} wait, and none is taken.")
        yield "stalled", Level.late, what, ("ログを確認してください。", "See the log of the service.")
    if facts.relay_behind > RELAY_SECONDS:
        seconds, lag = int(facts.relay_behind), facts.relay_lag
        yield (
            "relay-behind",
            Level.late,
            (f"記録{lag}件を{seconds}秒以上送れていません。", f"{lag} events are not on the bus after {seconds} s."),
            (
                "NATSとログを確認してください。つながり次第、自動で送ります。",
                "See NATS and the log; they are published as soon as it can be reached.",
            ),
        )


_WRITE = {
    "locked": (
        ("データベースがロックされています。", "the database is locked."),
        (
            "データベースを開いているほかのプログラムを終了してください。自動で再開します。",
            "End whatever else has the database open; it goes on by itself.",
        ),
    ),
    "full": (
        ("ディスクがいっぱいで書き込めません。", "the disk is full, so nothing can be written."),
        ("ディスクの空きを増やしてください。自動で再開します。", "Make room on the disk; it goes on by itself."),
    ),
    "failed": (
        ("データベースに書き込めません。", "the database cannot be written."),
        (
            "ログとディスク、データベースの状態を確認してください。",
            "See the log, the disk and the database's own state.",
        ),
    ),
}


def _database(facts: Facts) -> Iterator[_One]:
    if facts.database_missing:
        yield (
            "database-missing",
            Level.stopped,
            ("データベースを読めません。", "the database cannot be read."),
            (
                "データベースの場所、権限、ロックを確認してください。",
                "See that the database is there, may be read, and is not locked.",
            ),
        )
    elif facts.write_failed:
        what, do = _WRITE[facts.write_failed]
        yield f"database-{facts.write_failed}", Level.stopped, what, do
    elif facts.write_waits > WRITE_SECONDS:
        what = (
            f"書き込みが{int(facts.write_waits)}秒待っています。",
            f"a write has waited for {int(facts.write_waits)} s.",
        )
        yield "database-slow", Level.late, what, _WRITE["locked"][1]
    if not facts.ward_known:
        yield (
            "no-ward",
            Level.late,
            ("区の設定がまだ届いていません。", "the ward's rules were not heard of yet."),
            ("intake が動いているか確認してください。", "See whether intake runs."),
        )


def _surroundings(facts: Facts) -> Iterator[_One]:
    if facts.clock_behind > CLOCK_SECONDS:
        seconds = int(facts.clock_behind)
        yield (
            "clock-back",
            Level.notice,
            (
                f"時計が最後の記録より{seconds}秒遅れています。時計が戻ったか、以前に進みすぎていました。",
                f"the clock is {seconds} s behind the last record: it went back, or was ahead before.",
            ),
            (
                "サーバーの時刻合わせを確認してください。追いつくまで、記録日時は最後の記録と同じになります。",
                "See to the time synchronisation. Until it catches up, records bear the time of the last one.",
            ),
        )
    if facts.disk and facts.disk.free < min(LOW_BYTES, LOW_SHARE * facts.disk.total):
        free = facts.disk.free // 1_000_000
        yield (
            "disk-low",
            Level.notice,
            (f"ディスクの空きが残り{free}MBです。", f"only {free} MB of the disk are free."),
            ("空きを増やしてください。", "Make room."),
        )
    for stream in facts.streams:
        if stream.limit and stream.used > FULL_SHARE * stream.limit:
            percent = 100 * stream.used // stream.limit
            yield (
                "stream-filling",
                Level.notice,
                (f"{stream.name} が{percent}％埋まっています。", f"{stream.name} is {percent} % full."),
                (
                    "INBOXなら受け取る側が動いているか確認し、EVENTSなら上限を上げてください。",
                    "For INBOX, see whether its service runs; for EVENTS, raise its limit.",
                ),
            )


def _receivers(facts: Facts) -> Iterator[_One]:
    """Each subscriber (送信先) that does not get on. It holds up nobody here, so that these are notices."""
    for one in facts.receivers:
        who_ja, who_en = f"送信先「{one.name.ja}」（{one.key}）", f"the subscriber {one.key} ({one.name.en})"
        again = (
            f"相手が直したら yoake subscriber enable {one.key} を実行してください。",
            f"Once it is mended: `yoake subscriber enable {one.key}`.",
        )
        if one.unready:
            yield (
                "subscriber-unready",
                Level.notice,
                (f"{who_ja}の署名の鍵がまだありません。", f"{who_en} has no secret for its signatures yet."),
                (
                    f"yoake subscriber add {one.key} を実行してください。",
                    f"Make one: `yoake subscriber add {one.key}`.",
                ),
            )
        if one.disabled:
            what = (
                f"{who_ja}への送信を止めています（{one.disabled}）。",
                f"nothing is sent to {who_en}: {one.disabled}.",
            )
            yield "subscriber-disabled", Level.notice, what, again
        if one.given_up:
            yield (
                "subscriber-given-up",
                Level.notice,
                (
                    f"{who_ja}に数日送れなかったものが{one.given_up}件あります。",
                    f"{one.given_up} deliveries to {who_en} were tried for days.",
                ),
                (
                    f"yoake subscriber retry {one.key} で送り直せます。",
                    f"Send them again: `yoake subscriber retry {one.key}`.",
                ),
            )
        if one.open and one.seconds > one.patience:
            minutes = int(one.seconds // 60)
            yield (
                "subscriber-behind",
                Level.notice,
                (
                    f"{who_ja}が遅れています。受信の確認がないもの{one.open}件、最初のものから{minutes}分。",
                    f"{who_en} is behind: {one.open} deliveries not acknowledged, the first for {minutes} minutes.",
                ),
                (
                    "相手のシステムが動いているか確認してください。届くまで保管しています。",
                    "See whether its system runs. Everything is kept until it has come.",
                ),
            )
