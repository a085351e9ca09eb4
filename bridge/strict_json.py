"""JSON read strictly: the one way a body from outside becomes a document. Pure.

UTF-8 without a mark, no member twice, nothing after it, text that is characters, decimals exact, nesting and every
number of a size. Whatever else is in a body, no later step meets it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

DEPTH_MAX = 64
NUMBER_LENGTH_MAX = 40
EXPONENT_MAX = 40

_HALF_OF_A_PAIR = re.compile(rb"\\u[dD][89a-fA-F]")


def read(body: bytes) -> Any:
    """The one document in a body. A ValueError that does not quote it, where there is none."""
    try:
        document = _DECODER.decode(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise _not_strict() from None  # the cause would quote the body
    brackets = body.count(b"[") + body.count(b"{")
    if brackets > DEPTH_MAX and _is_deeper(document, DEPTH_MAX):
        raise _not_strict()
    if _HALF_OF_A_PAIR.search(body) and not all(_is_text(each) for each in _texts(document)):
        raise _not_strict()
    return document


def _not_strict() -> ValueError:
    return ValueError("not strict JSON")


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) != len(members):
        raise ValueError("a key twice")
    return found


def _whole(text: str) -> int:
    if len(text) > NUMBER_LENGTH_MAX:
        raise ValueError("a number too long")
    return int(text)


def _decimal(text: str) -> Decimal:
    """Exact, and of a size that no later arithmetic can be made to choke on."""
    if len(text) > NUMBER_LENGTH_MAX:
        raise ValueError("a number too long")
    _, _, exponent = text.lower().partition("e")
    if exponent and abs(int(exponent)) > EXPONENT_MAX:
        raise ValueError("a number too large or too small")
    return Decimal(text)


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_whole, parse_float=_decimal, parse_constant=_refuse, strict=True
)


def _is_deeper(document: Any, depth: int) -> bool:
    level = [document]
    for _ in range(depth):
        level = [inner for each in level for inner in _inside(each)]
        if not level:
            return False
    return any(isinstance(each, dict | list) for each in level)


def _inside(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def _texts(document: Any) -> Iterator[str]:
    level = [document]
    while level:
        each = level.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict):
            yield from each
        level.extend(_inside(each))


def _is_text(value: str) -> bool:
    """Half of a surrogate pair can be escaped in JSON and is no character."""
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
