"""FusionPBX's cache: one file a key, which never expires. A row that was changed counts when its key is deleted.

    key       directory:101@acme.example      dialplan:public:442079460101
    file      directory.101@acme.example      dialplan.public.442079460101

Keys are deleted after the commit, never before: the switch reads at once, and would keep the old row for good.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bridge.errors import NotPrepared, NotReached, Refused

_NAME = re.compile(r"[A-Za-z0-9._@+*-]{1,300}", re.ASCII)


class Cache(Protocol):
    def delete(self, keys: Iterable[str]) -> None:
        """Forget these. A `*` stands for anything; what is not there is forgotten already."""
        ...

    def check(self) -> None:
        """NotPrepared or NotReached where keys could not be deleted."""
        ...


def of_extension(number: str, domain: str) -> str:
    return f"directory:{number}@{domain}"


def of_every_extension(domain: str) -> str:
    return f"directory:*@{domain}"


def of_dial_plan(domain: str) -> str:
    return f"dialplan:{domain}"


def of_number(digits: str) -> tuple[str, ...]:
    """However the carrier writes it: the answer for a number that nobody had yet is kept as well."""
    return ("dialplan:public", f"dialplan:public:*{digits}")


def of_gateways(hostname: str) -> tuple[str, ...]:
    """As releases from 5.5 on name it, and as earlier ones do."""
    return (f"{hostname}:configuration:sofia.conf", f"configuration:sofia.conf:{hostname}")


def file_of(key: str) -> str:
    """The file that keeps a key; Refused for what is no key (T-14)."""
    name = key.replace(":", ".").replace("/", "_").replace("\\", "_")
    if not _NAME.fullmatch(name) or name.startswith(".") or set(name) <= set("*."):
        raise Refused(f"{key[:80]!a} is no key of the cache", kind="pbx_rejected")
    return name


@dataclass(frozen=True, slots=True)
class Files:
    """The files of this host, or of one whose folder is mounted here."""

    folder: Path

    def delete(self, keys: Iterable[str]) -> None:
        for name in map(file_of, keys):
            found = self.folder.glob(name) if "*" in name else (self.folder / name,)
            for path in found:
                self._unlink(path)

    def check(self) -> None:
        probe = self.folder / "bridge.probe"
        try:
            probe.touch()
            probe.unlink()
        except FileNotFoundError:
            raise NotPrepared(f"there is no folder {self.folder}; it is cache.location in config.conf") from None
        except OSError as error:
            raise NotPrepared(
                f"{self.folder} cannot be written: {error.strerror}; let the bridge's user into the group www-data"
            ) from None

    def _unlink(self, path: Path) -> None:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise NotReached(f"{path} cannot be deleted: {error.strerror}") from None
