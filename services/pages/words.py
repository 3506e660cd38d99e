"""The words of the pages in both languages; what a ward prints comes from its own file (`terms`). Pure."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from services.ward import Label

_SCREEN = {
    "menu": Label("メニュー", "Menu"),
    "tables": Label("集計表", "Tables"),
    "status": Label("稼働状況", "System status"),
    "synthetic": Label("架空データ", "Synthetic data"),
    "synthetic_why": Label(
        "実在する方の記録ではありません。公表された数値に合わせて作った見本です。",
        "No real person's record. A sample made to agree with the published figures.",
    ),
    "ledger": Label("記録原簿", "Ledger"),
    "root": Label("検証値", "Root"),
    "upto": Label("{n}件目まで", "up to record {n}"),
    "skip": Label("本文へ", "Skip to the content"),
    "other_language": Label("English", "日本語"),
    "now": Label("現在の集計を開く：", "Open the figures of now:"),
    "all_equal": Label(
        "公表された表の{n}個の数値すべてが一致しています。", "All {n} figures of the published tables agree."
    ),
    "some_differ": Label(
        "公表された表の{n}個の数値のうち{differ}個が相違しています。",
        "{differ} of the {n} figures of the published tables differ.",
    ),
    "legend": Label(
        "数値の下の「＝」は公表された数値と一致、「相違」は異なることを示します。",
        "Below a figure, “＝” says that it agrees with the published one, “differs” that it does not.",
    ),
    "how_to_open": Label("数値を選ぶと内訳が開きます。", "Choose a figure to open it."),
    "equal": Label("公表された数値と一致", "Agrees with the published figure"),
    "differs": Label("相違：公表 ", "differs: published "),
    "no_cell": Label("計算した表にない欄（公表 {value}）", "not in the computed table (published {value})"),
    "open_table": Label("この表を開く", "Open this table"),
    "years": Label("年度", "Fiscal years"),
    "as_of": Label("基準日", "As of"),
    "known_at": Label("把握時点", "Known at"),
    "years_hint": Label(
        "例：令和5年度、令和4年度～令和5年度、2022-2023。空欄は全期間。",
        "Such as 2022-2023 or R4-R5. Blank: all years together.",
    ),
    "as_of_hint": Label(
        "例：令和5年1月26日、2023-01-26。空欄は現在まで。", "Such as 2023-01-26. Blank: everything so far."
    ),
    "known_at_hint": Label(
        "記録原簿の何件目か、または日時。例：123、令和5年1月26日 17:00。空欄は現在。",
        "A position of the ledger, or a time: 123, 2023-01-26 17:00. Blank: now.",
    ),
    "show": Label("表示する", "Show"),
    "mistaken": Label("入力した内容を確認してください。", "Please check what was entered."),
    "whole_period": Label("全期間", "All years"),
    "as_of_day": Label("{day}現在", "As of {day}"),
    "known_upto": Label("把握時点：{moment}（記録原簿 {n}件目まで）", "Known at {moment} (ledger up to record {n})"),
    "both": Label(
        "調整と引継ぎの両方があった相談：{n}件（調整の欄に数える。）",
        "Consultations with both a placement and a hand-over: {n} (counted under the placement).",
    ),
    "behind": Label("内訳", "Behind the figure"),
    "back_to_table": Label("集計表へ戻る", "Back to the table"),
    "cases_behind": Label("相談{n}件", "{n} consultations"),
    "persons_behind": Label("利用登録者{n}名", "{n} registrants"),
    "counts_more": Label(
        "この表は連絡ごとに数えるため、数値（{value}）は相談の数と異なります。",
        "Every contact counts in this table, so the figure ({value}) differs from the number of consultations.",
    ),
    "share_of": Label("割合％の内訳は、件数の内訳と同じです。", "A percentage opens to the same persons as its count."),
    "number": Label("受付番号", "Reference number"),
    "first_contact": Label("第一報", "First contact"),
    "further_contact": Label("続報", "Further contact"),
    "not_counted": Label("件数外", "Not counted"),
    "band": Label("時間帯", "Band"),
    "district": Label("地域", "District"),
    "outcome": Label("対応", "Outcome"),
    "person_id": Label("登録者の記号", "Person"),
    "registered_on": Label("登録日", "Registered on"),
    "age_group": Label("年齢別(登録時)", "Age group (at registration)"),
    "handbooks_held": Label("障害者手帳", "Handbooks"),
    "held_none": Label("なし", "None"),
    "course": Label("ケースの経過", "Case history"),
    "course_of_person": Label("利用登録の経過", "Registration history"),
    "course_of_ward": Label("区の設定の経過", "History of the ward's rules"),
    "course_of_contact": Label("連絡の経過（件数外）", "Contact history (not counted)"),
    "stands": Label("現在の状態", "Where it stands now"),
    "occurred": Label("受付日時", "Received at"),
    "recorded": Label("記録日時", "Recorded at"),
    "ledgered": Label("記録原簿", "Ledger"),
    "nth": Label("{n}件目", "record {n}"),
    "message": Label("もとの記録", "Source message"),
    "cause": Label("きっかけ", "Cause"),
    "because_of": Label("記録原簿 {n}件目の記録による", "Ledger record {n}"),
    "because_file": Label("区の設定ファイル", "The ward's file"),
    "changes": Label("変わったこと", "What changed"),
    "before": Label("前", "Before"),
    "after": Label("後", "After"),
    "nothing_changed": Label("集計にかかわる変更はありません。", "Nothing changed that the tables depend on."),
    "details": Label("記録の内容を見る", "Show the record"),
    "yes": Label("はい", "Yes"),
    "no": Label("いいえ", "No"),
    "none": Label("なし", "None"),
    "open": Label("対応中", "Open"),
    "closed": Label("終結", "Closed"),
    "counted": Label("集計に含む", "Counted"),
    "sealed": Label("個人情報（封印済み）", "Personal data (sealed)"),
    "light_ok": Label("正常", "Normal"),
    "light_late": Label("遅れあり", "Behind"),
    "light_stopped": Label("停止中", "Stopped"),
    "nothing_yet": Label(
        "記録はまだありません。記録が届くと、ここに集計表が表示されます。",
        "Nothing was recorded yet. The tables appear here as soon as there is something.",
    ),
    "last_entered": Label("最後の記録", "Last entered"),
    "heard": Label("受け取った記録", "Records heard"),
    "records": Label("{n}件", "{n}"),
    "service": Label("部門", "Service"),
    "intake": Label("受付", "Intake"),
    "placement": Label("受入調整", "Placement"),
    "handover": Label("引継ぎ（朝・関係機関）", "Hand-over"),
    "not_found": Label("該当する記録はありません。", "There is no such record."),
    "to_start": Label("最初の画面へ", "To the first page"),
    "not_available": Label(
        "ただいま表示できません。しばらくしてから、もう一度開いてください。",
        "This cannot be shown just now. Please open it again in a while.",
    ),
    "signin": Label("サインイン", "Sign in"),
    "signout": Label("サインアウト", "Sign out"),
    "signed_in_as": Label("サインイン中：", "Signed in as"),
    "signs_in_as": Label("このリンクでは、次の担当としてサインインします。", "This link signs you in as:"),
    "enter": Label("サインインする", "Sign in"),
    "enter_once": Label(
        "リンクは一度だけ使えます。サインインは{hours}時間続きます。",
        "A link can be used once. You stay signed in for {hours} hours.",
    ),
    "how_to_sign_in": Label(
        "この画面を見るには、サインインが必要です。Yoakeを動かしている担当者に、サインイン用のリンクを頼んでください。"
        "リンクは、Yoakeを動かしている機械で次のように作ります。",
        "You need to sign in to see this. Ask whoever runs Yoake for a link with which to sign in. "
        "It is made on the machine that runs Yoake:",
    ),
    "link_lasts": Label(
        "リンクは一度だけ、{minutes}分以内に使えます。", "A link can be used once, within {minutes} minutes."
    ),
    "link_used": Label(
        "このリンクは使用済みです。新しいリンクを頼んでください。", "This link was used already. Ask for a new one."
    ),
    "link_expired": Label(
        "このリンクは、有効期限（{minutes}分）を過ぎています。新しいリンクを頼んでください。",
        "This link is older than {minutes} minutes. Ask for a new one.",
    ),
    "link_unknown": Label(
        "このリンクは、ここでは使えません。リンク全体が開かれているか、このYoakeのリンクかを確認してください。",
        "This link cannot be used here. See that it is whole, and that it belongs to this Yoake.",
    ),
    "open_again": Label("サインイン済みの方は、もう一度開いてください。", "Already signed in? Open this page again."),
    "signin_to_open": Label("内訳を見るには、サインインが必要です。", "To see what stands behind a figure, sign in."),
    "unreadable": Label(
        "復号できません（鍵が破棄されたか、ありません）", "Cannot be decrypted (the key was destroyed, or is not here)"
    ),
    "personal": Label("個人情報", "Personal data"),
    "wrong_method": Label("このページでは行えません。", "That cannot be done on this page."),
}
SCREEN: Final = MappingProxyType(_SCREEN)
"""Every word of the frame and the pages, by the name that the templates use."""

EVENTS: Final = MappingProxyType(
    {
        "ward.activated": Label("区の設定を適用した", "The ward's rules came into force"),
        "person.registered": Label("利用登録した", "Registered"),
        "registration.corrected": Label("登録内容を訂正した", "Registration corrected"),
        "registration.withdrawn": Label("登録を終えた", "Left the register"),
        "registration.reinstated": Label("登録を再開した", "Back on the register"),
        "person.merged": Label("同じ方の登録を一つにまとめた", "Merged: the same person"),
        "person.split": Label("登録のまとめを取り消した", "The merging of persons was undone"),
        "call.received": Label("相談を受けた", "Call received"),
        "call.corrected": Label("相談の記録を訂正した", "Call corrected"),
        "contact.moved": Label("連絡を別の相談へ移した", "Contact moved to another consultation"),
        "case.closed": Label("終結した", "Closed"),
        "case.merged": Label("同じ相談を一つにまとめた", "Merged: the same matter"),
        "case.split": Label("相談のまとめを取り消した", "The merging of consultations was undone"),
        "epoch.opened": Label("バックアップから復元した", "Restored from a backup"),
        "placement.arranged": Label("調整済み", "Arranged"),
        "placement.cancelled": Label("調整を取り消した", "Placement cancelled"),
        "handover.offered": Label("依頼中", "Offered"),
        "handed-over": Label("受諾", "Accepted"),
        "handover.declined": Label("受諾不可", "Declined"),
        "handover.withdrawn": Label("取下げ", "Withdrawn"),
        "handover.returned": Label("差戻し", "Returned"),
    }
)
"""What happened, by the stored name of the event."""

HANDOVERS: Final = MappingProxyType(
    {
        "morning": Label("朝の引継ぎ", "Morning hand-over"),
        "agency": Label("関係機関への引継ぎ", "Hand-over to an agency"),
        "section": Label("関係機関への引継ぎ（保健福祉課）", "Hand-over to the section"),
        "escalation": Label("区・責任者への連絡", "Escalation"),
        "information": Label("情報提供のみ", "Information only"),
    }
)
"""Which hand-over, by its kind: 引継ぎ never stands alone."""

FIELDS: Final = MappingProxyType(
    {
        "contact": Label("連絡の番号", "Contact"),
        "case": Label("相談", "Consultation"),
        "to_case": Label("移した先の相談", "To consultation"),
        "from_case": Label("まとめていた相談", "From consultation"),
        "into": Label("まとめた先", "Into"),
        "person": Label("本人", "Person"),
        "from_person": Label("まとめていた登録", "From person"),
        "number": Label("受付番号", "Reference number"),
        "to_number": Label("移した先の受付番号", "To reference number"),
        "provider": Label("受託事業者", "Provider"),
        "ref": Label("受託事業者の番号", "Provider's own reference"),
        "follows": Label("前の相談", "Follows consultation"),
        "moved": Label("移した連絡", "Contacts moved"),
        "case_ref": Label("受託事業者の相談番号", "Provider's own case reference"),
        "district": Label("地域", "District"),
        "registered": Label("登録あり", "Registered"),
        "not_counted": Label("件数外", "Not counted"),
        "channel": Label("連絡の方法", "Channel"),
        "reasons": Label("緊急の理由", "Emergency reason"),
        "matter": Label("何人目のことか", "Matter"),
        "matters": Label("何人についての連絡か", "Matters in the contact"),
        "entered": Label("書き留めた日時", "Written down at"),
        "contact_at": Label("連絡の日時", "Contact at"),
        "because": Label("理由", "Because"),
        "service": Label("サービス", "Service"),
        "epoch": Label("復元の回数（1は復元なし）", "Epoch (1: never restored)"),
        "continues_after": Label("復元前の最後の記録", "Continues after record"),
        "missing_from": Label("記録が欠けている可能性のある期間の始め", "May be missing from"),
        "missing_until": Label("記録が欠けている可能性のある期間の終わり", "May be missing until"),
        "flags": Label("確認事項", "Items to check"),
        "sealed": Label("個人情報", "Personal data"),
        "registered_on": Label("登録日", "Registered on"),
        "withdrawn_on": Label("登録を終えた日", "Left on"),
        "reinstated_on": Label("登録を再開した日", "Back on"),
        "handbooks": Label("障害者手帳の所持状況", "Handbooks"),
        "certificate": Label("障害福祉サービス受給者証", "Recipient certificate"),
        "age": Label("年齢（登録時）", "Age (at registration)"),
        "legal_age": Label("法律上の年齢（登録時）", "Legal age (at registration)"),
        "school_age": Label("学年の年齢（登録年度の4月1日）", "School-year age (1 April of that fiscal year)"),
        "reason": Label("理由", "Reason"),
        "placement": Label("調整の番号", "Placement"),
        "handover": Label("引継ぎの記録番号", "Hand-over id"),
        "kind": Label("種類", "Kind"),
        "facility": Label("施設・事業所", "Facility"),
        "by": Label("調整した者", "Arranged by"),
        "begins_at": Label("開始", "Begins at"),
        "ends_at": Label("終了", "Ends at"),
        "giver": Label("渡した側", "Given by"),
        "to": Label("受けた側", "Given to"),
        "purpose": Label("目的", "Purpose"),
        "ward": Label("区", "Ward"),
        "effective_from": Label("適用開始", "In force from"),
        "personal": Label("個人情報", "Personal data"),
        "birth_date": Label("生年月日", "Birth date"),
        "time": Label("受付日時", "Received at"),
        "open": Label("対応の状況", "State"),
        "merged_into": Label("まとめた先", "Merged into"),
        "counted": Label("集計", "In the tables"),
        "first_contact": Label("第一報", "First contact"),
        "fiscal_year": Label("年度", "Fiscal year"),
        "band": Label("時間帯", "Band"),
        "outcome": Label("対応", "Outcome"),
    }
)
"""What a field of an event, or a feature of a consultation, is called."""

CODES: Final = MappingProxyType(
    {
        "silent": Label("無言", "Silent"),
        "wrong-number": Label("間違い", "Wrong number"),
        "enquiry": Label("問合せ", "Enquiry"),
        "exercise": Label("訓練", "Exercise"),
        "phone": Label("電話", "Phone"),
        "centre": Label("センター", "The centre"),
        "agency": Label("関係機関", "An agency"),
        "settled": Label("解決", "Settled"),
        "withdrawn": Label("取下げ", "Withdrawn"),
        "moved-away": Label("転出", "Moved away"),
        "died": Label("死亡", "Died"),
        "after-closing": Label("終結後の連絡のため", "After closing"),
        "missing": Label("記入がない", "Missing"),
        "late-entry": Label("後入力", "Late entry"),
        "not-registered": Label("未登録", "Not registered"),
        "registration-withdrawn": Label("登録を終えた方", "Left the register"),
        "district-unknown": Label("地域の一覧にない", "Not one of the districts"),
        "unknown-number": Label("受付番号が見当たらない", "No such reference number"),
        "matter-missing": Label("誰のことか記入がない", "Does not say whose matter"),
        "outside-hours": Label("担当の時間帯の外", "Outside the provider's hours"),
        "eligibility-age": Label("対象の年齢を過ぎ受給者証がない", "Over the age, without a certificate"),
        "birth-date-unusable": Label("生年月日が使えない", "Birth date cannot be used"),
        "unknown-version": Label("CloudEventsの版が違う", "Another version of CloudEvents"),
        "value-unreadable": Label("読めない値がある（文字のまま残した）", "A value could not be read; kept as text"),
        "time-unusable": Label(
            "日時が使えない（届いた時刻を用いた）", "Time cannot be used; that of arrival was taken"
        ),
        "time-without-offset": Label("日時に時差の記載がない", "Time without its offset"),
        "time-ahead": Label("日時が先すぎる", "Time lies ahead"),
        "personal-in-clear": Label("封印されずに届いた", "Came unsealed"),
        "personal-unreadable": Label("封印を開けられない", "The seal cannot be opened"),
    }
)
"""Short codes of the contract that no ward's file names; an unknown one is shown as it is."""

PERSONAL: Final = MappingProxyType(
    {
        "name": Label("氏名", "Name"),
        "kana": Label("フリガナ", "Kana"),
        "birth_date": Label("生年月日", "Birth date"),
        "phone": Label("電話番号", "Phone"),
        "address": Label("住所", "Address"),
        "contacts": Label("連絡先", "Contacts"),
        "relation": Label("本人との関係", "Relation"),
        "note": Label("備考", "Note"),
        "notes": Label("備考", "Notes"),
        "handbook_grades": Label("手帳の等級", "Handbook grades"),
        "certificate_number": Label("受給者証番号", "Certificate number"),
        "certificate_until": Label("受給者証の有効期限", "Certificate valid until"),
        "support_level": Label("障害支援区分", "Support level"),
        "care": Label("必要な支援", "Care needs"),
        "medical": Label("医療的ケア", "Medical care"),
        "medication": Label("服薬", "Medication"),
        "allergy": Label("アレルギー", "Allergy"),
        "seizures": Label("発作", "Seizures"),
        "behaviour": Label("行動面", "Behaviour"),
        "communication": Label("意思疎通", "Communication"),
        "usual_services": Label("普段利用するサービス", "Usual services"),
        "consultation_office": Label("相談支援事業所", "Consultation office"),
        "in_an_emergency": Label("緊急時にしてほしいこと", "What to do in an emergency"),
        "tell_first": Label("先に知っておくこと", "To know first"),
        "caller": Label("連絡者", "Caller"),
        "words": Label("話した内容", "What was said"),
        "where": Label("今いる場所", "Where the person is now"),
        "with_whom": Label("付添いの有無", "Who is there"),
        "next_medication": Label("次の服薬", "Next medication"),
        "done": Label("夜間の対応", "What was done"),
        "for_the_morning": Label("翌朝にお願いすること", "What is left for the morning"),
    }
)
"""What a personal part is called; a sender may send others, which are shown under their own names."""
