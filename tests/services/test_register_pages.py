"""利用登録者をさがす: the box, whom it finds, and what must be known first; by pages, over real databases."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator

import pytest

from services.tables import INDEXED
from tests.desk_examples import NIGHT, Centre, call, message
from tests.services.test_finding import HANAKO, OTHERS, submit
from tests.web_examples import HOME, browser, centre_in, site

FROM_HERE = {"Origin": HOME}


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    """Three registrants, one of them with an open case and a consent; all of them made up."""
    with centre_in(tmp_path_factory.mktemp("register")) as running:
        submit(running, "H", **HANAKO)
        for n, other in enumerate(OTHERS):
            submit(running, f"O{n}", **other)
        running.say("day", message("consent.give", NIGHT, person="H", to="架空相談支援事業所", edition="2"))
        running.say("day", call("A", NIGHT, person="H"))
        running.pump()
        yield running


def text_of(page: str) -> str:
    """A page as it is read, without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page))


async def test_whoever_rings_is_found_and_what_must_be_known_comes_first(
    centre: Centre, caplog: pytest.LogCaptureFixture
) -> None:
    """A number typed, the list, the person: what to tell first stands above contacts, cases and the form."""
    caplog.set_level(logging.INFO, "yoake.pages")
    async with browser(site(centre, role="night", name="架空 花子")) as web:
        asked = await web.get("/find")
        found = await web.post("/find", data={"q": "090-0000-1234"}, headers=FROM_HERE)
        address = re.findall(r'href="(/persons/[^"]*)"', found.text)[0]
        told = await web.get(address)

    assert 'name="q"' in asked.text
    assert text_of(found.text).index("髙﨑 花子") < text_of(found.text).index("佐藤 梅")
    text = text_of(told.text)
    order = ["先に知っておくこと", "大きな音が苦手", "吸引", "伯母へ連絡", "03-0000-0001", "03-0000-0002", "R7-0001"]
    assert sorted(order, key=text.index) == order
    assert 'href="tel:03-0000-0001"' in told.text
    assert "架空相談支援事業所 2" in text
    assert 'href="/calls/new?number=R7-0001"' in told.text
    (line,) = [record for record in caplog.records if record.getMessage() == "looked at"]
    assert line.__dict__["case"] == address.rpartition("/")[2]
    assert line.__dict__["role"] == "night"


@pytest.mark.parametrize("typed", ["", " ", "x", "だれもいない", "<script>alert(1)</script>", "\x00", "0" * 9000])
async def test_nothing_typed_is_too_odd(centre: Centre, typed: str) -> None:
    """The page, escaped, with what to try instead; what is far too long is refused."""
    async with browser(site(centre, role="day")) as web:
        found = await web.post("/find?part=1", data={"q": typed}, headers=FROM_HERE)

    assert found.status_code == (413 if len(typed) > 4096 else 200)
    assert "<script>" not in found.text
    assert "/persons/" not in found.text


async def test_english_says_the_same(centre: Centre) -> None:
    """The labels; the words of the form stay as they were typed."""
    async with browser(site(centre, role="day")) as web:
        found = await web.post("/find?lang=en", data={"q": "たかさき"}, headers=FROM_HERE)
        told = await web.get(re.findall(r'href="(/persons/[^"]*)"', found.text)[0].replace("&amp;", "&"))

    assert "Find a registrant" in found.text
    assert "Contacts, in order" in told.text
    assert "Open cases" in told.text
    assert "大きな音が苦手" in told.text


async def test_roles_that_see_no_persons_find_none(centre: Centre) -> None:
    """Neither the page nor an answer is there for them."""
    person = centre.records()[0].subject
    for role in ("ward", "auditor"):
        async with browser(site(centre, role=role)) as web:
            answers = [await web.get("/find"), await web.get(f"/persons/{person}")]
            answers.append(await web.post("/find", data={"q": "たかさき"}, headers=FROM_HERE))
        assert [answer.status_code for answer in answers] == [404, 404, 404]


async def test_before_intake_has_its_index_the_page_says_so(
    centre: Centre, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """As after a restore: nobody is found, the page says that calls are taken all the same, and no person is there."""
    with centre_in(tmp_path_factory.mktemp("empty")) as other:
        person = submit(other, "H", **HANAKO)
        other.pump()
        INDEXED.drop(other.engine("intake"))
        async with browser(site(other, role="day")) as web:
            found = await web.post("/find", data={"q": "たかさき"}, headers=FROM_HERE)
            told = await web.get(f"/persons/{person}")

    assert "準備ができていません" in found.text
    assert told.status_code == 404
