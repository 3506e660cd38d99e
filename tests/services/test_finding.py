"""Found while the phone rings: who may be meant, the surest first, and what that night's worker must know of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from services.database import open_engine
from services.intake.brief import Brief, brief
from services.intake.finding import MOST, Candidate, Finder, NotIndexed
from services.seal import KeyReader
from services.tables import BLIND, INDEXED
from tests.desk_examples import LATER, NEXT_DAY, ON_ONE_STORE, SECRETS, Centre, call, close, message, register

TODAY = date(2025, 5, 20)
HANAKO: dict[str, Any] = {
    "name": "髙﨑 花子",
    "kana": "タカサキ ハナコ",
    "birth_date": "1985-04-30",
    "phone": "090-0000-1234",
    "address": "架空町1-1-1",
    "contacts": [
        {"name": "架空 母", "relation": "母", "phone": "03-0000-0001", "note": "夜間可"},
        {"name": "架空 姉", "relation": "姉", "phone": "03-0000-0002"},
    ],
    "certificate_number": "0000012345",
    "support_level": "4",
    "care": {"allergy": "卵", "medical": "吸引", "seizures": "月1回"},
    "usual_services": ["架空生活介護", "架空移動支援"],
    "consultation_office": "架空相談支援事業所",
    "in_an_emergency": "伯母へ連絡",
    "tell_first": "大きな音が苦手",
}
OTHERS: list[dict[str, Any]] = [
    {"name": "高橋 花", "kana": "タカハシ ハナ", "birth_date": "1985-04-29", "phone": "090-0000-4321"},
    {"name": "佐藤 梅", "kana": "サトウ ウメ", "birth_date": "1960-01-02", "contacts": [{"phone": "090-0000-1234"}]},
]


def submit(centre: Centre, ref: str, provider: str = "day", **personal: Any) -> str:
    """Register somebody; returns the register's own id."""
    (found,) = centre.say(provider, register(ref, personal=personal)).person
    return found


@contextmanager
def finder(centre: Centre) -> Iterator[Finder]:
    """A finder with databases of its own, as another process has them; the key store is only read."""
    journal, engine = centre.journal("intake"), open_engine(centre.database_of("keys"))
    try:
        yield Finder(journal, SECRETS, KeyReader(engine, SECRETS))
    finally:
        journal.close()
        engine.dispose()


def found(centre: Centre, text: str) -> list[Candidate]:
    """Who may be meant."""
    with finder(centre) as looking:
        return list(looking.find(text, TODAY).candidates)


def told(centre: Centre, person: str) -> Brief:
    """What must be known of somebody."""
    with finder(centre) as looking:
        read = brief(looking, person, TODAY)
    assert read is not None
    return read


TYPED = [
    "090-0000-1234",
    "０９０００００１２３４",
    "+81 90 0000 1234",
    "090 0000 1234",
    "1234",
    "0001234",
    "たかさき はなこ",
    "ﾀｶｻｷ",
    "はなこ",
    "タカサキハ",
    "たか",
    "た",
    "たかさき は",
    "たかさきはなこ",
    "高崎",
    "髙崎花子",
    "花子",
    "1985-04-30",
    "昭和60年4月30日",
    "S60.4.30",
    "19850430",
    "0000012345",
    "03-0000-0001",
    "たかさき 1985-04-30",
    # Kanji: the variants that a form and a keyboard differ in, with either blank, in either order, as a set of glyphs.
    "髙崎",
    "高﨑",
    "髙﨑　花子",
    "高崎花子",
    "花子　髙﨑",
    "髙\U000e0100﨑",
    # Readings: half-width kana, with its marks apart.
    "ﾀｶｻｷ ﾊﾅｺ",
    "ﾀｶｻｷﾊﾅｺ",
    "ﾀｶｻｷ　ﾊﾅ",
    "タカサキ・ハナコ",
    # An incoming number, as exchanges, telephones and tired hands give it.
    "+819000001234",
    "+81 (0)90 0000 1234",
    "＋８１９０００００１２３４",
    "0081 90 0000 1234",
    "００８１９０００００１２３４",
    "010 81 90 0000 1234",
    "819000001234",
    "tel:+81-90-0000-1234",
    "\u202d090-0000-1234\u202c",
    "０９０　００００　１２３４",
    "0 9 0 0 0 0 0 1 2 3 4",
    "090.0000.1234",
    "090−0000−1234",
    "０９０ー００００ー１２３４",
    "090‐0000–1234",
    "(03)0000-0001",
    "０３（００００）０００１",
    "たかさき 090 0000 1234",
    "090 0000 1234 花子",
    # Parts of a number, in any place.
    "0000-1234",
    "-1234",
    "090-0000",
    "９０００",
    # Dates, by era and not.
    "昭和６０年０４月３０日",
    "昭和60年 4月 30日",
    "高崎 昭和60年 4月 30日",
    "㍼60年4月30日",
    "ｓ６０．４．３０",
    "S60/4/30",
    "1985年4月30日",
    "１９８５−０４−３０",
    "１９８５０４３０",
]


@pytest.mark.parametrize("databases", ["sqlite", "postgresql"], indirect=True)
def test_a_registrant_is_found_by_whatever_is_known(centre: Centre) -> None:
    """In any width, script and calendar; the one who is meant comes first."""
    person = submit(centre, "P", **HANAKO)
    for n, other in enumerate(OTHERS):
        submit(centre, f"Q{n}", **other)
    with finder(centre) as looking:
        for typed in TYPED:
            answer = looking.find(typed, TODAY)
            assert [c.person for c in answer.candidates][:1] == [person], typed
            assert not answer.more


@ON_ONE_STORE
@pytest.mark.parametrize(
    "typed",
    ["", "  ", "12", "090", "☃", "たかさき 1999-01-01", "田中", "髙﨑 819000009999", "09000009999", "%", "R9-9999"],
)
def test_what_fits_nobody_finds_nobody(centre: Centre, typed: str) -> None:
    """Also what is too short to say anything, and words of which one does not fit."""
    submit(centre, "P", **HANAKO)

    assert found(centre, typed) == []


def test_an_incoming_number_says_whose_it_is(centre: Centre) -> None:
    """The person's own before a contact's; of a contact the relation."""
    own = submit(centre, "P", **HANAKO)
    other = submit(centre, "Q", **OTHERS[1])
    first, second = found(centre, "09000001234")
    (mother,) = found(centre, "0300000001")

    assert [(c.person, c.matched, c.caller) for c in (first, second)] == [
        (own, ("phone",), None),
        (other, ("contacts",), second.caller),
    ]
    assert mother.matched == ("contacts",)
    assert mother.caller
    assert (mother.caller.relation, mother.caller.name) == ("母", "架空 母")
    assert (first.age, first.birth_date, first.status) == (40, date(1985, 4, 30), "registered")


def test_four_last_digits_are_no_country(centre: Centre) -> None:
    """0081 is dialled before our country's numbers from abroad, and ends other numbers."""
    submit(centre, "P", name="架空 一", phone="090-0000-0081")

    assert [len(found(centre, typed)) for typed in ("0081", "００８１", "00810", "090-0000-0081")] == [1, 1, 0, 1]


def test_an_impossible_date_of_birth_gives_no_age(centre: Centre) -> None:
    """Neither below zero nor beyond anybody's: the date is shown as it stands."""
    submit(centre, "P", name="架空 未来", birth_date="2199-01-01")
    submit(centre, "Q", name="架空 過去", birth_date="1890-01-01")
    future, past = found(centre, "架空 未来")[0], found(centre, "架空 過去")[0]

    assert [one.age for one in (future, past)] == [None, None]
    assert future.birth_date is not None


def test_whole_readings_come_before_beginnings(centre: Centre) -> None:
    """Then in the order of the readings."""
    readings = ["サトウ アイ", "サトウ", "サトナカ イチ"]
    for n, kana in enumerate(readings):
        submit(centre, f"P{n}", kana=kana)

    assert [c.kana for c in found(centre, "さとう")] == ["サトウ", "サトウ アイ", "サトナカ イチ"]


def test_at_most_twenty_and_it_says_that_there_are_more(centre: Centre) -> None:
    """Then more must be asked."""
    forms = [
        ("day", register(f"P{n}", personal={"kana": "サトウ ウメ", "phone": f"090-0000-{n:04}"}))
        for n in range(MOST + 1)
    ]
    centre.say_all(*forms)
    with finder(centre) as looking:
        many, one = looking.find("さとう", TODAY), looking.find("さとう 09000000007", TODAY)

    assert (len(many.candidates), many.more) == (MOST, True)
    assert (len(one.candidates), one.more) == (1, False)


def test_a_registrant_is_found_by_our_number_and_by_the_registers_id(centre: Centre) -> None:
    """受付番号 in any width; the id as a receipt shows it."""
    person = submit(centre, "P", **HANAKO)
    (number,) = centre.say("day", call("A", NEXT_DAY, person="P")).number

    for typed in (number.replace("R", "ｒ"), number.replace("-", "−")):
        assert [c.person for c in found(centre, typed)] == [person]
    assert [c.person for c in found(centre, person.upper())] == [person]


def test_what_must_be_known_of_somebody_comes_first(centre: Centre) -> None:
    """What to tell first, care, contacts in their order, why they are eligible, what is open, what may be shared."""
    person = submit(centre, "P", **HANAKO)
    centre.say("day", call("A", NEXT_DAY, person="P"))
    centre.say("day", call("B", NEXT_DAY, person="P"))
    centre.say("day", close("B"))
    centre.say("day", message("consent.give", NEXT_DAY, person="P", to="甲", edition="第2版"))
    centre.say("day", message("registration.confirm", LATER, person="P", channel="phone"))
    read = told(centre, person)

    assert read.details.tell_first == "大きな音が苦手"
    assert list(read.details.care) == ["medical", "allergy", "seizures"]
    assert [contact.relation for contact in read.details.contacts] == ["母", "姉"]
    assert read.details.contacts[0].note == "夜間可"
    assert (read.details.in_an_emergency, read.details.usual_services) == ("伯母へ連絡", "架空生活介護、架空移動支援")
    assert (read.eligibility.eligible, read.eligibility.reason) == (True, "age")
    assert [case.number for case in read.open_cases] == ["R7-0001"]
    assert [(c.to, c.edition) for c in read.consents] == [("甲", "第2版")]
    assert (read.age, read.status, read.confirmed_on) == (40, "registered", date(2025, 5, 14))
    assert read.takes_effect_on == read.registered_on == date(2025, 5, 1)


def test_a_correction_is_read_as_the_form_stands_now(centre: Centre) -> None:
    """Field by field; what a field gave before finds nobody."""
    person = submit(centre, "P", **HANAKO)
    changed: dict[str, Any] = {"phone": "090-0000-5678", "tell_first": None, "contacts": []}
    centre.say("day", message("registration.correct", LATER, person="P", personal=changed))
    read = told(centre, person)

    assert (read.details.phone, read.details.tell_first, read.details.contacts) == ("090-0000-5678", None, ())
    assert read.details.care["allergy"] == "卵"
    assert found(centre, "09000001234") == []
    assert [c.person for c in found(centre, "5678")] == [person]


def test_who_left_is_found_and_it_is_said(centre: Centre) -> None:
    """Somebody may ring who does not know it."""
    person = submit(centre, "P", **HANAKO)
    centre.say("day", message("registration.withdraw", LATER, person="P", reason="moved-away"))
    (candidate,) = found(centre, "はなこ")
    read = told(centre, person)

    assert (candidate.status, read.status, read.left_on) == ("moved-away", "moved-away", date(2025, 5, 14))
    centre.say("day", message("registration.reinstate", "2025-05-15 10:00", person="P"))
    assert (told(centre, person).status, told(centre, person).left_on) == ("registered", None)


def test_merged_records_are_one_and_nothing_that_either_says_is_lost(centre: Centre) -> None:
    """Found by what either form said, shown once; an allergy on the merged form is shown too; a split parts them."""
    stays = submit(centre, "P", **HANAKO)
    part = submit(centre, "X", "night", kana="タカサキ ハナ", phone="03-0000-7777", care={"allergy": "そば"})
    centre.say("night", call("A", NEXT_DAY, person="X"))
    centre.say("night", message("person.merge", LATER, person="X", into_id=stays))

    for typed in ("はな", "0300007777", "09000001234"):
        assert [c.person for c in found(centre, typed)] == [stays], typed
    read = told(centre, part)
    assert read.details.person == stays
    assert [other.care for other in read.also] == [{"allergy": "そば"}]
    assert len(read.open_cases) == 1

    centre.say("night", message("person.split", "2025-05-15 10:00", person="X"))
    assert [c.person for c in found(centre, "0300007777")] == [part]
    assert told(centre, stays).also == ()
    assert told(centre, stays).open_cases == ()


def test_who_was_forgotten_is_not_found(centre: Centre) -> None:
    """Even while their tokens still stand in the index, and the others go on."""
    gone, stays = submit(centre, "P", **HANAKO), submit(centre, "Q", kana="タカサキ イチ")
    centre.keys.destroy(gone)

    assert [c.person for c in found(centre, "たかさき")] == [stays]
    assert found(centre, gone) == []
    with finder(centre) as looking:
        assert brief(looking, gone, TODAY) is None


def test_a_token_that_is_anothers_shows_nobody_wrongly(centre: Centre) -> None:
    """Tokens have 64 bits and may be stale: the record itself is looked at."""
    submit(centre, "P", **HANAKO)
    other = submit(centre, "Q", kana="ヤマダ")
    with centre.engine("intake").begin() as connection:
        n = connection.execute(sa.select(INDEXED.c.n).where(INDEXED.c.person == other)).scalar_one()
        connection.execute(sa.insert(BLIND).values(token=SECRETS.blind("phone", "0300000001"), n=n))

    assert len(found(centre, "0300000001")) == 1


def test_a_record_may_hold_anything(centre: Centre) -> None:
    """Whatever a sender put there: it is found by what can be read, and shown as far as it can be."""
    odd: dict[str, Any] = {
        "name": 7,
        "kana": "オカシ",
        "care": "none",
        "contacts": ["03", {"phone": 7}, {"name": []}],
        "tell_first": {"a": 1},
    }
    person = submit(centre, "P", **odd)
    read = told(centre, person)

    assert [c.name for c in found(centre, "おかし")] == ["7"]
    assert (read.details.care, read.details.tell_first, len(read.details.contacts)) == ({}, None, 2)


def test_without_a_birth_date_eligibility_goes_by_the_age_then(centre: Centre) -> None:
    """Plus the years since; and without either it says so."""
    at_64 = submit(centre, "P", kana="アア")
    centre.say("day", message("registration.correct", LATER, person="P", certificate=False))
    with finder(centre) as looking:
        assert (read := brief(looking, at_64, TODAY)) is not None
        assert read.eligibility.reason == "age"
        later = brief(looking, at_64, date(2055, 5, 1))
    assert later is not None
    assert later.eligibility.reason == "no-certificate"


def test_before_intake_has_made_the_index_it_says_what_to_do(centre: Centre) -> None:
    """A directory of an earlier release that was not started yet."""
    with centre.desk().journal.engine.begin() as connection:
        connection.execute(sa.delete(INDEXED).where(INDEXED.c.n == 0))

    with pytest.raises(NotIndexed, match="start Yoake once"), finder(centre):
        pass
