#!/usr/bin/env python3
"""Has others judge the registry's formats over random schemas and values: what SQL writes by the schema that it has registered is read by
fastavro, Google's protobuf and jsonschema, and what they write by schemas of their own is read by SQL.

  random_schemas.py MILLRACE [COUNT [SEED]]

COUNT schemas (240 unless given), a sixth for each format and direction. Prints the seed, and what is wrong with the number of its schema, which
repeats it alone: random_schemas.py MILLRACE 1 NUMBER. Ends with 1 then; with 77 and a line where a judge is not installed."""
import base64, datetime, decimal, io, json, os, random, signal, socket, subprocess, sys, tempfile, traceback, urllib.error, urllib.request

try:
    import fastavro, jsonschema
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2, wrappers_pb2
except ImportError as error:
    print("skipped: %s (pip install fastavro protobuf jsonschema)" % error)
    sys.exit(77)

VALUES = 4
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
decimal.getcontext().prec = 60


class Wrong(Exception):
    pass


# ---- types and values: (kind, …), and values as Python has them; days and milliseconds for times -------------------------------------

def scalar(chance, kinds):
    kind = chance.choice(kinds)
    if kind == "DECIMAL":
        precision = chance.randrange(1, 30)
        return (kind, precision, chance.randrange(0, precision + 1))
    return (kind,)


def make_type(chance, kinds, depth=0):
    shape = chance.random()
    if depth < 3 and shape < 0.15:
        return ("ARRAY", make_type(chance, kinds, depth + 1))
    if depth < 3 and shape < 0.25:
        return ("MAP", make_type(chance, kinds, depth + 1))
    if depth < 3 and shape < 0.4:
        return ("STRUCT", make_fields(chance, kinds, depth + 1))
    return scalar(chance, kinds)


def make_fields(chance, kinds, depth=0):
    return [("F%d" % n if chance.random() < 0.8 else "Long_name_%d" % n, make_type(chance, kinds, depth)) for n in range(chance.randrange(1, 6))]


def sql(type_):
    kind = type_[0]
    if kind == "ARRAY":
        return "ARRAY<%s>" % sql(type_[1])
    if kind == "MAP":
        return "MAP<STRING, %s>" % sql(type_[1])
    if kind == "STRUCT":
        return "STRUCT<%s>" % ", ".join("`%s` %s" % (name, sql(field)) for name, field in type_[1])
    return "DECIMAL(%d, %d)" % type_[1:] if kind == "DECIMAL" else kind


WORDS = ["", "x", "é😀", "line\nbreak", "\"quoted\" \\", "a" * 300, "\u0001\u007f", "ß" * 70]


def make_value(chance, type_, nulls):
    """`nulls` is the share of NULLs; inside lists and maps there are none."""
    if chance.random() < nulls:
        return None
    kind = type_[0]
    if kind == "INT":
        return chance.choice([0, 1, -1, 2**31 - 1, -(2**31), 64, -65, chance.randrange(10**6)])
    if kind == "BIGINT":
        return chance.choice([0, -1, 2**63 - 1, -(2**63), 2**53 + 1, chance.randrange(10**15)])
    if kind == "DOUBLE":
        return chance.choice([0.0, -1.5, 1e300, 5e-324, 0.1, chance.random(), float(2**53)])
    if kind == "BOOLEAN":
        return chance.random() < 0.5
    if kind == "STRING":
        return chance.choice(WORDS)
    if kind == "BYTES":
        return bytes(chance.randrange(256) for _ in range(chance.choice([0, 1, 5, 200])))
    if kind == "DECIMAL":
        return decimal.Decimal(chance.choice([0, 1, -1, 10**type_[1] - 1, chance.randrange(-(10**type_[1]) + 1, 10**type_[1])])).scaleb(-type_[2])
    if kind == "DATE":
        return chance.choice([0, -1, 19_000, chance.randrange(-100_000, 100_000)])
    if kind == "TIME":
        # As answers show it.
        return chance.choice([0, 86_399, chance.randrange(86_400)]) * 1000
    if kind == "TIMESTAMP":
        return chance.choice([0, -1, 1_700_000_000_123, chance.randrange(-(10**12), 4 * 10**12)])
    if kind == "ARRAY":
        return [make_value(chance, type_[1], 0) for _ in range(chance.choice([0, 1, 3, 40]))]
    if kind == "MAP":
        return {key: make_value(chance, type_[1], 0) for key in chance.sample(["a", "b", "ключ", "x y", ""], chance.randrange(4))}
    return {name: make_value(chance, field, nulls) for name, field in type_[1]}


def to_json(type_, value):
    """As JSON for a load: times are numbers of days and milliseconds."""
    if value is None:
        return None
    kind = type_[0]
    if kind == "BYTES":
        return base64.b64encode(value).decode()
    if kind == "DECIMAL":
        return Number(format(value, "f"))
    if kind == "ARRAY":
        return [to_json(type_[1], element) for element in value]
    if kind == "MAP":
        return {key: to_json(type_[1], element) for key, element in value.items()}
    if kind == "STRUCT":
        return {name: to_json(field, value[name]) for name, field in type_[1]}
    return value


class Number(float):
    """A number of JSON with the digits that it was made of."""

    def __new__(cls, text):
        made = super().__new__(cls, text)
        made.text = text
        return made

    def __repr__(self):
        return self.text


def dump(node):
    """JSON text; numbers with all their digits."""
    if isinstance(node, Number):
        return node.text
    if isinstance(node, dict):
        return "{%s}" % ", ".join("%s: %s" % (json.dumps(key), dump(value)) for key, value in node.items())
    if isinstance(node, list):
        return "[%s]" % ", ".join(map(dump, node))
    return json.dumps(node)


def from_json(type_, node):
    """A value of an answer."""
    if node is None:
        return None
    kind = type_[0]
    if kind == "BYTES":
        return base64.b64decode(node)
    if kind == "DECIMAL":
        return decimal.Decimal(node)
    if kind == "DOUBLE":
        return float(node)
    if kind == "DATE":
        return (datetime.date.fromisoformat(node) - EPOCH.date()).days
    if kind == "TIME":
        time = datetime.time.fromisoformat(node)
        return ((time.hour * 60 + time.minute) * 60 + time.second) * 1000 + time.microsecond // 1000
    if kind == "TIMESTAMP":
        return round((datetime.datetime.fromisoformat(node + "+00:00") - EPOCH) / datetime.timedelta(milliseconds=1))
    if kind == "ARRAY":
        return [from_json(type_[1], element) for element in node]
    if kind == "MAP":
        return {key: from_json(type_[1], element) for key, element in node.items()}
    if kind == "STRUCT":
        fields = {name.upper(): (name, field) for name, field in type_[1]}
        return {fields[key.upper()][0]: from_json(fields[key.upper()][1], value) for key, value in node.items()}
    return node


# ---- a server ---------------------------------------------------------------------------------------------------------

class Server:
    def __init__(self, millrace, folder):
        self.process = subprocess.Popen(
            [millrace, "serve", "--data", folder, "--listen", "127.0.0.1:0", "--registry", "127.0.0.1:0", "--durability", "os"],
            stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        found = {}
        for line in self.process.stderr:
            words = dict(word.split("=", 1) for word in line.split() if "=" in word)
            if "listening" in line and "address" in words:
                found[words.get("protocol", "lines")] = words["address"].strip('"')
            if {"lines", "registry"} <= set(found):
                break
        else:
            sys.exit("the server does not start")
        self.rest = subprocess.Popen(["cat"], stdin=self.process.stderr, stdout=subprocess.DEVNULL)
        self.registry = found["registry"]
        host, port = found["lines"].rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)))
        self.lines = self.socket.makefile("r", encoding="utf-8", newline="\n")
        self.lines.readline()

    def ask(self, text):
        """The rows of an answer."""
        self.socket.sendall((text + "\n").encode())
        rows = []
        for line in self.lines:
            if line[0] == ":":
                rows.append(json.loads(line[1:], parse_float=decimal.Decimal))
            elif line[0] == "-":
                raise Wrong("%s\n%s" % (text[:2000], line))
            elif line[0] == "+":
                end = json.loads(line[1:])
                if end.get("skipped"):
                    raise Wrong("%s\n%s" % (text[:2000], line))
                return rows
        raise Wrong("the server has ended: " + text[:2000])

    def put(self, stream, format_, lines):
        self.ask(".put %s %s\n%s.end" % (stream, format_, "".join(line + "\n" for line in lines)))

    def http(self, path, body=None):
        request = urllib.request.Request("http://%s%s" % (self.registry, path), body and json.dumps(body).encode())
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            raise Wrong("%s %s: %s" % (path, json.dumps(body), error.read().decode()))

    def close(self):
        self.socket.close()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=60)
        self.rest.wait(timeout=60)


def same(what, expected, actual):
    if expected != actual:
        raise Wrong("%s: %r, not %r" % (what, actual, expected))


def written(server, name, format_, fields, values, more=""):
    """What SQL writes: the registered schema's answer and the records' bytes."""
    columns = ", ".join("`%s` %s" % (column, sql(type_)) for column, type_ in fields)
    server.ask("CREATE STREAM %s (%s) WITH (KAFKA_TOPIC='%s', VALUE_FORMAT='%s', PARTITIONS=1%s);" % (name, columns, name, format_, more))
    server.put(name, "json", [dump(to_json(("STRUCT", fields), value)) for value in values])
    server.ask("CREATE STREAM %s_RAW (V BYTES) WITH (KAFKA_TOPIC='%s', VALUE_FORMAT='KAFKA');" % (name, name))
    records = [base64.b64decode(row[-1]) for row in server.ask("SELECT V FROM %s_RAW;" % name)]
    same("records", len(values), len(records))
    # And by SQL itself.
    rows = server.ask("SELECT * FROM %s;" % name)
    return records, [[from_json(type_, node) for (_, type_), node in zip(fields, row)] for row in rows]


def read(server, name, format_, fields, records):
    """What SQL reads, with columns from the registry."""
    server.ask("CREATE STREAM %s_RAW (V BYTES) WITH (KAFKA_TOPIC='%s', VALUE_FORMAT='KAFKA', PARTITIONS=1);" % (name, name))
    server.put(name + "_RAW", "json", [json.dumps({"V": base64.b64encode(record).decode()}) for record in records])
    server.ask("CREATE STREAM %s WITH (KAFKA_TOPIC='%s', VALUE_FORMAT='%s');" % (name, name, format_))
    rows = server.ask("SELECT * FROM %s;" % name)
    return [[from_json(type_, node) for (_, type_), node in zip(fields, row)] for row in rows]


def drop(server, name):
    for statement in ["DROP STREAM IF EXISTS %s_RAW;" % name, "DROP STREAM IF EXISTS %s DELETE TOPIC;" % name]:
        server.ask(statement)


def whole(fields, values):
    return [[value[name] for name, _ in fields] for value in values]


# ---- AVRO -------------------------------------------------------------------------------------------------------------

AVRO = ["INT", "BIGINT", "DOUBLE", "BOOLEAN", "STRING", "BYTES", "DECIMAL", "DATE", "TIME", "TIMESTAMP"]


def of_avro(type_, value):
    """A value that fastavro has read by a schema of ours."""
    if value is None:
        return None
    kind = type_[0]
    if kind == "DATE":
        return (value - EPOCH.date()).days
    if kind == "TIME":
        return ((value.hour * 60 + value.minute) * 60 + value.second) * 1000 + value.microsecond // 1000
    if kind == "TIMESTAMP":
        return round((value - EPOCH) / datetime.timedelta(milliseconds=1))
    if kind == "ARRAY":
        return [of_avro(type_[1], element) for element in value]
    if kind == "MAP":
        return {entry["key"]: of_avro(type_[1], entry["value"]) for entry in value}
    if kind == "STRUCT":
        return {name: of_avro(field, value[name]) for name, field in type_[1]}
    return value


def avro_written(server, name, chance):
    fields = make_fields(chance, AVRO)
    values = [make_value(chance, ("STRUCT", fields), 0) for _ in range(2)] + [
        {column: make_value(chance, type_, 0.3) for column, type_ in fields} for _ in range(VALUES - 2)]
    records, rows = written(server, name, "AVRO", fields, values)
    schema = fastavro.parse_schema(json.loads(server.http("/subjects/%s-value/versions/latest" % name)["schema"]))
    for record, value, row in zip(records, values, rows):
        stream = io.BytesIO(record[5:])
        same("read by fastavro", value, of_avro(("STRUCT", fields), fastavro.schemaless_reader(stream, schema)))
        same("the rest of the record", b"", stream.read())
        same("read by SQL", [value[column] for column, _ in fields], row)


class AvroMaker:
    """Schemas of other people, for types of SQL."""

    def __init__(self, chance):
        self.chance, self.count = chance, 0

    def name(self, word):
        self.count += 1
        return {"name": "%s%d" % (word, self.count), **({"namespace": self.chance.choice(["a", "a.b.c"])} if self.chance.random() < 0.3 else {})}

    def schema(self, type_):
        kind, chance = type_[0], self.chance
        if kind == "STRING":
            return chance.choice(["string", {"type": "string", "avro.java.string": "String"}])
        if kind == "SYMBOL":
            return {"type": "enum", **self.name("E"), "symbols": ["RED", "GREEN", "_blue"], "doc": "colours"}
        if kind == "FLOAT":
            return "float"
        if kind == "FIXED":
            return {"type": "fixed", **self.name("X"), "size": 5}
        if kind == "DECIMAL":
            return {"type": "bytes", "logicalType": "decimal", "precision": type_[1], "scale": type_[2]}
        if kind in ("DATE", "TIME", "TIMESTAMP"):
            return {"type": "long" if kind == "TIMESTAMP" else "int",
                    "logicalType": {"DATE": "date", "TIME": "time-millis", "TIMESTAMP": "timestamp-millis"}[kind]}
        if kind == "ARRAY":
            return {"type": "array", "items": self.schema(type_[1])}
        if kind == "MAP":
            return {"type": "map", "values": self.schema(type_[1])}
        if kind == "STRUCT":
            return {"type": "record", **self.name("R"), "fields": [self.field(*field) for field in type_[1]]}
        return {"INT": "int", "BIGINT": "long", "DOUBLE": "double", "BOOLEAN": "boolean", "BYTES": "bytes"}[kind]

    def field(self, name, type_):
        schema, shape = self.schema(type_), self.chance.random()
        if shape < 0.4:
            return {"name": name, "type": ["null", schema], "default": None, "doc": "é"}
        return {"name": name, "type": [schema, "null"] if shape < 0.6 else schema}


def nullable(schema):
    return isinstance(schema, list)


def avro_value(chance, type_, schema):
    """A value for fastavro and what SQL should have."""
    if nullable(schema):
        if chance.random() < 0.3:
            return None, None
        schema = next(branch for branch in schema if branch != "null")
    kind = type_[0]
    if kind == "SYMBOL":
        word = chance.choice(schema["symbols"])
        return word, word
    if kind == "FLOAT":
        number = chance.choice([0.0, -1.5, 2.0**100, 0.25])
        return number, number
    if kind == "FIXED":
        content = bytes(chance.randrange(256) for _ in range(5))
        return content, content
    if kind == "ARRAY":
        pairs = [avro_value(chance, type_[1], schema["items"]) for _ in range(chance.choice([0, 1, 5]))]
        return [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    if kind == "MAP":
        pairs = {key: avro_value(chance, type_[1], schema["values"]) for key in chance.sample(["a", "b", "ключ", ""], chance.randrange(4))}
        return {key: pair[0] for key, pair in pairs.items()}, {key: pair[1] for key, pair in pairs.items()}
    if kind == "STRUCT":
        pairs = {name: avro_value(chance, field, part["type"]) for (name, field), part in zip(type_[1], schema["fields"])}
        return {name: pair[0] for name, pair in pairs.items()}, {name: pair[1] for name, pair in pairs.items()}
    value = make_value(chance, type_, 0)
    # fastavro takes the numbers of days and milliseconds as they are.
    return value, value


def as_column(type_):
    """The SQL type that a type of others comes to."""
    kind = type_[0]
    if kind in ("ARRAY", "MAP"):
        return (kind, as_column(type_[1]))
    if kind == "STRUCT":
        return (kind, [(name, as_column(field)) for name, field in type_[1]])
    return {"SYMBOL": ("STRING",), "FLOAT": ("DOUBLE",), "FIXED": ("BYTES",)}.get(kind, type_)


def avro_read(server, name, chance):
    fields = make_fields(chance, AVRO + ["SYMBOL", "FLOAT", "FIXED"])
    schema = {"type": "record", "name": "Root", "namespace": "com.example", "fields": []}
    maker = AvroMaker(chance)
    schema["fields"] = [maker.field(*field) for field in fields]
    id_ = server.http("/subjects/%s-value/versions" % name, {"schema": json.dumps(schema)})["id"]
    parsed = fastavro.parse_schema(json.loads(json.dumps(schema)))
    records, expected = [], []
    for _ in range(VALUES):
        value, row = avro_value(chance, ("STRUCT", fields), schema)
        out = io.BytesIO()
        fastavro.schemaless_writer(out, parsed, value)
        records.append(b"\0" + id_.to_bytes(4, "big") + out.getvalue())
        expected.append([row[column] for column, _ in fields])
    columns = [(column, as_column(type_)) for column, type_ in fields]
    same("read by SQL", expected, read(server, name, "AVRO", columns, records))


# ---- PROTOBUF ---------------------------------------------------------------------------------------------------------

PROTOBUF = ["INT", "BIGINT", "DOUBLE", "BOOLEAN", "STRING", "BYTES", "DECIMAL", "DATE", "TIME", "TIMESTAMP"]
Field = descriptor_pb2.FieldDescriptorProto


def well_known(pool):
    for module in (timestamp_pb2, wrappers_pb2):
        pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
    # Options of fields, which do not change their bytes.
    pool.Add(descriptor_pb2.FileDescriptorProto(name="confluent/meta.proto", package="confluent", syntax="proto3"))
    for path, package, message, parts in [
            ("confluent/type/decimal.proto", "confluent.type", "Decimal", [("value", 12), ("precision", 13), ("scale", 5)]),
            ("google/type/date.proto", "google.type", "Date", [("year", 5), ("month", 5), ("day", 5)]),
            ("google/type/timeofday.proto", "google.type", "TimeOfDay", [("hours", 5), ("minutes", 5), ("seconds", 5), ("nanos", 5)])]:
        file = descriptor_pb2.FileDescriptorProto(name=path, package=package, syntax="proto3")
        made = file.message_type.add(name=message)
        for number, (name, type_) in enumerate(parts, 1):
            made.field.add(name=name, number=number, type=type_, label=1)
        pool.Add(file)


def of_message(type_, value):
    """A field of a message that Google's library has read."""
    kind = type_[0]
    if hasattr(value, "DESCRIPTOR") and value.DESCRIPTOR.full_name.endswith("Value") and value.DESCRIPTOR.full_name.startswith("google."):
        value = value.value
    if kind == "DECIMAL":
        return decimal.Decimal(int.from_bytes(value.value, "big", signed=True)).scaleb(-value.scale)
    if kind == "DATE":
        return (datetime.date(value.year, value.month, value.day) - EPOCH.date()).days
    if kind == "TIME":
        return ((value.hours * 60 + value.minutes) * 60 + value.seconds) * 1000 + value.nanos // 1_000_000
    if kind == "TIMESTAMP":
        return value.seconds * 1000 + value.nanos // 1_000_000
    if kind == "ARRAY":
        return [of_message(type_[1], element) for element in elements(value)]
    if kind == "MAP":
        return {entry.key: of_message(type_[1], entry.value) for entry in value} if not hasattr(value, "keys") else {
            key: of_message(type_[1], value[key]) for key in value}
    if kind == "STRUCT":
        return {name: of_field(value, name, field) for name, field in type_[1]}
    return value


def elements(value):
    """Lists within lists are in a message of their own."""
    return list(value.ListFields()[0][1]) if hasattr(value, "ListFields") and value.ListFields() else [] if hasattr(value, "ListFields") else list(value)


def of_field(message, name, type_):
    field = message.DESCRIPTOR.fields_by_name[name]
    if field.has_presence and not message.HasField(name):
        return None
    return of_message(type_, getattr(message, name))


def zeroed(type_, value, keeps):
    """What is left of NULLs: of numbers and texts zeros, unless the schema keeps them, and of lists and maps empty ones."""
    kind = type_[0]
    if value is None:
        zeros = {"INT": 0, "BIGINT": 0, "DOUBLE": 0.0, "BOOLEAN": False, "STRING": "", "BYTES": b""}
        if kind in ("ARRAY", "MAP"):
            return [] if kind == "ARRAY" else {}
        return None if keeps or kind not in zeros else zeros[kind]
    if kind == "STRUCT":
        return {name: zeroed(field, value[name], keeps) for name, field in type_[1]}
    if kind == "ARRAY":
        return [zeroed(type_[1], element, keeps) for element in value]
    if kind == "MAP":
        return {key: zeroed(type_[1], element, keeps) for key, element in value.items()}
    return value


def flat(type_, inside=False):
    """Whether there are no lists or maps right within lists or maps, for which Protocol Buffers have no type."""
    if type_[0] in ("ARRAY", "MAP"):
        return not inside and flat(type_[1], True)
    return all(flat(field) for _, field in type_[1]) if type_[0] == "STRUCT" else True


def flat_fields(chance, kinds):
    while True:
        fields = make_fields(chance, kinds)
        if flat(("STRUCT", fields)):
            return fields


def protobuf_written(server, name, chance):
    fields = flat_fields(chance, PROTOBUF)
    keeps = chance.choice([None, "OPTIONAL", "WRAPPER"])
    values = [make_value(chance, ("STRUCT", fields), 0)] + [
        {column: make_value(chance, type_, 0.3) for column, type_ in fields} for _ in range(VALUES - 1)]
    more = ", VALUE_PROTOBUF_NULLABLE_REPRESENTATION='%s'" % keeps if keeps else ""
    records, rows = written(server, name, "PROTOBUF", fields, values, more)
    latest = server.http("/subjects/%s-value/versions/latest?format=serialized" % name)
    file = descriptor_pb2.FileDescriptorProto.FromString(base64.b64decode(latest["schema"]))
    file.name = "own.proto"
    pool = descriptor_pool.DescriptorPool()
    well_known(pool)
    pool.Add(file)
    package = file.package + "." if file.package else ""
    kind = message_factory.GetMessageClass(pool.FindMessageTypeByName(package + file.message_type[0].name))
    for record, value, row in zip(records, values, rows):
        same("the path of the message", 0, record[5])
        expected = zeroed(("STRUCT", fields), value, keeps is not None)
        same("read by protobuf", expected, of_message(("STRUCT", fields), kind.FromString(record[6:])))
        same("read by SQL", [expected[column] for column, _ in fields], row)


class ProtobufMaker:
    """Files of other people, for types of SQL."""
    NUMBERS = {"INT": [5, 17, 15], "BIGINT": [3, 18, 16], "DOUBLE": [1], "BOOLEAN": [8], "STRING": [9], "BYTES": [12], "FLOAT": [2],
               "UNSIGNED": [13, 7]}

    def __init__(self, chance):
        self.chance, self.count = chance, 0

    def fill(self, message, fields):
        numbers = self.chance.sample(range(1, 40), len(fields)) if self.chance.random() < 0.5 else range(1, len(fields) + 1)
        for (name, type_), number in zip(fields, numbers):
            self.add(message, name, type_, number)

    def add(self, message, name, type_, number):
        kind, chance = type_[0], self.chance
        field = message.field.add(name=name, number=number, label=1)
        if kind == "ARRAY":
            field.label = 3
            self.give(message, field, type_[1])
            if field.type not in (9, 11, 12) and chance.random() < 0.3:
                field.options.packed = False
        elif kind == "MAP":
            field.label, field.type = 3, 11
            # As the compiler names it.
            entry = message.nested_type.add(name="".join(part[:1].upper() + part[1:] for part in name.split("_")) + "Entry")
            entry.options.map_entry = True
            entry.field.add(name="key", number=1, type=9, label=1)
            self.give(message, entry.field.add(name="value", number=2, label=1), type_[1])
            field.type_name = entry.name
        else:
            self.give(message, field, type_)
            if kind in self.NUMBERS or kind == "SYMBOL":
                if chance.random() < 0.3:
                    field.proto3_optional = True
                    field.oneof_index = len(message.oneof_decl)
                    message.oneof_decl.add(name="_" + name)

    def give(self, message, field, type_):
        kind = type_[0]
        if kind in self.NUMBERS:
            field.type = self.chance.choice(self.NUMBERS[kind])
        elif kind == "SYMBOL":
            self.count += 1
            symbols = message.enum_type.add(name="E%d" % self.count)
            for number, word in enumerate(["NONE", "RED", "BLUE"]):
                symbols.value.add(name="%s%d" % (word, self.count), number=number * 7)
            field.type, field.type_name = 14, symbols.name
        elif kind == "STRUCT":
            self.count += 1
            inner = message.nested_type.add(name="M%d" % self.count)
            self.fill(inner, type_[1])
            field.type, field.type_name = 11, inner.name
        else:
            field.type = 11
            field.type_name = {"TIMESTAMP": ".google.protobuf.Timestamp", "TEXT": ".google.protobuf.StringValue",
                               "COUNT": ".google.protobuf.Int64Value"}[kind]


def fill_message(chance, message, fields):
    """Sets fields at random; gives what SQL should have."""
    row = {}
    for name, type_ in fields:
        field = message.DESCRIPTOR.fields_by_name[name]
        kind = type_[0]
        if kind == "ARRAY":
            row[name] = [put_element(chance, getattr(message, name), field, type_[1]) for _ in range(chance.choice([0, 1, 5]))]
        elif kind == "MAP":
            target, row[name] = getattr(message, name), {}
            value = field.message_type.fields_by_name["value"]
            for key in chance.sample(["a", "ключ", ""], chance.randrange(3)):
                if value.message_type is not None:
                    row[name][key] = fill_any(chance, target[key], type_[1])
                else:
                    target[key], row[name][key] = scalar_of(chance, value, type_[1])
        elif chance.random() < 0.3:
            row[name] = None if field.has_presence else absent(type_, field)
        elif field.message_type is not None:
            getattr(message, name).SetInParent()
            row[name] = fill_any(chance, getattr(message, name), type_)
        else:
            value, row[name] = scalar_of(chance, field, type_)
            setattr(message, name, value)
    return row


def absent(type_, field):
    kind = type_[0]
    if kind == "SYMBOL":
        return field.enum_type.values_by_number[0].name
    return {"DOUBLE": 0.0, "FLOAT": 0.0, "BOOLEAN": False, "STRING": "", "BYTES": b""}.get(kind, 0)


def put_element(chance, target, field, type_):
    if field.message_type is not None:
        return fill_any(chance, target.add(), type_)
    value, row = scalar_of(chance, field, type_)
    target.append(value)
    return row


def fill_any(chance, message, type_):
    if type_[0] == "STRUCT":
        return fill_message(chance, message, type_[1])
    if type_[0] == "TIMESTAMP":
        time = make_value(chance, type_, 0)
        message.seconds, message.nanos = time // 1000, time % 1000 * 1_000_000
        return time
    message.value = make_value(chance, {"TEXT": ("STRING",), "COUNT": ("BIGINT",)}[type_[0]], 0)
    return message.value


def scalar_of(chance, field, type_):
    kind = type_[0]
    if kind == "SYMBOL":
        value = chance.choice(field.enum_type.values)
        return value.number, value.name
    if kind == "FLOAT":
        value = chance.choice([0.0, -1.5, 0.25])
    elif kind == "UNSIGNED":
        value = chance.choice([0, 2**32 - 1, 77])
    else:
        value = make_value(chance, type_, 0)
    return value, value


def protobuf_column(type_):
    kind = type_[0]
    if kind in ("ARRAY", "MAP"):
        return (kind, protobuf_column(type_[1]))
    if kind == "STRUCT":
        return (kind, [(name, protobuf_column(field)) for name, field in type_[1]])
    return {"SYMBOL": ("STRING",), "FLOAT": ("DOUBLE",), "UNSIGNED": ("BIGINT",), "TEXT": ("STRING",), "COUNT": ("BIGINT",)}.get(kind, type_)


def protobuf_read(server, name, chance):
    fields = flat_fields(
        chance, ["INT", "BIGINT", "DOUBLE", "BOOLEAN", "STRING", "BYTES", "TIMESTAMP", "FLOAT", "UNSIGNED", "SYMBOL", "TEXT", "COUNT"])
    file = descriptor_pb2.FileDescriptorProto(
        name="theirs.proto", package=chance.choice(["", "p", "a.b"]), syntax="proto3",
        dependency=["google/protobuf/timestamp.proto", "google/protobuf/wrappers.proto"])
    ProtobufMaker(chance).fill(file.message_type.add(name="Root"), fields)
    pool = descriptor_pool.DescriptorPool()
    well_known(pool)
    pool.Add(file)
    resolved = descriptor_pb2.FileDescriptorProto()
    descriptor = pool.FindFileByName("theirs.proto")
    descriptor.CopyToProto(resolved)
    id_ = server.http("/subjects/%s-value/versions" % name, {
        "schemaType": "PROTOBUF", "schema": base64.b64encode(resolved.SerializeToString()).decode()})["id"]
    kind = message_factory.GetMessageClass(descriptor.message_types_by_name["Root"])
    records, expected = [], []
    for _ in range(VALUES):
        message = kind()
        row = fill_message(chance, message, fields)
        records.append(b"\0" + id_.to_bytes(4, "big") + b"\0" + message.SerializeToString())
        expected.append([row[column] for column, _ in fields])
    columns = [(column, protobuf_column(type_)) for column, type_ in fields]
    same("read by SQL", expected, read(server, name, "PROTOBUF", columns, records))


# ---- JSON_SR ----------------------------------------------------------------------------------------------------------

JSON = ["INT", "BIGINT", "DOUBLE", "BOOLEAN", "STRING", "BYTES"]


def json_written(server, name, chance):
    fields = make_fields(chance, JSON)
    values = [{column: make_value(chance, type_, 0.3) for column, type_ in fields} for _ in range(VALUES)]
    records, rows = written(server, name, "JSON_SR", fields, values)
    schema = json.loads(server.http("/subjects/%s-value/versions/latest" % name)["schema"])
    for record, value, row in zip(records, values, rows):
        document = json.loads(record[5:])
        try:
            jsonschema.validate(document, schema)
        except jsonschema.ValidationError as error:
            raise Wrong("jsonschema says of %s by %s: %s" % (document, schema, error.message))
        same("read by json", value, from_json(("STRUCT", fields), document))
        same("read by SQL", [value[column] for column, _ in fields], row)


def json_schema(chance, type_):
    kind = type_[0]
    if kind == "ARRAY":
        made = {"type": "array", "items": json_schema(chance, type_[1])}
    elif kind == "MAP":
        made = {"type": "object", "additionalProperties": json_schema(chance, type_[1]), "connect.type": "map"}
    elif kind == "STRUCT":
        made = {"type": "object", "properties": {name: json_schema(chance, field) for name, field in type_[1]}}
        if chance.random() < 0.5:
            made["additionalProperties"] = False
    else:
        made = {"type": {"BIGINT": "integer", "DOUBLE": "number", "BOOLEAN": "boolean", "STRING": "string"}[kind]}
    if chance.random() < 0.4:
        return {"oneOf": [{"type": "null"}, made]}
    return made


def json_value(chance, type_, schema):
    if "oneOf" in schema:
        if chance.random() < 0.3:
            return None
        schema = schema["oneOf"][1]
    kind = type_[0]
    if kind == "ARRAY":
        return [json_value(chance, type_[1], schema["items"]) for _ in range(chance.choice([0, 1, 4]))]
    if kind == "MAP":
        return {key: json_value(chance, type_[1], schema["additionalProperties"]) for key in chance.sample(["a", "é", ""], chance.randrange(3))}
    if kind == "STRUCT":
        return {name: json_value(chance, field, schema["properties"][name]) for name, field in type_[1]}
    return make_value(chance, type_, 0)


def json_read(server, name, chance):
    fields = make_fields(chance, ["BIGINT", "DOUBLE", "BOOLEAN", "STRING"])
    schema = {"type": "object", "title": "Root", "properties": {column: json_schema(chance, type_) for column, type_ in fields}}
    id_ = server.http("/subjects/%s-value/versions" % name, {"schemaType": "JSON", "schema": json.dumps(schema)})["id"]
    documents = [
        {column: json_value(chance, type_, schema["properties"][column]) for column, type_ in fields} for _ in range(VALUES)]
    for document in documents:
        jsonschema.validate(document, schema)
    records = [b"\0" + id_.to_bytes(4, "big") + json.dumps(document, ensure_ascii=chance.random() < 0.5).encode() for document in documents]
    same("read by SQL", whole(fields, documents), read(server, name, "JSON_SR", fields, records))


CASES = [avro_written, avro_read, protobuf_written, protobuf_read, json_written, json_read]


def main():
    millrace, count = os.path.abspath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 240
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.randrange(10**9)
    print("seed %d" % seed, flush=True)
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        server = Server(millrace, folder)
        for number in range(seed, seed + count):
            case = CASES[number % len(CASES)]
            name = "S%d" % number
            try:
                case(server, name, random.Random(number))
                drop(server, name)
            except Wrong as error:
                wrong += 1
                print("%s, schema %d: %s" % (case.__name__, number, str(error)[:3000]), flush=True)
            except Exception:
                wrong += 1
                print("%s, schema %d: %s" % (case.__name__, number, traceback.format_exc()), flush=True)
            if wrong == 10:
                break
        server.close()
    sys.exit(1 if wrong else 0)


main()
