"""What stands around every page: the ward, the menu, the language, who is signed in, the state of the ledger."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import jinja2
import sqlalchemy as sa
from starlette.requests import Request
from starlette.responses import Response
from starlette.templating import Jinja2Templates

from services.degraded import Level
from services.pages.guard import sees, session_of
from services.pages.symbols import symbol
from services.pages.terms import Language, Terms
from services.pages.unseen import straight
from services.signin import Session
from services.ward import Sees, Ward

HERE = Path(__file__).parent
STATIC = HERE / "static"
SHORT_ROOT = 8
"""Characters of the root that are shown; the whole stands in the title."""

LIGHTS = {None: "light_ok", Level.notice: "light_ok", Level.late: "light_late", Level.stopped: "light_stopped"}


def templates_in(*directories: Path) -> Jinja2Templates:
    """The templates of a service's own pages, with those that all share."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([*directories, HERE / "templates"]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_straight,
    )
    environment.filters["symbol"] = symbol
    return Jinja2Templates(env=environment)


def _straight(value: object) -> object:
    """What stands on a page; markup stays markup."""
    return straight(value) if isinstance(value, str) else value


class Entry(NamedTuple):
    """A page in the menu: its address, the word for it, and what whoever is to find it there must see."""

    path: str
    word: str
    needs: Sees
    acts: bool = False
    """It is for those alone who speak for a provider."""
    leads: bool = False
    """It is the first page of those who speak for a provider."""

    def is_for(self, session: Session | None) -> bool:
        """Whether somebody finds it in their menu."""
        return session is not None and session.sees(self.needs) and not (self.acts and session.role.provider is None)


MENU = (
    Entry("/morning", "morning", "calls", leads=True),
    Entry("/tonight", "tonight", "calls", leads=True),
    Entry("/", "tables", "figures"),
    Entry("/find", "registrants", "persons"),
    Entry("/agencies", "agencies", "calls"),
    Entry("/flags", "flags", "calls"),
    Entry("/parked", "parked", "parked"),
    Entry("/import", "import", "persons", acts=True),
    Entry("/status", "status", "status"),
)

HOME_BY_NIGHT = "/tonight"
"""The first page of those who work by night."""


Count = Callable[[str], int | None]
"""How many things wait behind an entry of the menu; None: nothing is counted there, or it cannot be."""


def _uncounted(_: str) -> int | None:
    return None


class Frame(NamedTuple):
    """The head and foot of a page. `position` None: the database did not answer. `light` is a key of the words.

    `is_open`: the first page is shown without signing in.
    """

    ward: str
    centre: str
    synthetic: bool
    position: int | None
    root: str
    light: str
    is_open: bool
    waiting: Count = _uncounted
    sample: bool = False
    """What is synthetic was made to agree with published figures, as the demonstration's history is."""

    @property
    def short_root(self) -> str:
        """As much of the root as fits a line."""
        return self.root[:SHORT_ROOT]


class Around(NamedTuple):
    """Where pages get their frame from. Both may ask the database: never on the event loop."""

    terms: Callable[[Language], Terms]
    frame: Callable[[Terms], Frame]


def with_counts(around: Around, counts: Mapping[str, Callable[[], int | None]], *, sample: bool = False) -> Around:
    """The same, with how many things wait behind these entries of the menu. A count that fails is left out.

    `sample`: the history was made to agree with published figures.
    """

    def count(path: str) -> int | None:
        try:
            return counts[path]() if path in counts else None
        except (sa.exc.DatabaseError, sa.exc.TimeoutError):
            return None

    return Around(around.terms, lambda terms: around.frame(terms)._replace(waiting=count, sample=sample))


def language_of(request: Request) -> Language:
    """English where it is asked for, Japanese otherwise."""
    return "en" if request.query_params.get("lang") == "en" else "ja"


def bare(ward: Ward, terms: Terms, *, is_open: bool) -> Frame:
    """The frame where the database does not answer."""
    name, centre = terms.say(ward.ward.name), terms.say(ward.ward.centre)
    return Frame(name, centre, synthetic=False, position=None, root="", light="light_stopped", is_open=is_open)


def home_of(session: Session | None, ward: Ward) -> str:
    """The first page of whoever is signed in; where they may see none, that on which one signs in.

    Those who work by night alone begin with tonight's notes.
    """
    mine = [entry for entry in MENU if entry.is_for(session)]
    by_night = [
        entry for entry in mine if entry.path == HOME_BY_NIGHT and session and _works_by_night_alone(session, ward)
    ]
    speaks = session is not None and session.role.provider is not None
    return next((entry.path for entry in [*by_night, *(e for e in mine if e.leads == speaks), *mine]), "/signin")


def _works_by_night_alone(session: Session, ward: Ward) -> bool:
    provider = ward.provider_of(session.role.provider or "")
    return provider is not None and ward.morning is not None and provider.bands == (ward.morning.band,)


def render(
    request: Request,
    templates: Jinja2Templates,
    template: str,
    frame: Frame,
    terms: Terms,
    status: int = 200,
    **context: Any,
) -> Response:
    """A page in its frame."""
    language, session = terms.language, session_of(request)
    menu = [entry for entry in MENU if entry.is_for(session) or (entry.path == "/" and frame.is_open)]
    around = {
        "menu": menu,
        "waiting": {entry.path: frame.waiting(entry.path) for entry in menu},
        "home": home_of(session, terms.ward) if session else menu[0].path if menu else "/signin",
        "session": session,
        "speaks": session is not None and session.role.provider is not None,
        "sees": partial(sees, request),
        "frame": frame,
        "language": language,
        "say": terms.screen,
        "terms": terms,
        "link": link_in(language),
        "other_language": in_other_language(request),
        "path": request.url.path,
    }
    return templates.TemplateResponse(request, template, {**around, **context}, status_code=status)


def link_in(language: Language) -> Callable[..., str]:
    """Makes addresses that keep the language: `link("/tables/calls", fy="2023")`."""

    def link(path: str, **query: object) -> str:
        wanted = {key: value for key, value in query.items() if value not in (None, "")}
        if language == "en":
            wanted["lang"] = "en"
        return f"{path}?{urlencode(wanted)}" if wanted else path

    return link


def in_other_language(request: Request, asked: Mapping[str, object] | None = None) -> str:
    """The same page in the other language, with the rest of what was asked. `asked`: of a page that answers a form
    sent to another address, what the page of that form was asked for; it lies above that address.
    """
    other: Language = "en" if language_of(request) == "ja" else "ja"
    if asked is not None and request.method != "GET":
        return link_in(other)(request.url.path.rpartition("/")[0], **asked)
    query = [(key, value) for key, value in request.query_params.multi_items() if key != "lang"]
    if other == "en":
        query.append(("lang", "en"))
    return f"?{urlencode(query)}"
