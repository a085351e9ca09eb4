"""Money: a whole number of millionths of one currency. Never a float, never two currencies in one sum."""

from __future__ import annotations

from dataclasses import dataclass

MICRO = 1_000_000


@dataclass(frozen=True, slots=True, order=False)
class Money:
    micro: int
    currency: str

    def __add__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.micro + other.micro, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.micro - other.micro, self.currency)

    def __str__(self) -> str:
        """A plain decimal with at least two places: 0.00, -1.50, 0.029."""
        whole, rest = divmod(abs(self.micro), MICRO)
        places = f"{rest:06d}".rstrip("0").ljust(2, "0")
        return f"{'-' if self.micro < 0 else ''}{whole}.{places}"

    def _same(self, other: Money) -> None:
        if self.currency != other.currency:
            raise ValueError(f"{self.currency} and {other.currency} do not add up")
