"""今夜の申し送り: what the night must know before it begins, what changed since it was printed, and writing a note."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from services.era import folded
from services.pages.addresses import UnreadableAddress
from services.pages.forms import form_of, identity_of, key_of
from services.pages.frame import Around, language_of, link_in, render, templates_in
from services.pages.guard import done_by, session_of, shown_to
from services.pages.night_log import NightLog
from services.pages.noting import LONGEST, SAID, Mistake, Writer, ended, number_in, texts_in, written
from services.pages.parked_words import fault_in_words, why
from services.pages.sending import Backroom, Submitted, Told
from services.pages.statement_pdf import TONIGHT, as_pdf
from services.pages.terms import Terms
from services.pages.tonight_case import TonightCase
from services.pages.tonight_facts import Opens, Seen
from services.pages.tonight_reading import Tonight
from services.pages.tonight_rows import opened, words_in
from services.pages.tonight_sheet import Sheet
from services.pages.tonight_text import as_text
from services.pages.typesetting import NoPdf
from services.pages.urgent import urgent_in_words
from services.pages.words import SCREEN
from services.parked_desk import DONE
from services.signin import Session

TEMPLATES = templates_in()
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")

log = logging.getLogger("yoake.pages")


class TonightPages:
    """The endpoints."""

    def __init__(self, around: Around, backroom: Backroom, tonight: Tonight, nights: NightLog, opens: Opens) -> None:
        self._around, self._backroom, self._opens = around, backroom, opens
        self._tonight, self._nights = tonight, nights

    def routes(self) -> list[Route]:
        """The addresses of these pages."""
        return [
            Route("/tonight", shown_to(self.page, "calls"), methods=["GET"]),
            Route("/tonight", done_by(self.act, "calls", "persons"), methods=["POST"]),
            Route("/tonight/notes.pdf", shown_to(self.pdf, "calls"), methods=["GET"]),
            Route("/tonight/notes.txt", shown_to(self.text, "calls"), methods=["GET"]),
        ]

    def page(self, request: Request) -> Response:
        """Tonight's notes. With `live` nothing, as long as it is still that version."""
        self._since(request)
        return self._page(request)

    def pdf(self, request: Request) -> Response:
        """The same on A4."""
        terms, sheet = self._printed(request)
        try:
            made = as_pdf(sheet, TONIGHT)
        except NoPdf as error:
            log.warning("no PDF: %s", error)
            return render(request, TEMPLATES, "tonight_no_pdf.html", self._around.frame(terms), terms, 503)
        return Response(made, media_type="application/pdf", headers=_saved_as(sheet, "pdf"))

    def text(self, request: Request) -> Response:
        """The same as plain text."""
        _, sheet = self._printed(request)
        return Response(as_text(sheet), media_type="text/plain; charset=utf-8", headers=_saved_as(sheet, "txt"))

    def _printed(self, request: Request) -> tuple[Terms, Sheet]:
        self._since(request)
        terms = self._around.terms(language_of(request))
        sheet = self._sheet(request, terms)
        if sheet is None:
            raise HTTPException(404)
        self._note(request, sheet)
        return terms, sheet

    async def act(self, request: Request) -> Response:
        """Write a note, or take one off."""
        form = await form_of(request)
        told = await self._backroom.once(identity_of(request, form), partial(self._prepared, request, form))
        if isinstance(told, Mistake):
            return await run_in_threadpool(self._page, request, told)
        outcome = await self._backroom.submit(*told)
        return await run_in_threadpool(self._answered, request, form, outcome)

    def _answered(self, request: Request, form: Mapping[str, str], outcome: Submitted) -> Response:
        """The page from which it came, by reading it anew; or with what became of a form that did not get through."""
        if outcome.state in ("unavailable", "unreadable"):
            word = "sent_unknown" if outcome.state == "unavailable" else "line_is_down"
            return self._page(request, Mistake(word, form, 503))
        unusable = [receipt for receipt in outcome.receipts if receipt.status not in DONE]
        if outcome.state == "receipts" and unusable:
            terms = self._around.terms(language_of(request))
            detail = fault_in_words(unusable[0].field or "", *why(unusable[0]), terms)
            return self._page(request, Mistake("note_parked", form, 409, detail))
        said = ("end" if form.get("do") == "end" else "note") if outcome.state == "receipts" else "sent"
        number, link = number_in(form), link_in(language_of(request))
        if form.get("back") == "case":
            known = self._tonight.cases.numbered(number)
            return RedirectResponse(link(f"/cases/{known.case if known else number}", said=said), status_code=303)
        return RedirectResponse(f"{link('/tonight', said=said, number=number)}#case-{number}", status_code=303)

    def _prepared(self, request: Request, form: Mapping[str, str]) -> Told | Mistake:
        """The message of what somebody wants to say, or what is wrong with the form."""
        session, terms = _session(request), self._around.terms("ja")
        now = terms.ward.local(self._backroom.clock())
        writer = Writer(session.name, now, terms.ward.night_ending_after(now))
        provider = session.role.provider or ""
        number = number_in(form)
        known = self._tonight.cases.numbered(number) if number else None
        if number and known is None:
            return Mistake("note_no_case", form, 404)
        synthetic = bool(known and known.synthetic)
        if known and (meanwhile := self._meanwhile(request, form, known, writer.tonight)):
            return meanwhile
        log.info("a note written", extra={"case": number, "role": session.role.key, "who": session.who})
        if form.get("do") != "end":
            told = written(form, writer, synthetic=synthetic)
            return told if isinstance(told, Mistake) else Told(provider, told)
        facts = self._tonight.facts(terms.ward, now, None, personal=False)
        note = self._tonight.log.note_of([known.case, *known.parts]) if known else None
        if facts is None or known is None or note is None:
            return Mistake("note_no_case", form, 404)
        texts = words_in(opened(note, known, self._opens) or {}) or {"note": terms.screen("note_end")}
        return Told(provider, ended(form, texts, facts.span.night, writer, synthetic=synthetic))

    def _meanwhile(
        self, request: Request, form: Mapping[str, str], known: TonightCase, tonight: date | None
    ) -> Mistake | None:
        """What somebody else wrote of this case since the form was shown: whoever writes over it has seen it first."""
        note = self._tonight.log.note_of([known.case, *known.parts])
        if note is None or tonight is None or not note.holds(tonight):
            return None
        texts = words_in(opened(note, known, self._opens) or {})
        if form.get("seen", note.identity) == note.identity or texts == texts_in(form):
            return None  # It is the one that was shown, or this form's own, sent once more.
        screen = self._around.terms(language_of(request)).screen
        told = "　".join(f"{screen(f'note_{part}')}{screen('colon')}{text}" for part, text in texts.items())
        return Mistake("note_meanwhile", {**form, "seen": note.identity}, 409, told)

    def _page(self, request: Request, mistake: Mistake | None = None) -> Response:
        terms, session = self._around.terms(language_of(request)), _session(request)
        sheet = self._sheet(request, terms)
        alarms = urgent_in_words(self._nights.alarms(), terms, self._backroom.clock())
        alarming = _version(alarms)
        version = _version(_apart_from_the_time(sheet), alarming)
        if request.query_params.get("live") == version:
            return Response(status_code=204)
        if sheet:
            self._note(request, sheet)
        said = None if mistake else SAID.get(request.query_params.get("said", ""))
        return render(
            request,
            TEMPLATES,
            "tonight.html",
            self._around.frame(terms),
            terms,
            mistake.status if mistake else 200,
            sheet=sheet,
            version=version,
            alarms=alarms,
            alarming=alarming,
            asked_since=request.query_params.get("since", "")[:5],
            writes=session.role.provider is not None and session.sees("persons"),
            said=said,
            said_number=request.query_params.get("number", "")[:20],
            mistake=mistake,
            key=key_of(mistake.form if mistake else {}),
            told=mistake.form if mistake else {},
            longest=LONGEST,
        )

    def _sheet(self, request: Request, terms: Terms) -> Sheet | None:
        opens = self._opens if _session(request).sees("persons") else None
        now = self._backroom.clock()
        since = printed_at(request.query_params.get("since", ""), terms.ward.local(now))
        return self._tonight.sheet(Seen(terms, now, opens, since))

    def _since(self, request: Request) -> None:
        """Raises UnreadableAddress: what stands there as the time on a copy is none."""
        given = request.query_params.get("since", "").strip()
        if given and printed_at(given, self._backroom.clock()) is None:
            raise UnreadableAddress("since", SCREEN["address_time"])

    def _note(self, request: Request, sheet: Sheet) -> None:
        """Who looked at which cases, where something personal was shown."""
        session = _session(request)
        if session.sees("persons"):
            for row in sheet.rows:
                log.info("looked at", extra={"case": row.case, "role": session.role.key, "who": session.who})


def printed_at(given: str, now: datetime) -> datetime | None:
    """When a copy was printed that says this time: the last moment at which the clock stood so; None: no time."""
    found = _TIME.fullmatch(folded(given).strip()[:10])
    if found is None:
        return None
    that = datetime.combine(now.date(), time(int(found[1]), int(found[2])), now.tzinfo)
    return that if that <= now else that - timedelta(days=1)


def _session(request: Request) -> Session:
    session = session_of(request)
    assert session is not None, "these pages are for those who have signed in"
    return session


def _saved_as(sheet: Sheet, kind: str) -> dict[str, str]:
    return {"Content-Disposition": f'inline; filename="tonight-{sheet.night}.{kind}"'}


def _apart_from_the_time(sheet: Sheet | None) -> Sheet | None:
    """What may change by itself, but for the time at which it is looked."""
    return msgspec.structs.replace(sheet, as_of="") if sheet else None


def _version(*shown: Any) -> str:
    return hashlib.sha256(msgspec.json.encode(shown)).hexdigest()[:16]
