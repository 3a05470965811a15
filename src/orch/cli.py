"""The `orch` command: the command line in, exit codes and text or one JSON document out.

A thin shell: it reads options and hands them to `orch.commands`, which uses the public Python API. Imports nothing
but argparse until a command is known, for `orch --help` has 0.15 s. Exit codes: 0 done, 1 the program has errors,
2 the command line is wrong, 3 a run failed, 4 a budget was reached, 130 interrupted.
"""
from __future__ import annotations

import argparse
import errno
import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NoReturn

__all__ = ["main"]

_LATER = {
    "lsp": "language server on standard input and output",
}


class _Usage(Exception):
    """The command line is wrong; `usage` shows how it is written."""

    def __init__(self, message: str, usage: str = "") -> None:
        super().__init__(message)
        self.usage = usage


class _Parser(argparse.ArgumentParser):
    """argparse that raises instead of printing and leaving, so that `--format json` can keep its promise."""

    def error(self, message: str) -> NoReturn:
        raise _Usage(message, self.format_usage())


# ---------------------------------------------------------------- options

def _parser() -> _Parser:
    top = _Parser(prog="orch", allow_abbrev=False, description="What will your LLM agents cost? Orch answers with a "
                  "formula in the size of the input, and runs the same program within it.",
                  epilog="`orch COMMAND --help` tells the options of a command.")
    top.add_argument("--version", action="store_true", help="print the version")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    for name, (text, add) in _COMMANDS.items():
        sub = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".", allow_abbrev=False)
        add(sub)
    for name, text in _LATER.items():
        commands.add_parser(name, help=f"{text} (comes later)", allow_abbrev=False)
    return top


def _format(p: argparse.ArgumentParser, *formats: str) -> None:
    p.add_argument("--format", choices=formats, default="text", help="what is printed (default: text)")


def _entry(p: argparse.ArgumentParser) -> None:
    p.add_argument("file", metavar="FILE", help="the program")
    p.add_argument("--entry", metavar="F", help="the function to start at (default: main)")
    p.add_argument("--arg", action="append", default=[], metavar="NAME=VALUE",
                   help="an argument; NAME=@FILE takes a text, or a folder, .txt, .json, .jsonl or .csv for a list")
    p.add_argument("--args", metavar="FILE.json", help="all arguments as one JSON object")
    p.add_argument("--set", action="append", default=[], metavar="PARAM=N", help="the value of a param")
    p.add_argument("--model", action="append", default=[], metavar="ALIAS=PROVIDER/MODEL", help="another model")
    p.add_argument("--tokenizer", metavar="NAME", help="what counts tokens (default: o200k_base)")
    p.add_argument("-o", dest="output", metavar="PATH", help="write the result there")


def _check(p: argparse.ArgumentParser) -> None:
    p.add_argument("files", nargs="+", metavar="FILE")
    _format(p, "text", "json")


def _cost(p: argparse.ArgumentParser) -> None:
    _entry(p)
    p.add_argument("--metric", action="append", default=[], metavar="M,...", help="which metrics, or all")
    p.add_argument("--at", action="append", default=[], metavar="N=1000,M=50", help="sizes for figures; repeatable")
    p.add_argument("--let", action="append", default=[], metavar="X=FORMULA", help="replace a symbol by a formula")
    p.add_argument("--parallel", type=int, metavar="P", help="Brent's bounds on latency with P requests at a time")
    _format(p, "text", "json", "md", "html")


def _compare(p: argparse.ArgumentParser) -> None:
    p.add_argument("entries", nargs="*", metavar="FILE[:ENTRY]", help="the decompositions, two or more (default: main)")
    p.add_argument("--metric", action="append", default=[], metavar="M,...", help="which metrics, or all")
    p.add_argument("--at", action="append", default=[], metavar="N=1000,M=50", help="sizes for figures; repeatable")
    p.add_argument("--let", action="append", default=[], metavar="X=FORMULA", help="replace a symbol by a formula")
    p.add_argument("--set", action="append", default=[], metavar="PARAM=N", help="the value of a param")
    p.add_argument("--model", action="append", default=[], metavar="ALIAS=PROVIDER/MODEL", help="another model")
    p.add_argument("--tokenizer", metavar="NAME", help="what counts tokens (default: o200k_base)")
    p.add_argument("-o", dest="output", metavar="PATH", help="write the comparison there")
    _format(p, "text", "json", "md")


def _tune(p: argparse.ArgumentParser) -> None:
    p.add_argument("file", metavar="FILE", help="the program")
    p.add_argument("--entry", metavar="F", help="the function to start at (default: main)")
    p.add_argument("--at", action="append", default=[], metavar="N=1000,M=50", help="sizes; repeatable")
    p.add_argument("--minimise", "--minimize", metavar="METRIC",
                   help="what is to be least: a metric, or expected(METRIC) (default: dollars, or calls)")
    p.add_argument("--subject", action="append", default=[], metavar="'METRIC <= X'",
                   help="what must hold, such as 'context <= 8000' or 'reliability >= 0.95'; repeatable")
    p.add_argument("--parallel", type=int, metavar="P", help="latency with P requests at a time")
    p.add_argument("--set", action="append", default=[], metavar="PARAM=N", help="the value of a param that stays")
    p.add_argument("--model", action="append", default=[], metavar="ALIAS=PROVIDER/MODEL", help="another model")
    p.add_argument("--tokenizer", metavar="NAME", help="what counts tokens (default: o200k_base)")
    p.add_argument("-o", dest="output", metavar="PATH", help="write the result there")
    _format(p, "text", "json", "md")


def _seconds(text: str) -> float:
    with suppress(ValueError):
        if 0 < float(text) < float("inf"):
            return float(text)
    raise argparse.ArgumentTypeError(f"{text} is no number of seconds above 0")


def _solve(p: argparse.ArgumentParser) -> None:
    p.add_argument("files", nargs="*", metavar="FILE.eq")
    p.add_argument("-e", dest="equations", action="append", default=[], metavar="EQUATIONS",
                   help="equations as text, separated by ;")
    p.add_argument("--goal", metavar="T(n)", help="what to solve for (default: the first function)")
    p.add_argument("--time-limit", type=_seconds, default=10.0,
                   metavar="S", help="seconds for each system (default: 10)")
    _format(p, "text", "json")


def _simulated(p: argparse.ArgumentParser) -> None:
    p.add_argument("--backend", metavar="B", help="sim, local, a provider (default: by each model's name), or replay")
    p.add_argument("--sim", choices=("random", "largest", "smallest"), default="random",
                   help="sizes of simulated answers (default: random)")
    p.add_argument("--oracle", metavar="FILE.py", help="functions named like primitives that compute the right answer")
    p.add_argument("--seed", type=int, default=None, metavar="N", help="makes a run repeatable")
    p.add_argument("--allow-tools", action="store_true", help="run the program's tools, which are code of this machine")


def _run(p: argparse.ArgumentParser) -> None:
    _entry(p)
    _simulated(p)
    p.add_argument("--concurrency", type=int, metavar="N", help="most requests in flight")
    p.add_argument("--budget-dollars", metavar="X", help="the most that may be paid, retries included")
    p.add_argument("--budget-calls", metavar="N", help="the most calls that may be sent, retries included")
    p.add_argument("--budget-tokens", metavar="N", help="the most tokens that may be read and written in all")
    p.add_argument("--journal", metavar="PATH", help="where finished calls are kept (default: ORCH_JOURNAL, if set)")
    p.add_argument("--resume", action="store_true", help="go on where the journal's run of this program stopped")
    p.add_argument("--cache", action="store_true", help="take answers of earlier runs for equal calls")
    p.add_argument("--trace", metavar="PATH", help="write what happened, call by call")
    p.add_argument("--otel", action="store_true", help="send OpenTelemetry spans, as OTEL_... variables say")
    _format(p, "text", "json")


def _validate(p: argparse.ArgumentParser) -> None:
    _entry(p)
    p.add_argument("--at", action="append", default=[], metavar="N=1000,M=50",
                   help="sizes; arguments are made up that have exactly these; repeatable")
    p.add_argument("--runs", type=int, default=3, metavar="K", help="runs at each choice of sizes (default: 3)")
    _simulated(p)
    p.add_argument("--concurrency", type=int, metavar="N", help="most requests in flight")
    _format(p, "text", "json", "md")


def _runs(p: argparse.ArgumentParser) -> None:
    p.add_argument("--journal", action="append", default=[], metavar="PATH",
                   help="which journal; repeatable (default: ORCH_JOURNAL, or those in this folder)")
    _format(p, "text", "json")


def _show(p: argparse.ArgumentParser) -> None:
    p.add_argument("run", metavar="RUN", help="the number that `orch runs` gives, or last")
    p.add_argument("--depth", type=int, metavar="N", help="levels of the tree (default: 8)")
    _runs(p)


def _fmt(p: argparse.ArgumentParser) -> None:
    p.add_argument("files", nargs="+", metavar="FILE")
    p.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file is laid out otherwise")
    _format(p, "text", "json")


def _explain(p: argparse.ArgumentParser) -> None:
    p.add_argument("code", metavar="CODE", help="a diagnostic's code, such as E0101")
    _format(p, "text", "json")


_COMMANDS: dict[str, tuple[str, Callable[[argparse.ArgumentParser], None]]] = {
    "check": ("names, types, sizes and termination; no cost", _check),
    "cost": ("what a program costs, as formulas and at given sizes", _cost),
    "compare": ("two or more decompositions of one job side by side", _compare),
    "tune": ("the best values of params at given sizes", _tune),
    "run": ("execute a program; measured beside predicted", _run),
    "validate": ("run at several sizes; measured beside predicted", _validate),
    "solve": ("solve recurrences given as text", _solve),
    "fmt": ("one canonical layout", _fmt),
    "explain": ("the long form of a diagnostic", _explain),
    "runs": ("the journal: which runs there were", _runs),
    "show": ("one run's tree of calls with their costs", _show),
}


# ---------------------------------------------------------------- the shell

def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; the exit code. Prints no traceback, unless ORCH_DEBUG is set."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")       # a terminal without Unicode is no reason to fail
    if sys.stderr is None:          # closed (`2>&-`)
        sys.stderr = open(os.devnull, "w", encoding="utf-8")    # noqa: SIM115 - it stays open to the end
    try:
        code = _shell(arguments, _wants_json(arguments))
        if sys.stdout is not None:
            sys.stdout.flush()
        return code
    except BrokenPipeError:         # the reader has left (`orch cost ... | head`)
        _forget_output()
        return 0
    except OSError as e:            # a full disk, a closed descriptor: there is nowhere to print a document
        with suppress(OSError):
            print(f"orch: standard output cannot be written: {(e.strerror or str(e)).lower()}", file=sys.stderr,
                  flush=True)
        _forget_output()
        return 1


def _shell(arguments: list[str], as_json: bool) -> int:
    """One command, with what goes wrong told. Raises OSError where standard output takes nothing."""
    try:
        return _main(arguments)
    except _Usage as e:
        return _fail(as_json, 2, "E0800", f"{e}", "orch --help tells the commands", e.usage)
    except KeyboardInterrupt:
        return _fail(as_json, 130, "E0899", "interrupted", "")
    except BrokenPipeError:
        raise
    except SystemExit as e:         # argparse, after --help
        return e.code if isinstance(e.code, int) else 2
    except Exception as e:
        if isinstance(e, OSError) and e.filename is None:
            raise                   # from printing: what fails with a file names it
        if os.environ.get("ORCH_DEBUG"):
            raise
        stage = getattr(e, "stage", None) or "the command line"
        cause = e.__cause__ if getattr(e, "stage", None) and e.__cause__ is not None else e
        from .runtime.redaction import Secrets
        told = Secrets().scrub(" ".join(f"{type(cause).__name__}: {cause}".split()))
        return _fail(as_json, 1, "E0898", f"internal error in stage {stage}: {told[:300]}",
                     "this is a bug in Orch; ORCH_DEBUG=1 shows where it is")


def _forget_output() -> None:
    """Drops what standard output still holds: Python would complain once more when it flushes at exit."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _main(arguments: list[str]) -> int:
    if arguments and arguments[0] in _LATER and not {"-h", "--help"} & set(arguments):
        raise _Usage(f"`orch {arguments[0]}` comes in a later version")
    options = _parser().parse_args(arguments)
    if options.version:
        from importlib.metadata import version
        print(f"orch {version('orch-lang')}")
        return 0
    if options.command is None:
        raise _Usage("no command is given", _parser().format_usage())
    if sys.stdout is None and not getattr(options, "output", None):
        raise OSError(errno.EBADF, "it is closed")      # before anything is run or paid
    from . import commands
    from .errors import OrchError
    action: Callable[[argparse.Namespace], int] = getattr(commands, options.command)
    try:
        return action(options)
    except OrchError as e:
        return commands.fail(e, options.format == "json")


def _wants_json(arguments: Sequence[str]) -> bool:
    """Read by hand, for it must be known also where the rest of the command line is wrong."""
    return any(a == "--format=json" or (a == "json" and arguments[i - 1] == "--format")
               for i, a in enumerate(arguments) if i or "=" in a)


def _fail(as_json: bool, code: int, name: str, message: str, hint: str, usage: str = "") -> int:
    if as_json:
        fault: dict[str, Any] = {"code": name, "message": message, "hint": hint, "file": None, "line": None,
                                 "column": None, "end_line": None, "end_column": None}
        print(json.dumps({"errors": [fault], "warnings": []}, ensure_ascii=False), flush=True)
    else:
        print(f"orch: {message}" + (f"\n  {hint}" if hint else "") + (f"\n{usage.rstrip()}" if usage else ""),
              file=sys.stderr, flush=True)
    return code
