"""Why a sheet or a mapping file cannot be used, in one language. Pure.

Faults of sheets are said in both languages at once, those of mapping files in English, with the words of the reader of
TOML; here each is told in the language that was asked for.
"""

from __future__ import annotations

import re

_TOLD = (
    (
        r"no such file; give the path of a mapping file \(TOML\), such as (\S+)",
        r"ファイルがありません。対応表（TOML）を指定してください（例：\1）",
    ),
    (r"cannot be read as TOML: not UTF-8; save it as UTF-8", "UTF-8ではありません。UTF-8で保存してください"),
    (r"cannot be read as TOML: ", "TOMLとして読み取れません："),
    (r"type '?([^;]*?)'? is no message", r"type の「\1」という記録はありません"),
    (r"source: up to (\d+) characters, such as (\S+)", r"source：\1文字まで（例：\2）"),
    (r"id\.columns: at least one column", "id.columns：列を一つ以上指定してください"),
    (r"sheet\.heading_rows: (\d+) to (\d+)", r"sheet.heading_rows：\1から\2まで"),
    (r"(\S+) is fed twice", r"\1 に入れる列が二度指定されています"),
    (r"no field feeds `time`: when it happened", "time（起きた日時）に入れる列がありません"),
    (
        r'(\S+): give one of columns, constant and marks \(marks with as = "marks"\)',
        r'\1：columns、constant、marks のうち一つを指定してください（marks には as = "marks"）',
    ),
    (
        r"to = '?(.*?)'?: a place such as time, data\.district or data\.matters\[0\]\.case",
        r"to の「\1」は項目の場所ではありません（例：time、data.district、data.matters[0].case）",
    ),
    (r"(\S+): the message has no (\S+); it has (.*)", r"\1：この記録に \2 はありません。ある項目：\3"),
    (r"(\S+): time, entered, or a field under data", r"\1：time、entered、または data の下の項目にしてください"),
    (r'(\S+): as = "time"$', r'\1：as = "time" を指定してください'),
    (
        r"(\S+): one column, or one with the date and one with the time",
        r"\1：一つの列か、日付の列と時刻の列にしてください",
    ),
    (r"Object missing required field `([^`]*)`", r"必要なキー \1 がありません"),
    (r"Object contains unknown field `([^`]*)`", r"\1 というキーはありません"),
    (r"Expected `([^`]*)`, got `([^`]*)`", r"値の種類が違います（必要なのは \1、届いたのは \2）"),
    (r"Invalid enum value '([^']*)'", r"「\1」は使えません"),
    (r"there is no encoding '([^']*)'", r"「\1」という文字コードはありません"),
    (
        r"the sheet itself; give another file, or leave it out",
        "元の表そのものです。別のファイルにするか、指定しないでください",
    ),
    (r"give an \.xlsx or a \.csv file that you may read", "読み取れる .xlsx か .csv を指定してください"),
    (r"\bNo such file or directory\b", "ファイルがありません"),
    (r"\bPermission denied\b", "権限がありません"),
    (r"\bIs a directory\b", "ディレクトリです"),
    (r"; accepted: ", "。使えるもの："),
    (r"(?<=。|[぀-ヿ一-鿿]); ", "。"),
)
_PATTERNS = tuple((re.compile(pattern), words) for pattern, words in _TOLD)
_BOTH = re.compile(
    r"(?P<where>[^「」]*?: )?(?P<ja>.*?) / "
    r"(?P<en>(there is no|\d+ columns are called|an old|neither|not an? |not CSV|damaged).*)",
    re.DOTALL,
)


def in_words(fault: str, language: str) -> str:
    """A fault of a sheet or of a mapping file."""
    both = _BOTH.fullmatch(fault)
    if both:
        return (both["where"] or "") + both["ja" if language == "ja" else "en"]
    if language != "ja":
        return fault
    for pattern, words in _PATTERNS:
        fault = pattern.sub(words, fault)
    return fault
