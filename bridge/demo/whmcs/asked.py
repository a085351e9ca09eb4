"""What came with an API call, read the way PHP reads it, and how an action says no."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bridge.whmcs import php

Reply = dict[str, Any]


class Declined(Exception):
    """A business error: 200, `result=error`, and this message."""


@dataclass(frozen=True, slots=True)
class Asked:
    values: Mapping[str, Any]
    admin_id: int = 1

    def __contains__(self, name: object) -> bool:
        return bool(self.values.get(str(name), "") != "")

    def text(self, name: str, default: str = "") -> str:
        """As WHMCS stores what it is sent: with entities."""
        value = self.values.get(name, default)
        return php.encoded(value) if isinstance(value, str) else default

    def raw(self, name: str) -> str:
        value = self.values.get(name, "")
        return value if isinstance(value, str) else ""

    def whole(self, name: str, default: int = 0) -> int:
        match = re.match(r"\s*(-?[0-9]{1,9})", self.raw(name))
        return int(match[1]) if match else default

    def amount(self, name: str) -> Decimal:
        try:
            return php.money(self.raw(name) or "0")
        except php.Unreadable:
            return Decimal(0)

    def flag(self, name: str) -> bool:
        """PHP's truth: everything but "" and "0", so "false" is true."""
        return self.raw(name) not in ("", "0")

    def array(self, name: str) -> dict[str, Any]:
        value = self.values.get(name)
        return dict(value) if isinstance(value, Mapping) else {}

    def unpacked(self, name: str) -> dict[Any, Any]:
        """base64 of PHP serialize(); what cannot be read is ignored, as WHMCS ignores it."""
        try:
            found = php.unpacked(self.raw(name)) if name in self else {}
        except php.Unreadable:
            return {}
        return found if isinstance(found, dict) else {}

    def day(self, name: str, complaint: str) -> str | None:
        value = self.raw(name)
        if value and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
            raise Declined(complaint)
        return value or None


def texts(row: Mapping[Any, Any], *names: str) -> dict[str, str]:
    """A row as most samples print it: every number a string."""
    return {name: f"{row[name]}" for name in names}


def collection(plural: str, singular: str, rows: Iterable[Mapping[Any, Any]]) -> Reply:
    """Nested under its singular; an empty one is an empty string."""
    found = [dict(row) for row in rows]
    return {plural: {singular: found} if found else ""}


def page(asked: Asked, rows: list[Any]) -> tuple[list[Any], Reply]:
    """`limitstart` and `limitnum` (25 unless told), and the counts that go with them."""
    start, most = max(0, asked.whole("limitstart")), max(1, asked.whole("limitnum", 25))
    found = rows[start : start + most]
    return found, {"totalresults": len(rows), "startnumber": start, "numreturned": len(found)}
