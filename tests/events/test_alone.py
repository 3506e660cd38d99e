"""The kit is installed alone: its own wheel, and beside it nothing but what that asks for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KIT = tomllib.loads((ROOT / "events" / "pyproject.toml").read_text())["project"]
WHOLE = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
NEEDED = ("msgspec", "joserfc", "cryptography", "cffi", "_cffi_backend", "pycparser")
"""What the dependencies bring with them."""


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that holds the unpacked wheel, and its dependencies without NATS."""
    here = tmp_path_factory.mktemp("alone")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(here)]
    subprocess.run(build, cwd=ROOT / "events", check=True, capture_output=True)
    (wheel,) = here.glob("yoake_adapter-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(here / "site")
    for name in NEEDED:
        spec = find_spec(name)
        if spec is not None and spec.origin is not None:
            there = Path(spec.origin)
            there = there.parent if there.name == "__init__.py" else there
            (here / "site" / there.name).symlink_to(there)
    return here / "site"


def run(alone: Path, *line: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Python without anything else that is installed here."""
    variables = {"PATH": os.environ["PATH"], "PYTHONPATH": str(alone)}
    return subprocess.run(
        [sys.executable, "-S", *line], cwd=cwd, env=variables, capture_output=True, text=True, check=False
    )


def test_the_wheel_works_with_its_dependencies_alone(alone: Path, tmp_path: Path) -> None:
    """Every example of the page is kept and listed; NATS is named where it is wanted and not there."""
    example = alone / "events" / "examples" / "every-message.jsonl"

    many = len(example.read_bytes().splitlines())
    kept = run(alone, "-m", "events.kit", "--lang", "en", "put", str(example), cwd=tmp_path)
    assert (kept.returncode, kept.stderr.count("\n")) == (0, 1)
    assert kept.stderr.startswith("warning: personal parts are kept in clear in outbox.db; with --key")
    assert kept.stdout.endswith(f"{many} kept. Not sent yet: {many}\n")
    listed = run(alone, "-m", "events.kit", "pending", "--json", cwd=tmp_path)
    assert json.loads(listed.stdout)["sources"] == {"/example/every-message": many}
    to = ("send", "--nats", "nats://127.0.0.1:1", "--ward", "w", "--provider", "p")
    told = run(alone, "-m", "events.kit", *to, cwd=tmp_path)
    assert (told.returncode, "yoake-adapter[nats] を入れる" in told.stderr) == (2, True)
    sent = run(alone, "-m", "events.kit", "send", "--http", "http://127.0.0.1:1", "--give-up", "0.2", cwd=tmp_path)
    assert (sent.returncode, "http://127.0.0.1:1 から返事がありません" in sent.stderr) == (1, True)


def test_the_wheel_holds_the_contract_and_its_types(alone: Path) -> None:
    """Schemas and examples, and the mark that its types may be used; nothing but the one package."""
    held = alone / "events"

    assert (held / "py.typed").exists()
    assert len(list((held / "schema").rglob("*.json"))) == len(list((ROOT / "events" / "schema").rglob("*.json")))
    assert [path.name for path in alone.iterdir() if path.is_dir() and "dist-info" in path.name] == [
        f"yoake_adapter-{KIT['version']}.dist-info"
    ]


def test_the_kits_command_is_there_in_a_checkout_as_well() -> None:
    """`.venv/bin/yoake-adapter`, as the page says: the whole project installs what the kit alone does."""
    assert WHOLE["scripts"].items() >= KIT["scripts"].items()


def test_the_kit_asks_for_the_versions_that_are_tested_here() -> None:
    """From the pinned ones on; and it is of the same release."""
    pinned = dict(line.split("==") for line in WHOLE["dependencies"])
    asked = [line for lines in (KIT["dependencies"], *KIT["optional-dependencies"].values()) for line in lines]

    assert KIT["version"] == WHOLE["version"]
    assert [line for line in asked if not line.partition(",")[0].endswith(pinned[line.split(">=")[0]])] == []
