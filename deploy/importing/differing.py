"""An edited row beside what is held: which cells differ, and the correction that lets the record say what they say.

Pure. Only what was edited in the sheet is corrected: where a cell says what it said when it was last imported, what
came from elsewhere since stands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from deploy.importing.checking import Checker
from deploy.importing.held import Held, Part
from deploy.importing.making import Finding
from deploy.importing.views import PERSONAL, View
from services.inbox import SPECVERSION

NOT_BY_IMPORT = frozenset({"entered", "danger"})
"""What a correction cannot change, or not safely."""

NEVER_BLANK = frozenset({"personal.birth_date", "channel", "time", "registered_on"})
"""What a correction cannot make blank."""

UNFIT = ("unknown-", "not-a", "no-result", "unreadable", "birth-date-unusable", "not-true-or-false")
"""Beginnings of findings after which a cell is not what is meant to stand in the record."""

_TIMES = frozenset({"time", "entered", "safe_until", "medication_at"})


class Edited(msgspec.Struct):
    """A row that was taken before and says something else now. `corrections` are ready but for being sealed."""

    row: int
    findings: list[Finding]
    corrections: list[dict[str, Any]]
    is_whole: bool
    """Whether the corrections say everything that differs."""
    is_refused: bool = False
    """Whether there are no corrections because they could only be parked."""


class Differing:
    """Compares rows of one sheet; `why`: the reason of the corrections, None where none are to be made."""

    def __init__(self, checker: Checker, held: Held, why: str | None = None) -> None:
        self.held, self.is_correcting = held, why is not None
        self._checker, self._maker, self._why = checker, checker.maker, why

    def compare(
        self,
        row: int,
        message: Mapping[str, Any],
        said: Sequence[View],
        parts: Sequence[Part],
        found: Sequence[Finding],
    ) -> Edited | None:
        """What differs; None: nothing. `said`: what the row says, part by part; `found`: what is odd in its cells."""
        edited = Edited(row, [], [], is_whole=True)
        unfit = {place for finding in found if finding.code.startswith(UNFIT) for place in finding.columns}
        for n, part in enumerate(parts):
            if n < len(said):
                self._part(edited, message, said[n], part, unfit)
        if len(said) != len(parts):
            self._tell(edited, Finding("edited-otherwise"))
        touched = {place for finding in edited.findings for place in finding.columns}
        edited.findings += [f for f in found if f.code.startswith(UNFIT) and not touched.isdisjoint(f.columns)]
        return edited if edited.findings else None

    def _part(self, edited: Edited, message: Mapping[str, Any], said: View, part: Part, unfit: set[int]) -> None:
        sent: View = {}
        for name in dict.fromkeys([*said, *part.base]):
            if name.startswith(PERSONAL) and not part.is_readable:
                continue
            now, then, stands = said.get(name), part.base.get(name), part.held.get(name)
            place = self._place(message, name, part.matter)
            columns = self._maker.columns_of(place)
            if not columns or now in (then, stands) or self._is_unsaid(message, name, now):
                continue
            is_both = isinstance(now or then, dict) or any(isinstance(each, dict) for each in now or then or ())
            if unfit & set(columns):
                self._tell(edited, Finding("edited-unfit", columns))
                continue
            fits = name not in NOT_BY_IMPORT and not (now is None and name in NEVER_BLANK)
            fits = fits and not (is_both and stands != then)
            three = (now, then, stands)
            values = tuple(map(self._local, three)) if name in _TIMES else three
            for finding in self._findings(place, values, "edited" if fits else "edited-otherwise"):
                self._tell(edited, finding)
            if fits:
                sent[name] = now
        for name in self._other_names(message, part):
            self._tell(
                edited, Finding("edited-otherwise", self._maker.columns_of(self._place(message, name, part.matter)))
            )
        if sent:
            self._correct(edited, message, sent, part)

    def _is_unsaid(self, message: Mapping[str, Any], name: str, now: Any) -> bool:
        """Whether a value is not the sheet's: the time of the arrival, or a district that is the registrant's."""
        if name in ("time", "registered_on"):
            return message.get("time") is None
        return name == "district" and now is None and message["type"] == "call.report"

    def _tell(self, edited: Edited, finding: Finding) -> None:
        edited.findings.append(finding)
        edited.is_whole = edited.is_whole and finding.code == "edited"

    def _place(self, message: Mapping[str, Any], name: str, matter: int) -> str:
        """The field of the sheet's own message that feeds this one."""
        if message["type"] == "registration.submit":
            if name == "registered_on":
                return "time"
            own = f"data.personal.{name}"  # A certificate's last day may stand there as well.
            return name if name == "entered" else own if self._maker.columns_of(own) else f"data.{name}"
        if name in ("time", "entered"):
            return name
        places = [f"data.matters[{matter - 1}].{name}", f"data.{name}"]
        return next((place for place in places if self._maker.columns_of(place)), places[0])

    def _findings(self, place: str, values: tuple[Any, ...], code: str) -> Iterator[Finding]:
        """One for each cell that differs; of what stands in several, only those that were edited."""
        (now, then, stands), told = values, False
        for inner, columns in self._maker.leaves(place):
            if inner and (leaf := _at(now, inner)) != _at(then, inner):
                told = True
                yield Finding(code, columns, held_value=self._text(_at(stands, inner)), own_value=self._text(leaf))
        if not told:
            columns = self._maker.columns_of(place)
            yield Finding(code, columns, held_value=self._text(stands), own_value=self._text(now))

    def _other_names(self, message: Mapping[str, Any], part: Part) -> Iterator[str]:
        """Which references of the row mean somebody else, or another consultation, than when it was taken."""
        data = message["data"]
        if message["type"] == "registration.submit":
            ref = data.get("person")
            if isinstance(ref, str) and self.held.reference(ref) != part.person:
                yield "person"
            return
        matters = data.get("matters") or []
        told = matters[part.matter - 1] if part.matter <= len(matters) else {}
        if isinstance(ref := told.get("person"), str) and self.held.registrant(ref) != part.person:
            yield "person"
        if isinstance(ref := told.get("case"), str) and self.held.reference(ref) != part.base.get("case_ref"):
            yield "case"

    def _correct(self, edited: Edited, message: Mapping[str, Any], sent: View, part: Part) -> None:
        if message["type"] == "registration.submit":
            ref = message["data"].get("person")
            if not isinstance(ref, str):
                _leave(edited)
                return
            kind = "registration.correct"
            data: dict[str, Any] = {"person_id": part.about} if self.held.is_of_another else {"person": ref}
        elif self.held.is_of_another:  # Nobody else can name one contact of a consultation.
            _leave(edited)
            return
        else:
            kind, data = "call.correct", {"call": message["id"], "source": message["source"], "matter": part.matter}
        for name, value in sent.items():
            if not name.startswith(PERSONAL):
                data["occurred_at" if name == "time" else name] = [] if name == "reasons" and value is None else value
        personal = {name.removeprefix(PERSONAL): value for name, value in sent.items() if name.startswith(PERSONAL)}
        own_id = self.held.id_of(message["id"], part, {**data, "personal": personal})
        correction = {
            "specversion": SPECVERSION,
            "id": own_id,
            "source": self.held.corrections,
            "type": kind,
            "time": self._checker.now.isoformat(),
            **({"synthetic": True} if message.get("synthetic") else {}),
            "data": {**data, "personal": {**personal, **({"reason": self._why} if self._why else {})}},
        }
        if not self.held.is_sent(own_id):
            edited.corrections.append(correction)

    def _local(self, moment: Any) -> Any:
        return moment and datetime.fromisoformat(moment).astimezone(self._checker.now.tzinfo).strftime("%Y-%m-%d %H:%M")

    def _text(self, value: Any) -> str:
        """A value as a cell of a sheet has it; empty for none."""
        match value:
            case None | "" | []:
                return ""
            case bool():
                return "○" if value else "×"
            case list():
                return "、".join(map(self._text, value))
            case dict():
                return "、".join(filter(None, map(self._text, value.values())))
            case str():
                return self._checker.labels.get(value, value)
            case _:
                return str(value)


def _leave(edited: Edited) -> None:
    """Nothing of it is corrected: every cell that differs says so."""
    edited.findings = [
        msgspec.structs.replace(each, code="edited-otherwise") if each.code == "edited" else each
        for each in edited.findings
    ]
    edited.is_whole = False


def _at(value: Any, path: Sequence[str | int]) -> Any:
    """What stands at a place inside; None where there is none."""
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value
