"""`yoake verify` and the index of persons: each way in which it may be wrong is told, by ids alone, and mended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import sqlalchemy as sa

from deploy import verify_index
from deploy.opened import Opened
from deploy.refill import rebuild_index
from deploy.verify import verify
from deploy.verify_index import Compared, compare_index
from services.intake import identifiers as ids
from services.seal import Secrets
from services.settings import Settings
from services.tables import BLIND, INDEX_TABLES, INDEXED
from tests.desk_examples import LATER, Centre, call, message, register
from tests.running import WARD

FORM: dict[str, Any] = {
    "name": "架空 花子",
    "kana": "カクウ ハナコ",
    "birth_date": "1985-04-30",
    "phone": "090-0000-1234",
    "contacts": [{"name": "架空 母", "phone": "03-0000-0001"}],
}


class Register(NamedTuple):
    """A centre that rests, with two registrants: `one` has corrected her number, of `other` little is known."""

    centre: Centre
    settings: Settings
    secrets: Secrets
    one: str
    other: str

    def compared(self) -> Compared:
        with closing(Opened(self.settings, "setagaya")) as books:
            return compare_index(books)

    def faults(self) -> list[str]:
        """The differences, with the ids as A and B."""
        found = self.compared().differences
        return [line.replace(self.one, "A").replace(self.other, "B") for line in found]

    def n_of(self, person: str) -> int:
        with self.centre.engine("intake").connect() as connection:
            n: int = connection.execute(sa.select(INDEXED.c.n).where(INDEXED.c.person == person)).scalar_one()
            return n

    def change(self, *statements: sa.Executable) -> None:
        with self.centre.engine("intake").begin() as connection:
            for statement in statements:
                connection.execute(statement)


@pytest.fixture
def kept(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Register]:
    """On either database, with keys on disk as an operator has them."""
    secrets = Secrets.at(tmp_path / "keys")
    monkeypatch.setattr("tests.desk_examples.SECRETS", secrets)
    settings = Settings(ward_file=WARD, nats="nats://127.0.0.1:1", database=database_url, keys=tmp_path / "keys")
    with Centre(database_url) as centre:
        said = register("P", personal=FORM), register("Q", personal={"kana": "カクウ"}), register("R")
        one, other, _ = (centre.say("day", form).person[0] for form in said)
        centre.say("day", message("registration.correct", LATER, person="P", personal={"phone": "03-0000-0005"}))
        centre.say("day", call("A", personal={"name": "架空 一郎"}))
        yield Register(centre, settings, secrets, one, other)


def lacking(kept: Register) -> None:
    kept.change(sa.delete(BLIND).where(BLIND.c.token == kept.secrets.blind(ids.BIRTH_DATE, "1985-04-30")))


def lacking_row(kept: Register) -> None:
    n = kept.n_of(kept.other)
    kept.change(sa.delete(BLIND).where(BLIND.c.n == n), sa.delete(INDEXED).where(INDEXED.c.n == n))


def old_number(kept: Register) -> None:
    token = kept.secrets.blind(ids.OWN_PHONE, "09000001234")
    kept.change(sa.insert(BLIND).values(token=token, n=kept.n_of(kept.one)))


def exchanged(kept: Register) -> None:
    right, wrong = (kept.secrets.blind(ids.BIRTH_DATE, day) for day in ("1985-04-30", "1985-04-29"))
    kept.change(sa.update(BLIND).where(BLIND.c.token == right).values(token=wrong))


def forgotten(kept: Register) -> None:
    kept.centre.keys.destroy(kept.other)


def forgotten_in_a_copy(kept: Register) -> None:
    """The list beside the master key knows it, and the key store of an older copy does not."""
    assert kept.secrets.tombstones
    kept.secrets.tombstones.write_text(f"{kept.other}\n", encoding="utf-8")


def misnoted(kept: Register) -> None:
    noted = sa.select(INDEXED.c.tokens).where(INDEXED.c.person == kept.one)
    with kept.centre.engine("intake").connect() as connection:
        text = bytes(connection.execute(noted).scalar_one()).replace(b'"phone"', b'"fax"')
    kept.change(sa.update(INDEXED).where(INDEXED.c.person == kept.one).values(tokens=text))


def stranger(kept: Register) -> None:
    kept.change(sa.insert(INDEXED).values(n=77, person="nobody", tokens=b"{}"), sa.insert(BLIND).values(token=1, n=77))


def adrift(kept: Register) -> None:
    kept.change(sa.insert(BLIND).values(token=1, n=99), sa.insert(BLIND).values(token=2, n=99))


TAMPERED: dict[Callable[[Register], None], str] = {
    lacking: "A lacks 1 of 23 tokens",
    lacking_row: "B is not in it, and cannot be found",
    old_number: "A has tokens too many: 1",
    exchanged: "A lacks 1 of 23 tokens, and has 1 that are not theirs",
    forgotten: "B is in it with 3 tokens, and their key was destroyed",
    forgotten_in_a_copy: "B is in it with 3 tokens, and their key was destroyed",
    misnoted: "A has the right tokens, noted under the wrong fields: a correction would leave some behind",
    stranger: "nobody is in it, and was never registered",
    adrift: "2 tokens lead to number 99, which nobody has",
}


@pytest.mark.parametrize("tamper", TAMPERED, ids=lambda tamper: tamper.__name__)
def test_whatever_is_wrong_is_told_by_id_and_made_again(kept: Register, tamper: Callable[[Register], None]) -> None:
    """Missing, too much, another's; whose key was destroyed has nothing. Before it all agrees, and afterwards."""
    assert kept.compared() == Compared()
    tamper(kept)
    assert kept.faults() == [f"index of persons: {TAMPERED[tamper]}"]

    with closing(Opened(kept.settings, "setagaya")) as books:
        assert not rebuild_index(books)
        assert rebuild_index(books)
    assert kept.compared() == Compared()


def test_it_is_a_part_of_verify(kept: Register) -> None:
    """And what is personal stands in no line of it."""
    kept.centre.pump()
    with closing(Opened(kept.settings, "setagaya")) as books:
        assert verify(books, None) == Compared()
        old_number(kept)
        compared = verify(books, None)
    assert compared.differences == [f"index of persons: {kept.one} has tokens too many: 1"]


def test_page_by_page_is_the_same(kept: Register, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ward has more registrants than are opened together."""
    monkeypatch.setattr(verify_index, "PAGE", 1)
    assert kept.compared() == Compared()
    lacking_row(kept)
    old_number(kept)
    assert [fault.partition(" is ")[0].partition(" has ")[0] for fault in kept.faults()] == [
        "index of persons: A",
        "index of persons: B",
    ]


def test_without_the_keys_nothing_is_claimed(kept: Register, tmp_path: Path) -> None:
    """They may be kept on another machine; and with another ward's keys every token would look wrong."""
    lacking(kept)
    master = tmp_path / "keys" / "master.key"
    right = master.read_bytes()
    master.unlink()
    (absent,) = kept.compared().unchecked
    master.write_bytes(b"x" * 32)
    (wrong,) = kept.compared().unchecked

    assert kept.compared().differences == []
    assert "master.key: put the keys there, or do this where they are" in absent
    assert "master.key does not open this key store" in wrong
    master.write_bytes(right)
    assert len(kept.compared().differences) == 1


def test_of_whom_no_key_is_there_nothing_is_claimed(kept: Register) -> None:
    """A key store of an older copy: their tokens may be right, and the others are compared all the same."""
    with kept.centre._key_engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM person_keys WHERE subject = :one"), {"one": kept.one})
    lacking(kept)
    lacking_row(kept)

    assert kept.faults() == ["index of persons: B is not in it, and cannot be found"]
    assert kept.compared().unchecked == ["index of persons: 1 registrants, since no key opens what they are found by"]


def test_an_index_that_was_not_made_yet_is_no_difference(kept: Register) -> None:
    """A backup holds none, and intake makes it when it starts."""
    kept.change(*(sa.delete(table) for table in INDEX_TABLES))

    assert kept.compared() == Compared(unchecked=["index of persons: intake makes it from its log when it starts"])
