"""Why a message was parked, and what would be accepted, in words. Pure.

What a rule says of a message it says in English, once (`services.book.Unusable`, `services.intake.fields`); here it is
told to those who mend it.
"""

from __future__ import annotations

import re
from typing import Final

from events.messages import Receipt
from services.pages.places import place_in_words
from services.pages.terms import Terms
from services.pages.words import CODES

_REASONS = {
    "already there": "すでにあります",
    "missing": "記入がありません",
    "a night that is past": "過ぎた夜間です",
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
    "not a reference number of ours (受付番号)": "受付番号の形ではありません",
    "not a number of the desk": "要確認データの番号ではありません",
    "nothing of yours was parked under this number": "この番号の要確認データは、この受託事業者にはありません",
    "no such flag on this record": "この記録にその確認事項はありません",
    "nobody is registered under this id": "この番号の登録者はいません",
    "no consultation has this number": "この受付番号の相談はありません",
    "no date of birth of somebody who registered then": "登録日より後か、125年より前の日付です",
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
    "no night began on this day": "この日に始まる夜間はありません",
    "it has not begun yet": "まだ始まっていません",
    "not a night of this provider's": "この受託事業者の夜間ではありません",
    "this ward closes no nights": "この区では夜間を締めません",
    "not a count": "件数や番号として使えません",
    "not ranges of numbers": "番号の範囲ではありません",
    "less than the last number of the night before it": "前の夜間の最後の番号より小さい番号です",
    "more than the last number of the night after it": "次の夜間の最後の番号より大きい番号です",
    "before it was arranged": "調整より前の日時です",
    "before it was offered": "依頼より前の日時です",
    "before the call itself": "相談より前の日時です",
    "before the statement was issued": "夜間引継書の発行より前の日時です",
    "not on the statement of this night": "この夜間の夜間引継書にその番号はありません",
    "no statement is kept of this night": "この夜間の夜間引継書はありません",
    "not the one that takes over from the night": "夜間から引き継ぐ受託事業者ではありません",
    "not the one that was asked": "照会を受けた受託事業者ではありません",
    "nobody has asked about it": "回答を待つ照会がありません",
    "not acknowledged yet": "まだ受領されていません",
    "less than none": "0より小さい数です",
    "more than a year ahead": "一年より先の日時です",
    "not after it was offered": "依頼より後の日時ではありません",
    "an agency has taken this case on already": "この相談は、すでに関係機関が受諾しています",
    "they are asked already, and have not answered": "この送付先には依頼中で、まだ回答がありません",
    "there is no hand-over under this id": "この記録番号の引継ぎはありません",
    "there is no placement under this id": "この番号の調整はありません",
    "missing: nothing about a person goes out without one": (
        "記入がありません。本人の情報は、根拠がなければ外へ渡せません"
    ),
    "missing: why the law allows it here": "記入がありません。法令により渡せる理由が必要です",
    "no consent to this receiver is in force on that day": "その日に有効な、この送付先への同意がありません",
    "outside the sender's contract": "受託の期間の外の日時です",
    "Invalid RFC3339 encoded date": "日付として読み取れません",
    "not in the directory on that day": "その日の送付先名簿に載っていません",
    "not what the directory says of this receiver": "送付先名簿にあるこの送付先の種類と違います",
    "within the centre: no sheet goes out for it": "センターの中の引継ぎなので、送付する書面はありません",
    "not a number of pages": "枚数として使えません",
    "the directory has no fax number for this receiver on that day": (
        "その日の送付先名簿に、この送付先のファクス番号がありません"
    ),
    "no such sheet went out for this hand-over": "この引継ぎで、その書面は送付されていません",
    "missing: who sent it": "送付した方の氏名がありません",
    "missing, or the same person: two people look at content and receiver": (
        "もう一人の確認者の氏名がないか、同じ方です。内容と宛先は二人で確認します"
    ),
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
    "a time while the contract was in force": "受託の期間の中の日時",
    "a time while the contract was in force; what is done since, a provider under contract says": (
        "受託の期間の中の日時。その後のことは、いま受託している事業者が送ります"
    ),
    "a night that began while the contract was in force": "受託の期間の中に始まった夜間",
    "note, may_ring, promised, not_promise": (
        "申し送り、連絡してくるかもしれない方、約束したこと、約束しないことのどれか"
    ),
    "JSON in UTF-8 (a file from Excel is often cp932)": "UTF-8のJSON（Excelで作ったファイルは多くがcp932です）",
    "one CloudEvent in JSON, or a list of them": "JSONのCloudEvent一件、またはその一覧",
    "a CloudEvent, see events/README.md": "CloudEvent（events/README.mdを見てください）",
    "a new id for other content": "内容の違う記録には、新しい番号",
    "a text that this sender uses once": "送信元が一度だけ使う番号",
    "at least one message": "一件以上の記録",
    "another consultation": "別の相談",
    "such as R7-0123": "R7-0123 のような番号",
    "another person": "別の方",
    "a new reference": "新しい番号",
    "another name": "ほかの名前",
    "a few words": "短い説明",
    "a hand-over to an agency or a section": "関係機関か保健福祉課への引継ぎ",
    "post or by-hand": "郵送か持参（post、by-hand）",
    "handover.send first": "先に、送付の記録（handover.send）",
    "a name": "氏名",
    "another person's name": "別の方の氏名",
    "handover.return of that hand-over": "先に、その引継ぎの差戻し（handover.return）",
    "handover.accept, handover.decline or handover.withdraw of that offer": (
        "その依頼への受諾・受諾不可・取下げ（handover.accept、handover.decline、handover.withdraw）"
    ),
    "an id as its events say it": "ケースの経過の「記録の内容を見る」にある番号",
    "`placement` (your own reference) or `placement_id` (our id)": (
        "自分で付けた調整の番号（placement）か、ケースの経過にある調整の番号（placement_id）"
    ),
    "`handover` (your own reference) or `handover_id` (our id)": (
        "自分の引継ぎ番号（handover）か、引継ぎの記録番号（handover_id）"
    ),
    "a time within a year": "一年以内の日時",
    "a later time": "より後の日時",
    "the time at which it happened": "実際の日時",
    "the time at which it was accepted": "受諾した日時",
    "the time at which it was given up": "取り消した日時",
    "a new handover.offer": "新しい依頼（handover.offer）",
    "registration.correct, or registration.reinstate": "訂正か再開（registration.correct、registration.reinstate）",
    "call.unlink first": "先に、登録者との結び付けを取り消す（call.unlink）",
    "call.correct with `to`: another consultation": "正しい受付番号へ移す訂正（call.correct）",
    "case.split first": "先に、まとめを取り消す（case.split）",
    "person.split first": "先に、登録のまとめを取り消す（person.split）",
    "the id of a registrant": "登録者の番号",
    "the number to which they were moved": "移した先の受付番号",
    "1, or which of its matters": "1、または何人目か",
    "one of its numbers; 0 where it has none": "夜間引継書の番号（相談0件のときは0）",
    "a provider under contract that works at night": "契約期間中の、夜間を受け持つ受託事業者",
    "a provider under contract that does not only work at night": "契約期間中の、夜間のほかも受け持つ受託事業者",
    "an item with an open question": "回答を待つ照会のある番号",
    "item.acknowledge first": "先に受領する（item.acknowledge）",
    "when it was taken over": "受領した日時",
    "0, 1, 2, …": "0、1、2…",
    "the name of who says so": "入力する方の氏名",
    "a text": "文字",
    "what is asked": "照会の内容",
    "what is answered": "回答の内容",
    "tell the operator": "Yoakeを動かしている担当者に伝えてください",
    "a time with its offset, such as 2025-04-01T02:10:00+09:00": "時差の付いた日時（例：2025-04-01T02:10:00+09:00）",
    "a time such as 2025-04-01T13:00:00+09:00": "時差の付いた日時（例：2025-04-01T13:00:00+09:00）",
    "a day such as 2025-04-01": "日付（例：2025-04-01）",
    "a past time with its offset, such as 2025-04-01T02:10:00+09:00": (
        "時差の付いた過去の日時（例：2025-04-01T02:10:00+09:00）"
    ),
    "a time with its offset, such as 2025-04-01T02:10:00+09:00, that has passed": (
        "時差の付いた過去の日時（例：2025-04-01T02:10:00+09:00）"
    ),
    "a time that has passed": "過ぎた日時",
    "1985-04-30 or 昭和60年4月30日": "日付（1985-04-30、昭和60年4月30日など）",
    "1985-04-30 or 昭和60年4月30日, a day that exists": "実在する日付（1985-04-30、昭和60年4月30日など）",
    "a number as `yoake parked` shows it, such as intake-3": "要確認データの番号（例：intake-3）",
    "numbers that fit 64 bits, and whole characters": "64ビットに収まる数と、欠けのない文字",
    "a JWE to the ward's inbox key": "区の受信用の鍵で封印したもの（JWE）",
    "UTF-8, percent-encoded as the CloudEvents HTTP binding says": "CloudEventsのHTTPの決まりで符号化したUTF-8",
    "`call` (the id of its call.report) or `number` (our 受付番号)": "連絡の番号（call）か、受付番号（number）",
    "`case` (your own reference) or `number` (our 受付番号)": "自分の相談番号（case）か、受付番号（number）",
    "`person` (your own reference) or `person_id` (our id)": "自分の登録番号（person）か、登録者の記号（person_id）",
    "a time within the provider's bands": "担当の時間帯の日時",
    "a time within the provider's contract": "契約期間の日時",
    "a call.report with a matter": "相談のある連絡（call.report）",
    "a call.report with a matter about the registrant, with `beside`: this call": (
        "同じ連絡の記録としての、この登録者の相談がある連絡（call.report、beside）"
    ),
    "a call.report with a matter about the registrant, with `beside_number`: this number": (
        "同じ連絡の記録としての、この登録者の相談がある連絡（call.report、beside_numberにこの受付番号）"
    ),
    "a call.report with a matter about this person": "この方の相談がある連絡（call.report）",
    "a call.report with a matter, under this consultation": "この相談の連絡（call.report）",
    "a certificate that holds on the day of registration": "登録日に有効な受給者証",
    "a certificate that holds on the day of the call": "連絡の日に有効な受給者証",
    "a new reference, or placement.cancel": "新しい番号、または調整の取消し（placement.cancel）",
    "a reference number of ours (受付番号), such as R7-0123": "受付番号（例：R7-0123）",
    "an earlier call.report of the same contact, or its 受付番号": "同じ連絡の先の記録（call.report）か、その受付番号",
    "an object, see events/README.md": "項目の集まり（events/README.mdを見てください）",
    "call.link, after call.unlink where it was linked": (
        "登録者との結び付け（call.link。結び付いているときは先に call.unlink）"
    ),
    "each attribute once": "それぞれの属性を一度だけ",
    "one entry for each person concerned": "ご本人一人につき一件",
    "one line of up to 100 characters": "100文字までの一行",
    "person.merge, if it is one person": "同じ方であれば、登録を一つにまとめる（person.merge）",
    "the fields of the message": "この記録の項目",
    "the fields of the message, as a JSON object": "この記録の項目（JSONのオブジェクト）",
    "the id of a call.report; matter: 1, 2, …": "連絡の番号（call.reportのid）。何人目かは1、2…",
    "true or false": "true か false",
    "up to 40 of a to z, 0 to 9 and hyphens": "aからz、0から9、ハイフンで40文字まで",
    "up to 40 of a to z, 0 to 9 and hyphens; a name is personal": (
        "aからz、0から9、ハイフンで40文字まで（氏名は個人情報の欄へ）"
    ),
    "your own reference for the person": "自分の登録番号",
    "the day on which the night began": "夜間の始まった日",
    "a night within its contract and its bands": "契約期間と担当の時間帯にある夜間",
    "a ward's file with [morning]": "[morning]のある区の設定ファイル",
    "ranges such as [[3, 5]], up to 1000": "[[3, 5]] のような範囲を1000個まで",
    "nothing: it has no flag": "ありません（確認事項のない記録です）",
    "a later `time`, if it is to stand all the same; or `yoake parked close`": (
        "それでも有効にするときは、より後の日時（time）。または閉じる（yoake parked close）"
    ),
}
_SIZES = (
    (re.compile(r"up to (\S+) bytes, what is personal sealed"), "個人情報を封印して{0}バイトまで"),
    (re.compile(r"up to (\S+) bytes"), "{0}バイトまで"),
    (re.compile(r"up to (\S+) levels"), "{0}段まで"),
    (re.compile(r"an object of up to (\S+) levels"), "{0}段までの項目の集まり"),
    (re.compile(r"a text of up to (\S+) characters"), "{0}文字までの文字"),
    (re.compile(r"a whole number from 0 to (\S+)"), "0から{0}までの整数"),
    (re.compile(r"a whole number, 1 to (\S+)"), "1から{0}までの整数"),
    (re.compile(r"a list of objects with (.+)"), "{0}の一覧"),
    (re.compile(r"1 to (\S+) matters in one contact"), "一つの連絡に1件から{0}件の相談"),
    (re.compile(r"up to (\S+) in one contact"), "一つの連絡に{0}件まで"),
    (re.compile(r"(\S+) minutes apart"), "{0}分の間隔"),
    (re.compile(r"up to number (\S+)"), "{0}番まで"),
    (
        re.compile(r"(\S+) or more; a numbering that begins anew needs a new source"),
        "{0}番以上。番号を付け直すときは新しい送信元（source）",
    ),
    (re.compile(r"(\S+) or later; (\S+) takes a note off"), "{0}以後の夜間の日付（今夜から外すときは{1}）"),
    (re.compile(r"(\S+) or later"), "{0}以後の時刻"),
    (re.compile(r"under (\S+), or a recipient certificate"), "{0}歳未満、または受給者証"),
    (re.compile(r"a day from (\S+) to today"), "{0}から今日までの日付"),
    (re.compile(r"a hand-over that is (.+)"), "「{0}」の引継ぎ"),
    (re.compile(r"consent\.give first; or (.+)"), "先に同意の登録（consent.give）、またはほかの根拠（{0}）"),
    (re.compile(r"(\S+) or more of (.+); or the reason, in personal\.reason"), "{1}のうち{0}つ以上、または理由の入力"),
    (
        re.compile(r"`(\w+)` \(your own reference\) or `(\w+)` \(受付番号\)"),
        "自分の番号（{0}）か、受付番号（{1}）",
    ),
    (re.compile(r"up to (\S+) (?:printable )?characters"), "{0}文字まで"),
    (re.compile(r"up to (\S+) printable characters"), "{0}文字まで"),
    (re.compile(r"1 to (\S+) pages, with the cover"), "送付状を含めて1枚から{0}枚"),
    (re.compile(r"1 to (\S+) of its sheets"), "1から{0}番目の書面"),
    (re.compile(r"up to (\S+)"), "{0}件まで"),
    (re.compile(r"send it to (\w+)"), "{0}へ送る"),
)

NO_FIELD: Final = "not a field of this message"
UNREADABLE: Final = ("message", "batch", "body")
"""Fields that stand for the whole: nothing of it could be read."""


def why(receipt: Receipt) -> tuple[str, str | None]:
    """(why a message was not taken, what would be accepted), as its receipt says both in one line."""
    reason, _, accepted = (receipt.reason or receipt.status).partition("; accepted: ")
    return reason.removeprefix(f"{receipt.field}: "), accepted or None


def place_of(field: str, reason: str, terms: Terms) -> str:
    """The place that is wrong; what is no field of the message stands under its own name."""
    return place_in_words(field, terms, is_known=reason != NO_FIELD)


def receipt_in_words(receipt: Receipt, terms: Terms) -> str:
    """Why a message was not taken, in one line."""
    return fault_in_words(receipt.field or "", *why(receipt), terms)


def fault_in_words(field: str, reason: str, accepted: str | None, terms: Terms) -> str:
    """Place, reason, and what would be accepted, in one line."""
    place, told = place_of(field, reason, terms), reason_in_words(reason, terms.language)
    words = f"{place}{terms.screen('colon')}{told}" if place else told
    return words + (terms.screen("would_be", accepted=accepted_in_words(accepted, terms.language)) if accepted else "")


def reason_in_words(reason: str, language: str) -> str:
    """Why it cannot be used."""
    return _told(reason, _REASONS, _PATTERNS, language)


def accepted_in_words(accepted: str, language: str) -> str:
    """What would be accepted; a list of keys stands as it is."""
    return _told(accepted, _ACCEPTED, _SIZES, language)


def _told(text: str, whole: dict[str, str], patterns: tuple[tuple[re.Pattern[str], str], ...], language: str) -> str:
    if language == "en":
        return text
    if text in whole:
        return whole[text]
    found = ((pattern.fullmatch(text), words) for pattern, words in patterns)
    return next((words.format(*map(_filled, match.groups())) for match, words in found if match), text)


def _filled(group: str) -> str:
    """What is filled in: kinds of values, and short codes, by their words; a number, such as 110, is no code here."""
    kinds = [kind for kind in group.split(" | ") if kind != "null"]
    if kinds and all(kind in _KINDS for kind in kinds):
        return "・".join(_KINDS[kind] for kind in kinds)
    return CODES[group].ja if group in CODES and not group.isdecimal() else group
