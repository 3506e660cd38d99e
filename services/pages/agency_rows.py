"""Hand-overs to agencies in words: the list, one of them with its course, and what can be done with it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from events import Recorded
from events.handover import HandoverDelivered, HandoverNotedLate
from services.late_notes import ELSEWHERE, LateNote
from services.pages.agency_reading import Concerned
from services.pages.terms import Terms
from services.pages.words import EVENTS, HANDOVERS
from services.passings import UNWILLING, Passing
from services.ward import Label

STATUSES = {
    "offered": "handover.offered",
    "accepted": "handed-over",
    "declined": "handover.declined",
    "withdrawn": "handover.withdrawn",
    "expired": "handover.expired",
    "returned": "handover.returned",
}
"""How it stands, in the words of the event that brought it there."""

TOLD_ON_PAPER = frozenset(
    {
        *("call.received", "call.added", "call.corrected", "contact.moved"),
        *("call.linked", "call.unlinked", "case.merged", "case.split"),
    }
)
"""What of a consultation makes another sheet of it than the one that went out."""

ACTS: dict[str, tuple[str, ...]] = {
    "offered": ("accept", "decline", "deliver", "see", "withdraw"),
    "accepted": ("deliver", "return"),
    "withdrawn": ("accept", "decline"),
    "expired": ("accept", "decline"),
    "declined": (),
    "returned": (),
}
"""What somebody can record of one that stands so."""

ANSWERS = {
    "accept": ("accepted", ("offered", "accepted", "withdrawn", "expired")),
    "decline": ("declined", ("offered", "declined", "withdrawn", "expired")),
    "withdraw": ("withdrawn", ("offered", "accepted", "expired")),
    "return": ("returned", ("accepted", "returned")),
}
"""What each answer says, and of what it is taken, as an old tab may send it; what comes too late is kept as that."""


def is_taken(verb: str, passing: Passing) -> bool:
    """Whether this can be recorded of a hand-over as it stands; what was never offered is not withdrawn."""
    if verb == "withdraw" and passing.status == "accepted" and passing.offered_at is None:
        return False
    return verb not in ANSWERS or passing.status in ANSWERS[verb][1]


INFORMATION = "information"
"""The kind of a hand-over by which somebody is only told: the case is not theirs."""

TOLD = ("provider", "how", "reason", "said", "because", "what", "placement_kind", "answer_by")
"""The fields of a step that are shown, in their order."""

NAMED = {"handover.sent": "sheet_by", "handover.recalled": "recorded_by"} | dict.fromkeys(
    ("handed-over", "handover.delivered", "handover.seen", "handover.declined", "handover.returned"), "said_by"
)
"""Who `by` is, by the event that names somebody: one of us, or of them."""

SHOWN = ("by", "agreed", "purpose", "reason", "note")
"""The personal parts of a step, in the order in which they are shown; others follow."""


class Row(NamedTuple):
    """One hand-over as the list shows it."""

    passing: Passing
    number: str
    status: str
    to: str
    kind: str
    since: str
    due: str
    overdue: bool
    giver: str
    marks: tuple[str, ...]
    """What happened meanwhile: 届いた, 先方が見た, each with its time; and who has the case, where they have not."""

    todo: str = ""
    """What somebody here has to do about it, and why; empty: nothing."""

    is_left: bool = False
    """It is to be asked of somebody else, or the case closed."""


class Step(NamedTuple):
    """One event of its course. `personal`: what was sealed, for those who see persons."""

    name: str
    at: str
    told: tuple[tuple[str, str], ...]
    personal: tuple[tuple[str, str], ...] = ()


class Late(NamedTuple):
    """Something of which they must be told, so that somebody can say it on the telephone.

    `recorded`: when it was recorded, where that was not at once; `told`: when they were told; empty: not yet.
    """

    what: str
    at: str
    recorded: str
    told: str


class Card(NamedTuple):
    """How to reach a receiver, as the directory of today has it."""

    phone: str | None
    fax: str | None
    contact: str | None


def row(passing: Passing, case: Concerned | None, now: datetime, terms: Terms) -> Row:
    """A hand-over in words."""
    due = terms.moment(passing.answer_by) if passing.answer_by else terms.screen("no_answer_due")
    marks = [("handover.delivered", passing.delivered_at), ("handover.seen", passing.seen_at)]
    return Row(
        passing=passing,
        number=case.number if case else "",
        status=status(passing.status, terms, passing.kind),
        to=terms.agency(passing.agency, passing.to),
        kind=_kind(passing.kind, terms),
        since=terms.moment(passing.since),
        due=due if passing.is_open else "",
        overdue=passing.is_overdue(now),
        giver=terms.provider(passing.giver),
        marks=(
            *(f"{terms.say(EVENTS[name])} {terms.moment(at)}" for name, at in marks if at),
            *((terms.screen("in_charge_is", owner=terms.owner(passing.owner or "")),) if passing.is_anothers else ()),
            *((_unwanted(passing, terms),) if passing.status == "withdrawn" and passing.reason in UNWILLING else ()),
        ),
        todo=todo(passing, terms),
        is_left=passing.is_left,
    )


def _unwanted(passing: Passing, terms: Terms) -> str:
    """Why nobody else is asked after an offer was taken back."""
    return f"{terms.field('reason')}{terms.screen('colon')}{_text('reason', passing.reason or '', terms)}"


def todo(passing: Passing, terms: Terms) -> str:
    """What somebody here has to do about a hand-over, and why."""
    told = []
    if passing.must_tell and passing.is_anothers:
        told.append(terms.screen("not_theirs", owner=terms.owner(passing.owner or "")))
    elif passing.must_tell and passing.status == "accepted":
        told.append(terms.screen("must_tell"))
    elif passing.must_tell and passing.reason == ELSEWHERE:
        told.append(terms.screen("withdrawn_elsewhere"))
    elif passing.must_tell:
        told.append(terms.screen(f"too_late_{passing.status}"))
    if passing.is_left:
        why = (status(passing.status, terms), _text("reason", passing.reason, terms) if passing.reason else "")
        owner = terms.owner(passing.owner) if passing.owner else terms.provider(passing.giver)
        word = "what_next_unwanted" if passing.reason in UNWILLING else "what_next"
        told.append(terms.screen(word, why=terms.listed(each for each in why if each), owner=owner))
    return "　".join(told)


def status(key: str, terms: Terms, kind: str = "") -> str:
    """依頼中, 受諾 …; of information only nobody takes anything on: 情報提供済."""
    if key == "accepted" and kind == INFORMATION:
        return terms.screen("informed")
    return terms.say(EVENTS[STATUSES[key]]) if key in STATUSES else key


def _kind(key: str, terms: Terms) -> str:
    found: Label | None = HANDOVERS.get(key)
    return terms.say(found) if found else key


def card(passing: Passing, terms: Terms) -> Card | None:
    """How to reach them; None where the directory has them no longer, or never had."""
    entry = next((each for each in terms.ward.agency if each.key == passing.agency), None)
    return Card(entry.phone, entry.fax, entry.contact) if entry else None


def basis(passing: Passing, terms: Terms) -> str:
    """On what something about the person went there, with the article."""
    if passing.basis is None:
        return terms.screen("basis_none")
    entry = next((each for each in terms.ward.basis if each.key == passing.basis), None)
    name = terms.basis(passing.basis)
    if entry is None:
        return name
    return f"{name}（{terms.say(entry.law)}）" if terms.language == "ja" else f"{name} ({terms.say(entry.law)})"


def late(notes: Iterable[LateNote], at: Mapping[str, str], terms: Terms) -> list[Late]:
    """What they must be told. `at`: which facility each place is at, by the placement's id."""
    return [_late(note, at, terms) for note in notes]


def _late(note: LateNote, at: Mapping[str, str], terms: Terms) -> Late:
    data: dict[str, Any] = msgspec.json.decode(note.record.data)
    words = [_text("what", data["what"], terms)] if "what" in data else [terms.say(EVENTS[note.record.type])]
    words += [_text(field, data[field], terms) for field in ("placement_kind", "because", "reason") if data.get(field)]
    words += [at[data["placement"]]] if data.get("placement") in at else []
    happened, recorded = terms.moment(note.record.time), terms.moment(note.record.recordedat)
    return Late("　".join(words), happened, "" if recorded == happened else recorded, _told(note, terms))


def _told(note: LateNote, terms: Terms) -> str:
    return terms.screen("told_at", at=terms.moment(note.told.time)) if note.told else ""


def course(
    records: Iterable[Recorded],
    opened: dict[str, dict[str, Any] | None],
    terms: Terms,
    notes: Iterable[LateNote] = (),
) -> list[Step]:
    """The course of one hand-over. `opened`: what is in the boxes, by the event's id; `notes`: what is to be told."""
    known = {note.record.id: note for note in notes}
    tellings = {note.told.id for note in known.values() if note.told}
    steps = []
    for record in records:
        step = _step(record, opened.get(record.id), terms)
        if record.id in tellings and record.type == HandoverDelivered.name:
            step = step._replace(name=terms.screen("told_them"))
        if record.type == HandoverNotedLate.name:
            step = step._replace(name=terms.screen("late_note"))
        if note := known.get(record.id):
            is_told = _told(note, terms) or f"● {terms.screen('not_told')}"
            step = step._replace(told=(*step.told, (terms.screen("stands_now"), is_told)))
        steps.append(step)
    return steps


def _step(record: Recorded, personal: dict[str, Any] | None, terms: Terms) -> Step:
    data: dict[str, Any] = msgspec.json.decode(record.data)
    is_informed = record.type == STATUSES["accepted"] and data.get("kind") == INFORMATION
    name = terms.say(EVENTS[record.type]) if record.type in EVENTS else record.type
    told = [(field, str(data[field])) for field in TOLD if data.get(field)]
    lines = [(terms.field(field), _text(field, value, terms)) for field, value in told]
    if record.type == "handover.recalled":
        lines.append(
            (terms.screen("sheet_return"), terms.screen("sheet_back" if data.get("collected") else "sheet_not_back"))
        )
    return Step(
        name=terms.screen("informed") if is_informed else name,
        at=terms.moment(record.time),
        told=tuple(lines),
        personal=tuple(_personal(personal, record.type, terms)),
    )


def _text(field: str, value: str, terms: Terms) -> str:
    match field:
        case "provider" | "giver":
            return terms.provider(value)
        case "answer_by":
            return terms.moment(datetime.fromisoformat(value))
        case "what":
            return terms.say(EVENTS[value]) if value in EVENTS else value
        case "placement_kind":
            return terms.word("placement", value)
        case "reason":
            named = terms.word("refusal", value)
            return named if named != value else terms.code(value)
        case _:
            return terms.code(value)


def _personal(personal: dict[str, Any] | None, event: str, terms: Terms) -> list[tuple[str, str]]:
    found = personal or {}
    names = [*(name for name in SHOWN if name in found), *(name for name in found if name not in SHOWN)]
    return [(named(name, event, terms), str(found[name])) for name in names if isinstance(found[name], str)]


def named(name: str, event: str, terms: Terms) -> str:
    """The label of what is personal in an event of a hand-over."""
    if name == "note" and event in ("handover.offered", STATUSES["accepted"]):
        return terms.screen("what_they_must_know")
    return terms.screen(NAMED.get(event, "said_by")) if name == "by" else terms.personal(name)


def not_back(records: Iterable[Recorded]) -> bool:
    """Whether a sheet of a hand-over was asked back, and is not known to be back or destroyed."""
    back: dict[int, bool] = {}
    for record in records:
        if record.type == "handover.recalled":
            data = msgspec.json.decode(record.data)
            back[data["sending"]] = bool(data.get("collected"))
    return not all(back.values())


def changed_since_sent(own: Iterable[Recorded], of_case: Iterable[Recorded]) -> bool:
    """Whether the consultation was told otherwise since the last sheet went out that nobody asked back.

    `own`: what was recorded of the hand-over; `of_case`: what intake recorded of its consultation.
    """
    sent: dict[int, datetime] = {}
    for record in own:
        if record.type == "handover.sent":
            sent[msgspec.json.decode(record.data)["sending"]] = record.time
        elif record.type == "handover.recalled":
            sent.pop(msgspec.json.decode(record.data)["sending"], None)
    last = max(sent.values(), default=None)
    return last is not None and any(each.type in TOLD_ON_PAPER and each.recordedat > last for each in of_case)


def of_one(records: Sequence[Recorded], handover: str) -> list[Recorded]:
    """Of what was recorded about a case, what is about one hand-over."""
    return [record for record in records if msgspec.json.decode(record.data).get("handover") == handover]
