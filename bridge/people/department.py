"""A department: who is told, by which channels, and who is told next when nobody takes a task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from bridge.people.channels import AnyChannel

DEFAULT = "default"
"""Told whatever no other department is told."""


@dataclass(frozen=True, slots=True)
class Department:
    name: str
    channels: tuple[AnyChannel, ...] = ()
    escalate_after_hours: int = 0
    """0: never."""
    escalate_to: str | None = None
    """None: the same department, once more."""
    disabled: Mapping[str, str] = field(default_factory=dict)
    """Channels that are switched off, by name, and why."""

    @property
    def carriers(self) -> tuple[AnyChannel, ...]:
        """The channels that messages go out by."""
        return tuple(each for each in self.channels if each.name not in self.disabled)

    @property
    def patience(self) -> timedelta | None:
        """How long a task may stay unclaimed; None is for ever."""
        return timedelta(hours=self.escalate_after_hours) if self.escalate_after_hours else None

    def channel(self, name: str) -> AnyChannel | None:
        return next((each for each in self.channels if each.name == name), None)
