"""A finding of `package lint`: something that has a meaning and is probably not meant."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    ERROR = "error"
    """Calls will be held, or sold at a loss."""
    WARNING = "warning"
    """Right only where somebody meant it so."""
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    code: str
    severity: Severity
    path: str
    """The key that it is about, as in the file."""
    sentence: str
    rows: tuple[str, ...] = ()
    """The rows of a deck that it is about, each with its price: all of them, where the sentence names a few."""

    def document(self) -> dict[str, str | list[str]]:
        return {
            "code": self.code,
            "severity": self.severity.value,
            "path": self.path,
            "sentence": self.sentence,
            "rows": list(self.rows),
        }


def few(items: tuple[str, ...] | list[str], most: int = 5) -> str:
    rest = f" and {len(items) - most} more" if len(items) > most else ""
    return ", ".join(items[:most]) + rest
