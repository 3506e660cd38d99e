"""A sheet imported again: what did not change is known, what is new is added, what was edited is told or corrected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from deploy.importing.checking import Checker
from deploy.importing.copying import write_copy
from deploy.importing.differing import Differing
from deploy.importing.held import Held
from deploy.importing.mapping import load
from deploy.importing.words import placed
from events.intake import RegistrationCorrected
from events.messages import Receipt, addressed
from services.tables import PARKED
from tests.deploy.sheet_examples import CALLS, HEADING, ROSTER, Imported, Lines, csv_file, person
from tests.desk_examples import RULES, SECRETS, Centre, at, message

NOW = at("2025-06-02 12:00")


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Centre]:
    """A centre that has heard of nobody."""
    with Centre(f"sqlite:///{tmp_path}/{{service}}.db") as running:
        yield running


class Desk:
    """Somebody who keeps a sheet, and imports it now and then."""

    def __init__(self, centre: Centre, tmp_path: Path, mapping: Path = ROSTER, provider: str = "day") -> None:
        self.centre, self.mapping, self.provider = centre, mapping, provider
        self.sent: list[dict[str, Any]] = []
        self._file = tmp_path / "sheet.csv"

    def take(self, lines: Lines, why: str | None = None, *, dry: bool = False, of: str | None = None) -> Imported:
        """Import these lines; with `why`, edited rows are corrected. `of`: who had taken them in before."""
        file = csv_file(self._file, lines)
        engines = {service: self.centre.engine(service) for service in RULES}
        held = Held(engines, self.centre.keys, SECRETS, self.provider, load(self.mapping).source, of=of)

        def again(checker: Checker) -> Differing:
            return Differing(checker, held, why)

        return Imported(file, self.mapping, send=None if dry else self._send, again=again, now=NOW, by=self.provider)

    def _send(self, messages: Sequence[dict[str, Any]]) -> list[Receipt]:
        self.sent += messages
        return [self.centre.say(self.provider, each, to=addressed(each)) for each in messages]

    @property
    def parked(self) -> list[Any]:
        return self.centre.rows(PARKED)


def states(done: Imported) -> list[str]:
    """What became of each row; that these people look like one another is flagged, and is not what is asked here."""
    found = [done.result.state(row) for row in range(2, 2 + done.result.counts.total())]
    return ["accepted" if state == "flagged" else state for state in found]


def said(done: Imported, row: int) -> list[str]:
    return [placed(finding, done.sheet.headings, "ja") for finding in done.result.findings.get(row, ())]


def test_an_edited_row_is_told_with_both_values_and_never_parked(centre: Centre, tmp_path: Path) -> None:
    """Unchanged: known. New: added. Edited: row, column, what is held beside what the sheet says; nothing is sent."""
    desk = Desk(centre, tmp_path)
    desk.take([HEADING, person("R-1"), person("R-2")])
    before = len(desk.sent)
    edited = person("R-2", 電話番号="000-0000-0009", 地域="砧", 身体="○")
    done = desk.take([HEADING, person("R-1"), edited, person("R-3")])
    dry = desk.take([HEADING, person("R-1"), edited, person("R-3")], dry=True)

    assert states(done) == ["known", "edited", "accepted"]
    assert [each["id"] for each in desk.sent[before:]] == ["R-3"]
    assert said(done, 3) == [
        "G列「地域」：受け付けた内容と違います（受け付けた内容：北沢／この表：砧）",
        "H列「身体」・I列「知的」・J列「精神」：受け付けた内容と違います（受け付けた内容：知的／この表：身体、知的）",
        "L列「電話番号」：受け付けた内容と違います（受け付けた内容：000-0000-0001／この表：000-0000-0009）",
    ]
    assert (done.result.clean, desk.parked) == (False, [])
    assert (states(dry), dry.result.findings[3]) == (["known", "edited", "known"], done.result.findings[3])
    written = write_copy(done.sheet, done.result, tmp_path / "copy.csv", "en")
    copy = (tmp_path / "copy.csv").read_text(written)
    assert "Taken before; differs from what is held" in copy
    assert "differs from what is held (held: 000-0000-0001; this sheet: 000-0000-0009)" in copy


def test_asked_to_the_import_corrects_once(centre: Centre, tmp_path: Path) -> None:
    """A correction with the reason, sealed; imported again it adds nothing, and a blanked cell is blank."""
    desk = Desk(centre, tmp_path)
    desk.take([HEADING, person("R-1")])
    lines = [HEADING, person("R-1", 電話番号="000-0000-0009", 地域="砧", 続柄="父", 住所=None)]
    dry = desk.take(lines, "転居", dry=True)
    first, sent = desk.take(lines, "転居"), len(desk.sent)
    again, plain = desk.take(lines, "転居"), desk.take(lines)
    (event,) = (event for event in centre.events() if isinstance(event, RegistrationCorrected))
    record = next(record for record in centre.records() if record.type == "registration.corrected")
    assert event.sealed
    words = centre.keys.opened([event.person], f"{record.type}/{record.id}", event.sealed)

    assert (states(dry), states(first), states(again), states(plain)) == (
        ["ready-corrected"],
        ["corrected"],
        ["known"],
        ["known"],
    )
    assert len(desk.sent) == sent
    assert [(change.field, change.before, change.after) for change in event.changes] == [
        ("district", "kitazawa", "kinuta")
    ]
    assert words == {
        "phone": "000-0000-0009",
        "address": None,
        "contacts": [{"name": "架空 一郎", "relation": "父"}],
        "reason": "転居",
    }
    assert "転居".encode() not in centre.on_disk()


def test_what_is_edited_there_and_back_is_corrected_each_time(centre: Centre, tmp_path: Path) -> None:
    """The sheet says again what it said at first, which is not what is held."""
    desk = Desk(centre, tmp_path)
    there, back = [HEADING, person("R-1", 地域="砧")], [HEADING, person("R-1")]
    done = [desk.take(back), *(desk.take(lines, "x") for lines in (there, back, back, there, there))]

    assert [states(each)[0] for each in done] == ["accepted", "corrected", "corrected", "known", "corrected", "known"]


def test_an_old_sheet_does_not_undo_what_was_corrected_elsewhere(centre: Centre, tmp_path: Path) -> None:
    """Only the cells that were edited in the sheet since its last import are corrected."""
    desk = Desk(centre, tmp_path)
    desk.take([HEADING, person("R-1")])
    elsewhere: dict[str, Any] = {"person": "R-1", "district": "kinuta", "personal": {"phone": "000-0000-0005"}}
    centre.say("day", message("registration.correct", "2025-06-01 10:00", **elsewhere))
    same = desk.take([HEADING, person("R-1")], "x")
    other = desk.take([HEADING, person("R-1", 氏名="架空 髙子", 電話番号="000-0000-0005")], "x")

    assert (states(same), states(other)) == (["known"], ["corrected"])
    assert set(desk.sent[-1]["data"]) == {"person", "personal"}
    assert desk.sent[-1]["data"]["personal"] == {"name": "架空 髙子", "reason": "x"}


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        ({"地域": "アトランティス"}, "edited-unfit"),
        ({"生年月日": None}, "edited-otherwise"),
        ({"生年月日": "昭和60年4月31日"}, "edited-unfit"),
        ({"入力日": "令和6年4月11日"}, "edited-otherwise"),
    ],
)
def test_what_an_import_cannot_correct_is_said(
    centre: Centre, tmp_path: Path, cells: dict[str, Any], code: str
) -> None:
    """A word that the ward does not know would blank what is held: nothing is sent, and the row stays to be seen."""
    desk = Desk(centre, tmp_path)
    desk.take([HEADING, person("R-1")])
    sent = len(desk.sent)
    done = desk.take([HEADING, person("R-1", **cells)], "x")

    assert states(done) == ["edited"]
    assert (code, list(cells)) in done.told(2)
    assert done.result.correctable == 0
    assert (len(desk.sent), desk.parked) == (sent, [])


def test_a_number_that_stands_twice_corrects_nobody(centre: Centre, tmp_path: Path) -> None:
    """A row that was copied and not renumbered: neither it nor the one below decides what is held."""
    desk = Desk(centre, tmp_path)
    desk.take([HEADING, person("R-1")])
    sent = len(desk.sent)
    done = desk.take([HEADING, person("R-1", 氏名="架空 次郎"), person("R-1")], "x")

    assert states(done) == ["edited", "held"]
    assert [found.other_row for found in done.result.findings[2]][-1] == 3
    assert len(desk.sent) == sent


def test_a_row_held_back_keeps_its_number_from_a_later_one(centre: Centre, tmp_path: Path) -> None:
    """Mended it would be another content of what was taken: so the second waits until it is clear which is meant."""
    desk = Desk(centre, tmp_path)
    done = desk.take([HEADING, person("R-1", 登録日="きのう"), person("R-1", 氏名="架空 次郎"), person("R-2")])
    mended = desk.take([HEADING, person("R-1"), person("R-4", 氏名="架空 次郎"), person("R-2")])

    assert states(done) == ["held", "held", "accepted"]
    assert [found.other_row for found in done.result.findings[3]] == [2]
    assert states(mended) == ["accepted", "accepted", "known"]
    assert desk.parked == []


def calls(*rows: dict[str, Any]) -> Lines:
    """A call log."""
    heading = load(CALLS).columns
    usual = {"受付日": "R7.5.14", "受付時刻": "2:10", "連絡者": "架空 一郎", "相談番号": "K-1", "地域": "北沢"}
    return [heading, *([({**usual, **row}).get(name, "") for name in heading] for row in rows)]


def test_an_edited_call_is_corrected_in_its_own_consultation(centre: Centre, tmp_path: Path) -> None:
    """Reasons, district and words; whom it is about is not for an import to say."""
    desk = Desk(centre, tmp_path, CALLS)
    desk.take(calls({}, {"相談番号": "K-2"}))
    edit = {"緊急の理由": "介護疲れ", "地域": "砧", "相談内容": "架空の相談", "本人との関係": "父"}
    told, done = desk.take(calls(edit, {"相談番号": "K-2"})), desk.take(calls(edit, {"相談番号": "K-2"}), "聞き直し")
    again = desk.take(calls(edit, {"相談番号": "K-2"}), "聞き直し")
    other = desk.take(calls({**edit, "登録番号": "R-9"}, {"相談番号": "K-2"}), "x")
    (event,) = (event for event in centre.events() if event.name == "call.corrected")

    assert [states(each) for each in (told, done, again)] == [
        ["edited", "known"],
        ["corrected", "known"],
        ["known"] * 2,
    ]
    assert {
        (change.field, change.after if isinstance(change.after, str) else tuple(change.after))
        for change in event.changes
    } == {
        ("district", "kinuta"),
        ("reasons", ("carer-exhausted",)),
    }
    assert ("edited", ["本人との関係"]) in told.told(2)
    assert ("edited", ["連絡者"]) not in told.told(2)
    assert (states(other)[0], other.told(2)) == ("edited", [("edited-otherwise", ["登録番号"])])


def test_a_row_about_a_forgotten_person_is_known(centre: Centre, tmp_path: Path) -> None:
    """What nobody can read any more is compared with nothing, and written by no import."""
    desk = Desk(centre, tmp_path)
    desk.take([HEADING, person("R-1")])
    (event,) = (event for event in centre.events() if event.name == "person.registered")
    centre.keys.destroy(event.person)
    sent = len(desk.sent)

    assert states(desk.take([HEADING, person("R-1", 氏名="架空 次郎")], "x")) == ["known"]
    assert len(desk.sent) == sent


@pytest.mark.parametrize(
    ("mapping", "lines", "edited"),
    [
        (ROSTER, [HEADING, person("R-1")], [HEADING, person("R-1", 地域="砧")]),
        (CALLS, calls({}), calls({"地域": "砧"})),
    ],
    ids=["roster", "calls"],
)
def test_after_its_contract_a_provider_corrects_nothing_by_an_import(
    centre: Centre, tmp_path: Path, mapping: Path, lines: Lines, edited: Lines
) -> None:
    """Said beforehand, with the reason and who does it now: nothing is sent, so nothing lies at the desk."""
    desk = Desk(centre, tmp_path, mapping, "contractor")
    desk.take(lines)
    sent = len(desk.sent)
    told, dry, done = desk.take(edited), desk.take(edited, "転居", dry=True), desk.take(edited, "転居")

    assert [states(each) for each in (told, dry, done)] == [["edited"], ["held"], ["held"]]
    for each in (told, dry, done):
        assert said(each, 2)[1] == (
            "訂正を送信できません：受託の期間の外の日時です"
            "（受け付けられる内容：受託の期間の中の日時。その後のことは、いま受託している事業者が送ります）"
        )
        assert each.result.correctable == 0
    assert ("受け付けた内容と違います" in said(done, 2)[0], len(desk.sent), desk.parked) == (True, sent, [])


def test_whoever_is_under_contract_now_corrects_what_the_former_provider_imported(
    centre: Centre, tmp_path: Path
) -> None:
    """The same sheet, by the register's own id: nobody is registered twice, and each correction is made once."""
    old, new = Desk(centre, tmp_path, provider="contractor"), Desk(centre, tmp_path, provider="day")
    old.take([HEADING, person("R-1"), person("R-2")])
    lines = [HEADING, person("R-1", 地域="砧", 電話番号="000-0000-0009"), person("R-2"), person("R-3")]
    told, dry = new.take(lines, of="contractor"), new.take(lines, "転居", dry=True, of="contractor")
    done, again = (new.take(lines, "転居", of="contractor") for _ in range(2))
    back = new.take([HEADING, person("R-1")], "戻った", of="contractor")
    district = [
        (change.before, change.after)
        for event in centre.events()
        if isinstance(event, RegistrationCorrected)
        for change in event.changes
    ]

    assert [states(each) for each in (told, dry, done, again, back)] == [
        ["edited", "known", "held"],
        ["ready-corrected", "known", "held"],
        ["corrected", "known", "held"],
        ["known", "known", "held"],
        ["corrected"],
    ]
    assert said(done, 4) == [
        "その受託事業者から受け付けた行ではありません。新しい行は、--of を付けずに取り込んでください"
    ]
    assert district == [("kitazawa", "kinuta"), ("kinuta", "kitazawa")]
    assert [event.name for event in centre.events()].count("person.registered") == 2
    assert ([each["data"].keys() & {"person", "person_id"} for each in new.sent], new.parked) == (
        [{"person_id"}] * 2,
        [],
    )


def test_a_call_of_the_former_provider_is_told_and_not_corrected_by_an_import(centre: Centre, tmp_path: Path) -> None:
    """Which of the contacts of a consultation it was, only its sender can name; the page 訂正 corrects it."""
    Desk(centre, tmp_path, CALLS, "contractor").take(calls({}))
    new = Desk(centre, tmp_path, CALLS, "day")
    done = new.take(calls({"地域": "砧"}), "聞き直し", of="contractor")

    assert (states(done), [code for code, _ in done.told(2)]) == (["edited"], ["edited-otherwise"])
    assert (new.sent, new.parked) == ([], [])
