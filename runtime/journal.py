"""The journal: every finished call of a run, in a SQLite file that outlives whatever happens to the process.

In: records of finished calls, many at a time; what a run is (`identity`). Out: the record of a call by its place, the
runs of a file, what a run has spent. Faults of files are `JournalFault`, a sentence for people. It knows nothing of
values, models or scheduling: `memory` does.

The file is in WAL mode, so that it can be read while a run writes it, and a transaction that was written whole survives
the process (SQLite, "Write-Ahead Logging"); for calls that are paid each is also forced to the disk. One process
writes a file at a time: it holds a lock on `PATH-lock`, which the system takes back when the process ends, however it
ends. Rows are only added. The index by place is made when a run is resumed, so that a run that is not does not pay for
it. A checksum a row tells damage that SQLite does not see.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from .budget import Cost

__all__ = ["FileLock", "FrameRow", "Journal", "JournalFault", "Record", "RunRow", "is_journal"]

_APPLICATION: Final = 0x6F726368  # "orch"
_VERSION: Final = 2
_MAGIC: Final = b"SQLite format 3\x00"
_PATIENCE: Final = 10.0  # seconds to wait for another connection of the file

_TABLES: Final = """
CREATE TABLE runs(
  id INTEGER PRIMARY KEY, program TEXT NOT NULL, entry TEXT NOT NULL, identity TEXT NOT NULL, began REAL NOT NULL,
  ended REAL, state TEXT NOT NULL, sessions INTEGER NOT NULL, usage TEXT,
  aside_calls INTEGER NOT NULL, aside_tokens INTEGER NOT NULL, aside_dollars INTEGER,
  lost_calls INTEGER NOT NULL, lost_tokens INTEGER NOT NULL, lost_dollars INTEGER);
CREATE TABLE calls(
  id INTEGER PRIMARY KEY, run INTEGER NOT NULL, place INTEGER NOT NULL, parent INTEGER NOT NULL, digest BLOB NOT NULL,
  kind TEXT NOT NULL, name TEXT NOT NULL, answer BLOB, prompt INTEGER NOT NULL, tokens INTEGER NOT NULL,
  dollars INTEGER, cut INTEGER NOT NULL, padded INTEGER NOT NULL, latency REAL, billed INTEGER NOT NULL,
  billed_prompt INTEGER, billed_answer INTEGER, retries INTEGER NOT NULL, retry_tokens INTEGER NOT NULL,
  retry_dollars INTEGER, width INTEGER NOT NULL, paid_calls INTEGER NOT NULL, paid_tokens INTEGER NOT NULL,
  paid_dollars INTEGER, cached INTEGER NOT NULL, at REAL NOT NULL, message TEXT NOT NULL, checksum INTEGER NOT NULL);
CREATE TABLE frames(
  run INTEGER NOT NULL, place INTEGER NOT NULL, parent INTEGER NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL,
  number INTEGER NOT NULL);
"""


class JournalFault(Exception):
    """A journal that cannot be used. `kind`: "journal" (the file) or "differs" (it is of another run)."""

    def __init__(self, message: str, hint: str, kind: str = "journal") -> None:
        super().__init__(message)
        self.message: Final = message
        self.hint: Final = hint
        self.kind: Final = kind


class Record(NamedTuple):
    """A finished call. Dollars in whole numbers of 10**-12, None where unknown.

    `kind`: "answered" or "failed" (of models), "tool" or "tool failed"; "attempt" (it brought nothing that fits, and
    another follows) and "lost" (given up in flight, and perhaps paid) are no ends of a call. `width`: calls in flight
    when it was sent. `paid_*`: what this attempt cost, 0 where the answer was `cached`; each is written when it ends,
    so that the sum over a run is what was paid, however often it was killed.
    `at`: seconds since the run began. The rest as in `gateway.Answer` and `meter`.
    """

    place: int
    parent: int
    digest: bytes
    kind: str
    name: str
    answer: bytes | None
    prompt: int
    tokens: int
    dollars: int | None
    cut: int
    padded: int
    latency: float | None
    billed: bool
    billed_prompt: int | None
    billed_answer: int | None
    retries: int
    retry_tokens: int
    retry_dollars: int | None
    width: int
    paid_calls: int
    paid_tokens: int
    paid_dollars: int | None
    cached: bool
    at: float
    message: str


_COLUMNS: Final = ", ".join(Record._fields)
#: Records by which a call has ended.
_ENDED: Final = "kind NOT IN ('attempt', 'lost')"
_INSERT: Final = (
    f"INSERT INTO calls(run, {_COLUMNS}, checksum) VALUES({', '.join('?' * (len(Record._fields) + 2))})"
)
_INSERT_FRAME: Final = "INSERT INTO frames(run, place, parent, kind, name, number) VALUES(?, ?, ?, ?, ?, ?)"


class FrameRow(NamedTuple):
    """A frame of the call tree. `kind`: "function", "branch" or "sample" (of a vote).

    `name` is the function's, or tells apart the forks of one function; `number` is the branch's or the sample's.
    """

    place: int
    parent: int
    kind: str
    name: str
    number: int


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run in a file. `state`: "running", "stopped" (killed), "done", "failed", "budget" or "interrupted".

    Times are seconds since 1970. `usage` is what the run reported at its end, None before. `calls` and `tool_calls`
    count the finished calls of models and of tools that are kept, `cached` those of them that were not paid; `dollars`
    is what was paid, None where unknown.
    """

    id: int
    program: str
    entry: str
    identity: Mapping[str, Any]
    began: float
    ended: float | None
    state: str
    sessions: int
    usage: Mapping[str, Any] | None
    calls: int
    tool_calls: int
    cached: int
    dollars: int | None


def _checksum(record: Record) -> int:
    rest = repr((*record[:5], *record[6:])).encode("utf-8", "backslashreplace")
    return zlib.crc32(rest, zlib.crc32(record.answer or b""))


class FileLock:
    """Held by one process at a time, until it is released or the process ends. Raises JournalFault."""

    def __init__(self, path: Path) -> None:
        self._path = path
        while True:
            try:
                handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            except OSError as e:
                raise _unusable(path.name.removesuffix("-lock"), (e.strerror or str(e)).lower()) from None
            if not _lock(handle):
                holder = os.read(handle, 20).decode("ascii", "replace").strip()
                os.close(handle)
                who = f" (process {holder})" if holder else ""
                name = path.name.removesuffix("-lock")
                raise JournalFault(
                    f"The journal {name} is being written by another run{who}.",
                    "wait until it has ended, stop it, or use another --journal",
                )
            with suppress(OSError):
                if os.fstat(handle).st_ino == os.stat(path).st_ino:
                    break
            os.close(handle)  # whoever held it has removed it meanwhile
        self._handle = handle
        with suppress(OSError):  # who holds it is a help for people only
            os.ftruncate(handle, 0)
            os.pwrite(handle, str(os.getpid()).encode(), 0)

    def release(self) -> None:
        with suppress(OSError):
            self._path.unlink()
        os.close(self._handle)


def _lock(handle: int) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows
        return _lock_windows(handle)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _lock_windows(handle: int) -> bool:
    import msvcrt

    locking: Any = vars(msvcrt)
    try:
        locking["locking"](handle, locking["LK_NBLCK"], 1)
    except OSError:
        return False
    return True


def _is_locked(path: Path) -> bool:
    """Whether a live run writes this journal."""
    lock = path.with_name(path.name + "-lock")
    if not lock.exists():
        return False
    try:
        handle = os.open(lock, os.O_RDWR)
    except OSError:
        return False
    free = _lock(handle)
    os.close(handle)
    return not free


def is_journal(path: Path) -> bool:
    """Whether a file is a journal, by its first hundred bytes."""
    try:
        with open(path, "rb") as file:
            head = file.read(100)
    except OSError:
        return False
    return head[:16] == _MAGIC and int.from_bytes(head[68:72], "big") == _APPLICATION


def _unusable(name: str, why: str) -> JournalFault:
    return JournalFault(f"The journal {name} cannot be used: {why}.", "check the path, its permissions and the disk")


def _words(error: sqlite3.Error) -> str:
    """What SQLite says, in words for people."""
    text = str(error).lower()
    for sign, words in (
        ("disk is full", "the disk is full"),
        ("readonly", "it may not be written (read-only)"),
        ("unable to open", "it cannot be opened"),
        ("disk i/o", "the disk does not take or give what it should"),
        ("not a database", "it is damaged, or no journal"),
        ("malformed", "it is damaged"),
        ("locked", "another process holds it"),
    ):
        if sign in text:
            return words
    return text


@contextmanager
def _faults(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as e:
        raise _unusable(path.name, _words(e)) from None
    except OSError as e:
        raise _unusable(path.name, (e.strerror or str(e)).lower()) from None


class Journal:
    """An open file. Methods raise JournalFault; `write` may be called in another thread than the rest."""

    def __init__(self, path: Path, lock: FileLock | None, main: sqlite3.Connection, other: sqlite3.Connection) -> None:
        self.path: Final = path
        self._lock, self._main, self._writer = lock, main, other
        self._run = 0
        self._found = f"run = :run AND place = :place AND {_ENDED}"

    @classmethod
    def open(cls, path: Path, *, durable: bool) -> Journal:
        """For a run, which is the only one to write it. `durable`: what is written survives a failure of power, too."""
        if path.is_dir():
            raise _unusable(path.name, "it is a folder")
        if not path.parent.is_dir():
            raise _unusable(path.name, f"there is no folder {path.parent}")
        lock = FileLock(path.with_name(path.name + "-lock"))
        try:
            with _faults(path):
                _check_head(path)
                main = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
                empty = _check_tables(path, main)
                _prepare(main, durable)
                if empty:
                    _make_tables(main)
                writer = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
                _prepare(writer, durable)
                return cls(path, lock, main, writer)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def read(cls, path: Path) -> Journal:
        """To look at, also while a run writes it."""
        with _faults(path):
            if not path.is_file():
                raise _unusable(path.name, "there is no such file")
            _check_head(path)
            where = path.resolve().as_uri()
            for mode in ("mode=ro", "mode=ro&immutable=1"):  # on a disk that cannot be written WAL needs the second
                db = sqlite3.connect(f"{where}?{mode}", uri=True, timeout=_PATIENCE, isolation_level=None)
                try:
                    db.execute("SELECT count(*) FROM runs").fetchone()
                    return cls(path, None, db, db)
                except sqlite3.OperationalError:
                    db.close()
                    if "immutable" in mode:
                        raise
        raise AssertionError("unreachable")

    def close(self) -> None:
        with suppress(sqlite3.Error):
            self._writer.close()
        with suppress(sqlite3.Error):
            self._main.close()
        if self._lock is not None:
            self._lock.release()

    # ------------------------------------------------------------ runs

    def begin(self, program: str, entry: str, identity: Mapping[str, Any]) -> None:
        """A new run."""
        with _faults(self.path):
            self._run = self._main.execute(
                "INSERT INTO runs(program, entry, identity, began, state, sessions, aside_calls, aside_tokens,"
                " aside_dollars, lost_calls, lost_tokens, lost_dollars)"
                " VALUES(?, ?, ?, ?, 'running', 1, 0, 0, 0, 0, 0, 0)",
                (program, entry, json.dumps(identity), time.time()),
            ).lastrowid or 0

    def resume(self, run: int) -> tuple[int, int, Cost]:
        """An earlier run goes on. Its finished calls, those that were in flight when it was killed, what it spent."""
        with _faults(self.path):
            db = self._main
            db.execute("CREATE INDEX IF NOT EXISTS calls_by_place ON calls(run, place)")
            # what was set aside when the run was killed may have been paid; a run that ended has nothing set aside
            db.execute(
                "UPDATE runs SET lost_calls = lost_calls + aside_calls, lost_tokens = lost_tokens + aside_tokens,"
                " lost_dollars = lost_dollars + aside_dollars, aside_calls = 0, aside_tokens = 0, aside_dollars = 0,"
                " state = 'running', sessions = sessions + 1, ended = NULL WHERE id = ?",
                (run,),
            )
            self._run = run
            lost = db.execute("SELECT lost_calls, lost_tokens, lost_dollars FROM runs WHERE id = ?", (run,)).fetchone()
            count, *paid = db.execute(
                f"SELECT count(*) FILTER (WHERE {_ENDED}), coalesce(sum(paid_calls), 0),"
                " coalesce(sum(paid_tokens), 0), CASE WHEN count(*) = count(paid_dollars)"
                " THEN coalesce(sum(paid_dollars), 0) END FROM calls WHERE run = ?",
                (run,),
            ).fetchone()
            return count, lost[0], Cost(*paid).plus(Cost(*lost))

    def replay(self, run: int) -> None:
        """The calls of an earlier run are looked up, and nothing is written: not even an index, so it is temporary."""
        with _faults(self.path):
            self._run = run
            self._main.execute(
                "CREATE TEMP TABLE places(place INTEGER, id INTEGER, PRIMARY KEY(place, id)) WITHOUT ROWID"
            )
            self._main.execute(
                f"INSERT INTO places SELECT place, id FROM main.calls WHERE run = ? AND {_ENDED} ORDER BY place, id",
                (run,),
            )
            self._found = "run = :run AND id IN (SELECT places.id FROM places WHERE places.place = :place)"

    def runs(self) -> list[RunRow]:
        """All runs of the file, in the order in which they began."""
        with _faults(self.path):
            rows = self._main.execute(
                "SELECT r.id, program, entry, identity, began, ended, state, sessions, usage,"
                " count(c.id) FILTER (WHERE c.kind IN ('answered', 'failed')),"
                " count(c.id) FILTER (WHERE c.kind IN ('tool', 'tool failed')), coalesce(sum(c.cached), 0),"
                " CASE WHEN count(c.id) = count(c.paid_dollars)"
                " THEN coalesce(sum(c.paid_dollars), 0) + lost_dollars END"
                " FROM runs r LEFT JOIN calls c ON c.run = r.id GROUP BY r.id ORDER BY r.id"
            ).fetchall()
        live = self._lock is not None or _is_locked(self.path)
        newest = max((row[0] for row in rows if row[6] == "running"), default=0)
        found = []
        for row in rows:
            state = row[6]
            if state == "running" and not (live and row[0] == newest):
                state = "stopped"
            number, program, entry, identity, began, ended, _, sessions, usage, calls, tools, cached, dollars = row
            reported = None if usage is None else json.loads(usage)
            found.append(
                RunRow(
                    number, program, entry, json.loads(identity), began, ended, state, sessions, reported, calls,
                    tools, cached, dollars,
                )
            )  # fmt: skip
        return found

    def finish(self, state: str, usage: Mapping[str, Any] | None) -> None:
        """The run has ended in this process; nothing is in flight."""
        with _faults(self.path):
            self._main.execute(
                "UPDATE runs SET state = ?, ended = ?, usage = ?, aside_calls = 0, aside_tokens = 0, aside_dollars = 0"
                " WHERE id = ?",
                (state, time.time(), None if usage is None else json.dumps(usage), self._run),
            )

    def interrupt(self, aside: Cost) -> None:
        """The run is given up in this process; what was in flight, `aside` at most, may have been paid."""
        with _faults(self.path):
            self._main.execute(
                "UPDATE runs SET state = 'interrupted', ended = ?, aside_calls = ?, aside_tokens = ?,"
                " aside_dollars = ? WHERE id = ?",
                (time.time(), *aside, self._run),
            )

    def set_aside(self, cost: Cost) -> None:
        """Notes the most that calls in flight can cost, before they are sent."""
        with _faults(self.path):
            self._main.execute(
                "UPDATE runs SET aside_calls = ?, aside_tokens = ?, aside_dollars = ? WHERE id = ?",
                (*cost, self._run),
            )

    # ------------------------------------------------------------ calls

    def write(self, records: Sequence[Record], frames: Sequence[FrameRow]) -> None:
        """All of these, or none."""
        run, db = self._run, self._writer
        with _faults(self.path):
            db.execute("BEGIN")
            try:
                if records:
                    db.executemany(_INSERT, [(run, *r, _checksum(r)) for r in records])
                if frames:
                    db.executemany(_INSERT_FRAME, [(run, *f) for f in frames])
                db.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    db.execute("ROLLBACK")
                raise

    def at(self, place: int, digest: bytes) -> tuple[Record | None, bool]:
        """The record of a call by its place and what was asked; and whether something else was asked at this place.

        A call that failed and was sent again has several: an answer goes before failures, the last one before others.
        """
        with _faults(self.path):
            rows = self._main.execute(
                f"SELECT {_COLUMNS}, checksum FROM calls WHERE {self._found} ORDER BY answer IS NULL, id DESC",
                {"run": self._run, "place": place},
            ).fetchall()
        for row in rows:
            record = _record(self.path, row)
            if record.digest == digest:
                return record, False
        return None, bool(rows)

    def calls(self, run: int) -> Iterator[Record]:
        """The records of a run, in the order in which they were written."""
        with _faults(self.path):
            for row in self._main.execute(f"SELECT {_COLUMNS}, checksum FROM calls WHERE run = ? ORDER BY id", (run,)):
                yield _record(self.path, row)

    def frames(self, run: int) -> Iterator[FrameRow]:
        """The frames of a run's call tree; the same frame may come more than once."""
        with _faults(self.path):
            rows: Iterable[Any] = self._main.execute(
                "SELECT place, parent, kind, name, number FROM frames WHERE run = ? ORDER BY rowid", (run,)
            )
            for row in rows:
                yield FrameRow(*row)


def _record(path: Path, row: Sequence[Any]) -> Record:
    fields = list(row[:-1])
    fields[Record._fields.index("billed")] = bool(fields[Record._fields.index("billed")])
    fields[Record._fields.index("cached")] = bool(fields[Record._fields.index("cached")])
    record = Record(*fields)
    if not isinstance(record.answer, bytes | None) or _checksum(record) != row[-1]:
        raise JournalFault(
            f"The journal {path.name} is damaged: the record of a call of '{record.name}' does not hold what was"
            " written.",
            "restore a copy of the file, or run without --resume",
        )
    return record


def _check_head(path: Path) -> None:
    """Raises JournalFault for a file that is no journal."""
    if not path.exists() or not path.stat().st_size:
        return
    with open(path, "rb") as file:
        head = file.read(100)
    if head[:16] != _MAGIC:
        raise JournalFault(
            f"The file {path.name} is no journal, or a damaged one.", "name another file; nothing in it was changed"
        )


def _prepare(db: sqlite3.Connection, durable: bool) -> None:
    db.execute("PRAGMA journal_mode=WAL")
    db.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
    if not durable:  # only then is a checkpoint what waits for the disk
        db.execute("PRAGMA wal_autocheckpoint=10000")


def _make_tables(db: sqlite3.Connection) -> None:
    db.execute("BEGIN IMMEDIATE")
    db.execute(f"PRAGMA application_id={_APPLICATION}")
    db.execute(f"PRAGMA user_version={_VERSION}")
    for statement in _TABLES.split(";\n"):
        if statement.strip():
            db.execute(statement)
    db.execute("COMMIT")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # so that the file's own first page tells what it is


def _check_tables(path: Path, db: sqlite3.Connection) -> bool:
    """Whether the database is empty. Changes nothing; raises JournalFault for one that is no journal."""
    application, version = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
    if application == 0 and not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        return True
    if application != _APPLICATION:
        raise JournalFault(
            f"The file {path.name} is a database of another program.", "name another file; nothing in it was changed"
        )
    if version != _VERSION:
        raise JournalFault(
            f"The journal {path.name} was written by another version of Orch (its format is {version}, this one's is"
            f" {_VERSION}).",
            "use that version, or another file",
        )
    return False


