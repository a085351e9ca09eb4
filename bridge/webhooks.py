"""Signed notices from WHMCS's hooks. A notice proves nothing and changes nothing: it is a reason to look."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from pydantic import Field, StringConstraints, ValidationError

from bridge import strict_json
from bridge.errors import Refused
from bridge.rpc.dispatch import wrong_fields
from bridge.rpc.faults import invalid_params
from bridge.rpc.method import Caller, Params

SCOPE = "notice.send"
"""What a key's scopes have to allow, if it has any."""

BODY_BYTES_MAX = 16 * 1024

_Id = Annotated[int, Field(gt=0, le=2**53)]


class Notice(Params):
    """What happened in WHMCS, by its hook's name, and to what. The bridge reads the rest itself."""

    event: Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,63}$")]
    service_id: _Id | None = None
    client_id: _Id | None = None
    product_id: _Id | None = None
    server_id: _Id | None = None


Receive = Callable[[Notice], object]
"""What a notice triggers. It is called in a worker thread and may be called twice for one event."""


def read_notice(caller: Caller, body: bytes) -> Notice:
    """The notice, or a Refused: `forbidden`, `parse_error` or `invalid_params`."""
    if not caller.may(SCOPE):
        raise Refused("this key sends no notices", kind="forbidden")
    try:
        document = strict_json.read(body)
    except ValueError:
        raise Refused("the notice is not strict JSON", kind="parse_error") from None
    try:
        return Notice.model_validate(document)
    except ValidationError as error:
        fields = invalid_params(wrong_fields(error)).fields
        raise Refused("the notice is not of this shape", kind="invalid_params", fields=fields) from None
