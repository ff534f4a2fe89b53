"""What a program does to one folder, step by step: SQLite through a file system of its own, the rest through `os`.

SQLite's unix files sync their folder with the first sync of a new journal, which is not seen here: it is written down
with that sync.
"""

import itertools
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import apsw

from tests.stores.disk import Event, Forgotten, Rename, Resize, Sync, SyncNames, Told, Write
from tests.stores.odd_sqlite import connect

SYNC_SECONDS: Final = 0.0003  # a disk takes its time: who is told too early says so before the sync ends
SQLITE_OWN: Final = ("-wal", "-shm", "-journal")
WATCHED: Final = ("open", "fsync", "replace", "rename", "link", "unlink")
_number = itertools.count()

Judge = Callable[[str], None]  # is told the next step, and raises what the disk answers


class Recorder(apsw.VFS):
    """The events of a folder. `judge` sees each step before it is made, and may fail it."""

    def __init__(self, folder: Path, *, judge: Judge = lambda _: None) -> None:
        self.name = f"recorder-{next(_number)}"
        super().__init__(self.name, base="")
        self.events: list[Event] = []
        self.judge = judge
        self._folder = folder
        self._names: dict[str, int] = {}
        self._inodes: dict[int, int] = {}
        self._contents: dict[int, bytes] = {}
        self._opened: set[str] = set()  # SQLite's, which notes its own writes
        self._files = itertools.count()
        self._turn = threading.RLock()

    # SQLite's files

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - SQLite's name
        assert name is not None, "SQLite makes no temporary files"
        path = Path(name.filename() if isinstance(name, apsw.URIFilename) else name)
        creates = bool(flags[0] & apsw.SQLITE_OPEN_CREATE)
        self.judge("open")
        with self._turn:
            self._opened.add(path.name)
            if creates and path.name not in self._names:
                self._rename({path.name: next(self._files)})
            return _File(name, flags, self, self._names[path.name], is_new=creates)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: FBT001, N802 - SQLite's call
        self.judge("delete")
        super().xDelete(filename, syncdir)
        with self._turn:
            self._rename({Path(filename).name: None})
            if syncdir:
                self.events.append(SyncNames())

    # Everything else

    def tell(self, what: object) -> None:
        """Note that a caller was told this."""
        self.events.append(Told(what))

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Meanwhile connections of `sqlite3` go through here, and so do the calls of `os` that change the folder."""
        watched = {name: partial(self._watched, name, getattr(os, name)) for name in WATCHED}
        with ExitStack() as stack:
            stack.enter_context(patch.object(sqlite3, "connect", partial(connect, vfs=self.name)))
            for name, call in watched.items():
                stack.enter_context(patch.object(os, name, call))
            yield

    def _watched(self, name: str, call: Callable[..., Any], *args: Any, **named: Any) -> Any:
        self.judge(f"os.{name}")
        with self._turn:
            self._look()
            result = call(*args, **named)
            self._look()
            if name == "fsync":
                self._synced(os.fstat(args[0]).st_ino)
            return result

    def _synced(self, inode: int) -> None:
        if inode == self._folder.stat().st_ino:
            self.events.append(SyncNames())
        elif inode in self._inodes:
            self.events.append(Sync(self._inodes[inode]))

    def _look(self) -> None:
        """Note what is different in the folder, apart from what SQLite notes itself."""
        entries = {one.name: one.inode() for one in os.scandir(self._folder) if not one.name.endswith(SQLITE_OWN)}
        self._inodes = {inode: file for inode, file in self._inodes.items() if inode in entries.values()}
        for inode in entries.values():
            if inode not in self._inodes:
                self._inodes[inode] = next(self._files)
        found = {name: self._inodes[inode] for name, inode in entries.items()}
        gone = {name: None for name in self._names if name not in found and not name.endswith(SQLITE_OWN)}
        changed = {name: file for name, file in found.items() if self._names.get(name) != file}
        if gone or changed:
            self._rename({**changed, **gone})
        for name, file in found.items():
            if name not in self._opened:
                self._look_into(self._folder / name, file)

    def _look_into(self, path: Path, file: int) -> None:
        content = path.read_bytes()
        if content != self._contents.get(file, b""):
            self.events += (Resize(file, 0), Write(file, 0, content))
            self._contents[file] = content

    def _rename(self, names: dict[str, int | None]) -> None:
        self.events.append(Rename(names))
        for name, file in names.items():
            if file is None:
                self._names.pop(name, None)
            else:
                self._names[name] = file


class _File(apsw.VFSFile):
    """One of SQLite's files."""

    def __init__(
        self, name: str | apsw.URIFilename, flags: list[int], recorder: Recorder, file: int, *, is_new: bool
    ) -> None:
        super().__init__("", name, flags)
        self._recorder = recorder
        self._file = file
        self._is_new = is_new

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802 - SQLite's names, here and below
        self._recorder.judge("read")
        return super().xRead(amount, offset)

    def xWrite(self, data: Any, offset: int) -> None:  # noqa: N802
        self._recorder.judge("write")
        self._recorder.events.append(Write(self._file, offset, bytes(data)))
        super().xWrite(data, offset)

    def xFileSize(self) -> int:  # noqa: N802
        self._recorder.judge("size")
        return super().xFileSize()

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        self._recorder.judge("truncate")
        self._recorder.events.append(Resize(self._file, newsize))
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802
        try:
            self._recorder.judge("sync")
        except apsw.Error:
            self._recorder.events.append(Forgotten(self._file))
            raise
        time.sleep(SYNC_SECONDS)
        super().xSync(flags)
        self._recorder.events.append(Sync(self._file))
        if self._is_new:
            self._is_new = False
            self._recorder.events.append(SyncNames())
