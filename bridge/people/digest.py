"""The daily digest: that all is well, or what is not. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Figures:
    """How things stand, and what the last 24 hours brought."""

    services: Mapping[str, int] = field(default_factory=dict)
    operations_done: int = 0
    operations_open: Mapping[str, int] = field(default_factory=dict)
    tasks_unclaimed: int = 0
    tasks_today: int = 0
    tasks_this_week: int = 0
    """Older than a day, no older than a week."""
    tasks_older: int = 0
    findings: Mapping[str, int] = field(default_factory=dict)
    servers_down: tuple[str, ...] = ()
    """A sentence for each server on which automation waits."""
    messages_lost: int = 0
    messages_untold: int = 0

    @property
    def tasks(self) -> int:
        return self.tasks_today + self.tasks_this_week + self.tasks_older

    @property
    def waiting(self) -> int:
        """Operations that go on only when something outside changes."""
        return sum(self.operations_open.get(state, 0) for state in ("manual", "waiting_pbx", "retry_wait"))


def worded(figures: Figures) -> tuple[str, str]:
    """Title and text."""
    troubles = list(_troubles(figures))
    lines = [*troubles, ""] if troubles else ["Nothing needs a person.", ""]
    lines.append(f"Services: {_counted(figures.services) or 'none yet'}")
    lines.append(
        f"Operations done in 24 h: {figures.operations_done}; open: {_counted(figures.operations_open) or '0'}"
    )
    title = f"The bridge needs attention: {_short(figures)}" if troubles else "The bridge: all is well"
    return title, "\n".join(lines)


def _troubles(figures: Figures) -> list[str]:
    told = list(figures.servers_down)
    if figures.tasks:
        ages = (
            f"{figures.tasks_today} from today, {figures.tasks_this_week} from this week, {figures.tasks_older} older"
        )
        told.append(f"Open tasks: {figures.tasks} ({ages}); unclaimed: {figures.tasks_unclaimed}")
    if figures.waiting:
        told.append(f"Operations that wait: {figures.waiting}")
    if figures.findings:
        told.append(f"Differences between WHMCS, the bridge and the PBXs: {_counted(figures.findings)}")
    if figures.messages_lost:
        told.append(f"Messages that did not go out, or may not have: {figures.messages_lost}")
    if figures.messages_untold:
        told.append(f"Messages for which there is no channel: {figures.messages_untold}")
    return told


def _short(figures: Figures) -> str:
    parts = [
        _plural(len(figures.servers_down), "server"),
        _plural(figures.tasks, "task"),
        _plural(figures.waiting, "waiting operation"),
        _plural(sum(figures.findings.values()), "difference"),
        _plural(figures.messages_lost + figures.messages_untold, "lost message"),
    ]
    return ", ".join(part for part in parts if part)


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}" if count else ""


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {word}" for word, count in sorted(counts.items()) if count)
