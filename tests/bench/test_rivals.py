"""The comparison with other event stores runs, and what it installs names no host. How fast it is, is not tested."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from tests.bench.rival_stores import NPM
from tests.bench.rivals import Result, markdown

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def result() -> Result:
    """A glance at each way that can run here. Its command counts every accept again in the store, and fails if not."""
    command = [sys.executable, "-m", "tests.bench.rivals", "--quick", "--json"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert ran.returncode == 0, ran.stderr
    return msgspec.json.decode(ran.stdout, type=Result)


def test_yoake_the_library_and_the_bare_loop_accept_durably(result: Result) -> None:
    """On a PostgreSQL that syncs; each is in the table to paste, whatever else is left out."""
    assert result.server["fsync"] == result.server["synchronous_commit"] == "on"
    assert all(figure.accepted > 0 and figure.median > 0 for figure in result.figures)
    told = markdown(result)
    for name in ("Yoake, 256", "Yoake, one", "eventsourcing, a save", "bare, one"):
        assert f"| {name}" in told
    assert {figure.name for figure in result.figures if figure.kind == "ours"} == {
        "Yoake, 256 to a transaction",
        "Yoake, one to a transaction",
    }


@pytest.mark.parametrize("rival", ["Message DB", "Emmett"])
def test_a_rival_from_npm_accepts_durably(result: Result, rival: str) -> None:
    """Where its package is installed; otherwise the reason says what to run."""
    if rival in result.left_out:
        pytest.skip(result.left_out[rival])
    assert {figure.kind for figure in result.figures if figure.name.startswith(rival)} == {"rival", "by hand"}


def test_what_npm_installs_is_pinned_by_hash_and_names_no_host() -> None:
    """Exact versions in package.json; in the lock a hash for each package, and no address."""
    package = msgspec.json.decode((NPM / "package.json").read_bytes())
    lock = (NPM / "package-lock.json").read_text()
    assert "://" not in lock
    locked = msgspec.json.decode(lock)["packages"]
    assert locked[""]["dependencies"] == package["dependencies"]
    for name, version in package["dependencies"].items():
        assert locked[f"node_modules/{name}"]["version"] == version
    assert all("integrity" in entry for name, entry in locked.items() if name)
