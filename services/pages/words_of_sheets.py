"""The words of a sheet that goes out by fax or on paper (送付状・引継書), in both languages. Pure."""

from __future__ import annotations

from services.keyed import Label

OF_SHEETS = {
    "sheet": Label("送付する書面", "Sheet to send"),
    "sheet_cover": Label("送付状", "Cover"),
    "sheet_body": Label("引継書", "Hand-over"),
    "sheet_to": Label("送付先：{to}{contact}　御中", "To: {to}{contact}"),
    "sheet_before": Label("送付先：{to}{contact}様（送付先名簿）。", "To: {to}{contact} (directory)."),
    "sheet_before_other": Label("送付先：{to}　御中（送付先名簿にない宛先）。", "To: {to} (not in the directory)."),
    "sheet_before_office": Label("送付先：{to}{contact}　御中（送付先名簿）。", "To: {to}{contact} (directory)."),
    "sheet_check": Label("内容と宛先を二人で確認しましたか。", "Have two people checked the content and the receiver?"),
    "sheet_from": Label("差出人", "From"),
    "sheet_from_phone": Label("差出人の電話", "Sender's phone"),
    "sheet_from_fax": Label("差出人のファクス", "Sender's fax"),
    "sheet_arranged": Label("調整済みの受入れ", "Arranged already"),
    "sheet_made": Label("作成日時", "Made"),
    "sheet_about": Label("件名", "About"),
    "sheet_pages": Label("枚数（送付状を含む）", "Pages, with the cover"),
    "sheet_page_count": Label("{n}枚", "{n}"),
    "sheet_fax": Label("ファクス", "Fax"),
    "sheet_phone": Label("電話", "Phone"),
    "sheet_sender": Label("送付者（署名・時刻）", "Sent by (signature, time)"),
    "sheet_checker": Label("確認者（署名）", "Checked by (signature)"),
    "sheet_receiver_fax": Label(
        "受領者（氏名・日時）　このまま {fax} へ返信してください",
        "Received by (name, time): please fax this back to {fax}",
    ),
    "sheet_receiver": Label(
        "受領者（氏名・日時）　このまま返信してください", "Received by (name, time): please send this back"
    ),
    "sheet_wrong": Label(
        "個人情報を含みます。お心当たりのない場合は、読まずに差出人へご連絡ください。回収または廃棄をお願いします。",
        "This holds personal data. If it is not for you, do not read it and tell the sender, who will ask you to "
        "return or destroy it.",
    ),
    "sheet_print": Label("印刷する", "Print"),
    "sheet_pdf": Label("PDFを開く", "Open as PDF"),
    "sheet_no_pdf": Label(
        "PDFを作れませんでした。この画面を印刷してください。", "The PDF could not be made. Print this page instead."
    ),
    "sheet_no_fax": Label(
        "送付先名簿にファクス番号がないため、ファクスでは送付できません。",
        "The directory has no fax number for this receiver: it cannot go by fax.",
    ),
    "sheet_not_agreed": Label(
        "本人の同意が取り下げられています。送付しないでください。",
        "The person has taken their consent back. Do not send it.",
    ),
    "sheet_over": Label(
        "この引継ぎは終わっています：{how}（{at}）。書面はもう表示も送付もできません。",
        "This hand-over is over: {how} ({at}). Its sheet is neither shown nor sent any more.",
    ),
    "sheet_changed": Label("送付後に変更があります。", "It was changed after it was sent."),
    "sheet_newest": Label("最新の書面", "The newest sheet"),
    "sheet_record": Label("送付を記録する", "Record that it was sent"),
    "sheet_sent_list": Label("送付の記録", "What was sent"),
    "sheet_none_sent": Label("まだ送付していません。", "Nothing was sent yet."),
    "sheet_nth": Label("{n}通目", "No. {n}"),
    "sheet_recalled": Label("誤送信・回収：{why}", "Asked back: {why}"),
    "sheet_return": Label("回収・廃棄", "Back or destroyed"),
    "recorded_by": Label("記録した方", "Recorded by"),
    "sheet_back": Label("回収・廃棄を確認済み", "known to be back or destroyed"),
    "sheet_not_back": Label("回収・廃棄は未確認", "not known to be back"),
    "sheet_by": Label("送付した方", "Sent by"),
    "sheet_checked_by": Label("確認した方（別の方）", "Checked by (another person)"),
    "sheet_how": Label("方法", "By which way"),
    "sheet_recall": Label("誤送信・回収を記録する", "Record that it is asked back"),
    "sheet_why": Label("理由", "Reason"),
    "sheet_collected": Label("回収または廃棄を確認した", "It is back, or was destroyed"),
    "sheet_which": Label("何通目", "Which"),
    "sheet_said_send": Label("送付を記録しました。", "It is recorded that it was sent."),
    "sheet_said_recall": Label("回収を記録しました。", "It is recorded that it is asked back."),
    "sheet_said_on_its_way": Label("受け付けました。まもなく表示されます。", "Taken; it is shown in a moment."),
    "sheet_not_taken": Label("記録できませんでした。内容を確認してください。", "It was not recorded. Please check."),
}
