"""引継ぎを依頼する: a case is offered to somebody of the directory, on a basis that is chosen and shown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple
from uuid import uuid4

import msgspec
import sqlalchemy as sa
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from events.handover import HOW
from services.directory import CONSENT, Agency, folded
from services.inbox import PROMISED
from services.pages import agency_rows
from services.pages.agencies import (
    LONGEST,
    TEMPLATES,
    Wrong,
    back,
    local_text,
    moment_in,
    said_of,
    told_now,
    wrong_of,
)
from services.pages.agency_reading import Concerned, Consent, case_under, concerned, consents
from services.pages.forms import form_of, identity_of, key_of
from services.pages.frame import Around, language_of, render
from services.pages.guard import done_by, session_of
from services.pages.sending import Backroom, Told
from services.pages.terms import Terms
from services.parked_desk import SOURCE, ParkedDesk, Wanted
from services.passings import passings
from services.tables import NAMES

WAYS = ("offer", "complete", "information")
"""Asked and waited for; accepted on the telephone already; information only."""

WORDS = ("purpose", "note", "reason", "by", "agreed")


GIVEN_BACK = "given-back"
"""Why nothing stays of what was parked: the form was shown again, with what was wrong."""

MESSAGES_NAMED = re.compile(r"（[a-z]+\.[a-z]+(、[a-z]+\.[a-z]+)*）")


class Choice(NamedTuple):
    """A receiver as the form shows it. `agreed`: the person's consent to it is in force."""

    entry: Agency
    name: str
    agreed: bool


class OfferPages:
    """The endpoints, for roles that speak for a provider."""

    def __init__(self, around: Around, backroom: Backroom) -> None:
        self._around, self._backroom = around, backroom
        self._handover, self._intake = backroom.engines["handover"], backroom.engines["intake"]

    def routes(self) -> list[Route]:
        """The address of the form."""
        return [Route("/agencies/new", done_by(self.offer, "calls"), methods=["GET", "POST"])]

    async def offer(self, request: Request) -> Response:
        """The form; and sending it."""
        case = await run_in_threadpool(self._case, request)
        if request.method == "GET":
            return await run_in_threadpool(self._form, request, case)
        form = await form_of(request)
        identity = identity_of(request, form)
        prepared = await self._backroom.once(identity, partial(self._prepared, request, case, form, identity))
        if isinstance(prepared, Wrong):
            return await run_in_threadpool(self._form, request, case, prepared)
        outcome = await self._backroom.submit(*prepared)
        terms = await run_in_threadpool(self._around.terms, language_of(request))
        wrong = await run_in_threadpool(wrong_of, outcome, form, terms)
        if wrong is not None:
            details = tuple(_without_codes(detail, terms) for detail in wrong.details)
            left = wrong.parked and not await self._given_back(prepared)
            wrong = wrong._replace(details=details, parked=left)
            return await run_in_threadpool(self._form, request, case, wrong)
        opened = await run_in_threadpool(self._opened, prepared)
        return back(request, f"/agencies/{opened}" if opened else "/agencies", said_of(outcome))

    async def _given_back(self, told: Told) -> bool:
        """Close what was parked of a form that is shown again: sent later, it would ask on what held when it was made.

        Whether nothing of it is left.
        """
        desk = ParkedDesk(self._backroom.engines, lambda: self._backroom.secrets)
        own, now = msgspec.json.decode(told.body)["id"], self._backroom.clock()

        def parked() -> list[str]:
            found = desk.rows(Wanted(kind="parked", provider=told.provider, source=SOURCE))
            return [row.number for row in found if row.id == own]

        for number in await run_in_threadpool(parked):
            closing = await run_in_threadpool(desk.closing, number, GIVEN_BACK, now)
            await self._backroom.submit(told.provider, msgspec.json.encode(closing))
        return not await run_in_threadpool(parked)

    def _case(self, request: Request) -> Concerned:
        number = folded(request.query_params.get("number", "")).upper()[:40].replace("\x00", "")
        case = case_under(self._intake, number) if number else None
        found = concerned(self._intake, [case]).get(case) if case else None
        if found is None:
            raise HTTPException(404)
        return found

    def _opened(self, told: Told) -> str | None:
        """The hand-over that a form has just opened, if it is there already."""
        ref = msgspec.json.decode(told.body)["data"]["handover"]
        with self._handover.connect() as connection:
            query = sa.select(NAMES.c.target).where(NAMES.c.key == f"handover/{told.provider}/{ref}")
            return connection.execute(query).scalars().first()

    def _prepared(
        self, request: Request, case: Concerned, form: Mapping[str, str], identity: str | None
    ) -> Told | Wrong:
        """The message; or what is wrong with the form."""
        terms = self._around.terms(language_of(request))
        now = terms.ward.local(self._backroom.clock())
        way, answer_by = form.get("way", ""), moment_in(form.get("answer_by", ""), terms)
        entry = next((each.entry for each in self._choices(case, now, terms) if each.entry.key == form.get("to")), None)
        if wrong := _wrong(form, entry, way, answer_by, now, terms):
            return Wrong(wrong, 400, form)
        session = session_of(request)
        assert session is not None, "this is done by those who have signed in"
        ref = f"page-{identity[:32] if identity else uuid4()}"
        kind = "information" if way == "information" else entry.kind if entry else form.get("kind", "agency")
        data: dict[str, Any] = {"number": case.number, "handover": ref, "kind": kind}
        data["to"] = entry.key if entry else form.get("to", "")
        data |= {"basis": form["basis"]} if form.get("basis") else {}
        if way == "offer" and answer_by is not None:
            data["answer_by"] = answer_by.isoformat()
        if way != "offer":
            data["how"] = form.get("how") or "phone"
        personal = {field: form[field] for field in WORDS if form.get(field)}
        personal |= {"worker": session.name} if session.name else {}
        data |= {"personal": personal} if personal else {}
        sort = "handover.offer" if way == "offer" else "handover.complete"
        told = told_now(sort, data, now, now, synthetic=case.synthetic)
        return Told(session.role.provider or "", msgspec.json.encode(told))

    def _choices(self, case: Concerned, now: datetime, terms: Terms) -> list[Choice]:
        """Whom the directory has today, each with whether the person agreed that they may know."""
        day = terms.ward.local(now).date()
        agreed = {folded(consent.to) for consent in self._consents(case, now, terms)}
        return [
            Choice(entry, terms.say(entry.label), not entry.words.isdisjoint(agreed))
            for entry in terms.ward.agency
            if entry.is_there_on(day)
        ]

    def _consents(self, case: Concerned, now: datetime, terms: Terms) -> list[Consent]:
        return consents(self._intake, case.person, terms.ward.local(now).date())

    def _form(self, request: Request, case: Concerned, wrong: Wrong | None = None) -> Response:
        terms, now = self._around.terms(language_of(request)), self._backroom.clock()
        answering = terms.ward.handover
        form = wrong.form if wrong else {}
        due = local_text(now + timedelta(hours=answering.answer_hours), terms) if answering else ""
        found = passings(self._handover, everything=True, case=case.case)
        choices = self._choices(case, now, terms)
        return render(
            request,
            TEMPLATES,
            "agency_offer.html",
            self._around.frame(terms),
            terms,
            wrong.status if wrong else 200,
            case=case,
            rows=[agency_rows.row(each, case, now, terms) for each in found],
            groups=[
                (word, [choice for choice in choices if choice.entry.kind == kind])
                for word, kind in (("sections", "section"), ("support_agencies", "agency"))
            ],
            directory=bool(choices),
            consents=[_consent(each, terms) for each in self._consents(case, now, terms)],
            bases=[(CONSENT, terms.basis(CONSENT), "")]
            + [(each.key, terms.say(each.label), terms.say(each.law)) for each in terms.ward.basis],
            ways=[(way, f"way_{way}") for way in WAYS],
            hows=[(way, terms.code(way)) for way in HOW],
            due=form.get("answer_by", due),
            key=key_of(form),
            wrong=wrong,
            form=form,
            longest=LONGEST,
        )


def _wrong(
    form: Mapping[str, str], entry: Agency | None, way: str, answer_by: datetime | None, now: datetime, terms: Terms
) -> str | None:
    """The word for what keeps the form from being sent."""
    if entry is None and (terms.ward.agency or not form.get("to")):
        return "choose_receiver"
    if way not in WAYS:
        return "choose_way"
    known = (CONSENT, *(each.key for each in terms.ward.basis))
    if terms.ward.basis and form.get("basis") not in known:
        return "choose_basis"
    if form.get("basis") and form["basis"] != CONSENT and not form.get("reason"):
        return "basis_reason_needed"
    if way == "complete" and not form.get("by"):
        return "who_needed"
    if way == "offer" and form.get("answer_by") and (answer_by is None or not now < answer_by <= now + PROMISED):
        return "answer_by_wrong"
    if way != "offer" and form.get("how") and form["how"] not in HOW:
        return "how_needed"
    return "words_too_long" if any(len(form.get(field, "")) > LONGEST for field in WORDS) else None


def _without_codes(detail: str, terms: Terms) -> str:
    """What a rule says, for somebody who has a form before them: the words of its choices, and no kinds of messages."""
    for basis in terms.ward.basis:
        detail = detail.replace(basis.key, terms.say(basis.label))
    return MESSAGES_NAMED.sub("", detail)


def _consent(consent: Consent, terms: Terms) -> str:
    edition = terms.screen("consent_edition", edition=consent.edition) if consent.edition else ""
    to = next((terms.say(a.label) for a in terms.ward.agency if folded(consent.to) in a.words), consent.to)
    return terms.screen("consent_line", to=to, day=terms.day(consent.given_on), edition=edition)
