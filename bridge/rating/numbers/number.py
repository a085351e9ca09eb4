"""What a dialled number becomes, and why.

In this order: emergency, known extension, feature code, the number that is meant (`reading.py`), short number, and last
7 to 15 digits. What the numbering plan doubts is priced all the same; `plan.doubt_of` says what it doubts.
"""

from __future__ import annotations

from typing import NamedTuple

from bridge.rating.call import CallClass, Direction
from bridge.rating.numbers.dialled import dialled
from bridge.rating.numbers.reading import SHORT_MAX, read
from bridge.rating.numbers.site import Site

DIGITS_MIN, DIGITS_MAX = 7, 15
SHORT_MIN = 3
EXTENSION_MIN, EXTENSION_MAX = 3, 5


class Number(NamedTuple):
    raw: str
    dialled: str
    """Without address, spaces and signs."""
    number: str | None
    """E.164 without its plus; None where there is none that a deck could price."""
    kind: CallClass | None
    """What the digits alone make of the call: internal, feature, emergency, short or invalid; None with a number."""
    steps: tuple[str, ...]
    notes: tuple[str, ...] = ()


def normalise(site: Site, raw: str, *, direction: Direction = Direction.OUTBOUND, by_gateway: bool = True) -> Number:
    """`by_gateway` is false where the record shows no carrier leg: then 3 to 5 digits are an extension (F-20)."""
    digits, cleaning = dialled(raw)
    steps = [*cleaning]
    kind = _without_number(site, digits, direction, by_gateway, steps)
    if kind is not None:
        return Number(raw, digits, None, kind, tuple(steps))
    plain = digits.removeprefix("+")
    if not (plain.isascii() and plain.isdigit()):
        return Number(raw, digits, None, CallClass.INVALID, tuple(steps), (_no_digits(plain),))

    if plain != digits:
        steps.append("plus dropped")
        number, is_short = plain, len(plain) <= SHORT_MAX
    else:
        number, is_short = read(site, digits, steps)
    if DIGITS_MIN <= len(number) <= DIGITS_MAX and not is_short:
        return Number(raw, digits, number, None, tuple(steps))
    if is_short and _is_emergency(site, number, direction):
        return Number(raw, digits, None, CallClass.EMERGENCY, (*steps, _emergency(site)))
    if SHORT_MIN <= len(number) <= SHORT_MAX:
        return Number(raw, digits, None, CallClass.SHORT, (*steps, "short number"))
    note = f"{len(number)} digits, and a number has {DIGITS_MIN} to {DIGITS_MAX}"
    return Number(raw, digits, None, CallClass.INVALID, tuple(steps), (note,))


def _without_number(
    site: Site, digits: str, direction: Direction, by_gateway: bool, steps: list[str]
) -> CallClass | None:
    """What needs no number: help, the house itself, and its codes."""
    if _is_emergency(site, digits, direction):
        steps.append(_emergency(site))
        return CallClass.EMERGENCY
    if digits in site.extensions:
        steps.append("known extension")
        return CallClass.INTERNAL
    if digits.startswith(("*", "#")):
        steps.append("feature code")
        return CallClass.FEATURE
    is_extension = not by_gateway and EXTENSION_MIN <= len(digits) <= EXTENSION_MAX and digits.isdecimal()
    if is_extension or direction is Direction.LOCAL:
        steps.append("no carrier leg")
        return CallClass.INTERNAL
    return None


def _is_emergency(site: Site, digits: str, direction: Direction) -> bool:
    """Never the number that a caller shows: that is no call for help."""
    return digits in site.emergency and direction is not Direction.INBOUND


def _emergency(site: Site) -> str:
    return f"emergency number of {site.country}"


def _no_digits(text: str) -> str:
    strange = next((sign for sign in text if sign not in "0123456789"), None)
    return f"{strange!r} is no digit" if strange else "no digits"
