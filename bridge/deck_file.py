"""A price list as a file: read, and kept packed beside `var/`, so that a large one is read as CSV only once.

What is kept is named by the digest of the file and by how it was read. Another file, other instructions or another
release do not find it; whatever is wrong with it, the list itself is read again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO

from bridge import __version__
from bridge.errors import Refused
from bridge.rating.decks.faults import Fault, Faults
from bridge.rating.decks.header import Columns
from bridge.rating.decks.pack import NotPacked, packed, unpacked
from bridge.rating.decks.reading import DeckReading, Instructions, read_deck
from bridge.rating.decks.sheet import NotASheet

KEPT = Path("var/decks")
KEPT_MAX = 20
WORTH_KEEPING = 20_000
"""Rows; fewer are read faster than they are looked for."""


def read_file(
    path: Path,
    instructions: Instructions,
    *,
    kept: Path | None = None,
    progress: Callable[[int], object] = lambda rows: None,
) -> DeckReading:
    """The list in a file. With `kept`, a folder, it is taken from there or put there."""
    try:
        with path.open("rb") as file:
            if kept is None:
                return read_deck(file, instructions, progress)
            place = kept / _name(file, instructions)
            found = _taken(place)
            if found is None:
                found = read_deck(file, instructions, progress)
                if found.rows_read >= WORTH_KEEPING and not found.rows_refused:
                    _keep(place, found)
            return found
    except NotASheet as why:
        raise Refused(f"{path}: {why}", kind="tariff_invalid") from None
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror or 'it is no plain file'}") from None


def _name(file: BinaryIO, instructions: Instructions) -> str:
    digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # typeshed wants a readinto
    how = json.dumps([__version__, digest, asdict(instructions)], sort_keys=True, default=dict)
    return f"{hashlib.sha256(how.encode()).hexdigest()[:40]}.deck"


def _taken(place: Path) -> DeckReading | None:
    try:
        rows, known = unpacked(place.read_bytes())
        with suppress(OSError):
            os.utime(place)
        columns = Columns(tuple(known["names"]), known["places"], known["line"], tuple(known["guessed"]))
        warnings = Faults([Fault(**each) for each in known["warnings"]], known["warnings_count"])
        return DeckReading(
            rows,
            columns,
            known["digest"],
            rows_read=known["rows_read"],
            warnings=warnings,
            says_customs=known["says_customs"],
            notes=known["notes"],
        )
    except (OSError, NotPacked, KeyError, TypeError):
        return None


def _keep(place: Path, reading: DeckReading) -> None:
    """Kept where that works; where it does not, reading takes longer and is right all the same."""
    columns = reading.columns
    content = packed(
        reading.rows,
        names=columns.names,
        places=dict(columns.places),
        line=columns.line,
        guessed=columns.guessed,
        digest=reading.digest,
        rows_read=reading.rows_read,
        warnings=[fault.document() for fault in reading.warnings.listed],
        warnings_count=reading.warnings.count,
        says_customs=reading.says_customs,
        notes=reading.notes,
    )
    partial = place.with_name(f".{place.name}.{os.getpid()}")
    with suppress(OSError):
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            partial.write_bytes(content)
            partial.replace(place)
        finally:
            partial.unlink(missing_ok=True)
        oldest = sorted(place.parent.glob("*.deck"), key=lambda each: each.stat().st_mtime, reverse=True)[KEPT_MAX:]
        for each in oldest:
            each.unlink(missing_ok=True)
