"""A check, what it finds, and how it is carried out so that nothing it meets gets further."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from bridge.errors import BridgeError
from bridge.life.doctor.patient import Patient
from bridge.logs import say, way

Status = Literal["ok", "note", "warn", "fail", "skip"]
"""note: cannot be seen from here; a person looks. skip: what it stands on failed."""

log = logging.getLogger("bridge.life.doctor")


@dataclass(frozen=True, slots=True)
class Found:
    """One thing a check has to say."""

    status: Status
    detail: str
    fix: str = ""
    about: str = ""
    """Which of several things, such as a server by its name."""


def ok(detail: str, *, about: str = "") -> Found:
    return Found("ok", detail, "", about)


def note(detail: str, fix: str = "", *, about: str = "") -> Found:
    return Found("note", detail, fix, about)


def warn(detail: str, fix: str, *, about: str = "") -> Found:
    return Found("warn", detail, fix, about)


def fail(detail: str, fix: str, *, about: str = "") -> Found:
    return Found("fail", detail, fix, about)


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    why: str
    look: Callable[[Patient], Iterable[Found]]
    needs: tuple[str, ...] = ()
    """Checks that have to be well first."""


@dataclass(frozen=True, slots=True)
class Result:
    name: str
    about: str
    status: Status
    detail: str
    why: str
    fix: str
    latency_ms: int

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "about": self.about,
            "status": self.status,
            "detail": self.detail,
            "why": self.why,
            "fix": self.fix,
            "latency_ms": self.latency_ms,
        }


def examined(check: Check, patient: Patient, unwell: set[str], seconds: float) -> list[Result]:
    missing = [name for name in check.needs if name in unwell]
    if missing:
        found, took = [Found("skip", f"not looked at: {missing[0]} comes first", f"mend {missing[0]}")], 0
    else:
        began = time.monotonic()
        found = _in_time(check, patient, seconds)
        took = round((time.monotonic() - began) * 1000)
    return [Result(check.name, each.about, each.status, each.detail, check.why, each.fix, took) for each in found]


def _in_time(check: Check, patient: Patient, seconds: float) -> list[Found]:
    """In a thread of its own, which is left behind when it does not come back."""
    found: list[Found] = []

    def look() -> None:
        found.extend(_guarded(check, patient))

    thread = threading.Thread(target=look, name=f"doctor-{check.name}", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        return [fail(f"no answer within {seconds:g} s", "find out what holds it up; nothing was changed")]
    return list(found)


def _guarded(check: Check, patient: Patient) -> list[Found]:
    try:
        return list(check.look(patient)) or [ok("nothing to say")]
    except BridgeError as trouble:
        return [fail(str(trouble), "mend what is named, then look again")]
    except Exception as bug:  # the door of a check: its own bug is told like what it looks for, and by its kind alone
        say(log, logging.ERROR, "a check broke", check=check.name, error=way(bug))
        return [fail(f"the check itself failed ({type(bug).__name__})", "run it again; if it stays, report it")]
