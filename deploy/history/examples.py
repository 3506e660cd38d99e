"""Consultations of which the published papers tell more than the tables do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, time
from pathlib import Path
from typing import Literal

import msgspec

from deploy.history.figures import Contradiction
from deploy.history.register import Registrant
from services import toml_file
from services.toml_file import FileError

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


class Example(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One consultation: its cell, and what else is known.

    `until`: it had begun, and its outcome been reached, by the end of this day. `from` and `to`:
    the hours between which the call came, local time. `handbook`, `age_group`: of the registrant.
    """

    year: int
    band: str
    outcome: str
    until: date | None = None
    weekday: Weekday | None = None
    from_: time = msgspec.field(name="from", default=time())
    to: time = time(23, 59)
    handbook: str | None = None
    age_group: str | None = None
    reason: str | None = None
    note: str | None = None

    @property
    def about_somebody(self) -> bool:
        """Whether the papers say something about the person."""
        return self.handbook is not None or self.age_group is not None

    def on(self, day: date) -> bool:
        """Whether the call may have come on this day."""
        return self.weekday is None or day.weekday() == WEEKDAYS.index(self.weekday)


class _Examples(msgspec.Struct, forbid_unknown_fields=True):
    example: tuple[Example, ...] = ()


def read_examples(published: Path) -> tuple[Example, ...]:
    """The examples that stand beside a file of published tables; most have none.

    Those of `deploy/wards/x-published.toml` are the `[[example]]` of `deploy/wards/x-examples.toml`.

    Raises:
        Contradiction: an entry that is no example; says which field.
    """
    path = published.with_name(published.name.replace("published", "examples"))
    if path == published or not path.exists():
        return ()
    try:
        content, lines = toml_file.read(path, FileError, "a TOML file of examples")
        try:
            return toml_file.shaped(content, _Examples, FileError).example
        except FileError as error:
            raise error.located(path, lines) from error
    except FileError as error:
        raise Contradiction(str(error)) from error


def become(person: Registrant, example: Example, people: Sequence[Registrant], taken: set[Registrant]) -> bool:
    """Make a registrant the person of an example, by changing places with others of the cohort.

    Ages and handbooks are only swapped, so that every table stays as it was. False: nobody in the
    cohort is of that age, or has that handbook, and is not another example's person.
    """
    others = [other for other in people if other.cohort == person.cohort and other not in taken]
    aged = [other for other in others if example.age_group in (None, other.age_group)]
    holding = [other for other in others if example.handbook is None or example.handbook in (other.handbooks or ())]
    if not aged or not holding:
        return False
    if person not in aged:
        person.age_group, aged[0].age_group = aged[0].age_group, person.age_group
    if person not in holding:
        person.handbooks, holding[0].handbooks = holding[0].handbooks, person.handbooks
    return True
