"""Making a data directory ready: whose ward it is, and which of its files is in force."""

from __future__ import annotations

import shutil
from pathlib import Path

from deploy.datadir import DataDirectory, DataError, Kept
from deploy.differences import Difference, differences
from services.seal import Secrets
from services.settings import FORMAT
from services.ward import load

WARDS = Path(__file__).with_name("wards")
SAMPLE = WARDS / "setagaya.toml"
PUBLISHED = WARDS / "setagaya-published.toml"


def prepare(
    data: DataDirectory, ward_file: Path | None, database: str | None, *, demo: bool = False, activate: bool = False
) -> list[Difference]:
    """Make a directory ready, or check that it is.

    The ward's file is copied in. A changed one takes effect only with `activate`.

    Returns:
        The differences of a changed file that was not taken.

    Raises:
        DataError: another ward's data, real data under a demonstration, or no permission.
        services.ward.WardError: the ward's file cannot be used.
    """
    known = data.kept() if (data / "yoake.json").exists() else None
    if known is not None and demo and not known.demo:
        raise DataError(f"{data.path} holds real data; give `yoake demo` another directory with --data")
    own = data / "ward.toml"
    source = ward_file or (own if known else SAMPLE)
    ward = load(source)
    data.keep(
        Kept(
            format=FORMAT,
            ward=ward.id,
            database=database or (known.database if known else None),
            demo=known.demo if known else demo,
        )
    )
    Secrets.at(data / "keys")  # Before anything runs, so that an adapter finds the public one.
    if not own.exists() or activate:
        if source != own:
            shutil.copyfile(source, own)
        return []
    return differences(load(own), ward)
