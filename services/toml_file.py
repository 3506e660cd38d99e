"""TOML that people write by hand: read with the line of every key, and checked against its shape.

`tomllib` gives values without their places. A text that it accepts is well-formed, so that a small
walk over its tokens is enough to find where each key and each element of a list stands.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec
from msgspec import inspect

At = tuple[str | int, ...]
"""A place in a file: keys, and positions in lists: ("outcome", 3, "arranged")."""

T = TypeVar("T")
E = TypeVar("E", bound="FileError")


class FileError(ValueError):
    """A file that cannot be used. `reason` says what and why, `at` where, `line` on which line if that is known."""

    def __init__(self, reason: str, *at: str | int, file: Path | None = None, line: int | None = None) -> None:
        place = "" if file is None else f"{file}: " if line is None else f"{file}:{line}: "
        super().__init__(place + reason)
        self.reason, self.at, self.file, self.line = reason, at, file, line

    def located(self: E, file: Path, lines: Mapping[At, int]) -> E:
        """The same error with its file and its line."""
        return type(self)(self.reason, *self.at, file=file, line=line_of(self.at, lines))


def line_of(at: At, lines: Mapping[At, int]) -> int | None:
    """The line of a place, or of the nearest thing around it that has one; the first line is 1."""
    return next((lines[at[:size]] for size in range(len(at), 0, -1) if at[:size] in lines), None)


def read(path: Path, error: type[E], what: str) -> tuple[dict[str, Any], dict[At, int]]:
    """A file's content, and the line of every key and element in it.

    Raises:
        error: no such file, unreadable, or not TOML; with the line.
    """
    try:
        text = path.read_text(encoding="utf-8")
        return tomllib.loads(text), lines_of(text)
    except FileNotFoundError as missing:
        raise error(f"no such file; give the path of {what}", file=path) from missing
    except tomllib.TOMLDecodeError as wrong:
        reason, _, place = str(wrong).partition(" (at ")
        found = re.match(r"line (\d+)", place)
        line = int(found[1]) if found else text.count("\n") + 1
        raise error(f"cannot be read as TOML: {reason}", file=path, line=line) from wrong
    except UnicodeDecodeError as wrong:
        line = path.read_bytes()[: wrong.start].count(b"\n") + 1
        raise error("cannot be read as TOML: not UTF-8; save it as UTF-8", file=path, line=line) from wrong
    except (OSError, RecursionError) as wrong:
        raise error(f"cannot be read as TOML: {wrong}", file=path) from wrong


def shaped(content: Any, kind: type[T], error: type[E], *at: str | int) -> T:
    """The content as a struct.

    Raises:
        error: a key is missing or unknown, or a value is of the wrong type; says what is accepted.
    """
    try:
        return msgspec.convert(content, kind)
    except msgspec.ValidationError as wrong:
        reason, _, path = str(wrong).partition(" - at `$")
        steps = [name or int(number) for name, number in re.findall(r"\.(\w+)|\[(\d+)\]", path)]
        place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).lstrip(".")
        unknown = re.match(r"Object contains unknown field `(.*)`", reason)
        accepted = _accepted(inspect.type_info(kind), steps)
        text = f"{place}: {reason}" if place else reason
        raise error(text + (f"; accepted: {accepted}" if accepted else ""), *at, *steps, *unknown.groups() if unknown else ()) from wrong  # fmt: skip  # noqa: E501


def _accepted(kind: inspect.Type, steps: list[str | int]) -> str:
    """The keys or words that stand at a place, where there is a list of them."""
    for step in steps:
        kind = _inside(kind, step)
    kind = _plain(kind)
    if isinstance(kind, inspect.StructType):
        return ", ".join(field.encode_name for field in kind.fields)
    if isinstance(kind, inspect.LiteralType):
        return ", ".join(str(value) for value in kind.values)
    return ""


def _plain(kind: inspect.Type) -> inspect.Type:
    """What an optional value is when it is there."""
    if isinstance(kind, inspect.UnionType):
        return next((each for each in kind.types if not isinstance(each, inspect.NoneType)), kind)
    return kind


def _inside(kind: inspect.Type, step: str | int) -> inspect.Type:
    kind = _plain(kind)
    if isinstance(kind, inspect.StructType):
        return next((field.type for field in kind.fields if field.encode_name == step), inspect.AnyType())
    if isinstance(kind, inspect.DictType):
        return kind.value_type
    if isinstance(kind, inspect.VarTupleType | inspect.ListType):
        return kind.item_type
    return inspect.AnyType()


class _Token(NamedTuple):
    kind: str
    text: str
    line: int


_TOKENS = re.compile(
    r"(?P<skip>[ \t\r]+|\#[^\n]*)"
    r"|(?P<newline>\n)"
    r'|(?P<string>"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\')'
    r"|(?P<mark>[\[\]{},=.])"
    r"|(?P<bare>[^\s\[\]{},=.#\"']+)",
    re.DOTALL,
)


def _tokens(text: str) -> Iterator[_Token]:
    line = 1
    for match in _TOKENS.finditer(text):
        if match.lastgroup != "skip":
            yield _Token(str(match.lastgroup), match[0], line)
        line += match[0].count("\n")
    yield _Token("end", "", line)


def lines_of(text: str) -> dict[At, int]:
    """The line of every key and element of a well-formed TOML text, the first line being 1."""
    return _Walk(text).lines


class _Walk:
    """One pass over the tokens, from statement to statement."""

    def __init__(self, text: str) -> None:
        self.lines: dict[At, int] = {}
        self._tokens = list(_tokens(text))
        self._next = 0
        self._lengths: dict[At, int] = {}
        table: At = ()
        while self._peek().kind != "end":
            if self._peek().kind == "newline":
                self._take()
            elif self._peek().text == "[":
                table = self._header()
            else:
                self._pair(table)

    def _peek(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        self._next += 1
        return self._tokens[self._next - 1]

    def _key(self) -> list[str]:
        keys = [_unquoted(self._take())]
        while self._peek().text == ".":
            self._take()
            keys.append(_unquoted(self._take()))
        return keys

    def _header(self) -> At:
        line = self._take().line
        is_list = self._peek().text == "["
        if is_list:
            self._take()
        at: At = ()
        *outer, last = self._key()
        for key in outer:
            self.lines.setdefault((*at, key), line)
            at = self._entered((*at, key))
        at = (*at, last)
        self.lines.setdefault(at, line)
        if is_list:
            self._lengths[at] = self._lengths.get(at, 0) + 1
        at = self._entered(at)
        self.lines[at] = line
        while self._peek().text == "]":
            self._take()
        return at

    def _entered(self, at: At) -> At:
        """A list of tables is spoken of by its newest one."""
        return (*at, self._lengths[at] - 1) if at in self._lengths else at

    def _pair(self, table: At) -> None:
        line = self._peek().line
        at = table
        for key in self._key():
            at = (*at, key)
            self.lines.setdefault(at, line)
        self._take()  # =
        self._value(at)

    def _value(self, at: At) -> None:
        first = self._take()
        if first.text == "[" and first.kind == "mark":
            self._list(at)
        elif first.text == "{" and first.kind == "mark":
            while self._peek().text != "}":
                if self._peek().kind == "newline" or self._peek().text == ",":
                    self._take()
                else:
                    self._pair(at)
            self._take()
        else:  # 1.5 and a date with a time are several tokens.
            while first.kind == "bare" and (self._peek().kind == "bare" or self._peek().text == "."):
                self._take()

    def _list(self, at: At) -> None:
        position = 0
        while self._peek().text != "]" or self._peek().kind != "mark":
            if self._peek().kind == "newline" or self._peek().text == ",":
                self._take()
                continue
            self.lines[(*at, position)] = self._peek().line
            self._value((*at, position))
            position += 1
        self._take()


def _unquoted(token: _Token) -> str:
    return str(tomllib.loads(f"key = {token.text}")["key"]) if token.kind == "string" else token.text
