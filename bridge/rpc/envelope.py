"""What a JSON-RPC body says, read strictly and before anything acts on it. Pure.

    body ─ read ─> Envelope: entries in order, None where one is not a request
         └──────> Unreadable: nothing in it can be answered one by one

An entry that is not a request is answered with a null id, as the specification prints it, even where an id can be seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from bridge import strict_json

BODY_BYTES_MAX = 1024 * 1024
BATCH_MAX = 50
ID_LENGTH_MAX = 128
METHOD_LENGTH_MAX = 128

_ENVELOPE_MEMBERS = frozenset({"jsonrpc", "method", "params", "id"})

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
    try:
        document = strict_json.read(body)
    except ValueError:
        raise Unreadable("parse_error") from None
    if not isinstance(document, list):
        return Envelope((_entry(document),))
    if not 1 <= len(document) <= BATCH_MAX:
        raise Unreadable("invalid_request")
    return Envelope(tuple(_entry(each) for each in document), is_batch=True)


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
