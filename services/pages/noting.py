"""What a form about tonight's notes says, as the message that says it; or what is wrong with it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from events.morning import NOTED_PARTS
from services.era import folded, parse_date
from services.inbox import PROMISED
from services.pages.sending import message

LONGEST = 1_000
"""Characters of one part of a note."""

KIND = "case.note"


SAID = {"note": "note_said", "end": "note_ended", "sent": "note_sent"}
"""What the page says after a form: part of its address, so that loading it again sends nothing."""


class Mistake(NamedTuple):
    """A form that did not get through, which is shown again: why, what had been typed, and a detail in words."""

    word: str
    form: Mapping[str, str]
    status: int
    detail: str = ""


class Writer(NamedTuple):
    """Who writes, and when, on the ward's clock; `name` as on the link with which they signed in.

    `tonight`: the night that it is, or that comes next; None: the ward has none.
    """

    name: str | None
    now: datetime
    tonight: date | None


def number_in(form: Mapping[str, str]) -> str:
    """The 受付番号 of a form."""
    return folded(form.get("number", "")).upper()[:40]


def texts_in(form: Mapping[str, str]) -> dict[str, str]:
    """The parts of a note that are written in a form."""
    return {part: text for part in NOTED_PARTS if (text := form.get(part, "").strip())}


def written(form: Mapping[str, str], writer: Writer, *, synthetic: bool) -> bytes | Mistake:
    """The note that a form says."""
    texts = texts_in(form)
    if not number_in(form):
        return Mistake("note_needs_number", form, 400)
    if not texts:
        return Mistake("note_needs_words", form, 400)
    if any(len(text) > LONGEST for text in texts.values()):
        return Mistake("note_words_long", form, 400)
    until = None
    if given := form.get("until", ""):
        try:
            until = parse_date(given[:40])
        except ValueError:
            return Mistake("note_needs_day", form, 400)
        if until > (writer.now + PROMISED).date():
            return Mistake("note_needs_day", form, 400)
        if writer.tonight and until < writer.tonight:
            return Mistake("note_day_past", form, 400)
    return _said(form, texts, until, writer, synthetic=synthetic)


def ended(
    form: Mapping[str, str], texts: Mapping[str, str], tonight: date, writer: Writer, *, synthetic: bool
) -> bytes:
    """The same note once more, as one that held up to the night before."""
    return _said(form, texts, tonight - timedelta(days=1), writer, synthetic=synthetic)


def _said(
    form: Mapping[str, str], texts: Mapping[str, str], until: date | None, writer: Writer, *, synthetic: bool
) -> bytes:
    personal = {**texts, **({"by": writer.name} if writer.name else {})}
    data: dict[str, Any] = {"number": number_in(form), "personal": personal}
    if until is not None:
        data["until"] = until.isoformat()
    return msgspec.json.encode(message(KIND, data, writer.now, synthetic=synthetic))
