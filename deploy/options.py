"""The options that several commands have, and what they check of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from deploy.output import Language, fail
from services.ward import Ward

Data = Annotated[
    Path, typer.Option("--data", envvar="YOAKE_DATA", help="The data directory.", show_default=".yoake", file_okay=True)
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for a program.")]
Lang = Annotated[Language, typer.Option("--lang", envvar="YOAKE_LANG", help="ja or en.")]
WardFile = Annotated[Path | None, typer.Option("--ward", help="The ward's TOML file; Setagaya's is the default.")]
NatsPort = Annotated[int, typer.Option("--nats-port", min=0, max=65535, help="NATS's port; 0 takes a free one.")]
PagesPort = Annotated[int, typer.Option("--port", min=0, max=65535, help="The pages' port; 0 takes a free one.")]
NatsUrl = Annotated[str | None, typer.Option("--nats", help="Where NATS runs, if `yoake up` does not run it.")]


def check_provider(ward: Ward, sender: str, option: str = "--as") -> None:
    """End where the ward's file does not know a provider."""
    if ward.provider_of(sender) is None:
        known = ", ".join(provider.id for provider in ward.provider)
        fail(f"{option} {sender}: the ward does not know this provider; it knows {known}")
