"""The pages of the reporting service: tables, the consultations behind a figure, a case's history.

Japanese first, English with `?lang=en`. Reading only. Every endpoint that asks the database is a
plain function, which Starlette runs in a thread: no SQL on the event loop.
"""

from __future__ import annotations

from typing import Any, get_args

import sqlalchemy as sa
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from services.degraded import worst
from services.health import routes
from services.hearing import Cursors
from services.journal import Journal
from services.reporting.inquiry import Inquiry, NotKnown
from services.reporting.ledger import BeforeTheLedger
from services.reporting.pages import asked as asking
from services.reporting.pages.asked import Asked
from services.reporting.pages.behind import consultations, registrants
from services.reporting.pages.course import told
from services.reporting.pages.frame import STATIC, bare, framed, language_of, link_in, render
from services.reporting.pages.grid import laid_out, notes_under, place_of, query_of_years
from services.reporting.pages.overview import Compared, sections, titles, with_query
from services.reporting.pages.shield import Shield
from services.reporting.pages.terms import Terms
from services.reporting.pages.words import SCREEN
from services.reporting.published import compare, load
from services.reporting.report import Report, shown
from services.reporting.tables import PERCENT, REPORTS, Name
from services.settings import SERVICES, Settings
from services.vitals import Vitals
from services.ward import Label, Ward

LOOPBACK = ("localhost", "127.0.0.1", "[::1]", "::1")
LONGEST_ID = 200


def pages(settings: Settings, journal: Journal, vitals: Vitals | None = None) -> Starlette:
    """The pages as an ASGI application over one reporting database; without `vitals`, without NATS.

    Raises:
        services.ward.WardError: the ward's file cannot be used.
        services.reporting.published.PublishedError: the published figures cannot be used.
    """
    inquiry = Inquiry(journal.engine, journal.log)
    vitals = vitals or Vitals(journal, further=lambda: further_facts(inquiry))
    site = Site(settings, inquiry, vitals)
    return Starlette(
        routes=[
            Route("/", site.overview),
            Route("/tables/{report}", site.table),
            Route("/tables/{report}/cell", site.cell),
            Route("/cases/{about}", site.course),
            Route("/status", site.status),
            *routes(vitals),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        middleware=[
            Middleware(Shield),
            # Otherwise any page on the web could give our address a name of its own and read us.
            Middleware(TrustedHostMiddleware, allowed_hosts=[*LOOPBACK, settings.pages[0]], www_redirect=False),
        ],
        exception_handlers={
            HTTPException: site.refused,
            sa.exc.OperationalError: site.unavailable,
            sa.exc.TimeoutError: site.unavailable,
        },
    )


def further_facts(inquiry: Inquiry) -> dict[str, Any]:
    """What the database says of itself: whether it answers, and whether the ward's rules were heard of."""
    try:
        return {"ward_known": inquiry.ward() is not None}
    except (sa.exc.OperationalError, sa.exc.TimeoutError):
        return {"database_missing": True}


class Site:
    """The pages' endpoints over one database."""

    def __init__(self, settings: Settings, inquiry: Inquiry, vitals: Vitals) -> None:
        self._inquiry, self._vitals = inquiry, vitals
        self._ward_file = settings.ward()
        self._published = load(settings.published) if settings.published else ()

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
        return self._render(
            request, "course.html", terms, course=told(self._inquiry.history(known), terms), about=known
        )

    def status(self, request: Request) -> Response:
        """稼働状況: what is degraded, how far the ledger goes, and of whom it heard how much."""
        terms, found = self._terms(request), self._vitals.everywhere()
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

    def refused(self, request: Request, error: Exception) -> Response:
        """A page that does not exist, or a record that does not: in both languages, in the same frame."""
        status = error.status_code if isinstance(error, HTTPException) else 500
        is_record = request.url.path.startswith("/cases/")
        key = {404: "not_found" if is_record else "no_page", 405: "wrong_method"}.get(status, "not_available")
        try:
            return self._render(request, "refused.html", self._terms(request), status=status, **_in_both(key))
        except (sa.exc.OperationalError, sa.exc.TimeoutError):
            return self.unavailable(request, error)

    def unavailable(self, request: Request, _: Exception) -> Response:
        """The database does not answer; nothing is asked of it for this page."""
        terms = Terms(self._ward_file, language_of(request))
        frame = bare(self._ward_file, terms)
        return render(request, "refused.html", frame, terms, status=503, **_in_both("not_available"))

    def _terms(self, request: Request) -> Terms:
        """The words of the ward as the ledger knows it, or before that, of its file."""
        *earlier, ward = self._inquiry.wards() or [self._ward_file]
        return Terms(ward, language_of(request), earlier)

    def _render(self, request: Request, template: str, terms: Terms, status: int = 200, **context: Any) -> Response:
        return render(
            request, template, framed(self._inquiry, terms, worst(self._vitals.everywhere())), terms, status, **context
        )

    def _asked(self, request: Request, ward: Ward) -> tuple[Asked, dict[str, Label]]:
        """What was asked for; the cut-off already as a position that the ledger has."""
        asked, wrong = asking.read(request.query_params, ward)
        if asked.known_at is None:
            return asked, wrong
        try:
            return asked._replace(known_at=self._inquiry.cut(asked.known_at)), wrong
        except LookupError:
            return asked, wrong | {"known_at": self._range(ward)}

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
        return self._inquiry.report(name, **asked._asdict(), facts=facts), facts

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


def _in_both(key: str) -> dict[str, Any]:
    return {"message": SCREEN[key], "start": SCREEN["to_start"]}
