"""What a run remembers: answers that were paid before, and every new one before the program sees it.

In: calls on their way out, answers on their way back. Out: the record of a call that is known already, from the journal
by its place or from the cache by what is asked; and, once an answer is written down, the word to go on. What is asked
is a digest of prompt, system text, model, settings and the shape of the answer.

Answers are written in groups (DeWitt et al., "Implementation techniques for main memory database systems", 1984): one
transaction for all that came while the one before was being written. In virtual time the group is what ends at the same
instant. None is used before its transaction is on file, and each keeps its place among the calls in flight until then,
so that what can be lost is never more than may be in flight.

The cache holds samples: the first call of a run that asks something gets the first answer that any run got for it, the
second the second, so that votes, and programs that ask the same thing twice, still get separate answers.
"""

from __future__ import annotations

import asyncio
import os
import queue
import sqlite3
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from ..compiler import core
from .budget import NOTHING, Cost
from .codec import Codec
from .contract import Contract
from .convert import to_plain
from .identity import digest_of
from .journal import FrameRow, Journal, JournalFault, Record
from .machine import Ask, Strand
from .values import same_values

__all__ = ["Cache", "Memory", "cache_path"]

#: Called when a record is on file, or with what went wrong.
Release = Callable[[JournalFault | None], None]

_Entry = tuple[Record, "tuple[bytes, int] | None", Release]


def cache_path(environ: Mapping[str, str] | None = None) -> Path:
    """Where the cache lies: ORCH_CACHE, or a file in the user's folder for caches."""
    env = os.environ if environ is None else environ
    if given := env.get("ORCH_CACHE"):
        return Path(given)
    folder = env.get("XDG_CACHE_HOME") or env.get("LOCALAPPDATA") or str(Path.home() / ".cache")
    return Path(folder) / "orch" / "answers.sqlite"


#: What the cache keeps of a record, in the order of its columns.
_KEPT: Final = (
    "name", "answer", "prompt", "tokens", "cut", "padded", "latency", "billed", "billed_prompt", "billed_answer",
    "retries", "retry_tokens", "retry_dollars",
)  # fmt: skip


class Cache:
    """Answers of all runs by what was asked and the number of the sample. Several runs may use it at once."""

    def __init__(self, path: Path) -> None:
        """Raises JournalFault."""
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._reader, self._writer = self._connect(), self._connect()
            self._writer.execute(
                "CREATE TABLE IF NOT EXISTS answers(digest BLOB NOT NULL, sample INTEGER NOT NULL, name TEXT NOT NULL,"
                " answer BLOB NOT NULL, prompt INTEGER NOT NULL, tokens INTEGER NOT NULL, cut INTEGER NOT NULL,"
                " padded INTEGER NOT NULL, latency REAL, billed INTEGER NOT NULL, billed_prompt INTEGER,"
                " billed_answer INTEGER, retries INTEGER NOT NULL, retry_tokens INTEGER NOT NULL,"
                " retry_dollars INTEGER, PRIMARY KEY(digest, sample)) WITHOUT ROWID"
            )
        except (sqlite3.Error, OSError) as e:
            raise JournalFault(f"The cache {path} cannot be used: {e}.", "set ORCH_CACHE to another file") from None

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, timeout=10.0, isolation_level=None, check_same_thread=False)
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=NORMAL")
        return db

    def find(self, digest: bytes, sample: int, place: int) -> Record | None:
        """The answer to this sample, as a record at `place` that nothing was paid for."""
        try:
            row = self._reader.execute(
                f"SELECT {', '.join(_KEPT)} FROM answers WHERE digest = ? AND sample = ?",
                (digest, sample),
            ).fetchone()
        except sqlite3.Error as e:
            raise JournalFault(f"The cache {self._path} cannot be read: {e}.", "run without --cache") from None
        if row is None:
            return None
        kept = dict(zip(_KEPT, row, strict=True))
        kept["billed"] = bool(kept["billed"])
        return Record(
            place=place, parent=0, digest=digest, kind="answered", dollars=None, width=1, paid_calls=0, paid_tokens=0,
            paid_dollars=0, cached=True, at=0.0, message="", **kept,
        )  # fmt: skip

    def write(self, found: list[tuple[Record, int]]) -> None:
        """A cache that takes no more costs money later and nothing now: the run goes on."""
        rows = [(r.digest, sample, *[getattr(r, name) for name in _KEPT]) for r, sample in found]
        with suppress(sqlite3.Error):
            self._writer.execute("BEGIN")
            try:
                marks = ", ".join("?" * (2 + len(_KEPT)))
                self._writer.executemany(f"INSERT OR IGNORE INTO answers VALUES({marks})", rows)
                self._writer.execute("COMMIT")
            except sqlite3.Error:
                self._writer.execute("ROLLBACK")

    def close(self) -> None:
        for db in (self._reader, self._writer):
            with suppress(sqlite3.Error):
                db.close()


class Memory:
    """See the module. `journal` and `cache`: at least one; `resumed`: the journal holds calls of this run.

    `paid`: calls cost money, so what is in flight is noted, too. `backend` says where calls go, so that a simulated
    answer never passes for a real one. `replayed`: the journal is all that there is, and is only read.
    """

    def __init__(
        self,
        journal: Journal | None,
        cache: Cache | None,
        resumed: bool,
        paid: bool,
        models: Mapping[str, core.Model],
        backend: str,
        replayed: bool = False,
    ) -> None:
        self._journal, self._cache, self._resumed, self._replayed = journal, cache, resumed, replayed
        self.notes_flight: Final = paid and journal is not None
        self._models, self._backend = models, backend
        self._names: Mapping[str, str] = {}
        self._codecs: dict[str, Codec] = {}
        self._heads: dict[tuple[str, Any], bytes] = {}
        self._samples: dict[bytes, int] = {}
        self._last: dict[str, tuple[tuple[Any, ...], bytes]] = {}  # of each primitive and tool: the samples of a vote
        self._frames: list[FrameRow] = []
        self._waiting: list[_Entry] = []
        self._thread: _Writer | None = None
        self._noted = NOTHING
        self._in_flight: int | None = None

    def start(self, names: Mapping[str, str]) -> None:
        """`names`: of functions in the program, by their generated names."""
        self._names = names

    def start_thread(self, loop: asyncio.AbstractEventLoop, news: Callable[[], None], in_flight: int | None) -> None:
        """In real time: writing is done in a thread. `news` is called when answers have been released.

        `in_flight`: calls at once, None for no limit.
        """
        self._thread = _Writer(loop, self._write, news)
        self._in_flight = in_flight

    # ------------------------------------------------------------ what is known

    def recall(self, ask: Ask, absorbed: Callable[[Ask], bool]) -> Record | None:
        """The record of a call that need not be sent. Raises JournalFault.

        `absorbed` tells whether the program goes on if the call fails: then its failure is an answer like others;
        otherwise it ended the run, and the call is sent again.
        """
        ask.digest = self._digest(ask)
        if self._cache is not None and not ask.site.contract.is_tool:
            ask.sample = self._samples.get(ask.digest, 0)
            self._samples[ask.digest] = ask.sample + 1
        if self._resumed:
            assert self._journal is not None
            found, differs = self._journal.at(ask.place, ask.digest)
            if found is not None and (found.answer is not None or self._replayed or absorbed(ask)):
                return found
            if differs:
                raise JournalFault(
                    f"The journal {self._journal.path.name} does not fit this run: it holds another call of"
                    f" '{ask.site.contract.name}' at the same place.",
                    "run without --resume, into another journal",
                    "differs",
                )
        if self._journal is not None and not self._replayed:
            assert ask.strand is not None
            ask.parent = self._note(ask.strand)
        if self._cache is not None and not ask.site.contract.is_tool:
            return self._cache.find(ask.digest, ask.sample or 0, ask.place)
        return None

    def replayed(self, ask: Ask, record: Record, dollars: int | None, at: float) -> None:
        """An answer from the cache becomes part of this run."""
        if self._journal is not None and record.cached:
            entry = record._replace(parent=ask.parent, dollars=dollars, at=at)
            self._waiting.append((entry, None, lambda fault: None))

    def set_aside(self, cost: Cost) -> None:
        """Notes what calls in flight may cost, before it is sent.

        Written ahead and with some to spare, so that it is seldom written: each time the disk is waited for. While a
        run gathers speed that is as much again, later an eighth. Raises JournalFault.
        """
        assert self._journal is not None
        noted = self._noted
        if cost.calls <= noted.calls and cost.tokens <= noted.tokens and (
            cost.dollars is None or (noted.dollars is not None and cost.dollars <= noted.dollars)
        ):
            return
        most = self._in_flight if self._in_flight is not None else _USUAL
        part = 1 if 2 * cost.calls <= most else 8
        dollars = None if cost.dollars is None or noted.dollars is None else _more(cost.dollars, noted.dollars, part)
        calls = _more(cost.calls, noted.calls, part)
        if self._in_flight is not None:
            calls = max(cost.calls, min(calls, self._in_flight))
        self._noted = Cost(calls, _more(cost.tokens, noted.tokens, part), dollars)
        self._journal.set_aside(self._noted)

    def decode(self, ask: Ask, data: bytes) -> Any:
        """A value from its bytes. Raises JournalFault."""
        try:
            return self._codec(ask.site.contract).decode(data)
        except (ValueError, TypeError, LookupError, AttributeError) as e:
            raise JournalFault(
                f"An answer of '{ask.site.contract.name}' that was kept cannot be read ({type(e).__name__}).",
                "run without --resume and --cache",
            ) from None

    def encode(self, ask: Ask, value: Any) -> bytes:
        return self._codec(ask.site.contract).encode(value)

    def _codec(self, contract: Contract) -> Codec:
        found = self._codecs.get(contract.name)
        if found is None:
            found = self._codecs[contract.name] = Codec(contract.type)
        return found

    def _digest(self, ask: Ask) -> bytes:
        last = self._last.get(ask.site.contract.name)
        if last is not None and same_values(last[0], ask.args):
            return last[1]
        made = self._made_digest(ask)
        self._last[ask.site.contract.name] = ask.args, made
        return made

    def _made_digest(self, ask: Ask) -> bytes:
        contract = ask.site.contract
        key = (contract.name, ask.bounds)
        head = self._heads.get(key)
        if head is None:
            model = self._models.get(contract.model)
            said = (
                contract.name if contract.is_tool else "",
                contract.python,
                self._backend,
                None if model is None else (model.target, model.temperature, model.reasoning),
                contract.temperature,
                contract.shape,
                ask.bounds,
            )
            head = repr(said).encode("utf-8", "backslashreplace")
            if len(self._heads) < 10_000:
                self._heads[key] = head
        if contract.is_tool:
            plain = [to_plain(p.type, value) for p, value in zip(contract.params, ask.args, strict=True)]
            return digest_of(head, repr(plain).encode("utf-8", "backslashreplace"))
        system, prompt = contract.render(ask.args)
        most = contract.most_output(ask.args)
        return digest_of(
            head, b"" if most is None else b"%d" % most, system.encode("utf-8", "surrogatepass"),
            prompt.encode("utf-8", "surrogatepass"),
        )  # fmt: skip

    # ------------------------------------------------------------ the call tree

    def _note(self, strand: Strand) -> int:
        """Notes the frames in which a call stands, each once. The innermost one's place."""
        fresh: list[Strand] = []
        one: Strand | None = strand
        while one is not None:
            fresh.append(one)
            if self._known(one):
                break
            one = one.join.parent if one.join is not None else None
        place = 0
        for one in reversed(fresh):
            place = self._note_stack(one, place)
        return place

    def _known(self, strand: Strand) -> int:
        """How many of the frames of a strand are noted, from the outermost inward; what is gone is forgotten."""
        stack, noted = strand.stack, strand.noted
        if noted is None:
            return 0
        n = min(len(noted), len(stack))
        while n and noted[n - 1][0] is not stack[n - 1]:
            n -= 1
        del noted[n:]
        return n

    def _note_stack(self, strand: Strand, outer: int) -> int:
        n = self._known(strand)
        noted = strand.noted
        if noted is None:
            noted = strand.noted = []
        place = noted[n - 1][1] if n else outer
        for i in range(n, len(strand.stack)):
            frame = strand.stack[i]
            here: int = frame.gi_frame.f_locals["p"]
            if i or strand.join is None:
                name = self._names.get(frame.__name__, frame.__name__)
                self._frames.append(FrameRow(here, place, "function", name, 0))
            else:
                kind = "sample" if strand.join.is_vote else "branch"
                self._frames.append(FrameRow(here, place, kind, str(strand.join.loop), strand.index))
            noted.append((frame, here))
            place = here
        return place

    # ------------------------------------------------------------ writing

    def keep(self, record: Record, sample: int | None, release: Release) -> None:
        """Writes a record; `release` is called when it is on file. `sample`: its number, if the cache is to have it."""
        self._waiting.append((record, None if sample is None else (record.digest, sample), release))
        if self._thread is not None:
            self._thread.wake(self._take)

    def flush(self) -> None:
        """In virtual time: writes what has come at this instant, and releases it."""
        while self._waiting and self._thread is None:
            entries, frames = self._take()
            fault = self._write(entries, frames)
            for _, _, release in entries:
                release(fault)

    def _take(self) -> tuple[list[_Entry], list[FrameRow]]:
        entries, self._waiting = self._waiting, []
        frames, self._frames = self._frames, []
        return entries, frames

    def _write(self, entries: list[_Entry], frames: list[FrameRow]) -> JournalFault | None:
        if self._journal is not None:
            try:
                self._journal.write([record for record, _, _ in entries], frames)
            except JournalFault as fault:
                return fault
        if self._cache is not None:
            found = [(record, sample[1]) for record, sample, _ in entries if sample is not None]
            if found:
                self._cache.write(found)
        return None

    async def close(self) -> None:
        """Writes what is left and ends the thread."""
        if self._thread is not None:
            await self._thread.close(self._take)
        self._thread = None


#: Calls in flight that a run without a limit of its own soon has.
_USUAL: Final = 64


def _more(needed: int, noted: int, part: int) -> int:
    """Some to spare, one part of so many, where more is needed than is noted."""
    return noted if needed <= noted else needed + needed // part


class _Writer:
    """A thread that writes one group while the next one gathers in the event loop."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        write: Callable[[list[_Entry], list[FrameRow]], JournalFault | None],
        news: Callable[[], None],
    ) -> None:
        self._loop, self._write, self._news = loop, write, news
        self._groups: queue.SimpleQueue[tuple[list[_Entry], list[FrameRow]] | None] = queue.SimpleQueue()
        self._busy = False
        self._again: Callable[[], tuple[list[_Entry], list[FrameRow]]] | None = None
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._thread = threading.Thread(target=self._work, name="orch journal", daemon=True)
        self._thread.start()

    def wake(self, take: Callable[[], tuple[list[_Entry], list[FrameRow]]]) -> None:
        """Something waits to be written; `take` gives all of it."""
        self._again = take
        if not self._busy:
            self._busy = True
            self._quiet.clear()
            self._loop.call_soon(self._next)  # after what else has come in this turn of the loop

    def _next(self) -> None:
        take, self._again = self._again, None
        if take is None:
            self._busy = False
            self._quiet.set()
            return
        self._groups.put(take())

    def _work(self) -> None:
        while (group := self._groups.get()) is not None:
            try:
                fault = self._write(*group)
            except Exception as e:  # a bug must end the run, not hang it
                fault = JournalFault(f"The journal failed: {type(e).__name__}: {e}.", "this is a bug in Orch")
            with suppress(RuntimeError):  # the loop is closed: the run was given up meanwhile
                self._loop.call_soon_threadsafe(self._written, group[0], fault)

    def _written(self, entries: list[_Entry], fault: JournalFault | None) -> None:
        for _, _, release in entries:
            release(fault)
        self._news()
        self._next()

    async def close(self, take: Callable[[], tuple[list[_Entry], list[FrameRow]]]) -> None:
        self.wake(take)
        await self._quiet.wait()
        self._groups.put(None)
        self._thread.join()


