"""A client of Millrace for asyncio, with nothing but the standard library: `millrace.py` beside it, whose calls wait without a thread.

    import asyncio, millrace_asyncio

    async def main():
        async with await millrace_asyncio.connect("127.0.0.1:6455") as connection:
            cursor = await connection.execute("SELECT page, ms FROM visits WHERE ms > ? EMIT CHANGES", (800,))
            async for page, ms in cursor:
                print(page, ms)

    asyncio.run(main())

Names, values, errors and what a cursor knows are those of `millrace.py`, and what becomes of statements whose connection is lost; what waits for
the server is a coroutine. Statements of one connection run side by side, as many as the server takes at once; more than that wait for their turn. Leaving a loop over a query that goes on does not end it: `await cursor.close()` does, and so does `async with cursor`, or the end
of the connection. A task that is cancelled while it waits for a row ends the statement as well.
"""
import asyncio
import collections
import json
import time

import millrace
from millrace import DataError, OperationalError, ProgrammingError, Warning

# Rows of one cursor that wait to be fetched; a slow reader then slows its own connection.
WAITING_ROWS = millrace.WAITING_ROWS
# Statements under way at once; a server takes 64 over one connection.
RUNNING_STATEMENTS = 60
# Bytes of one line: a row has 16 MiB at most.
_LINE_BYTES = 17 << 20


class _Answer:
    """The lines of the answer to one request, of which a bounded number waits."""

    def __init__(self):
        self.lines = asyncio.Queue(WAITING_ROWS)
        # It ends only when it is told to.
        self.isEndless = False
        self._dropped = asyncio.Event()

    async def put(self, line):
        """Hands a line over, once there is room or nobody wants it any more."""
        try:
            return self.lines.put_nowait(line)
        except asyncio.QueueFull:
            pass
        if self._dropped.is_set():
            return None
        waiting = [asyncio.ensure_future(self.lines.put(line)), asyncio.ensure_future(self._dropped.wait())]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()

    def drop(self):
        self._dropped.set()


class _Line:
    """One connection over the network, until it ends."""

    def __init__(self, reader, writer, server_version):
        self.server_version = server_version
        self._reader, self._writer = reader, writer
        self._sending, self._room = asyncio.Lock(), asyncio.Condition()
        self.answers, self._next, self.end = {}, 1, None
        self._reading = asyncio.ensure_future(self._read())

    async def _read(self):
        """Hands the lines of the server to the requests that they answer."""
        reason = "the server closed the connection"
        try:
            while True:
                line = await self._reader.readline()
                if not line:
                    break
                kind, tag, rest = millrace._parts(line)
                if tag is None:
                    if kind in b"?-":
                        reason = rest.decode(errors="replace")
                    continue
                answer = self.answers.get(tag) if kind not in b"+-" else self.answers.pop(tag, None)
                if answer is None:
                    continue
                await answer.put((kind, rest))
                answer.isEndless = answer.isEndless or kind == b"=" and b'"kind":"changes"' in rest
                if kind in b"+-=":
                    await self._tell()
        except (OSError, ValueError) as problem:
            reason = str(problem)
        except asyncio.CancelledError:
            reason = "it was closed"
        self.end = self.end or reason
        answers, self.answers = list(self.answers.values()), {}
        for answer in answers:
            # Behind the rows that still wait; where there is no room, once these have been fetched.
            asyncio.ensure_future(answer.put((b"", self.end)))
        asyncio.ensure_future(self._tell())

    async def _tell(self):
        """Those who wait for room look again."""
        async with self._room:
            self._room.notify_all()

    def _hasRoom(self):
        # Where all that run go on for ever nobody would make room: the server says so.
        return self.end is not None or len(self.answers) < RUNNING_STATEMENTS or all(answer.isEndless for answer in self.answers.values())

    async def send(self, data):
        try:
            async with self._sending:
                self._writer.write(data)
                await self._writer.drain()
        except OSError as problem:
            raise OperationalError("the connection ended: %s" % problem, "08006") from None

    async def request(self, make):
        """Sends the bytes that `make` gives for a tag, once there is room; the tag and the answer."""
        async with self._room:
            await self._room.wait_for(self._hasRoom)
        if self.end is not None:
            raise OperationalError("the connection ended: %s" % self.end, "08006")
        tag = b"a%d" % self._next
        self._next += 1
        answer = self.answers[tag] = _Answer()
        await self.send(make(tag))
        return tag, answer

    async def close(self):
        self.end = self.end or "it was closed"
        self._writer.close()
        for answer in self.answers.values():
            answer.drop()
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        try:
            await self._writer.wait_closed()
        except OSError:
            pass  # The server was first.


class Connection:
    """A session at a server, over one connection or, when that is lost, the next. Made by `connect`."""

    def __init__(self, place, patience, line):
        self.patience, self.server_version = patience, line.server_version
        self._place, self._line = place, line
        self._isClosed, self._opening = False, asyncio.Lock()

    async def _connected(self):
        """The line to the server, and whether it is another one than before."""
        async with self._opening:
            if self._isClosed:
                raise OperationalError("the connection ended: it was closed", "08006")
            if self._line.end is None:
                return self._line, False
            await self._line.close()
            self._line = await _open(*self._place)
            self.server_version = self._line.server_version
            return self._line, True

    def cursor(self):
        """A cursor, which carries out one statement at a time."""
        if self._isClosed:
            raise millrace.InterfaceError("the connection is closed")
        return Cursor(self)

    async def execute(self, operation, parameters=()):
        """Carries out a statement with a cursor of its own, which it gives."""
        return await self.cursor().execute(operation, parameters)

    async def load(self, source, records, columns=None):
        """Loads records, dictionaries or with `columns` sequences of values, from an iterable or an asynchronous one, and gives the server's
        report once they are durable. Raises DataError when some were refused; those that were not are loaded."""
        def line(record):
            if columns is not None:
                record = dict(zip(columns, record))
            return json.dumps(record, default=millrace._json, ensure_ascii=False).encode() + b"\n"

        # All of it at once: what others send must not come between.
        if hasattr(records, "__aiter__"):
            lines = b"".join([line(record) async for record in records])
        else:
            lines = b"".join(map(line, records))
        connected, _ = await self._connected()
        _, answer = await connected.request(lambda tag: b"#%s .put %s json\n" % (tag, source.encode()) + lines + b".end\n")
        while True:
            kind, rest = await answer.lines.get()
            if kind == b"+":
                report = json.loads(rest)
                if report.get("skipped"):
                    raise DataError(report["message"], "22000", "SELECT * FROM MILLRACE_ERRORS; has the refused ones.")
                return report
            millrace._raise(kind, rest)

    async def close(self):
        """Ends the connection and what runs on it."""
        self._isClosed = True
        await self._line.close()

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await self.close()


class Cursor:
    """Carries out statements, one after the other, and gives their rows."""

    arraysize = 100

    def __init__(self, connection):
        self.connection = connection
        self.description, self.rowcount, self.summary, self.deleted = None, -1, None, False
        self.messages = []
        self._tag = self._answer = self._line = self._data = None
        self._readers, self._isCancelled = [], False
        self._ready, self._held, self._position, self._failure = collections.deque(), [], None, None

    async def execute(self, operation, parameters=()):
        """Carries out a statement; a last `;` may be missing. Returns the cursor."""
        await self._leave()
        self._data, self._isCancelled = millrace._begin(self, operation, parameters), False
        self._line, isNew = await self.connection._connected()
        if isNew:
            self.messages.append((Warning, millrace._RENEWED))
        self._tag, self._answer = await self._line.request(millrace._message(self._data, None))
        while self._answer is not None and self.description is None:
            await self._step()
        if self.description is None:
            millrace._fetched(self)
        return self

    async def _step(self):
        """Takes the next line of the answer."""
        try:
            kind, rest = await self._answer.lines.get()
            if millrace._isCutOff(self, kind, rest):
                return await self._resume(kind, rest)
        except asyncio.CancelledError:
            await self._leave()
            raise
        millrace._take(self, kind, rest)

    async def _resume(self, kind, rest):
        """Goes on over another connection; when there is none in time, the statement ends as it was cut off."""
        self._held = []
        deadline = time.monotonic() + self.connection.patience
        while not self._isCancelled:
            try:
                self._line, _ = await self.connection._connected()
                self._tag, self._answer = await self._line.request(millrace._message(self._data, self._position))
                self.messages.append((Warning, millrace._RESUMED))
                return
            except OperationalError:
                if time.monotonic() >= deadline or self.connection._isClosed:
                    break
                await asyncio.sleep(0.1)
        millrace._take(self, kind, rest)

    async def fetchone(self):
        """The next row, which a query that goes on is waited for; None at the end."""
        if self.description is None:
            raise ProgrammingError("the last statement has no rows")
        while self._answer is not None and not self._ready:
            await self._step()
        return millrace._fetched(self)

    async def fetchmany(self, size=None):
        """Up to so many rows."""
        rows = []
        while len(rows) < (size or self.arraysize):
            row = await self.fetchone()
            if row is None:
                break
            rows.append(row)
        return rows

    async def fetchall(self):
        """All rows that are left."""
        return [row async for row in self]

    def __aiter__(self):
        return self

    async def __anext__(self):
        row = await self.fetchone() if self.description is not None else None
        if row is None:
            raise StopAsyncIteration
        return row

    async def cancel(self):
        """Ends the statement that runs; its rows then end with OperationalError (57014)."""
        self._isCancelled = True
        if self._answer is not None:
            await self._line.send(b"#cancel .cancel %s\n" % self._tag)

    async def _leave(self):
        """Drops what is left of an answer."""
        answer, self._answer = self._answer, None
        if answer is None:
            return
        answer.drop()
        if self._line.end is None:
            await self._line.send(b"#cancel .cancel %s\n" % self._tag)

    async def close(self):
        """Ends the statement that runs."""
        await self._leave()
        self.description = None
        self._ready.clear()

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await self.close()


async def connect(address="127.0.0.1:%d" % millrace.DEFAULT_PORT, timeout=10, patience=60, ssl=None, user=None, password=""):
    """Connects to HOST:PORT, to tls://HOST:PORT, or to the socket of that path; `timeout` are the seconds for connecting, `patience` those for which a
    query that goes on waits for a server that is gone. `ssl`, `user` and `password` are as those of `millrace.connect`."""
    place = address, timeout, ssl, None if user is None else (user, password)
    return Connection(place, patience, await _open(*place))


async def _open(address, timeout, context, login):
    writer = None
    try:
        place, context = millrace._secured(address, context)
        if "/" in place:
            opening = asyncio.open_unix_connection(place, limit=_LINE_BYTES)
        else:
            opening = asyncio.open_connection(*millrace._place(place), limit=_LINE_BYTES, ssl=context)
        reader, writer = await asyncio.wait_for(opening, timeout)
        greeting = await asyncio.wait_for(reader.readline(), timeout)
        version = millrace._version(address, greeting)
        if millrace._logins(greeting, login):
            exchange = millrace._Login(*login)
            writer.write(exchange.first())
            writer.write(exchange.last(await asyncio.wait_for(reader.readline(), timeout)))
            exchange.check(await asyncio.wait_for(reader.readline(), timeout))
    except millrace.Error:
        writer.close()
        raise
    except (OSError, ValueError, asyncio.TimeoutError) as problem:
        raise OperationalError("cannot connect to %s: %s" % (address, problem or "no answer in time"), "08001") from None
    return _Line(reader, writer, version)
