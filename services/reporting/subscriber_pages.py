"""送信先: who receives what, how far each is, what it has not acknowledged; and a test message for each."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from services.errands import Errand, NotDone, Outcome, What
from services.pages.forms import form_of
from services.pages.frame import Around, language_of, link_in, render, templates_in
from services.pages.guard import sees, session_of, shown_to, taken_from
from services.pages.terms import Terms
from services.pages.words import EVENTS, SCREEN
from services.reporting.deliveries import LISTED, Delivery, Standing, State, one, queue, standings
from services.subscribers import TEST, Subscriber

Asks = Callable[[Errand], Awaitable[Outcome]]
"""Has something done about a subscriber. Raises NotDone."""

PATIENCE = 8.0
"""Seconds for which a page waits for what comes of a test message."""

LOOK = 0.1
VERBS: dict[str, What] = {"test": "test", "retry": "retry", "skip": "skip", "enable": "enable"}
SAID = {"retry": "said_retry", "enable": "said_enable", "skip": "said_skip", "not-done": "said_not_done"}

TEMPLATES = templates_in(Path(__file__).with_name("templates"))
log = logging.getLogger("yoake.pages")


async def nobody(_: Errand) -> Outcome:
    """Where there is no NATS nothing can be done."""
    raise NotDone("NATS is not there")


class Told(NamedTuple):
    """A delivery in words."""

    of: Delivery
    event: str
    state: str
    since: str
    following: str
    answer: str


class Listed(NamedTuple):
    """A subscriber and how it stands, in words."""

    of: Subscriber
    standing: Standing | None
    stands: tuple[str, ...]
    since: str
    hears: str
    reads: str


class SubscriberPages:
    """The endpoints. `engine` reads the ledger's database."""

    def __init__(self, around: Around, engine: sa.Engine, asks: Asks) -> None:
        self._around, self._engine, self._asks = around, engine, asks

    def routes(self) -> list[Route]:
        """The addresses of these pages."""
        return [
            Route("/subscribers", shown_to(self.listed, "status"), methods=["GET"]),
            Route("/subscribers/{key}", shown_to(self.shown, "status"), methods=["GET"]),
            Route("/subscribers/{key}", taken_from(self.act, "status", "parked"), methods=["POST"]),
        ]

    def listed(self, request: Request) -> Response:
        """Every subscriber of the ward's file."""
        terms, found = self._around.terms(language_of(request)), standings(self._engine)
        rows = [_listed(each, found.get(each.key), terms) for each in terms.ward.subscriber]
        return self._render(request, "subscribers.html", terms, rows=rows)

    def shown(self, request: Request) -> Response:
        """One of them, with what it has not acknowledged; with `all` whatever it was ever sent."""
        terms = self._around.terms(language_of(request))
        subscriber = _one(terms, request)
        everything = request.query_params.get("all") == "1"
        deliveries = queue(self._engine, subscriber.key, everything=everything)
        return self._render(
            request,
            "subscriber.html",
            terms,
            row=_listed(subscriber, standings(self._engine).get(subscriber.key), terms),
            deliveries=[_told(each, terms) for each in deliveries],
            everything=everything,
            most=LISTED if len(deliveries) == LISTED else None,
            said=self._said(request, subscriber, terms),
            acts=sees(request, "status", "parked"),
        )

    async def act(self, request: Request) -> Response:
        """What the button says that was pressed."""
        form = await form_of(request)
        terms = await run_in_threadpool(self._around.terms, language_of(request))
        subscriber, verb = _one(terms, request), VERBS.get(form.get("do", ""))
        if verb is None:
            raise HTTPException(404)
        try:
            query = await self._done(subscriber.key, verb, form.get("position", ""))
        except NotDone:
            query = {"said": "not-done"}
        session = session_of(request)
        assert session is not None, "nobody else comes so far"
        log.info("%s of a subscriber", verb, extra={"id": subscriber.key, "role": session.role.key, "who": session.who})
        address = link_in(language_of(request))(f"/subscribers/{subscriber.key}", **query)
        return RedirectResponse(address, status_code=303)

    async def _done(self, key: str, verb: What, position: str) -> dict[str, object]:
        number = int(position) if position.isascii() and position.lstrip("-").isdigit() and len(position) < 19 else None
        if verb == "skip" and number is None:
            raise HTTPException(404)
        outcome = await self._asks(Errand(do=verb, subscriber=key, position=number))
        if verb != "test" or outcome.position is None:
            return {"said": verb}
        end = asyncio.get_running_loop().time() + PATIENCE
        found = await run_in_threadpool(one, self._engine, key, outcome.position)
        while (found is None or not found.answer) and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(LOOK)
            found = await run_in_threadpool(one, self._engine, key, outcome.position)
        if found is not None and found.state is State.waiting:  # It has served; nobody is to get it tomorrow.
            await self._asks(Errand(do="skip", subscriber=key, position=outcome.position))
        return {"said": "test", "test": outcome.position}

    def _said(self, request: Request, subscriber: Subscriber, terms: Terms) -> str | None:
        said, test = request.query_params.get("said", ""), request.query_params.get("test", "")
        if said in SAID:
            return terms.screen(SAID[said])
        if said != "test" or not (test.isascii() and test.lstrip("-").isdigit() and len(test) < 19):
            return None
        found = one(self._engine, subscriber.key, int(test))
        if found is None or found.event != TEST:
            return None
        good = found.state is State.delivered
        return terms.screen("said_test_good") if good else terms.screen("said_test_bad", answer=_answer(found, terms))

    def _render(self, request: Request, template: str, terms: Terms, **context: Any) -> Response:
        return render(request, TEMPLATES, template, self._around.frame(terms), terms, **context)


def _one(terms: Terms, request: Request) -> Subscriber:
    key = request.path_params["key"]
    found = next((each for each in terms.ward.subscriber if each.key == key), None)
    if found is None:
        raise HTTPException(404)
    return found


def _listed(subscriber: Subscriber, standing: Standing | None, terms: Terms) -> Listed:
    return Listed(
        of=subscriber,
        standing=standing,
        stands=tuple(_stands(standing, terms)),
        since="" if standing is None or standing.oldest is None else _time(standing.oldest, terms),
        hears=terms.listed(_event(name, terms) for name in subscriber.events),
        reads=terms.listed(terms.personal(name) for name in subscriber.personal),
    )


def _stands(standing: Standing | None, terms: Terms) -> list[str]:
    if standing is None:
        return [terms.screen("subscriber_new")]
    said = []
    if standing.disabled_at:
        said.append(terms.screen("subscriber_stopped", why=standing.because))
    if standing.given_up:
        said.append(terms.screen("subscriber_given_up", n=standing.given_up))
    if standing.waiting + standing.sent:
        said.append(terms.screen("subscriber_open", n=standing.waiting + standing.sent))
    return said or [terms.screen("subscriber_ok")]


def _told(delivery: Delivery, terms: Terms) -> Told:
    waits = delivery.state is State.waiting and delivery.attempts > 0
    return Told(
        of=delivery,
        event=_event(delivery.event, terms),
        state=terms.screen(f"delivery_{delivery.state.value}"),
        since=_time(delivery.since, terms),
        following=_time(delivery.due, terms) if waits else "",
        answer=_answer(delivery, terms) if delivery.answer else "",
    )


def _event(name: str, terms: Terms) -> str:
    if name == TEST:
        return terms.screen("delivery_test")
    return terms.say(EVENTS[name]) if name in EVENTS else name


def _answer(delivery: Delivery, terms: Terms) -> str:
    answer = delivery.answer or "none"
    if answer.startswith("http-"):
        return terms.screen("answer_http", status=answer.removeprefix("http-"))
    word = f"answer_{answer}"
    return terms.screen(word) if word in SCREEN else answer


def _time(seconds: float, terms: Terms) -> str:
    return terms.moment(datetime.fromtimestamp(seconds, terms.ward.zone))
