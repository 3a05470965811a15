"""Places in the call tree, as numbers: the identity of a call, the same in every run whatever the scheduling.

The path from the entry (sites of calls, numbers of loops and iterations) is hashed as a polynomial over the prime field
of 2**61 - 1 (Karp and Rabin, 1987): one multiplication a step, no state, 61 bits, so that a place is an integer key of
SQLite. Two of a million calls share a place with a chance of about one in a million.
"""

from __future__ import annotations

from typing import Final

__all__ = ["ROOT", "K", "P", "inner"]

K: Final = 0x0F2C5D8B3A96E741
P: Final = 2**61 - 1

#: The place of the entry.
ROOT: Final = 0x1D872B41C2E59F03


def inner(place: int, number: int) -> int:
    """The place that lies one step inward: `number` is a site, or a loop's number plus the iteration."""
    return (place * K + number) % P
