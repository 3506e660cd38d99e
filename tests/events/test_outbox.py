"""The outbox keeps what was put, numbers it, and believes a receipt only about what it answers."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from events.messages import MAX_MESSAGE_BYTES, Receipt
from events.outbox import Busy, Outbox, OutboxError, Unfit
from events.seal import new_key, public_key, unseal

KEY = new_key()
PUBLIC = public_key(msgspec.json.encode(KEY.as_dict(private=False)))
NOW = datetime(2025, 4, 1, 2, 10, tzinfo=UTC)


def call(number: object = 1, **more: Any) -> dict[str, Any]:
    """A call as an adapter may put it, without what the outbox fills in."""
    told = {"type": "call.report", "time": "2025-04-01T02:10:00+09:00", "data": {"matters": [{"case": f"C-{number}"}]}}
    return {"id": number if not isinstance(number, int) else str(number), **told, **more}


def closing(number: int = 1, **data: Any) -> dict[str, Any]:
    """A message that is not kept whatever it looks like."""
    return call(f"close-{number}", type="case.close", data={"case": f"C-{number}"} | data)


def receipt(name: str = "1", status: str = "accepted", **more: Any) -> Receipt:
    """What the ward may answer."""
    return Receipt(provider="night", source="/desk", id=name, status=status, service="intake", at=NOW, **more)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.db"


@pytest.fixture
def outbox(path: Path) -> Iterator[Outbox]:
    with Outbox(path, source="/desk") as box:
        yield box


def sent(outbox: Outbox) -> list[dict[str, Any]]:
    """What would be sent now."""
    return [msgspec.json.decode(letter.body) for letter in outbox.pending()]


def test_each_source_is_numbered_from_one(outbox: Outbox) -> None:
    """Without a gap, in the order of putting, and the number goes with the message."""
    others = [outbox.put(call(n, source="/other")) for n in (1, 2)]

    assert outbox.put_all([call(1), call(2), call(3)]) == [1, 2, 3]
    assert others == [1, 2]
    assert outbox.sources() == {"/desk": 3, "/other": 2}
    assert [(one["source"], one["sequence"]) for one in sent(outbox)][2:] == [("/desk", 1), ("/desk", 2), ("/desk", 3)]


def test_what_is_left_out_is_filled_in(path: Path) -> None:
    """An id, the source, the version, and when it was entered: so that a week offline makes no late entries."""
    with Outbox(path, source="/desk", clock=lambda: NOW) as box:
        box.put({"type": "call.report", "time": "2025-04-01T02:10:00+09:00", "data": {}})
        (message,) = sent(box)

    assert (message["specversion"], message["source"], message["entered"]) == ("1.0", "/desk", NOW.isoformat())
    assert len(message["id"]) == 36


def test_putting_the_same_again_keeps_it_once(outbox: Outbox) -> None:
    """An adapter that was stopped in between puts again, and need not know whether it had."""
    assert [outbox.put(call(1)), outbox.put(call(2)), outbox.put(call(1))] == [1, 2, 1]
    assert len(outbox.pending()) == 2


def test_other_content_under_a_used_id_is_kept_beside_it(outbox: Outbox) -> None:
    """It is for the ward's people to say which is right; so both have to arrive."""
    outbox.put(call(1))

    assert outbox.put(call(1, data={"matters": []})) == 2
    assert [one["sequence"] for one in sent(outbox)] == [1, 2]


def test_a_parked_message_put_again_is_mended_under_its_number(outbox: Outbox) -> None:
    """Its gap closes; and an answer to the old text, come late, does not park the new one."""
    outbox.put(closing(1, reason="settled"))
    (old,) = outbox.pending()
    outbox.handing_over([old])
    parked = receipt("close-1", "parked", reason="case: missing")
    assert outbox.settled(parked, old)
    assert [entry.reason for entry in outbox.parked] == ["case: missing"]

    assert outbox.put(closing(1, reason="moved")) == 1
    (new,) = outbox.pending()
    outbox.handing_over([new])
    assert not outbox.settled(parked, old)
    assert not outbox.settled(parked)
    assert outbox.settled(receipt("close-1"), new)
    assert outbox.counts() == {"accepted": 1}


def test_everything_is_there_after_the_process_has_ended(path: Path) -> None:
    """And so is where the numbers stand."""
    with Outbox(path, source="/desk") as box:
        box.put_all([call(1), call(2)])
    with Outbox(path, source="/desk") as box:
        assert [one["id"] for one in sent(box)] == ["1", "2"]
        assert box.put(call(3)) == 3


def test_a_put_is_synced_before_it_returns(path: Path) -> None:
    """SQLite's own word for it; a power failure takes nothing that `put` returned for."""
    with Outbox(path) as box:
        assert [row[0] for row in box._file.read("PRAGMA synchronous")] == [2]
        assert [row[0] for row in box._file.read("PRAGMA journal_mode")] == ["wal"]


def test_many_processes_put_at_once(path: Path) -> None:
    """Each number is given once, and none is left out; also where all of them begin the file together."""
    code = (
        "import sys; from events.outbox import Outbox; box = Outbox(sys.argv[1], source='/desk')\n"
        "for n in range(25): box.put({'type': 'call.report', 'id': f'{sys.argv[2]}-{n}', 'data': {}})"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, str(path), str(n)]) for n in range(4)]
    assert [process.wait(60) for process in running] == [0] * 4

    with Outbox(path) as box:
        assert sorted(letter.sequence for letter in box.pending()) == list(range(1, 101))


def test_personal_parts_never_touch_the_disk_in_clear(path: Path) -> None:
    """Neither in the file nor in its log; the ward can open them."""
    with Outbox(path, key=PUBLIC) as box:
        box.put(call(1, data={"personal": {"words": "架空の言葉"}, "matters": [{"personal": {"name": "架空 花子"}}]}))
        data = sent(box)[0]["data"]
        there = b"".join(file.read_bytes() for file in path.parent.iterdir())

    assert unseal(data["matters"][0]["personal"], KEY) == {"name": "架空 花子"}
    assert [word for word in ("架空", "花子") if word.encode() in there or ascii(word)[1:-1].encode() in there] == []


@pytest.mark.parametrize("kanji", [16_400, 64_000])
def test_what_fits_into_a_message_is_sealed_so_that_it_opens(path: Path, kanji: int) -> None:
    """Whoever opens it reads as much as is taken."""
    with Outbox(path, key=PUBLIC) as box:
        box.put(call(1, data={"personal": {"words": "架" * kanji}}))
        (entry,) = box.entries("pending")
        told = sent(box)[0]["data"]["personal"]

    assert entry.note is None
    assert unseal(told, KEY) == {"words": "架" * kanji}


def test_more_than_a_message_holds_is_refused_with_what_is_accepted(path: Path) -> None:
    """80,000 kanji take 320,000 bytes once they are sealed. A call is kept all the same, and noted."""
    long = {"personal": {"words": "架" * 80_000}}
    with Outbox(path, key=PUBLIC) as box:
        with pytest.raises(Unfit, match=r"^message: 3\d{5} bytes; accepted: up to 262144$"):
            box.put(call(1, type="case.note", data={"case": "C-1", **long}))
        box.put(call(2, data=long))
        (entry,) = box.entries("pending")

    assert entry.note is not None
    assert "accepted: up to 262144" in entry.note


def test_the_file_is_its_owners_alone(path: Path) -> None:
    """It may hold what was said in clear, where no key is given."""
    with Outbox(path) as box:
        box.put(call(1))
        assert {file.stat().st_mode & 0o077 for file in path.parent.iterdir()} == {0}


@pytest.mark.parametrize(
    ("odd", "note"),
    [
        ({"time": None}, "time: missing"),
        ({"time": "yesterday"}, "time: no time"),
        ({"data": {"matters": [{"case": 7}]}}, "$.matters[0].case"),
        ({"data": {"matter": []}}, "data.matter: not a field of this message; accepted: "),
        ({"data": {"matters": [{"cases": "C-1"}]}}, "data.matters[0].cases: not a field of this message; accepted: "),
        ({"data": None}, "data: missing"),
        ({"id": 42}, "id: not a text"),
        ({"id": "9" * 300}, "id: empty, too long"),
        ({"source": "\n"}, "source: empty, too long"),
        ({"data": {"personal": {"words": "half \ud83d"}}}, "cannot be written as JSON"),
        ({"data": {"personal": {"words": object()}}}, "cannot be written as JSON"),
        ({"data": {"personal": {"words": "x" * MAX_MESSAGE_BYTES}}}, "accepted: up to 262144"),
    ],
)
def test_a_call_is_kept_whatever_it_looks_like(outbox: Outbox, odd: dict[str, Any], note: str) -> None:
    """What was odd is noted, and putting it again is still the same message."""
    message = call(1) | odd

    assert outbox.put(message) == 1
    assert outbox.put(message) == 1
    (entry,) = outbox.entries("pending")
    assert entry.note is not None
    assert note in entry.note


@pytest.mark.parametrize(
    ("odd", "told"),
    [
        ({"type": "case.shut"}, r"type: unknown; accepted: registration.submit, "),
        ({"type": None}, "type: missing"),
        ({"time": None}, "time: missing; accepted: a time with its offset"),
        ({"data": {"case": 7}}, r"Expected `str \| null`, got `int` - at `\$\.case`"),
        ({"data": {"case": "C-1", "becuase": 1}}, r"^data\.becuase: not a field of this message; accepted: case,"),
        ({"data": {"架空": 1}}, "^data: a field that is none of this message's; accepted: case, number, reason"),
        ({"data": {"case": "\ud83d"}}, "cannot be written as JSON"),
        ({"specversion": "0.3"}, "specversion: not 1.0"),
    ],
)
def test_any_other_message_that_would_be_put_aside_is_told_at_once(
    outbox: Outbox, odd: dict[str, Any], told: str
) -> None:
    """Nothing is kept, no number is used, and no value of the sender's is repeated."""
    with pytest.raises(Unfit, match=told) as error:
        outbox.put(closing(1) | odd)

    assert "架空" not in str(error.value)
    assert (outbox.pending(), outbox.sources()) == ([], {})


def test_all_or_none_of_several_are_kept(outbox: Outbox) -> None:
    """So that a list can be put again as it is, once the odd one is mended."""
    with pytest.raises(Unfit):
        outbox.put_all([closing(1), closing(2, case=7)])

    assert outbox.pending() == []


@pytest.mark.parametrize(
    ("status", "list_of"), [("waiting", "waiting"), ("parked", "parked"), ("conflict", "parked"), ("accepted", None)]
)
def test_a_receipt_settles_what_it_answers(outbox: Outbox, status: str, list_of: str | None) -> None:
    """Once; a second one of the same kind is no news."""
    outbox.put(call(1))
    (letter,) = outbox.pending()

    assert outbox.settled(receipt(status=status), letter)
    assert not outbox.settled(receipt(status=status), letter)
    assert outbox.pending() == []
    assert [name for name in ("waiting", "parked") if getattr(outbox, name)] == ([list_of] if list_of else [])


def test_what_waited_goes_on_by_a_receipt_that_names_no_sending(outbox: Outbox) -> None:
    """It may come days later, to another process."""
    outbox.put(call(1))
    (letter,) = outbox.pending()
    outbox.handing_over([letter])
    outbox.settled(receipt(status="waiting"), letter)

    assert outbox.settled(receipt())
    assert outbox.counts() == {"accepted": 1}


def test_a_receipt_for_something_that_was_never_sent_is_not_believed(outbox: Outbox) -> None:
    """An outbox begun anew may hear answers to the one that was lost; its own message still has to arrive."""
    outbox.put(call(1))

    assert not outbox.settled(receipt())
    assert len(outbox.pending()) == 1


def test_an_answer_by_name_is_not_believed_where_two_have_the_name(outbox: Outbox) -> None:
    """The second would be taken for accepted, though it is in conflict."""
    outbox.put_all([call(1), call(1, data={})])
    outbox.handing_over(outbox.pending())
    first, second = outbox.pending()
    outbox.settled(receipt(), first)

    assert not outbox.settled(receipt(status="known"))
    assert outbox.settled(receipt(status="conflict"), second)
    assert [entry.sequence for entry in outbox.parked] == [2]


def test_what_was_answered_loses_its_content_and_keeps_its_name(path: Path) -> None:
    """After a month; put again it is still the same message, and numbers go on."""
    now = NOW
    with Outbox(path, source="/desk", clock=lambda: now) as box:
        box.put_all([call(1), call(2)])
        box.settled(receipt(), box.pending()[0])
        now += timedelta(days=31)
        box.settled(receipt("2"), box.pending()[0])

        assert box.prune() == 1
        assert (box.put(call(1)), box.put(call(3))) == (1, 3)
        assert box.send_again("/desk", [1, 2]) == [2]


def test_a_lost_outbox_begins_after_the_numbers_that_the_ward_holds(outbox: Outbox) -> None:
    """So that a number never stands for two messages; never back, where this one has come further."""
    outbox.begin_after("/desk", 41)

    assert outbox.put(call(1)) == 42
    with pytest.raises(OutboxError, match="/desk has come to 42 here, beyond 7"):
        outbox.begin_after("/desk", 7)


def test_one_at_a_time_sends_from_an_outbox(path: Path, outbox: Outbox) -> None:
    """The second is told so; when the first has ended, however it ended, the next may."""
    code = (
        "import sys, time; from events.outbox import Outbox\n"
        "with Outbox(sys.argv[1]).sending(): print(flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(Busy, match="another process sends from it now"), outbox.sending():
            pass
        other.kill()
    with outbox.sending():
        pass


def test_an_outbox_that_cannot_be_used_says_so(path: Path) -> None:
    """A directory that is not there, a file that is something else, and one of a later release."""
    with pytest.raises(OutboxError, match="No such file"):
        Outbox(path.parent / "nowhere" / "outbox.db")
    path.write_text("a text file, long enough to be seen as none of ours" * 20)
    with pytest.raises(OutboxError, match="file is not a database"):
        Outbox(path)
    path.unlink()
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version=9")
    database.close()
    with pytest.raises(OutboxError, match="written by a later release"):
        Outbox(path)


def test_a_night_is_closed_with_the_last_number_that_was_given(path: Path) -> None:
    """The closing itself has the next number; it is a message like others, and is sent like them."""
    with Outbox(path, source="/desk", clock=lambda: NOW) as box:
        box.put_all([call(1), call(2), call(1, source="/other")])
        assert box.close_night(date(2025, 3, 31), calls=2) == 2
        closing = sent(box)[-1]

    assert (closing["type"], closing["source"], closing["sequence"], closing["time"]) == (
        *("shift.close", "/desk", 3),
        NOW.isoformat(timespec="seconds"),
    )
    assert closing["data"] == {"night": "2025-03-31", "last": 2, "calls": 2}


def test_a_night_to_come_or_a_count_beyond_reason_is_not_closed(path: Path) -> None:
    """It says the field, what is wrong and what is accepted; nothing is kept."""
    with Outbox(path, source="/desk", clock=lambda: NOW) as box:
        for night, calls, told in (
            (date(2025, 4, 2), None, "night: 2025-04-02 has not begun yet; accepted: the day on which a night began"),
            (None, 10_000, "calls: 10000 is no count of a night's calls; accepted: a whole number from 0 to 9999"),
            (None, -1, "calls: -1 is no count"),
        ):
            with pytest.raises(Unfit, match=told):
                box.close_night(night, calls=calls)
        assert sent(box) == []
        assert box.close_night(date(2025, 4, 1), calls=9_999) == 0


def test_a_quiet_night_is_closed_as_well(outbox: Outbox) -> None:
    """With the number of the night before, the closing of which was one; with 0 where none was ever given."""
    assert [outbox.close_night(), outbox.close_night()] == [0, 1]
    assert [one["data"] for one in sent(outbox)] == [{"last": 0}, {"last": 1}]


def test_a_closing_says_which_numbers_went_to_other_services(outbox: Outbox) -> None:
    """One count over all services: what placement and handover got is not missing at intake."""
    bed = {"type": "placement.arrange", "data": {"case": "C-1", "placement": "B-1", "kind": "short-stay"}}
    offer = {"type": "handover.accept", "data": {"handover": "H-1"}}
    closed = {"type": "parked.close", "data": {"parked": "placement-3", "reason": "twice"}}
    others = [{**call(f"other-{n}"), **told} for n, told in enumerate((bed, offer, closed))]
    outbox.put_all([call(1), *others, closing(1), call(2)])
    outbox.put({**call("own"), **closed, "data": {"parked": "intake-3", "reason": "twice"}})

    assert outbox.close_night() == 7
    assert sent(outbox)[-1]["data"] == {"last": 7, "elsewhere": [[2, 4]]}
