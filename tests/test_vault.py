"""Secrets at rest (T-21) and the master key."""

from __future__ import annotations

import base64
import os
import pickle
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import Unavailable
from bridge.secret import Secret
from bridge.vault import Vault, read_master_key
from tests.canary import CANARY

VAULT = Vault(bytes(range(32)))


@given(st.text(max_size=200))
def test_what_was_sealed_opens_in_its_place(text: str) -> None:
    assert VAULT.open(VAULT.seal(Secret(text), place="t.c.1"), place="t.c.1").reveal() == text


def test_a_sealed_value_opens_in_no_other_place() -> None:
    sealed = VAULT.seal(Secret(CANARY), place="services.password.1")

    with pytest.raises(Unavailable, match=r"services\.password\.2 does not open"):
        VAULT.open(sealed, place="services.password.2")


def test_another_master_key_opens_nothing() -> None:
    sealed = VAULT.seal(Secret(CANARY), place="p")

    with pytest.raises(Unavailable, match="is it the key of this installation"):
        Vault(bytes(32)).open(sealed, place="p")


@given(st.integers(0, 200), st.integers(1, 255))
def test_a_byte_changed_is_noticed(place: int, change: int) -> None:
    sealed = bytearray(VAULT.seal(Secret(CANARY), place="p"))
    sealed[place % len(sealed)] ^= change

    with pytest.raises(Unavailable):
        VAULT.open(bytes(sealed), place="p")


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x01" + b"n" * 12, b"\x02" + b"n" * 40])
def test_a_value_that_was_never_sealed_is_trouble_in_words(sealed: bytes) -> None:
    with pytest.raises(Unavailable):
        VAULT.open(sealed, place="p")


def test_the_same_secret_is_sealed_differently_each_time() -> None:
    sealed = {VAULT.seal(Secret(CANARY), place="p") for _ in range(100)}

    assert len(sealed) == 100
    assert not any(CANARY.encode() in each for each in sealed)


def test_a_secret_prints_as_stars_and_is_not_written_out() -> None:
    secret = Secret(CANARY)

    assert f"{secret} {secret!r} {[secret]}" == "*** *** [***]"
    with pytest.raises(TypeError):
        pickle.dumps(secret)


def test_the_master_key_is_made_on_first_use_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "var" / "master.key"

    made = read_master_key(path)

    assert len(made) == 32
    assert read_master_key(path) == made
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_master_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    read_master_key(path)
    path.chmod(0o640)

    with pytest.raises(Unavailable, match="chmod 600"):
        read_master_key(path)


def test_a_credential_of_systemd_may_show_the_right_of_its_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "credentials" / "master.key"
    read_master_key(path)
    path.chmod(0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(path.parent))

    assert len(read_master_key(path)) == 32
    path.chmod(0o444)
    with pytest.raises(Unavailable, match="can be read by others"):
        read_master_key(path)


@pytest.mark.parametrize("content", [b"", b"short", b"!" * 44, base64.b64encode(bytes(31))])
def test_a_master_key_of_another_length_is_refused_and_not_quoted(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "master.key"
    path.touch(0o600)
    path.write_bytes(content)

    with pytest.raises(Unavailable, match="not 32 bytes in base64"):
        read_master_key(path)


def test_a_folder_in_place_of_the_master_key_is_told(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    os.mkdir(path, 0o700)

    with pytest.raises(Unavailable, match="cannot be read"):
        read_master_key(path)
