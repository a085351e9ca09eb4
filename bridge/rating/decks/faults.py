"""What is wrong or doubtful in a price list: where, what stands there, and the rule that it breaks."""

from __future__ import annotations

from dataclasses import dataclass, field

LISTED_MAX = 1000
"""As many errors are told, and as many warnings; all are counted."""

_SHOWN_MAX = 100


@dataclass(frozen=True, slots=True)
class Fault:
    line: int
    column: str
    value: str
    reason: str

    def __str__(self) -> str:
        where = f"line {self.line}" + (f", {self.column}" if self.column else "")
        return f"{where}: {self.value!r} {self.reason}" if self.value or self.column else f"{where}: {self.reason}"

    def document(self) -> dict[str, int | str]:
        return {"line": self.line, "column": self.column, "value": self.value, "reason": self.reason}


@dataclass(slots=True)
class Faults:
    """The first of them, and how many there are."""

    listed: list[Fault] = field(default_factory=list)
    count: int = 0

    def add(self, line: int, column: str, value: str, reason: str) -> None:
        self.count += 1
        if len(self.listed) < LISTED_MAX:
            shown = "".join(character if character.isprintable() else " " for character in value[:_SHOWN_MAX])
            self.listed.append(Fault(line, column, shown, reason))
