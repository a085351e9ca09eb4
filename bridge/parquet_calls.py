"""A file of calls in Parquet: the columns of CALLS.csv, as text or as what they are, read with the `pyarrow` extra.

Every cell is made the text that a CSV file would have, so that both kinds of files are judged by the same words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bridge.errors import Refused
from bridge.rating.bulk.calls import Calls
from bridge.rating.bulk.calls_file import LINE_BYTES_MAX, UnreadableCalls, csv_cell, places_of
from bridge.rating.bulk.cells import calls_of
from bridge.rating.bulk.texts import MARGIN, Texts

if TYPE_CHECKING:
    import pyarrow

PIECE_ROWS = 1 << 16
BUFFER_BYTES = 1 << 20
REASON_MAX = 200

_BREAKS = b"\0\r\n"


def read_parquet(
    path: Path, *, piece_rows: int = PIECE_ROWS, told: Callable[[int], object] = lambda _: None
) -> Iterator[Calls]:
    """The calls of a file, in its order. `told` hears after each piece about how many bytes are read."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise Refused(
            f"{path}: a Parquet file is read with the extra pyarrow, which is not installed; "
            "run 'pip install pyarrow' where the bridge is installed, or give the calls as CSV"
        ) from None

    with path.open("rb") as file:
        try:
            # page by page: a file may be one group of rows, and would be held whole
            table = pyarrow.parquet.ParquetFile(file, pre_buffer=False, buffer_size=BUFFER_BYTES)
            titles = table.schema_arrow.names
            places = places_of([title.strip().lower() for title in titles], path.name)
            names = {name: titles[place] for name, place in places.items()}
            for name, place in places.items():
                _check(path, name, table.schema_arrow.field(place).type)
            row, rows = 1, max(1, table.metadata.num_rows)
            for piece in table.iter_batches(piece_rows, columns=[*names.values()]):
                yield _calls_of({name: piece.column(title) for name, title in names.items()}, path, row)
                row += len(piece)
                told(path.stat().st_size * (row - 1) // rows)
        except (pyarrow.ArrowException, OSError) as error:
            reason = next(iter(str(error).splitlines()), "")[:REASON_MAX]
            raise UnreadableCalls(f"{path.name}: not a Parquet file that can be read: {reason}") from None


def _check(path: Path, name: str, kind: pyarrow.DataType) -> None:
    """Only what has one meaning as text. A time without a zone may be any of a day's instants."""
    import pyarrow.types as kinds

    if kinds.is_dictionary(kind):
        kind = kind.value_type
    wanted = "text"
    good = kinds.is_string(kind) or kinds.is_large_string(kind) or kinds.is_null(kind)
    if name in ("start", "answer"):
        wanted = "text or times in UTC"
        good = good or (kinds.is_timestamp(kind) and kind.tz is not None)
    elif name == "seconds":
        wanted = "numbers"
        good = good or kinds.is_integer(kind) or kinds.is_floating(kind) or kinds.is_decimal(kind)
    elif name != "direction":
        wanted = "text or whole numbers"
        good = good or kinds.is_integer(kind)
    if not good:
        raise UnreadableCalls(f"{path.name}: the column {name} holds {kind}, and should hold {wanted}")


def _calls_of(columns: dict[str, pyarrow.Array], path: Path, first_row: int) -> Calls:
    faults: dict[int, str] = {}
    cells = {name: _texts(column) for name, column in columns.items()}
    for name, texts in cells.items():
        if int(texts.lengths.max(initial=0)) > LINE_BYTES_MAX:
            raise UnreadableCalls(f"{path.name}: a cell of the column {name} is longer than {LINE_BYTES_MAX} bytes")
        content = texts.buffer[: -len(MARGIN)]
        if not content.isascii() or any(mark in content for mark in _BREAKS):
            found = ((place, _fault_of(texts.raw(place))) for place in range(len(texts)))
            faults |= {place: fault for place, fault in found if fault and place not in faults}
        if name == "id" and (faults or any(mark in content for mark in b',"')):
            cells["id"] = Texts.of([_as_written(texts.raw(place)) for place in range(len(texts))])
    calls = calls_of(cells, faults)
    return replace(calls, lines={place: first_row + place for place in calls.faults}) if calls.faults else calls


def _texts(column: pyarrow.Array) -> Texts:
    """The cells as they lie behind each other; where there is none, an empty one."""
    import pyarrow
    import pyarrow.compute

    kind = column.type
    if pyarrow.types.is_dictionary(kind):
        column, kind = column.dictionary_decode(), kind.value_type
    if pyarrow.types.is_timestamp(kind):
        column = column.cast(pyarrow.timestamp("us", "UTC"), safe=kind.unit != "ns")
    column = pyarrow.compute.fill_null(column.cast(pyarrow.large_string()), "")
    _, offsets, content = column.buffers()
    bounds = (
        np.frombuffer(offsets, np.int64, len(column) + 1, 8 * column.offset) if len(column) else np.zeros(1, np.int64)
    )
    filled = memoryview(content)[bounds[0] : bounds[-1]] if content is not None else b""
    return Texts(bytes(filled) + MARGIN, bounds[:-1] - bounds[0], np.diff(bounds))


def _fault_of(cell: bytes) -> str:
    """What a line of text cannot hold."""
    if b"\0" in cell:
        return "a zero byte in it"
    if b"\n" in cell or b"\r" in cell:
        return "a line break in it"
    try:
        cell.decode()
    except UnicodeDecodeError:
        return "not UTF-8 text"
    return ""


def _as_written(cell: bytes) -> bytes:
    """An id as the file of charges has it."""
    return csv_cell(" ".join(cell.decode(errors="replace").replace("\0", "").splitlines()).encode())
