#!/usr/bin/env python3
"""Has others judge the bytes of the registry's formats: what is written is read by fastavro, Google's protobuf and jsonschema, and what fastavro and
protobuf write is read by SQL, from topics and from files.

  schemas.py MILLRACE [SEED]

Prints the seed and what is wrong, and ends with 1 then; with 77 and a line where a judge is not installed."""
import base64, json, os, random, subprocess, sys, tempfile

try:
    import fastavro, jsonschema
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    from google.protobuf.internal import encoder
except ImportError as error:
    print("skipped: %s (pip install fastavro protobuf jsonschema)" % error)
    sys.exit(77)
import io

ROWS = 200
COLUMNS = "I INT, L BIGINT, D DOUBLE, B BOOLEAN, S STRING, A ARRAY<BIGINT>, N STRUCT<X INT, Y STRING>, M MAP<STRING, DOUBLE>"
PROTOBUF = {"I": 5, "L": 3, "D": 1, "B": 8, "S": 9}


def run(millrace, folder, sql, *more):
    done = subprocess.run([millrace, "--data", folder, "--output", "ndjson", "-c", sql, *more], capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        sys.exit("%s\nended with %d: %s" % (sql[:300], done.returncode, done.stderr))
    return done.stdout


def rows(text):
    """The values of the rows of an answer."""
    found = []
    for line in text.splitlines():
        line = line.strip().rstrip(",")
        if line.startswith("{") or line.startswith("["):
            node = json.loads(line)
            for row in node if isinstance(node, list) and node and isinstance(node[0], (dict, list)) else [node]:
                found.append(list(row.values()) if isinstance(row, dict) else row)
    return found


def make(chance, nullable):
    def maybe(value):
        return None if nullable and chance.random() < 0.2 else value
    words = ["", "x", "é😀", "line\nbreak", "\"quoted\"", "a" * 300]
    return {
        "I": maybe(chance.choice([0, 1, -1, 2**31 - 1, -(2**31), chance.randrange(10**6)])),
        "L": maybe(chance.choice([0, -1, 2**63 - 1, -(2**63), chance.randrange(10**15)])),
        "D": maybe(chance.choice([0.0, -1.5, 1e300, chance.random()])), "B": maybe(chance.random() < 0.5), "S": maybe(chance.choice(words)),
        "A": maybe([chance.randrange(-(2**60), 2**60) for _ in range(chance.randrange(4))]),
        "N": maybe({"X": maybe(chance.randrange(100)), "Y": maybe(chance.choice(words))}),
        "M": maybe({chance.choice("abc"): chance.random() for _ in range(chance.randrange(3))}),
    }


def schema(millrace, folder, subject):
    text = subprocess.run(
        [millrace, "--data", folder, "--output", "csv", "-c", "DESCRIBE SCHEMA '%s';" % subject], capture_output=True, text=True).stdout
    line = next(line for line in text.splitlines() if line.strip().strip('"').strip().startswith("{"))
    line = line.strip()
    if line.startswith('"'):
        line = line[1:-1].replace('""', '"')
    return json.loads(line)


def raw(millrace, folder, topic):
    run(millrace, folder, "CREATE STREAM IF NOT EXISTS raw_%s (v BYTES) WITH (KAFKA_TOPIC='%s', VALUE_FORMAT='KAFKA');" % (topic, topic))
    return [base64.b64decode(row[-1]) for row in rows(run(millrace, folder, "SELECT v FROM raw_%s;" % topic))]


def load(millrace, folder, stream, values):
    lines = "".join(json.dumps(row) + "\n" for row in values)
    done = subprocess.run([millrace, "load", stream, "--data", folder], input=lines, capture_output=True, text=True, timeout=300)
    if done.returncode != 0 or "rejected" in done.stderr:
        sys.exit("load into %s: %s" % (stream, done.stderr))


def insert(millrace, folder, topic, records):
    """Records as others wrote them."""
    script = "".join("INSERT INTO raw_%s VALUES (TO_BYTES('%s', 'base64'));\n" % (topic, base64.b64encode(r).decode()) for r in records)
    path = os.path.join(folder, "records.sql")
    with open(path, "w") as file:
        file.write(script)
    done = subprocess.run([millrace, "run", path, "--data", folder], capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        sys.exit("insert: " + done.stderr)


def entries(row):
    """As Avro's record has it: a map is a list of entries."""
    copy = dict(row)
    if copy["M"] is not None:
        copy["M"] = [{"key": key, "value": value} for key, value in copy["M"].items()]
    return copy


def same(kind, seed, expected, actual):
    if len(expected) != len(actual):
        sys.exit("%s, seed %d: %d rows of %d" % (kind, seed, len(actual), len(expected)))
    for index, (a, b) in enumerate(zip(expected, actual)):
        if a != b:
            sys.exit("%s, seed %d: row %d is %r, not %r" % (kind, seed, index, b, a))


def avro(millrace, folder, seed):
    values = [make(random.Random(seed + n), True) for n in range(ROWS)]
    run(millrace, folder, "CREATE STREAM av (%s) WITH (KAFKA_TOPIC='av', VALUE_FORMAT='AVRO');" % COLUMNS)
    load(millrace, folder, "av", values)
    parsed = fastavro.parse_schema(schema(millrace, folder, "av-value"))
    written = raw(millrace, folder, "av")
    same("avro read", seed, [entries(v) for v in values], [fastavro.schemaless_reader(io.BytesIO(r[5:]), parsed) for r in written])
    header = written[0][:5]
    again = []
    for value in values:
        out = io.BytesIO()
        fastavro.schemaless_writer(out, parsed, entries(value))
        again.append(header + out.getvalue())
    insert(millrace, folder, "av", again)
    found = rows(run(millrace, folder, "SELECT * FROM av;"))
    same("avro written", seed, [list(v.values()) for v in values], found[ROWS:])


def message():
    file = descriptor_pb2.FileDescriptorProto(name="t.proto", syntax="proto3")
    kind = file.message_type.add(name="ConnectDefault1")
    for number, (name, type_) in enumerate(PROTOBUF.items(), 1):
        field = kind.field.add(name=name, number=number, type=type_, label=1, proto3_optional=True, oneof_index=number - 1)
        kind.oneof_decl.add(name="_" + name)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("ConnectDefault1"))


def protobuf(millrace, folder, seed):
    Row = message()
    values = [{name: value for name, value in make(random.Random(seed + n), True).items() if name in PROTOBUF} for n in range(ROWS)]
    run(millrace, folder, "CREATE STREAM pb (I INT, L BIGINT, D DOUBLE, B BOOLEAN, S STRING) WITH (KAFKA_TOPIC='pb', VALUE_FORMAT='PROTOBUF', "
        "VALUE_PROTOBUF_NULLABLE_REPRESENTATION='OPTIONAL');")
    load(millrace, folder, "pb", values)
    written = raw(millrace, folder, "pb")
    found = []
    for record in written:
        row = Row.FromString(record[6:])
        found.append({name: getattr(row, name) if row.HasField(name) else None for name in PROTOBUF})
    same("protobuf read", seed, values, found)
    again = [written[0][:6] + Row(**{k: v for k, v in value.items() if v is not None}).SerializeToString() for value in values]
    insert(millrace, folder, "pb", again)
    same("protobuf written", seed, [list(v.values()) for v in values], rows(run(millrace, folder, "SELECT * FROM pb;"))[ROWS:])


def delimited(millrace, folder, seed):
    """Files of messages behind their lengths, whole and cut off."""
    Row = message()
    values = [{name: value for name, value in make(random.Random(seed + n), True).items() if name in PROTOBUF} for n in range(ROWS)]
    file = b""
    for value in values:
        content = Row(**{k: v for k, v in value.items() if v is not None}).SerializeToString()
        file += encoder._VarintBytes(len(content)) + content
    run(millrace, folder, "CREATE STREAM de (I INT, L BIGINT, D DOUBLE, B BOOLEAN, S STRING) WITH (KAFKA_TOPIC='de', VALUE_FORMAT='PROTOBUF', "
        "VALUE_PROTOBUF_NULLABLE_REPRESENTATION='OPTIONAL');")
    command = [millrace, "load", "de", "--format", "protobuf", "--data", folder]
    done = subprocess.run(command, input=file, capture_output=True, timeout=300)
    if done.returncode != 0:
        sys.exit("load of messages: " + done.stderr.decode())
    same("messages of a file", seed, [list(v.values()) for v in values], rows(run(millrace, folder, "SELECT * FROM de;")))
    done = subprocess.run(command, input=file[:-1], capture_output=True, timeout=300)
    text = done.stderr.decode()
    if done.returncode != 1 or "it ends at byte %d, within message %d" % (len(file) - 1, ROWS) not in text:
        sys.exit("load of messages that are cut off: %s" % text)
    same("messages before the end", seed, [[ROWS * 2 - 1]], rows(run(millrace, folder, "SELECT COUNT(*) AS c FROM de;")))


def json_schema(millrace, folder, seed):
    values = [make(random.Random(seed + n), True) for n in range(ROWS)]
    run(millrace, folder, "CREATE STREAM js (%s) WITH (KAFKA_TOPIC='js', VALUE_FORMAT='JSON_SR');" % COLUMNS)
    load(millrace, folder, "js", values)
    text = schema(millrace, folder, "js-value")
    found = [json.loads(record[5:]) for record in raw(millrace, folder, "js")]
    for row in found:
        jsonschema.validate(row, text, cls=jsonschema.Draft7Validator)
    same("json", seed, values, found)


def main(millrace, seed):
    print("seed %d" % seed)
    for judge in (avro, protobuf, delimited, json_schema):
        with tempfile.TemporaryDirectory() as folder:
            judge(millrace, folder, seed)


main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(10**9))
