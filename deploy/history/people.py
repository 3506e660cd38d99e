"""Invented people: names, numbers and addresses that nobody can take for real ones."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import Any

from services.ward import Ward, fiscal_year

FAMILY = (("見本", "ミホン"), ("架空", "カクウ"), ("仮名", "カメイ"), ("例示", "レイジ"), ("試作", "シサク"))
GIVEN = (
    ("一郎", "イチロウ"),
    ("花子", "ハナコ"),
    ("二郎", "ジロウ"),
    ("桜", "サクラ"),
    ("三郎", "サブロウ"),
    ("梅子", "ウメコ"),
    ("四郎", "シロウ"),
    ("松子", "マツコ"),
)
RELATIONS = ("母", "父", "姉", "兄", "本人", "相談支援専門員", "ホームヘルパー")
OLDEST = 84


def somebody(number: int) -> dict[str, Any]:
    """A name with its reading and an invented number: 見本 一郎12, ミホン イチロウ."""
    family, given = FAMILY[number % len(FAMILY)], GIVEN[number // len(FAMILY) % len(GIVEN)]
    return {"name": f"{family[0]} {given[0]}{number}", "kana": f"{family[1]} {given[1]}"}


def phone(number: int) -> str:
    """A number that no exchange has: 000-0000-0012."""
    return f"000-{number // 10_000:04}-{number % 10_000:04}"


def relative(number: int) -> dict[str, Any]:
    """Whom to ring for somebody: a parent, a sister or a brother with a number of their own."""
    name = somebody(number + len(FAMILY) * len(GIVEN))["name"]
    return {"name": name, "relation": RELATIONS[number % 4], "phone": phone(number + 50_000)}


def home(number: int, ward: Ward) -> str:
    """An address in a town that does not exist."""
    return f"{ward.ward.name.ja}架空町{number % 9 + 1}-{number % 40 + 1}-{number % 17 + 1}"


def birth_date(group: str, day: date, ward: Ward, rng: Random) -> date:
    """A date of birth that is in this age group on this day, by the birthday and by law alike.

    The days around the birthday, on which the two differ, are left out. Where groups go by school
    years, it is any day of one of the group's years.
    """
    youngest = 0
    for entry in ward.age_group:
        if entry.key == group:
            break
        youngest = (entry.to or 0) + 1
    oldest = youngest + 20 if entry.to is None else min(entry.to, max(OLDEST, youngest))
    age = rng.randint(youngest, oldest)
    if ward.policy.age == "school-year":
        first = date(fiscal_year(day) - age - 1, 4, 2)
        last = min(date(fiscal_year(day) - age, 4, 1), day - timedelta(days=3))
        return first + timedelta(days=rng.randint(0, (last - first).days))
    same_day = date(day.year - age, day.month, min(day.day, 28))
    return same_day - timedelta(days=rng.randint(3, 360))
