"""The pages of the reporting service: tables, the consultations behind a figure, a case's history.

Japanese first, English with `?lang=en`. Reading only. Every endpoint that asks the database is a
plain function, which Starlette runs in a thread: no SQL on the event loop.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, get_args

import sqlalchemy as sa
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from services.degraded import Degraded, seen_as
from services.hearing import Cursors
from services.pages.forms import key_of
from services.pages.frame import LIGHTS, Around, Frame, language_of, link_in, render, templates_in
from services.pages.guard import session_of, shown_to
from services.pages.noting import LONGEST
from services.pages.noting import SAID as NOTED
from services.pages.terms import Language, Terms
from services.reporting.changes import changes
from services.reporting.inquiry import History, Inquiry, NotKnown, Opens
from services.reporting.ledger import BeforeTheLedger
from services.reporting.pages import asked as asking
from services.reporting.pages.asked import Asked
from services.reporting.pages.behind import consultations, registrants
from services.reporting.pages.course import told
from services.reporting.pages.difference import Difference, in_words
from services.reporting.pages.grid import laid_out, notes_under, place_of, query_of_years
from services.reporting.pages.noting import noting
from services.reporting.pages.overview import Compared, sections, titles, with_query
from services.reporting.published import Published, compare
from services.reporting.report import Report, shown
from services.reporting.tables import PERCENT, REPORTS, Name
from services.settings import SERVICES
from services.ward import Label, Ward

LONGEST_ID = 200
log = logging.getLogger("yoake.pages")
TEMPLATES = templates_in(Path(__file__).with_name("templates"))


def around(ward_file: Ward, inquiry: Inquiry, found: Callable[[], list[Degraded]], *, is_open: bool) -> Around:
    """What stands around every page: the words of the ward in force, and the end of the ledger.

    `found`: what is degraded, of all services. `is_open`: the first page is shown without signing in.
    """

    def terms(language: Language) -> Terms:
        *earlier, ward = inquiry.wards() or [ward_file]
        return Terms(ward, language, earlier)

    def frame(terms: Terms) -> Frame:
        position, root = inquiry.end()
        ward = terms.ward.ward
        light = LIGHTS[seen_as(found())]
        return Frame(terms.say(ward.name), terms.say(ward.centre), inquiry.synthetic(), position, root, light, is_open)

    return Around(terms, frame)


class Registrant(Protocol):
    """Somebody on the register; without a name for those who do not see persons."""

    @property
    def person(self) -> str: ...
    @property
    def name(self) -> str | None: ...
    @property
    def status(self) -> str: ...


Whose = Callable[[str, bool], Registrant | None]
"""(a consultation's id, whether whoever asks sees persons) → the registrant whom it is about."""


class Site:
    """The pages' endpoints over one database. `found`: what is degraded, of all services."""

    def __init__(
        self,
        around: Around,
        inquiry: Inquiry,
        found: Callable[[], list[Degraded]],
        published: Sequence[Published] = (),
        *,
        is_open: bool = False,
        opens: Opens | None = None,
        in_charge: Callable[[str], str | None] = lambda case: None,
        to_tell: Callable[[str, Terms], list[tuple[str, str]]] = lambda case, terms: [],
        whose: Whose = lambda case, personal: None,
    ) -> None:
        """`is_open`: the first page needs no signing in. `opens` opens boxes for those who see persons.

        `in_charge`: the owner of a consultation (担当), by its id. `to_tell`: (hand-over, what) of those who must be
        told something about one. `whose`: the registrant whom a consultation is about.
        """
        self._around, self._inquiry, self._found, self._published = around, inquiry, found, published
        self._is_open, self._opens, self._in_charge, self._to_tell = is_open, opens, in_charge, to_tell
        self._whose = whose

    def routes(self) -> list[Route]:
        """The addresses of these pages."""
        overview = self.overview if self._is_open else shown_to(self.overview, "figures")
        return [
            Route("/", overview),
            Route("/tables/{report}", shown_to(self.table, "figures")),
            Route("/tables/{report}/cell", shown_to(self.cell, "figures", "calls")),
            Route("/cases/{about}", shown_to(self.course, "calls")),
            Route("/status", shown_to(self.status, "status")),
        ]

    def overview(self, request: Request) -> Response:
        """集計表: the published tables beside the computed ones, or all tables of all years."""
        terms = self._terms(request)
        years = self._inquiry.years()
        if not years:
            return self._render(request, "empty.html", terms)
        context: dict[str, Any] = {"years_query": query_of_years(years), "titles": titles(terms)}
        if not self._published:
            grids = [laid_out(self._inquiry.report(name, years=years), terms) for name in REPORTS]
            return self._render(request, "overview.html", terms, sections=[("", with_query(grids, years))], **context)
        compared = self._compared()
        found = [difference for each in compared for difference in each.differences]
        return self._render(
            request,
            "overview.html",
            terms,
            sections=sections(compared, terms),
            count=len(found),
            differ=sum(not difference.equal for difference in found),
            **context,
        )

    def table(self, request: Request) -> Response:
        """One table, as it is asked for."""
        terms, name = self._terms(request), _report_name(request)
        asked, wrong = self._asked(request, terms.ward)
        context: dict[str, Any] = {
            "report": name,
            "title": terms.say(terms.ward.titles[name]),
            "typed": asking.typed(request.query_params),
            "wrong": {field: terms.say(label) for field, label in wrong.items()},
        }
        if wrong:
            return self._render(request, "table.html", terms, status=400, grid=None, **context)
        try:
            report, _ = self._report(name, asked)
        except BeforeTheLedger:
            return self._render(request, "empty.html", terms)
        context["difference"] = self._difference(name, asked, terms)
        return self._render(
            request, "table.html", terms, grid=laid_out(report, terms), notes=notes_under(report, terms), **context
        )

    def cell(self, request: Request) -> Response:
        """内訳: who stands behind one figure."""
        terms, name = self._terms(request), _report_name(request)
        asked, wrong = self._asked(request, terms.ward)
        if wrong:
            return self.table(request)
        try:
            report, facts = self._report(name, asked)
        except BeforeTheLedger as error:
            raise HTTPException(404) from error
        cell = report.cell(request.query_params.get("row", ""), request.query_params.get("column", ""))
        if cell is None:
            raise HTTPException(404)
        before = None if asked.as_of is None else terms.ward.end_of(asked.as_of)
        listing = consultations if report.counts == "case" else registrants
        if facts is None:
            with self._inquiry.stored_facts() as stored:
                rows: list[Any] = list(listing(cell.cases, stored, terms, before))
        else:
            rows = list(listing(cell.cases, facts, terms, before))
        return self._render(
            request,
            "cell.html",
            terms,
            report=report,
            grid=laid_out(report, terms),
            cell=cell,
            place=place_of(report, cell, terms),
            value=shown(cell.value),
            rows=rows,
            is_share=cell.column == PERCENT,
            typed=asking.typed(request.query_params),
        )

    def course(self, request: Request) -> Response:
        """ケースの経過: every event of a consultation or a person, by id or by reference number."""
        terms, about = self._terms(request), request.path_params["about"]
        if len(about) > LONGEST_ID or not about.isprintable():
            raise HTTPException(404)
        try:
            known = self._inquiry.find(about)
        except NotKnown as error:
            raise HTTPException(404) from error
        if known != about:
            return RedirectResponse(link_in(terms.language)(f"/cases/{known}"), status_code=302)
        session = session_of(request)
        assert session is not None, "this page is for those who have signed in"
        log.info("looked at", extra={"case": known, "role": session.role.key, "who": session.who})
        history = self._inquiry.history(known, opens=self._opens if session.sees("persons") else None)
        writes = session.role.provider is not None and session.sees("persons")
        owner, to_tell = self._of_handover(known, terms)
        course = told(history, terms, self._numbers(history), owner)
        return self._render(
            request,
            "course.html",
            terms,
            course=course,
            to_tell=to_tell,
            whose=self._registrant(known, session.sees("persons")) if history.kind == "case" else None,
            about=known,
            noting=noting(history) if writes else None,
            said=NOTED.get(request.query_params.get("said", "")),
            longest=LONGEST,
            key=key_of({}),
        )

    def _of_handover(self, about: str, terms: Terms) -> tuple[str | None, list[tuple[str, str]]]:
        """In whose charge it is, and who must be told something; nothing while handover's database cannot be read."""
        try:
            return self._in_charge(about), self._to_tell(about, terms)
        except (sa.exc.DatabaseError, sa.exc.TimeoutError):
            return None, []

    def _registrant(self, about: str, personal: bool) -> Registrant | None:
        """Whom it is about; nothing while intake's database cannot be read."""
        try:
            return self._whose(about, personal)
        except (sa.exc.DatabaseError, sa.exc.TimeoutError):
            return None

    def _numbers(self, history: History) -> dict[str, str]:
        """The 受付番号 of the consultations that this one was made a part of, or taken out of, by their ids."""
        named = {step.data.get(field) for step in history.steps for field in ("into", "from_case")} - {None}
        found = {one: self._inquiry.history(one).number for one in named if isinstance(one, str)}
        return {one: number for one, number in found.items() if number}

    def status(self, request: Request) -> Response:
        """稼働状況: what is degraded, how far the ledger goes, and of whom it heard how much."""
        terms, found = self._terms(request), self._found()
        head, _ = self._inquiry.end()
        cursors = Cursors(self._inquiry.engine)
        return self._render(
            request,
            "status.html",
            terms,
            degraded=[(terms.say(Label(one.ja, one.en)), terms.say(Label(one.do_ja, one.do_en))) for one in found],
            last=terms.moment(self._inquiry.ledger.row(head).ledgered_at) if head else None,
            heard=[(service, cursors.position(service)) for service in SERVICES if service != "reporting"],
        )

    def _terms(self, request: Request) -> Terms:
        return self._around.terms(language_of(request))

    def _render(self, request: Request, template: str, terms: Terms, status: int = 200, **context: Any) -> Response:
        return render(request, TEMPLATES, template, self._around.frame(terms), terms, status, **context)

    def _asked(self, request: Request, ward: Ward) -> tuple[Asked, dict[str, Label]]:
        """What was asked for; the cut-off already as a position that the ledger has."""
        asked, wrong = asking.read(request.query_params, ward)
        cuts: dict[str, int] = {}
        for field, given in (("known_at", asked.known_at), ("since", asked.since)):
            try:
                cuts |= {} if given is None else {field: self._inquiry.cut(given)}
            except LookupError:
                wrong[field] = self._range(ward)
        if not wrong and {"known_at", "since"} <= cuts.keys() and cuts["since"] > cuts["known_at"]:
            wrong["since"] = asking.LATER
        return asked._replace(known_at=cuts.get("known_at"), since=cuts.get("since")), wrong

    def _range(self, ward: Ward) -> Label:
        """What the ledger has, for somebody who asked for something else."""
        head, _ = self._inquiry.end()
        if not head:
            return asking.EMPTY
        since = self._inquiry.ledger.row(1).ledgered_at
        return asking.out_of_range(head, Terms(ward, "ja").moment(since), Terms(ward, "en").moment(since))

    def _report(self, name: Name, asked: Asked) -> tuple[Report, Any]:
        """The table, and the facts it was made from; None: those that are stored."""
        if asked.as_of is None and asked.known_at is None:
            return self._inquiry.report(name, years=asked.years), None
        upto = asked.known_at if isinstance(asked.known_at, int) else None
        facts = self._inquiry.facts(upto)
        report = self._inquiry.report(name, years=asked.years, as_of=asked.as_of, known_at=asked.known_at, facts=facts)
        return report, facts

    def _difference(self, name: Name, asked: Asked, terms: Terms) -> Difference | None:
        """From an earlier state, where somebody asked for it."""
        if asked.since is None:
            return None
        until = self._inquiry.end()[0] if asked.known_at is None else asked.known_at
        then, now = (
            self._inquiry.report(name, years=asked.years, as_of=asked.as_of, known_at=cut)
            for cut in (asked.since, until)
        )
        return in_words(changes(self._inquiry, then, now), then, now, terms)

    def _compared(self) -> list[Compared]:
        """Every published table beside the computed one, from one fold of the ledger."""
        facts = self._inquiry.facts()
        found = []
        for table in self._published:
            report = self._inquiry.report(table.report, years=table.years, as_of=table.as_of, facts=facts)
            found.append(Compared(table, report, compare(table, report)))
        return found


def _report_name(request: Request) -> Name:
    name: Any = request.path_params["report"]
    if name not in get_args(Name):
        raise HTTPException(404)
    return name  # type: ignore[no-any-return]  # Just checked to be one of them.
