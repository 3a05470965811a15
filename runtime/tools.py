"""Host code that a program names: "module:function" -> a Python function, and calling it.

In: a tool's declaration, the program's folder, functions given by name. Out: the Python function. Nothing is imported
before a call is made, and nothing at all unless the run allows tools. The module is looked for beside the program, then
on Python's path.

Functions that are not async run in threads of their own (`Threads`). Python cannot end a thread, so nobody waits for
one: a run that is interrupted, or whose other branch has failed, drops the result and goes.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import queue
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Final

__all__ = ["Threads", "ToolError", "Tools"]

#: Tools that run at once in threads; further ones wait.
_THREADS: Final = 64


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


class Threads:
    """Runs functions in threads that end with the process, whatever they are doing (`asyncio.to_thread` waits)."""

    def __init__(self, most: int = _THREADS) -> None:
        self._most = most
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._threads = 0
        self._busy = 0  # jobs that are given and not ended, in the loop's eyes

    async def run(self, function: Callable[..., Any], *args: Any) -> Any:
        """What the function gives or raises. When this is cancelled, what it gives later is dropped."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()

        def settle(result: Any, error: BaseException | None) -> None:
            self._busy -= 1
            if future.cancelled():
                return
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)

        def job() -> None:
            if future.cancelled():
                outcome: tuple[Any, BaseException | None] = (None, None)
            else:
                try:
                    outcome = (function(*args), None)
                except StopIteration as e:  # which no future takes
                    outcome = (None, RuntimeError(f"{type(e).__name__}: {e}"))
                except BaseException as e:  # a user's function may raise anything, or leave
                    outcome = (None, e)
            try:
                loop.call_soon_threadsafe(settle, *outcome)
            except RuntimeError:  # the loop is closed: the run was given up meanwhile
                return

        self._busy += 1
        if self._busy > self._threads and self._threads < self._most:
            self._threads += 1
            threading.Thread(target=self._work, name="orch tool", daemon=True).start()
        self._jobs.put(job)
        return await future

    def close(self) -> None:
        """Threads end when they are free."""
        for _ in range(self._threads):
            self._jobs.put(None)
        self._threads = 0

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
