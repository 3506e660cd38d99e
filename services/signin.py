"""Signing in: one-time links and the sessions that they begin, kept beside the keys.

A link is made by whoever may read the data directory, handed to a person, and good for one use
within ten minutes. Of links and cookies only digests are kept: what is read from the file signs
nobody in. Whoever may see what stands in the ward's file.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa

from services.clock import Clock, system_clock
from services.database import create, open_engine
from services.seal import Secrets
from services.ward import Role, Sees, Ward

FILE = "signin.db"
LINK_LASTS = timedelta(minutes=10)
SESSION_LASTS = timedelta(hours=12)
REMEMBERED = timedelta(days=1)
"""For so long a link that is used up or too old is still told from one that never was."""

LONGEST_NAME = 60
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)  # 256 bits.

_TABLES = sa.MetaData()
LINKS = sa.Table(
    "links",
    _TABLES,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("role", sa.String(40), nullable=False),
    sa.Column("name", sa.Text, nullable=True),
    sa.Column("until", sa.Float, nullable=False),
    sa.Column("used", sa.Boolean, nullable=False),
)
SESSIONS = sa.Table(
    "sessions",
    _TABLES,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("role", sa.String(40), nullable=False),
    sa.Column("name", sa.Text, nullable=True),
    sa.Column("who", sa.String(16), nullable=False),
    sa.Column("until", sa.Float, nullable=False),
)


class Why(StrEnum):
    """Why a link signs nobody in."""

    used = "used"
    expired = "expired"
    unknown = "unknown"


class NoSuchLink(LookupError):
    """A link that signs nobody in."""

    def __init__(self, why: Why) -> None:
        super().__init__(why.value)
        self.why = why


class SignInError(ValueError):
    """A role or a name that nobody can sign in with; says what is accepted, in English and in Japanese."""

    def __init__(self, text: str, japanese: str) -> None:
        super().__init__(text)
        self.japanese = japanese


class Offer(NamedTuple):
    """As whom a link signs in."""

    role: Role
    name: str | None


class Ended(NamedTuple):
    """The contract in whose time somebody signed in, and its last day."""

    provider: str
    until: date


class Session(NamedTuple):
    """Who is signed in. `who` stands for them in logs: a keyed digest of the name, or of the session without one."""

    role: Role
    name: str | None
    who: str

    def sees(self, what: Sees) -> bool:
        """Whether the role may see this."""
        return what in self.role.sees


class SignIns:
    """Links and sessions of one Yoake. Every method asks the database: never on the event loop."""

    def __init__(self, keys: Path, ward: Ward, clock: Clock = system_clock) -> None:
        """`keys`: the directory of the keys, which its owner alone may read."""
        self._keys, self._ward, self._clock = keys, ward, clock
        self._opened: sa.Engine | None = None

    def close(self) -> None:
        """Let go of the file."""
        if self._opened is not None:
            self._opened.dispose()

    def link(self, role: str, name: str | None = None) -> str:
        """A new link's secret part, for a role of the ward's file and whoever it is handed to.

        Raises:
            SignInError: no such role, or no such name; or the contract of its provider is over.
        """
        if self._role(role) is None:
            if self._ward.role_of(role) is not None:
                raise SignInError(
                    f"{role}: it speaks for a provider whose contract is over",
                    f"{role}：この役割の受託事業者の契約は終わっています",
                )
            known = ", ".join(each.key for each in self._ward.roles)
            raise SignInError(
                f"{role}: the ward's file has no such role; it has {known}",
                f"{role}：区の設定にこの役割はありません。ある役割：{known}",
            )
        if name is not None and not (_is_plain(name) and 0 < len(name.strip()) <= LONGEST_NAME):
            raise SignInError(
                f"--name: give a name of 1 to {LONGEST_NAME} printable characters",
                f"--name：1文字から{LONGEST_NAME}文字までの名前を指定してください（制御文字なし）",
            )
        token, now = secrets.token_urlsafe(32), self._now()
        until = now + LINK_LASTS.total_seconds()
        with self._engine().begin() as connection:
            for table in (LINKS, SESSIONS):
                connection.execute(sa.delete(table).where(table.c.until < now - REMEMBERED.total_seconds()))
            row = {"digest": _digest(token), "role": role, "name": name and name.strip(), "until": until, "used": False}
            connection.execute(sa.insert(LINKS), [row])
        return token

    def offered(self, token: str) -> Offer:
        """As whom a link would sign in; it stays unused.

        Raises:
            NoSuchLink: it is used, too old, or none of ours.
        """
        with self._engine().connect() as connection:
            return self._offer(connection, token)

    def sign_in(self, token: str) -> str:
        """Use up a link: the cookie of a new session.

        Raises:
            NoSuchLink: it is used, too old, or none of ours.
        """
        cookie = secrets.token_urlsafe(32)
        with self._engine().begin() as connection:
            unused = sa.and_(LINKS.c.digest == _digest(token), LINKS.c.used.is_(False), LINKS.c.until > self._now())
            # Written first: of two who come at once the second waits here, and finds it used.
            used = connection.execute(sa.update(LINKS).where(unused).values(used=True)).rowcount
            if not used:
                self._offer(connection, token)
                raise NoSuchLink(Why.used)
            row = connection.execute(sa.select(LINKS).where(LINKS.c.digest == _digest(token))).one()
            if self._role(row.role) is None:
                raise NoSuchLink(Why.unknown)
            session = {
                "digest": _digest(cookie),
                "role": row.role,
                "name": row.name,
                "who": Secrets.at(self._keys).digest(b"who/" + (row.name or cookie).encode())[:16],
                "until": self._now() + SESSION_LASTS.total_seconds(),
            }
            connection.execute(sa.insert(SESSIONS), [session])
        return cookie

    def session(self, cookie: str) -> Session | None:
        """Who is signed in with this cookie; None: nobody, or nobody any more."""
        row = self._row(cookie)
        role = self._role(row.role) if row else None
        return Session(role, row.name, row.who) if row and role else None

    def ended(self, cookie: str) -> Ended | None:
        """The contract whose end alone ended the session of this cookie; None where it is another reason."""
        row = self._row(cookie)
        role = self._ward.role_of(row.role) if row else None
        if role is None or role.provider is None or not self._ward.is_over(role.provider, self._clock()):
            return None
        contract = self._ward.provider_of(role.provider)
        return Ended(contract.id, contract.until) if contract and contract.until else None

    def _row(self, cookie: str) -> sa.Row[Any] | None:
        """A session that was begun and has not run out."""
        if not _TOKEN.fullmatch(cookie):
            return None
        with self._engine().connect() as connection:
            row = connection.execute(sa.select(SESSIONS).where(SESSIONS.c.digest == _digest(cookie))).first()
        if row is None or not hmac.compare_digest(row.digest, _digest(cookie)) or row.until <= self._now():
            return None
        return row

    def sign_out(self, cookie: str) -> None:
        """End a session, for ever."""
        with self._engine().begin() as connection:
            connection.execute(sa.delete(SESSIONS).where(SESSIONS.c.digest == _digest(cookie)))

    def _offer(self, connection: sa.Connection, token: str) -> Offer:
        if not _TOKEN.fullmatch(token):
            raise NoSuchLink(Why.unknown)
        row = connection.execute(sa.select(LINKS).where(LINKS.c.digest == _digest(token))).first()
        role = self._role(row.role) if row else None
        if row is None or role is None or not hmac.compare_digest(row.digest, _digest(token)):
            raise NoSuchLink(Why.unknown)
        if row.used:
            raise NoSuchLink(Why.used)
        if row.until <= self._now():
            raise NoSuchLink(Why.expired)
        return Offer(role, row.name)

    def _role(self, key: str) -> Role | None:
        """The role, while whoever it speaks for is, or will be, under contract: then nobody reads for them any more."""
        role = self._ward.role_of(key)
        is_over = role is not None and role.provider is not None and self._ward.is_over(role.provider, self._clock())
        return None if is_over else role

    def _now(self) -> float:
        return self._clock().timestamp()

    def _engine(self) -> sa.Engine:
        """Opened when it is first needed, so that nothing is made by only looking at pages that are open."""
        if self._opened is None:
            self._keys.mkdir(parents=True, exist_ok=True, mode=0o700)
            (self._keys / FILE).touch(mode=0o600)
            engine = open_engine(f"sqlite:///{self._keys.absolute()}/{FILE}")
            with engine.begin() as connection:
                create(connection, [LINKS, SESSIONS])
            self._opened = engine
        return self._opened


def _is_plain(name: str) -> bool:
    """No control characters; the wide space of Japanese names is none."""
    return name.replace("\u3000", " ").isprintable()


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
