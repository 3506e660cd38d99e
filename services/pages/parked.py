"""要確認データ: what could not be used as it was; mended, sent again or closed, as the provider that sent it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from events.messages import Receipt
from services.book import OUTSIDE_CONTRACT
from services.pages.addresses import whole_in
from services.pages.forms import form_of
from services.pages.frame import Around, language_of, link_in, render, templates_in
from services.pages.guard import done_by, sees, session_of, shown_to
from services.pages.parked_words import (
    UNREADABLE,
    accepted_in_words,
    fault_in_words,
    place_of,
    reason_in_words,
    why,
)
from services.pages.sending import Backroom
from services.pages.terms import Terms
from services.parked_content import Content
from services.parked_desk import DONE, WITHHELD, Parked, ParkedDesk, ParkedError
from services.signin import Session

PAGE = 50
LONGEST_REASON = 1_000
SAID = {"taken": "parked_taken", "closed": "parked_closed_now", "on-its-way": "parked_on_its_way"}
"""What a page says after a form: part of its address, so that loading it again sends nothing."""

WRONG = {
    "garbled": "mend_garbled",
    "other-name": "mend_other_name",
    "conflict": "mend_conflict",
    "not-utf-8": "mend_not_utf_8",
    "settled": "mend_settled",
    "keys": "mend_keys",
}
STATES = {"open": "parked_open", "mended": "parked_mended", "closed": "parked_closed"}

TEMPLATES = templates_in()
log = logging.getLogger("yoake.pages")


class Told(NamedTuple):
    """One row in words."""

    row: Parked
    sentence: str
    place: str
    accepted: str
    arrived: str
    closed: str


class Refused(Exception):
    """A form that did not get through: in words why, and what had been typed."""

    def __init__(self, word: str, status: int = 400, details: Sequence[str] = ()) -> None:
        super().__init__(word)
        self.word, self.status, self.details = word, status, details


def open_parked(backroom: Backroom) -> Callable[[], int]:
    """Asks how many are open."""
    return _desk(backroom).count


def _desk(backroom: Backroom) -> ParkedDesk:
    return ParkedDesk(backroom.engines, lambda: backroom.secrets)


class ParkedPages:
    """The endpoints."""

    def __init__(self, around: Around, backroom: Backroom) -> None:
        self._around, self._backroom = around, backroom
        self.desk = _desk(backroom)

    def routes(self) -> list[Route]:
        """The addresses of these pages."""
        return [
            Route("/parked", shown_to(self.listed, "parked"), methods=["GET"]),
            Route("/parked/{number}", shown_to(self.shown, "parked"), methods=["GET"]),
            Route("/parked/{number}", done_by(self.act, "parked"), methods=["POST"]),
        ]

    def listed(self, request: Request) -> Response:
        """What is open, the first to arrive first; with `all` what was mended or closed as well."""
        terms = self._around.terms(language_of(request))
        everything = request.query_params.get("all") == "1"
        page = whole_in(request.query_params, "page", 1) or 1
        found = self.desk.rows(closed=everything, most=PAGE + 1, skip=(page - 1) * PAGE)
        told = [_told(row, terms) for row in found[:PAGE]]
        return self._page(
            request, "parked.html", terms, rows=told, everything=everything, page=page, more=len(found) > PAGE
        )

    def shown(self, request: Request) -> Response:
        """One message: what is wrong, what would be accepted; its content for those who may mend it and see persons."""
        return self._one(request)

    async def act(self, request: Request) -> Response:
        """Send a mended copy, send it again, or close it: what the button says that was pressed."""
        form = await form_of(request)
        try:
            said = await self._done(request, form)
        except Refused as refused:
            return await run_in_threadpool(self._one, request, refused, form)
        number = request.path_params["number"]
        address = link_in(language_of(request))(f"/parked/{number}", said=said)
        return RedirectResponse(address, status_code=303)

    async def _done(self, request: Request, form: Mapping[str, str]) -> str:
        number, verb = request.path_params["number"], form.get("do")
        provider, messages = await run_in_threadpool(self._prepared, request, form)
        receipts = await self._submitted(provider, messages)
        if receipts is None:
            return "on-its-way"
        if not all(receipt.status in DONE for receipt in receipts):
            terms = await run_in_threadpool(self._around.terms, language_of(request))
            raise Refused("mend_not_yet", 409, [_why(receipt, terms) for receipt in receipts])
        if verb == "close":
            return "closed"
        if await run_in_threadpool(self.desk.is_left, number, receipts):
            closing = await run_in_threadpool(self._closing, number, "mended", None)
            await self._submitted(provider, [closing])
        return "taken"

    async def _submitted(self, provider: str, messages: Sequence[dict[str, Any]]) -> Sequence[Receipt] | None:
        """The receipts; None: it is on its way.

        Raises:
            Refused: it did not get through.
        """
        body = msgspec.json.encode(messages[0] if len(messages) == 1 else messages)
        outcome = await self._backroom.submit(provider, body)
        if outcome.state == "unavailable":
            raise Refused("line_is_down", 503)
        if outcome.state == "unreadable":
            raise Refused("mend_garbled")
        return outcome.receipts if outcome.state == "receipts" else None

    def _prepared(self, request: Request, form: Mapping[str, str]) -> tuple[str, list[dict[str, Any]]]:
        """(provider, messages) of what somebody wants to send.

        Raises:
            Refused: it cannot be sent so.
            HTTPException: there is no such message, or this is not for this role to do.
        """
        number, verb = request.path_params["number"], form.get("do")
        row, session = self._row(number), _session(request)
        own, closes = self._may(session, row)
        if verb not in ("mend", "resend", "close") or not (closes if verb == "close" else own):
            raise HTTPException(404)
        if verb == "mend" and not sees(request, "persons"):
            raise HTTPException(404)
        if row.state != "open":
            raise Refused("mend_settled", 409)
        try:
            if verb == "close":
                return session.role.provider or "", [self._closing(number, _reason(form), session.name)]
            return row.provider, self.desk.resent(number) if verb == "resend" else self._mended(number, form)
        except ParkedError as error:
            details = [_fault(error, self._around.terms(language_of(request)))] if error.fault else []
            raise Refused(WRONG.get(error.why, "mend_garbled"), 400, details) from error

    def _mended(self, number: str, form: Mapping[str, str]) -> list[dict[str, Any]]:
        return self.desk.mended(number, form.get("content", ""))

    def _closing(self, number: str, reason: str, by: str | None) -> dict[str, Any]:
        now = self._around.terms("ja").ward.local(self._backroom.clock())
        return self.desk.closing(number, reason, now, by)

    def _row(self, number: str) -> Parked:
        try:
            return self.desk.one(number)
        except ParkedError as error:
            raise HTTPException(404) from error

    def _may(self, session: Session, row: Parked) -> tuple[bool, bool]:
        """Whether a role may mend and send it, and whether it may close it: its own provider's.

        What came from somebody whom the ward does not know nobody can send again, and any provider closes.
        """
        mine = session.role.provider
        is_known = self._around.terms("ja").ward.provider_of(row.provider) is not None
        own = mine is not None and mine == row.provider
        return own and is_known, own or (mine is not None and not is_known)

    def _one(self, request: Request, refused: Refused | None = None, form: Mapping[str, str] | None = None) -> Response:
        terms = self._around.terms(language_of(request))
        row, session = self._row(request.path_params["number"]), _session(request)
        own, closes = self._may(session, row)
        content, is_kept = None, row.state == "open" and sees(request, "persons") and closes
        if is_kept:
            content = self._content(row.number)
            log.info("looked at", extra={"id": row.number, "role": session.role.key, "who": session.who})
        said = SAID.get(request.query_params.get("said", ""))
        return self._page(
            request,
            "parked_one.html",
            terms,
            refused.status if refused else 200,
            told=_told(row, terms),
            content=content,
            lost=is_kept and content is None,
            mends=own and row.state == "open" and content is not None,
            resends=own and row.state == "open" and row.kind != "conflict" and _goes_as_it_is(content),
            closes=closes and row.state == "open",
            following=self.desk.later(row.number) if own and said == "parked_taken" else [],
            refused=refused,
            form=form or {},
            said=said,
            longest_reason=LONGEST_REASON,
        )

    def _content(self, number: str) -> Content | None:
        try:
            return self.desk.content(number)
        except ParkedError:
            return None

    def _page(self, request: Request, template: str, terms: Terms, status: int = 200, **context: Any) -> Response:
        return render(request, TEMPLATES, template, self._around.frame(terms), terms, status, states=STATES, **context)


def _session(request: Request) -> Session:
    session = session_of(request)
    assert session is not None, "these pages are for those who have signed in"
    return session


def _goes_as_it_is(content: Content | None) -> bool:
    """Whether it may be sent again unchanged, as far as whoever looks can see it."""
    return content is None or content.encoding == "utf-8"


def _reason(form: Mapping[str, str]) -> str:
    """Raises Refused where there is none, or too much."""
    reason = form.get("reason", "")
    if not reason:
        raise Refused("close_needs_reason")
    if len(reason) > LONGEST_REASON:
        raise Refused("close_reason_too_long")
    return reason


def _told(row: Parked, terms: Terms) -> Told:
    accepted = row.accepted
    return Told(
        row=row,
        sentence=_sentence(row, terms),
        place=place_of(row.field, row.reason, terms),
        accepted=accepted_in_words(accepted, terms.language) if accepted else "",
        arrived=terms.moment(row.arrived),
        closed=terms.moment(row.closed) if row.closed else "",
    )


def _sentence(row: Parked, terms: Terms) -> str:
    """What happened, then what to do next; nothing where it was settled."""
    provider = terms.provider(row.provider)
    is_named = bool(row.source) and row.id != WITHHELD
    whose = terms.screen("parked_nth" if is_named else "parked_some", provider=provider, id=row.id)
    is_open = row.state == "open"
    if row.kind == "conflict":
        return terms.screen("parked_conflict" if is_open else "parked_conflict_settled", whose=whose)
    reason = reason_in_words(row.reason, terms.language)
    if row.field in UNREADABLE:
        return terms.screen("parked_unreadable" if is_open else "parked_unreadable_settled", whose=whose, reason=reason)
    place = place_of(row.field, row.reason, terms)
    usable_by_another = row.field == "time" and row.reason == OUTSIDE_CONTRACT
    now_open = "parked_outside" if usable_by_another else "parked_unusable"
    word = now_open if is_open else "parked_unusable_settled"
    return terms.screen(word, whose=whose, place=place, reason=reason)


def _why(receipt: Receipt, terms: Terms) -> str:
    """What a receipt says of a message that was not taken."""
    return fault_in_words(receipt.field or "", *why(receipt), terms)


def _fault(error: ParkedError, terms: Terms) -> str:
    fault = error.fault
    assert fault is not None, "asked only where there is one"
    return fault_in_words(fault.field, fault.reason, fault.accepted, terms)
