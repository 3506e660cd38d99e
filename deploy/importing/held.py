"""What is held of the rows of a sheet that were taken before: read from the journal, and never written.

A row that comes again unchanged is known. Of one that was edited since stand three things beside one another: what
the sheet says now, what it said when it was last imported (`base`), and what is held now. A correction that came from
elsewhere changes the last alone, so that an old sheet never undoes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import msgspec
import sqlalchemy as sa

from deploy.importing.views import View, changed, view_of
from events import Event, Recorded, event_of
from events.intake import CallReceived, PersonRegistered
from events.messages import Receipt, addressed
from services.clock import system_clock
from services.database import among
from services.inbox import Delivery, items
from services.journal import LogReader
from services.reading import opened, public
from services.seal import KeyReader, Secrets
from services.tables import HEARD, NAMES

CORRECTIONS = "/correct"
"""Behind the source of a sheet: that of the corrections which it leads to."""

_KEY = 24
"""Characters of the key of a row, and of that of a change."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A form, or one matter of a call: what the sheet had said, and what is held. `marker`: the last word of the sheet.

    `person`: the sender's reference as it stands in the event, of a form; of a call the person's id. `about`: the id of
    the registrant, or of the consultation, as it is held.
    """

    matter: int
    about: str
    base: View
    held: View
    marker: str
    person: str | None
    is_readable: bool


class Before(msgspec.Struct, frozen=True, kw_only=True):
    """A row that was taken before: `status` is that of its receipt. `parts` None: nothing in it changed since."""

    status: str
    parts: tuple[Part, ...] | None = None


class Held:
    """Looks rows up for one sender of one sheet, or for whoever corrects after that sender's contract."""

    def __init__(
        self,
        engines: Mapping[str, sa.Engine],
        keys: KeyReader,
        secrets: Secrets,
        provider: str,
        source: str,
        *,
        of: str | None = None,
    ) -> None:
        """`engines`: the writing services' databases, for reading; one that is not there yet holds nothing.

        `provider` imports; `of`: who sent the rows before, where that was another.
        """
        self._engines, self._keys, self._secrets = engines, keys, secrets
        self._provider, self._source = of or provider, source
        self._correctors = (self._provider, provider)
        self.is_of_another = self._provider != provider
        self.corrections = f"{source}{CORRECTIONS}"
        self._own = tuple(self._causation(self.corrections, "", each) for each in self._correctors)
        self._corrected: dict[str, frozenset[str]] = {}

    def look(self, messages: Sequence[Mapping[str, Any]]) -> dict[str, Before]:
        """What is known of these messages, all of one type, by their ids; what never came is not there.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database cannot be read.
        """
        if not messages:
            return {}
        service = addressed(dict(messages[0]))
        engine = self._engines[service]
        if service not in self._corrected:
            if _is_missing(engine):
                return {}
            self._corrected[service] = frozenset(self._ids_of_corrections(engine))
        by_id = {message["id"]: message for message in messages}
        of_ours = sa.and_(HEARD.c.provider == self._provider, HEARD.c.source == self._source)
        query = sa.select(HEARD.c.id, HEARD.c.digest, HEARD.c.receipt)
        with engine.connect() as connection:
            found = connection.execute(query.where(of_ours, among(engine, HEARD.c.id, list(by_id)))).all()
            rows = {row.id: (row.digest, msgspec.json.decode(bytes(row.receipt), type=Receipt)) for row in found}
            same = {one for one, (digest, _) in rows.items() if self._is_same(by_id[one], digest, service)}
            edited = {one: receipt for one, (_, receipt) in rows.items() if one not in same}
            parts = self._parts(connection, edited, by_id) if edited else {}
        return {one: Before(status=r.status, parts=parts.get(one)) for one, (_, r) in rows.items()}

    def is_sent(self, correction: str) -> bool:
        """Whether a correction of this id was heard before."""
        return any(correction in ids for ids in self._corrected.values())

    def id_of(self, own_id: str, part: Part, data: Mapping[str, Any]) -> str:
        """The id of a correction: of the row, of what it corrects, and of what it says."""
        said = msgspec.json.encode([own_id, part.marker, part.matter, data], order="deterministic")
        return f"{self._row_key(own_id)}-{self._secrets.digest(b'yoake/import-correction' + said)[:_KEY]}"

    def reference(self, own: str) -> str:
        """A sender's reference as it stands in an event."""
        return public(own, self._secrets)

    def registrant(self, ref: str) -> str | None:
        """Whom a reference of this sender means; None: nobody yet."""
        key = f"person/{self._provider}/{self.reference(ref)}"
        query = (
            sa.select(NAMES.c.target).where(NAMES.c.key == key).order_by(NAMES.c.since.desc(), NAMES.c.target.desc())
        )
        with self._engines["intake"].connect() as connection:
            return connection.execute(query.limit(1)).scalar()

    def _is_same(self, message: Mapping[str, Any], digest: str, service: str) -> bool:
        if any(one.startswith(self._row_key(message["id"])) for one in self._corrected[service]):
            return False
        body = msgspec.json.encode(message)
        delivery = Delivery(provider=self._provider, service=service, body=body, arrived=system_clock())
        return opened(delivery, next(items(delivery)), self._secrets).digest == digest

    def _row_key(self, own_id: str) -> str:
        return self._secrets.digest(b"yoake/import-row\x1f" + own_id.encode(errors="backslashreplace"))[:_KEY]

    def _ids_of_corrections(self, engine: sa.Engine) -> Sequence[str]:
        of_ours = sa.and_(HEARD.c.provider.in_(self._correctors), HEARD.c.source == self.corrections)
        with engine.connect() as connection:
            return connection.execute(sa.select(HEARD.c.id).where(of_ours)).scalars().all()

    def _parts(
        self, connection: sa.Connection, receipts: Mapping[str, Receipt], messages: Mapping[str, Mapping[str, Any]]
    ) -> dict[str, tuple[Part, ...]]:
        """The parts of the rows of these receipts; none of a row whose record cannot be told from here."""
        log = LogReader(connection.engine)
        abouts: dict[str, list[tuple[int, str, str | None]]] = {}
        for own_id, receipt in receipts.items():
            match messages[own_id]["type"]:
                case "registration.submit":
                    abouts[own_id] = [(1, person, None) for person in receipt.person[:1]]
                case "call.report":
                    abouts[own_id] = self._matters(connection, own_id, len(receipt.case))
                case _:
                    abouts[own_id] = []
        histories = log.histories(connection, {about for places in abouts.values() for _, about, _ in places})
        boxes = self._boxes(histories)
        return {
            own_id: tuple(
                part
                for matter, about, contact in places
                if (part := self._part(own_id, (matter, about, contact), histories[about], boxes))
            )
            for own_id, places in abouts.items()
        }

    def _matters(self, connection: sa.Connection, own_id: str, matters: int) -> list[tuple[int, str, str | None]]:
        """(matter, consultation or contact, contact): where each matter of a call stood, and stands now."""
        names = _targets(connection, [self._causation(self._source, own_id).replace("message:", "call/", 1)])
        contact = next(iter(names), None)
        if contact is None:
            return []
        return [
            (matter, about, contact)
            for matter in range(1, max(1, matters) + 1)
            for about in _targets(connection, [f"contact/{contact}/{matter}"])
        ]

    def _boxes(self, histories: Mapping[str, Sequence[Recorded]]) -> dict[str, dict[str, Any] | None]:
        """What is personal in each event, by its id."""
        sealed: list[tuple[Recorded, Event]] = []
        subjects: dict[str, list[str]] = {}
        for records in histories.values():
            told = [(record, event_of(record)) for record in records]
            persons = [getattr(event, name, None) for _, event in told for name in ("person", "before")]
            for record, event in told:
                if getattr(event, "sealed", None):
                    sealed.append((record, event))
                    owners = (getattr(event, "person", None), *persons, event.about, getattr(event, "contact", None))
                    subjects[record.id] = list(dict.fromkeys(owner for owner in owners if owner))
        found: dict[str, dict[str, Any] | None] = {}
        for turn in range(max(map(len, subjects.values()), default=0)):
            left = [(r, e) for r, e in sealed if found.get(r.id) is None and turn < len(subjects[r.id])]
            boxes = [(subjects[r.id][turn], f"{r.type}/{r.id}", str(getattr(e, "sealed", ""))) for r, e in left]
            found.update(zip((r.id for r, _ in left), self._keys.unseal_all(boxes), strict=True))
        return found

    def _part(
        self,
        own_id: str,
        place: tuple[int, str, str | None],
        history: Sequence[Recorded],
        boxes: Mapping[str, dict[str, Any] | None],
    ) -> Part | None:
        """One form or matter, by what was written about it, in order."""
        matter, about, contact = place
        first, readable, marker, person = self._causation(self._source, own_id), True, "", None
        base: View | None = None
        held: View = {}
        for record in history:
            event = event_of(record)
            if getattr(event, "contact", None) != contact:
                continue
            is_shut = bool(getattr(event, "sealed", None)) and boxes.get(record.id) is None
            readable, words = readable and not is_shut, boxes.get(record.id) or {}
            if record.causation == first and isinstance(event, PersonRegistered | CallReceived):
                base = held = view_of(event, record.time, words)
                marker, person = record.id, event.ref if isinstance(event, PersonRegistered) else event.person
            elif base is not None:
                told = changed(event, words)
                held = {**held, **told}
                if record.causation.startswith(self._own):
                    base, marker = {**base, **told}, record.id
        if base is None:
            return None
        return Part(
            matter=matter, about=about, base=base, held=held, marker=marker, person=person, is_readable=readable
        )

    def _causation(self, source: str, own_id: str, provider: str | None = None) -> str:
        of = f"message:{provider or self._provider}/{self.reference(source)}#"
        return of + (self.reference(own_id) if own_id else "")


def _is_missing(engine: sa.Engine) -> bool:
    """Whether the database was never written; one that does not answer is another thing."""
    file = engine.url.database if engine.dialect.name == "sqlite" else None
    if file is not None and not Path(unquote(file.removeprefix("file:"))).exists():
        return True
    return not sa.inspect(engine).has_table(HEARD.name)


def _targets(connection: sa.Connection, keys: Iterable[str]) -> list[str]:
    query = sa.select(NAMES.c.target).where(NAMES.c.key.in_(list(keys))).order_by(NAMES.c.since)
    return list(dict.fromkeys(connection.execute(query).scalars()))
