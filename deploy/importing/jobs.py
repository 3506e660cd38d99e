"""Imports under way for the pages: an uploaded sheet in a private place, checked, then sent, each in a thread.

What is uploaded may hold anything personal: it lies where its owner alone can read it, and is gone after the import,
after half an hour, or when the front ends.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from deploy.importing.checking import Checker
from deploy.importing.copying import write_copy
from deploy.importing.differing import Differing
from deploy.importing.held import Held
from deploy.importing.making import Maker
from deploy.importing.mapping import MappingError, load
from deploy.importing.running import Result, Send, run
from deploy.importing.sheets import Sheet, SheetError
from events.adapter import sealed
from events.messages import Receipt
from services.pages.sending import Backroom
from services.seal import KeyReader
from services.ward import Ward

KEPT = 30 * 60.0
"""Seconds for which an upload is kept, at most."""

MOST_JOBS = 4
"""Uploads at a time that are at work, or wait to be sent; each may fill a disk and a core."""

MOST_DONE = 20
"""Uploads that are done with, of which a page and perhaps a copy is still there; the oldest goes first."""

AT_ONCE, BYTES_AT_ONCE = 400, 500_000
"""Messages, and bytes of them, that go through the door together."""

TRIES = 20
"""How often what has no receipt yet is asked for again, a few seconds each: what is known already is heard once."""

State = Literal["checking", "checked", "sending", "sent", "failed"]
UNDER_WAY = ("checking", "sending")
DONE = ("sent", "failed")

log = logging.getLogger("yoake.front")


class TooMany(RuntimeError):
    """As many imports as there may be are at work, or wait to be sent."""


class NotThrough(RuntimeError):
    """The line is down: what was answered until then is known when the sheet is imported again."""


class Job:
    """One sheet. `who` began it, and nobody else finds it; `fault` says why it failed, `down` that the line was.

    `language` is that of the copy; `correct` the reason for which records are to say what edited rows say.
    """

    def __init__(self, who: str, provider: str, mapping: Path, name: str, content: bytes, language: str) -> None:
        self.token = secrets.token_urlsafe(24)
        self.who, self.provider, self.mapping, self.language = who, provider, mapping, language
        self.name = name
        self.correct: str | None = None
        self.state: State = "checking"
        self.done, self.fault, self.down = 0, "", False
        self.result: Result | None = None
        self.sheet: Sheet | None = None
        self.began = time.monotonic()
        self._place = Path(tempfile.mkdtemp(prefix="yoake-import-"))  # Its owner's alone.
        self.file = self._place / f"sheet{'.xlsx' if name.lower().endswith(('.xlsx', '.xlsm')) else '.csv'}"
        self.copy = self.file.with_stem("sheet.checked")
        self.file.write_bytes(content)

    @property
    def is_running(self) -> bool:
        """Whether something is being done with it."""
        return self.state in UNDER_WAY

    def advance(self, rows: int) -> None:
        """`rows` more are done."""
        self.done += rows

    def remove(self) -> None:
        """Take the sheet and its copy away."""
        shutil.rmtree(self._place, ignore_errors=True)


class Jobs:
    """All that are under way in this process."""

    def __init__(self, backroom: Backroom, ward: Callable[[], Ward], keys: KeyReader) -> None:
        """`keys` opens what is held of rows that were edited since they were taken."""
        self._backroom, self._ward, self._keys = backroom, ward, keys
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()

    def begin(self, who: str, provider: str, mapping: Path, name: str, content: bytes, language: str) -> Job:
        """Keep an upload, and check it in a thread.

        Raises:
            TooMany: try again later.
            OSError: it cannot be kept.
        """
        with self._lock:
            self._tidy()
            if sum(job.state not in DONE for job in self._jobs.values()) >= MOST_JOBS:
                raise TooMany
            job = Job(who, provider, mapping, name, content, language)
            self._jobs[job.token] = job
        threading.Thread(target=self._run, args=(job, None), daemon=True).start()
        return job

    def find(self, token: str, who: str) -> Job | None:
        """One's own import; None: there is none, or no more."""
        with self._lock:
            self._tidy()
            job = self._jobs.get(token)
        return job if job and job.who == who else None

    def of(self, who: str) -> list[Job]:
        """One's own imports, the newest first."""
        with self._lock:
            self._tidy()
            return [job for job in reversed(self._jobs.values()) if job.who == who]

    def send(self, job: Job, loop: asyncio.AbstractEventLoop, language: str, correct: str | None = None) -> None:
        """Send what was checked, once; the door is of this loop. `correct`: see `Job`."""
        with self._lock:
            if job.state != "checked":
                return
            job.state, job.done, job.language, job.correct = "sending", 0, language, correct
        threading.Thread(target=self._run, args=(job, self._sender(job.provider, loop)), daemon=True).start()

    def drop(self, job: Job) -> None:
        """Forget an import that is not under way, and everything of it."""
        with self._lock:
            if not job.is_running:
                self._jobs.pop(job.token, None)
                job.remove()

    def close(self) -> None:
        """Take everything away."""
        for job in self._jobs.values():
            job.remove()

    def _tidy(self) -> None:
        done = [job.token for job in self._jobs.values() if job.state in DONE]
        for job in list(self._jobs.values()):
            is_old = not job.is_running and time.monotonic() - job.began > KEPT
            if is_old or job.token in done[:-MOST_DONE]:
                del self._jobs[job.token]
                job.remove()

    def _run(self, job: Job, send: Send | None) -> None:
        end: State = "failed"
        try:
            self._done(job, send)
            end = "sent" if send else "checked"
        except (SheetError, MappingError) as error:
            job.fault = str(error).replace(f"{job.file}: ", "").replace(str(job.mapping), job.mapping.name)
        except (NotThrough, SQLAlchemyError):
            job.down = True
        except Exception as error:  # Whatever a file may hold: the page says so, and the front goes on.
            log.error("an uploaded sheet could not be processed (%s)", type(error).__name__)
            job.fault = type(error).__name__
        if end != "checked":
            job.file.unlink(missing_ok=True)
        job.state = end  # Last: whoever looks then finds everything as it stays.

    def _done(self, job: Job, send: Send | None) -> None:
        mapping, ward = load(job.mapping), self._ward()
        sheet = Sheet(job.file, name=mapping.sheet.name)
        places = sheet.find_heading(mapping.columns, mapping.sheet.heading_rows)
        maker = Maker(mapping, places, ward.zone, self._digest, epoch=sheet.epoch)
        checker = Checker(ward, job.provider, maker, self._backroom.clock())
        secrets = self._backroom.secrets
        held = Held(self._backroom.engines, self._keys, secrets, job.provider, mapping.source)
        again = Differing(checker, held, job.correct)
        result = run(sheet, maker, checker, send, job.advance, lambda told: sealed(told, secrets.inbox), again)
        job.copy.unlink(missing_ok=True)
        if any(True for _ in result.odd_rows()):
            write_copy(sheet, result, job.copy, job.language)
        job.sheet, job.result = sheet, result

    def _digest(self, content: bytes) -> str:
        return self._backroom.secrets.digest(b"yoake/import\x1f" + content)  # As `yoake import` makes them.

    def _sender(self, provider: str, loop: asyncio.AbstractEventLoop) -> Send:
        def through(messages: list[dict[str, Any]]) -> list[Receipt]:
            body = msgspec.json.encode(messages)
            for _ in range(TRIES):
                submitted = asyncio.run_coroutine_threadsafe(_of(self._backroom.submit(provider, body)), loop)
                outcome = submitted.result()
                if outcome.state == "receipts" and len(outcome.receipts) == len(messages):
                    return list(outcome.receipts)
                if outcome.state != "queued":
                    break
            raise NotThrough

        def send(messages: Sequence[dict[str, Any]]) -> Sequence[Receipt]:
            return [receipt for part in _parts(messages) for receipt in through(part)]

        return send


async def _of(awaited: Any) -> Any:
    return await awaited


def _parts(messages: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """What may go through the door together."""
    part: list[dict[str, Any]] = []
    size = 0
    for message in messages:
        own = len(msgspec.json.encode(message))
        if part and (len(part) >= AT_ONCE or size + own > BYTES_AT_ONCE):
            yield part
            part, size = [], 0
        part.append(message)
        size += own
    if part:
        yield part
