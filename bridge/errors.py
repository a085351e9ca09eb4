"""Trouble, told by the one question that decides what comes next: did it happen?

    BridgeError
     ├── Refused          understood and declined; a person decides
     │    ├── NotFound         there is no such thing
     │    ├── Conflict         it is there and not ours, or its state does not allow this
     │    └── NotPrepared      something this needs is missing: a mapping, a server, a setting
     ├── NotReached       nothing arrived on the other side; safe to try again
     ├── OutcomeUnknown   sent, and the answer was lost; look before trying again
     └── Unavailable      our own house is not in order: no database, draining, restore mode

A message is for the operator: what was asked, of whom, what came back. It never carries a secret. `kind` names the row
of the error table that a door answers with (`rpc/faults.py`); `facts` go with it.
"""

from __future__ import annotations

from typing import Any, ClassVar


class BridgeError(Exception):
    """Something a person or a later attempt has to know about."""

    default_kind: ClassVar[str] = "internal"

    def __init__(self, message: str, *, kind: str | None = None, **facts: Any) -> None:
        super().__init__(message)
        self.kind = kind or self.default_kind
        self.facts = facts


class Refused(BridgeError):
    """Understood and declined. Trying again changes nothing; a person decides."""

    default_kind = "conflict"


class NotFound(Refused):
    """There is no such thing, or none that the asker may see."""

    default_kind = "not_found"


class Conflict(Refused):
    """It is there and not ours, or its state does not allow this."""

    default_kind = "conflict"


class NotPrepared(Refused):
    """Something this needs is missing: a mapping, a server, a setting."""

    default_kind = "precondition_failed"


class NotReached(BridgeError):
    """Nothing arrived on the other side. Safe to try again."""

    default_kind = "pbx_unreachable"


class OutcomeUnknown(BridgeError):
    """Sent, and the answer was lost. Look before trying again."""

    default_kind = "pbx_unreachable"


class Unavailable(BridgeError):
    """Our own house is not in order: the database, a migration, maintenance."""

    default_kind = "unavailable"
