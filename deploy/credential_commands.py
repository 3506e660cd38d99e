"""`yoake credentials`: who may send, and as whom."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from deploy.datadir import DEFAULT, DataDirectory, DataError, without_password
from deploy.output import err, fail, out, print_json
from services.credentials import FILE, SUBSCRIBERS, Credential, Credentials, CredentialsError
from services.ward import WardError, load

app = typer.Typer(
    name="credentials",
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Make, list and revoke the credentials with which providers send.",
)

Data = Annotated[Path, typer.Option("--data", envvar="YOAKE_DATA", help="The data directory.", show_default=".yoake")]
Keys = Annotated[
    Path | None, typer.Option("--keys", help="The directory of YOAKE_KEYS, where there is no data directory.")
]
WardFile = Annotated[Path | None, typer.Option("--ward", help="The ward's file, where there is no data directory.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for a program.")]

PATIENCE = 5.0
"""Seconds given to a running NATS to know a credential."""

SAID = (DataError, WardError, CredentialsError)


@app.command()
def new(
    provider: Annotated[str, typer.Argument(help="A provider of the ward's file.")],
    data: Data = DEFAULT,
    keys: Keys = None,
    ward: WardFile = None,
    json: Json = False,
) -> None:
    """Make a credential for a provider and print it, once. Only a digest of it is kept."""
    try:
        known = [one.id for one in load(ward or DataDirectory(data) / "ward.toml").provider]
        if provider not in known:
            fail(f"{provider}: the ward does not know this provider; it knows {', '.join(known)}")
        made, token = _credentials(data, keys).new(provider, datetime.now(UTC))
    except SAID as error:
        fail(error)
    running = None if keys else DataDirectory(data).running()
    url = f"nats://{made.name}:{token}@{without_password(running.nats).removeprefix('nats://')}" if running else None
    door = _door(running.pages) if running else None
    if json:
        print_json({"name": made.name, "provider": provider, "token": token, "nats": url, "http": door})
    else:
        out.print(f"Provider  {provider}\nUser      {made.name}\nToken     {token}", markup=False, soft_wrap=True)
        if url:
            out.print(f"NATS      {url}\nHTTP      POST {door}", markup=False, soft_wrap=True)
        out.print(
            "It is shown this once: hand it over safely. Over HTTP: Authorization: Bearer TOKEN; "
            "on NATS: user and password.\nこの表示は一度だけです。安全な方法で渡してください。",
            soft_wrap=True,
        )
    if url and not asyncio.run(_is_known(url)):
        err.print("The running NATS does not know it yet; see `yoake status`.")


@app.command(name="list")
def list_(data: Data = DEFAULT, keys: Keys = None, json: Json = False) -> None:
    """Every credential ever made, with when it was made and revoked."""
    try:
        found = _credentials(data, keys).all()
    except SAID as error:
        fail(error)
    if json:
        print_json([_shown(one) for one in found])
        return
    table = Table("user", "provider", "made", "revoked")
    for one in found:
        table.add_row(one.name, one.provider, f"{one.made:%F %T}", f"{one.revoked:%F %T}" if one.revoked else "")
    out.print(table)


@app.command()
def revoke(
    user: Annotated[str, typer.Argument(help="The user of a credential, as `list` shows it, such as night-1.")],
    data: Data = DEFAULT,
    keys: Keys = None,
    json: Json = False,
) -> None:
    """Let a credential end at once, and for ever; whoever is connected with it is cut off."""
    try:
        ended = _credentials(data, keys).revoke(user, datetime.now(UTC))
    except SAID as error:
        fail(error)
    if json:
        print_json(_shown(ended))
    else:
        out.print(f"{user} is revoked. / {user} を無効にしました。")


@app.command()
def config(data: Data = DEFAULT, keys: Keys = None, ward: WardFile = None) -> None:
    """The accounts and users for a NATS of your own, as a part of its configuration.

    In the place of the passwords of our own users stand variables, which NATS reads from its environment.
    """
    from deploy.access import USERS, rendered  # What NATS needs is imported where NATS is concerned.

    try:
        passwords = {user: f"${_variable(user)}" for user in USERS}
        of = load(ward or DataDirectory(data) / "ward.toml")
        senders = _credentials(data, keys)
        receivers = Credentials(senders.path.with_name(SUBSCRIBERS))
        text = rendered(of, passwords, senders.in_force(), receivers.in_force())
    except SAID as error:
        fail(error)
    for variable in passwords.values():
        text = text.replace(f'"{variable}"', variable)  # In quotes it would be a text.
    typer.echo(text, nl=False)


def _door(pages: str) -> str:
    """Where the running Yoake takes messages over HTTP."""
    from events.over_http import PATH

    return f"{pages.rstrip('/')}{PATH}"


def _variable(user: str) -> str:
    return f"NATS_PASSWORD_{user.upper()}"


def _credentials(data: Path, keys: Path | None) -> Credentials:
    """Raises DataError where there is no such directory."""
    if keys is not None:
        if not keys.is_dir():
            raise DataError(f"{keys}: no such directory; give --keys the directory of the master key")
        return Credentials(keys / FILE)
    settings = DataDirectory(data).settings()
    settings.keys.mkdir(mode=0o700, exist_ok=True)
    return Credentials(settings.keys / FILE)


def _shown(one: Credential) -> dict[str, object]:
    """Without the digests."""
    return {"name": one.name, "provider": one.provider, "made": one.made, "revoked": one.revoked}


async def _is_known(url: str) -> bool:
    """Whether a running NATS lets this user in, before long."""
    from deploy.natsd import NatsError, connect

    end = asyncio.get_running_loop().time() + PATIENCE
    while asyncio.get_running_loop().time() < end:
        try:
            await (await connect(url)).close()
        except NatsError:
            await asyncio.sleep(0.1)
        else:
            return True
    return False
