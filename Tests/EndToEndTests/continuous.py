#!/usr/bin/env python3
"""Kills a server under load, again and again, and compares each continuous query with the bounded one over the same input.

  continuous.py MILLRACE [--seed N] [--kills N]

Two streams are loaded with random rows that are up to some minutes out of order, over the night in which Berlin's clock is put forward.
Continuous queries over them are windows in local time, late rows, an ASOF join, a join of a stream with itself, Top-N with all kinds of QUALIFY, LAG and its kind,
the windows of a table added up, joins of tables on foreign and primary keys, LEFT joins of streams, views that join, sessions, hopping and final
windows, tables aggregated again, and DISTINCT in windows. At the end each of them must hold what a question over the streams answers, as a multiset.
Prints the seed and `ok`, or the first query that differs, and exits with 1.
"""
import argparse, collections, json, os, random, shutil, signal, sys, tempfile, threading, time

sys.dont_write_bytecode = True  # The package's folder holds sources only.
sys.path.append(os.path.dirname(os.path.abspath(__file__)))
import serving

BATCH, MOST = 40, 30
# 2024-03-30T12:00:00Z; a row comes every twenty seconds, at most five minutes out of order.
BEGINNING, STEP, DISORDER = 1711800000000, 20_000, 300_000
DAY = "FORMAT_TIMESTAMP(FROM_UNIXTIME({}), 'yyyy-MM-dd', 'Europe/Berlin')"

STREAMS = [
    "CREATE STREAM s (k VARCHAR KEY, id BIGINT, v INT, t BIGINT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1, TIMESTAMP='t');",
    "CREATE STREAM q (k VARCHAR KEY, id BIGINT, t BIGINT) WITH (KAFKA_TOPIC='q', VALUE_FORMAT='JSON', PARTITIONS=1, TIMESTAMP='t');",
    "CREATE TABLE names (v INT PRIMARY KEY, name VARCHAR) WITH (KAFKA_TOPIC='names', VALUE_FORMAT='JSON', PARTITIONS=1);",
    "CREATE TABLE latest AS SELECT k, LATEST_BY_OFFSET(v) AS v FROM s GROUP BY k;",
    "INSERT INTO names VALUES (0, 'none'), (1, 'one'), (2, 'two'), (4, 'four');",
    "CREATE TABLE codes (v INT PRIMARY KEY, name VARCHAR) WITH (KAFKA_TOPIC='codes', VALUE_FORMAT='JSON', PARTITIONS=1);",
    "INSERT INTO codes (ROWTIME, v, name) VALUES (0, 0, 'even'), (0, 1, 'odd'), (0, 2, 'even'), (0, 4, 'even');",
    "CREATE VIEW coded AS SELECT s.k AS k, s.id AS id, s.v AS v, c.name AS name FROM s JOIN codes c ON s.v = c.v WHERE s.id % 5 <> 0;",
    "CREATE TABLE counted AS SELECT k, COUNT(*) AS n FROM q GROUP BY k;",
]

# The continuous query, what to read of it, and the question that must say the same. Rows of the key 'end' only move time on.
QUERIES = {
    "windows of local days": (
        "CREATE TABLE daily AS SELECT k, COUNT(*) AS n, SUM(v) AS total FROM s "
        "WINDOW TUMBLING (SIZE 1 DAY, TIME ZONE 'Europe/Berlin', RETENTION 4000 DAYS, GRACE PERIOD 3000 DAYS) GROUP BY k;",
        "SELECT k, " + DAY.format("WINDOWSTART") + " AS d, n, total FROM daily WHERE k <> 'end';",
        "SELECT k, " + DAY.format("ROWTIME") + " AS d, COUNT(*) AS n, SUM(v) AS total FROM s WHERE k <> 'end' "
        "GROUP BY k, " + DAY.format("ROWTIME") + ";"),
    "rows in time and late rows": (
        "CREATE TABLE strict AS SELECT k, COUNT(*) AS n FROM s "
        "WINDOW TUMBLING (SIZE 1 MINUTE, RETENTION 4000 DAYS, GRACE PERIOD 30 SECONDS) WHERE k <> 'end' GROUP BY k LATE ROWS INTO late;",
        "SELECT k, SUM(n) AS n FROM (SELECT k, n FROM strict UNION ALL SELECT k, COUNT(*) AS n FROM late GROUP BY k) x GROUP BY k;",
        "SELECT k, COUNT(*) AS n FROM s WHERE k <> 'end' GROUP BY k;"),
    "late rows": (
        None,
        "SELECT id, WINDOW_END - WINDOW_START AS length, LATE_MS > 30000 AS is_late FROM late;",
        "SELECT id, 60000 AS length, true AS is_late FROM (SELECT k, id, ROWTIME AS t, MAX(ROWTIME) OVER (ORDER BY ROWOFFSET "
        "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS now FROM s WHERE k <> 'end') x "
        "WHERE (t / 60000 + 1) * 60000 <= now - 30000;"),
    "ASOF join": (
        "CREATE STREAM priced AS SELECT s.k AS k, s.id AS id, q.id AS other FROM s ASOF LEFT JOIN q WITHIN 20 MINUTES GRACE PERIOD 6 HOURS "
        "ON s.k = q.k AND s.ROWTIME >= q.ROWTIME;",
        "SELECT k, id, other FROM priced WHERE k <> 'end';",
        "SELECT s.k, s.id, q.id AS other FROM s ASOF LEFT JOIN q WITHIN 20 MINUTES ON s.k = q.k AND s.ROWTIME >= q.ROWTIME "
        "WHERE s.k <> 'end';"),
    "self-join": (
        "CREATE STREAM pairs AS SELECT a.k AS k, a.id AS one, b.id AS two FROM s a JOIN s b WITHIN 1 MINUTE ON a.k = b.k;",
        "SELECT k, one, two FROM pairs WHERE k <> 'end';",
        "SELECT a.k, a.id AS one, b.id AS two FROM s a JOIN s b WITHIN 1 MINUTE ON a.k = b.k WHERE a.k <> 'end';"),
    "Top-N": (
        "CREATE TABLE best AS SELECT v, k, id, ROW_NUMBER() OVER (PARTITION BY v ORDER BY k DESC, id) AS rn FROM s QUALIFY rn <= 3;",
        "SELECT v, rn, k, id FROM best;",
        "SELECT v, ROW_NUMBER() OVER (PARTITION BY v ORDER BY k DESC, id) AS rn, k, id FROM s "
        "QUALIFY ROW_NUMBER() OVER (PARTITION BY v ORDER BY k DESC, id) <= 3;"),
    "second rows": (
        "CREATE TABLE second AS SELECT v, k, id, ROW_NUMBER() OVER (PARTITION BY v ORDER BY k DESC, id) AS rn FROM s QUALIFY rn = 2;",
        "SELECT v, rn, k, id FROM second;",
        "SELECT v, ROW_NUMBER() OVER (PARTITION BY v ORDER BY k DESC, id) AS rn, k, id FROM s "
        "QUALIFY ROW_NUMBER() OVER (PARTITION BY v ORDER BY k DESC, id) = 2;"),
    "some of the first rows": (
        "CREATE TABLE some AS SELECT k, id, v, ROW_NUMBER() OVER (PARTITION BY k ORDER BY v DESC, id DESC) AS rn FROM s "
        "QUALIFY rn BETWEEN 2 AND 5 AND id % 3 <> 1;",
        "SELECT k, rn, id, v FROM some;",
        "SELECT k, rn, id, v FROM (SELECT k, ROW_NUMBER() OVER (PARTITION BY k ORDER BY v DESC, id DESC) AS rn, id, v FROM s) x "
        "WHERE rn BETWEEN 2 AND 5 AND id % 3 <> 1;"),
    "QUALIFY on LAG": (
        "CREATE STREAM rises AS SELECT k, id, v, LAG(v) OVER (PARTITION BY k) AS before FROM s QUALIFY v > before;",
        "SELECT k, id, v, before FROM rises;",
        "SELECT k, id, v, before FROM (SELECT k, id, v, LAG(v) OVER (PARTITION BY k ORDER BY ROWOFFSET) AS before FROM s) x WHERE v > before;"),
    "LAG and its kind": (
        "CREATE STREAM steps AS SELECT k, id, LAG(id, 2, -1) OVER (PARTITION BY k) AS two, v - LAG(v) OVER (PARTITION BY k) AS step, "
        "FIRST_VALUE(id) OVER (PARTITION BY k) AS first, ROW_NUMBER() OVER (PARTITION BY k) AS n FROM s;",
        "SELECT k, id, two, step, first, n FROM steps;",
        "SELECT k, id, LAG(id, 2, -1) OVER (PARTITION BY k ORDER BY ROWOFFSET) AS two, "
        "v - LAG(v) OVER (PARTITION BY k ORDER BY ROWOFFSET) AS step, FIRST_VALUE(id) OVER (PARTITION BY k ORDER BY ROWOFFSET) AS first, "
        "ROW_NUMBER() OVER (PARTITION BY k ORDER BY ROWOFFSET) AS n FROM s;"),
    "LEAD": (
        "CREATE STREAM coming AS SELECT k, id, LEAD(id) OVER (PARTITION BY k) AS next, LEAD(v, 3) OVER (PARTITION BY k) AS third, "
        "LAG(id) OVER (PARTITION BY k) AS last, ROW_NUMBER() OVER (PARTITION BY k) AS n FROM s;",
        "SELECT k, id, next, third, last, n FROM coming;",
        "SELECT k, id, next, third, last, n FROM (SELECT k, id, LEAD(id) OVER w AS next, LEAD(v, 3) OVER w AS third, LAG(id) OVER w AS last, "
        "ROW_NUMBER() OVER w AS n, ROW_NUMBER() OVER (PARTITION BY k ORDER BY ROWOFFSET DESC) AS back FROM s "
        "WINDOW w AS (PARTITION BY k ORDER BY ROWOFFSET)) x WHERE back > 3;"),
    "windows added up": (
        "CREATE TABLE whole AS SELECT k, SUM(total) AS total, COUNT(*) AS parts FROM daily GROUP BY k;",
        "SELECT k, total, parts FROM whole WHERE k <> 'end';",
        "SELECT k, SUM(v) AS total, COUNT(DISTINCT " + DAY.format("ROWTIME") + ") AS parts FROM s WHERE k <> 'end' GROUP BY k;"),
    "a foreign key, joined again and to itself": (
        "CREATE TABLE kin AS SELECT a.k AS k, a.v AS v, n.name AS name, o.v AS other FROM latest a LEFT JOIN names n ON a.v = n.v "
        "LEFT JOIN latest o ON a.k = o.k;",
        "SELECT k, v, name, other FROM kin;",
        "SELECT a.k, a.v, n.name, a.v AS other FROM (SELECT k, LATEST_BY_OFFSET(v) AS v FROM s GROUP BY k) a LEFT JOIN names n ON a.v = n.v;"),
    "DISTINCT in windows": (
        "CREATE STREAM seen AS SELECT DISTINCT k, v FROM s WINDOW TUMBLING (SIZE 10 MINUTES, GRACE PERIOD 6 HOURS);",
        "SELECT k, v, ROWTIME / 600000 AS w FROM seen WHERE k <> 'end';",
        "SELECT DISTINCT k, v, ROWTIME / 600000 AS w FROM s WHERE k <> 'end';"),
    "a view that joins": (
        "CREATE STREAM named AS SELECT v, k, id, UCASE(name) AS name FROM coded WHERE id % 3 <> 0;",
        "SELECT v, k, id, name FROM named;",
        "SELECT v, k, id, UCASE(name) AS name FROM coded WHERE id % 3 <> 0;"),
    "a view that joins, counted": (
        "CREATE TABLE tally AS SELECT name, COUNT(*) AS n, SUM(v) AS total FROM coded GROUP BY name;",
        "SELECT name, n, total FROM tally;",
        "SELECT name, COUNT(*) AS n, SUM(v) AS total FROM coded GROUP BY name;"),
    # A row that comes when its window is over leaves alone at once, as ksqlDB has it: so the window is longer than rows are late.
    "LEFT JOIN of streams": (
        "CREATE STREAM lefts AS SELECT s.k AS k, s.id AS id, q.id AS other FROM s LEFT JOIN q WITHIN (10 MINUTES, 40 MINUTES) "
        "GRACE PERIOD 6 HOURS ON s.k = q.k;",
        "SELECT k, id, other FROM lefts WHERE k <> 'end';",
        "SELECT s.k, s.id, q.id AS other FROM s LEFT JOIN q WITHIN (10 MINUTES, 40 MINUTES) ON s.k = q.k WHERE s.k <> 'end';"),
    "hopping windows with HAVING": (
        "CREATE TABLE hops AS SELECT k, COUNT(*) AS n FROM s WINDOW HOPPING (SIZE 10 MINUTES, ADVANCE BY 4 MINUTES, RETENTION 4000 DAYS, "
        "GRACE PERIOD 3000 DAYS) GROUP BY k HAVING COUNT(*) > 1;",
        "SELECT k, WINDOWSTART AS w, n FROM hops WHERE k <> 'end';",
        "SELECT k, WINDOWSTART AS w, COUNT(*) AS n FROM s WINDOW HOPPING (SIZE 10 MINUTES, ADVANCE BY 4 MINUTES, GRACE PERIOD 3000 DAYS) "
        "WHERE k <> 'end' GROUP BY k HAVING COUNT(*) > 1;"),
    "sessions": (
        "CREATE TABLE visits AS SELECT k, COUNT(*) AS n, MIN(id) AS low, MAX(id) AS high FROM s WINDOW SESSION (4 MINUTES, RETENTION 4000 DAYS, "
        "GRACE PERIOD 3000 DAYS) GROUP BY k;",
        "SELECT k, WINDOWSTART AS a, WINDOWEND AS b, n, low, high FROM visits WHERE k <> 'end';",
        "SELECT k, WINDOWSTART AS a, WINDOWEND AS b, COUNT(*) AS n, MIN(id) AS low, MAX(id) AS high FROM s "
        "WINDOW SESSION (4 MINUTES, GRACE PERIOD 3000 DAYS) WHERE k <> 'end' GROUP BY k;"),
    "windows at their end": (
        "CREATE TABLE ended AS SELECT k, COUNT(*) AS n FROM s WINDOW TUMBLING (SIZE 5 MINUTES, RETENTION 4000 DAYS, GRACE PERIOD 6 HOURS) "
        "GROUP BY k EMIT FINAL;",
        "SELECT k, WINDOWSTART AS w, n FROM ended WHERE k <> 'end';",
        "SELECT k, ROWTIME / 300000 * 300000 AS w, COUNT(*) AS n FROM s WHERE k <> 'end' GROUP BY k, ROWTIME / 300000 * 300000;"),
    "a table aggregated again": (
        "CREATE TABLE spread AS SELECT v, COUNT(*) AS n, SUM(CAST(v AS DECIMAL(4, 1))) AS total, COLLECT_LIST(k) AS keys FROM latest GROUP BY v;",
        "SELECT v, n, total, ARRAY_SORT(keys) AS keys FROM spread WHERE n > 0;",
        "SELECT v, COUNT(*) AS n, SUM(CAST(v AS DECIMAL(4, 1))) AS total, ARRAY_SORT(COLLECT_LIST(k)) AS keys "
        "FROM (SELECT k, LATEST_BY_OFFSET(v) AS v FROM s GROUP BY k) x GROUP BY v;"),
    "FULL JOIN of tables": (
        "CREATE TABLE both AS SELECT ROWKEY, a.v AS v, b.n AS n FROM latest a FULL JOIN counted b ON a.k = b.k;",
        "SELECT ROWKEY AS k, v, n FROM both;",
        "SELECT COALESCE(a.k, b.k) AS k, a.v AS v, b.n AS n FROM (SELECT k, LATEST_BY_OFFSET(v) AS v FROM s GROUP BY k) a "
        "FULL JOIN (SELECT k, COUNT(*) AS n FROM q GROUP BY k) b ON a.k = b.k;"),
    "INNER JOIN on a foreign key": (
        "CREATE TABLE coding AS SELECT a.k AS k, c.name AS name FROM latest a JOIN codes c ON a.v = c.v;",
        "SELECT k, name FROM coding;",
        "SELECT a.k, c.name FROM (SELECT k, LATEST_BY_OFFSET(v) AS v FROM s GROUP BY k) a JOIN codes c ON a.v = c.v;"),
}


def ask(connection, sql):
    """The rows of one statement as texts."""
    connection.send(sql + "\n")
    lines = connection.answer()
    if lines[-1][0] == "-":
        sys.exit("%s\n%s" % (sql, lines[-1]))
    return [json.dumps(json.loads(line[1:])) for line in lines if line[0] == ":"]


def put(connection, stream, rows):
    connection.send(".put %s json\n%s.end\n" % (stream, "".join(json.dumps(row) + "\n" for row in rows)))
    if connection.answer()[-1][0] == "-":
        sys.exit(".put failed")


def load(connection, chance, state):
    """Loads batches of both streams until the connection ends; so many at most that the questions at the end stay small."""
    for _ in range(MOST):
        number = state["next"]
        state["next"] += BATCH
        for stream in ("Q", "S"):
            rows = []
            for place in range(number, number + BATCH):
                t = BEGINNING + place * STEP - chance.randrange(DISORDER)
                row = dict(k="k%d" % chance.randrange(30), id=place, t=t)
                if stream == "S":
                    row["v"] = chance.randrange(6)
                rows.append(row)
            put(connection, stream, rows)
    connection.answer()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("millrace")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    parser.add_argument("--kills", type=int, default=4)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    print("seed %d" % options.seed, flush=True)
    data = tempfile.mkdtemp(prefix="millrace-continuous-")
    try:
        run(options, chance, data)
    finally:
        shutil.rmtree(data, ignore_errors=True)


def run(options, chance, data):
    server = serving.Server(options.millrace, data)
    connection = serving.Connection(server.port)
    for statement in STREAMS + [query for query, _, _ in QUERIES.values() if query]:
        ask(connection, statement)
    state = dict(next=0)
    for _ in range(options.kills):
        killer = threading.Timer(chance.uniform(0.1, 0.8), lambda: server.process.send_signal(signal.SIGKILL))
        killer.start()
        try:
            load(serving.Connection(server.port), chance, state)
        except (ConnectionError, OSError):
            pass
        killer.join()
        server.process.wait()
        server = serving.Server(options.millrace, data)
    connection = serving.Connection(server.port)
    # Time moves on, so that what waits leaves; the questions of this session wait for the queries upstream.
    end = BEGINNING + state["next"] * STEP + 86_400_000
    for stream in ("Q", "S"):
        row = dict(k="end", id=-1, t=end)
        if stream == "S":
            row["v"] = -1
        put(connection, stream, [row])
    ask(connection, "INSERT INTO q (k, id, t) VALUES ('end', -2, %d);" % (end + 1))
    ask(connection, "INSERT INTO s (k, id, v, t) VALUES ('end', -2, -1, %d);" % (end + 1))
    failed = False
    for name, (_, read, question) in QUERIES.items():
        continuous = collections.Counter(ask(connection, read))
        bounded = collections.Counter(ask(connection, question))
        if continuous != bounded:
            failed = True
            print("%s: %d rows, but %d in the question" % (name, sum(continuous.values()), sum(bounded.values())))
            print("  missing: %s" % list((bounded - continuous).items())[:5])
            print("  too many: %s" % list((continuous - bounded).items())[:5])
        else:
            print("%s: %d rows" % (name, sum(continuous.values())))
    server.process.send_signal(signal.SIGTERM)
    server.process.wait(60)
    if failed:
        sys.exit(1)
    print("ok: %d rows sent, %d kills" % (state["next"] * 2, options.kills))


main()
