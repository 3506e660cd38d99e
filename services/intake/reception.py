"""相談を受ける: the call card, and what it sends while somebody talks.

A call is never refused: the card opens also where no database answers, and what it sends goes through the door as
every other message does. An answer says only what is true: a number where a receipt came, `queued` where it is safe.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import UTC
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from events.messages import MAX_MESSAGE_BYTES, Receipt
from services.clock import Clock
from services.database import DatabaseError
from services.era import folded
from services.intake.contacts import CHANNELS, MISTAKEN, NOT_COUNTED
from services.intake.door import Door, Outcome
from services.intake.finding import NotIndexed
from services.intake.from_page import CALLER, PERSONAL, WORDS, FromPage, NotUsable, message, read
from services.intake.linking import IDENTIFIERS
from services.intake.meanwhile import recorded_meanwhile
from services.intake.recall import Recall
from services.intake.records import text_of
from services.intake.standing import Lone, Opens, Standing, lone, moved_to, standing
from services.intake.web import Lookup
from services.pages.flag_words import means_of
from services.pages.frame import Around, language_of, link_in, render, templates_in
from services.pages.guard import session_of
from services.pages.night_log import NightLog
from services.pages.parked_words import accepted_in_words, receipt_in_words
from services.pages.ringing import Ringing
from services.pages.terms import Language, Terms
from services.pages.urgent import urgent_in_words
from services.signin import Session

TEMPLATES = templates_in(Path(__file__).with_name("templates"))
STAMPS = ("119", "110", "ward", "abuse-report")
CALLED = ("ward", "abuse-report")
"""Those for which the worker rings somebody: a button's words say whether that one answered, which ends the ladder."""

SCRIPT_WORDS = (
    *("saved", "queued", "no_number", "card_parked", "not_registered", "second_identifier", "linking", "chosen"),
    *("colon", "removed", "answered", "not_answered", "cannot_read", "kept_here", "nth_person"),
    *("undo_press", "pressed_by_mistake", "no_such_time"),
)
OF_THE_CALL = (*CALLER, "channel", "not_counted", "third_party", WORDS)
"""What all persons of a contact share: what stood there of nobody stands on the card of whoever it was."""

IN_ITS_FIELD = frozenset({"birth-date-unusable"})
"""Flags that are said where it was typed."""

STATUS = {"received": 200, "queued": 202, "unreadable": 400, "unavailable": 503}
log = logging.getLogger("yoake.pages")


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of what the card sent. `state`: received, queued, unavailable or unreadable.

    `status`: the receipt's; `detail`: what a person must know of it. `flags` are in words. `href`: the card itself.
    `wrong`: by a field's name, what cannot be used of it, and what can. `meanwhile`: by a field's name, what somebody
    else recorded there since it was shown, which this has been written over.
    """

    state: str
    status: str | None = None
    number: str | None = None
    time: str | None = None
    href: str | None = None
    flags: list[str] = []
    wrong: dict[str, str] = {}
    meanwhile: dict[str, str] = {}
    not_registered: bool = False
    detail: str | None = None


class Reception:
    """The endpoints of the call card, for roles that speak for a provider."""

    def __init__(
        self,
        around: Around,
        door: Door | None,
        recall: Recall,
        lookup: Lookup,
        opens: Opens,
        clock: Clock,
        ringing: Ringing | None = None,
        nights: NightLog | None = None,
    ) -> None:
        """`around` must answer where no database does. `door` None: nothing can be sent from here.

        `ringing`: looks up tonight's notes, which stand on the card of a case; `nights`: what cannot wait.
        """
        self._around, self._door, self._recall = around, door, recall
        self._lookup, self._log = lookup, lookup.log
        self._opens, self._clock, self._ringing, self._nights = opens, clock, ringing, nights

    def routes(self) -> list[Route]:
        """The addresses of the card."""
        return [
            Route("/calls/new", self.new, methods=["GET"]),
            Route("/calls", self.take, methods=["POST"]),
            Route("/calls/{number}", self.known, methods=["GET"]),
            Route("/calls/{id}/receipt", self.receipt, methods=["GET"]),
            Route("/calls/{number}/urgent", self.urgent, methods=["GET"]),
        ]

    def new(self, request: Request) -> Response:
        """An empty card; with `number`, for a further contact of that consultation.

        With `beside`, for whoever a contact about nobody turned out to be about.
        """
        session, _ = _speaker(request)
        asked = request.query_params
        nobody = self._lone(asked["beside"][:20], session, language_of(request)) if "beside" in asked else None
        return self._card(request, session, [], follows=asked.get("number", "")[:20], nobody=nobody)

    def known(self, request: Request) -> Response:
        """The card of the last contact under a number, to go on with; with everybody about whom that contact was.

        Where every contact was moved away, the card to which the last one went: the number was read out to somebody.
        """
        session, _ = _speaker(request)
        if not session.sees("calls"):
            raise HTTPException(404)
        terms = self._around.terms(language_of(request))
        number = folded(request.path_params["number"]).upper()
        found = standing(self._log, number, terms.ward, self._opens if session.sees("persons") else None)
        if not found:
            nobody = self._lone(number, session, terms.language)
            if nobody is not None:
                return self._of_nobody(request, session, nobody, terms)
            to = moved_to(self._log, number)
            if to is None:
                raise HTTPException(404)
            return RedirectResponse(link_in(terms.language)(f"/calls/{to}"), status_code=303)
        for each in found:
            log.info("looked at", extra={"case": each.case, "role": session.role.key, "who": session.who})
        return self._card(request, session, found, follows="", asked=number)

    async def take(self, request: Request) -> Response:
        """One thing that a card sends."""
        session, provider = _speaker(request)
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > MAX_MESSAGE_BYTES:
                return _told(Answer(state="unreadable", detail=f"up to {MAX_MESSAGE_BYTES} bytes"))
        try:
            told = read(body)
        except NotUsable as error:
            return _told(Answer(state="unreadable", detail=str(error)))
        terms = await run_in_threadpool(self._around.terms, language_of(request))
        sent = message(told, _source(session), terms.ward)
        if self._door is None:
            return _told(Answer(state="unavailable"))
        meanwhile = await run_in_threadpool(self._meanwhile, told, session, terms)
        outcome = await self._door.submit(provider, msgspec.json.encode(sent))
        log.info("said at a page", extra={"provider": provider, "role": session.role.key, "who": session.who})
        return _told(msgspec.structs.replace(_answer(outcome, terms), meanwhile=meanwhile))

    def receipt(self, request: Request) -> Response:
        """What became of what was queued."""
        session, provider = _speaker(request)
        terms = self._around.terms(language_of(request))
        try:
            found = self._recall.receipts(provider, _source(session), request.path_params["id"])
        except (DatabaseError, sa.exc.SQLAlchemyError):
            found = []
        return _told(_received(found[0], terms) if found else Answer(state="queued"))

    def urgent(self, request: Request) -> Response:
        """What of a consultation cannot wait, and whom to ring now; nothing where handover cannot be read."""
        session, _ = _speaker(request)
        if not session.sees("calls"):
            raise HTTPException(404)
        terms, number = self._around.terms(language_of(request)), request.path_params["number"]
        try:
            alarms = self._nights.alarms() if self._nights else []
        except (DatabaseError, sa.exc.SQLAlchemyError):
            alarms = []
        found = [each.text for each in urgent_in_words(alarms, terms, self._clock()) if each.number == number]
        return Response(msgspec.json.encode(found), media_type="application/json")

    def _meanwhile(self, told: FromPage, session: Session, terms: Terms) -> dict[str, str]:
        """What this writes over that its card never showed; nothing where that cannot be read: a call goes on."""
        if told.kind != "call.add" or not told.of or not session.sees("calls"):
            return {}
        try:
            opens = self._opens if session.sees("persons") else None
            found = [each for each in standing(self._log, told.of, terms.ward, opens) if each.number == told.of]
        except (DatabaseError, sa.exc.SQLAlchemyError):
            return {}
        there = recorded_meanwhile(told, found[0].values, terms) if found and found[0].is_last else {}
        return {name: terms.screen("recorded_meanwhile", theirs=text) for name, text in there.items()}

    def _lone(self, number: str, session: Session, language: Language) -> Lone | None:
        ward = self._around.terms(language).ward
        opens = self._opens if session.sees("persons") else None
        return lone(self._log, folded(number).upper(), ward, opens)

    def _of_nobody(self, request: Request, session: Session, nobody: Lone, terms: Terms) -> Response:
        """What was said in a contact about nobody: no card, since there is nobody on it."""
        log.info("looked at", extra={"case": nobody.contact, "role": session.role.key, "who": session.who})
        return render(
            request, TEMPLATES, "lone.html", self._around.frame(terms), terms, lone=nobody, said=_lines(nobody, terms)
        )

    def _card(
        self,
        request: Request,
        session: Session,
        stands: list[Standing],
        follows: str,
        asked: str = "",
        nobody: Lone | None = None,
    ) -> Response:
        """`asked`: the number that was asked for. Who rang again since is another contact's, and linked to.

        `nobody`: the contact, about nobody as yet, in which the person of this card was.
        """
        terms = self._around.terms(language_of(request))
        frame = self._around.frame(terms)
        last = [each for each in stands if each.is_last]
        here = [each for each in last if not each.is_mistaken] or last
        numbers = dict.fromkeys([*(each.number for each in here), folded(follows).upper()])
        noted = self._ringing(terms, personal=session.sees("persons")).of_number if self._ringing else {}
        attempts = [(n, *each) for n, person in enumerate(here) for each in person.attempts]
        return render(
            request,
            TEMPLATES,
            "card.html",
            frame,
            terms,
            persons=[_section(n, each, self._name(session, each)) for n, each in enumerate(here, start=1)]
            or [_Section(prefix="", values=_of_the_call(nobody))],
            blank=_Section(prefix="blank-"),
            later=[each.number for each in stands if not each.is_last],
            removed=[each.number for each in last if each not in here],
            noted=[noted[number] for number in numbers if number in noted],
            began=here[0].began_at.isoformat() if here else nobody.began_at.isoformat() if nobody else "",
            beside=nobody.number if nobody else "",
            asked=asked,
            follows=follows,
            attempts=attempts,
            now=self._clock().astimezone(UTC).isoformat(timespec="milliseconds"),
            stamps=STAMPS,
            called=CALLED,
            channels_said=_said(CHANNELS.values(), terms),
            not_counted_said=_said((kind for kind in NOT_COUNTED.values() if kind != MISTAKEN), terms),
            districts_said=_districts(terms),
            providers_said=terms.who_may_promise(
                self._clock(), [str(each.values.get("call_back_who")) for each in here]
            ),
            identifiers=IDENTIFIERS,
            finds=session.sees("persons"),
            script_words={name: terms.as_is(name) for name in SCRIPT_WORDS},
        )

    def _name(self, session: Session, stands: Standing) -> str | None:
        """Of the registrant to whom somebody is linked."""
        if stands.person is None or not session.sees("persons"):
            return None
        try:
            with self._lookup.log.engine.connect() as reading:
                record = self._lookup.finder.record(reading, stands.person)
        except NotIndexed:
            return None
        return text_of(record.personal, "name") if record else None


class _Section(NamedTuple):
    """One person on the card. `prefix`: of the ids of their fields; `linked_to`: the registrant's id, and the name,
    for those who see persons.
    """

    prefix: str
    number: str = ""
    values: Mapping[str, Any] = MappingProxyType({})
    linked_to: str | None = None
    linked_name: str | None = None


def _section(n: int, stands: Standing, linked_name: str | None) -> _Section:
    return _Section("" if n == 1 else f"p{n}-", stands.number, stands.values, stands.person, linked_name)


def _of_the_call(nobody: Lone | None) -> dict[str, Any]:
    return {name: nobody.values[name] for name in OF_THE_CALL if name in nobody.values} if nobody else {}


def _lines(nobody: Lone, terms: Terms) -> list[tuple[str, str]]:
    """What was said in a contact about nobody, each with its name."""
    of_caller = f"{terms.screen('caller')}{terms.screen('colon')}"
    said = [(of_caller + terms.personal(part), name) for name, part in CALLER.items()]
    said += [(terms.personal(name), name) for name in (WORDS, *PERSONAL)]
    return [(label, str(nobody.values[name])) for label, name in said if name in nobody.values]


def _speaker(request: Request) -> tuple[Session, str]:
    """Who is signed in, and for which provider; for others there is no such page."""
    session = session_of(request)
    if session is None or session.role.provider is None:
        raise HTTPException(404)
    return session, session.role.provider


def _said(codes: Iterable[str], terms: Terms) -> list[tuple[str, str]]:
    """Codes of the contract, each once, with their words."""
    return [(code, terms.code(code)) for code in dict.fromkeys(codes)]


def _districts(terms: Terms) -> list[tuple[str, str]]:
    """The ward's districts in its order, and 不明."""
    known = [(each.key, terms.say(each.label)) for each in terms.ward.district]
    return [*known, ("unknown", terms.district(None))]


def _source(session: Session) -> str:
    return f"/front/{session.role.key}"


def _answer(outcome: Outcome, terms: Terms) -> Answer:
    match outcome.state:
        case "receipts":
            return _received(outcome.receipts[0], terms)
        case "queued":
            return Answer(state="queued")
        case "unreadable":
            return Answer(state="unreadable", detail=f"{outcome.unread[0].field}: {outcome.unread[0].fault}")
        case "unavailable":
            return Answer(state="unavailable")


def _received(receipt: Receipt, terms: Terms) -> Answer:
    number = receipt.number[0] if receipt.number else None
    odd = [flag for flag in receipt.flags if flag["code"] != "not-registered"]
    said_there = {_field(flag): _wrong(flag, terms) for flag in odd if flag["code"] in IN_ITS_FIELD}
    return Answer(
        state="received",
        status=receipt.status,
        number=number,
        time=f"{terms.ward.local(receipt.at):%H:%M}",
        href=link_in(terms.language)(f"/calls/{number}") if number else None,
        flags=list(dict.fromkeys(_in_words(flag, terms) for flag in odd if flag["code"] not in IN_ITS_FIELD)),
        wrong=said_there,
        not_registered=len(odd) < len(receipt.flags),
        detail=receipt_in_words(receipt, terms) if receipt.reason else None,
    )


def _field(flag: Mapping[str, str | None]) -> str:
    return (flag.get("field") or "").rpartition(".")[2]


def _wrong(flag: Mapping[str, str | None], terms: Terms) -> str:
    """What is wrong in a field, and what would be taken; it stands under that field."""
    accepted = accepted_in_words(flag.get("accepted") or "", terms.language)
    return terms.screen("no_such_date") + terms.screen("would_be", accepted=accepted)


def _in_words(flag: dict[str, str | None], terms: Terms) -> str:
    code, field = means_of(flag["code"] or "", terms), _field(flag)
    return f"{terms.field(field)}：{code}" if field not in ("", "data") else code


def _told(answer: Answer) -> Response:
    return Response(msgspec.json.encode(answer), STATUS[answer.state], media_type="application/json")
