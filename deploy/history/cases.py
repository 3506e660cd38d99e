"""What was told about each consultation: contacts, placements, hand-overs, and its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from enum import Enum, auto
from random import Random
from typing import Any, assert_never

from deploy.history.calls import Consultation
from deploy.history.hours import office_hours
from deploy.history.outcomes import as_well, counting_kinds, kinds_for, outcome
from deploy.history.people import RELATIONS, phone, somebody
from deploy.history.post import Draft
from deploy.history.register import in_charge
from events.handover import AGENCY_KINDS
from services.ward import Ward

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
DAYS_TO_ANSWER = 30
"""So long an offer stands: what was made up is answered within it."""
CHANNELS = (("phone", 90), ("mail", 6), ("fax", 4))


class Oddity(Enum):
    """What goes unlike the rest in a few consultations, and moves no figure."""

    LATE_ENTRY = auto()
    DISTRICT_CORRECTED = auto()
    CANCELLED_AFTER_START = auto()


class Case:
    """A consultation's messages in the making; each happens, and is entered, after the one before."""

    def __init__(self, told: Consultation, ward: Ward, rng: Random) -> None:
        self.told, self.ward, self.rng = told, ward, rng
        provider = in_charge(ward, told.at)
        self.provider = provider.id
        self.ends = ward.end_of(provider.until) if provider.until else None
        self.now = self.entered = told.at
        self.drafts: list[Draft] = []
        self.parts = 0

    def tell(self, kind: str, at: datetime, data: dict[str, Any], entry: timedelta | None = None) -> Draft:
        """Add a message. One that would come after the provider's contract is moved before its end."""
        if self.ends is not None and at >= self.ends:
            at = self.now + (self.ends - self.now) / 8
        self.now = max(at, self.now)
        self.entered = max(self.now + (entry or MINUTE * self.rng.randint(2, 25)), self.entered + MINUTE)
        draft = Draft(provider=self.provider, type=kind, time=self.now, entered=self.entered, data=data)
        self.drafts.append(draft)
        return draft

    def next_ref(self, letter: str) -> str:
        """The next reference of a part of this case: S-0001-1 for a place, H-0001-2 for a hand-over."""
        self.parts += 1
        return f"{letter}{self.told.ref[1:]}-{self.parts}"


def tell(told: Consultation, ward: Ward, oddities: set[Oddity], rng: Random) -> list[Draft]:
    """All messages of one consultation, in their order."""
    case = Case(told, ward, rng)
    _first_contact(case, oddities)
    wanted = outcome(ward, told.cell.outcome)
    for kind in wanted.arranged:
        _arrange(case, kind, cancelled=Oddity.CANCELLED_AFTER_START in oddities and kind == wanted.arranged[0])
    if wanted.handed_over:
        _hand_over(case, rng.choice(kinds_for(ward, wanted.key)))
        if rng.random() < 0.1:
            _arrange(case, rng.choice(ward.placement).key, by="agency")
    elif wanted.arranged:
        also = as_well(ward, wanted.key, rng)
        if also is not None and rng.random() < 0.15:
            _hand_over(case, also)
    else:
        _nothing_that_counts(case)
    if ward.policy.unit == "matter" and rng.random() < 0.3:
        _further_contact(case)
    if rng.random() < 0.9:
        case.tell("case.close", office_hours(ward, case.now + DAY * rng.randint(0, 9), rng), {"case": told.ref})
    return case.drafts


def _matter(case: Case) -> dict[str, Any]:
    told, ward, rng = case.told, case.ward, case.rng
    matter: dict[str, Any] = {"case": told.ref}
    if told.person is not None:
        matter["person"] = told.person.ref
    if told.district is not None:
        matter["district"] = told.district
    reasons = [reason.key for reason in ward.reason]
    if told.example is not None and told.example.reason is not None:
        matter["reasons"] = [told.example.reason]
    elif reasons:
        matter["reasons"] = [rng.choice(reasons)]
    if told.person is None and told.district is not None:
        matter["personal"] = somebody(rng.randint(1000, 8999))
    if told.example is not None and told.example.note is not None:
        matter["personal"] = {**matter.get("personal", {}), "note": told.example.note}
    return matter


def _caller(rng: Random) -> dict[str, Any]:
    number = rng.randint(1000, 8999)
    return {"caller": somebody(number)["name"], "relation": rng.choice(RELATIONS), "phone": phone(number)}


def _first_contact(case: Case, oddities: set[Oddity]) -> None:
    rng, told = case.rng, case.told
    channel = rng.choices([name for name, _ in CHANNELS], [weight for _, weight in CHANNELS])[0]
    matter = _matter(case)
    corrected = Oddity.DISTRICT_CORRECTED in oddities
    if corrected:
        del matter["district"]
    late = HOUR * (case.ward.policy.late_entry_hours + rng.randint(2, 24)) if Oddity.LATE_ENTRY in oddities else None
    data = {"matters": [matter], "channel": channel, "personal": _caller(rng)}
    first = case.tell("call.report", told.at, data, entry=late)
    if corrected:
        draft = case.tell("call.correct", told.at + MINUTE * 2, {"district": told.district})
        case.drafts[-1] = replace(draft, call=first)


def _arrange(case: Case, kind: str, *, cancelled: bool = False, by: str = "centre") -> None:
    """A place is arranged, and begins in time; if `cancelled`, it is given up after it began."""
    rng = case.rng
    at = office_hours(case.ward, case.now, rng)
    begins = at + HOUR * rng.randint(1, 6)
    ref = case.next_ref("S")
    data = {
        "case": case.told.ref,
        "placement": ref,
        "kind": kind,
        "facility": f"架空事業所{rng.randint(1, 17)}",
        "by": by,
        "begins_at": begins.isoformat(),
        "ends_at": (begins + DAY * rng.randint(1, 14)).isoformat(),
    }
    if by == "centre":
        del data["by"]
    case.tell("placement.arrange", at, data)
    given_up = begins + HOUR * 20
    if cancelled and (case.ends is None or given_up < case.ends):
        case.tell("placement.cancel", given_up, {"placement": ref, "reason": "本人が希望しない"})


def _cancelled_before_it_began(case: Case) -> None:
    rng = case.rng
    at = office_hours(case.ward, case.now, rng)
    ref, begins = case.next_ref("S"), at + DAY * 2
    kind = rng.choice(case.ward.placement).key
    data = {"case": case.told.ref, "placement": ref, "kind": kind, "begins_at": begins.isoformat()}
    case.tell("placement.arrange", at, data)
    case.tell("placement.cancel", at + HOUR * rng.randint(1, 20), {"placement": ref, "reason": "家族が希望しない"})


def _receiver(case: Case, kind: str) -> str:
    districts = {district.key: district.label.ja for district in case.ward.district}
    match kind:
        case "section":
            return f"{districts.get(case.told.district or '', case.ward.ward.name.ja)}保健福祉課"
        case _:
            return f"見本相談支援事業所{case.rng.randint(1, 12)}"


def _ground(case: Case, kind: str) -> dict[str, Any]:
    """On what something about a person may go there, where the ward asks for it: one after the other of its list."""
    if not case.ward.basis or kind not in AGENCY_KINDS:
        return {}
    basis = case.ward.basis[case.parts % len(case.ward.basis)]
    return {"basis": basis.key, "personal": {"reason": f"架空の理由（{basis.label.ja}）"}}


def _weekday(case: Case) -> datetime:
    return office_hours(case.ward, case.now, case.rng, weekdays=True)


def _offer(case: Case, kind: str) -> str:
    ref = case.next_ref("H")
    at = _weekday(case)
    data = {"case": case.told.ref, "handover": ref, "kind": kind, "to": _receiver(case, kind), **_ground(case, kind)}
    if case.ward.handover is not None:
        data["answer_by"] = (at + DAYS_TO_ANSWER * DAY).isoformat()
    case.tell("handover.offer", at, data)
    return ref


def _complete(case: Case, kind: str) -> None:
    ref, to = case.next_ref("H"), _receiver(case, kind)
    data = {"case": case.told.ref, "handover": ref, "kind": kind, "to": to, **_ground(case, kind)}
    case.tell("handover.complete", _weekday(case), data)


def _hand_over(case: Case, kind: str) -> None:
    """A hand-over that is accepted: on the telephone at once, or some time after the offer."""
    if case.rng.random() < 0.3:
        _complete(case, kind)
    else:
        ref = _offer(case, kind)
        case.tell("handover.accept", _weekday(case), {"handover": ref})


class Fruitless(Enum):
    """How a consultation can go on and still be advice only."""

    NOTHING = auto()
    INFORMATION = auto()
    DECLINED = auto()
    WITHDRAWN = auto()
    RETURNED = auto()
    CANCELLED = auto()


def _nothing_that_counts(case: Case) -> None:
    """Advice only, or something that came to nothing; never what a policy of the ward would count."""
    kinds = counting_kinds(case.ward)
    weights = {Fruitless.NOTHING: 10, Fruitless.CANCELLED: 2}
    if "information" not in kinds:
        weights[Fruitless.INFORMATION] = 3
    if kinds:
        weights |= {Fruitless.DECLINED: 2, Fruitless.WITHDRAWN: 2}
    if kinds and case.ward.policy.handover != "ever":
        weights[Fruitless.RETURNED] = 2
    way = case.rng.choices(list(weights), list(weights.values()))[0]
    match way:
        case Fruitless.NOTHING:
            return
        case Fruitless.INFORMATION:
            _complete(case, "information")
        case Fruitless.CANCELLED:
            _cancelled_before_it_began(case)
        case Fruitless.DECLINED | Fruitless.WITHDRAWN | Fruitless.RETURNED:
            _in_vain(case, case.rng.choice(kinds), way)
        case _:
            assert_never(way)


def _in_vain(case: Case, kind: str, way: Fruitless) -> None:
    """An offer that is declined or withdrawn, or accepted and given back."""
    ref = _offer(case, kind)
    answers = {Fruitless.DECLINED: "handover.decline", Fruitless.WITHDRAWN: "handover.withdraw"}
    if way is Fruitless.RETURNED:
        case.tell("handover.accept", _weekday(case), {"handover": ref})
    answer = answers.get(way, "handover.return")
    case.tell(answer, _weekday(case), {"handover": ref, "reason": "職員体制"})


def _further_contact(case: Case) -> None:
    """A later contact about the same matter, at the same time of day, so that the same provider has the line."""
    at = case.told.at + DAY * ((case.now - case.told.at).days + 1)
    if not case.ward.on_duty(case.provider, at) or (case.ends is not None and at >= case.ends):
        return
    matter = _matter(case)
    case.tell("call.report", at, {"matters": [matter], "personal": _caller(case.rng)})


def oddities(told: Sequence[Consultation], ward: Ward, rng: Random) -> dict[Consultation, set[Oddity]]:
    """Which few consultations have an oddity: a late entry or two, a correction or two, a stay given up."""
    odd: dict[Consultation, set[Oddity]] = {consultation: set() for consultation in told}
    plain = [consultation for consultation in told if consultation.example is None]
    correctable = [each for each in plain if each.district and not each.person and each.at.hour < 23]
    placed = [each for each in plain if outcome(ward, each.cell.outcome).arranged]
    wanted = [(Oddity.LATE_ENTRY, plain, 2), (Oddity.DISTRICT_CORRECTED, correctable, 2)]
    if ward.policy.cancelled == "before-start":
        wanted.append((Oddity.CANCELLED_AFTER_START, placed, 1))
    for oddity, able, most in wanted:
        for consultation in rng.sample(able, min(most, len(able))):
            odd[consultation].add(oddity)
    return odd
