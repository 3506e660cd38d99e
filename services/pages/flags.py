"""確認事項: the flags that somebody should look at, and resolving them for the provider of one's role."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from events.messages import RESOLUTIONS
from services.flag_list import Flagged, Key, counts, flags, key_of, named_by, one
from services.pages.addresses import whole_in
from services.pages.flag_words import AS_IT_IS, FLAGS, LINKED, OTHER, means_of
from services.pages.forms import form_of
from services.pages.frame import Around, in_other_language, language_of, link_in, render, templates_in
from services.pages.guard import done_by, session_of, shown_to
from services.pages.places import place_in_words
from services.pages.sending import Backroom, Submitted, message
from services.pages.terms import Terms
from services.parked_desk import DONE

PAGE = 50
LONGEST_NOTE = 1_000
SAID = {
    "resolved": "flag_resolved",
    "already": "flag_resolved_already",
    "on-its-way": "flag_on_its_way",
    "not-resolved": "flag_not_resolved",
}
"""What the list says after a form: part of its address, so that loading it again sends nothing."""

SAID_OF_EACH = SAID | {"not-there": "flag_not_there"}
CHOSEN = "chosen-"
"""How the boxes of a form about several flags are called, each with its number."""

TEMPLATES = templates_in()


class Row(NamedTuple):
    """One flag as the list shows it. `resolvable`: whoever looks may resolve it."""

    flag: Flagged
    means: str
    do: str
    place: str
    since: str
    resolved: str
    resolvable: bool
    value: str = ""
    mend: str | None = None
    """Where the record is corrected."""
    became: str | None = None
    """What became of it in the form just sent: a word of the pages."""


class Asked(NamedTuple):
    """Which part of the list somebody looks at."""

    code: str | None
    everything: bool
    page: int

    def query(self, page: int | None = None) -> dict[str, object]:
        """The same as the query of an address."""
        page = page or self.page
        return {"code": self.code, "all": int(self.everything) or None, "page": page if page > 1 else None}


class Many(NamedTuple):
    """A form about several flags that is shown again: what became of each, or why nothing was sent."""

    chosen: frozenset[Key]
    form: Mapping[str, str]
    became: Mapping[Key, str]
    word: str | None = None
    status: int = 200


class Mistake(NamedTuple):
    """A form that did not get through, which is shown again: where, why, and what had been typed."""

    key: Key
    word: str
    form: Mapping[str, str]
    status: int


def open_flags(intake: sa.Engine) -> int:
    """How many wait to be looked at."""
    return sum(counts(intake).values())


class FlagPages:
    """The endpoints."""

    def __init__(self, around: Around, backroom: Backroom) -> None:
        self._around, self._backroom, self._intake = around, backroom, backroom.engines["intake"]

    def routes(self) -> list[Route]:
        """The addresses of these pages."""
        return [
            Route("/flags", shown_to(self.listed, "calls"), methods=["GET"]),
            Route("/flags/resolve", done_by(self.resolve, "calls"), methods=["POST"]),
            Route("/flags/resolve-chosen", done_by(self.resolve_chosen, "calls"), methods=["POST"]),
        ]

    def listed(self, request: Request) -> Response:
        """The open flags, the oldest first; with `all` those that were resolved as well."""
        whole_in(request.query_params, "page", 1)
        return self._list(request, asked_in(request.query_params))

    async def resolve(self, request: Request) -> Response:
        """Resolve one flag, as the provider for which the role speaks."""
        form = await form_of(request)
        asked = asked_in(form)
        prepared = await run_in_threadpool(self._prepared, request, form, _key(form))
        if isinstance(prepared, str):
            return _back(request, asked, prepared)
        if isinstance(prepared, Mistake):
            return await run_in_threadpool(self._list, request, asked, prepared)
        outcome = await self._backroom.submit(*prepared)
        if outcome.state == "unavailable":
            mistake = Mistake(_key(form), "line_is_down", form, 503)
            return await run_in_threadpool(self._list, request, asked, mistake)
        return _back(request, asked, _became(outcome))

    async def resolve_chosen(self, request: Request) -> Response:
        """Resolve several flags with one reason: a message for each, and of each it is said what became of it."""
        form = await form_of(request)
        asked, chosen = asked_in(form), [value for name, value in form.items() if name.startswith(CHOSEN)]
        keys = list(dict.fromkeys(_key_in(value) for value in chosen))
        tried = await run_in_threadpool(lambda: {key: self._tried(request, form, key) for key in keys})
        wrong = next((each for each in tried.values() if isinstance(each, Mistake)), None)
        many = Many(frozenset(keys), form, {key: each for key, each in tried.items() if isinstance(each, str)})
        if not keys or wrong:
            many = many._replace(word=wrong.word if wrong else "choose_flags", became={}, status=400)
            return await run_in_threadpool(self._list, request, asked, None, many)
        sending = {k: each for k, each in tried.items() if not isinstance(each, str | Mistake)}
        became = await self._sent(sending)
        if became is None:
            many = many._replace(word="line_is_down", became={}, status=503)
            return await run_in_threadpool(self._list, request, asked, None, many)
        if set(became.values()) == {"resolved"} and len(became) == len(keys):
            return _back(request, asked, "resolved", n=len(keys))
        told = {key: SAID_OF_EACH[word] for key, word in {**many.became, **became}.items()}
        return await run_in_threadpool(self._list, request, asked, None, many._replace(became=told))

    async def _sent(self, sending: Mapping[Key, tuple[str, bytes]]) -> dict[Key, str] | None:
        """What became of each message; None: the line is down, and nothing was sent."""
        if not sending:
            return {}
        provider = next(iter(sending.values()))[0]
        outcome = await self._backroom.submit(provider, b"[" + b",".join(body for _, body in sending.values()) + b"]")
        if outcome.state == "unavailable":
            return None
        ids = {key: msgspec.json.decode(body)["id"] for key, (_, body) in sending.items()}
        receipts = {receipt.id: receipt for receipt in outcome.receipts}
        return {
            key: "on-its-way" if own not in receipts else "resolved" if receipts[own].status in DONE else "not-resolved"
            for key, own in ids.items()
        }

    def _tried(self, request: Request, form: Mapping[str, str], key: Key) -> tuple[str, bytes] | Mistake | str:
        """One of several: what another has done away with meanwhile, or nobody here can name, hinders no other."""
        try:
            return self._prepared(request, form, key)
        except HTTPException:
            return "not-there"

    def _prepared(self, request: Request, form: Mapping[str, str], key: Key) -> tuple[str, bytes] | Mistake | str:
        """(provider, message); or what is wrong with the form; or what to say where there is nothing to be done."""
        flag = one(self._intake, key)
        if flag is None:
            raise HTTPException(404)
        if flag.resolved_at is not None:
            return "already"
        if form.get("resolution") not in RESOLUTIONS:
            return Mistake(key, "choose_resolution", form, 400)
        note = form.get("note", "")
        if len(note) > LONGEST_NOTE:
            return Mistake(key, "note_too_long", form, 400)
        session = session_of(request)
        assert session is not None, "this is done by those who have signed in"
        provider = session.role.provider or ""
        named = named_by(self._intake, [flag], provider).get(key)
        if named is None:
            raise HTTPException(404)
        personal = {name: text for name, text in (("note", note), ("by", session.name)) if text}
        data: dict[str, Any] = {**named.data, "code": flag.code, "resolution": form["resolution"]}
        data |= {"field": flag.field} if flag.field else {}
        data |= {"personal": personal} if personal else {}
        now = self._around.terms("ja").ward.local(self._backroom.clock())
        told = message("flag.resolve", data, now, synthetic=named.synthetic)
        return provider, msgspec.json.encode(told)

    def _list(
        self, request: Request, asked: Asked, mistake: Mistake | None = None, many: Many | None = None
    ) -> Response:
        terms = self._around.terms(language_of(request))
        counted = counts(self._intake, everything=asked.everything)
        total = counted.get(asked.code, 0) if asked.code else sum(counted.values())
        pages = max(1, -(-total // PAGE))
        asked = asked._replace(page=min(asked.page, pages))
        found = flags(
            self._intake, everything=asked.everything, code=asked.code, most=PAGE, skip=(asked.page - 1) * PAGE
        )
        session, said = session_of(request), request.query_params.get("said")
        provider = session.role.provider if session else None
        resolvable = named_by(self._intake, (f for f in found if not f.resolved_at), provider) if provider else {}
        return render(
            request,
            TEMPLATES,
            "flags.html",
            self._around.frame(terms),
            terms,
            mistake.status if mistake else many.status if many else 200,
            rows=_rows(found, resolvable, many, terms),
            acts=bool(provider),
            gone=_gone(found, many, self._intake, terms),
            total=total,
            every=sum(counted.values()),
            together=request.query_params.get("n", "")[:3],
            choose_all=request.query_params.get("chosen") == "all",
            many=many,
            choices=[
                (code, means_of(code, terms), n) for code, n in sorted(counted.items(), key=lambda each: -each[1])
            ],
            asked=asked,
            pages=pages,
            said=SAID.get(said or ""),
            mistake=mistake,
            resolutions=[(code, terms.code(code)) for code in RESOLUTIONS],
            longest_note=LONGEST_NOTE,
            other_language=in_other_language(request, asked.query()),
        )


def _rows(found: list[Flagged], resolvable: Collection[Key], many: Many | None, terms: Terms) -> list[Row]:
    became = many.became if many else {}
    rows = [_row(flag, terms, resolvable=key_of(flag) in resolvable) for flag in found]
    return [row._replace(became=became.get(key_of(row.flag))) for row in rows]


def _gone(found: list[Flagged], many: Many | None, intake: sa.Engine, terms: Terms) -> list[Row]:
    """What was chosen and is not on the list any more, or on another page of it, with what became of it."""
    elsewhere = many.became.keys() - {key_of(flag) for flag in found} if many else ()
    flags = [(flag, key) for key in sorted(elsewhere) if (flag := one(intake, key))]
    assert many or not flags, "nothing was chosen"
    return [_row(flag, terms, resolvable=False)._replace(became=many.became[key]) for flag, key in flags if many]


def _row(flag: Flagged, terms: Terms, *, resolvable: bool) -> Row:
    resolved = ""
    if flag.resolved_at:
        how = [terms.code(flag.resolution or ""), terms.provider(flag.by or "")]
        resolved = terms.listed([*how, terms.moment(datetime.fromisoformat(flag.resolved_at))])
    return Row(
        flag=flag,
        means=means_of(flag.code, terms),
        do=terms.say(FLAGS[flag.code].do if flag.code in FLAGS else OTHER),
        place=place_in_words(flag.field, terms, is_known=flag.code != "unknown-field"),
        since=terms.moment(datetime.fromisoformat(flag.opened_at)),
        resolved=resolved,
        resolvable=resolvable,
        value=msgspec.json.encode(key_of(flag)).decode(),
        mend=_form_of(flag),
    )


def asked_in(given: Mapping[str, str]) -> Asked:
    """What somebody asked for; what is none of it is left out."""
    page = given.get("page", "")
    number = int(page) if page.isascii() and page.isdigit() and len(page) < 7 else 1
    code = given.get("code_shown", given.get("code", ""))[:60]
    return Asked(code if code.isprintable() and code else None, given.get("all") == "1", max(1, number))


def _key(form: Mapping[str, str]) -> Key:
    matter = form.get("matter", "")
    number = int(matter) if matter.isascii() and matter.isdigit() and len(matter) < 7 else 0
    holder, code, field = (form.get(name, "").replace("\x00", "") for name in ("holder", "code", "field"))
    return holder, number, code, field


def _form_of(flag: Flagged) -> str | None:
    """Where a flag's record is mended: a form, or the call card; nowhere for a contact about nobody."""
    if flag.code in AS_IT_IS or (flag.number and flag.about == flag.holder):
        return None
    if not flag.number:
        return f"/persons/{flag.holder}/correct"
    return f"/calls/{flag.number}" + ("" if flag.code in LINKED else "/correct")


def _key_in(value: str) -> Key:
    """A flag by the value of its box; one that nobody has where that is none."""
    try:
        holder, matter, code, field = msgspec.json.decode(value, type=Key)
    except msgspec.MsgspecError:
        return "", 0, "", ""
    return _key({"holder": holder, "matter": str(matter), "code": code, "field": field})


def _became(outcome: Submitted) -> str:
    if outcome.state == "receipts":
        return "resolved" if all(receipt.status in DONE for receipt in outcome.receipts) else "not-resolved"
    return "on-its-way" if outcome.state == "queued" else "not-resolved"


def _back(request: Request, asked: Asked, said: str, n: int | None = None) -> Response:
    """The list again, by reading it: what is loaded again sends nothing."""
    return RedirectResponse(link_in(language_of(request))("/flags", **asked.query(), said=said, n=n), status_code=303)
