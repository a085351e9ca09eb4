"""Calls and charges between rows and columns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bridge.rating.amount import exact_text
from bridge.rating.bulk.calls import DIRECTIONS, Calls
from bridge.rating.bulk.calls_file import csv_cell
from bridge.rating.bulk.charges import lines_of
from bridge.rating.bulk.engine import Bulk
from bridge.rating.bulk.instants import microseconds
from bridge.rating.bulk.period import Row, grant
from bridge.rating.bulk.texts import Texts
from bridge.rating.call import Call
from bridge.rating.charge import Charge
from bridge.rating.price import micro_text
from bridge.rating.terms import Terms
from bridge.rating.usage import Usage


def columns_of(calls: Sequence[Call]) -> Calls:
    def texts(values: list[str]) -> Texts:
        return Texts.of([value.encode() for value in values])

    return Calls(
        ids=texts([call.id for call in calls]),
        directions=np.array([DIRECTIONS.index(call.direction) for call in calls], np.int8),
        callers=texts([call.caller for call in calls]),
        called=texts([call.called for call in calls]),
        extensions=texts([call.extension for call in calls]),
        moments=np.array([microseconds(call.moment) for call in calls], np.int64),
        seconds=np.array([call.seconds for call in calls], np.int64),
        clients=texts([""] * len(calls)),
    )


def rated_in_bulk(calls: Sequence[Call], terms: Terms, usage: Usage, *, block: int = 1 << 18) -> list[str]:
    """The lines of their charges, in the order of the calls."""
    bulk = Bulk(terms, usage)
    stage, waiting = bulk.stage(columns_of(calls))
    places = np.flatnonzero(stage.waits).tolist()
    granted = grant(
        waiting,
        bulk.chains,
        terms.package,
        usage,
        lambda waiting: [row_of(calls[places[place]]) for place in waiting],
        block=block,
    )
    charges = bulk.finish(stage, granted)
    return lines_of(charges, bulk.prices.texts, bulk.notes, decimals=terms.package.cost_decimals).decode().splitlines()


def row_of(call: Call) -> Row:
    caller, called, extension = (text.encode() for text in (call.caller, call.called, call.extension))
    return call.id.encode(), call.direction, caller, called, extension, call.seconds


def line_of(charge: Charge, terms: Terms) -> str:
    """As CHARGES.csv has it."""
    amount = "" if charge.micro is None else micro_text(charge.micro, terms.package.cost_decimals)
    price = "" if charge.per_minute is None else exact_text(charge.per_minute)
    source = charge.source.value if charge.source else ""

    def cell(text: str) -> str:
        return csv_cell(text.encode()).decode()

    return ",".join(
        (
            charge.call_id,
            charge.cls.value,
            charge.number,
            source,
            cell(charge.prefix),
            price,
            str(charge.billed_seconds),
            str(charge.free_seconds),
            amount,
            cell(charge.note),
        )
    )
