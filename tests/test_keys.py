"""Signing keys: made, listed, rotated, revoked; sealed at rest (T-21), shown once, and each change written down."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from bridge import keys, signature
from bridge.app import Bridge
from bridge.errors import Conflict, NotFound, Refused, Unavailable
from bridge.secret import Secret
from bridge.vault import Vault
from tests.canary import CANARY_KEY


def ring(bridge: Bridge) -> keys.Ring:
    return keys.Ring(bridge, ticks=lambda: 0.0)


def audit_of(bridge: Bridge) -> list[tuple[Any, ...]]:
    with bridge.engine.connect() as tx:
        rows = tx.execute(text("SELECT actor, action, subject, reason FROM mod_ictvoipbilling_audit ORDER BY id"))
        return [tuple(row) for row in rows]


def test_a_new_key_has_32_bytes_of_its_own_and_opens(bridge: Bridge) -> None:
    key_id, secret = keys.add(bridge, "whmcs-main", ["service.*", "operation.get"])
    _, other = keys.add(bridge, "second")

    found = ring(bridge).find(key_id)
    assert found == keys.Key("whmcs-main", (signature.secret_bytes(secret),), ("service.*", "operation.get"))
    assert secret != other
    assert str(secret) == "***"


def test_a_given_secret_is_brought_along_and_kept_sealed_t_21(bridge: Bridge) -> None:
    """The canary of this run: the tables are looked through when the test is over."""
    _, secret = keys.add(bridge, "whmcs-demo", secret=Secret(CANARY_KEY))

    found = ring(bridge).find("whmcs-demo")
    assert secret == Secret(CANARY_KEY)
    assert found is not None
    assert found.secrets == (signature.secret_bytes(Secret(CANARY_KEY)),)
    assert "canary" not in repr(found)


@pytest.mark.parametrize("name", ["ab", "a" * 65, "Whmcs", "whmcs_main", "whmcs main", "", "whmcs\n"])
def test_a_name_that_no_header_could_carry_is_refused(bridge: Bridge, name: str) -> None:
    with pytest.raises(Refused, match="3 to 64"):
        keys.add(bridge, name)


@pytest.mark.parametrize("scope", ["service", "*", "service.*.x", "Service.get", "service.get "])
def test_a_scope_is_a_method_or_a_noun_and_a_star(bridge: Bridge, scope: str) -> None:
    with pytest.raises(Refused, match="not a scope"):
        keys.add(bridge, "whmcs-main", [scope])


def test_a_secret_that_is_not_32_bytes_is_refused_and_not_quoted(bridge: Bridge) -> None:
    with pytest.raises(Refused, match="32 bytes in base64") as refused:
        keys.add(bridge, "whmcs-main", secret=Secret("c2hvcnQ="))

    assert "c2hvcnQ" not in str(refused.value)


def test_a_name_is_given_once(bridge: Bridge) -> None:
    keys.add(bridge, "whmcs-main")

    with pytest.raises(Conflict, match="there is a key whmcs-main already"):
        keys.add(bridge, "whmcs-main")


def test_rotation_keeps_the_scopes_and_puts_the_new_secret_first(bridge: Bridge) -> None:
    _, old = keys.add(bridge, "whmcs-main", ["service.*"])
    _, new = keys.rotate(bridge, "whmcs-main")

    found = ring(bridge).find("whmcs-main")
    assert found is not None
    assert found.secrets == (signature.secret_bytes(new), signature.secret_bytes(old))
    assert found.scopes == ("service.*",)
    assert [each.state for each in keys.list_keys(bridge)] == ["current", "old"]


def test_a_key_has_no_more_secrets_than_a_header_carries(bridge: Bridge) -> None:
    keys.add(bridge, "whmcs-main")
    keys.rotate(bridge, "whmcs-main")
    keys.rotate(bridge, "whmcs-main")

    with pytest.raises(Conflict, match="has 3 secrets; the oldest ends 20"):
        keys.rotate(bridge, "whmcs-main")


def test_revoking_ends_every_secret_at_once(bridge: Bridge) -> None:
    keys.add(bridge, "whmcs-main")
    keys.rotate(bridge, "whmcs-main")
    keys.add(bridge, "second")

    keys.revoke(bridge, "whmcs-main", by="ola", reason="laptop lost")

    assert ring(bridge).find("whmcs-main") is None
    assert ring(bridge).find("second") is not None
    assert [each.state for each in keys.list_keys(bridge)] == ["current", "revoked", "revoked"]


@pytest.mark.parametrize("act", [keys.rotate, keys.revoke])
def test_what_is_not_there_or_was_revoked_cannot_be_changed(bridge: Bridge, act: Any) -> None:
    keys.add(bridge, "whmcs-main")
    keys.revoke(bridge, "whmcs-main")

    for name in ("whmcs-main", "nobody"):
        with pytest.raises(NotFound, match=f"no key {name}"):
            act(bridge, name)


def test_every_change_is_written_down_with_a_name(bridge: Bridge) -> None:
    keys.add(bridge, "whmcs-main", by="ola")
    keys.rotate(bridge, "whmcs-main", by="jan")
    keys.revoke(bridge, "whmcs-main", by="ola", reason="laptop lost")

    assert audit_of(bridge) == [
        ("ola", "key.add", "key whmcs-main", None),
        ("jan", "key.rotate", "key whmcs-main", None),
        ("ola", "key.revoke", "key whmcs-main", "laptop lost"),
    ]


def test_a_refused_change_leaves_nothing_behind(bridge: Bridge) -> None:
    keys.add(bridge, "whmcs-main")

    with pytest.raises(Conflict):
        keys.add(bridge, "whmcs-main", ["service.get"])

    assert len(audit_of(bridge)) == len(keys.list_keys(bridge)) == 1


def test_a_sealed_secret_copied_to_another_key_opens_nothing_t_21(
    bridge: Bridge, caplog: pytest.LogCaptureFixture
) -> None:
    keys.add(bridge, "whmcs-main")
    keys.add(bridge, "second")
    with bridge.engine.begin() as tx:
        mine = text("SELECT secret FROM mod_ictvoipbilling_keys WHERE key_id = 'whmcs-main'")
        sealed = tx.execute(mine).scalar_one()
        tx.execute(
            text("UPDATE mod_ictvoipbilling_keys SET secret = :sealed WHERE key_id = 'second'"), {"sealed": sealed}
        )

    assert ring(bridge).find("second") is None
    assert ring(bridge).find("whmcs-main") is not None, "one bad row shuts out nobody else"
    assert "does not open with this master key" in caplog.text


def test_another_master_key_opens_no_key(bridge: Bridge) -> None:
    keys.add(bridge, "whmcs-main")

    assert ring(replace(bridge, vault=Vault(bytes(32)))).find("whmcs-main") is None


def test_without_a_database_nobody_is_trusted_r_8(sqlite_engine: Any, settings: Any, tmp_path: Any) -> None:
    bridge = Bridge(settings=settings, engine=sqlite_engine, vault=Vault(bytes(32)), random=lambda n: bytes(n))
    keys.add(bridge, "whmcs-main")
    at = [0.0]
    found = keys.Ring(bridge, ticks=lambda: at[0])
    assert found.find("whmcs-main") is not None

    sqlite_engine.dispose()
    (tmp_path / "bridge.db").rename(tmp_path / "gone.db")
    (tmp_path / "bridge.db").mkdir()
    at[0] = keys.RING_SECONDS
    try:
        with pytest.raises(Unavailable):
            found.find("whmcs-main")
    finally:
        (tmp_path / "bridge.db").rmdir()
        (tmp_path / "gone.db").rename(tmp_path / "bridge.db")
