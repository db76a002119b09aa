#!/usr/bin/env python3
"""Kills a server under load, again and again, and checks what is left.

  crash.py MILLRACE CYCLES [DURABILITY [SEED [LIMIT]]]

Each cycle starts the server on the same directory, sends numbered records by `.put` and ends it with SIGKILL at a random moment. Then:
acknowledged ids are a subset of those present, these of those sent, and none is there twice; the outputs and the state of the queries
over them equal what is computed here from the ids that are present. With a LIMIT of memory that is small, part of that state must lie
on disk at the end. Prints one line, and exits with 1 at the first difference.
"""
import json, os, random, signal, socket, subprocess, sys, tempfile, threading, time

millrace, cycles = sys.argv[1], int(sys.argv[2])
durability = sys.argv[3] if len(sys.argv) > 3 else "fsync"
seed = int(sys.argv[4]) if len(sys.argv) > 4 else 1
limit = sys.argv[5] if len(sys.argv) > 5 else None
chance = random.Random(seed)
data = tempfile.mkdtemp(prefix="millrace-crash-")
BATCH = 50


class Server:
    def __init__(self):
        self.process = subprocess.Popen(
            [millrace, "serve", "--data", data, "--listen", "127.0.0.1:0", "--durability", durability]
            + (["--memory-limit", limit] if limit else []),
            stderr=subprocess.PIPE, text=True)
        self.lines = []
        for line in self.process.stderr:
            self.lines.append(line)
            if "event=listening" in line:
                self.port = int(line.split("address=")[1].split()[0].rsplit(":", 1)[1])
                break
        else:
            sys.exit("the server did not start: " + "".join(self.lines))
        # Whatever else it says is read, so that it never waits for a reader.
        threading.Thread(target=self.drain, daemon=True).start()

    def drain(self):
        for line in self.process.stderr:
            self.lines.append(line)

    def connect(self):
        connection = socket.create_connection(("127.0.0.1", self.port))
        reader = connection.makefile("r", encoding="utf-8")
        reader.readline()
        return connection, reader

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)


def ask(connection, reader, sql):
    """The rows of one statement."""
    connection.sendall((sql + "\n").encode())
    rows = []
    while True:
        line = reader.readline()
        if not line:
            sys.exit("the connection ended during " + sql)
        if line[0] == ":":
            rows.append(json.loads(line[1:]))
        elif line[0] == "+":
            return rows
        elif line[0] == "-":
            sys.exit(sql + ": " + line)


sent, acknowledged, next_id = set(), set(), 0
server = Server()
connection, reader = server.connect()
for statement in (
    "CREATE STREAM ids (id BIGINT, v BIGINT, t BIGINT) WITH (KAFKA_TOPIC='ids', VALUE_FORMAT='JSON', TIMESTAMP='t');",
    "CREATE STREAM doubled AS SELECT id, v * 2 AS w FROM ids;",
    "CREATE STREAM again AS SELECT id, w + 1 AS w FROM doubled WHERE id % 3 = 0;",
    "CREATE TABLE sums AS SELECT v, COUNT(*) AS n, SUM(id) AS total FROM ids GROUP BY v;",
    "CREATE TABLE many AS SELECT id % 20011 AS g, COUNT(*) AS n, SUM(v) AS total FROM ids GROUP BY id % 20011;",
    "CREATE TABLE windows AS SELECT v, COUNT(*) AS n FROM ids WINDOW TUMBLING (SIZE 1 SECOND, GRACE PERIOD 1000 DAYS) GROUP BY v;",
):
    ask(connection, reader, statement)

for cycle in range(cycles):
    stop_at = time.monotonic() + chance.uniform(0.02, 0.5)
    killer = threading.Timer(max(0, stop_at - time.monotonic()), server.kill)
    killer.start()
    try:
        connection, reader = server.connect()
        while True:
            ids = range(next_id, next_id + BATCH)
            next_id += BATCH
            sent.update(ids)
            lines = "".join('{"id":%d,"v":%d,"t":%d}\n' % (i, i % 10, i * 7) for i in ids)
            connection.sendall((".put IDS json\n" + lines + ".end\n").encode())
            while True:
                line = reader.readline()
                if not line:
                    raise ConnectionError
                if line[0] == "+":
                    if json.loads(line[1:])["rows"] != BATCH:
                        sys.exit("an acknowledgement counts wrongly: " + line)
                    acknowledged.update(ids)
                    break
                if line[0] == "-":
                    sys.exit(".put failed: " + line)
    except (ConnectionError, OSError):
        pass
    killer.join()
    server.process.wait()
    server = Server()

connection, reader = server.connect()
# A row of this session makes its bounded queries wait until the queries upstream have caught up.
ask(connection, reader, "INSERT INTO ids VALUES (-1, 5, 0);")
sent.add(-1)
acknowledged.add(-1)
present = [row[0] for row in ask(connection, reader, "SELECT id FROM ids;")]
known = set(present)


def check(condition, text):
    if not condition:
        print("FAILED after %d cycles (seed %d, %s): %s; data in %s" % (cycles, seed, durability, text, data))
        os._exit(1)


check(len(present) == len(known), "%d ids are there twice" % (len(present) - len(known)))
check(acknowledged <= known, "%d acknowledged ids are lost" % len(acknowledged - known))
check(known <= sent, "ids are there that were never sent")
value = lambda i: 5 if i == -1 else i % 10
stamp = lambda i: 0 if i == -1 else i * 7
doubled = ask(connection, reader, "SELECT id, w FROM doubled;")
check(sorted(doubled) == sorted([i, value(i) * 2] for i in known), "the derived stream differs: %d rows, expected %d" % (len(doubled), len(known)))
again = ask(connection, reader, "SELECT id, w FROM again;")
check(sorted(again) == sorted([i, value(i) * 2 + 1] for i in known if i % 3 == 0 and i >= 0), "the second derived stream differs")
sums = {row[0]: row[1:] for row in ask(connection, reader, "SELECT v, n, total FROM sums;")}
model = {}
for i in known:
    entry = model.setdefault(value(i), [0, 0])
    entry[0] += 1
    entry[1] += i
check(sums == model, "the table differs: %s, expected %s" % (sums, model))
many = {row[0]: row[1:] for row in ask(connection, reader, "SELECT g, n, total FROM many;")}
model = {}
for i in known:
    entry = model.setdefault(i % 20011 if i >= 0 else i, [0, 0])
    entry[0] += 1
    entry[1] += value(i)
check(many == model, "the table of many groups differs: %d groups, expected %d" % (len(many), len(model)))
for g in list(model)[::97]:
    row = ask(connection, reader, "SELECT g, n, total FROM many WHERE g = %d;" % g)
    check(row == [[g] + model[g]], "group %d is %s, expected %s" % (g, row, model[g]))
if limit:
    check("state on disk" in str(ask(connection, reader, "SHOW QUERIES EXTENDED;")), "nothing is on disk")
windows = {(row[0], row[1]): row[2] for row in ask(connection, reader, "SELECT v, WINDOWSTART AS s, n FROM windows;")}
counts = {}
for i in known:
    key = (value(i), stamp(i) // 1000 * 1000)
    counts[key] = counts.get(key, 0) + 1
check(windows == counts, "the windowed table differs in %d windows" % len(set(windows.items()) ^ set(counts.items())))
server.stop()
subprocess.run(["rm", "-rf", data])
print("ok: %d cycles, %s: %d sent, %d acknowledged, %d present" % (cycles, durability, len(sent), len(acknowledged), len(known)))
