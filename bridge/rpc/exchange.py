"""A body in, an answer out: every entry of the envelope asked for, in order, and what came of it worded.

Knows nothing of methods and callers: it is given functions (`library.Function`) and asks them.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from bridge.logs import say, way
from bridge.rpc.envelope import Entry, Unreadable, read
from bridge.rpc.faults import Fault, fault
from bridge.rpc.library import Answered, Function, perform
from bridge.rpc.method import Caller
from bridge.rpc.wording import Answer, Wording

BATCH_WAIT_MS = 20_000
"""What all calls of one batch may wait together: as long as a single call may (T-6)."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Visit:
    """One entry on its way through; the first argument of every function."""

    caller: Caller
    entry: Entry
    request_id: str
    wait_until: float | None = None


def nothing(*_: object) -> None:
    return None


class Exchange:
    def __init__(
        self,
        functions: dict[str, Function],
        wording: Wording,
        *,
        ticks: Callable[[], float] = time.monotonic,
        observe: Callable[[str, str, float], object] = nothing,
    ) -> None:
        """`observe` is told method, outcome and seconds of every entry, for the metrics."""
        self._functions = functions
        self._wording = wording
        self._ticks = ticks
        self._observe = observe

    def answer(self, caller: Caller, body: bytes, *, spend: Callable[[int], object] = nothing) -> Answer:
        """`spend` is told how many entries there are, before any of them runs; it raises what ends the whole (T-6)."""
        try:
            envelope = read(body)
        except Unreadable as unreadable:
            spend(1)
            return self._bad_entry(caller, unreadable.kind)

        spend(len(envelope.entries))
        wait_until = self._ticks() + BATCH_WAIT_MS / 1000 if envelope.is_batch else None
        told = [self._answer_one(caller, entry, wait_until) for entry in envelope.entries]
        answers = [each for each in told if each is not None]
        if not answers:
            return Answer(204, b"")
        if envelope.is_batch:
            return Answer(200, b"[" + b",".join(each.body for each in answers) + b"]")
        return answers[0]

    def bug(self, visit: Visit, error: Exception) -> Fault:
        """Tells the log what happened, and the caller only where to find it there."""
        incident = self._wording.name()
        say(
            _log,
            logging.ERROR,
            "call failed by a bug",
            incident=incident,
            method=self._known(visit.entry.method),
            key_id=visit.caller.key_id,
            request_id=visit.request_id,
            error=way(error),
        )
        return replace(fault("internal"), incident=incident)

    def _answer_one(self, caller: Caller, entry: Entry | None, wait_until: float | None) -> Answer | None:
        if entry is None:
            return self._bad_entry(caller, "invalid_request")
        started = self._ticks()
        visit = Visit(caller, entry, self._wording.name(), wait_until)
        outcome = perform(entry, self._functions, visit)
        self._observe(self._known(entry.method), _outcome(outcome), self._ticks() - started)
        if outcome is None:
            return None
        if isinstance(outcome, Answered):
            try:
                return self._wording.result(outcome.value, entry.id)
            except (TypeError, ValueError, RecursionError) as error:
                outcome = self.bug(visit, error)
        return self._refusal(visit, outcome)

    def _bad_entry(self, caller: Caller, kind: str) -> Answer:
        incident = self._wording.name()
        say(_log, logging.INFO, "call refused", kind=kind, incident=incident, key_id=caller.key_id)
        self._observe("unknown", kind, 0)
        return self._wording.refusal(fault(kind), incident=incident)

    def _refusal(self, visit: Visit, why: Fault) -> Answer:
        incident = why.incident or self._wording.name()
        if not why.incident:
            say(
                _log,
                logging.INFO,
                "call refused",
                kind=why.row.kind,
                incident=incident,
                method=self._known(visit.entry.method),
                key_id=visit.caller.key_id,
                request_id=visit.request_id,
            )
        return self._wording.refusal(why, id_=visit.entry.id, request_id=visit.request_id, incident=incident)

    def _known(self, method: str) -> str:
        """A method's name for logs and metrics: only names of ours, whatever the caller wrote."""
        return method if method in self._functions else "unknown"


def _outcome(outcome: Answered | Fault | None) -> str:
    if outcome is None:
        return "notification"
    return "answered" if isinstance(outcome, Answered) else outcome.row.kind
