"""The periods of many clients in one file: each has its allowances and tiers to itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from bridge.rating import tiers
from bridge.rating.bulk.period import Chain, Granted, Row, RowsOf, Waiting, grant
from bridge.rating.packages.package import Package
from bridge.rating.usage import Usage


class ClientPeriods:
    def __init__(self, package: Package) -> None:
        self.adjustments: dict[int, int] = {}
        """What each client's period still adjusts when it closes, in micro-units."""
        self._package = package

    def grant(self, waiting: Waiting, chains: Sequence[Chain], rows_of: RowsOf) -> Granted:
        """As `period.grant`, for one client after the other. Each begins with nothing used."""
        covered = np.zeros(len(waiting), waiting.left.dtype)
        tier_micro = np.zeros(len(waiting), np.int64)
        beyond: dict[int, int] = {}
        for client, places in _by_client(waiting):
            usage = Usage()
            granted = grant(_of(waiting, places), chains, self._package, usage, partial(_rows, rows_of, places))
            covered[places], tier_micro[places] = granted.covered, granted.tier_micro
            beyond |= {int(places[place]): amount for place, amount in granted.beyond.items()}
            adjustment = tiers.adjustment(self._package, usage)
            if adjustment:
                self.adjustments[client] = adjustment
        return Granted(covered, tier_micro, beyond)


def _by_client(waiting: Waiting) -> Iterator[tuple[int, NDArray[np.intp]]]:
    order = np.argsort(waiting.clients, kind="stable")
    clients = waiting.clients[order]
    starts = np.flatnonzero(np.concatenate(([True], clients[1:] != clients[:-1]))).tolist()
    for start, end in zip(starts, [*starts[1:], len(clients)], strict=True):
        yield int(clients[start]), order[start:end]


def _of(waiting: Waiting, places: NDArray[np.intp]) -> Waiting:
    spoken = waiting.spoken[places] if len(waiting.spoken) else waiting.spoken
    return Waiting(
        waiting.moments[places], waiting.chains[places], waiting.left[places], spoken, waiting.in_tiers[places]
    )


def _rows(rows_of: RowsOf, places: NDArray[np.intp], asked: Sequence[int]) -> Sequence[Row]:
    return rows_of(places[list(asked)].tolist())
