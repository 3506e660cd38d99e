"""The ward's own words, and dates, in one language. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from functools import cached_property
from typing import Literal, get_args

from services import era
from services.pages.words import CODES, FIELDS, HANDBOOKS, PERSONAL, SCREEN
from services.subscribers import Subscriber
from services.ward import Keyed, Label, Ward

Language = Literal["ja", "en"]
Place = Literal["district", "band", "placement", "outcome", "handbook", "age_group", "reason", "refusal", "closing"]

# Not from the locale: the same page reads the same everywhere.
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


class Terms:
    """A ward's words in one language; of a key that it does not name those of an `earlier` file, or the key itself."""

    def __init__(self, ward: Ward, language: Language, earlier: Sequence[Ward] = ()) -> None:
        self.ward, self.language, self._earlier = ward, language, earlier

    def say(self, label: Label) -> str:
        """A label in this language."""
        return label[self.language]

    def screen(self, name: str, **values: object) -> str:
        """A word of the pages, with its values filled in."""
        return self.say(SCREEN[name]).format(**values)

    def as_is(self, name: str) -> str:
        """A word of the pages with its blanks, for a script that fills them in."""
        return self.say(SCREEN[name])

    def field(self, name: str) -> str:
        """What a field is called."""
        return self.say(FIELDS[name]) if name in FIELDS else name

    def personal(self, name: str) -> str:
        """What a personal part is called; one that no list names by its sender's own word."""
        return self.say(PERSONAL[name]) if name in PERSONAL else name

    def code(self, key: str) -> str:
        """A short code of the contract in words."""
        return self.say(CODES[key]) if key in CODES else key

    def word(self, place: Place, key: str) -> str:
        """What the ward calls this key."""
        return self._words[place].get(key, key)

    def handbook(self, key: str) -> str:
        """A handbook in full, as one writes it to an agency."""
        return self.say(HANDBOOKS[key]) if key in HANDBOOKS else self.word("handbook", key)

    def district(self, key: str | None) -> str:
        """The district; 不明 where it is not known."""
        return (
            self.say(self.ward.labels["unknown_district"]) if key in (None, "unknown") else self.word("district", key)
        )

    def provider(self, key: str) -> str:
        """A provider's name, or whoever else is named."""
        wards = (self.ward, *reversed(self._earlier))
        found = next((found for ward in wards if (found := ward.provider_of(key))), None)
        return self.say(found.label) if found else key

    def agency(self, key: str | None, told: str) -> str:
        """What the directory calls a receiver; one that it does not name by the name that was `told`."""
        wards = (self.ward, *reversed(self._earlier))
        found = next((entry for ward in wards for entry in ward.agency if entry.key == key), None)
        return self.say(found.label) if found else told

    def basis(self, key: str) -> str:
        """On what something about a person went to somebody."""
        wards = (self.ward, *reversed(self._earlier))
        found = next((entry for ward in wards for entry in ward.basis if entry.key == key), None)
        return self.say(found.label) if found else self.code(key)

    def owner(self, owner: str) -> str:
        """In whose charge a case is: a provider, or an agency."""
        agency = owner.removeprefix("agency:")
        return self.provider(owner) if agency == owner else self.agency(agency, agency)

    def promised(self, who: str, by: datetime | None) -> str:
        """Whose a promise is to keep: who made it; where its contract is over by then, who answers at that time."""
        if by is None or not self.ward.is_over(who, by):
            return self.provider(who)
        found = self.ward.answering(by)
        now = self.say(found.label) if found else self.screen("nobody_on_duty")
        return self.screen("promised_by_former", now=now, who=self.provider(who))

    def who_may_promise(self, now: datetime, said: Collection[str] = ()) -> list[tuple[str, str]]:
        """The providers whose contract is not over, and who was `said` already: keys with their words."""
        offered = [each for each in self.ward.provider if each.id in said or not self.ward.is_over(each.id, now)]
        return [(each.id, self.say(each.label)) for each in offered]

    def told_outside(self, to: str) -> list[Subscriber]:
        """Which subscribers are sent that something is overdue, where a provider or `ward` is told."""
        sent = (each for each in self.ward.subscriber if "deadline.passed" in each.events)
        return [each for each in sent if not each.whom or to in each.whom]

    def first_duty(self, moment: datetime) -> str:
        """Whom of the ward to ring at a moment, with the number."""
        duty = next(iter(self.ward.duty_at(moment)), None)
        return f"{self.say(duty.label)} {duty.phone}" if duty else self.screen("urgent_nobody")

    def on_duty(self, moment: datetime) -> str:
        """当番：日中受託事業者; nobody answers where no contract covers the moment."""
        found = self.ward.answering(moment)
        return self.screen("on_duty", who=self.say(found.label) if found else self.screen("nobody_on_duty"))

    def day(self, day: date, weekday: bool = False) -> str:
        """令和5年1月26日（木）, or Thu 26 January 2023."""
        if self.language == "ja":
            return era.japanese_date(day, weekday)
        text = f"{day.day} {_MONTHS[day.month - 1]} {day.year}"
        return f"{_WEEKDAYS[day.weekday()]} {text}" if weekday else text

    def moment(self, at: datetime) -> str:
        """The day with its weekday and the time, on the ward's clock, 24 hours."""
        local = self.ward.local(at)
        return f"{self.day(local.date(), weekday=True)} {local:%H:%M}"

    def years(self, years: range) -> str:
        """令和4年度～令和5年度, or FY2022 to FY2023."""
        ends = dict.fromkeys(era.fiscal_year_label(year, self.language) for year in (years[0], years[-1]))
        return ("～" if self.language == "ja" else " to ").join(ends)

    def listed(self, words: Iterable[str]) -> str:
        """Several words in a row."""
        return ("、" if self.language == "ja" else ", ").join(words)

    @cached_property
    def _words(self) -> dict[Place, dict[str, str]]:
        return {
            place: {
                entry.key: self.say(entry.label)
                for ward in (*self._earlier, self.ward)  # The newest word for a key stands.
                for entry in _entries(ward, place)
            }
            for place in get_args(Place)
        }


def _entries(ward: Ward, place: Place) -> tuple[Keyed, ...]:
    entries: tuple[Keyed, ...] = getattr(ward, place)
    return entries
