"""The command line, `yoake`: each command with --help, with --json where a program may read it."""

from __future__ import annotations

import signal
from importlib import import_module
from typing import Any, NamedTuple

import typer
from typer.core import TyperGroup


class Command(NamedTuple):
    """Where a command is, and the beginning of its help."""

    module: str
    help: str


COMMANDS = {
    "demo": Command(
        "running_commands", "Two synthetic fiscal years in, the ward's published tables out, cell beside cell."
    ),
    "up": Command(
        "running_commands", "Run NATS, the four services and the pages here, on loopback only, until Ctrl-C."
    ),
    "signin": Command(
        "signin_command", "Print a link that signs one person in to the pages, once, within ten minutes."
    ),
    "feed": Command("feed_command", "Send messages as an adapter would, and print what became of each."),
    "import": Command(
        "import_command",
        "Take in a roster or a call log from a spreadsheet; importing it again adds only what is new.",
    ),
    "report": Command(
        "report_commands", "One table of the ward, from the ledger; works whether or not the services run."
    ),
    "case": Command(
        "report_commands", "A case's whole history across the services: both clocks, source, cause, and what changed."
    ),
    "flags": Command(
        "find_commands",
        "What somebody should look at (確認事項): the open flags of calls and forms; works whether or not Yoake runs.",
    ),
    "statement": Command(
        "statement_command",
        "The closing statement of a night (夜間引継書) with its supplements.",
    ),
    "tonight": Command(
        "tonight_command",
        "Tonight's notes (今夜の申し送り): stays and open cases that the night must know.",
    ),
    "find": Command(
        "find_commands",
        "Who on the register may be meant; where it is one, what to know of them first.",
    ),
    "status": Command(
        "status_command",
        "How far each service, its relay and its consumers are, and what is degraded, with what to do.",
    ),
    "verify": Command(
        "verify_commands",
        "Compare ledger with journals, tallies with the fold, the index of persons with the log, "
        "streams with journals.",
    ),
    "manifest": Command(
        "manifest_command",
        "What is held from a provider: the ranges of its own numbers, gaps, what waits, what is parked or in conflict.",
    ),
    "backup": Command(
        "backup_commands",
        "Copy everything, consistently, while Yoake runs or while it does not; with --check, verify a backup.",
    ),
    "restore": Command(
        "backup_commands",
        "Put a backup into an empty directory, and empty databases, as the beginning of a new epoch.",
    ),
    "rebuild": Command(
        "verify_commands",
        "Throw the tallies away and fold them again from the ledger; says whether the result is identical.",
    ),
    "streams": Command(
        "verify_commands",
        "Declare the streams and durables on the running NATS; with --refill, fill EVENTS from the journals.",
    ),
    "history": Command(
        "history_command",
        "Write a synthetic history (架空データ), as adapter messages, that yields exactly these tables.",
    ),
    "ward": Command("ward_commands", "Check a ward's file, see what it would change, list holidays."),
    "credentials": Command("credential_commands", "Make, list and revoke the credentials with which providers send."),
    "parked": Command(
        "parked_commands",
        "The desk for parked messages (要確認データ): list them, show one, mend it, send it again, or close it.",
    ),
    "subscriber": Command(
        "subscriber_commands", "Who receives what (送信先): credentials, how far each is, send again, test."
    ),
}
"""Every command, so that `yoake --help` knows them without importing what they need."""


class Commands(TyperGroup):
    """Imports the module of a command when that command is called."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that is meant, and the arguments that are left for it."""
        name, known, left = super().resolve_command(ctx, args)
        return name, loaded(name) if name and known else known, left


def loaded(name: str) -> Any:
    """A command out of its module; or all of the module, where they are commands of one noun."""
    group = typer.main.get_group(import_module(f"deploy.{COMMANDS[name].module}").app)
    return group if group.name == name else group.commands[name]


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Yoake (夜明け): nothing that was said at night is missing in the morning.",
)
for name, command in COMMANDS.items():
    app.command(name, help=command.help)(lambda: None)  # In its place comes the one out of its module.


def main() -> None:
    """The entry point."""
    for stops in (signal.SIGTERM, signal.SIGINT):  # Both as Ctrl-C, which a script's `&` would ignore.
        signal.signal(stops, signal.default_int_handler)
    app()


if __name__ == "__main__":
    main()
