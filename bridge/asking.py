"""Who asks, under which key, how long it waits, and whether it only wants to know what would happen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Asking:
    caller: str
    method: str
    key: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    """What was asked, for comparison with what was asked before under the key; of a password, its fingerprint."""
    wait_ms: int = 15_000
    dry_run: bool = False
    generation: int | None = None
    """Only if nothing was asked of the service since it had this generation: what was seen before may be over."""


def hash_of(params: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(params, sort_keys=True, separators=(",", ":"), default=str).encode()).hexdigest()
