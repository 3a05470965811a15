"""The name that was probably meant.

In: an unknown name and those in scope. Out: the nearest one, or a phrase for a hint. Knows nothing of programs.
"""
from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["did_you_mean", "listing", "nearest"]


def nearest(name: str, candidates: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The most similar candidate; an abbreviation or its long form (`doc`, `document`) counts as similar."""
    pool = sorted({c for c in candidates if c != name and not c.startswith("_")})
    found = get_close_matches(name, pool, 1, cutoff)
    if not found:
        low = name.lower()
        found = [c for c in pool if min(len(c),
                                        len(name)) >= 3 and (low.startswith(c.lower()) or c.lower().startswith(low))]
    return found[0] if found else None


def listing(candidates: Iterable[str], most: int = 6) -> str:
    """The first few candidates, as `a`, `b`, `c` ..."""
    pool = sorted({c for c in candidates if not c.startswith("_")})
    return ", ".join(f"`{c}`" for c in pool[:most]) + (" ..." if len(pool) > most else "")


def did_you_mean(name: str, candidates: Iterable[str], otherwise: str) -> str:
    """A hint: the nearest candidate, or the sentence `otherwise`."""
    best = nearest(name, list(candidates))
    return f"did you mean `{best}`?" if best is not None else otherwise
