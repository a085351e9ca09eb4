"""How an answer reads: JSON bytes, an HTTP status, and the `meta` that says who answered when."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import bridge
from bridge.rpc.envelope import Id
from bridge.rpc.faults import Fault


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    retry_after: int | None = None


@dataclass(frozen=True, slots=True)
class Wording:
    clock: Callable[[], datetime]
    random: Callable[[int], bytes]

    def name(self) -> str:
        """A new name for a request or an incident, to be found again in the log."""
        return self.random(8).hex()

    def meta(self, request_id: str) -> dict[str, Any]:
        return {
            "request_id": request_id,
            "server_time": written_time(self.clock()),
            "bridge_version": bridge.__version__,
        }

    def result(self, value: Any, id_: Id) -> Answer:
        return Answer(200, written({"jsonrpc": "2.0", "result": value, "id": id_}))

    def refusal(self, why: Fault, *, id_: Id = None, request_id: str = "", incident: str = "") -> Answer:
        error = why.error(incident=incident or self.name(), meta=self.meta(request_id or self.name()))
        waits = why.row.http in (429, 503)
        body = written({"jsonrpc": "2.0", "error": error, "id": id_})
        return Answer(why.row.http, body, why.retry_after if waits else None)


def written(document: Any) -> bytes:
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_plain)
    return text.encode("utf-8")


def written_time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _plain(value: Any) -> str:
    """Money as a decimal string, times in UTC. Anything else, a Secret above all, is not for writing."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    raise TypeError(f"{type(value).__name__} is not written out")
