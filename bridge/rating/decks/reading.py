"""A price list read: rows of a deck, and every row that is refused or doubtful with its line, column and rule.

What is refused is left out whole, never mended. Rows read are rows accepted and rows refused, always.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from operator import itemgetter
from typing import BinaryIO, NamedTuple
from zoneinfo import ZoneInfo

from bridge.rating.decks.cells import (
    Status,
    currencies_named,
    decimal_mark,
    read_amount,
    read_codes,
    read_currency,
    read_increment,
    read_local,
    read_moment,
    read_seconds,
    read_status,
)
from bridge.rating.decks.choices import DecimalMark, Flow, RouteClass
from bridge.rating.decks.deck import Deck
from bridge.rating.decks.doubles import Doubles
from bridge.rating.decks.doubts import doubts
from bridge.rating.decks.faults import Faults
from bridge.rating.decks.header import REQUIRED, Columns, checked_mapping, find_columns, is_in_hundredths, is_per_second
from bridge.rating.decks.hours import NoHours, read_hours
from bridge.rating.decks.rows import DIGITS_MAX, NO_PRICE, DeckRows, Terms, key_of
from bridge.rating.decks.sheet import DELIMITERS, NotASheet, Row, Sheet, Take, rows_of
from bridge.rating.price import Unreadable
from bridge.rating.rate import Band, Increments

TEXT_MAX = 255
PROGRESS_ROWS = 20_000

_SAMPLED = 1000
_SHARED = (
    "Increment",
    "FirstIncrement",
    "SetupFee",
    "MinDuration",
    "MinCost",
    "GraceSeconds",
    "EffectiveFrom",
    "EffectiveTo",
    "Hours",
    "CallerPrefix",
    "Currency",
    "status",
)


@dataclass(frozen=True, slots=True)
class Instructions:
    """How a list is to be read, where the list itself does not say."""

    mapping: Mapping[str, str] = field(default_factory=dict)
    remembered: Mapping[str, str] = field(default_factory=dict)
    currency: str | None = None
    unit_seconds: int | None = None
    """What a price is for; None is a minute, or what the price's header says."""
    date_format: str | None = None
    time_zone: str | None = None
    """Of its hours, and of dates without an offset; None is UTC, and whoever brings a list with such is told."""
    decimal_mark: DecimalMark | None = None
    increment: str | None = None
    """For a list without such a column."""
    strip: str = ""
    prepend: str = ""
    direction: Flow = "outbound"
    prefixes_max: int = 5_000_000
    """What its ranges may come to."""


@dataclass(slots=True)
class DeckReading:
    rows: DeckRows
    columns: Columns
    digest: str
    rows_read: int = 0
    rows_refused: int = 0
    errors: Faults = field(default_factory=Faults)
    warnings: Faults = field(default_factory=Faults)
    says_customs: bool = False
    """Whether the list itself says, by a status of 1 or 0, which rows are the package's own to price."""
    notes: list[str] = field(default_factory=list)

    @property
    def rows_accepted(self) -> int:
        return self.rows_read - self.rows_refused

    def deck(self, *, currency: str, name: str, instructions: Instructions, route_class: RouteClass = "value") -> Deck:
        return Deck(
            self.rows,
            currency=currency,
            name=name,
            direction=instructions.direction,
            route_class=route_class,
            time_zone=instructions.time_zone or "UTC",
        )

    def document(self) -> dict[str, object]:
        return {
            "rows_read": self.rows_read,
            "rows_accepted": self.rows_accepted,
            "rows_refused": self.rows_refused,
            "prefixes": len(self.rows),
            "errors": [fault.document() for fault in self.errors.listed],
            "errors_count": self.errors.count,
            "warnings": [fault.document() for fault in self.warnings.listed],
            "warnings_count": self.warnings.count,
            "notes": self.notes,
        }


def read_deck(
    file: BinaryIO, instructions: Instructions, progress: Callable[[int], object] = lambda rows: None
) -> DeckReading:
    """The rows of a list. Raises NotASheet where it cannot be taken at all."""
    instructions = replace(instructions, mapping=checked_mapping(instructions.mapping))
    sheet = Sheet(file)
    delimiter, columns = _layout(sheet, instructions)
    reader = _Reader(sheet, delimiter, columns, instructions)
    return reader.read(progress)


def _layout(sheet: Sheet, instructions: Instructions) -> tuple[str, Columns]:
    """The delimiter under which most of the header is understood."""
    lines = sheet.sample()
    told = lines[0].strip().lower().lstrip("\ufeff") if lines else ""
    named = told[4:5] if told.startswith("sep=") and len(told) == 5 else ""
    best: tuple[tuple[int, int], str, Columns] | None = None
    refused: tuple[int, str] | None = None
    for delimiter in named or DELIMITERS:
        rows = list(rows_of(iter(lines), delimiter))
        width = max((len(row.cells) for row in rows), default=0)
        try:
            columns = find_columns(rows, instructions.mapping, instructions.remembered)
        except NotASheet as why:
            if refused is None or width > refused[0]:
                refused = (width, str(why))
            continue
        if all(place < width for place in columns.places.values()):
            rank = (len(columns.places), width)
            if best is None or rank > best[0]:
                best = (rank, delimiter, columns)
    if best is None:
        raise NotASheet(refused[1] if refused else "the file has no such column")
    _, delimiter, columns = best
    given = {"Increment"} if instructions.increment else set()
    missing = [target for target in REQUIRED if target not in columns.places and target not in given]
    if missing:
        told = f"there is no column for the {' and the '.join(missing)}; map it by --map"
        raise NotASheet(f"{told} (there are {', '.join(columns.names)})"[:400])
    header = columns.name("RateValue")
    currencies = currencies_named(header)
    if instructions.currency and currencies and instructions.currency not in currencies:
        told_in = ", ".join(sorted(currencies))
        raise NotASheet(f"the prices of {header[:60]!r} are in {told_in}, and the deck is in {instructions.currency}")
    if is_in_hundredths(header):
        raise NotASheet(
            f"the prices of {header[:60]!r} are in hundredths; bring them to whole units, and its name as well"
        )
    return delimiter, columns


class _Shared(NamedTuple):
    """What many rows say alike, read once."""

    terms: int
    status: Status
    faults: tuple[tuple[str, str, str], ...] = ()
    """(target, value, reason)"""


class _Reader:
    def __init__(self, sheet: Sheet, delimiter: str, columns: Columns, instructions: Instructions) -> None:
        self.sheet = sheet
        self.delimiter = delimiter
        self.columns = columns
        self.instructions = instructions
        self.zone = ZoneInfo(instructions.time_zone or "UTC")
        self.has_local_dates = False
        self.rows = DeckRows()
        self.lines = array("I")
        self.reading = DeckReading(self.rows, columns, sheet.digest)
        self.unit = instructions.unit_seconds or (1 if is_per_second(columns.name("RateValue")) else 60)
        self.mark = instructions.decimal_mark or self._mark()
        self.prices: dict[str, int] = {}
        self.texts: dict[str, int] = {}
        self.shared_known: dict[object, _Shared] = {}
        self.plain_terms: dict[object, int] = {}
        self.shared = [target for target in _SHARED if target in columns.places]
        places = columns.places
        self.width = max(len(columns.names), max(places.values()) + 1)
        self.shared_cells: Callable[[list[str]], object] = (
            itemgetter(*(places[target] for target in self.shared)) if self.shared else lambda cells: ()
        )
        self.at_prefix, self.at_price = places["Prefix"], places["RateValue"]
        self.at_description = places.get("Description", 0)
        self.is_plain = (
            "Description" in places
            and not sheet.has_formula_sign
            and not set(places) & {"CountryCode", "ShortDescription", "Lastratechangedate", "RatePremium", "OldRate"}
            and not instructions.strip
            and not instructions.prepend
        )
        self._note()

    def read(self, progress: Callable[[int], object]) -> DeckReading:
        reading, taken = self.reading, 0
        for row in self._rows(self._plain_taker(progress) if self.is_plain else None):
            reading.rows_read += 1
            if reading.rows_read % PROGRESS_ROWS == 0:
                progress(reading.rows_read)
            before = len(self.lines)
            if faults := self._take(row):
                reading.rows_refused += 1
                for target, value, reason in faults:
                    reading.errors.add(row.line, self.columns.name(target) if target else "", value, reason)
            taken += len(self.lines) - before
            if len(self.lines) > self.instructions.prefixes_max:
                raise NotASheet(
                    f"the list has more than {self.instructions.prefixes_max} prefixes; are its ranges meant?"
                )
        reading.rows_read += len(self.lines) - taken  # those that were taken before they were made rows
        if not reading.rows_read:
            raise NotASheet("there is not one row below the header")
        self._settle()
        if not len(reading.rows) and not reading.rows_refused:
            raise NotASheet("there is no price in this list")
        self._note_of_zone()
        for place, target, value, reason in doubts(reading.rows, self.instructions.direction):
            self._doubt(self.lines[place], target, value, reason)
        reading.errors.listed.sort(key=lambda fault: fault.line)
        reading.warnings.listed.sort(key=lambda fault: fault.line)
        return reading

    # --- a row --------------------------------------------------------------------------------------------------------

    def _plain_taker(self, progress: Callable[[int], object]) -> Take:
        """Takes rows whose prefix is plain and whose other cells were all seen before, as those of most are."""
        width, shared_cells, lines = self.width, self.shared_cells, self.lines
        at_prefix, at_price, at_description = self.at_prefix, self.at_price, self.at_description
        known_terms, known_prices, known_texts = self.plain_terms, self.prices, self.texts
        keys, prices, terms, descriptions = self.rows.keys, self.rows.prices, self.rows.terms, self.rows.descriptions

        def take(line: int, cells: list[str]) -> bool:
            if len(cells) != width:
                return False
            prefix = cells[at_prefix]
            if not (prefix.isdigit() and prefix.isascii()) or prefix[0] == "0" or len(prefix) > DIGITS_MAX:
                return False
            try:
                term = known_terms[shared_cells(cells)]
                price = known_prices[cells[at_price]]
                description = known_texts[cells[at_description]]
            except KeyError:
                return False
            if cells[0][:1] == "#":
                return False
            keys.append(int("1" + prefix))
            prices.append(price)
            terms.append(term)
            descriptions.append(description)
            lines.append(line)
            if not line % PROGRESS_ROWS:
                progress(len(lines))
            return True

        return take

    def _take(self, row: Row) -> Sequence[tuple[str, str, str]]:
        """Takes a row, or answers what is wrong with it."""
        cells, places = row.cells, self.columns.places
        if row.trouble:
            return [("", "", row.trouble)]
        if len(cells) != self.width:
            if any(cell.strip() for cell in cells[self.width :]):
                return [("", "", f"has {len(cells)} cells, the header has {self.width}")]
            cells = cells + [""] * (self.width - len(cells))
        if self.sheet.has_formula_sign:
            place = next((place for place, cell in enumerate(cells) if cell.lstrip().startswith("=")), None)
            if place is not None:
                return [(self._target_at(place), cells[place], "is a formula; export the list as values")]
        shared = self._shared_of(cells)
        faults = [*shared.faults]
        keys = self._keys(cells, faults)
        price = NO_PRICE
        if shared.status in (Status.ACTIVE, Status.CUSTOM):
            price = self._price(cells[places["RateValue"]], faults)
        optional = {}
        for target, name in (("ShortDescription", "short"), ("Lastratechangedate", "changed")):
            if target in places and cells[places[target]]:
                optional[name] = self._text(target, cells[places[target]], faults)
        for target, name in (("RatePremium", "premium"), ("OldRate", "old")):
            if target in places and not _is_absent(cells[places[target]]):
                optional[name] = self._amount(target, cells[places[target]], faults)
        description = self._text("Description", cells[places["Description"]], faults) if "Description" in places else 0
        if faults:
            return faults
        if shared.status is Status.DELETED:
            self._doubt(row.line, "status", cells[places["status"]], "the carrier ended it; left out")
            return ()
        if shared.status is Status.BLOCKED:
            self._doubt(row.line, "status", cells[places["status"]], "no price; a call to it is held")
        for key in keys:
            self.rows.add_row(key, price, shared.terms, description, **optional)
            self.lines.append(row.line)
        return ()

    def _target_at(self, place: int) -> str:
        """What a column is used as; of one that is not used, its own name."""
        names = self.columns.names
        used = {place: target for target, place in self.columns.places.items()}
        return used.get(place) or (names[place] if place < len(names) else "") or f"#{place + 1}"

    def _keys(self, cells: list[str], faults: list[tuple[str, str, str]]) -> Sequence[int]:
        places, instructions = self.columns.places, self.instructions
        text = cells[places["Prefix"]]
        country = cells[places["CountryCode"]].strip() if "CountryCode" in places else ""
        if "CountryCode" in places and not country.removeprefix("+").isdigit():
            faults.append(("CountryCode", country, "is not a country code"))
            return ()
        try:
            codes = read_codes(text, country=country, strip=instructions.strip, prepend=instructions.prepend)
        except Unreadable as why:
            faults.append(("Prefix", text, f"is refused: {why}" if text.strip() else f"is {why}"))
            return ()
        return [key_of(code) for code in codes]

    def _price(self, text: str, faults: list[tuple[str, str, str]]) -> int:
        price = self.prices.get(text)
        if price is None:
            price = self._amount("RateValue", text, faults)
            if not faults:
                self.prices[text] = price
        return price

    def _amount(self, target: str, text: str, faults: list[tuple[str, str, str]]) -> int:
        """An amount for a minute, or a fee as it is."""
        try:
            if _is_absent(text):
                raise Unreadable("no price")
            amount = read_amount(text, self.mark, self.instructions.currency)
            if target in ("RateValue", "RatePremium", "OldRate"):
                amount, rest = divmod(amount * 60, self.unit)
                if rest:
                    raise Unreadable("comes to more than 10 decimals a minute")
        except Unreadable as why:
            faults.append((target, text, f"is {why}" if _is_absent(text) else f"is refused: {why}"))
            return 0
        return amount

    def _text(self, target: str, cell: str, faults: list[tuple[str, str, str]]) -> int:
        place = self.texts.get(cell)
        if place is None:
            text = " ".join(cell.split())
            if text[:1] == "'" and text[1:2] in (
                "=",
                "+",
                "-",
                "@",
            ):  # how our own export keeps a text from being a formula
                text = text[1:]
            if len(text) > TEXT_MAX:
                faults.append((target, cell, f"is longer than {TEXT_MAX} characters"))
                return 0
            place = self.texts[cell] = self.rows.text_place(text)
        return place

    def _shared_of(self, cells: list[str]) -> _Shared:
        told = self.shared_cells(cells)
        found = self.shared_known.get(told)
        if found is None:
            by_target = {target: cells[self.columns.places[target]] for target in self.shared}
            found = self.shared_known[told] = self._read_shared(by_target)
            if not found.faults and found.status in (Status.ACTIVE, Status.CUSTOM):
                self.plain_terms[told] = found.terms
        return found

    def _read_shared(self, told: Mapping[str, str]) -> _Shared:
        faults: list[tuple[str, str, str]] = []

        def read(target: str, how: Callable[[str], object]) -> object:
            try:
                return how(told.get(target, ""))
            except (Unreadable, NoHours) as why:
                value = told.get(target, "")
                faults.append((target, value, f"is refused: {why}" if value.strip() else f"is {why}"))
                return None

        status = Status(read("status", read_status) or Status.ACTIVE)
        self.reading.says_customs |= told.get("status", "").strip() in ("0", "1")
        increments = self._increments(told, read, faults)
        start, end = read("EffectiveFrom", self._moment), read("EffectiveTo", self._moment)
        assert isinstance(start, datetime | None)
        assert isinstance(end, datetime | None)
        if start and end and start >= end:
            faults.append(("EffectiveTo", told["EffectiveTo"], "is not after the row begins"))
        read("Currency", lambda text: read_currency(text, self.instructions.currency))
        band = read("Hours", read_hours)
        assert isinstance(band, Band | None)
        caller = read("CallerPrefix", _caller)
        terms = Terms(
            increments,
            setup=_whole(read("SetupFee", self._fee)),
            min_cost=_whole(read("MinCost", self._fee)),
            effective_from=start,
            effective_to=end,
            band=band,
            caller_prefix=str(caller or ""),
            is_custom=status is Status.CUSTOM,
        )
        return _Shared(0 if faults else self.rows.terms_place(terms), status, tuple(faults))

    def _increments(
        self,
        told: Mapping[str, str],
        read: Callable[[str, Callable[[str], object]], object],
        faults: list[tuple[str, str, str]],
    ) -> Increments:
        given = self.instructions.increment
        found = read("Increment", read_increment) if "Increment" in told or not given else read_increment(given)
        first, step = found if isinstance(found, tuple) else (None, 60)
        block = read("FirstIncrement", _optional_seconds)
        if isinstance(block, int):
            if first not in (None, block):
                faults.append(("FirstIncrement", told["FirstIncrement"], "is another than the increment's own"))
            elif block == 0:
                faults.append(("FirstIncrement", told["FirstIncrement"], "is refused: a first block of 0 seconds"))
            first = block
        return Increments(
            first_seconds=step if first is None else first,
            step_seconds=step,
            min_seconds=_whole(read("MinDuration", _optional_seconds)),
            grace_seconds=_whole(read("GraceSeconds", _optional_seconds)),
        )

    def _moment(self, text: str) -> datetime | None:
        date_format = self.instructions.date_format
        found = read_local(text, date_format)
        self.has_local_dates |= found is not None and found.tzinfo is None
        return read_moment(text, date_format, self.zone)

    def _fee(self, text: str) -> int:
        return read_amount(text, self.mark, self.instructions.currency) if text.strip() else 0

    # --- all rows -----------------------------------------------------------------------------------------------------

    def _rows(self, take: Take | None = None) -> Iterator[Row]:
        return (row for row in self.sheet.rows(self.delimiter, take) if row.line > self.columns.line)

    def _mark(self) -> DecimalMark:
        place = self.columns.places["RateValue"]
        sampled = islice(self._rows(), _SAMPLED)
        return decimal_mark([row.cells[place].strip() for row in sampled if place < len(row.cells)])

    def _note(self) -> None:
        note, columns = self.reading.notes.append, self.columns
        for target in columns.guessed:
            note(f"{columns.name(target)!r} is taken as the {target}")
        if columns.unused:
            note(f"not used: {', '.join(columns.unused)}")
        if self.unit != 60:
            note(f"prices are for {self.unit} second{'s' if self.unit > 1 else ''}, and kept as prices a minute")
        if self.mark == "comma":
            note("prices have decimal commas")
        if self.sheet.encoding == "cp1252":
            note("the file is not UTF-8; it is read as Windows-1252")

    def _settle(self) -> None:
        """The rows in their order, and of those with one prefix the ones that can stand beside each other."""
        order = self.rows.order()
        if order is None:
            return
        doubles = Doubles(self.rows, self.lines, self._refuse, self._doubt)
        kept = doubles.settled(array("I", order))
        self.reading.rows_refused += len(doubles.refused)
        self.rows = self.reading.rows = self.rows.taken(kept)
        self.lines = array("I", map(self.lines.__getitem__, kept))

    def _note_of_zone(self) -> None:
        if self.instructions.time_zone is not None:
            return
        has_hours = any(terms.band is not None for terms in self.reading.rows.terms_known)
        local = [name for name, there in (("hours", has_hours), ("dates", self.has_local_dates)) if there]
        if local:
            self.reading.notes.append(f"{' and '.join(local)} are taken as UTC; --time-zone says otherwise")

    def _refuse(self, line: int, target: str, value: str, reason: str) -> None:
        self.reading.errors.add(line, self.columns.name(target), value, reason)

    def _doubt(self, line: int, target: str, value: str, reason: str) -> None:
        self.reading.warnings.add(line, self.columns.name(target), value, reason)


def _is_absent(text: str) -> bool:
    return text.strip() in ("", "NULL", "\\N")


def _optional_seconds(text: str) -> int | None:
    return read_seconds(text) if text.strip() else None


def _caller(text: str) -> str:
    if not text.strip():
        return ""
    codes = read_codes(text)
    if len(codes) > 1:
        raise Unreadable("more than one prefix of callers; write a row for each")
    return codes[0]


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0
