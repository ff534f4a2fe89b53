"""Stands between a pool and its server, and cuts the line when told to."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Proxy:
    """Passes bytes on, both ways, until it sees the word it waits for in what the client says."""

    def __init__(self, host: str, port: int) -> None:
        self.port = 0
        self.cuts = 0
        self._target = (host, port)
        self._word: bytes | None = None
        self._delivers = False
        self._is_deaf = False
        self._server: asyncio.Server | None = None
        self._lines: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Hang up on everybody and listen no more."""
        assert self._server is not None
        self._server.close()
        for writer in tuple(self._lines):
            writer.transport.abort()
        await asyncio.sleep(0.05)

    @contextmanager
    def cut_once(self, word: bytes, *, delivers: bool = False) -> Iterator[None]:
        """Hang up once when the client says `word`, which the server hears only if it `delivers`."""
        self._word, self._delivers = word, delivers
        yield
        self._word = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner_reader, inner_writer = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        self._lines |= {writer, inner_writer}
        await asyncio.gather(self._pass(reader, inner_writer, watch=True), self._pass(inner_reader, writer))
        self._lines -= {writer, inner_writer}

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, watch: bool = False) -> None:
        try:
            while octets := await reader.read(65_536):
                if watch and self._word is not None and self._word in octets:
                    self._word = None
                    self.cuts += 1
                    if self._delivers:
                        self._is_deaf = True  # to what the server answers
                        writer.write(octets)
                        await asyncio.sleep(0.1)  # the server has done it by then
                    for line in tuple(self._lines):
                        line.transport.abort()
                    self._is_deaf = False
                    return
                if self._is_deaf:
                    continue
                writer.write(octets)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()
