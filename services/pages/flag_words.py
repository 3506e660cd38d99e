"""What each flag (確認事項) means and what to do about it, for whoever looks at the list. Pure."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final, NamedTuple

from services.pages.terms import Terms
from services.ward import Label


class Flag(NamedTuple):
    """A code in words: what was found, and what to do."""

    means: Label
    do: Label


_ADAPTER = Label(
    "送る側の設定を直すよう、システムの担当者に伝えてください。",
    "Tell whoever runs the sending system; it sends this wrongly.",
)
_CORRECT = Label(
    "正しい内容が分かったら、記録を訂正してください。", "Correct the record once the right value is known."
)
_WORDS = Label(
    "区の一覧にある語を選んで、記録を訂正してください。", "Choose one of the ward's words, and correct the record."
)
_COMPLETE = Label("分かったときに、登録内容を訂正してください。", "Correct the registration when it is known.")

_TOLD = {
    "time-unusable": Flag(
        Label(
            "日時が使えない（連絡の日時は届いた時刻とし、ほかは空欄のまま）",
            "Time cannot be used: when it happened is taken to be when it came, any other is left empty",
        ),
        _CORRECT,
    ),
    "sequence-unusable": Flag(
        Label("送信元の通し番号が使えない", "The sender's sequence number cannot be used"), _ADAPTER
    ),
    "time-without-offset": Flag(
        Label("日時に時差の記載がない（日本時間として読んだ）", "Time without its offset; read as local time"), _ADAPTER
    ),
    "time-ahead": Flag(
        Label("日時が先の時刻になっている", "The time lies ahead"),
        Label(
            "送った端末の時計を合わせ、日時を確認してください。",
            "Set the clock of the sending machine, and check the time.",
        ),
    ),
    "unknown-version": Flag(Label("CloudEventsの版が違う", "Another version of CloudEvents"), _ADAPTER),
    "value-unreadable": Flag(
        Label("読めない値がある（文字のまま残した）", "A value could not be read; kept as text"), _ADAPTER
    ),
    "data-unusable": Flag(
        Label(
            "内容が使えない（どなたのことか不明の相談として数えた）",
            "The content cannot be used; counted as one unknown matter",
        ),
        _CORRECT,
    ),
    "too-many-matters": Flag(
        Label("一つの連絡に50件を超える相談がある", "More than 50 matters in one contact"),
        Label("残りは別の連絡として受け付けてください。", "Take the rest as another contact."),
    ),
    "unknown-call": Flag(
        Label(
            "同じ連絡の記録が見当たらない（別の連絡として受け付けた）",
            "The call of which it was a part is not here; taken as another contact",
        ),
        Label("相談の件数は変わりません。そのままで構いません。", "The count of consultations is right; it may stay."),
    ),
    "not-beside": Flag(
        Label(
            "同じ連絡に加えられない（別の連絡として受け付けた）",
            "Cannot be a part of that call; taken as another contact",
        ),
        Label("相談の件数は変わりません。そのままで構いません。", "The count of consultations is right; it may stay."),
    ),
    "more-flags": Flag(
        Label("ほかにも確認事項がある", "There is more to check than is listed"),
        Label("先にほかの確認事項を直してください。", "Mend what is listed first."),
    ),
    "late-entry": Flag(
        Label("後入力", "Late entry"),
        Label(
            "紙の記録などからの後入力であれば、そのままで構いません。", "Nothing to do if it was written down later."
        ),
    ),
    "outside-contract": Flag(
        Label("受託事業者の契約期間の外", "Outside the provider's contract"),
        Label(
            "日時と、送った受託事業者が正しいか確認してください。", "See whether the time and the provider are right."
        ),
    ),
    "outside-hours": Flag(
        Label("担当の時間帯の外", "Outside the provider's hours"),
        Label(
            "日時と、送った受託事業者が正しいか確認してください。", "See whether the time and the provider are right."
        ),
    ),
    "possible-duplicate": Flag(
        Label("重複の可能性", "Possible duplicate"),
        Label(
            "同じ電話が二度記録されていれば、二つ目を件数外に訂正してください。同じ方の登録が二つあれば、一つにまとめてください。",
            "One call recorded twice: correct the second to not counted. One person registered twice: merge.",
        ),
    ),
    "personal-in-clear": Flag(
        Label("個人情報が封印されずに届いた（こちらで封印した）", "Personal data came unsealed; it was sealed here"),
        _ADAPTER,
    ),
    "personal-unreadable": Flag(
        Label("個人情報の封印を開けられない", "The seal of the personal data cannot be opened"),
        Label(
            "送った側に、いまの鍵で封印して訂正を送るよう伝えてください。",
            "Ask the sender for a correction, sealed with the present key.",
        ),
    ),
    "matter-missing": Flag(
        Label("どなたの相談か記入がない", "Does not say whose matter it is"),
        Label(
            "どなたの相談か、または件数外の理由を記入してください。",
            "Say whose matter it is, or why it is not counted.",
        ),
    ),
    "not-registered": Flag(
        Label("未登録", "Not registered"),
        Label(
            "登録のない方であれば、そのままで構いません。登録がある方は、登録者と結び付けてください。",
            "Nothing to do for somebody not registered; otherwise link the registrant.",
        ),
    ),
    "unknown-person": Flag(
        Label("この番号の登録者がいない", "Nobody is registered under this reference"),
        Label("利用登録をするか、正しい登録者と結び付けてください。", "Register them, or link the right registrant."),
    ),
    "registration-withdrawn": Flag(
        Label("登録を終えた方", "Left the register"),
        Label("結び付けた登録者が正しいか確認してください。", "See whether it is the right person."),
    ),
    "unknown-number": Flag(
        Label("受付番号が見当たらない（新しい番号で受け付けた）", "No such reference number; a new one was given"),
        Label("同じ相談であれば、一つにまとめてください。", "If it is the same consultation, merge the two."),
    ),
    "district-unknown": Flag(Label("地域が分からない", "The district is not known"), _CORRECT),
    "unknown-district": Flag(Label("地域の一覧にない", "Not one of the districts"), _WORDS),
    "unknown-handbooks": Flag(Label("手帳の一覧にない", "Not one of the handbooks"), _WORDS),
    "unknown-reasons": Flag(Label("緊急の理由の一覧にない", "Not one of the emergency reasons"), _WORDS),
    "unknown-channel": Flag(Label("連絡の方法の一覧にない", "Not one of the channels"), _WORDS),
    "unknown-not-counted": Flag(
        Label("件数外の理由の一覧にない（件数に入れた）", "Not a reason for not counting; it is counted"), _WORDS
    ),
    "unknown-came-by": Flag(Label("申込みの方法の一覧にない", "Not one of the ways in which forms come"), _WORDS),
    "unknown-field": Flag(
        Label("この記録にない項目がある（封印して残した）", "Not a field of this message; kept sealed"), _ADAPTER
    ),
    "missing": Flag(Label("記入がない", "Missing"), _CORRECT),
    "form-incomplete": Flag(Label("申込書に記入のない欄がある", "The form is incomplete"), _COMPLETE),
    "certificate-lapsed": Flag(
        Label("受給者証の有効期限が切れている", "The certificate has lapsed"),
        Label(
            "新しい受給者証を確認し、有効期限を訂正してください。",
            "Ask for the new certificate, and correct its expiry.",
        ),
    ),
    "not-a-day": Flag(Label("その日付はない", "Not a day that exists"), _CORRECT),
    "birth-date-unusable": Flag(
        Label("生年月日が使えない", "Birth date cannot be used"),
        Label("生年月日を確認して、訂正してください。", "Ask for the date of birth, and correct it."),
    ),
    "eligibility-age": Flag(
        Label("65歳以上で受給者証がない", "65 or over, without a certificate"),
        Label("受給者証があるか確認してください。", "See whether there is a certificate."),
    ),
    "other-person": Flag(
        Label("別の登録者の記入がある", "Names another registrant"),
        Label("結び付けた登録者が正しいか確認してください。", "See whether the right registrant is linked."),
    ),
    "unknown-who": Flag(Label("区の受託事業者ではない", "Not one of the ward's providers"), _WORDS),
    "unknown-what": Flag(Label("対応の一覧にない", "Not one of the listed actions"), _WORDS),
    "not-a-code": Flag(Label("短い符号ではない（封印して残した）", "Not a short code; kept sealed"), _ADAPTER),
    "too-many-entries": Flag(
        Label("一覧が50件を超えている", "A list with more than 50 entries"),
        Label("残りを相談受付票に追記してください。", "Add the rest to the call card."),
    ),
    "not-a-text": Flag(Label("文字として使えない", "Not a text of up to 200 characters"), _ADAPTER),
    "not-a-list": Flag(Label("一覧として読み取れない", "Not a list"), _ADAPTER),
    "not-a-number": Flag(Label("数として読み取れない", "Not a whole number in its range"), _ADAPTER),
    "not-true-or-false": Flag(Label("はい・いいえを読み取れない", "Neither yes nor no"), _ADAPTER),
    "not-an-object": Flag(Label("相談の内容として読み取れない", "A matter that cannot be read"), _ADAPTER),
}
FLAGS: Final = MappingProxyType(_TOLD)
"""Every code of the contract, in words."""

LINKED: Final = frozenset({"not-registered", "unknown-person", "registration-withdrawn", "other-person"})
"""What is mended at the call card, by linking the right registrant."""

AS_IT_IS: Final = frozenset(
    {code for code, flag in _TOLD.items() if flag.do is _ADAPTER} | {"late-entry", "unknown-call", "not-beside"}
)
"""Where there is nothing to correct in the record."""

OTHER: Final = Label("記録を見て、必要なら訂正してください。", "Look at the record, and correct it where needed.")
"""What to do about a code that a later release brought."""


def means_of(code: str, terms: Terms) -> str:
    """What was found, in words; a code that a later release brought stands as it is."""
    return terms.say(FLAGS[code].means) if code in FLAGS else terms.code(code)
