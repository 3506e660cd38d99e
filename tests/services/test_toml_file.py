"""Every key and element of a TOML file has a line; the walk agrees with the parser that knows none."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.toml_file import At, line_of, lines_of

WARDS = Path(__file__).parents[2] / "deploy" / "wards"

TEXT = '''# a comment with [brackets] = and "quotes"
top = 1.5
day = 2022-01-01 10:00:00  # [x]
"quoted key" = """
several [[lines]]
""" # after
a.b = { c = 1, "d" = [1, { e = 2 },
  "]",   # not the end
  3] }

[[list]]
key = 'one'
[list.inner]
x = 0
[[list.deep]]
y = 1
[[list]]
key = "two # no comment"
[[list.deep]]
y = 2
[[list.deep]]
y = [
  # nothing
]
[table."with.dot"]
z = [[1, 2],
     [3]]
'''
LINES: dict[At, int] = {
    ("top",): 2,
    ("day",): 3,
    ("quoted key",): 4,
    ("a", "b"): 7,
    ("a", "b", "c"): 7,
    ("a", "b", "d", 1, "e"): 7,
    ("a", "b", "d", 2): 8,
    ("a", "b", "d", 3): 9,
    ("list",): 11,
    ("list", 0, "key"): 12,
    ("list", 0, "inner", "x"): 14,
    ("list", 0, "deep", 0, "y"): 16,
    ("list", 1): 17,
    ("list", 1, "key"): 18,
    ("list", 1, "deep", 0, "y"): 20,
    ("list", 1, "deep", 1): 21,
    ("table", "with.dot", "z"): 26,
    ("table", "with.dot", "z", 0, 1): 26,
    ("table", "with.dot", "z", 1, 0): 27,
}


def test_each_key_and_element_has_its_line() -> None:
    """Through strings, comments, inline tables and lists of tables within lists of tables."""
    lines = lines_of(TEXT)

    assert {at: lines.get(at) for at in LINES} == LINES


def places(content: Any, at: At = ()) -> Iterator[At]:
    """Every key and element of what the parser read."""
    inside = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in inside:
        yield (*at, key)
        yield from places(value, (*at, key))


@pytest.mark.parametrize("path", [None, *sorted(WARDS.glob("*.toml"))], ids=lambda path: path.name if path else "text")
def test_nothing_that_the_parser_reads_is_without_a_line(path: Path | None) -> None:
    """And nothing has one that the parser did not read."""
    text = path.read_text(encoding="utf-8") if path else TEXT

    assert set(lines_of(text)) == set(places(tomllib.loads(text)))


def test_a_place_without_a_line_has_that_of_what_is_around_it() -> None:
    """A missing key is looked for in its table."""
    lines = lines_of(TEXT)

    assert line_of(("list", 1, "deep", 1, "nothing"), lines) == 21
    assert line_of(("nothing",), lines) is None
