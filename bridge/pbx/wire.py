"""A tenant and all that belongs to it as JSON and back, exactly. Passwords are written only when asked for.

A document is read strictly: an unknown member, a wrong type or a missing key is a ValueError that names the member and
never shows a value. A member that has a default may be left out, so that a reader may be newer than the writer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar

from bridge.pbx.driver import CallPage, CallRecord, Capabilities, Check, Extension, Gateway, Number, Route, Tenant
from bridge.secret import Secret

Value = TypeVar("Value")


def tenant_to_json(tenant: Tenant, *, reveal: bool = False) -> dict[str, Any]:
    return object_to_json(tenant, reveal=reveal)


def tenant_from_json(document: Any) -> Tenant:
    return object_from_json(Tenant, document)


def object_to_json(value: object, *, reveal: bool = False) -> dict[str, Any]:
    """Any value of `driver.py`: a tenant, one of its objects, a call, a page of calls, a check, capabilities."""
    _known(type(value))
    return {
        each.name: _FORMS[str(each.type)].write(getattr(value, each.name), reveal)
        for each in fields(value)  # type: ignore[arg-type]  # _known has refused what is not a dataclass
        if reveal or not _is_secret(each)
    }


def object_from_json(kind: type[Value], document: Any, *, path: str = "") -> Value:
    known = {each.name: each for each in _known(kind)}
    if not isinstance(document, dict):
        raise ValueError(f"{path or kind.__name__} is not an object")
    unknown = [name for name in document if name not in known]
    if unknown:
        raise ValueError(f"{path or kind.__name__} has an unknown member {unknown[0][:64]!a}")
    missing = [name for name, each in known.items() if name not in document and _is_required(each)]
    if missing:
        raise ValueError(f"{path or kind.__name__} has no {missing[0]}")
    return kind(
        **{
            name: _FORMS[str(known[name].type)].read(value, f"{path}.{name}" if path else name)
            for name, value in document.items()
        }
    )


class _Form(NamedTuple):
    """How a member of one type is written and read."""

    write: Callable[[Any, bool], Any]
    read: Callable[[Any, str], Any]


def _known(kind: type) -> tuple[Field[Any], ...]:
    if kind not in (Tenant, Extension, Gateway, Number, Route, CallRecord, CallPage, Check, Capabilities):
        raise TypeError(f"{kind.__name__} has no form on the wire")
    return fields(kind)


def _is_secret(member: Field[Any]) -> bool:
    return member.type == "Secret | None"


def _is_required(member: Field[Any]) -> bool:
    return member.default is MISSING and member.default_factory is MISSING


def _exactly(kind: type, *, or_none: bool = False) -> _Form:
    def read(value: Any, path: str) -> Any:
        if not (type(value) is kind or (or_none and value is None)):
            raise ValueError(f"{path} is not {kind.__name__}" + (" or null" if or_none else ""))
        return value

    return _Form(lambda value, reveal: value, read)


def _one_of(*words: str) -> _Form:
    def read(value: Any, path: str) -> Any:
        if not isinstance(value, str) or value not in words:
            raise ValueError(f"{path} is not one of {', '.join(words)}")
        return value

    return _Form(lambda value, reveal: value, read)


def _many(kind: type) -> _Form:
    def read(value: Any, path: str) -> Any:
        return tuple(
            object_from_json(kind, each, path=f"{path}[{place}]") for place, each in enumerate(_a_list(value, path))
        )

    return _Form(lambda value, reveal: [object_to_json(each, reveal=reveal) for each in value], read)


def _a_list(value: Any, path: str) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"{path} is not a list")
    return value


def _read_words(value: Any, path: str) -> frozenset[str]:
    if not all(isinstance(each, str) for each in _a_list(value, path)):
        raise ValueError(f"{path} is not a list of words")
    return frozenset(value)


def _read_limits(value: Any, path: str) -> tuple[tuple[str, int], ...]:
    if not isinstance(value, Mapping) or not all(type(most) is int and most >= 0 for most in value.values()):
        raise ValueError(f"{path} is not an object of whole numbers")
    return tuple(sorted(value.items()))


def _read_secret(value: Any, path: str) -> Secret | None:
    if not (value is None or isinstance(value, str)):
        raise ValueError(f"{path} is not text or null")
    return None if value is None else Secret(value)


def _read_moment(value: Any, path: str) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError(f"{path} is not a time") from None
    if moment.tzinfo is None:
        raise ValueError(f"{path} does not say its time zone")
    return moment.astimezone(UTC)


def _write_moment(value: datetime, reveal: bool) -> str:
    return value.astimezone(UTC).isoformat()


_FORMS: dict[str, _Form] = {
    "str": _exactly(str),
    "str | None": _exactly(str, or_none=True),
    "int": _exactly(int),
    "int | None": _exactly(int, or_none=True),
    "bool": _exactly(bool),
    "Secret | None": _Form(lambda value, reveal: value.reveal() if value and reveal else None, _read_secret),
    "datetime": _Form(_write_moment, _read_moment),
    "datetime | None": _Form(
        lambda value, reveal: None if value is None else _write_moment(value, reveal),
        lambda value, path: None if value is None else _read_moment(value, path),
    ),
    "frozenset[str]": _Form(lambda value, reveal: sorted(value), _read_words),
    "tuple[tuple[str, int], ...]": _Form(lambda value, reveal: dict(value), _read_limits),
    "tuple[Extension, ...]": _many(Extension),
    "tuple[Gateway, ...]": _many(Gateway),
    "tuple[Number, ...]": _many(Number),
    "tuple[Route, ...]": _many(Route),
    "tuple[CallRecord, ...]": _many(CallRecord),
    "Literal['inbound', 'outbound', 'local']": _one_of("inbound", "outbound", "local"),
    "Literal['ok', 'warn', 'fail']": _one_of("ok", "warn", "fail"),
}
"""By the type as `driver.py` writes it; a test holds the two together."""
