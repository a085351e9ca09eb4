"""Call sheets: prices, calls and what each call costs, so that a billing clerk could write the next one.

    check('''
        markup_percent = "25"                              a key of the package, as in its file
        rate      1809   0.25  60/6                        a row of the deck: prefix, price a minute, first/next
        rate      27     0.05  60/60  setup 0.02  min 0.05  grace 5s  least 30s  premium 0.07  from 2026-01-01
        rate      27     0.03  hours mon-fri,08:00-18:00   for calls answered then
        rate      2779   custom                            a row that is marked as the package's own
        outbound  0.029  60/60                             the package's own price; also: inbound
        contract  44     0.01  1/1                         the price of one service for a prefix
        override  2779   0.03                              the package's price for a prefix
        bundle    48     1000m  0.05                       a country with free time, and its price after that
        tier      500m   0.02                              and the last: tier  rest  0.01
        special   1300   0.20/call  0.03/min  step 1s  priority 15
        used      900m   included                          what was used before; also: tiers, or a bundle's prefixes
        zone      Europe/London                            whose clock says the hours of the deck
        call      18095551234  61s  0.275                  a call, and its price: held where it has none
        call      18095551234  61s  0.275  billed 66s  free 0s  class billable  source tariff  at 2026-01-01T12:00Z
        in        447700900123  61299990000  60s  0.02     an inbound call: from, to
        local     201    60s  0                            a call within the PBX
        close     -0.50                                    what the period still adjusts when it closes
    ''')

Every call is computed a second time from its explanation alone, and a third time by the column. Lines that
begin with # say something.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from typing import Any

from bridge.rating import tiers
from bridge.rating.allowance import bundle_name
from bridge.rating.call import Call, Direction
from bridge.rating.charge import Charge, rate_call
from bridge.rating.decks.deck import Deck
from bridge.rating.decks.hours import read_hours
from bridge.rating.explanation import recompute
from bridge.rating.numbers.site import site_of
from bridge.rating.packages.file import read_package
from bridge.rating.packages.package import Bundle, Charging, Override, OwnPrice, Package, Special, Tier
from bridge.rating.packages.parts import WAYS, Way
from bridge.rating.price import micro_text, read_price
from bridge.rating.rate import MINUTES, Increments, Rate
from bridge.rating.series import Series
from bridge.rating.terms import Terms
from bridge.rating.usage import Usage
from tests.rating.columns import line_of, rated_in_bulk

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)

DEFAULTS: dict[str, Any] = {"name": "Sheet", "product_id": 1, "type": "metered", "currency": "USD", "country": "US"}

Words = list[str]


def check(sheet: str) -> list[Charge]:
    """Rate the calls of a sheet and compare. Gives the charges, for those who want to know more."""
    return Sheet.read(sheet).check()


@dataclass
class Sheet:
    keys: list[str] = field(default_factory=list)
    rates: list[Rate] = field(default_factory=list)
    inbound_rates: list[Rate] = field(default_factory=list)
    contracts: list[Override] = field(default_factory=list)
    overrides: list[Override] = field(default_factory=list)
    bundles: list[Bundle] = field(default_factory=list)
    tiers: list[Tier] = field(default_factory=list)
    specials: list[Special] = field(default_factory=list)
    own: dict[str, OwnPrice] = field(default_factory=dict)
    extensions: list[str] = field(default_factory=list)
    zone: str = "UTC"
    used: list[tuple[str, int]] = field(default_factory=list)
    calls: list[tuple[Call, str, dict[str, str], str]] = field(default_factory=list)
    closing: str | None = None

    @classmethod
    def read(cls, sheet: str) -> Sheet:
        found = cls()
        for line in sheet.splitlines():
            words = line.split()
            if not words or words[0].startswith("#"):
                continue
            if len(words) > 1 and words[1] == "=":
                found.keys.append(line)
            else:
                LINES[words[0]](found, words[1:])
        return found

    def package(self) -> Package:
        document = DEFAULTS | tomllib.loads("\n".join(self.keys))
        if self.tiers:
            document |= {"rate_plan": "tiered", "tiers": [{"per_minute": "0"}]}
        document |= {way: {"per_minute": "0"} for way in self.own}
        package = read_package(document)
        return replace(
            package,
            destinations=tuple(self.bundles),
            overrides=tuple(self.overrides),
            special_numbers=tuple(self.specials),
            tiers=tuple(self.tiers),
            outbound=self.own.get("outbound", package.outbound),
            inbound=self.own.get("inbound", package.inbound),
        )

    def terms(self) -> Terms:
        package = self.package()
        outbound = Deck.of(self.rates, currency=package.currency, name="deck", time_zone=self.zone)
        return Terms(
            package,
            site_of(package, self.extensions),
            outbound=Series.of(outbound) if self.rates else None,
            inbound=Series.of(Deck.of(self.inbound_rates, currency=package.currency)) if self.inbound_rates else None,
            service_overrides=self.contracts,
        )

    def usage(self) -> Usage:
        usage = Usage()
        for name, seconds in self.used:
            if name == "tiers":
                usage.tier_seconds = seconds
            elif name == "included":
                usage.consumed[name] = seconds
            else:
                bundle = next(each for each in self.bundles if name in each.prefixes)
                usage.consumed[bundle_name(bundle)] = seconds
        return usage

    def check(self) -> list[Charge]:
        terms, usage = self.terms(), self.usage()
        charges = []
        for call, expected, more, line in self.calls:
            charge = rate_call(call, terms, usage)
            assert _shown(charge, terms) == _expected(expected, terms), line
            assert {name: _SAID[name](charge) for name in more} == more, line
            document = json.loads(json.dumps(charge.explanation.document()))
            assert recompute(document) == charge.micro, line
            charges.append(charge)
        self._check_in_bulk(charges, terms)
        if self.closing is not None:
            adjustment = tiers.adjustment(terms.package, usage)
            assert micro_text(adjustment) == micro_text(read_price(self.closing) // 10_000), "close"
        return charges

    def _check_in_bulk(self, charges: list[Charge], terms: Terms) -> None:
        """The engine for columns says the same, where a file of calls could say as much of them, in that order."""
        calls = [call for call, *_ in self.calls]
        in_order = sorted(calls, key=lambda call: (call.moment, call.id)) == calls
        if in_order and not any(call.description or call.in_conference for call in calls):
            lines = rated_in_bulk(calls, self.terms(), self.usage())
            assert lines == [line_of(charge, terms) for charge in charges]


def seconds(word: str) -> int:
    """`90s`, `1.5m`, `2h`."""
    amount = read_price(word[:-1]) * {"s": 1, "m": 60, "h": 3600}[word[-1]]
    assert amount % 10**10 == 0, f"{word} is not a whole number of seconds"
    return amount // 10**10


def increments(word: str) -> Increments:
    first, _, step = word.partition("/")
    return Increments(int(first), int(step or first))


def moment(word: str) -> datetime:
    found = datetime.fromisoformat(word)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _pairs(words: Words) -> dict[str, str]:
    assert len(words) % 2 == 0, f"{' '.join(words)}: a word and its value, in pairs"
    return dict(zip(words[::2], words[1::2], strict=True))


def _nothing(more: dict[str, str]) -> dict[str, Any]:
    assert not more, f"no such word here: {' '.join(more)}"
    return {}


def _way(more: dict[str, str]) -> Way:
    return {each: each for each in WAYS}[more.pop("direction", "outbound")]  # type: ignore[index]  # or it is no way


def _rate(words: Words) -> Rate:
    prefix, price, *rest = words
    if price == "custom":
        return Rate(prefix, 0, is_custom=True)
    if price == "blank":
        return Rate(prefix, 0, is_priced=False)
    steps = increments(rest.pop(0)) if rest and "/" in rest[0] else MINUTES
    more = _pairs(rest)
    return Rate(
        prefix,
        read_price(price),
        replace(
            steps,
            grace_seconds=seconds(more.pop("grace", "0s")),
            min_seconds=seconds(more.pop("least", "0s")),
        ),
        setup=read_price(more.pop("setup", "0")),
        min_cost=read_price(more.pop("min", "0")),
        premium=read_price(more.pop("premium")) if "premium" in more else None,
        effective_from=moment(more.pop("from")) if "from" in more else None,
        effective_to=moment(more.pop("to")) if "to" in more else None,
        band=read_hours(more.pop("hours").replace(",", " ")) if "hours" in more else None,
        caller_prefix=more.pop("caller", ""),
        **_nothing(more),
    )


def _override(words: Words) -> Override:
    prefix, price, *rest = words
    steps = increments(rest.pop(0)) if rest and "/" in rest[0] else None
    more = _pairs(rest)
    return Override(prefix, read_price(price), steps, _way(more), **_nothing(more))


def _bundle(words: Words) -> Bundle:
    prefixes, included, *rest = words
    price = read_price(rest.pop(0)) if rest else None
    return Bundle(tuple(prefixes.split(",")), seconds(included), price, increments(rest.pop(0)) if rest else None)


def _tier(words: Words) -> Tier:
    bound, price = words
    return Tier(None if bound == "rest" else seconds(bound), read_price(price))


def _special(words: Words) -> Special:
    pattern, *rest = words
    amounts = {unit: price for price, _, unit in (word.partition("/") for word in rest) if unit in ("call", "min")}
    more = _pairs([word for word in rest if not word.endswith(("/call", "/min"))])
    modes = {("call",): Charging.PER_CALL, ("min",): Charging.PER_MINUTE, ("call", "min"): Charging.HYBRID}
    return Special(
        pattern.strip("/"),
        kind="regex" if pattern.startswith("/") else "prefix",
        mode=modes[tuple(sorted(amounts))],
        per_call=read_price(amounts.get("call", "0")),
        price=read_price(amounts.get("min", "0")),
        step_seconds=seconds(more.pop("step", "60s")),
        priority=int(more.pop("priority", "10")),
        effective_from=moment(more.pop("from")) if "from" in more else None,
        effective_to=moment(more.pop("to")) if "to" in more else None,
        direction=_way(more),
        **_nothing(more),
    )


def _own(name: str) -> Callable[[Sheet, Words], None]:
    def read(sheet: Sheet, words: Words) -> None:
        price = None if words[0] == "-" else read_price(words[0])
        sheet.own[name] = OwnPrice(price, increments(words[1]) if len(words) > 1 else MINUTES)

    return read


_ids = count(1)


def _call(direction: Direction) -> Callable[[Sheet, Words], None]:
    def read(sheet: Sheet, words: Words) -> None:
        line = f"{direction} {' '.join(words)}"
        caller = words.pop(0) if direction is Direction.INBOUND else "12045550100"
        called, duration, expected, *rest = words
        more = _pairs(rest)
        call = Call(
            f"c{next(_ids):06d}",
            direction,
            caller,
            called,
            moment(more.pop("at")) if "at" in more else NOON,
            seconds(duration),
            description=more.pop("said", ""),
            in_conference=more.pop("conference", "no") == "yes",
        )
        sheet.calls.append((call, expected, more, line))

    return read


def _zone(sheet: Sheet, words: Words) -> None:
    (sheet.zone,) = words


def _close(sheet: Sheet, words: Words) -> None:
    (sheet.closing,) = words


LINES: dict[str, Callable[[Sheet, Words], Any]] = {
    "rate": lambda sheet, words: sheet.rates.append(_rate(words)),
    "inbound-rate": lambda sheet, words: sheet.inbound_rates.append(_rate(words)),
    "contract": lambda sheet, words: sheet.contracts.append(_override(words)),
    "override": lambda sheet, words: sheet.overrides.append(_override(words)),
    "bundle": lambda sheet, words: sheet.bundles.append(_bundle(words)),
    "tier": lambda sheet, words: sheet.tiers.append(_tier(words)),
    "special": lambda sheet, words: sheet.specials.append(_special(words)),
    "outbound": _own("outbound"),
    "inbound": _own("inbound"),
    "extension": lambda sheet, words: sheet.extensions.extend(words),
    "zone": _zone,
    "used": lambda sheet, words: sheet.used.append((words[1], seconds(words[0]))),
    "call": _call(Direction.OUTBOUND),
    "in": _call(Direction.INBOUND),
    "local": _call(Direction.LOCAL),
    "close": _close,
}

_SAID: dict[str, Callable[[Charge], str]] = {
    "billed": lambda charge: f"{charge.billed_seconds}s",
    "free": lambda charge: f"{charge.free_seconds}s",
    "class": lambda charge: charge.cls.value,
    "source": lambda charge: charge.source.value if charge.source else "none",
    "prefix": lambda charge: charge.prefix or "none",
    "number": lambda charge: charge.number or "none",
}


def _shown(charge: Charge, terms: Terms) -> str:
    return "held" if charge.micro is None else micro_text(charge.micro, terms.package.cost_decimals)


def _expected(written: str, terms: Terms) -> str:
    """With as many decimals as the package rounds to, so that a sheet may write 0.07 for 0.070000."""
    if written == "held":
        return written
    micro, finer = divmod(read_price(written), 10_000)
    assert finer == 0, f"{written} has more decimals than a charge"
    return micro_text(micro, terms.package.cost_decimals)
