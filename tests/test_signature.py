"""Section 9 of the reliability rules: the vector, and what is not a signature (T-1, R-65)."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import signature
from bridge.secret import Secret

SECRET = bytes(range(32))
BODY = b'{"jsonrpc":"2.0","id":"c7","method":"service.apply","params":{"service_id":42}}'
ANSWER = b'{"jsonrpc":"2.0","id":"c7","result":{"operation_id":"01J","state":"accepted"}}'
NONCE = "0123456789abcdef0123456789abcdef"
SIGNED = "d394e19c50e538314a454404693ac25f0f2df5d61024ee839ee1f6482b58b7df"
ANSWER_SIGNED = "8785f9c1b0a4f98a533970b78457fed7347011a12df54d7877b804bec414a03f"


def headers(**other: str) -> list[tuple[str, str]]:
    given = {
        "X-Bridge-Key": "whmcs-main",
        "X-Bridge-Timestamp": "1795190400",
        "X-Bridge-Nonce": NONCE,
        "X-Bridge-Signature": f"v1={SIGNED}",
    }
    return list((given | {name.replace("_", "-"): value for name, value in other.items()}).items())


def test_the_request_of_the_vector_is_signed_as_printed() -> None:
    made = signature.request_headers(
        SECRET,
        method="POST",
        path="/rpc/v1",
        audience="bridge-example",
        key_id="whmcs-main",
        timestamp=1795190400,
        nonce=NONCE,
        body=BODY,
    )

    assert sorted(made.items()) == sorted(headers())


def test_the_canonical_string_is_eight_lines_without_an_end() -> None:
    text = signature.request_text(
        method="POST",
        path="/rpc/v1",
        audience="bridge-example",
        key_id="whmcs-main",
        timestamp=1795190400,
        nonce=NONCE,
        body=BODY,
    )

    assert text.decode().split("\n") == [
        "BRIDGE-HMAC-SHA256-1",
        "POST",
        "/rpc/v1",
        "bridge-example",
        "whmcs-main",
        "1795190400",
        NONCE,
        "8802003700a473fa63a12b3a3e94ffe79ac2bbececd84220f1eb6cddad7b4044",
    ]


def test_the_answer_of_the_vector_is_signed_as_printed() -> None:
    made = signature.response_headers(
        [SECRET], status=200, key_id="whmcs-main", timestamp=1795190401, nonce=NONCE, body=ANSWER
    )

    assert made == {"X-Bridge-Timestamp": "1795190401", "X-Bridge-Signature": f"v1={ANSWER_SIGNED}"}


def answer_holds(**other: object) -> bool:
    given: dict[str, object] = {"status": 200, "key_id": "whmcs-main", "nonce": NONCE, "body": ANSWER} | other
    told = {"x-bridge-timestamp": "1795190401", "x-bridge-signature": f"v1={ANSWER_SIGNED}"}
    return signature.is_answer_signed(SECRET, told, **given)  # type: ignore[arg-type]  # members of one call


def test_an_answer_belongs_to_its_request_r_63() -> None:
    assert answer_holds()
    assert not answer_holds(nonce="f" * 32)
    assert not answer_holds(status=201)
    assert not answer_holds(key_id="another")
    assert not answer_holds(body=ANSWER + b" ")


def test_an_answer_without_a_signature_is_none() -> None:
    for told in ({}, {"X-Bridge-Timestamp": "1795190401"}, {"X-Bridge-Signature": f"v1={ANSWER_SIGNED}"}):
        assert not signature.is_answer_signed(SECRET, told, status=200, key_id="k-1", nonce=NONCE, body=ANSWER)


def test_the_headers_of_the_vector_are_well_formed() -> None:
    assert signature.stamp_from(headers()) == signature.Stamp("whmcs-main", 1795190400, NONCE, (SIGNED,))


@pytest.mark.parametrize(
    "wrong",
    [
        {"X_Bridge_Key": "wh"},
        {"X_Bridge_Key": "WHMCS-main"},
        {"X_Bridge_Key": "whmcs_main"},
        {"X_Bridge_Key": "whmcs-main\n"},
        {"X_Bridge_Timestamp": "+1795190400"},
        {"X_Bridge_Timestamp": "-1"},
        {"X_Bridge_Timestamp": "01795190400"},
        {"X_Bridge_Timestamp": "1795190400.0"},
        {"X_Bridge_Timestamp": "١٧٩٥١٩٠٤٠٠"},
        {"X_Bridge_Timestamp": "9" * 400},
        {"X_Bridge_Nonce": NONCE.upper()},
        {"X_Bridge_Nonce": NONCE[:-1]},
        {"X_Bridge_Nonce": NONCE + "0"},
        {"X_Bridge_Signature": ""},
        {"X_Bridge_Signature": SIGNED},
        {"X_Bridge_Signature": f"v0={SIGNED}"},
        {"X_Bridge_Signature": f"v2={SIGNED}"},
        {"X_Bridge_Signature": f"v1={SIGNED.upper()}"},
        {"X_Bridge_Signature": f"v1={SIGNED[:-2]}"},
        {"X_Bridge_Signature": ",".join([f"v1={SIGNED}"] * 4)},
    ],
)
def test_a_header_that_is_not_well_formed_is_no_stamp_t_1(wrong: dict[str, str]) -> None:
    assert signature.stamp_from(headers(**wrong)) is None


@pytest.mark.parametrize("name", ["X-Bridge-Key", "X-Bridge-Timestamp", "X-Bridge-Nonce", "X-Bridge-Signature"])
def test_each_header_is_there_exactly_once_t_1(name: str) -> None:
    given = headers()
    once = [(each, value) for each, value in given if each != name]
    again = [(each.lower(), value) for each, value in given if each == name]

    assert signature.stamp_from(once) is None
    assert signature.stamp_from(given + again) is None


def test_entries_of_other_versions_are_ignored_beside_a_valid_one_r_65() -> None:
    stamp = signature.stamp_from(headers(X_Bridge_Signature=f"v0=abc, v1={SIGNED},v9={SIGNED}"))

    assert stamp is not None
    assert stamp.signatures == (SIGNED,)


@pytest.mark.parametrize("text", ["", "AAAA", "not base64!", base64.b64encode(bytes(31)).decode()])
def test_a_secret_is_32_bytes_in_base64(text: str) -> None:
    with pytest.raises(ValueError, match="32 bytes in base64"):
        signature.secret_bytes(Secret(text))


@given(st.binary(max_size=200), st.integers(0, 199), st.integers(1, 255))
def test_a_body_changed_in_one_byte_is_not_signed(body: bytes, place: int, change: int) -> None:
    def text(of: bytes) -> bytes:
        return signature.request_text(
            method="POST", path="/rpc/v1", audience="a", key_id="key-1", timestamp=1, nonce=NONCE, body=of
        )

    signed = [signature.sign(SECRET, text(body))]
    changed = bytearray(body or b"\0")
    changed[place % len(changed)] ^= change

    assert signature.is_signed([SECRET], text(body), signed)
    assert not signature.is_signed([SECRET], text(bytes(changed)), signed) or bytes(changed) == body
