"""A file for what has to wait: without a name, gone when it is closed, and on a disk, as `/tmp` may be memory."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

from bridge.errors import Refused
from bridge.rating.bulk.spool import NotKept

ON_DISK = "/var/tmp"  # noqa: S108  # the file gets no name that another user could take


@contextmanager
def spool_file() -> Iterator[IO[bytes]]:
    """Where `TMPDIR` says, or on the disk, or where there is room for temporary files at all."""
    folders = os.environ.get("TMPDIR"), ON_DISK
    folder = next((each for each in folders if each and os.access(each, os.W_OK | os.X_OK)), None)
    file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  # closed below, where closing may fail too
    try:
        yield file
    except NotKept as error:
        where = folder or tempfile.gettempdir()
        raise Refused(f"{error}, in {where}; set TMPDIR to a folder with more room") from None
    finally:
        with suppress(OSError):  # what could not be written is nobody's any more
            file.close()
