"""`yoake history`: synthetic messages (架空データ) that yield given tables."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from deploy.history import plan, read_examples
from deploy.options import WardFile
from deploy.output import fail, out
from deploy.said import said
from deploy.setting_up import PUBLISHED, SAMPLE
from services.reporting import published
from services.ward import load

app = typer.Typer(rich_markup_mode=None)


@app.command()
@said
def history(
    tables: Annotated[
        Path, typer.Option("--tables", help="A TOML of published tables, such as the sample's.")
    ] = PUBLISHED,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same history.")] = 1,
    ward: WardFile = None,
    to: Annotated[
        Path | None, typer.Option("--out", help="A file; with several senders, one for each: NAME-PROVIDER.jsonl.")
    ] = None,
) -> None:
    """Write a synthetic history (架空データ), as adapter messages, that yields exactly these tables."""
    sent = plan(published.load(tables), load(ward or SAMPLE), seed, read_examples(tables))
    by_provider: dict[str, list[bytes]] = {}
    for provider, message in sent:
        by_provider.setdefault(provider, []).append(msgspec.json.encode(message) + b"\n")
    if to is None:
        if len(by_provider) > 1:
            fail(f"there are several senders ({', '.join(by_provider)}): give --out FILE to get a file for each")
        sys.stdout.buffer.write(b"".join(line for lines in by_provider.values() for line in lines))
        return
    for provider, lines in by_provider.items():
        file = to if len(by_provider) == 1 else to.with_name(f"{to.stem}-{provider}{to.suffix or '.jsonl'}")
        try:
            file.write_bytes(b"".join(lines))
        except OSError as error:
            fail(f"{file}: {error.strerror}; give --out a file that you may write")
        out.print(f"{file}: {len(lines)} messages; feed them with `yoake feed {file} --as {provider}`", soft_wrap=True)
