"""How WHMCS writes things: PHP's serialised arrays and bracket parameters, and JSON that is loose about types. Pure."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from html.entities import name2codepoint
from typing import Any

Value = None | bool | int | str | Mapping[Any, Any] | list[Any] | tuple[Any, ...]


class Unreadable(ValueError):
    """What WHMCS sent is not what its documentation says it sends."""


# --- to WHMCS --------------------------------------------------------------------------------------------------------


def serialize(value: Value) -> bytes:
    """PHP's serialize(); strings count bytes, lists are arrays with the keys 0, 1, 2."""
    match value:
        case None:
            return b"N;"
        case bool():
            return b"b:%d;" % value
        case int():
            return b"i:%d;" % value
        case str():
            raw = value.encode()
            return b's:%d:"%s";' % (len(raw), raw)
        case Mapping():
            body = b"".join(serialize(_key(name)) + serialize(each) for name, each in value.items())
            return b"a:%d:{%s}" % (len(value), body)
        case list() | tuple():
            return serialize(dict(enumerate(value)))
    raise TypeError(f"PHP has no way to write a {type(value).__name__} here")


def packed(value: Value) -> str:
    """What WHMCS asks for in `customfields`, `configoptions` and `customvars`: base64 of a serialised array."""
    return base64.b64encode(serialize(value)).decode("ascii")


def bracketed(name: str, value: Any) -> list[tuple[str, str]]:
    """An array parameter as PHP reads it: `attributes[0][label]=...`. None and False are left out, True is 1."""
    if value is None or value is False:
        return []
    if isinstance(value, Mapping):
        return [pair for key, each in value.items() for pair in bracketed(f"{name}[{key}]", each)]
    if isinstance(value, (list, tuple)):
        return bracketed(name, dict(enumerate(value)))
    return [(name, "1" if value is True else str(value))]


def form(parameters: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [pair for name, value in parameters.items() for pair in bracketed(name, value)]


def _key(name: Any) -> int | str:
    """PHP turns the key "5" into 5, and so do we, so that what is read back is what was written."""
    if isinstance(name, str) and re.fullmatch(r"0|-?[1-9][0-9]{0,17}", name, re.ASCII):
        return int(name)
    if isinstance(name, bool) or not isinstance(name, (int, str)):
        raise TypeError(f"PHP has no array key of the type {type(name).__name__}")
    return name


# --- the way back: what a WHMCS does with what it is sent ------------------------------------------------------------


def unpacked(text: str) -> Any:
    """The array behind base64 of serialize(); objects are never read."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Unreadable("not base64") from error
    value, rest = _unserialize(raw, 0)
    if rest != len(raw):
        raise Unreadable("text after the end of a serialised value")
    return value


_SCALAR = re.compile(rb"(?:N|(?P<kind>[bid]):(?P<value>[-+0-9.eE]{1,32}));")
_SIZED = re.compile(rb"(?P<kind>[sa]):(?P<size>[0-9]{1,9}):")


def _unserialize(raw: bytes, at: int, depth: int = 0) -> tuple[Any, int]:
    if depth > 32:
        raise Unreadable("a serialised value nested too deeply")
    if scalar := _SCALAR.match(raw, at):
        kind, text = scalar["kind"], scalar["value"]
        try:
            value = None if kind is None else Decimal(text.decode()) if kind == b"d" else int(text)
        except (ValueError, InvalidOperation) as error:
            raise Unreadable("a serialised number that is none") from error
        return bool(value) if kind == b"b" else value, scalar.end()
    sized = _SIZED.match(raw, at)
    if sized is None:
        raise Unreadable(f"no serialised value at byte {at}")
    size, at = int(sized["size"]), sized.end()
    if sized["kind"] == b"s":
        end = at + 1 + size
        if raw[at : at + 1] != b'"' or raw[end : end + 2] != b'";':
            raise Unreadable("a serialised string whose length is not its bytes")
        try:
            return raw[at + 1 : end].decode(), end + 2
        except UnicodeDecodeError as error:
            raise Unreadable("a serialised string that is not UTF-8") from error
    if raw[at : at + 1] != b"{":
        raise Unreadable("a serialised array without its brace")
    at += 1
    found: dict[Any, Any] = {}
    for _ in range(size):
        name, at = _unserialize(raw, at, depth + 1)
        if isinstance(name, bool) or not isinstance(name, (int, str)):
            raise Unreadable("a serialised array with a key that is no key")
        found[name], at = _unserialize(raw, at, depth + 1)
    if raw[at : at + 1] != b"}":
        raise Unreadable("a serialised array that does not end")
    return found, at + 1


def nested(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Form pairs as PHP sees them: the last of a repeated name wins, brackets make arrays."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        first, *rest = re.findall(r"^[^\[]+|\[[^\]]*\]", name) or [name]
        keys = [first, *(part[1:-1] for part in rest)]
        place: dict[str, Any] = found
        for key in keys[:-1]:
            inner = place.get(key)
            if not isinstance(inner, dict):
                inner = {}
                place[key] = inner
            place = inner
        place[keys[-1] or str(len(place))] = value
    return found


# --- from WHMCS ------------------------------------------------------------------------------------------------------

_ENTITY = re.compile(r"&(?:#([0-9]{1,7})|#[xX]([0-9a-fA-F]{1,6})|([A-Za-z][A-Za-z0-9]*));", re.ASCII)


def decoded(value: Any) -> str:
    """Text as it was typed: html_entity_decode(ENT_QUOTES | ENT_HTML401), once. None is no text."""
    return "" if value is None else _ENTITY.sub(_character, str(value))


def encoded(text: str) -> str:
    """Text as WHMCS stores what was typed: htmlspecialchars with ENT_QUOTES."""
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("'", "&#039;")):
        text = text.replace(character, entity)
    return text


def _character(entity: re.Match[str]) -> str:
    decimal, hexadecimal, name = entity.groups()
    code = name2codepoint.get(name, 0) if name else int(decimal or hexadecimal, 10 if decimal else 16)
    return chr(code) if _is_html_character(code) else entity[0]


def _is_html_character(code: int) -> bool:
    """The characters PHP decodes in HTML 4.01; the rest stays as it was written."""
    return code in (9, 10, 13) or 0x20 <= code <= 0x7E or 0xA0 <= code <= 0xD7FF or 0xE000 <= code <= 0x10FFFF


def money(value: Any) -> Decimal:
    """An amount, written "10.00" or 10 or 10.5."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal)):
        raise Unreadable(f"an amount written as {type(value).__name__}")
    try:
        amount = Decimal(str(value).strip().replace(",", ""))
    except InvalidOperation as error:
        raise Unreadable("an amount that is no number") from error
    if not amount.is_finite():
        raise Unreadable("an amount that is no number")
    return amount


def number(value: Any) -> int:
    """An id or a count, written "1" or 1; nothing at all is 0, as in PHP."""
    if value is None or value == "":
        return 0
    if isinstance(value, int):
        return int(value)
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value.strip(), re.ASCII):
        return int(value)
    if isinstance(value, (float, Decimal)) and value == int(value):
        return int(value)
    raise Unreadable("an id that is no number")


def reference(value: Any) -> int | None:
    """An id that may point nowhere: WHMCS writes 0 or nothing."""
    return number(value) or None


def truth(value: Any) -> bool:
    """A switch, written true, "true", "on", 1, "1" or "Yes"; everything else is off."""
    return str(value).strip().lower() in ("true", "on", "1", "yes")


def day(value: Any) -> date | None:
    """A date, or None for `0000-00-00` and every other way of saying that there is none."""
    if value is None or isinstance(value, date):
        return date(value.year, value.month, value.day) if value else None
    text = str(value).strip()[:10]
    if not text or text.startswith("0000-00-00"):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Unreadable("a date that is none") from error


def rows(answer: Mapping[str, Any], plural: str, singular: str | None = None) -> list[dict[str, Any]]:
    """A collection, however it is printed: nested under its singular, plain, flattened, one row bare, "" or missing."""
    found = answer.get(plural)
    if found is None:
        found = _unflattened(answer, plural)
    if singular and isinstance(found, Mapping) and singular in found:
        found = found[singular]
    if found is None or found == "":
        return []
    if isinstance(found, Mapping):
        if all(str(key).isdigit() for key in found):
            found = [found[key] for key in sorted(found, key=lambda key: int(str(key)))]
        else:
            found = [found]
    if not isinstance(found, list) or not all(isinstance(each, Mapping) for each in found):
        raise Unreadable(f"{plural} that are no rows")
    return [dict(each) for each in found]


def _unflattened(answer: Mapping[str, Any], plural: str) -> Any:
    """`{"credits[credit][0][id]": 1}` as the nesting that it means."""
    pairs = [(str(name), value) for name, value in answer.items() if str(name).startswith(f"{plural}[")]
    return nested(pairs).get(plural) if pairs else None


def succeeded(answer: Mapping[str, Any]) -> bool | None:
    """What `result` says, or `status` where a reply has that instead; None when it says neither."""
    for name in ("result", "status"):
        word = answer.get(name)
        if isinstance(word, str) and word.lower() in ("success", "error"):
            return word.lower() == "success"
    return None


def before_bar(text: str) -> str:
    """The internal part of a name or value written `internal|Shown to client`."""
    return text.partition("|")[0].strip()
