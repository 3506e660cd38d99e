"""What is said of rows, in both languages. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from deploy.importing.making import Finding
from services.pages.flag_words import FLAGS
from services.pages.parked_words import accepted_in_words, reason_in_words
from services.pages.words import CODES as CODES_OF_MESSAGES
from services.ward import Label

STATES = {
    "ready": Label("送信できます", "Ready to send"),
    "accepted": Label("受付済み", "Accepted"),
    "flagged": Label("受付済み・確認が必要です", "Accepted; somebody should look"),
    "ready-flagged": Label("送信できます・確認が必要です", "Ready to send; somebody should look"),
    "known": Label("受信済み（件数は増えません）", "Known already; nothing is added"),
    "waiting": Label("受付済み・関連する記録を待っています", "Taken; it waits for another record"),
    "edited": Label("受付済みの内容と違います", "Taken before; differs from what is held"),
    "ready-corrected": Label("訂正を送信できます", "Ready to be corrected"),
    "corrected": Label("訂正済み", "Corrected"),
    "held": Label("未送信・修正が必要です", "Not sent: to be mended"),
    "conflict": Label("同じ番号で内容の違う記録", "Same number, other content"),
    "parked": Label("要確認データ", "Parked: data to mend"),
}
"""What became of a row."""

CODES = {
    "no-id": Label("番号がないため送信できません", "without an id it cannot be sent"),
    "id-unusable": Label(
        "番号として使えません（長すぎるか、制御文字があります）", "cannot be an id: too long, or control characters"
    ),
    "id-twice": Label("{n}行目と同じ番号で、内容が違います", "the same id as row {n}, with other content"),
    "id-repeated": Label("{n}行目と同じ記録です", "the same record as row {n}"),
    "no-result": Label(
        "数式の結果が保存されていません。表計算ソフトで開いて保存してください",
        "the formula's result was never saved: open and save it",
    ),
    "unreadable": Label("読み取れない文字があります", "characters that cannot be read"),
    "not-a-day": Label("日付として読み取れません。そのまま送ります", "not a day; it goes as it stands"),
    "too-large": Label("長すぎるため送信できません", "too long to be sent"),
    "unusable": Label("使えないため送信できません", "it cannot be used, so it is not sent"),
    "correction-unusable": Label("訂正を送信できません", "a correction of it cannot be sent"),
    "not-of-that-provider": Label(
        "その受託事業者から受け付けた行ではありません。新しい行は、--of を付けずに取り込んでください",
        "never taken from that provider: import new rows without --of",
    ),
    "conflict": Label(
        "同じ番号で内容の違う記録が、同時に届きました。先に受け付けた記録が有効です。もう一度取り込むと、違いが分かります",
        "another record with the same id came at the same time; the first stands. Imported again, it is compared",
    ),
    "edited": Label("受け付けた内容と違います", "differs from what is held"),
    "edited-unfit": Label(
        "受け付けた内容と違います。この表の値は使えないため、直して取り込んでください",
        "differs from what is held; what stands here cannot be used, so mend it and import it again",
    ),
    "edited-otherwise": Label(
        "受け付けた内容と違います。取込みでは訂正できないため、記録の側で訂正してください",
        "differs from what is held; an import cannot correct it, so correct the record itself",
    ),
    "corrected": Label("訂正しました", "corrected"),
    "parked": Label("要確認データになりました（yoake parked）", "it was parked (yoake parked)"),
    "time-unusable": Label(
        "日時がないか、読み取れません。起きた日時であれば、届いた時刻で記録します",
        "no usable time; in the place of when it happened that of arrival is recorded",
    ),
    "time-unreadable": Label(
        "日時として読み取れないため送信できません", "it cannot be read as a time, so the row is not sent"
    ),
    "time-outside": Label(
        "登録の開始より前か、先の日時のため送信できません",
        "a time before the ward's register opened, or ahead, so the row is not sent",
    ),
    "time-ahead": Label("日時が先の時刻です", "the time lies ahead"),
    "late-entry": Label("後入力です", "late entry"),
    "outside-hours": Label("受付時間帯の外です", "outside the provider's bands"),
    "outside-contract": Label("契約期間の外です", "outside the provider's contract"),
    "missing": Label("記入がありません", "blank"),
    "form-incomplete": Label("申込書に記入のない欄があります", "the form is incomplete"),
    "possible-duplicate": Label("重複の可能性があります", "possibly there already"),
    "certificate-lapsed": Label("受給者証の有効期限が切れています", "the certificate has lapsed"),
    "unknown-came-by": Label("申込みの方法として読み取れません", "not a way in which a form comes"),
    "sequence-unusable": Label("通し番号として読み取れません", "not a sequence number"),
    "matter-missing": Label(
        "どなたの相談か、件数外の理由か、どちらかが必要です", "whose matter, or why it is not counted"
    ),
    "birth-date-unusable": Label(
        "この生年月日はありません。あとで訂正してください", "no such birth date; correct it later"
    ),
    "eligibility-age": Label("65歳以上で、受給者証がありません", "65 or over without a certificate"),
    "unknown-district": Label("区の地域にありません", "none of the ward's districts"),
    "district-unknown": Label("地域が分かりません", "the district is not known"),
    "unknown-handbooks": Label("手帳の種類として読み取れません", "not a kind of handbook"),
    "unknown-reasons": Label("緊急の理由の一覧にありません", "none of the listed reasons"),
    "unknown-channel": Label("連絡の方法として読み取れません", "not a channel"),
    "unknown-not-counted": Label(
        "件数外の理由の一覧にありません。件数に入ります", "not a reason for not counting; it counts"
    ),
    "unknown-person": Label("この番号の登録者はいません", "nobody is registered under this reference"),
    "unknown-number": Label("この受付番号の相談はありません", "no consultation has this number"),
    "unknown-field": Label("この記録にない項目です", "not a field of this message"),
    "not-registered": Label("登録のない方です", "not registered"),
    "registration-withdrawn": Label("登録を終えた方です", "left the register"),
    "not-a-number": Label("数として読み取れません", "not a whole number in its range"),
    "not-a-text": Label("長すぎます", "not a text of up to 200 characters"),
    "not-true-or-false": Label("○か×かを読み取れません", "neither yes nor no"),
    "not-a-list": Label("一覧として読み取れません", "not a list"),
}
"""What a finding says; a code that a later release adds is told as it is."""

ACCEPTED = Label("受け付けられる内容：", "accepted: ")
COLUMN = Label("{letter}列「{heading}」", "column {letter} “{heading}”")
ROW = Label("{n}行目", "row {n}")

SUMMARY = {
    "rows": Label("読み取った行", "Rows read"),
    "total": Label("合計", "Total"),
    "flags": Label("確認事項", "Items to check"),
    "dry": Label("試し読みです。何も送っていません。", "A dry run: nothing was sent."),
    "copy": Label("確認事項を書き込んだ写し：", "The copy with what to look at: "),
    "more": Label("ほか{n}件", "and {n} more"),
    "again": Label(
        "未送信の行は、写しで直してもう一度取り込んでください。受け付けた行を直すときは、写しで直し、--correct を付けて"
        "取り込んでください。",
        "Mend the rows that were not sent in the copy, and import it again. To change a row that was taken, change it "
        "in the copy and import that with --correct.",
    ),
    "edited": Label(
        "受け付けた後に書き換えられた行があります。何が違うかは写しにあります。表のとおりに訂正するときは、"
        '--correct "理由" を付けてもう一度取り込んでください。',
        "Rows were edited after they had been taken; the copy says what differs. To let the records say what the sheet "
        'says, import it again with --correct "REASON".',
    ),
    "first": Label(
        "まだどの行も送っていません。写しで直して、その写しを取り込んでください。",
        "No row was sent yet: mend the copy, and import that.",
    ),
}

TAKEN = Label(
    "この行は受け付けました。直すときは、ここで直し、訂正として取り込んでください（取込みのページの「訂正する」、"
    "yoake import --correct）",
    "this row was taken: to change it, change it here and import it as a correction (on the page, or with "
    "yoake import --correct)",
)
"""Said beside a row that was taken and has something to look at."""


def letter(column: int) -> str:
    """A column's name in a spreadsheet: 0 is A, 26 is AA."""
    name = ""
    while column >= 0:
        column, rest = divmod(column, 26)
        name = chr(ord("A") + rest) + name
        column -= 1
    return name


BLANK = Label("空欄", "blank")
BESIDE = Label("（受け付けた内容：{held}／この表：{own}）", " (held: {held}; this sheet: {own})")


def told(finding: Finding, language: str, *, values: bool = True) -> str:
    """What is wrong, and what would be accepted; with `values` also what is held beside what an edited cell says."""
    label = CODES.get(finding.code) or (FLAGS[finding.code].means if finding.code in FLAGS else None)
    words = label[language].format(n=finding.other_row) if label else finding.code
    if values and finding.held_value is not None:
        blank = BLANK[language]
        words += BESIDE[language].format(held=finding.held_value or blank, own=finding.own_value or blank)
    if finding.reason:
        words += f"{'：' if language == 'ja' else ': '}{reason_in_words(finding.reason, language)}"
    if not finding.accepted:
        return words
    accepted = f"{ACCEPTED[language]}{_accepted(finding.accepted, language)}"
    return words + (f"（{accepted}）" if language == "ja" else f" ({accepted})")


def _accepted(accepted: str, language: str) -> str:
    """In words; of a list of short codes, which a cell may hold as well, both."""
    codes = accepted.split(", ")
    if language == "ja" and all(code in CODES_OF_MESSAGES for code in codes):
        return "、".join(f"{CODES_OF_MESSAGES[code][language]} ({code})" for code in codes)
    return accepted_in_words(accepted, language)


def placed(finding: Finding, headings: Sequence[str], language: str, *, values: bool = True) -> str:
    """The same, with the columns."""
    names = [
        COLUMN[language].format(letter=letter(n), heading=headings[n] if n < len(headings) else "")
        for n in finding.columns
    ]
    where = ("・" if language == "ja" else ", ").join(names)
    words = told(finding, language, values=values)
    return f"{where}{'：' if language == 'ja' else ': '}{words}" if where else words
