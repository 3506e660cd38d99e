"""Design rule 12 and domain rule 3: a ward is its file, a contradiction is refused with its place, old hours stay."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ward import Ward, WardError, load, parse
from services.ward_checks import check_file
from tests.desk_examples import WARD, at, with_policy

WARDS = Path(__file__).parents[2] / "deploy" / "wards"
SAMPLE: dict[str, Any] = tomllib.loads((WARDS / "setagaya.toml").read_text(encoding="utf-8"))
Edit = Callable[[dict[str, Any]], object]


def edited(edit: Edit) -> dict[str, Any]:
    """The sample file after an edit."""
    content = copy.deepcopy(SAMPLE)
    edit(content)
    return content


def spans(*hours: tuple[str, str, str]) -> Edit:
    """The first hours of the file, replaced."""
    told = [{"band": band, "start": start, "end": end} for band, start, end in hours]
    return lambda content: content["hours"][0].update(spans=told)


def in_each(place: str, **values: Any) -> Edit:
    """Something changed in the first entry of a list."""
    return lambda content: content[place][0].update(values)


def without(place: str) -> Edit:
    return lambda content: content.pop(place)


CONTRADICTIONS: list[tuple[Edit, str]] = [
    (spans(("day", "08:30", "17:15"), ("night", "17:00", "08:30")), "hours from 2022-08-26: .*overlaps.*at 17:00"),
    (spans(("day", "08:30", "17:00"), ("night", "17:15", "08:30")), "nothing from 17:00 to 17:15"),
    (spans(("day", "08:30", "17:15"), ("night", "17:15", "08:00")), "nothing from 08:00 to 08:30"),
    (spans(("day", "00:00", "23:00")), "nothing from 23:00 to 24:00"),
    (spans(("day", "08:30", "17:15"), ("evening", "17:15", "08:30")), "unknown band 'evening'; known: day, night"),
    (spans(("day", "8.30", "17:15"), ("night", "17:15", "08:30")), "not a time of day; write 08:30"),
    (spans(("day", "08:30", "25:00"), ("night", "17:15", "08:30")), "write 08:30"),
    (spans(), "nothing from 00:00 to 24:00"),
    (lambda content: content["hours"].reverse(), "in the order of `from`"),
    (lambda content: content.update(hours=[]), "hours: empty"),
    (lambda content: content["provider"][0].update(bands=["evening"]), "provider contractor: unknown band evening"),
    (in_each("provider", id="Day Provider"), "provider.id: 'Day Provider'"),
    (in_each("provider", id="day.provider"), "provider.id"),
    (lambda content: content["ward"].update(id="世田谷"), "ward.id"),
    (lambda content: content["ward"].update(timezone="Asia/Setagaya"), "ward.timezone: 'Asia/Setagaya'"),
    (lambda content: content["ward"].update(timezone="Asia"), "ward.timezone: 'Asia'"),
    (lambda content: content["ward"].update(timezone=""), "ward.timezone"),
    (lambda content: content["ward"].update(timezone="../UTC"), "ward.timezone"),
    (lambda content: content["ward"].update(timezone="/etc/localtime"), "ward.timezone"),
    (lambda content: content["district"].append(content["district"][0]), "district: setagaya stands twice"),
    (lambda content: content["provider"].append(content["provider"][0]), "provider.*contractor stands twice"),
    (lambda content: content.update(district=[]), "district: empty"),
    (in_each("outcome", arranged=["no-such"]), "outcome short-stay: unknown placement no-such"),
    (in_each("outcome", group="no-such"), "outcome short-stay: unknown group 'no-such'"),
    (in_each("outcome", rank=6), "the same rank"),
    (
        lambda content: content["outcome"].extend(
            [
                content["outcome"][4] | {"key": "agency", "rank": -2, "handed_over": ["agency"]},
                content["outcome"][4] | {"key": "section", "rank": -1, "handed_over": ["section"]},
            ]
        ),
        "outcome handed-over: nobody can reach it, agency or section comes first",
    ),
    (in_each("outcome", rank=0), "outcome both: nobody can reach it, short-stay comes first"),
    (lambda content: content["outcome"].pop(), "outcome handed-over: the last rank must take everything else"),
    (lambda content: content["outcome"][4].update(handed_over=["agncy"]), "outcome handed-over: unknown"),
    (lambda content: content["age_group"].pop(), "age_group: only the last group goes without `to`"),
    (in_each("age_group", to=19), "age_group: `to` must rise"),
    (lambda content: content.update(surprise=1), "surprise"),
    (lambda content: content["policy"].update(surprise=1), "surprise"),
    (lambda content: content["policy"].update(unit="caller"), "unit"),
    (in_each("district", colour="red"), "colour"),
    (lambda content: content["labels"].pop("total"), "labels: total missing"),
    (lambda content: content["footnotes"].pop("pending"), "footnotes: pending missing"),
    (without("ward"), "ward"),
    (in_each("district", key="x" * 41), "district"),
]


@pytest.mark.parametrize(("edit", "says"), CONTRADICTIONS, ids=[says for _, says in CONTRADICTIONS])
def test_a_contradiction_is_refused_with_its_place(edit: Edit, says: str) -> None:
    """And nothing else of the library's errors comes out."""
    with pytest.raises(WardError, match=says):
        check_file(parse(edited(edit)))


def test_the_sample_file_holds() -> None:
    """Or the tests above would prove nothing."""
    assert parse(copy.deepcopy(SAMPLE)) == WARD


def test_a_ward_survives_the_journal() -> None:
    """`ward.activated` keeps the whole content: read back, it is the same ward."""
    stored = msgspec.json.decode(msgspec.json.encode(WARD.content()))

    assert parse(stored) == WARD


def test_a_content_without_what_came_later_means_the_same() -> None:
    """The first release's `ward.activated` had no kinds of day, holidays, aliases, beginnings, nights or mornings."""
    later: dict[str, Any] = {"alias": (), "duty": ()}
    later |= dict.fromkeys(("holidays", "morning", "urgent", "closed", "evening"))
    then = msgspec.structs.replace(WARD, **later)
    stored = msgspec.json.decode(msgspec.json.encode(then.content()))
    for place in later:
        del stored[place]
    for hours in stored["hours"]:
        del hours["days"]
    for entry in (*stored["district"], *stored["band"], *stored["placement"], *stored["outcome"]):
        del entry["from"]
        entry.pop("closed", None)

    assert parse(stored) == then


def test_what_was_in_force_once_can_be_read_whatever_a_file_of_today_is_asked() -> None:
    """A band without hours is refused in a file, and read from a journal."""
    content = edited(lambda content: content["band"].append({"key": "dawn", "label": {"ja": "朝", "en": "Dawn"}}))

    with pytest.raises(WardError, match="band dawn: it has no hours"):
        check_file(parse(content))
    assert parse(content).band[-1].key == "dawn"


@pytest.mark.parametrize("content", [b"not TOML", b"\xff\xfe", b"= 1"])
def test_a_file_that_is_no_toml_is_named(tmp_path: Path, content: bytes) -> None:
    """With its path, for the person who edits it."""
    path = tmp_path / "ward.toml"
    path.write_bytes(content)

    with pytest.raises(WardError, match=r"ward\.toml"):
        load(path)


def test_a_file_that_contradicts_itself_is_named_with_its_path(tmp_path: Path) -> None:
    """The place in the file comes after it."""
    path = tmp_path / "ward.toml"
    path.write_text((WARDS / "setagaya.toml").read_text(encoding="utf-8").replace("17:15", "17:14", 1), "utf-8")

    with pytest.raises(WardError, match=r"ward\.toml:61: hours from 2022-08-26"):
        load(path)


BANDS = [
    ("2025-03-31 08:29", "night"),
    ("2025-03-31 08:30", "day"),
    ("2025-03-31 17:14", "day"),
    ("2025-03-31 17:15", "night"),
    ("2025-04-01 16:59", "day"),
    ("2025-04-01 17:00", "night"),
    ("2025-04-01 17:14", "night"),
    ("2022-10-01 17:00", "day"),
    ("2025-01-01 12:00", "day"),
]


@pytest.mark.parametrize(("moment", "band"), BANDS)
def test_a_band_goes_by_the_hours_then_in_force(moment: str, band: str) -> None:
    """Half-open, every day of the year; an old year keeps its old hours for ever."""
    assert WARD.band_of(at(moment)) == band


def test_a_ward_may_let_the_edge_belong_to_the_band_that_ends() -> None:
    """The alternative policy: (start, end]."""
    ward = with_policy(edges="end")

    assert [ward.band_of(at(f"2025-05-12 {time}")) for time in ("08:30", "08:31", "17:00", "17:01")] == [
        "night",
        "day",
        "day",
        "night",
    ]


@pytest.mark.parametrize(
    ("moment", "evening"),
    [
        ("2025-04-01 02:00", date(2025, 3, 31)),
        ("2025-04-01 08:29", date(2025, 3, 31)),
        ("2025-04-01 08:30", date(2025, 4, 1)),
        ("2025-04-01 23:00", date(2025, 4, 1)),
    ],
)
def test_a_night_belongs_to_the_evening_on_which_it_began(moment: str, evening: date) -> None:
    """Also over the end of the fiscal year."""
    assert WARD.night_of(at(moment)) == evening


def test_a_fiscal_year_goes_by_the_clock_or_by_the_evening() -> None:
    """03:00 on 1 April is in the new year; a ward may say otherwise."""
    assert WARD.fiscal_year(at("2025-04-01 03:00")) == 2025
    assert with_policy(period="evening").fiscal_year(at("2025-04-01 03:00")) == 2024


@given(st.integers(0, 10 * 366 * 24 * 60), st.sampled_from(["start", "end"]))
def test_every_moment_is_in_one_band(minutes: int, edges: str) -> None:
    """Whatever the policy; and its night began on that day or on the one before."""
    ward, moment = with_policy(edges=edges), at("2022-01-01 00:00") + timedelta(minutes=minutes)

    assert ward.band_of(moment) in ("day", "night")
    assert ward.night_of(moment) in (moment.date(), moment.date() - timedelta(days=1))


def test_a_provider_is_on_duty_in_its_contract_and_its_bands() -> None:
    """Both days of a contract are included; who is unknown never is."""
    duty = [
        ("contractor", "2025-03-31 23:59", True),
        ("contractor", "2025-04-01 00:00", False),
        ("day", "2025-04-01 12:00", True),
        ("day", "2025-04-01 03:00", False),
        ("night", "2025-04-01 03:00", True),
        ("stranger", "2025-04-01 12:00", False),
    ]

    assert [WARD.on_duty(provider, at(moment)) for provider, moment, _ in duty] == [on for _, _, on in duty]


def test_outcomes_go_by_their_rank() -> None:
    """併用 before its parts, a placement before a hand-over, その他 for the rest."""
    told = [
        ({"short-stay", "supporter", "home-help"}, {"agency"}, "both"),
        ({"short-stay", "home-help"}, set(), "short-stay"),
        ({"supporter"}, {"section"}, "supporter"),
        ({"home-help"}, set(), "home-help"),
        (set(), {"section"}, "handed-over"),
        (set(), {"morning", "information"}, "other"),
        (set(), set(), "other"),
    ]

    for arranged, handed, key in told:
        assert WARD.outcome_of(frozenset(arranged), frozenset(handed)) == key


def test_another_ward_is_another_file() -> None:
    """Other districts, one band for the whole day, other outcomes: no code."""

    def nerima(content: dict[str, Any]) -> None:
        whole = [{"band": "day", "start": "00:00", "end": "24:00"}]
        content["ward"].update(id="nerima", timezone="Asia/Tokyo")
        content.update(
            district=[{"key": "all", "label": {"ja": "全域", "en": "All"}}],
            band=content["band"][:1],
            provider=[provider | {"bands": ["day"]} for provider in content["provider"]],
            hours=[{"from": date(2020, 1, 1), "spans": whole}],
            outcome=[content["outcome"][-1] | {"key": "advice"}],
        )

    ward: Ward = parse(edited(nerima))
    assert ward.district_of("全域") == "all"
    assert ward.band_of(at("2025-05-12 03:00")) == "day"
    assert ward.outcome_of(frozenset(["short-stay"]), frozenset()) == "advice"


def test_a_moment_before_the_first_hours_has_the_first() -> None:
    """A form may be older than the line."""
    assert WARD.band_of(at("2020-01-01 12:00")) == "day"
