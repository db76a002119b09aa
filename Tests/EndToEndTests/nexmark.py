#!/usr/bin/env python3
"""Runs the queries of examples/nexmark over generated events and compares their rows with what SQLite computes from the same files.

  nexmark.py MILLRACE GENERATOR [EVENTS]     GENERATOR is the generator of the events, a script in Python
"""
import collections, json, os, sqlite3, subprocess, sys, tempfile

millrace, generator = sys.argv[1], sys.argv[2]
events = sys.argv[3] if len(sys.argv) > 3 else "20000"
examples = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "nexmark")
# Slower than the usual ten thousand events a second, so that there are several windows.
RATE = "400"

# By the names of their columns in the order of the answers; a window's bounds follow the key.
QUERIES = {
    "q2": "SELECT auction, price FROM bid WHERE auction % 123 = 0",
    "q3": """SELECT a.id, p.name, p.city, p.state FROM auction a JOIN person p ON a.seller = p.id
             WHERE a.category = 10 AND p.state IN ('OR', 'ID', 'CA')""",
    "q5": """SELECT auction, date_time / 2000 * 2000 - o AS start, date_time / 2000 * 2000 - o + 10000, COUNT(*)
             FROM bid, (SELECT 0 AS o UNION SELECT 2000 UNION SELECT 4000 UNION SELECT 6000 UNION SELECT 8000) GROUP BY auction, start""",
    "q7": "SELECT 1, date_time / 10000 * 10000 AS start, date_time / 10000 * 10000 + 10000, MAX(price) FROM bid GROUP BY start",
    "q8": """SELECT p.id, p.name, a.reserve FROM person p JOIN auction a
             ON p.id = a.seller AND ABS(p.date_time - a.date_time) <= 10000""",
    "q11": """SELECT bidder, MIN(date_time), MAX(date_time), COUNT(*) FROM
                (SELECT bidder, date_time, SUM(fresh) OVER (PARTITION BY bidder ORDER BY date_time, number) AS session FROM
                  (SELECT bidder, date_time, rowid AS number, date_time - LAG(date_time) OVER
                     (PARTITION BY bidder ORDER BY date_time, rowid) > 10000 AS fresh FROM bid))
              GROUP BY bidder, COALESCE(session, 0)""",
    "q12": "SELECT bidder, COUNT(*), SUM(price) FROM bid GROUP BY bidder",
    "q13": "SELECT auction % 10000, auction, bidder, price, date_time, 'note ' || (auction % 10000) FROM bid",
    "q17": """SELECT auction, strftime('%Y-%m-%d', date_time / 1000, 'unixepoch') AS day, COUNT(*), SUM(price < 10000),
                SUM(price >= 10000 AND price < 1000000), SUM(price >= 1000000), MIN(price), MAX(price), SUM(price) * 1.0 / COUNT(*),
                SUM(price)
              FROM bid GROUP BY auction, day""",
}


def run(*arguments):
    done = subprocess.run([millrace, *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit("%s: %s%s" % (" ".join(arguments), done.stdout, done.stderr))
    return done.stdout


with tempfile.TemporaryDirectory(prefix="millrace-nexmark-") as folder:
    subprocess.run(
        [sys.executable, generator, "--events", events, "--rate", RATE, "--out", folder], check=True, stderr=subprocess.DEVNULL)
    with open(folder + "/side.jsonl", "w") as side:
        for number in range(10000):
            side.write(json.dumps({"id": number, "note": "note %d" % number, "date_time": 1699999999999}) + "\n")
    judge = sqlite3.connect(":memory:")
    for name in ("person", "auction", "bid"):
        rows = [json.loads(line) for line in open("%s/%s.jsonl" % (folder, name))]
        judge.execute("CREATE TABLE %s (%s)" % (name, ", ".join(rows[0])))
        judge.executemany("INSERT INTO %s VALUES (%s)" % (name, ", ".join("?" for _ in rows[0])), [list(row.values()) for row in rows])

    data = folder + "/data"
    run("run", "--data", data, examples + "/sources.sql")
    for source, file in (("bid", "bid"), ("person_event", "person"), ("auction_event", "auction"), ("side_input", "side")):
        run("load", source, "%s/%s.jsonl" % (folder, file), "--data", data)
    wrong = 0
    for name, question in QUERIES.items():
        run("run", "--data", data, "%s/%s.sql" % (examples, name))
        answer = run("run", "--data", data, "--output", "ndjson", "-c", "SELECT * FROM %s;" % name)
        mine = collections.Counter(tuple(json.loads(line).values()) for line in answer.splitlines())
        theirs = collections.Counter(tuple(row) for row in judge.execute(question))
        if mine == theirs:
            continue
        wrong += 1
        print("%s: %d rows, %d expected" % (name, mine.total(), theirs.total()))
        for title, rows in (("too many", mine - theirs), ("missing", theirs - mine)):
            print("  %s: %s" % (title, list(rows)[:3]))
    print("ok" if wrong == 0 else "%d queries differ" % wrong)
    sys.exit(wrong)
