"""A4 sheets as PDF, typeset in a process of its own, so that nobody keeps in memory what typesetting takes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from services.pages.unprintable import doubtful, named
from services.pages.unseen import straight

GLYPHS = Path(__file__).with_name("templates") / "glyphs.typ"

PATIENCE = 60.0
"""Seconds; a sheet takes about one."""


class NoPdf(RuntimeError):
    """It could not be typeset; the page is there all the same, and can be printed."""


def typeset(template: Path, sheet: bytes, sizes: Sequence[float] = ()) -> bytes:
    """A PDF of a template, which reads `sheet`, a JSON text, from `sys.inputs.sheet`.

    `sizes` of print, in points, where a template has one (`sys.inputs.size`): the first with which everything takes
    one sheet, or else the last.

    Raises:
        NoPdf: it could not be made; says why, and nothing of what stands on it.
    """
    try:
        done = subprocess.run(  # noqa: S603  (ourselves, and a template of ours)
            [sys.executable, "-m", "services.pages.typesetting", str(template), *map(str, sizes)],
            input=straight(sheet.decode()).encode(),
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoPdf(type(error).__name__) from error
    if done.returncode or not done.stdout.startswith(b"%PDF"):
        raise NoPdf(f"typesetting ended with {done.returncode}")
    return done.stdout


def _typeset(template: Path, sheet: bytes, sizes: Sequence[str]) -> bytes:
    """With the font of a wheel alone, so that it looks the same on every machine."""
    import pylopdf_fonts_jp
    import typst

    fonts = Path(pylopdf_fonts_jp.__file__).parent

    def compiler_of(template: Path, sheet: str, size: Sequence[str] = ()) -> typst.Compiler:
        return typst.Compiler(
            template,
            root=template.parent,
            font_paths=[fonts],
            ignore_system_fonts=True,
            sys_inputs={"sheet": sheet} | ({"size": size[0]} if size else {}),
        )

    text = sheet.decode()
    if asked := doubtful(text):
        glyphs = compiler_of(GLYPHS, json.dumps([ord(each) for each in asked]))
        missing = json.loads(glyphs.query("<missing>", field="value", one=True))
        text = named(text, [chr(code) for code in missing], json.loads(text).get("language", "ja"))
    compiler = partial(compiler_of, template, text)
    tried = ([size] for size in sizes[:-1])
    fitting = (size for size in tried if json.loads(compiler(size).query("<pages>", field="value", one=True)) == 1)
    made = compiler(next(fitting, sizes[-1:])).compile(format="pdf")
    assert isinstance(made, bytes), "one document is one file"
    return made


if __name__ == "__main__":
    sys.stdout.buffer.write(_typeset(Path(sys.argv[1]), sys.stdin.buffer.read(), sys.argv[2:]))
