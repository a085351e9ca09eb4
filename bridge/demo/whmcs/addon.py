"""Our addon's two signed doors, as docs/whmcs-addon-protocol.md describes them: what the PHP addon will be."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.exc import IntegrityError

from bridge import signature
from bridge.demo.whmcs import modules, tables
from bridge.demo.whmcs.api import Page
from bridge.demo.whmcs.standin import StandIn
from bridge.errors import NotPrepared, NotReached
from bridge.whmcs import questions
from bridge.whmcs.endpoint import PATHS, PROTOCOL, AddonKey, Door
from bridge.whmcs.records import IDS_MAX, PAGE_MAX
from bridge.whmcs.sql import SqlSource

TOLERANCE_SECONDS = 300
NONCE_SECONDS = 660
BODY_MAX = 64 * 1024

_MODULE = re.compile(r"[a-z][a-z0-9]{0,31}", re.ASCII)
_FUNCTION = re.compile(r"[A-Za-z][A-Za-z0-9]{0,63}", re.ASCII)


class _No(Exception):
    """A refusal that is signed like every answer."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message


def serve(whmcs: StandIn, door: Door, headers: Iterable[tuple[str, str]], body: bytes) -> tuple[Page, dict[str, str]]:
    """The answer and its headers. Who does not prove to be the bridge gets one text, unsigned."""
    key = whmcs.addon_key
    if key is None:
        return Page(404, b"<html><body>Not Found</body></html>", "text/html"), {}
    stamp = signature.stamp_from(headers)
    if stamp is None or not _is_proved(whmcs, key, door, stamp, body):
        return Page(401, b'{"error":{"kind":"unauthenticated","message":"not authenticated"}}'), {}

    status, said = _answer(whmcs, door, body)
    written = json.dumps({"protocol": PROTOCOL, **said}, ensure_ascii=False, separators=(",", ":")).encode()
    signed = signature.response_headers(
        [signature.secret_bytes(key.secret)],
        status=status,
        key_id=key.key_id,
        timestamp=int(whmcs.clock().timestamp()),
        nonce=stamp.nonce,
        body=written,
    )
    return Page(status, written), signed


def _answer(whmcs: StandIn, door: Door, body: bytes) -> tuple[int, dict[str, Any]]:
    try:
        asked = _document(body)
        return 200, _read(whmcs, asked) if door == "read" else _post(whmcs, asked)
    except _No as no:
        status, kind, message = no.status, no.kind, no.message
    except NotPrepared as error:
        status, kind, message = 409, "not_prepared", str(error)
    except NotReached as error:
        status, kind, message = 503, "unavailable", str(error)
    return status, {"error": {"kind": kind, "message": message}}


def _is_proved(whmcs: StandIn, key: AddonKey, door: Door, stamp: signature.Stamp, body: bytes) -> bool:
    text = signature.request_text(
        method="POST",
        path=PATHS[door],
        audience=key.audience,
        key_id=stamp.key_id,
        timestamp=stamp.timestamp,
        nonce=stamp.nonce,
        body=body,
    )
    now = int(whmcs.clock().timestamp())
    return (
        signature.is_signed([signature.secret_bytes(key.secret)], text, stamp.signatures)
        and stamp.key_id == key.key_id
        and abs(now - stamp.timestamp) <= TOLERANCE_SECONDS
        and _is_new(whmcs, stamp.nonce, now)
    )


def _is_new(whmcs: StandIn, nonce: str, now: int) -> bool:
    """Whether this nonce was never seen: its primary key says so."""

    def keep(tx: Connection) -> None:
        tx.execute(tables.nonces.delete().where(tables.nonces.c.expires < now))
        tx.execute(tables.nonces.insert().values(nonce=nonce, expires=now + NONCE_SECONDS))

    try:
        whmcs.within(keep)
    except IntegrityError:
        return False
    return True


def _document(body: bytes) -> dict[str, Any]:
    if len(body) > BODY_MAX:
        raise _No(413, "too_large", f"a question has at most {BODY_MAX} bytes")
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise _No(400, "invalid", "the body is not a JSON object")
    return found


# --- reading ---------------------------------------------------------------------------------------------------------


def _read(whmcs: StandIn, asked: Mapping[str, Any]) -> dict[str, Any]:
    question = str(asked.get("question"))
    source = SqlSource(whmcs.engine)
    more = False
    if question == "installation":
        _only(asked, "question")
        rows = [source.installation()]
    elif question in questions.BY_IDS:
        _only(asked, "question", "ids")
        rows = list(source.of(question, _ids(asked.get("ids"))))
    elif question in questions.BY_PAGE:
        of_modules = question in questions.OF_MODULES
        _only(asked, "question", "after", "limit", *(["modules"] if of_modules else []))
        found = source.page(
            question,
            modules=_modules(asked.get("modules")) if of_modules else None,
            after=_whole(asked, "after", 0, 2**31 - 1),
            limit=_whole(asked, "limit", 1, PAGE_MAX),
        )
        rows, more = list(found.rows), not found.complete
    else:
        raise _No(400, "unknown_question", "there is no such question")
    return {
        "installation": source.installation()["installation_id"],
        "question": question,
        "rows": rows,
        "count": len(rows),
        "more": more,
    }


def _only(asked: Mapping[str, Any], *names: str) -> None:
    if set(asked) != set(names):
        raise _No(400, "invalid", f"this has exactly the members {', '.join(sorted(names))}")


def _whole(asked: Mapping[str, Any], name: str, least: int, most: int) -> int:
    value = asked.get(name)
    if type(value) is not int or not least <= value <= most:
        raise _No(400, "invalid", f"{name} is a whole number from {least} to {most}")
    return value


def _ids(value: Any) -> list[int]:
    if not isinstance(value, list) or not 1 <= len(value) <= IDS_MAX or not all(type(each) is int for each in value):
        raise _No(400, "invalid", f"ids is a list of 1 to {IDS_MAX} whole numbers")
    return value


def _modules(value: Any) -> list[str]:
    if not isinstance(value, list) or not 1 <= len(value) <= 20:
        raise _No(400, "invalid", "modules is a list of 1 to 20 names")
    if not all(isinstance(each, str) and _MODULE.fullmatch(each) for each in value):
        raise _No(400, "invalid", "modules holds names of server modules")
    return value


# --- writing ---------------------------------------------------------------------------------------------------------


def _post(whmcs: StandIn, asked: Mapping[str, Any]) -> dict[str, Any]:
    if asked.get("action") != "queue.resolve":
        raise _No(400, "unknown_action", "there is no such action")
    _only(asked, "action", "service_id", "module_action")
    service_id = _whole(asked, "service_id", 1, 2**31 - 1)
    function = asked["module_action"]
    if not isinstance(function, str) or not _FUNCTION.fullmatch(function):
        raise _No(400, "invalid", "module_action is the name of a module function")

    def resolve(tx: Connection) -> tuple[str | None, bool]:
        rows = tables.addon_modules
        mine = select(rows.c.value).where(rows.c.module == questions.OUR_MODULE, rows.c.setting == "installation_id")
        return tx.execute(mine).scalar(), modules.resolve(tx, whmcs, service_id, questions.OUR_MODULE, function)

    installation, done = whmcs.within(resolve)
    return {"installation": installation, "action": "queue.resolve", "done": done}
