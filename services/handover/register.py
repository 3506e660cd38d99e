"""What handover knows of calls: a row for each consultation, and for each contact beyond its first, beside its log.

Written in the transaction of what was heard; no event of its own, for `call.received` says it already. The live path
goes through here, so that a call is one row: the contact that opened a consultation stands in the row of that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date, datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from events.intake import Attempt, Card, NightClosed
from services.database import found, found_among, insert_rows
from services.journal import MOST

_METADATA = sa.MetaData()
_ID = sa.String(64)
_TIME = sa.String(40)

ITEMS = sa.Table(
    "items",
    _METADATA,
    sa.Column("contact", _ID, primary_key=True),
    sa.Column("matter", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("night", sa.String(10)),
    sa.Column("case", _ID),
    sa.Column("number", sa.String(40), nullable=False),
    sa.Column("provider", sa.String(40), nullable=False),
    sa.Column("at", _TIME, nullable=False),
    sa.Column("recorded", _TIME, nullable=False),
    sa.Column("not_counted", sa.String(40)),
    sa.Column("channel", sa.String(40), nullable=False),
    sa.Column("card", sa.Text),
    sa.Column("touched", _TIME),
    sa.Column("edition", sa.Integer),
    sa.Column("n", sa.Integer),
    sa.Column("synthetic", sa.Boolean, nullable=False),
    sqlite_with_rowid=False,
)
"""A contact about one matter, where it did not open its consultation. `night`: of which it is an item; NULL: of none,
as by day. `card`: what cannot wait, who was tried, and whether it named a registrant, in clear. `touched`: when its
card was last filled in further. `edition` and `n`: once it was stated."""

sa.Index(
    "items_of_night",
    ITEMS.c.night,
    sqlite_where=ITEMS.c.night.is_not(None),
    postgresql_where=ITEMS.c.night.is_not(None),
)

sa.Index(
    "items_of_case",
    ITEMS.c.case,
    sqlite_where=ITEMS.c.case.is_not(None),
    postgresql_where=ITEMS.c.case.is_not(None),
)

CASES = sa.Table(
    "cases",
    _METADATA,
    sa.Column("case", _ID, primary_key=True),
    sa.Column("number", sa.String(40), nullable=False),
    sa.Column("owner", sa.String(200), nullable=False),
    sa.Column("band", sa.String(40), nullable=False),
    sa.Column("began_at", _TIME, nullable=False),
    sa.Column("open", sa.Boolean, nullable=False),
    sa.Column("closed", _TIME),
    sa.Column("merged_into", _ID),
    sa.Column("night", sa.String(10)),
    sa.Column("first", sa.Text),
    sa.Column("synthetic", sa.Boolean, nullable=False),
    sqlite_with_rowid=False,
)
"""A consultation: in whose charge it is (担当), and how it began. `first`: the contact that opened it, and whose it was
found to be by a link; `night`: of which that contact is an item. NULL: it was moved to another, and stands in ITEMS."""

sa.Index(
    "cases_of_night",
    CASES.c.night,
    sqlite_where=CASES.c.night.is_not(None),
    postgresql_where=CASES.c.night.is_not(None),
)

_CASES, _CASE_IDS, _ITEMS = sa.select(CASES), sa.select(CASES.c.case), sa.select(ITEMS)
_IN_HAND = (
    _CASE_IDS.where(CASES.c.open, CASES.c.merged_into.is_(None))
    .order_by(CASES.c.began_at, CASES.c.case)
    .limit(sa.bindparam("most"))
)
_CASES_OF_NIGHT = _CASES.where(CASES.c.night == sa.bindparam("night"))
_ITEMS_OF_NIGHT = _ITEMS.where(ITEMS.c.night == sa.bindparam("night"))
sa.Index(
    "cases_merged",
    CASES.c.merged_into,
    sqlite_where=CASES.c.merged_into.is_not(None),
    postgresql_where=CASES.c.merged_into.is_not(None),
)

NIGHTS = sa.Table(
    "nights",
    _METADATA,
    sa.Column("night", sa.String(10), primary_key=True),
    sa.Column("closing", sa.LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
"""Intake's last word on each night: the closing, as it was heard."""

_CLOSING_OF = sa.select(NIGHTS.c.closing).where(NIGHTS.c.night == sa.bindparam("night"))

TABLES = (ITEMS, CASES, NIGHTS)


class ItemRow(msgspec.Struct, kw_only=True, gc=False):
    """A contact about one matter, wherever it stands. `recorded`: when intake wrote it down.

    `registered`: whether it named somebody on the register.
    """

    contact: str
    matter: int
    night: date | None
    case: str | None
    number: str
    provider: str
    at: datetime
    recorded: datetime
    not_counted: str | None = None
    channel: str = "phone"
    card: Card | None = None
    touched: datetime | None = None
    edition: int | None = None
    n: int | None = None
    registered: bool = False
    synthetic: bool = False

    @property
    def waits(self) -> dict[str, datetime]:
        """Until when it can wait, by what says so."""
        card = self.card or _NOTHING
        by = {
            "safe-until": card.safe_until,
            "medication": card.medication_at,
            "call-back": card.call_back.by if card.call_back else None,
        }
        return {because: moment for because, moment in by.items() if moment is not None}

    @property
    def wait_until(self) -> datetime | None:
        """The earliest of them."""
        return min(self.waits.values(), default=None)

    @property
    def tries(self) -> list[Attempt]:
        """The attempts to reach the ward, without what was noted by mistake, in the order in which they were told."""
        return _standing(self.card.danger) if self.card else []

    @property
    def attended(self) -> bool:
        """Whether somebody of the ward answered."""
        return any(attempt.answered for attempt in self.tries)


class CaseRow(msgspec.Struct, kw_only=True, gc=False):
    """A row of CASES. `first` is an item of a night, or none, as any other contact.

    `registered`: whether it is about a registrant, as its last link, or the undoing of it, has it; None: as its
    contacts say.
    """

    case: str
    number: str
    owner: str
    band: str
    began_at: datetime
    open: bool
    closed: datetime | None = None
    merged_into: str | None = None
    first: ItemRow | None = None
    registered: bool | None = None
    synthetic: bool = False
    opened: bool = False
    """It opened, and whether that passes it on was not looked at yet; never written."""


class _First(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """Of the contact that opened a consultation, what its row does not say anyway. `at` None: as that began.

    `linked`: `registered` of the consultation; where that alone is to be kept, there is no `contact`.
    """

    contact: str = ""
    provider: str = ""
    matter: int = 1
    at: datetime | None = None
    recorded: datetime | None = None
    not_counted: str | None = None
    channel: str = "phone"
    card: Card | None = None
    touched: datetime | None = None
    edition: int | None = None
    n: int | None = None
    registered: bool = False
    linked: bool | None = None


class _OnItem(Card, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What the column `card` of ITEMS holds."""

    registered: bool = False


_NOTHING = Card()
_ENCODE = msgspec.json.Encoder().encode
_ON_ITEM = msgspec.json.Decoder(_OnItem).decode
_FIRST = msgspec.json.Decoder(_First).decode
_CLOSING = msgspec.json.Decoder(NightClosed).decode
_WARD = "ward"
"""As the `what` of an attempt: whoever can act for the ward was called."""


def waiting_part(card: Card | None) -> Card | None:
    """Of a card, what this service goes by: until when it can wait, and who was tried; None: nothing of it."""
    if card is None:
        return None
    part = Card(
        safe_until=card.safe_until,
        medication_at=card.medication_at,
        call_back=card.call_back,
        danger=tuple(attempt for attempt in card.danger if attempt.what == _WARD),
    )
    return None if part == _NOTHING else part


def _standing(told: Iterable[Attempt]) -> list[Attempt]:
    standing: list[Attempt] = []
    for attempt in told:
        if attempt.mistaken:
            meant = msgspec.structs.replace(attempt, mistaken=None)
            if meant in standing:
                standing.remove(meant)
        else:
            standing.append(attempt)
    return standing


class Register:
    """The rows as they are for one transaction, with what it adds and changes."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._cases: dict[str, CaseRow | None] = {}
        self._items: dict[str, list[ItemRow]] = {}
        self._read_contacts: set[str] = set()
        self._stored: set[tuple[str, int]] = set()
        self._new_cases: dict[str, CaseRow] = {}
        self._new_items: dict[tuple[str, int], ItemRow] = {}
        self._moved_cases: dict[str, CaseRow] = {}
        self._moved_items: dict[tuple[str, int], ItemRow] = {}
        self._closings: dict[date, NightClosed] = {}

    def read(self, cases: Iterable[str] = (), contacts: Iterable[str] = ()) -> None:
        """Read these together, where they were not yet."""
        connection = self._connection
        if missing := [case for case in dict.fromkeys(cases) if case not in self._cases]:
            self._cases.update(dict.fromkeys(missing))
            for case in found_among(connection, _CASES, CASES.c.case, missing):
                self._cases[case.case] = _case(case)
        if unread := [contact for contact in dict.fromkeys(contacts) if contact not in self._read_contacts]:
            self._read_contacts.update(unread)
            for item in found_among(connection, _ITEMS, ITEMS.c.contact, unread):
                self._take(_item(item))

    def case(self, case: str) -> CaseRow | None:
        """A consultation; None: not known here."""
        if case not in self._cases:
            self.read(cases=[case])
        return self._cases[case]

    def standing(self, case: str) -> CaseRow | None:
        """The consultation that stands for this one: itself, or that into which it was merged, however often."""
        row, seen = self.case(case), {case}
        while row is not None and row.merged_into is not None and row.merged_into not in seen:
            seen.add(row.merged_into)
            row = self.case(row.merged_into) or row
        return row

    def known(self, case: str) -> CaseRow | None:
        """A consultation that was read, or kept in this transaction; the database is not asked."""
        return self._cases.get(case)

    def contact(self, contact: str, case: str | None, matter: int | None = None) -> ItemRow | None:
        """A contact: as it was moved, or else under this consultation; None: not known here.

        `matter`: which of it, where that is known; a contact may concern several persons.
        """
        self.read(contacts=[contact])
        for row in self._items.get(contact, ()):
            if row.matter == matter or (matter is None and row.case == case):
                return row
        known = self.case(case) if case is not None else None
        first = known.first if known else None
        return first if first is not None and first.contact == contact else None

    def contacts_of(self, case: str) -> list[ItemRow]:
        """Every contact of a consultation, in no order."""
        for item in found_among(self._connection, _ITEMS, ITEMS.c.case, [case]):
            self._take(_item(item))
        known = self.case(case)
        rows = [row for rows in self._items.values() for row in rows if row.case == case]
        return [*rows, *([known.first] if known and known.first else [])]

    def of_night(self, night: date) -> list[ItemRow]:
        """Every item of a night, in the order of its times."""
        connection, day = self._connection, night.isoformat()
        for item in found(connection, _ITEMS_OF_NIGHT, night=day):
            self._take(_item(item))
        for case in found(connection, _CASES_OF_NIGHT, night=day):
            self._cases.setdefault(case.case, _case(case))
        rows = [row for rows in self._items.values() for row in rows]
        rows += [known.first for known in self._cases.values() if known is not None and known.first is not None]
        return sorted((row for row in rows if row.night == night), key=lambda row: (row.at, row.contact, row.matter))

    def merged_into(self, cases: Collection[str]) -> list[CaseRow]:
        """What was merged into these, directly."""
        if not cases:
            return []
        connection = self._connection
        self.read(cases=[row.case for row in found_among(connection, _CASE_IDS, CASES.c.merged_into, sorted(cases))])
        return [row for row in self._cases.values() if row is not None and row.merged_into in cases]

    def in_hand(self, owners: Collection[str] | None = None, limit: int | None = None) -> list[CaseRow]:
        """Consultations that are open and no part of another, in the order in which they began.

        `owners`: in the charge of these alone. What this very transaction changed is not looked at.
        """
        connection, most = self._connection, MOST if limit is None else limit
        if owners is None:
            asked = found(connection, _IN_HAND, most=most)
        else:
            asked = found_among(connection, _IN_HAND, CASES.c.owner, sorted(owners), most=most)
        cases = [row.case for row in asked]
        self.read(cases=cases)
        return [row for case in cases if (row := self._cases[case]) is not None]

    def closing(self, night: date) -> NightClosed | None:
        """Intake's last word on a night."""
        if night in self._closings:
            return self._closings[night]
        return closing_of(self._connection, night)

    def keep_case(self, row: CaseRow) -> None:
        """Write it with this transaction: a consultation that was not known, or one that was changed in place."""
        if row.case not in self._cases or self._cases[row.case] is None:
            self._cases[row.case] = self._new_cases[row.case] = row
        elif row.case not in self._new_cases:
            self._moved_cases[row.case] = row

    def keep_item(self, row: ItemRow) -> None:
        """Write it with this transaction, where it stands: a contact that has no row yet, or one that was changed."""
        case = self._cases.get(row.case) if row.case is not None else None
        key = (row.contact, row.matter)
        if case is not None and case.first is row:
            self.keep_case(case)
        elif key in self._stored:
            self._moved_items[key] = row
        elif key not in self._new_items:
            self._items.setdefault(row.contact, []).append(row)
            self._new_items[key] = row

    def close(self, closing: NightClosed) -> None:
        """Intake closed a night, perhaps again."""
        self._closings[closing.night] = closing

    def write(self, connection: sa.Connection) -> None:
        """Write what is new and what changed."""
        insert_rows(connection, CASES, [_case_columns(row) for row in self._new_cases.values()])
        insert_rows(connection, ITEMS, [_item_columns(row) for row in self._new_items.values()])
        moved_cases, moved_items = self._moved_cases.values(), self._moved_items.values()
        insert_rows(connection, CASES, [_case_columns(row) for row in moved_cases], taken="replaces")
        insert_rows(connection, ITEMS, [_item_columns(row) for row in moved_items], taken="replaces")
        closings = [(night.isoformat(), _ENCODE(closing)) for night, closing in self._closings.items()]
        insert_rows(connection, NIGHTS, closings, taken="replaces")

    def _take(self, row: ItemRow) -> None:
        """A row as it stands on disk, unless this transaction has it already, perhaps changed."""
        rows = self._items.setdefault(row.contact, [])
        if all(known.matter != row.matter for known in rows):
            rows.append(row)
            self._stored.add((row.contact, row.matter))


def items_of(connection: sa.Connection, night: date) -> list[ItemRow]:
    """The items of a night, for whoever only reads."""
    return Register(connection).of_night(night)


def closing_of(connection: sa.Connection, night: date) -> NightClosed | None:
    """Intake's last word on a night, for whoever only reads."""
    rows = found(connection, _CLOSING_OF, night=night.isoformat())
    return _CLOSING(bytes(rows[0].closing)) if rows else None


def _item_columns(row: ItemRow) -> tuple[Any, ...]:
    return (
        row.contact,
        row.matter,
        row.night.isoformat() if row.night else None,
        row.case,
        row.number,
        row.provider,
        row.at.isoformat(),
        row.recorded.isoformat(),
        row.not_counted,
        row.channel,
        _card_column(row),
        row.touched.isoformat() if row.touched else None,
        row.edition,
        row.n,
        row.synthetic,
    )


def _card_column(row: ItemRow) -> str | None:
    if not row.registered:
        return _ENCODE(row.card).decode() if row.card else None
    return _ENCODE(_OnItem(**msgspec.structs.asdict(row.card or _NOTHING), registered=True)).decode()


def _item(row: sa.Row[Any]) -> ItemRow:
    told = _ON_ITEM(row.card) if row.card else _OnItem()
    return ItemRow(
        contact=row.contact,
        matter=row.matter,
        night=date.fromisoformat(row.night) if row.night else None,
        case=row.case,
        number=row.number,
        provider=row.provider,
        at=datetime.fromisoformat(row.at),
        recorded=datetime.fromisoformat(row.recorded),
        not_counted=row.not_counted,
        channel=row.channel,
        card=waiting_part(told),
        touched=datetime.fromisoformat(row.touched) if row.touched else None,
        edition=row.edition,
        n=row.n,
        registered=told.registered,
        synthetic=bool(row.synthetic),
    )


def _case_columns(row: CaseRow) -> tuple[Any, ...]:
    first = row.first
    return (
        row.case,
        row.number,
        row.owner,
        row.band,
        row.began_at.isoformat(),
        row.open,
        row.closed.isoformat() if row.closed else None,
        row.merged_into,
        first.night.isoformat() if first and first.night else None,
        _first_column(row),
        row.synthetic,
    )


def _first_column(case: CaseRow) -> str | None:
    row = case.first
    if row is None:
        return None if case.registered is None else _ENCODE(_First(linked=case.registered)).decode()
    first = _First(
        contact=row.contact,
        provider=row.provider,
        matter=row.matter,
        at=None if row.at is case.began_at else row.at,
        recorded=row.recorded,
        not_counted=row.not_counted,
        channel=row.channel,
        card=row.card,
        touched=row.touched,
        edition=row.edition,
        n=row.n,
        registered=row.registered,
        linked=case.registered,
    )
    return _ENCODE(first).decode()


def _case(row: sa.Row[Any]) -> CaseRow:
    began_at = datetime.fromisoformat(row.began_at)
    case = CaseRow(
        case=row.case,
        number=row.number,
        owner=row.owner,
        band=row.band,
        began_at=began_at,
        open=bool(row.open),
        closed=datetime.fromisoformat(row.closed) if row.closed else None,
        merged_into=row.merged_into,
        synthetic=bool(row.synthetic),
    )
    first = _FIRST(row.first) if row.first else _First()
    case.registered = first.linked
    if first.recorded is not None:
        case.first = ItemRow(
            contact=first.contact,
            matter=first.matter,
            night=date.fromisoformat(row.night) if row.night else None,
            case=row.case,
            number=row.number,
            provider=first.provider,
            at=first.at or began_at,
            recorded=first.recorded,
            not_counted=first.not_counted,
            channel=first.channel,
            card=first.card,
            touched=first.touched,
            edition=first.edition,
            n=first.n,
            registered=first.registered,
            synthetic=case.synthetic,
        )
    return case
