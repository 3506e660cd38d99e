"""House rules that no tool checks: what is documented is there, and what is there is documented."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import inspect

from services.streams import durables
from services.subjects import HEARS, WRITERS
from services.ward import Ward
from tests import test_planted_bugs, test_planted_bugs_in_the_morning, test_planted_bugs_on_the_bus

ROOT = Path(__file__).parents[1]


def tracked(*patterns: str) -> list[Path]:
    """The files of this repository, as git knows them; in an unpacked archive, those that are there."""
    found = subprocess.run(["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True, check=False)
    names = found.stdout.split("\n") if found.returncode == 0 else [str(p.relative_to(ROOT)) for p in ROOT.rglob("*")]
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def test_every_dependency_says_what_it_is_for() -> None:
    """docs/dependencies.md names each package of pyproject.toml, and no other."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pinned = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {re.split(r"[\[=]", line)[0] for line in pinned}
    rows = re.findall(r"^\| ([^|]+) \|", (ROOT / "docs/dependencies.md").read_text(), re.MULTILINE)
    told = {name.strip() for row in rows for name in re.sub(r"\[.*?\]", "", row).split(",")}
    assert told - {"package", "---"} == names
    assert all("==" in line for line in pinned)


def test_the_locks_hold_every_pin_by_hash_and_name_no_host() -> None:
    """Both lock files agree with pyproject.toml; each entry has hashes; no address stands in them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for file, pins in (
        ("requirements.lock", project["dependencies"]),
        ("requirements-dev.lock", [*project["dependencies"], *project["optional-dependencies"]["dev"]]),
    ):
        lock = (ROOT / file).read_text()
        assert "://" not in lock
        for pin in pins:
            name = re.escape(re.sub(r"\[.*\]", "", pin))
            assert re.search(rf"^{name}(?= )", lock, re.MULTILINE), pin
        entries = re.findall(r"^[a-z0-9].*?(?=^\S|\Z)", lock, re.MULTILINE | re.DOTALL)
        assert entries
        assert all("--hash=sha256:" in entry for entry in entries)


def test_what_yoake_needs_stands_in_the_tests_lock_as_it_is_in_its_own() -> None:
    """`make test` installs the one alone, without resolving: each version, with its hashes, stands there too."""
    entry = re.compile(r"^([a-z0-9][^ ]*)[^\\]*\\\n((?: +--hash=sha256:.*\n)+)", re.MULTILINE)
    own, tests = ((ROOT / f"requirements{of}.lock").read_text() for of in ("", "-dev"))
    assert len(entry.findall(own)) == len(re.findall("^[a-z0-9]", own, re.MULTILINE))
    assert set(entry.findall(own)) - set(entry.findall(tests)) == set()


def test_every_setting_is_documented() -> None:
    """docs/operations.md names each variable that the code reads."""
    code = "".join(path.read_text() for path in tracked("services/*.py", "deploy/*.py"))
    told = (ROOT / "docs/operations.md").read_text()
    used = set(re.findall(r"YOAKE_[A-Z]+", code))
    assert used
    assert {name for name in used if name not in told} == set()


def test_every_key_of_a_wards_file_is_documented() -> None:
    """docs/wards.md names each key that the file may have, and each value of a choice."""
    told = (ROOT / "docs/wards.md").read_text()

    def keys(kind: inspect.Type) -> Iterator[str]:
        match kind:
            case inspect.StructType(fields=fields):
                for field in fields:
                    yield field.encode_name
                    yield from keys(field.type)
            case inspect.VarTupleType(item_type=item):
                yield from keys(item)
            case inspect.UnionType(types=types):
                for each in types:
                    yield from keys(each)
            case inspect.LiteralType(values=values):
                yield from map(str, values)
            case _:
                pass

    of_a_label = {"ja", "en"}
    lacking = {key for key in keys(inspect.type_info(Ward)) if f"`{key}`" not in told and f"[{key}]" not in told}
    assert lacking - of_a_label == set()


def test_every_decision_says_why_and_what_would_change_our_mind() -> None:
    """Half a page each, numbered."""
    decisions = sorted((ROOT / "docs/decisions").glob("*.md"))
    numbers = [path.name[:4] for path in decisions]
    assert numbers == [f"{n:04}" for n in range(1, len(decisions) + 1)]
    for path in decisions:
        text = path.read_text()
        assert "**Why.**" in text, path
        assert "**What would change our mind.**" in text, path


def test_the_page_of_guarantees_lists_every_planted_bug() -> None:
    """Name and sentence of each, as they stand in the tests, and no other."""
    told = re.findall(r"`(\w+)`: ([^|<]+?)(?=<br>| \|)", (ROOT / "docs/guarantees.md").read_text())
    planted = [
        *test_planted_bugs.PLANTED,
        *test_planted_bugs_in_the_morning.PLANTED,
        *test_planted_bugs_on_the_bus.PLANTED,
    ]
    assert dict(told) == {plant.__name__: plant.__doc__ for plant in planted}
    assert len(told) == len(planted) >= 26


def test_no_district_hour_or_outcome_of_a_ward_stands_in_the_code() -> None:
    """The ward's own words stand in its file alone; the sample's path is the one exception."""
    for path in tracked("services/*.py", "services/*/*.py", "services/*/*/*.py", "events/*.py"):
        text = path.read_text()
        for word in (
            "世田谷",
            "北沢",
            "玉川",
            "烏山",
            "kitazawa",
            "karasuyama",
            "17:15",
            "short-stay",
            "専門サポーター",
        ):
            assert word not in text, f"{path.relative_to(ROOT)} says {word}"


def test_nobody_is_addressed_by_a_machine_path_or_host() -> None:
    """The repository speaks of itself: no absolute path of a machine, no address of a package index."""
    for path in tracked():
        if path.suffix in {".png", ".lock"} or path == Path(__file__):
            continue
        text = path.read_text(encoding="utf-8", errors="ignore")
        assert not re.search(r"(?<![\w.$}])/(root|home|work)/", text), path
        assert not re.search(r"pypi\.org|pythonhosted|registry\.npmjs|deb\.debian\.org", text), path


@pytest.mark.parametrize("service", [*WRITERS, "reporting"])
def test_each_service_hears_by_its_own_durables_alone(service: str) -> None:
    """No two durables share a subject of INBOX, and a service hears only whom it should."""
    own = {c.durable_name: c.filter_subjects or [] for _, c in durables("w") if str(c.durable_name).startswith(service)}
    heard = {subject.split(".")[2] for subject in own.get(f"{service}-events", [])}
    assert heard == set(HEARS.get(service, ()))
    assert own.get(service, [f"inbox.w.*.{service}.>"]) == [f"inbox.w.*.{service}.>"]


def test_a_command_does_not_wait_for_what_only_services_need() -> None:
    """Their libraries cost each command half a second, and a shell script many of those."""
    every = "import sys\nfrom deploy.cli import COMMANDS, loaded\nfor name in COMMANDS: loaded(name)\n"
    asked = f"{every}print([m for m in ('faststream', 'pydantic', 'uvicorn') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)

    assert found.stdout == "[]\n"
