"""What countries are called in English, as the numbering-plan library has it."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

import phonenumbers

UNNAMED = {"AC": "Ascension Island", "TA": "Tristan da Cunha", "XK": "Kosovo"}
"""The library has numbering plans for them and no names."""


def country_name(iso: str) -> str:
    """The code itself, where nobody knows a name."""
    names = _names().get(iso, {})
    name = names.get("en", "")
    if name.startswith("*"):  # written as in another language
        name = names.get(name[1:], "")
    return name or UNNAMED.get(iso, iso)


@cache
def _names() -> dict[str, dict[str, str]]:
    """From its file alone: the package it lies in reads every town in the world first, for seconds."""
    file = Path(phonenumbers.__file__).parent / "geodata" / "locale.py"
    spec = importlib.util.spec_from_file_location("phonenumbers.geodata.locale", file)
    assert spec is not None, "a file of the library has a loader"
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    names: dict[str, dict[str, str]] = module.LOCALE_DATA
    return names
