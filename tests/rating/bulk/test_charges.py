"""Lines of charges by the column, against writing them one by one."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bridge.rating.amount import exact_text
from bridge.rating.bulk.charges import CLASSES, Charges, lines_of
from bridge.rating.bulk.price_texts import PriceTexts
from bridge.rating.bulk.texts import Texts
from bridge.rating.bulk.written import LONG, Pool, exact_words, joined
from bridge.rating.call import CallClass
from bridge.rating.decks.intervals import Numbers
from bridge.rating.price import micro_text

Row = tuple[str, CallClass, str, int, int, int, int | None, str]

PRICES = (
    (b",tariff,44", b",0.0125"),
    (b",,", b","),
    (b",special,^13[0-9]{4}$|^1800[0-9]{6}", b","),
    (b",package,", b",123456.0123456789012345"),
)

whole = st.integers(0, 20_000) | st.integers(0, 10**14 - 1)
amounts = st.integers(-(10**7), 10**7) | st.integers(-(10**18), 10**18)
rows = st.lists(
    st.tuples(
        st.text("abc-019", min_size=1, max_size=LONG) | st.text("x", min_size=1, max_size=2 * LONG),
        st.sampled_from(CallClass),
        st.text("0123456789", max_size=15),
        st.integers(0, len(PRICES) - 1),
        whole,
        whole,
        st.none() | amounts,
        st.sampled_from([",", ",not allowed", ",\"direction 'a,b' is none\""]),
    )
)


def written(rows: list[Row], decimals: int) -> bytes:
    unit = 10 ** (6 - decimals)
    prices, notes = PriceTexts(), Pool()
    prices.make_room(len(PRICES) + 1)
    for place, (front, price) in enumerate(PRICES):
        prices.put(place, front, price)
    prices.put_overage(b",0.5")
    micro = [0 if row[6] is None else row[6] // unit * unit for row in rows]
    charges = Charges(
        ids=Texts.of([row[0].encode() for row in rows]),
        classes=np.array([CLASSES.index(row[1]) for row in rows], np.int8),
        numbers=Numbers.of([row[2] for row in rows]),
        prices=np.array([row[3] for row in rows], np.int32),
        is_overage=np.array([row[3] == 0 and row[4] % 2 == 1 for row in rows], np.bool_),
        billed=np.array([row[4] for row in rows], np.int64),
        free=np.array([row[5] for row in rows], np.int64),
        micro=np.array(micro, np.int64),
        has_amount=np.array([row[6] is not None for row in rows], np.bool_),
        notes=np.array([notes.place(row[7].encode()) for row in rows], np.int32),
    )
    return lines_of(charges, prices, notes, decimals=decimals)


def one_by_one(rows: list[Row], decimals: int) -> bytes:
    unit = 10 ** (6 - decimals)
    lines = [
        f"{name},{cls},{number}{PRICES[price][0].decode()}"
        f"{',0.5' if price == 0 and billed % 2 else PRICES[price][1].decode()},{billed},{free},"
        f"{'' if micro is None else micro_text(micro // unit * unit, decimals)}{note}\n"
        for name, cls, number, price, billed, free, micro, note in rows
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


@given(
    st.lists(st.integers(0, 10**10) | st.integers(0, 2**62)), st.sampled_from([0, 10**6, 1_250_000, 1_333_333, 10**8])
)
def test_exact_prices_are_written_as_decimals(prices: list[int], factor: int) -> None:
    words = np.column_stack(exact_words(np.array(prices, np.int64), factor))

    written = [row.tobytes().replace(b"\0", b"").decode() for row in words]
    assert written == [f",{exact_text(price * factor)}" for price in prices]


@given(st.lists(st.text("ab", max_size=20) | st.text("x", min_size=LONG, max_size=LONG + 9)))
def test_texts_join_to_one(texts: list[str]) -> None:
    assert joined(Texts.of([text.encode() for text in texts])) == "".join(texts).encode()
