"""`yoake-adapter` as whoever uses it sees it: what it says, what it leaves alone, and the status it ends with."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from events.kit import main
from events.outbox import Outbox
from tests.events.test_courier import door, receipts
from tests.events.test_outbox import PUBLIC, call, closing, receipt

FLAG = {"code": "unknown-district", "field": "data.matters[0].district", "accepted": "kinuta, kitazawa"}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of this test's own, which is where the command runs."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def answered(status: str | None, **more: Any) -> None:
    """An outbox with one message, and what its receipt said."""
    with Outbox("outbox.db", source="/desk") as outbox:
        outbox.put(call(1))
        (letter,) = outbox.pending()
        if status == "problem":
            outbox.problem(letter, "413 too large")
        elif status:
            outbox.settled(receipt(status=status, **more), letter)


@pytest.mark.parametrize(
    ("status", "expected"),
    [(None, 0), ("waiting", 0), ("accepted", 0), ("parked", 1), ("conflict", 1), ("problem", 1)],
)
@pytest.mark.parametrize("form", [[], ["--json"]])
def test_pending_ends_with_1_where_somebody_must_look(
    here: Path, status: str | None, expected: int, form: list[str]
) -> None:
    """As the page says; what goes on by itself needs nobody."""
    answered(status)

    assert main(["pending", *form]) == expected


@pytest.mark.parametrize("command", [["pending"], ["prove", "m.json"], ["send", "--http", "http://127.0.0.1:1"]])
def test_an_outbox_that_is_not_there_is_not_begun(
    here: Path, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistyped name would otherwise look as if there were nothing to do."""
    (here / "m.json").write_text('{"ward": "w", "provider": "p", "at": "2025-04-01T00:00:00Z", "sources": []}')

    assert main(["--lang", "en", "--outbox", "mistyped.db", *command]) == 2
    assert capsys.readouterr().err.startswith("yoake-adapter: mistyped.db: no such outbox; give the file")
    assert [file.name for file in here.iterdir()] == ["m.json"]


@pytest.mark.parametrize(
    ("lang", "said", "counted"),
    [
        (
            "en",
            "flag unknown-district: data.matters[0].district; accepted: kinuta, kitazawa",
            "1 of them with flags (listed with --flags)",
        ),
        (
            "ja",
            "確認事項 unknown-district: data.matters[0].district（使えるもの：kinuta, kitazawa）",
            "うち確認事項のある記録 1件（--flags で一覧）",
        ),
    ],
)
def test_flags_of_what_was_accepted_are_told_and_kept(
    here: Path, lang: str, said: str, counted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """As it is sent, and afterwards; they make nothing fail."""
    answered(None)

    def flagging(body: bytes, _: int) -> tuple[int, Any]:
        (one,) = receipts(body)["receipts"]
        return 201, {"receipts": [msgspec.structs.replace(one, flags=[FLAG], number=["R8-0103"])]}

    with door(flagging) as (url, _):
        assert main(["--lang", lang, "send", "--http", url]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert "R8-0103" in first
    assert second == f"  {said}"
    assert main(["--lang", lang, "pending"]) == 0
    assert counted in capsys.readouterr().out.splitlines()
    assert main(["--lang", lang, "pending", "--flags"]) == 0
    assert f"    {said}" in capsys.readouterr().out.splitlines()
    assert main(["pending", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [(entry["id"], entry["flags"]) for entry in listed["flagged"]] == [("1", [FLAG])]
    assert listed["messages"] == []


def test_each_line_that_does_not_fit_is_told_and_the_others_are_kept(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No JSON, no object, and a field that there is not, by its name."""
    fit, misspelt = json.dumps(call(1)), json.dumps(closing(1, becuase="settled"))
    (here / "day.jsonl").write_text(f"{fit}\n{{broken\n[1]\n{misspelt}\n{json.dumps(call(2))}\n")

    assert main(["--lang", "en", "put", "day.jsonl"]) == 1
    told = capsys.readouterr()
    broken, odd, named = told.err.splitlines()
    assert broken.startswith("day.jsonl:2: not JSON: ")
    assert odd.startswith("day.jsonl:3: no JSON object; accepted: one CloudEvent a line")
    assert named == "day.jsonl:4: data.becuase: not a field of this message; accepted: case, number, reason"
    assert told.out.splitlines()[-1] == "2 kept. 3 left out. Not sent yet: 2"


@pytest.mark.parametrize(
    ("data", "warned"),
    [
        ({"personal": {"words": "架空の言葉"}}, True),
        ({"matters": [{"case": "C-1", "personal": {"name": "架空 花子"}}]}, True),
        ({"matters": [{"case": "C-1"}]}, False),
        ({"personal": "a.sealed.text"}, False),
    ],
)
@pytest.mark.parametrize(("lang", "word"), [("en", "warning: personal parts are kept in clear"), ("ja", "注意：")])
def test_what_is_personal_is_not_kept_in_clear_without_a_word(
    here: Path, data: Any, warned: bool, lang: str, word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Said once, with what to give; with the key there is nothing to say."""
    (here / "day.jsonl").write_text("\n".join(json.dumps(call(n, data=data)) for n in (1, 2)))
    (here / "inbox.pub.jwk").write_bytes(msgspec.json.encode(PUBLIC.as_dict()))

    assert main(["--lang", lang, "--key", "inbox.pub.jwk", "--outbox", "sealed.db", "put", "day.jsonl"]) == 0
    assert capsys.readouterr().err == ""
    assert main(["--lang", lang, "put", "day.jsonl"]) == 0
    said = capsys.readouterr().err.splitlines()
    assert [line.startswith(word) and "--key" in line and "inbox.pub.jwk" in line for line in said] == [True] * warned
    assert "架空" not in "".join(said)


def test_a_reader_that_leaves_ends_it_quietly(here: Path) -> None:
    """As `yoake-adapter pending | head` does; the status is still that of the outbox."""
    with Outbox("outbox.db", source="/desk") as outbox:
        outbox.put_all(call(n) for n in range(300))
        outbox.settle((receipt(letter.id, "parked"), letter) for letter in outbox.pending(limit=1))
    command = [sys.executable, "-m", "events.kit", "pending"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        assert (running.stderr.read(), running.wait(30)) == (b"", 1)


def test_giving_up_says_why(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The last trouble, with how many are kept; or that nothing was heard."""
    answered(None)

    assert main(["--lang", "en", "send", "--http", "http://127.0.0.1:1", "--give-up", "0.1"]) == 1
    assert "Not sent yet: 1; they are kept: nobody answers at http://127.0.0.1:1" in capsys.readouterr().out
    with door(lambda body, n: (202, {"queued": [{"source": "/desk", "id": "1"}]})) as (url, _):
        assert main(["--lang", "en", "send", "--http", url, "--give-up", "0.3"]) == 1
    assert capsys.readouterr().out == "Not sent yet: 1; they are kept: no answer came within this time\n"


def test_what_is_no_door_is_said_to_be_none(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A page in the place of problem details, or of receipts: the address may be wrong as well as the token."""
    answered(None)

    def page(body: bytes, n: int) -> tuple[int, Any]:
        return (403, "<html>") if n == 1 else (200, "<html>") if n == 2 else (201, receipts(body))

    with door(page) as (url, _):
        assert main(["--lang", "en", "send", "--http", f"{url}/pages"]) == 0
    no_door = "this does not look like a Yoake door; check the address (URL)"
    assert capsys.readouterr().err.splitlines() == [
        f"{url}/pages answers 403 without problem details: {no_door}; look at the token: the ward's operator makes it",
        f"{url}/pages answers 200 without receipts: {no_door}",
    ]


def test_the_commands_are_explained_in_the_language_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    """The language is known before the options are read; one that is none is said by the options."""
    told = []
    for line in (["--help"], ["send", "--help"], ["--lang", "en", "--help"], ["--lang=en", "send", "--help"]):
        with pytest.raises(SystemExit):
            main(line)
        told.append(capsys.readouterr().out)

    assert ["区の受付口" in text or "送信箱のファイル" in text for text in told] == [True, True, False, False]
    assert ["the ward's door" in text or "the outbox's file" in text for text in told] == [False, False, True, True]


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        ("ja", "/desk: 夜間を締めました（最後は1番）。未送信 2件"),
        ("en", "/desk: the night is closed, its last number is 1. Not sent yet: 2"),
    ],
)
def test_a_night_is_closed_at_the_command_line(
    here: Path, lang: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says with which number, and what is still to be sent; `send` does that."""
    answered(None)

    closing = ["close-night", "--night", "2025-03-31", "--calls", "1"]
    assert main(["--lang", lang, "--source", "/desk", *closing]) == 0
    assert capsys.readouterr().out.splitlines() == [said]
    with Outbox("outbox.db", source="/desk") as outbox:
        data = msgspec.json.decode(outbox.pending()[-1].body)["data"]
    assert data == {"night": "2025-03-31", "last": 1, "calls": 1}


def test_a_night_is_closed_with_digits_in_any_width(here: Path) -> None:
    """As a Japanese keyboard gives them."""
    assert main(["--source", "/desk", "close-night", "--calls", "３", "--night", "２０２５-03-31"]) == 0
    with Outbox("outbox.db", source="/desk") as outbox:
        data = msgspec.json.decode(outbox.pending()[-1].body)["data"]
    assert (data["night"], data["calls"]) == ("2025-03-31", 3)


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        (
            "ja",
            [
                "夜間（night）：2999-04-01 の夜間はまだ始まっていません。使えるもの：夜間の始まった日",
                "0から9999までの整数",
            ],
        ),
        ("en", ["night: 2999-04-01 has not begun yet; accepted: the day", "a whole number from 0 to 9999"]),
    ],
)
def test_a_night_to_come_is_not_closed(
    here: Path, lang: str, said: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor with more calls than can have been: the field, the fault and what is accepted; nothing is kept."""
    for wrong, told in zip((["--night", "2999-04-01"], ["--calls", "99999999"]), said, strict=True):
        assert main(["--lang", lang, "close-night", *wrong]) == 2
        assert told in capsys.readouterr().err
    with Outbox("outbox.db", source="/desk") as outbox:
        assert outbox.pending() == []


@pytest.mark.parametrize("wrong", [["--night", "yesterday"], ["--calls", "-1"], ["--calls", "five"]])
def test_a_night_that_is_no_day_is_not_closed(here: Path, wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Nor with a count that is none; nothing is kept."""
    with pytest.raises(SystemExit) as ended:
        main(["--lang", "en", "close-night", *wrong])

    assert ended.value.code == 2
    assert "such as" in capsys.readouterr().err or wrong[1] == "-1"
    assert list(here.iterdir()) == []
