"""取込み as a page: a sheet is checked, its problems are told by row and column, and then it is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from deploy.importing import jobs, pages
from tests.deploy.sheet_examples import HEADING, csv_file, person
from tests.desk_examples import Centre
from tests.web_examples import HOME, browser, centre_in, site

FROM_HERE = {"Origin": HOME}


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    """A centre that has heard of nobody."""
    with centre_in(tmp_path_factory.mktemp("import")) as running:
        running.pump()
        yield running


def roster(tmp_path: Path, *numbers: str, name: str = "架空 花子") -> bytes:
    """A sheet of registrants, the last in a district that is none; all of them made up."""
    lines = [person(number, 氏名=name) for number in numbers]
    lines[-1] = person(numbers[-1], 氏名=name, 地域="アトランティス")
    return csv_file(tmp_path / "roster.csv", [HEADING, *lines]).read_bytes()


async def upload(
    web: httpx.AsyncClient, content: bytes, mapping: str = "roster", *, to: str = "/import"
) -> httpx.Response:
    """The page behind an upload, once it is no longer at work."""
    files = {"file": ("roster.csv", content, "text/csv")}
    answer = await web.post(to, data={"mapping": mapping}, files=files, headers=FROM_HERE, follow_redirects=True)
    return await settled(web, answer)


async def settled(web: httpx.AsyncClient, answer: httpx.Response) -> httpx.Response:
    """The same page, as soon as it asks no longer to be looked at again."""
    while "http-equiv" in answer.text:
        await asyncio.sleep(0.02)
        answer = await web.get(answer.url)
    return answer


def places(app: Starlette) -> list[Path]:
    """Where uploads lie now."""
    return [job._place for job in app.state.jobs._jobs.values()]


async def test_a_sheet_is_checked_then_sent_then_gone(centre: Centre, tmp_path: Path) -> None:
    """Nothing is sent by checking; the problem is told by row and column; sent as the role's provider; known again."""
    app = site(centre, role="day")
    async with browser(app) as web:
        checked = await upload(web, roster(tmp_path, "R-1", "R-2"))
        before = list(app.state.counter.sent)
        (place,) = places(app)
        mode, copy = place.stat().st_mode & 0o777, await web.get(f"{checked.url.path}/copy")
        sent = await settled(
            web, await web.post(f"{checked.url.path}?do=send", headers=FROM_HERE, follow_redirects=True)
        )
        again = await web.post(f"{checked.url.path}?do=send", headers=FROM_HERE, follow_redirects=True)
        left = [path.name for path in place.iterdir()]
        await web.post(f"{checked.url.path}?do=drop", headers=FROM_HERE)
        gone = await web.get(checked.url.path)
        known = await upload(web, roster(tmp_path, "R-1", "R-2"))
        resent = await web.post(f"{known.url.path}?do=send", headers=FROM_HERE, follow_redirects=True)
        resent = await settled(web, resent)

    assert (before, mode) == ([], 0o700)
    assert "まだ何も送っていません。" in checked.text
    assert "3行目" in checked.text
    assert "列「地域」" in checked.text
    assert "アトランティス" in copy.content.decode("utf-8-sig")
    assert "attachment" in copy.headers["Content-Disposition"]
    assert "まだどの行も送っていません。写しで直して" in checked.text
    assert "受け付けた行も、写しで直して取り込むと、訂正として送れます。" in sent.text
    assert "送信済み。" in sent.text
    assert "送信済み。" in again.text
    assert {provider for provider, _ in app.state.counter.sent} == {"day"}
    assert [event.ref for event in centre.events() if event.name == "person.registered"] == ["R-1", "R-2"]
    assert "受信済み（件数は増えません）" in resent.text
    assert (left, gone.status_code, place.exists()) == (["sheet.checked.csv"], 404, False)


async def test_nobody_elses_upload_is_there(centre: Centre, tmp_path: Path) -> None:
    """Another session of the same role finds nothing; roles without a provider have no such page at all."""
    app = site(centre, role="day", name="架空 花子")
    async with browser(app) as web:
        mine = await upload(web, roster(tmp_path, "R-1"))
    other = app.state.signins.sign_in(app.state.signins.link("day", "架空 次郎"))
    app.state.cookies = dict.fromkeys(app.state.cookies, other)
    async with browser(app) as web:
        seen = [(await web.get(f"{mine.url.path}{more}")).status_code for more in ("", "/copy")]
        sent = (await web.post(f"{mine.url.path}?do=send", headers=FROM_HERE)).status_code
    for role, status in ((None, 403), ("ward", 404), ("auditor", 404)):
        async with browser(site(centre, role=role)) as web:
            assert (await web.get("/import")).status_code == status
            assert (await web.post("/import", headers=FROM_HERE)).status_code == status

    assert (seen, sent) == ([404, 404], 404)


async def test_what_is_no_sheet_is_said(centre: Centre, tmp_path: Path) -> None:
    """Nothing chosen, an unknown mapping, any bytes, too large, or no form at all: never an error of ours."""
    app = site(centre, role="day")
    async with browser(app) as web:
        for content in (b"", b"\x00" * 99, b"PK\x03\x04", b"\xd0\xcf\x11\xe0" * 4, "あ,い\n1,2\n".encode("cp932")):
            answer = await upload(web, content)
            assert (answer.status_code, "この表は取り込めません。" in answer.text) == (200, True)
            assert str(tmp_path.parent) not in answer.text
            assert "yoake-import-" not in answer.text
            await web.post(f"{answer.url.path}?do=drop", headers=FROM_HERE)
        assert "表の種類を選んでください。" in (await upload(web, b"x", "../../keys")).text
        large = await web.post("/import", content=b"x", headers={**FROM_HERE, "Content-Length": "99999999"})
        assert large.status_code == 413
        for kind in ("", "text/plain", "multipart/form-data", "multipart/form-data; boundary=x", "application/json"):
            headers = {**FROM_HERE, "Content-Type": kind}
            for body in (b"", b"--x\r\n\r\n", b"--x\r\nContent-Disposition: form-data; name=file\r\n\r\nx\r\n--x--"):
                assert (await web.post("/import", content=body, headers=headers)).status_code == 400
        for token in ("x", "%00", "9" * 500):
            assert (await web.get(f"/import/{token}")).status_code == 404
        assert (await web.post("/import", files={"file": b"x"})).status_code == 403

    assert places(app) == []


async def test_where_the_line_is_down_it_says_so(centre: Centre, tmp_path: Path) -> None:
    """And the same sheet, imported again, adds the rest."""
    app = site(centre, role="day")
    async with browser(app) as web:
        checked = await upload(web, roster(tmp_path, "R-8"))
        app.state.counter.closed = True
        sent = await web.post(f"{checked.url.path}?do=send", headers=FROM_HERE, follow_redirects=True)
        down = await settled(web, sent)

    assert "回線が切れています。途中まで送りました。" in down.text


async def test_so_many_uploads_and_no_more(centre: Centre, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each may fill a disk; what is too old makes room."""
    app = site(centre, role="day")
    async with browser(app) as web:
        sheet = roster(tmp_path, "R-1")
        waiting = [await upload(web, sheet) for _ in range(jobs.MOST_JOBS)]
        full = await upload(web, sheet)
        await web.post(f"{waiting[0].url.path}?do=drop", headers=FROM_HERE)
        after = await upload(web, sheet)
    other = app.state.signins.sign_in(app.state.signins.link("day", "架空 次郎"))
    app.state.cookies = dict.fromkeys(app.state.cookies, other)
    async with browser(app) as web:
        others = await upload(web, sheet)
        monkeypatch.setattr(jobs, "KEPT", -1.0)
        room = await upload(web, sheet)

    assert (full.status_code, "下にある自分の表を送信するか消してから" in full.text) == (503, True)
    assert full.text.count("この表を消す") == jobs.MOST_JOBS
    assert after.status_code == 200
    assert (others.status_code, "ほかの担当の表が4件あり" in others.text) == (503, True)
    assert "この表を消す" not in others.text
    assert room.status_code in (200, 404)
    assert pages.SHIPPED.is_dir()


async def test_what_is_done_with_takes_no_place(
    centre: Centre, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it was refused or sent: it stands in one's list with its button, and the oldest goes by itself."""
    app = site(centre, role="day")
    monkeypatch.setattr(jobs, "MOST_DONE", 6)
    async with browser(app) as web:
        refused = [await upload(web, b"x") for _ in range(jobs.MOST_JOBS + 1)]
        checked = await upload(web, roster(tmp_path, "R-7"))
        await settled(web, await web.post(f"{checked.url.path}?do=send", headers=FROM_HERE, follow_redirects=True))
        listed = (await web.get("/import")).text
        for _ in range(2):
            await upload(web, b"x")
        first, last = [(await web.get(page.url.path)).status_code for page in (refused[0], checked)]

    assert {page.status_code for page in (*refused, checked)} == {200}
    assert all("この表を消す" in page.text for page in refused)
    assert (listed.count("取り込めません。"), listed.count("送信済み。"), listed.count("この表を消す")) == (5, 1, 6)
    assert (first, last) == (404, 200)


async def test_edited_rows_are_corrected_where_that_is_ticked_with_a_reason(centre: Centre, tmp_path: Path) -> None:
    """Both values stand on the page; without the tick nothing of them is sent; the copy speaks the page's language."""
    app = site(centre, role="day")
    edited = csv_file(tmp_path / "b.csv", [HEADING, person("R-51", 氏名="架空 髙子")]).read_bytes()
    async with browser(app) as web:

        async def send(page: httpx.Response, **form: str) -> httpx.Response:
            address = page.url.copy_merge_params({"do": "send"})
            return await settled(web, await web.post(address, data=form, headers=FROM_HERE, follow_redirects=True))

        await send(await upload(web, csv_file(tmp_path / "a.csv", [HEADING, person("R-51")]).read_bytes()))
        sent = len(app.state.counter.sent)
        checked = await upload(web, edited)
        left = await send(checked)
        english = await upload(web, edited, to="/import?lang=en")
        copy = await web.get(f"{english.url.path}/copy")
        no_reason = await send(english, correct="1", reason=" ")
        before = len(app.state.counter.sent)
        corrected = await send(english, correct="1", reason="架空の改姓")
        for page in (checked, english):
            await web.post(f"{page.url.path}?do=drop", headers=FROM_HERE)

    assert "D列「氏名」：受け付けた内容と違います（受け付けた内容：架空 花子／この表：架空 髙子）" in checked.text
    assert "もう一度取り込み、訂正を選んでください" in left.text
    assert "differs from what is held (held: 架空 花子; this sheet: 架空 髙子)" in copy.content.decode("utf-8-sig")
    assert (no_reason.status_code, "Nothing was sent yet" in no_reason.text, before) == (400, True, sent)
    assert "Corrected" in corrected.text
    assert [told["type"] for _, told in app.state.counter.sent[sent:]] == ["registration.correct"]
