"""取込み: a sheet is uploaded, checked, its problems told by row and column, and only then sent."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import Route

from deploy.importing.faults import in_words
from deploy.importing.jobs import DONE, MOST_JOBS, UNDER_WAY, Job, Jobs, State, TooMany
from deploy.importing.running import ORDER
from deploy.importing.words import ROW, STATES, placed
from services.pages.forms import form_of
from services.pages.frame import Around, language_of, link_in, render, templates_in
from services.pages.guard import done_by, session_of
from services.signin import Session

LARGEST = 20 * 1024 * 1024
"""Bytes of an upload; larger sheets are imported with `yoake import`."""

SHOWN = 200
"""Rows told on the page; the copy has them all."""

LONGEST_REASON = 1_000
"""Characters of the reason of corrections."""

_STANDS: dict[State, str] = {
    "checking": "import_is_checking",
    "checked": "import_is_checked",
    "sending": "import_is_sending",
    "sent": "import_sent",
    "failed": "import_is_failed",
}

SHIPPED = Path(__file__).parents[1] / "sheets"
TEMPLATES = templates_in(Path(__file__).with_name("templates"))


class ImportPages:
    """The endpoints. `own`: the directory of a ward's own mapping files, which may be missing."""

    def __init__(self, around: Around, jobs: Jobs, own: Path) -> None:
        self._around, self._jobs, self._own = around, jobs, own

    def routes(self) -> list[Route]:
        """The addresses of these pages: for those who speak for a provider and see persons."""
        return [
            Route("/import", done_by(self.asked, "persons"), methods=["GET"]),
            Route("/import", done_by(self.upload, "persons"), methods=["POST"]),
            Route("/import/{token}", done_by(self.shown, "persons"), methods=["GET"]),
            Route("/import/{token}", done_by(self.act, "persons"), methods=["POST"]),
            Route("/import/{token}/copy", done_by(self.copy, "persons"), methods=["GET"]),
        ]

    async def asked(self, request: Request) -> Response:
        """Which sheet, and by which mapping."""
        return await self._form(request)

    async def upload(self, request: Request) -> Response:
        """Keep a sheet and begin to check it; nothing is sent."""
        length = request.headers.get("content-length", "")
        if not (length.isascii() and length.isdigit()):
            raise HTTPException(411)
        if int(length) > LARGEST:
            return await self._form(request, "import_too_large", 413)
        try:
            async with request.form(max_files=1, max_fields=10) as form:
                file, mapping = form.get("file"), self._mappings().get(str(form.get("mapping", "")))
                if not isinstance(file, UploadFile) or not file.filename:
                    return await self._form(request, "import_no_file", 400)
                if mapping is None:
                    return await self._form(request, "import_no_mapping", 400)
                name, content = file.filename, await file.read()
        except (MultiPartException, HTTPException, UnicodeDecodeError, ValueError, KeyError):
            return await self._form(request, "import_no_file", 400)
        session = _session(request)
        try:
            begun = (session.who, session.role.provider or "", mapping, name, content, language_of(request))
            job = await run_in_threadpool(self._jobs.begin, *begun)
        except TooMany:
            own = any(job.state not in DONE for job in self._jobs.of(session.who))
            return await self._form(request, "import_too_many_yours" if own else "import_too_many", 503)
        return _to(request, f"/import/{job.token}")

    async def shown(self, request: Request) -> Response:
        """How far it is; when it is done, what became of every row."""
        return await run_in_threadpool(self._shown, request, self._job(request))

    async def act(self, request: Request) -> Response:
        """Send what was checked, or leave it and take the upload away: what the button says that was pressed."""
        job = self._job(request)
        if request.query_params.get("do") == "drop":
            await run_in_threadpool(self._jobs.drop, job)
            return _to(request, "/import")
        form, correct = await form_of(request), None
        if form.get("correct"):
            correct = form.get("reason", "")
            if not 0 < len(correct) <= LONGEST_REASON:
                return await run_in_threadpool(self._shown, request, job, "import_needs_reason", 400)
        self._jobs.send(job, asyncio.get_running_loop(), language_of(request), correct)
        return _to(request, f"/import/{job.token}")

    async def copy(self, request: Request) -> Response:
        """The sheet with what to look at written beside each row."""
        job = self._job(request)
        if job.is_running or not job.copy.exists():
            raise HTTPException(404)
        return FileResponse(job.copy, filename=job.copy.name, media_type="application/octet-stream")

    def _job(self, request: Request) -> Job:
        job = self._jobs.find(request.path_params["token"], _session(request).who)
        if job is None:
            raise HTTPException(404)
        return job

    def _mappings(self) -> dict[str, Path]:
        """The mapping files by their names; a ward's own stands for one of ours of the same name."""
        return {path.stem: path for place in (SHIPPED, self._own) for path in sorted(place.glob("*.toml"))}

    async def _form(self, request: Request, mistake: str | None = None, status: int = 200) -> Response:
        def page() -> Response:
            own = [(job, _STANDS[job.state]) for job in self._jobs.of(_session(request).who)]
            mappings = list(self._mappings())
            return self._page(
                request, "import.html", status, mappings=mappings, mistake=mistake, own=own, most=MOST_JOBS
            )

        return await run_in_threadpool(page)

    def _shown(self, request: Request, job: Job, mistake: str | None = None, status: int = 200) -> Response:
        state = job.state  # Once, and first: a thread of its own goes on while the page is made.
        language, result, is_running = language_of(request), job.result, state in UNDER_WAY
        context: dict[str, Any] = {
            "job": job,
            "fault": in_words(job.fault, language),
            "state": state,
            "is_running": is_running,
            "counts": [],
            "problems": [],
            "more": 0,
            "has_copy": False,
            "correctable": 0,
            "mistake": mistake,
            "longest_reason": LONGEST_REASON,
        }
        if result is not None and not is_running:
            odd = sum(1 for _ in result.odd_rows())
            context |= {
                "counts": [(STATES[state][language], result.counts[state]) for state in ORDER if result.counts[state]],
                "problems": list(_problems(job, language)),
                "more": max(0, odd - SHOWN),
                "has_copy": job.copy.exists(),
                "correctable": result.correctable if result.counts["edited"] else 0,
            }
        return self._page(request, "import_one.html", status, **context)

    def _page(self, request: Request, template: str, status: int = 200, **context: Any) -> Response:
        terms = self._around.terms(language_of(request))
        return render(request, TEMPLATES, template, self._around.frame(terms), terms, status, **context)


def _problems(job: Job, language: str) -> Iterator[tuple[str, list[str]]]:
    """The first rows at which somebody should look, and what is to be said of each."""
    assert job.result is not None, "asked when it is done"
    assert job.sheet is not None, "and then there was one"
    for row in islice(job.result.odd_rows(), SHOWN):
        told = [placed(finding, job.sheet.headings, language) for finding in job.result.findings[row]]
        yield ROW[language].format(n=row), told


def _session(request: Request) -> Session:
    session = session_of(request)
    assert session is not None, "these pages are for those who have signed in"
    return session


def _to(request: Request, path: str) -> Response:
    return RedirectResponse(link_in(language_of(request))(path), status_code=303)
