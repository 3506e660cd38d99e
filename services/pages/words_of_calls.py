"""The words of the call card and of finding a registrant, in both languages; part of `words.SCREEN`. Pure."""

from __future__ import annotations

from services.ward import Label

ON_THE_CARD = {
    "registrants": Label("利用登録者", "Registrants"),
    "find_title": Label("利用登録者をさがす", "Find a registrant"),
    "find_label": Label(
        "電話番号・氏名・かな・生年月日・受給者証番号・受付番号",
        "Number, name, reading, date of birth, certificate or reference number",
    ),
    "find_hint": Label(
        "例：090-0000-1234、末尾の1234、たかさき、たかさき 昭和60年4月30日、R7-0123。入力した文字は記録に残りません。",
        "Such as 090-0000-1234, its last 1234, takasaki in kana, 1985-04-30, R7-0123. What is typed is not recorded.",
    ),
    "find_button": Label("さがす", "Find"),
    "find_nobody": Label(
        "該当する方は見つかりません。氏名（かな）、電話番号の一部（4桁以上）、生年月日などでお試しください。",
        "Nobody fits. Try the reading, four or more digits of a number, or the date of birth.",
    ),
    "find_more": Label(
        "ほかにもいます。氏名と生年月日を並べるなどして、しぼってください。",
        "There are others: add a date of birth, or more of the name.",
    ),
    "find_not_yet": Label(
        "利用登録者をさがす準備ができていません。受付の部門が動き始めると使えます。相談はこのまま受けられます。",
        "Nobody can be looked up yet: it works once intake has started. Calls can be taken all the same.",
    ),
    "find_again": Label("別の方をさがす", "Find somebody else"),
    "nameless": Label("（氏名の記入なし）", "(no name given)"),
    "age": Label("{n}歳", "aged {n}"),
    "name": Label("氏名", "Name"),
    "kana": Label("フリガナ", "Kana"),
    "birth_date": Label("生年月日", "Birth date"),
    "phone": Label("電話番号", "Phone"),
    "is_registered": Label("登録あり", "Registered"),
    "is_withdrawn": Label("登録を終えた方", "Left the register"),
    "is_moved-away": Label("転出", "Moved away"),
    "is_died": Label("死亡", "Died"),
    "caller": Label("連絡者", "Caller"),
    "person_concerned": Label("本人", "Person concerned"),
    "brief_title": Label("先に知っておくこと", "To know first"),
    "eligible": Label("対象", "Eligibility"),
    "eligible_yes": Label("対象", "Eligible"),
    "eligible_no": Label("対象でない可能性", "Perhaps not eligible"),
    "eligible_unknown": Label("確認が必要", "Not known"),
    "because_age": Label("{under}歳未満", "under {under}"),
    "because_certificate": Label("受給者証あり", "has a recipient certificate"),
    "because_age-unknown": Label("年齢が分からず、受給者証もない", "age unknown, no certificate"),
    "because_certificate-lapsed": Label("受給者証の有効期限が切れている", "the certificate has lapsed"),
    "because_no-certificate": Label("{under}歳以上で、受給者証がない", "{under} or over, and no certificate"),
    "never_blocks": Label("対象かどうかにかかわらず、相談は受けます。", "A call is taken whether eligible or not."),
    "contacts_in_order": Label("連絡先（順に）", "Contacts, in order"),
    "open_cases": Label("対応中の相談", "Open cases"),
    "take_further": Label("続報を受ける", "Take a further contact"),
    "consents": Label("情報提供の同意", "Consent to share"),
    "since": Label("{day}から", "since {day}"),
    "left_on": Label("登録を終えた日", "Left on"),
    "takes_effect_on": Label("効力の始まる日", "Takes effect on"),
    "confirmed_on": Label("登録内容を確認した日", "Details confirmed on"),
    "also_form": Label("一つにまとめた登録にあること", "From a form that was merged into this one"),
    "further_details": Label("登録の内容", "On the register"),
    "to_history": Label("利用登録の経過", "Registration history"),
}
