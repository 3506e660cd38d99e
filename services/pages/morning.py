"""朝の引継ぎ: the night's statement, what became of each item, and taking it over for the provider of one's role."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, date
from functools import partial
from typing import Any, NamedTuple

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from events.manifest import Range
from services.clock import Clock
from services.era import parse_date
from services.numbering import bounds, elsewhere
from services.pages.addresses import day_in, whole_in
from services.pages.closings import Closings, closed_in_words
from services.pages.forms import form_of, identity_of, key_of
from services.pages.frame import Around, language_of, link_in, render, templates_in
from services.pages.guard import done_by, session_of, shown_to
from services.pages.morning_acts import (
    ACTS,
    LONGEST_NAME,
    LONGEST_TEXT,
    SAID,
    Mistake,
    Side,
    can,
    closing,
    prepared,
    said_before,
)
from services.pages.morning_todo import Todo, todo
from services.pages.night_call import Calls
from services.pages.night_clock import NightClock
from services.pages.night_log import NightLog
from services.pages.nights import Entry, Heard, Night, Stands
from services.pages.parked_words import fault_in_words, why
from services.pages.sending import Backroom, Submitted, Told
from services.pages.statement import Sheet, sheet_of
from services.pages.statement_pdf import as_pdf
from services.pages.statement_rows import Opens, Row, RowWriter
from services.pages.statement_text import as_text
from services.pages.terms import Terms
from services.pages.typesetting import NoPdf
from services.pages.urgent import urgent_in_words
from services.parked_desk import DONE, SOURCE
from services.reading import public
from services.signin import Session
from services.ward import Ward

TEMPLATES = templates_in()
OLDER = 14
"""Nights that are offered for choosing; any other by its date."""

log = logging.getLogger("yoake.pages")


class Shown(NamedTuple):
    """One item on the page: in words, and what whoever looks may do about it. `version`: of all that is shown."""

    row: Row
    may: frozenset[str]
    version: str


class Look(NamedTuple):
    """What the page shows of one night. `version`: of everything on it that may change by itself."""

    night: Night
    sheet: Sheet
    items: Sequence[Shown]
    todo: Todo
    version: str
    head: str
    """The version of what stands above the items."""


def to_acknowledge(nights: NightLog, stands: Stands, clock: Clock) -> Callable[[], int]:
    """Asks how many items of the last nights nobody took over yet."""

    def count() -> int:
        waiting = [night for night in nights.recent() if any(each.acknowledged is None for each in night.entries)]
        held = (night.as_held(stands(night, clock()).own) for night in waiting)
        return sum(entry.acknowledged is None and not entry.gone for night in held for entry in night.entries)

    return count


class MorningPages:
    """The endpoints."""

    def __init__(
        self,
        around: Around,
        backroom: Backroom,
        nights: NightLog,
        stands: Stands,
        calls: Calls,
        opens: Opens,
        acknowledged: Callable[[Collection[str]], Heard] = lambda ids: {},
    ) -> None:
        """`acknowledged`: which subscribers have acknowledged each of these events, by its id."""
        self._acknowledged = acknowledged
        self._around, self._backroom, self._nights = around, backroom, nights
        self._stands, self._calls, self._opens = stands, calls, opens
        self._closings = Closings(backroom.engines["intake"])

    def routes(self) -> list[Route]:
        """The addresses of these pages."""
        return [
            Route("/morning", shown_to(self.page, "calls"), methods=["GET"]),
            Route("/morning", done_by(self.act, "calls"), methods=["POST"]),
            Route("/morning/{night}/statement.pdf", shown_to(self.pdf, "calls"), methods=["GET"]),
            Route("/morning/{night}/statement.txt", shown_to(self.text, "calls"), methods=["GET"]),
        ]

    def page(self, request: Request) -> Response:
        """The newest night, or the one that is asked for. With `live` nothing, as long as it is still that version."""
        return self._page(request, day_in(request.query_params, "night"))

    async def act(self, request: Request) -> Response:
        """Acknowledge, ask, answer …: what the button says that was pressed."""
        form = await form_of(request)
        wanted = _wanted(form.get("night", ""))
        make = partial(self._prepared, request, form, wanted)
        told = await self._backroom.once(identity_of(request, form), make)
        if isinstance(told, Mistake):
            return await run_in_threadpool(self._page, request, wanted, told)
        outcome = await self._backroom.submit(*told)
        return await run_in_threadpool(self._answered, request, form, wanted, told, outcome)

    def _answered(
        self, request: Request, form: Mapping[str, str], wanted: date | None, told: Told, outcome: Submitted
    ) -> Response:
        """The page again, by reading it; or with what became of the form where it did not get through."""
        if outcome.state in ("unavailable", "unreadable"):
            word = "sent_unknown" if outcome.state == "unavailable" else "line_is_down"
            return self._page(request, wanted, Mistake(word, form, 503))
        unusable = [receipt for receipt in outcome.receipts if receipt.status not in DONE]
        if outcome.state == "receipts" and unusable:
            terms = self._around.terms(language_of(request))
            detail = fault_in_words(unusable[0].field or "", *why(unusable[0]), terms)
            return self._page(request, wanted, Mistake("morning_parked", form, 409, {"detail": detail}))
        night = self._nights.night(wanted) if wanted and outcome.state == "receipts" else None
        if night and (overtaken := self._overtaken(request, form, night, told)):
            return self._page(request, wanted, overtaken)
        said = form["do"] if outcome.state == "receipts" else "sent"
        item = form.get("item", "")
        address = link_in(language_of(request))("/morning", night=form.get("night"), said=said, item=item)
        return RedirectResponse(f"{address}#item-{item}" if item else address, status_code=303)

    def pdf(self, request: Request) -> Response:
        """The statement on A4; with `edition` that one alone."""
        terms, sheet = self._sheet(request)
        try:
            made = as_pdf(sheet)
        except NoPdf as error:
            log.warning("no PDF: %s", error)
            return render(request, TEMPLATES, "no_pdf.html", self._around.frame(terms), terms, 503, night=sheet.night)
        return Response(made, media_type="application/pdf", headers=_saved_as(sheet, "pdf"))

    def text(self, request: Request) -> Response:
        """The same as plain text."""
        _, sheet = self._sheet(request)
        return Response(as_text(sheet), media_type="text/plain; charset=utf-8", headers=_saved_as(sheet, "txt"))

    def _sheet(self, request: Request) -> tuple[Terms, Sheet]:
        wanted = _wanted(request.path_params["night"])
        night = self._nights.night(wanted) if wanted else None
        if night is None:
            raise HTTPException(404)
        edition = whole_in(request.query_params, "edition")
        if edition is not None and edition not in {one.statement.edition for one in night.editions}:
            raise HTTPException(404)
        terms, opens = self._around.terms(language_of(request)), self._opens_for(request)
        calls = self._calls([entry.item for entry in night.entries if entry.item], personal=opens is not None)
        self._note(request, night)
        now = self._backroom.clock()
        stands = self._stands(night, now)
        return terms, sheet_of(
            night,
            stands,
            calls,
            terms,
            now,
            opens,
            alarms=self._nights.alarms(),
            edition=edition,
            only=edition is not None,
            heard=self._heard(night),
        )

    def _heard(self, night: Night) -> Heard:
        """Who acknowledged what was sent of the ladder."""
        terms = self._around.terms("ja")
        sent = [each.id for each in night.passed if terms.told_outside(each.step.to)]
        return self._acknowledged(sent) if sent else {}

    def _prepared(self, request: Request, form: Mapping[str, str], wanted: date | None) -> Told | Mistake:
        """The message of what somebody wants to say, or what is wrong with the form."""
        night = self._nights.night(wanted) if wanted else None
        act, session, terms = ACTS.get(form.get("do", "")), _session(request), self._around.terms("ja")
        if wanted and act and act.kind == "shift.close" and _works_at_night(session, terms):
            now, synthetic = terms.ward.local(self._backroom.clock()), self._around.frame(terms).synthetic
            provider = session.role.provider or ""
            shut = closing(form, wanted, now, partial(self._elsewhere, provider), synthetic=synthetic)
            if again := self._closed_already(form, wanted, provider, shut, self._around.terms(language_of(request))):
                return again
            if isinstance(shut, Mistake):
                return shut
            told = Told(provider, shut)
            fault = self._closing_fault(wanted, told, terms.ward)
            if fault is None:
                return told
            detail = fault_in_words(*fault, self._around.terms(language_of(request)))
            return Mistake("close_not_so", form, 400, {"detail": detail})
        if night is None or act is None or act.kind == "shift.close":
            raise HTTPException(404)
        side = self._side(session, night, terms)
        now = terms.ward.local(self._backroom.clock())
        body = prepared(act, form, night, side, now)
        if isinstance(body, Mistake):
            return body
        told = Told(side.provider or "", body)
        return self._overtaken(request, form, night, told) or told

    def _overtaken(self, request: Request, form: Mapping[str, str], night: Night, told: Told) -> Mistake | None:
        """What somebody else has said of an item before, unseen by this form, which changes nothing then."""
        do, item = form.get("do", ""), form.get("item", "")
        entry = night.entry(int(item)) if do in ("acknowledge", "done", "undo", "correct") else None
        before = said_before(do, entry, form.get("seen", "")) if entry else None
        if entry is None or before is None or any(word.cause == told.causation for word in entry.words):
            return None
        terms, opens = self._around.terms(language_of(request)), self._opens_for(request)
        calls = self._calls([entry.item] if entry.item else [], personal=opens is not None)
        rows = RowWriter(terms, NightClock(terms, night.night), night, self._backroom.clock(), opens, {})
        return Mistake(f"already_{before[0]}", form, 409, rows.told(entry, calls, before[1]))

    def _closed_already(
        self, form: Mapping[str, str], night: date, provider: str, shut: bytes | Mistake, terms: Terms
    ) -> Mistake | None:
        """The night stands closed so: with these very numbers, or with some where none are given now."""
        given = form.get("source", "")
        source = public(given, self._backroom.secrets) if given else SOURCE
        closed = next((each for each in self._closings.of(provider, night) if each.source == source), None)
        if closed is None or (isinstance(shut, Mistake) and any(form.get(name) for name in ("last", "calls"))):
            return None
        data = {} if isinstance(shut, Mistake) else msgspec.json.decode(shut)["data"]
        if data and (data.get("last"), data.get("calls")) != (closed.last, closed.calls):
            return None  # A later word takes its place.
        return Mistake("close_already", form, 409, {"told": closed_in_words(closed, terms)})

    def _closing_fault(self, night: date, told: Told, ward: Ward) -> tuple[str, str, str] | None:
        """What of a closing could never be used, in the words of the service that takes it: field, fault, accepted."""
        span, data = ward.night_span(night), msgspec.json.decode(told.body)["data"]
        if span is None or span[0].astimezone(UTC) > self._backroom.clock():
            reason = "it has not begun yet" if span else "no night began on this day"
            return "data.night", reason, "the day on which the night began"
        if "last" not in data:
            return None
        source = public(data["source"], self._backroom.secrets) if "source" in data else SOURCE
        least, most = bounds(self._backroom.engines["intake"], told.provider, source, night)
        if data["last"] < least:
            accepted = f"{least} or more; a numbering that begins anew needs a new source"
            return "data.last", "less than the last number of the night before it", accepted
        if data["last"] > most:
            return "data.last", "more than the last number of the night after it", f"up to number {most}"
        return None

    def _elsewhere(self, provider: str, source: str, last: int) -> list[Range]:
        """Which numbers of a source, up to its last one, went to other services than the one that closes the night."""
        engines = self._backroom.engines
        others = [engine for service, engine in engines.items() if service != "intake"]
        return elsewhere(engines["intake"], others, provider, source, last)

    def _side(self, session: Session, night: Night, terms: Terms) -> Side:
        return Side.of(session.role.provider, night, terms.ward, self._backroom.clock())

    def _page(self, request: Request, wanted: date | None, mistake: Mistake | None = None) -> Response:
        terms, session = self._around.terms(language_of(request)), _session(request)
        nights = self._nights.nights()
        chosen = wanted or (nights[0] if nights else None)
        night = self._nights.night(chosen) if chosen else None
        look = self._look(request, night, terms, session) if night else None
        alarms = urgent_in_words(self._nights.alarms(), terms, self._backroom.clock())
        duty = terms.on_duty(self._backroom.clock())
        closes = self._closes(session, terms, wanted, nights)
        closed = self._closed(session, closes, terms)
        version = _version(look.version if look else "", nights[:1], alarms, duty, closed)
        if request.query_params.get("live") == version:
            return Response(status_code=204)
        if night:
            self._note(request, night)
        said = SAID.get(request.query_params.get("said", "")) if mistake is None else None
        return render(
            request,
            TEMPLATES,
            "morning.html",
            self._around.frame(terms),
            terms,
            mistake.status if mistake else 200,
            look=look,
            version=version,
            alarms=alarms,
            alarming=_version(alarms),
            duty=duty,
            night=chosen.isoformat() if chosen else "",
            asked=wanted,
            side=self._side(session, night, terms) if night else None,
            nights=[(each.isoformat(), terms.day(each, weekday=True)) for each in nights[:OLDER]],
            newer=terms.day(nights[0], weekday=True) if night and nights and nights[0] > night.night else "",
            said=said,
            said_item=request.query_params.get("item", "")[:4],
            mistake=mistake,
            key=key_of(mistake.form if mistake else {}),
            worker=session.name or "",
            closes=closes,
            closed=closed,
            longest_name=LONGEST_NAME,
            longest_text=LONGEST_TEXT,
        )

    def _closes(
        self, session: Session, terms: Terms, wanted: date | None, nights: Sequence[date]
    ) -> tuple[str, str] | None:
        """The night that whoever works at night may close: which it is now, or was last; and its day in words."""
        if not _works_at_night(session, terms):
            return None
        night = wanted or terms.ward.night_at(self._backroom.clock()) or next(iter(nights), None)
        return (night.isoformat(), terms.day(night, weekday=True)) if night else None

    def _closed(self, session: Session, closes: tuple[str, str] | None, terms: Terms) -> list[str]:
        """How that night was closed, by the provider for which somebody speaks."""
        night = _wanted(closes[0]) if closes else None
        closings = self._closings.of(session.role.provider or "", night) if night else []
        return [closed_in_words(each, terms) for each in closings]

    def _look(self, request: Request, night: Night, terms: Terms, session: Session) -> Look:
        opens, now = self._opens_for(request), self._backroom.clock()
        items = [entry.item for entry in night.entries if entry.item]
        calls = self._calls(items, personal=opens is not None)
        stands = self._stands(night, now)
        sheet = sheet_of(night, stands, calls, terms, now, opens, alarms=(), heard=self._heard(night))
        night = night.as_held(stands.own)
        side = self._side(session, night, terms)
        entries = {entry.n: entry for entry in night.entries}
        shown = [self._shown(row, entries[row.n], side) for row in sheet.rows]
        left = todo(self._nights, night, self._stands, calls, self._calls, side, now, terms)
        above = _version(msgspec.structs.replace(sheet, rows=(), as_of=""), left)
        version = _version(above, [item.version for item in shown])
        return Look(night, sheet, shown, left, version, above)

    def _shown(self, row: Row, entry: Entry, side: Side) -> Shown:
        may = can(entry, side, self._backroom.clock())
        return Shown(row, may, _version(row, sorted(may)))

    def _opens_for(self, request: Request) -> Opens | None:
        return self._opens if _session(request).sees("persons") else None

    def _note(self, request: Request, night: Night) -> None:
        """Who looked at which cases, where something personal was shown."""
        session = _session(request)
        if session.sees("persons"):
            for case in dict.fromkeys(entry.item.case for entry in night.entries if entry.item and entry.item.case):
                log.info("looked at", extra={"case": case, "role": session.role.key, "who": session.who})


def _session(request: Request) -> Session:
    session = session_of(request)
    assert session is not None, "these pages are for those who have signed in"
    return session


def _works_at_night(session: Session, terms: Terms) -> bool:
    contract = terms.ward.provider_of(session.role.provider or "")
    return contract is not None and terms.ward.morning is not None and terms.ward.morning.band in contract.bands


def _wanted(given: str) -> date | None:
    """A day as forms or addresses have it; None: none, or not one."""
    try:
        return parse_date(given[:40])
    except ValueError:
        return None


def _version(*parts: Any) -> str:
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:16]


def _saved_as(sheet: Sheet, kind: str) -> dict[str, str]:
    last = sheet.editions[-1].n
    return {"Content-Disposition": f'inline; filename="statement-{sheet.night}-{last}.{kind}"'}
