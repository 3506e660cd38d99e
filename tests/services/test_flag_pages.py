"""確認事項 as a page: what stands open, in words, and resolving it for the provider of one's role."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from services.pages.flag_words import FLAGS as IN_WORDS
from services.tables import FLAGS
from services.ward import ROLES
from tests.desk_examples import LATER, NIGHT, Centre, call, contact, register
from tests.web_examples import HOME, browser, centre_in, site

ROOT = Path(__file__).parents[2]
FROM_HERE = {"Origin": HOME}
NAME = "架空 太郎"
OPEN = {"unknown-district", "not-registered", "personal-in-clear", "eligibility-age", "form-incomplete"}
"""The flags of `centre`."""


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Centre]:
    """A night call from an unknown district about somebody not registered, and a form of the day; all of it made up."""
    with centre_in(tmp_path) as running:
        odd = call("A", NIGHT, district="atlantis", personal={"name": NAME})
        running.say("night", {**odd, "synthetic": True})
        running.say("day", register(age=66, certificate=None))
        running.pump()
        yield running


async def get(app: Starlette, address: str = "/flags") -> httpx.Response:
    """One answer, wherever it leads."""
    async with browser(app) as web:
        return await web.get(address, follow_redirects=True)


def forms_of(page: str) -> list[dict[str, str]]:
    """The hidden fields of each form that resolves, in the order of the page."""
    forms = re.findall(r'<form class="act".*?</form>', page, re.DOTALL)
    pairs = [re.findall(r'type="hidden" name="(.*?)" value="(.*?)"', form) for form in forms]
    return [{name: unescape(value) for name, value in each} for each in pairs]


async def send(app: Starlette, form: dict[str, str], address: str = "/flags/resolve") -> httpx.Response:
    """A form, wherever it leads."""
    async with browser(app) as web:
        return await web.post(address, data=form, headers=FROM_HERE, follow_redirects=True)


def still_open(centre: Centre) -> set[str]:
    return {row["code"] for row in centre.rows(FLAGS) if row["resolved_at"] is None}


async def test_what_stands_open_is_told_in_words(centre: Centre) -> None:
    """Its 受付番号 leads to the case; what it means, what to do, since when; the menu counts; in English as well."""
    page = (await get(site(centre, role="night"))).text
    english = (await get(site(centre, role="night"), "/flags?lang=en")).text

    about = centre.rows(FLAGS)[0]["about"]
    assert f'href="/cases/{about}"' in page
    for told in ("R7-0001", "地域の一覧にない", "区の一覧にある語を選んで、記録を訂正してください。", "項目：地域"):
        assert told in page
    assert 'aria-current="page">確認事項 <span class="count">5件' in page
    assert "Not one of the districts" in english
    assert "/flags/resolve?lang=en" in english


async def test_nobody_is_named_on_it(centre: Centre) -> None:
    """Whoever sees the list: no personal value is on it, and roles without a provider find no form."""
    for role in ("night", "day", "ward", "auditor"):
        page = (await get(site(centre, role=role))).text
        assert NAME not in page
        assert bool(forms_of(page)) is (role in ("night", "day"))


async def test_a_flag_is_resolved_and_leaves_the_list(centre: Centre) -> None:
    """Sent as the role's provider, about its own call; the note and who did it are sealed; synthetic as its record."""
    app = site(centre, role="night", name="架空 花子")
    form = next(each for each in forms_of((await get(app)).text) if each["code"] == "unknown-district")
    answer = await send(app, form | {"resolution": "corrected", "note": "母に確認"})
    provider, sent = app.state.counter.sent[0]
    resolved = [event for event in centre.events() if event.name == "flag.resolved"]

    assert "確認済みにしました。" in answer.text
    assert (answer.url.path, answer.url.query) == ("/flags", b"said=resolved")
    assert [(event.provider, event.resolution, event.field) for event in resolved] == [
        ("night", "corrected", "data.matters[0].district")
    ]
    assert (provider, sent["synthetic"], set(sent["data"]) >= {"call", "source", "matter"}) == ("night", True, True)
    assert sent["data"]["personal"] == {"note": "母に確認", "by": "架空 花子"}
    assert "unknown-district" not in still_open(centre)
    assert {each["code"] for each in forms_of(answer.text)} == OPEN - {"unknown-district"}
    assert "確認済み：訂正、夜間受託事業者" in (await get(app, "/flags?all=1")).text
    assert "母に確認" not in (await get(app, "/flags?all=1")).text


async def test_another_providers_call_is_resolved_by_its_number(centre: Centre) -> None:
    """The day looks at what the night recorded."""
    app = site(centre, role="day")
    forms = forms_of((await get(app)).text)
    for form in forms:
        await send(app, form | {"resolution": "confirmed"})

    assert {each["code"] for each in forms} == OPEN
    assert [sent["data"].get("number") for _, sent in app.state.counter.sent].count("R7-0001") == 3
    assert still_open(centre) == set()


async def test_a_name_of_the_senders_own_is_no_hindrance(centre: Centre) -> None:
    """An id that may be somebody's name stands as a digest in the log, and finds its call all the same."""
    centre.say("night", {**call("B", NIGHT, id="架空#太郎 1"), "source": "台帳 #1"})
    app = site(centre, role="night")
    for form in forms_of((await get(app)).text):
        await send(app, form | {"resolution": "not-needed"})

    assert still_open(centre) == set()


async def test_a_registration_of_another_provider_is_resolved_by_its_id(centre: Centre) -> None:
    """Whose contract is over resolves nothing any more: then another does, by the register's own id."""
    app = site(centre, role="night")
    forms = [form for form in forms_of((await get(app)).text) if form["code"] == "form-incomplete"]
    for form in forms:
        await send(app, form | {"resolution": "not-needed"})
    resolved = [event for event in centre.events() if event.name == "flag.resolved"]

    assert [sent["data"]["person_id"] for _, sent in app.state.counter.sent] == [event.person for event in resolved]
    assert [(event.provider, event.code) for event in resolved] == [("night", "form-incomplete")]
    assert "form-incomplete" not in still_open(centre)


async def test_what_nobody_here_can_name_has_no_form(centre: Centre) -> None:
    """A silent call of the night has no consultation: the day sees its flag, and cannot resolve it."""
    centre.say("night", contact(on=NIGHT, not_counted="silent", channel="pigeon"))
    row = next(row for row in centre.rows(FLAGS) if row["code"] == "unknown-channel")
    form = {"holder": row["holder"], "matter": "1", "code": row["code"], "field": row["field"]}
    day = site(centre, role="day")
    shown = (await get(day)).text

    assert "連絡の方法の一覧にない" in shown
    assert "記録した受託事業者が確認済みにします" in shown
    assert "unknown-channel" not in {each["code"] for each in forms_of(shown)}
    assert (await send(day, form | {"resolution": "confirmed"})).status_code == 404
    assert "確認済みに" in (await send(site(centre, role="night"), form | {"resolution": "confirmed"})).text


async def test_resolved_twice_is_said_and_changes_nothing(centre: Centre) -> None:
    """Two people press at once: the second is told so."""
    app = site(centre, role="night")
    form = forms_of((await get(app)).text)[0] | {"resolution": "confirmed"}
    await send(app, form)
    again = await send(app, form)

    assert "すでに確認済みです。" in again.text
    assert len(app.state.counter.sent) == 1


async def test_what_was_typed_stays_where_it_did_not_get_through(centre: Centre) -> None:
    """The line is down, no resolution was chosen, or the note is too long: the same form again, filled in."""
    app = site(centre, role="night")
    form = forms_of((await get(app)).text)[0] | {"note": "あとで訂正"}
    nothing = await send(app, form)
    long = await send(app, form | {"resolution": "confirmed", "note": "あ" * 1001})
    app.state.counter.closed = True
    down = await send(app, form | {"resolution": "confirmed"}, "/flags/resolve?lang=en")

    assert (nothing.status_code, "一つ選んでください" in nothing.text) == (400, True)
    assert (long.status_code, "1,000字まで" in long.text) == (400, True)
    assert (down.status_code, "The line is down" in down.text, 'value="あとで訂正"' in down.text) == (503, True, True)
    assert re.search(r'value="confirmed" required checked', down.text)
    assert still_open(centre) == OPEN


async def test_the_answer_to_a_form_leads_to_the_other_language(centre: Centre) -> None:
    """To the list, as it was asked for: the form's own address is for sending alone."""
    app = site(centre, role="night")
    form = forms_of((await get(app)).text)[0] | {"code_shown": "unknown-district", "all": "1"}
    answer = await send(app, form)
    other = re.search(r'class="language"><a href="(.*?)"', answer.text)

    assert other
    assert unescape(other[1]) == "/flags?code=unknown-district&all=1&lang=en"
    assert (await get(app, unescape(other[1]))).status_code == 200


async def test_what_has_no_receipt_yet_is_on_its_way(centre: Centre) -> None:
    """It is not said to be resolved."""
    app = site(centre, role="night")
    app.state.counter.slow = True
    form = forms_of((await get(app)).text)[0] | {"resolution": "confirmed"}

    assert "送信しました。受付が済みしだい" in (await send(app, form)).text


async def test_the_list_is_filtered_and_paged(centre: Centre) -> None:
    """By kind, fifty at a time, the oldest first; an address out of range leads to the last page."""
    for n in range(52):
        centre.say("day", call(f"C{n}", LATER))
    app = site(centre, role="day")
    first = (await get(app, "/flags?code=not-registered")).text
    last = (await get(app, "/flags?code=not-registered&page=99999")).text

    assert (len(forms_of(first)), len(forms_of(last))) == (50, 3)
    assert "R7-0001" in first
    assert "2／2ページ" in last
    assert "/flags?code=not-registered&amp;page=2" in first


FORMS: list[dict[str, str]] = [
    {},
    {"holder": "x"},
    {"holder": "\x00", "matter": "1", "code": "\x00", "field": "", "resolution": "confirmed"},
    {"holder": "x", "matter": "9" * 99, "code": "late-entry", "field": "", "resolution": "confirmed"},
    {"holder": "x", "matter": "²", "code": "late-entry", "field": "", "resolution": "confirmed"},
    {"page": "-1", "code_shown": "\x00", "all": "x", "holder": "😀" * 500},
]
BODIES = [b"", b"&&==", b"%ff%fe=1", b"\xff\xfe", b"holder", b"a=1&" * 200, b"{}", b"x" * 5_000_000]


async def test_no_form_is_too_odd(centre: Centre) -> None:
    """Unknown, missing or broken fields, in any body: never an error of ours, and nothing is sent."""
    app = site(centre, role="night")
    for form in FORMS:
        assert (await send(app, form)).status_code == 404
    async with browser(app) as web:
        for body in BODIES:
            answer = await web.post("/flags/resolve", content=body, headers=FROM_HERE)
            assert answer.status_code in (400, 404, 413)
        for query in ("code=%00", "page=99999", "all=2&code=" + "a" * 5_000, "said=x"):
            assert (await web.get(f"/flags?{query}")).status_code == 200
        for query in ("page=0", "page=x", "page=%ff"):
            assert (await web.get(f"/flags?{query}")).status_code == 400

    assert app.state.counter.sent == []


async def test_nobody_else_resolves(centre: Centre) -> None:
    """No session, no provider, or another site: nothing is sent, and there is no such page."""
    form = forms_of((await get(site(centre, role="night"))).text)[0] | {"resolution": "confirmed"}
    for role, status in ((None, 403), ("ward", 404), ("auditor", 404)):
        app = site(centre, role=role)
        assert (await send(app, form)).status_code == status
        assert app.state.counter.sent == []
    async with browser(app := site(centre, role="night")) as web:
        for headers in ({}, {"Origin": "http://attacker.example"}):
            assert (await web.post("/flags/resolve", data=form, headers=headers)).status_code == 403
    assert app.state.counter.sent == []


def test_every_code_of_the_contract_has_its_words() -> None:
    """What the contract lists is told in words, with what to do; and nothing else is."""
    text = (ROOT / "events" / "README.md").read_text()
    table = text[text.index("A flag never stops anything") :].partition("## Sending over HTTP")[0]
    codes = set(re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE))

    assert codes == set(IN_WORDS)
    assert all(label.ja and label.en for told in IN_WORDS.values() for label in told)
    assert any(role.provider is None for role in ROLES)


def boxes_of(page: str) -> dict[str, str]:
    """The boxes of the flags that can be chosen together, as the form sends them."""
    return {name: unescape(value) for name, value in re.findall(r'form="many" name="(.*?)" value="(.*?)"', page)}


async def test_many_flags_are_resolved_with_one_reason(centre: Centre) -> None:
    """Each by an event of its own, with the note sealed in each; a link chooses the whole page, without a script."""
    app = site(centre, role="day", name="架空 花子")
    page = (await get(app, "/flags?chosen=all")).text
    boxes = boxes_of(page)
    answer = await send(app, {**boxes, "resolution": "confirmed", "note": "まとめて確認"}, "/flags/resolve-chosen")
    events = [event for event in centre.events() if event.name == "flag.resolved"]

    assert page.count(" checked") == len(boxes) == len(OPEN)
    assert "確認済みにしました。 5件" in answer.text
    assert sorted(event.code for event in events) == sorted(OPEN)
    assert all(event.sealed and event.because is None for event in events)
    assert still_open(centre) == set()


async def test_of_many_flags_each_says_what_became_of_it(centre: Centre) -> None:
    """What was resolved meanwhile hinders no other; without a resolution nothing is sent, and all stay chosen."""
    app = site(centre, role="night")
    boxes = boxes_of((await get(app)).text)
    nothing = await send(app, boxes, "/flags/resolve-chosen")
    none_chosen = await send(app, {"resolution": "confirmed"}, "/flags/resolve-chosen")
    form = next(each for each in forms_of((await get(app)).text) if each["code"] == "not-registered")
    await send(app, form | {"resolution": "confirmed"})
    made_up = {"chosen-98": '["x",1,"late-entry",""]', "chosen-99": "{"}
    answer = await send(app, {**boxes, **made_up, "resolution": "not-needed"}, "/flags/resolve-chosen")

    assert (nothing.status_code, "一つ選んでください" in nothing.text) == (400, True)
    assert nothing.text.count(" checked") == len(boxes)
    assert (none_chosen.status_code, "選んでください" in none_chosen.text) == (400, True)
    assert "未登録：すでに確認済みです。" in answer.text
    assert "not-registered" not in still_open(centre)
    assert still_open(centre) <= {"eligibility-age", "form-incomplete"}


async def test_kinds_are_told_with_their_numbers(centre: Centre) -> None:
    """The most frequent first, each leading to its own list; the order of the list is stated."""
    centre.say("day", call("B", LATER))
    page = (await get(site(centre, role="day"))).text
    kinds = re.search(r'<nav class="kinds".*?</nav>', page, re.DOTALL)

    assert kinds is not None
    assert re.findall(r">(\S+) <span class=\"count\">(\d+)件", kinds[0])[:2] == [("すべての種類", "6"), ("未登録", "2")]
    assert "/flags?code=not-registered" in kinds[0]
    assert "並び順：発生が古いものから。" in page
