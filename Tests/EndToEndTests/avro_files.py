#!/usr/bin/env python3
"""Has `millrace load --format avro` read what fastavro writes: every codec that is installed, files that are cut off or damaged, and
values of every type.

  avro_files.py MILLRACE [SEED]

Prints the seed and what is wrong, and ends with 1 then; with 77 and a line where fastavro is not installed."""
import decimal, io, json, os, random, subprocess, sys, tempfile

try:
    import fastavro
except ImportError as error:
    print("skipped: %s (pip install fastavro)" % error)
    sys.exit(77)

ROWS = 5000
SCHEMA = {
    "type": "record", "name": "Row", "fields": [
        {"name": "id", "type": "long"}, {"name": "unused", "type": {"type": "map", "values": ["null", "int"]}},
        {"name": "s", "type": ["null", "string"]}, {"name": "d", "type": ["double", "null"]}, {"name": "b", "type": "boolean"},
        {"name": "e", "type": {"type": "enum", "name": "E", "symbols": ["RED", "BLUE"]}},
        {"name": "a", "type": {"type": "array", "items": "long"}}, {"name": "m", "type": {"type": "map", "values": "int"}},
        {"name": "n", "type": {"type": "record", "name": "N", "fields": [{"name": "x", "type": ["null", "int"]}]}},
        {"name": "y", "type": {"type": "fixed", "name": "F", "size": 3}},
        {"name": "p", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
        {"name": "t", "type": {"type": "long", "logicalType": "timestamp-millis"}}]}
COLUMNS = ("id BIGINT KEY, s STRING, d DOUBLE, b BOOLEAN, e STRING, a ARRAY<BIGINT>, m MAP<STRING, INT>, n STRUCT<x INT>, y BYTES, p DECIMAL(9, 2),"
           " t TIMESTAMP, none INT")
PROBE = ("SELECT COUNT(*) AS c, SUM(id) AS ids, COUNT(s) AS texts, COUNT(d) AS doubles, SUM(CASE WHEN b THEN 1 ELSE 0 END) AS trues,"
         " SUM(CASE WHEN e = 'RED' THEN 1 ELSE 0 END) AS reds, SUM(ARRAY_LENGTH(a)) AS elements, SUM(m['k']) AS entries, SUM(n->x) AS inner_,"
         " SUM(CASE WHEN TO_BYTES('YWJj', 'base64') = y THEN 1 ELSE 0 END) AS abc, SUM(CAST(p * 100 AS BIGINT)) AS hundredths,"
         " SUM(UNIX_TIMESTAMP(t)) AS times, COUNT(none) AS nothing FROM s;")


def make(chance, number):
    import datetime
    return {
        "id": number, "unused": {"z": None} if chance.random() < 0.5 else {},
        "s": None if chance.random() < 0.2 else chance.choice(["", "é😀", "line\nbreak", "\"quoted\"", "a" * 300]),
        "d": None if chance.random() < 0.2 else chance.random(), "b": chance.random() < 0.5, "e": chance.choice(["RED", "BLUE"]),
        "a": [chance.randrange(2**60) for _ in range(chance.randrange(4))], "m": {"k": chance.randrange(100)},
        "n": {"x": None if chance.random() < 0.2 else chance.randrange(100)}, "y": chance.choice([b"abc", b"\x00\xff\x80"]),
        "p": decimal.Decimal(chance.randrange(-10**8, 10**8)).scaleb(-2),
        "t": datetime.datetime.fromtimestamp(chance.randrange(2 * 10**9), datetime.timezone.utc)}


def expected(rows):
    return [
        len(rows), sum(row["id"] for row in rows), sum(row["s"] is not None for row in rows), sum(row["d"] is not None for row in rows),
        sum(row["b"] for row in rows), sum(row["e"] == "RED" for row in rows), sum(len(row["a"]) for row in rows),
        sum(row["m"]["k"] for row in rows), sum(row["n"]["x"] or 0 for row in rows), sum(row["y"] == b"abc" for row in rows),
        sum(int(row["p"] * 100) for row in rows), sum(int(row["t"].timestamp()) * 1000 for row in rows), 0]


def load(millrace, data, content, stream="s"):
    done = subprocess.run([millrace, "load", stream, "--format", "avro", "--data", data], input=content, capture_output=True, timeout=300)
    return done.returncode, done.stderr.decode()


def loaded(said, count):
    """Whether so many records were loaded. The file has a field more than the stream, which is said."""
    lines = said.splitlines()
    return "note: no column takes the member unused, which %d lines have" % count in lines and any(line.startswith("%d records" % count) for line in lines)


def probe(millrace, data):
    done = subprocess.run([millrace, "--data", data, "--output", "ndjson", "-c", PROBE], capture_output=True, text=True, timeout=300)
    found = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode != 0 or not found:
        sys.exit("%s\n%s" % (done.stdout, done.stderr))
    return list(json.loads(found[-1]).values())


def main(millrace, seed):
    print("seed %d" % seed)
    chance = random.Random(seed)
    faults = []
    rows = [make(chance, number) for number in range(ROWS)]

    def fresh(folder, name):
        data = os.path.join(folder, name)
        sql = "CREATE STREAM s (%s) WITH (kafka_topic='s', value_format='JSON', partitions=1);" % COLUMNS
        subprocess.run([millrace, "run", "--data", data, "-c", sql], check=True, capture_output=True, timeout=300)
        return data

    with tempfile.TemporaryDirectory() as folder:
        plain = None
        for codec in ["null", "deflate", "snappy", "zstandard"]:
            file = io.BytesIO()
            try:
                fastavro.writer(file, SCHEMA, rows, codec=codec)
            except ValueError as error:
                print("left out: %s: %s" % (codec, error))
                continue
            content = file.getvalue()
            plain = plain or content
            data = fresh(folder, codec)
            status, said = load(millrace, data, content)
            if status != 0 or not loaded(said, ROWS):
                faults.append("%s: ended with %d: %s" % (codec, status, said))
            found, wanted = probe(millrace, data), expected(rows)
            if found != wanted:
                faults.append("%s: %s instead of %s" % (codec, found, wanted))
            # Wherever a file is cut off, or a byte of it differs, the load ends and says so, or the byte was one of a value.
            data = fresh(folder, codec + "-damaged")
            for _ in range(5):
                cut = chance.randrange(1, len(content) - 1)
                status, said = load(millrace, data, content[:cut])
                if status not in (0, 1) or status == 1 and "at byte" not in said:
                    faults.append("%s cut off at %d: ended with %d: %s" % (codec, cut, status, said))
                if status == 0 and len(content) - cut < 16:
                    faults.append("%s cut off at %d: no word of it" % (codec, cut))
                damaged = bytearray(content)
                damaged[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
                status, said = load(millrace, data, bytes(damaged))
                if status not in (0, 1):
                    faults.append("%s damaged: ended with %d: %s" % (codec, status, said))
        # The stream that --create makes has the types that the file says, and the values come back.
        path, data = os.path.join(folder, "created.avro"), os.path.join(folder, "created")
        types = [("i", {"type": "int", "logicalType": "date"}), ("t", {"type": "int", "logicalType": "time-millis"}),
                 ("m", {"type": "long", "logicalType": "timestamp-millis"}), ("p", {"type": "bytes", "logicalType": "decimal", "precision": 5, "scale": 2}),
                 ("n", {"type": "record", "name": "N", "fields": [{"name": "d", "type": ["null", {"type": "int", "logicalType": "date"}]}]}),
                 ("k", {"type": "map", "values": "int"}), ("b", "bytes")]
        schema = {"type": "record", "name": "R", "fields": [{"name": name, "type": type} for name, type in types]}
        with open(path, "wb") as file:
            fastavro.writer(file, schema, [{"i": 19782, "t": 36_671_000, "m": 1_709_168_523_004, "p": decimal.Decimal("12.50"), "n": {"d": 1}, "k": {"a": 1}, "b": b"abc"}])
        done = subprocess.run([millrace, "load", "made", path, "--create", "--data", data], capture_output=True, text=True, timeout=300)
        if "I DATE,\n  T TIME,\n  M TIMESTAMP,\n  P DECIMAL(5, 2),\n  N STRUCT<D DATE>,\n  K MAP<STRING, INTEGER>,\n  B BYTES\n" not in done.stdout.replace("`", ""):
            faults.append("--create: %s%s" % (done.stdout, done.stderr))
        done = subprocess.run([millrace, "--data", data, "--output", "ndjson", "-c", "SELECT i, t, m, p, n, k, b FROM made;"], capture_output=True, text=True, timeout=300)
        if done.stdout != '{"I":"2024-02-29","T":"10:11:11","M":"2024-02-29T01:02:03.004","P":12.50,"N":{"D":"1970-01-02"},"K":{"a":1},"B":"YWJj"}\n':
            faults.append("--create: %s%s" % (done.stdout, done.stderr))
        # A damaged marker behind the second block: what is before it stands.
        blocks = list(fastavro.block_reader(io.BytesIO(plain)))
        marker = plain[-16:]
        second = plain.index(marker, plain.index(marker, plain.index(marker) + 1) + 1)
        damaged = bytearray(plain)
        damaged[second] ^= 1
        data = fresh(folder, "second")
        status, said = load(millrace, data, bytes(damaged))
        first = blocks[0].num_records
        if status != 1 or "marker" not in said or not loaded(said, first) or probe(millrace, data)[0] != first:
            faults.append("a damaged marker: ended with %d, %d records before it: %s" % (status, first, said))
    print("\n".join(faults) or "as expected")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(10**6)))
