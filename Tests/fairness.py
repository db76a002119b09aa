#!/usr/bin/env python3
"""Measures who holds up whom: the time from INSERT to the row at a push query on a quiet stream, alone and beside loads of other clients,
and how long SIGTERM takes under each of these loads. Prints p50 and p99 of each, in milliseconds.

  fairness.py MILLRACE [LOAD...]     loads: hotkey restore waiting scan load topics; all of them when none is named
"""
import itertools, os, re, statistics, subprocess, sys, threading, time
from measure import Connection, Server, directory, millrace, remove

RUNS = int(os.environ.get("RUNS", "5"))
COUNT = int(os.environ.get("COUNT", "600"))
ROWS = int(os.environ.get("ROWS", "2000000"))
GROUPS = int(os.environ.get("GROUPS", "1000000"))


def percentile(sorted_values, share):
    return sorted_values[min(len(sorted_values) - 1, int(len(sorted_values) * share))]


def latencies(server, seconds=15):
    """Milliseconds from INSERT to the row at a push query on another connection, sorted; at most COUNT of them or so many seconds."""
    reader, writer = Connection(server), Connection(server)
    writer.ask("CREATE STREAM IF NOT EXISTS quiet (id BIGINT) WITH (KAFKA_TOPIC='quiet', VALUE_FORMAT='JSON', PARTITIONS=1);")
    reader.send("SELECT id FROM quiet EMIT CHANGES;")
    reader.reader.readline()
    times, end = [], time.perf_counter() + seconds
    for i in range(COUNT):
        began = time.perf_counter()
        writer.send("INSERT INTO quiet VALUES (%d);" % i)
        reader.row()
        times.append((time.perf_counter() - began) * 1e3)
        while writer.reader.readline()[:1] not in "+-":
            pass
        if time.perf_counter() > end:
            break
    reader.close()
    writer.close()
    return sorted(times)


class Load:
    """Clients that keep doing something until they are told to stop. Errors of a client that is being stopped are expected."""

    def __init__(self, server, actions):
        self.server, self.stopping = server, threading.Event()
        self.threads = [threading.Thread(target=self.repeat, args=(action,), daemon=True) for action in actions]
        for thread in self.threads:
            thread.start()

    def repeat(self, action):
        connection = None
        while not self.stopping.is_set():
            try:
                connection = connection or Connection(self.server)
                action(connection)
            except (OSError, SystemExit, ValueError):
                connection = None
                self.stopping.wait(0.05)

    def stop(self):
        self.stopping.set()


def put(connection, stream, lines):
    connection.socket.sendall((".put %s json\n" % stream + "\n".join(lines) + "\n.end\n").encode())
    while connection.reader.readline()[:1] not in "+-":
        pass


def fill(server, stream, count, line):
    connection = Connection(server)
    for start in range(0, count, 10000):
        put(connection, stream, [line(i) for i in range(start, min(count, start + 10000))])
    connection.close()


def await_no_lag(server, table):
    """Waits until the query behind `table` has read everything."""
    connection = Connection(server)
    while True:
        connection.send("DESCRIBE %s EXTENDED;" % table)
        text = ""
        while (line := connection.reader.readline())[:1] not in "+-":
            text += line
        lags = re.findall(r"lag\D{0,12}(\d+)", text, re.I)
        if lags and set(lags) == {"0"}:
            break
        time.sleep(0.05)
    connection.close()


# Each prepares a server and gives the actions of its clients.

def hotkey(server):
    """A stream-stream join on one key: each new row meets thousands."""
    c = Connection(server)
    for side in "lr":
        c.ask("CREATE STREAM %s (k BIGINT KEY, v BIGINT) WITH (KAFKA_TOPIC='%s', VALUE_FORMAT='JSON', PARTITIONS=1);" % (side, side))
    c.ask("CREATE STREAM hot AS SELECT l.k AS k, l.v AS a, r.v AS b FROM l JOIN r WITHIN 1 HOURS ON l.k = r.k;")
    fill(server, "R", 5000, lambda i: '{"K":1,"V":%d}' % i)
    return [lambda c: put(c, "L", ['{"K":1,"V":1}'] * 200)]


def restore(server):
    """The server has just started and restores the state of a million groups."""
    return []


def waiting(server):
    """Two hundred sessions wait in an ASSERT."""
    return [lambda c: c.ask("ASSERT TOPIC nope TIMEOUT 30 SECONDS;")] * 200


def scan(server):
    """Questions that read a stream of two million rows."""
    Connection(server).ask("CREATE STREAM big (id BIGINT, v VARCHAR) WITH (KAFKA_TOPIC='big', VALUE_FORMAT='JSON', PARTITIONS=1);")
    fill(server, "BIG", ROWS, lambda i: '{"ID":%d,"V":"some text of a row"}' % i)
    return [lambda c: c.ask("SELECT COUNT(*) AS n, MAX(id) AS m FROM big;")] * 2


def load(server):
    """A client that loads at full speed."""
    Connection(server).ask("CREATE STREAM big (id BIGINT, v VARCHAR) WITH (KAFKA_TOPIC='big', VALUE_FORMAT='JSON', PARTITIONS=1);")
    lines = ['{"ID":%d,"V":"some text of a row"}' % i for i in range(20000)]
    return [lambda c: put(c, "BIG", lines)]


def topics(server):
    """Topics of fifty partitions are created and deleted."""
    numbers = itertools.count()

    def action(c):
        name = "t%d" % next(numbers)
        c.ask("CREATE STREAM %s (a INT) WITH (KAFKA_TOPIC='%s', VALUE_FORMAT='JSON', PARTITIONS=50);" % (name, name))
        c.ask("DROP STREAM %s DELETE TOPIC;" % name)

    return [action]


def prepared_groups():
    """A data directory whose table has GROUPS groups."""
    data = directory()
    server = Server(data, "--durability", "os")
    c = Connection(server)
    c.ask("CREATE STREAM g (k BIGINT, v BIGINT) WITH (KAFKA_TOPIC='g', VALUE_FORMAT='JSON', PARTITIONS=1);")
    c.ask("CREATE TABLE groups AS SELECT k, COUNT(*) AS n, SUM(v) AS s FROM g GROUP BY k;")
    fill(server, "G", GROUPS, lambda i: '{"K":%d,"V":%d}' % (i, i))
    await_no_lag(server, "GROUPS")
    server.stop()
    return data


def measure(name):
    p50, p99, stops = [], [], []
    for _ in range(RUNS):
        data = prepared_groups() if name == "restore" else directory()
        server = Server(data, "--durability", os.environ.get("DURABILITY", "fsync"))
        noise = Load(server, LOADS[name](server)) if name in LOADS else None
        if noise and noise.threads:
            time.sleep(0.5)
        times = latencies(server)
        p50.append(percentile(times, 0.5))
        p99.append(percentile(times, 0.99))
        began = time.perf_counter()
        server.process.terminate()
        try:
            server.process.wait(60)
            stops.append(time.perf_counter() - began)
        except subprocess.TimeoutExpired:
            stops.append(float("inf"))
            server.process.kill()
            server.process.wait()
        if noise:
            noise.stop()
        remove(data)
    print("%-8s INSERT to push row p50 %.2f ms, p99 %.2f ms; SIGTERM %.2f s (medians of %d, worst p99 %.2f ms, worst SIGTERM %.2f s)" % (
        name, statistics.median(p50), statistics.median(p99), statistics.median(stops), RUNS, max(p99), max(stops)), flush=True)


LOADS = {"hotkey": hotkey, "restore": restore, "waiting": waiting, "scan": scan, "load": load, "topics": topics}

if __name__ == "__main__":
    for name in ["alone"] + (sys.argv[2:] or list(LOADS)):
        measure(name)
