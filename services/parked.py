"""Closing what was parked: by a message, so that who decided it, when and why is history like everything else."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from events import Event, Recorded, event_of
from events.messages import ParkedClose
from events.parked import ParkedClosed
from services.book import Book, Said, Unusable, told
from services.cases import reason_of
from services.group import Group

_NUMBER = re.compile(r"(?P<service>[a-z]+)-(?P<n>[1-9]\d{0,17})")
A_NUMBER = "a number as `yoake parked` shows it, such as intake-3"


def number_of(service: str, n: int) -> str:
    """The number of a parked message, unambiguous across the services: intake-3."""
    return f"{service}-{n}"


def read_number(text: str) -> tuple[str, int]:
    """(service, row) of a number at the desk.

    Raises:
        ValueError: it is none.
    """
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise ValueError(f"{text}: not {A_NUMBER}")
    return match["service"], int(match["n"])


def close_parked(said: Said, book: Book[Any], group: Group, service: str) -> None:
    """Close what is parked under a number, once; closed already, nothing changes.

    A provider closes its own. What came from somebody whom the ward does not know is closed by anybody it knows.

    Raises:
        Unusable: nothing of that number was parked here by this provider.
    """
    message = told(said.data, ParkedClose)
    try:
        there, n = read_number(message.parked)
    except ValueError as error:
        raise Unusable("data.parked", "not a number of the desk", A_NUMBER) from error
    row = group.parked_row(n) if there == service else None
    own = row is not None and (row.provider == said.provider or book.ward_at(said.at).provider_of(row.provider) is None)
    if row is None or not own:
        raise Unusable("data.parked", "nothing of yours was parked under this number", A_NUMBER)
    if row.closed is not None:
        return
    code, words = reason_of(message.reason, ())
    personal = (message.personal if isinstance(message.personal, dict) else {}) | (words or {})
    event = ParkedClosed(
        closing=book.new_id(),
        parked=number_of(service, n),
        provider=row.provider,
        digest=row.digest,
        kind=row.kind,
        field=row.field,
        closed_by=said.provider,
        reason=code or "other",
    )
    book.note(event, said.at, personal)
    book.name(f"parked/{event.parked}", event.closing, said.at, fresh=True)
    group.close(n)


def check_order(book: Book[Any], history: Callable[[str], Sequence[Recorded]]) -> None:
    """What was parked and comes again must not undo what was said later: of corrections the last to be heard stands.

    Everything else is put in order by its own time. `history` is what the journal holds about something.

    Raises:
        Unusable: a correction that happened later has changed the same field already.
    """
    for written in book.written:
        fields = _changed(written.event)
        for record in history(written.event.about) if fields else ():
            if record.type != written.event.name or record.time <= written.at:
                continue
            later = event_of(record)
            if _of(later) == _of(written.event) and (same := fields & _changed(later)):
                accepted = "a later `time`, if it is to stand all the same; or `yoake parked close`"
                raise Unusable("time", f"a later correction of {', '.join(sorted(same))} stands already", accepted)


def _changed(event: Event) -> set[str]:
    return {change.field for change in getattr(event, "changes", ())}


def _of(event: Event) -> str:
    """Which contact of a case is corrected; of a person there is no more to tell."""
    return str(getattr(event, "contact", ""))
