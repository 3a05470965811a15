"""Host code that a program names: "module:function" -> a Python function, and calling it.

In: a tool's declaration, the program's folder, functions given by name. Out: the Python function. Nothing is imported
before a call is made, and nothing at all unless the run allows tools. The module is looked for beside the program, then
on Python's path.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

__all__ = ["ToolError", "Tools"]


class ToolError(Exception):
    """A tool that cannot be found or that failed; the message is a sentence for people."""


class Tools:
    """`given` maps names of tools to functions and goes before what the program names."""

    def __init__(self, given: Mapping[str, Callable[..., Any]], folder: Path | None, allowed: bool) -> None:
        self._given, self._folder, self._allowed = given, folder, allowed
        self._found: dict[str, Callable[..., Any]] = {}
        self._modules: dict[str, ModuleType] = {}

    def runs(self, name: str) -> bool:
        """Whether this tool may be called: it was given, or tools are allowed."""
        return self._allowed or name in self._given

    def find(self, name: str, python: str) -> Callable[..., Any]:
        """The function of a tool. Raises ToolError."""
        found = self._found.get(name)
        if found is not None:
            return found
        if name in self._given:
            found = self._given[name]
        else:
            module_name, colon, function = python.partition(":")
            if not colon or not module_name or not function:
                raise ToolError(f"'{python}' is not of the form module:function")
            module = self._module(module_name)
            try:
                found = getattr(module, function)
            except AttributeError:
                raise ToolError(f"the module '{module_name}' has no function '{function}'") from None
        if not callable(found):
            raise ToolError(f"'{python}' is no function")
        self._found[name] = found
        return found

    def _module(self, name: str) -> ModuleType:
        if name in self._modules:
            return self._modules[name]
        try:
            beside = self._beside(name)
            module = beside if beside is not None else importlib.import_module(name)
        except (Exception, SystemExit) as e:  # a user's module may raise anything, or leave while it is imported
            raise ToolError(f"the module '{name}' cannot be imported: {type(e).__name__}: {e}") from None
        self._modules[name] = module
        return module

    def _beside(self, name: str) -> ModuleType | None:
        """The module in a file next to the program, under a name of its own so that it hides no other."""
        if self._folder is None or not name.isidentifier():
            return None
        path = self._folder / f"{name}.py"
        if not path.is_file():
            return None
        alias = f"_orch_tool_{abs(hash(str(path.resolve())))}_{name}"
        spec = importlib.util.spec_from_file_location(alias, path)
        if spec is None or spec.loader is None:
            return None
        module = importlib.util.module_from_spec(spec)
        sys.modules[alias] = module
        spec.loader.exec_module(module)
        return module
