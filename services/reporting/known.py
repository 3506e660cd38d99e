"""What is known about the person of a hand-over: from the calls, the register and the hand-over itself, opened.

The later word stands: a correction over the form, the later contact over the earlier, the register over what a caller
told, and what the giver wrote for the receiver over both. Whoever was forgotten has nothing that could be told.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from events import Recorded
from services.directory import CONSENT, Agency, folded, words_naming
from services.reporting.facts import CaseFacts, PersonFacts
from services.reporting.inquiry import Opens
from services.reporting.ledger import LedgerReader
from services.reporting.tallies import FACTS
from services.reporting.whole import Whole, whole

OF_A_FORM = ("person.registered", "registration.corrected")
MOST_MERGED = 20
OF_A_CORRECTION = {
    "call.corrected": frozenset({"reason", "by", "note", "raw"}),
    "registration.corrected": frozenset({"reason", "by"}),
}
"""What is said of a correction itself, and is for nobody outside."""


class Known:
    """Reads one ledger, and opens boxes with the keys of persons."""

    def __init__(self, ledger: LedgerReader, opens: Opens, agencies: Sequence[Agency] = ()) -> None:
        """`agencies`: by which words a consent may name a receiver."""
        self._ledger, self._opens, self._agencies = ledger, opens, agencies

    def about(self, record: Recorded) -> dict[str, Any]:
        """Everything personal that may be told with an offer or a hand-over, by field.

        Nothing, where it went on a consent that was taken back since: what is told late is told as things stand now.
        """
        case = record.case or record.subject
        persons = self._persons(case)
        if not self.is_agreed(record):
            return {}
        stands = self.whole(case)
        calls = [record for each in stands.held for record in each.records]
        owners = [*stands.cases, *persons, *_named(calls)]
        forms = [row.event for one in persons for row in self._ledger.history(one) if row.event.type in OF_A_FORM]
        told: dict[str, Any] = {}
        for each in stands.held:  # What was blanked on a card says nothing of what an earlier one told.
            card = self._opened(each.records, owners)
            told |= {name: value for name, value in card.items() if value not in (None, "")}
        return told | self._opened(forms, persons) | self._opened([record], owners)

    def whole(self, case: str) -> Whole:
        """A consultation as it stands now, with what was merged into it."""
        return whole(case, self._ledger, lambda each: self._facts("case", each, CaseFacts))

    def _opened(self, records: Iterable[Recorded], owners: Sequence[str]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for record in records:
            box = msgspec.json.decode(record.data).get("sealed")
            if box is not None:
                said = self._opens(owners, f"{record.type}/{record.id}", box) or {}
                of_itself = OF_A_CORRECTION.get(record.type, ())
                found |= {name: value for name, value in said.items() if name not in of_itself}
        return found

    def is_agreed(self, record: Recorded) -> bool:
        """Whether the consent on which an offer or a hand-over went still holds; so does every other basis."""
        data = msgspec.json.decode(record.data)
        if data.get("basis") != CONSENT:
            return True
        words = words_naming(data["to"], self._agencies)
        said: dict[tuple[str, str], bool] = {}
        for person in self._persons(record.case or record.subject):
            for event in (row.event for row in self._ledger.history(person)):
                if event.type in ("consent.given", "consent.withdrawn"):
                    word = folded(msgspec.json.decode(event.data)["to"])
                    said[person, word] = event.type == "consent.given" and word in words
        return any(said.values())

    def _persons(self, case: str) -> list[str]:
        """Whom a case concerns, and into whose record theirs was merged; whose record stands is the last."""
        found: list[str] = []
        facts = self._facts("case", case, CaseFacts)
        person = facts.person if facts else None
        while person is not None and person not in found and len(found) < MOST_MERGED:
            found.append(person)
            known = self._facts("person", person, PersonFacts)
            person = known.merged_into if known else None
        return found

    def _facts(self, kind: str, id_: str, of: Any) -> Any:
        query = sa.select(FACTS.c.body).where(FACTS.c.kind == kind, FACTS.c.id == id_)
        with self._ledger.engine.connect() as connection:
            body = connection.execute(query).scalar()
        return None if body is None else msgspec.json.decode(bytes(body), type=of)


def _named(calls: Iterable[Recorded]) -> list[str]:
    """The persons and contacts that calls name: one of them is whose key sealed what was told before a link."""
    told = [msgspec.json.decode(record.data) for record in calls]
    named = {data.get(field) for data in told for field in ("person", "contact")}
    return sorted(name for name in named if isinstance(name, str))
