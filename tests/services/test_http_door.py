"""The HTTP door: CloudEvents in three modes, a receipt once committed, a problem only where nothing can be read."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import httpx
import msgspec
import pytest
import pytest_asyncio
import sqlalchemy as sa

from deploy.contract import SCHEMAS, documents
from events import BATCH_CONTENT_TYPE, CONTENT_TYPE, decode, event_of
from events.intake import CallReceived
from events.messages import MAX_BATCH_BYTES
from events.seal import seal
from services.credentials import FILE, Credentials
from services.intake.http import door_app
from services.journal import log_of
from services.seal import KeyReader, Secrets
from tests.desk_examples import arrange, call
from tests.door_examples import Doorway, doorway

pytestmark = pytest.mark.asyncio(loop_scope="module")

NAME = "架空 花子"


class Web:
    """The door over HTTP, asked as the day provider unless otherwise said."""

    def __init__(self, here: Doorway) -> None:
        self.here = here
        credentials = Credentials(here.settings.keys / FILE)
        self.tokens = {who: credentials.new(who, datetime.now(UTC))[1] for who in ("day", "night")}
        self._client = httpx.AsyncClient(
            transport=httpx.ASGITransport(door_app(here.settings, here.door)), base_url="http://door"
        )

    async def post(
        self, body: Any, kind: str = CONTENT_TYPE, *, as_: str | None = "day", **headers: str
    ) -> httpx.Response:
        """Send something; what is no bytes goes as JSON."""
        content = body if isinstance(body, bytes) else msgspec.json.encode(body)
        given = {"Content-Type": kind} | {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.ask("POST", "/v1/messages", as_=as_, content=content, headers=given)

    async def ask(self, method: str, path: str, *, as_: str | None = "day", **more: Any) -> httpx.Response:
        """Any request. Every problem is one of RFC 9457, as the document says."""
        headers = more.pop("headers", {}) | ({"Authorization": f"Bearer {self.tokens[as_]}"} if as_ else {})
        answer = await self._client.request(method, path, headers=headers, **more)
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["status"] == answer.status_code
            assert " / " in answer.json()["title"]
        return answer


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def web(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Web]:
    """A door over HTTP with the services behind it."""
    async with doorway(tmp_path_factory.mktemp("http")) as here:
        yield Web(here)


@pytest.fixture(autouse=True)
def no_personal_word_in_the_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever a test sends."""
    with caplog.at_level(logging.DEBUG):
        yield
    assert NAME not in caplog.text


def statuses(answer: httpx.Response) -> list[tuple[str, str]]:
    """(id, status) of each receipt of an answer."""
    return [(receipt["id"], receipt["status"]) for receipt in answer.json().get("receipts", [])]


def _boxes(here: Doorway) -> list[dict[str, Any] | None]:
    """What is personal of the calls that were received, as it is opened again."""
    log = sa.create_engine(here.settings.database_of("intake"))
    keys = KeyReader(sa.create_engine(here.settings.database_of("keys")), Secrets.at(here.settings.keys))
    with log.connect() as connection:
        rows = connection.execute(sa.select(log_of(log).c.state).order_by(log_of(log).c.id)).scalars()
        records = [decode(bytes(row)) for row in rows]
    received = [(record, event_of(record)) for record in records if record.type == CallReceived.name]
    boxes = [
        (event.person or event.contact, f"{record.type}/{record.id}", event.sealed)
        for record, event in received
        if isinstance(event, CallReceived) and event.sealed
    ]
    return keys.unseal_all(boxes)


def binary(message: dict[str, Any]) -> tuple[bytes, dict[str, str]]:
    """A message in binary mode: body and headers."""
    headers = {
        f"ce-{key}": quote(str(value).lower() if value is True else str(value), safe="/:+ ")
        for key, value in message.items()
    }
    headers.pop("ce-data")
    return msgspec.json.encode(message["data"]), headers


async def test_a_call_is_committed_and_then_known(web: Web) -> None:
    """201 with the receipt, then 200; who it is from is whose token came with it."""
    first, again = [await web.post(call(id="s1", personal={"name": NAME})) for _ in range(2)]

    assert [first.status_code, again.status_code] == [201, 200]
    assert statuses(first) + statuses(again) == [("s1", "accepted"), ("s1", "known")]
    assert first.json()["receipts"][0]["provider"] == "day"
    assert (await web.post(call(id="s1"), as_="night")).status_code == 201


@pytest.mark.parametrize("kanji", [16_400, 64_000])
async def test_what_fits_into_a_message_can_be_read_again(web: Web, kanji: int) -> None:
    """In clear, where the door seals it, and sealed by the sender."""
    words = {"words": "架" * kanji}
    key = Secrets.at(web.here.settings.keys).inbox
    clear = await web.post(call(f"L{kanji}", id=f"clear-{kanji}", personal=words))
    shut = await web.post(call(f"S{kanji}", id=f"shut-{kanji}", personal=seal(words, key)))
    receipts = [answer.json()["receipts"][0] for answer in (clear, shut)]

    assert [receipt["status"] for receipt in receipts] == ["accepted"] * 2
    assert "personal-unreadable" not in clear.text + shut.text
    assert _boxes(web.here)[-2:] == [words] * 2


async def test_more_than_a_message_holds_is_refused_with_what_is_accepted(web: Web) -> None:
    """80,000 kanji take 320,000 bytes once they are sealed, and 100,000 are too many in clear."""
    for kanji in (80_000, 100_000):
        answer = await web.post(call(id=f"long-{kanji}", personal={"words": "架" * kanji}))
        told = answer.json()
        assert answer.status_code == 413, told
        (unread,) = told["unread"]
        assert (unread["field"], unread["fault"]) == ("message", "too large")
        assert unread["accepted"].startswith("up to 262144 bytes")


async def test_binary_mode_says_the_same_as_structured_mode(web: Web) -> None:
    """Attributes are unquoted, then percent-decoded; the same message in the other mode is known."""
    message = call(id="日 1", personal={"name": NAME}) | {"synthetic": True, "sequence": 7}
    body, headers = binary(message)
    headers["ce-source"] = f'"{headers["ce-source"]}"'
    sent = await web.post(body, "application/json; charset=utf-8", **headers)

    assert (sent.status_code, statuses(sent)) == (201, [("日 1", "accepted")])
    assert statuses(await web.post(message)) == [("日 1", "known")]


async def test_a_batch_is_answered_message_by_message_in_order(web: Web) -> None:
    """Also where its messages are for several services; plain JSON without attributes is read as what it holds."""
    messages = [call("B", id="b1"), arrange("bed-9", "B", id="b2"), call("B2", id="b3")]
    sent = await web.post(messages, BATCH_CONTENT_TYPE)
    again = await web.post(messages, "application/json")

    assert sent.status_code == 201
    assert [id_ for id_, _ in statuses(sent)] == ["b1", "b2", "b3"]
    assert [id_ for id_, _ in statuses(again)] == ["b1", "b2", "b3"]


async def test_what_a_person_must_look_at_is_committed_and_no_error(web: Web) -> None:
    """Another content under a known id, and a type nobody knows; the receipt says so, and can be asked for."""
    await web.post(call(id="c1"))
    conflict = await web.post(call("other", id="c1"))
    parked = await web.post(call(id="c2") | {"type": "call.repotr"})
    asked = [await web.ask("GET", "/v1/receipts", params={"source": "adapter", "id": i}) for i in ("c1", "c2")]

    assert [conflict.status_code, parked.status_code] == [201, 201]
    assert statuses(conflict) + statuses(parked) == [("c1", "conflict"), ("c2", "parked")]
    assert [statuses(answer) for answer in asked] == [[("c1", "accepted"), ("c1", "conflict")], [("c2", "parked")]]


ODD_CALLS: dict[str, Any] = {
    "no data": {"data": None},
    "data is a text": {"data": NAME},
    "an unusable time": {"time": NAME},
    "another version": {"specversion": "0.3"},
    "odd matters": {"data": {"matters": [NAME, {"case": 5, "personal": NAME}], "personal": [NAME]}},
    "nested deeply": {"data": {"a": [[[[[[[[[[[[[[[[[[[NAME]]]]]]]]]]]]]]]]]]]}},
}


@pytest.mark.parametrize("what", ODD_CALLS)
async def test_a_call_that_can_be_read_is_never_refused(web: Web, what: str) -> None:
    """Whatever is wrong with it, it is recorded, with a flag."""
    sent = await web.post(call(id=what) | ODD_CALLS[what])
    assert (sent.status_code, statuses(sent)) == (201, [(what, "accepted")])
    assert sent.json()["receipts"][0]["flags"]


UNREADABLE: dict[str, tuple[Any, str, int, str]] = {
    "empty": (b"", CONTENT_TYPE, 400, "message"),
    "no JSON": (b'{"id": "1", ' + NAME.encode(), CONTENT_TYPE, 400, "message"),
    "another encoding": (f'{{"id": "{NAME}"}}'.encode("cp932"), CONTENT_TYPE, 400, "message"),
    "a text": (NAME, CONTENT_TYPE, 400, "message"),
    "no id": ({"source": NAME, "type": "call.report"}, CONTENT_TYPE, 400, "id"),
    "no source": ({"id": NAME, "type": "call.report"}, CONTENT_TYPE, 400, "source"),
    "a long id": (call(id=NAME * 50), CONTENT_TYPE, 400, "id"),
    "an empty batch": ([], BATCH_CONTENT_TYPE, 400, "batch"),
    "too many": ([0] * 1_001, BATCH_CONTENT_TYPE, 413, "batch"),
    "a large message": (call(id="l", personal={"words": NAME * 30_000}), CONTENT_TYPE, 413, "message"),
    "a large body": (b" " * (MAX_BATCH_BYTES + 1), CONTENT_TYPE, 413, "body"),
    "a form": (b"id=1", "application/x-www-form-urlencoded", 415, "Content-Type"),
    "no type": (b"{}", "", 415, "Content-Type"),
}


@pytest.mark.parametrize("what", UNREADABLE)
async def test_what_cannot_be_read_at_all_is_named_and_not_repeated(web: Web, what: str) -> None:
    """The field and what would do; never a word of what was sent."""
    body, kind, status, field = UNREADABLE[what]
    answer = await web.post(body, kind)

    assert (answer.status_code, answer.json()["field"]) == (status, field)
    assert answer.json()["accepted"]
    assert NAME not in answer.text + str(answer.headers)


async def test_unreadable_attributes_and_codings_are_refused(web: Web) -> None:
    """In binary mode, and where the body is compressed."""
    body, headers = binary(call(id="x"))
    latin = await web.post(body, "application/json", **headers | {"ce-id": "%E9"})
    broken = await web.post(b"{]", "application/json", **headers)
    spliced = await web.post(b'{}, "id": "other"', "application/json", **headers)
    zipped = await web.post(body, "application/json", **headers, content_encoding="gzip")

    assert [a.status_code for a in (latin, broken, spliced, zipped)] == [400, 400, 400, 415]


async def test_the_readable_messages_of_a_batch_are_taken_beside_the_others(web: Web) -> None:
    """400 names the one that was not taken; the sender keeps it, and the others have their receipts."""
    answer = await web.post([call(id="r1"), {"type": "call.report"}, call(id="r2")], BATCH_CONTENT_TYPE)

    assert answer.status_code == 400
    assert [(one["n"], one["field"]) for one in answer.json()["unread"]] == [(2, "id")]
    assert statuses(answer) == [("r1", "accepted"), ("r2", "accepted")]


async def test_nobody_unknown_gets_in_and_nobody_sees_what_is_anothers(web: Web) -> None:
    """No token, another scheme, a wrong one, one that was revoked; receipts are one's own."""
    await web.post(call(id="own"))
    credentials = Credentials(web.here.settings.keys / FILE)
    made, token = credentials.new("day", datetime.now(UTC))
    assert (await web.post(call(id="own"), as_=None, authorization=f"Bearer {token}")).status_code == 200
    credentials.revoke(made.name, datetime.now(UTC))
    for given in ("", "Bearer", "Bearer wrong", f"Basic {token}", f"Bearer {token}", "Bearer é"):
        answer = await web.ask(
            "POST", "/v1/messages", as_=None, headers={"Authorization": given.encode()} if given else {}
        )
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert token not in answer.text
    for who, status in (("day", 200), ("night", 404), (None, 401)):
        asked = await web.ask("GET", "/v1/receipts", as_=who, params={"source": "adapter", "id": "own"})
        assert asked.status_code == status


async def test_while_the_services_are_down_a_call_is_queued(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    """202, and where to ask; once they run it has been taken, once."""
    monkeypatch.setattr("services.intake.door.Door.submit.__kwdefaults__", {"patience": 0.1})
    await web.here.close_services()
    queued = await web.post(call(id="w1"))
    unknown = await web.ask("GET", "/v1/receipts", params={"source": "adapter", "id": "w1"})
    await web.here.open_services()
    monkeypatch.undo()
    again = await web.post(call(id="w1"))
    asked = await web.ask("GET", "/v1/receipts", params={"source": "adapter", "id": "w1"})

    assert queued.status_code == 202
    assert queued.json()["queued"] == [{"source": "adapter", "id": "w1"}]
    assert int(queued.headers["retry-after"]) > 0
    assert unknown.status_code == 404
    assert statuses(again) == [("w1", "known")]
    assert statuses(asked) == [("w1", "accepted")]


async def test_other_methods_and_incomplete_questions_are_answered_properly(web: Web) -> None:
    """405 with Allow; OPTIONS; HEAD; a question without its parameters."""
    wrong = await web.ask("DELETE", "/v1/messages")
    options = await web.ask("OPTIONS", "/v1/receipts", as_=None)
    head = await web.ask("HEAD", "/v1/openapi.json", as_=None)
    incomplete = await web.ask("GET", "/v1/receipts", params={"source": "adapter"})

    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST, OPTIONS")
    assert (options.status_code, options.headers["allow"]) == (204, "GET, HEAD, OPTIONS")
    assert head.status_code == 200
    assert (incomplete.status_code, incomplete.json()["field"]) == (400, "id")


async def test_the_document_that_is_served_is_the_one_that_is_published(web: Web) -> None:
    """And it is made from the structs: whoever changes them runs `make schemas`."""
    served = await web.ask("GET", "/v1/openapi.json", as_=None)
    assert served.content == documents()["openapi.json"] == (SCHEMAS / "openapi.json").read_bytes()
