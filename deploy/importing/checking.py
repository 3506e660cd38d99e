"""What the services would say of a message, told beforehand by their own rules on a desk with nothing on it. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import uuid4

import msgspec

from deploy.importing.making import IN_A_CELL, Finding, Maker
from deploy.importing.views import View, view_of
from deploy.rules import RULES
from events.intake import CallReceived, PersonRegistered
from events.messages import addressed
from events.seal import new_key
from services.book import Book, Shelf, Unusable, Waits
from services.desk import Rules
from services.inbox import Delivery, items, moment
from services.reading import opened, public, said
from services.seal import Secrets
from services.ward import Ward

NOT_BEFOREHAND = frozenset(
    {
        "personal-in-clear",  # It is sealed as it is sent.
        "not-registered",
        "possible-duplicate",
        "unknown-person",
        "unknown-number",
        "unknown-call",
        "district-unknown",
        "registration-withdrawn",
    }
)
"""Flags that depend on what is known already; an empty desk cannot tell."""

OF_A_FORM = frozenset({"time-unusable", "not-a-day", "birth-date-unusable", "not-true-or-false"})
"""Flags of how a value is written: what a cell may hold is not what a message may."""

PERSONAL_WORDS = {"name": "氏名", "kana": "フリガナ", "address": "住所", "phone": "電話番号", "contacts": "緊急連絡先"}
"""What a form is incomplete without, as sheets call it."""

OUR_ID = "data.person_id"
"""It comes out of the journal and not out of the sheet; a desk on which nothing lies knows nobody by it."""


class Checker:
    """A desk on which nothing lies, for one provider of a ward."""

    def __init__(self, ward: Ward, provider: str, maker: Maker, now: datetime) -> None:
        self._ward, self._provider, self.maker, self.now = ward, provider, maker, ward.local(now)
        self.labels = {
            entry.key: entry.label.ja
            for entry in (*ward.district, *ward.handbook, *ward.reason, *ward.refusal, *ward.placement)
        }
        self._secrets = Secrets(bytes(32), new_key())

    def check(self, message: dict[str, Any]) -> list[Finding]:
        """What would be flagged; a finding that is `held` where it would be parked."""
        return self.said(message)[1]

    def said(self, message: dict[str, Any]) -> tuple[list[View], list[Finding]]:
        """What a form or a call says, part by part, as it would be recorded; and what would be flagged."""
        service = addressed(message)
        body = msgspec.json.encode(message)
        delivery = Delivery(provider=self._provider, service=service, body=body, arrived=self.now)
        (item,) = items(delivery)
        book = self._book(RULES[service])
        try:
            if item.garbled is not None:
                raise item.garbled
            words = said(opened(delivery, item, self._secrets), self._ward, self._secrets)
            RULES[service].decide(words, book)
        except Unusable as unusable:
            if unusable.field == OUR_ID:
                return [], []
            columns = self.maker.columns_of(unusable.field)
            return [], [Finding("unusable", columns, unusable.accepted, unusable.reason, held=True)]
        except Waits:
            return [], []
        flags = dict.fromkeys([*words.flags, *book.flags])
        found = [self.finding(msgspec.to_builtins(flag)) for flag in flags if flag.code not in NOT_BEFOREHAND]
        return [
            view_of(written.event, written.at, written.personal)
            for written in book.written
            if isinstance(written.event, PersonRegistered | CallReceived)
        ], found

    def untimely(self, message: dict[str, Any]) -> Finding | None:
        """Why a row must not be sent with the time that stands in its cells; None if it may, or there is none.

        A call or a form would be taken all the same, and be counted on the day on which it arrives.
        """
        written = message.get("time")
        if written is None or moment(written, self._ward, self.now, field="time")[0] is not None:
            return None
        columns = self.maker.columns_of("time")
        try:
            datetime.fromisoformat(written)
        except (TypeError, ValueError):
            return Finding("time-unreadable", columns, IN_A_CELL["time"], held=True)
        days = f"{self._ward.opens_at:%Y-%m-%d} – {self._ward.local(self.now):%Y-%m-%d}"
        return Finding("time-outside", columns, days, held=True)

    def finding(self, flag: dict[str, Any]) -> Finding:
        """A flag of a receipt, with the columns that it is about."""
        if flag["code"] == "form-incomplete":
            return self._incomplete(str(flag["accepted"]).split(", "))
        field, accepted = flag.get("field"), self._in_words(flag.get("accepted"))
        if flag["code"] in OF_A_FORM:
            accepted = IN_A_CELL.get(self.maker.kind_of(field) or "", accepted)
        return Finding(str(flag["code"]), self.maker.columns_of(field), accepted)

    def _incomplete(self, lacking: list[str]) -> Finding:
        """The columns of what a form lacks; what has no column is named."""
        columns = {field: self.maker.columns_of(f"data.personal.{field}") for field in lacking}
        named = [PERSONAL_WORDS.get(field, field) for field, places in columns.items() if not places]
        places = dict.fromkeys(place for found in columns.values() for place in found)
        return Finding("form-incomplete", tuple(places), "、".join(named) or None)

    def _in_words(self, accepted: str | None) -> str | None:
        """A list of the ward's keys with what the ward calls them: 北沢 (kitazawa)."""
        keys = accepted.split(", ") if accepted else []
        if not keys or not all(key in self.labels for key in keys):
            return accepted
        return "、".join(f"{self.labels[key]} ({key})" for key in keys)

    def _book(self, rules: Rules[Any]) -> Book[Any]:
        shelf: Shelf[Any] = Shelf(
            ward=lambda _: self._ward,
            load=lambda _: None,
            evolve=rules.evolve,
            names=lambda _: [],
            count=lambda _: 0,
            new_id=lambda: str(uuid4()),
            reference=lambda own: public(own, self._secrets),
            same=lambda _: (),
            flags=lambda _holder, _matter: {},
            planned=lambda _: None,
            beside=None,
        )
        return Book(shelf)
