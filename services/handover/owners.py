"""In whose charge (担当) a case is: one owner at any instant, and only a few things change it (domain Rule 10). Pure.

An owner is a provider's id, or `agency:` with an agency's key, or with its name where the directory has none. The
one on duty (当番) who answers the telephone is somebody else's matter.
"""

from __future__ import annotations

from events import Event
from events.handover import PASSING_KINDS, HandedOver, HandoverReturned, HandoverWithdrawn

AGENCY = "agency:"


def owner_after(owner: str | None, event: Event) -> str | None:
    """In whose charge a case is after an event about it; None: nobody said so yet, and it is the first provider's.

    Offering, declining, expiring and late answers change nothing. An acceptance by an agency or a section does, a
    return, and a withdrawal that had come before an acceptance which was told first.
    """
    match event:
        case HandedOver(kind=kind) if kind in PASSING_KINDS:
            return agency_owner(event.agency, event.to)
        case HandoverReturned():
            return event.giver
        case HandoverWithdrawn(giver=str() as giver):
            return giver
        case _:
            return owner


def agency_owner(agency: str | None, to: str) -> str:
    """An agency as an owner: by its key, or by the name that was told."""
    return AGENCY + (agency or to)


def is_agency(owner: str | None) -> bool:
    """Whether a case is in the charge of an agency or a section, and so no longer of a provider."""
    return owner is not None and owner.startswith(AGENCY)
