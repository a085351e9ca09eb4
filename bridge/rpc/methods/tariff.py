"""`tariff.*`: price lists, staged, activated, compared, and the rows in them that packages price themselves."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from bridge import tariff_activation, tariff_staging, tariffs
from bridge.app import Bridge
from bridge.errors import NotPrepared
from bridge.line import Line
from bridge.rating.decks.cells import read_moment
from bridge.rating.decks.choices import DecimalMark, Flow, RouteClass
from bridge.rating.price import Unreadable
from bridge.rpc.method import Caller, Method, Params, WriteParams, asking_of
from bridge.tariff_staging import Wanted

CONTENT_MAX = 1_000_000

Name = Annotated[Line, StringConstraints(min_length=1, max_length=64)]
Which = Annotated[
    Name, Field(description="A tariff by its name, which is its deck in force; or a deck by its number or table.")
]
Header = Annotated[Line, StringConstraints(min_length=1, max_length=128)]
Digits = Annotated[str, StringConstraints(pattern=r"^[0-9]{0,15}$")]
Prefix = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,14}$")]
Moment = Annotated[
    str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?)?$")
]
Confirm = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]


class Import(WriteParams):
    provider: Name
    name: Annotated[Name, Field(description="The tariff that packages name; lists follow one another in it.")]
    content: Annotated[str, Field(min_length=1, max_length=CONTENT_MAX, description="The price list as CSV.")]
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] | None = None
    effective: Annotated[Moment, Field(description="From when it holds, UTC; else when it is activated.")] | None = None
    direction: Flow = "outbound"
    route_class: RouteClass = "value"
    mapping: Annotated[dict[Header, Header], Field(max_length=30, default_factory=dict)]
    unit_seconds: Annotated[int, Field(ge=1, le=3600, description="What a price is for.")] | None = None
    increment: Annotated[Line, StringConstraints(max_length=20)] | None = None
    decimal_mark: DecimalMark | None = None
    date_format: Annotated[Line, StringConstraints(max_length=40)] | None = None
    time_zone: Annotated[Line, StringConstraints(max_length=64)] | None = None
    strip: Digits = ""
    prepend: Digits = ""
    keep_customs: Annotated[bool, Field(description="Carry custom flags over from the deck before.")] = True
    file_name: Annotated[Line, StringConstraints(max_length=255)] = ""


class Activate(WriteParams):
    deck_id: Annotated[int, Field(ge=1, le=2**53)]
    confirm: Annotated[Confirm, Field(description="What its import answered: it was looked at.")]
    effective: Moment | None = None
    accept_refused: bool = False


class List(Params):
    provider: Name | None = None
    name: Name | None = None


class Diff(Params):
    deck: Which
    against: Name | None = None


class SetCustom(WriteParams):
    """What is not named is left as it is."""

    deck: Which
    set: Annotated[list[Prefix], Field(max_length=tariffs.PREFIXES_MAX, default_factory=list)]
    clear: Annotated[list[Prefix], Field(max_length=tariffs.PREFIXES_MAX, default_factory=list)]


class Rollback(WriteParams):
    name: Name
    reason: Annotated[Line, StringConstraints(max_length=255)] = ""


def import_(bridge: Bridge, caller: Caller, params: Import) -> dict[str, Any]:
    names = ("unit_seconds", "increment", "decimal_mark", "date_format", "time_zone", "strip", "prepend")
    wanted = Wanted(
        provider=params.provider,
        name=params.name,
        currency=params.currency,
        effective=_moment(params.effective),
        direction=params.direction,
        route_class=params.route_class,
        mapping=params.mapping,
        how={name: value for name in names if (value := getattr(params, name))},
        file_name=params.file_name,
        keep_customs=params.keep_customs,
    )
    return tariff_staging.stage_text(bridge, asking_of(caller, "tariff.import", params), wanted, params.content)


def activate(bridge: Bridge, caller: Caller, params: Activate) -> dict[str, Any]:
    return tariff_activation.activate(
        bridge,
        asking_of(caller, "tariff.activate", params),
        params.deck_id,
        confirm=params.confirm,
        effective=_moment(params.effective),
        accept_refused=params.accept_refused,
    )


def listed(bridge: Bridge, _caller: Caller, params: List) -> dict[str, Any]:
    return {"decks": tariffs.listed(bridge, provider=params.provider, series=params.name)}


def diff(bridge: Bridge, _caller: Caller, params: Diff) -> dict[str, Any]:
    return tariffs.compared(bridge, params.deck, params.against)


def set_custom(bridge: Bridge, caller: Caller, params: SetCustom) -> dict[str, Any]:
    asking = asking_of(caller, "tariff.set_custom", params)
    return tariffs.set_custom(bridge, asking, params.deck, custom=params.set, clear=params.clear)


def rollback(bridge: Bridge, caller: Caller, params: Rollback) -> dict[str, Any]:
    return tariffs.rollback(bridge, asking_of(caller, "tariff.rollback", params), params.name, params.reason)


def _moment(told: str | None) -> datetime | None:
    try:
        return read_moment(told or "", None, UTC)
    except Unreadable as why:
        raise NotPrepared(f"effective is {why}", kind="invalid_params", fields=[("effective", str(why))]) from None


METHODS = (
    Method("tariff.import", "Stage a price list: what it says, refuses, and would change.", Import, import_, "write"),
    Method("tariff.activate", "Bring a staged deck into force, at once or from a moment.", Activate, activate, "write"),
    Method("tariff.list", "Every deck, newest first, and which is in force.", List, listed),
    Method("tariff.diff", "What a deck changes against the one before it, or another.", Diff, diff),
    Method("tariff.set_custom", "Say which prefixes packages price themselves.", SetCustom, set_custom, "write"),
    Method("tariff.rollback", "Take the deck back that was activated last.", Rollback, rollback, "write"),
)
