"""Identifiers: what people type at night folds to what stands on the form, and unlike things stay apart."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.identifiers import by_field, date_in, fold_kana, likeness, numbers_in, parts_of_kana, parts_of_name
from tests.desk_examples import SECRETS


@pytest.mark.parametrize(
    ("typed", "stands"),
    [
        ("さとう", "サトウ"),
        ("ｻﾄｳ", "サトウ"),
        ("ｶﾞｸｼﾞﾔ", "ガクジャ"),
        ("さとー", "サトウ"),
        ("オオノ", "オーノ"),
        ("おうの", "オオノ"),
        ("ケーコ", "けいこ"),
        ("キョウコ", "きよこ"),
        ("ヒロッグ", "ひろつぐ"),
        ("コヅカ", "コズカ"),
        ("ユウ", "ゆー"),
    ],
)
def test_readings_that_sound_alike_are_alike(typed: str, stands: str) -> None:
    """Width, script, small kana, long vowels, voiced pairs."""
    assert fold_kana(typed) == fold_kana(stands)


@pytest.mark.parametrize(
    ("typed", "stands"),
    [
        ("高橋", "髙橋"),
        ("山崎", "山﨑"),
        ("渡辺", "渡邊"),
        ("渡邉", "渡邊"),
        ("渡辺", "渡邊\U000e0101"),
        ("斉藤", "齋藤"),
        ("斎藤", "齊藤"),
        ("吉田", "𠮷田"),
        ("佐佐木", "佐々木"),
        ("浜崎", "濵﨑"),
        ("神田", "神田"),
        ("さくら", "サクラ"),
        ("ＳＭＩＴＨ", "smith"),
        ("龍ケ崎", "竜ヶ﨑"),
    ],
)
def test_variants_of_a_kanji_are_one(typed: str, stands: str) -> None:
    """Also those that no normalisation knows, and those with a selector of their drawing."""
    assert parts_of_name(typed) == parts_of_name(stands)


@pytest.mark.parametrize(("one", "other"), [("さとう", "かとう"), ("はな", "ばな"), ("いち", "いす")])
def test_other_readings_stay_apart(one: str, other: str) -> None:
    """A search that finds everybody finds nobody."""
    assert fold_kana(one) != fold_kana(other)


@given(st.text(alphabet="アイウエオカコッャョユーんがごう", max_size=12), st.integers(0, 12))
def test_the_beginning_of_a_reading_folds_to_a_beginning(whole: str, length: int) -> None:
    """So that what is typed so far finds what stands there whole."""
    assert fold_kana(whole).startswith(fold_kana(whole[:length]))


@pytest.mark.parametrize(
    ("typed", "numbers"),
    [
        ("090-0000-1234", ["09000001234"]),
        ("０９０（００００）１２３４", ["09000001234"]),
        ("+81 90 0000 1234", ["09000001234"]),
        ("+81 (0)3-0000-0001", ["0300000001"]),
        ("03-0000-0001 内線12", ["0300000001"]),
        ("03-0000-0001、090 0000 1234", ["0300000001", "09000001234"]),
        ("なし", []),
        ("119", []),
        ("1" * 40, []),
    ],
)
def test_numbers_are_read_as_people_write_them(typed: str, numbers: list[str]) -> None:
    """Width, hyphens, the country's code, an extension, two numbers in one field."""
    assert numbers_in(typed) == numbers


@pytest.mark.parametrize("typed", ["1985-04-30", "昭和60年4月30日", "S60.4.30", "19850430", "１９８５０４３０"])
def test_a_birth_date_is_one_day_however_it_is_typed(typed: str) -> None:
    """Either calendar, any width, with or without separators."""
    assert str(date_in(typed)) == "1985-04-30"


def test_a_space_in_a_name_is_no_difference() -> None:
    """Whole names are compared without it; parts are found by themselves too."""
    with_space, without = by_field({"kana": "サトウ　ウメ"}), by_field({"kana": "サトウウメ"})
    whole = {entry for entry in with_space["kana"] if entry.kind == "kana"}

    assert whole == {entry for entry in without["kana"] if entry.kind == "kana"}
    assert ("kana-start", "ウメ") in with_space["kana"]
    assert parts_of_kana("サトウ　ウメ") == ["サト", "ウメ"]


@pytest.mark.parametrize("field", ["name", "kana", "birth_date", "phone", "contacts", "certificate_number"])
@pytest.mark.parametrize("value", [None, 7, "", [], {}, [None], [{"phone": 7}], "☃", True])
def test_what_cannot_be_read_gives_nothing(field: str, value: Any) -> None:
    """A form may hold anything."""
    assert by_field({field: value}) == {field: frozenset()}


def test_two_kinds_with_one_value_have_tokens_that_say_nothing_of_each_other() -> None:
    """Or the last digits of a number would be found among the parts of others, and dates among certificates."""
    assert SECRETS.blind("phone-end", "1234") != SECRETS.blind("phone-part", "1234")
    assert SECRETS.blind("phone-end", "1234") == SECRETS.blind("phone-end", "1234")


def test_a_contacts_number_is_no_sign_of_likeness() -> None:
    """Two siblings have one mother; their own numbers and dates differ."""
    one = by_field({"name": "架空 一郎", "birth_date": "1985-04-30", "contacts": [{"phone": "03-0000-0001"}]})

    assert {sign for sign, _ in likeness(one)} == {"name", "birth-date"}
