"""How WHMCS writes things: WHMCS reference 5.2, the pitfalls one by one."""

from __future__ import annotations

import base64
import contextlib
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.whmcs import php


def test_the_documented_example_of_a_packed_array() -> None:
    """5.2: php_b64({1: "Yahoo"}) == base64 of a:1:{i:1;s:5:"Yahoo";}"""
    assert php.packed({1: "Yahoo"}) == base64.b64encode(b'a:1:{i:1;s:5:"Yahoo";}').decode()


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, b"N;"),
        (True, b"b:1;"),
        (-7, b"i:-7;"),
        ("Köln", 's:5:"Köln";'.encode()),
        ("", b's:0:"";'),
        (["a", "b"], b'a:2:{i:0;s:1:"a";i:1;s:1:"b";}'),
        ({"5": {"qty": 2}}, b'a:1:{i:5;a:1:{s:3:"qty";i:2;}}'),
        ({"05": "x"}, b'a:1:{s:2:"05";s:1:"x";}'),
    ],
)
def test_serialised_strings_count_bytes_and_numeric_keys_are_numbers(value: Any, written: bytes) -> None:
    """5.2: Serialised strings count bytes."""
    assert php.serialize(value) == written


def test_what_php_has_no_type_for_is_not_guessed() -> None:
    with pytest.raises(TypeError):
        php.serialize(1.5)  # type: ignore[arg-type]  # a float is what the types forbid, and what is tried here


scalars = st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.text(max_size=20)
keys = st.integers(0, 10**6) | st.text(min_size=1, max_size=8).filter(lambda text: not text.lstrip("-").isdigit())
values = st.recursive(scalars, lambda inner: st.dictionaries(keys, inner, max_size=4), max_leaves=12)


@given(values)
def test_what_is_packed_is_unpacked_the_same(value: Any) -> None:
    assert php.unpacked(php.packed(value)) == value


@given(st.binary(max_size=60))
def test_garbage_is_unreadable_and_nothing_worse(raw: bytes) -> None:
    """T-15."""
    with contextlib.suppress(php.Unreadable):
        php.unpacked(base64.b64encode(raw).decode())


@pytest.mark.parametrize(
    "raw", [b'O:8:"stdClass":0:{}', b's:9:"short";', b"a:1:{i:0;", b"i:1;i:2;", b"", b"b:x;", b"d:nan;" * 40]
)
def test_objects_and_broken_values_are_never_read(raw: bytes) -> None:
    """T-15."""
    with pytest.raises(php.Unreadable):
        php.unpacked(base64.b64encode(raw).decode())


def test_array_parameters_use_php_bracket_syntax() -> None:
    """5.2: newitemdescription[0]=..., itemamount[13]=..., attributes[0][label]=...; send 1, omit false."""
    sent = php.form(
        {
            "newitemdescription": ["one", "two"],
            "itemamount": {13: "1.00"},
            "attributes": [{"label": "PBX", "value": "down"}],
            "admin": True,
            "markdown": False,
            "url": None,
        }
    )

    assert sent == [
        ("newitemdescription[0]", "one"),
        ("newitemdescription[1]", "two"),
        ("itemamount[13]", "1.00"),
        ("attributes[0][label]", "PBX"),
        ("attributes[0][value]", "down"),
        ("admin", "1"),
    ]
    assert php.nested(sent)["attributes"] == {"0": {"label": "PBX", "value": "down"}}


@pytest.mark.parametrize(
    ("stored", "typed"),
    [
        ("Smith &amp; Sons", "Smith & Sons"),
        ("&quot;Tom&#039;s&#39; &lt;b&gt;", "\"Tom's' <b>"),
        ("&eacute;&#233;&#xE9;", "ééé"),
        ("&amp;amp;", "&amp;"),
        ("&apos; &nosuch; &amp", "&apos; &nosuch; &amp"),
        ("&#0;&#55296;", "&#0;&#55296;"),
        (None, ""),
    ],
)
def test_texts_may_hold_html_entities_and_are_decoded_once(stored: str | None, typed: str) -> None:
    """5.2: texts may hold HTML entities."""
    assert php.decoded(stored) == typed


@given(st.text())
def test_what_whmcs_encodes_is_decoded_again(text: str) -> None:
    assert php.decoded(php.encoded(text)) == text


@pytest.mark.parametrize(
    ("written", "amount"),
    [("10.00", "10"), (10, "10"), (0.1, "0.1"), ("-3.50", "-3.5"), ("1,234.50", "1234.5"), (Decimal("2.5"), "2.5")],
)
def test_money_is_read_from_text_or_number(written: Any, amount: str) -> None:
    """5.2: numbers come as strings or numbers: parse money with Decimal(str(v))."""
    assert php.money(written) == Decimal(amount)


@pytest.mark.parametrize("written", [None, "", True, "ten", "NaN", "Infinity", []])
def test_an_amount_that_is_none_is_never_zero(written: Any) -> None:
    with pytest.raises(php.Unreadable):
        php.money(written)


@pytest.mark.parametrize(("written", "number"), [("1", 1), (1, 1), ("", 0), (None, 0), (" 12 ", 12), (Decimal(3), 3)])
def test_ids_are_read_from_text_or_number(written: Any, number: int) -> None:
    """5.2: ids with int()."""
    assert php.number(written) == number


@pytest.mark.parametrize("written", ["1.5", "x", 1.5, [], "١"])
def test_an_id_that_is_none_is_refused(written: Any) -> None:
    with pytest.raises(php.Unreadable):
        php.number(written)


@pytest.mark.parametrize("written", ["0000-00-00", "0000-00-00 00:00:00", "", None])
def test_empty_dates_are_nothing(written: Any) -> None:
    """5.2: empty dates are 0000-00-00 or 0000-00-00 00:00:00."""
    assert php.day(written) is None


def test_dates_are_read_however_a_driver_hands_them_over() -> None:
    for written in ("2026-02-01", "2026-02-01 10:11:12", date(2026, 2, 1), datetime(2026, 2, 1, 10, 11)):  # noqa: DTZ001 - a driver's own value has no zone
        assert php.day(written) == date(2026, 2, 1)
    with pytest.raises(php.Unreadable):
        php.day("01/02/2026")


@pytest.mark.parametrize("written", ["true", "on", "1", 1, True, "Yes"])
def test_switches_that_are_on(written: Any) -> None:
    """5.2: bool results may be the strings "true"/"false"."""
    assert php.truth(written)


@pytest.mark.parametrize("written", ["false", "", "0", 0, None, False, "off"])
def test_switches_that_are_off(written: Any) -> None:
    assert not php.truth(written)


ROW = {"id": 1, "amount": "2.00"}


@pytest.mark.parametrize(
    ("answer", "rows"),
    [
        pytest.param({"credits": {"credit": [ROW, ROW]}}, [ROW, ROW], id="nested under the singular"),
        pytest.param({"credits": {"credit": ROW}}, [ROW], id="one row bare"),
        pytest.param({"credits": [ROW]}, [ROW], id="no inner level"),
        pytest.param({"credits": {"credit": {"0": ROW, "1": ROW}}}, [ROW, ROW], id="an array with numbers as keys"),
        pytest.param({"credits": ""}, [], id="an empty string"),
        pytest.param({"credits": {"credit": ""}}, [], id="an empty string inside"),
        pytest.param({"credits": []}, [], id="an empty list"),
        pytest.param({}, [], id="missing"),
        pytest.param({"credits[credit][0][id]": 1, "credits[credit][0][amount]": "2.00"}, [ROW], id="flattened"),
    ],
)
def test_a_collection_however_it_is_printed(answer: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    """5.2: nested under the singular, flattened in some samples, "" or missing when empty."""
    assert php.rows(answer, "credits", "credit") == rows


@pytest.mark.parametrize("found", ["text", 7, {"credit": ["text"]}, {"credit": 7}])
def test_a_collection_that_is_none_is_not_an_empty_one(found: Any) -> None:
    with pytest.raises(php.Unreadable):
        php.rows({"credits": found}, "credits", "credit")


def test_either_key_says_whether_it_succeeded() -> None:
    """5.2: AddBillableItem shows `status` instead of `result`, GetAdminUsers neither: accept either key."""
    assert php.succeeded({"result": "success"}) is True
    assert php.succeeded({"status": "success", "billableid": 1}) is True
    assert php.succeeded({"result": "error"}) is False
    assert php.succeeded({"count": 1}) is None
    assert php.succeeded({"result": "success", "status": "Unpaid"}) is True


def test_the_part_before_the_bar_is_the_name() -> None:
    """1.6: names may be written internal|Shown to client."""
    assert php.before_bar("plan|Your plan") == "plan"
    assert php.before_bar("plan") == "plan"
