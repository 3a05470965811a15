"""Room for passes that recurse over the syntax tree.

The parser refuses trees of more than `MAX_DEPTH` levels, so recursion over one is bounded;
but a pass may need several frames a level, more than Python allows by default. Since
Python 3.11 such frames take no room on the machine's own stack.
"""
from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from .lexer import MAX_DEPTH

__all__ = ["room_to_recurse"]

_FRAMES_A_LEVEL = 25


@contextmanager
def room_to_recurse() -> Iterator[None]:
    """Within it, a pass may use up to 25 frames for each level of a tree, besides what is in use already."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(before + MAX_DEPTH * _FRAMES_A_LEVEL)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
