"""訂正 as a page: what is held is shown, what was changed is sent with its reason, and both stay in the history."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from tests.desk_examples import NIGHT, Centre, at, call, register
from tests.services.test_register_pages import text_of
from tests.web_examples import HOME, WARDS, browser, centre_in, site

FROM_HERE = {"Origin": HOME}
CALL = "/calls/R7-0001/correct"
FORM: dict[str, Any] = {
    "name": "架空 花子",
    "kana": "カクウ ハナコ",
    "birth_date": "1985-04-30",
    "care": {"allergy": "卵", "other": "みほん"},
    "contacts": [{"name": "架空 母", "relation": "母", "phone": "090-0000-0001"}],
}


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Centre]:
    """A night call from an unknown district, and a registration of the day; both made up."""
    with centre_in(tmp_path) as running:
        odd = call("A", NIGHT, district="atlantis", reasons=["carer-ill"], personal={"name": "架空 太郎"})
        running.say("night", {**odd, "synthetic": True})
        running.say("day", {**register(personal=FORM), "synthetic": True})
        running.pump()
        yield running


def person(centre: Centre) -> str:
    return str(next(event.person for event in centre.events() if event.name == "person.registered"))


def last(centre: Centre, name: str) -> Any:
    """The last event of a kind, and what is sealed in it."""
    record, event = next((r, e) for r, e in zip(centre.records(), centre.events(), strict=True) if e.name == name)
    return event, centre.keys.opened(
        [record.subject, getattr(event, "person", ""), *_owners(centre)], f"{name}/{record.id}", event.sealed
    )


def _owners(centre: Centre) -> list[str]:
    return [event.person for event in centre.events() if getattr(event, "person", None)]


async def get(app: Starlette, address: str) -> httpx.Response:
    async with browser(app) as web:
        return await web.get(address, follow_redirects=True)


def filled(page: str) -> dict[str, str]:
    """The form as a browser would send it back untouched."""
    form = page[page.index('<form class="card correction"') :]
    found = {}
    for tag in re.findall(r"<input [^>]*>", form):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and ('type="checkbox"' not in tag or " checked" in tag):
            found[name[1]] = unescape(value[1]) if value else ""
    for name, text in re.findall(r'<textarea id="[^"]*" name="([^"]*)"[^>]*>(.*?)</textarea>', form, re.DOTALL):
        found[name] = unescape(text)
    for name, options in re.findall(r'<select id="[^"]*" name="([^"]*)">(.*?)</select>', form, re.DOTALL):
        chosen = re.search(r'<option value="([^"]*)" selected', options) or re.search(
            r'<option value="([^"]*)"', options
        )
        found[name] = chosen[1] if chosen else ""
    return found


async def send(app: Starlette, address: str, form: dict[str, str]) -> httpx.Response:
    async with browser(app) as web:
        return await web.post(address, data=form, headers=FROM_HERE)


async def test_a_call_is_corrected_with_before_and_after(centre: Centre) -> None:
    """By the day, what the night wrote; only what was changed is sent, the reason is sealed, the flag is mended."""
    app = site(centre, role="day", name="架空 花子")
    form = filled((await get(app, "/calls/R7-0001/correct")).text)
    answer = await send(app, "/calls/R7-0001/correct", form | {"district": "kinuta", "reason": "母に確認した"})
    (provider, sent) = app.state.counter.sent[0]
    event, box = last(centre, "call.corrected")
    history = (await get(app, answer.headers["location"])).text

    assert (answer.status_code, answer.headers["location"]) == (303, "/cases/R7-0001")
    assert (provider, sent["synthetic"], set(sent["data"])) == ("day", True, {"number", "district", "personal"})
    assert [(change.field, change.before, change.after) for change in event.changes] == [("district", None, "kinuta")]
    assert box == {"reason": "母に確認した", "by": "架空 花子"}
    told = text_of(history)
    assert "理由 母に確認した" in told
    assert "訂正した者 架空 花子" in told
    assert "確認した者" not in told
    assert {event.code for event in centre.events() if event.name == "flag.resolved"} == {"unknown-district"}


async def test_everything_of_a_call_can_be_corrected(centre: Centre) -> None:
    """Times on the ward's clock, boxes and choices either way, and what is personal."""
    app = site(centre, role="night")
    form = filled((await get(app, "/calls/R7-0001/correct")).text)
    del form["reason-carer-ill"]
    said = {"occurred_at": form["occurred_at"][:11] + "00:10", "channel": "fax", "not_counted": "exercise"}
    said |= {"third_party": "on", "call_back_who": "day", "name": "架空 次郎", "caller_phone": "000", "reason": "r"}
    answer = await send(app, "/calls/R7-0001/correct", form | said)
    event, box = last(centre, "call.corrected")
    again = filled((await get(app, "/calls/R7-0001/correct")).text)

    assert answer.status_code == 303
    changes = {change.field for change in event.changes}
    assert changes == {"time", "channel", "not_counted", "third_party", "call_back", "reasons"}
    assert box == {"reason": "r", "name": "架空 次郎", "caller": {"phone": "000"}}
    assert {name: again[name] for name in said if name != "reason"} == {n: v for n, v in said.items() if n != "reason"}


async def test_a_registration_is_corrected(centre: Centre) -> None:
    """By whoever speaks for a provider, whoever registered; what the form has no room for stays."""
    app = site(centre, role="night")
    address = f"/persons/{person(centre)}/correct"
    form = filled((await get(app, address)).text)
    said = {"certificate": "yes", "own-phone": "090-0000-9999", "care-allergy": "卵、乳", "contact-1-name": "架空 父"}
    answer = await send(app, address, form | said | {"handbook-intellectual": "on", "reason": "年に一度の確認"})
    event, box = last(centre, "registration.corrected")

    assert (answer.status_code, answer.headers["location"]) == (303, f"/cases/{person(centre)}")
    assert {change.field: change.after for change in event.changes} == {
        "certificate": True,
        "handbooks": ["physical", "intellectual"],
    }
    assert box == {
        "phone": "090-0000-9999",
        "care": {"allergy": "卵、乳", "other": "みほん"},
        "contacts": [FORM["contacts"][0], {"name": "架空 父"}],
        "reason": "年に一度の確認",
    }
    assert (await get(app, f"/persons/{person(centre)}")).text.count("090-0000-9999") == 2
    history = text_of((await get(app, answer.headers["location"])).text)
    assert "電話番号 なし → 090-0000-9999" in history
    assert "必要な支援 › アレルギー 卵 → 卵、乳" in history
    assert "連絡先 2 › 氏名 なし → 架空 父" in history
    assert "連絡先 1" not in history.partition("登録内容を訂正した")[2]


async def test_a_field_that_was_emptied_says_what_stood_there(centre: Centre) -> None:
    """前 → 後, blanks included, of a registration and of a call, each time that it is corrected."""
    app = site(centre, role="night")
    own = f"/persons/{person(centre)}/correct"
    for address, said in (
        (own, {"own-kana": ""}),
        (own, {"own-kana": "カクウ ハナ"}),
        (CALL, {"name": ""}),
        (CALL, {"caller_name": "架空 母"}),
    ):
        form = filled((await get(app, address)).text)
        assert (await send(app, address, form | said | {"reason": "r"})).status_code == 303
    registration, case = [text_of((await get(app, f"/cases/{about}")).text) for about in (person(centre), "R7-0001")]

    assert "フリガナ カクウ ハナコ → なし" in registration
    assert "フリガナ なし → カクウ ハナ" in registration
    assert "氏名 架空 太郎 → なし" in case
    assert "連絡者 › 氏名 なし → 架空 母" in case


async def test_nothing_is_sent_without_a_change_or_a_reason_or_over_anothers_correction(centre: Centre) -> None:
    """What was typed stays; after another's correction what is held now is shown instead."""
    app = site(centre, role="day")
    address = "/calls/R7-0001/correct"
    form = filled((await get(app, address)).text)
    same = await send(app, address, form | {"reason": "r"})
    silent = await send(app, address, form | {"district": "kinuta"})
    app.state.counter.closed = True
    down = await send(app, address, form | {"district": "kinuta", "reason": "r"})
    app.state.counter.closed = False
    moved = await send(app, address, form | {"to_number": "R7-9999", "reason": "r"})
    earlier = await send(app, address, form | {"occurred_at": form["occurred_at"][:11] + "00:10"})
    await send(app, address, form | {"district": "kinuta", "reason": "r"})
    late = await send(app, address, form | {"district": "tamagawa", "reason": "r"})

    assert (same.status_code, "直したところがありません。" in same.text) == (400, True)
    assert "記録：不明" in silent.text
    assert (silent.status_code, "訂正の理由を入力してください。" in silent.text) == (400, True)
    assert '<option value="kinuta" selected' in silent.text
    assert (down.status_code, "回線が切れています" in down.text) == (503, True)
    assert moved.status_code == 400
    assert "記録：令和7年5月12日（月）" in earlier.text
    assert (late.status_code, "記録が変わりました" in late.text) == (400, True)
    assert len([event for event in centre.events() if event.name == "call.corrected"]) == 1


async def test_a_call_is_moved_only_to_a_number_that_was_given_out(centre: Centre) -> None:
    """A number that does not exist yet would wait, and take whoever rings next; the emptied number leads on."""
    app = site(centre, role="night")
    address = "/calls/R7-0001/correct"
    form = filled((await get(app, address)).text)
    early = await send(app, address, form | {"to_number": "R7-0002", "reason": "番号の誤り"})
    centre.say("night", {**call("B", "2025-05-12 23:00"), "synthetic": True})
    centre.pump()
    stays = (await get(app, "/cases/R7-0001")).text
    moved = await send(app, address, form | {"to_number": "ｒ７－０００２", "reason": "番号の誤り"})
    async with browser(app) as web:
        led = await web.get("/calls/R7-0001")

    assert (early.status_code, "この受付番号の相談はありません" in early.text) == (400, True)
    assert 'value="R7-0002"' in early.text
    assert len(app.state.counter.sent) == 1
    assert "連絡を別の相談へ移した" not in stays
    history = text_of((await get(app, "/cases/R7-0001")).text)

    assert moved.status_code == 303
    assert "相談 R7-0001 → R7-0002" in history
    assert (led.status_code, led.headers["location"]) == (303, "/calls/R7-0002")


async def test_what_could_never_be_used_is_said_before_it_is_sent(centre: Centre) -> None:
    """Nothing is parked of it: the form names the field and keeps what was typed."""
    app = site(centre, role="day")
    own = f"/persons/{person(centre)}/correct"
    call_form, form = [filled((await get(app, address)).text) for address in (CALL, own)]
    wrong = [
        (CALL, call_form, {"occurred_at": "2031-01-01T10:00"}, "受付日時：使えません"),
        (CALL, call_form, {"safe_until": "2099-01-01T10:00"}, "対応が必要な時刻"),
        (CALL, call_form, {"birth_date": "昭和99年13月40日"}, "生年月日：その日付はありません"),
        (own, form, {"own-birth_date": "2099-01-01"}, "生年月日：登録日より後か、125年より前の日付です"),
        (own, form, {"registered_on": "2199-01-01"}, "登録日：使えません"),
    ]
    for address, held, said, told in wrong:
        answer = await send(app, address, held | said | {"reason": "r"})
        assert (answer.status_code, told in answer.text) == (400, True), said
        assert f'value="{next(iter(said.values()))}"' in answer.text
        assert "まだ送っていません" in answer.text
    assert app.state.counter.sent == []


@pytest.mark.parametrize("role", ["ward", "auditor", None])
async def test_who_speaks_for_nobody_finds_no_form(centre: Centre, role: str | None) -> None:
    """Nor is one sent for them; nor is there one for what nobody has."""
    app = site(centre, role=role)
    for address in ("/calls/R7-0001/correct", f"/persons/{person(centre)}/correct"):
        told = [await get(app, address), await send(app, address, {"reason": "r"})]
        assert {answer.status_code for answer in told} <= {401, 403, 404}
    day = site(centre, role="day")
    assert (await get(day, "/calls/R7-9999/correct")).status_code == 404
    assert (await get(day, "/persons/x/correct")).status_code == 404


OLD_ROLE = """
[[role]]
key = "contractor"
label = { ja = "旧受託事業者の担当", en = "Former contractor" }
provider = "contractor"
sees = ["persons", "calls"]
"""


@pytest.mark.parametrize("address", ["/calls/R7-0001/correct", "/persons/{person}/correct"])
async def test_a_form_still_open_at_the_end_of_a_contract_sends_nothing(
    centre: Centre, tmp_path: Path, address: str
) -> None:
    """At 23:59 it is shown; at midnight the answer says, in both languages, that nothing was recorded, and shows again
    what was typed and no more.
    """
    own, address = tmp_path / "ward.toml", address.format(person=person(centre))
    own.write_text((WARDS / "setagaya.toml").read_text("utf-8") + OLD_ROLE, "utf-8")
    centre.clock.now = at("2025-03-31 23:59")
    app = site(centre, role="contractor", ward=own)
    form = filled((await get(app, address)).text) | {"reason": "聞き直し", "district": "kinuta"}
    centre.clock.now = at("2025-04-01 00:00")
    answered = await send(app, address, form)

    assert (answered.status_code, app.state.counter.sent) == (403, [])
    assert "旧受託事業者の契約は令和7年3月31日（月）で終わりました。" in answered.text
    assert "いま送った内容は、記録していません。" in answered.text
    assert "What you have just sent was not recorded." in answered.text
    assert "聞き直し" in answered.text
    assert (again := (await get(app, address)).text).count("聞き直し") == 0
    assert "correction" not in again
