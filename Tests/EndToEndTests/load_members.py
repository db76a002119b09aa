#!/usr/bin/env python3
"""Loads records that have more, or other things, than their sources take, and says what becomes of them.

  load_members.py MILLRACE
"""
import gzip, json, os, shutil, subprocess, sys, tempfile, time

sys.dont_write_bytecode = True
from serving import Server

millrace = sys.argv[1]
PATIENCE = 300
STRICT = "no column takes the member "


def check(condition, what, seen=""):
    if not condition:
        sys.exit("%s: %s" % (what, seen))


def run(*arguments, input=None, status=0):
    done = subprocess.run([millrace, *arguments], capture_output=True, input=input, text=True, timeout=PATIENCE)
    check(done.returncode == status, "%r ended with %d" % (arguments, done.returncode), (done.stdout, done.stderr))
    return done


def members(where, folder):
    """Everything is the same with a directory and through a server."""
    def rows(statement):
        return json.loads(run("run", *where, "--output", "json", "-c", statement).stdout)

    def load(source, text, *options, status=0):
        return run("load", source, *options, *where, input=text, status=status).stderr

    run("run", *where, "-c", """
        CREATE STREAM s (id INT KEY, name VARCHAR, d DATE, n STRUCT<t TIMESTAMP, x INT, `Low` ARRAY<STRUCT<d DATE>>>, m MAP<VARCHAR, DATE>)
          WITH (VALUE_FORMAT='JSON', PARTITIONS=1);
        CREATE TABLE k (name VARCHAR, n INT);
        CREATE STREAM small (id INT KEY, text VARCHAR) WITH (KAFKA_TOPIC='small', VALUE_FORMAT='JSON', PARTITIONS=1);
        CREATE STREAM plain (text VARCHAR) WITH (KAFKA_TOPIC='plain', VALUE_FORMAT='JSON', PARTITIONS=1);
        CREATE STREAM bare (n STRUCT<a INT>) WITH (KAFKA_TOPIC='bare', VALUE_FORMAT='JSON', WRAP_SINGLE_VALUE=false, PARTITIONS=1);""")

    # Members without a column are counted by name, whatever the letters and wherever they stand.
    lines = ['{"id":1,"nmae":"a","n":{"x":1,"y":2}}', '{"ID":2,"Name":"b\\"{}","nmae":"[","n":{"low":[{"d":1},{"e":{"id":2}}]}}',
             '{"id":3,"n\\u0061me":"c"}']
    report = load("s", "\n".join(lines) + "\n")
    check("note: no column takes the member nmae, which 2 lines have" in report, "a name that is written wrongly", report)
    check("note: no column takes the member N->y, which 1 line has" in report and "member N->Low->e, which 1 line has" in report, "nested names", report)
    check(report.count("note:") == 3 and "3 records, in" in report, "nothing else is told", report)
    check([row["NAME"] for row in rows("SELECT name FROM s;")] == [None, 'b"{}', "c"], "what there is a column for is there")
    # No line of those with --strict.
    report = load("s", "\n".join(lines) + "\n", "--strict", status=1)
    check("1 record, 2 lines rejected (first: line 1: " + STRICT + "nmae, nor 1 more)" in report and "note:" not in report, "--strict", report)
    check("note:" not in load("bare", '{"a":1}\n') and rows("SELECT n->a AS a FROM bare;") == [{"A": 1}], "a bare value is no object of columns")

    # Times as people write them, inside of values as well.
    load("s", '{"id":7,"d":"2024-02-29","n":{"t":"2024-01-02T03:04:05Z","Low":[{"d":"1970-01-03"},{"d":2}]},"m":{"a":"1970-01-02","b":null}}\n')
    found = rows("SELECT d, n, m FROM s WHERE id = 7;")[0]
    check(found == {"D": "2024-02-29", "N": {"T": "2024-01-02T03:04:05.000", "X": None, "Low": [{"D": "1970-01-03"}, {"D": "1970-01-03"}]},
                    "M": {"a": "1970-01-02", "b": None}}, "times inside of values", found)
    load("s", 'id,n\n8,"{""T"":""2024-01-02T03:04:05""}"\n', "--format", "csv")
    check(rows("SELECT n->t AS t FROM s WHERE id = 8;") == [{"T": "2024-01-02T03:04:05.000"}], "times inside of fields")

    # Rows of a table without a key of its users have keys of their own, unless a line brings one; equal rows are two.
    load("k", '{"name":"x","n":1}\n{"name":"x","n":1}\n')
    load("k", "y,2\n", "--format", "csv")
    load("k", "n\tname\n3\tz\n", "--format", "tsv")
    load("k", '{"name":"w","n":4,"rowid":"mine"}\n{"name":"v","n":4,"ROWID":"mine"}\n')
    found = sorted((row["NAME"], row["N"]) for row in rows("SELECT * FROM k;"))
    check(found == [("v", 4), ("x", 1), ("x", 1), ("y", 2), ("z", 3)], "a table without a key", found)
    check("made for each row" in run("run", *where, "-c", "DESCRIBE k;").stdout, "DESCRIBE says it")

    # What the topic does not take is an error that names the line and the setting.
    big = "x" * 9_000_000
    for source, line in ("small", '{"id":%d,"text":"%s"}\n'), ("plain", '{"text":"%.0d%s"}\n'):
        lines = line % (1, "a") + line % (2, big) + line % (3, "b")
        report = load(source, lines, status=1)
        if where[0] == "--server":
            check("is longer than 1048576 bytes" in report and "line 2 of this .put" in report, "a line that is too long for the protocol", report)
            continue
        check("2 records, 1 line rejected (line 2: the row makes a record of 900" in report and "(max.message.bytes)" in report, "a large row", report)
        check(len(rows("SELECT text FROM %s;" % source)) == 2, "the others are there")

    # Half a file says how much of it was loaded.
    path = folder + "/half.json.gz"
    packed = gzip.compress("".join('{"id":%d,"text":"%d"}\n' % (n, n * 7919 % 10007) for n in range(100_000)).encode())
    open(path, "wb").write(packed[:len(packed) // 2])
    before = rows("SELECT COUNT(*) AS n FROM small;")[0]["N"]
    report = run("load", "small", path, *where, status=1).stderr
    loaded = rows("SELECT COUNT(*) AS n FROM small;")[0]["N"] - before
    check(loaded > 1000 and report.startswith("%d records, in" % loaded) and "is damaged" in report, "half a file", (loaded, report))
    check(rows("SELECT COUNT(*) AS n FROM small WHERE text IS NULL;") == [{"N": 0}] and "rejected" not in report, "no half of a line", report)


def follow(where, folder):
    """A load without an end says at once which lines are none."""
    path = folder + "/log"
    open(path, "w").write('{"id":1}\n')
    loading = subprocess.Popen([millrace, "load", "s", path, "--follow", *where], stderr=subprocess.PIPE, text=True)
    for number, (line, reason) in enumerate([("bad\n", "line 2: malformed JSON"), ("worse\n", "line 3: malformed JSON")]):
        with open(path, "a") as file:
            file.write(line)
        while True:
            told = loading.stderr.readline()
            check(told, "the load goes on")
            if "rejected" in told:
                break
        check(told == "1 line rejected: %s\n" % reason, "bad line %d is told" % number, told)
    loading.terminate()
    rest = loading.stderr.read()
    check(loading.wait() == 1 and "1 record, 2 lines rejected" in rest, "the end counts them", rest)


def resume(where, folder, cut):
    """A load that is cut off anywhere goes on, and its lines are there once."""
    path, count = folder + "/many", 300_000
    with open(path, "w") as file:
        for number in range(count):
            file.write("bad\n" if number % 1000 == 7 else '{"id":%d,"name":"%d"}\n' % (number % 97, number))
    run("run", *where, "-c", "CREATE STREAM again (id INT KEY, name VARCHAR) WITH (KAFKA_TOPIC='again', VALUE_FORMAT='JSON', PARTITIONS=3);")
    command = ["load", "again", path, "--resume", "--max-errors", "1%", *where]
    cuts = 0
    while True:
        loading = subprocess.Popen([millrace, *command], stderr=subprocess.PIPE, text=True)
        if cuts < 6:
            cut(loading, cuts)
        told = loading.stderr.read()
        cuts += 1
        if loading.wait(PATIENCE) == 0:
            break
        check("under way" in told or cuts <= 6, "a load fails only where it is cut off", told)
    found = json.loads(run("run", *where, "--output", "json", "-c", "SELECT COUNT(*) AS n, COUNT(DISTINCT name) AS d FROM again;").stdout)
    check(found == [{"N": count - count // 1000, "D": count - count // 1000}], "all lines once after %d cuts" % cuts, found)
    told = run(*command).stderr
    check(told.startswith("0 records, %d lines were taken before, in" % count), "nothing is left", told)
    # Another name of the stream is none of its topic; another topic begins anew.
    run("run", *where, "-c", "ALTER STREAM again RENAME TO still;")
    told = run("load", "still", *command[2:]).stderr
    check(told.startswith("0 records, %d lines were taken before, in" % count), "nothing is left under another name of the stream", told)
    run("run", *where, "-c", "ALTER STREAM still RENAME TO again;")
    # What was appended since, and no more.
    with open(path, "a") as file:
        file.write('{"id":1,"name":"more"}\n')
    told = run(*command).stderr
    check(told.startswith("1 record, %d lines were taken before, in" % count), "the lines that have come since", told)
    # The same lines in another file of that name, and other lines in one.
    shutil.copy(path, path + ".copy")
    os.replace(path + ".copy", path)
    check(run(*command).stderr.startswith("0 records, %d lines were taken before, in" % (count + 1)), "a copy is the same")
    with open(path + ".other", "w") as file:
        for number in range(count + 5):
            file.write('{"id":1,"name":"other %d"}\n' % number)
    os.replace(path, path + ".kept")
    os.replace(path + ".other", path)
    told = run(*command, status=1).stderr
    check("those that come now are others" in told and "Load it without --resume" in told, "other lines under the same name", told)
    os.replace(path + ".kept", path)
    open(path, "r+").truncate(100)
    told = run(*command, status=1).stderr
    check("has taken %d lines" % (count + 1) in told and "it is not the same" in told, "a file that is shorter", told)
    run("run", *where, "-c", "DROP STREAM again DELETE TOPIC; CREATE STREAM again (id INT KEY, name VARCHAR) WITH (VALUE_FORMAT='JSON', PARTITIONS=1);")
    check(run(*command).stderr.startswith("5 records, in"), "a topic that is new has taken nothing")
    check("standard input" in run("load", "again", "--resume", *where, input="", status=1).stderr, "standard input is not known again")


def growing(where, folder):
    """The last record of a file that is still being written is left until it is whole."""
    run("run", *where, "-c", """
        CREATE STREAM grows (id INT KEY, name VARCHAR) WITH (KAFKA_TOPIC='grows', VALUE_FORMAT='JSON', PARTITIONS=1);""")
    unfinished = "has no end yet and is not loaded"
    for ending, pieces, counts in (
            (".json", ['{"id":1,"name":"a"}\n{"id":2,"na', 'me":"b"}\n{"id":3,"name":"c"}', '\n'], (1, 2, 0)),
            (".pretty.json", ['{\n"id":1,\n"name":"a"\n}\n{\n"id":2,\n', '"name":"b"\n}\n'], (1, 1)),
            (".csv", ["1,a\n5,5", "55\n6,x", "\n"], (1, 1, 1)),
            (".quoted.csv", ['1,a\n2,"b\n', 'c"\n'], (1, 1)),
            (".tsv", ["1\ta\n2\tb", "b\n"], (1, 1))):
        path = folder + "/growing" + ending
        open(path, "w").close()
        for piece, count in zip(pieces, counts):
            with open(path, "a") as file:
                file.write(piece)
            told = run("load", "grows", path, "--resume", *where).stderr
            check("%d record%s" % (count, "" if count == 1 else "s") in told, "%s: what is whole of %r" % (ending, piece), told)
            check((unfinished in told) == (not piece.endswith("\n") and not piece.endswith("}") or piece.endswith(',\n') or piece.endswith('"b\n')),
                  "%s: whether a record is left of %r" % (ending, piece), told)
        told = run("load", "grows", path, "--resume", *where).stderr
        check(told.startswith("0 records"), "nothing is left", told)
    found = json.loads(run("run", *where, "--output", "json", "-c", "SELECT name FROM grows;").stdout)
    check({"NAME": "555"} in found and {"NAME": "b\nc"} in found and {"NAME": "5"} not in found, "records are whole", found)
    # Without --resume the end of the file is the end of the record.
    with open(folder + "/last.csv", "w") as file:
        file.write("7,seven")
    check(run("load", "grows", folder + "/last.csv", *where).stderr.startswith("1 record,"), "a last line without its end")


def killed(loading, number):
    """Lets it get a little further each time."""
    end = time.monotonic() + 0.05 * (number + 1)
    while time.monotonic() < end and loading.poll() is None:
        pass
    loading.kill()


with tempfile.TemporaryDirectory() as folder:
    members(["--data", folder + "/embedded"], folder)
    follow(["--data", folder + "/embedded"], folder)
    resume(["--data", folder + "/embedded"], folder, killed)
    growing(["--data", folder + "/embedded"], folder)
    server = Server(millrace, folder + "/served")
    there = ["--server", "127.0.0.1:%d" % server.port]
    members(there, folder)
    follow(there, folder)
    resume(there, folder, killed)
    growing(there, folder)
    server.process.terminate()
    check(server.process.wait(PATIENCE) == 0, "the server stops")
print("ok")
