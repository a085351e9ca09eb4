"""What was dialled, out of the text it came in: an address, signs to read it by, digits of another script."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote

TEXT_MAX = 256
"""A longer text holds no number."""

_ADDRESS = re.compile(r"(?:(?P<scheme>sips?|tel):)?(?P<user>[^@]*)(?P<host>@.*)?", re.IGNORECASE | re.DOTALL)
_SIGNS = str.maketrans("", "", " \t\r\n\v\f.-/()")


def dialled(raw: str) -> tuple[str, tuple[str, ...]]:
    """Digits, with the + or the * and # among them, and what was done to get there. What is left of words stays."""
    if raw.isdigit() and raw.isascii():
        return raw, ()
    if len(raw) > TEXT_MAX:
        return "", (f"longer than {TEXT_MAX} characters: not read",)
    user = _user(raw.strip())
    bare = user.translate(_SIGNS)
    plain = bare if bare.isascii() else "".join(map(_plain, bare))
    steps = (
        ("address taken off" if user != raw.strip() else ""),
        ("spaces and signs dropped" if len(plain) < len(user) else ""),
        ("digits written as 0 to 9" if not bare.isascii() and plain != bare else ""),
    )
    return plain, tuple(step for step in steps if step)


def _user(text: str) -> str:
    """Who is meant by sip:user@host, user@host, tel:number or a name with one of these in angle brackets."""
    _, bracket, inside = text.rpartition("<")
    found = _ADDRESS.fullmatch(inside.partition(">")[0] if bracket else text)
    assert found is not None, "everything is a user without a host"
    scheme, user = (found["scheme"] or "").lower(), found["user"]
    if not scheme and not found["host"]:
        return user
    user = re.split("[;?]" if scheme == "tel" else "[;?:]", user, maxsplit=1)[0]
    is_host = scheme.startswith("sip") and not found["host"] and "." in user
    return "" if is_host else unquote(user)


def _plain(sign: str) -> str:
    if "！" <= sign <= "～":  # the wide forms of ASCII
        sign = chr(ord(sign) - 0xFEE0)
    digit = unicodedata.decimal(sign, None)
    if digit is not None:
        return str(digit)
    is_dropped = sign.isspace() or unicodedata.category(sign) in ("Cf", "Pd") or sign in ".-/()−"
    return "" if is_dropped else sign
