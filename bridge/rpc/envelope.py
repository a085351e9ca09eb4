"""What a JSON-RPC body says, read strictly and before anything acts on it. Pure.

    body ─ read ─> Envelope: entries in order, None where one is not a request
         └──────> Unreadable: nothing in it can be answered one by one

An entry that is not a request is answered with a null id, as the specification prints it, even where an id can be seen.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal

BODY_BYTES_MAX = 1024 * 1024
DEPTH_MAX = 64
BATCH_MAX = 50
ID_LENGTH_MAX = 128
METHOD_LENGTH_MAX = 128
NUMBER_LENGTH_MAX = 40
EXPONENT_MAX = 40

_ENVELOPE_MEMBERS = frozenset({"jsonrpc", "method", "params", "id"})
_HALF_OF_A_PAIR = re.compile(rb"\\u[dD][89a-fA-F]")

Id = str | int | None


class Unreadable(ValueError):
    """Not strict JSON, or nothing that could be a request. `kind` is the row of the error table."""

    def __init__(self, kind: Literal["parse_error", "invalid_request"]) -> None:
        super().__init__(kind)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Entry:
    method: str
    params: dict[str, Any] | list[Any]
    id: Id = None
    is_notification: bool = False


@dataclass(frozen=True, slots=True)
class Envelope:
    entries: tuple[Entry | None, ...]
    is_batch: bool = False


def read(body: bytes) -> Envelope:
    document = read_json(body)
    if not isinstance(document, list):
        return Envelope((_entry(document),))
    if not 1 <= len(document) <= BATCH_MAX:
        raise Unreadable("invalid_request")
    return Envelope(tuple(_entry(each) for each in document), is_batch=True)


def read_json(body: bytes) -> Any:
    """One JSON document: UTF-8 without BOM, no key twice, nothing after it, decimals exact, every number of a size."""
    try:
        document = _DECODER.decode(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise Unreadable("parse_error") from None  # the cause would quote the body
    brackets = body.count(b"[") + body.count(b"{")
    if brackets > DEPTH_MAX and _is_deeper(document, DEPTH_MAX):
        raise Unreadable("parse_error")
    if _HALF_OF_A_PAIR.search(body) and not all(_is_text(each) for each in _texts(document)):
        raise Unreadable("parse_error")
    return document


def _entry(document: Any) -> Entry | None:
    if not isinstance(document, dict) or not document.keys() <= _ENVELOPE_MEMBERS:
        return None
    method = document.get("method")
    params = document.get("params", {})
    id_ = document.get("id")
    valid = (
        document.get("jsonrpc") == "2.0"
        and isinstance(method, str)
        and 1 <= len(method) <= METHOD_LENGTH_MAX
        and isinstance(params, dict | list)
        and _is_id(id_)
    )
    if not valid:
        return None
    return Entry(method, params, id_, is_notification="id" not in document)  # type: ignore[arg-type]  # looked at above


def _is_id(value: Any) -> bool:
    """Text, a whole number or null. 1.0 is a fraction by its writing, true is no number."""
    if isinstance(value, str):
        return len(value) <= ID_LENGTH_MAX
    return value is None or type(value) is int


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
