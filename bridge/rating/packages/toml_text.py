"""A document as TOML text, for people to read, edit and load again."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any


def toml_text(document: Mapping[str, Any]) -> str:
    return "\n".join(_table(document, ())).strip("\n") + "\n"


def _table(values: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    """A table's own values first: what follows a header belongs to it."""
    for name, value in values.items():
        if not _is_table(value) and not _is_tables(value):
            yield f"{_key(name)} = {_value(value)}"
    for name, value in values.items():
        inner = (*path, name)
        header = ".".join(map(_key, inner))
        if _is_table(value):
            if not value or not all(map(_is_table, value.values())):
                yield f"\n[{header}]"
            yield from _table(value, inner)
        elif _is_tables(value):
            for each in value:
                yield f"\n[[{header}]]"
                yield from _table(each, inner)


def _is_table(value: object) -> bool:
    return isinstance(value, Mapping)


def _is_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_table, value))


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _text(name)


def _value(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return _text(value)
        case list():
            return f"[{', '.join(map(_value, value))}]"
    return str(value)


def _text(value: str) -> str:
    """JSON's escapes are TOML's, and TOML wants one more."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
