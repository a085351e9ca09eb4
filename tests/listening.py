"""A server of a few lines on a free loopback port, in the clear or over TLS; certificates; an app asked in place."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from starlette.applications import Starlette

Serve = Callable[[socket.socket], None]


@dataclass
class Listening:
    """What a server saw: one entry for each connection, with the bytes of its first request."""

    port: int
    requests: list[bytes] = field(default_factory=list)

    @property
    def connections(self) -> int:
        return len(self.requests)


def answering(answer: bytes, *, times: int = 1) -> Serve:
    """Reads a request and answers it, as often as said, and hangs up."""

    def serve(connection: socket.socket) -> None:
        for turn in range(times):
            if turn:
                read_request(connection)
            connection.sendall(answer)

    return serve


def http_answer(status: int = 200, body: bytes = b"{}", *headers: bytes) -> bytes:
    head = b"HTTP/1.1 %d Words\r\nContent-Length: %d\r\n" % (status, len(body))
    return head + b"".join(each + b"\r\n" for each in headers) + b"\r\n" + body


def read_request(connection: socket.socket) -> bytes:
    """The head of a request and the body it announces; of a TLS greeting, what came first."""
    data = b""
    while b"\r\n\r\n" not in data and data[:1] != b"\x16":
        chunk = connection.recv(65536)
        if not chunk:
            return data
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")]
    while lengths and len(body) < int(lengths[0]):
        chunk = connection.recv(65536)
        if not chunk:
            break
        body += chunk
    return head + b"\r\n\r\n" + body


@contextmanager
def listening(serve: Serve, tls: ssl.SSLContext | None = None) -> Iterator[Listening]:
    """Serves one connection after another, each handed to `serve` once its request is read."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        seen = Listening(listener.getsockname()[1])
        over = threading.Event()

        def run() -> None:
            while not over.is_set():
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection, suppress(OSError):
                    connection.settimeout(10)
                    spoken = tls.wrap_socket(connection, server_side=True) if tls else connection
                    with spoken:
                        request = read_request(spoken)
                        if over.is_set():
                            return
                        seen.requests.append(request)
                        serve(spoken)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield seen
        finally:
            over.set()
            with suppress(OSError), socket.create_connection(("127.0.0.1", seen.port), timeout=1):
                pass
            thread.join(15)


@dataclass(frozen=True)
class Shown:
    """A certificate a server shows: as files, and as it is on the wire."""

    file: Path
    der: bytes

    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.file)
        return context


def a_certificate(folder: Path, name: str = "pbx.example.com", *, days: int = 90) -> Shown:
    """Signed by itself: whoever is told to trust the file trusts it, and nobody else."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=400))
        .not_valid_after(now + timedelta(days=days, hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{name.replace('*', 'any')}-{days}.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return Shown(file, certificate.public_bytes(serialization.Encoding.DER))


def asked(
    app: Starlette, method: str, path: str, *, client: tuple[str, int] = ("127.0.0.1", 4711), **request: Any
) -> httpx.Response:
    """What the application answers, without a socket in between."""

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=app, client=client)
        async with httpx.AsyncClient(transport=transport, base_url="http://agent") as web:
            return await web.request(method, path, **request)

    return asyncio.run(ask())
