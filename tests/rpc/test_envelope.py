"""R-51 to R-54, T-4: what is read, and what is refused before anything acts on it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.rpc.envelope import BATCH_MAX, Entry, Envelope, Unreadable, read


def call(**members: object) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "method": "m", "id": 1} | members).encode()


def test_what_is_not_strict_json_is_a_parse_error_r_52() -> None:
    with pytest.raises(Unreadable) as refused:
        read(b'{"jsonrpc":"2.0","method":"m","id":1,"id":2}')

    assert refused.value.kind == "parse_error"
    assert refused.value.__cause__ is None, "the cause would quote the body"


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
