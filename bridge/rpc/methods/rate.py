"""`rate.*`: what a call costs, and why."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from bridge import quotes
from bridge.app import Bridge
from bridge.database import now, transact
from bridge.rating.call import SECONDS_MAX, Call, Direction, read_instant
from bridge.rpc.method import Caller, Id, Method, Params

NUMBER_MAX = 255

Dialled = Annotated[str, Field(max_length=NUMBER_MAX)]

Moment = Annotated[datetime, BeforeValidator(lambda value: read_instant(value) if isinstance(value, str) else value)]


class Quote(Params):
    """By a loaded package, or for a service: its package, and the extensions of its tenant."""

    package_id: Annotated[Id, Field(description="The product whose package it is.")] | None = None
    service_id: Id | None = None
    to: Annotated[Dialled, Field(description="As it is dialled.")]
    seconds: Annotated[int, Field(ge=0, le=SECONDS_MAX, description="Answered seconds.")]
    from_: Annotated[Dialled, Field(alias="from", description="Who calls.")] = ""
    direction: Annotated[Direction, Field(strict=False)] = Direction.OUTBOUND
    at: Annotated[Moment, Field(description="When it is answered, with its offset; else now.")] | None = None


def quote(bridge: Bridge, _caller: Caller, params: Quote) -> dict[str, Any]:
    moment = params.at or transact(bridge.engine, now)
    call = Call("quote", params.direction, params.from_, params.to, moment, params.seconds)
    return quotes.quoted(bridge, call, product_id=params.package_id, service_id=params.service_id)


METHODS = (Method("rate.quote", "What a call would cost, and why.", Quote, quote),)
