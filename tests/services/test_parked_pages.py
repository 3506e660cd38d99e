"""要確認データ as a page: why, in words; mending, sending again and closing for one's own provider."""

from __future__ import annotations

import ast
import json
import logging
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from services.pages.parked_words import accepted_in_words, reason_in_words
from services.tables import PARKED
from tests.desk_examples import LATER, NIGHT, Centre, call, close, message
from tests.web_examples import HOME, browser, centre_in, site

ROOT = Path(__file__).parents[2]
FROM_HERE = {"Origin": HOME}
NAME = "架空 髙子"


def night_43() -> dict[str, Any]:
    """A call of the night; made up."""
    return {**call("C-43", NIGHT, id="43", personal={"name": NAME}), "synthetic": True}


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Centre]:
    """Parked: the night's 43 in cp932 (intake-1), a closing without a case (intake-2), a conflict (intake-3)."""
    with centre_in(tmp_path) as running:
        running.say("night", json.dumps(night_43(), ensure_ascii=False).encode("cp932"))
        running.say("night", wrong_closing())
        running.say("night", call("A", NIGHT, id="45"))
        running.say("night", call("A", NIGHT, id="45", district="kinuta", personal={"name": NAME}))
        running.pump()
        yield running


def wrong_closing() -> dict[str, Any]:
    return {**close("C-43", LATER), "id": "44", "data": {"case": 7}}


async def get(app: Starlette, address: str = "/parked") -> httpx.Response:
    """One answer, wherever it leads."""
    async with browser(app) as web:
        return await web.get(address, follow_redirects=True)


async def send(app: Starlette, number: str, **form: str) -> httpx.Response:
    """A form, wherever it leads."""
    async with browser(app) as web:
        return await web.post(f"/parked/{number}", data=form, headers=FROM_HERE, follow_redirects=True)


def content_of(page: str) -> str:
    """What stands in the text area."""
    found = re.search(r"<textarea.*?>\n(.*?)</textarea>", page, re.DOTALL)
    assert found is not None
    return unescape(found[1])


def still_open(centre: Centre) -> list[int]:
    return [row["n"] for row in centre.rows(PARKED) if row["closed"] is None]


async def test_the_list_says_why_and_what_to_do(centre: Centre) -> None:
    """In the glossary's words, with a count in the menu, and nothing personal; in English as well."""
    for role in ("night", "day", "ward"):
        page = (await get(site(centre, role=role))).text
        assert (
            "夜間受託事業者の記録を読み取れません（文字コードがUTF-8ではありません）。直して再送してください。" in page
        )
        assert (
            "夜間受託事業者の44番を使えません（相談：値の種類が違います（必要なのは文字、届いたのは整数））。" in page
        )
        assert "夜間受託事業者の45番：同じ番号で内容の違う記録が届きました。どちらが正しいか確認してください。" in page
        assert '要確認データ <span class="count">3件' in page
        assert NAME not in page
    assert "cannot be read (not UTF-8)" in (await get(site(centre, role="night"), "/parked?lang=en")).text
    assert (await get(site(centre, role="auditor"))).status_code == 404


async def test_nobody_is_told_to_mend_what_another_provider_records(centre: Centre) -> None:
    """Of a time outside its contract: who records it is said, and not that it is to be mended."""
    centre.say("contractor", message("case.close", "2025-04-20 12:00", case="A"))
    for role in ("ward", "day"):
        page = (await get(site(centre, role=role))).text
        told = next(line for line in page.split("<li") if "受託の期間の外の日時です" in line)
        assert "そのとき受託している事業者が記録します" in told
        assert "直して再送してください" not in told


async def test_the_content_is_for_those_who_mend_it(centre: Centre, caplog: pytest.LogCaptureFixture) -> None:
    """Unsealed for the night, whose it is, and that is noted; for the day and the ward it is not there."""
    caplog.set_level(logging.INFO, "yoake.pages")
    for number in ("intake-1", "intake-3"):
        assert NAME in (await get(site(centre, role="night"), f"/parked/{number}")).text
    looked = [(record.id, record.role) for record in caplog.records if record.message == "looked at"]  # type: ignore[attr-defined]
    for role in ("day", "ward"):
        page = (await get(site(centre, role=role), "/parked/intake-3")).text
        assert NAME not in page
        assert "直して再送できるのは、この記録を送った受託事業者の担当だけです。" in page
        assert '<form class="act"' not in page

    assert looked == [("intake-1", "night"), ("intake-3", "night")]
    assert "cp932" in (await get(site(centre, role="night"), "/parked/intake-1")).text


async def test_what_is_cp932_is_sent_as_it_is_shown(centre: Centre) -> None:
    """Story 2: the text area holds it readable; pressing the button is enough, and the row is closed as mended."""
    app = site(centre, role="night")
    text = content_of((await get(app, "/parked/intake-1")).text)
    answer = await send(app, "intake-1", do="mend", content=text)

    assert json.loads(text)["data"]["matters"][0]["personal"]["name"] == NAME
    assert "受け付けました。" in answer.text
    assert str(answer.url).endswith("/parked/intake-1?said=taken")
    assert [(provider, sent["type"]) for provider, sent in app.state.counter.sent] == [
        ("night", "call.report"),
        ("night", "parked.close"),
    ]
    assert still_open(centre) == [2, 3]


async def test_a_mended_copy_keeps_its_id(centre: Centre) -> None:
    """Another id, no JSON or what is still wrong is said in words, and what was typed stays."""
    app = site(centre, role="night")
    right = wrong_closing() | {"data": {"number": "R7-0001"}}
    other = await send(app, "intake-2", do="mend", content=json.dumps(right | {"id": "46"}))
    broken = await send(app, "intake-2", do="mend", content='{"a": ')
    wrong = await send(app, "intake-2", do="mend", content=json.dumps(right | {"data": {"case": 8}}))
    taken = await send(app, "intake-2", do="mend", content=json.dumps(right))

    assert (other.status_code, "source と id は、届いたものと同じに" in other.text) == (400, True)
    assert (broken.status_code, "JSONとして読み取れません" in broken.text) == (400, True)
    assert content_of(broken.text) == '{"a":'
    assert (wrong.status_code, "まだ使えません。" in wrong.text, "必要なのは文字" in wrong.text) == (
        409,
        True,
        True,
    )
    assert (taken.status_code, "受け付けました。" in taken.text, "直して再送済み" in taken.text) == (200, True, True)


async def test_a_field_that_a_message_does_not_have_stands_under_its_own_name(centre: Centre) -> None:
    """`because` is no field of a closing: 理由 is what `reason` is called, which is one; `person_id` has its word."""
    centre.say("night", {**close("A", LATER), "id": "60", "data": {"case": "A", "because": "x"}})
    centre.say("night", {**close("A", LATER), "id": "61", "type": "call.link", "data": {"call": "45", "person_id": 7}})
    unknown, person = still_open(centre)[-2:]
    app = site(centre, role="night")
    page = (await get(app, f"/parked/intake-{unknown}")).text
    english = (await get(app, f"/parked/intake-{unknown}?lang=en")).text
    whose = (await get(app, f"/parked/intake-{person}")).text

    assert "60番を使えません（「because」：この記録にない項目です）" in page
    assert "理由：この記録にない項目" not in page
    assert "“because”" in english
    assert "61番を使えません（登録者の記号：" in whose


async def test_what_was_parked_because_of_it_is_named(centre: Centre) -> None:
    """Order within a case: after the first, the next is named to be sent again."""
    app = site(centre, role="night")
    bad = {**close("A", LATER), "id": "50", "data": {"case": "A", "reason": 5}}
    centre.say("night", bad)
    centre.say("night", {**bad, "id": "51"})
    first, second = still_open(centre)[-2:]
    answer = await send(app, f"intake-{first}", do="mend", content=json.dumps(bad | {"data": {"case": "A"}}))

    assert "続けて再送してください" in answer.text
    assert f'href="/parked/intake-{second}"' in answer.text


async def test_a_conflict_is_closed_with_a_reason(centre: Centre) -> None:
    """The first stands, and is named; the same id is refused in words; the reason and who gave it are sealed."""
    app = site(centre, role="night", name="架空 花子")
    page = (await get(app, "/parked/intake-3")).text
    again = await send(app, "intake-3", do="mend", content=content_of(page))
    without = await send(app, "intake-3", do="close")
    closed = await send(app, "intake-3", do="close", reason="電話で確認した")
    twice = await send(app, "intake-3", do="close", reason="電話で確認した")

    assert 'href="/cases/R7-0001"' in page
    assert "同じ id では受け付けられません" in again.text
    assert (without.status_code, "閉じる理由を入力してください。" in without.text) == (400, True)
    assert (closed.status_code, "閉じました。" in closed.text) == (200, True)
    assert (twice.status_code, "すでに対応済みです。" in twice.text) == (409, True)
    assert "電話で確認した".encode() not in centre.on_disk()
    assert [event.closed_by for event in centre.events() if event.name == "parked.closed"] == ["night"]
    assert still_open(centre) == [1, 2]


async def test_what_was_settled_asks_for_nothing(centre: Centre) -> None:
    """Its page says what was wrong, and no more what to do."""
    app = site(centre, role="night")
    before = (await get(app, "/parked/intake-2")).text
    await send(app, "intake-2", do="close", reason="不要")
    after = (await get(app, "/parked/intake-2")).text

    assert "直して再送してください。" in before
    assert "直して再送してください。" not in after
    assert "閉じた" in after


async def test_sent_again_as_it_is(centre: Centre) -> None:
    """Still wrong, it says so; not UTF-8, it says what to do; a conflict cannot be."""
    app = site(centre, role="night")
    same = await send(app, "intake-2", do="resend")
    garbled = await send(app, "intake-1", do="resend")
    conflict = await send(app, "intake-3", do="resend")

    assert (same.status_code, "まだ使えません。" in same.text) == (409, True)
    assert (garbled.status_code, "UTF-8ではないため" in garbled.text) == (400, True)
    assert conflict.status_code == 400


async def test_where_the_line_is_down_what_was_typed_stays(centre: Centre) -> None:
    """503, and nothing is lost; what has no receipt yet is on its way."""
    app = site(centre, role="night")
    app.state.counter.closed = True
    down = await send(app, "intake-3", do="close", reason="あとで")
    app.state.counter.closed, app.state.counter.slow = False, True
    slow = await send(app, "intake-3", do="close", reason="あとで")

    assert (down.status_code, 'value="あとで"' in down.text) == (503, True)
    assert "送信しました。" in slow.text


async def test_what_a_stranger_sent_any_provider_closes(centre: Centre) -> None:
    """Nobody can send it again: the ward knows no such provider."""
    centre.say("nobody", call("A", NIGHT))
    app = site(centre, role="day")
    number = f"intake-{still_open(centre)[-1]}"
    page = (await get(app, f"/parked/{number}")).text

    assert 'value="close"' in page
    assert 'value="mend"' not in page
    assert (await send(app, number, do="resend")).status_code == 404
    assert "閉じました。" in (await send(app, number, do="close", reason="知らない送信元")).text


async def test_nobody_else_acts(centre: Centre) -> None:
    """Another provider, no provider, no session, another site: nothing is sent."""
    for role, status in ((None, 403), ("day", 404), ("ward", 404), ("auditor", 404)):
        app = site(centre, role=role)
        for verb in ("mend", "resend", "close"):
            assert (await send(app, "intake-3", do=verb, reason="x", content="{}")).status_code == status
        assert app.state.counter.sent == []
    async with browser(app := site(centre, role="night")) as web:
        sent = await web.post("/parked/intake-3", data={"do": "close", "reason": "x"}, headers={"Origin": "http://x"})
    assert (sent.status_code, app.state.counter.sent) == (403, [])


NUMBERS = ("", "x", "intake-0", "intake-999", "intake-", "nowhere-1", "intake-1%00", "placement-1", "9" * 500, "%ff")


async def test_no_form_is_too_odd(centre: Centre) -> None:
    """Unknown numbers and verbs, contents that are none: never an error of ours."""
    app = site(centre, role="night")
    for number in NUMBERS:
        assert (await get(app, f"/parked/{number}")).status_code in (200, 404)
        assert (await send(app, number, do="close", reason="x")).status_code in (404, 405)
    for form in ({}, {"do": "x"}, {"do": "close", "reason": "x" * 1001}, {"do": "mend"}):
        assert (await send(app, "intake-2", **form)).status_code in (400, 404)
    for content in (
        "[]",
        "[1]",
        "null",
        "[" * 5000,
        '"x"',
        "\x00",
        "😀",
        "{}" * 9,
        '{"source": 1, "id": []}',
        "9" * 6000,
    ):
        assert (await send(app, "intake-1", do="mend", content=content)).status_code in (400, 409), content
    for query, status in (("page=0", 400), ("page=x", 400), ("page=99999", 200), ("all=x", 200), ("page=%ff", 400)):
        assert (await get(app, f"/parked?{query}")).status_code == status
    assert app.state.counter.sent == []


async def test_what_no_key_opens_is_said(centre: Centre) -> None:
    """Sealed with another master key: the page is there, without the content."""
    with centre.engine("intake").begin() as connection:
        connection.execute(PARKED.update().where(PARKED.c.n == 2).values(body=b"x" * 60))
    app = site(centre, role="night")
    page = await get(app, "/parked/intake-2")

    assert (page.status_code, "復号できません" in page.text) == (200, True)
    assert (await send(app, "intake-2", do="resend")).status_code == 400


def test_every_reason_is_told_in_japanese() -> None:
    """What a rule may say of a message has its words; what is filled in stands for itself."""
    told = {reason for path in (ROOT / "services").rglob("*.py") for reason in _reasons(path)}

    assert len(told) > 30
    assert [reason for reason in sorted(told) if reason_in_words(reason, "ja") == reason] == []


def test_what_would_be_accepted_is_told_in_japanese() -> None:
    """Of a parked message, of a flag and of a cell of a sheet; a list of keys stands for itself."""
    texts = {path: ast.parse(path.read_text()) for path in (ROOT / "services").rglob("*.py")}
    constants = {name: value for tree in texts.values() for name, value in _constants(tree)}
    told = {words for tree in texts.values() for words in _accepted(tree, constants)}

    assert len(told) > 60
    assert [words for words in sorted(told) if accepted_in_words(words, "ja") == words] == ["1.0"]
    assert accepted_in_words("up to 110 bytes", "ja") == "110バイトまで"


def _constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name.isupper() and (words := _text(value, {})):
                yield name, words


def _accepted(tree: ast.AST, constants: dict[str, str]) -> Iterator[str]:
    """What is given as `accepted`: to `Unusable` and `flag` third, to `_odd` fourth, to any by its name."""
    places = {"Unusable": 2, "flag": 2, "_odd": 3, "Flag": 9}
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id="accepted")], value=value) if words := _text(value, constants):
                yield words
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in places:
                by_name = [keyword.value for keyword in node.keywords if keyword.arg == "accepted"]
                for value in (*node.args[places[name] : places[name] + 1], *by_name):
                    if words := _text(value, constants):
                        yield words


def _text(node: ast.expr, constants: dict[str, str]) -> str | None:
    """A text with its constants, and `x` for what is filled in otherwise; None for what is made by a call."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Name(id=name):
            return constants.get(name)
        case ast.FormattedValue(value=value):
            return _text(value, constants) or "x"
        case ast.JoinedStr(values=parts):
            return "".join(_text(part, constants) or "" for part in parts)
    return None


def _reasons(path: Path) -> Iterator[str]:
    """The second argument of each `Unusable(…)`, with `x` for what is filled in."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Unusable":
            match node.args[1:2]:
                case [ast.Constant(value=str(text))]:
                    yield text
                case [ast.JoinedStr(values=parts)]:
                    yield "".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in parts)
                case _:
                    pass
