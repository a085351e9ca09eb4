"""Which column of a price list holds what: as told, as remembered from the provider's last list, or where it is plain.

Nothing is guessed between two columns that may both be meant, and every header that nobody uses is told.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bridge.rating.decks.sheet import NotASheet, Row

REQUIRED = ("Prefix", "Description", "RateValue", "Increment")
PREAMBLE_MAX = 60

_SPELLINGS = {
    "Prefix": """
        prefix prefixes code codes dialcode dialcodes dialingcode dialprefix dialingprefix destinationcode
        destinationprefix destcode phoneprefix numberprefix e164prefix breakout breakouts digits dialedcode npanxx
    """,
    "CountryCode": "countrycode countrydialcode countryprefix cc",
    "AreaCode": "areacode areacodes citycode citycodes areaprefix regioncode",
    "Description": """
        description destination destinationname name zone zonename area areaname location routename country
        countryname network
    """,
    "ShortDescription": "shortdescription shortname shortdesc",
    "RateValue": """
        ratevalue rate price ratepermin rateperminute rateminute pricepermin priceperminute priceminute costpermin
        costperminute cost permin perminute ratemin pricemin costmin newrate newprice currentrate currentprice
        voicerate callrate tariff ratepersec ratepersecond pricepersec pricepersecond costpersecond sellrate interrate
        intrarate interstate intrastate indeterminate indeterminaterate ijrate
    """,
    "RatePremium": "ratepremium premiumrate pricepremium",
    "Increment": """
        increment increments billingincrement billingincrements billing interval intervals nextincrement nextinterval
        subinterval subincrement subsequentincrement subsequentinterval chargeinterval chargeperiod pulse step rounding
        roundingtime billingstep
    """,
    "FirstIncrement": """
        firstincrement firstinterval initialincrement initialinterval minimumincrement firstblock initialblock
    """,
    "SetupFee": "setupfee setup connectfee connectionfee connectcharge connectioncharge callsetup",
    "MinDuration": "minduration minimumduration mintime minimumtime",
    "MinCost": "mincost minimumcost mincharge minimumcharge",
    "GraceSeconds": "graceseconds grace graceperiod",
    "OldRate": "oldrate oldprice previousrate previousprice lastrate",
    "EffectiveFrom": "effectivefrom effectivedate effective effdate validfrom startdate activationdate",
    "EffectiveTo": "effectiveto validto validuntil enddate expirydate expires expiry",
    "Lastratechangedate": "lastratechangedate lastchange changedate lastchanged",
    "status": "status ratestatus",
    "Currency": "currency currencycode ratecurrency pricecurrency",
    "Hours": "hours timeofday timeband timeperiod",
    "CallerPrefix": "callerprefix callingprefix originprefix origincode originationcode",
}
_WORDS = {target: tuple(spellings.split()) for target, spellings in _SPELLINGS.items()}
TARGETS = tuple(_WORDS)

_NEVER_BETWEEN_TWO = ("Prefix", "RateValue")
_OF_UNITS = frozenset(
    (
        *("usd", "eur", "gbp", "aud", "cad", "chf", "inr", "us", "in", "the", "per"),
        *("s", "sec", "secs", "second", "seconds", "min", "minute"),
    )
)
_PLACE = re.compile(r"#([1-9]\d{0,2})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Columns:
    """`places` is by target: Prefix, RateValue, ...; `names` are the file's own words."""

    names: tuple[str, ...]
    places: Mapping[str, int]
    line: int
    """Where the header stands; 0 where the file has none."""
    guessed: tuple[str, ...] = ()

    def name(self, target: str) -> str:
        """What the file calls the column, for whoever looks into the file."""
        place = self.places.get(target)
        return self.names[place] if place is not None and place < len(self.names) else target

    @property
    def unused(self) -> list[str]:
        used = set(self.places.values())
        return [name for place, name in enumerate(self.names) if name and place not in used]

    @property
    def mapping(self) -> dict[str, str]:
        """What to remember: the same list next month is read the same way."""
        known = Counter(name.casefold() for name in self.names)
        return {
            target: self.names[place] if self.line and known[self.names[place].casefold()] == 1 else f"#{place + 1}"
            for target, place in self.places.items()
        }


def checked_mapping(mapping: Mapping[str, str]) -> dict[str, str]:
    """Targets by their own names, however they were typed."""
    known = {target.lower(): target for target in TARGETS}
    checked: dict[str, str] = {}
    for target, column in mapping.items():
        if target.strip().lower() not in known:
            raise NotASheet(f"there is no column {target[:40]!r} to map to; there are {', '.join(TARGETS)}")
        checked[known[target.strip().lower()]] = column.strip()
    return checked


def find_columns(
    rows: Sequence[Row], mapping: Mapping[str, str], remembered: Mapping[str, str] | None = None
) -> Columns:
    """The header among the first rows: the first in which a prefix and a price can be told."""
    if {"Prefix", "RateValue"} <= mapping.keys() and all(map(_PLACE.fullmatch, mapping.values())):
        return _complete((), {target: int(column[1:]) - 1 for target, column in mapping.items()}, 0, ())
    trouble: list[tuple[int, str]] = []
    remembered = remembered or {}
    for place, row in enumerate(rows[:PREAMBLE_MAX]):
        names = tuple(" ".join(cell.split()) for cell in row.cells)
        try:
            places, guessed = _places(names, mapping, remembered)
            columns = _complete(names, places, row.line, guessed)
            if "CountryCode" not in mapping and "CountryCode" not in remembered:
                _assert_country_codes_fit(rows[place + 1 :], columns)
            return columns
        except NotASheet as told:
            trouble.append((len(_known(names)), str(told)))
    if not trouble:
        raise NotASheet("the file has no rows")
    raise NotASheet(max(trouble, key=lambda told: told[0])[1])


def _complete(names: tuple[str, ...], places: dict[str, int], line: int, guessed: tuple[str, ...]) -> Columns:
    if "Prefix" not in places and "AreaCode" in places:
        places["Prefix"] = places.pop("AreaCode")
    if "Prefix" not in places and "CountryCode" in places:
        places["Prefix"] = places.pop("CountryCode")
    missing = [target for target in ("Prefix", "RateValue") if target not in places]
    if missing:
        seen = f"it has {', '.join(filter(None, names))}"[:300] if any(names) else "there is no header"
        raise NotASheet(f"no column is plainly the {' or the '.join(missing)}; map it by --map ({seen})")
    return Columns(names, places, line, guessed)


def _places(
    names: tuple[str, ...], mapping: Mapping[str, str], remembered: Mapping[str, str]
) -> tuple[dict[str, int], tuple[str, ...]]:
    at = {name.casefold(): place for place, name in reversed(list(enumerate(names))) if name}
    places: dict[str, int] = {}
    for target, column in mapping.items():
        if not column:
            continue
        _assert_one(target, column, names)
        found = _place(column, at, len(names))
        if found is None:
            raise NotASheet(
                f"there is no column {column[:60]!r} to be the {target}; there are {', '.join(names)}"[:400]
            )
        places[target] = found
    for target, column in remembered.items():
        found = _place(column, at, len(names)) if column else None
        if target not in mapping and found is not None and found not in places.values():
            places[target] = found
    open_to_guess = [target for target in TARGETS if target not in places and target not in mapping]
    for target in open_to_guess:
        if target.casefold() in at and at[target.casefold()] not in places.values():
            _assert_one(target, target, names)
            places[target] = at[target.casefold()]
    guessed = []
    for target in open_to_guess:
        if target not in places and (place := _guess(target, names, set(places.values()))) is not None:
            places[target] = place
            guessed.append(target)
    if "Prefix" in places and "CountryCode" in guessed:  # whole prefixes; the country code beside them is for people
        del places["CountryCode"]
    if "CountryCode" not in places and "AreaCode" in guessed and "Prefix" not in places:
        told = "map the CountryCode by --map, or say by --prepend what to put before"
        raise NotASheet(f"there are area codes without a country code; {told}")
    if "Prefix" in places:
        places.pop("AreaCode", None)
    return places, tuple(target for target in guessed if target in places)


def _assert_country_codes_fit(rows: Sequence[Row], columns: Columns) -> None:
    """Country codes beside prefixes: either those begin with them, or they stand before; the rows say which."""
    places = columns.places
    stand_before = "CountryCode" in places
    place = places.get("CountryCode", _guess("CountryCode", columns.names, set(places.values())))
    if place is None or _forms(columns.name("Prefix")) & {*_WORDS["AreaCode"]}:
        return
    cells = [(row.cells[place], row.cells[places["Prefix"]]) for row in rows if len(row.cells) == len(columns.names)]
    pairs = [(code.strip().removeprefix("+"), prefix.strip().removeprefix("+")) for code, prefix in cells]
    begins = [prefix.startswith(code) for code, prefix in pairs if code.isdigit() and prefix[:1].isdigit()]
    what = f"{columns.names[place]!r} and {columns.name('Prefix')!r}"
    either = "map the CountryCode by --map, to put it before, or map it to nothing"
    if stand_before and begins and all(begins):
        raise NotASheet(f"of {what} the second begins with the first already; {either}")
    if not stand_before and not all(begins):
        raise NotASheet(f"of {what} the second does not begin with the first; {either}")


def _guess(target: str, names: Sequence[str], taken: set[int]) -> int | None:
    fitting = [
        (_WORDS[target].index(form), place)
        for place, name in enumerate(names)
        if place not in taken
        for form in _forms(name)
        if form in _WORDS[target]
    ]
    if len({place for _, place in fitting}) > 1 and target in _NEVER_BETWEEN_TWO:
        either = " or ".join(repr(names[place]) for place in sorted({place for _, place in fitting}))
        raise NotASheet(f"the {target} may be {either}; say which by --map")
    return min(fitting)[1] if fitting else None


def _assert_one(target: str, column: str, names: Sequence[str]) -> None:
    alike = [place for place, name in enumerate(names) if name.casefold() == " ".join(column.split()).casefold()]
    if len(alike) > 1:
        raise NotASheet(
            f"{len(alike)} columns are named {column[:60]!r}; say which by its place, such as {target}=#{alike[0] + 1}"
        )


def _place(column: str, at: Mapping[str, int], width: int) -> int | None:
    numbered = _PLACE.fullmatch(column)
    if numbered:
        return int(numbered[1]) - 1 if int(numbered[1]) <= width else None
    return at.get(" ".join(column.split()).casefold())


def _forms(name: str) -> set[str]:
    """A header without its spaces and signs, and without its units as well: `Rate (USD)` is rateusd and rate."""
    words = [word for word in re.split(r"[^a-z0-9]+", name.lower()) if word]
    return {"".join(words), "".join(word for word in words if word not in _OF_UNITS)} - {""}


def _known(names: Sequence[str]) -> list[str]:
    words = {word for known in _WORDS.values() for word in known}
    return [name for name in names if _forms(name) & words]


def is_per_second(header: str) -> bool:
    """Whether a price's header says that it is for a second."""
    words = set(re.split(r"[^a-z0-9]+", header.lower()))
    joined = "".join(re.split(r"[^a-z0-9]+", header.lower()))
    return bool(words & {"sec", "secs", "second", "seconds"}) or joined.endswith(("persec", "persecond"))


def is_in_hundredths(header: str) -> bool:
    """Whether a price's header says that it is in cents: a hundred times what it would be taken for."""
    return "¢" in header or bool({"cents", "pence", "cts", "paise"} & set(re.split(r"[^a-z]+", header.lower())))
