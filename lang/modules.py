"""Imports: from the main file to all files of a program.

In: the main source and a function that parses. Out: `Unit`s, each with its syntax tree and what its imports are
called, those that are imported before those that import. A file imports relative to itself; `std.x` is the file
`x.orch` of the standard library in this package. Cycles are refused. Does not look into declarations.
"""
from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from .diagnostics import Diagnostic, Label
from .nodes import Import, Module
from .source import Source
from .suggest import did_you_mean, listing

__all__ = ["STANDARD_LIBRARY", "Parse", "Unit", "import_name", "load_units"]

Parse = Callable[[Source], tuple[Module | None, list[Diagnostic]]]

STANDARD_LIBRARY = Path(__file__).resolve().parent.parent / "stdlib"


@dataclass(frozen=True, slots=True, eq=False)
class Unit:
    """One file of a program. `key` is "" for the main file and else the unique name that its declarations are known by.

    `imports` leads from the name of an import to the key of the file; an import that failed leads to None.
    """

    key: str
    source: Source
    module: Module
    imports: Mapping[str, str | None]

    def qualified(self, name: str) -> str:
        """The name of a declaration in the whole program."""
        return f"{self.key}.{name}" if self.key else name


def import_name(decl: Import) -> str:
    """What an import is called in the file where it stands; not a name if the file's own name is none."""
    if decl.alias is not None:
        return decl.alias
    return decl.path.rsplit(".", 1)[-1] if decl.standard else Path(decl.path).name.removesuffix(".orch")


def load_units(source: Source, folder: Path | None, parse: Parse) -> tuple[tuple[Unit, ...], list[Diagnostic]]:
    """The main file and everything it imports. Without a folder (a program from a string) that is `std` alone."""
    loader = _Loader(parse)
    path = folder / Path(source.name).name if folder is not None else None
    loader.visit("", source, path.resolve() if path is not None else None)
    return tuple(loader.units), loader.diagnostics


class _Loader:
    """Depth first over the files; `trail` holds the imports that lead to the file at hand."""

    def __init__(self, parse: Parse) -> None:
        self.parse = parse
        self.units: list[Unit] = []
        self.diagnostics: list[Diagnostic] = []
        self.keys: dict[Path, str | None] = {}          # None: could not be loaded
        self.trail: list[tuple[Path | None, Import | None]] = []

    def visit(self, key: str, source: Source, path: Path | None) -> bool:
        module, diagnostics = self.parse(source)
        self.diagnostics += diagnostics
        if module is None:
            return False
        imports: dict[str, str | None] = {}
        self.trail.append((path, None))
        for decl in module.decls:
            if isinstance(decl, Import):
                self.trail[-1] = (path, decl)
                imports[import_name(decl)] = self.load(decl, path)
        self.trail.pop()
        self.units.append(Unit(key, source, module, imports))
        return True

    def load(self, decl: Import, importer: Path | None) -> str | None:
        name = import_name(decl)
        if not re.fullmatch(r"[a-z_][A-Za-z0-9_]*", name):
            self.fault("E0704", f"The file \"{decl.path}\" needs a name to be called by here.", decl,
                       f'write `import "{decl.path}" as shared`, with any name that begins with a small letter')
            return None
        path = self.locate(decl, importer)
        if path is None:
            return None
        for at, (file, first) in enumerate(self.trail):
            if file == path and first is not None:
                self.cycle(first, [f.name for f, _ in self.trail[at:] if f is not None], decl)
                return None
        if path in self.keys:
            return self.keys[path]
        try:
            text = path.read_bytes().decode("utf-8").removeprefix("\ufeff")
        except (OSError, UnicodeDecodeError):
            self.keys[path] = None
            self.fault("E0701", f"The file \"{decl.path}\" cannot be read as text.", decl,
                       "an imported file is a text in UTF-8 that may be read")
            return None
        taken = {k for k in self.keys.values() if k is not None}
        key, number = name, 2
        while key in taken:
            key, number = f"{name}_{number}", number + 1
        self.keys[path] = key
        if not self.visit(key, Source(_shown(path, decl), text.replace("\r\n", "\n")), path):
            self.keys[path] = None
        return self.keys[path]

    def locate(self, decl: Import, importer: Path | None) -> Path | None:
        if decl.standard:
            head, *parts = decl.path.split(".")
            known = sorted(p.stem for p in STANDARD_LIBRARY.glob("*.orch"))
            if head != "std" or not parts:
                self.fault("E0703", f"There is no library `{head}`.", decl,
                           "the standard library is `std`, as in `import std.reduce`; a file is imported with quotes: "
                           '`import "./shared.orch" as shared`')
                return None
            path = STANDARD_LIBRARY.joinpath(*parts).with_suffix(".orch")
            if not path.is_file():
                hint = did_you_mean(parts[-1], known, f"the standard library has {listing(known, 20)}")
                self.fault("E0703", f"The standard library has no `{'.'.join(parts)}`.", decl, hint)
                return None
            return path
        if importer is None:
            self.fault("E0701", f"The file \"{decl.path}\" cannot be found, for this program stands in no file itself.",
                       decl, "save the program in a file, or import from `std`")
            return None
        path = (importer.parent / decl.path).resolve()
        if path.is_file():
            return path
        near = sorted(p.name for p in path.parent.glob("*.orch")) if path.parent.is_dir() else []
        if not decl.path.endswith(".orch") and path.with_name(path.name + ".orch").is_file():
            hint = f'write `import "{decl.path}.orch"`'
        else:
            hint = did_you_mean(path.name, near, "the path is looked up from the folder of the file that imports")
        self.fault("E0701", f"There is no file \"{decl.path}\".", decl, hint)
        return None

    def cycle(self, first: Import, files: list[str], back: Import) -> None:
        labels = (Label(back.span, "and this leads back"),) if back is not first else ()
        ring = " -> ".join([*files, files[0]])
        self.diagnostics.append(Diagnostic(
            "E0702", f"This import leads back to the file itself: {ring}.", first.span,
            "move what both files need into a third one that both import", labels))

    def fault(self, code: str, message: str, decl: Import, hint: str) -> None:
        self.diagnostics.append(Diagnostic(code, message, decl.span, hint))


def _shown(path: Path, decl: Import) -> str:
    """How diagnostics call an imported file: by its path below the working folder, or its name in the library."""
    if decl.standard:
        return decl.path.replace(".", "/") + ".orch"
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
