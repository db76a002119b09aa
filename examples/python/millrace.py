"""A client of Millrace for Python: DB-API 2.0 (PEP 249), with nothing but the standard library.

    import millrace

    with millrace.connect("127.0.0.1:6455") as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT page, ms FROM visits WHERE ms > ?", (800,))
        for page, ms in cursor:
            print(page, ms)

Beyond PEP 249:

  - A query with EMIT CHANGES goes on: iterate over the cursor, and `cursor.cancel()` ends it from any thread. `cursor.deleted` says
    whether the row that was fetched last is the end of a key of a table (only its key columns are filled then).
  - `connection.load("visits", rows)` sends dictionaries, or lists with `columns=`, as one bulk load, and gives what the server says.
  - `cursor.summary` is what the server said at the end of the statement: rows, skipped rows with their causes, milliseconds.

Values: BIGINT and INTEGER are int, DOUBLE is float, DECIMAL is decimal.Decimal, DATE, TIME and TIMESTAMP are datetime objects (without a
zone: they are UTC), BYTES is bytes, ARRAY is list, MAP and STRUCT are dict. There are no transactions: `commit` does nothing, `rollback`
is refused. One connection may be used by several threads; each cursor by one.
"""
import base64
import datetime
import decimal
import json
import queue
import socket
import threading

apilevel = "2.0"
threadsafety = 2
paramstyle = "qmark"

DEFAULT_PORT = 6455
# Rows of one cursor that wait to be fetched; a slow reader then slows its own connection.
WAITING_ROWS = 10_000


class Warning(Exception):
    """Something that is no error."""


class Error(Exception):
    """What the server, or the way to it, refused. `code` is five characters like SQLSTATE; `hint` says what to do."""

    def __init__(self, message, code="", hint=None, line=None, column=None):
        super().__init__(message + (" (%s)" % code if code else "") + ("\nhint: " + hint if hint else ""))
        self.message, self.code, self.hint, self.line, self.column = message, code, hint, line, column


class InterfaceError(Error):
    """The client was used wrongly."""


class DatabaseError(Error):
    """The server refused something."""


class DataError(DatabaseError):
    """A value is none of its type, or out of range."""


class OperationalError(DatabaseError):
    """The connection, the server or the machine is the cause."""


class IntegrityError(DatabaseError):
    """Something else depends on it."""


class InternalError(DatabaseError):
    """The server has a fault."""


class ProgrammingError(DatabaseError):
    """The statement is wrong."""


class NotSupportedError(DatabaseError):
    """There is no such thing."""


# The first two characters of a code are its class.
_CLASSES = {
    "08": OperationalError, "0A": NotSupportedError, "22": DataError, "23": IntegrityError, "42": ProgrammingError, "53": OperationalError,
    "54": OperationalError, "55": OperationalError, "57": OperationalError, "58": OperationalError, "XX": InternalError,
}


def _failure(code, problem):
    kind = _CLASSES.get(code[:2], DatabaseError)
    return kind(problem.get("message", "").strip(), code, problem.get("hint"), problem.get("line"), problem.get("column"))


class _Type(frozenset):
    """Equal to the type codes that are of its kind."""

    def __eq__(self, other):
        return other in self if isinstance(other, str) else frozenset.__eq__(self, other)

    def __ne__(self, other):
        return not self == other

    __hash__ = frozenset.__hash__


STRING = _Type({"STRING", "VARCHAR", "BOOLEAN", "ARRAY", "MAP", "STRUCT"})
BINARY = _Type({"BYTES"})
NUMBER = _Type({"INTEGER", "BIGINT", "DOUBLE", "DECIMAL"})
DATETIME = _Type({"DATE", "TIME", "TIMESTAMP"})
ROWID = _Type()

Date, Time, Timestamp, Binary = datetime.date, datetime.time, datetime.datetime, bytes


def DateFromTicks(ticks):
    return TimestampFromTicks(ticks).date()


def TimeFromTicks(ticks):
    return TimestampFromTicks(ticks).time()


def TimestampFromTicks(ticks):
    return datetime.datetime.fromtimestamp(ticks, datetime.timezone.utc).replace(tzinfo=None)


def _literal(value):
    """A value of Python as SQL has it."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            return "CAST('%s' AS DOUBLE)" % {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[repr(value)]
        text = repr(value)
        return text if "e" in text else text + "e0"
    if isinstance(value, (int, decimal.Decimal)):
        return format(value, "f") if isinstance(value, decimal.Decimal) else str(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return "TO_BYTES('%s', 'hex')" % bytes(value).hex()
    if isinstance(value, datetime.datetime):
        if value.tzinfo is not None:
            value = value.astimezone(datetime.timezone.utc).replace(tzinfo=None)
        return "'%s'" % value.isoformat(timespec="milliseconds")
    if isinstance(value, datetime.date):
        return "'%s'" % value.isoformat()
    if isinstance(value, datetime.time):
        return "'%s'" % value.isoformat(timespec="milliseconds")
    if isinstance(value, (list, tuple)):
        return "ARRAY[%s]" % ", ".join(map(_literal, value))
    if isinstance(value, dict):
        return "MAP(%s)" % ", ".join("%s := %s" % (_literal(name), _literal(item)) for name, item in value.items())
    if isinstance(value, str):
        if "\0" in value:
            raise DataError("a text with a zero character cannot be sent in a statement")
        return "'%s'" % value.replace("'", "''")
    raise InterfaceError("a %s is no value of SQL" % type(value).__name__)


def _bound(operation, parameters):
    """The statement with its question marks, outside of quotes and comments, replaced."""
    pieces, at, used = [], 0, 0
    while at < len(operation):
        character = operation[at]
        if character in "'\"`":
            end = operation.find(character, at + 1)
            end = len(operation) if end < 0 else end + 1
        elif operation.startswith("--", at):
            end = operation.find("\n", at)
            end = len(operation) if end < 0 else end
        elif operation.startswith("/*", at):
            end = operation.find("*/", at)
            end = len(operation) if end < 0 else end + 2
        elif character == "?":
            if used == len(parameters):
                raise ProgrammingError("the statement has more question marks than there are parameters (%d)" % used)
            pieces.append(_literal(parameters[used]))
            used, at = used + 1, at + 1
            continue
        else:
            end = at + 1
        pieces.append(operation[at:end])
        at = end
    if used < len(parameters):
        raise ProgrammingError("the statement has %d question marks and %d parameters" % (used, len(parameters)))
    return "".join(pieces)


def _kind(type_text):
    return type_text.split("<")[0].split("(")[0]


def _timestamp(text):
    date, time = text.split("T")
    year, month, day = date.rsplit("-", 2)
    if not 1 <= int(year) <= 9999:
        return text  # Further away than Python's calendar goes.
    return datetime.datetime.combine(datetime.date(int(year), int(month), int(day)), datetime.time.fromisoformat(time))


_READERS = {
    "DOUBLE": float, "DECIMAL": decimal.Decimal, "BYTES": base64.b64decode, "TIMESTAMP": _timestamp,
    "DATE": lambda text: datetime.date.fromisoformat(text) if len(text) == 10 else text, "TIME": datetime.time.fromisoformat,
}


def _floats(value):
    """The numbers in a nested value, which has no DECIMAL in it, as Python has them."""
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, list):
        return [_floats(item) for item in value]
    if isinstance(value, dict):
        return {name: _floats(item) for name, item in value.items()}
    return value


def _reader(type_text):
    """What makes a value of Python of what JSON has for a type; None where that is the value."""
    if "<" in type_text and "DECIMAL" not in type_text:
        return _floats
    return _READERS.get(_kind(type_text))


class _Answer:
    """The answer to one request, as its lines come in."""

    def __init__(self):
        self.lines = queue.Queue(WAITING_ROWS)
        self.isDropped = False

    def put(self, line):
        while not self.isDropped:
            try:
                return self.lines.put(line, timeout=1)
            except queue.Full:
                continue


class Connection:
    """A connection to a server. Its requests run side by side."""

    Warning, Error, InterfaceError, DatabaseError, DataError = Warning, Error, InterfaceError, DatabaseError, DataError
    OperationalError, IntegrityError, InternalError = OperationalError, IntegrityError, InternalError
    ProgrammingError, NotSupportedError = ProgrammingError, NotSupportedError

    def __init__(self, address, timeout):
        try:
            if "/" in address:
                self._socket = socket.socket(socket.AF_UNIX)
                self._socket.settimeout(timeout)
                self._socket.connect(address)
            else:
                host, _, port = address.rpartition(":") if ":" in address else (address, "", DEFAULT_PORT)
                self._socket = socket.create_connection((host.strip("[]"), int(port)), timeout)
            self._reader = self._socket.makefile("rb")
            greeting = self._reader.readline()
        except (OSError, ValueError) as problem:
            raise OperationalError("cannot connect to %s: %s" % (address, problem), "08001") from None
        if not greeting.startswith(b"* MILLRACE/1 "):
            raise OperationalError("%s does not greet as a Millrace server" % address, "08001")
        self.server_version = json.loads(greeting[len(b"* MILLRACE/1 "):])["server"]
        self._socket.settimeout(None)
        self._lock = threading.Lock()
        # Not the same: answers are read while a large request is being sent.
        self._sending = threading.Lock()
        self._answers, self._next, self._end = {}, 1, None
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        """Hands the lines of the server to the requests that they answer."""
        reason = "the server closed the connection"
        try:
            for line in self._reader:
                kind, rest = line[:1], line[1:].rstrip(b"\r\n")
                tag = None
                if rest.startswith(b"#"):
                    tag, _, rest = rest[1:].partition(b" ")
                else:
                    rest = rest[1:]
                if tag is None:
                    if kind in b"?-" and kind:
                        reason = rest.decode(errors="replace")
                    continue
                with self._lock:
                    answer = self._answers.get(tag) if kind not in b"+-" else self._answers.pop(tag, None)
                if answer is not None:
                    answer.put((kind, rest))
        except (OSError, ValueError) as problem:
            reason = str(problem)
        with self._lock:
            self._end = reason
            answers, self._answers = list(self._answers.values()), {}
        for answer in answers:
            answer.put((b"", reason))

    def _send(self, data):
        try:
            with self._sending:
                self._socket.sendall(data)
        except OSError as problem:
            raise OperationalError("the connection ended: %s" % problem, "08006") from None

    def _request(self, make):
        """Sends the bytes that `make` gives for a tag; the tag and the answer."""
        with self._lock:
            if self._end is not None:
                raise OperationalError("the connection ended: %s" % self._end, "08006")
            tag = b"p%d" % self._next
            self._next += 1
            answer = self._answers[tag] = _Answer()
        self._send(make(tag))
        return tag, answer

    def cursor(self):
        """A cursor, which carries out one statement at a time."""
        if self._end is not None:
            raise InterfaceError("the connection is closed")
        return Cursor(self)

    def load(self, source, records, columns=None):
        """Loads records, dictionaries or with `columns` sequences of values, and gives the server's report once they are durable. Raises
        DataError when some were refused; those that were not are loaded."""
        def line(record):
            if columns is not None:
                record = dict(zip(columns, record))
            return json.dumps(record, default=_json, ensure_ascii=False).encode() + b"\n"

        with_tag = b"".join(map(line, records))
        _, answer = self._request(lambda tag: b"#%s .put %s json\n" % (tag, source.encode()) + with_tag + b".end\n")
        while True:
            kind, rest = answer.lines.get()
            if kind == b"+":
                report = json.loads(rest)
                if report.get("skipped"):
                    raise DataError(report["message"], "22000", "SELECT * FROM MILLRACE_ERRORS; has the refused ones.")
                return report
            _raise(kind, rest)

    def commit(self):
        """Does nothing: what was answered is durable."""

    def rollback(self):
        """There are no transactions."""
        raise NotSupportedError("there are no transactions: what was answered is durable", "0A000")

    def close(self):
        """Ends the connection and what runs on it."""
        with self._lock:
            self._end = self._end or "it was closed"
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # The server was first.
        self._socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _json(value):
    """What JSON has no form for, as records have it."""
    if isinstance(value, datetime.datetime):
        zone = value.tzinfo or datetime.timezone.utc
        return round(value.replace(tzinfo=zone).timestamp() * 1000)
    if isinstance(value, datetime.date):
        return (value - datetime.date(1970, 1, 1)).days
    if isinstance(value, datetime.time):
        return ((value.hour * 60 + value.minute) * 60 + value.second) * 1000 + value.microsecond // 1000
    if isinstance(value, decimal.Decimal):
        return str(value)
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode()
    raise TypeError("a %s is no value of a record" % type(value).__name__)


def _raise(kind, rest):
    """Raises what a line of an answer says, if it is the end of it."""
    if kind == b"-":
        code, _, problem = rest.partition(b" ")
        raise _failure(code.decode(), json.loads(problem))
    if kind == b"":
        raise OperationalError("the connection ended: %s" % rest, "08006")


def _take(cursor, kind, rest):
    """Takes a line of an answer in; a row as a tuple, or None. The client for asyncio does it the same way."""
    if kind in b":!" and kind:
        cursor.deleted = kind == b"!"
        values = json.loads(rest, parse_float=decimal.Decimal)
        return tuple(
            value if value is None or reader is None else reader(value) for value, reader in zip(values, cursor._readers))
    if kind == b"=":
        columns = json.loads(rest)["columns"]
        cursor.description = [(column[0], _kind(column[1]), None, None, None, None, None) for column in columns]
        cursor._readers = [_reader(column[1]) for column in columns]
    elif kind == b"?":
        cursor.messages.append((Warning, json.loads(rest).get("message", "")))
    elif kind == b"+":
        cursor._answer = None
        cursor.summary = json.loads(rest)
        cursor.rowcount = cursor.summary.get("changed", cursor.summary.get("rows", -1) if cursor.description else -1)
    elif kind in (b"-", b""):
        cursor._answer = None
        _raise(kind, rest)
    return None


class Cursor:
    """Carries out statements, one after the other, and gives their rows."""

    arraysize = 100

    def __init__(self, connection):
        self.connection = connection
        self.description, self.rowcount, self.summary, self.deleted = None, -1, None, False
        self.messages = []
        self._tag = self._answer = None
        self._readers = []

    def execute(self, operation, parameters=()):
        """Carries out a statement; a last `;` may be missing. Returns the cursor."""
        self._leave()
        self.description, self.rowcount, self.summary, self.deleted, self.messages = None, -1, None, False, []
        text = _bound(operation, parameters).rstrip()
        # On a line of its own, in case the last one ends with a comment.
        data = (text if text.endswith(";") else text + "\n;").encode()
        self._tag, self._answer = self.connection._request(lambda tag: b"#%s .sql %d\n" % (tag, len(data)) + data + b"\n")
        while self._answer is not None and self.description is None:
            self._step()
        return self

    def executemany(self, operation, sequence):
        """Carries out a statement for each of the parameters. `connection.load` is much faster for rows."""
        total = 0
        for parameters in sequence:
            self.execute(operation, parameters)
            for _ in self:
                pass
            total += max(self.rowcount, 0)
        self.rowcount = total
        return self

    def _step(self):
        """Takes the next line of the answer; a row as a tuple, or None."""
        kind, rest = self._answer.lines.get()
        return _take(self, kind, rest)

    def fetchone(self):
        """The next row, which a query that goes on is waited for; None at the end."""
        if self.description is None:
            raise ProgrammingError("the last statement has no rows")
        while self._answer is not None:
            row = self._step()
            if row is not None:
                return row
        return None

    def fetchmany(self, size=None):
        """Up to so many rows."""
        rows = []
        while len(rows) < (size or self.arraysize):
            row = self.fetchone()
            if row is None:
                break
            rows.append(row)
        return rows

    def fetchall(self):
        """All rows that are left."""
        return list(self)

    def __iter__(self):
        return self

    def __next__(self):
        row = self.fetchone() if self.description is not None else None
        if row is None:
            raise StopIteration
        return row

    def cancel(self):
        """Ends the statement that runs; its rows then end with OperationalError (57014). May be called by any thread."""
        tag = self._tag
        if self._answer is not None and tag is not None:
            self.connection._send(b"#cancel .cancel %s\n" % tag)

    def _leave(self):
        """Drops what is left of an answer."""
        answer, self._answer = self._answer, None
        if answer is None:
            return
        answer.isDropped = True
        if self.connection._end is None:
            self.connection._send(b"#cancel .cancel %s\n" % self._tag)

    def close(self):
        """Ends the statement that runs."""
        self._leave()
        self.description = None

    def setinputsizes(self, sizes):
        """Does nothing, as PEP 249 allows."""

    def setoutputsize(self, size, column=None):
        """Does nothing, as PEP 249 allows."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def connect(address="127.0.0.1:%d" % DEFAULT_PORT, timeout=10):
    """Connects to HOST:PORT, or to the socket of that path; `timeout` are the seconds for connecting."""
    return Connection(address, timeout)
