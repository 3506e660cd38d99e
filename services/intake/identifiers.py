"""By what a person can be found: names, readings, numbers and dates, folded so that what is meant alike is alike. Pure.

Folding forgives what a tired person types at night: full and half width, hiragana and katakana, small kana, long
vowels, variants of one kanji, hyphens, eras. It errs on the side of finding too much; whoever looks reads the
person's own record afterwards. What is folded here is personal and is never stored: a keyed digest of it is
(`services.blind`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from itertools import islice
from typing import Any

from services.book import ByField, Identifier
from services.era import parse_date

NAME, NAME_PART = "name", "name-part"
KANA, KANA_START = "kana", "kana-start"
PHONE, OWN_PHONE, PHONE_END, PHONE_PART = "phone", "own-phone", "phone-end", "phone-part"
BIRTH_DATE, CERTIFICATE = "birth-date", "certificate"

LONGEST_START = 6
"""Kana of the beginnings that are indexed, from one on (おお folds to one); the rest is compared with the record."""

PART = 4
"""Digits of the parts of a number that are indexed, and the fewest that are looked for."""

MOST_CONTACTS = 20
MOST_NUMBERS = 5
"""In one field; what goes beyond is kept, and not found by."""

LONGEST = 60
"""Characters of a name or a reading that are looked at."""

_VARIANTS = {
    variant: plain
    for plain, variants in {
        "高": "髙", "崎": "﨑嵜碕", "辺": "邊邉邉", "斉": "齋齊斎", "浜": "濵濱", "沢": "澤", "広": "廣",
        "桜": "櫻", "国": "國圀", "徳": "德", "瀬": "瀨", "真": "眞", "静": "靜", "恵": "惠", "竜": "龍",
        "島": "嶋嶌", "富": "冨", "桑": "桒", "柳": "栁", "槙": "槇", "昇": "曻", "喜": "㐂", "吉": "𠮷",
        "万": "萬", "寿": "壽", "条": "條", "円": "圓", "栄": "榮", "将": "將", "豊": "豐", "弥": "彌", "礼": "禮",
        "与": "與", "郎": "郞", "黒": "黑", "増": "增", "寛": "寬", "清": "淸", "青": "靑", "蔵": "藏", "緒": "緖",
        "曽": "曾", "会": "會", "応": "應", "鉄": "鐵", "関": "關", "実": "實", "来": "來", "岳": "嶽", "巌": "巖",
        "船": "舩", "野": "埜", "峰": "峯", "凛": "凜", "穂": "穗", "塩": "鹽", "亀": "龜", "鶴": "靏靍",
        "薮": "藪籔", "館": "舘", "秋": "穐", "橋": "槗",
        "仏": "佛", "芦": "蘆", "当": "當", "渓": "溪", "覚": "覺", "滝": "瀧", "尭": "堯", "遥": "遙",
    }.items()
    for variant in variants
}  # fmt: skip
"""Variants of a kanji that stand for the same name, each by its plainest form; NFKC settles many others."""

_ROWS = {
    "ア": "アカサタナハマヤラワガザダバパ",
    "イ": "イキシチニヒミリギジビピ",
    "ウ": "ウクスツヌフムユルグズブプ",
    "エ": "エケセテネヘメレゲゼデベペ",
    "オ": "オコソトノホモヨロゴゾドボポ",
}
_VOWEL = {kana: vowel for vowel, row in _ROWS.items() for kana in row}
_LENGTHENS = {"ア": "ア", "イ": "イ", "ウ": "ウ", "エ": "エイ", "オ": "オウ"}
_PLAIN_KANA = str.maketrans("ァィゥェォッャュョヮヵヶヂヅヲヴヰヱ", "アイウエオツヤユヨワカケジズオブイエ")
_HIRAGANA = {code: code + 0x60 for code in range(ord("ぁ"), ord("ゖ") + 1)}
_LONG = "ー"
_SPLIT = re.compile(r"[,、;/・\n]|または|or", re.IGNORECASE)
_EXTENSION = re.compile(r"内線|ext|#", re.IGNORECASE)
_EIGHT_DIGITS = re.compile(r"(\d{4})(\d{2})(\d{2})")


def parts_of_name(text: str) -> list[str]:
    """The parts of a name, folded: variants of kanji made one, widths and letters alike, 々 written out."""
    return [folded for part in _words(text) if (folded := _folded_name(part))]


def parts_of_kana(text: str) -> list[str]:
    """The parts of a reading, folded: katakana without small ones and without long vowels."""
    return [folded for part in _words(text) if (folded := fold_kana(part))]


def _words(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKC", text[:LONGEST])
    return re.sub(r"[・=＝]", " ", plain).split()


def _folded_name(part: str) -> str:
    found: list[str] = []
    for character in part:
        if "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef":
            continue  # Which drawing of the same character is meant.
        if character == "々" and found:
            found.append(found[-1])
        elif character.isalnum():
            found.append(_VARIANTS.get(character, character))
    return "".join(found).casefold().translate(_HIRAGANA).translate(_PLAIN_KANA)


def fold_kana(text: str) -> str:
    """One part of a reading. The beginning of a reading folds to a beginning of what the whole folds to."""
    plain = unicodedata.normalize("NFKC", text).casefold().translate(_HIRAGANA).translate(_PLAIN_KANA)
    found: list[str] = []
    vowel = ""
    for character in plain:
        if character == _LONG or character in _LENGTHENS.get(vowel, ""):
            continue
        if character.isalnum():
            found.append(character)
            vowel = _VOWEL.get(character, "")
    return "".join(found)


def is_kana(text: str) -> bool:
    """Whether a text is a reading: nothing but hiragana, katakana and spaces."""
    plain = "".join(unicodedata.normalize("NFKC", text).split())
    return bool(plain) and all("ぁ" <= c <= "ゖ" or "ァ" <= c <= "ヺ" or c in "ー・゛゜" for c in plain)


def numbers_in(text: str) -> list[str]:
    """The telephone numbers in a text, as their digits, the country's own with a leading 0: 0300000000."""
    plain = unicodedata.normalize("NFKC", text)
    found = (_digits(_EXTENSION.split(part)[0]) for part in _SPLIT.split(plain))
    return list(islice(dict.fromkeys(number for number in found if PART <= len(number) <= 15), MOST_NUMBERS))


def _digits(text: str) -> str:
    digits = "".join(character for character in text if character in "0123456789")
    if text.strip().startswith("+81") or digits.startswith("0081"):
        return "0" + digits[2:].lstrip("0") if digits.startswith("81") else "0" + digits[4:].lstrip("0")
    return digits


def date_in(text: str) -> date | None:
    """A date as it is typed, also 19850430; None where it is none."""
    plain = unicodedata.normalize("NFKC", text).strip()
    if match := _EIGHT_DIGITS.fullmatch(plain):
        plain = "-".join(match.groups())
    try:
        return parse_date(plain)
    except ValueError:
        return None


def certificate_in(text: str) -> str:
    """A certificate's number: its letters and digits alone."""
    plain = unicodedata.normalize("NFKC", text[:LONGEST]).casefold()
    return "".join(character for character in plain if character.isalnum())


def by_field(personal: Mapping[str, Any]) -> ByField:
    """By what a person can be found, for each personal field that is given; nothing for one without a usable value."""
    return {field: frozenset(read(personal[field])) for field, read in _READ.items() if field in personal}


def sought(kind: str, data: Mapping[str, Any]) -> Iterable[Identifier]:
    """What deciding on a message asks for: who else is like the person who registers."""
    personal = data.get("personal") if kind == "registration.submit" else None
    return [entry for _, entry in likeness(by_field(personal))] if isinstance(personal, dict) else ()


def likeness(found: ByField) -> Iterator[tuple[str, Identifier]]:
    """By what two records look like one person, and as which sign each counts: name or kana, birth date, own phone."""
    for entries in found.values():
        for entry in sorted(entries):
            if entry.kind in (NAME, KANA):
                yield "name", entry
            elif entry.kind in (BIRTH_DATE, OWN_PHONE):
                yield entry.kind, entry


def _of_name(value: Any) -> Iterator[Identifier]:
    if not isinstance(value, str) or not (parts := parts_of_name(value)):
        return
    yield Identifier(NAME, "".join(parts))
    for part in parts:
        yield Identifier(NAME_PART, part)
    if is_kana(value):
        yield from _of_kana(value)


def _of_kana(value: Any) -> Iterator[Identifier]:
    if not isinstance(value, str) or not (parts := parts_of_kana(value)):
        return
    # The whole is folded as a whole: whether a space stands within a reading depends on who typed it.
    whole = fold_kana("".join(_words(value)))
    yield Identifier(KANA, whole)
    for part in (whole, *parts):
        yield from (Identifier(KANA_START, start) for start in starts(part))


def starts(folded: str) -> Iterator[str]:
    """The beginnings of a folded reading that are indexed."""
    for length in range(1, min(len(folded), LONGEST_START) + 1):
        yield folded[:length]


def _of_birth_date(value: Any) -> Iterator[Identifier]:
    day = date_in(value) if isinstance(value, str) else None
    if day is not None:
        yield Identifier(BIRTH_DATE, day.isoformat())


def _of_phone(value: Any) -> Iterator[Identifier]:
    for number in _numbers(value):
        yield Identifier(OWN_PHONE, number)
        yield from _of_number(number)


def _of_contacts(value: Any) -> Iterator[Identifier]:
    for contact in value[:MOST_CONTACTS] if isinstance(value, list) else ():
        if isinstance(contact, dict):
            for number in _numbers(contact.get("phone")):
                yield from _of_number(number)


def _numbers(value: Any) -> list[str]:
    texts = value[:MOST_NUMBERS] if isinstance(value, list) else [value]
    return [number for text in texts if isinstance(text, str) for number in numbers_in(text)]


def _of_number(number: str) -> Iterator[Identifier]:
    yield Identifier(PHONE, number)
    yield Identifier(PHONE_END, number[-PART:])
    yield from (Identifier(PHONE_PART, part) for part in number_parts(number))


def number_parts(digits: str) -> list[str]:
    """Every run of `PART` digits; a number that holds a longer part holds all runs of it."""
    return [digits[start : start + PART] for start in range(len(digits) - PART + 1)]


def _of_certificate(value: Any) -> Iterator[Identifier]:
    if isinstance(value, str) and (number := certificate_in(value)):
        yield Identifier(CERTIFICATE, number)


_READ = {
    "name": _of_name,
    "kana": _of_kana,
    "birth_date": _of_birth_date,
    "phone": _of_phone,
    "contacts": _of_contacts,
    "certificate_number": _of_certificate,
}
