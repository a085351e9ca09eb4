"""A document that people write, being read: values are taken by their keys, and every fault is kept with its path."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from bridge.rating.price import Unreadable, read_price

Path = tuple[str | int, ...]
Choice = TypeVar("Choice", bound=str)

WHOLE_MAX = 10**9
SHOWN_MAX = 60
VALUE_LINES_MAX = 200
"""A longer value is not looked through for the line of a fault."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, where, and which rule it breaks."""

    path: Path
    told: str
    line: int | None = None

    def __str__(self) -> str:
        line = f"line {self.line}:" if self.line is not None else ""
        return " ".join(filter(None, (line, path_text(self.path), self.told)))


class Faulty(ValueError):
    """A document with everything that is wrong with it, a sentence a line."""

    def __init__(self, faults: Sequence[Fault], source: str = "") -> None:
        super().__init__("\n".join(f"{source}: {fault}" if source else str(fault) for fault in faults))
        self.faults = tuple(faults)


def path_text(path: Path) -> str:
    """As in TOML, lists counted from 0: package.tiers[0].per_minute."""
    text = ""
    for key in path:
        if isinstance(key, int):
            text += f"[{key}]"
        else:
            bare = key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else f'"{shown(key)}"'
            text += f".{bare}" if text else bare
    return text


def shown(value: object) -> str:
    """A value as a sentence quotes it: short, on one line."""
    text = "".join(character if character.isprintable() else "?" for character in str(value))
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}..."


class Table:
    """A table of a document. What is not taken by `end` is unknown. An empty text is an absent value."""

    def __init__(self, values: Mapping[str, Any], path: Path, faults: list[Fault]) -> None:
        self.path = path
        self.faults = faults
        self._values = values
        self._known: set[str] = set()

    def __contains__(self, name: str) -> bool:
        """Whether there is a value, of whatever kind."""
        return self._values.get(name) not in (None, "")

    def fault(self, told: str, *keys: str | int) -> None:
        """Something is wrong with the table, or with what the keys lead to in it."""
        self.faults.append(Fault((*self.path, *keys), told))

    def take(self, name: str) -> Any:
        """The value as it is; None where there is none."""
        self._known.add(name)
        value = self._values.get(name)
        return None if value == "" else value

    def require(self, *names: str) -> None:
        for name in names:
            self._known.add(name)
            if name not in self:
                self.fault("is missing", name)

    def text(self, name: str, pattern: str, rule: str, default: str = "", *, required: bool = False) -> str:
        if required:
            self.require(name)
        return self._text(name, self.take(name), pattern, rule, default)

    def texts(
        self, name: str, pattern: str, rule: str, *, required: bool = False, split: bool = False
    ) -> tuple[str, ...]:
        """A list of texts, none of them twice. `split`: also as one text with commas."""
        if required:
            self.require(name)
        value = self.take(name)
        if value is None:
            return ()
        if split and isinstance(value, str):
            value = [each.strip() for each in value.split(",")]
        if not isinstance(value, list | tuple):
            self.fault(f"is {_kind(value)}, not a list of texts", name)
            return ()
        if required and not value:
            self.fault("is empty", name)
        found: list[str] = []
        for index, each in enumerate(value):
            text = self._text(name, each, pattern, rule, "", index)
            if text in found:
                self.fault(f"is {text!r}, which the list has already", name, index)
            elif text:
                found.append(text)
        return tuple(found)

    def choice(self, name: str, choices: Iterable[Choice], default: Choice) -> Choice:
        value, choices = self.take(name), list(choices)
        if value is None:
            return default
        for each in choices:
            if value == each and isinstance(value, str):
                return each
        self.fault(f"is {_told(value)}; it is one of {', '.join(choices)}{_meant(value, choices)}", name)
        return default

    def flag(self, name: str, default: bool = False) -> bool:
        value = self.take(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.fault(f"is {_told(value)}; it is true or false, without quotes", name)
            return default
        return value

    def whole(self, name: str, least: int = 0, most: int = WHOLE_MAX) -> int | None:
        value = self.take(name)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool):
            self.fault(f"is {_told(value)}; it is a whole number, without quotes", name)
            return None
        if not least <= value <= most:
            self.fault(f"is {shown(value)}; it is a whole number from {least} to {most}", name)
            return None
        return value

    def count(self, name: str, default: int = 0, *, least: int = 0, most: int = WHOLE_MAX) -> int:
        """A whole number that has a default."""
        found = self.whole(name, least, most)
        return default if found is None else found

    def price(self, name: str, *, required: bool = False) -> int | None:
        """An amount of 0 or more in ten-billionths."""
        if required:
            self.require(name)
        found = self.signed(name)
        if found is not None and found < 0:
            self.fault(f"is {_told(self.take(name))}; a price is never negative", name)
            return None
        return found

    def signed(self, name: str) -> int | None:
        """A decimal number in ten-billionths, below 0 as well."""
        value = self.take(name)
        if value is None:
            return None
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str):
            self.fault(f'is {_told(value)}; write it in quotes, such as "0.0125", so that it stays exact', name)
            return None
        try:
            found = read_price(value)
        except Unreadable as error:
            self.fault(f"is {_told(value)}: {error}", name)
            return None
        if found == 0 and value.strip().startswith("-"):
            self.fault(f"is {_told(value)}; zero has no sign", name)
            return None
        return found

    def moment(self, name: str) -> datetime | None:
        value = self.take(name)
        if isinstance(value, str):
            try:
                value = datetime.fromisoformat(value)
            except ValueError:
                value = None
        elif value is None:
            return None
        if not isinstance(value, datetime) or value.tzinfo is None:
            self.fault("is no time with an offset, such as 2026-01-31T00:00:00Z", name)
            return None
        return value

    def table(self, name: str) -> Table | None:
        value = self.take(name)
        if value is None:
            return None
        if not isinstance(value, Mapping):
            self.fault(f"is {_kind(value)}, not a table", name)
            return None
        return Table(value, (*self.path, name), self.faults)

    def tables(self, name: str) -> Iterator[Table]:
        value = self.take(name)
        if value is None:
            return
        if not isinstance(value, list | tuple):
            self.fault(f"is {_kind(value)}, not a list of tables", name)
            return
        for index, each in enumerate(value):
            if isinstance(each, Mapping):
                yield Table(each, (*self.path, name, index), self.faults)
            else:
                self.fault(f"is {_kind(each)}, not a table", name, index)

    def names(self) -> list[str]:
        return list(self._values)

    def end(self) -> None:
        """Every key that nobody took is unknown."""
        for name in self._values:
            if name not in self._known:
                self.fault(f"is not known{_meant(name, sorted(self._known))}", name)

    def _text(self, name: str, value: Any, pattern: str, rule: str, default: str, index: int | None = None) -> str:
        if value is None:
            return default
        if isinstance(value, str) and re.fullmatch(pattern, value, re.ASCII):
            return value
        self.fault(f"is {_told(value)}; it is {rule}", *((name,) if index is None else (name, index)))
        return default


def located(faults: Iterable[Fault], text: str) -> list[Fault]:
    """The faults with the lines of a TOML text that their keys are on; a key that is missing is on none."""
    lines = text.splitlines(keepends=True)
    return [replace(fault, line=_line_of(fault.path, lines)) for fault in faults]


def _line_of(path: Path, lines: Sequence[str]) -> int | None:
    """The first line after which the document, cut off there, has the key."""
    first, last = 0, len(lines)
    while first < last:
        middle = (first + last) // 2
        document = _until(lines, middle)
        if document is None:
            return None
        if _has(document, path):
            last = middle
        else:
            first = middle + 1
    return first if _has(_until(lines, first), path) else None


def _until(lines: Sequence[str], count: int) -> dict[str, Any] | None:
    """What the first lines say, without a value that goes on past them; None where that is too long to look for."""
    for end in range(count, max(-1, count - VALUE_LINES_MAX), -1):
        try:
            return tomllib.loads("".join(lines[:end]))
        except tomllib.TOMLDecodeError:
            continue
    return None


def _has(value: Any, path: Path) -> bool:
    for key in path:
        if isinstance(key, int):
            if not isinstance(value, list) or key >= len(value):
                return False
        elif not isinstance(value, Mapping) or key not in value:
            return False
        value = value[key]
    return True


def _told(value: object) -> str:
    return f"'{shown(value)}'" if isinstance(value, str) else _kind(value)


def _kind(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case Mapping():
            return "a table"
        case list() | tuple():
            return "a list"
        case str():
            return f"the text '{shown(value)}'"
    return shown(value)


def _meant(value: object, names: Sequence[str]) -> str:
    close = difflib.get_close_matches(str(value).lower(), names, n=1)
    return f"; is {close[0]} meant?" if close else ""
