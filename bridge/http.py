"""One HTTP exchange, its failures told as what they mean. Every client of the bridge is built here.

    what happened                                       asked to write       asked to read
    no address, refused, no TLS, connect timed out      NotReached           NotReached
    lost after sending: time-out, reset, cut, 5xx, 408  OutcomeUnknown       NotReached
    a redirect, or an answer that is no answer          OutcomeUnknown       NotReached
    429                                                 NotReached           NotReached
    404 / other 4xx                                     NotFound / Refused   NotFound / Refused

A lost read is NotReached because nothing can have changed: asking again is safe. A write always goes out on a new
connection, so that a connection which died of old age is never mistaken for a write that got lost; reads may reuse one,
but none that had an error. There are no redirects, no proxies from the environment and no retries, but for reads that
ask for `repeats`. Messages say what was asked, of whom and what came back; never a query, a header or a body.
"""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NoReturn

import httpx
import tenacity

from bridge import strict_json
from bridge.errors import BridgeError, NotFound, NotPrepared, NotReached, OutcomeUnknown, Refused
from bridge.network import Guard, Trust, judge_port, read_host
from bridge.transport import CALL_SECONDS, CONNECT_SECONDS, GuardedTransport, Unpinned, boot_seconds, today

REPEATS_MAX = 2
REPEATED_SECONDS = 5.0
ANSWER_BYTES = 4 * 1024 * 1024
_REPEAT_AFTER_SECONDS = 0.2


def client(
    base_url: str,
    *,
    guard: Guard,
    trust: Trust | None = None,
    headers: Mapping[str, str] | None = None,
    auth: tuple[str, str] | None = None,
    today: Callable[[], date] = today,
) -> httpx.Client:
    """A client for one system. It connects only where the guard lets it."""
    for talkative in ("httpx", "httpcore"):
        # They log every address with its query and every header that comes back.
        logging.getLogger(talkative).setLevel(logging.WARNING)
    return httpx.Client(
        base_url=read_url(base_url),
        transport=GuardedTransport(guard, trust or Trust(), today),
        timeout=httpx.Timeout(connect=CONNECT_SECONDS, read=CALL_SECONDS, write=CALL_SECONDS, pool=CONNECT_SECONDS),
        headers={"Accept-Encoding": "identity", "User-Agent": "whmcs-voip-bridge", **(headers or {})},
        auth=auth,
        follow_redirects=False,
        trust_env=False,
    )


def read_url(text: str) -> httpx.URL:
    """An address out of configuration: http or https, a host, perhaps a port and a path, and nothing else."""
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        raise NotPrepared("the address is not a URL") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise NotPrepared("the address does not start with http:// or https:// and a host")
    if url.userinfo or url.query or url.fragment:
        raise NotPrepared("the address carries a user, a query or a fragment; only host, port and path belong there")
    read_host(url.host)
    judge_port(url.port or _port_of(url.scheme))
    return url


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whole and within bounds."""

    asked: str
    """Method, path and of whom: how the exchange is called in messages."""
    reading: bool
    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def document(self) -> Any:
        """The body as strict JSON. What is not JSON is no answer: a login page, a cut answer, a warning before it."""
        try:
            return strict_json.read(self.body)
        except ValueError:
            raise self.lost("what came back is not the JSON that was expected") from None

    def lost(self, why: str) -> BridgeError:
        """The trouble of an answer that says nothing: raise it when the content makes no sense."""
        return _lost(self.asked, why, reading=self.reading)


def ask(
    client: httpx.Client,
    method: str,
    path: str,
    *,
    of: str,
    reading: bool,
    seconds: float = CALL_SECONDS,
    answer_bytes: int = ANSWER_BYTES,
    accept: Iterable[int] = (),
    repeats: int = 0,
    sleep: Callable[[float], None] = time.sleep,
    params: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    content: bytes | None = None,
    form: Mapping[str, str] | None = None,
) -> Answer:
    """Ask once and get an answer with a status from 200 to 299, or one listed in `accept`; anything else is trouble.

    `of` is the name an operator knows the system by. Reads may be repeated, at most twice and within 5 s in all (R-19).
    """
    if repeats and not reading:
        raise ValueError("a write is repeated by its operation, never inside a call")
    asked = f"{method} {path.partition('?')[0]} of {of}"
    until = boot_seconds() + (min(seconds, REPEATED_SECONDS) if repeats else seconds)
    request = client.build_request(method, path, params=params, headers=headers, content=content, data=form)
    request.extensions |= {"until": until, "reading": reading}

    def once() -> Answer:
        answer = _exchange(client, request, asked, reading=reading, until=until, answer_bytes=answer_bytes)
        return answer if 200 <= answer.status <= 299 or answer.status in accept else _refuse(answer)

    patient = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(NotReached),
        stop=lambda state: (
            state.attempt_number > min(repeats, REPEATS_MAX) or boot_seconds() + _REPEAT_AFTER_SECONDS >= until
        ),
        wait=tenacity.wait_fixed(_REPEAT_AFTER_SECONDS),
        sleep=sleep,
        reraise=True,
    )
    answer: Answer = patient(once)
    return answer


# --- the exchange ----------------------------------------------------------------------------------------------------


def _exchange(
    client: httpx.Client, request: httpx.Request, asked: str, *, reading: bool, until: float, answer_bytes: int
) -> Answer:
    try:
        response = client.send(request, stream=True)
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
        raise NotReached(f"{asked}: {_not_connected(error)}") from None
    except httpx.TransportError as error:
        raise _lost(asked, _lost_words(error), reading=reading) from None

    try:
        if response.headers.get("content-encoding", "identity") != "identity":
            raise _lost(asked, "the answer came compressed, which was not asked for", reading=reading)
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > answer_bytes:
                raise _lost(asked, f"the answer is longer than {answer_bytes} bytes", reading=reading)
            if boot_seconds() > until:
                raise _lost(asked, "the answer did not end in time", reading=reading)
    except httpx.TransportError as error:
        raise _lost(asked, _lost_words(error), reading=reading) from None
    finally:
        if response.status_code >= 400 and "network_stream" in response.extensions:
            response.extensions["network_stream"].close()
        response.close()
    return Answer(asked, reading, response.status_code, response.headers, bytes(body))


def _refuse(answer: Answer) -> NoReturn:
    status = answer.status
    came = f"{answer.asked}: answered {status}"
    if status == 429:
        raise NotReached(f"{came}, too many requests", status=status)
    if status == 408 or not 400 <= status <= 499:
        words = "a redirect, which is not followed" if 300 <= status <= 399 else "which says nothing of the outcome"
        raise _lost(answer.asked, f"answered {status}, {words}", reading=answer.reading, status=status)
    if status == 401:
        raise Refused(f"{came}: our credentials are not accepted", kind="pbx_rejected", status=status)
    if status == 403:
        raise Refused(f"{came}: known, and not allowed to do this", kind="pbx_rejected", status=status)
    if status == 404:
        raise NotFound(f"{came}: there is no such thing", status=status)
    raise Refused(f"{came}: declined", kind="pbx_rejected", status=status)


def _lost(asked: str, why: str, *, reading: bool, **facts: Any) -> BridgeError:
    kind = NotReached if reading else OutcomeUnknown
    return kind(f"{asked}: {why}", **facts)


def _not_connected(error: httpx.TransportError) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "no connection in time"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"the certificate is not accepted: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError):
            return "TLS failed"
        if isinstance(cause, ConnectionRefusedError):
            return "the connection is refused"
        if isinstance(cause, Unpinned):
            return "the certificate is not the pinned one"
        cause = cause.__cause__ or cause.__context__
    return "no connection"


def _lost_words(error: httpx.TransportError) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "no answer in time"
    if isinstance(error, httpx.RemoteProtocolError):
        return "the answer was cut short or is not HTTP"
    return "the connection was lost"


def _port_of(scheme: str) -> int:
    return 443 if scheme == "https" else 80
