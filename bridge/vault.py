"""Secrets at rest: AES-256-GCM under a master key that only the service can read.

A sealed value is `version | nonce | ciphertext`. What is sealed for one place opens in no other: table, column and row
are part of what is authenticated, so a value copied into another row is noise.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import stat
from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bridge.errors import Unavailable
from bridge.secret import Secret

_VERSION = b"\x01"
_NONCE_BYTES = 12


class Vault:
    def __init__(self, master_key: bytes, random: Callable[[int], bytes] = os.urandom) -> None:
        self._cipher = AESGCM(master_key)
        self._fingerprint_key = hmac.new(master_key, b"fingerprint", hashlib.sha256).digest()
        self._random = random

    def seal(self, secret: Secret, *, place: str) -> bytes:
        """`place` names table, column and row, such as 'keys.secret.whmcs-main'."""
        nonce = self._random(_NONCE_BYTES)
        return _VERSION + nonce + self._cipher.encrypt(nonce, secret.reveal().encode(), _VERSION + place.encode())

    def fingerprint(self, secret: Secret) -> str:
        """The same for the same secret, and of no use to anyone else: for telling whether two are equal."""
        return hmac.new(self._fingerprint_key, secret.reveal().encode(), hashlib.sha256).hexdigest()

    def open(self, sealed: bytes, *, place: str) -> Secret:
        if sealed[:1] != _VERSION:
            raise Unavailable(f"{place} was sealed by a newer bridge than this one")
        nonce, ciphertext = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            return Secret(self._cipher.decrypt(nonce, ciphertext, _VERSION + place.encode()).decode())
        except (InvalidTag, ValueError) as error:  # ValueError: cut short, so that not even a nonce is left
            raise Unavailable(
                f"{place} does not open with this master key; is it the key of this installation?"
            ) from error


def read_master_key(path: Path, random: Callable[[int], bytes] = os.urandom) -> bytes:
    """The master key, made on first use. One that others can read is refused."""
    key = random(32)
    try:
        put_master_key(path, key)
    except FileExistsError:
        return _existing_key(path)
    except OSError as error:
        raise Unavailable(f"the master key {path} cannot be made: {error.strerror}") from error
    return key


def put_master_key(path: Path, key: bytes) -> None:
    """Where there is none yet."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(base64.b64encode(key) + b"\n")
        file.flush()
        os.fsync(file.fileno())


def existing_master_key(path: Path) -> bytes | None:
    """The master key that is there; none is made."""
    return _existing_key(path) if path.exists() else None


def is_open_to_others(path: Path, mode: int) -> bool:
    """systemd gives a service its credentials by an access list, which shows as a right of the group."""
    of_systemd = str(path.parent) == os.environ.get("CREDENTIALS_DIRECTORY")
    return bool(mode & (0o037 if of_systemd else 0o077))


def _existing_key(path: Path) -> bytes:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        content = path.read_bytes()
    except OSError as error:
        raise Unavailable(f"the master key {path} cannot be read: {error.strerror}") from error
    if is_open_to_others(path, mode):
        raise Unavailable(f"the master key {path} can be read by others; chmod 600 {path}")
    try:
        key = base64.b64decode(content.strip(), validate=True)
    except ValueError:
        key = b""
    if len(key) != 32:
        raise Unavailable(f"the master key {path} is not 32 bytes in base64")
    return key
