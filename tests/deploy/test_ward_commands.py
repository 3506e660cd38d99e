"""`yoake ward`, and the differences of a changed file: told by key, before it takes effect."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from deploy.differences import differences
from deploy.ward_commands import national, remarks
from services.ward import Ward, load, parse
from tests.running import running, said_by, settled, until, up, yoake

WARDS = Path(__file__).parents[2] / "deploy" / "wards"
FILE = WARDS / "akatsukino.toml"
SAMPLE: dict[str, Any] = tomllib.loads(FILE.read_text(encoding="utf-8"))
WARD = load(FILE)


def edited(edit: Callable[[dict[str, Any]], object]) -> Ward:
    """The file after an edit."""
    content = copy.deepcopy(SAMPLE)
    edit(content)
    return parse(content)


NEW_OUTCOME = {"key": "visit", "label": {"ja": "訪問", "en": "Visit"}, "rank": 0, "arranged": ["stay", "helper"]}
EDITS: list[tuple[Callable[[dict[str, Any]], object], list[str]]] = [
    (lambda content: None, []),
    (
        lambda content: content["policy"].update(period="evening"),
        ["changed 変更  policy.period: 'clock' → 'evening'"],
    ),
    (lambda content: content["outcome"].insert(0, NEW_OUTCOME), ["added 追加  outcome.visit (訪問 / Visit)"]),
    (
        lambda content: content["reason"].pop(0),
        ["removed 削除  reason.health (健康の維持が困難 / Cannot keep up their health)"],
    ),
    (
        lambda content: content["district"].reverse(),
        ["order 順序  district: ['north', 'centre', 'coast'] → ['coast', 'centre', 'north']"],
    ),
    (
        lambda content: content["district"][1].update(also=["中部", "真中"]),
        ["added 追加  district.centre.also (中央 / Central): '真中'"],
    ),
    (
        lambda content: content["provider"][0].update(until=date(2026, 3, 31)),
        ["added 追加  provider.office.until (日中受託事業者 / Day provider): '2026-03-31'"],
    ),
    (
        lambda content: content["holidays"]["days"].pop(),
        ["removed 削除  holidays.days: '2025-03-20'"],
    ),
    (
        lambda content: content["alias"].append({"word": "架空浜", "district": "coast"}),
        ["added 追加  alias.架空浜: word '架空浜', district 'coast'"],
    ),
    (
        lambda content: content["hours"].append(
            {"from": date(2024, 4, 1), "spans": [{"band": "night", "start": "00:00", "end": "24:00"}]}
        ),
        ["added 追加  hours.2024-04-01: from '2024-04-01', spans [band 'night', start '00:00', end '24:00'], days []"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("edit", "lines"), EDITS)
def test_a_difference_is_told_by_key(edit: Callable[[dict[str, Any]], object], lines: list[str]) -> None:
    """One new column is one line, wherever in the list it stands; nothing else has changed."""
    assert [str(difference) for difference in differences(WARD, edited(edit))] == lines


def test_a_changed_span_is_told_within_its_kind_of_day() -> None:
    """Down to the time that changed."""

    def edit(content: dict[str, Any]) -> None:
        spans = content["hours"][0]["days"][2]["spans"]
        spans[1]["end"], spans[2]["start"] = "13:00", "13:00"

    told = [str(difference) for difference in differences(WARD, edited(edit))]
    assert told[0] == (
        "changed 変更  hours.2023-04-01.days.saturday-2/saturday-4.spans.saturday 09:00.end: '12:30' → '13:00'"
    )
    assert [line.split()[0] for line in told] == ["changed", "removed", "added"]


def test_every_difference_is_found_both_ways() -> None:
    """What one file adds the other removes; two files have the same differences as one another."""
    others = [load(WARDS / f"{name}.toml") for name in ("yoimachi", "ariakegaura", "setagaya")]
    swap = {"added": "removed", "removed": "added"}

    for other in others:
        there, back = differences(WARD, other), differences(other, WARD)
        assert sorted((d.place, swap.get(d.kind, d.kind)) for d in there) == sorted((d.place, d.kind) for d in back)


@pytest.mark.parametrize("name", ["setagaya", "akatsukino", "yoimachi", "ariakegaura"])
def test_each_file_in_the_repository_can_be_used(name: str) -> None:
    """With its tables; the exit status says so, and the JSON names the ward."""
    done = yoake("ward", "check", WARDS / f"{name}.toml", "--tables", WARDS / f"{name}-published.toml", "--json")

    assert (done.returncode, done.json["usable"], done.json["ward"]) == (0, True, name)


def test_a_file_that_cannot_be_used_is_refused_with_its_line(tmp_path: Path) -> None:
    """For a person on standard error, for a program as JSON; the exit status is 2."""
    wrong = tmp_path / "ward.toml"
    text = FILE.read_text(encoding="utf-8").replace('district = "coast"', 'district = "cost"')
    wrong.write_text(text, encoding="utf-8")
    line = text.count("\n", 0, text.index('"cost"')) + 1

    said, told = yoake("ward", "check", wrong), yoake("ward", "check", wrong, "--json")

    assert (said.returncode, told.returncode) == (2, 2)
    assert f"{wrong}:{line}: alias 架空港町: unknown district 'cost'; known: north, centre, coast" in said.stderr
    assert (told.json["usable"], told.json["line"]) == (False, line)


def test_holidays_are_written_as_the_file_has_them() -> None:
    """The list in the sample is what the command writes; what differs from the calendar is remarked."""
    done = yoake("ward", "holidays", "2023", "2024")
    written = tomllib.loads(done.stdout)

    assert written["holidays"] == SAMPLE["holidays"]
    assert date(2024, 5, 6) in national(2024, 2024)  # 振替休日
    assert date(2026, 9, 22) in national(2026, 2026)  # 国民の休日
    assert yoake("ward", "holidays", "2024", "2023").returncode == 2


def test_what_is_odd_about_holidays_and_bands_is_remarked() -> None:
    """A day too few, a day too many, a band that nobody works in: usable, and perhaps not meant."""

    def edit(content: dict[str, Any]) -> None:
        content["holidays"]["days"][0] = date(2023, 4, 28)
        content["provider"][1]["bands"] = []

    said = "\n".join(remarks(edited(edit)))
    assert "2023-04-28 is listed, but is no national holiday" in said
    assert "2023-04-29 is a national holiday, but is not listed" in said
    assert "band night: no provider works in it" in said
    assert list(remarks(load(WARDS / "yoimachi.toml"))) == []


def test_a_changed_file_is_shown_before_it_takes_effect_and_taken_only_when_told(tmp_path: Path) -> None:
    """`ward diff` and `up` show the same lines; the ward's history holds both files once it was activated."""
    data, new = tmp_path / "data", tmp_path / "ward.toml"
    new.write_text(FILE.read_text(encoding="utf-8").replace("until = 2025-03-31", "until = 2025-03-30"), "utf-8")
    line = "changed 変更  holidays.until: '2025-03-31' → '2025-03-30'"
    with up(data, "--ward", FILE):
        until(lambda: settled(data))
    same, diff = yoake("ward", "diff", FILE, "--data", data), yoake("ward", "diff", new, "--data", data, "--json")
    assert (same.returncode, diff.returncode) == (0, 1)
    assert [(each["place"], each["kind"]) for each in diff.json] == [("holidays.until", "changed")]
    with up(data, "--ward", new):
        assert line in said_by(data).read_text()
        until(lambda: running(data) is not None and settled(data))
    assert len(yoake("case", "akatsukino", "--json", "--data", data).json["steps"]) == 1
    with up(data, "--ward", new, "--activate"):
        until(lambda: settled(data))
    assert len(yoake("case", "akatsukino", "--json", "--data", data).json["steps"]) == 2
    assert yoake("ward", "diff", new, "--data", data).returncode == 0
