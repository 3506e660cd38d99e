"""The nouns of the tests of the pages: a site over a ledger, a reader of tables, and the published history."""

from __future__ import annotations

import re
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from itertools import chain
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa
from starlette.applications import Starlette

from deploy.front import Parts, assemble
from deploy.history import plan
from deploy.importing.jobs import Jobs
from deploy.outlook import Outlook
from events.messages import MESSAGES, addressed
from services.database import open_reader
from services.inbox import parsed
from services.intake.door import Outcome
from services.intake.sealing import sealed_text
from services.intake.web import Lookup
from services.pages.sending import Backroom
from services.reporting.published import load
from services.reporting.subscriber_pages import Asks, nobody
from services.settings import Settings
from services.signin import SignIns
from services.ward import Ward
from tests.desk_examples import RULES, SECRETS, WARD, Centre

WARDS = Path(__file__).parents[1] / "deploy" / "wards"
PUBLISHED = WARDS / "setagaya-published.toml"
HOME = "http://127.0.0.1:18222"
COOKIE = "yoake-18222"


def settings(url: str, published: Path | None = None, ward: Path = WARDS / "setagaya.toml") -> Settings:
    """Settings for the pages alone."""
    return Settings(ward_file=ward, nats="", database=url, keys=Path("keys"), published=published)


@contextmanager
def centre_in(directory: Path, ward: Ward | None = WARD) -> Iterator[Centre]:
    """A centre on SQLite; `ward=None`: no file is in force yet."""
    with Centre(f"sqlite:///{directory}/{{service}}.db", ward) as centre:
        yield centre


def site(
    centre: Centre,
    published: Path | None = None,
    *,
    role: str | None = "ward",
    name: str | None = None,
    ward: Path = WARDS / "setagaya.toml",
    asks: Asks = nobody,
) -> Starlette:
    """The front over a centre's databases, for a `browser` that is signed in as this role; None: as nobody.

    `app.state.signins` are its links and sessions, by the centre's clock.
    """
    directory = Path(tempfile.mkdtemp(prefix="yoake-keys-"))
    told = settings(centre.url, published, ward)
    signins = SignIns(directory, told.ward(), centre.clock)
    outlook = Outlook("", told.ward().id, centre.inquiry)
    register = open_reader(centre.database_of("intake"))
    lookup = Lookup(register, SECRETS, centre.keys)
    backroom = Backroom({service: centre.engine(service) for service in RULES}, SECRETS, Counter(centre), centre.clock)
    jobs = Jobs(backroom, told.ward, centre.keys)
    reads = (centre.inquiry, signins, outlook, centre.keys.opened, lookup, backroom, jobs)
    parts = Parts(*reads, centre.clock, asks=asks)
    app = assemble(told, parts)
    app.state.counter, app.state.jobs = backroom.submit, jobs
    app.state.signins = signins
    app.state.cookies = {COOKIE: signins.sign_in(signins.link(role, name))} if role else {}
    weakref.finalize(app, _tidy, signins, register, jobs, directory)
    return app


class Counter:
    """Takes what the pages send to the centre's desks, as the door would; `closed`: the line is down.

    `lost`: what was sent arrives, and nobody is told so. `first`: happens before what is sent next arrives.
    """

    def __init__(self, centre: Centre) -> None:
        self._centre = centre
        self.closed, self.lost, self.slow = False, False, False
        self.first: Callable[[], None] = lambda: None
        self.sent: list[tuple[str, dict[str, Any]]] = []

    async def __call__(self, provider: str, body: bytes) -> Outcome:
        """Sealed, recorded, and answered with the receipts."""
        if self.closed:
            return Outcome(state="unavailable")
        self.first()
        receipts = []
        for item in parsed(body):
            self.sent.append((provider, item.fields))
            receipts.append(self._centre.say(provider, sealed_text(item, SECRETS.inbox), to=addressed(item.fields)))
        self._centre.pump()
        if self.lost:
            return Outcome(state="unavailable")
        return Outcome(state="queued") if self.slow else Outcome(state="receipts", receipts=receipts)


def _tidy(signins: SignIns, register: sa.Engine, jobs: Jobs, directory: Path) -> None:
    signins.close()
    register.dispose()
    jobs.close()
    shutil.rmtree(directory)


def browser(app: Starlette, home: str = HOME) -> httpx.AsyncClient:
    """Asks the pages as a browser would, without a network. An error in a page is the test's error."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=home, cookies=app.state.cookies)


def tell_published_history(centre: Centre) -> None:
    """The synthetic history behind the published tables, in one transaction for each service."""
    sent = plan(load(PUBLISHED), WARD, seed=1)
    for service in RULES:
        said = [(provider, told) for provider, told in sent if MESSAGES[told["type"]].service == service]
        centre.say_all(*said)
        centre.pump()


def keys_of(page: str) -> set[str]:
    """The hidden keys of a page's forms."""
    return set(re.findall(r'name="key" value="([^"]*)"', page))


class _Reader(HTMLParser):
    """Reads the tables of a page: by caption, the rows of texts and the addresses behind them."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.links: dict[str, list[str]] = {}
        self._caption = self._place = ""
        self._rows: list[list[str]] = []
        self._hrefs: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        match tag:
            case "table":
                self._caption, self._rows, self._hrefs = "", [], []
            case "tr":
                self._rows.append([])
            case "th" | "td":
                self._rows[-1].append("")
            case "a" if href := dict(attrs).get("href"):
                self._hrefs.append(href)
            case _:
                pass
        self._place = tag if tag in ("caption", "th", "td") else self._place

    def handle_endtag(self, tag: str) -> None:
        if tag == self._place:
            self._place = ""
        if tag == "table":
            self.tables[self._caption.strip()], self.links[self._caption.strip()] = self._rows, self._hrefs

    def handle_data(self, data: str) -> None:
        if self._place == "caption":
            self._caption += data
        elif self._place:
            self._rows[-1][-1] += data


def tables_of(page: str) -> dict[str, list[list[str]]]:
    """The tables of a page by their captions: rows of texts, headings included."""
    return _read(page).tables


def links_of(page: str, caption: str = "") -> list[str]:
    """The addresses in the tables whose caption begins so, in their order."""
    return list(chain.from_iterable(hrefs for name, hrefs in _read(page).links.items() if name.startswith(caption)))


def _read(page: str) -> _Reader:
    reader = _Reader()
    reader.feed(page)
    return reader


Ask = Callable[[str], str]
"""An address to the page behind it."""
