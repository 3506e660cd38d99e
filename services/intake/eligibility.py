"""Whether a person is 対象, and why: stated, for whoever decides; it never keeps anybody from anything. Pure."""

from __future__ import annotations

from datetime import date
from typing import Literal

import msgspec

from services.ward import Ward

Reason = Literal["age", "certificate", "age-unknown", "certificate-lapsed", "no-certificate"]


class Eligibility(msgspec.Struct, frozen=True, gc=False):
    """`eligible` None: nobody can say. `reason`: under the ward's age; a certificate that holds; neither is known; it
    held and holds no more, and the age is not below the ward's, or not known; or not below it, and no certificate."""

    eligible: bool | None
    reason: Reason


def eligibility(
    legal_age: int | None, certificate: bool | None, certificate_until: date | None, on: date, ward: Ward
) -> Eligibility:
    """Eligible is who is younger by law than the ward's age, or has a recipient certificate on that day.

    `legal_age` in whole years on that day; `certificate_until`: its last day, None where it is not known. Who names a
    last day has a certificate, unless it was said that there is none.
    """
    has_one = certificate_until is not None if certificate is None else certificate
    lapsed = has_one and certificate_until is not None and certificate_until < on
    if has_one and not lapsed:
        return Eligibility(True, "certificate")
    if legal_age is not None and legal_age < ward.eligibility.under:
        return Eligibility(True, "age")
    if lapsed:
        return Eligibility(None if legal_age is None else False, "certificate-lapsed")
    return Eligibility(None, "age-unknown") if legal_age is None else Eligibility(False, "no-certificate")
