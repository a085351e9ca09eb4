"""One POST to WHMCS, whatever its status: what the answer means is read by those who asked."""

from __future__ import annotations

from collections.abc import Mapping

import httpx

from bridge.errors import NotReached, OutcomeUnknown
from bridge.http import Answer, ask

_ANY_STATUS = range(100, 600)


def exchange(
    http: httpx.Client,
    path: str,
    *,
    asked: str,
    reading: bool,
    headers: Mapping[str, str] | None = None,
    content: bytes | None = None,
    form: Mapping[str, str] | None = None,
) -> Answer:
    """`asked` is what the question is called in messages: every action of WHMCS's API has the same path."""
    try:
        return ask(
            http,
            "POST",
            path,
            of=f"WHMCS ({asked})",
            reading=reading,
            accept=_ANY_STATUS,
            headers=headers,
            content=content,
            form=form,
        )
    except (NotReached, OutcomeUnknown) as error:
        raise type(error)(str(error), kind="unavailable") from error  # by itself it would be told as a PBX's trouble
