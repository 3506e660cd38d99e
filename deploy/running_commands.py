"""`yoake up` and `yoake demo`: everything runs here, until Ctrl-C."""

from __future__ import annotations

from typing import Annotated

import typer

from deploy.datadir import DEFAULT, DataDirectory, without_password
from deploy.options import Data, Lang, NatsPort, PagesPort, WardFile
from deploy.output import Language, err, fail, out
from deploy.ports import check_port
from deploy.said import said
from deploy.setting_up import prepare
from deploy.signing_in import print_links

NATS_PORT, PAGES_PORT = 14222, 18222

app = typer.Typer(rich_markup_mode=None)


@app.command()
@said
def demo(
    context: typer.Context,
    once: Annotated[
        bool, typer.Option("--once", help="Stop after the tables; the exit status says if all are equal.")
    ] = False,
    morning: Annotated[
        bool, typer.Option("--morning", help="Instead: an invented night passes, and its morning stands there.")
    ] = False,
    data: Data = DEFAULT,
    port: PagesPort = PAGES_PORT,
    nats_port: NatsPort = NATS_PORT,
    lang: Lang = Language.ja,
) -> None:
    """Two synthetic fiscal years in, the ward's published tables out, cell beside cell."""
    from deploy.demo import demonstrate  # The services' own libraries take a second to import; few commands need them.
    from deploy.demo_morning import demonstrate_morning

    given = context.get_parameter_source("data")  # Of typer's own click, or of another.
    if morning and given is not None and given.name == "COMMANDLINE":
        fail("--data: an invented night has a directory of its own, which goes with it; leave --data out")
    if morning:
        raise typer.Exit(0 if demonstrate_morning(once=once, ports=(nats_port, port), language=lang) else 1)
    equal = demonstrate(DataDirectory(data), once=once, ports=(nats_port, port), language=lang)
    raise typer.Exit(0 if equal else 1)


@app.command()
@said
def up(
    data: Data = DEFAULT,
    ward: WardFile = None,
    port: PagesPort = PAGES_PORT,
    nats_port: NatsPort = NATS_PORT,
    database: Annotated[
        str | None, typer.Option(help="PostgreSQL instead of SQLite: a URL with {service} in it, a database for each.")
    ] = None,
    activate: Annotated[
        bool, typer.Option("--activate", help="Let a changed ward's file be in force from now on.")
    ] = False,
) -> None:
    """Run NATS, the four services and the pages here, on loopback only, until Ctrl-C."""
    from deploy.embedded import Embedded

    directory = DataDirectory(data)
    changed = prepare(directory, ward, database, activate=activate)
    if changed:
        err.print(
            "The ward's file differs from the one in force; it is not taken. --activate lets it be in force from now:"
        )
        for line in changed:
            err.print(f"  {line}", markup=False, soft_wrap=True)
    directory.lock()
    for number, option in ((port, "--port"), (nats_port, "--nats-port")):
        check_port(number, option)
    embedded = Embedded(directory, nats_port=nats_port, pages_port=port)
    ended_by_itself = False
    try:
        with embedded as running:
            where = (("Pages", running.pages), ("NATS", without_password(running.nats)), ("Data", directory.path))
            out.print("\n".join(f"{name:<8} {what}" for name, what in where), markup=False)
            print_links(directory.settings(), running.pages)
            out.print("Ctrl-C stops everything. / 終了は Ctrl-C です。")
            ended_by_itself = not embedded.wait_for_ctrl_c()
    except KeyboardInterrupt:
        pass  # It came while everything was being started; the context has stopped it all.
    if ended_by_itself:
        fail(f"the runner ended by itself; see {directory / 'logs' / 'runner.log'}", 1)
    out.print("Stopped. / 終了しました。")
