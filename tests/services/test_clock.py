"""Fresh ids: random ones, of which no two are the same, in whatever process."""

from __future__ import annotations

import subprocess
import sys
import time
from uuid import RFC_4122, UUID

from services.clock import AT_ONCE, random_id

FORKED = f"""
import os
from services.clock import random_id
random_id()
child = os.fork()
os.write(1, "".join(random_id() + "\\n" for _ in range({AT_ONCE})).encode())
"""


def test_ids_are_random_uuids_and_no_two_are_the_same() -> None:
    """More than are drawn at once."""
    ids = [random_id() for _ in range(3 * AT_ONCE)]
    assert len(set(ids)) == len(ids)
    assert all(UUID(own).version == 7 and UUID(own).variant == RFC_4122 and str(UUID(own)) == own for own in ids)


def test_what_is_made_later_is_sorted_later() -> None:
    """So that the pages of an index that are written lie side by side."""
    earlier = random_id()
    time.sleep(0.002)
    assert earlier < random_id()


def test_a_forked_process_gives_out_others() -> None:
    """What was drawn before the fork belongs to the parent."""
    told = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, text=True, check=True).stdout.split()
    assert len(told) == 2 * AT_ONCE
    assert len(set(told)) == len(told)
