"""Arguments from the command line: `--arg name=value`, `--arg name=@file`, `--args FILE.json`.

In: the entry's parameters with their types, and the options as given. Out: plain Python data as JSON has it, by name,
or `BadArguments` with every fault found. A file is read as the parameter's type asks: a text as it is; for a list
a folder (one element a file, by name), `.txt` (one element a line, blank lines left out), `.jsonl`, `.csv` (the first
line names the columns) or JSON. Types are checked here as far as they decide how to read; sizes, and values in full,
where a run begins.
"""
from __future__ import annotations

import csv
import io
import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..lang.suggest import did_you_mean, listing
from ..lang.types import BoolT, EnumT, FloatT, IntT, ListT, RecordT, TextT, TupleT, Type, show_type

__all__ = ["BadArguments", "check_arguments", "read_arguments"]


class BadArguments(Exception):
    """What is wrong with the arguments: for each fault a code, a sentence and a hint."""

    def __init__(self, faults: Sequence[tuple[str, str, str]]) -> None:
        super().__init__("; ".join(message for _, message, _ in faults))
        self.faults = tuple(faults)


class _Fault(Exception):
    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.fault = (code, message, hint)


def read_arguments(types: Mapping[str, Type], given: Sequence[str], file: str | None = None) -> dict[str, Any]:
    """The arguments by name. `given` are the texts of `--arg`, `file` that of `--args`; `--arg` goes before the file.

    Raises BadArguments: a file that cannot be read, a value that does not fit, unknown, doubled and missing names.
    """
    faults: list[tuple[str, str, str]] = []
    values: dict[str, Any] = {}
    complete = True
    if file is not None:
        try:
            values.update(_args_file(file))
        except _Fault as e:
            faults.append(e.fault)
            complete = False        # what is missing may stand in the file
    seen: set[str] = set()
    for text in given:
        name, sign, value = text.partition("=")
        name = name.strip()
        try:
            if not sign or not name:
                raise _Fault("E0801", f"`--arg {_short(text)}` is not of the form name=value.",
                             f"write --arg {next(iter(types), 'name')}=VALUE, or =@FILE for the content of a file")
            if name in seen:
                raise _Fault("E0801", f"The argument `{name}` is given twice.", "remove one of the two")
            seen.add(name)
            if name not in types:
                raise _unknown(name, types)
            values[name] = _value(name, types[name], value)
        except _Fault as e:
            faults.append(e.fault)
            values.setdefault(name, None)
    if complete:
        faults += _names(types, values, [fault[1] for fault in faults])
    if faults:
        raise BadArguments(faults)
    return {name: values[name] for name in types}


def check_arguments(types: Mapping[str, Type], values: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a call from Python, in the order of the parameters. Raises BadArguments for their names."""
    faults = _names(types, values, [])
    if faults:
        raise BadArguments(faults)
    return {name: values[name] for name in types}


def _names(types: Mapping[str, Type], values: Mapping[str, Any], said: list[str]) -> list[tuple[str, str, str]]:
    faults = [e.fault for e in (_unknown(name, types) for name in values if name and name not in types)
              if e.fault[1] not in said]
    for name, type_ in types.items():
        if name not in values:
            way = "=@FILE or =VALUE" if isinstance(type_, TextT | ListT | RecordT | TupleT) else "=VALUE"
            faults.append(("E0802", f"The argument `{name}: {show_type(type_)}` is missing.", f"add --arg {name}{way}"))
    return faults


def _unknown(name: str, types: Mapping[str, Type]) -> _Fault:
    otherwise = f"the entry takes {listing(types)}" if types else "the entry takes no arguments"
    return _Fault("E0801", f"There is no parameter `{name}`.", did_you_mean(name, types, otherwise))


def _short(text: str) -> str:
    text = text.replace("\n", " ")
    return text if len(text) <= 60 else text[:57] + "..."


# ---------------------------------------------------------------- one value

def _value(name: str, type_: Type, text: str) -> Any:
    if text.startswith("@@"):
        return _inline(name, type_, text[1:])
    if text.startswith("@"):
        return _file(name, type_, Path(text[1:]).expanduser())
    return _inline(name, type_, text)


def _inline(name: str, type_: Type, text: str) -> Any:
    match type_:
        case TextT():
            return text
        case IntT() | FloatT() | BoolT() | EnumT():
            return _scalar(f"`--arg {name}`", type_, text)
        case _:
            return _json(f"`--arg {name}`", type_, text, f"{show_type(type_)} is written as JSON, or given as "
                         f"{name}=@FILE")


def _scalar(where: str, type_: Type, text: str) -> Any:
    """A number, Bool or enum without quotes."""
    text = text.strip()
    try:
        match type_:
            case IntT():
                return int(text)
            case FloatT():
                number = float(text)
                if not math.isfinite(number):
                    raise _Fault("E0804", f"{where}: `{_short(text)}` is no finite number.",
                                 f"a Float lies between -{sys.float_info.max:.1e} and {sys.float_info.max:.1e}")
                return number
            case BoolT() if text.lower() in ("true", "false"):
                return text.lower() == "true"
            case EnumT(constants=constants) if text.strip('"') in constants:
                return text.strip('"')
    except ValueError:
        pass
    hints = {IntT: "write a whole number, such as 12", FloatT: "write a number, such as 0.5",
             BoolT: "write true or false"}
    hint = f"write one of {', '.join(type_.constants)}" if isinstance(type_, EnumT) else hints[type(type_)]
    raise _Fault("E0804", f"{where}: `{_short(text)}` is no {show_type(type_)}.", hint)


def _json(where: str, type_: Type, text: str, hint: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise _Fault("E0804", f"{where}: the JSON is nested too deeply.", hint) from None
    except ValueError as e:
        raise _Fault("E0804", f"{where}: this is no JSON ({_reason(e)}), and {show_type(type_)} is expected.",
                     hint) from None


def _reason(e: ValueError) -> str:
    return f"{e.msg.lower()}, line {e.lineno} column {e.colno}" if isinstance(e, json.JSONDecodeError) else "bad number"


# ---------------------------------------------------------------- files

def _read(what: str, path: Path) -> str:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        near = did_you_mean(path.name, _neighbours(path), "check the path")
        raise _Fault("E0803", f"{what}: there is no file {path}.", near) from None
    except IsADirectoryError:
        raise _Fault("E0803", f"{what}: {path} is a folder.", "a folder is read for a list, one element a file; "
                     "give a file here") from None
    except (OSError, ValueError) as e:
        reason = getattr(e, "strerror", None) or str(e)
        raise _Fault("E0803", f"{what}: {path} cannot be read: {reason.lower()}.", "check the path") from None
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as e:
        raise _Fault("E0803", f"{what}: {path} is not UTF-8 text (byte {e.start}).",
                     "save it as UTF-8; other formats have to be turned into text first") from None


def _neighbours(path: Path) -> list[str]:
    try:
        return [p.name for p in path.parent.iterdir()]
    except OSError:
        return []


def _args_file(file: str) -> dict[str, Any]:
    what = f"`--args {file}`"
    text = _read(what, Path(file).expanduser())
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as e:
        reason = _reason(e) if isinstance(e, ValueError) else "nested too deeply"
        raise _Fault("E0803", f"{what}: this is no JSON ({reason}).",
                     'the file holds one object: {"name": value, ...}') from None
    if not isinstance(values, dict):
        raise _Fault("E0803", f"{what}: the file does not hold an object.",
                     'the file holds one object: {"name": value, ...}')
    return values


def _file(name: str, type_: Type, path: Path) -> Any:
    what = f"`--arg {name}`"
    if path.is_dir() and isinstance(type_, ListT):
        return _folder(what, type_, path)
    text = _read(what, path)
    suffix = path.suffix.lower()
    match type_:
        case TextT():
            return text
        case IntT() | FloatT() | BoolT() | EnumT():
            return _scalar(f"{what} ({path})", type_, text)
        case ListT(element=element) if element is not None and suffix in _LISTS:
            return _LISTS[suffix](f"{what} ({path})", element, text)
        case RecordT() | TupleT() if suffix == ".csv":
            rows = _csv(f"{what} ({path})", type_, text)
            if len(rows) != 1:
                raise _Fault("E0804", f"{what} ({path}): the table has {len(rows)} rows, and one {show_type(type_)} "
                             "is expected.", "give a table of one row")
            return rows[0]
        case _:
            kinds = "a folder, .txt, .json, .jsonl or .csv" if isinstance(type_, ListT) else ".json or .csv"
            return _json(f"{what} ({path})", type_, text, f"{show_type(type_)} is read from {kinds}")


def _folder(what: str, type_: ListT, path: Path) -> list[Any]:
    try:
        files = sorted(p for p in path.iterdir() if p.is_file() and not p.name.startswith("."))
    except OSError as e:
        raise _Fault("E0803", f"{what}: {path} cannot be read: {(e.strerror or '').lower()}.",
                     "check the path") from None
    element = type_.element
    assert element is not None
    return [_element(f"{what} ({p})", element, _read(what, p)) for p in files]


def _element(where: str, type_: Type, text: str) -> Any:
    """One element of a list from a text of its own: a line, a cell, a file."""
    match type_:
        case TextT():
            return text
        case IntT() | FloatT() | BoolT() | EnumT():
            return _scalar(where, type_, text)
        case _:
            return _json(where, type_, text, f"every element is one {show_type(type_)} in JSON")


def _lines(where: str, type_: Type, text: str) -> list[Any]:
    return [_element(f"{where}, line {i}", type_, line) for i, line in enumerate(text.split("\n"), 1) if line.strip()]


def _jsonl(where: str, type_: Type, text: str) -> list[Any]:
    return [_json(f"{where}, line {i}", type_, line, f"every line is one {show_type(type_)} in JSON")
            for i, line in enumerate(text.split("\n"), 1) if line.strip()]


def _csv(where: str, type_: Type, text: str) -> list[Any]:
    """One value a row. The first line names the columns: those of a record by its fields, others in order."""
    csv.field_size_limit(1 << 30)       # a cell may hold a whole document; the library's own limit is 128 KiB
    try:
        rows = [row for row in csv.reader(io.StringIO(text), strict=True) if row]
    except csv.Error as e:
        raise _Fault("E0804", f"{where}: this is no CSV ({e}).",
                     "values with commas or quotes stand in quotes") from None
    if not rows:
        raise _Fault("E0804", f"{where}: the table is empty.", "the first line names the columns")
    header, body = [h.strip() for h in rows[0]], rows[1:]
    match type_:
        case RecordT(name=name, fields=fields):
            for field, _ in fields:
                if field not in header:
                    raise _Fault("E0804", f"{where}: there is no column `{field}`, and {name} has such a field.",
                                 did_you_mean(field, header, f"the first line names {listing(header)}"))
            columns = [(field, t, header.index(field)) for field, t in fields]
            return [{field: _cell(where, i, row, column, t) for field, t, column in columns}
                    for i, row in enumerate(body, 2)]
        case TupleT(items=items):
            return [[_cell(where, i, row, column, t) for column, t in enumerate(items)]
                    for i, row in enumerate(body, 2)]
        case _:
            if len(header) != 1:
                raise _Fault("E0804", f"{where}: the table has {len(header)} columns, and {show_type(type_)} is one.",
                             "keep one column, or use .jsonl")
            return [_cell(where, i, row, 0, type_) for i, row in enumerate(body, 2)]


def _cell(where: str, line: int, row: list[str], column: int, type_: Type) -> Any:
    if column >= len(row):
        raise _Fault("E0804", f"{where}, row {line}: there are {len(row)} columns, and column {column + 1} is needed.",
                     "fill the row")
    return _element(f"{where}, row {line}", type_, row[column])


def _json_list(where: str, type_: Type, text: str) -> list[Any]:
    found = _json(where, ListT(type_), text, "the file holds one array")
    if not isinstance(found, list):
        raise _Fault("E0804", f"{where}: the file holds no array, and {show_type(ListT(type_))} is expected.",
                     "write [ ... ]")
    return found


_LISTS = {".txt": _lines, ".json": _json_list, ".jsonl": _jsonl, ".csv": _csv}
