#!/usr/bin/env python3
"""Measures the figures of the README against a release build; prints medians and, for latencies, percentiles.

  measure.py MILLRACE [BIDS.jsonl]     BIDS are Nexmark bids, one JSON object a line; without them loads and queries are left out
"""
import json, os, socket, statistics, subprocess, sys, tempfile, time

millrace = sys.argv[1]
bids = sys.argv[2] if len(sys.argv) > 2 else None
RUNS = int(os.environ.get("RUNS", "5"))


class Server:
    def __init__(self, data, *arguments, core=None):
        started = time.perf_counter()
        pin = ["taskset", "-c", str(core)] if core is not None else []
        self.process = subprocess.Popen(
            pin + [millrace, "serve", "--data", data, "--listen", "127.0.0.1:0", *arguments], stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            if "event=listening" in line:
                self.address = line.split("address=")[1].split()[0]
                break
        else:
            sys.exit("the server did not start")
        self.port = int(self.address.rsplit(":", 1)[1])
        connection = Connection(self)
        connection.ask("SHOW STREAMS;")
        self.start_ms = (time.perf_counter() - started) * 1000
        connection.close()

    def resident_mib(self):
        for line in open("/proc/%d/status" % self.process.pid):
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Connection:
    def __init__(self, server):
        self.socket = socket.create_connection(("127.0.0.1", server.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = self.socket.makefile("r")
        self.reader.readline()

    def send(self, sql):
        self.socket.sendall((sql + "\n").encode())

    def ask(self, sql):
        self.send(sql)
        while True:
            line = self.reader.readline()
            if line[:1] == "+":
                return line
            if line[:1] in ("-", ""):
                sys.exit(sql + ": " + line)

    def row(self):
        while True:
            line = self.reader.readline()
            if line[:1] == ":":
                return line
            if line[:1] in ("-", ""):
                sys.exit("the push query ended: " + line)

    def close(self):
        self.socket.close()


def directory():
    return tempfile.mkdtemp(prefix="millrace-measure-")


def remove(path):
    subprocess.run(["rm", "-rf", path])


def start_and_idle():
    starts, idle = [], []
    for _ in range(RUNS):
        data = directory()
        server = Server(data)
        starts.append(server.start_ms)
        idle.append(server.resident_mib())
        server.stop()
        remove(data)
    print("start of `serve` on an empty directory to the first answer: %.1f ms (median of %d)" % (statistics.median(starts), RUNS))
    print("idle resident memory: %.1f MiB" % statistics.median(idle))


def latency(durability, count=2000):
    data = directory()
    server = Server(data, "--durability", durability)
    setup, reader, writer = Connection(server), Connection(server), Connection(server)
    setup.ask("CREATE STREAM s (id BIGINT, v VARCHAR) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON');")
    reader.send("SELECT * FROM s EMIT CHANGES;")
    reader.reader.readline()
    times = []
    for i in range(count + 100):
        began = time.perf_counter()
        writer.send("INSERT INTO s VALUES (%d, 'x');" % i)
        reader.row()
        if i >= 100:
            times.append((time.perf_counter() - began) * 1e6)
        while writer.reader.readline()[:1] != "+":
            pass
    times.sort()
    print("INSERT to the row at a push query on another connection, %s: p50 %.0f µs, p99 %.0f µs" % (
        durability, times[len(times) // 2], times[len(times) * 99 // 100]))
    server.stop()
    remove(data)


BID = ("CREATE STREAM bid (auction BIGINT, bidder BIGINT, price BIGINT, channel VARCHAR, url VARCHAR, date_time BIGINT, extra VARCHAR) "
       "WITH (KAFKA_TOPIC='bid', VALUE_FORMAT='JSON', PARTITIONS=1);")
QUERIES = (
    ("CREATE STREAM … AS SELECT auction, bidder, price*0.908, date_time",
     "CREATE STREAM %s AS SELECT auction, bidder, price*0.908 AS price, date_time FROM bid;"),
    ("CREATE TABLE … COUNT(*), SUM(price) … GROUP BY bidder",
     "CREATE TABLE %s AS SELECT bidder, COUNT(*) AS n, SUM(price) AS total FROM bid GROUP BY bidder;"),
)


def load(durability, records):
    rates = []
    for _ in range(RUNS):
        data = directory()
        server = Server(data, "--durability", durability)
        Connection(server).ask(BID)
        began = time.perf_counter()
        subprocess.run([millrace, "load", "BID", bids, "--format", "json", "--server", server.address], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        rates.append(records / (time.perf_counter() - began))
        server.stop()
        remove(data)
    print("load of %d bids, %s: %.2f M records/s" % (records, durability, statistics.median(rates) / 1e6))


def queries(records):
    data = directory()
    server = Server(data, "--durability", "os")
    Connection(server).ask(BID)
    subprocess.run([millrace, "load", "BID", bids, "--format", "json", "--server", server.address], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    server.stop()
    server = Server(data, "--durability", "os", "--threads", "1", core=1)
    connection = Connection(server)
    connection.ask("CREATE STREAM mark (v INT) WITH (KAFKA_TOPIC='mark', VALUE_FORMAT='JSON');")
    for name, statement in QUERIES:
        rates = []
        for run in range(RUNS):
            answer = json.loads(connection.ask(statement % ("r%d" % run))[1:])
            began = time.perf_counter()
            # A row of this session makes its next bounded query wait for the commit that covers the last input offset.
            connection.ask("INSERT INTO mark VALUES (1);")
            connection.ask("SELECT * FROM r%d LIMIT 0;" % run)
            rates.append(records / (time.perf_counter() - began))
            kind = "TABLE" if "TABLE" in statement else "STREAM"
            connection.ask("DROP %s r%d DELETE TOPIC;" % (kind, run))
        print("%s, one core, os: %.2f M events/s (%s)" % (
            name, statistics.median(rates) / 1e6, " ".join("%.2f" % (rate / 1e6) for rate in rates)))
    server.stop()
    remove(data)


if __name__ == "__main__":
    print("binary: %.1f MB as built" % (os.path.getsize(millrace) / 1e6))
    start_and_idle()
    latency("fsync")
    latency("os")
    if bids:
        records = sum(1 for _ in open(bids, "rb"))
        load("os", records)
        load("fsync", records)
        queries(records)
