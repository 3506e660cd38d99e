"""One-time links with which people sign in to the pages: made here, by whoever may read the data directory."""

from __future__ import annotations

from contextlib import closing

from deploy.output import out
from services.clock import system_clock
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
    """A link for each role of the ward's file whose provider's contract is not over, as Yoake starts."""
    out.print(
        f"Sign in / サインイン   (each once, within {MINUTES} minutes; then `yoake signin ROLE` / "
        f"{MINUTES}分以内に一度だけ。その後は yoake signin ROLE)",
        style="bold",
        soft_wrap=True,
    )
    ward, now = settings.ward(), system_clock()
    for role in (role for role in ward.roles if not (role.provider and ward.is_over(role.provider, now))):
        out.print(f"  {role.label.ja} / {role.label.en}", markup=False)
        out.print(f"      {link(settings, pages, role.key)}", markup=False, soft_wrap=True)
