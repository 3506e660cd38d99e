"""Signing in to the front, and what is not there for whoever may not see it; over a real ledger and key store."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount, Route

from deploy.front import OPEN
from services.logs import FIELDS, JsonLines
from services.pages.frame import MENU
from services.pages.words import SCREEN
from services.signin import FILE, LINK_LASTS
from services.ward import ROLES
from tests.desk_examples import NIGHT, WARD, Centre, arrange, at, call, register
from tests.web_examples import COOKIE, HOME, PUBLISHED, WARDS, browser, centre_in, site, tell_published_history

NAME, WORDS = "架空 太郎", "母が入院した"
CELL = "/tables/calls/cell?row=night&column=total"
FROM_HERE = {"Origin": HOME}


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    """One night call with personal parts, a bed for it, and a registrant; all of it made up."""
    with centre_in(tmp_path_factory.mktemp("front")) as running:
        told = {"name": NAME, "words": WORDS, "contacts": [{"name": "架空 花子", "phone": "03-0000-0000"}]}
        for message in (register(), call(on=NIGHT, personal=told), arrange()):
            running.say("day", message)
            running.pump()
        yield running


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    """The ledger of the history behind the published tables."""
    with centre_in(tmp_path_factory.mktemp("history")) as running:
        tell_published_history(running)
        yield running


async def get(app: Starlette, address: str) -> httpx.Response:
    """One answer, wherever it leads."""
    async with browser(app) as web:
        return await web.get(address, follow_redirects=True)


def addresses(app: Starlette) -> set[str]:
    """Every address of the front, its blanks filled with what is there."""
    filled = {
        "{report}": "calls",
        "{about}": "R7-0001",
        "{token}": "A" * 43,
        "{person}": "P",
        "{number}": "R7-0001",
        "{id}": "x",
        "{night}": "2025-11-14",
        "{key}": "K",
        "{handover}": "H",
    }
    found = set()
    for route in app.routes:
        assert isinstance(route, Route | Mount), "every route has a path"
        path = f"{route.path}/pages.css" if isinstance(route, Mount) else route.path
        for blank, value in filled.items():
            path = path.replace(blank, value)
        found.add(path)
    return found


async def test_whoever_has_not_signed_in_sees_nobody(centre: Centre) -> None:
    """Every address there is: only those that show nobody are open, and the rest say how to sign in and no more."""
    app = site(centre, role=None)
    answers = {address: await get(app, address) for address in addresses(app)}
    closed = {address for address, answer in answers.items() if answer.status_code == 403}

    assert closed == {"/", "/tables/calls", "/tables/calls/cell", "/cases/R7-0001", "/status", "/signout"} | {
        *("/find", "/persons/P", "/calls/new", "/calls", "/calls/R7-0001", "/calls/x/receipt"),
        *("/calls/R7-0001/urgent", "/calls/R7-0001/correct", "/persons/P/correct", "/flags/resolve-chosen"),
        *("/flags", "/flags/resolve", "/parked", "/parked/R7-0001", "/subscribers", "/subscribers/K"),
        *("/morning", "/morning/2025-11-14/statement.pdf", "/morning/2025-11-14/statement.txt"),
        *("/tonight", "/tonight/notes.pdf", "/tonight/notes.txt"),
        *("/handovers/H/sheet", "/handovers/H/sheet.pdf"),
        *("/agencies", "/agencies/new", "/agencies/H"),
        *("/import", f"/import/{'A' * 43}", f"/import/{'A' * 43}/copy"),
        f"/signin/{'A' * 43}",  # A link that is none of ours.
    }
    assert {address for address in answers if not OPEN.fullmatch(address)} < closed
    person = centre.inquiry.history(centre.inquiry.find("R7-0001")).id
    for answer in answers.values():
        assert not any(word in answer.text for word in (NAME, WORDS, "R7-0001", "短期入所", person))
    assert "yoake signin night" in answers["/status"].text


async def test_without_signing_in_nobody_learns_what_is_there(centre: Centre) -> None:
    """A case that is there and one that is not, a page that is there and one that is not: the same answer."""
    app = site(centre, role=None)
    told = {(await get(app, path)).text for path in ("/cases/R7-0001", "/cases/R9-9999", "/nowhere", "/status", "/x/y")}

    assert len(told) == 1


async def test_the_published_tables_are_open_where_the_wards_file_says_so(history: Centre, tmp_path: Path) -> None:
    """The tables alone: no figure opens, and no other table; and nothing where nothing was published, or it says no."""
    opened = await get(site(history, PUBLISHED, role=None), "/")
    shut = tmp_path / "ward.toml"
    shut.write_text((WARDS / "setagaya.toml").read_text().replace("tables_open = true", "tables_open = false"))

    assert opened.status_code == 200
    assert "公表された表の100個の数値すべてが一致しています。" in opened.text
    assert set(re.findall(r'href="(/[^"]*)"', opened.text)) == {
        *("/", "/signin", "/static/pages.css", "/static/icon.svg")
    }
    for app in (site(history, role=None), site(history, PUBLISHED, role=None, ward=shut)):
        assert (await get(app, "/")).status_code == 403
        assert (await get(app, "/tables/calls")).status_code == 403


@pytest.mark.parametrize("role", [role.key for role in WARD.roles])
async def test_what_a_role_may_not_see_is_not_there(centre: Centre, role: str) -> None:
    """404, to the letter as for what does not exist; and no menu and no page leads there."""
    app, found = site(centre, role=role), WARD.role_of(role)
    assert found is not None
    needs = {
        "/": {"figures"},
        "/tables/calls": {"figures"},
        CELL: {"figures", "calls"},
        "/cases/R7-0001": {"calls"},
        "/agencies": {"calls"},
        "/flags": {"calls"},
        "/parked": {"parked"},
        "/morning": {"calls"},
        "/tonight": {"calls"},
        "/status": {"status"},
        "/subscribers": {"status"},
        "/find": {"persons"},
        f"/persons/{centre.records()[0].subject}": {"persons"},
    }
    nowhere = (await get(app, "/nowhere")).text
    for address, needed in needs.items():
        answer = await get(app, address)
        assert (answer.status_code == 200) is (needed <= set(found.sees)), address
        missing = await get(app, f"/nowhere?{address.partition('?')[2]}")
        assert answer.status_code == 200 or (answer.text, answer.status_code) == (missing.text, 404)
    menu = re.search(r"<nav.*?</nav>", nowhere, re.DOTALL)
    assert menu is not None
    assert re.findall(r'href="(.*?)"', menu[0]) == [
        entry.path for entry in MENU if entry.needs in found.sees and (found.provider or not entry.acts)
    ]


async def test_a_role_without_calls_sees_figures_that_do_not_open(centre: Centre, tmp_path: Path) -> None:
    """Small figures tell who somebody is: the table has no links, and the address behind one is not there."""
    ward = tmp_path / "ward.toml"
    text = (WARDS / "setagaya.toml").read_text()
    ward.write_text(text.replace('sees = ["calls", "figures", "audit", "status"]', 'sees = ["figures"]'))
    app = site(centre, role="auditor", ward=ward)

    assert "/cell" not in (await get(app, "/tables/calls")).text
    assert "/cell" not in (await get(app, "/")).text
    assert (await get(app, CELL)).status_code == 404
    assert (await get(app, "/cases/R7-0001")).status_code == 404


async def test_persons_are_seen_by_those_who_see_persons(centre: Centre) -> None:
    """Name, words and each contact's number for the day; for ward and auditor, that there is something sealed."""
    day = (await get(site(centre, role="day"), "/cases/R7-0001")).text
    text = re.sub(r"<.*?>", "", day)

    for told in ("氏名" + NAME, "話した内容" + WORDS, "連絡先 1　›　電話番号03-0000-0000"):
        assert told in text
    assert SCREEN["sealed"].ja not in day
    for role in ("ward", "auditor"):
        told = (await get(site(centre, role=role), "/cases/R7-0001")).text
        assert SCREEN["sealed"].ja in told
        assert NAME not in told
        assert WORDS not in told


async def test_a_person_who_was_forgotten_stays_forgotten(tmp_path: Path) -> None:
    """The history is there, and says that nobody can read that part any more; also in English."""
    with centre_in(tmp_path) as centre:
        centre.say("day", call(personal={"name": NAME}))
        centre.pump()
        app = site(centre, role="day")
        assert NAME in (await get(app, "/cases/R7-0001")).text
        centre.keys.destroy(centre.events()[0].person)
        japanese, english = [await get(app, f"/cases/R7-0001?lang={each}") for each in ("ja", "en")]

    assert "復号できません" in japanese.text
    assert "Cannot be decrypted" in english.text
    assert NAME not in japanese.text + english.text


async def test_who_looked_at_which_case_is_logged_without_a_name(
    centre: Centre, caplog: pytest.LogCaptureFixture
) -> None:
    """Role, a digest of the name, the case: the same person is told apart from others, and not named."""
    caplog.set_level(logging.INFO, "yoake.pages")
    for name in ("架空 花子", "架空 花子", "架空 次郎"):
        app = site(centre, role="night", name=name)
        await get(app, "/cases/R7-0001")
    await get(site(centre, role="night"), "/cases/R9-9999")
    lines = [json.loads(JsonLines("front").format(record)) for record in caplog.records if record.name == "yoake.pages"]

    case = centre.inquiry.find("R7-0001")
    assert [(line["case"], line["role"], line["text"]) for line in lines] == [(case, "night", "looked at")] * 3
    assert all(set(line) <= {"time", "level", "service", "logger", "text", *FIELDS} for line in lines)
    assert not any("架空" in json.dumps(line, ensure_ascii=False) for line in lines)


async def test_a_form_sent_after_the_contracts_end_says_so_and_shows_what_was_typed(tmp_path: Path) -> None:
    """When it ended, that nothing was recorded, and what was typed, to be copied; nobody is told to sign in again."""
    form = {"key": "k" * 36, "worker": "架空 花子", "note": "隣人が<b>付き添う</b>\n朝まで"}
    with centre_in(tmp_path) as centre:
        centre.clock.now = at("2025-03-31 23:50")
        app = site(centre, role="contractor", ward=with_a_role_for_the_contractor(tmp_path))
        async with browser(app) as web:
            assert (await web.get("/flags")).status_code == 200
            centre.clock.now = at("2025-04-01 00:05")
            sent = await web.post("/flags/resolve", data=form, headers=FROM_HERE)
            english = await web.post("/flags/resolve?lang=en", data=form, headers=FROM_HERE)
            card = await web.post("/calls", content="{}", headers=FROM_HERE | {"Content-Type": "application/json"})
            opened = await web.get("/flags")
            web.cookies.clear()
            stranger = await web.post("/flags/resolve", data=form, headers=FROM_HERE)
        events = len(centre.events())

    over = "旧受託事業者の契約は令和7年3月31日（月）で終わりました。"
    assert [each.status_code for each in (sent, english, card, opened, stranger)] == [403] * 5
    assert over in sent.text
    assert "いま送った内容は、記録していません。" in sent.text
    assert "隣人が&lt;b&gt;付き添う&lt;/b&gt;\n朝まで" in sent.text
    assert "架空 花子" in sent.text
    assert "kkkk" not in sent.text
    assert "What you have just sent was not recorded." in english.text
    assert english.text.index("ended with Mon 31 March 2025") < english.text.index(over)
    assert over in card.text
    assert (over in opened.text, "記録していません" in opened.text) == (True, False)
    assert not any("サインイン用のリンク" in each.text for each in (sent, card, opened))
    assert ("終わりました" in stranger.text, "付き添う" in stranger.text) == (False, False)
    assert events == 0


def with_a_role_for_the_contractor(directory: Path) -> Path:
    """The ward's file, with somebody who signs in for the provider whose contract ended with March 2025."""
    file = directory / "ward.toml"
    role = '[[role]]\nkey = "contractor"\nlabel = { ja = "旧受託", en = "Contractor" }\nprovider = "contractor"\n'
    told = (WARDS / "setagaya.toml").read_text(encoding="utf-8")
    file.write_text(told.replace("[[role]]", f'{role}sees = ["persons", "calls"]\n\n[[role]]', 1), encoding="utf-8")
    return file


async def test_a_link_is_opened_then_used_then_used_up(centre: Centre) -> None:
    """Opening it signs nobody in; the button does, once; every page says who is signed in; and one can sign out."""
    app = site(centre, role=None)
    address = f"/signin/{app.state.signins.link('day', '架空 花子')}"
    async with browser(app) as web:
        opened = await web.get(address)
        assert (await web.get("/status")).status_code == 403
        entered = await web.post(address, headers=FROM_HERE)
        seen = await web.get(entered.headers["Location"])
        again = await web.post(address, headers=FROM_HERE)
        left = await web.post("/signout", headers=FROM_HERE)
        after = await web.get("/status")
        unsent = await web.post("/flags/resolve", data={"note": "架空"}, headers=FROM_HERE)

    assert ("まだ送っていません" in after.text, 'href=""' in after.text) == (False, True)
    assert (unsent.status_code, "まだ送っていません" in unsent.text, 'href=""' in unsent.text) == (403, True, False)
    assert "Nothing was sent" in unsent.text
    assert "日中の担当　架空 花子" in opened.text
    assert (entered.status_code, entered.headers["Location"]) == (303, "/morning")
    assert {part.strip().partition("=")[0] for part in entered.headers["Set-Cookie"].split(";")} == {
        *(COOKIE, "HttpOnly", "Max-Age", "Path", "SameSite")
    }
    assert "SameSite=strict" in entered.headers["Set-Cookie"]
    assert (seen.status_code, "日中の担当　架空 花子" in seen.text) == (200, True)
    assert (again.status_code, "使用済み" in again.text, "used already" in again.text) == (403, True, True)
    assert (left.status_code, after.status_code) == (303, 403)


async def test_a_link_that_is_too_old_or_of_another_yoake_says_so(centre: Centre) -> None:
    """In both languages, with what to do."""
    app, other = site(centre, role=None), site(centre, role=None)
    old = app.state.signins.link("day")
    centre.clock.now += LINK_LASTS
    expired = await get(app, f"/signin/{old}")
    strange = await get(app, f"/signin/{other.state.signins.link('day')}")

    assert (expired.status_code, strange.status_code) == (403, 403)
    assert "有効期限（10分）を過ぎています" in expired.text
    assert "older than 10 minutes" in expired.text
    assert "このYoakeのリンク" in strange.text


async def test_behind_https_the_cookie_is_for_https_alone(centre: Centre) -> None:
    """A proxy in front says so by the scheme."""
    app = site(centre, role=None)
    home = HOME.replace("http", "https")
    async with browser(app, home) as web:
        entered = await web.post(f"/signin/{app.state.signins.link('day')}", headers={"Origin": home})

    assert "Secure" in entered.headers["Set-Cookie"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "null"},
        {"Origin": "http://attacker.example"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://[", "Referer": HOME},
        {"Origin": HOME, "Sec-Fetch-Site": "cross-site"},
        {"Origin": HOME, "Sec-Fetch-Site": "same-site"},
    ],
)
async def test_no_other_site_sends_a_form(centre: Centre, headers: dict[str, str]) -> None:
    """Neither signs anybody in nor out, and uses up no link."""
    app = site(centre, role="day")
    link = f"/signin/{app.state.signins.link('ward')}"
    async with browser(app) as web:
        sent = [(await web.post(address, headers=headers)).status_code for address in (link, "/signout", "/status")]
        assert (await web.get("/status")).status_code == 200
        ours = await web.post(link, headers={"Origin": HOME, "Sec-Fetch-Site": "same-origin"})

    assert sent == [403, 403, 403]
    assert ours.status_code == 303


async def test_a_page_for_reading_takes_no_form(centre: Centre) -> None:
    """405, and what it takes."""
    async with browser(site(centre)) as web:
        sent = await web.post("/status", headers=FROM_HERE)

    assert (sent.status_code, set(sent.headers["Allow"].split(", "))) == (405, {"GET", "HEAD"})


ODD = ["", "x", "A" * 43, "A" * 8000, "%00", "%ff%fe", "..%2f..%2fkeys", "%F0%9F%98%80", "%0d%0aX-Y:%20z", "{{7*7}}"]
PLACES = (
    "/",
    "//",
    "/signin/",
    "/signin/x/",
    "/cases/",
    "/tables/",
    "/static/",
    "/tables/calls/cell/",
    "/parked/",
    "/subscribers/",
)


@pytest.mark.parametrize("odd", ODD)
async def test_no_address_is_too_odd(centre: Centre, odd: str) -> None:
    """With and without a session: a page, never an error of ours, and no header made of it."""
    for role in (None, "day"):
        async with browser(site(centre, role=role)) as web:
            for place in PLACES:
                for ask in (web.get, web.head, web.post):
                    answered = await ask(HOME + place + odd, headers=FROM_HERE)
                    assert answered.status_code < 500, (role, place, odd)
                    assert "X-Y" not in answered.headers
                    assert 'href="//' not in answered.text


@pytest.mark.parametrize(
    "cookie",
    [b"", b"=", b";;;", b"\xff\xfe", COOKIE.encode(), f"{COOKIE}=".encode(), f"{COOKIE}={'A' * 43}".encode()]
    + [COOKIE.encode() + b"=" + value for value in (b"\x00", b'"', b"\xe5\xa4\x9c", b"A" * 9000, b"a;b=c", b"{}")],
)
async def test_no_cookie_is_too_odd(centre: Centre, cookie: bytes) -> None:
    """Nobody is signed in by it; what is open stays open."""
    async with browser(site(centre, role=None)) as web:
        for address, status in (("/status", 403), ("/signin", 200), ("/healthz", 200)):
            answered = await web.get(address, headers=[(b"cookie", cookie)])
            assert answered.status_code == status


@pytest.mark.parametrize("host", ["", ":", "[", "127.0.0.1:x", "a" * 3000, "127.0.0.1@evil.example", "\u00ff"])
async def test_no_host_is_too_odd(centre: Centre, host: str) -> None:
    """It is ours or it is refused."""
    async with browser(site(centre, role=None)) as web:
        for address in ("/status", "/signin", "/signin/x"):
            for ask in (web.get, web.post):
                answered = await ask(address, headers={b"Host": host.encode("latin-1")})
                assert answered.status_code in (400, 403, 200)


async def test_where_nobody_can_be_looked_up_pages_ask_for_patience(centre: Centre) -> None:
    """The file of sessions is broken: 503 for whoever has a cookie, and health and the sign-in page go on."""
    app = site(centre, role="day")
    app.state.signins.close()
    (app.state.signins._keys / FILE).write_bytes(b"no database" * 100)
    for more in ("-wal", "-shm"):
        (app.state.signins._keys / f"{FILE}{more}").unlink(missing_ok=True)
    async with browser(app) as web:
        seen, used = await web.get("/status"), await web.post(f"/signin/{'A' * 43}", headers=FROM_HERE)

    assert (seen.status_code, used.status_code) == (503, 503)
    assert "ただいま表示できません。" in seen.text
    assert app.state.cookies


def test_a_file_without_roles_has_four_that_speak_for_nobody() -> None:
    """The sample wards that name none go on working."""
    assert [role.key for role in ROLES] == [role.key for role in WARD.roles] == ["night", "day", "ward", "auditor"]
    assert [role.sees for role in ROLES] == [role.sees for role in WARD.roles]
    assert {role.provider for role in ROLES} == {None}
