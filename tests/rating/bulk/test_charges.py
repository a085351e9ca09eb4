"""Lines of charges by the column, against writing them one by one."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bridge.rating.bulk.charges import CLASSES, ID_BYTES_MAX, Charges, Pool, lines_of
from bridge.rating.bulk.texts import Texts
from bridge.rating.call import CallClass
from bridge.rating.decks.intervals import Numbers
from bridge.rating.price import micro_text

Row = tuple[str, CallClass, str, str, int, int, int | None, str]

whole = st.integers(0, 20_000) | st.integers(0, 10**14 - 1)
amounts = st.integers(-(10**7), 10**7) | st.integers(-(10**18), 10**18)
rows = st.lists(
    st.tuples(
        st.text("abc-019", min_size=1, max_size=ID_BYTES_MAX) | st.text("x", min_size=1, max_size=2 * ID_BYTES_MAX),
        st.sampled_from(CallClass),
        st.text("0123456789", max_size=15),
        st.sampled_from([",,,", ",tariff,44,0.0125", ",special,^13[0-9]{4}$,", ",package,,0.029"]),
        whole,
        whole,
        st.none() | amounts,
        st.sampled_from([",", ",not allowed", ",\"direction 'a,b' is none\""]),
    )
)


def written(rows: list[Row], decimals: int) -> bytes:
    unit = 10 ** (6 - decimals)
    rates, notes = Pool(), Pool()
    micro = [0 if row[6] is None else row[6] // unit * unit for row in rows]
    charges = Charges(
        ids=Texts.of([row[0].encode() for row in rows]),
        classes=np.array([CLASSES.index(row[1]) for row in rows], np.int8),
        numbers=Numbers.of([row[2] for row in rows]),
        rates=np.array([rates.place(row[3].encode()) for row in rows], np.int32),
        billed=np.array([row[4] for row in rows], np.int64),
        free=np.array([row[5] for row in rows], np.int64),
        micro=np.array(micro, np.int64),
        is_priced=np.array([row[6] is not None for row in rows], np.bool_),
        notes=np.array([notes.place(row[7].encode()) for row in rows], np.int32),
    )
    return lines_of(charges, rates, notes, decimals=decimals)


def one_by_one(rows: list[Row], decimals: int) -> bytes:
    unit = 10 ** (6 - decimals)
    lines = [
        f"{name},{cls},{number}{rate},{billed},{free},"
        f"{'' if micro is None else micro_text(micro // unit * unit, decimals)}{note}\n"
        for name, cls, number, rate, billed, free, micro, note in rows
    ]
    return "".join(lines).encode()


@given(rows, st.integers(0, 6))
def test_columns_make_the_lines_that_rows_make(rows: list[Row], decimals: int) -> None:
    assert written(rows, decimals) == one_by_one(rows, decimals)


def test_no_row_makes_no_line() -> None:
    assert written([], 6) == b""


def test_a_pool_gives_a_text_one_place() -> None:
    pool = Pool()

    assert [pool.place(b"a"), pool.place(b"bb"), pool.place(b"a")] == [0, 1, 0]
    assert pool.words(np.array([1, 0], np.int32)).view(np.uint8)[:, :2].tolist() == [[98, 98], [97, 0]]
