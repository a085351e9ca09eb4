"""Calls that cost nothing because somebody listed their numbers: `*xx, 1800xxxxxxx, [voicemail]`.

Digits stand for themselves, x for any digit, and the length counts. A word in brackets is sought in the direction and
the description of a call; before digits, it limits them to such calls. Both the number as it was dialled and the number
that it became are tried.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from bridge.rating.call import Call, CallClass
from bridge.rating.packages.package import Filters

_PATTERN = re.compile(r"(?:\[(?P<word>[^\[\]]*)\])?(?P<digits>[0-9xX*#+]*)")


@dataclass(frozen=True, slots=True)
class Filter:
    cls: CallClass
    pattern: str
    word: str
    digits: re.Pattern[str] | None

    @classmethod
    def of(cls, kind: CallClass, pattern: str) -> Filter:
        found = _PATTERN.fullmatch(pattern)
        if found is None or not pattern:
            raise ValueError(f"'{pattern}' is no filter: digits with x for any digit, or a word in square brackets")
        word, digits = (found["word"] or "").lower(), found["digits"].lower()
        return cls(kind, pattern, word, re.compile(re.escape(digits).replace("x", "[0-9]")) if digits else None)

    def takes(self, *numbers: str) -> bool:
        """Whether its digits fit one of these forms of a number; without digits it fits all."""
        return self.digits is None or any(map(self.digits.fullmatch, numbers))

    def says(self, call: Call) -> bool:
        """Whether its word is said of the call; without a word it always is."""
        return self.word in call.direction.value or self.word in call.description.lower()


def filters_of(filters: Filters) -> tuple[Filter, ...]:
    """What hides a call goes before what shows it as free."""
    hidden = [Filter.of(CallClass.SUPPRESSED, pattern) for pattern in filters.suppress]
    shown = [Filter.of(CallClass.EXCLUDED, pattern) for pattern in filters.unbilled]
    return (*hidden, *shown)
