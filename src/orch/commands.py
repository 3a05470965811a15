"""What each command does, in terms of the Python API.

In: the options that `cli` read. Out: an exit code, with text on standard output and messages on standard error; with
`--format json` exactly one JSON document on standard output. Wording of diagnostics and layout of reports are not here.
"""
from __future__ import annotations

import argparse
import errno
import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from .api import Program, load
from .errors import OrchError, diagnostic_json, fault, show_diagnostics
from .lang.diagnostics import Diagnostic
from .lang.source import Source, Span
from .runs import runs, show
from .views import RunFailed

if TYPE_CHECKING:
    from .api import Prediction
    from .comparing import ComparisonView
    from .compiler.equation_text import EquationError
    from .compiler.report_layout import Block
    from .tuning import TuningView
    from .validating import ValidationView

__all__ = ["check", "compare", "cost", "explain", "fail", "fmt", "run", "runs", "show", "solve", "tune", "validate"]


# ---------------------------------------------------------------- printing

def _json(document: Any) -> None:
    print(json.dumps(document, ensure_ascii=False, allow_nan=False))


def _problems(found: Sequence[Diagnostic]) -> dict[str, Any]:
    return {"errors": [diagnostic_json(d) for d in found if d.severity == "error"],
            "warnings": [diagnostic_json(d) for d in found if d.severity == "warning"]}


def _tell(found: Sequence[Diagnostic]) -> None:
    """Diagnostics on standard error, with colour where it is a terminal that wants it."""
    if found:
        colour = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
        sys.stderr.write(show_diagnostics(found, colour=colour, width=_width(sys.stderr)))
        sys.stderr.flush()


def _width(stream: Any) -> int:
    try:
        return max(40, os.get_terminal_size(stream.fileno()).columns)
    except (OSError, ValueError):
        return 100


def fail(e: OrchError, as_json: bool) -> int:
    """Tells what went wrong; the exit code."""
    if as_json:
        _json(_problems(e.diagnostics))
    else:
        _tell(e.diagnostics)
    return e.exit_code


def _pairs(option: str, given: Sequence[str]) -> dict[str, str]:
    """`name=value` options, several of them also in one, separated by commas."""
    found: dict[str, str] = {}
    for part in (part for text in given for part in _parts(text)):
        name, sign, value = (piece.strip() for piece in part.partition("="))
        if not sign or not name or not value:
            raise fault("E0800", f"`{option} {part}` is not of the form name=value.", f"write {option} name=value")
        if name in found:
            raise fault("E0800", f"`{option}` gives `{name}` twice.", "leave one of them out" if option != "--at" else
                        f"for several figures repeat the option: --at {name}={found[name]} --at {name}={value}")
        found[name] = value
    return found


def _parts(text: str) -> list[str]:
    """Split at the commas that stand in no parentheses: a formula may hold some."""
    parts, depth = [""], 0
    for sign in text:
        depth += (sign == "(") - (sign == ")")
        if sign == "," and depth <= 0:
            parts.append("")
        else:
            parts[-1] += sign
    return parts


def _params(options: argparse.Namespace) -> dict[str, int]:
    from .api import number
    params: dict[str, int] = {}
    for name, value in _pairs("--set", options.set).items():
        n = number(name, value)
        if not isinstance(n, int):
            raise fault("E0800", f"`--set {name}={value}` is no whole number.", f"write --set {name}=1000")
        params[name] = n
    return params


def _program(options: argparse.Namespace, **more: Any) -> Program:
    models = _pairs("--model", options.model)
    return load(options.file, params=_params(options), models=models, tokenizer=options.tokenizer, **more)


def _arguments(program: Program, options: argparse.Namespace) -> dict[str, Any]:
    from .api import bad_arguments
    from .runtime.arguments import BadArguments, read_arguments
    try:
        return read_arguments(program.parameters(options.entry), options.arg, options.args)
    except BadArguments as e:
        raise bad_arguments(e) from None


def _writable(path: str | None) -> None:
    """Refuses a path that cannot be written, before anything is computed or paid. Leaves what is there alone."""
    if path is None:
        return
    file = Path(path)
    there = file.exists()
    try:
        if file.is_dir():
            raise IsADirectoryError(errno.EISDIR, "it is a folder")
        if not file.parent.is_dir():
            raise FileNotFoundError(errno.ENOENT, f"there is no folder {file.parent}")
        if there and not file.is_file():        # a pipe would wait for its reader
            if not os.access(file, os.W_OK):
                raise PermissionError(errno.EACCES, "permission denied")
            return
        with open(file, "ab"):      # what a system allows is known for certain when it was tried
            pass
        if not there:
            file.unlink()
    except OSError as e:
        raise fault("E0803", f"{path} cannot be written: {(e.strerror or str(e)).lower()}.", "check the path") from None


def _write(path: str, text: str) -> None:
    try:
        # as on standard output; in JSON it is the escape of the same character
        Path(path).write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as e:
        raise fault("E0803", f"{path} cannot be written: {(e.strerror or str(e)).lower()}.", "check the path") from None


def _deliver(path: str | None, text: str, with_errors: Callable[[list[dict[str, Any]]], str] | None) -> int:
    """Writes what a run has brought, or prints it; the exit code.

    What was paid for is not lost where PATH cannot be written any more (a full disk, a folder that has gone): it is
    printed, with the error on standard error or, as `with_errors` puts it there, in the document; and the run failed.
    """
    if path is None:
        sys.stdout.write(text)
        return 0
    try:
        _write(path, text)
    except OrchError as e:
        told = [replace(d, hint="the result stands on standard output") for d in e.diagnostics]
        _tell(told)
        sys.stdout.write(text if with_errors is None else with_errors([diagnostic_json(d) for d in told]))
        return 3
    return 0


# ---------------------------------------------------------------- check, fmt, explain

def check(options: argparse.Namespace) -> int:
    """Names, types, sizes, termination and claims of each file."""
    found: list[Diagnostic] = []
    code = 0
    for file in options.files:
        try:
            found += load(file).check()
        except OrchError as e:
            found += e.diagnostics
            code = max(code, e.exit_code)
    if options.format == "json":
        _json(_problems(found))
    else:
        _tell(found)
        if not code:
            count = f"{len(options.files)} files are" if len(options.files) > 1 else f"{options.files[0]} is"
            print(f"{count} right." + (f" {len(found)} warning{'s' if len(found) > 1 else ''}." if found else ""))
    return code


def fmt(options: argparse.Namespace) -> int:
    """One canonical layout. Files that do not parse are left alone."""
    from .errors import stage
    from .lang.format import format_module
    from .lang.frontend import with_room
    from .lang.parser import parse, read_source
    found: list[Diagnostic] = []
    changed: list[str] = []
    for file in options.files:
        with stage("fmt"):
            source, diagnostics = read_source(file)
            module = None
            if source is not None:
                module, diagnostics = parse(source)
            found += diagnostics
            if module is None or source is None:
                continue
            text = with_room(partial(format_module, module, source))
        if text != source.text:
            changed.append(file)
            if not options.check:
                _write(file, text)
    bad = any(d.severity == "error" for d in found)
    if options.format == "json":
        _json({"changed": changed, **_problems(found)})
    else:
        _tell(found)
        for file in changed:
            print(f"{file}: {'is laid out otherwise' if options.check else 'laid out anew'}")
    return 1 if bad or (options.check and changed) else 0


def explain(options: argparse.Namespace) -> int:
    """The long form of a diagnostic's code."""
    from .lang.codes import CODES
    from .lang.suggest import did_you_mean
    code = options.code.upper()
    row = CODES.get(code)
    if row is None:
        raise fault("E0800", f"There is no code `{options.code}`.", did_you_mean(code, CODES, "codes look like E0101"))
    if options.format == "json":
        _json({"code": row.code, "title": row.title, "explanation": row.explanation, "example": row.example,
               "errors": [], "warnings": []})
    else:
        print(f"{row.code}: {row.title}\n\n{row.explanation}")
        if row.example:
            print("\nExample:\n\n" + "\n".join(f"    {line}".rstrip() for line in row.example.rstrip().splitlines()))
    return 0


# ---------------------------------------------------------------- cost

def cost(options: argparse.Namespace) -> int:
    """The cost report."""
    as_json = options.format == "json"
    if options.format == "html":
        raise fault("E0900", "`--format html` comes in a later version.", "use --format md or text")
    _writable(options.output)
    metrics = [m.strip() for text in options.metric for m in text.split(",") if m.strip()] or None
    program = _program(options)
    entry = program.entry(options.entry)
    report = program.cost(
        entry, at=[_pairs("--at", [text]) for text in options.at],
        metrics=["all"] if metrics is None and as_json else metrics,
        let=_pairs("--let", options.let), parallel=options.parallel,
        args=_arguments(program, options) if options.arg or options.args else None)
    code = 1 if report.data.errors else 0
    if options.format == "text" and options.output is None and sys.stdout.isatty():
        from .compiler.report_layout import layout
        _show(layout(report.data), sys.stdout)
        return code
    text = (json.dumps(report.to_json(), ensure_ascii=False, allow_nan=False) + "\n" if as_json
            else report.to_markdown() if options.format == "md" else str(report))
    if options.output is None:
        sys.stdout.write(text)
    else:
        _write(options.output, text)
    return code


def _show(blocks: Sequence[Block], stream: TextIO) -> None:
    """Blocks for people: with rich in a terminal (which honours NO_COLOR), plain otherwise."""
    from .compiler.report_text import plain_blocks, rich_blocks
    if stream.isatty():
        from rich.console import Console
        Console(file=stream, highlight=False).print(*rich_blocks(blocks), sep="\n")
    else:
        stream.write(plain_blocks(blocks))
    stream.flush()


def compare(options: argparse.Namespace) -> int:
    """Decompositions side by side."""
    from .comparing import compare as work
    as_json = options.format == "json"
    _writable(options.output)
    metrics = [m.strip() for text in options.metric for m in text.split(",") if m.strip()] or None
    found = work(*options.entries, metrics=["all"] if metrics is None and as_json else metrics,
                 at=[_pairs("--at", [text]) for text in options.at], let=_pairs("--let", options.let),
                 params=_params(options), models=_pairs("--model", options.model), tokenizer=options.tokenizer)
    from .compiler.compare_view import comparison_layout
    return _present(found, lambda: comparison_layout(found.data), options)


def tune(options: argparse.Namespace) -> int:
    """The best values of params."""
    from .compiler.tune_view import tuned_layout
    _writable(options.output)
    found = _program(options).tune(options.entry, at=[_pairs("--at", [text]) for text in options.at],
                                   minimise=options.minimise, subject=options.subject, parallel=options.parallel)
    code = _present(found, lambda: tuned_layout(found.data), options)
    if options.format != "json":
        _tell(found.errors)
    return code


def _present(found: ComparisonView | TuningView | ValidationView, blocks: Callable[[], Sequence[Block]],
             options: argparse.Namespace) -> int:
    """Shows it in the format asked for, or writes it; the exit code."""
    if options.format == "text" and options.output is None and sys.stdout.isatty():
        _show(blocks(), sys.stdout)
    else:
        text = (json.dumps(found.to_json(), ensure_ascii=False, allow_nan=False) + "\n" if options.format == "json"
                else found.to_markdown() if options.format == "md" else str(found))
        if options.output is None:
            sys.stdout.write(text)
        else:
            _write(options.output, text)
    return 1 if found.errors else 0


# ---------------------------------------------------------------- solve

def solve(options: argparse.Namespace) -> int:
    """Recurrences given as text, each system for itself; a file that cannot be read is refused with the reason."""
    texts: list[tuple[str, str | None, str]] = []
    for file in options.files:
        try:
            texts.append((file, Path(file).read_text(encoding="utf-8"), ""))
        except UnicodeDecodeError:
            texts.append((file, None, "it is not UTF-8 text"))
        except OSError as e:
            texts.append((file, None, (e.strerror or str(e)).lower()))
    texts += [("-e", text, "") for text in options.equations]
    if not texts:
        raise fault("E0800", "There is nothing to solve.", "give files, or equations with -e")
    answers = []
    code = 0
    for name, text, why in texts:
        answer, diagnostics = _answer(name, text, why, options)
        answers.append(answer)
        code = max(code, 2 if text is None else 1 if diagnostics else 0)
        if options.format == "text":
            _tell(diagnostics)
            if not diagnostics:
                _show_answer(answer)
    if options.format == "json":
        _json(answers)
    return code


def _answer(name: str, text: str | None, why: str,
            options: argparse.Namespace) -> tuple[dict[str, Any], list[Diagnostic]]:
    """The object for one system, and what is wrong with its text."""
    from .compiler.equation_text import parse_system
    from .compiler.solve import solve_text
    from .errors import stage
    nothing = {"file": name, "goal": options.goal, "refused": None, "theta": None, "rules": [], "seconds": 0.0,
               "lower": None, "upper": None}
    if text is None:
        return {**nothing, "refused": f"the file cannot be read: {why}"}, []
    with stage("solve"):
        parsed = parse_system(text, options.goal)
        if not isinstance(parsed, list):
            return {"file": name, **solve_text(text, options.goal, options.time_limit)}, []
    found = [_equation_fault(Source(name, text), e) for e in parsed]
    return {**nothing, **_problems(found)}, found


def _equation_fault(source: Source, e: EquationError) -> Diagnostic:
    start = sum(len(line) for line in source.text.splitlines(keepends=True)[:e.line - 1]) + e.column - 1
    end = min(len(source.text), start + len(source.line(e.line)) - e.column + 1)
    message = e.message[:1].upper() + e.message[1:] + ("" if e.message.endswith(".") else ".")
    return Diagnostic("E0820", message, Span(source, min(start, end), end), e.hint)


def _show_answer(answer: dict[str, Any]) -> None:
    from .compiler.pretty import pretty
    print(f"{answer['file']}: {answer['goal'] or ''}")
    if answer.get("refused"):
        print(f"  refused: {answer['refused']}\n")
        return
    theta = answer.get("theta")
    lower, upper = answer.get("lower") or {}, answer.get("upper") or {}
    if theta is not None:
        print(f"  Θ({pretty(theta, order=True)})")
    else:
        orders = [f"{sign}({pretty(b['order'], order=True)})"
                  for sign, b in (("O", upper), ("Ω", lower)) if b.get("order")]
        print(f"  {', '.join(orders) or 'growth unknown'}")
    if upper.get("closed") is not None and upper.get("closed") == lower.get("closed"):
        print(f"  exactly   {pretty(upper['closed'])}{_domain(upper)}")
    else:
        for title, b in (("at most", upper), ("at least", lower)):
            if b.get("closed") is not None:
                print(f"  {title:<9} {pretty(b['closed'])}{_domain(b)}")
    if answer.get("reason"):
        print(f"  {answer['reason']}")
    print(f"  by {', '.join(answer['rules']) or 'no rule'}, in {answer['seconds']:.2f} s\n")


def _domain(bound: dict[str, Any]) -> str:
    from .compiler.pretty import pretty
    return "" if bound["valid"] == "True" else f"   for {pretty(bound['valid'])}"


# ---------------------------------------------------------------- run

def run(options: argparse.Namespace) -> int:
    """Tells what a run will cost, runs it, and holds it against what was told."""
    from .runtime.progress import Progress
    from .runtime.verdict import verdict_blocks
    _writable(options.output)
    _writable(options.trace)
    program = _program(options, backend=options.backend, sim=options.sim, seed=options.seed,
                       allow_tools=options.allow_tools, concurrency=options.concurrency, trace=options.trace,
                       otel=options.otel, journal=options.journal or os.environ.get("ORCH_JOURNAL") or None,
                       resume=options.resume, cache=options.cache, budget_dollars=options.budget_dollars,
                       budget_calls=options.budget_calls, budget_tokens=options.budget_tokens)
    program = _with_oracle(program, options)
    entry = program.entry(options.entry)
    args = _arguments(program, options)
    as_json = options.format == "json"
    _tell(program.warnings)
    prediction = program.predict(entry, args)
    sys.stderr.write(f"{program.name} · {entry}   {_sizes_text(prediction)}\n{_announcement(prediction)}\n")
    sys.stderr.flush()
    foreseen = program.foresee(prediction)
    _tell(foreseen)
    calls = prediction.ranges["calls"]
    total = calls.upper if isinstance(calls.upper, int) else None
    try:
        # what tools and oracles print is a message: standard output is the result alone
        with (Progress(sys.stderr, total, calls.lower == calls.upper, *_dollars(prediction, options)) as progress,
              redirect_stdout(sys.stderr)):
            done = program.run(entry, args, on_event=progress)
    except RunFailed as e:
        _tell([d for d in e.run.warnings if d not in foreseen])
        if not as_json:
            raise
        _json(e.run.to_json())
        return e.exit_code
    _tell([d for d in done.warnings if d not in foreseen])
    if as_json:
        text = json.dumps(done.to_json(), ensure_ascii=False, allow_nan=False) + "\n"
    else:
        text = done.result if isinstance(done.result, str) else json.dumps(done.result, ensure_ascii=False, indent=2)
        text = text.removesuffix("\n") + "\n"
        _show(verdict_blocks(done.usage, done.predicted, done.within), sys.stderr)
    def with_errors(errors: list[dict[str, Any]]) -> str:
        return json.dumps({**done.to_json(), "errors": errors}, ensure_ascii=False, allow_nan=False) + "\n"
    return _deliver(options.output, text, with_errors if as_json else None)


def _dollars(prediction: Prediction, options: argparse.Namespace) -> tuple[float | None, float | None]:
    """The most that the run is predicted to cost, and may; None where unknown, or not limited."""
    from .api import number
    upper, budget = prediction.ranges["dollars"].upper, options.budget_dollars
    most = float(upper) if isinstance(upper, int | float | Fraction) else None
    return None if most == float("inf") else most, None if budget is None else float(number("budget_dollars", budget))


def validate(options: argparse.Namespace) -> int:
    """Runs at several sizes; the exit code is 3 where a run failed or lies outside its bounds."""
    _writable(options.output)
    program = _program(options, backend=options.backend, sim=options.sim, seed=options.seed,
                       allow_tools=options.allow_tools, concurrency=options.concurrency)
    program = _with_oracle(program, options)
    entry = program.entry(options.entry)
    args = _arguments(program, options) if options.arg or options.args else None
    _tell(program.warnings)
    with redirect_stdout(sys.stderr):
        found = program.validate(entry, at=[_pairs("--at", [text]) for text in options.at], args=args,
                                 runs=options.runs)
    if options.output is None:
        _present(found, found.blocks, options)
        return 0 if found.within else 3

    def with_errors(errors: list[dict[str, Any]]) -> str:
        return json.dumps({**found.to_json(), "errors": errors}, ensure_ascii=False, allow_nan=False) + "\n"
    as_json = options.format == "json"
    text = with_errors([]) if as_json else found.to_markdown() if options.format == "md" else str(found)
    return _deliver(options.output, text, with_errors if as_json else None) or (0 if found.within else 3)


def _with_oracle(program: Program, options: argparse.Namespace) -> Program:
    if not options.oracle:
        return program
    with redirect_stdout(sys.stderr):
        return program.using(oracle=_oracle(options.oracle, program))


def _sizes_text(prediction: Prediction) -> str:
    return ", ".join(f"{name} = {low:,}" if low == high else f"{name} = {low:,} to {high:,}"
                     for name, (low, high) in prediction.sizes.items())


def _announcement(prediction: Prediction) -> str:
    """What the run will use, and the most it can use if every attempt of every call were spent."""
    from .compiler.figures import figure_text, range_text
    lines = []
    for name, what in (("calls", "calls"), ("input_tokens", "tokens read"), ("output_tokens", "tokens written"),
                       ("dollars", "")):
        most = prediction.with_retries[name]
        retried = "" if most is None or prediction.attempts == 1 else f"with retries at most {figure_text(most, name)}"
        figure = range_text(prediction.ranges[name], name).partition("  ~")[0]
        if len(figure) > 60:
            figure, what = f"{name} not known: the price of a model is missing", ""
        lines.append((f"{figure} {what}".rstrip(), retried))
    width = max(len(left) for left, _ in lines)
    return "\n".join(f"  {left:<{width}}   {right}".rstrip() for left, right in lines)


def _oracle(file: str, program: Program) -> dict[str, Callable[..., Any]]:
    """The functions of a Python file that are named like primitives of the program."""
    import runpy
    try:
        found = runpy.run_path(file)
    except FileNotFoundError:
        raise fault("E0803", f"`--oracle`: there is no file {file}.", "check the path") from None
    except (Exception, SystemExit) as e:
        from .runtime.redaction import Secrets
        told = Secrets().scrub(f"{type(e).__name__}: {e}")
        raise fault("E0803", f"`--oracle`: {file} fails: {told}", "it must run by itself") from None
    oracle = {name: f for name, f in found.items() if name in program.core.primitives and callable(f)}
    if not oracle:
        listed = ", ".join(program.core.primitives) or "none"
        raise fault("E0803", f"`--oracle`: {file} has no function named like a primitive.", f"they are: {listed}")
    return oracle
