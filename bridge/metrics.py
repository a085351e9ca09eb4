"""Figures for Prometheus, in a registry of our own. Never a tenant, a client or a number in a label (T-30)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from bridge.errors import BridgeError
from bridge.logs import say

log = logging.getLogger("bridge.metrics")

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20)


class Metrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._calls = Counter(
            "bridge_rpc_calls", "Calls by method and outcome.", ("method", "outcome"), registry=self.registry
        )
        self._seconds = Histogram(
            "bridge_rpc_seconds", "How long a call took.", ("method",), buckets=_SECONDS, registry=self.registry
        )
        self._refused = Counter(
            "bridge_gate_refused", "Requests stopped before a method was asked.", ("kind",), registry=self.registry
        )
        self._notices = Counter(
            "bridge_whmcs_notices", "Signed notices from WHMCS.", ("outcome",), registry=self.registry
        )
        self.draining = Gauge("bridge_draining", "1 while the bridge finishes before it stops.", registry=self.registry)

    def call(self, method: str, outcome: str, seconds: float) -> None:
        self._calls.labels(method, outcome).inc()
        self._seconds.labels(method).observe(seconds)

    def refused(self, kind: str) -> None:
        self._refused.labels(kind).inc()

    def notice(self, outcome: str) -> None:
        self._notices.labels(outcome).inc()

    def watch(self, name: str, help_: str, label: str, count: Callable[[], Mapping[str, float]]) -> None:
        """A figure that is counted when somebody looks, such as operations by state; without a label, under ''."""
        self.registry.register(_Watched(name, help_, label, count))

    def text(self) -> bytes:
        return generate_latest(self.registry)


class _Watched(Collector):
    def __init__(self, name: str, help_: str, label: str, count: Callable[[], Mapping[str, float]]) -> None:
        self._name = name
        self._help = help_
        self._label = label
        self._count = count

    def describe(self) -> Iterable[GaugeMetricFamily]:
        return [self._family()]

    def collect(self) -> Iterable[GaugeMetricFamily]:
        family = self._family()
        try:
            counted = self._count()
        except BridgeError as trouble:  # the other figures are there all the same
            say(log, logging.WARNING, "a figure could not be counted", figure=self._name, cause=str(trouble))
            return []
        for word, value in sorted(counted.items()):
            family.add_metric([word] if self._label else [], value)
        return [family]

    def _family(self) -> GaugeMetricFamily:
        return GaugeMetricFamily(self._name, self._help, labels=[self._label] if self._label else None)
