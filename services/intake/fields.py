"""Reading a call or a form that is never refused: what does not fit becomes a flag, its raw value is sealed."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from events.intake import Flag
from services.book import Said
from services.era import folded, is_no_day, parse_date
from services.inbox import moment
from services.ward import Ward

A_DAY = "1985-04-30 or 昭和60年4月30日, a day that exists"
WITHIN_CONTRACT = "a time within the provider's contract"
MOST_TEXT = 200
MOST_FLAGS = 20
"""Flags on one part of a message; a person has seen enough by then, and an event stays small."""


class Fields:
    """The fields of one message or of one of its parts, read leniently.

    `flags` collects what was odd, `raw` the values that did not fit, to be sealed with the event.
    """

    def __init__(
        self, values: object, place: str, known: frozenset[str], flags: list[Flag], raw: dict[str, Any]
    ) -> None:
        self._place, self.flags, self.raw = place, flags, raw
        self._values: dict[str, Any] = values if isinstance(values, dict) else {}
        if not isinstance(values, dict):
            self._odd("", values, "not-an-object", "an object, see events/README.md")
        if not self._values.keys() <= known:
            for name in sorted(self._values.keys() - known):
                self._odd(name, self._values[name], "unknown-field", ", ".join(sorted(known - {"personal"})))

    def given(self, name: str) -> Any:
        """The value as it came; None where there is none."""
        return self._values.get(name)

    def has(self, names: frozenset[str]) -> bool:
        """Whether any of these stands there."""
        return not self._values.keys().isdisjoint(names)

    def text(self, name: str) -> str | None:
        """A short text, or None."""
        value = self._values.get(name)
        if value is None or (isinstance(value, str) and 0 < len(value) <= MOST_TEXT):
            return value
        self._odd(name, value, "not-a-text", f"a text of up to {MOST_TEXT} characters")
        return None

    def choice(self, name: str, allowed: dict[str, str]) -> str | None:
        """One of the known values, in any width and either language; None where it is none of them."""
        value = self._values.get(name)
        if value is None:
            return None
        if not isinstance(value, str) or not 0 < len(value) <= MOST_TEXT:
            self._odd(name, value, "not-a-text", ", ".join(sorted(set(allowed.values()))))
            return None
        found = allowed.get(folded(value).casefold())
        if found is None:
            self._odd(name, value, f"unknown-{name.replace('_', '-')}", ", ".join(sorted(set(allowed.values()))))
        return found

    def choices(self, name: str, allowed: dict[str, str]) -> tuple[str, ...] | None:
        """A list of known values; what is not known is left out and flagged. None where there is no list."""
        value = self._values.get(name)
        if value is None:
            return None
        if not isinstance(value, list):
            self._odd(name, value, "not-a-list", ", ".join(sorted(set(allowed.values()))))
            return None
        found: list[str] = []
        for entry in value:
            known = allowed.get(folded(entry).casefold()) if isinstance(entry, str) else None
            if known is None:
                self._odd(name, value, f"unknown-{name.replace('_', '-')}", ", ".join(sorted(set(allowed.values()))))
            elif known not in found:
                found.append(known)
        return tuple(found)

    def truth(self, name: str) -> bool | None:
        """True, false, or None where it was not said."""
        value = self._values.get(name)
        if value is None or isinstance(value, bool):
            return value
        self._odd(name, value, "not-true-or-false", "true or false")
        return None

    def whole(self, name: str, most: int) -> int | None:
        """A whole number from 0 to `most`; full-width digits are read."""
        value = self._values.get(name)
        if value is None:
            return None
        digits = folded(value) if isinstance(value, str) else str(value)
        if (
            isinstance(value, int | str)
            and not isinstance(value, bool)
            and digits.isdecimal()
            and len(digits) <= 9
            and int(digits) <= most
        ):
            return int(digits)
        self._odd(name, value, "not-a-number", f"a whole number from 0 to {most}")
        return None

    def day(self, name: str) -> date | None:
        """A day as people type it, in either calendar."""
        value = self._values.get(name)
        if value is None:
            return None
        try:
            if isinstance(value, str):
                return parse_date(value)
        except ValueError:
            pass  # Said below, with what would have been taken.
        self._odd(name, value, "not-a-day", A_DAY)
        return None

    def moment(self, name: str, ward: Ward, arrived: datetime, *, promised: bool = False) -> datetime | None:
        """A time, read as those of the envelope are, or None; `promised`: it may lie ahead."""
        value = self._values.get(name)
        if value is None:
            return None
        found, odd = moment(value, ward, arrived, field=f"{self._place}.{name}", promised=promised)
        for flag in odd:
            self._note(flag)
        if found is None:
            self.raw[f"{self._place}.{name}"] = value
        return found

    def key(self, name: str) -> str | None:
        """A short code that everybody may read; anything else is sealed, because it may be a name."""
        value = self._values.get(name)
        if value is None or (isinstance(value, str) and is_code(value)):
            return value
        self._odd(name, value, "not-a-code", "up to 40 of a to z, 0 to 9 and hyphens")
        return None

    def part(self, name: str, known: frozenset[str], position: int | None = None) -> Fields | None:
        """An object inside, or with `position` one of a list; it shares the flags and the raw values."""
        value = self._values.get(name)
        if value is None:
            return None
        if position is None:
            return Fields(value, f"{self._place}.{name}", known, self.flags, self.raw)
        return Fields(value[position], f"{self._place}.{name}[{position}]", known, self.flags, self.raw)

    def entries(self, name: str, known: frozenset[str], most: int) -> list[Fields]:
        """A list of objects; what lies beyond `most` of them is sealed and flagged."""
        value = self._values.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            self._odd(name, value, "not-a-list", f"a list of objects with {', '.join(sorted(known))}")
            return []
        if len(value) > most:
            self._odd(name, value[most:], "too-many-entries", f"up to {most}")
        found = (self.part(name, known, position) for position in range(min(len(value), most)))
        return [entry for entry in found if entry is not None]

    def personal(self) -> dict[str, Any]:
        """What is personal, as it came."""
        value = self._values.get("personal")
        return dict(value) if isinstance(value, dict) else {}

    def birth_date(self) -> None:
        """Note a date of birth in a call that is written as a date, and is none; it stays as it was typed."""
        given = self.personal().get("birth_date")
        if isinstance(given, str) and is_no_day(given):
            self.flag("birth-date-unusable", "personal.birth_date", A_DAY)

    def flag(self, code: str, name: str | None = None, accepted: str | None = None) -> None:
        """Note something odd about a field, or about the whole."""
        field = f"{self._place}.{name}" if name else self._place
        self._note(Flag(code=code, field=field, accepted=accepted))

    def flag_time(self, code: str, accepted: str) -> None:
        """Note something odd about when it happened, which the envelope says."""
        self._note(Flag(code=code, field="time", accepted=accepted))

    def _note(self, flag: Flag) -> None:
        if flag in self.flags:
            return
        if len(self.flags) >= MOST_FLAGS:
            flag = Flag(code="more-flags")
        if flag not in self.flags:
            self.flags.append(flag)

    def _odd(self, name: str, value: object, code: str, accepted: str) -> None:
        safe = name if name.isascii() and name.replace("_", "").isalnum() and len(name) <= 40 else None
        self.flag(code, safe, accepted)
        self.raw[f"{self._place}.{name}"] = value


def is_code(text: str) -> bool:
    """Whether a text can stand where everybody reads it: a short word of lower-case letters, digits and hyphens."""
    plain = text.replace("-", "")
    return 0 < len(text) <= 40 and text.isascii() and plain.isalnum() and text == text.lower()


def words(said: Said, own: dict[str, Any], misfits: dict[str, Any]) -> dict[str, Any] | None:
    """Everything of a message that is sealed: its personal parts, and the raw values that did not fit."""
    raw = {**said.raw, **misfits}
    sealed = {**own, **({"raw": raw} if raw else {})}
    return sealed or None
