"""What a run is: enough to say whether a journal is of this run, and if not, what differs.

In: a core program, an entry and its arguments, params, models, how it is run. Out: `identity`, digests by part, as JSON
has them; `differences`, two of them compared, in words. Only what the entry can reach counts, and neither places in
the text nor comments do, so that a program that was laid out anew is the same. Digests are BLAKE2 (RFC 7693).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from fractions import Fraction
from typing import Any, Final

from ..compiler import core
from ..compiler.expr import Expr
from ..lang.source import Span
from .redaction import Secrets

__all__ = ["differences", "digest_of", "identity"]

_PARTS: Final = (
    ("entry", "the entry"),
    ("arguments", "the argument"),
    ("params", "the param"),
    ("models", "the model"),
    ("functions", "the function"),
    ("primitives", "the primitive"),
    ("tools", "the tool"),
    ("backend", "the backend"),
    ("tokenizer", "the tokenizer"),
)

#: Characters of an argument or a setting that are kept as they are, to be shown.
_SHOWN: Final = 60


def digest_of(*parts: bytes) -> bytes:
    """16 bytes that two different sequences of parts do not share."""
    made = hashlib.blake2b(digest_size=16)
    for part in parts:
        made.update(len(part).to_bytes(8, "big"))
        made.update(part)
    return made.digest()


def identity(
    program: core.Program,
    entry: str,
    arguments: Mapping[str, Any],
    settings: Mapping[str, int | float | Fraction],
    backend: str,
    tokenizer: str,
    secrets: Secrets,
) -> dict[str, Any]:
    """`arguments` as JSON has them, `settings` the values of params; `backend` says where calls go.

    Arguments that hold one of the `secrets` are told by their digest alone.
    """
    functions, primitives, tools = _reached(program, program.entries[entry])
    models = sorted({program.primitives[name].model for name in primitives})
    known = [program.models[name] for name in models if name in program.models]
    return {
        "entry": {"": entry},
        "arguments": {
            name: _shown(json.dumps(value, sort_keys=True), secrets) for name, value in sorted(arguments.items())
        },
        "params": {name: str(value) for name, value in sorted(settings.items())},
        # how fast a model may be asked changes no answer: a run that was refused may go on more slowly
        "models": {m.name: f"{m.target} {_digest(replace(m, rpm=None, tpm=None))}" for m in known},
        "functions": {name: _digest(program.functions[name]) for name in functions},
        "primitives": {name: _digest(program.primitives[name]) for name in primitives},
        "tools": {name: _digest(program.tools[name]) for name in tools},
        "backend": {"": backend},
        "tokenizer": {"": tokenizer},
    }


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What differs between two identities, the most telling first; empty if nothing does."""
    found = []
    for part, words in _PARTS:
        old, new = before.get(part, {}), now.get(part, {})
        for name in sorted({*old, *new}):
            if old.get(name) == new.get(name):
                continue
            what = f"{words} `{name}`" if name else words
            values = [_said(part, side.get(name)) for side in (old, new)]
            said = f" (was {values[0]}, is {values[1]})" if all(values) and values[0] != values[1] else ""
            gone = " is new" if name not in old else " is missing" if name not in new else said
            found.append(f"{what}{gone}")
    return found


def _said(part: str, value: str | None) -> str:
    """A value that people can compare, or "" for a digest."""
    if value is None or part in ("functions", "primitives", "tools"):
        return ""
    return f"`{value.split(' ')[0] if part == 'models' else value}`" if value else ""


def _shown(text: str, secrets: Secrets) -> str:
    scrubbed = secrets.scrub(text)
    if len(text) <= _SHOWN and scrubbed == text:
        return text
    return f"{scrubbed[:20]}... ({len(text)} characters, {digest_of(text.encode('utf-8', 'surrogatepass')).hex()})"


def _reached(program: core.Program, key: str) -> tuple[list[str], list[str], list[str]]:
    """The functions, primitives and tools that a function can reach, by name, sorted."""
    functions: set[str] = set()
    primitives: set[str] = set()
    tools: set[str] = set()
    todo = [key]
    while todo:
        name = todo.pop()
        if name in functions:
            continue
        functions.add(name)
        for node in _nodes(program.functions[name].body):
            match node:
                case core.CallFunction(function=called):
                    todo.append(called)
                case core.CallPrimitive(primitive=called):
                    primitives.add(called)
                case core.CallTool(tool=called):
                    tools.add(called)
    return sorted(functions), sorted(primitives), sorted(tools)


def _nodes(root: Any) -> Iterator[Any]:
    """Everything within a declaration that is a node of the core."""
    todo = [root]
    while todo:
        x = todo.pop()
        if isinstance(x, tuple):
            todo += x
        elif _is_core(x):
            yield x
            todo += [getattr(x, f.name) for f in fields(x)]


def _is_core(x: Any) -> bool:
    return is_dataclass(x) and type(x).__module__ == core.__name__


def _digest(declaration: Any) -> str:
    """Of all that a declaration says, but not where it says it."""
    made = hashlib.blake2b(digest_size=8)
    todo: list[Any] = [declaration]
    while todo:
        x = todo.pop()
        match x:
            case Span():
                continue
            case str() | int() | float() | Fraction() | None:
                text = f"{type(x).__name__} {x!r}"
            case _ if type(x).__module__ == Expr.__module__:  # expressions and conditions print themselves
                text = f"{type(x).__name__} {x}"
            case tuple() | list():
                text = f"list {len(x)}"
                todo += reversed(x)
            case Mapping():
                text = f"mapping {len(x)}"
                todo += [part for pair in reversed(list(x.items())) for part in reversed(pair)]
            case _ if is_dataclass(x):
                text = type(x).__name__
                todo += [getattr(x, f.name) for f in reversed(fields(x))]
            case _:
                text = f"{type(x).__name__} {x}"
        made.update(text.encode("utf-8", "backslashreplace") + b"\x00")
    return made.hexdigest()
