"""R-51 to R-54, T-4: what is read, and what is refused before anything acts on it."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.rpc.envelope import BATCH_MAX, Entry, Envelope, Unreadable, read, read_json


def call(**members: object) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "method": "m", "id": 1} | members).encode()


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
def test_what_is_not_strict_json_is_a_parse_error_r_52(body: bytes) -> None:
    with pytest.raises(Unreadable) as refused:
        read_json(body)

    assert refused.value.kind == "parse_error"
    assert refused.value.__cause__ is None, "the cause would quote the body"


def test_nesting_of_64_is_read_r_51() -> None:
    assert read_json(b"[" * 64 + b"]" * 64)


def test_many_brackets_side_by_side_are_not_nesting() -> None:
    assert read_json(b"[" + b"[]," * 1000 + b"[]]")


def test_decimals_stay_exact_r_52() -> None:
    document = read_json(b'{"a":0.1,"b":1234567890123456789.000000000000000001,"c":1e2}')

    assert document == {"a": Decimal("0.1"), "b": Decimal("1234567890123456789.000000000000000001"), "c": Decimal(100)}
    assert all(isinstance(each, Decimal) for each in document.values())


def test_a_surrogate_pair_is_one_character() -> None:
    assert read_json(b'{"a":"\\ud83d\\udcde"}') == {"a": "\N{TELEPHONE RECEIVER}"}


@pytest.mark.parametrize("id_", ["", "c7", "x" * 128, 0, -1, 2**53 + 1, None])
def test_an_id_is_text_a_whole_number_or_null_r_52(id_: object) -> None:
    assert read(call(id=id_)).entries == (Entry("m", {}, id_),)  # type: ignore[arg-type]  # the parameters are ids


@pytest.mark.parametrize("id_", ["x" * 129, 1.5, 1.0, True, [], {}])
def test_any_other_id_is_refused_r_52(id_: object) -> None:
    assert read(call(id=id_)).entries == (None,)


@pytest.mark.parametrize(
    "members",
    [
        {"jsonrpc": "1.0"},
        {"jsonrpc": 2.0},
        {"method": ""},
        {"method": 7},
        {"method": None},
        {"method": "m" * 129},
        {"params": None},
        {"params": "text"},
        {"params": 7},
        {"extra": 1},
    ],
)
def test_an_envelope_of_another_shape_is_no_request_r_53(members: dict[str, object]) -> None:
    assert read(call(**members)).entries == (None,)


def test_a_request_without_an_id_is_a_notification_and_one_with_null_is_not() -> None:
    silent, null = read(b'[{"jsonrpc":"2.0","method":"m"},{"jsonrpc":"2.0","method":"m","id":null}]').entries

    assert silent is not None
    assert null is not None
    assert (silent.is_notification, null.is_notification) == (True, False)


def test_one_bad_entry_does_not_touch_its_neighbours_r_53() -> None:
    envelope = read(b"[" + call(id=1) + b",7," + call(id=2) + b"]")

    assert envelope == Envelope((Entry("m", {}, 1), None, Entry("m", {}, 2)), is_batch=True)


@pytest.mark.parametrize("count", [0, BATCH_MAX + 1])
def test_an_empty_batch_and_one_too_long_are_one_invalid_request_r_53(count: int) -> None:
    with pytest.raises(Unreadable) as refused:
        read(b"[" + b",".join([call()] * count) + b"]")

    assert refused.value.kind == "invalid_request"


def test_a_batch_may_have_fifty_entries_r_51() -> None:
    assert len(read(b"[" + b",".join([call()] * 50) + b"]").entries) == 50


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        envelope = read(body)
    except Unreadable:
        return

    assert envelope.entries


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@given(_json)
def test_what_json_can_say_is_read_as_it_was_meant(document: object) -> None:
    assert read_json(json.dumps(document).encode()) == document
    assert read_json(json.dumps(document, ensure_ascii=False).encode()) == document
