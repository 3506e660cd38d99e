"""The commands of the READMEs, executed as they stand there."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import YOAKE, environment, settled, until, up, yoake

ROOT = Path(__file__).parents[1]
READMES = ("README.md", "README.ja.md")


def commands(readme: str) -> list[str]:
    """The lines after `$` in the console blocks of a README."""
    blocks = re.findall(r"```console\n(.*?)```", (ROOT / readme).read_text(), re.DOTALL)
    return [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]


@pytest.fixture(scope="module")
def demonstrated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A directory in which `make demo` has run, and Yoake runs again."""
    here = tmp_path_factory.mktemp("readme")
    made = subprocess.run(
        ["make", "-C", str(ROOT), "demo", f"ARGS=--once --data {here}/.yoake --port 0 --nats-port 0"],
        capture_output=True,
        text=True,
        timeout=300,
        env=environment(),
        check=False,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    with up(here / ".yoake"):
        yield here


def test_the_two_commands_are_make_demo_and_make_test() -> None:
    """Both READMEs begin with them, and the Makefile has them."""
    for readme in READMES:
        assert commands(readme)[:2] == ["make demo", "make test"]
    makefile = (ROOT / "Makefile").read_text()
    assert re.search(r"^demo:", makefile, re.MULTILINE)
    assert re.search(r"^test:", makefile, re.MULTILINE)


@pytest.mark.parametrize("readme", READMES)
def test_every_command_of_the_readme_works(readme: str, demonstrated: Path) -> None:
    """Each ends with status 0 in the directory of the demonstration, with the example that the page shows."""
    _write_example(demonstrated)
    ran = [line for line in commands(readme) if line.startswith("yoake ")]
    assert len(ran) >= 3
    for line in ran:
        words = [YOAKE, *shlex.split(line)[1:]]
        done = subprocess.run(words, cwd=demonstrated, capture_output=True, text=True, env=environment(), check=False)
        assert done.returncode == 0, (line, done.stdout, done.stderr)


def test_the_example_sent_twice_counts_once(demonstrated: Path) -> None:
    """One night call, one short stay: the README says so, and so does the table."""
    _write_example(demonstrated)
    data = demonstrated / ".yoake"
    for _ in range(2):
        assert yoake("feed", demonstrated / "examples.jsonl", "--as", "contractor", "--data", data).returncode == 0
    until(lambda: settled(data))
    history = yoake("case", "contractor/N-41", "--json", "--data", data).json
    assert [step["event"] for step in history["steps"]] == ["call.received", "placement.arranged"]
    report = yoake("report", "calls", "--fy", "2023", "--format", "json", "--data", data).json
    night = next(c for c in report["cells"] if (c["row"], c["column"]) == ("2023/night", "short-stay"))
    assert history["id"] in night["cases"]


def _write_example(here: Path) -> None:
    block = re.search(r"```json\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert block is not None
    for line in block[1].splitlines():
        json.loads(line)
    (here / "examples.jsonl").write_text(block[1])


def test_the_table_of_commands_is_whole() -> None:
    """Both READMEs name each command of `yoake --help`."""
    helped = subprocess.run([YOAKE, "--help"], capture_output=True, text=True, env=dict(os.environ), check=True).stdout
    listed = re.findall(r"^\s{2}([a-z]+)\s{2,}", helped, re.MULTILINE)
    assert len(listed) == 23
    for readme in READMES:
        for command in listed:
            assert f"`yoake {command}" in (ROOT / readme).read_text(), (readme, command)


def test_both_readmes_give_the_same_figures() -> None:
    """What the Japanese page says of the speed stands in the English one, unit for unit."""
    japanese, english = ((ROOT / readme).read_text() for readme in reversed(READMES))
    rates = re.findall(r"(?:毎秒|下限は)([0-9,]+)件", japanese)
    waits = re.findall(r"([0-9]+)ミリ秒", japanese)
    assert len(rates) >= 4
    assert len(waits) == 1
    for rate in rates:
        assert re.search(rf"(?<![0-9,]){rate}(?![0-9,])", english), rate
    assert f"{waits[0]} ms" in english
