"""夜間引継書 and 今夜の申し送り on A4, as PDF: the largest print with which a dozen items take one sheet."""

from __future__ import annotations

from pathlib import Path

import msgspec

from services.pages.typesetting import typeset

TEMPLATES = Path(__file__).with_name("templates")
STATEMENT, TONIGHT = "statement.typ", "tonight.typ"

ON_ONE_SHEET = 12
"""Items that one A4 sheet holds."""

SIZES = (9.5, 8.8, 8.2, 7.6, 7.0, 6.5, 6.0)
"""Sizes of print in points that are tried for one sheet; the last can still be read."""

ON_SEVERAL = 9.0


def as_pdf(sheet: msgspec.Struct, template: str = STATEMENT) -> bytes:
    """The sheet as a PDF file; what a template shows stands in `rows` and beside them.

    Raises:
        NoPdf: it could not be made; says why, and nothing of what stands on it.
    """
    rows = len(getattr(sheet, "rows", ()))
    sizes = SIZES if rows <= ON_ONE_SHEET else ()
    return typeset(TEMPLATES / template, msgspec.json.encode(sheet), (*sizes, ON_SEVERAL))
