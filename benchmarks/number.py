"""Dialled numbers a second: read in steps, and looked up in the numbering plans, beside one library parse per call.

python benchmarks/number.py
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import phonenumbers

from bridge.rating.numbers.country import country
from bridge.rating.numbers.number import normalise
from bridge.rating.numbers.plan import facts_of
from bridge.rating.numbers.site import Site

CALLS = 200_000
PARSED = 20_000
ROUNDS = 3

LONDON = Site(home=country("GB"), emergency=country("GB").emergency, local_prefix=True)
FORMS = ("0{}", "+44{}", "0044{}", "44{}", "(0) {}", "sip:+44{}@pbx.example.com")


def per_second(do: Callable[[str], object], numbers: Sequence[str]) -> float:
    best = 0.0
    for _ in range(ROUNDS):
        started = time.perf_counter()
        for number in numbers:
            do(number)
        best = max(best, len(numbers) / (time.perf_counter() - started))
    return best


def parsed(raw: str) -> str:
    return phonenumbers.format_number(phonenumbers.parse(raw, "GB"), phonenumbers.PhoneNumberFormat.E164)


def dialled(count: int, *, forms: Sequence[str]) -> list[str]:
    """Each another, so that nothing could be remembered."""
    return [forms[place % len(forms)].format(2070000000 + place) for place in range(count)]


def main() -> None:
    plain, mixed = dialled(CALLS, forms=["0{}"]), dialled(CALLS, forms=FORMS)
    digits = [number for raw in plain if (number := normalise(LONDON, raw).number)]
    library = per_second(parsed, plain[:PARSED])
    validated = per_second(lambda raw: phonenumbers.is_valid_number(phonenumbers.parse(raw, "GB")), plain[:PARSED])
    for what, figure in (
        ("normalised, national form", per_second(lambda raw: normalise(LONDON, raw), plain)),
        ("normalised, every form", per_second(lambda raw: normalise(LONDON, raw), mixed)),
        ("country, kind and validity", per_second(facts_of, digits)),
        ("library: parsed and written", library),
        ("library: parsed and validated", validated),
    ):
        print(f"{what:32s} {figure:12,.0f} a second   {figure / library:6.1f} x the library")


if __name__ == "__main__":
    main()
