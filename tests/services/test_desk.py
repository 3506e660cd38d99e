from __future__ import annotations
from tests.desk_examples import Centre, call, arrange
def test_x(centre: Centre) -> None:
    """x"""
    r = centre.say("day", call())
    print(r)
    centre.pump()
    print(centre.events(), centre.figures())
    assert centre.say("day", arrange()).status == "accepted"
    centre.pump()
    print(centre.figures()); 
    assert b"kitazawa" in centre.on_disk()
import pytest
@pytest.mark.parametrize("n", range(10))
def test_y(centre: Centre, n: int) -> None:
    """x"""
