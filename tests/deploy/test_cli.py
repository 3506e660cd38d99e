"""The command line as people and programs meet it: what it says, what it answers, how it ends."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import httpx
import nats
import pytest

from deploy import cli, said
from deploy.access import USERS
from deploy.feeding import read_lines
from deploy.natsd import executable
from deploy.output import WHOLE
from deploy.ports import free_port
from events.adapter import Adapter, NotSent
from services.streams import streams
from tests.running import (
    WARD,
    YOAKE,
    call,
    environment,
    message,
    pid_of,
    placed,
    running,
    said_by,
    settled,
    until,
    up,
    write_lines,
    yoake,
    yoake_anew,
)

COMMANDS = (
    "demo",
    "up",
    "signin",
    "feed",
    "import",
    "parked",
    "report",
    "case",
    "find",
    "flags",
    "status",
    "verify",
    "rebuild",
    "streams",
    "history",
    "ward",
    "credentials",
)


IN_SERVICES = {"faststream", "httpx", "jinja2", "openpyxl", "starlette", "typst", "uvicorn"}
"""What services, pages and sheets need; none of the light commands."""

LEFT_OUT = {
    (): IN_SERVICES | {"eventsourcing", "joserfc", "msgspec", "nats", "rich", "sqlalchemy"},
    ("ward",): IN_SERVICES | {"eventsourcing", "holidays", "joserfc", "nats", "sqlalchemy"},
    ("credentials", "new"): IN_SERVICES | {"eventsourcing", "joserfc", "nats", "sqlalchemy"},
    ("signin",): IN_SERVICES | {"eventsourcing", "nats"},
    ("feed",): IN_SERVICES | {"eventsourcing", "sqlalchemy"},
    ("subscriber", "list"): IN_SERVICES | {"eventsourcing", "joserfc", "nats"},
    ("report",): IN_SERVICES | {"joserfc", "nats", "services.desk"},
    ("case",): IN_SERVICES | {"joserfc", "nats", "services.desk"},
    ("status",): IN_SERVICES | {"services.desk"},
    ("verify",): IN_SERVICES | {"services.desk"},
}
"""What a command can do without: to import it would cost each start up to half a second."""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data that `yoake demo --once` leaves behind."""
    data = tmp_path_factory.mktemp("demo") / "data"
    done = yoake("demo", "--once", "--data", data, "--port", "0", "--nats-port", "0")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "すべて一致" in done.stdout
    assert "架空データ" in done.stdout
    assert "≠" not in done.stdout
    return data


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A running Yoake with nothing in it."""
    data = tmp_path_factory.mktemp("up") / "data"
    with up(data):
        yield data


def test_the_demonstration_again_adds_nothing(demo: Path) -> None:
    """The second run sends everything again; everything is known, and the ledger is as long as before."""
    before = yoake("status", "--json", "--data", demo).json["ledger"]["position"]
    again = yoake("demo", "--once", "--data", demo, "--port", "0", "--nats-port", "0")
    assert again.returncode == 0
    assert re.search(r" 0 accepted .* (\d+) already known", again.stdout)
    assert yoake("status", "--json", "--data", demo).json["ledger"]["position"] == before


def test_a_report_in_json_names_every_cell_and_its_cases(demo: Path) -> None:
    """Rows, columns and cells in order; a cell's value is the number of cases that it lists."""
    report = yoake("report", "calls", "--fy", "2022-2023", "--format", "json", "--data", demo).json
    assert report["report"] == "calls"
    assert [row["key"] for row in report["rows"]] == [
        f"{y}/{b}" for y in (2022, 2023) for b in ("day", "night", "total")
    ]
    assert [c["row"] for c in report["cells"][:7]] == ["2022/day"] * 7
    assert all(cell["value"] == len(cell["cases"]) for cell in report["cells"])
    night = next(c for c in report["cells"] if (c["row"], c["column"]) == ("2023/night", "short-stay"))
    history = yoake("case", night["cases"][0], "--json", "--data", demo).json
    assert history["steps"][0]["event"] == "call.received"
    assert any(change["feature"] == "outcome" for step in history["steps"] for change in step["changes"])


def test_as_of_counts_what_had_occurred_and_known_at_what_was_known(demo: Path) -> None:
    """The figures of 26 January 2023; and an earlier position of the ledger knows fewer."""
    as_of = yoake("report", "registrations", "--as-of", "令和５年１月２６日", "--format", "csv", "--data", demo)
    assert as_of.stdout.splitlines()[1] == "利用登録者数,22,65,7,8,6,108"
    early = yoake("report", "registrations", "--known-at", "50", "--format", "json", "--data", demo).json
    assert early["known_at"]["position"] == 50
    since = ("report", "registrations", "--known-at", "50", "--data", demo, "--since")
    moved = yoake(*since, "40", "--format", "json").json
    assert moved["then"]["position"] == 40
    assert {cause["step"]["position"] for cause in moved["causes"]} <= set(range(41, 51))
    assert {(cell["now"] or 0) > (cell["then"] or 0) for cell in moved["cells"] if cell["column"] == "total"} == {True}
    assert "この差をもたらした記録" in yoake(*since, "40").stdout
    assert yoake(*since, "40", "--format", "csv").stdout.startswith("欄,公表時,現在,差\n")
    assert "record 60 is later than record 50" in yoake(*since, "60").stderr
    assert "not understood" in yoake(*since, "soon").stderr
    assert early["cells"][-1]["value"] < 309
    before = yoake("report", "calls", "--known-at", "2020-01-01T00:00+09:00", "--data", demo)
    assert before.returncode == 2
    assert "before the ledger began" in before.stderr


def test_the_open_flags_are_listed_and_counted(demo: Path) -> None:
    """Offline; the oldest first, some of them, and how many there are of each code."""
    listed = yoake("flags", "--limit", "2", "--json", "--data", demo).json
    flags, counts = listed["flags"], listed["counts"]
    assert (len(flags), flags[0]["resolved_at"]) == (2, None)
    assert [flag["opened_at"] for flag in flags] == sorted(flag["opened_at"] for flag in flags)
    code = next(iter(counts))
    one_kind = yoake("flags", "--code", code, "--limit", "0", "--data", demo)
    english = yoake("flags", "--code", code, "--limit", "1", "--lang", "en", "--data", demo)
    assert f"\n{counts[code]}件\n" in one_kind.stdout
    assert f"({code}): {counts[code]}\n" in one_kind.stdout
    assert ("受付番号" in one_kind.stdout, "受付番号" in english.stdout) == (True, False)
    assert f"{counts[code]} in all" in english.stdout


def test_what_goes_into_another_program_is_cut_nowhere() -> None:
    """A pipe has no columns; a terminal that says how many has them."""
    look = "from deploy.output import out; print(out.width)"
    bare = {name: value for name, value in environment().items() if name != "COLUMNS"}
    told = [
        subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True, env=variables).stdout
        for variables in (bare, bare | {"COLUMNS": "90"})
    ]

    assert [int(width) for width in told] == [WHOLE, 90]


def test_the_line_not_yet_open_is_a_dash(demo: Path) -> None:
    """On 26 September 2022 nobody could call: －, and not 0."""
    done = yoake("report", "calls-by-district", "--as-of", "2022-09-26", "--format", "csv", "--data", demo)
    assert done.stdout.splitlines()[1] == "相談件数,－,－,－,－,－,－,－"


def test_verify_and_rebuild_find_everything_equal(demo: Path) -> None:
    """Offline, from the databases alone."""
    verified = yoake("verify", "--json", "--data", demo)
    assert verified.returncode == 0
    assert (verified.json["differences"], verified.json["unchecked"]) == ([], [])
    rebuilt = yoake("rebuild", "--json", "--data", demo)
    assert rebuilt.json == {"identical": True, "position": verified.json["position"]}
    assert yoake("rebuild", "--index", "--json", "--data", demo).json["identical"]


def test_a_case_is_found_by_its_number_and_by_the_senders_reference(demo: Path) -> None:
    """R4-0001 and contractor/C-0001 lead to a history with both clocks and the source message."""
    by_number = yoake("case", "Ｒ４－０００１", "--data", demo)
    assert by_number.returncode == 0
    assert "受付日時" in by_number.stdout
    assert "記録日時" in by_number.stdout
    assert "架空データ" in by_number.stdout
    assert "contractor /history/setagaya/" in by_number.stdout
    assert yoake("case", "contractor/C-0001", "--json", "--data", demo).returncode == 0


def test_a_registrant_is_found_with_what_to_know_first(demo: Path) -> None:
    """Everybody of the sample is synthetic; one alone comes with a brief, several with a list, nobody with a way on."""
    listed = yoake("find", "ミホン", "いちろう", "--json", "--data", demo)
    assert listed.returncode == 0
    someone = listed.json["candidates"][0]
    assert listed.json["brief"] is None
    told = yoake("find", someone["phone"], "--data", demo)
    assert told.returncode == 0
    assert someone["name"] in told.stdout.replace("\n", "")
    assert "連絡先（順に） 1: " in told.stdout
    assert "対応中の相談: " in told.stdout
    assert (
        yoake("find", someone["person"], "--json", "--data", demo).json["brief"]["details"]["kana"] == someone["kana"]
    )
    nobody = yoake("find", "99990000", "--lang", "en", "--data", demo)
    assert (nobody.returncode, nobody.stdout.split(".")[0]) == (1, "Nobody fits")


def test_a_feed_says_what_became_of_each_message(here: Path, tmp_path: Path) -> None:
    """Accepted, known, flagged, waiting, in conflict, parked with the reason: all in one file."""
    accepted = yoake(
        "feed", write_lines(tmp_path / "a.jsonl", [call(1)]), "--as", "contractor", "--data", here, "--json"
    )
    assert accepted.json["accepted"] == 1
    assert accepted.json["receipts"][0]["number"] == ["R5-0001"]
    lines = write_lines(
        tmp_path / "b.jsonl",
        [
            call(1),
            {**call(1), "data": {"matters": [{"case": "C-1", "district": "kinuta"}]}},
            call(2, district="渋谷"),
            placed(404),
            message(
                "x-1",
                "placement.arrange",
                "2023-06-01T10:00:00+09:00",
                {"case": "C-1", "placement": "S", "kind": "hotel"},
            ),
            '{"type": "call.report", "name": "髙橋"'.encode("cp932"),
        ],
    )
    fed = yoake("feed", lines, "--as", "contractor", "--data", here, "--json")
    assert fed.returncode == 1
    assert [receipt["status"] for receipt in fed.json["receipts"]] == [
        "known",
        "conflict",
        "accepted",
        "waiting",
        "parked",
        "parked",
    ]
    assert fed.json["flags"]["unknown-district"] == 1
    assert "short-stay, supporter, home-help" in fed.json["receipts"][4]["reason"]
    assert "not UTF-8" in fed.json["receipts"][5]["reason"]
    told = yoake("feed", lines, "--as", "contractor", "--data", here).stdout
    assert "1 waiting, 1 in conflict, 2 parked" in told


def test_the_index_is_not_made_again_beside_intake(here: Path) -> None:
    """Intake writes it while it runs: nothing is touched, and it says what to do."""
    refused = yoake("rebuild", "--index", "--data", here)
    assert refused.returncode == 2
    assert "stop it first" in refused.stderr


def test_what_waits_goes_on_when_its_case_is_heard_of(here: Path, tmp_path: Path) -> None:
    """A placement sent before its call is answered twice: waiting, then accepted."""
    early = yoake(
        "feed", write_lines(tmp_path / "a.jsonl", [placed(7)]), "--as", "contractor", "--data", here, "--json"
    )
    assert early.json["waiting"] == 1
    yoake("feed", write_lines(tmp_path / "b.jsonl", [call(7)]), "--as", "contractor", "--data", here)
    until(lambda: settled(here))
    again = yoake("feed", tmp_path / "a.jsonl", "--as", "contractor", "--data", here, "--json")
    assert again.json["known"] == 1


def test_the_example_file_of_the_contract_can_be_fed(here: Path) -> None:
    """The five lines of events/README.md, by somebody who has only that page."""
    file = Path(__file__).parents[2] / "events" / "examples" / "first-night.jsonl"
    fed = yoake("feed", file, "--as", "contractor", "--data", here, "--json")
    assert fed.returncode == 0, fed.stdout
    assert fed.json["accepted"] == fed.json["messages"]


def test_a_history_of_ones_own_tables_is_written_and_the_same_seed_gives_the_same(tmp_path: Path) -> None:
    """`yoake history` to a file and to standard output, byte for byte, by processes whose hashes differ."""
    assert yoake_anew("history", "--seed", "7", "--out", tmp_path / "h.jsonl").returncode == 0
    printed = yoake_anew("history", "--seed", "7").stdout
    assert printed == (tmp_path / "h.jsonl").read_text()
    assert all(json.loads(line)["synthetic"] is True for line in printed.splitlines())


def test_tables_that_contradict_themselves_are_refused_with_the_place(tmp_path: Path) -> None:
    """A total that is not the sum of its row is named, with both numbers."""
    published = (WARD.parent / "setagaya-published.toml").read_text()
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(published.replace("108]", "109]"))
    done = yoake("history", "--tables", wrong)
    assert done.returncode == 2
    assert "108" in done.stderr
    assert "109" in done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    """--help says what a command does and ends well; an unknown option says so and points to --help."""
    helped = yoake(command, "--help")
    assert helped.returncode == 0
    assert len(helped.stdout) > 200
    unknown = yoake(command, "--frobnicate")
    assert unknown.returncode == 2
    assert "--frobnicate" in unknown.stderr


@pytest.mark.parametrize("command", LEFT_OUT, ids=" ".join)
def test_a_command_imports_nothing_that_others_alone_need(command: tuple[str, ...]) -> None:
    """People wait for it, and a shell script many times."""
    explained = [sys.executable, "-X", "importtime", YOAKE, *command, "--help"]
    told = subprocess.run(explained, capture_output=True, text=True, check=True, env=environment()).stderr
    imported = {line.rsplit("|", 1)[1].strip() for line in told.splitlines() if line.startswith("import time:")}

    assert "deploy.cli" in imported
    assert imported & LEFT_OUT[command] == set()


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_the_list_of_commands_says_of_each_what_it_says_of_itself(command: str) -> None:
    """The list is printed without looking at them."""
    assert cli.loaded(command).get_short_help_str(limit=1_000) == cli.COMMANDS[command].help


@pytest.mark.parametrize("name", [*sorted(said.SAID), said.DATABASE])
def test_what_is_said_without_a_traceback_are_errors_that_exist(name: str) -> None:
    """They stand by their names, which nothing else would compare."""
    module, _, kind = name.rpartition(".")

    assert issubclass(getattr(import_module(module), kind), Exception)


ANEW: tuple[tuple[object, ...], ...] = (
    ("find", "ミホン", "いちろう", "--json"),
    ("flags", "--limit", "3"),
    ("manifest", "contractor"),
    ("tonight", "--json"),
    ("statement", "2023-11-14"),
    ("import", WARD, "--map", WARD, "--as", "contractor"),
    ("ward", "diff", WARD),
    ("credentials", "list"),
    ("parked", "list"),
    ("subscriber", "list"),
    ("streams",),
)
"""Commands that no other test begins anew, as test_project_readme.py does with those of the READMEs."""


@pytest.mark.parametrize("words", ANEW, ids=lambda words: str(words[0]))
def test_a_command_as_it_is_installed_says_the_same(words: tuple[object, ...], demo: Path) -> None:
    """It imports for itself what it needs; most tests have it forked from a process in which everything is."""
    forked, anew = yoake(*words, "--data", demo), yoake_anew(*words, "--data", demo)
    assert (anew.returncode, anew.stdout, anew.stderr) == (forked.returncode, forked.stdout, forked.stderr)
    assert "Traceback" not in anew.stderr


def test_a_service_gets_no_port_that_an_outgoing_connection_may_take() -> None:
    """Else it could not be started again while such a connection stands, and `yoake up` could end before it began."""
    ephemeral = 32_768  # Where Linux begins; others begin at 49,152.
    ports = [free_port() for _ in range(100)]
    assert max(ports) < ephemeral
    assert len(set(ports)) == len(ports)


def test_bad_input_says_what_is_wrong_and_what_to_do(demo: Path, here: Path, tmp_path: Path) -> None:
    """Each of these ends with status 2, on standard error, naming the fault and a way out; no traceback."""
    (tmp_path / "plain.txt").write_text("これは JSON ではありません\n二行目\n")
    newer = tmp_path / "newer"
    newer.mkdir()
    (newer / "yoake.json").write_text('{"format": 99, "ward": "setagaya", "database": "sqlite://"}')
    (tmp_path / "ward.toml").write_text(WARD.read_text().replace('start = "08:30"', 'start = "08:00"', 1))
    (tmp_path / "file").write_text("")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for arguments, words in (
            (("feed", tmp_path / "none.jsonl", "--data", here), ("no such file", "JSON Lines")),
            (("feed", tmp_path / "plain.txt", "--data", here), ("not JSON Lines", "CloudEvent")),
            (("feed", tmp_path / "plain.txt", "--as", "nobody", "--data", here), ("nobody", "contractor")),
            (("feed", tmp_path / "plain.txt", "--data", demo), ("does not run", "yoake up")),
            (("status", "--data", tmp_path / "empty"), ("no Yoake data", "yoake up")),
            (("status", "--data", newer), ("newer release", "format 99")),
            (("up", "--data", newer), ("newer release",)),
            (("up", "--data", tmp_path / "p", "--port", port), (str(port), "--port 0")),
            (("up", "--data", tmp_path / "p", "--nats-port", port, "--port", "0"), (str(port), "--nats-port 0")),
            (("up", "--data", here), ("already", "pages")),
            (("up", "--data", tmp_path / "file" / "x"), ("directory",)),
            (("up", "--data", tmp_path / "q", "--ward", tmp_path / "no.toml"), ("no such file",)),
            (("up", "--data", tmp_path / "q", "--ward", tmp_path / "ward.toml"), ("hours", "overlap")),
            (("demo", "--once", "--data", here), ("real data", "--data")),
            (("report", "calls", "--fy", "last", "--data", demo), ("--fy", "2022-2023")),
            (("report", "calls", "--as-of", "2023-02-30", "--data", demo), ("--as-of", "2023-01-26")),
            (("report", "calls", "--known-at", "999999", "--data", demo), ("999999",)),
            (("report", "calls", "--known-at", "soon", "--data", demo), ("position",)),
            (("report", "nothing", "--data", demo), ("nothing", "calls")),
            (("find", "1234", "--data", tmp_path / "empty"), ("no Yoake data", "yoake up")),
            (("case", "R9-9999", "--data", demo), ("R9-9999", "reference number")),
            (("streams", "--data", demo), ("does not run", "yoake up")),
            (("signin", "day", "--data", demo), ("does not run", "yoake up")),
            (("signin", "boss", "--data", here), ("boss", "night, day, ward, auditor")),
            (("signin", "day", "--pages", "https://centre.example"), ("YOAKE_WARD", "docs/operations.md")),
            (("history", "--tables", tmp_path / "plain.txt"), ("TOML",)),
        ):
            done = yoake(*arguments)
            assert done.returncode == 2, (arguments, done.stdout, done.stderr)
            assert "Traceback" not in done.stderr
            for word in words:
                assert word in done.stderr, (arguments, word, done.stderr)


async def test_a_full_inbox_says_so_and_keeps_what_has_a_receipt(here: Path) -> None:
    """The server refuses what INBOX cannot hold; the sender hears it and keeps its copy."""
    found = running(here)
    assert found is not None
    connection = await nats.connect(found["nats"])
    js = connection.jetstream()
    inbox = streams()[0]
    inbox.max_bytes = 1
    await js.update_stream(inbox)
    try:
        async with Adapter(found["nats"], "setagaya", "contractor") as adapter:
            with pytest.raises(NotSent, match="the inbox is full"):
                await adapter.send([call(900)], lambda n, receipt: None)
    finally:
        await js.update_stream(streams()[0])
        await connection.close()


async def test_a_credential_is_made_used_listed_and_revoked(here: Path) -> None:
    """Shown once, in force at once, never again to be read; and who was connected with it is cut off."""
    made = yoake("credentials", "new", "contractor", "--json", "--data", here).json
    async with Adapter(made["nats"], "setagaya", "contractor") as adapter:
        receipts = await adapter.send([call(950)], lambda n, receipt: None)
        shown = yoake("credentials", "list", "--json", "--data", here)
        revoked = yoake("credentials", "revoke", made["name"], "--data", here)
        again = yoake("credentials", "revoke", made["name"], "--data", here)
    with pytest.raises(NotSent, match="not in force"):
        await Adapter(made["nats"], "setagaya", "contractor").__aenter__()

    assert receipts[0].status == "accepted"
    assert made["http"].startswith("http://127.0.0.1:")
    assert made["http"].endswith("/v1/messages")
    assert [(one["name"], one["revoked"]) for one in shown.json] == [(made["name"], None)]
    assert made["token"] not in shown.stdout + "".join(p.read_text() for p in (here / "logs").iterdir())
    assert (here / "running.json").stat().st_mode & 0o077 == 0
    assert revoked.returncode == 0
    assert again.returncode == 2
    assert made["name"] in again.stderr


def test_credentials_without_a_data_directory_go_into_a_nats_of_ones_own(tmp_path: Path) -> None:
    """The accounts that are printed are read by a real server, with our own passwords from its environment."""
    (tmp_path / "keys").mkdir()
    where = ("--keys", tmp_path / "keys", "--ward", WARD)
    wrong = yoake("credentials", "new", "nobody", *where)
    made = yoake("credentials", "new", "day", *where)
    printed = yoake("credentials", "config", *where)
    config = tmp_path / "server.conf"
    config.write_text(f"port: -1\njetstream {{ store_dir: {tmp_path}/store }}\n{printed.stdout}")
    variables = {f"NATS_PASSWORD_{user.upper()}": "secret" for user in USERS}
    read = subprocess.run(
        [executable(), "-t", "-c", config], env=variables, capture_output=True, text=True, check=False
    )

    assert wrong.returncode == 2
    assert "contractor, day, night" in wrong.stderr
    assert made.returncode == printed.returncode == 0
    assert "day-1" in printed.stdout
    assert read.returncode == 0, read.stderr


def test_a_changed_ward_file_is_shown_and_taken_only_when_told(tmp_path: Path) -> None:
    """The difference is printed line by line; --activate lets it be in force from now on, as history."""
    data, changed = tmp_path / "data", tmp_path / "ward.toml"
    changed.write_text(WARD.read_text().replace('period = "clock"', 'period = "evening"'))
    with up(data):
        pass
    with up(data, "--ward", changed):
        assert "policy.period: 'clock' → 'evening'" in said_by(data).read_text()
    with up(data, "--ward", changed, "--activate"):
        until(lambda: settled(data))
    history = yoake("case", "setagaya", "--json", "--data", data).json
    assert [step["event"] for step in history["steps"]] == ["ward.activated", "ward.activated"]


def test_a_line_with_a_number_beyond_reading_is_sent_as_it_is(tmp_path: Path) -> None:
    """The command used to end at 5,000 digits; the ward decides what becomes of such a line."""
    long = b'{"x": ' + b"9" * 5_000 + b"}"
    file = tmp_path / "lines.jsonl"
    file.write_bytes(b'{"id": "1"}\n' + long + b"\n" + b"[" * 20_000)
    assert [line for _, line in read_lines([file])] == [{"id": "1"}, long, b"[" * 20_000]


def test_the_front_shows_its_pages_to_whoever_signed_in_whatever_else_is_down(here: Path) -> None:
    """A link of the start and one of `yoake signin`; the front is killed, and every service, and the session stays."""
    links = re.findall(r"http\S+/signin/\S+", said_by(here).read_text())
    made = yoake_anew("signin", "ward", "--name", "架空 花子", "--data", here).stdout.strip()
    found = running(here)
    assert found is not None
    home = found["pages"]
    with httpx.Client(headers={"Origin": home.rstrip("/")}, follow_redirects=True) as web:
        assert web.get(f"{home}status").status_code == 403
        assert "監査人" in web.post(links[3]).text
        assert "使用済み" in web.post(links[3]).text
        assert "区の職員　架空 花子" in web.post(made).text
        os.kill(pid_of(here, "front"), signal.SIGKILL)
        until(lambda: running(here)["services"].get("front") not in (None, found["services"]["front"]))  # type: ignore[index]
        until(lambda: _answers(web, f"{home}readyz"))
        for service in ("intake", "placement", "handover", "reporting"):
            os.kill(pid_of(here, service), signal.SIGSTOP)
        try:
            seen = web.get(f"{home}tables/calls")
            until(lambda: "● 停止中" in re.sub("<.*?>", "", web.get(f"{home}status").text))
        finally:
            for service in ("intake", "placement", "handover", "reporting"):
                os.kill(pid_of(here, service), signal.SIGCONT)
        assert (seen.status_code, "区の職員　架空 花子" in seen.text) == (200, True)
    told = yoake("status", "--json", "--data", here).json
    assert told["front"] == {"running": True, "pages": home}
    assert "front 窓口" in yoake("status", "--data", here).stdout


def _answers(web: httpx.Client, address: str) -> bool:
    try:
        return web.get(address).is_success
    except httpx.TransportError:
        return False


def test_an_invented_night_is_kept_nowhere_and_says_so(tmp_path: Path) -> None:
    """A directory that is named would stay empty, and nobody would know why."""
    done = yoake("demo", "--morning", "--once", "--data", tmp_path / "data", "--port", "0", "--nats-port", "0")

    assert done.returncode == 2
    assert "leave --data out" in done.stderr
    assert not (tmp_path / "data").exists()


def test_a_demonstrated_night_ends_with_its_statement() -> None:
    """Four calls sent, three there: the statement of 8:30 says so, and by which number; nothing of it stays."""
    before = set(Path(tempfile.gettempdir()).glob("yoake-morning-*"))
    shown = yoake("demo", "--morning", "--once", "--port", "0", "--nats-port", "0")

    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert "送信4件に対し受付3件です。未着：43番。" in shown.stdout
    assert "「不一致あり」と表示して発行しました。" in shown.stdout
    assert set(Path(tempfile.gettempdir()).glob("yoake-morning-*")) <= before
