"""Who may do what on NATS: an account for Yoake with a user for each service, and one for each provider and subscriber.

An account of its own is what keeps a provider apart: a server sends answers to whatever subject a
client names for them, permitted or not, so that within one account a provider could have them put
into EVENTS or into another's INBOX. What a provider's account does not import does not exist for it.

Clients in many languages ask for the state of a durable (INFO) before they pull from it, so each account imports that
of its own. The server itself answers in every account without JetStream that there is none, unless the account
imports `$JS.API.>`; that answer would come first. So each imports it from an account in which nobody is.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from services.credentials import Credential, Credentials
from services.settings import SERVICES
from services.streams import durables
from services.subjects import (
    DELIVERIES,
    EVENTS,
    HEARS,
    RECEIPTS,
    WRITERS,
    again_subject,
    health_subject,
    inbox_subjects,
    ledger_subject,
    receipt_durable,
    receipt_subject,
    subscribers_subject,
)
from services.subscribers import user_prefix
from services.ward import Ward

ACCOUNT = "YOAKE"
"""The account that the streams are in."""

NOBODY = "NOBODY"
"""An account without users: what goes there, nobody answers."""

ADMIN, FRONT = "admin", "front"
USERS = (ADMIN, *SERVICES, FRONT)
"""The users of Yoake's own account: the runner and the command line, the services, and the door with the pages."""

FILE = "users.json"

_REPLIES = "_INBOX.>"
_UNANSWERED = "unanswered.>"
_ELSE_OF_JETSTREAM = {"service": {"account": NOBODY, "subject": _UNANSWERED}, "to": "$JS.API.>"}


class Access:
    """The users and accounts of one server. The passwords of our own users are made once and kept beside it."""

    def __init__(
        self,
        directory: Path,
        ward: Ward | None = None,
        credentials: Credentials | None = None,
        subscribers: Credentials | None = None,
    ) -> None:
        """Without `ward` there are only our own users, and of those but `admin` none may do anything.

        Raises:
            OSError: the passwords cannot be read or kept.
        """
        self._ward, self._credentials, self._subscribers = ward, credentials, subscribers
        self._passwords = _kept(directory / FILE)
        self._rendered: tuple[Any, str] | None = None

    def user_and_password(self, user: str) -> str:
        """As they stand in a URL."""
        return f"{user}:{self._passwords[user]}"

    def config(self) -> str:
        """The `accounts` block of the server's configuration, as it must be now.

        Raises:
            services.credentials.CredentialsError: the credentials cannot be read.
        """
        files = (self._credentials, self._subscribers)
        version = [file.version if file else None for file in files]
        if self._rendered is None or self._rendered[0] != version:
            senders, receivers = (file.in_force() if file else [] for file in files)
            self._rendered = version, rendered(self._ward, self._passwords, senders, receivers)
        return self._rendered[1]


def rendered(
    ward: Ward | None,
    passwords: Mapping[str, str],
    credentials: Sequence[Credential],
    subscribers: Sequence[Credential] = (),
) -> str:
    """The accounts as text for nats-server. Every provider of the ward has one, and every subscriber on NATS, also
    before it has a credential: users can be added while the server runs, accounts cannot."""
    providers = [provider.id for provider in ward.provider] if ward else []
    users = [_own_user(user, passwords[user], ward.id if ward else None) for user in USERS]
    accounts: dict[str, Any] = {
        ACCOUNT: {"jetstream": "enabled", "users": users, "exports": []},
        NOBODY: {"exports": [{"service": _UNANSWERED}]},
    }
    for provider in providers:
        assert ward is not None, "providers are the ward's"
        services = _services_for(ward.id, provider)
        told = receipt_subject(ward.id, provider)
        accounts[ACCOUNT]["exports"] += [
            *({"service": subject, "response_type": "Stream", "accounts": [provider]} for subject in services),
            {"stream": told, "accounts": [provider]},
        ]
        may = {"publish": services, "subscribe": [told, _REPLIES]}
        accounts[provider] = {
            "users": [_user_of(one, may) for one in credentials if one.provider == provider],
            "imports": [
                *({"service": {"account": ACCOUNT, "subject": subject}} for subject in services),
                {"stream": {"account": ACCOUNT, "subject": told}},
                _ELSE_OF_JETSTREAM,
            ],
        }
    for subscriber in ward.subscriber if ward else ():
        if subscriber.way == "nats":
            account, asking = user_prefix(subscriber.key), _pulling(DELIVERIES, user_prefix(subscriber.key))
            accounts[ACCOUNT]["exports"] += [
                {"service": subject, "response_type": "Stream", "accounts": [account]} for subject in asking
            ]
            may = {"publish": asking, "subscribe": [_REPLIES]}
            accounts[account] = {
                "users": [_user_of(one, may) for one in subscribers if one.provider == account],
                "imports": [
                    *({"service": {"account": ACCOUNT, "subject": subject}} for subject in asking),
                    _ELSE_OF_JETSTREAM,
                ],
            }
    return f"accounts: {json.dumps(accounts, indent=2)}\n"


def _user_of(one: Credential, may: Mapping[str, Any]) -> dict[str, Any]:
    return {"user": one.name, "password": one.bcrypt, "permissions": may}


def _services_for(ward: str, provider: str) -> list[str]:
    """What a provider may ask of us: to take its messages, and to give it its own receipts."""
    return [*inbox_subjects(ward, provider), *_pulling(RECEIPTS, receipt_durable(provider))]


def _own_user(user: str, password: str, ward: str | None) -> dict[str, Any]:
    who = {"user": user, "password": password}
    if user == ADMIN:
        return who
    publish, subscribe = _rights(user, ward) if ward else ([], [])
    may = {
        "publish": publish or {"deny": ">"},
        "subscribe": [*subscribe, _REPLIES],
        "allow_responses": True,  # To whoever asks a service something.
    }
    return {**who, "permissions": may}


def _rights(user: str, ward: str) -> tuple[list[str], list[str]]:
    """(what a user publishes on, what it subscribes to)"""
    if user == FRONT:
        return (
            [
                *inbox_subjects(ward, "*"),
                *(health_subject(ward, "*"), f"$JS.API.STREAM.INFO.{EVENTS}", subscribers_subject(ward)),
            ],
            [receipt_subject(ward, "*")],
        )
    publish = [f"$JS.API.STREAM.INFO.{EVENTS}", f"$JS.API.STREAM.MSG.GET.{EVENTS}"]
    for stream, config in durables(ward):
        if config.durable_name in (user, f"{user}-events"):
            publish += _pulling(stream, config.durable_name)
    publish += [again_subject(ward, heard) for heard in HEARS.get(user, ())]
    subscribe = [health_subject(ward, user)]
    if user in WRITERS:
        publish += [f"events.{ward}.{user}.>", receipt_subject(ward, "*"), ledger_subject(ward, user)]
        subscribe.append(again_subject(ward, user))
    else:
        publish += [health_subject(ward, "*"), f"deliveries.{ward}.>", f"$JS.API.CONSUMER.INFO.{DELIVERIES}.*"]
        publish += [f"$JS.API.STREAM.{what}.{DELIVERIES}" for what in ("INFO", "MSG.GET", "PURGE")]
        subscribe += [ledger_subject(ward, "*"), subscribers_subject(ward)]
    return publish, subscribe


def _pulling(stream: str, durable: str) -> list[str]:
    """What a subscriber of one durable publishes on: how it stands, and pulling. It cannot make or change it."""
    asking = [f"$JS.API.CONSUMER.{what}.{stream}.{durable}" for what in ("INFO", "MSG.NEXT")]
    return [*asking, f"$JS.ACK.{stream}.{durable}.>"]


def _kept(path: Path) -> dict[str, str]:
    try:
        have = msgspec.json.decode(path.read_bytes(), type=dict[str, str])
    except (FileNotFoundError, msgspec.DecodeError):  # New ones do as well: who runs gets them from here.
        have = {}
    passwords = {user: have.get(user) or secrets.token_urlsafe(24) for user in USERS}
    if passwords != have:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(path, msgspec.json.encode(passwords).decode())
    return passwords


def write_private(path: Path, text: str) -> None:
    """Write a file whole, readable by its owner alone."""
    fresh = path.with_name(f".{path.name}.new")
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    fresh.replace(path)
