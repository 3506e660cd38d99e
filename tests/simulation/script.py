"""What is said in a simulated night, by whom and when: drawn from a seed before the night begins."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from random import Random
from typing import Any, NamedTuple

import msgspec

from services.ward import Ward
from tests.simulation import mending, morning
from tests.simulation.provider import PERSONAL, Letter

CHANGE = date(2025, 3, 31)
"""At midnight the line passes from one contractor to a provider for the day and another for the night."""

EVENINGS = (
    CHANGE,
    CHANGE,
    date(2025, 5, 12),
    date(2025, 8, 8),
    date(2025, 12, 31),
    date(2026, 2, 28),
    date(2028, 2, 28),
    date(2026, 1, 1),
)
DISTRICTS = ("setagaya", "kitazawa", "tamagawa", "kinuta", "karasuyama", "nowhere")


class Saying(NamedTuple):
    """A provider writes a message down."""

    at: datetime
    provider: str
    letter: Letter


class Script:
    """The messages of one night. `at` of each is the true time at which it is written down."""

    def __init__(self, seed: int, ward: Ward, evening: date | None = None) -> None:
        self.seed, self._ward = seed, ward
        self.random = random = Random(f"{seed}/script")
        self.evening = evening or random.choice(EVENINGS)
        self.night = self.evening.isoformat()
        self.providers = ("contractor", "day", "night") if self.evening == CHANGE else ("day", "night")
        self.at_night = ("contractor", "night") if self.evening == CHANGE else ("night",)
        self.begins = self.at(16, 30)
        self.ends = self.at(35, 0)
        self._n = 0
        self._own = dict.fromkeys(self.providers, 0)
        self._offered: dict[str, list[Letter]] = {}
        self.cases: list[tuple[str, str, datetime]] = []
        self.open: list[tuple[str, str, datetime]] = []
        self.said: list[Saying] = []
        self._write()
        morning.write(self)
        mending.write(self)
        self._gather()
        mending.find_whose(self)
        self.said.sort(key=lambda saying: (saying.at, saying.letter.n))
        morning.number(self)

    def at(self, hour: int, minute: int = 0) -> datetime:
        """A time on the ward's clock, counted on from the evening's midnight."""
        return self._ward.start_of(self.evening) + timedelta(hours=hour, minutes=minute)

    def within(self, first: datetime, last: datetime, random: Random | None = None) -> datetime:
        return first + timedelta(seconds=int((random or self.random).random() * (last - first).total_seconds()))

    def time_of(self, letter: Letter) -> datetime:
        """When that happened of which a message tells."""
        return datetime.fromisoformat(letter.fields["time"])

    def whose(self, at: datetime, band: str) -> str:
        """Who has the line then."""
        return "contractor" if "contractor" in self.providers and at < self.at(24) else band

    def until(self, provider: str) -> datetime:
        """The end of the night, or of a provider's contract."""
        return self.at(24) - timedelta(seconds=1) if provider == "contractor" else self.ends

    def is_by_night(self, letter: Letter) -> bool:
        """Whether what it tells of was in the night."""
        return bool(letter.fields) and self.at(17) <= self.time_of(letter) < self.at(32, 30)

    def _write(self) -> None:
        random = self.random
        for n in range(random.randrange(2)):
            self._register(f"P{n + 1}")
        for _ in range(random.choice((0, 1, 1, 1, 2, 3))):  # Small nights find as much, and more are played.
            at = self.within(self.at(17), self.at(32, 30))
            self._call(self.whose(at, "night"), at)
        for _ in range(random.randrange(2)):
            self._call("day", self.within(self.at(32, 30), self.at(34)))
        for _ in range(random.randrange(4)):
            self._follow()
        for _ in range(random.choice((0, 0, 1, 2))):
            self._odd()

    def _gather(self) -> None:
        """Much is written down at once: whoever was busy sits down, and does it all within seconds."""
        random = self.random
        for _ in range(random.choice((0, 1, 1, 2, 2))):
            moment, spread = self.within(self.at(17), self.ends), random.choice((1, 3, 12))
            for n, saying in enumerate(self.said):
                if saying.at < moment and random.random() < 0.7:
                    self.said[n] = saying._replace(at=moment + timedelta(seconds=int(random.random() * spread)))

    def say(self, provider: str, kind: str, at: datetime, said_at: datetime, about: str = "", /, **data: Any) -> Letter:
        self._n += 1
        self._own[provider] += 1
        own = f"{kind}-{self._own[provider]}"  # Two providers may well use the same ids.
        expects, calls = data.pop("expects", "accepted"), data.pop("calls", 0)
        fields: dict[str, Any] = {
            "specversion": "1.0",
            "id": own,
            "source": "adapter",
            "type": kind,
            "time": at.isoformat(),
        }
        fields |= {"time": at.isoformat(), "synthetic": True, "data": data}
        letter = Letter(self._n, own, kind, msgspec.json.encode(fields), expects, calls, about, fields)
        self.said.append(Saying(said_at, provider, letter))
        return letter

    def written(self, at: datetime) -> datetime:
        """When a call is written down: mostly at once, now and then hours later."""
        late = self.random.choice((0, 1, 2, 2, 5, 20, 200, 700))
        return min(at + timedelta(minutes=late), self.ends)

    def _register(self, ref: str) -> None:
        at = self.within(self.at(16, 30), self.at(20))
        form = {"district": "kinuta", "handbooks": ["physical"], "certificate": False, "age": 40}
        self.say(self.whose(at, "day"), "registration.submit", at, at, person=ref, personal={"name": PERSONAL}, **form)

    def _call(self, provider: str, at: datetime) -> None:
        random, draw = self.random, self.random.random()
        if draw < 0.15:
            self.say(
                provider,
                "call.report",
                at,
                self.written(at),
                "a silent call",
                not_counted="silent",
                calls=1,
                personal={"note": PERSONAL},
            )
            return
        matters: list[dict[str, Any]] = []
        by = None
        for _ in range(2 if draw > 0.85 else 1):
            if self.cases and random.random() < 0.3:
                ref = random.choice(self.cases)[1]
            else:
                ref = f"{provider}-{self._n + 1}-{len(matters)}"
                self.cases.append((provider, ref, at))
                self.open.append((provider, ref, at))
            matter = {"case": ref, "district": random.choice(DISTRICTS), "personal": {"note": PERSONAL}}
            if random.random() < 0.2:
                matter["person"] = "P1"
            if not matters and provider != "day":
                by = morning.cannot_wait(self, provider, at, matter)
            matters.append(matter)
        about = f"{len(matters)} matter(s): {', '.join(str(matter['case']) for matter in matters)}"
        if by is not None:
            about += f", can wait until {self._ward.local(by):%H:%M}"
        call = self.say(provider, "call.report", at, self.written(at), about, matters=matters, calls=len(matters))
        if by is not None:
            morning.attempts(self, provider, call, at)

    def _contradict(self, at: datetime) -> None:
        """The same id with other content: whichever comes second is a conflict."""
        matters = [{"case": f"either-{self._n}", "district": "kinuta", "personal": {"note": PERSONAL}}]
        provider = self.whose(at, "night")
        first = self.say(provider, "call.report", at, self.written(at), matters=matters, calls=1, expects="either")
        self._n += 1
        fields = first.fields | {"data": {"matters": [{"district": "kinuta"}]}}
        text = msgspec.json.encode(fields)
        second = Letter(self._n, first.id, first.type, text, "either", 1, "contradicts", fields)
        self.said.append(Saying(self.within(at, self.ends), provider, second))

    def _follow(self) -> None:
        """Something about a consultation of this night; it may come before the call itself does."""
        if not self.open:
            return
        random = self.random
        provider, ref, began = random.choice(self.open)
        at = self.within(min(began + timedelta(minutes=1), self.until(provider)), self.until(provider))
        match random.choice(("close", "place", "offer", "offer", "correct")):
            case "close":
                self.open = [entry for entry in self.open if entry[1] != ref]
                self.say(provider, "case.close", at, at, ref, case=ref)
            case "place":
                own = f"bed-{self._n}"
                self.say(
                    provider,
                    "placement.arrange",
                    at,
                    at,
                    ref,
                    placement=own,
                    case=ref,
                    kind="short-stay",
                    personal={"note": PERSONAL},
                )
                if random.random() < 0.4:
                    later = self.within(at, self.until(provider))
                    self.say(provider, "placement.cancel", later, later, own, placement=own)
            case "offer":
                self._offer(provider, ref, at)
            case "correct":
                calls = [s.letter for s in self.said if s.letter.calls == 1 and s.provider == provider]
                call = random.choice([one for one in calls if one.expects == "accepted"] or [None])
                if call is not None:
                    self.say(provider, "call.correct", at, at, call.id, call=call.id, district="karasuyama")

    def _offer(self, provider: str, ref: str, at: datetime) -> None:
        """One agency or two are asked; they answer in time, too late, or never."""
        random = self.random
        said = self._offered.setdefault(ref, [])
        for to in ("ぽーと", "みなと") if random.random() < 0.4 else ("ぽーと",):
            own = f"offer-{self._n}"
            data: dict[str, Any] = {"kind": "agency", "basis": "ward-duty", "personal": {"reason": PERSONAL}}
            if random.random() < 0.7:
                data["answer_by"] = (at + timedelta(minutes=random.choice((1, 30, 300)))).isoformat()
            said.append(self.say(provider, "handover.offer", at, at, ref, handover=own, case=ref, to=to, **data))
            if random.random() < 0.4:
                later = self.within(at, self.until(provider))
                said.append(self.say(provider, "handover.accept", later, self.written(later), own, handover=own))
        if sum(letter.type == "handover.offer" for letter in said) > 1:  # Which one stands depends on who was first.
            for letter in said:
                letter.expects = "any"

    def _odd(self) -> None:
        random, at = self.random, self.within(self.at(24), self.at(34))
        self._n += 1
        match random.choice(("garbled", "waits", "unusable", "contradicts")):
            case "garbled":
                text = f"not JSON {self._n}: {PERSONAL}".encode()
                self.said.append(Saying(at, "night", Letter(self._n, "", "", text, "parked", 0, "is garbled")))
            case "contradicts":
                self._contradict(at)
            case "waits":
                self.say(
                    "night", "case.close", at, at, "nobody has heard of", case=f"gone-{self._n}", expects="waiting"
                )
            case "unusable":
                self.say("night", "case.close", at, at, "unusable", number="X", expects="parked")
