"""The demonstration's history by every way that an adapter may take: whichever it is, the published tables come out."""

from __future__ import annotations

import asyncio
import csv
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.datadir import DataDirectory
from deploy.demo import SEED
from deploy.history import plan, read_examples
from deploy.opened import Opened
from deploy.setting_up import PUBLISHED
from events import BATCH_CONTENT_TYPE
from events.courier import Courier, Transport
from events.outbox import Outbox
from events.over_http import OverHttp
from events.over_nats import OverNats
from events.seal import public_key
from services.reporting.published import compare, load
from services.ward import load as load_ward
from tests.running import WARD, running, settled, until, up, write_lines, yoake

Message = dict[str, Any]
PROVIDER = "contractor"
SOURCE = f"/history/setagaya/{SEED}"

ROSTER = """type = "registration.submit"
source = "{source}"
id = {{ columns = ["番号"] }}
field = [
  {{ to = "time", as = "time", columns = ["登録日"] }},
  {{ to = "entered", as = "time", columns = ["入力日"] }},
  {{ to = "data.person", columns = ["登録番号"] }},
  {{ to = "data.district", columns = ["地域"] }},
  {{ to = "data.handbooks", as = "list", columns = ["手帳"], none = ["なし"] }},
  {{ to = "data.certificate", as = "truth", columns = ["受給者証"] }},
  {{ to = "data.personal.name", columns = ["氏名"] }},
  {{ to = "data.personal.birth_date", as = "day", columns = ["生年月日"] }},
]
"""
CALLS = """type = "call.report"
source = "{source}"
id = {{ columns = ["番号"] }}
field = [
  {{ to = "time", as = "time", columns = ["受付"] }},
  {{ to = "entered", as = "time", columns = ["入力"] }},
  {{ to = "data.channel", columns = ["方法"] }},
  {{ to = "data.matters[0].case", columns = ["相談番号"] }},
  {{ to = "data.matters[0].person", columns = ["登録番号"] }},
  {{ to = "data.matters[0].district", columns = ["地域"] }},
  {{ to = "data.matters[0].reasons", as = "list", columns = ["理由"] }},
]
"""


@pytest.fixture(scope="module")
def history() -> list[Message]:
    """What the demonstration sends, in its order."""
    sent = plan(load(PUBLISHED), load_ward(WARD), SEED, read_examples(PUBLISHED))
    assert {provider for provider, _ in sent} == {PROVIDER}
    return [message for _, message in sent]


def fed(data: Path, history: list[Message]) -> None:
    """`yoake feed`: messages over NATS, one by one."""
    file = write_lines(data.with_name("history.jsonl"), history)
    assert yoake("feed", file, "--as", PROVIDER, "--data", data).returncode == 0


def by_the_kit_over_nats(data: Path, history: list[Message]) -> None:
    """Put into an outbox on disk, sent by its courier."""
    found = running(data)
    assert found is not None
    _carried(data, history, OverNats(found["nats"], "setagaya", PROVIDER))


def by_the_kit_over_http(data: Path, history: list[Message]) -> None:
    """The same outbox, through the door."""
    _carried(data, history, OverHttp(*_door(data)))


def by_nothing_but_http(data: Path, history: list[Message]) -> None:
    """Batches posted in the order of the records, personal parts in clear: the door seals them."""
    url, token = _door(data)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": BATCH_CONTENT_TYPE}
    for batch in _by_hundreds(history):
        answer = httpx.post(f"{url}v1/messages", content=json.dumps(batch), headers=headers, timeout=60)
        assert answer.status_code in (200, 201), answer.text
        receipts = answer.json()["receipts"]
        assert {receipt["status"] for receipt in receipts} <= {"accepted", "known", "waiting"}


def in_sheets(data: Path, history: list[Message]) -> None:
    """The register and the call log as spreadsheets; what a sheet has no line for, by `yoake feed`."""
    rosters = [_of_the_register(m) for m in history if m["type"] == "registration.submit"]
    calls = [_of_the_call_log(m) for m in history if _fits_a_line(m)]
    for name, mapping, lines, encoding in (("名簿", ROSTER, rosters, "cp932"), ("相談", CALLS, calls, "utf-8-sig")):
        sheet, plan_ = data.with_name(f"{name}.csv"), data.with_name(f"{name}.toml")
        plan_.write_text(mapping.format(source=SOURCE))
        with sheet.open("w", encoding=encoding, newline="") as file:
            csv.writer(file).writerows([list(lines[0]), *(list(line.values()) for line in lines)])
        done = yoake(
            "import", sheet, "--map", plan_, "--as", PROVIDER, "--synthetic", "--json", "--data", data, timeout=120
        )
        assert not {"held", "parked", "conflict"} & done.json["states"].keys()
    fed(data, [m for m in history if m["type"] != "registration.submit" and not _fits_a_line(m)])


WAYS: list[Callable[[Path, list[Message]], None]] = [
    fed,
    by_the_kit_over_nats,
    by_the_kit_over_http,
    by_nothing_but_http,
    in_sheets,
]


@pytest.mark.parametrize("way", WAYS)
def test_the_published_tables_come_out_by(
    way: Callable[[Path, list[Message]], None], history: list[Message], tmp_path: Path
) -> None:
    """Every cell of every published table is equal; nothing is parked, waits or is in conflict."""
    data = tmp_path / "data"
    with up(data):
        way(data, history)
        until(lambda: settled(data))
        status = yoake("status", "--json", "--data", data).json
        with closing(Opened(DataDirectory(data).settings(), "setagaya")) as books:
            compared = [
                cell
                for table in load(PUBLISHED)
                for cell in compare(table, books.inquiry.report(table.report, years=table.years, as_of=table.as_of))
            ]
    assert not [state for s in status["services"] for state in ("waiting", "parked", "conflicts") if s[state]]
    assert len(compared) == 100
    assert [cell for cell in compared if not cell.equal] == []


def _door(data: Path) -> tuple[str, str]:
    """Where the door is, and a token for it."""
    made = yoake("credentials", "new", PROVIDER, "--json", "--data", data)
    assert made.returncode == 0, made.stderr
    found = running(data)
    assert found is not None
    return found["pages"], made.json["token"]


def _carried(data: Path, history: list[Message], transport: Transport) -> None:
    key = public_key((data / "keys" / "inbox.pub.jwk").read_bytes())
    with Outbox(data.with_name("outbox.db"), source=SOURCE, key=key) as outbox:
        outbox.put_all(history)
        asyncio.run(asyncio.wait_for(Courier(outbox, transport).run(), 120))
        assert outbox.counts().keys() <= {"accepted", "known", "waiting"}


def _by_hundreds(history: list[Message]) -> Iterator[list[Message]]:
    left = iter(history)
    while batch := list(islice(left, 100)):
        yield batch


def _fits_a_line(message: Message) -> bool:
    """A call of one matter, as a log has a line for; what is not counted, or about several, has none."""
    return message["type"] == "call.report" and len(message["data"].get("matters", ())) == 1


def _of_the_register(message: Message) -> dict[str, Any]:
    told = message["data"]
    handbooks = told.get("handbooks")
    return {
        "番号": message["id"],
        "登録日": message["time"],
        "入力日": message.get("entered"),
        "登録番号": told["person"],
        "地域": told.get("district"),
        "手帳": None if handbooks is None else "、".join(handbooks) or "なし",
        "受給者証": {True: "○", False: "×"}.get(told.get("certificate")),
        "氏名": told["personal"]["name"],
        "生年月日": told["personal"].get("birth_date"),
    }


def _of_the_call_log(message: Message) -> dict[str, Any]:
    (about,) = message["data"]["matters"]
    return {
        "番号": message["id"],
        "受付": message["time"],
        "入力": message.get("entered"),
        "方法": message["data"].get("channel"),
        "相談番号": about.get("case"),
        "登録番号": about.get("person"),
        "地域": about.get("district"),
        "理由": "、".join(about.get("reasons", ())),
    }
