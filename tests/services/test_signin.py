"""One-time links and sessions: what signs somebody in, once, for a while, and what never does."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from services.signin import FILE, LINK_LASTS, SESSION_LASTS, NoSuchLink, SignInError, SignIns, Why
from tests.desk_examples import WARD, Clock

SECOND = timedelta(seconds=1)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def signins(tmp_path: Path, clock: Clock) -> Iterator[SignIns]:
    """Nobody is signed in, and no link was made."""
    opened = SignIns(tmp_path / "keys", WARD, clock)
    yield opened
    opened.close()


def test_a_link_signs_in_once_as_its_role_and_name(signins: SignIns) -> None:
    """It may be looked at before; afterwards it is used, and the session stays."""
    link = signins.link("day", "架空　花子")
    assert signins.offered(link) == signins.offered(link) == (WARD.role_of("day"), "架空　花子")
    session = signins.session(signins.sign_in(link))

    assert session is not None
    assert (session.role.key, session.name, session.sees("persons"), session.sees("audit")) == (
        *("day", "架空　花子"),
        *(True, False),
    )
    for use in (signins.offered, signins.sign_in):
        with pytest.raises(NoSuchLink) as refused:
            use(link)
        assert refused.value.why is Why.used


def test_of_many_who_use_a_link_at_once_one_is_signed_in(signins: SignIns) -> None:
    """Two tabs, or somebody who read over a shoulder."""
    link = signins.link("night")

    def entered(_: int) -> bool:
        try:
            return signins.session(signins.sign_in(link)) is not None
        except NoSuchLink:
            return False

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(entered, range(8))) == 1


def test_a_link_lasts_ten_minutes_and_a_session_twelve_hours(signins: SignIns, clock: Clock) -> None:
    """To the second, by the clock that a simulation can replace."""
    early, late = signins.link("ward"), signins.link("ward")
    clock.now += LINK_LASTS - SECOND
    cookie = signins.sign_in(early)
    clock.now += SECOND
    with pytest.raises(NoSuchLink) as refused:
        signins.sign_in(late)
    assert refused.value.why is Why.expired

    clock.now += SESSION_LASTS - 2 * SECOND
    assert signins.session(cookie)
    clock.now += SECOND
    assert signins.session(cookie) is None


def test_who_signed_out_stays_out(signins: SignIns) -> None:
    """The same cookie opens nothing any more."""
    cookie = signins.sign_in(signins.link("ward"))
    signins.sign_out(cookie)

    assert signins.session(cookie) is None


@pytest.mark.parametrize("odd", ["", "x", "A" * 43, "A" * 5000, "夜" * 43, "\x00", "\ud800", "a b", "' OR 1=1 --"])
def test_nothing_odd_signs_anybody_in(signins: SignIns, odd: str) -> None:
    """As a link or as a cookie."""
    signins.link("ward")
    assert signins.session(odd) is None
    for use in (signins.offered, signins.sign_in):
        with pytest.raises(NoSuchLink) as refused:
            use(odd)
        assert refused.value.why is Why.unknown


def test_the_link_of_another_yoake_signs_nobody_in(signins: SignIns, tmp_path: Path) -> None:
    """Each keeps its own."""
    other = SignIns(tmp_path / "other", WARD)
    link = other.link("ward")
    other.close()
    with pytest.raises(NoSuchLink) as refused:
        signins.sign_in(link)
    assert refused.value.why is Why.unknown


def test_what_is_kept_signs_nobody_in(signins: SignIns, tmp_path: Path) -> None:
    """Digests alone: neither link nor cookie stands in the file, and it is its owner's alone."""
    link = signins.link("day")
    cookie = signins.sign_in(signins.link("day"))
    files = list((tmp_path / "keys").glob(f"{FILE}*"))
    kept = b"".join(file.read_bytes() for file in files)

    assert link.encode() not in kept
    assert cookie.encode() not in kept
    assert {oct(file.stat().st_mode & 0o777) for file in files} == {"0o600"}


def test_a_role_that_the_file_no_longer_has_is_signed_out(signins: SignIns, tmp_path: Path) -> None:
    """The ward's file decides, also about those who are signed in."""
    cookie, link = signins.sign_in(signins.link("auditor")), signins.link("auditor")
    remaining = tuple(role for role in WARD.roles if role.key != "auditor")
    fewer = SignIns(tmp_path / "keys", msgspec.structs.replace(WARD, role=remaining))

    assert fewer.session(cookie) is None
    with pytest.raises(NoSuchLink):
        fewer.sign_in(link)
    fewer.close()


@pytest.mark.parametrize(
    ("role", "name", "says"),
    [("boss", None, "it has night, day, ward, auditor"), ("day", "", "1 to 60"), ("day", "x\n", "printable")],
)
def test_a_link_for_nobody_is_not_made(signins: SignIns, role: str, name: str | None, says: str) -> None:
    """What is accepted is said."""
    with pytest.raises(SignInError, match=says):
        signins.link(role, name)


def test_after_a_contract_nobody_reads_for_its_provider(tmp_path: Path, clock: Clock) -> None:
    """Until midnight the old contractor's people are signed in; from then on no session of theirs and no link works."""
    role = msgspec.structs.replace(WARD.roles[0], key="contractor", provider="contractor")
    clock.now = datetime(2025, 3, 31, 23, 59, tzinfo=WARD.zone)
    with closing(SignIns(tmp_path / "keys", msgspec.structs.replace(WARD, role=(*WARD.role, role)), clock)) as signins:
        cookie, link = signins.sign_in(signins.link("contractor")), signins.link("contractor")
        before = signins.session(cookie)

        clock.now += timedelta(minutes=1)

        assert before is not None
        assert signins.session(cookie) is None
        for use in (signins.offered, signins.sign_in):
            with pytest.raises(NoSuchLink):
                use(link)
        with pytest.raises(SignInError, match="whose contract is over"):
            signins.link("contractor")
        assert signins.session(signins.sign_in(signins.link("day"))) is not None
