#!/usr/bin/env python3
"""Checks that a server gives memory back.

  memory.py MILLRACE [long] [KIND...]

For each kind of statement, request, connection and query it does the same thing again and again and compares the server's anonymous
resident memory (RssAnon of /proc/PID/status) before and after, each time once it has settled. What grows three times by more than its bound
fails the run. `long` does what a week does: 10,000 of each statement and request, 1,000 queries of each kind made and dropped, 10,000
connections with push queries, ten minutes of steady load with windows that expire. Prints a line a kind and exits with 1 if one failed.
"""
import shutil, sys, tempfile, time

sys.dont_write_bytecode = True  # The package's folder holds sources only.
import serving

millrace = sys.argv[1]
is_long = "long" in sys.argv[2:]
wanted = [word for word in sys.argv[2:] if word != "long"]


class Connection(serving.Connection):
    def ask(self, text, fails=False):
        self.send(text + "\n")
        lines = self.answer()
        if (lines[-1][0] == "-") != fails:
            sys.exit("%s: %s" % (text, lines[-1]))
        return lines


class Server(serving.Server):
    def __init__(self):
        self.data = tempfile.mkdtemp(prefix="millrace-memory-")
        super().__init__(millrace, self.data, "--durability", "os")
        self.connection = Connection(self.port)

    def anonymous(self):
        """Anonymous resident memory in KiB."""
        for line in open("/proc/%d/status" % self.process.pid):
            if line.startswith("RssAnon"):
                return int(line.split()[1])

    def settled(self):
        """The same once it has stopped to fall: the least of what is seen until half a second brought nothing less."""
        least = self.anonymous()
        last = time.monotonic()
        while time.monotonic() - last < 0.5:
            self.connection.ask("SHOW TYPES;")
            now = self.anonymous()
            if now < least - 64:
                last = time.monotonic()
            least = min(least, now)
        return least

    def stop(self):
        self.process.terminate()
        self.process.wait(60)
        shutil.rmtree(self.data, ignore_errors=True)


def rows(count, first=0, step=0):
    return "".join('{"k":"k%d","v":%d,"t":%d}\n' % (i % 50, i, (first + i) * step) for i in range(count))


def put(connection, source, text):
    connection.send(".put %s json\n%s.end\n" % (source, text))
    if connection.answer()[-1][0] != "+":
        sys.exit(".put failed")


def pushed(server):
    """A connection that asks a push query, gets a row and goes away."""
    connection = Connection(server.port)
    connection.ask("SET 'auto.offset.reset'='earliest';")
    connection.send("SELECT * FROM a EMIT CHANGES;\n")
    while connection.reader.readline()[0] != ":":
        pass
    connection.close()


def unread(server):
    """Thirty connections that ask push queries over a stream into which others load, and hardly read; then they go away."""
    slow = [Connection(server.port) for _ in range(30)]
    for connection in slow:
        connection.send(".set auto.offset.reset earliest\nSELECT * FROM hot EMIT CHANGES;\n")
    put(server.connection, "HOT", rows(20000))
    for connection in slow:
        while connection.reader.readline()[0] != ":":
            pass
    for connection in slow:
        connection.close()


def cycle(create, drop):
    def once(server):
        server.connection.ask(create)
        server.connection.ask(drop)
    return once


def statement(text, fails=False):
    return lambda server: server.connection.ask(text, fails)


# Name, what is done once, how often by default and in the long run, and how much may stay, in MiB.
KINDS = [
    ("INSERT", statement("INSERT INTO a VALUES ('k1', 1, 1);"), 1000, 10000, 6),
    ("question by key", statement("SELECT * FROM counts WHERE k = 'k1';"), 1000, 10000, 6),
    ("scan of a table", statement("SELECT * FROM counts;"), 400, 10000, 6),
    ("scan of a stream", statement("SELECT * FROM few;"), 200, 10000, 6),
    ("COUNT of a stream", statement("SELECT COUNT(*) FROM few;"), 200, 10000, 6),
    (".put of one row", lambda server: put(server.connection, "A", rows(1)), 1000, 10000, 6),
    (".put of 1,000 rows", lambda server: put(server.connection, "A", rows(1000)), 50, 10000, 10),
    ("push query that ends", statement("SELECT * FROM few EMIT CHANGES LIMIT 1;"), 400, 10000, 6),
    ("SHOW", statement("SHOW STREAMS; "), 400, 10000, 6),
    ("SHOW QUERIES", statement("SHOW QUERIES;"), 400, 10000, 6),
    ("DESCRIBE", statement("DESCRIBE a;"), 400, 10000, 6),
    ("EXPLAIN", statement("EXPLAIN SELECT k, COUNT(*) FROM a GROUP BY k EMIT CHANGES;"), 400, 10000, 6),
    ("PRINT", statement("PRINT 'few' FROM BEGINNING LIMIT 1;"), 600, 10000, 6),
    ("ASSERT TOPIC", statement("ASSERT TOPIC 'few';"), 400, 10000, 6),
    ("SET", statement("SET 'auto.offset.reset'='earliest';"), 400, 10000, 6),
    ("syntax error", statement("SELEC * FROM a;", fails=True), 400, 10000, 6),
    ("unknown source", statement("SELECT * FROM nowhere;", fails=True), 400, 10000, 6),
    ("name that is taken", statement("CREATE STREAM a (k VARCHAR KEY) WITH (KAFKA_TOPIC='a', FORMAT='JSON');", fails=True), 400, 10000, 6),
    ("value that does not fit", statement("INSERT INTO a VALUES ('k1', 'x', 1);", fails=True), 400, 10000, 6),
    (".ping", statement(".ping"), 1000, 10000, 6),
    ("stream made and dropped", cycle("CREATE STREAM x AS SELECT k, v + 1 AS w FROM a;", "DROP STREAM x DELETE TOPIC;"), 25, 1000, 8),
    ("table made and dropped", cycle("CREATE TABLE x AS SELECT k, COUNT(*) AS n FROM a GROUP BY k;", "DROP TABLE x DELETE TOPIC;"), 25, 1000, 8),
    ("windows made and dropped",
     cycle("CREATE TABLE x AS SELECT k, COUNT(*) AS n FROM a WINDOW HOPPING (SIZE 10 SECONDS, ADVANCE BY 1 SECOND) GROUP BY k;",
           "DROP TABLE x DELETE TOPIC;"), 25, 1000, 8),
    ("sessions made and dropped",
     cycle("CREATE TABLE x AS SELECT k, COUNT(*) AS n FROM a WINDOW SESSION (1 SECOND) GROUP BY k;", "DROP TABLE x DELETE TOPIC;"), 25, 1000, 8),
    ("join made and dropped",
     cycle("CREATE STREAM x AS SELECT a.k, a.v, c.n FROM a JOIN counts c ON a.k = c.k;", "DROP STREAM x DELETE TOPIC;"), 25, 1000, 8),
    ("join of streams made and dropped",
     cycle("CREATE STREAM x AS SELECT a.k, a.v, f.v AS w FROM a JOIN few f WITHIN 1 SECOND ON a.k = f.k;", "DROP STREAM x DELETE TOPIC;"), 25, 1000, 8),
    ("INSERT INTO … SELECT made and ended",
     cycle("INSERT INTO copy WITH (QUERY_ID='COPYING') SELECT k, v, t FROM a;", "TERMINATE COPYING;"), 25, 1000, 8),
    ("connection with a push query", pushed, 200, 10000, 8),
    ("thirty clients that read slowly", unread, 3, 30, 8),
]


def prepare(server):
    ask = server.connection.ask
    for text in (
        "SET 'auto.offset.reset'='earliest';",
        "CREATE STREAM a (k VARCHAR KEY, v BIGINT, t BIGINT) WITH (KAFKA_TOPIC='a', FORMAT='JSON', TIMESTAMP='t');",
        "CREATE STREAM few (k VARCHAR KEY, v BIGINT, t BIGINT) WITH (KAFKA_TOPIC='few', FORMAT='JSON', TIMESTAMP='t');",
        "CREATE STREAM hot (k VARCHAR KEY, v BIGINT, t BIGINT) WITH (KAFKA_TOPIC='hot', FORMAT='JSON');",
        "CREATE STREAM copy (k VARCHAR KEY, v BIGINT, t BIGINT) WITH (KAFKA_TOPIC='copy', FORMAT='JSON', TIMESTAMP='t');",
        "CREATE TABLE counts AS SELECT k, COUNT(*) AS n FROM few GROUP BY k;",
    ):
        ask(text)
    put(server.connection, "FEW", rows(200, step=10))
    put(server.connection, "A", rows(2000, step=10))
    # Waits for the query.
    ask("INSERT INTO few VALUES ('k1', 1, 1);")
    ask("SELECT * FROM counts;")


def check(name, bound, count, before, after):
    grown = after - before
    isFine = grown <= bound * 1024
    print("%-7s %-36s %6d times: %+7d KiB, %+8.0f bytes each (may be %d MiB)" %
          ("ok" if isFine else "GREW", name, count, grown, grown * 1024 / max(count, 1), bound), flush=True)
    return isFine


def grows_little(server, name, once, count, bound):
    before = server.settled()
    for _ in range(count):
        once(server)
    return check(name, bound, count, before, server.settled())


def steady(server):
    """Ten minutes of load with windows that expire; what is there after the first three must be enough."""
    server.connection.ask("CREATE TABLE w AS SELECT k, COUNT(*) AS n FROM a WINDOW TUMBLING (SIZE 1 SECOND, GRACE PERIOD 0 SECONDS) GROUP BY k;")
    server.connection.ask("CREATE TABLE s AS SELECT k, COUNT(*) AS n FROM a WINDOW SESSION (1 SECOND, GRACE PERIOD 0 SECONDS) GROUP BY k;")
    # A row a minute of event time: what lives are the windows of the last day, 1,440 of them, and twenty batches a second end 14,000.
    start, at, before = time.monotonic(), 0, None
    while time.monotonic() - start < 600:
        put(server.connection, "A", rows(1000, first=at, step=60_000))
        at += 1000
        if before is None and time.monotonic() - start > 180:
            before = server.settled()
        time.sleep(0.05)
    return check("steady load, minutes 3 to 10", 24, 1, before, server.settled())


def main():
    failures = 0
    server = Server()
    prepare(server)
    for name, once, small, large, bound in KINDS:
        count = large if is_long else small
        if wanted and name not in wanted:
            continue
        # The first ones fill caches and the allocator's pools.
        for _ in range(max(5, count // 5)):
            once(server)
        # What leaks grows each time; what the allocator keeps for the next use grows once, and how much depends on what ran beside it.
        failures += not any(grows_little(server, name, once, count, bound) for _ in range(3))
    if is_long and not wanted:
        failures += not steady(server)
    server.stop()
    print("%d kinds grow" % failures if failures else "ok")
    sys.exit(1 if failures else 0)


main()
