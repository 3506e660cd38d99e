"""The pages with which one signs in and out. A link is used up by a button, never by opening it.

Browsers and mail programs open links by themselves to look at them; and a cookie that is for this
site alone is sent only with what was asked for from one of its own pages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, get_args

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from services.pages.frame import Around, home_of, language_of, link_in, render, templates_in
from services.pages.terms import Language, Terms
from services.pages.unseen import seen
from services.pages.words import SCREEN
from services.signin import LINK_LASTS, SESSION_LASTS, Ended, NoSuchLink, SignIns, Why
from services.ward import Ward

TEMPLATES = templates_in()
MINUTES = int(LINK_LASTS.total_seconds() // 60)
WORDS = {Why.used: "link_used", Why.expired: "link_expired", Why.unknown: "link_unknown"}
HOURS = int(SESSION_LASTS.total_seconds() // 3600)


OURS = frozenset({"key", "lang", "do", "seen", "back", "all", "code", "code_shown", "field", "holder", "item"}) | {
    *("matter", "night", "number", "page", "position", "version", "way")
}
"""The fields of our forms that nobody types."""


class Signing:
    """The endpoints of signing in and out."""

    def __init__(self, around: Around, ward: Ward, signins: SignIns, cookie: str) -> None:
        self._around, self._ward, self._signins, self._cookie = around, ward, signins, cookie

    def routes(self) -> list[Route]:
        """The addresses of these pages."""
        return [
            Route("/signin", self.how),
            Route("/signin/{token}", self.offered, methods=["GET"]),
            Route("/signin/{token}", self.enter, methods=["POST"]),
            Route("/signout", self.leave, methods=["POST"]),
        ]

    def how(self, request: Request) -> Response:
        """How to sign in."""
        return self._how(request)

    def closed(self, request: Request, ended: Ended | None, typed: Mapping[str, str]) -> Response:
        """The same, in the place of a page that is for those who have signed in; whether there is one is not said.

        `ended`: the contract whose end signed them out. What they `typed` into a form is told to them alone, once: it
        was recorded nowhere.
        """
        unsent = request.method != "GET"
        if ended is None:
            return self._how(request, 403, again=not unsent, unsent=unsent)
        kept = [(name, text) for name, text in typed.items() if name not in OURS and seen(text).strip()]
        return self._page(
            request,
            "ended.html",
            403,
            words={language: _ended(self._around.terms(language), ended, unsent) for language in get_args(Language)},
            unsent=unsent,
            typed=[(_label(name, self._around.terms(language_of(request))), seen(text)) for name, text in kept],
        )

    def offered(self, request: Request) -> Response:
        """As whom a link signs in, and the button that does."""
        return self._with_link(request, lambda token: self._offer(request, token))

    def enter(self, request: Request) -> Response:
        """Use the link up; whoever was signed in here before is no longer."""
        return self._with_link(request, lambda token: self._enter(request, token))

    def leave(self, request: Request) -> Response:
        """Sign out."""
        if cookie := request.cookies.get(self._cookie):
            self._signins.sign_out(cookie)
        response = RedirectResponse(link_in(language_of(request))("/signin"), status_code=303)
        response.delete_cookie(self._cookie, path="/", httponly=True, samesite="strict")
        return response

    def _with_link(self, request: Request, answer: Callable[[str], Response]) -> Response:
        try:
            return answer(request.path_params["token"])
        except NoSuchLink as error:
            return self._how(request, 403, error.why)

    def _offer(self, request: Request, token: str) -> Response:
        offer = self._signins.offered(token)
        return self._page(request, "link.html", role=offer.role.label, name=offer.name, token=token, hours=HOURS)

    def _enter(self, request: Request, token: str) -> Response:
        entered = self._signins.sign_in(token)
        if before := request.cookies.get(self._cookie):
            self._signins.sign_out(before)
        session = self._signins.session(entered)
        response = RedirectResponse(link_in(language_of(request))(home_of(session, self._ward)), status_code=303)
        response.set_cookie(
            self._cookie,
            entered,
            max_age=int(SESSION_LASTS.total_seconds()),
            path="/",
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )
        return response

    def _page(self, request: Request, template: str, status: int = 200, **context: Any) -> Response:
        terms = self._around.terms(language_of(request))
        return render(request, TEMPLATES, template, self._around.frame(terms), terms, status, **context)

    def _how(
        self, request: Request, status: int = 200, why: Why | None = None, again: bool = False, unsent: bool = False
    ) -> Response:
        """In both languages: whoever comes here has chosen none yet. `unsent`: a form came, and nothing was done."""
        words = {
            language: {
                "heading": SCREEN["signin"][language],
                "why": SCREEN[WORDS[why]][language].format(minutes=MINUTES) if why else None,
                "unsent": SCREEN["not_sent_yet"][language] if unsent else None,
                "how": SCREEN["how_to_sign_in"][language],
                "lasts": SCREEN["link_lasts"][language].format(minutes=MINUTES),
                "again": SCREEN["open_again"][language],
            }
            for language in get_args(Language)
        }
        example = self._ward.roles[0].key
        return self._page(request, "signin.html", status, words=words, again=again, example=example)


def _ended(terms: Terms, ended: Ended, unsent: bool) -> dict[str, str]:
    """That a contract is over, and what became of what was sent after its end."""
    over = terms.screen("contract_over", who=terms.provider(ended.provider), day=terms.day(ended.until, weekday=True))
    recorded = [terms.screen("not_recorded")] if unsent else []
    return {
        "what": " ".join([over, *recorded]),
        "here": terms.screen("kept_in_page"),
        "below": terms.screen("kept_below"),
        "next": terms.screen("who_goes_on"),
    }


def _label(name: str, terms: Terms) -> str:
    """What a field of a form is called, where it has a word of its own."""
    last = name.rpartition("-")[2]
    return next((word for each in (name, last) if (word := terms.personal(each)) != each), "")
