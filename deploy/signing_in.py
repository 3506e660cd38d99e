"""One-time links with which people sign in to the pages: made here, by whoever may read the data directory."""

from __future__ import annotations

from contextlib import closing

from deploy.output import out
from services.settings import Settings
from services.signin import LINK_LASTS, SignIns

MINUTES = int(LINK_LASTS.total_seconds() // 60)


def link(settings: Settings, pages: str, role: str, name: str | None = None) -> str:
    """A new link for a role. `pages`: the address at which the pages are reached.

    Raises:
        services.signin.SignInError: no such role, or no such name; says what is accepted.
    """
    with closing(SignIns(settings.keys, settings.ward())) as signins:
        return f"{pages.rstrip('/')}/signin/{signins.link(role, name)}"


def print_links(settings: Settings, pages: str) -> None:
    """A link for each role of the ward's file, as Yoake starts."""
    out.print(
        f"Sign in / サインイン   (each once, within {MINUTES} minutes; then `yoake signin ROLE` / "
        f"{MINUTES}分以内に一度だけ。その後は yoake signin ROLE)",
        style="bold",
        soft_wrap=True,
    )
    for role in settings.ward().roles:
        out.print(f"  {role.label.ja} / {role.label.en}", markup=False)
        out.print(f"      {link(settings, pages, role.key)}", markup=False, soft_wrap=True)
