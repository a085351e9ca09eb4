"""A file that is there whole or not at all: written beside its place, and put there when it is finished."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from bridge.errors import Refused


@contextmanager
def whole_file(path: Path, *, apart_from: Iterable[str | Path | None] = ()) -> Iterator[BinaryIO]:
    """What is no ordinary file, such as a pipe, is written as it comes. `apart_from` names files that are read."""
    if path.is_file() and any(each is not None and _is_same(path, Path(each)) for each in apart_from):
        raise Refused(f"{path} is read for this; name another file to write")
    is_ordinary = path.is_file() or not path.exists()
    partial = path.with_name(f".{path.name}.{os.getpid()}") if is_ordinary else path
    try:
        with partial.open("wb") as file:
            yield file
        if is_ordinary:
            partial.replace(path)
    except OSError as error:
        raise Refused(f"{path} cannot be written: {error.strerror}") from None
    finally:
        if is_ordinary:
            partial.unlink(missing_ok=True)


def _is_same(path: Path, other: Path) -> bool:
    return other.exists() and path.samefile(other)
