"""Errors whose text says what is wrong and what to do: a command prints it, and ends with an exit status of 2."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from deploy.output import fail

P = ParamSpec("P")
T = TypeVar("T")

SAID = frozenset(
    {
        "deploy.datadir.DataError",
        "deploy.feeding.FeedError",
        "deploy.history.figures.Contradiction",
        "deploy.importing.sheets.SheetError",
        "deploy.manifest.BackupError",
        "deploy.natsd.NatsError",
        "deploy.ports.StartError",
        "deploy.statement_command.StatementError",
        "deploy.verify_index.NoKeys",
        "events.adapter.NotSent",
        "services.database.DatabaseError",
        "services.intake.finding.NotIndexed",
        "services.journal.JournalError",
        "services.settings.SettingsError",
        "services.signin.SignInError",
        "services.toml_file.FileError",
    }
)
"""By name, with their subclasses: to import them all would take each command a second."""

DATABASE = "sqlalchemy.exc.DatabaseError"


def said(command: Callable[P, T]) -> Callable[P, T]:
    """Turn errors that say what to do into a line on standard error and an exit status of 2."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return command(*args, **kwargs)
        except PermissionError as error:
            fail(f"{error.filename}: no permission; use a directory that you may read and write, or give --data")
        except Exception as error:
            kinds = {f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__}
            if kinds & SAID:
                fail(error)
            if DATABASE in kinds:
                fail(f"the database cannot be read: {vars(error)['orig']}")
            raise

    return run
