"""How soon a registrant is found among many, by whatever is known. Everybody is invented (架空データ)."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path
from random import Random
from statistics import quantiles
from time import perf_counter
from typing import Any

import msgspec
from sqlalchemy import Engine

from services.database import open_engine
from services.desk import Desk
from services.hearing import CURSORS
from services.inbox import Delivery
from services.intake.brief import brief
from services.intake.finding import Finder
from services.intake.rules import Rules
from services.journal import Journal
from services.seal import KeyReader, KeyStore, Secrets
from services.settings import Settings
from services.tables import WRITER_TABLES
from tests.bench.workload import PROVIDER
from tests.running import WARD, message

TOPOLOGY = "one process on SQLite: intake's desk registers everybody in batches of 1,000, then a finder looks"
BATCH = 1_000
ASKED = 600
TODAY = date(2024, 6, 1)
SYLLABLES = "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワ"


def times(count: int) -> dict[str, float]:
    """Milliseconds until the candidates are there, with the brief where it is one: p95 of all, and of each way to ask.

    `registered`: how many registrations a second were taken, index and seals included.
    """
    with tempfile.TemporaryDirectory(prefix="yoake-bench-") as directory:
        place, random = Path(directory), Random(1)
        people = list(_people(count, random))
        secrets = Secrets.at(place / "keys")
        with closing(_journal(place)) as journal:
            rate = _register(Desk(journal, Rules(), secrets, KeyStore(_key_engine(place), secrets)), people)
        with closing(_journal(place)) as journal:
            finder = Finder(journal, secrets, KeyReader(_key_engine(place), secrets))
            taken = {name: _asked(finder, asked) for name, asked in _questions(people, random).items()}
    found = {name: _p95(each) for name, each in taken.items()}
    return {"p95": _p95([one for each in taken.values() for one in each]), "registered": rate} | found


def _people(count: int, random: Random) -> Iterator[dict[str, Any]]:
    families = ["".join(random.choices(SYLLABLES, k=random.randint(2, 4))) for _ in range(400)]
    givens = ["".join(random.choices(SYLLABLES, k=random.randint(2, 3))) for _ in range(300)]
    weights = [1 / (n + 3) for n in range(len(families))]  # A few names are had by many, as everywhere.
    for n in range(count):
        family, given = random.choices(families, weights)[0], random.choice(givens)
        born = date(1940, 1, 1) + timedelta(days=random.randrange(28_000))
        yield {
            "name": f"架空{n} {given}",
            "kana": f"{family} {given}",
            "birth_date": born.isoformat(),
            "phone": f"090-{_four(random)}-{_four(random)}",
            "address": f"架空町{n}",
            "contacts": [{"relation": "母", "phone": f"03-{_four(random)}-{_four(random)}"}],
            "certificate_number": f"{n:010}",
            "care": {"medication": "夕食後"},
            "tell_first": "ゆっくり話す",
        }


def _four(random: Random) -> str:
    return f"{random.randrange(10_000):04}"


def _register(desk: Desk[Any], people: list[dict[str, Any]]) -> float:
    ward = Settings(ward_file=WARD, nats="", database="", keys=Path()).ward()
    desk.activate(ward, ward.opens_at)
    told = (
        message(f"p-{n}", "registration.submit", "2024-05-01T10:00:00+09:00", {"person": f"P-{n}", "personal": person})
        for n, person in enumerate(people)
    )
    began = perf_counter()
    while forms := list(islice(told, BATCH)):
        bodies = [msgspec.json.encode(forms[start : start + BATCH // 4]) for start in range(0, len(forms), BATCH // 4)]
        now = datetime.now(UTC)
        desk.take([Delivery(provider=PROVIDER, service="intake", body=body, arrived=now) for body in bodies])
    return len(people) / (perf_counter() - began)


def _questions(people: list[dict[str, Any]], random: Random) -> dict[str, list[str]]:
    some = random.choices(people, k=ASKED // 6)
    return {
        "number": [person["phone"] for person in some],
        "contact": [person["contacts"][0]["phone"] for person in some],
        "part": [person["phone"][-4:] if n % 2 else person["phone"][4:11] for n, person in enumerate(some)],
        "kana": [person["kana"][: random.randint(2, 4)].strip() for person in some],
        "birth": [person["birth_date"] for person in some],
        "both": [f"{person['kana'].split()[0]} {person['birth_date']}" for person in some],
    }


def _asked(finder: Finder, asked: list[str]) -> list[float]:
    taken = []
    for text in asked:
        began = perf_counter()
        found = finder.find(text, TODAY).candidates
        if len(found) == 1:
            brief(finder, found[0].person, TODAY)
        taken.append((perf_counter() - began) * 1e3)
        assert found, "whoever was registered is found"
    return taken


def _p95(taken: list[float]) -> float:
    return quantiles(taken, n=20)[-1]


def _journal(place: Path) -> Journal:
    return Journal(f"sqlite:///{place}/intake.db", "intake", WARD.stem, tables=[*WRITER_TABLES, CURSORS])


def _key_engine(place: Path) -> Engine:
    return open_engine(f"sqlite:///{place}/keys.db")
