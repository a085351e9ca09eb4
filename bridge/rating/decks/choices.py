"""What is said of a price list by one of a few words."""

from __future__ import annotations

from typing import Literal

Flow = Literal["outbound", "inbound", "conference"]
RouteClass = Literal["value", "premium"]
DecimalMark = Literal["point", "comma"]
