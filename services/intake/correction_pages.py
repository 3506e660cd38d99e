"""訂正: a form shows what is held of a call or a registration, and sends what was changed, with the reason."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from services.book import Unusable
from services.era import folded
from services.intake.contacts import CHANNELS, NOT_COUNTED
from services.intake.correcting import (
    CONTACT,
    MOST_CONTACTS,
    OWN,
    REASON,
    VERSION,
    call_data,
    changed,
    digest,
    fault_of_call,
    fault_of_person,
    held_of_call,
    held_of_person,
    person_data,
)
from services.intake.finding import NotIndexed
from services.intake.people import CAME_BY
from services.intake.records import CARE
from services.intake.standing import Opens, is_number, standing
from services.intake.web import Lookup
from services.pages.forms import form_of
from services.pages.frame import Around, language_of, link_in, render, templates_in
from services.pages.guard import done_by, session_of
from services.pages.parked_words import fault_in_words, receipt_in_words
from services.pages.sending import Backroom, message
from services.pages.terms import Terms

TEMPLATES = templates_in(Path(__file__).with_name("templates"))
LONGEST_REASON = 1_000
log = logging.getLogger("yoake.pages")


class Subject(NamedTuple):
    """What a form is about: the kind of message, its address, what is shown of it, what is held, what is sent."""

    kind: str
    template: str
    history: str
    title: str
    held: dict[str, str]
    making: Any
    synthetic: bool
    context: dict[str, Any]
    fault: Callable[[Mapping[str, str]], Unusable | None]
    """What of it could never be used, as the service that takes it would say."""


class CorrectionPages:
    """The endpoints, for roles that see persons and speak for a provider."""

    def __init__(self, around: Around, backroom: Backroom, lookup: Lookup, opens: Opens) -> None:
        self._around, self._backroom, self._lookup, self._opens = around, backroom, lookup, opens

    def routes(self) -> list[Route]:
        """The addresses of these pages."""
        both = ["GET", "POST"]
        return [
            Route("/calls/{number}/correct", done_by(self.call, "persons", "calls"), methods=both),
            Route("/persons/{person}/correct", done_by(self.person, "persons", "calls"), methods=both),
        ]

    async def call(self, request: Request) -> Response:
        """Correct the last contact under a number."""
        return await self._corrected(request, await run_in_threadpool(self._call, request))

    async def person(self, request: Request) -> Response:
        """Correct a registration."""
        return await self._corrected(request, await run_in_threadpool(self._person, request))

    async def _corrected(self, request: Request, about: Subject) -> Response:
        if request.method == "GET":
            return await run_in_threadpool(self._form, request, about, about.held)
        form = await form_of(request)
        said = changed(about.held, form)
        wrong = _wrong(about, form, said)
        if wrong:
            values = about.held if wrong == "changed_meanwhile" else {**about.held, **said}
            return await run_in_threadpool(self._form, request, about, values, form, wrong, 400)
        if (unusable := await run_in_threadpool(about.fault, said)) is not None:
            terms = await run_in_threadpool(self._around.terms, language_of(request))
            fault = fault_in_words(unusable.field, unusable.reason, unusable.accepted, terms)
            return await run_in_threadpool(
                self._form, request, about, {**about.held, **said}, form, "mend_garbled", 400, fault
            )
        outcome = await self._backroom.submit(*await run_in_threadpool(self._message, request, about, said, form))
        if outcome.state == "unavailable":
            return await run_in_threadpool(
                self._form, request, about, {**about.held, **said}, form, "line_is_down", 503
            )
        if outcome.state == "receipts" and outcome.receipts[0].status in ("accepted", "known"):
            return RedirectResponse(link_in(language_of(request))(f"/cases/{about.history}"), status_code=303)
        if outcome.state != "receipts" or outcome.receipts[0].status == "waiting":
            return await run_in_threadpool(self._form, request, about, {**about.held, **said}, form, "on_its_way", 202)
        receipt = outcome.receipts[0]
        terms = await run_in_threadpool(self._around.terms, language_of(request))
        fault = receipt_in_words(receipt, terms)
        return await run_in_threadpool(
            self._form, request, about, {**about.held, **said}, form, "correction_parked", 400, fault
        )

    def _message(
        self, request: Request, about: Subject, said: Mapping[str, str], form: Mapping[str, str]
    ) -> tuple[str, bytes]:
        session = session_of(request)
        assert session is not None, "this is done by those who have signed in"
        data = about.making(said)
        by = {"by": session.name} if session.name else {}
        data["personal"] = {**data.get("personal", {}), REASON: form[REASON], **by}
        now = self._around.terms("ja").ward.local(self._backroom.clock())
        told = message(about.kind, data, now, synthetic=about.synthetic)
        log.info("corrected at a page", extra={"case": about.history, "role": session.role.key, "who": session.who})
        return session.role.provider or "", msgspec.json.encode(told)

    def _call(self, request: Request) -> Subject:
        terms = self._around.terms(language_of(request))
        ward = terms.ward
        number = folded(request.path_params["number"]).upper()
        found = next(
            (one for one in standing(self._lookup.log, number, terms.ward, self._opens) if one.number == number), None
        )
        if found is None or not found.is_last:
            raise HTTPException(404)
        held = held_of_call(found, terms.ward)
        context = {
            "number": number,
            "districts": [*_words(terms, "district"), ("unknown", terms.district(None))],
            "channels": _codes(CHANNELS.values(), terms),
            "kinds": _codes(NOT_COUNTED.values(), terms),
            "providers": terms.who_may_promise(self._backroom.clock(), [held.get("call_back_who", "")]),
            "reasons": _words(terms, "reason"),
        }
        synthetic = self._around.frame(terms).synthetic
        making = lambda said: call_data(number, held, said, terms.ward)  # noqa: E731  (told apart by what it closes over)

        def fault(said: Mapping[str, str]) -> Unusable | None:
            to = folded(said.get("to_number", "")).upper()
            if to and not is_number(self._lookup.log, to):
                return Unusable("data.to_number", "no consultation has this number", "such as R7-0123")
            return fault_of_call(said, ward, self._backroom.clock())

        return Subject("call.correct", "correct_call.html", number, number, held, making, synthetic, context, fault)

    def _person(self, request: Request) -> Subject:
        terms = self._around.terms(language_of(request))
        try:
            with self._lookup.log.engine.connect() as reading:
                record = self._lookup.finder.record(reading, request.path_params["person"].lower())
        except NotIndexed as error:
            raise HTTPException(404) from error
        if record is None or record.state.merged_into:
            raise HTTPException(404)
        person, held = record.state.id, held_of_person(record, terms.ward)
        rows = [n for n in range(MOST_CONTACTS) if f"contact-{n}-name" in held]
        context = {
            "person": person,
            "districts": _words(terms, "district"),
            "ways": _codes(CAME_BY.values(), terms),
            "handbooks": _words(terms, "handbook"),
            "own": OWN,
            "care": CARE,
            "rows": rows,
            "contact": CONTACT,
        }
        synthetic = self._around.frame(terms).synthetic
        making = lambda said: person_data(person, record, held, said, terms.ward)  # noqa: E731  (as above)
        title = held["own-name"] or terms.screen("nameless")
        fault = lambda said: fault_of_person(said, held, terms.ward, self._backroom.clock())  # noqa: E731  (as above)
        return Subject(
            "registration.correct", "correct_person.html", person, title, held, making, synthetic, context, fault
        )

    def _form(
        self,
        request: Request,
        about: Subject,
        values: Mapping[str, str],
        form: Mapping[str, str] | None = None,
        wrong: str | None = None,
        status: int = 200,
        fault: str = "",
    ) -> Response:
        terms, session = self._around.terms(language_of(request)), session_of(request)
        if session is not None:
            log.info("looked at", extra={"case": about.history, "role": session.role.key, "who": session.who})
        return render(
            request,
            TEMPLATES,
            about.template,
            self._around.frame(terms),
            terms,
            status,
            about=about,
            held=about.held,
            values=values,
            version=digest(about.held),
            reason=(form or {}).get(REASON, ""),
            wrong=wrong,
            fault=fault,
            longest_reason=LONGEST_REASON,
            as_said=lambda kind, typed: _as_said(kind, typed, terms),
            **about.context,
        )


def _as_said(kind: str, typed: str, terms: Terms) -> str:
    """What a field of a form holds as it is read aloud: a day or a time of the ward's clock in words."""
    try:
        if kind == "datetime-local":
            return terms.moment(datetime.fromisoformat(typed).replace(tzinfo=terms.ward.zone))
        return terms.day(date.fromisoformat(typed)) if kind == "date" else typed
    except ValueError:
        return typed


def _wrong(about: Subject, form: Mapping[str, str], said: Mapping[str, str]) -> str | None:
    """What keeps the form from being sent."""
    if form.get(VERSION) != digest(about.held):
        return "changed_meanwhile"
    if not said:
        return "nothing_changed_yet"
    if not form.get(REASON):
        return "correction_needs_reason"
    return "reason_too_long" if len(form[REASON]) > LONGEST_REASON else None


def _codes(codes: Any, terms: Terms) -> list[tuple[str, str]]:
    return [(code, terms.code(code)) for code in dict.fromkeys(codes)]


def _words(terms: Terms, place: Any) -> list[tuple[str, str]]:
    return [(entry.key, terms.say(entry.label)) for entry in getattr(terms.ward, place)]
