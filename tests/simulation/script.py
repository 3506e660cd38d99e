"""What is said in a simulated night, by whom and when: drawn from a seed before the night begins."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from random import Random
from typing import Any, NamedTuple

import msgspec

from services.ward import Ward
from tests.simulation.provider import Letter

PERSONAL = "みほんたろう"
"""Stands in every message; nowhere else may it be found."""

EVENINGS = (
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
        self._random = random = Random(f"{seed}/script")
        self.evening = evening or random.choice(EVENINGS)
        self.begins = self._at(16, 30)
        self.ends = self._at(35, 0)
        self._n = 0
        self._own = {"day": 0, "night": 0}
        self._offered: dict[str, list[Letter]] = {}
        self._cases: list[tuple[str, str, datetime]] = []
        self._open: list[tuple[str, str, datetime]] = []
        self.said: list[Saying] = []
        self._write()
        self._gather()
        self.said.sort(key=lambda saying: (saying.at, saying.letter.n))

    def _at(self, hour: int, minute: int = 0) -> datetime:
        """A time on the ward's clock, counted on from the evening's midnight."""
        return self._ward.start_of(self.evening) + timedelta(hours=hour, minutes=minute)

    def _within(self, first: datetime, last: datetime) -> datetime:
        return first + timedelta(seconds=int(self._random.random() * (last - first).total_seconds()))

    def _write(self) -> None:
        random = self._random
        for n in range(random.randrange(2)):
            self._register(f"P{n + 1}")
        for _ in range(random.choice((0, 1, 3, 4, 5, 7))):
            self._call("night", self._within(self._at(17), self._at(32, 30)))
        for _ in range(random.randrange(3)):
            self._call("day", self._within(self._at(32, 30), self._at(34)))
        for _ in range(random.randrange(6)):
            self._follow()
        for _ in range(random.choice((0, 0, 1, 2))):
            self._odd()

    def _gather(self) -> None:
        """Much is written down at once: whoever was busy sits down, and does it all within seconds."""
        random = self._random
        for _ in range(random.choice((0, 1, 1, 2, 2))):
            moment, spread = self._within(self._at(17), self.ends), random.choice((1, 3, 12))
            for n, saying in enumerate(self.said):
                if saying.at < moment and random.random() < 0.7:
                    self.said[n] = saying._replace(at=moment + timedelta(seconds=int(random.random() * spread)))

    def _say(
        self, provider: str, kind: str, at: datetime, said_at: datetime, about: str = "", /, **data: Any
    ) -> Letter:
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

    def _written(self, at: datetime) -> datetime:
        """When a call is written down: mostly at once, now and then hours later."""
        late = self._random.choice((0, 1, 2, 2, 5, 20, 200, 700))
        return min(at + timedelta(minutes=late), self.ends)

    def _register(self, ref: str) -> None:
        at = self._within(self._at(16, 30), self._at(20))
        form = {"district": "kinuta", "handbooks": ["physical"], "certificate": False, "age": 40}
        self._say("day", "registration.submit", at, at, person=ref, personal={"name": PERSONAL}, **form)

    def _call(self, provider: str, at: datetime) -> None:
        random, draw = self._random, self._random.random()
        if draw < 0.15:
            self._say(
                provider,
                "call.report",
                at,
                self._written(at),
                "a silent call",
                not_counted="silent",
                calls=1,
                personal={"note": PERSONAL},
            )
            return
        matters: list[dict[str, Any]] = []
        for _ in range(2 if draw > 0.85 else 1):
            if self._cases and random.random() < 0.3:
                ref = random.choice(self._cases)[1]
            else:
                ref = f"{provider}-{self._n + 1}-{len(matters)}"
                self._cases.append((provider, ref, at))
                self._open.append((provider, ref, at))
            matter = {"case": ref, "district": random.choice(DISTRICTS), "personal": {"note": PERSONAL}}
            if random.random() < 0.2:
                matter["person"] = "P1"
            matters.append(matter)
        about = f"{len(matters)} matter(s): {', '.join(str(matter['case']) for matter in matters)}"
        self._say(provider, "call.report", at, self._written(at), about, matters=matters, calls=len(matters))

    def _contradict(self, at: datetime) -> None:
        """The same id with other content: whichever comes second is a conflict."""
        matters = [{"case": f"either-{self._n}", "district": "kinuta", "personal": {"note": PERSONAL}}]
        first = self._say("night", "call.report", at, self._written(at), matters=matters, calls=1, expects="either")
        self._n += 1
        fields = first.fields | {"data": {"matters": [{"district": "kinuta"}]}}
        text = msgspec.json.encode(fields)
        second = Letter(self._n, first.id, first.type, text, "either", 1, "contradicts", fields)
        self.said.append(Saying(self._within(at, self.ends), "night", second))

    def _follow(self) -> None:
        """Something about a consultation of this night; it may come before the call itself does."""
        if not self._open:
            return
        random = self._random
        provider, ref, began = random.choice(self._open)
        at = self._within(began + timedelta(minutes=1), self.ends)
        match random.choice(("close", "place", "offer", "offer", "correct")):
            case "close":
                self._open = [entry for entry in self._open if entry[1] != ref]
                self._say(provider, "case.close", at, at, ref, case=ref)
            case "place":
                own = f"bed-{self._n}"
                self._say(
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
                    later = self._within(at, self.ends)
                    self._say(provider, "placement.cancel", later, later, own, placement=own)
            case "offer":
                self._offer(provider, ref, at)
            case "correct":
                calls = [s.letter for s in self.said if s.letter.calls == 1 and s.provider == provider]
                call = random.choice([one for one in calls if one.expects == "accepted"] or [None])
                if call is not None:
                    self._say(provider, "call.correct", at, at, call.id, call=call.id, district="karasuyama")

    def _offer(self, provider: str, ref: str, at: datetime) -> None:
        """One agency or two are asked; they answer in time, too late, or never."""
        random = self._random
        said = self._offered.setdefault(ref, [])
        for to in ("ぽーと", "みなと") if random.random() < 0.4 else ("ぽーと",):
            own = f"offer-{self._n}"
            data: dict[str, Any] = {"kind": "agency", "basis": "ward-duty", "personal": {"reason": PERSONAL}}
            if random.random() < 0.7:
                data["answer_by"] = (at + timedelta(minutes=random.choice((1, 30, 300)))).isoformat()
            said.append(self._say(provider, "handover.offer", at, at, ref, handover=own, case=ref, to=to, **data))
            if random.random() < 0.4:
                later = self._within(at, self.ends)
                said.append(self._say(provider, "handover.accept", later, self._written(later), own, handover=own))
        if sum(letter.type == "handover.offer" for letter in said) > 1:  # Which one stands depends on who was first.
            for letter in said:
                letter.expects = "any"

    def _odd(self) -> None:
        random, at = self._random, self._within(self._at(17), self._at(34))
        self._n += 1
        match random.choice(("garbled", "waits", "unusable", "contradicts")):
            case "garbled":
                text = f"not JSON {self._n}: {PERSONAL}".encode()
                self.said.append(Saying(at, "night", Letter(self._n, "", "", text, "parked", 0, "is garbled")))
            case "contradicts":
                self._contradict(at)
            case "waits":
                self._say(
                    "night", "case.close", at, at, "nobody has heard of", case=f"gone-{self._n}", expects="waiting"
                )
            case "unusable":
                self._say("night", "case.close", at, at, "unusable", number="X", expects="parked")
