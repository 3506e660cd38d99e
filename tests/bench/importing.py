"""`yoake import` of a call log in a workbook, beside reading the same file and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from openpyxl import Workbook

from deploy.importing.mapping import load
from tests.running import YOAKE, environment, up

TOPOLOGY = "`yoake up` on SQLite and `yoake import` of an .xlsx of 12 columns, on this machine"
MAPPING = Path(__file__).parents[2] / "deploy" / "sheets" / "call-log.toml"
ROWS = 100_000

READ = """
import sys, openpyxl
book = openpyxl.load_workbook(sys.argv[1], read_only=True, data_only=True)
print(sum(1 for _ in book.worksheets[0].iter_rows(values_only=True)))
"""


def write(file: Path, rows: int) -> None:
    """An invented call log; one row in a hundred has a district that is none. 架空データ."""
    book = Workbook(write_only=True)
    page = book.create_sheet("相談")
    heading = load(MAPPING).columns
    page.append(heading)
    for n in range(rows):
        day = f"令和5年{1 + n % 12}月{1 + n % 28}日"
        line = {
            "受付日": day,
            "受付時刻": f"{n % 24}:{n % 60:02}",
            "入力日時": f"{day} {n % 24}:{n % 60:02}",
            "方法": "電話",
            "連絡者": f"架空 {n}",
            "本人との関係": "父",
            "相談番号": f"K-{n:06}",
            "地域": "北沢" if n % 100 else "北区",
            "緊急の理由": "介護疲れ",
            "相談内容": "架空の相談内容です。" * 5,
        }
        page.append([line.get(name) for name in heading])
    book.save(file)


def rates(rows: int) -> dict[str, float]:
    """Seconds for 100,000 rows (`dry` and `import`, the copy included), `ratio` to reading alone, `memory` in MB."""
    with tempfile.TemporaryDirectory(prefix="yoake-bench-") as directory:
        write(file := Path(directory) / "log.xlsx", rows)
        read, _ = _took([sys.executable, "-c", READ, str(file)])
        with up(data := Path(directory) / "data"):
            asked = [YOAKE, "import", str(file), "--map", str(MAPPING), "--as", "contractor", "--data", str(data)]
            asked += ["--synthetic", "--json"]
            dry, _ = _took([*asked, "--dry-run"])
            real, memory = _took(asked)
    by_hundred_thousand = ROWS / rows
    return {
        "dry": dry * by_hundred_thousand,
        "import": real * by_hundred_thousand,
        "ratio": real / read,
        "memory": memory,
    }


def _took(command: list[str]) -> tuple[float, float]:
    """(seconds, the most memory it had, in MB)."""
    began = perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment())
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, f"{command[0]} ended with {process.returncode}"
    return perf_counter() - began, usage.ru_maxrss / 1024
