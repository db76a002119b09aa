#!/usr/bin/env python3
"""Checks how a server treats one client while another asks for much.

  conduct.py MILLRACE asserts     eight sessions that wait do not keep anybody else waiting
  conduct.py MILLRACE resumes     six sessions that resume a query at once start it once: thirty rows of thirty
  conduct.py MILLRACE cancels     a query that is terminated, paused or left ends in the middle of a value, and frees the only worker
  conduct.py MILLRACE ending      SIGTERM ends the server within five seconds, whatever runs
  conduct.py MILLRACE crashes     a query during which the process died three times is brought up paused, all others run
  conduct.py MILLRACE budget      a query whose state passes the memory limit and cannot go to disk is paused, over a kill as well; all others run

Prints `ok`, or what is wrong, and exits with 1.
"""
import json, os, select, shutil, signal, subprocess, sys, tempfile, threading, time

sys.dont_write_bytecode = True  # The package's folder holds sources only.
import serving

millrace, case = sys.argv[1:3]
data = tempfile.mkdtemp(prefix="millrace-conduct-")


servers = []


def fail(text):
    print("FAILED: " + text, flush=True)
    # Those that run would keep the output open, for whose end the caller waits.
    for server in servers:
        server.process.kill()
    os._exit(1)


class Connection(serving.Connection):
    def result(self):
        """What kind of end an answer has, its rows, and its last line."""
        lines = self.answer()
        return lines[-1][0], [json.loads(line[1:]) for line in lines if line[0] == ":"], lines[-1]

    def ask(self, text):
        self.send(text + "\n")
        kind, rows, line = self.result()
        if kind == "-":
            fail(text + ": " + line)
        return rows


class Server(serving.Server):
    def __init__(self, *arguments):
        try:
            super().__init__(millrace, data, *arguments)
            servers.append(self)
        except RuntimeError as error:
            fail(str(error))

    def end(self, number, seconds=60):
        self.process.send_signal(number)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            fail("the server did not end within %d seconds of signal %d" % (seconds, number))


def until(condition, what, seconds=60):
    """Asks again and again; nothing here can be waited for otherwise."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            fail("never came: " + what)


def processor(server):
    """Seconds of processor time that the server has used."""
    fields = open("/proc/%d/stat" % server.process.pid).read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rows(count):
    return "".join('{"k":"k%d","v":%d}\n' % (i % 50, i) for i in range(count))


def put(connection, source, count):
    connection.send(".put %s json\n%s.end\n" % (source, rows(count)))
    if connection.result()[0] != "+":
        fail(".put was refused")


A = "CREATE STREAM a (k VARCHAR KEY, v BIGINT) WITH (KAFKA_TOPIC='a', FORMAT='JSON', PARTITIONS=1);"


def asserts():
    server = Server()
    waiting = [Connection(server.port) for _ in range(8)]
    for connection in waiting:
        connection.send("ASSERT TOPIC 'nope' TIMEOUT 20 SECONDS;\n")
    other = Connection(server.port)
    other.ask(A)
    other.ask("INSERT INTO a VALUES ('x', 1);")
    if len(other.ask("SHOW STREAMS;")) < 1 or other.ask("SELECT * FROM a;") != [["x", 1]]:
        fail("another session got wrong answers")
    if select.select([connection.socket for connection in waiting], [], [], 0)[0]:
        fail("the others had to wait until an ASSERT was over")
    # What they wait for comes.
    other.ask("CREATE STREAM n (k VARCHAR KEY) WITH (KAFKA_TOPIC='nope', FORMAT='JSON', PARTITIONS=1);")
    for connection in waiting:
        kind, _, line = connection.result()
        if kind != "+":
            fail("an ASSERT did not see what it waited for: " + line)
    server.end(signal.SIGTERM)


def resumes():
    server = Server("--durability", "os")
    first = Connection(server.port)
    first.ask("SET 'auto.offset.reset'='earliest';")
    first.ask(A)
    first.ask("CREATE STREAM b AS SELECT * FROM a;")
    query = [row for row in first.ask("SHOW QUERIES;")][0][0]
    others = [Connection(server.port) for _ in range(6)]
    for number in range(30):
        first.ask("PAUSE %s;" % query)
        first.ask("INSERT INTO a VALUES ('x', %d);" % number)
        for connection in others:
            connection.send("RESUME %s;\n" % query)
        for connection in others:
            connection.answer()
        until(lambda: len(first.ask("SELECT * FROM b;")) > number, "row %d" % number)
    first.ask("PAUSE %s;" % query)
    found = sorted(row[1] for row in first.ask("SELECT * FROM b;"))
    if found != list(range(30)):
        fail("%d rows of 30: %s" % (len(found), found))
    server.end(signal.SIGTERM)


# Looks for a text of a million letters in one of eight million; it would take days.
ENDLESS = "INSTR(LPAD(k, 8000000, 'a'), CONCAT(LPAD('', 1000000, 'a'), 'b'))"


def cancels():
    server = Server("--durability", "os", "--threads", "1")
    first = Connection(server.port)
    first.ask("SET 'auto.offset.reset'='earliest';")
    first.ask(A)
    first.ask("INSERT INTO a VALUES ('x', 1);")

    def slow(name):
        used = processor(server)
        first.ask("CREATE STREAM %s AS SELECT k, %s AS n FROM a;" % (name, ENDLESS))
        until(lambda: processor(server) > used + 0.3, "work of " + name)
        return next(row[0] for row in first.ask("SHOW QUERIES;") if name.upper() in row[0])

    def is_free():
        """A question that the only worker has to answer."""
        if Connection(server.port).ask("SELECT * FROM a;") != [["x", 1]]:
            fail("another session got wrong answers")

    other = Connection(server.port)
    other.ask("TERMINATE %s;" % slow("ended"))
    is_free()
    other.ask("PAUSE %s;" % slow("paused"))
    is_free()
    leaving = Connection(server.port)
    leaving.ask("SET 'auto.offset.reset'='earliest';")
    used = processor(server)
    leaving.send("SELECT %s AS n FROM a EMIT CHANGES;\n" % ENDLESS)
    until(lambda: processor(server) > used + 0.3, "work of a push query")
    leaving.close()
    is_free()
    slow("last")
    server.end(signal.SIGTERM, 5)


def ending():
    server = Server("--durability", "os")
    first = Connection(server.port)
    first.ask("SET 'auto.offset.reset'='earliest';")
    first.ask(A)
    first.ask("CREATE TABLE windows AS SELECT k, COUNT(*) AS n FROM a WINDOW HOPPING (SIZE 1000 SECONDS, ADVANCE BY 1 SECOND) GROUP BY k;")
    first.ask("CREATE STREAM many AS SELECT k, EXPLODE(GENERATE_SERIES(1, 1000)) AS n FROM a;")
    first.ask("CREATE TABLE counts AS SELECT v, COUNT(*) AS n FROM a GROUP BY v;")

    def load():
        try:
            connection = Connection(server.port)
            while True:
                put(connection, "A", 1000)
        except (ConnectionError, OSError, ValueError):
            pass

    loaders = [threading.Thread(target=load, daemon=True) for _ in range(4)]
    for thread in loaders:
        thread.start()
    watchers = [Connection(server.port) for _ in range(4)]
    for connection in watchers:
        connection.send("SELECT * FROM many EMIT CHANGES;\n")
    pausing = Connection(server.port)
    until(lambda: len(first.ask("SELECT * FROM many LIMIT 1;")) == 1, "a row")
    waiting = [Connection(server.port) for _ in range(10)]
    for connection in waiting:
        connection.send("ASSERT TOPIC 'nope' TIMEOUT 1 HOURS;\n")
    pausing.send("PAUSE ALL;\n")
    server.end(signal.SIGTERM, 5)
    # Nothing is lost, nothing twice.
    server = Server()
    first = Connection(server.port)
    first.ask("INSERT INTO a VALUES ('x', -1);")
    server.end(signal.SIGTERM, 5)


def crashes():
    server = Server("--durability", "os")
    first = Connection(server.port)
    first.ask("SET 'auto.offset.reset'='earliest';")
    first.ask(A)
    first.ask("CREATE STREAM other (k VARCHAR KEY, v BIGINT) WITH (KAFKA_TOPIC='other', FORMAT='JSON', PARTITIONS=1);")
    first.ask("CREATE STREAM copied AS SELECT * FROM other;")
    # A query that has work for much longer than this test lasts, and commits none of it: what has committed is not to blame.
    first.ask("SET 'commit.interval.ms'='3600000';")
    first.ask("CREATE STREAM heavy AS SELECT * FROM a WHERE ARRAY_LENGTH(GENERATE_SERIES(v, v + 20000)) < 0;")
    for _ in range(20):
        put(first, "A", 2000)

    def queries():
        connection = Connection(server.port)
        return {row[0]: json.dumps(row) for row in connection.ask("SHOW QUERIES;")}

    heavy = next(name for name in queries() if "HEAVY" in name)
    copied = next(name for name in queries() if "COPIED" in name)

    def working(server):
        seen = processor(server)
        until(lambda: processor(server) > seen + 0.5, "work of the heavy query")

    # A kill is nobody's fault.
    for _ in range(3):
        server.end(signal.SIGKILL)
        server = Server("--durability", "os")
    if "PAUSED" in queries()[heavy]:
        fail("a server that was killed blames a query: " + queries()[heavy])
    for number in range(3):
        working(server)
        server.end(signal.SIGABRT)
        if server.process.returncode != -signal.SIGABRT:
            fail("the server did not die of the signal: %d" % server.process.returncode)
        server = Server("--durability", "os")
        is_paused = "PAUSED" in queries()[heavy]
        if is_paused != (number == 2):
            fail("after %d crashes: %s" % (number + 1, queries()[heavy]))
    for statement in ["SHOW QUERIES;", "SHOW QUERIES EXTENDED;"]:
        connection = Connection(server.port)
        connection.send(statement + "\n")
        answer = "".join(connection.answer())
        if "3 times in a row" not in answer:
            fail(statement + " gives no reason: " + answer)
    if "RUNNING" not in queries()[copied]:
        fail("another query does not run: " + queries()[copied])
    connection = Connection(server.port)
    connection.ask("INSERT INTO other VALUES ('x', 7);")
    until(lambda: connection.ask("SELECT * FROM copied;") == [["x", 7]], "the other query's row")
    connection.ask("RESUME %s;" % heavy)
    if "RUNNING" not in queries()[heavy]:
        fail("RESUME did not help: " + queries()[heavy])
    working(server)
    server.end(signal.SIGTERM)


def budget():
    def start(limit):
        server = Server("--durability", "os", "--memory-limit", limit)
        return server, Connection(server.port)

    server, first = start("4M")
    first.ask("SET 'auto.offset.reset'='earliest';")
    first.ask(A)
    first.ask("CREATE STREAM copied AS SELECT * FROM a;")
    # Ten thousand keys a row.
    first.ask("CREATE STREAM keys AS SELECT k, EXPLODE(GENERATE_SERIES(v * 10000, v * 10000 + 9999)) AS x FROM a;")
    # Sessions cannot go to disk.
    first.ask("CREATE TABLE many AS SELECT x, COUNT(*) AS c FROM keys WINDOW SESSION (1 HOUR) GROUP BY x;")
    first.ask("CREATE TABLE few AS SELECT k, COUNT(*) AS c FROM keys GROUP BY k;")
    query = next(row[0] for row in first.ask("SHOW QUERIES;") if "MANY" in row[0])

    def insert(numbers):
        for number in numbers:
            first.ask("INSERT INTO a VALUES ('x', %d);" % number)

    def state():
        return next(row[2] for row in first.ask("SHOW QUERIES;") if row[0] == query)

    def reason():
        first.send("SHOW QUERIES;\n")
        return "".join(line for line in first.answer() if line[0] == "?")

    def others_run(count):
        until(lambda: first.ask("SELECT * FROM few;") == [["x", count * 10000]], "the rows of the other queries")
        if len(first.ask("SELECT * FROM copied;")) != count:
            fail("the stateless query is not up to date")

    insert(range(16))
    until(lambda: "PAUSED" in state(), "the pause")
    if "millrace.memory.limit (4.0 MiB)" not in reason():
        fail("no reason: " + reason())
    others_run(16)
    until(lambda: any("event=query_paused" in line and query in line for line in server.lines), "the line of the server's log")
    server.end(signal.SIGKILL)
    server, first = start("2M")
    until(lambda: "it had read back" in reason(), "the pause of the restore")
    insert([16])
    others_run(17)
    first.send("RESUME %s;\n" % query)
    if not first.answer()[-1].startswith("- 53200"):
        fail("RESUME does not say that it still does not fit")
    server.end(signal.SIGTERM)
    server, first = start("1G")
    until(lambda: "RUNNING" in state() and len(first.ask("SELECT * FROM many WHERE x = 169999;")) == 1, "the state under a higher limit")
    rows = first.ask("SELECT x, c FROM many;")
    if sorted(rows) != [[number, 1] for number in range(170000)]:
        fail("%d rows, or wrong ones" % len(rows))
    first.ask("DROP TABLE many;")
    server.end(signal.SIGTERM)


{"asserts": asserts, "resumes": resumes, "cancels": cancels, "ending": ending, "crashes": crashes, "budget": budget}[case]()
shutil.rmtree(data, ignore_errors=True)
print("ok")
