"""Secrets at rest: AES-256-GCM under a master key that only the service can read.

A sealed value is `version | nonce | ciphertext`. What is sealed for one place opens in no other: table, column and row
are part of what is authenticated with the version, so a value copied into another row is noise.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bridge import master_key as master_keys
from bridge.errors import Unavailable
from bridge.master_key import MasterKey, existing_master_key, read_master_key
from bridge.secret import Secret

_NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class _Held:
    """One reading of the master key. Swapped whole, so that threads never see half of a rotation."""

    master_key: MasterKey = field(repr=False)
    ciphers: Mapping[int, AESGCM]
    mark: object

    @property
    def newest(self) -> int:
        return self.master_key.newest


class Vault:
    """With a file it follows what happens to that file; without one its key is the one it was given."""

    def __init__(
        self, key: bytes | MasterKey, random: Callable[[int], bytes] = os.urandom, *, file: Path | None = None
    ) -> None:
        self._random = random
        self._file = file
        self._held = _hold(master_keys.only(key) if isinstance(key, bytes) else key, _mark_of(file))

    @property
    def newest(self) -> int:
        """The version that is sealed under."""
        return self._held.newest

    @property
    def older(self) -> tuple[int, ...]:
        """The versions that still open what was sealed under them."""
        return self._held.master_key.older

    def seal(self, secret: Secret, *, place: str) -> bytes:
        """`place` names table, column and row, such as 'keys.secret.whmcs-main'."""
        self.follow()  # or this process would go on under a version that is about to be dropped
        held = self._held
        version, nonce = bytes((held.newest,)), self._random(_NONCE_BYTES)
        cipher = held.ciphers[held.newest]
        return version + nonce + cipher.encrypt(nonce, secret.reveal().encode(), version + place.encode())

    def fingerprint(self, secret: Secret) -> str:
        """The same for the same secret, and of no use to anyone else: for telling whether two are equal."""
        return hmac.new(self._held.master_key.fingerprint_key, secret.reveal().encode(), hashlib.sha256).hexdigest()

    def open(self, sealed: bytes, *, place: str) -> Secret:
        version, nonce, ciphertext = sealed[:1], sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            cipher = self._cipher_of(version, place)
            return Secret(cipher.decrypt(nonce, ciphertext, version + place.encode()).decode())
        except (InvalidTag, ValueError) as error:  # ValueError: cut short, so that not even a nonce is left
            raise Unavailable(
                f"{place} does not open with this master key; is it the key of this installation?"
            ) from error

    def follow(self) -> None:
        """Reads the file again if it is another one than it was. One that is gone or damaged changes nothing here."""
        mark = _mark_of(self._file)
        if mark is None or mark == self._held.mark:
            return
        try:
            self._read_again()
        except Unavailable:
            return  # what is held still seals and opens; doctor and the next start tell about the file

    def _cipher_of(self, version: bytes, place: str) -> AESGCM:
        number = int.from_bytes(version, "big")
        if number not in self._held.ciphers and self._file is not None:
            self._read_again()  # another process may have rotated
        held = self._held
        if number not in held.ciphers:
            which = ", ".join(str(each) for each in sorted(held.ciphers))
            raise Unavailable(
                f"{place} is sealed under version {number} of the master key, and this bridge has {which}: "
                "after a rotation give every host the new file and restart, else put the dropped version back"
            )
        return held.ciphers[number]

    def _read_again(self) -> None:
        assert self._file is not None
        mark = _mark_of(self._file)  # before the content: a change in between is read again
        found = existing_master_key(self._file)
        if found is not None:
            self._held = _hold(found, mark)


def of_file(path: Path) -> Vault:
    """The vault of this installation; its key is made on first use."""
    return Vault(read_master_key(path), file=path)


def _hold(key: MasterKey, mark: object) -> _Held:
    return _Held(key, {version: AESGCM(each) for version, each in key.versions.items()}, mark)


def _mark_of(file: Path | None) -> object:
    """Differs when the file does."""
    if file is None:
        return None
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
