"""Whether a prefix is a whole number by its length: then it prices that number alone, which is seldom meant."""

from __future__ import annotations

from functools import cache

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE
from phonenumbers.phonemetadata import PhoneMetadata

SHORTEST = 10


def is_whole_number(prefix: str) -> bool:
    """By how long the mobile numbers of its country are: of all kinds, their length varies least."""
    return len(prefix) >= SHORTEST and any(
        len(prefix) >= max(SHORTEST, length + _mobile_digits(int(prefix[:length])))
        for length in (1, 2, 3)
        if int(prefix[:length]) in COUNTRY_CODE_TO_REGION_CODE
    )


@cache
def _mobile_digits(calling_code: int) -> int:
    region = COUNTRY_CODE_TO_REGION_CODE[calling_code][0]
    data = (
        PhoneMetadata.metadata_for_nongeo_region(calling_code, None)
        if region == "001"
        else PhoneMetadata.metadata_for_region(region, None)
    )
    mobile = data.mobile if data else None
    lengths = [length for length in (mobile.possible_length if mobile else ()) if length > 0]
    return min(lengths, default=SHORTEST)
