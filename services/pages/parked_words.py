"""Why a message was parked, and what would be accepted, in words. Pure.

What a rule says of a message it says in English, once (`services.book.Unusable`); here it is told to those who mend it.
"""

from __future__ import annotations

import re
from typing import Final

from services.pages.terms import Terms

_REASONS = {
    "already there": "すでにあります",
    "missing": "記入がありません",
    "missing or unusable": "記入がないか、使えません",
    "unusable": "使えません",
    "unknown": "知られていません",
    "empty": "中に何もありません",
    "given twice": "二度記入されています",
    "too large": "大きすぎます",
    "too many messages": "件数が多すぎます",
    "too long": "長すぎます",
    "nested too deeply": "入れ子が深すぎます",
    "not UTF-8": "文字コードがUTF-8ではありません",
    "not JSON": "JSONとして読み取れません",
    "not a JSON object": "JSONのオブジェクトではありません",
    "not a text": "文字ではありません",
    "not a name": "名前として使えません",
    "not a code": "短い符号ではありません",
    "not a date that exists": "その日付はありません",
    "not after the beginning": "開始より後ではありません",
    "not known to the ward": "区の一覧にありません",
    "not one of the known values": "使える語ではありません",
    "not one of the known identifiers": "照合に使える項目ではありません",
    "not one of the ward's districts": "区の地域にありません",
    "not one of the ward's reasons": "区の緊急の理由の一覧にありません",
    "not a field of this message": "この記録にない項目です",
    "not a number of the desk": "要確認データの番号ではありません",
    "nothing of yours was parked under this number": "この番号の要確認データは、この受託事業者にはありません",
    "no such flag on this record": "この記録にその確認事項はありません",
    "nobody is registered under this id": "この番号の登録者はいません",
    "registered already": "すでに登録されています",
    "without an offset": "日時に時差の記載がありません",
    "the same id came before with other content": "同じ番号で内容の違う記録が先に届いています",
    "the same consultation": "同じ相談です",
    "the same person": "同じ方です",
    "merged into another consultation already": "すでに別の相談にまとめられています",
    "merged into another person already": "すでに別の登録にまとめられています",
    "the call is about another registrant already": "すでに別の登録者と結び付いています",
    "this contact is about nobody": "どなたのことでもない連絡です",
    "this contact has no such matter": "この連絡にその番の相談はありません",
    "every contact of it was moved away": "この相談の連絡はすべて別の相談へ移されています",
    "there is one under this reference already": "同じ番号のものがすでにあります",
    "arranged already under this reference": "同じ番号の調整がすでにあります",
    "before it was arranged": "調整より前の日時です",
    "before it was offered": "依頼より前の日時です",
}
_PATTERNS = (
    (re.compile(r"not JSON: (.*)"), "JSONとして読み取れません：{0}"),
    (re.compile(r"not for (\w+)"), "{0}への記録ではありません"),
    (re.compile(r"(\w+) before it was accepted"), "受諾の前に、すでに「{0}」になっています"),
    (re.compile(r"(\w+), so it cannot be (\w+)"), "いま「{0}」なので、「{1}」にはできません"),
    (re.compile(r"before it was (\w+)"), "「{0}」より前の日時です"),
    (re.compile(r"a later correction of (.*) stands already"), "{0}には、より新しい訂正がすでにあります"),
    (re.compile(r"this release cannot process it \((.*)\)"), "この版のYoakeでは処理できません（{0}）"),
    (re.compile(r"(\w+) matching, and no reason stated"), "一致した項目が足りず（{0}個）、理由の入力もありません"),
    (re.compile(r"Object missing required field `(.*)`"), "必要な項目「{0}」がありません"),
    (re.compile(r"Expected `(.*)`, got `(.*)`"), "値の種類が違います（必要なのは{0}、届いたのは{1}）"),
)
_KINDS = {
    "str": "文字",
    "int": "整数",
    "float": "数",
    "bool": "はい・いいえ",
    "array": "一覧",
    "object": "項目の集まり",
}
_ACCEPTED = {
    "JSON in UTF-8 (a file from Excel is often cp932)": "UTF-8のJSON（Excelで作ったファイルは多くがcp932です）",
    "one CloudEvent in JSON, or a list of them": "JSONのCloudEvent一件、またはその一覧",
    "a CloudEvent, see events/README.md": "CloudEvent（events/README.mdを見てください）",
    "a new id for other content": "内容の違う記録には、新しい番号",
    "a text that this sender uses once": "送信元が一度だけ使う番号",
    "at least one message": "一件以上の記録",
    "another consultation": "別の相談",
    "another person": "別の方",
    "a new reference": "新しい番号",
    "a later time": "より後の日時",
    "the time at which it happened": "実際の日時",
    "the time at which it was accepted": "受諾した日時",
    "the time at which it was given up": "取り消した日時",
    "a new handover.offer": "新しい依頼（handover.offer）",
    "registration.correct, or registration.reinstate": "訂正か再開（registration.correct、registration.reinstate）",
    "case.split first": "先に、まとめを取り消す（case.split）",
    "person.split first": "先に、登録のまとめを取り消す（person.split）",
    "the id of a registrant": "登録者の番号",
    "the number to which they were moved": "移した先の受付番号",
    "1, or which of its matters": "1、または何人目か",
    "tell the operator": "Yoakeを動かしている担当者に伝えてください",
    "a time with its offset, such as 2025-04-01T02:10:00+09:00": "時差の付いた日時（例：2025-04-01T02:10:00+09:00）",
    "a time such as 2025-04-01T13:00:00+09:00": "時差の付いた日時（例：2025-04-01T13:00:00+09:00）",
    "a day such as 2025-04-01": "日付（例：2025-04-01）",
}
_SIZES = (
    (re.compile(r"up to (\d+) bytes.*"), "{0}バイトまで"),
    (re.compile(r"up to (\d+) levels"), "{0}段まで"),
    (re.compile(r"up to (\d+) printable characters"), "{0}文字まで"),
    (re.compile(r"up to (\d+)"), "{0}件まで"),
    (re.compile(r"send it to (\w+)"), "{0}へ送る"),
)

UNREADABLE: Final = ("message", "batch", "body")
"""Fields that stand for the whole: nothing of it could be read."""


def reason_in_words(reason: str, terms: Terms) -> str:
    """Why it cannot be used."""
    return _told(reason, _REASONS, _PATTERNS, terms)


def accepted_in_words(accepted: str, terms: Terms) -> str:
    """What would be accepted; a list of keys stands as it is."""
    return _told(accepted, _ACCEPTED, _SIZES, terms)


def _told(text: str, whole: dict[str, str], patterns: tuple[tuple[re.Pattern[str], str], ...], terms: Terms) -> str:
    if terms.language == "en":
        return text
    if text in whole:
        return whole[text]
    found = ((pattern.fullmatch(text), words) for pattern, words in patterns)
    return next((words.format(*(_filled(g, terms) for g in match.groups())) for match, words in found if match), text)


def _filled(group: str, terms: Terms) -> str:
    """What is filled in: kinds of values, and short codes, by their words."""
    kinds = [kind for kind in group.split(" | ") if kind != "null"]
    if kinds and all(kind in _KINDS for kind in kinds):
        return "・".join(_KINDS[kind] for kind in kinds)
    return terms.code(group)
