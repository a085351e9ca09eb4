"""One encrypted file, written and read piece by piece, that cannot be cut, changed or grown unnoticed.

    magic | b"p" or b"k" | salt (16) | frame, frame, ..., last frame
    frame = 0, or 1 for the last | length (4) | AES-256-GCM of a zlib piece of at most 1 MiB

The key comes from a passphrase by scrypt or from a key file by HKDF, under the file's own salt, so that the frames'
numbers can be the nonces. A frame in another place, a missing last frame and anything behind it do not open.
There are no names, paths or links in it: what is inside is for `backup.py` to say.
"""

from __future__ import annotations

import base64
import os
import stat
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from bridge.errors import NotPrepared, Refused
from bridge.master_key import is_open_to_others
from bridge.secret import Secret

MAGIC = b"bridge-backup-1\n"
PIECE_BYTES = 1024 * 1024
LINE_BYTES_MAX = 64 * 1024 * 1024
PASSPHRASE_LENGTH_MIN = 12

_SALT_BYTES = 16
_TAG_BYTES = 16
_FRAME = struct.Struct(">BI")
_FRAME_BYTES_MAX = PIECE_BYTES + 4096 + _TAG_BYTES  # what does not get smaller grows a little


class Damaged(Refused):
    """The file is not what was written. Nothing of it was used."""


@dataclass(frozen=True, slots=True)
class Key:
    """What opens an archive: a passphrase (`p`) or the content of a key file (`k`)."""

    kind: bytes
    value: bytes = field(repr=False)

    def cipher(self, salt: bytes) -> AESGCM:
        if self.kind == b"p":
            return AESGCM(Scrypt(salt=salt, length=32, n=2**15, r=8, p=1).derive(self.value))
        return AESGCM(HKDF(SHA256(), length=32, salt=salt, info=MAGIC).derive(self.value))


def passphrase_key(passphrase: Secret) -> Key:
    text = passphrase.reveal().strip()
    if len(text) < PASSPHRASE_LENGTH_MIN:
        raise NotPrepared(f"a passphrase has at least {PASSPHRASE_LENGTH_MIN} characters; several words are good")
    return Key(b"p", text.encode())


def file_key(path: Path) -> Key:
    """A key file holds 32 random bytes in base64, for its owner's eyes only."""
    try:
        mode, content = stat.S_IMODE(path.stat().st_mode), path.read_bytes()
    except OSError as error:
        raise NotPrepared(
            f"the key file {path} cannot be read: {error.strerror}; "
            f"make one with: (umask 077; openssl rand -base64 32 > {path}), and keep a copy away from this host"
        ) from error
    if is_open_to_others(path, mode):
        raise NotPrepared(f"the key file {path} can be read by others; chmod 600 {path}")
    try:
        value = base64.b64decode(content.strip(), validate=True)
    except ValueError:
        value = b""
    if len(value) != 32:
        raise NotPrepared(f"the key file {path} is not 32 bytes in base64")
    return Key(b"k", value)


class Writer:
    """Seals what it is given, a piece at a time."""

    def __init__(self, file: BinaryIO, key: Key, random: Callable[[int], bytes] = os.urandom) -> None:
        salt = random(_SALT_BYTES)
        self._file = file
        self._head = MAGIC + key.kind + salt
        self._cipher = key.cipher(salt)
        self._number = 0
        self._rest = bytearray()
        file.write(self._head)

    def write(self, content: bytes) -> None:
        self._rest += content
        while len(self._rest) > PIECE_BYTES:
            self._frame(bytes(self._rest[:PIECE_BYTES]), is_last=False)
            del self._rest[:PIECE_BYTES]

    def end(self) -> None:
        self._frame(bytes(self._rest), is_last=True)

    def _frame(self, piece: bytes, *, is_last: bool) -> None:
        sealed = self._cipher.encrypt(_nonce(self._number, is_last=is_last), zlib.compress(piece), self._head)
        self._file.write(_FRAME.pack(is_last, len(sealed)) + sealed)
        self._number += 1


def pieces(file: BinaryIO, key: Key) -> Iterator[bytes]:
    """What was sealed, piece by piece; each was proved before it is given out."""
    head = file.read(len(MAGIC) + 1 + _SALT_BYTES)
    if head[: len(MAGIC)] != MAGIC:
        raise Damaged("the file is empty" if not head else "the file is not a backup of the bridge, or of a newer one")
    if len(head) < len(MAGIC) + 1 + _SALT_BYTES:
        raise Damaged("the backup ends too early: it was cut off")
    kind, salt = head[len(MAGIC) : len(MAGIC) + 1], head[-_SALT_BYTES:]
    if kind != key.kind:
        made_with, given = ("a passphrase", "a key file") if kind == b"p" else ("a key file", "a passphrase")
        raise Damaged(f"the backup was made with {made_with}, and {given} was given")
    cipher = key.cipher(salt)
    number, is_last = 0, False
    while not is_last:
        is_last, sealed = _next_frame(file)
        try:
            packed = cipher.decrypt(_nonce(number, is_last=is_last), sealed, head)
        except InvalidTag:
            given = "passphrase" if kind == b"p" else "key file"
            raise Damaged(
                f"the backup does not open with this {given}, or its beginning was changed"
                if number == 0
                else f"the backup was changed or damaged behind its first {number} MiB of content"
            ) from None
        yield _unpacked(packed)
        number += 1
    if file.read(1):
        raise Damaged("there is something behind the end of the backup that does not belong to it")


def lines(parts: Iterator[bytes]) -> Iterator[bytes]:
    """The lines of a text that comes in pieces; a line has an end, and is not endless."""
    rest = bytearray()
    for part in parts:
        rest += part
        whole, newline, tail = rest.rpartition(b"\n")
        if newline:
            yield from bytes(whole).split(b"\n")
            rest = bytearray(tail)
        if len(rest) > LINE_BYTES_MAX:
            raise Damaged("the backup holds a row that is too large")
    if rest:
        raise Damaged("the backup ends within a row")


def _nonce(number: int, *, is_last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([is_last])


def _next_frame(file: BinaryIO) -> tuple[bool, bytes]:
    front = file.read(_FRAME.size)
    flag, length = _FRAME.unpack(front) if len(front) == _FRAME.size else (0, 0)
    if flag not in (0, 1) or length > _FRAME_BYTES_MAX:
        raise Damaged("the backup was changed or damaged")
    sealed = file.read(length)
    if len(front) < _FRAME.size or len(sealed) < length:
        raise Damaged("the backup ends too early: it was cut off")
    return bool(flag), sealed


def _unpacked(packed: bytes) -> bytes:
    unpacking = zlib.decompressobj()
    try:
        piece = unpacking.decompress(packed, PIECE_BYTES + 1)
    except zlib.error:
        raise Damaged("the backup was changed or damaged") from None
    if len(piece) > PIECE_BYTES or not unpacking.eof:
        raise Damaged("the backup holds a piece that is larger than any that is written")
    return piece
