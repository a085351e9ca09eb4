"""The machine this process runs on, as far as it can be told from a copy of it (R-41)."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

MACHINE_ID = Path("/etc/machine-id")
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Machine:
    machine_id: str
    """A fingerprint: the number itself is not for passing around."""
    boot_id: str
    name: str


def here(
    machine_file: Path = MACHINE_ID, boot_file: Path = BOOT_ID, name: Callable[[], str] = socket.gethostname
) -> Machine:
    """A system without a machine id, such as a bare container, is told by its host name."""
    host = name()
    number = _read(machine_file) or f"host:{host}"
    return Machine(hashlib.sha256(f"bridge:{number}".encode()).hexdigest()[:32], _read(boot_file), host)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
