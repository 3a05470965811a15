"""From a path or a text to a checked program.

In: a path, or a `Source`. Out: `Checked`, or None, and all diagnostics. A stage that finds errors ends the way; names,
declarations and bodies are one stage, so that a user sees all that is wrong with them at once.

Programs may be deep (a thousand `else if`), and the passes recurse over them, so they run in a thread of their own
with room for it: see `with_room`.
"""
from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

from .check import Checked, check_units
from .diagnostics import MAX_ERRORS, Diagnostic
from .modules import load_units
from .parser import parse, read_source
from .source import Source

__all__ = ["load_program", "roomy", "with_room"]

P = ParamSpec("P")
T = TypeVar("T")
_STACK = 64 * 1024 * 1024
_DEPTH = 200_000


def load_program(program: str | Path | Source, folder: Path | None = None) -> tuple[Checked | None, list[Diagnostic]]:
    """A path is read; a Source is taken as it is, and imports files relative to `folder`, if that is given.

    The program is None if there is an error. The diagnostics are sorted by place, warnings among them.
    """
    if isinstance(program, Source):
        source = program
    else:
        read, diagnostics = read_source(program)
        if read is None:
            return None, diagnostics
        source, folder = read, Path(program).resolve().parent
    return with_room(lambda: _load(source, folder))


def _load(source: Source, folder: Path | None) -> tuple[Checked | None, list[Diagnostic]]:
    units, diagnostics = load_units(source, folder, parse)
    if any(d.severity == "error" for d in diagnostics):
        return None, sorted(diagnostics, key=lambda d: d.sort_key)
    checked, more = check_units(units)
    diagnostics = sorted([*diagnostics, *more], key=lambda d: d.sort_key)
    errors = [d for d in diagnostics if d.severity == "error"]
    return (None if errors else checked), errors[:MAX_ERRORS] if len(errors) > MAX_ERRORS else diagnostics


class _Room:
    """What the whole process shares: how many threads need room, and the settings to go back to after the last."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.threads: set[int] = set()
        self.limit = 0
        self.collecting = False

    def enter(self) -> None:
        with self.lock:
            if not self.threads:
                self.limit, self.collecting = sys.getrecursionlimit(), gc.isenabled()
                sys.setrecursionlimit(max(self.limit, _DEPTH))
                gc.disable()                            # trees and tables only grow here: there is nothing to find
            self.threads.add(threading.get_ident())

    def leave(self) -> None:
        with self.lock:
            self.threads.discard(threading.get_ident())
            if not self.threads:
                sys.setrecursionlimit(self.limit)
                if self.collecting:
                    gc.enable()


_ROOM = _Room()


def with_room(work: Callable[[], T]) -> T:
    """Runs it in a thread with a higher recursion limit and a stack of 64 MB (what is touched is taken).

    Within such a thread it is simply called.
    """
    if threading.get_ident() in _ROOM.threads:
        return work()
    outcome: list[T] = []
    failure: list[BaseException] = []

    def run() -> None:
        _ROOM.enter()
        try:
            outcome.append(work())
        except BaseException as error:                  # handed on to the caller's thread
            failure.append(error)
        finally:
            _ROOM.leave()

    with _ROOM.lock:
        stack = threading.stack_size(_STACK)
        try:
            thread = threading.Thread(target=run, name="orch-front-end")
            thread.start()
        finally:
            threading.stack_size(stack)
    thread.join()
    if failure:
        raise failure[0]
    return outcome[0]


def roomy(function: Callable[P, T]) -> Callable[P, T]:
    """The same function, with room."""
    @wraps(function)
    def inside(*args: P.args, **options: P.kwargs) -> T:
        return with_room(lambda: function(*args, **options))
    return inside
