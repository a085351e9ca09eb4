"""One entry through `jsonrpcserver`; the only module that knows it.

The envelope has been read before (`envelope.py`), so the library's own reading and validation are off. It finds the
method, binds the parameters and calls. What it says about an exception is dropped: a refusal carries a Fault of ours or
is told by its code alone.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bridge.rpc.envelope import Entry
from bridge.rpc.faults import KINDS_BY_CODE, Fault, fault

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # it reads its schema by a function that Python 3.11 lets go
    from jsonrpcserver import Error, Success
    from jsonrpcserver.dispatcher import dispatch_to_response_pure

Result = Any
"""What a function returns to the library: the two words below."""

Function = Callable[..., Result]
"""A method of the dispatcher: takes the context first, then the parameters; returns `answered` or `refused`."""

_LIBRARY_ERROR = -32000


@dataclass(frozen=True, slots=True)
class Answered:
    value: Any


def answered(value: Any) -> Result:
    return Success(value)


def refused(why: Fault) -> Result:
    return Error(why.row.code, why.row.message, why)


def perform(entry: Entry, functions: dict[str, Function], context: object) -> Answered | Fault | None:
    """What came of one entry; None for a notification, whatever came of it."""
    request: Any = {"method": entry.method, "params": entry.params}
    if not entry.is_notification:
        request["id"] = entry.id
    response: Any = dispatch_to_response_pure(
        deserializer=_as_it_is,
        validator=_as_it_is,
        methods=functions,
        context=context,
        post_process=_as_it_is,
        request=request,
    )
    if response is None:
        return None
    if hasattr(response, "_value"):
        return Answered(response._value.result)
    error = response._error
    if isinstance(error.data, Fault):
        return error.data
    return fault("internal" if error.code == _LIBRARY_ERROR else KINDS_BY_CODE.get(error.code, "internal"))


def _as_it_is(value: Any) -> Any:
    return value
