"""The blind index: written with the events, replaced by corrections, made again from the log, nothing in clear."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import sqlalchemy as sa

from services import blind
from services.book import Identifier
from services.desk import Desk
from services.tables import BLIND, INDEX_TABLES, INDEXED
from tests.desk_examples import LATER, RULES, SECRETS, Centre, call, message, register

FORM = {"name": "髙﨑 花子", "kana": "タカサキ ハナコ", "birth_date": "1985-04-30", "phone": "090-0000-1234"}
MOTHER = {"name": "架空 母", "relation": "母", "phone": "03-0000-0001"}


def who(centre: Centre, kind: str, value: str) -> list[str]:
    """Who has an identifier, as the index on disk says."""
    desk = centre.desk()
    assert desk.index is not None
    with desk.journal.engine.connect() as connection:
        return desk.index.lookup(connection, [Identifier(kind, value)])[Identifier(kind, value)]


def submit(centre: Centre, person: str = "P", **personal: Any) -> str:
    """Register somebody; returns the register's own id."""
    (found,) = centre.say("day", register(person, personal={**FORM, **personal})).person
    return found


def tokens(centre: Centre) -> Sequence[tuple[str, frozenset[int]]]:
    """The whole index: each person's tokens, without the short numbers, which may be given anew."""
    with centre.engine("intake").connect() as connection:
        people = {row.n: row.person for row in connection.execute(sa.select(INDEXED))}
        rows = connection.execute(sa.select(BLIND)).all()
    found = {person: frozenset(row.token for row in rows if row.n == n) for n, person in people.items()}
    return sorted(found.items())


def test_a_registrant_is_found_by_each_identifier(centre: Centre) -> None:
    """However it was typed, and after a restart."""
    person = submit(centre, contacts=[MOTHER])
    centre.restart()

    for kind, value in (
        ("name", "高崎花子"),
        ("kana", "タカサキハナコ"),
        ("kana-start", "ハナ"),
        ("birth-date", "1985-04-30"),
        ("phone", "09000001234"),
        ("phone", "0300000001"),
        ("phone-end", "1234"),
        ("phone-part", "0012"),
    ):
        assert who(centre, kind, value) == [person], (kind, value)
    assert who(centre, "own-phone", "0300000001") == []


def test_nothing_of_it_is_in_clear(centre: Centre) -> None:
    """Not in a row, not in a file."""
    submit(centre, name="ＭＡＲＫＥＲ", kana="マーカー", phone="09098765432", certificate_number="1234567890")
    on_disk = centre.on_disk()

    for word in ("MARKER", "marker", "マーカー", "マカ", "09098765432", "98765432", "1234567890", "1985-04-30"):
        assert word.encode() not in on_disk, word


def test_a_correction_takes_the_place_of_what_its_field_gave_before(centre: Centre) -> None:
    """And of nothing else: the mother's number stays, also where it shares its digits with the old one."""
    person = submit(centre, contacts=[MOTHER | {"phone": "090-0000-9999"}])
    centre.say("day", message("registration.correct", LATER, person="P", personal={"phone": "03-0000-0005"}))

    assert who(centre, "phone", "09000001234") == []
    assert who(centre, "phone-end", "1234") == []
    assert who(centre, "phone", "0300000005") == [person]
    assert who(centre, "phone", "09000009999") == [person]
    assert who(centre, "phone-part", "0900") == [person]
    assert who(centre, "kana", "タカサキハナコ") == [person]


def test_a_field_made_blank_is_found_no_more(centre: Centre) -> None:
    """`null` in a correction."""
    submit(centre)
    centre.say("day", message("registration.correct", LATER, person="P", personal={"phone": None}))

    assert who(centre, "own-phone", "09000001234") == []


def test_a_form_and_its_correction_in_one_batch(centre: Centre) -> None:
    """What stands there at the end counts."""
    corrected = message("registration.correct", LATER, person="P", personal={"phone": "03-0000-0005"})
    centre.say_all(("day", register("P", personal=FORM)), ("day", corrected))

    assert who(centre, "own-phone", "09000001234") == []
    assert len(who(centre, "own-phone", "0300000005")) == 1


def test_the_index_is_made_again_from_the_log(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same, where it was lost, half made, or folded by an earlier release; page by page."""
    for n in range(5):
        submit(centre, f"P{n}", phone=f"03-0000-000{n}")
    centre.say("day", message("registration.correct", LATER, person="P1", personal={"phone": "03-0000-0009"}))
    whole = tokens(centre)
    monkeypatch.setattr(blind, "PAGE", 2)
    with centre.engine("intake").begin() as connection:
        connection.execute(sa.delete(BLIND).where(BLIND.c.n > 2))
        connection.execute(sa.delete(INDEXED).where(INDEXED.c.n > 3))
        connection.execute(sa.update(INDEXED).where(INDEXED.c.n == 0).values(tokens=b'{"folding": 0, "whole": true}'))
    centre.restart()
    assert tokens(centre) == whole

    with centre.engine("intake").begin() as connection:
        for table in INDEX_TABLES:
            table.drop(connection)
    centre.restart()
    assert tokens(centre) == whole


def test_filling_goes_on_from_where_it_was_stopped(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is killed in the middle of it does not begin again for ever; until it is whole nobody searches in it."""
    for n in range(5):
        submit(centre, f"P{n}", phone=f"03-0000-000{n}")
    whole = tokens(centre)
    monkeypatch.setattr(blind, "PAGE", 2)
    with centre.engine("intake").begin() as connection:
        for table in INDEX_TABLES:
            table.drop(connection)
    done: list[bool] = []
    for _ in range(4):
        centre.close()
        centre._start()
        journal = centre.journal("intake")
        desk = Desk(journal, RULES["intake"], SECRETS, centre.keys)
        with journal.engine.connect() as connection:
            assert blind.usable(connection) == (len(done) == 3)
        done.append(desk.prepare())
        journal.close()

    assert done == [True, True, True, False]
    assert tokens(centre) == whole


def test_who_is_forgotten_is_found_no_more(centre: Centre) -> None:
    """Their rows go when the service starts again, or when something else is said of them."""
    gone, also, stays = submit(centre, "P"), submit(centre, "R"), submit(centre, "Q")
    centre.keys.destroy(gone)
    centre.say("day", message("registration.correct", LATER, person="P", personal={"phone": "03-0000-0005"}))
    assert who(centre, "kana", "タカサキハナコ") == [also, stays]
    assert who(centre, "phone", "0300000005") == []

    centre.keys.destroy(also)
    centre.restart()
    assert who(centre, "kana", "タカサキハナコ") == [stays]
    assert [person for person, _ in tokens(centre)] == sorted(["-", stays])


def test_what_cannot_be_written_leaves_no_token_behind(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows and events are one transaction."""
    submit(centre)
    before = tokens(centre)
    monkeypatch.setattr("services.group.HEARD", sa.Table("nowhere", sa.MetaData(), sa.Column("x", sa.Integer)))

    assert centre.say("day", register("Q", personal=FORM)).status == "parked"
    assert tokens(centre) == before


def test_a_call_writes_nothing_into_the_index(centre: Centre) -> None:
    """The way of every call stays as short as it was."""
    before = tokens(centre)
    centre.say("day", call("A", personal={"name": "架空 一郎", "phone": "03-0000-0001"}))

    assert tokens(centre) == before
