"""Section 9 of the reliability rules, on both databases: R-61 to R-65, T-1, T-2, T-3, T-6, T-29."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, text

from bridge import keys, signature, web
from bridge.app import Bridge
from bridge.gate import Denied, Gate, Letter
from bridge.limits import Buckets, Failures, Rate, neighbourhood
from bridge.rpc.method import Caller
from bridge.secret import Secret
from bridge.settings import Settings
from bridge.store import nonces
from bridge.vault import Vault
from tests.rpc.room import START, Clock, Knocker, a_knocker, error_of, nonces_kept

BODY = b'{"jsonrpc":"2.0","id":1,"method":"service.echo","params":{"service_id":1}}'


@pytest.fixture
def here(sqlite_engine: Engine, settings: Settings) -> Bridge:
    return Bridge(settings=settings, engine=sqlite_engine, vault=Vault(bytes(32)), random=os.urandom)


@pytest.fixture
def knocker(here: Bridge) -> Knocker:
    return a_knocker(here)


def plain(answer: httpx.Response) -> dict[str, Any]:
    """An error without what is new every time."""
    error = error_of(answer)
    return error | {"data": {name: error["data"][name] for name in ("kind", "retryable")}}


UNAUTHENTICATED = {
    "code": -32010,
    "message": "Unauthenticated",
    "data": {"kind": "unauthenticated", "retryable": False},
}


def without(name: str) -> Any:
    return lambda headers: [(each, value) for each, value in headers.items() if each != name]


def twice(name: str) -> Any:
    return lambda headers: [*headers.items(), (name, headers[name])]


def instead(name: str, value: str) -> Any:
    return lambda headers: [*(headers | {name: value}).items()]


SPOILED = {
    "no key": without(signature.KEY),
    "no timestamp": without(signature.TIMESTAMP),
    "no nonce": without(signature.NONCE),
    "no signature": without(signature.SIGNATURE),
    "key twice": twice(signature.KEY),
    "timestamp twice": twice(signature.TIMESTAMP),
    "nonce twice": twice(signature.NONCE),
    "signature twice": twice(signature.SIGNATURE),
    "an unknown key": instead(signature.KEY, "nobody"),
    "another nonce": instead(signature.NONCE, "f" * 32),
    "another timestamp": instead(signature.TIMESTAMP, str(int(START.timestamp()) + 1)),
    "a forged signature": instead(signature.SIGNATURE, "v1=" + "0" * 64),
    "an empty signature": instead(signature.SIGNATURE, ""),
    "an older version": instead(signature.SIGNATURE, "v0=" + "0" * 64),
    "four signatures": instead(signature.SIGNATURE, ",".join(["v1=" + "0" * 64] * 4)),
}


@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED.keys())
def test_a_forged_stripped_downgraded_or_doubled_signature_is_refused_in_one_text_t_1(
    knocker: Knocker, spoil: Any
) -> None:
    answer = knocker.post(BODY, spoil(knocker.stamp(BODY)))

    assert answer.status_code == 401
    assert plain(answer) == UNAUTHENTICATED
    assert answer.json()["id"] is None
    assert signature.SIGNATURE not in answer.headers
    assert knocker.room.done == []
    assert nonces_kept(knocker.bridge) == 0, "R-61: nothing is written before the HMAC has passed"


@pytest.mark.parametrize(
    "wrong",
    [
        {"audience": "staging"},
        {"path": "/webhooks/whmcs"},
        {"method": "GET"},
        {"body": BODY + b" "},
        {"secret": bytes(32)},
    ],
    ids=["another audience", "another path", "another method", "another body", "another secret"],
)
def test_a_signature_of_something_else_does_not_hold_t_1(knocker: Knocker, wrong: dict[str, Any]) -> None:
    answer = knocker.post(BODY, knocker.stamp(BODY, **({"path": web.RPC_PATH} | wrong)))

    assert plain(answer) == UNAUTHENTICATED
    assert knocker.room.done == []


def test_an_unknown_key_is_compared_as_long_as_a_known_one_t_3(
    here: Bridge, knocker: Knocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same comparisons are made, whether the key is known, unknown, or the headers are not even well-formed."""
    compared: list[tuple[int, int, int]] = []
    original = signature.is_signed

    def counting(secrets: Any, text_: bytes, signatures: Any) -> bool:
        given = (list(secrets), list(signatures))
        compared.append((len(given[0]), len(given[1]), len(given[0][0])))
        return original(given[0], text_, given[1])

    monkeypatch.setattr(signature, "is_signed", counting)
    headers = knocker.stamp(BODY)
    ways = []
    for spoil in (SPOILED["a forged signature"], SPOILED["an unknown key"], SPOILED["no nonce"]):
        knocker.post(BODY, spoil(headers))
        ways.append(list(compared))
        compared.clear()

    assert ways[0] == ways[1] == ways[2] == [(1, 1, 32), (1, 1, 32)]


def test_the_vector_opens_the_gate(here: Bridge) -> None:
    """The request printed in section 9, at its own time, against the real checks."""
    bridge = replace(here, settings=replace(here.settings, instance="bridge-example"))
    secret = Secret("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
    keys.add(bridge, "whmcs-main", secret=secret)
    clock = Clock(at=START - timedelta(seconds=int(START.timestamp()) - 1795190401))
    gate = Gate(bridge, clock=clock, ticks=clock.ticks)
    letter = Letter(
        "POST",
        "/rpc/v1",
        "203.0.113.7",
        (
            ("x-bridge-key", "whmcs-main"),
            ("x-bridge-timestamp", "1795190400"),
            ("x-bridge-nonce", "0123456789abcdef0123456789abcdef"),
            ("x-bridge-signature", "v1=d394e19c50e538314a454404693ac25f0f2df5d61024ee839ee1f6482b58b7df"),
        ),
        b'{"jsonrpc":"2.0","id":"c7","method":"service.apply","params":{"service_id":42}}',
    )

    guest = gate.recognise(letter)
    gate.admit(guest)

    assert guest.caller == Caller("whmcs-main", ())
    assert gate.sign(
        guest, status=200, body=b'{"jsonrpc":"2.0","id":"c7","result":{"operation_id":"01J","state":"accepted"}}'
    ) == {
        "X-Bridge-Timestamp": "1795190401",
        "X-Bridge-Signature": "v1=8785f9c1b0a4f98a533970b78457fed7347011a12df54d7877b804bec414a03f",
    }


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_a_timestamp_within_300_seconds_is_taken(knocker: Knocker, seconds: int) -> None:
    headers = knocker.stamp(BODY, timestamp=int(knocker.clock().timestamp()) + seconds)

    assert knocker.post(BODY, headers).status_code == 200


@pytest.mark.parametrize("seconds", [-301, 301, 86400])
def test_clock_skew_is_told_with_the_servers_time_and_signed(knocker: Knocker, seconds: int) -> None:
    headers = knocker.stamp(BODY, timestamp=int(knocker.clock().timestamp()) + seconds)

    answer = knocker.post(BODY, headers)

    assert (answer.status_code, error_of(answer)["code"]) == (401, -32011)
    assert error_of(answer)["data"]["meta"]["server_time"] == "2026-11-20T12:00:00.000Z"
    assert knocker.is_signed(answer, headers)
    assert nonces_kept(knocker.bridge) == 0


def test_clock_skew_is_told_only_after_the_hmac_has_passed(knocker: Knocker) -> None:
    headers = knocker.stamp(BODY, timestamp=1, secret=bytes(32))

    assert plain(knocker.post(BODY, headers)) == UNAUTHENTICATED


def test_a_replay_is_refused_also_by_a_second_bridge_over_the_same_database_t_2(bridge: Bridge) -> None:
    first = a_knocker(bridge)
    second = replace(first, app=web.app(bridge, first.room.methods(), clock=first.clock, ticks=first.clock.ticks))
    headers = first.stamp(BODY)

    answers = [knocker.post(BODY, headers) for knocker in (first, second, first)]

    assert [each.status_code for each in answers] == [200, 401, 401]
    assert [error_of(each)["code"] for each in answers[1:]] == [-32012, -32012]
    assert len(first.room.done) == 1


def test_many_at_once_with_one_nonce_and_one_gets_in_t_2(bridge: Bridge) -> None:
    knocker = a_knocker(bridge)
    headers = knocker.stamp(BODY)

    async def all_at_once() -> list[int]:
        async with knocker.client() as client:
            asked = [client.post(web.RPC_PATH, content=BODY, headers=headers) for _ in range(12)]
            return [answer.status_code for answer in await asyncio.gather(*asked)]

    statuses = asyncio.run(all_at_once())

    assert sorted(statuses) == [200] + [401] * 11
    assert len(knocker.room.done) == 1


def test_a_nonce_is_kept_longer_than_its_timestamp_is_taken_and_then_swept_r_62(here: Bridge) -> None:
    knocker = a_knocker(here)
    knocker.post(BODY)
    with here.engine.begin() as tx:
        left = tx.execute(
            text("SELECT (julianday(expires_at) - julianday(utc_timestamp(6))) * 86400 FROM mod_ictvoipbilling_nonces")
        ).scalar_one()
    assert 2 * here.settings.signature_tolerance_seconds < left <= here.settings.nonce_seconds + 1

    door: web.Door = knocker.app.state.door
    door.gate.sweep()
    assert nonces_kept(here) == 1

    with here.engine.begin() as tx:
        tx.execute(text("UPDATE mod_ictvoipbilling_nonces SET expires_at = '2020-01-01 00:00:00.000000'"))
    door.gate.sweep()
    assert nonces_kept(here) == 0


def test_a_sweep_takes_many_nonces_in_small_transactions_r_28(bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nonces, "SWEEP_ROWS_MAX", 3)
    long_ago = START - timedelta(days=3000)
    with bridge.engine.begin() as tx:
        for number in range(10):
            expires_at = long_ago + timedelta(seconds=number)
            nonces.use(tx, key_id="whmcs-main", nonce=f"{number:032x}", expires_at=expires_at)

    with bridge.engine.begin() as tx:
        assert nonces.forget_expired(tx)
    assert nonces_kept(bridge) == 7

    Gate(bridge).sweep()
    assert nonces_kept(bridge) == 0


def test_while_a_key_is_rotated_both_secrets_open_and_the_answer_holds_under_either_r_64(here: Bridge) -> None:
    knocker = a_knocker(here)
    _, new = keys.rotate(here, knocker.key_id)
    new_bytes = signature.secret_bytes(new)

    for secret in (knocker.secret, new_bytes):
        headers = knocker.stamp(BODY, secret=secret)
        answer = knocker.post(BODY, headers)

        assert answer.status_code == 200
        assert knocker.is_signed(answer, headers, knocker.secret)
        assert knocker.is_signed(answer, headers, new_bytes)
        newest = answer.headers[signature.SIGNATURE].split(",")[0]
        only = signature.response_headers(
            [new_bytes],
            status=200,
            key_id=knocker.key_id,
            timestamp=int(answer.headers[signature.TIMESTAMP]),
            nonce=headers[signature.NONCE],
            body=answer.content,
        )
        assert newest == only[signature.SIGNATURE], "the newest signs first"


def test_a_request_may_carry_the_signatures_of_both_secrets_r_64(here: Bridge) -> None:
    knocker = a_knocker(here)
    headers = knocker.stamp(BODY)
    headers[signature.SIGNATURE] = f"v1={'0' * 64},{headers[signature.SIGNATURE]}"

    assert knocker.post(BODY, headers).status_code == 200


def test_the_old_secret_ends_after_seven_days_r_64(here: Bridge) -> None:
    knocker = a_knocker(here)
    keys.rotate(here, knocker.key_id)
    with here.engine.begin() as tx:
        left = tx.execute(
            text(
                "SELECT julianday(ends_at) - julianday(utc_timestamp(6)) FROM mod_ictvoipbilling_keys "
                "WHERE ends_at IS NOT NULL"
            )
        ).scalar_one()
        tx.execute(text("UPDATE mod_ictvoipbilling_keys SET ends_at = utc_timestamp(6) WHERE ends_at IS NOT NULL"))
    knocker.clock.advance(keys.RING_SECONDS)

    assert left == pytest.approx(7, abs=0.01)
    assert knocker.post(BODY).status_code == 401


def test_a_key_added_by_another_process_opens_at_once(here: Bridge, knocker: Knocker) -> None:
    assert knocker.post(BODY).status_code == 200
    _, secret = keys.add(here, "second")
    knocker.clock.advance(keys.SECOND_LOOK_SECONDS)
    other = replace(knocker, key_id="second", secret=signature.secret_bytes(secret))

    assert other.post(BODY).status_code == 200


def test_a_key_revoked_by_another_process_stops_within_five_seconds(here: Bridge, knocker: Knocker) -> None:
    assert knocker.post(BODY).status_code == 200
    keys.revoke(here, knocker.key_id)
    knocker.clock.advance(5)

    assert plain(knocker.post(BODY)) == UNAUTHENTICATED


def test_failures_are_logged_as_samples_without_what_was_sent_r_61(
    knocker: Knocker, caplog: pytest.LogCaptureFixture
) -> None:
    forged = instead(signature.KEY, "k" * 60)(knocker.stamp(BODY))
    door: web.Door = knocker.app.state.door
    for _ in range(20):
        knocker_letter = Letter("POST", web.RPC_PATH, "203.0.113.7", tuple(forged), BODY)
        with pytest.raises(Denied) as denied:
            door.gate.recognise(knocker_letter)
        door.gate.failed(knocker_letter, denied.value)

    (line,) = [record for record in caplog.records if record.message == "signature failures"]
    told = vars(line)["fields"]
    assert told == {"address": "203.0.113.7", "key_id": "k" * 16, "why": "signature", "count": 1}
    assert line.levelno == logging.WARNING


def test_one_line_stands_for_the_failures_since_the_last_r_61() -> None:
    clock = Clock()
    failures = Failures(clock.ticks)

    first = [failures.add("a").lines for _ in range(5)]
    clock.advance(10)
    later = failures.add("a").lines

    assert (first, later) == ([1, 0, 0, 0, 0], 5)


def test_a_failing_address_waits_longer_each_time_up_to_a_bound_t_29() -> None:
    clock = Clock()
    failures = Failures(clock.ticks, first_delay_seconds=0.05, delay_max_seconds=5)

    delays = [failures.add("203.0.113.9").delay_seconds for _ in range(12)]

    assert delays[:4] == [0.05, 0.1, 0.2, 0.4]
    assert delays == sorted(delays)
    assert delays[-1] == 5
    assert failures.add("198.51.100.1").delay_seconds == 0.05, "others are not concerned"
    clock.advance(61)
    assert failures.add("203.0.113.9").delay_seconds == 0.05, "and it is forgotten"


def test_valid_calls_are_never_delayed_by_failures_of_the_same_address_t_29(here: Bridge) -> None:
    """Behind a proxy everybody has one address: the held-back answers must not hold anybody else back."""
    knocker = a_knocker(here)
    door: web.Door = knocker.app.state.door
    forged = SPOILED["a forged signature"](knocker.stamp(BODY))
    for _ in range(20):
        door.gate.failed(Letter("POST", web.RPC_PATH, "203.0.113.7", tuple(forged), BODY), Denied("signature"))

    async def both() -> tuple[bool, int]:
        async with knocker.client() as client:
            held = asyncio.create_task(client.post(web.RPC_PATH, content=BODY, headers=forged))
            valid = await client.post(web.RPC_PATH, content=BODY, headers=knocker.stamp(BODY))
            was_held = not held.done()
            held.cancel()
            return was_held, valid.status_code

    assert asyncio.run(both()) == (True, 200)


def test_an_address_has_a_budget_before_anything_is_read_t_29(here: Bridge) -> None:
    knocker = a_knocker(here, limits=web.Limits(per_address=Rate(1, 2)))

    statuses = [knocker.post(b"nonsense", {"Content-Type": "text/plain"}).status_code for _ in range(4)]
    elsewhere = knocker.post(BODY, address="198.51.100.1").status_code
    knocker.clock.advance(1)

    assert statuses == [415, 415, 429, 429]
    assert elsewhere == 200
    assert knocker.post(BODY).status_code == 200


@pytest.mark.parametrize(
    ("one", "other", "is_shared"),
    [
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("fe80::1%eth0", "fe80::2", True),
        ("203.0.113.7", "203.0.113.8", False),
    ],
)
def test_a_guest_with_many_addresses_of_ipv6_has_one_budget_t_29(one: str, other: str, is_shared: bool) -> None:
    assert (neighbourhood(one) == neighbourhood(other)) is is_shared


@pytest.mark.parametrize("address", ["unknown", "not:an:address", ""])
def test_an_address_that_is_none_has_a_budget_all_the_same(address: str) -> None:
    assert neighbourhood(address) == address


def test_rate_limited_says_when_to_come_again(here: Bridge) -> None:
    knocker = a_knocker(here, limits=web.Limits(per_key=Rate(1, 1)))
    knocker.post(BODY)
    headers = knocker.stamp(BODY)

    answer = knocker.post(BODY, headers)

    assert (answer.status_code, error_of(answer)["code"], answer.headers["Retry-After"]) == (429, -32014, "1")
    assert error_of(answer)["data"]["retry_after"] == 1
    assert knocker.is_signed(answer, headers)


def test_every_entry_of_a_batch_costs_the_key_one_t_6(here: Bridge) -> None:
    knocker = a_knocker(here, limits=web.Limits(per_key=Rate(1, 10)))
    batch = json.dumps([json.loads(BODY)] * 6).encode()

    answers = [knocker.post(batch) for _ in range(2)]

    assert [each.status_code for each in answers] == [200, 429]
    assert len(knocker.room.done) == 6, "a batch beyond the budget does not run in part"
    assert knocker.post(json.dumps([json.loads(BODY)] * 4).encode()).status_code == 200


def test_production_lets_600_a_second_in_from_an_address_and_300_for_a_key() -> None:
    limits = web.Limits()

    assert (limits.per_address, limits.per_key) == (Rate(600, 1200), Rate(300, 600))


def test_a_bucket_fills_again_at_its_rate_and_no_further_than_its_burst() -> None:
    clock = Clock()
    buckets = Buckets(Rate(10, 20), clock.ticks)

    assert buckets.take("a", 20)
    assert not buckets.take("a")
    clock.advance(0.5)
    assert buckets.take("a", 5)
    assert not buckets.take("a")
    clock.advance(3600)
    assert not buckets.take("a", 21)
    assert buckets.take("a", 20)


def test_a_clock_that_steps_back_takes_nothing_away() -> None:
    clock = Clock()
    buckets = Buckets(Rate(10, 20), clock.ticks)
    buckets.take("a", 10)
    clock.advance(-3600)

    assert buckets.take("a", 10)


def test_no_more_guests_are_remembered_than_there_is_room_for() -> None:
    clock = Clock()
    buckets = Buckets(Rate(1, 1), clock.ticks, guests_max=3)
    failures = Failures(clock.ticks, guests_max=3)
    for number in range(1000):
        buckets.take(str(number))
        failures.add(str(number))

    assert len(buckets) == len(failures) == 3
