"""An explanation in sentences, for whoever asks why a call cost that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

SOURCES = {
    "special": "the package's special numbers",
    "service": "the contract of the service",
    "custom": "the package's own price for a prefix",
    "package": "the package",
    "tariff": "the tariff",
    "fallback": "the package's own price, as the tariff does not know the destination",
}

NOT_ALLOWED = "not allowed"


def sentences(document: Mapping[str, Any]) -> list[str]:
    """From the document alone (`explanation.py`), so that an old charge tells its story too."""
    return list(_told(document))


def _told(document: Mapping[str, Any]) -> Iterator[str]:
    if "call" in document:
        yield from _of_call(document)
    if NOT_ALLOWED in document["note"].split("; "):
        yield "The package opens no calls to this destination, which is for dial plans and changes no price."
    if "price" in document:
        yield _of_price(document["price"], document["currency"])
        yield from _of_time(document["seconds"], document["price"])
        yield from _of_money(document)
    else:
        reasons = _notes(document)
        reason = f": {'; '.join(reasons)}" if reasons else ""
        amount = "waits for a price" if document["charge"] is None else "costs nothing"
        yield f"It is {document['class']} and {amount}{reason}."
        if "doubt" in document:
            yield f"Look at the number: {document['doubt']}."


def _of_call(document: Mapping[str, Any]) -> Iterator[str]:
    call = document["call"]
    yield f"{call['to']} was called for {call['seconds']} s ({call['direction']}, {call['at']})."
    if document["steps"]:
        yield f"The number is {document['number'] or 'none to price'}: {', '.join(document['steps'])}."


def _of_price(price: Mapping[str, Any], currency: str) -> str:
    where = SOURCES[price["source"]]
    if "deck" in price:
        where += f" {price['deck']}"
    if price["prefix"]:
        where += f", {price['prefix']}"
    if "name" in price:
        where += f" ({price['name']})"
    told = f"The price is that of {where}"
    if "per_minute" in price:
        told += f": {price['per_minute']} {currency} a minute"
    if "base" in price and (price["adder"], price["markup_percent"]) != ("0", "0"):
        told += f", which is ({price['base']} + {price['adder']}) + {price['markup_percent']} %"
    if price["setup"] != "0":
        told += f", and {price['setup']} once"
    if price["min_cost"] != "0":
        told += f", at least {price['min_cost']}"
    return told + "."


def _of_time(seconds: Mapping[str, Any], price: Mapping[str, Any]) -> Iterator[str]:
    answered = seconds["answered"]
    spoken = " + ".join(map(str, answered)) if isinstance(answered, list) else answered
    sold = f"{price['first_seconds']}/{price['step_seconds']}"
    if "min_seconds" in price:
        sold += f", at least {price['min_seconds']} s"
    if "grace_seconds" in price:
        sold += f", nothing up to {price['grace_seconds']} s"
    yield f"{spoken} s are billed as {seconds['billed']} s ({sold})."
    if seconds["free_per_call"]:
        yield f"The first {seconds['free_per_call']} s of a call are free."
    if "not_covered" in seconds:
        yield f"No free time covers it: {seconds['not_covered']}."
    for part in seconds["covered"]:
        of = "without end" if part["of"] is None else f"of {part['of']} s"
        yield f"{part['seconds']} s are covered by '{part['allowance']}' ({part['before']} s used before, {of})."


def _of_money(document: Mapping[str, Any]) -> Iterator[str]:
    for part in document["parts"]:
        if "pages" in part:
            yield f"{part['pages']} pages at {part['per_page']}."
        else:
            reason = f" ({part['reason']})" if "reason" in part else ""
            yield f"{part['seconds']} s at {part['per_minute']} a minute{reason}."
    amount = f"{document['charge']} {document['currency']}"
    yield f"{document['unrounded']} is rounded half up to {document['decimals']} decimals: {amount}."
    if notes := _notes(document):
        yield f"Note: {'; '.join(notes)}."


def _notes(document: Mapping[str, Any]) -> list[str]:
    """Without the one that has a sentence of its own."""
    return [each for each in document["note"].split("; ") if each not in ("", NOT_ALLOWED)]
