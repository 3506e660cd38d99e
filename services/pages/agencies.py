"""関係機関への引継ぎ: where each stands, and recording what the other side said, for the provider of one's role."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial
from itertools import chain
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from events import Recorded, event_of
from events.handover import HOW, HandoverAnsweredLate
from services.directory import CONSENT, folded, words_naming
from services.late_notes import LateNote, covers, late_notes
from services.pages import agency_rows
from services.pages.addresses import whole_in
from services.pages.agency_reading import Concerned, concerned, consents, facilities, histories
from services.pages.agency_rows import ACTS, ANSWERS, is_taken
from services.pages.forms import form_of, identity_of, key_of
from services.pages.frame import Around, language_of, link_in, render, templates_in
from services.pages.guard import done_by, sees, session_of, shown_to
from services.pages.parked_words import fault_in_words, why
from services.pages.sending import Backroom, Submitted, Told, message
from services.pages.terms import Terms
from services.parked_desk import DONE
from services.passings import Passing, count, one, passings
from services.tables import NAMES

PAGE = 50
LONGEST = 1_000
VERBS = frozenset(chain.from_iterable(ACTS.values()))
WORDS = ("by", "agreed", "purpose", "note")
"""What of a form is personal, and sealed."""

SAID = {"recorded": "agency_recorded", "late": "agency_kept_late", "on-its-way": "agency_on_its_way"}
"""What a page says after a form: part of its address, so that loading it again sends nothing."""

Opens = Callable[[Iterable[str], str, str], dict[str, Any] | None]
"""(of whom it may be, the event's identity, a box) → what is in it; None where no key opens it."""

TEMPLATES = templates_in()
log = logging.getLogger("yoake.pages")


class Wrong(NamedTuple):
    """A form that did not get through, which is shown again: why, and what had been typed."""

    word: str
    status: int
    form: Mapping[str, str]
    details: tuple[str, ...] = ()
    parked: bool = False


def open_passings(handover: sa.Engine) -> int:
    """How many wait: for an answer, for them to be told something, or for somebody to decide who is asked next."""
    return count(handover)


def to_tell(handover: sa.Engine, case: str, terms: Terms) -> list[tuple[str, str]]:
    """(hand-over, whom and what) of the agencies that must be told something about a case."""
    found = [each for each in passings(handover, everything=True, case=case) if each.must_tell]
    colon = terms.screen("colon")
    return [
        (each.handover, f"{terms.agency(each.agency, each.to)}{colon}{agency_rows.todo(each, terms)}") for each in found
    ]


class AgencyPages:
    """The endpoints."""

    def __init__(self, around: Around, backroom: Backroom, opens: Opens) -> None:
        self._around, self._backroom, self._opens = around, backroom, opens
        self._handover, self._intake = backroom.engines["handover"], backroom.engines["intake"]

    def routes(self) -> list[Route]:
        """The addresses of these pages."""
        return [
            Route("/agencies", shown_to(self.listed, "calls"), methods=["GET"]),
            Route("/agencies/{handover}", shown_to(self.shown, "calls"), methods=["GET"]),
            Route("/agencies/{handover}", done_by(self.act, "calls"), methods=["POST"]),
        ]

    def listed(self, request: Request) -> Response:
        """What waits, the first to be due first; with `all` what is settled as well."""
        terms = self._around.terms(language_of(request))
        everything = request.query_params.get("all") == "1"
        number = whole_in(request.query_params, "page", 1) or 1
        total = count(self._handover, everything=everything)
        pages = max(1, -(-total // PAGE))
        page = min(number, pages)
        found = passings(self._handover, everything=everything, most=PAGE, skip=(page - 1) * PAGE)
        cases = concerned(self._intake, {each.case for each in found})
        now = self._backroom.clock()
        return self._page(
            request,
            "agencies.html",
            terms,
            rows=[agency_rows.row(each, cases.get(each.case), now, terms) for each in found],
            total=total,
            everything=everything,
            page=page,
            pages=pages,
            said=SAID.get(request.query_params.get("said", "")),
        )

    def shown(self, request: Request) -> Response:
        """One hand-over: where it stands, how to reach them, its course, and what can be recorded."""
        return self._one(request, self._passing(request))

    async def act(self, request: Request) -> Response:
        """Record what the other side said, or that the offer is taken back."""
        form = await form_of(request)
        passing = await run_in_threadpool(self._passing, request)
        make = partial(self._prepared, request, passing, form)
        prepared = await self._backroom.once(identity_of(request, form), make)
        if isinstance(prepared, Wrong):
            return await run_in_threadpool(self._one, request, passing, prepared)
        outcome = await self._backroom.submit(*prepared)
        return await run_in_threadpool(self._answered, request, form, prepared, outcome)

    def _answered(self, request: Request, form: Mapping[str, str], told: Told, outcome: Submitted) -> Response:
        """The page again, by reading it, which says what became of the answer; or the form where it was not taken."""
        passing, terms = self._passing(request), self._around.terms(language_of(request))
        wrong, said = wrong_of(outcome, form, terms), said_of(outcome)
        if wrong is None and said == "recorded":
            records = self._records(passing)
            came = [event_of(record) for record in records if record.causation == told.causation]
            if not came:
                wrong = _moved_on(passing, form, terms)
            elif any(isinstance(event, HandoverAnsweredLate) and event.said == _said(form) for event in came):
                said = "late"
        if wrong is not None:
            return self._one(request, passing, wrong)
        return back(request, f"/agencies/{passing.handover}", said)

    def _prepared(self, request: Request, passing: Passing, form: Mapping[str, str]) -> Told | Wrong:
        """The message; or what is wrong with the form."""
        verb, terms = form.get("do", ""), self._around.terms(language_of(request))
        if verb not in VERBS:
            raise HTTPException(404)
        if not is_taken(verb, passing):
            return _moved_on(passing, form, terms)
        now = terms.ward.local(self._backroom.clock())
        at = moment_in(form.get("at", ""), terms)
        if at is None or at < terms.ward.opens_at:
            return Wrong("time_needed", 400, form)
        began = passing.since if verb == "return" and passing.status == "accepted" else passing.offered_at
        at = _not_before(at, began)
        notes = late_notes(self._records(passing), passing.status) if verb == "deliver" else []
        if verb == "deliver":
            at = _told_at(at, now, [note for note in notes if note.record.position <= _seen(form)])
        if at > now:
            return Wrong("time_ahead", 400, form)
        if began and at < began:
            earliest = agency_rows.status("accepted" if verb == "return" else "offered", terms)
            return Wrong("time_before", 400, form, (f"{earliest}{terms.screen('colon')}{terms.moment(began)}",))
        if any(_is_unseen(note, at, form) for note in notes):
            return Wrong("more_to_tell", 409, form)
        if verb == "accept" and not form.get("by"):
            return Wrong("who_needed", 400, form)
        reasons = {entry.key for entry in terms.ward.refusal}
        if verb == "decline" and reasons and form.get("reason") not in reasons:
            return Wrong("reason_needed", 400, form)
        if form.get("how") and form["how"] not in HOW:
            return Wrong("how_needed", 400, form)
        if any(len(form.get(field, "")) > LONGEST for field in WORDS):
            return Wrong("words_too_long", 400, form)
        session = session_of(request)
        assert session is not None, "this is done by those who have signed in"
        data: dict[str, Any] = {"handover_id": passing.handover}
        if form.get("how"):
            data["how"] = form["how"]
        elif verb == "deliver":
            data["how"] = "phone"
        if verb in ("decline", "withdraw", "return") and form.get("reason") in reasons:
            data["reason"] = form["reason"]
        personal = {field: form[field] for field in WORDS if form.get(field)}
        personal |= {"worker": session.name} if session.name else {}
        data |= {"personal": personal} if personal else {}
        told = told_now(f"handover.{verb}", data, at, now, synthetic=passing.synthetic)
        return Told(session.role.provider or "", msgspec.json.encode(told))

    def _passing(self, request: Request) -> Passing:
        found = one(self._handover, request.path_params["handover"])
        if found is None:
            raise HTTPException(404)
        return found

    def _one(self, request: Request, passing: Passing, wrong: Wrong | None = None) -> Response:
        terms, now = self._around.terms(language_of(request)), self._backroom.clock()
        case = concerned(self._intake, [passing.case]).get(passing.case)
        records = self._records(passing)
        notes = late_notes(records, passing.status)
        opened = self._opened(request, passing, records) if sees(request, "persons") else {}
        session = session_of(request)
        speaks = session is not None and session.role.provider is not None
        return self._page(
            request,
            "agency.html",
            terms,
            wrong.status if wrong else 200,
            row=agency_rows.row(passing, case, now, terms),
            case=case,
            card=agency_rows.card(passing, terms),
            basis=agency_rows.basis(passing, terms),
            times=[
                (word, terms.moment(at))
                for word, at in (
                    ("offered_at", passing.offered_at),
                    ("delivered_at", passing.delivered_at),
                    ("seen_at", passing.seen_at),
                )
                if at is not None
            ],
            no_consent=passing.is_open and passing.basis == CONSENT and not self._agreed(passing, case, terms),
            not_back=agency_rows.not_back(records),
            late=agency_rows.late(notes, self._facilities(notes), terms),
            seen=max((record.position for record in records), default=0),
            changed=passing.is_open and agency_rows.changed_since_sent(records, self._of_intake(passing.case)),
            course=agency_rows.course(records, opened, terms, notes),
            acts=_acts(passing, wrong) if speaks else (),
            is_late=passing.status in ("withdrawn", "expired"),
            ways=[(way, terms.code(way)) for way in HOW],
            reasons=[(entry.key, terms.say(entry.label)) for entry in terms.ward.refusal],
            local=local_text(now, terms),
            wrong=wrong,
            form=wrong.form if wrong else {},
            key=key_of(wrong.form if wrong else {}),
            longest=LONGEST,
            said=SAID.get(request.query_params.get("said", "")),
        )

    def _records(self, passing: Passing) -> list[Recorded]:
        return agency_rows.of_one(histories(self._handover, [passing.case])[passing.case], passing.handover)

    def _facilities(self, notes: Iterable[LateNote]) -> dict[str, str]:
        """Where each place is of which they must be told."""
        told = {msgspec.json.decode(note.record.data).get("placement") for note in notes} - {None}
        return facilities(self._backroom.engines["placement"], told) if told else {}

    def _of_intake(self, case: str) -> list[Recorded]:
        """What intake recorded of a consultation."""
        return histories(self._intake, [case])[case]

    def _agreed(self, passing: Passing, case: Concerned | None, terms: Terms) -> bool:
        """Whether the person's consent to this receiver is in force today."""
        day, words = terms.ward.local(self._backroom.clock()).date(), words_naming(passing.to, terms.ward.agency)
        return any(folded(each.to) in words for each in consents(self._intake, case.person if case else None, day))

    def _opened(self, request: Request, passing: Passing, records: list[Recorded]) -> dict[str, dict[str, Any] | None]:
        """What was sealed on the way, for those who see persons; that they looked is logged."""
        session = session_of(request)
        assert session is not None, "only those who have signed in see persons"
        log.info("looked at", extra={"case": passing.case, "role": session.role.key, "who": session.who})
        subjects = [*persons_of(self._handover, passing.case), passing.case]
        boxes = [(record, msgspec.json.decode(record.data).get("sealed")) for record in records]
        return {record.id: self._opens(subjects, f"{record.type}/{record.id}", box) for record, box in boxes if box}

    def _page(self, request: Request, template: str, terms: Terms, status: int = 200, **context: Any) -> Response:
        return render(request, TEMPLATES, template, self._around.frame(terms), terms, status, **context)


def _acts(passing: Passing, wrong: Wrong | None) -> tuple[str, ...]:
    """What has a form: what makes sense as it stands, and what somebody is about to record, where it can be."""
    acts, verb = ACTS[passing.status], wrong.form.get("do", "") if wrong else ""
    acts = tuple(act for act in acts if act != "return" or passing.kind != agency_rows.INFORMATION)
    acts = (*acts, "deliver") if passing.must_tell and "deliver" not in acts else acts
    return (*acts, verb) if verb in VERBS and verb not in acts and is_taken(verb, passing) else acts


def _moved_on(passing: Passing, form: Mapping[str, str], terms: Terms) -> Wrong:
    """It stands otherwise by now: how, and since when."""
    stands = (
        f"{agency_rows.status(passing.status, terms, passing.kind)}{terms.screen('colon')}{terms.moment(passing.since)}"
    )
    return Wrong("agency_moved_on", 409, form, (stands,))


def _said(form: Mapping[str, str]) -> str | None:
    """The answer that a form tells; None: none."""
    return ANSWERS[form["do"]][0] if form["do"] in ANSWERS else None


def _not_before(at: datetime, began: datetime | None) -> datetime:
    """A form says the minute; in the minute of the offer itself that would be before it."""
    return max(at, began) if began and began - at < timedelta(minutes=1) else at


def _seen(form: Mapping[str, str]) -> int:
    """The last position of which the page told from which a form was sent."""
    given = form.get("seen", "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 20 else 0


def _told_at(at: datetime, now: datetime, seen: Iterable[LateNote]) -> datetime:
    """When they were told what stood on the page: a form says the minute, and what it told of may be of that minute."""
    if timedelta() <= now - at < timedelta(minutes=1):
        return now
    for note in seen:
        at = _not_before(at, note.record.recordedat.astimezone(at.tzinfo))
    return at


def _is_unseen(note: LateNote, at: datetime, form: Mapping[str, str]) -> bool:
    """Whether a telling would cover what stood on no page yet when it was given."""
    return note.told is None and covers(at, note.record) and note.record.position > _seen(form)


def persons_of(handover: sa.Engine, case: str) -> list[str]:
    """By whose keys what is personal about a case was sealed."""
    with handover.connect() as connection:
        return list(connection.execute(sa.select(NAMES.c.target).where(NAMES.c.key == f"person-of/{case}")).scalars())


def told_now(kind: str, data: Mapping[str, Any], at: datetime, now: datetime, *, synthetic: bool) -> dict[str, Any]:
    """A message about what happened at `at` and is written down now."""
    return {**message(kind, data, at, synthetic=synthetic), "entered": now.isoformat()}


def moment_in(text: str, terms: Terms) -> datetime | None:
    """A time as a form's field has it, on the ward's clock; None where it is none."""
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        return None
    return told.replace(tzinfo=terms.ward.zone) if told.tzinfo is None else None


def local_text(at: datetime, terms: Terms) -> str:
    """A time as a form's field wants it."""
    return f"{terms.ward.local(at):%Y-%m-%dT%H:%M}"


def wrong_of(outcome: Submitted, form: Mapping[str, str], terms: Terms) -> Wrong | None:
    """What a form is told that did not get through."""
    if outcome.state == "unavailable":
        return Wrong("sent_unknown", 503, form)
    if outcome.state == "unreadable":
        return Wrong("agency_not_yet", 400, form)
    parked = [receipt for receipt in outcome.receipts if receipt.status not in DONE]
    if outcome.state != "receipts" or not parked or all(receipt.status == "waiting" for receipt in parked):
        return None
    details = tuple(fault_in_words(receipt.field or "", *why(receipt), terms) for receipt in parked)
    return Wrong("agency_not_yet", 409, form, details, parked=True)


def said_of(outcome: Submitted) -> str:
    """What a page says after a form, where nothing was wrong."""
    is_done = outcome.state == "receipts" and all(receipt.status in DONE for receipt in outcome.receipts)
    return "recorded" if is_done else "on-its-way"


def back(request: Request, address: str, said: str) -> Response:
    """A page by reading it: what is loaded again sends nothing."""
    return RedirectResponse(link_in(language_of(request))(address, said=said), status_code=303)
