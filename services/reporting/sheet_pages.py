"""The sheet of a hand-over to an agency (送付状・引継書): to be printed or as a PDF, and the record of sending it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from events import Recorded
from events.handover import BY_PAPER, MOST_PAGES, RECALLED
from services.directory import Agency, same_name
from services.pages import agency_rows
from services.pages.agency_reading import histories
from services.pages.forms import form_of, identity_of, key_of
from services.pages.frame import Around, language_of, link_in, render, templates_in
from services.pages.guard import done_by, session_of, shown_to
from services.pages.parked_words import accepted_in_words, fault_in_words, reason_in_words, why
from services.pages.sending import Backroom, Told, message
from services.pages.symbols import symbol
from services.pages.terms import Terms
from services.pages.typesetting import NoPdf, page_count, typeset
from services.parked_desk import DONE
from services.passings import Passing, one
from services.reporting.inquiry import Inquiry
from services.reporting.known import Known
from services.reporting.sheet import Sheet, before_sending, sheet
from services.subscribers import WITH_PERSONAL

HERE = Path(__file__).with_name("templates")
TEMPLATES = templates_in(HERE)
SAID = {"send": "sheet_said_send", "recall": "sheet_said_recall", "on-its-way": "sheet_said_on_its_way"}
LONGEST = 60
OVER = ("declined", "withdrawn", "expired", "returned")
"""The standings in which nothing about the person goes out any more."""
log = logging.getLogger("yoake.pages")


class Sent(NamedTuple):
    """A sheet that went out, in words; and what became of it where it was asked back."""

    sending: int
    text: str
    recalled: str = ""


class Made(NamedTuple):
    """A sheet, with what is known beside it."""

    passing: Passing
    sheet: Sheet
    entry: Agency | None
    agreed: bool
    own: Sequence[Recorded]
    """What handover recorded of it: the ledger hears of what was just sent a moment later."""
    changed: bool
    """Whether the consultation was told otherwise since the last sheet went out, and nobody has answered yet."""

    @property
    def is_over(self) -> bool:
        """Whether nothing of it goes out any more."""
        return self.passing.status in OVER


class Refused(Exception):
    """What was sent was not taken: why, in words."""

    def __init__(self, status: int, details: Sequence[str] = ()) -> None:
        super().__init__()
        self.status, self.details = status, details


class SheetPages:
    """The endpoints."""

    def __init__(self, around: Around, inquiry: Inquiry, known: Known, backroom: Backroom) -> None:
        self._around, self._inquiry, self._known, self._backroom = around, inquiry, known, backroom

    def routes(self) -> list[Route]:
        """The addresses of these pages."""
        return [
            Route("/handovers/{handover}/sheet", shown_to(self.shown, "persons"), methods=["GET"]),
            Route("/handovers/{handover}/sheet.pdf", shown_to(self.printed, "persons"), methods=["GET"]),
            Route("/handovers/{handover}/sheet", done_by(self.act, "persons"), methods=["POST"]),
        ]

    def shown(self, request: Request) -> Response:
        """The sheet, what was sent of it, and the forms that record it."""
        return self._page(request)

    def printed(self, request: Request) -> Response:
        """The same as a PDF; where none can be made, or none may go out any more, the page says so."""
        made = self._made(request)
        if made.is_over or not made.agreed:  # A PDF goes its own ways: what must not be sent any more is none.
            return self._page(request, status=410 if made.is_over else 409)
        try:
            pdf = typeset(HERE / "sheet.typ", msgspec.json.encode(made.sheet))
        except NoPdf as error:
            log.warning("no sheet was typeset: %s", error)
            return self._page(request, said="sheet_no_pdf", status=503)
        name = f"handover-{symbol(made.passing.handover)}.pdf"
        headers = {"Content-Disposition": f'inline; filename="{name}"'}
        return Response(pdf, media_type="application/pdf", headers=headers)

    async def act(self, request: Request) -> Response:
        """Record what the button says that was pressed."""
        form = await form_of(request)
        verb = form.get("do", "")
        if verb not in ("send", "recall"):
            raise HTTPException(404)
        made = await run_in_threadpool(self._made, request)
        try:
            make = partial(self._prepared, request, made, verb, form)
            told = await self._backroom.once(identity_of(request, form), make)
            said = await self._sent(request, told, verb)
        except Refused as error:
            return await run_in_threadpool(self._refused, request, error, form)
        address = link_in(language_of(request))(f"/handovers/{made.passing.handover}/sheet", said=said)
        return RedirectResponse(address, status_code=303)

    def _refused(self, request: Request, error: Refused, form: Mapping[str, str]) -> Response:
        return self._page(request, refused=error, form=form)

    def _prepared(self, request: Request, made: Made, verb: str, form: Mapping[str, str]) -> Told:
        if verb == "send" and made.is_over:
            raise Refused(409)
        if faults := list(_faults(verb, form, made, self._around.terms(language_of(request)))):
            raise Refused(400, faults)
        session = session_of(request)
        assert session is not None, "nobody else comes so far"
        terms = self._around.terms(language_of(request))
        data = {"handover_id": made.passing.handover} | _told(verb, form, session.name)
        now = terms.ward.local(self._backroom.clock())
        body = message(f"handover.{verb}", data, now, synthetic=made.passing.synthetic)
        return Told(session.role.provider or "", msgspec.json.encode(body))

    async def _sent(self, request: Request, told: Told, verb: str) -> str:
        terms = await run_in_threadpool(self._around.terms, language_of(request))
        outcome = await self._backroom.submit(*told)
        if outcome.state == "queued":
            return "on-its-way"
        if outcome.state != "receipts":
            word = "sent_unknown" if outcome.state == "unavailable" else "line_is_down"
            raise Refused(503, [terms.screen(word)])
        left = [receipt for receipt in outcome.receipts if receipt.status not in DONE]
        if left:
            raise Refused(409, [fault_in_words(one.field or "", *why(one), terms) for one in left])
        return verb

    def _made(self, request: Request) -> Made:
        """The sheet of the hand-over that is asked for; whoever looks is noted."""
        terms, session = self._around.terms(language_of(request)), session_of(request)
        handover = self._backroom.engines["handover"]
        passing = one(handover, request.path_params["handover"])
        if passing is None or session is None:
            raise HTTPException(404)
        history = [row.event for row in self._inquiry.ledger.history(passing.case)]
        began = [r for r in history if r.type in WITH_PERSONAL and _about(r) == passing.handover]
        if not began:
            raise HTTPException(404)  # The ledger has not heard of it yet.
        now = terms.ward.local(self._backroom.clock())
        entry = next((a for a in terms.ward.agency if a.key == passing.agency and a.is_there_on(now.date())), None)
        agreed = self._known.is_agreed(began[-1])
        personal: dict[str, Any] = {}
        told = () if passing.status in OVER else began
        if told:
            log.info("looked at", extra={"case": passing.case, "role": session.role.key, "who": session.who})
        for record in told:  # Nothing is known that may be told, where a consent was taken back.
            personal |= self._known.about(record)
        stands = self._known.whole(passing.case)
        own = agency_rows.of_one(histories(handover, [passing.case])[passing.case], passing.handover)
        made = sheet(passing, entry, stands, personal, now, terms, agreed=agreed)
        intake = histories(self._backroom.engines["intake"], [passing.case])[passing.case]
        changed = passing.is_open and agency_rows.changed_since_sent(own, intake)
        return Made(passing, made, entry, agreed, own, changed)

    def _page(
        self,
        request: Request,
        *,
        said: str | None = None,
        status: int = 200,
        refused: Refused | None = None,
        form: Mapping[str, str] | None = None,
    ) -> Response:
        terms, made, session = self._around.terms(language_of(request)), self._made(request), session_of(request)
        fax = made.entry.fax if made.entry else None
        acts = session is not None and session.role.provider is not None and (made.agreed or made.is_over)
        sends = acts and not made.is_over
        return render(
            request,
            TEMPLATES,
            "sheet.html",
            self._around.frame(terms),
            terms,
            refused.status if refused else status,
            sheet=made.sheet,
            before=before_sending(made.passing, made.entry, terms),
            agreed=made.agreed,
            changed=made.changed,
            over=_over(made.passing, terms) if made.is_over else "",
            fax=fax,
            ways=_ways(made.entry),
            reasons=RECALLED,
            sent=_sendings(made.own, terms),
            acts=acts,
            pages=(form or {}).get("pages") or (_pages(made.sheet) if sends else ""),
            handover=made.passing.handover,
            address=f"/handovers/{made.passing.handover}/sheet",
            said=said or SAID.get(request.query_params.get("said", "")),
            wrong=refused,
            form=form or {},
            key=key_of(form or {}),
        )


def _pages(sheet: Sheet) -> str:
    """How many pages its PDF has, as the cover says; nothing where none can be made, so that nobody records a guess."""
    try:
        return str(page_count(HERE / "sheet.typ", msgspec.json.encode(sheet)))
    except NoPdf as error:
        log.warning("the pages of a sheet were not counted: %s", error)
        return ""


def _over(passing: Passing, terms: Terms) -> str:
    """Which way it ended, and when."""
    how, at = agency_rows.status(passing.status, terms), terms.moment(passing.since)
    return terms.screen("sheet_over", how=how, at=at)


def _about(record: Recorded) -> str:
    return str(msgspec.json.decode(record.data).get("handover"))


def _faults(verb: str, form: Mapping[str, str], made: Made, terms: Terms) -> Iterator[str]:
    """What of a form could never be used: the field, what is wrong with it, and what is accepted."""

    def fault(label: str, reason: str, accepted: str) -> str:
        told = f"{terms.screen(label)}{terms.screen('colon')}{reason_in_words(reason, terms.language)}"
        return told + terms.screen("would_be", accepted=accepted_in_words(accepted, terms.language))

    def choice(label: str, codes: Iterable[str]) -> str:
        return fault(label, "not one of the known values", terms.listed(map(terms.code, codes)))

    if verb == "send":
        names = [form.get(field, "") for field in ("by", "checked_by")]
        if form.get("how") not in (ways := _ways(made.entry)):
            yield choice("sheet_how", ways)
        if not 1 <= _whole(form.get("pages", "")) <= MOST_PAGES:
            yield fault("sheet_pages", "not a number of pages", f"1 to {MOST_PAGES} pages, with the cover")
        if not names[0]:
            yield fault("sheet_by", "missing: who sent it", "a name")
        elif not names[1] or same_name(*names):
            missing = "missing, or the same person: two people look at content and receiver"
            yield fault("sheet_checked_by", missing, "another person's name")
        return
    sent = [each.sending for each in _sendings(made.own, terms)]
    if _whole(form.get("sending", "")) not in sent:
        accepted = f"1 to {sent[-1]} of its sheets" if sent else "handover.send first"
        yield fault("sheet_which", "no such sheet went out for this hand-over", accepted)
    if form.get("reason") not in RECALLED:
        yield choice("sheet_why", RECALLED)


def _ways(entry: Agency | None) -> list[str]:
    """By which ways a sheet can go out to a receiver."""
    return [way for way in BY_PAPER if way != "fax" or (entry and entry.fax)]


def _told(verb: str, form: Mapping[str, str], name: str | None) -> dict[str, Any]:
    """What a form says, as a message does."""
    if verb == "send":
        personal = {field: form.get(field, "")[:LONGEST] for field in ("by", "checked_by")}
        return {"how": form.get("how", ""), "pages": _whole(form.get("pages", "")), "personal": personal}
    told: dict[str, Any] = {"reason": form.get("reason", ""), "sending": _whole(form.get("sending", ""))}
    if form.get("collected") == "1":
        told["collected"] = True
    return told | ({"personal": {"by": name}} if name else {})


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0


def _sendings(own: Sequence[Recorded], terms: Terms) -> list[Sent]:
    """What went out of a hand-over, the first first."""
    found: dict[int, Sent] = {}
    for record in own:
        data = msgspec.json.decode(record.data)
        if record.type == "handover.sent":
            pages = terms.screen("sheet_page_count", n=data["pages"])
            parts = (terms.moment(record.time), terms.code(data["how"]), data["to"], data.get("fax"), pages)
            found[data["sending"]] = Sent(data["sending"], "　".join(part for part in parts if part))
        elif record.type == "handover.recalled" and data["sending"] in found:
            back = "sheet_back" if data.get("collected") else "sheet_not_back"
            recalled = terms.screen("sheet_recalled", why=terms.code(data["reason"]))
            said = f"{recalled}　{terms.screen(back)}　{terms.moment(record.time)}"
            found[data["sending"]] = found[data["sending"]]._replace(recalled=said)
    return [found[n] for n in sorted(found)]
