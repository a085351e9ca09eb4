"""WHMCS through our addon, with nothing but HTTPS: its records, and the few writes its API does not offer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bridge.errors import NotReached
from bridge.whmcs import php
from bridge.whmcs.endpoint import Endpoint
from bridge.whmcs.reading import ReadRecords, Row, RowPage
from bridge.whmcs.records import Records


def addon_records(endpoint: Endpoint) -> Records:
    return ReadRecords(AddonSource(endpoint))


class AddonSource:
    """Rows from the addon's read endpoint. What it says of its own answer has to be so, or it is none."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def installation(self) -> Row:
        answer = self._endpoint.read({"question": "installation"})
        rows, more = _rows("installation", answer)
        if len(rows) != 1 or more:
            raise _unusable("installation", "it is not one row")
        return rows[0]

    def page(self, question: str, *, modules: Sequence[str] | None, after: int, limit: int) -> RowPage:
        asked: dict[str, Any] = {"question": question, "after": after, "limit": limit}
        if modules is not None:
            asked["modules"] = list(modules)
        rows, more = _rows(question, self._endpoint.read(asked))

        last = after
        for row in rows:
            row_id = _number(question, row.get("id"))
            if row_id <= last:
                raise _unusable(question, "its rows are not in the order of their ids")
            last = row_id
        if len(rows) > limit:
            raise _unusable(question, "it has more rows than were asked for")
        if more and not rows:
            raise _unusable(question, "an empty page says that more follows")
        return RowPage(rows, complete=not more)

    def of(self, question: str, ids: Sequence[int]) -> Sequence[Row]:
        rows, more = _rows(question, self._endpoint.read({"question": question, "ids": list(ids)}))
        if more:
            raise _unusable(question, "it is only a part")
        return rows


def resolve_queue_entry(endpoint: Endpoint, *, service_id: int, module_action: str) -> bool:
    """Mark the failed action of a service as resolved in WHMCS's module queue. False: none was open. Safe to repeat."""
    answer = endpoint.post({"action": "queue.resolve", "service_id": service_id, "module_action": module_action})
    return answer.get("done") is True


def _rows(question: str, answer: Mapping[str, Any]) -> tuple[list[Row], bool]:
    rows, more = answer.get("rows"), answer.get("more")
    if answer.get("question") != question or not isinstance(rows, list) or not isinstance(more, bool):
        raise _unusable(question, "it answers something else")
    if answer.get("count") != len(rows) or not all(isinstance(row, Mapping) for row in rows):
        raise _unusable(question, "its rows are not as many as it says")
    return rows, more


def _number(question: str, value: Any) -> int:
    try:
        return php.number(value)
    except php.Unreadable as error:
        raise _unusable(question, str(error)) from error


def _unusable(question: str, what: str) -> NotReached:
    return NotReached(f"the WHMCS addon's answer to {question} cannot be used: {what}", kind="unavailable")
