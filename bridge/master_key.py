"""The master key and its file: one key, or several versions of it while values are on their way to the newest.

<base64>                    version 1: how a file begins
2:<base64>                  a version that a rotation added; what is sealed from now on is sealed under the newest
fingerprint:<base64>        what fingerprints are made with, kept when the version it came from is dropped
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import hmac
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from bridge.errors import NotPrepared, Unavailable

KEY_BYTES = 32
VERSION_MAX = 255
"""A sealed value names its version in one byte."""

_LINE = re.compile(rb"(?:([1-9][0-9]{0,2}|fingerprint):)?([A-Za-z0-9+/]+=*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class MasterKey:
    versions: Mapping[int, bytes] = field(repr=False)
    own_fingerprint_key: bytes | None = field(default=None, repr=False)
    """Written down by the first rotation, so that dropping the oldest version changes no fingerprint."""

    @property
    def newest(self) -> int:
        return max(self.versions)

    @property
    def older(self) -> tuple[int, ...]:
        return tuple(sorted(self.versions)[:-1])

    @property
    def fingerprint_key(self) -> bytes:
        """Of the oldest version: fingerprints lie in idempotency hashes, and a rotation must not make them differ."""
        return self.own_fingerprint_key or fingerprint_key_of(self.versions[min(self.versions)])

    def rotated(self, key: bytes) -> MasterKey:
        if self.newest >= VERSION_MAX:
            raise NotPrepared(f"the master key has had {VERSION_MAX} versions, and there is no number left for another")
        return MasterKey({**self.versions, self.newest + 1: key}, self.fingerprint_key)

    def pruned(self) -> MasterKey:
        return replace(self, versions={self.newest: self.versions[self.newest]})

    def written(self) -> bytes:
        """The file's content."""
        if self.own_fingerprint_key is None and set(self.versions) == {1}:
            return base64.b64encode(self.versions[1]) + b"\n"
        named = [(str(version), self.versions[version]) for version in sorted(self.versions)]
        if self.own_fingerprint_key is not None:
            named.append(("fingerprint", self.own_fingerprint_key))
        return b"".join(name.encode() + b":" + base64.b64encode(key) + b"\n" for name, key in named)


def only(key: bytes) -> MasterKey:
    """A key that was never rotated."""
    return MasterKey({1: key})


def fingerprint_key_of(key: bytes) -> bytes:
    return hmac.new(key, b"fingerprint", hashlib.sha256).digest()


def parse(content: bytes, *, where: object) -> MasterKey:
    """What the file says. What is wrong is told without quoting any of it."""
    lines = [line for line in content.split(b"\n") if line.strip()]
    named: dict[str, bytes] = {}
    for number, line in enumerate(lines, 1):
        place = f"the master key {where}" if len(lines) < 2 else f"line {number} of the master key {where}"
        read = _LINE.fullmatch(line.strip())
        key = _decoded(read[2]) if read else b""
        if read is None or len(key) != KEY_BYTES:
            raise Unavailable(f"{place} is not 32 bytes in base64, with or without 'version:' before them")
        name = (read[1] or b"1").decode()
        if name in named:
            raise Unavailable(f"{place} gives version {name} a second time")
        if name.isdigit() and int(name) > VERSION_MAX:
            raise Unavailable(f"{place} has a version above {VERSION_MAX}")
        named[name] = key
    own_fingerprint_key = named.pop("fingerprint", None)
    if not named:
        raise Unavailable(f"the master key {where} is not 32 bytes in base64; it holds no key")
    return MasterKey({int(name): key for name, key in named.items()}, own_fingerprint_key)


def _decoded(text: bytes) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""


# --- the file --------------------------------------------------------------------------------------------------------


def read_master_key(path: Path, random: Callable[[int], bytes] = os.urandom) -> MasterKey:
    """The master key, made on first use. One that others can read is refused."""
    made = only(random(KEY_BYTES))
    try:
        put_master_key(path, made)
    except FileExistsError:
        return _existing(path)
    except OSError as error:
        raise Unavailable(f"the master key {path} cannot be made: {error.strerror}") from error
    return made


def put_master_key(path: Path, key: MasterKey) -> None:
    """Where there is none yet."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(key.written())
        file.flush()
        os.fsync(file.fileno())


def existing_master_key(path: Path) -> MasterKey | None:
    """The master key that is there; none is made."""
    return _existing(path) if path.exists() else None


def change_master_key(path: Path, change: Callable[[MasterKey], MasterKey]) -> MasterKey:
    """The file with another content, whole or not at all. Two who change it wait for each other."""
    path = path.resolve()  # a link stays one
    try:
        with _alone_in(path.parent) as folder:
            changed = change(_existing(path))
            _replace(path, changed.written())
            os.fsync(folder)
    except OSError as error:
        raise Unavailable(f"the master key {path} cannot be changed: {error.strerror}") from error
    return changed


def is_open_to_others(path: Path, mode: int) -> bool:
    """systemd gives a service its credentials by an access list, which shows as a right of the group."""
    of_systemd = str(path.parent) == os.environ.get("CREDENTIALS_DIRECTORY")
    return bool(mode & (0o037 if of_systemd else 0o077))


@contextmanager
def _alone_in(folder: Path) -> Iterator[int]:
    """The lock is the folder's: the file itself becomes another one."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle
    finally:
        os.close(handle)


def _replace(path: Path, content: bytes) -> None:
    before = path.stat()
    partial = path.with_name(f".{path.name}.new")
    partial.unlink(missing_ok=True)  # of one who died here; whoever is at it holds the folder's lock
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            if (before.st_uid, before.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(file.fileno(), before.st_uid, before.st_gid)  # root rotates for the service's user
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _existing(path: Path) -> MasterKey:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        content = path.read_bytes()
    except OSError as error:
        raise Unavailable(f"the master key {path} cannot be read: {error.strerror}") from error
    if is_open_to_others(path, mode):
        raise Unavailable(f"the master key {path} can be read by others; chmod 600 {path}")
    return parse(content, where=path)
