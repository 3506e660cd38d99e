"""The nouns of the tests of tonight's notes: E's short stay on 31 December, and a night worker who knows of it."""

from __future__ import annotations

import atexit
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from services.seal import Secrets
from tests import desk_examples
from tests.desk_examples import Centre, Message, arrange, at, call, contact, message, offer, register
from tests.web_examples import centre_in

NOTE = {
    "note": "今日から短期入所",
    "may_ring": "母（電話することあり）",
    "promised": "着替えは明日届ける",
    "not_promise": "帰る日",
}
AFTERNOON, EVENING, RINGS = "2025-12-31 16:40", "2025-12-31 16:50", "2025-12-31 23:10"
MOTHER = "03-0000-5678"


def note(case: str | None = "E", on: str = AFTERNOON, /, **data: Any) -> Message:
    """What the night must know of a case; by default all of NOTE."""
    return message("case.note", on, **({"case": case} if case else {}), **({"personal": NOTE} | data))


def tell_new_years_eve(centre: Centre) -> None:
    """E (架空 海) began a short stay and their mother may ring; F is not registered and is to be rung back.

    All of it made up. G's case was closed in the afternoon.
    """
    form = {
        "name": "架空 海",
        "kana": "カクウ ウミ",
        "birth_date": "1985-04-30",
        "tell_first": "大きな音が苦手",
        "care": {"medication": "20時に服薬", "communication": "短いことばで"},
        "in_an_emergency": "母に電話",
        "contacts": [{"name": "架空 空", "relation": "母", "phone": MOTHER}],
    }
    centre.clock.now = at("2025-12-30 10:00")
    centre.say("day", register("P", "2025-12-30 10:00", personal=form))
    centre.say("day", call("E", "2025-12-31 09:30", person="P", reasons=["carer-ill"]))
    back = {"by": at("2025-12-31 20:00").isoformat(), "who": "night"}
    personal = {"name": "架空 風", "call_back_phone": "03-0000-4321"}
    centre.say("day", call("F", "2025-12-31 11:00", call_back=back, personal=personal))
    centre.say("day", call("G", "2025-12-31 12:00"))
    centre.pump()
    times = {"begins_at": at("2025-12-31 13:00").isoformat(), "ends_at": at("2026-01-03 10:00").isoformat()}
    centre.say("day", arrange("bed", "E", on="2025-12-31 13:00", facility="架空の家", **times))
    centre.say("day", offer("o", "F", on="2025-12-31 14:00", to="架空相談支援事業所"))
    centre.say("day", message("case.close", "2025-12-31 15:00", case="G"))
    centre.pump()
    centre.say("day", note())
    centre.pump()


@cache
def _told(_: Secrets) -> Path:
    """The databases of a centre with these keys that was told of the day, at ten to five; each test gets a copy."""
    directory = Path(mkdtemp(prefix="yoake-eve-"))
    atexit.register(shutil.rmtree, directory)
    with centre_in(directory) as centre:
        tell_new_years_eve(centre)
        centre.tick(EVENING)
    return directory


@contextmanager
def new_years_eve(directory: Path) -> Iterator[Centre]:
    """A centre at ten to five on New Year's Eve, with what was told of the day."""
    shutil.copytree(_told(desk_examples.SECRETS), directory, dirs_exist_ok=True)
    with Centre(f"sqlite:///{directory}/{{service}}.db", ward=None, seed=2) as centre:
        centre.clock.now = at(EVENING)
        yield centre


def mother_rings(number: str = "R7-0001", on: str = RINGS) -> Message:
    """A further contact on E's open case."""
    return contact({"number": number}, on=on)
