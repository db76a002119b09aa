"""Kafka's protocol for the scripts beside this one: requests and answers as dictionaries by the table of grammar/kafka-messages.txt, over one
socket, and record batches. It knows nothing that the table does not say, so that a script sees what a broker answers, error codes and all."""
import importlib.util, os, socket, struct

_folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "grammar")
_spec = importlib.util.spec_from_file_location("kafka_messages", os.path.join(_folder, "kafka-messages.py"))
_generator = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_generator)
MESSAGES = {(message["kind"], message["name"]): message for message in _generator.parse()}

PLAIN = {"bool": ">?", "int8": ">b", "int16": ">h", "int32": ">i", "int64": ">q"}


def holds(span, version):
    return span is not None and span[0] <= version and (span[1] is None or version <= span[1])


class Writer:
    def __init__(self, flexible):
        self.parts, self.flexible = [], flexible

    def put(self, form, value):
        self.parts.append(struct.pack(form, value))

    def varint(self, value):
        while value >= 0x80:
            self.parts.append(bytes([value & 0x7F | 0x80]))
            value >>= 7
        self.parts.append(bytes([value]))

    def length(self, value, short):
        if self.flexible:
            self.varint(0 if value is None else value + 1)
        else:
            self.put(">h" if short else ">i", -1 if value is None else value)

    def plain(self, kind, value):
        if kind in PLAIN:
            self.put(PLAIN[kind], value)
        elif kind == "uuid":
            self.parts.append(value)
        else:
            data = value.encode() if isinstance(value, str) else value
            self.length(None if data is None else len(data), kind == "string")
            self.parts.append(data or b"")

    def fields(self, fields, version, values):
        assert not set(values) - {field.name for field in fields}, f"unknown: {values} of {[field.name for field in fields]}"
        for field in fields:
            if field.tag is not None or not holds(field.versions, version):
                continue
            value = values.get(field.name, default(field))
            if field.is_array:
                self.length(None if value is None else len(value), False)
                for element in value or []:
                    self.fields(field.fields, version, element) if field.fields is not None else self.plain(field.kind, element)
            elif field.fields is not None:
                self.fields(field.fields, version, value)
            else:
                self.plain(field.kind, value)
        if self.flexible:
            self.varint(0)


def default(field):
    if field.default == "null" or field.is_array:
        return None if field.default == "null" else []
    if field.fields is not None:
        return {}
    if field.default is not None:
        return {"true": True, "false": False}.get(field.default, field.default if field.kind == "string" else None) if field.kind in (
            "bool", "string") else int(field.default.replace("Int32.min", "-2147483648"))
    return {"string": "", "bytes": b"", "records": b"", "uuid": bytes(16), "bool": False}.get(field.kind, 0)


class Reader:
    def __init__(self, data, flexible):
        self.data, self.place, self.flexible = data, 0, flexible

    def take(self, count):
        assert 0 <= count <= len(self.data) - self.place, "the answer ends too soon"
        self.place += count
        return self.data[self.place - count:self.place]

    def get(self, form):
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def varint(self):
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def length(self, short):
        return self.varint() - 1 if self.flexible else self.get(">h" if short else ">i")

    def plain(self, kind):
        if kind in PLAIN:
            return self.get(PLAIN[kind])
        if kind == "uuid":
            return self.take(16)
        count = self.length(kind == "string")
        if count < 0:
            return None
        data = self.take(count)
        return data.decode() if kind == "string" else data

    def value(self, field, version):
        if field.is_array:
            count = self.length(False)
            if count < 0:
                return None
            return [self.fields(field.fields, version) if field.fields is not None else self.plain(field.kind) for _ in range(count)]
        return self.fields(field.fields, version) if field.fields is not None else self.plain(field.kind)

    def tags(self, fields, version, values):
        if not self.flexible:
            return
        for _ in range(self.varint()):
            tag, size = self.varint(), self.varint()
            end = self.place + size
            for field in fields:
                if field.tag == tag and holds(field.tagged, version):
                    values[field.name] = self.value(field, version)
            self.place = end

    def fields(self, fields, version):
        values = {}
        for field in fields:
            if field.tag is None and holds(field.versions, version):
                values[field.name] = self.value(field, version)
        self.tags(fields, version, values)
        return values


class Client:
    """One connection. `ask` waits for the answer; `send` and `receive` are its halves, for requests that wait for others."""

    def __init__(self, address, name="wire", wrap=lambda plain: plain):
        host, port = address.rsplit(":", 1)
        self.socket = wrap(socket.create_connection((host, int(port)), 30))
        self.name, self.correlation, self.waiting = name, 0, []

    def send(self, api, version, **values):
        message = MESSAGES["request", api]
        assert message["least"] <= version <= message["largest"], (api, version)
        flexible = message["flexible"] is not None and version >= message["flexible"]
        self.correlation += 1
        header = Writer(False)
        for form, value in ((">h", message["key"]), (">h", version), (">i", self.correlation)):
            header.put(form, value)
        header.plain("string", self.name)
        body = Writer(flexible)
        if flexible:
            body.varint(0)
        body.fields(message["fields"], version, values)
        self.send_frame(b"".join(header.parts + body.parts))
        self.waiting.append((self.correlation, api, version))

    def send_frame(self, data):
        self.socket.sendall(struct.pack(">i", len(data)) + data)

    def receive_frame(self):
        """The next frame; None where the broker has ended the connection."""
        try:
            head = self.read(4)
            return None if head is None else self.read(struct.unpack(">i", head)[0])
        except ConnectionError:
            return None

    def read(self, count):
        parts = []
        while count > 0:
            part = self.socket.recv(min(count, 1 << 20))
            if not part:
                return None
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def receive(self):
        correlation, api, version = self.waiting.pop(0)
        frame = self.receive_frame()
        if frame is None:
            raise ConnectionError(f"no answer to {api}")
        message = MESSAGES["response", api]
        flexible = message["flexible"] is not None and version >= message["flexible"]
        header = Reader(frame, flexible)
        assert header.get(">i") == correlation, "answers are out of order"
        if flexible and api != "ApiVersions":
            header.tags([], version, {})
        body = Reader(frame[header.place:], flexible)
        values = body.fields(message["fields"], version)
        assert body.place == len(body.data), f"{api} {version}: {len(body.data) - body.place} bytes are left"
        return values

    def ask(self, api, version, **values):
        self.send(api, version, **values)
        return self.receive()

    def close(self):
        self.socket.close()


# Record batches (kafka.apache.org/documentation/#recordbatch)

_table = []
for _number in range(256):
    for _ in range(8):
        _number = _number >> 1 ^ (0x82F63B78 if _number & 1 else 0)
    _table.append(_number)


def crc32c(data):
    value = 0xFFFFFFFF
    for byte in data:
        value = value >> 8 ^ _table[(value ^ byte) & 0xFF]
    return value ^ 0xFFFFFFFF


def zigzag(value):
    value = value << 1 ^ value >> 63
    writer = Writer(False)
    writer.varint(value & 0xFFFFFFFFFFFFFFFF)
    return b"".join(writer.parts)


def batch(records, producer=(-1, -1, -1), transactional=False, damaged=False):
    """A batch of (key, value, timestamp); `producer` is an id, an epoch and the first sequence."""
    base, section = records[0][2], []
    for index, (key, value, timestamp) in enumerate(records):
        body = b"\0" + zigzag(timestamp - base) + zigzag(index)
        for piece in (key, value):
            body += zigzag(-1) if piece is None else zigzag(len(piece)) + piece
        body += zigzag(0)
        section.append(zigzag(len(body)) + body)
    checked = struct.pack(">hiqqqhii", 0x10 if transactional else 0, len(records) - 1, base, max(record[2] for record in records), *producer,
                          len(records)) + b"".join(section)
    crc = crc32c(checked) ^ (1 if damaged else 0)
    return struct.pack(">qiibI", 0, len(checked) + 9, -1, 2, crc) + checked


def records(data):
    """What stands in uncompressed batches: (offset, key, value, timestamp, producer) of each record, the kind of a marker as its value."""
    found, data = [], data or b""
    while len(data) >= 61:
        base, length = struct.unpack(">qi", data[:12])
        if len(data) < 12 + length:
            break
        attributes, _, first, largest, producer, _, _, count = struct.unpack(">hiqqqhii", data[21:61])
        reader = Reader(data[61:12 + length], False)
        for _ in range(count):
            signed = lambda: (lambda value: value >> 1 ^ -(value & 1))(reader.varint())
            end = signed() + reader.place
            reader.take(1)
            timestamp, offset = first + signed(), base + signed()
            pieces = []
            for _ in range(2):
                size = signed()
                pieces.append(None if size < 0 else reader.take(size))
            reader.place = end
            if attributes & 0x20:
                pieces[1] = b"commit" if pieces[0][3] else b"abort"
                pieces[0] = timestamp = None
            elif attributes & 8:
                timestamp = largest
            found.append((offset, pieces[0], pieces[1], timestamp, producer))
        data = data[12 + length:]
    return found
