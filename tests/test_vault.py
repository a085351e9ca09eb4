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

from bridge import vault as vaults
from bridge.errors import NotPrepared, Unavailable
from bridge.master_key import (
    MasterKey,
    change_master_key,
    existing_master_key,
    only,
    parse,
    put_master_key,
    read_master_key,
)
from bridge.secret import Secret
from bridge.vault import Vault
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

    assert len(made.versions[1]) == 32
    assert base64.b64decode(path.read_bytes()) == made.versions[1]
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

    assert read_master_key(path).newest == 1
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


# --- rotation (T-21) -------------------------------------------------------------------------------------------------

OLD, NEW = bytes(range(32)), bytes(range(32, 64))


def in_base64(key: bytes) -> bytes:
    return base64.b64encode(key)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A master key's file as it was before there were versions."""
    path = tmp_path / "master.key"
    path.touch(0o600)
    path.write_bytes(in_base64(OLD) + b"\n")
    return path


def rotate(path: Path) -> MasterKey:
    return change_master_key(path, lambda key: key.rotated(NEW))


def test_a_rotated_vault_seals_under_the_newest_version_and_opens_both_t21() -> None:
    before, after = Vault(OLD), Vault(only(OLD).rotated(NEW))
    sealed_before, sealed_after = (each.seal(Secret(CANARY), place="t.c.1") for each in (before, after))

    assert (sealed_before[0], sealed_after[0]) == (1, 2)
    assert after.open(sealed_before, place="t.c.1") == after.open(sealed_after, place="t.c.1") == Secret(CANARY)


def test_the_version_is_authenticated_t21() -> None:
    """The same key under two numbers: a value whose number was changed does not open."""
    vault = Vault(MasterKey({1: OLD, 2: OLD}))
    sealed = vault.seal(Secret(CANARY), place="p")

    with pytest.raises(Unavailable, match="p does not open"):
        vault.open(b"\x01" + sealed[1:], place="p")


def test_a_version_that_is_not_there_is_one_clear_sentence_t21() -> None:
    sealed = Vault(only(OLD).rotated(NEW)).seal(Secret(CANARY), place="services.password.7")

    with pytest.raises(Unavailable, match=r"^services.password.7 is sealed under version 2 .* has 1: "):
        Vault(OLD).open(sealed, place="services.password.7")


def test_the_wrong_key_under_the_right_version_is_one_clear_sentence_t21() -> None:
    sealed = Vault(OLD).seal(Secret(CANARY), place="p")

    with pytest.raises(Unavailable, match=r"^p does not open with this master key"):
        Vault(MasterKey({1: NEW, 2: OLD})).open(sealed, place="p")


def test_a_vault_that_meets_a_new_version_looks_into_its_file_t21(path: Path) -> None:
    running, rotating = vaults.of_file(path), vaults.of_file(path)
    rotate(path)
    sealed = rotating.seal(Secret(CANARY), place="p")

    assert sealed[0] == 2
    assert running.open(sealed, place="p") == Secret(CANARY)


def test_a_running_vault_seals_under_a_new_version_as_soon_as_it_is_there_t21(path: Path) -> None:
    """Or it would write, for ever, under a version that is about to be dropped."""
    running = vaults.of_file(path)
    rotate(path)

    assert running.seal(Secret(CANARY), place="p")[0] == 2


@pytest.mark.parametrize("harm", ["gone", "damaged", "open"])
def test_a_running_vault_goes_on_when_its_file_is_harmed(path: Path, harm: str) -> None:
    running = vaults.of_file(path)
    sealed = running.seal(Secret(CANARY), place="p")
    match harm:
        case "gone":
            path.unlink()
        case "damaged":
            path.write_bytes(b"damaged")
        case "open":
            rotate(path)
            path.chmod(0o644)

    assert running.open(running.seal(Secret("other"), place="q"), place="q").reveal() == "other"
    assert running.open(sealed, place="p") == Secret(CANARY)


def test_a_fingerprint_outlives_rotation_and_pruning(path: Path) -> None:
    """Idempotency hashes compare them: a call that is repeated over a rotation is the same call."""
    before = Vault(OLD).fingerprint(Secret(CANARY))
    rotate(path)
    rotated = vaults.of_file(path)
    change_master_key(path, lambda key: key.pruned())
    pruned = vaults.of_file(path)

    assert (rotated.older, pruned.older) == ((1,), ())
    assert rotated.fingerprint(Secret(CANARY)) == pruned.fingerprint(Secret(CANARY)) == before
    assert change_master_key(path, lambda key: key.rotated(bytes(32))).fingerprint_key == only(OLD).fingerprint_key


def test_a_rotated_file_is_its_owners_alone_and_says_every_version(path: Path) -> None:
    rotate(path)

    lines = path.read_bytes().splitlines()
    assert lines[:2] == [b"1:" + in_base64(OLD), b"2:" + in_base64(NEW)]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["master.key"]


def test_a_first_line_without_a_version_stays_version_one(path: Path) -> None:
    path.write_bytes(in_base64(OLD) + b"\n\n2:" + in_base64(NEW) + b"\r\n")

    assert read_master_key(path).versions == {1: OLD, 2: NEW}


def test_a_link_to_the_file_stays_a_link(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.key"
    link.symlink_to(path)

    rotate(link)

    assert link.is_symlink()
    assert read_master_key(path).newest == 2


def test_what_a_dead_rotation_left_is_no_hindrance(path: Path) -> None:
    (path.parent / ".master.key.new").write_bytes(b"half")

    assert rotate(path).newest == 2
    assert [each.name for each in path.parent.iterdir()] == ["master.key"]


def test_a_rotation_that_fails_changes_nothing(path: Path) -> None:
    before = path.read_bytes()

    def fail(key: MasterKey) -> MasterKey:
        raise NotPrepared("no")

    with pytest.raises(NotPrepared):
        change_master_key(path, fail)
    assert path.read_bytes() == before
    with pytest.raises(Unavailable, match="cannot be read"):
        change_master_key(path.with_name("missing.key"), fail)


def test_there_is_an_end_to_versions() -> None:
    with pytest.raises(NotPrepared, match="255 versions"):
        MasterKey({255: OLD}).rotated(NEW)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"1:" + in_base64(OLD) + b"\n" + in_base64(NEW), "line 2 .* version 1 a second time"),
        (in_base64(OLD) + b"\n0:" + in_base64(NEW), "line 2 .* not 32 bytes in base64"),
        (in_base64(OLD) + b"\n256:" + in_base64(NEW), "version above 255"),
        (in_base64(OLD) + b"\n2:" + in_base64(NEW)[:-4], "line 2 .* not 32 bytes in base64"),
        (b"fingerprint:" + in_base64(OLD), "holds no key"),
        (b"two:" + in_base64(OLD), "not 32 bytes in base64"),
    ],
)
def test_a_line_that_is_no_version_of_the_key_is_told_and_not_quoted(path: Path, content: bytes, told: str) -> None:
    path.write_bytes(content)

    with pytest.raises(Unavailable, match=told) as trouble:
        existing_master_key(path)
    assert not any(in_base64(key).decode()[:16] in str(trouble.value) for key in (OLD, NEW))


@given(
    versions=st.dictionaries(st.integers(1, 255), st.binary(min_size=32, max_size=32), min_size=1, max_size=5),
    fingerprint=st.none() | st.binary(min_size=32, max_size=32),
)
def test_what_is_written_is_read_again(versions: dict[int, bytes], fingerprint: bytes | None) -> None:
    key = MasterKey(versions, fingerprint)

    assert parse(key.written(), where="here") == key
    assert "b'" not in repr(key)


def test_a_key_is_put_where_there_is_none_and_nowhere_else(path: Path) -> None:
    with pytest.raises(FileExistsError):
        put_master_key(path, only(NEW))
    assert read_master_key(path) == only(OLD)
