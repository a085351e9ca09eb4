"""Many calls at once, by the column: the same answers as the plain engine (`charge.py`), to the micro-unit.

What the plain engine decides call by call is asked of it once for each kind of number (`kinds.py`), and holds for all
of that kind; prefixes, increments, money and free time are arithmetic on columns.

`stage` does all that a call says by itself. What depends on the calls before it, allowances and tiers, is found in the
order of the calls (`period.py`), and `finish` makes the charges of both.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.rating.allowance import Allowance, size_of
from bridge.rating.bulk.alike import alike
from bridge.rating.bulk.answers import Answers
from bridge.rating.bulk.calls import Calls
from bridge.rating.bulk.calls_file import csv_cell
from bridge.rating.bulk.charges import CLASSES, Charges
from bridge.rating.bulk.instants import EPOCH, moment_of
from bridge.rating.bulk.kinds import Kind, KindColumns, Kinds
from bridge.rating.bulk.period import Granted, Waiting
from bridge.rating.bulk.price_columns import PriceColumns, billed
from bridge.rating.bulk.texts import Flags, Ints, Texts
from bridge.rating.bulk.written import Pool
from bridge.rating.call import Call, CallClass, Direction
from bridge.rating.charge import WITHOUT_AMOUNT, class_without_price, note_of
from bridge.rating.decks.intervals import NONE, Numbers
from bridge.rating.price import micro_text
from bridge.rating.terms import Terms
from bridge.rating.usage import Usage

Places = NDArray[np.int32]

KIND = np.dtype(
    [
        *((name, np.int32) for name in ("settled", "special", "chain", "note")),
        *((name, np.bool_) for name in ("is_settled", "is_short", "in_scope", "asks_when")),
    ]
)
"""What a call is by its number alone: the answer that settles it, the price of a special number, ..."""

NOTES_MAX = 16
"""More notes than numbers can have by themselves."""

_ANY_CALL = Call("", Direction.OUTBOUND, "", "", EPOCH, 0)
_PRICED = {is_short: CLASSES.index(CallClass.SHORT if is_short else CallClass.BILLABLE) for is_short in (False, True)}
_INVALID = CLASSES.index(CallClass.INVALID)
_WITHOUT_AMOUNT = [CLASSES.index(cls) for cls in WITHOUT_AMOUNT]


@dataclass(frozen=True, slots=True)
class Stage:
    """Calls as far as they are rated by themselves."""

    ids: Texts
    classes: NDArray[np.int8]
    numbers: Numbers
    prices: Places
    """NONE where no price is sought, or there is none."""
    billed: Ints
    free: Ints
    """So far: that of each call."""
    is_overage: Flags
    in_tiers: Flags
    waits: Flags
    """Something of it may be covered, or is in a tier."""
    is_held: Flags
    """No amount: there is no price yet, or no call."""
    notes: Places


class Bulk:
    def __init__(self, terms: Terms, usage: Usage) -> None:
        """`usage` says how large the period's allowances are."""
        self.terms = terms
        self._usage = usage
        self.prices = PriceColumns(terms)
        self.notes = Pool()
        """`,note`"""
        self.chains: list[tuple[Allowance, ...]] = [()]
        self._kinds = KindColumns(terms)
        self._answers = Answers(terms, self.prices)
        self._table = np.zeros(0, KIND)
        self._kind_notes = [""]
        self._note_places: dict[int, int] = {}

    def stage(self, calls: Calls) -> tuple[Stage, Waiting]:
        package = self.terms.package
        kinds = self._kinds.of(calls)
        self._learn()
        kind = self._table.take(kinds.places)
        answers, is_coverable = self._answers.of(calls, kinds, self._kinds.known)
        answers = np.where(kind["is_settled"], kind["settled"], answers)
        is_special = self._put_specials(answers, calls, kinds, kind)
        if calls.faults:
            answers[list(calls.faults)] = self._answers.settle(CallClass.INVALID, "")
        is_priced = answers >= 0

        prices = np.where(is_priced, answers, 0)
        rows = self.prices.rows(prices)
        seconds = np.where(is_priced, calls.seconds, 0)
        all_billed = billed(rows, seconds)
        free = np.where(is_special, 0, np.minimum(all_billed, package.free_seconds_per_call))
        left = all_billed - free
        is_coverable &= is_priced & ~is_special
        chains = np.where(is_coverable, kind["chain"], 0)
        has_overage = package.overage_price is not None
        is_overage = is_coverable & kind["in_scope"] & (rows["keeps_price"] == 0) & has_overage
        in_tiers = is_priced & (rows["in_tiers"] != 0) & ~is_overage
        waits = ((chains > 0) | in_tiers) & (left > 0)

        settled = np.where(is_priced, 0, -answers)
        classes = np.array([0, *(CLASSES.index(cls) for cls, _ in self._answers.settled)], np.int8)[settled]
        is_held = ~is_priced & np.isin(classes, _WITHOUT_AMOUNT) & (calls.seconds > 0)
        is_held[list(calls.faults)] = True
        stage = Stage(
            ids=calls.ids,
            classes=np.where(is_priced, np.where(kind["is_short"], _PRICED[True], _PRICED[False]), classes).astype(
                np.int8
            ),
            numbers=kinds.numbers,
            prices=np.where(is_priced, prices, NONE).astype(np.int32),
            billed=all_billed,
            free=free,
            is_overage=is_overage,
            in_tiers=in_tiers,
            waits=waits,
            is_held=is_held,
            notes=self._notes_of(calls, kinds, kind, settled),
        )
        spoken = np.maximum(seconds - free, 0)[waits] if package.consume == "actual" else np.zeros(0, np.int64)
        return stage, Waiting(
            calls.moments[waits], small(chains[waits]), small(left[waits]), small(spoken), in_tiers[waits]
        )

    def finish(self, stage: Stage, granted: Granted) -> Charges:
        free = stage.free.copy()
        free[stage.waits] += granted.covered
        charged = stage.billed - free
        is_priced = stage.prices != NONE
        prices = np.where(is_priced, stage.prices, 0)
        rows = self.prices.rows(prices)
        micro, beyond = self.prices.micro(prices, rows, charged, is_overage=stage.is_overage)
        waiting = np.flatnonzero(stage.waits)
        in_tiers = stage.in_tiers[waiting]
        micro[waiting[in_tiers]] = granted.tier_micro[in_tiers]
        beyond |= {int(waiting[place]): amount for place, amount in granted.beyond.items()}

        has_amount = ~stage.is_held
        notes = stage.notes.copy()
        for place, amount in beyond.items():  # too large for its column, it is written with the note behind it
            text = micro_text(amount, self.terms.package.cost_decimals).encode()
            notes[place] = self.notes.place(text + self.notes.texts[notes[place]])
            has_amount[place] = False
        return Charges(
            ids=stage.ids,
            classes=stage.classes,
            numbers=stage.numbers,
            prices=prices,
            is_overage=stage.is_overage & (charged > 0) & (rows["in_tiers"] == 0),
            billed=stage.billed,
            free=free,
            micro=micro,
            has_amount=has_amount,
            notes=notes,
            beyond=beyond,
        )

    def _learn(self) -> None:
        """What the kinds met for the first time are."""
        known = self._kinds.known[len(self._table) :]
        if known:
            self._table = np.concatenate((self._table, np.array([self._row_of(kind) for kind in known], KIND)))

    def _row_of(self, kind: Kind) -> tuple[int, int, int, int, bool, bool, bool, bool]:
        meaning = kind.meaning
        settled = class_without_price(replace(_ANY_CALL, direction=kind.direction), self.terms, meaning)
        first = next(iter(meaning.specials), None)
        asks_when = any(rule.rule.effective_from or rule.rule.effective_to for rule in meaning.specials)
        return (
            self._answers.settle(*settled) if settled else 0,
            NONE if first is None else self.prices.add(first.pricing),
            _place_in(self.chains, tuple(each for each in meaning.allowances if size_of(each, self._usage) != 0)),
            _place_in(self._kind_notes, meaning.note),
            settled is not None,
            kind.direction is Direction.OUTBOUND and meaning.called.kind is CallClass.SHORT,
            meaning.is_in_scope,
            asks_when,
        )

    def _put_specials(self, answers: Places, calls: Calls, kinds: Kinds, kind: NDArray[Any]) -> Flags:
        """The prices of special numbers, where one holds at that moment."""
        special = kind["special"].copy()
        for place in np.flatnonzero(kind["asks_when"]).tolist():
            rules = self._kinds.known[kinds.places[place]].meaning.specials
            moment = moment_of(int(calls.moments[place]))
            held = next((rule.pricing for rule in rules if rule.is_valid(moment)), None)
            special[place] = NONE if held is None else self.prices.add(held)
        is_special: Flags = special != NONE
        np.copyto(answers, special, where=is_special)
        return is_special

    def _notes_of(self, calls: Calls, kinds: Kinds, kind: NDArray[Any], settled: Places) -> Places:
        longest = self.terms.package.max_call_seconds
        is_long = calls.seconds > longest if longest is not None else np.zeros(len(calls), np.bool_)
        codes = (settled.astype(np.int64) * NOTES_MAX + kind["note"]) * 2 + is_long
        ones, which = alike(codes)
        found = []
        for place in ones.tolist():
            code = int(codes[place])
            if code not in self._note_places:
                reason = self._answers.settled[settled[place] - 1][1] if settled[place] else ""
                meaning = self._kinds.known[kinds.places[place]].meaning
                note = note_of(replace(_ANY_CALL, seconds=int(calls.seconds[place])), self.terms, meaning, reason)
                self._note_places[code] = self.notes.place(note_cell(note))
            found.append(self._note_places[code])
        places = np.array(found, np.int32)[which]
        for place, fault in calls.faults.items():
            places[place] = self.notes.place(note_cell(fault))
        return places


def note_cell(note: str) -> bytes:
    return b"," + csv_cell(" ".join(note.split()).encode())


def _place_in(known: list[Any], value: object) -> int:
    if value not in known:
        known.append(value)
    return known.index(value)


def small(values: Ints) -> NDArray[Any]:
    """In less room, where they fit. None is negative."""
    most = int(values.max(initial=0))
    return values.astype(np.int16 if most < 2**15 else np.int32 if most < 2**31 else np.int64)
