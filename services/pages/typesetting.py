"""A4 sheets as PDF, typeset in a process of its own, so that nobody keeps in memory what typesetting takes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from services.pages.unprintable import doubtful, named
from services.pages.unseen import straight

if TYPE_CHECKING:
    import typst  # A process that only asks for a PDF does without it.

GLYPHS = Path(__file__).with_name("templates") / "glyphs.typ"

PATIENCE = 60.0
"""Seconds; a sheet takes about one."""


COUNT = "--pages"


class NoPdf(RuntimeError):
    """It could not be typeset; the page is there all the same, and can be printed."""


def typeset(template: Path, sheet: bytes, sizes: Sequence[float] = ()) -> bytes:
    """A PDF of a template, which reads `sheet`, a JSON text, from `sys.inputs.sheet`.

    `sizes` of print, in points, where a template has one (`sys.inputs.size`): the first with which everything takes
    one sheet, or else the last.

    Raises:
        NoPdf: it could not be made; says why, and nothing of what stands on it.
    """
    made = _apart(sheet, str(template), *map(str, sizes))
    if not made.startswith(b"%PDF"):
        raise NoPdf("typesetting made no PDF")
    return made


def page_count(template: Path, sheet: bytes) -> int:
    """How many pages the PDF of such a sheet has; its template says so under `<pages>`.

    Raises:
        NoPdf: it could not be made; says why, and nothing of what stands on it.
    """
    return int(_apart(sheet, COUNT, str(template)))


def _apart(sheet: bytes, *arguments: str) -> bytes:
    """What this module says when it runs in a process of its own."""
    try:
        done = subprocess.run(  # noqa: S603  (ourselves, and a template of ours)
            [sys.executable, "-m", "services.pages.typesetting", *arguments],
            input=straight(sheet.decode()).encode(),
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoPdf(type(error).__name__) from error
    if done.returncode:
        raise NoPdf(f"typesetting ended with {done.returncode}")
    return done.stdout


class _Typesetter:
    """A template and what it shows, with the font of a wheel alone, so that it looks the same on every machine."""

    def __init__(self, template: Path, sheet: bytes) -> None:
        self._template, self._text = template, sheet.decode()
        if asked := doubtful(self._text):
            glyphs = _compiler(GLYPHS, json.dumps([ord(each) for each in asked]))
            missing = json.loads(glyphs.query("<missing>", field="value", one=True))
            language = json.loads(self._text).get("language", "ja")
            self._text = named(self._text, [chr(code) for code in missing], language)

    def pages(self, size: Sequence[str] = ()) -> int:
        """How many pages it takes, in a size of print where the template has one."""
        told = _compiler(self._template, self._text, size).query("<pages>", field="value", one=True)
        return int(json.loads(told))

    def pdf(self, sizes: Sequence[str]) -> bytes:
        """In the first of the sizes with which it takes one page, or the last."""
        fitting = ([size] for size in sizes[:-1] if self.pages([size]) == 1)
        made = _compiler(self._template, self._text, next(fitting, sizes[-1:])).compile(format="pdf")
        assert isinstance(made, bytes), "one document is one file"
        return made


def _compiler(template: Path, sheet: str, size: Sequence[str] = ()) -> typst.Compiler:
    import pylopdf_fonts_jp
    import typst

    return typst.Compiler(
        template,
        root=template.parent,
        font_paths=[Path(pylopdf_fonts_jp.__file__).parent],
        ignore_system_fonts=True,
        sys_inputs={"sheet": sheet} | ({"size": size[0]} if size else {}),
    )


def _said(arguments: Sequence[str], sheet: bytes) -> bytes:
    """A count of pages, or a PDF."""
    if arguments[0] == COUNT:
        return str(_Typesetter(Path(arguments[1]), sheet).pages()).encode()
    return _Typesetter(Path(arguments[0]), sheet).pdf(arguments[1:])


if __name__ == "__main__":
    sys.stdout.buffer.write(_said(sys.argv[1:], sys.stdin.buffer.read()))
