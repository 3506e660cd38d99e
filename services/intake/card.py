"""What a call card (相談受付票) says in clear: read leniently from a call, strictly from a correction. Pure."""

from __future__ import annotations

from datetime import datetime

from events.intake import Attempt, CallBack, Card
from events.messages import Danger
from services.book import Said, Unusable, one_of
from services.era import folded
from services.inbox import A_TIME, PROMISED
from services.intake.fields import Fields, is_code
from services.ward import Ward

CARD_FIELDS = frozenset({"safe_until", "medication_at", "call_back", "danger", "abuse_suspected"})
"""Those of a matter; `third_party` is the contact's."""

WHAT = {
    word: kind
    for kind, spoken in (
        ("119", "119番を案内"),
        ("110", "110番を案内"),
        ("ward", "区へ連絡"),
        ("abuse-report", "虐待の通報"),
        ("other", "その他"),
    )
    for word in (kind, spoken)
}
MOST_ATTEMPTS = 50
_CALL_BACK = frozenset({"by", "who"})
_ATTEMPT = frozenset({"what", "at", "answered", "to", "mistaken"})


def card_of(third_party: bool | None, matter: Fields | None, said: Said, ward: Ward) -> Card | None:
    """The card of one matter of a contact, or of a contact about nobody; None where it says nothing."""
    if matter is None or not matter.has(CARD_FIELDS):
        return None if third_party is None else Card(third_party=third_party)
    card = Card(
        third_party=third_party,
        safe_until=matter.moment("safe_until", ward, said.arrived, promised=True),
        medication_at=matter.moment("medication_at", ward, said.arrived, promised=True),
        call_back=call_back(matter, said, ward),
        abuse_suspected=matter.truth("abuse_suspected"),
        danger=attempts(matter, said, ward),
    )
    return None if card == Card() else card


def call_back(matter: Fields, said: Said, ward: Ward) -> CallBack | None:
    """The promised call-back; None where nothing of it can be read."""
    part = matter.part("call_back", _CALL_BACK)
    if part is None:
        return None
    by = part.moment("by", ward, said.arrived, promised=True)
    found = CallBack(by=by, who=part.choice("who", _providers(ward)))
    return None if found == CallBack() else found


def attempts(matter: Fields, said: Said, ward: Ward) -> tuple[Attempt, ...]:
    """Every attempt that was told, in its order; without a usable time it is as of the message's."""
    return tuple(_attempt(entry, said, ward) for entry in matter.entries("danger", _ATTEMPT, MOST_ATTEMPTS))


def _attempt(entry: Fields, said: Said, ward: Ward) -> Attempt:
    what = entry.choice("what", WHAT)
    if entry.given("what") is None:
        entry.flag("missing", "what", ", ".join(sorted(set(WHAT.values()))))
    at = entry.moment("at", ward, said.arrived) or said.at
    mistaken = entry.truth("mistaken") or None  # Only what was is said.
    return Attempt(what=what or "other", at=at, answered=entry.truth("answered"), to=entry.key("to"), mistaken=mistaken)


def _providers(ward: Ward) -> dict[str, str]:
    words = ((word, each.id) for each in ward.provider for word in (each.id, each.label.ja, each.label.en))
    return {folded(word).casefold(): provider for word, provider in words}


def promised_time(field: str, given: datetime, arrived: datetime, ward: Ward) -> datetime:
    """A time of a correction that may lie ahead.

    Raises:
        Unusable: it has no offset, lies before the register opened, or more than a year ahead.
    """
    if given.tzinfo is None or not ward.opens_at <= given <= arrived + PROMISED:
        raise Unusable(field, "unusable", A_TIME)
    return ward.local(given)


def corrected_call_back(given: CallBack, said: Said, ward: Ward) -> CallBack | None:
    """The promised call-back as a correction tells it. Raises Unusable."""
    by = None if given.by is None else promised_time("data.call_back.by", given.by, said.arrived, ward)
    who = given.who
    if who is not None:
        words = _providers(ward)
        who = words[one_of("data.call_back.who", folded(who).casefold(), words)]
    found = CallBack(by=by, who=who)
    return None if found == CallBack() else found


def corrected_attempts(given: list[Danger], said: Said, ward: Ward) -> tuple[Attempt, ...]:
    """All attempts, as a correction tells them. Raises Unusable."""
    return tuple(_corrected_attempt(f"data.danger[{n}]", each, said, ward) for n, each in enumerate(given))


def _corrected_attempt(field: str, given: Danger, said: Said, ward: Ward) -> Attempt:
    what = WHAT[one_of(f"{field}.what", folded(given.what).casefold(), WHAT)]
    if given.at is None or given.at.tzinfo is None or not ward.opens_at <= given.at <= said.arrived:
        raise Unusable(f"{field}.at", "missing or unusable", f"{A_TIME}, that has passed")
    if given.to is not None and not is_code(given.to):
        raise Unusable(f"{field}.to", "not a code", "up to 40 of a to z, 0 to 9 and hyphens; a name is personal")
    at, mistaken = ward.local(given.at), given.mistaken or None
    return Attempt(what=what, at=at, answered=given.answered, to=given.to, mistaken=mistaken)
