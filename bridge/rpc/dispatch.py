"""From the bytes of a caller to the bytes of the answer: envelope, scope, parameters, method, wording.

A method that the caller's key does not open is hidden: it answers "Method not found", so a key tells nothing of what it
may not do. Parameters are validated as Python values in strict mode: models use list, str, int, bool, dict and Literal.
A method's result may hold `_meta`, which is added to the `meta` of a write (`{"replayed": True}`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError
from sqlalchemy import exc as database_trouble

from bridge.app import Bridge
from bridge.errors import BridgeError
from bridge.logs import say, way
from bridge.rpc.envelope import Entry, Unreadable, read
from bridge.rpc.exchange import Answered, Function, Result, answered, perform, refused
from bridge.rpc.faults import Fault, fault, fault_of, invalid_params
from bridge.rpc.method import Caller, Method, Params
from bridge.rpc.wording import Answer, Wording

BATCH_WAIT_MS = 20_000
"""What all calls of one batch may wait together: as long as a single call may (T-6)."""

DISCOVER = "rpc.discover"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Visit:
    """One entry on its way through."""

    caller: Caller
    entry: Entry
    request_id: str
    wait_until: float | None


def _nothing(*_: object) -> None:
    return None


class Dispatcher:
    def __init__(
        self,
        bridge: Bridge,
        methods: Mapping[str, Method],
        wording: Wording,
        *,
        ticks: Callable[[], float] = time.monotonic,
        observe: Callable[[str, str, float], object] = _nothing,
    ) -> None:
        """`observe` is told method, outcome and seconds of every entry, for the metrics."""
        self._bridge = bridge
        self._wording = wording
        self._ticks = ticks
        self._observe = observe
        self._functions: dict[str, Function] = {name: self._function(each) for name, each in methods.items()}

    def answer(self, caller: Caller, body: bytes, *, spend: Callable[[int], object] = _nothing) -> Answer:
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
            except (TypeError, ValueError) as error:
                outcome = self._bug(visit, error)
        return self._refusal(visit, outcome)

    def _function(self, method: Method) -> Function:
        def function(visit: Visit, /, *positional: Any, **named: Any) -> Result:
            try:
                return self._call(method, visit, positional, named)
            except BridgeError as error:
                why = fault_of(error)
                return refused(self._bug(visit, error) if why.row.kind == "internal" else why)
            except (
                database_trouble.OperationalError,
                database_trouble.InterfaceError,
                database_trouble.TimeoutError,
            ) as error:
                say(_log, logging.ERROR, "database trouble in a call", method=method.name, error=way(error))
                return refused(fault("unavailable"))
            except Exception as error:  # the door: a bug gets an incident number, and nothing of it leaves
                return refused(self._bug(visit, error))

        return function

    def _call(self, method: Method, visit: Visit, positional: tuple[Any, ...], named: dict[str, Any]) -> Result:
        if not (visit.caller.may(method.name) or method.name == DISCOVER):
            return refused(fault("method_not_found"))
        if visit.entry.is_notification and method.kind == "write":
            say(_log, logging.WARNING, "write without an id refused", method=method.name, key_id=visit.caller.key_id)
            return refused(fault("invalid_request"))
        if positional or isinstance(visit.entry.params, list):
            return refused(invalid_params([("params", "by_name")]))
        try:
            params = method.params.model_validate(named)
        except ValidationError as error:
            return refused(invalid_params(_wrong(error)))

        result = dict(method.run(self._bridge, visit.caller, self._within_batch(params, visit)))
        extra = result.pop("_meta", {})
        if method.kind == "write":
            result["meta"] = self._wording.meta(visit.request_id) | extra
        return answered(result)

    def _within_batch(self, params: Params, visit: Visit) -> Params:
        if visit.wait_until is None or "wait_ms" not in type(params).model_fields:
            return params
        left_ms = max(0, int((visit.wait_until - self._ticks()) * 1000))
        asked_ms = getattr(params, "wait_ms", None)
        return params.model_copy(update={"wait_ms": left_ms if asked_ms is None else min(asked_ms, left_ms)})

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

    def _bug(self, visit: Visit, error: Exception) -> Fault:
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

    def _known(self, method: str) -> str:
        """A method's name for logs and metrics: only names of ours, whatever the caller wrote."""
        return method if method in self._functions else "unknown"


def _outcome(outcome: Answered | Fault | None) -> str:
    if outcome is None:
        return "notification"
    return "answered" if isinstance(outcome, Answered) else outcome.row.kind


def _wrong(error: ValidationError) -> list[tuple[str, str]]:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return [(_path(each["loc"]), each["type"]) for each in found]


def _path(location: tuple[int | str, ...]) -> str:
    text = ".".join(str(part) for part in location) or "params"
    return "".join(each if each.isprintable() else "?" for each in text)
