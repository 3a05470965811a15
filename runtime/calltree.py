"""The tree of a run's calls, from its journal: what was called from where, and what each branch cost.

In: the frames and records of a run. Out: `Node`s, summed up from the leaves; as JSON, or as lines for people. Branches
of a `par` and samples of a vote stand in the order of the program, everything else in the order in which it was called.
The tree may be as deep as the program's recursion: nothing here recurses over it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from ..compiler.figures import figure_text
from .journal import FrameRow, Record
from .meter import SCALE

__all__ = ["Node", "call_tree", "tree_json", "tree_lines"]


@dataclass(slots=True)
class Node:
    """A function, branch, sample, call or tool, with the sums of everything within it.

    `number` is that of a branch or sample, None otherwise. `dollars` in 10**-12, None where unknown; `retries` counts
    further attempts, `cached` calls that were not paid by this run, `failed` those that failed for good.
    """

    kind: str
    name: str
    place: int
    number: int | None = None
    calls: int = 0
    tool_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    dollars: int | None = 0
    retries: int = 0
    cached: int = 0
    failed: int = 0
    message: str = ""
    children: list[Node] = field(default_factory=list)

    def add(self, other: Node) -> None:
        self.calls += other.calls
        self.tool_calls += other.tool_calls
        self.input_tokens += other.input_tokens
        self.output_tokens += other.output_tokens
        self.dollars = None if self.dollars is None or other.dollars is None else self.dollars + other.dollars
        self.retries += other.retries
        self.cached += other.cached
        self.failed += other.failed


def call_tree(frames: Iterable[FrameRow], records: Iterable[Record]) -> Node:
    """The root: the entry, or an empty node where nothing was called yet. Frames without a finished call are left out.

    Among siblings the order is that of their first calls; the branches of one fork stand together, by their numbers.
    """
    root = Node("run", "", 0)
    rows = {frame.place: frame for frame in frames}
    nodes: dict[int, Node] = {0: root}
    first: dict[int, int] = {}  # of a frame: the number of its first call
    forks: dict[tuple[int, str], int] = {}  # of a fork: the same
    keys: dict[int, tuple[int, int]] = {}  # by the identity of a node, which no two share
    for order, record in enumerate(records):
        if record.kind in ("attempt", "lost"):
            continue
        leaf = _leaf(record)
        keys[id(leaf)] = (order, 0)
        place = record.parent
        nodes.setdefault(place, _frame(rows.get(place), root)).children.append(leaf)
        while place not in first and place in rows:
            row = rows[place]
            first[place] = order
            forks.setdefault((row.parent, row.name), order)
            nodes.setdefault(row.parent, _frame(rows.get(row.parent), root)).children.append(nodes[place])
            place = row.parent
    for place, order in first.items():
        row = rows[place]
        forked = row.kind != "function"
        keys[id(nodes[place])] = (forks[row.parent, row.name], row.number) if forked else (order, 0)
    for node in _inside_out(root):
        node.children.sort(key=lambda child: keys[id(child)])
        for child in node.children:
            node.add(child)
    return root.children[0] if len(root.children) == 1 else root


def _frame(row: FrameRow | None, root: Node) -> Node:
    if row is None:
        return root
    forked = row.kind != "function"
    return Node(row.kind, "" if forked else row.name, row.place, row.number if forked else None)


def _leaf(record: Record) -> Node:
    tool = record.kind.startswith("tool")
    return Node(
        "tool" if tool else "call", record.name, record.place, None, 0 if tool else 1, 1 if tool else 0,
        0 if tool else record.prompt, record.tokens, record.dollars, record.retries, int(record.cached),
        int(record.answer is None), record.message,
    )  # fmt: skip


def _inside_out(root: Node) -> Iterator[Node]:
    """Every node after the nodes within it."""
    found = [root]
    for node in found:
        found += node.children
    yield from reversed(found)


def tree_json(root: Node, depth: int) -> dict[str, Any]:
    """As JSON has it, `depth` levels deep; what lies deeper is in the sums and in `hidden`, the number of nodes."""
    whole = _plain(root)
    todo = [(root, whole, 1)]
    while todo:
        node, page, level = todo.pop()
        if level > depth:
            page["hidden"] = len(node.children)
            continue
        for child in node.children:
            inner = _plain(child)
            page["children"].append(inner)
            if child.children:
                todo.append((child, inner, level + 1))
    return whole


def _plain(node: Node) -> dict[str, Any]:
    page: dict[str, Any] = {"kind": node.kind, "name": node.name, "place": f"{node.place:016x}"}
    if node.number is not None:
        page["number"] = node.number
    page |= {
        "calls": node.calls, "tool_calls": node.tool_calls, "input_tokens": node.input_tokens,
        "output_tokens": node.output_tokens, "dollars": None if node.dollars is None else node.dollars / SCALE,
        "retries": node.retries, "cached": node.cached, "failed": node.failed,
    }  # fmt: skip
    if node.message:
        page["message"] = node.message
    page["children"] = []
    return page


#: Children of a node that are shown one by one.
_SHOWN: Final = 12


def tree_lines(root: Node, depth: int, width: int) -> Iterator[str]:
    """For people: `depth` levels, and of many children the first few and the sum of the others."""
    todo: list[tuple[Node, int]] = [(root, 0)]
    while todo:
        node, level = todo.pop()
        yield _line(node, level, width)
        while node.kind in ("branch", "sample") and len(node.children) == 1:
            node = node.children[0]  # on the same line
        shown = node.children[:_SHOWN] if len(node.children) > _SHOWN + 1 else node.children
        if level >= depth:
            continue
        rest = node.children[len(shown) :]
        if rest:
            more = Node("more", f"{len(rest):,} more", 0)
            for child in rest:
                more.add(child)
            todo.append((more, level + 1))
        todo += [(child, level + 1) for child in reversed(shown)]


def _line(node: Node, level: int, width: int) -> str:
    title = _title(node)
    while node.kind in ("branch", "sample") and len(node.children) == 1:
        node = node.children[0]
        title += f" {_title(node)}"
    notes = [f"{node.retries:,} retries"] if node.retries else []
    notes += [f"{node.cached:,} cached"] if node.cached else []
    notes += [f"{node.failed:,} failed"] if node.failed else []
    if node.message:
        notes = [node.message]
    left = f"{'  ' * level}{title}"
    figures = f"{node.calls + node.tool_calls:>9,}  {node.input_tokens:>11,}  {node.output_tokens:>10,}"
    dollars = figure_text(None if node.dollars is None else node.dollars / SCALE, "dollars")
    room = max(24, width - 52)
    left = left if len(left) <= room else left[: room - 1] + "…"
    return f"{left:<{room}}{figures}  {dollars:>10}" + (f"  {', '.join(notes)}" if notes else "")


def _title(node: Node) -> str:
    match node.kind:
        case "branch":
            return f"[{node.number}]"
        case "sample":
            return f"sample {node.number}"
        case "call" | "tool":
            return f"{node.kind} {node.name}"
        case "run":
            return "(run)" if node.children else "(no call yet)"
        case _:
            return node.name
