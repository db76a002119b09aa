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
  - A query with EMIT CHANGES over one stream (without GROUP BY, joins and OVER) outlives its connection: when the server is there again within
    `patience` seconds, it goes on behind the last row, none missing and none twice. Other statements end with OperationalError (08006), because
    whether they were carried out is not known; the next one goes over a new connection, with a Warning in `cursor.messages`: settings and
    variables of the session are as at its start.
  - `connect("tls://HOST:PORT")` speaks TLS and checks the certificate by the authorities of the system, or by what the context `ssl=` says; `user=`
    and `password=` log in by SCRAM-SHA-256, where the password does not travel.
  - `connection.load("visits", rows)` sends dictionaries, or lists with `columns=`, as one bulk load, and gives what the server says.
  - `cursor.summary` is what the server said at the end of the statement: rows, skipped rows with their causes, milliseconds.

Values: BIGINT and INTEGER are int, DOUBLE is float, DECIMAL is decimal.Decimal, DATE, TIME and TIMESTAMP are datetime objects (without a
zone: they are UTC), BYTES is bytes, ARRAY is list, MAP and STRUCT are dict. There are no transactions: `commit` does nothing, `rollback`
is refused. One connection may be used by several threads; each cursor by one.
"""
import base64
import collections
import datetime
import decimal
import hashlib
import hmac
import json
import queue
import secrets
import socket
import ssl as tls
import threading
import time

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


def _parts(line):
    """The kind of a line of the server, its tag (None without one), and the rest."""
    kind, rest = line[:1], line[1:].rstrip(b"\r\n")
    if not rest.startswith(b"#"):
        return kind, None, rest[1:]
    tag, _, rest = rest[1:].partition(b" ")
    return kind, tag, rest


def _secured(address, context):
    """The address without `tls://`, and the context of TLS; None for plain text."""
    if not address.startswith("tls://"):
        return address, None if context is True or context is False else context
    return address[len("tls://"):], context if isinstance(context, tls.SSLContext) else tls.create_default_context()


class _Login:
    """The client's side of SCRAM-SHA-256 (RFC 5802): what is sent for each message of the server. The client for asyncio does it the same way."""

    def __init__(self, user, password):
        self._password = password.encode()
        self._nonce = base64.b64encode(secrets.token_bytes(24)).decode()
        self._bare = "n=%s,r=%s" % (user.replace("=", "=3D").replace(",", "=2C"), self._nonce)
        self._signature = None

    def first(self):
        return b".auth SCRAM-SHA-256 %s\n" % base64.b64encode(b"n,," + self._bare.encode())

    def last(self, answer):
        """The line behind the answer to the first one."""
        message = self._message(answer).decode()
        fields = dict(part.split("=", 1) for part in message.split(","))
        if not fields.get("r", "").startswith(self._nonce) or not 4096 <= int(fields.get("i", 0)) <= 1_000_000:
            raise OperationalError("the server's message of the login cannot be read", "28000")
        salted = hashlib.pbkdf2_hmac("sha256", self._password, base64.b64decode(fields["s"]), int(fields["i"]))
        key = hmac.digest(salted, b"Client Key", "sha256")
        last = "c=biws,r=" + fields["r"]
        signed = ",".join((self._bare, message, last)).encode()
        proof = bytes(a ^ b for a, b in zip(key, hmac.digest(hashlib.sha256(key).digest(), signed, "sha256")))
        self._signature = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), signed, "sha256")
        return b".auth %s\n" % base64.b64encode(b"%s,p=%s" % (last.encode(), base64.b64encode(proof)))

    def check(self, answer):
        """Whether the server knows the password, too."""
        if not hmac.compare_digest(self._message(answer), b"v=" + base64.b64encode(self._signature)):
            raise OperationalError("the server does not prove that it knows the password", "28000")

    @staticmethod
    def _message(line):
        kind, _, rest = _parts(line)
        if kind != b"+":
            _raise(kind, rest if kind else "it was closed")
            raise OperationalError("the server's message of the login cannot be read", "28000")
        return base64.b64decode(json.loads(rest)["auth"])


def _logins(greeting, login):
    """Whether the server that greets so asks for a login."""
    if not json.loads(greeting[len(b"* MILLRACE/1 "):]).get("auth"):
        return False
    if login is None:
        raise OperationalError("the server asks for a login", "28001", "connect takes user= and password=.")
    return True


def _place(address):
    """The host and port of an address."""
    host, _, port = address.rpartition(":") if ":" in address else (address, "", DEFAULT_PORT)
    return host.strip("[]"), int(port)


def _version(address, greeting):
    """The version of the server that greets so."""
    if not greeting.startswith(b"* MILLRACE/1 "):
        raise OperationalError("%s does not greet as a Millrace server" % address, "08001")
    return json.loads(greeting[len(b"* MILLRACE/1 "):])["server"]


class _Line:
    """One connection over the network, until it ends. Its requests run side by side."""

    def __init__(self, address, timeout, context=None, login=None):
        try:
            place, context = _secured(address, context)
            if "/" in place:
                self._socket = socket.socket(socket.AF_UNIX)
                self._socket.settimeout(timeout)
                self._socket.connect(place)
            else:
                host, port = _place(place)
                self._socket = socket.create_connection((host, port), timeout)
                if context is not None:
                    self._socket = context.wrap_socket(self._socket, server_hostname=host)
            self._reader = self._socket.makefile("rb")
            greeting = self._reader.readline()
        except (OSError, ValueError) as problem:
            raise OperationalError("cannot connect to %s: %s" % (address, problem), "08001") from None
        self.server_version = _version(address, greeting)
        try:
            if _logins(greeting, login):
                exchange = _Login(*login)
                self._socket.sendall(exchange.first())
                self._socket.sendall(exchange.last(self._reader.readline()))
                exchange.check(self._reader.readline())
        except Error:
            self._socket.close()
            raise
        except (OSError, ValueError) as problem:
            raise OperationalError("cannot log in at %s: %s" % (address, problem), "08001") from None
        self._socket.settimeout(None)
        self._lock = threading.Lock()
        # Not the same: answers are read while a large request is being sent.
        self._sending = threading.Lock()
        self._answers, self._next, self.end = {}, 1, None
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        """Hands the lines of the server to the requests that they answer."""
        reason = "the server closed the connection"
        try:
            for line in self._reader:
                kind, tag, rest = _parts(line)
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
            self.end = self.end or reason
            answers, self._answers = list(self._answers.values()), {}
        for answer in answers:
            answer.put((b"", self.end))

    def send(self, data):
        try:
            with self._sending:
                self._socket.sendall(data)
        except OSError as problem:
            raise OperationalError("the connection ended: %s" % problem, "08006") from None

    def request(self, make):
        """Sends the bytes that `make` gives for a tag; the tag and the answer."""
        with self._lock:
            if self.end is not None:
                raise OperationalError("the connection ended: %s" % self.end, "08006")
            tag = b"p%d" % self._next
            self._next += 1
            answer = self._answers[tag] = _Answer()
        self.send(make(tag))
        return tag, answer

    def close(self):
        with self._lock:
            self.end = self.end or "it was closed"
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # The server was first.
        self._socket.close()


class Connection:
    """A session at a server, over one connection or, when that is lost, the next. Its requests run side by side."""

    Warning, Error, InterfaceError, DatabaseError, DataError = Warning, Error, InterfaceError, DatabaseError, DataError
    OperationalError, IntegrityError, InternalError = OperationalError, IntegrityError, InternalError
    ProgrammingError, NotSupportedError = ProgrammingError, NotSupportedError

    def __init__(self, address, timeout, patience, context=None, login=None):
        self.patience = patience
        self._place = address, timeout, context, login
        self._isClosed, self._opening = False, threading.Lock()
        self._line = _Line(*self._place)
        self.server_version = self._line.server_version

    def _connected(self):
        """The line to the server, and whether it is another one than before."""
        with self._opening:
            if self._isClosed:
                raise OperationalError("the connection ended: it was closed", "08006")
            if self._line.end is None:
                return self._line, False
            self._line = _Line(*self._place)
            self.server_version = self._line.server_version
            return self._line, True

    def cursor(self):
        """A cursor, which carries out one statement at a time."""
        if self._isClosed:
            raise InterfaceError("the connection is closed")
        return Cursor(self)

    def load(self, source, records, columns=None):
        """Loads records, dictionaries or with `columns` sequences of values, and gives the server's report once they are durable. Raises
        DataError when some were refused; those that were not are loaded."""
        def line(record):
            if columns is not None:
                record = dict(zip(columns, record))
            return json.dumps(record, default=_json, ensure_ascii=False).encode() + b"\n"

        lines = b"".join(map(line, records))
        _, answer = self._connected()[0].request(lambda tag: b"#%s .put %s json\n" % (tag, source.encode()) + lines + b".end\n")
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
        with self._opening:
            self._isClosed = True
        self._line.close()

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


# Codes with which a server that ends, or the way to it, ends a query.
_LOST = (b"08006", b"57P01")
_RESUMED = "The connection was lost and is there again; the query goes on behind its last row."
_RENEWED = "The connection was lost and is there again; settings and variables of the session are as at its start."


def _begin(cursor, operation, parameters):
    """Makes a cursor ready for a statement, which is given as bytes. The client for asyncio does it the same way."""
    cursor.description, cursor.rowcount, cursor.summary, cursor.deleted, cursor.messages = None, -1, None, False, []
    cursor._ready, cursor._held, cursor._position, cursor._failure = collections.deque(), [], None, None
    text = _bound(operation, parameters).rstrip()
    # On a line of its own, in case the last one ends with a comment.
    return (text if text.endswith(";") else text + "\n;").encode()


def _message(data, position):
    """What makes the request of a statement for a tag: one that is told positions, or that goes on behind one."""
    wish = b"positions" if position is None else b"after " + position
    return lambda tag: b"#%s .sql %d %s\n" % (tag, len(data), wish) + data + b"\n"


def _isCutOff(cursor, kind, rest):
    """Whether a line says that the connection has ended under a query which can go on over another one."""
    lost = kind == b"" or kind == b"-" and rest[:5] in _LOST
    return lost and cursor._position is not None and not cursor._isCancelled and not cursor.connection._isClosed


def _take(cursor, kind, rest):
    """Takes a line of an answer in. Rows of a query that is told positions are ready once the one behind them is known: those before it come
    again when the connection is cut off."""
    if kind in b":!" and kind:
        values = json.loads(rest, parse_float=decimal.Decimal)
        row = tuple(
            value if value is None or reader is None else reader(value) for value, reader in zip(values, cursor._readers))
        (cursor._ready if cursor._position is None else cursor._held).append((row, kind == b"!"))
        return
    if kind == b"~":
        position = json.loads(rest).get("position")
        if position is None:
            return
        cursor._position = position.encode()
    elif kind == b"=":
        columns = json.loads(rest)["columns"]
        cursor.description = [(column[0], _kind(column[1]), None, None, None, None, None) for column in columns]
        cursor._readers = [_reader(column[1]) for column in columns]
    elif kind == b"?":
        cursor.messages.append((Warning, json.loads(rest).get("message", "")))
        return
    elif kind == b"+":
        cursor._answer = None
        cursor.summary = json.loads(rest)
        cursor.rowcount = cursor.summary.get("changed", cursor.summary.get("rows", -1) if cursor.description else -1)
    elif kind in (b"-", b""):
        cursor._answer = None
        try:
            _raise(kind, rest)
        except Error as failure:
            # Behind the rows that were before it.
            cursor._failure = failure
    cursor._ready.extend(cursor._held)
    cursor._held = []


def _fetched(cursor):
    """The next row that is ready, or None; raises how the statement failed once none is left."""
    if cursor._ready:
        row, cursor.deleted = cursor._ready.popleft()
        return row
    if cursor._failure is not None:
        failure, cursor._failure = cursor._failure, None
        raise failure
    return None


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

    def execute(self, operation, parameters=()):
        """Carries out a statement; a last `;` may be missing. Returns the cursor."""
        self._leave()
        self._data, self._isCancelled = _begin(self, operation, parameters), False
        self._line, isNew = self.connection._connected()
        if isNew:
            self.messages.append((Warning, _RENEWED))
        self._tag, self._answer = self._line.request(_message(self._data, None))
        while self._answer is not None and self.description is None:
            self._step()
        if self.description is None:
            _fetched(self)
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
        """Takes the next line of the answer."""
        kind, rest = self._answer.lines.get()
        if _isCutOff(self, kind, rest):
            return self._resume(kind, rest)
        _take(self, kind, rest)

    def _resume(self, kind, rest):
        """Goes on over another connection; when there is none in time, the statement ends as it was cut off."""
        self._held = []
        deadline = time.monotonic() + self.connection.patience
        while not self._isCancelled:
            try:
                self._line, _ = self.connection._connected()
                self._tag, self._answer = self._line.request(_message(self._data, self._position))
                self.messages.append((Warning, _RESUMED))
                return
            except OperationalError:
                if time.monotonic() >= deadline or self.connection._isClosed:
                    break
                time.sleep(0.1)
        _take(self, kind, rest)

    def fetchone(self):
        """The next row, which a query that goes on is waited for; None at the end."""
        if self.description is None:
            raise ProgrammingError("the last statement has no rows")
        while self._answer is not None and not self._ready:
            self._step()
        return _fetched(self)

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
        self._isCancelled, tag, line = True, self._tag, self._line
        if self._answer is not None and tag is not None:
            line.send(b"#cancel .cancel %s\n" % tag)

    def _leave(self):
        """Drops what is left of an answer."""
        answer, self._answer = self._answer, None
        if answer is None:
            return
        answer.isDropped = True
        if self._line.end is None:
            self._line.send(b"#cancel .cancel %s\n" % self._tag)

    def close(self):
        """Ends the statement that runs."""
        self._leave()
        self.description = None
        self._ready.clear()

    def setinputsizes(self, sizes):
        """Does nothing, as PEP 249 allows."""

    def setoutputsize(self, size, column=None):
        """Does nothing, as PEP 249 allows."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def connect(address="127.0.0.1:%d" % DEFAULT_PORT, timeout=10, patience=60, ssl=None, user=None, password=""):
    """Connects to HOST:PORT, to tls://HOST:PORT, or to the socket of that path; `timeout` are the seconds for connecting, `patience` those for which a
    query that goes on waits for a server that is gone. `ssl` is an `ssl.SSLContext` for another authority than those of the system, or for a
    certificate of one's own; `user` and `password` log in."""
    return Connection(address, timeout, patience, ssl, None if user is None else (user, password))
