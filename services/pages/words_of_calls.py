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
    "age": Label("（{n}歳）", " (aged {n})"),
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
    "from_day": Label("{day}から", "since {day}"),
    "left_on": Label("登録を終えた日", "Left on"),
    "takes_effect_on": Label("効力の始まる日", "Takes effect on"),
    "confirmed_on": Label("登録内容を確認した日", "Details confirmed on"),
    "also_form": Label("一つにまとめた登録にあること", "From a form that was merged into this one"),
    "further_details": Label("登録の内容", "On the register"),
    "to_history": Label("利用登録の経過", "Registration history"),
    "new_call": Label("相談を受ける", "New call"),
    "call_card": Label("相談受付票", "Call card"),
    "danger_first": Label(
        "命の危険があるときは、先に119番・110番を案内してください。",
        "Where a life is in danger, advise 119 or 110 first.",
    ),
    "saved": Label(
        "受け付けました（受付番号 {number}、{time}）。続きはあとで入力できます。",
        "Received (reference number {number}, {time}). You can go on later.",
    ),
    "no_number": Label("なし", "none"),
    "queued": Label(
        "受け付けました。受付番号はまだありません。番号が付くと、ここに表示します。",
        "Received, and safe. There is no reference number yet; it is shown here as soon as there is one.",
    ),
    "card_parked": Label(
        "受け付けましたが、このままでは使えないため要確認データに入りました（{detail}）。",
        "Received, but it cannot be used as it is, and is among the data to mend ({detail}).",
    ),
    "cannot_read": Label(
        "送った内容を読み取れません（{detail}）。この端末に残しています。文字を減らすなどして、もう一度保存してください。",
        "What was sent cannot be read ({detail}). It stays on this device; shorten it, and save again.",
    ),
    "line_down": Label(
        "回線が切れています。この端末に保存し、つながり次第送ります。未送信 {n}件",
        "The line is down. It is kept on this device, and sent as soon as the line is back. Unsent: {n}",
    ),
    "unsent_refused": Label(
        "読み取れず送れない相談をこの端末に残しています。その相談受付票で文字を減らして保存してください。未送信 {n}件",
        "What cannot be read is kept on this device and not sent. Shorten it on its card, and save. Unsent: {n}",
    ),
    "light_unsent": Label("未送信あり", "Unsent"),
    "kept_here": Label("この端末に保存しました・未送信 {n}件", "Kept on this device. Unsent: {n}"),
    "signed_out": Label(
        "サインインの有効期限が切れました。この端末に保存しています。サインインし直すと送ります。未送信 {n}件",
        "You are no longer signed in. It is kept on this device, and sent once you sign in again. Unsent: {n}",
    ),
    "leave_unsent": Label(
        "未送信の相談が{n}件あります。サインアウトすると、この端末から消え、送られません。消してサインアウトしますか。",
        "{n} unsent. Signing out removes them from this device, and they will not be sent. Sign out all the same?",
    ),
    "not_registered": Label("登録のない方です。このまま受け付けます。", "Not registered. The call is taken as it is."),
    "second_identifier": Label(
        "氏名のほかにもう一つ（生年月日・電話番号など）を確認してください。確認できないときは理由を入力してください。",
        "Confirm one more besides the name (date of birth, phone …). Where you cannot, state the reason.",
    ),
    "suspected_abuse": Label(
        "虐待が疑われるときは、速やかに区の障害者虐待防止センターへ通報してください（18歳未満は児童相談所 189）。",
        "Where abuse is suspected, report it at once to the ward's centre for the prevention of abuse "
        "(under 18: the child guidance centre, 189).",
    ),
    "needs_script": Label(
        "この画面では、入力しながら保存するためにJavaScriptを使います。使えないときは、紙の相談受付票に記入してください。",
        "This page saves as you type, with JavaScript. Where there is none, fill in the paper card.",
    ),
    "began": Label("受付日時", "Received at"),
    "began_hint": Label(
        "空欄のままなら、入力を始めた時刻になります。紙の記録からのときだけ入力します。",
        "Left empty, it is when you began to type. Fill it in only for a card from paper.",
    ),
    "follows": Label("続報のとき：受付番号", "Further contact: reference number"),
    "follows_hint": Label("例：R7-0123。第一報のときは空欄。", "Such as R7-0123. Empty for a first contact."),
    "caller_section": Label("連絡者", "Caller"),
    "relation": Label("本人との関係", "Relation"),
    "third_party": Label("第三者からの連絡（本人・家族以外）", "Third party (neither the person nor family)"),
    "channel": Label("連絡の方法", "Channel"),
    "link_title": Label("登録者と結び付ける", "Link the registrant"),
    "chosen": Label("選んだ方：{name}", "Chosen: {name}"),
    "confirmed_by": Label("確認したもの（二つ以上）", "What was confirmed (two or more)"),
    "matched_name": Label("氏名", "Name"),
    "matched_kana": Label("フリガナ", "Kana"),
    "matched_birth-date": Label("生年月日", "Birth date"),
    "matched_phone": Label("電話番号", "Phone"),
    "matched_address": Label("住所", "Address"),
    "matched_certificate-number": Label("受給者証番号", "Certificate number"),
    "matched_voice-known": Label("声で分かる", "Voice is known"),
    "link_reason": Label("確認できないときの理由", "Reason, where they cannot be confirmed"),
    "link_button": Label("登録者と結び付ける", "Link the registrant"),
    "linking": Label("登録者と結び付けました：{name}", "Linked to the registrant: {name}"),
    "unlink_button": Label("結び付けを取り消す", "Unlink the registrant"),
    "unlink_reason": Label(
        "取り消す理由（例：同姓同名の別の方だった）", "Reason (such as: somebody else of that name)"
    ),
    "unlink_needs_reason": Label("取り消す理由を入力してください。", "State the reason why the link is undone."),
    "unlinked": Label(
        "結び付けを取り消しました。相談はそのまま残ります。", "The link is undone. The consultation stays as it is."
    ),
    "remove_person": Label("この方を取り消す（誤って加えたとき）", "Take this person off (added by mistake)"),
    "remove_hint": Label(
        "この方の相談は件数から外れます。記録と受付番号は、理由とともに経過に残ります。",
        "The consultation does not count any more. Its record and number stay in the history, with the reason.",
    ),
    "remove_reason": Label("取り消す理由（例：別の電話の方だった）", "Reason (such as: it was another call)"),
    "remove_button": Label("この方を取り消す", "Take this person off"),
    "remove_needs_reason": Label("取り消す理由を入力してください。", "State the reason."),
    "removed": Label("{n}人目の方を取り消しました。", "Person {n} was taken off."),
    "removed_from_card": Label("誤って加え、取り消した方：", "Added by mistake and taken off:"),
    "correct_call": Label("相談の記録を訂正する", "Correct this call"),
    "correct_how": Label(
        "いま記録されている内容です。違うところだけを直してください。直す前と直した後は、どちらも経過に残ります。",
        "This is what is held. Change only what is wrong; before and after both stay in the history.",
    ),
    "correction_reason": Label("訂正の理由", "Reason for the correction"),
    "correction_reason_label": Label(
        "理由（必ず入力。個人情報として封印します）", "Reason (needed; sealed as personal data)"
    ),
    "correct_button": Label("訂正する", "Correct it"),
    "to_course": Label("訂正せずに経過を見る", "To the history, without a correction"),
    "held_now": Label("記録：", "Held: "),
    "move_to": Label(
        "別の相談の連絡だったとき：正しい受付番号", "Where it belongs to another consultation: its reference number"
    ),
    "changed_meanwhile": Label(
        "開いている間に、記録が変わりました。今の内容を表示しています。もう一度直してください。",
        "The record has changed meanwhile. This is what is held now; please correct it again.",
    ),
    "nothing_changed_yet": Label("直したところがありません。", "Nothing was changed."),
    "correction_needs_reason": Label("訂正の理由を入力してください。", "State the reason for the correction."),
    "reason_too_long": Label("理由は1,000字までで入力してください。", "Keep the reason to 1,000 characters."),
    "on_its_way": Label(
        "送信しました。受付が済みしだい、経過に表示されます。", "Sent. It is in the history as soon as it is accepted."
    ),
    "correction_parked": Label(
        "この内容では訂正できません。直して、もう一度送ってください。",
        "It cannot be corrected like this. Mend it, and send it again.",
    ),
    "usual_services_lines": Label("普段利用するサービス（一行に一つ）", "Usual services (one in a line)"),
    "nth_contact": Label("連絡先{n}", "Contact {n}"),
    "handbooks_told": Label("上のとおり（なければ「なし」）", "As ticked above (nothing ticked: none)"),
    "handbooks_blank": Label("手帳の欄", "On the form"),
    "correct_registration": Label("登録内容を訂正する", "Correct this registration"),
    "about_nobody": Label(
        "どなたのことでもない連絡です。相談ではなく、件数外（{kind}）として記録しています。",
        "This contact is about nobody. It is no consultation, and is recorded as not counted ({kind}).",
    ),
    "if_somebody": Label("どなたのことか分かったとき", "Where it turns out about whom it was"),
    "if_somebody_how": Label(
        "その方の相談として受け付けます。受付番号がもう一つ付き、そこで登録者と結び付けられます。"
        "この連絡の記録は、そのまま残ります。",
        "Take it as a consultation about that person. It has a number of its own, and can be linked to the registrant; "
        "the record of this contact stays as it is.",
    ),
    "take_for_somebody": Label("この連絡の本人を受け付ける", "Take the person of this contact"),
    "found_since": Label("この連絡の本人として受け付けた相談：", "Taken since as consultations of this contact:"),
    "beside_nobody": Label(
        "本人の分からなかった連絡の続きです。受付日時はその連絡のものになります：",
        "The person of a contact that was about nobody; it is dated by that contact:",
    ),
    "recorded_meanwhile": Label(
        "この画面を開いている間に、別の画面で次のように記録されていました：「{theirs}」。"
        "いま記録されているのは、この欄の内容です。どちらも経過に残ります。",
        "While this page was open, this was recorded in another: “{theirs}”. "
        "What stands in this field is recorded now; both stay in the history.",
    ),
    "no_such_date": Label(
        "この日付はありません。入力したまま受け付けました。あとで訂正してください。",
        "There is no such date. It was taken as you typed it; correct it when you can.",
    ),
    "no_such_time": Label(
        "日時がそろっていないか、ない日付です。この欄は、まだ保存していません"
        "（受け付けられる内容：年・月・日・時・分のそろった、実在する日時）。",
        "It is not complete, or there is no such date. This field is not saved yet (accepted: a date and time that "
        "exist, with year, month, day, hour and minute).",
    ),
    "nth_person": Label("{n}人目", "Person {n}"),
    "another_person": Label("もう一人の相談を加える", "Another person in the same contact"),
    "another_hint": Label(
        "きょうだいなど、同じ連絡で別の方の相談も受けたとき。受付番号は一人ずつ付き、件数も一人ずつ数えます。"
        "何も入力しなければ、加わりません。",
        "A sibling, say, about whom the same caller speaks. Each person has a number, and counts. "
        "Where nothing is typed, nobody is added.",
    ),
    "for_all": Label("（この連絡の全員に共通）", "(for all persons in this contact)"),
    "this_contact": Label("この連絡について", "This contact"),
    "others_of_the_contact": Label(
        "同じ連絡で相談を受けた方（その後に別の連絡あり）：",
        "Others of the same contact, who have had another since:",
    ),
    "danger_for": Label("どなたについてか", "About whom"),
    "undo_press": Label("取り消す", "Undo"),
    "noted_by_mistake": Label("押し間違いだった", "noted by mistake"),
    "pressed_by_mistake": Label("（押し間違い。記録は残ります）", "(pressed by mistake; the record stays)"),
    "is_linked_to": Label("登録者と結び付いています：{whom}", "Linked to the registrant: {whom}"),
    "is_linked": Label("登録者と結び付いています。", "Linked to a registrant."),
    "now_section": Label("今のようす", "Just now"),
    "where": Label("今いる場所", "Where the person is now"),
    "with_whom": Label("付添いの有無", "Who is there"),
    "safe_until": Label("対応が必要な時刻（何時まで待てるか）", "Safe until"),
    "medication_at": Label("次の服薬の時刻", "Next medication: when"),
    "next_medication": Label("次の服薬（薬・量）", "Next medication: what"),
    "what_happened": Label("何が起きたか", "What happened"),
    "reasons": Label("緊急の理由", "Emergency reason"),
    "not_told": Label("（未入力）", "(not told)"),
    "counted_call": Label("件数に含める", "Counted"),
    "not_counted_of": Label("件数外（無言・間違い・問合せ・訓練）", "Not counted"),
    "call_back": Label("折り返しの約束", "Promised call-back"),
    "call_back_who": Label("誰が", "By whom"),
    "call_back_by": Label("何時までに", "By when"),
    "call_back_phone": Label("番号", "To which number"),
    "danger_section": Label("危険への対応", "Danger first"),
    "danger_hint": Label(
        "押した時刻を記録します。電話はかかりません。応答がなかったときも、一回ごとに押してください。",
        "Records the time at which you press; it rings nobody. Press for every attempt, also where nobody answered.",
    ),
    "stamp_answered": Label("{what}（応答あり）", "{what} (answered)"),
    "stamp_not_answered": Label("{what}（応答なし）", "{what} (nobody answered)"),
    "abuse_suspected": Label("虐待の疑い", "Suspected abuse"),
    "done": Label("夜間の対応", "What was done"),
    "for_the_morning": Label("翌朝にお願いすること", "What is left for the morning"),
    "save": Label("保存する", "Save"),
    "saves_itself": Label("入力が止まると、1秒後に保存します。", "It is saved a second after you stop typing."),
    "shortcuts": Label(
        "キー操作：Alt（FirefoxではAlt＋Shift）を押しながら、N 相談を受ける、F 利用登録者をさがす、"
        "1 119番、0 110番、W 区へ連絡（応答あり）、P もう一人の相談を加える、S 保存する",
        "Keys, with Alt (in Firefox Alt and Shift): N new call, F find a registrant, "
        "1 119 advised, 0 110 advised, W ward informed (answered), P another person, S save",
    ),
    "attempts": Label("危険への対応の記録", "What was done because of danger"),
    "to_check": Label("確認事項", "Items to check"),
}
