"""The empty tables of all services on PostgreSQL in one round trip, as each service has laid them itself once before.

Most of what a small test costs there is a statement for every table and index of every service.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

import psycopg
import sqlalchemy as sa

_LAYS: dict[str, list[str]] = {}
"""What a service executes to make its tables where there is none."""

_laid: set[str] = set()


def lay(url: str) -> None:
    """Make the tables in new schemas, of each service that was seen making its own; `url` holds {service}."""
    schema = re.search(r"search_path%3D(\w+_)\{service\}", url)
    if schema is None or url in _laid or not _LAYS:
        return
    _laid.add(url)
    script = [line for name, lays in _LAYS.items() for line in (f"SET search_path = {schema[1]}{name}", *lays)]
    execute(url.replace("{service}", "reporting"), script)


def execute(url: str, script: Sequence[str]) -> None:
    """Execute all of it in one transaction on a PostgreSQL, in one round trip."""
    plain = sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with closing(psycopg.connect(plain)) as connection:
        connection.execute(";\n".join(script).encode())
        connection.commit()


@contextmanager
def seen(service: str, url: str, tables: int) -> Iterator[None]:
    """Listen to how a service makes its tables, if it makes that many, for the next that is to have them."""
    if service in _LAYS or not url.startswith("postgresql"):
        yield
        return
    heard: list[str] = []

    def hear(_: object, __: object, statement: str, *___: object) -> None:
        if statement.lstrip().startswith(("CREATE", "REVOKE")):
            heard.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", hear)
    try:
        yield
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", hear)
    if sum("CREATE TABLE" in statement for statement in heard) == tables:
        _LAYS[service] = heard
