"""Times as a night's pages write them: 23:40, 翌02:10, 9:30 in the morning's own matters. Pure."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from services.era import WEEKDAYS
from services.pages.terms import Terms

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
FAR = timedelta(days=183)
"""From here on a day without its year could be taken for one of the night's own: half a year."""


class NightClock:
    """Writes times for one night, on the ward's clock, in one language."""

    def __init__(self, terms: Terms, night: date) -> None:
        self._terms, self.night = terms, night

    def at_night(self, moment: datetime) -> str:
        """When something of the night was: 翌 after midnight."""
        local = self._terms.ward.local(moment)
        time = f"{local:%H:%M}"
        if local.date() == self.night:
            return time
        if local.date() == self.night + timedelta(days=1):
            return self._terms.screen("next_day", time=time)
        return f"{self.day(local.date())} {time}"

    def in_the_morning(self, moment: datetime) -> str:
        """When something was of the day on which the night ends; on another, with the day."""
        local = self._terms.ward.local(moment)
        time = f"{local.hour}:{local:%M}"
        return time if local.date() == self.night + timedelta(days=1) else f"{self.day(local.date())} {time}"

    def whole(self, moment: datetime) -> str:
        """With its day."""
        local = self._terms.ward.local(moment)
        return f"{self.day(local.date())} {local.hour}:{local:%M}"

    def day(self, day: date) -> str:
        """11月15日（土）, or Sat 15 Nov; far from the night, where a year may have been mistyped, with its year."""
        if abs(day - self.night) > FAR:
            return self._terms.day(day, weekday=True)
        if self._terms.language == "ja":
            return f"{day.month}月{day.day}日（{WEEKDAYS[day.weekday()]}）"
        return f"{_WEEKDAYS[day.weekday()]} {day.day} {_MONTHS[day.month - 1]}"

    @property
    def name(self) -> str:
        """令和7年11月14日（金）夜間分."""
        return self._terms.screen("night_of", day=self._terms.day(self.night, weekday=True))
