"""R-51, R-52, T-4: what is read of a body, and what never becomes a document."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import strict_json


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\xef\xbb\xbf{}", id="BOM"),
        pytest.param(b'{"a":"\xff"}', id="not UTF-8"),
        pytest.param(b'{"a":"\xed\xa0\x80"}', id="a surrogate in UTF-8"),
        pytest.param('{"a":1}'.encode("utf-16"), id="UTF-16"),
        pytest.param(b'{"a":NaN}', id="NaN"),
        pytest.param(b'{"a":Infinity}', id="Infinity"),
        pytest.param(b'{"a":-Infinity}', id="-Infinity"),
        pytest.param(b'{"a":1e400}', id="a number beyond every float"),
        pytest.param(b'{"a":1e99999999999999999999}', id="an exponent beyond every number"),
        pytest.param(b'{"a":0.' + b"1" * 100 + b"}", id="a fraction too long"),
        pytest.param(b'{"a":' + b"9" * 41 + b"}", id="a whole number too long"),
        pytest.param(b'{"a":' + b"9" * 5000 + b"}", id="a whole number beyond the interpreter"),
        pytest.param(b'{"a":1,"a":2}', id="a key twice"),
        pytest.param(b'{"x":[{"a":1,"\\u0061":2}]}', id="a key twice inside, once escaped"),
        pytest.param(b"{} {}", id="text after it"),
        pytest.param(b"{},", id="a comma after it"),
        pytest.param(b'{"a":1', id="cut off"),
        pytest.param(b'{"a":tru', id="cut off in a word"),
        pytest.param(b"{'a':1}", id="single quotes"),
        pytest.param(b'{"a":01}', id="a leading zero"),
        pytest.param(b'{"a":"\n"}', id="a bare line break in text"),
        pytest.param(b'{"a":"\\ud800"}', id="half of a surrogate pair"),
        pytest.param(b'{"\\uDC00":1}', id="half of a surrogate pair as a key"),
        pytest.param(b"[" * 65 + b"]" * 65, id="nested 65 deep"),
        pytest.param(b'{"a":' * 64 + b"[]" + b"}" * 64, id="nested 65 deep in objects"),
        pytest.param(b"[" * 500_000, id="half a million brackets"),
        pytest.param(b'{"a":' * 150_000, id="nested without end"),
        pytest.param(b"\x0b{}", id="white space that is not JSON's"),
    ],
)
def test_what_is_not_strict_json_is_not_read_r_52(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"^not strict JSON$") as refused:
        strict_json.read(body)

    assert refused.value.__cause__ is None, "the cause would quote the body"


def test_nesting_of_64_is_read_r_51() -> None:
    assert strict_json.read(b"[" * 64 + b"]" * 64)


def test_many_brackets_side_by_side_are_not_nesting() -> None:
    assert strict_json.read(b"[" + b"[]," * 1000 + b"[]]")


def test_decimals_stay_exact_r_52() -> None:
    document = strict_json.read(b'{"a":0.1,"b":1234567890123456789.000000000000000001,"c":1e2}')

    assert document == {"a": Decimal("0.1"), "b": Decimal("1234567890123456789.000000000000000001"), "c": Decimal(100)}
    assert all(isinstance(each, Decimal) for each in document.values())


def test_a_surrogate_pair_is_one_character() -> None:
    assert strict_json.read(b'{"a":"\\ud83d\\udcde"}') == {"a": "\N{TELEPHONE RECEIVER}"}


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@given(_json)
def test_what_json_can_say_is_read_as_it_was_meant(document: object) -> None:
    assert strict_json.read(json.dumps(document).encode()) == document
    assert strict_json.read(json.dumps(document, ensure_ascii=False).encode()) == document
