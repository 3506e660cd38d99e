"""The words of the pages about hand-overs to agencies (関係機関への引継ぎ). Pure."""

from __future__ import annotations

from services.keyed import Label

OF_AGENCIES = {
    "agencies": Label("関係機関への引継ぎ", "Hand-over to agencies"),
    "agencies_why": Label(
        "関係機関・保健福祉課への依頼と、その後の状況です。こちらの対応が必要なもの、回答の期限が近いものの順です。",
        "What agencies and sections were asked, and where it stands: what you have to do, then what is due first.",
    ),
    "no_agencies": Label("回答や対応を待っている引継ぎはありません。", "No hand-over waits for an answer, or for you."),
    "with_answered": Label("終わったものも表示する", "Show those that are settled as well"),
    "without_answered": Label("待っているものだけ表示する", "Show only what waits"),
    "answer_due": Label("回答の期限：", "Answer due: "),
    "overdue": Label("期限超過", "Overdue"),
    "no_answer_due": Label("期限なし", "no time limit"),
    "must_tell": Label("引き継いだあとの記録があります。先方へ伝えてください。", "Written since: tell the new owner."),
    "too_late_expired": Label(
        "期限後の受諾：先方へ連絡（引き継いでいないことを伝えてください。）",
        "Accepted too late, ring them: tell them that the case is not theirs.",
    ),
    "too_late_withdrawn": Label(
        "取下げ後の受諾：先方へ連絡（引き継いでいないことを伝えてください。）",
        "Accepted after the withdrawal, ring them: tell them that the case is not theirs.",
    ),
    "withdrawn_elsewhere": Label(
        "ほかの機関が受諾したため取下げ：先方へ連絡（引き継がなくてよいことを伝えてください。）",
        "Withdrawn, as another agency accepted, ring them: tell them that the case is not theirs.",
    ),
    "not_theirs": Label(
        "相談がまとめられ、担当は{owner}です。先方へ伝えてください。",
        "Merged with another: {owner} is in charge. Tell them.",
    ),
    "in_charge_is": Label("担当：{owner}", "In charge: {owner}"),
    "what_next_unwanted": Label(
        "意向を確かめて、別の送付先に依頼するか終結するかを決める（{why}）　担当：{owner}",
        "Ask what is wanted, then decide whether to ask somebody else or to close it ({why}). In charge: {owner}",
    ),
    "what_next": Label("次の送付先を決める（{why}）　担当：{owner}", "Decide who is next ({why}). In charge: {owner}"),
    "offered_by": Label("依頼元：", "From: "),
    "not_in_directory": Label("送付先名簿にない送付先", "not in the directory"),
    "open_hand_over": Label("状況を見る", "Open"),
    "hand_over_to": Label("{to}への引継ぎ", "Hand-over to {to}"),
    "receiver": Label("送付先", "Receiver"),
    "receiver_kind": Label("種類", "Kind"),
    "stands_now": Label("状況", "Stands"),
    "telephone": Label("電話", "Telephone"),
    "fax_number": Label("ファクス", "Fax"),
    "contact_post": Label("窓口", "Contact"),
    "basis": Label("提供の根拠", "Basis for sharing"),
    "basis_none": Label("記入なし", "not stated"),
    "offered_at": Label("依頼した日時", "Offered"),
    "delivered_at": Label("届いた日時", "Delivered"),
    "seen_at": Label("先方が見た日時", "Seen"),
    "case_closed": Label(
        "このケースは終結しています。依頼が不要になったときは、取り下げてください。",
        "This case is closed. Withdraw the offer if it is not needed any more.",
    ),
    "passing_course": Label("経過", "Course"),
    "late_notes_hint": Label(
        "先方へ伝えたら、「先方へ伝えた」を記録してください。", "Once they were told, record “Told them”."
    ),
    "late_notes": Label("先方へ伝える記録", "What they must be told"),
    "late_note": Label("引き継いだあとの記録", "Written since"),
    "not_told_yet": Label("まだ伝えていない", "Not told yet"),
    "told_at": Label("伝えた（{at}）", "Told ({at})"),
    "recorded_then": Label("記録日時", "recorded"),
    "told_them": Label("先方へ伝えた", "Told them"),
    "record_told_them": Label("先方へ伝えたことを記録する", "Record that they were told"),
    "more_to_tell": Label(
        "画面を開いたあとに、先方へ伝える記録が増えました。まだ何も記録していません。増えたものを伝えてから、もう一度記録してください。",
        "Since you opened this page there is more to tell them, and nothing is recorded yet. Tell them that as well, "
        "then record it once more.",
    ),
    "do_accept": Label("電話で受諾", "Accepted by telephone"),
    "do_decline": Label("受諾不可", "Declined"),
    "do_withdraw": Label("取下げ", "Withdraw"),
    "do_deliver": Label("届いた", "Delivered"),
    "do_see": Label("先方が見た", "Seen"),
    "do_return": Label("差戻し", "Returned"),
    "do_late": Label(
        "この依頼はもう有効ではありません。あとから届いた回答は記録に残りますが、状況は変わりません。",
        "This offer stands no longer. An answer that comes late is kept, and changes nothing.",
    ),
    "record_accept": Label("受諾を記録する", "Record the acceptance"),
    "record_decline": Label("受諾不可を記録する", "Record the refusal"),
    "record_withdraw": Label("依頼を取り下げる", "Withdraw the offer"),
    "record_deliver": Label("届いたことを記録する", "Record the delivery"),
    "record_see": Label("先方が見たことを記録する", "Record that it was seen"),
    "record_return": Label("差戻しを記録する", "Record the return"),
    "said_by": Label("先方の氏名", "Who said so, by name"),
    "said_at": Label("日時", "When"),
    "by_which_way": Label("方法", "By which way"),
    "agreed": Label("取り決めたこと", "What was agreed"),
    "purpose": Label("引継ぎの目的", "What for"),
    "no_reason": Label("（選んでください）", "(choose)"),
    "agency_recorded": Label("記録しました。", "Recorded."),
    "agency_kept_late": Label(
        "あとから届いた回答として記録しました。状況は変わりません。",
        "Kept as an answer that came late; how it stands is not changed by it.",
    ),
    "agency_moved_on": Label(
        "いまの状況では記録できません。最新の状況を確認してください。",
        "It cannot be recorded as it stands now. See how it stands.",
    ),
    "agency_on_its_way": Label("送信しました。まもなく反映されます。", "Sent. It will show here soon."),
    "agency_not_yet": Label("記録できませんでした。", "It could not be recorded."),
    "agency_parked": Label(
        "送った内容は要確認データにも残っています。", "What was sent stands in the data to mend as well."
    ),
    "time_needed": Label("日時を入力してください（例：2025-05-13 11:30）。", "Say when, such as 2025-05-13 11:30."),
    "time_before": Label(
        "日時が早すぎます。次の日時より後にしてください。", "That is too early. Give a time after the following."
    ),
    "time_ahead": Label("日時がまだ来ていません。", "That time has not come yet."),
    "who_needed": Label("受諾した方の氏名を入力してください。", "Say who accepted, by name."),
    "how_needed": Label("連絡の方法を選んでください。", "Choose by which way."),
    "reason_needed": Label("理由を選んでください。", "Choose a reason."),
    "words_too_long": Label("入力が長すぎます（{n}文字まで）。", "Too long; up to {n} characters."),
    "offer_again": Label("ほかへ引継ぎを依頼する", "Ask somebody else"),
    "back_to_agencies": Label("一覧へ戻る", "Back to the list"),
    "ask_an_agency": Label("引継ぎを依頼する", "Ask an agency to take the case on"),
    "ask_for_case": Label("関係機関への引継ぎを依頼する", "Ask an agency to take the case on"),
    "passings_of_case": Label("このケースの関係機関への引継ぎ", "Hand-overs of this case to agencies"),
    "choose_receiver": Label("送付先を選んでください。", "Choose a receiver."),
    "from_directory": Label("送付先名簿", "The directory"),
    "sections": Label("保健福祉課", "Sections"),
    "support_agencies": Label("相談支援機関", "Consultation support agencies"),
    "no_directory": Label(
        "区の設定に送付先名簿がありません。名称を入力してください。",
        "The ward's file has no directory; give the name.",
    ),
    "what_is_done": Label("どうしますか", "What is done"),
    "way_offer": Label("引継ぎを依頼する（回答を待つ）", "Ask them, and wait for the answer"),
    "way_complete": Label("電話で受諾された（いま引き継いだ）", "They have accepted on the telephone"),
    "way_information": Label("情報提供のみ（引継ぎには数えない）", "Information only, which never counts"),
    "informed": Label("情報提供済", "Informed"),
    "choose_way": Label("どうするかを選んでください。", "Choose what is done."),
    "choose_basis": Label("提供の根拠を選んでください。", "Choose the basis for sharing."),
    "basis_hint": Label(
        "本人の情報は、同意か法令の根拠がなければ外へ渡せません。",
        "Nothing about a person goes out without their consent or a ground in law.",
    ),
    "basis_reason": Label("法令による場合の理由", "Why the law allows it here"),
    "basis_reason_needed": Label(
        "同意によらないときは、理由を入力してください。", "Without consent, say why the law allows it."
    ),
    "consents_in_force": Label("有効な同意", "Consents in force"),
    "consent_line": Label("{to}（{day}から{edition}）", "{to} (since {day}{edition})"),
    "consent_edition": Label("、{edition}", ", {edition}"),
    "no_consent": Label("いま有効な同意はありません。", "No consent is in force."),
    "consent_gone": Label(
        "提供の根拠とした本人の同意は、いま有効ではありません（取下げなど）。先方と本人に確かめ、要らなくなった依頼は取り下げてください。",
        "The consent on which this was offered is not in force now. Ask them and the person; withdraw the offer if it "
        "is not wanted any more.",
    ),
    "no_person": Label("本人が分からないため、同意は確認できません。", "Nobody is known, so there is no consent."),
    "answer_by": Label("回答の期限", "Answer due by"),
    "answer_by_wrong": Label(
        "回答の期限は、いまより後、一年以内の日時にしてください（例：2025-05-14 09:00）。",
        "The answer must be due after now and within a year, such as 2025-05-14 09:00.",
    ),
    "send_offer": Label("この内容で依頼する", "Send"),
    "what_they_must_know": Label("先方に伝えること", "What they must know"),
}
