"""The tables of a package that price calls, each read into its value and written back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Literal

import phonenumbers

from bridge.rating.call import Direction
from bridge.rating.packages import cut_points
from bridge.rating.packages.cut_points import Span
from bridge.rating.packages.document import Table, shown
from bridge.rating.packages.package import (
    NUMBER_TYPES,
    Allowed,
    Bundle,
    Charging,
    Conference,
    Fax,
    Filters,
    Override,
    OwnPrice,
    Package,
    Scope,
    Special,
    Tier,
)
from bridge.rating.packages.pattern import check_replacement, compiled
from bridge.rating.price import price_text
from bridge.rating.rate import MINUTES, Increments

Note = Callable[[str], object]
Way = Literal["outbound", "inbound", "both"]

SECONDS_MAX = 10**9
STEP_MAX = 86_400

DIGITS = r"[0-9]{1,15}"
DIGITS_RULE = "1 to 15 digits"
LINE = r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]{1,255}"
LINE_RULE = "one line of 1 to 255 characters"
_CODE = r"[^\x00-\x1f]{1,64}"
_COUNTRY_RULE = "a country of ISO 3166, such as CA"
_FILTER = r"[0-9xX*#]{1,32}|\[[^\[\]\x00-\x1f]{1,64}\][0-9xX*#]{0,32}"
_FILTER_RULE = "digits with x for any digit, such as 1800xxxxxxx, or a word in square brackets, such as [voicemail]"

WAYS: tuple[Way, ...] = ("outbound", "inbound", "both")
KINDS: tuple[Literal["prefix", "regex"], ...] = ("prefix", "regex")


def country(table: Table, name: str) -> str:
    return _country(table, table.text(name, _CODE, _COUNTRY_RULE), name)


def _country(table: Table, code: str, *keys: str | int) -> str:
    if code and code not in phonenumbers.SUPPORTED_REGIONS:
        likely = {"UK": "GB"}.get(code.upper(), code.upper())
        meant = f"; is {likely} meant?" if likely in phonenumbers.SUPPORTED_REGIONS else ""
        table.fault(f"is '{code}', which is no country of ISO 3166 with a numbering plan{meant}", *keys)
    return code


def _countries(table: Table) -> frozenset[str]:
    codes = table.texts("countries", _CODE, _COUNTRY_RULE)
    return frozenset(_country(table, code, "countries") for code in codes)


def _types(table: Table, name: str) -> frozenset[str]:
    return frozenset(table.texts(name, "|".join(NUMBER_TYPES), f"one of {', '.join(NUMBER_TYPES)}"))


def own_price(package: Table, name: str) -> OwnPrice | None:
    table = package.table(name)
    if table is None:
        return None
    own = OwnPrice(table.price("per_minute"), _increments(table) or MINUTES)
    table.end()
    return own


def _increments(table: Table) -> Increments | None:
    """None where nothing is said of them. The first block is a step where only the step is given."""
    said = any(name in table for name in ("first_seconds", "step_seconds", "min_seconds", "grace_seconds"))
    step = table.count("step_seconds", MINUTES.step_seconds, least=1, most=STEP_MAX)
    first = table.count("first_seconds", step, least=1, most=STEP_MAX)
    minimum, grace = (table.count(name, most=STEP_MAX) for name in ("min_seconds", "grace_seconds"))
    return Increments(first, step, minimum, grace) if said else None


def scope(package: Table) -> Scope:
    table = package.table("included_scope")
    if table is None:
        return Scope()
    ways = (Direction.OUTBOUND.value, Direction.INBOUND.value)
    named = table.texts("directions", "|".join(ways), f"one of {', '.join(ways)}")
    # An empty list is every direction.
    directions = frozenset(map(Direction, named or ways)) if "directions" in table else Scope().directions
    found = Scope(directions, _countries(table), _types(table, "types"), table.texts("except", DIGITS, DIGITS_RULE))
    table.end()
    return found


def tiers(package: Table, note: Note, *, in_force: bool) -> tuple[Tier, ...]:
    """In the order of their cut points. Where they price nothing, the last may have an end."""
    before = len(package.faults)
    spans: list[Span] = []
    prices: list[int] = []
    for table in package.tables("tiers"):
        spans.append(_span(table))
        prices.append(table.price("per_minute", required=True) or 0)
        table.end()
    if len(package.faults) == before:
        for place, told in cut_points.faults_of(spans):
            package.fault(told, "tiers", place)
        if in_force and spans and spans[-1].end is not None:
            end = cut_points.minutes_text(spans[-1].end)
            package.fault(
                f"ends at {end}, and the minutes above have no price; the last has no end", "tiers", len(spans) - 1
            )
        if sentence := cut_points.note_on(spans):
            note(f"package.tiers: {sentence}")
    return tuple(Tier(span.end, price) for span, price in zip(spans, prices, strict=True))


def _span(table: Table) -> Span:
    """A tier's end as `up_to_minutes`, or its whole range as `minutes`."""
    name = "minutes" if "minutes" in table else "up_to_minutes"
    written = table.take(name)
    if name == "minutes" and "up_to_minutes" in table:
        table.take("up_to_minutes")
        table.fault("and up_to_minutes say the same; write one of them", name)
    if written is not None and (isinstance(written, bool) or not isinstance(written, int | str)):
        table.fault('is neither whole minutes nor a range in quotes, such as "0-500"', name)
        return Span(None, None)
    try:
        return cut_points.read_span(written)
    except ValueError as error:
        table.fault(f"is '{shown(written)}', which {error}", name)
        return Span(None, None)


def bundles(package: Table) -> tuple[Bundle, ...]:
    return tuple(_bundle(table) for table in package.tables("destinations"))


def _bundle(table: Table) -> Bundle:
    bundle = Bundle(
        prefixes=table.texts("prefixes", DIGITS, DIGITS_RULE, required=True),
        included_seconds=table.count("included_seconds", most=SECONDS_MAX),
        price=table.price("per_minute"),
        increments=_increments(table),
    )
    table.end()
    return bundle


def overrides(package: Table) -> tuple[Override, ...]:
    found = []
    for table in package.tables("overrides"):
        found.append(
            Override(
                prefix=table.text("prefix", DIGITS, DIGITS_RULE, required=True),
                price=table.price("per_minute", required=True) or 0,
                increments=_increments(table),
                direction=table.choice("direction", WAYS, "outbound"),
            )
        )
        table.end()
    return tuple(found)


def special_numbers(package: Table) -> tuple[Special, ...]:
    return tuple(_special(table) for table in package.tables("special_numbers"))


def _special(table: Table) -> Special:
    kind = table.choice("kind", KINDS, "prefix")
    mode = table.choice("mode", Charging, Charging.PER_CALL)
    rule = Special(
        pattern=_pattern(table) if kind == "regex" else table.text("pattern", DIGITS, DIGITS_RULE, required=True),
        kind=kind,
        direction=table.choice("direction", WAYS, "outbound"),
        mode=mode,
        per_call=table.price("per_call", required=mode is not Charging.PER_MINUTE) or 0,
        price=table.price("per_minute", required=mode is not Charging.PER_CALL) or 0,
        step_seconds=table.count("step_seconds", 60, least=1, most=STEP_MAX),
        priority=table.count("priority", 10),
        name=table.text("name", LINE, LINE_RULE),
        enabled=table.flag("enabled", default=True),
        effective_from=table.moment("effective_from"),
        effective_to=table.moment("effective_to"),
    )
    if rule.effective_from and rule.effective_to and rule.effective_to <= rule.effective_from:
        table.fault("is not after effective_from", "effective_to")
    table.end()
    return rule


def _pattern(table: Table) -> str:
    pattern = table.text("pattern", LINE, LINE_RULE, required=True)
    try:
        compiled(pattern)
    except ValueError as error:
        table.fault(f"is '{shown(pattern)}', which {error}", "pattern")
    return pattern


def rewrite(package: Table) -> tuple[tuple[str, str], ...]:
    """The custom format: pairs of a pattern and what a match of it is replaced with."""
    rules = package.take("rewrite") or []
    if not isinstance(rules, list):
        package.fault("is not a list of pairs [pattern, replacement]", "rewrite")
        return ()
    for place, rule in enumerate(rules):
        match rule:
            case [str(pattern), str(replacement)]:
                try:
                    check_replacement(compiled(pattern), replacement)
                except ValueError as error:
                    package.fault(f"is '{shown(pattern)}' to '{shown(replacement)}', which {error}", "rewrite", place)
            case _:
                package.fault("is not a pair of texts [pattern, replacement]", "rewrite", place)
                return ()
    return tuple((pattern, replacement) for pattern, replacement in rules)


def filters(package: Table) -> Filters:
    table = package.table("filters")
    if table is None:
        return Filters()
    found = Filters(_patterns(table, "suppress"), _patterns(table, "unbilled"))
    table.end()
    return found


def _patterns(table: Table, name: str) -> tuple[str, ...]:
    """A list, or one text with commas, as the field writes it."""
    return tuple(each.lower() for each in table.texts(name, _FILTER, _FILTER_RULE, split=True))


def conference(package: Table) -> Conference | None:
    table = package.table("conference")
    if table is None:
        return None
    found = Conference(
        price=table.price("per_participant_minute", required=True) or 0,
        per_session=table.price("per_session") or 0,
        step_seconds=table.count("step_seconds", 60, least=1, most=STEP_MAX),
        free_seconds=table.count("free_seconds_per_period", most=SECONDS_MAX),
        participants_min=table.count("participants_min", 1, least=1, most=1000),
        suppress_leg_charge=table.flag("suppress_leg_charge"),
    )
    table.end()
    return found


def fax(package: Table, name: str) -> Fax | None:
    table = package.table(name)
    if table is None:
        return None
    if "per_page" not in table and "per_minute" not in table:
        table.fault("has neither per_page nor per_minute")
    found = Fax(
        per_page=table.price("per_page") or 0,
        price=table.price("per_minute") or 0,
        step_seconds=table.count("step_seconds", 60, least=1, most=STEP_MAX),
    )
    table.end()
    return found


def destinations_allowed(package: Table) -> Allowed | None:
    table = package.table("destinations_allowed")
    if table is None:
        return None
    found = Allowed(
        countries=_countries(table),
        block_types=_types(table, "block_types") if "block_types" in table else Allowed().block_types,
        block_prefixes=table.texts("block_prefixes", DIGITS, DIGITS_RULE),
        allow_prefixes=table.texts("allow_prefixes", DIGITS, DIGITS_RULE),
    )
    both = sorted({*found.block_prefixes} & {*found.allow_prefixes})
    if both:
        table.fault(f"allows {', '.join(both)}, which block_prefixes blocks", "allow_prefixes")
    table.end()
    return found


# --- values become tables --------------------------------------------------------------------------------------------


def document(package: Package) -> dict[str, Any]:
    own = {"outbound": package.outbound, "inbound": package.inbound}
    found: dict[str, Any] = {
        name: _present(per_minute=price_or_none(each.price)) | _steps(each.increments)
        for name, each in own.items()
        if each is not None
    }
    found["included_scope"] = {
        "directions": sorted(package.included_scope.directions),
        "countries": sorted(package.included_scope.countries),
        "types": sorted(package.included_scope.types),
        "except": list(package.included_scope.excepted),
    }
    found["rewrite"] = [list(rule) for rule in package.rewrite]
    found["tiers"] = [
        _present(up_to_minutes=cut_points.minutes_written(each.up_to_seconds), per_minute=price_text(each.price))
        for each in package.tiers
    ]
    found["destinations"] = [
        _present(
            prefixes=list(each.prefixes),
            included_seconds=each.included_seconds,
            per_minute=price_or_none(each.price),
        )
        | _steps(each.increments)
        for each in package.destinations
    ]
    found["overrides"] = [
        {"prefix": each.prefix, "per_minute": price_text(each.price), "direction": each.direction}
        | _steps(each.increments)
        for each in package.overrides
    ]
    found["special_numbers"] = [_special_document(each) for each in package.special_numbers]
    if package.filters != Filters():
        found["filters"] = {"suppress": list(package.filters.suppress), "unbilled": list(package.filters.unbilled)}
    if (room := package.conference) is not None:
        found["conference"] = {
            "per_participant_minute": price_text(room.price),
            "per_session": price_text(room.per_session),
            "step_seconds": room.step_seconds,
            "free_seconds_per_period": room.free_seconds,
            "participants_min": room.participants_min,
            "suppress_leg_charge": room.suppress_leg_charge,
        }
    for name, faxes in {"fax": package.fax, "fax_inbound": package.fax_inbound}.items():
        if faxes is not None:
            found[name] = {
                "per_page": price_text(faxes.per_page),
                "per_minute": price_text(faxes.price),
                "step_seconds": faxes.step_seconds,
            }
    if (allowed := package.destinations_allowed) is not None:
        found["destinations_allowed"] = {
            "countries": sorted(allowed.countries),
            "block_types": sorted(allowed.block_types),
            "block_prefixes": list(allowed.block_prefixes),
            "allow_prefixes": list(allowed.allow_prefixes),
        }
    return found


def _special_document(rule: Special) -> dict[str, Any]:
    return _present(
        pattern=rule.pattern,
        kind=rule.kind,
        direction=rule.direction,
        mode=rule.mode.value,
        per_call=price_text(rule.per_call),
        per_minute=price_text(rule.price),
        step_seconds=rule.step_seconds,
        priority=rule.priority,
        name=rule.name or None,
        enabled=rule.enabled,
        effective_from=rule.effective_from.isoformat() if rule.effective_from else None,
        effective_to=rule.effective_to.isoformat() if rule.effective_to else None,
    )


def _steps(increments: Increments | None) -> dict[str, int]:
    return {} if increments is None else asdict(increments)


def price_or_none(price: int | None) -> str | None:
    return None if price is None else price_text(price)


def _present(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
