"""`yoake find`: a registrant looked up in a data directory, and what must be known first, on the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date

import msgspec
from rich.table import Table

from deploy.datadir import DataDirectory, DataError
from deploy.opened import open_journal
from deploy.output import clock_of, day_of, out
from services.database import open_engine
from services.desk import wards_of
from services.intake.brief import Brief, Details, brief
from services.intake.finding import Candidate, Finder, Found
from services.intake.records import Caller
from services.seal import KeyReader, Secrets
from services.ward import Ward


class Answer(msgspec.Struct, frozen=True):
    """Who may be meant; and where it is one, what must be known of them."""

    candidates: tuple[Candidate, ...]
    more: bool
    brief: Brief | None


@contextmanager
def opened_finder(data: DataDirectory) -> Iterator[Finder]:
    """A finder on a data directory, whether or not Yoake runs there. Nothing is written.

    Raises:
        DataError: there is nobody to be found: no ward's file is in force yet.
        services.intake.finding.NotIndexed: see there.
    """
    kept, settings = data.kept(), data.settings()
    journal = open_journal(settings, kept.ward, "intake")
    with closing(journal):
        if not wards_of(journal.engine):
            raise DataError(f"nobody is registered in {data.path} yet: start it with `yoake up`, or give --data")
        engine = open_engine(settings.database_of("keys"))
        try:
            secrets = Secrets.at(settings.keys)
            yield Finder(journal, secrets, KeyReader(engine, secrets))
        finally:
            engine.dispose()


def answer(finder: Finder, text: str, on: date) -> Answer:
    """Who may be meant, and the brief of one who is found alone."""
    found: Found = finder.find(text, on)
    alone = found.candidates[0].person if len(found.candidates) == 1 else None
    return Answer(found.candidates, found.more, brief(finder, alone, on) if alone else None)


def ward_of(finder: Finder) -> Ward:
    """The ward's rules now."""
    return wards_of(finder.journal.engine)[-1][1]


_WORDS = {
    "ja": {
        "nobody": "該当する方は見つかりません。氏名（かな）、電話番号の一部（4桁以上）、生年月日などでお試しください。",
        "more": "ほかにもいます。氏名と生年月日を並べるなどして、しぼってください。",
        "name": "氏名", "kana": "かな", "birth_date": "生年月日", "district": "地域", "phone": "電話", "status": "登録",
        "caller": "連絡者", "person": "登録の番号", "tell_first": "はじめに知ること", "in_an_emergency": "緊急時の希望",
        "contacts": "連絡先（順に）", "eligibility": "対象かどうか", "open": "対応中の相談", "office": "相談支援事業所",
        "services": "ふだんのサービス", "support_level": "障害支援区分", "address": "住所",
        "consents": "情報提供の同意",
        "confirmed": "登録内容の確認", "none": "なし", "also": "一つにまとめた登録にあること", "left": "登録を終えた日",
        "takes_effect": "効力の始まる日",
        "medical": "医療的ケア", "medication": "服薬", "allergy": "アレルギー", "seizures": "発作",
        "behaviour": "行動面", "communication": "意思疎通",
        "registered": "登録あり", "withdrawn": "取下げ", "moved-away": "転出", "died": "死亡",
        "True": "対象", "False": "対象でない可能性", "None": "確認が必要",
        "age": "{under}歳未満", "certificate": "受給者証あり", "age-unknown": "年齢が分からず、受給者証もない",
        "certificate-lapsed": "受給者証の有効期限が切れている", "no-certificate": "{under}歳以上で、受給者証がない",
        "never_blocks": "（対象かどうかにかかわらず、相談は受けます）",
    },
    "en": {
        "nobody": "Nobody fits. Try the reading, four or more digits of a number, or the date of birth.",
        "more": "There are others: add a date of birth, or more of the name.",
        "name": "Name", "kana": "Kana", "birth_date": "Birth date", "district": "District", "phone": "Phone",
        "status": "Register", "caller": "Caller", "person": "Register's id", "tell_first": "Know first",
        "in_an_emergency": "In an emergency", "contacts": "Contacts, in order", "eligibility": "Eligible",
        "open": "Open cases", "office": "Consultation office", "services": "Usual services",
        "support_level": "Support level", "address": "Address", "consents": "Consent to share",
        "confirmed": "Details confirmed", "none": "none", "also": "From a form that was merged into this one",
        "left": "Left on", "takes_effect": "Takes effect on",
        "medical": "Medical care", "medication": "Medication", "allergy": "Allergy", "seizures": "Seizures",
        "behaviour": "Behaviour", "communication": "Communication",
        "registered": "Registered", "withdrawn": "Withdrawn", "moved-away": "Moved away", "died": "Died",
        "True": "yes", "False": "perhaps not", "None": "not known",
        "age": "under {under}", "certificate": "recipient certificate", "age-unknown": "age unknown, no certificate",
        "certificate-lapsed": "the certificate has lapsed", "no-certificate": "{under} or over, and no certificate",
        "never_blocks": " (a call is taken whether or not)",
    },
}  # fmt: skip


def print_answer(found: Answer, ward: Ward, language: str) -> None:
    """The candidates, and where it is one, what must be known first."""
    words = _WORDS[language]
    if not found.candidates:
        out.print(words["nobody"])
        return
    out.print(_table(found, ward, language))
    if found.more:
        out.print(words["more"])
    if found.brief:
        _print_brief(found.brief, ward, language)


def _table(found: Answer, ward: Ward, language: str) -> Table:
    words = _WORDS[language]
    columns = ("name", "kana", "birth_date", "district", "phone", "status", "caller", "person")
    table = Table(*(words[column] for column in columns), box=None, padding=(0, 2, 0, 0), header_style="bold")
    districts = {entry.key: entry.label[language] for entry in ward.district}
    for one in found.candidates:
        born = f"{day_of(one.birth_date, language)} ({one.age})" if one.birth_date else ""
        caller = " ".join(filter(None, (one.caller.relation, one.caller.name))) if one.caller else ""
        where = districts.get(one.district or "", one.district or "")
        row = (one.name, one.kana, born, where, one.phone, words[one.status], caller, one.person)
        table.add_row(*(_plain(cell or "") for cell in row))
    return table


def _print_brief(found: Brief, ward: Ward, language: str) -> None:
    words = _WORDS[language]
    if found.left_on:
        out.print(f"\n● {words[found.status]}: {words['left']} {day_of(found.left_on, language)}", style="bold")
    _print_details(found.details, language)
    why = words[found.eligibility.reason].format(under=ward.eligibility.under)
    blocks = "" if found.eligibility.eligible else words["never_blocks"]
    _line(words["eligibility"], f"{words[str(found.eligibility.eligible)]}: {why}{blocks}")
    cases = (f"{case.number} ({clock_of(case.began_at, language, ward.zone)})" for case in found.open_cases)
    _line(words["open"], ", ".join(cases) or words["none"])
    consents = (f"{c.to} ({' '.join(filter(None, (c.edition, day_of(c.since, language))))})" for c in found.consents)
    _line(words["consents"], ", ".join(consents) or words["none"])
    if found.takes_effect_on != found.registered_on:
        _line(words["takes_effect"], day_of(found.takes_effect_on, language))
    _line(words["confirmed"], day_of(found.confirmed_on, language) if found.confirmed_on else words["none"])
    for other in found.also:
        out.print(f"\n● {words['also']}", style="bold")
        _print_details(other, language)


def _print_details(form: Details, language: str) -> None:
    words = _WORDS[language]
    out.print()
    _line(words["tell_first"], form.tell_first, style="bold")
    for kind, text in form.care.items():
        _line(words.get(kind, kind), text, style="bold")
    _line(words["in_an_emergency"], form.in_an_emergency)
    for n, contact in enumerate(form.contacts, start=1):
        _line(f"{words['contacts']} {n}", _contact(contact))
    lines: tuple[tuple[str, str | None], ...] = (
        ("phone", form.phone),
        ("address", form.address),
        ("office", form.consultation_office),
        ("services", form.usual_services),
        ("support_level", form.support_level),
    )
    for word, said in lines:
        _line(words[word], said)


def _contact(contact: Caller) -> str:
    return " ".join(filter(None, (contact.relation, contact.name, contact.phone, contact.note)))


def _line(label: str, text: str | None, style: str = "") -> None:
    if text:
        out.print(f"{label}: {_plain(text)}", style=style or None, markup=False, soft_wrap=True)


def _plain(text: str) -> str:
    """What somebody typed, without what would move a terminal's cursor."""
    return "".join(character if character.isprintable() else " " for character in text)
