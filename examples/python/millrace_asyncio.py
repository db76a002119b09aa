"""A client of Millrace for asyncio, with nothing but the standard library: `millrace.py` beside it, whose calls wait without a thread.

    import asyncio, millrace_asyncio

    async def main():
        async with await millrace_asyncio.connect("127.0.0.1:6455") as connection:
            cursor = await connection.execute("SELECT page, ms FROM visits WHERE ms > ? EMIT CHANGES", (800,))
            async for page, ms in cursor:
                print(page, ms)

    asyncio.run(main())

Names, values, errors and what a cursor knows are those of `millrace.py`; what waits for the server is a coroutine. Statements of one connection
run side by side. Leaving a loop over a query that goes on does not end it: `await cursor.close()` does, and so does `async with cursor`, or the end
of the connection. A task that is cancelled while it waits for a row ends the statement as well.
"""
import asyncio
import json

import millrace
from millrace import DataError, OperationalError, ProgrammingError, Warning

# Rows of one cursor that wait to be fetched; a slow reader then slows its own connection.
WAITING_ROWS = millrace.WAITING_ROWS
# Bytes of one line: a row has 16 MiB at most.
_LINE_BYTES = 17 << 20


class _Answer:
    """The lines of the answer to one request, of which a bounded number waits."""

    def __init__(self):
        self.lines = asyncio.Queue(WAITING_ROWS)
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


class Connection:
    """A connection to a server. Made by `connect`."""

    def __init__(self, reader, writer, server_version):
        self.server_version = server_version
        self._reader, self._writer = reader, writer
        self._sending = asyncio.Lock()
        self._answers, self._next, self._end = {}, 1, None
        self._reading = asyncio.ensure_future(self._read())

    async def _read(self):
        """Hands the lines of the server to the requests that they answer."""
        reason = "the server closed the connection"
        try:
            while True:
                line = await self._reader.readline()
                if not line:
                    break
                kind, rest = line[:1], line[1:].rstrip(b"\r\n")
                if not rest.startswith(b"#"):
                    if kind in b"?-":
                        reason = rest[1:].decode(errors="replace")
                    continue
                tag, _, rest = rest[1:].partition(b" ")
                answer = self._answers.get(tag) if kind not in b"+-" else self._answers.pop(tag, None)
                if answer is not None:
                    await answer.put((kind, rest))
        except (OSError, ValueError) as problem:
            reason = str(problem)
        except asyncio.CancelledError:
            reason = "it was closed"
        self._end = self._end or reason
        answers, self._answers = list(self._answers.values()), {}
        for answer in answers:
            # Behind the rows that still wait; where there is no room, once these have been fetched.
            asyncio.ensure_future(answer.put((b"", self._end)))

    async def _send(self, data):
        try:
            async with self._sending:
                self._writer.write(data)
                await self._writer.drain()
        except OSError as problem:
            raise OperationalError("the connection ended: %s" % problem, "08006") from None

    async def _request(self, make):
        if self._end is not None:
            raise OperationalError("the connection ended: %s" % self._end, "08006")
        tag = b"a%d" % self._next
        self._next += 1
        answer = self._answers[tag] = _Answer()
        await self._send(make(tag))
        return tag, answer

    def cursor(self):
        """A cursor, which carries out one statement at a time."""
        if self._end is not None:
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
        _, answer = await self._request(lambda tag: b"#%s .put %s json\n" % (tag, source.encode()) + lines + b".end\n")
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
        self._end = self._end or "it was closed"
        self._writer.close()
        for answer in self._answers.values():
            answer.drop()
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        try:
            await self._writer.wait_closed()
        except OSError:
            pass  # The server was first.

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
        self._tag = self._answer = None
        self._readers = []

    async def execute(self, operation, parameters=()):
        """Carries out a statement; a last `;` may be missing. Returns the cursor."""
        await self._leave()
        self.description, self.rowcount, self.summary, self.deleted, self.messages = None, -1, None, False, []
        text = millrace._bound(operation, parameters).rstrip()
        # On a line of its own, in case the last one ends with a comment.
        data = (text if text.endswith(";") else text + "\n;").encode()
        self._tag, self._answer = await self.connection._request(lambda tag: b"#%s .sql %d\n" % (tag, len(data)) + data + b"\n")
        while self._answer is not None and self.description is None:
            await self._step()
        return self

    async def _step(self):
        """Takes the next line of the answer; a row as a tuple, or None."""
        try:
            kind, rest = await self._answer.lines.get()
        except asyncio.CancelledError:
            await self._leave()
            raise
        return millrace._take(self, kind, rest)

    async def fetchone(self):
        """The next row, which a query that goes on is waited for; None at the end."""
        if self.description is None:
            raise ProgrammingError("the last statement has no rows")
        while self._answer is not None:
            row = await self._step()
            if row is not None:
                return row
        return None

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
        if self._answer is not None:
            await self.connection._send(b"#cancel .cancel %s\n" % self._tag)

    async def _leave(self):
        """Drops what is left of an answer."""
        answer, self._answer = self._answer, None
        if answer is None:
            return
        answer.drop()
        if self.connection._end is None:
            await self.connection._send(b"#cancel .cancel %s\n" % self._tag)

    async def close(self):
        """Ends the statement that runs."""
        await self._leave()
        self.description = None

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await self.close()


async def connect(address="127.0.0.1:%d" % millrace.DEFAULT_PORT, timeout=10):
    """Connects to HOST:PORT, or to the socket of that path; `timeout` are the seconds for connecting."""
    try:
        if "/" in address:
            opening = asyncio.open_unix_connection(address, limit=_LINE_BYTES)
        else:
            host, _, port = address.rpartition(":") if ":" in address else (address, "", millrace.DEFAULT_PORT)
            opening = asyncio.open_connection(host.strip("[]"), int(port), limit=_LINE_BYTES)
        reader, writer = await asyncio.wait_for(opening, timeout)
        greeting = await asyncio.wait_for(reader.readline(), timeout)
    except (OSError, ValueError, asyncio.TimeoutError) as problem:
        raise OperationalError("cannot connect to %s: %s" % (address, problem or "no answer in time"), "08001") from None
    if not greeting.startswith(b"* MILLRACE/1 "):
        writer.close()
        raise OperationalError("%s does not greet as a Millrace server" % address, "08001")
    return Connection(reader, writer, json.loads(greeting[len(b"* MILLRACE/1 "):])["server"])
