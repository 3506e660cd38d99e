"""Which of a night's contacts were the first of their consultation (第一報), and how many 相談 began in it. Pure.

A consultation is dated by its first contact that counts; what was merged into it is a part of it (domain Rule 1).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from services.handover.register import CaseRow, ItemRow, Register
from services.ward import Ward

MISTAKEN = "mistaken"


class Firsts(NamedTuple):
    """The first contacts, by contact and matter; and how many consultations began."""

    first: frozenset[tuple[str, int]]
    new: int


def counts(row: ItemRow, ward: Ward) -> bool:
    """Whether a contact counts (domain Rule 2): what was put there by mistake never does."""
    return row.not_counted is None or (row.not_counted != MISTAKEN and row.not_counted not in ward.policy.not_counted)


def firsts_of(rows: Sequence[ItemRow], ward: Ward, register: Register) -> Firsts:
    """Of a night's contacts."""
    roots = _roots({row.case for row in rows if row.case is not None}, register)
    own: dict[str, list[ItemRow]] = {}
    for row in rows:
        if row.case is not None:
            own.setdefault(roots[row.case], []).append(row)
    parts = parts_of(own, register)
    first, new = set(), 0
    for root, contacts in own.items():
        contacts.sort(key=_when)
        began = min(part.began_at for part in parts[root])
        if contacts[0].at <= began:
            first.add((contacts[0].contact, contacts[0].matter))
        counted = [row for row in contacts if counts(row, ward)]
        if ward.policy.unit == "contact":
            new += len(counted)
        elif counted and (contacts[0].at <= began or _is_dated_by(counted[0], parts[root], ward, register)):
            new += 1
    return Firsts(frozenset(first), new)


def parts_of(roots: Iterable[str], register: Register) -> dict[str, list[CaseRow]]:
    """Each whole with its parts, and theirs."""
    of = {root: root for root in roots}
    level = set(of)
    while level:
        merged = [row for row in register.merged_into(level) if row.case not in of]
        of |= {row.case: of[row.merged_into] for row in merged if row.merged_into is not None}
        level = {row.case for row in merged}
    parts: dict[str, list[CaseRow]] = {}
    for case, root in of.items():
        if (row := register.case(case)) is not None:
            parts.setdefault(root, []).append(row)
    return parts


def _when(row: ItemRow) -> tuple[object, ...]:
    return row.at, row.contact, row.matter


def _is_dated_by(row: ItemRow, parts: Iterable[CaseRow], ward: Ward, register: Register) -> bool:
    """Whether nothing that counts came before it, such as where what came before was silent."""
    contacts = (other for part in parts for other in register.contacts_of(part.case))
    return not any(_when(other) < _when(row) and counts(other, ward) for other in contacts)


def _roots(cases: set[str], register: Register) -> dict[str, str]:
    """Of what each is a part, however often merged; itself, where it is whole."""
    register.read(cases=sorted(cases))
    found = {}
    for case in cases:
        root, seen = case, {case}
        while (row := register.case(root)) is not None and row.merged_into is not None and row.merged_into not in seen:
            root = row.merged_into
            seen.add(root)
        found[case] = root
    return found
