"""Bad luck on order: what happens to the next requests (R-72).

kind            executed    what the asker sees
refuse          no          no connection
hang            no          silence
late            yes         silence, or the answer after `seconds`
cut             yes         half an answer
twice           yes         the answer twice over, which is no answer
again           twice       one answer: something on the way repeated the request
error_before    no          a 500 page
error_after     yes         a 500 page
login_page      no          200 with a page: somebody else answers in WHMCS's place
empty           yes         200 with nothing
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import Literal

Kind = Literal["refuse", "hang", "late", "cut", "twice", "again", "error_before", "error_after", "login_page", "empty"]

EXECUTED: dict[Kind, int] = {"late": 1, "cut": 1, "twice": 1, "again": 2, "error_after": 1, "empty": 1}


@dataclass(frozen=True, slots=True)
class Fault:
    kind: Kind
    action: str | None = None
    """Only requests for this action (or this addon door: read, post); None is any."""
    times: int = 1
    seconds: float = 60.0
    """How long silence lasts where time is real."""


class Faults:
    """The orders, first come first served. Safe to use from several threads."""

    def __init__(self) -> None:
        self._orders: list[Fault] = []
        self._lock = threading.Lock()

    def order(self, kind: Kind, action: str | None = None, *, times: int = 1, seconds: float = 60.0) -> None:
        with self._lock:
            self._orders.append(Fault(kind, action, times, seconds))

    def clear(self) -> None:
        with self._lock:
            self._orders.clear()

    def take(self, action: str) -> Fault | None:
        with self._lock:
            for place, fault in enumerate(self._orders):
                if fault.action is None or fault.action.lower() == action.lower():
                    if fault.times > 1:
                        self._orders[place] = replace(fault, times=fault.times - 1)
                    else:
                        del self._orders[place]
                    return fault
        return None
