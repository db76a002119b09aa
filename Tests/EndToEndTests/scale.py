#!/usr/bin/env python3
"""Many rows, keys, windows and queries, checked against sqlite3 or plain Python.

  scale.py MILLRACE ROWS [SEED [CASE…]]

Each case starts a server on a directory of its own, sends seeded random records, some before its queries are made and some after, and
compares what the queries say with what is computed here. Then the server is killed, and all is compared again; then come more records,
and after a restart all is compared a third time. Prints a line a case with its seconds; exits with 1 at the first difference.
"""
import collections, json, os, random, re, shutil, signal, socket, sqlite3, subprocess, sys, tempfile, threading, time

millrace, ROWS = sys.argv[1], int(sys.argv[2])
seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
wanted = sys.argv[4:]
PATIENCE = 60 + ROWS / 2_000
servers = []


class Server:
    def __init__(self, data, *flags):
        self.process = subprocess.Popen(
            [millrace, "serve", "--data", data, "--listen", "127.0.0.1:0", "--durability", "os", *flags],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        servers.append(self.process)
        self.lines = collections.deque(maxlen=50)
        for line in self.process.stderr:
            self.lines.append(line)
            if "event=listening" in line:
                self.port = int(line.split("address=")[1].split()[0].rsplit(":", 1)[1])
                break
        else:
            fail("the server did not start: " + "".join(self.lines))
        threading.Thread(target=self.drain, daemon=True).start()

    def drain(self):
        for line in self.process.stderr:
            self.lines.append(line)

    def client(self):
        return Client(self)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)

    def resident(self):
        """Megabytes in memory."""
        with open("/proc/%d/status" % self.process.pid) as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1)) >> 10


class Client:
    def __init__(self, server):
        self.server = server
        self.connection = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)
        self.reader = self.connection.makefile("r", encoding="utf-8", newline="\n")
        self.reader.readline()

    def answer(self, what):
        rows, self.lags = [], False
        while True:
            try:
                line = self.reader.readline()
            except TimeoutError:
                fail("no answer within %d s to %s" % (PATIENCE, what))
            if not line:
                fail("the connection ended during %s\n%s" % (what, "".join(self.server.lines)))
            if line[0] == "?" and "caught up" in line:
                self.lags = True
            elif line[0] == ":":
                rows.append(tuple(map(freeze, json.loads(line[1:]))))
            elif line[0] == "+":
                return rows, json.loads(line[1:])
            elif line[0] == "-":
                fail("%s: %s" % (what, line))

    def ask(self, sql):
        deadline = time.monotonic() + PATIENCE
        while True:
            self.connection.sendall((sql + "\n").encode())
            rows = self.answer(sql[:300])[0]
            # A question waits some seconds for the queries upstream, and says when that was too short.
            if not self.lags:
                return rows
            if time.monotonic() > deadline:
                fail("the queries have not caught up within %d s for %s" % (PATIENCE, sql))

    def put(self, stream, records, form="json"):
        lines = (json.dumps(r, ensure_ascii=False) if form == "json" else r for r in records)
        body = "".join(".put %s %s\n%s\n.end\n" % (stream, form, "\n".join(lines)) if records else "")
        writer = threading.Thread(target=self.connection.sendall, args=(body.encode(),))
        writer.start()
        stored = self.answer(".put " + stream)[1]["rows"]
        writer.join()
        if stored != len(records):
            fail("%d of %d records of %s were stored" % (stored, len(records), stream))


def freeze(value):
    """A value that can be a member of a set."""
    if isinstance(value, list):
        return tuple(map(freeze, value))
    if isinstance(value, dict):
        return tuple(sorted((k, freeze(v)) for k, v in value.items()))
    return value


def fail(text):
    print("FAILED (rows %d, seed %d, case %s): %s; data in %s" % (ROWS, seed, current, text, folder), flush=True)
    end()


def end(*_):
    for process in servers:
        process.kill()
    os._exit(1)


signal.signal(signal.SIGTERM, end)


def compare(name, found, expected):
    found, expected = collections.Counter(found), collections.Counter(expected)
    if found != expected:
        missing, extra = expected - found, found - expected
        fail("%s: %d rows, expected %d; %d missing, such as %s; %d too many, such as %s" % (
            name, found.total(), expected.total(), missing.total(), list(missing)[:3], extra.total(), list(extra)[:3]))


class Case:
    """`source` makes the inputs, `queries` the queries, `records(phase)` gives what to send as (stream, records), `checks()` gives
    (question, expected rows) for all that was sent so far."""
    def __init__(self, partitions):
        self.partitions = partitions
        self.chance = random.Random(seed * 100 + partitions)

    def run(self):
        self.server = Server(folder)
        client = self.server.client()
        client.ask("SET 'auto.offset.reset'='earliest';")
        client.ask("SET 'millrace.default.partitions'='%d';" % self.partitions)
        for statement in self.sources:
            client.ask(statement)
        self.send(client, 0)
        for statement in self.queries:
            client.ask(statement)
        self.send(client, 1)
        self.check(client, "at first")
        self.server.kill()
        self.server = Server(folder)
        client = self.server.client()
        self.check(client, "after a kill")
        self.send(client, 2)
        self.check(client, "after more records")
        self.server.stop()
        self.server = Server(folder)
        self.check(self.server.client(), "after a restart")
        self.server.kill()

    def send(self, client, phase):
        for stream, records in self.records(phase):
            client.put(stream, records)

    def check(self, client, when):
        for question, expected in self.checks():
            compare(when + ", " + question, client.ask(question), expected)


class Groups(Case):
    """GROUP BY keys of every kind, few and many, and most aggregates."""
    def __init__(self, partitions):
        super().__init__(partitions)
        self.rows, self.db = [], sqlite3.connect(":memory:")
        self.db.execute("CREATE TABLE e (id INT, few INT, some INT, many INT, name TEXT, v INT, x REAL)")
        self.sources = ["CREATE STREAM e (id BIGINT, few BIGINT, some BIGINT, many BIGINT, name VARCHAR, v BIGINT, x DOUBLE, dec DECIMAL(14, 2), s STRUCT<a BIGINT, b VARCHAR>) WITH (KAFKA_TOPIC='e', VALUE_FORMAT='JSON');"]
        every = "COUNT(*) AS n, SUM(v) AS total, MIN(v) AS low, MAX(v) AS high, AVG(x) AS mean"
        self.queries = [
            "CREATE TABLE by_few AS SELECT few, %s FROM e GROUP BY few;" % every,
            "CREATE TABLE by_some AS SELECT some, %s, COUNT(v) AS m FROM e GROUP BY some;" % every,
            "CREATE TABLE by_many AS SELECT many, %s FROM e GROUP BY many;" % every,
            "CREATE TABLE by_name AS SELECT name, %s FROM e GROUP BY name;" % every,
            "CREATE TABLE by_two WITH (KEY_FORMAT='JSON') AS SELECT few, name, COUNT(*) AS n FROM e GROUP BY few, name;",
            "CREATE TABLE by_x AS SELECT x, COUNT(*) AS n FROM e GROUP BY x;",
            "CREATE TABLE by_dec WITH (KEY_FORMAT='JSON') AS SELECT dec, COUNT(*) AS n FROM e GROUP BY dec;",
            "CREATE TABLE by_s WITH (KEY_FORMAT='JSON') AS SELECT s, COUNT(*) AS n FROM e GROUP BY s;",
            "CREATE TABLE several AS SELECT some, COUNT(*) AS n FROM e GROUP BY some HAVING COUNT(*) > 1;",
            "CREATE TABLE lists AS SELECT some, COLLECT_LIST(id) AS l, COLLECT_SET(few) AS s, TOPK(v, 3) AS t, LATEST_BY_OFFSET(id) AS z, EARLIEST_BY_OFFSET(id) AS a FROM e GROUP BY some;",
            "CREATE STREAM rekeyed AS SELECT many, id FROM e PARTITION BY many;",
            "CREATE STREAM filtered AS SELECT id, v * 2 AS w, x / 2 AS h, UCASE(name) AS u FROM e WHERE v > 0 AND name IS NOT NULL;",
        ]

    def records(self, phase):
        chance, some, many = self.chance, max(10, ROWS // 4), ROWS * 2 // 3
        rows = []
        for id in range(len(self.rows), len(self.rows) + ROWS // 3):
            rows.append((id, chance.randrange(10), chance.randrange(some), chance.randrange(many),
                         None if chance.random() < 0.02 else "näme-%d\"\\" % chance.randrange(some),
                         None if chance.random() < 0.05 else chance.randrange(-1000, 1000), chance.randrange(many) / 4))
        self.rows += rows
        self.db.executemany("INSERT INTO e VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        names = ("id", "few", "some", "many", "name", "v", "x")
        for start in range(0, len(rows), 50_000):
            yield "E", [dict(zip(names, r), dec=r[6], s={"a": r[2], "b": str(r[1])}) for r in rows[start:start + 50_000]]

    def checks(self):
        every = "COUNT(*), COALESCE(SUM(v), 0), MIN(v), MAX(v), AVG(x)"
        sql = lambda text: self.db.execute(text).fetchall()
        for column in ("few", "some", "many", "name"):
            more = (", m", ", COUNT(v)") if column == "some" else ("", "")
            yield ("SELECT %s, n, total, low, high, mean%s FROM by_%s;" % (column, more[0], column),
                   sql("SELECT %s, %s%s FROM e WHERE %s IS NOT NULL GROUP BY 1" % (column, every, more[1], column)))
        yield "SELECT few, name, n FROM by_two;", sql("SELECT few, name, COUNT(*) FROM e WHERE name IS NOT NULL GROUP BY 1, 2")
        counts = sql("SELECT x, COUNT(*) FROM e GROUP BY 1")
        yield "SELECT x, n FROM by_x;", counts
        yield "SELECT dec, n FROM by_dec;", counts
        yield "SELECT s->a, s->b, n FROM by_s;", [(a, str(b), n) for a, b, n in sql("SELECT some, few, COUNT(*) FROM e GROUP BY 1, 2")]
        yield "SELECT some, n FROM several;", sql("SELECT some, COUNT(*) FROM e GROUP BY 1 HAVING COUNT(*) > 1")
        lists = collections.defaultdict(list)
        for row in self.rows:
            lists[row[2]].append(row)
        if self.partitions == 1:
            yield "SELECT some, l, s, t, z, a FROM lists;", [
                (some, tuple(r[0] for r in l), tuple(dict.fromkeys(r[1] for r in l)),
                 tuple(sorted((r[5] for r in l if r[5] is not None), reverse=True)[:3]), l[-1][0], l[0][0]) for some, l in lists.items()]
        yield "SELECT many, id FROM rekeyed;", [(r[3], r[0]) for r in self.rows]
        yield "SELECT id, w, h, u FROM filtered;", [
            (r[0], r[5] * 2, r[6] / 2, r[4].upper()) for r in self.rows if r[5] is not None and r[5] > 0 and r[4] is not None]
        for key in self.chance.sample(range(ROWS // 4), 20):
            yield "SELECT some, n FROM by_some WHERE some = %d;" % key, sql("SELECT some, COUNT(*) FROM e WHERE some = %d GROUP BY 1" % key)
        low = self.chance.randrange(ROWS // 2)
        yield ("SELECT many, n FROM by_many WHERE many >= %d AND many < %d;" % (low, low + 500),
               sql("SELECT many, COUNT(*) FROM e WHERE many >= %d AND many < %d GROUP BY 1" % (low, low + 500)))


class Windows(Case):
    """Tumbling, hopping and session windows, many of them, with rows out of order; EMIT FINAL."""
    def __init__(self, partitions):
        super().__init__(partitions)
        self.rows, self.clock = [], 1_700_000_000_000
        self.sources = ["CREATE STREAM w (k BIGINT KEY, v BIGINT, t BIGINT) WITH (KAFKA_TOPIC='w', VALUE_FORMAT='JSON', TIMESTAMP='t');"]
        keep = "RETENTION 2000 DAYS, GRACE PERIOD 1000 DAYS"
        self.queries = [
            "CREATE TABLE in_tumbling AS SELECT k, COUNT(*) AS n, SUM(v) AS s FROM w WINDOW TUMBLING (SIZE 1 SECOND, %s) GROUP BY k;" % keep,
            "CREATE TABLE in_hopping AS SELECT k, COUNT(*) AS n FROM w WINDOW HOPPING (SIZE 4 SECONDS, ADVANCE BY 1 SECOND, %s) GROUP BY k;" % keep,
            "CREATE TABLE in_sessions AS SELECT k, COUNT(*) AS n, SUM(v) AS s FROM w WINDOW SESSION (2 SECONDS, %s) GROUP BY k;" % keep,
            "CREATE TABLE in_final AS SELECT k, COUNT(*) AS n FROM w WINDOW TUMBLING (SIZE 1 SECOND, RETENTION 1000 DAYS, GRACE PERIOD 5 SECONDS) GROUP BY k EMIT FINAL;",
            "CREATE TABLE ended AS SELECT k, COUNT(*) AS n FROM w WINDOW SESSION (2 SECONDS, RETENTION 1000 DAYS, GRACE PERIOD 5 SECONDS) GROUP BY k EMIT FINAL;",
        ]

    def records(self, phase):
        rows = []
        for _ in range(ROWS // 3):
            # One row a second of event time on average: about as many windows as rows.
            self.clock += self.chance.randrange(2000)
            # One key has a third of all rows, so that it has many windows.
            key = 0 if self.chance.random() < 0.3 else self.chance.randrange(1, 1000)
            rows.append((key, self.chance.randrange(100), self.clock - self.chance.randrange(4000)))
        self.rows += rows
        for start in range(0, len(rows), 50_000):
            yield "W", [dict(zip("kvt", r)) for r in rows[start:start + 50_000]]

    def checks(self):
        tumbling, hopping, times = {}, collections.Counter(), collections.defaultdict(list)
        for k, v, t in self.rows:
            entry = tumbling.setdefault((k, t // 1000 * 1000), [0, 0])
            entry[0] += 1
            entry[1] += v
            for step in range(4):
                hopping[k, t // 1000 * 1000 - step * 1000] += 1
            times[k].append((t, v))
        yield "SELECT k, WINDOWSTART AS a, n, s FROM in_tumbling;", [(*key, *value) for key, value in tumbling.items()]
        yield "SELECT k, WINDOWSTART AS a, n FROM in_hopping;", [(*key, n) for key, n in hopping.items()]
        sessions = []
        for k, events in times.items():
            events.sort()
            for t, v in events:
                if sessions and sessions[-1][0] == k and t - sessions[-1][2] <= 2000:
                    last = sessions[-1]
                    sessions[-1] = (k, last[1], t, last[3] + 1, last[4] + v)
                else:
                    sessions.append((k, t, t, 1, v))
        yield "SELECT k, WINDOWSTART AS a, WINDOWEND AS b, n, s FROM in_sessions;", sessions
        if self.partitions == 1:
            # All rows are in time: out of order by less than the grace.
            limit = max(t for _, _, t in self.rows) - 5000
            yield "SELECT k, WINDOWSTART AS a, n FROM in_final;", [(k, a, e[0]) for (k, a), e in tumbling.items() if a + 1000 <= limit]
            yield "SELECT k, WINDOWSTART AS a, WINDOWEND AS b, n FROM ended;", [s[:4] for s in sessions if s[2] < limit - 2000]
        yield "SELECT k, WINDOWSTART AS a, n FROM in_tumbling WHERE k = 0;", [(*key, e[0]) for key, e in tumbling.items() if key[0] == 0]


class Tables(Case):
    """Tables with updates and deletions, aggregates over them, and joins of tables and with tables."""
    def __init__(self, partitions):
        super().__init__(partitions)
        self.users, self.teams, self.visits, self.fresh = {}, {}, [], 0
        self.sources = [
            "CREATE TABLE users (id BIGINT PRIMARY KEY, team BIGINT, v BIGINT) WITH (KAFKA_TOPIC='users', VALUE_FORMAT='JSON');",
            "CREATE TABLE extras (id BIGINT PRIMARY KEY, note VARCHAR) WITH (KAFKA_TOPIC='extras', VALUE_FORMAT='JSON');",
            "CREATE TABLE teams (team BIGINT PRIMARY KEY, name VARCHAR) WITH (KAFKA_TOPIC='teams', VALUE_FORMAT='JSON');",
            "CREATE STREAM raw (id BIGINT KEY, team BIGINT, v BIGINT) WITH (KAFKA_TOPIC='users', VALUE_FORMAT='JSON');",
            "CREATE STREAM visits (user BIGINT KEY, page BIGINT) WITH (KAFKA_TOPIC='visits', VALUE_FORMAT='JSON');",
        ]
        self.extras = {}
        self.queries = [
            "CREATE TABLE per_team AS SELECT team, COUNT(*) AS n, SUM(v) AS s FROM users GROUP BY team;",
            "CREATE TABLE both AS SELECT u.id AS id, u.v AS v, x.note AS note FROM users u JOIN extras x ON u.id = x.id;",
            "CREATE TABLE either AS SELECT ROWKEY AS id, u.v AS v, x.note AS note FROM users u FULL OUTER JOIN extras x ON u.id = x.id;",
            "CREATE TABLE named AS SELECT u.id AS id, t.name AS name FROM users u LEFT JOIN teams t ON u.team = t.team;",
            "CREATE STREAM looked AS SELECT s.user AS user, s.page AS page, u.v AS v FROM visits s LEFT JOIN users u ON s.user = u.id;",
        ]

    def records(self, phase):
        chance, count = self.chance, ROWS // 3
        users, extras, teams = [], [], []
        for _ in range(count):
            id = chance.randrange(count)
            row = {"id": id, "team": chance.randrange(max(5, count // 50)), "v": chance.randrange(1000)}
            users.append(row)
            self.users[id] = row
        for _ in range(count // 2):
            id = chance.randrange(count * 2)
            extras.append({"id": id, "note": "é%d" % chance.randrange(100)})
            self.extras[id] = extras[-1]["note"]
        for _ in range(count // 100 + 1):
            team = chance.randrange(max(5, count // 50))
            teams.append({"team": team, "name": "t%d" % chance.randrange(1000)})
            self.teams[team] = teams[-1]["name"]
        for name, rows in (("USERS", users), ("EXTRAS", extras), ("TEAMS", teams)):
            for start in range(0, len(rows), 50_000):
                yield name, rows[start:start + 50_000]

    def send(self, client, phase):
        super().send(client, phase)
        # A record of the key alone deletes.
        gone = self.chance.sample(sorted(self.users), min(100, len(self.users) // 10))
        for id in gone:
            client.ask("INSERT INTO gone VALUES (%d, CAST(NULL AS VARCHAR));" % id)
            del self.users[id]

    def run(self):
        self.sources.append("CREATE STREAM gone (id BIGINT KEY, nothing VARCHAR) WITH (KAFKA_TOPIC='users', VALUE_FORMAT='KAFKA');")
        super().run()

    def checks(self):
        teams = {}
        for row in self.users.values():
            entry = teams.setdefault(row["team"], [0, 0])
            entry[0] += 1
            entry[1] += row["v"]
        yield "SELECT team, n, s FROM per_team WHERE n > 0;", [(k, *e) for k, e in teams.items()]
        yield "SELECT id, v, note FROM both;", [(i, r["v"], self.extras[i]) for i, r in self.users.items() if i in self.extras]
        yield "SELECT id, v, note FROM either;", [
            (i, self.users.get(i, {}).get("v"), self.extras.get(i)) for i in self.users.keys() | self.extras.keys()]
        yield "SELECT id, name FROM named;", [(i, self.teams.get(r["team"])) for i, r in self.users.items()]

    def check(self, client, when):
        super().check(client, when)
        visits = [{"user": self.chance.randrange(ROWS // 3), "page": len(self.visits) + i} for i in range(ROWS // 20 + 1)]
        client.put("VISITS", visits)
        self.visits += [(v["user"], v["page"], self.users.get(v["user"], {}).get("v")) for v in visits]
        compare(when + ", looked", client.ask("SELECT user, page, v FROM looked;"), self.visits)


class Joins(Case):
    """Streams joined with streams inside a window of time."""
    def __init__(self, partitions):
        super().__init__(partitions)
        self.left, self.right, self.clock = [], [], 1_700_000_000_000
        columns = "(k BIGINT KEY, id BIGINT, t BIGINT) WITH (KAFKA_TOPIC='%s', VALUE_FORMAT='JSON', TIMESTAMP='t');"
        self.sources = ["CREATE STREAM l " + columns % "l", "CREATE STREAM r " + columns % "r"]
        text = "CREATE STREAM %s AS SELECT %s AS k, l.id AS a, r.id AS b FROM l %s JOIN r WITHIN 5 SECONDS %s ON l.k = r.k;"
        self.queries = [
            text % ("inner_join", "l.k", "INNER", ""), text % ("left_join", "l.k", "LEFT", "GRACE PERIOD 1000 DAYS"),
            text % ("full_join", "ROWKEY", "FULL OUTER", "GRACE PERIOD 20 SECONDS")]

    def records(self, phase):
        left, right = [], []
        for _ in range(ROWS // 6):
            self.clock += self.chance.randrange(20)
            key = lambda: 0 if self.chance.random() < 0.01 else self.chance.randrange(1, max(100, ROWS // 10))
            left.append((key(), len(self.left) + len(left), self.clock - self.chance.randrange(3000)))
            right.append((key(), len(self.right) + len(right), self.clock - self.chance.randrange(3000)))
        self.left += left
        self.right += right
        for start in range(0, len(left), 2_000):
            for name, rows in (("L", left), ("R", right)):
                yield name, [{"k": k, "id": id, "t": t} for k, id, t in rows[start:start + 2_000]]

    def checks(self):
        partners = collections.defaultdict(list)
        for k, id, t in self.right:
            partners[k].append((t, id))
        pairs = [(k, id, other) for k, id, t in self.left for u, other in partners[k] if abs(u - t) <= 5000]
        yield "SELECT k, a, b FROM inner_join;", pairs
        yield "SELECT k, a, b FROM left_join WHERE b IS NOT NULL;", pairs


class Chain(Case):
    """Streams that feed streams, INSERT INTO … SELECT, large and odd texts, and many queries over one stream."""
    def __init__(self, partitions):
        super().__init__(partitions)
        self.rows = []
        self.sources = ["CREATE STREAM base (id BIGINT KEY, txt VARCHAR, a ARRAY<BIGINT>, m MAP<VARCHAR, DOUBLE>) WITH (KAFKA_TOPIC='base', VALUE_FORMAT='JSON');"]
        self.count = 200 if ROWS >= 60_000 else 10
        self.queries = ["CREATE STREAM step0 AS SELECT id, txt, a, m FROM base;"]
        self.queries += ["CREATE STREAM step%d AS SELECT * FROM step%d;" % (i, i - 1) for i in range(1, 6)]
        self.queries += [
            "CREATE STREAM merged (id BIGINT KEY, txt VARCHAR) WITH (KAFKA_TOPIC='merged', VALUE_FORMAT='DELIMITED');",
            "INSERT INTO merged SELECT id, txt FROM step5 WHERE id % 2 = 0;", "INSERT INTO merged SELECT id, txt FROM base WHERE id % 2 = 1;"]
        self.queries += ["CREATE TABLE q%d AS SELECT id %% 7 AS g, COUNT(*) AS n FROM base WHERE id %% %d = 0 GROUP BY id %% 7;" % (i, i + 1)
                         for i in range(self.count)]

    def records(self, phase):
        rows = []
        letters = "abcé漢😀\"\\\n\t,\u2028'"
        for id in range(len(self.rows), len(self.rows) + ROWS // 30):
            # DELIMITED has no empty text apart from NULL.
            text = "x" + "".join(self.chance.choices(letters, k=self.chance.randrange(40)))
            if id % (ROWS // 30) in (5, 6):
                text = "x漢" * (200_000 if ROWS >= 60_000 else 20_000)
            rows.append((id, text, tuple(range(id % 5)), {"é": id / 4}))
        self.rows += rows
        for start in range(0, len(rows), 1000):
            yield "BASE", [dict(zip(("id", "txt", "a", "m"), r)) for r in rows[start:start + 1000]]

    def checks(self):
        yield "SELECT id, txt, a, m FROM step5;", [(*r[:3], freeze(r[3])) for r in self.rows]
        yield "SELECT id, txt FROM merged;", [r[:2] for r in self.rows]
        for i in (0, 1, self.count - 1):
            yield "SELECT g, n FROM q%d;" % i, list(collections.Counter(r[0] % 7 for r in self.rows if r[0] % (i + 1) == 0).items())

    def check(self, client, when):
        super().check(client, when)
        failures, expected = [], client.ask("SELECT g, n FROM q1;")

        def work():
            other = self.server.client()
            for _ in range(5 if ROWS >= 60_000 else 1):
                if sorted(other.ask("SELECT g, n FROM q1;")) != sorted(expected):
                    failures.append(1)
        threads = [threading.Thread(target=work) for _ in range(100)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            fail("%d clients got other rows" % len(failures))


cases = [(case, partitions) for case in (Groups, Windows, Tables, Joins, Chain) for partitions in (1, 4)]
for case, partitions in cases:
    current = "%s/%d" % (case.__name__, partitions)
    if wanted and current not in wanted and case.__name__ not in wanted:
        continue
    folder = tempfile.mkdtemp(prefix="millrace-scale-")
    begin = time.monotonic()
    case(partitions).run()
    shutil.rmtree(folder, ignore_errors=True)
    print("%s: %.1f s" % (current, time.monotonic() - begin), flush=True)
