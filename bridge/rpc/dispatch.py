"""The bridge's methods behind an exchange: scope, parameters, the use case, and trouble turned into its row.

A method that the caller's key does not open is hidden: it answers "Method not found", so a key tells nothing of what it
may not do. Parameters are validated as Python values in strict mode: models use list, str, int, bool, dict and Literal.
A method's result may hold `_meta`, which is added to the `meta` of a write (`{"replayed": True}`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError
from sqlalchemy import exc as database_trouble

from bridge.app import Bridge
from bridge.errors import BridgeError
from bridge.life import installation
from bridge.logs import say, way
from bridge.rpc.exchange import Exchange, Visit, nothing
from bridge.rpc.faults import fault, fault_of, invalid_params
from bridge.rpc.library import Function, Result, answered, refused
from bridge.rpc.method import Caller, Method, Params
from bridge.rpc.wording import Answer, Wording

DISCOVER = "rpc.discover"
"""Open to every key: what it tells stands on /openrpc.json for anybody."""

CONFIRM = "installation.confirm"
"""How a person ends the state in which every other write is refused."""

MAY_WRITE_SECONDS = 1.0

_log = logging.getLogger(__name__)


class Dispatcher:
    def __init__(
        self,
        bridge: Bridge,
        methods: Mapping[str, Method],
        wording: Wording,
        *,
        ticks: Callable[[], float] = time.monotonic,
        observe: Callable[[str, str, float], object] = nothing,
    ) -> None:
        self._bridge = bridge
        self._wording = wording
        self._ticks = ticks
        self._may_write_until = float("-inf")
        functions = {name: self._function(method) for name, method in methods.items()}
        self._exchange = Exchange(functions, wording, ticks=ticks, observe=observe)

    def answer(self, caller: Caller, body: bytes, *, spend: Callable[[int], object] = nothing) -> Answer:
        return self._exchange.answer(caller, body, spend=spend)

    def _function(self, method: Method) -> Function:
        def function(visit: Visit, /, *positional: Any, **named: Any) -> Result:
            try:
                return self._call(method, visit, positional, named)
            except BridgeError as error:
                why = fault_of(error)
                return refused(self._exchange.bug(visit, error) if why.row.kind == "internal" else why)
            except (
                database_trouble.OperationalError,
                database_trouble.InterfaceError,
                database_trouble.TimeoutError,
            ) as error:
                say(_log, logging.ERROR, "database trouble in a call", method=method.name, error=way(error))
                return refused(fault("unavailable"))
            except Exception as error:  # the door: a bug gets an incident number, and nothing of it leaves
                return refused(self._exchange.bug(visit, error))

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
            return refused(invalid_params(wrong_fields(error)))
        if method.kind == "write" and method.name != CONFIRM and not getattr(params, "dry_run", False):
            self._assert_may_write()

        result = dict(method.run(self._bridge, visit.caller, self._in_time(params, visit)))
        extra = result.pop("_meta", {})
        if method.kind == "write":
            result["meta"] = self._wording.meta(visit.request_id) | extra
        return answered(result)

    def _assert_may_write(self) -> None:
        """Raises `read_only` in restore mode, and on a machine that nobody confirmed. A yes is good for a second."""
        if self._ticks() >= self._may_write_until:
            installation.assert_may_work(self._bridge)
            self._may_write_until = self._ticks() + MAY_WRITE_SECONDS

    def _in_time(self, params: Params, visit: Visit) -> Params:
        """With a wait that ends where the call's own deadline or what is left for the batch ends first (R-58, T-6)."""
        if "wait_ms" not in type(params).model_fields:
            return params
        bounds = [getattr(params, "wait_ms", None), getattr(params, "deadline_ms", None)]
        if visit.wait_until is not None:
            bounds.append(max(0, int((visit.wait_until - self._ticks()) * 1000)))
        given = [bound for bound in bounds if bound is not None]
        return params.model_copy(update={"wait_ms": min(given)}) if given else params


def wrong_fields(error: ValidationError) -> list[tuple[str, str]]:
    """Path and rule of what a model refused; never the value."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return [(_path(each["loc"]), each["type"]) for each in found]


def _path(location: tuple[int | str, ...]) -> str:
    text = ".".join(str(part) for part in location) or "params"
    return "".join(each if each.isprintable() else "?" for each in text)
