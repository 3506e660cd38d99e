"""夜間引継書 and 今夜の申し送り on A4, as PDF.

Typeset in a process of its own, so that nobody keeps in memory what typesetting takes.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import msgspec

TEMPLATES = Path(__file__).with_name("templates")
STATEMENT, TONIGHT = "statement.typ", "tonight.typ"
PATIENCE = 60.0
"""Seconds; a sheet takes about one."""

ON_ONE_SHEET = 12
"""Items that one A4 sheet holds."""

SIZES = (9.5, 8.8, 8.2, 7.6, 7.0, 6.5)
"""Sizes of print in points that are tried for one sheet; the last can still be read."""

ON_SEVERAL = 9.0


class NoPdf(RuntimeError):
    """It could not be typeset; the text and the page are there all the same."""


def as_pdf(sheet: msgspec.Struct, template: str = STATEMENT) -> bytes:
    """The sheet as a PDF file; what a template shows stands in `rows` and beside them.

    Raises:
        NoPdf: it could not be made; says why, and nothing of what stands on it.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-m", "services.pages.statement_pdf"],
            input=msgspec.json.encode((template, sheet)),
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoPdf(type(error).__name__) from error
    if done.returncode or not done.stdout.startswith(b"%PDF"):
        raise NoPdf(f"typesetting ended with {done.returncode}")
    return done.stdout


def _typeset(told: bytes) -> bytes:
    """The largest print with which a dozen items take one sheet; more items take several, in print easy to read."""
    import pylopdf_fonts_jp
    import typst

    template, sheet = msgspec.json.decode(told, type=tuple[str, msgspec.Raw])
    fonts = Path(pylopdf_fonts_jp.__file__).parent

    def compiler(size: float) -> typst.Compiler:
        return typst.Compiler(
            TEMPLATES / template,
            root=TEMPLATES,
            font_paths=[fonts],
            ignore_system_fonts=True,
            sys_inputs={"sheet": bytes(sheet).decode(), "size": str(size)},
        )

    rows = len(json.loads(bytes(sheet))["rows"])
    sizes = SIZES if rows <= ON_ONE_SHEET else ()
    fitting = (size for size in sizes if json.loads(compiler(size).query("<pages>", field="value", one=True)) == 1)
    made = compiler(next(fitting, ON_SEVERAL)).compile(format="pdf")
    assert isinstance(made, bytes), "one document is one file"
    return made


if __name__ == "__main__":
    sys.stdout.buffer.write(_typeset(sys.stdin.buffer.read()))
