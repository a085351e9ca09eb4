"""A method of the JSON-RPC door as a value: its name, the models that validate it, and the use case it asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from bridge.asking import Asking

if TYPE_CHECKING:
    from bridge.app import Bridge


class Params(BaseModel):
    """Parameters by name: nothing unknown, nothing coerced, nothing non-finite."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


Id = Annotated[int, Field(ge=1, le=2**53)]
"""A WHMCS id."""

IdempotencyKey = Annotated[str, StringConstraints(min_length=16, max_length=128, pattern=r"^[A-Za-z0-9._:-]+$")]


class WriteParams(Params):
    """A write may be asked again under the same key, and happens once. With `dry_run` it only says what it would do."""

    idempotency_key: IdempotencyKey | None = None
    dry_run: bool = False
    deadline_ms: Annotated[int, Field(ge=0, le=60000)] | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who knocks: the key that signed, and what it may do."""

    key_id: str
    scopes: tuple[str, ...] = ()
    """Method names or `noun.*`; none means every method."""

    def may(self, method: str) -> bool:
        return not self.scopes or method in self.scopes or f"{method.split('.')[0]}.*" in self.scopes


@dataclass(frozen=True, slots=True)
class Method:
    name: str
    summary: str
    params: type[Params]
    run: Callable[[Bridge, Caller, Any], dict[str, Any]]
    """Asks one use case; blocks; runs in a worker thread. Raises BridgeError, never anything else on purpose."""
    kind: Literal["read", "write"] = "read"
    """A write without an id is refused (R-54), and its answer carries `meta`."""


def asking_of(caller: Caller, method: str, params: WriteParams, *, wait_ms: int = 0) -> Asking:
    """The part of a write that is about the asking. For parameters without secrets: they are remembered as they are."""
    asked = params.model_dump(mode="json", exclude={"idempotency_key", "dry_run", "deadline_ms", "wait_ms"})
    return Asking(caller.key_id, method, params.idempotency_key, asked, wait_ms, params.dry_run)
