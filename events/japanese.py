"""What the kit says of faults, in Japanese. It is said, and kept in the outbox, in English. Pure.

Words of other programs (of the system, of a server, of a release of the ward that is newer) stand as they are.
"""

from __future__ import annotations

import re

_TOLD = (
    # The ward and the way to it.
    (r"nobody answers at (\S+) \((.*)\)", r"\1 から返事がありません（\2）"),
    (
        r"(\S+) does not let us in: ask the ward for other credentials",
        r"\1 に接続できません。別の認証情報を区に依頼してください",
    ),
    (
        r"(\S+) broke off while we signed on \((.*)\): user, password or credentials may be wrong, "
        r"or the server is just ending",
        r"\1 が接続の途中で切れました（\2）。利用者・パスワード・認証情報が違うか、サーバが終了するところです",
    ),
    (r"the connection to (\S+) broke \((.*)\)", r"\1 との接続が切れました（\2）"),
    (
        r"the inbox is full: the ward's services do not keep up, or do not run",
        "区の受信箱がいっぱいです。区の処理が追いつかないか、止まっています",
    ),
    (r"(\S+) does not take messages \(([^)]*)\)", r"\1 が記録を受け取りません（\2）"),
    (r"too large for the server: (\d+) bytes", r"サーバには大きすぎます（\1バイト）"),
    (r"(\S+) answers (\d+) without receipts", r"\1 の返事（\2）に受付の控えがありません"),
    (r"(\S+) answers (\d+) ", r"\1 の返事 \2："),
    (r"look at the token: the ward's operator makes it", "トークンを確かめてください（区の担当者が作ります）"),
    (r"look at the address: (\S+) of the door is meant", r"アドレスを確かめてください（受付口の \1 です）"),
    (
        r"this does not look like a Yoake door; check the address \(URL\)",
        "Yoakeの受付口ではないようです。アドレス（URL）を確かめてください",
    ),
    (
        r"--ward or --provider may be wrong: both must be those that these credentials are for",
        "--ward か --provider が違うようです。どちらも、この認証情報のものにしてください",
    ),
    (r"everything is kept and sent later", "すべて保存してあり、あとで送ります"),
    (r"\(no problem details\)", "（詳しい説明はありません）"),
    (r"without problem details", "説明がありません"),
    # The files.
    (
        r"(\S+): not an address; accepted: https://HOST or http://HOST:PORT",
        r"\1：アドレスではありません。使えるもの：https://HOST、http://HOST:PORT",
    ),
    (r"give a file of messages, or - for standard input", "記録のファイルか、標準入力の - を指定してください"),
    (r"give the file that the ward's operator made for you", "区の担当者が作ったファイルを指定してください"),
    (
        r"give a file that you may write, on a disk with room, that is an outbox",
        "空きのある場所の、書き込める送信箱のファイルを指定してください",
    ),
    (r"give a file that you may write", "書き込めるファイルを指定してください"),
    (r"(\S+): no key; give the ward's inbox\.pub\.jwk", r"\1：鍵ではありません。区の inbox.pub.jwk を指定してください"),
    (
        r"(\S+): no such outbox; give the file that messages were put into, "
        r"with --outbox \(before the command\) or YOAKE_OUTBOX",
        r"\1：送信箱がありません。記録を保存したファイルを、--outbox（コマンドの前）か YOAKE_OUTBOX で指定してください",
    ),
    (
        r"(\S+) was written by a later release \(format (\d+)\): use that one, or another file",
        r"\1 は新しい版で書かれています（形式\2）。その版を使うか、別のファイルにしてください",
    ),
    (
        r"(\S+): another process sends from it now, and one is enough",
        r"\1：別のプロセスがここから送信しています。一つで足ります",
    ),
    (
        r"(\S+) has come to (\d+) here, beyond (\d+): leave it as it is",
        r"\1 はここで\2番まで進んでいて、\3番より先です。そのままにしてください",
    ),
    (r"(\S+): no manifest \((.*)\)", r"\1：受信記録の一覧ではありません（\2）"),
    (r"what `yoake manifest PROVIDER --json` prints", "yoake manifest PROVIDER --json の出力"),
    (
        r"give --http URL, or --nats URL with --ward and --provider",
        "--http URL か、--nats URL と --ward・--provider を指定してください",
    ),
    (
        r"NATS needs nats-py: install yoake-adapter\[nats\], or send with --http",
        "NATSには nats-py が要ります。yoake-adapter[nats] を入れるか、--http で送ってください",
    ),
    (r"\bNo such file or directory\b", "ファイルがありません"),
    (r"\bPermission denied\b", "権限がありません"),
    (r"\bIs a directory\b", "ディレクトリです"),
    # Messages.
    (r"one CloudEvent a line, see events/README\.md", "一行に一件のCloudEvent（events/README.md）"),
    (r"not JSON: ", "JSONとして読み取れません："),
    (r"no JSON object", "JSONのオブジェクトではありません"),
    (r"message: cannot be written as JSON \((\w+)\)", r"記録をJSONにできません（\1）"),
    (r"texts, numbers, lists, times", "文字、数、一覧、日時"),
    (r"message: nests too deeply", "記録の入れ子が深すぎます"),
    (r"up to (\d+) levels", r"\1段まで"),
    (r"message: (\d+) bytes; accepted: up to (\d+)", r"記録が大きすぎます（\1バイト）。使えるもの：\2バイトまで"),
    (r"empty, too long or with control characters in it", "空か、長すぎるか、制御文字があります"),
    (r"1 to (\d+) printable characters", r"1～\1文字（制御文字なし）"),
    (r"a time with its offset, such as (\S+)", r"時差の付いた日時（例：\1）"),
    (r"without its offset", "時差がありません"),
    (r"no time(?=;|$)", "日時ではありません"),
    (r"a field that is none of this message's", "この記録にない項目があります"),
    (r"not a field of this message", "この記録にない項目です"),
    (r"the fields of (\S+)", r"\1 の項目"),
    (r"see (\S+) in events/README\.md", r"events/README.md の \1"),
    (r"Expected `([^`]*)`, got `([^`]*)`", r"値の種類が違います（必要なのは \1、届いたのは \2）"),
    (r"Object missing required field `([^`]*)`", r"必要な項目 \1 がありません"),
    (r" - at `([^`]*)`", r"（場所 \1）"),
    (r": not an object(?=;|$)", ": 項目の集まりではありません"),
    (r": not a text(?=;|$)", ": 文字ではありません"),
    (r": missing(?=;|$)", ": 記入がありません"),
    (r": unknown(?=;|$)", ": 知られていません"),
    (r": not (\d\.\d)(?=;|$)", r": \1 ではありません"),
    (r"no answer came within this time", "時間内に返事がありませんでした"),
    (r"the same id came before with other content", "同じ番号で内容の違う記録が先に届いています"),
    (r"a new id for other content", "内容の違う記録には、新しい番号"),
    (r"waits for (\S+)", r"\1 を待っています"),
    (r"night: (\S+) has not begun yet", r"夜間（night）：\1 の夜間はまだ始まっていません"),
    (r"the day on which a night began, up to (\S+)", r"夜間の始まった日（\1まで）"),
    (r"calls: (\S+) is no count of a night's calls", r"件数（calls）：\1 は一夜の件数として使えません"),
    (r"a whole number from 0 to (\d+)", r"0から\1までの整数"),
    (r"; accepted: ", "。使えるもの："),
    (r"; ", "。"),
)
_PATTERNS = tuple((re.compile(pattern), words) for pattern, words in _TOLD)


def in_japanese(text: str) -> str:
    """A fault in Japanese, so far as its words are the kit's own."""
    for pattern, words in _PATTERNS:
        text = pattern.sub(words, text)
    return text
