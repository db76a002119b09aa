#!/usr/bin/env python3
"""Loads files as people have them: what the product itself has written, JSON in all arrangements, CSV of spreadsheets, compressed files, bad lines.

  loading.py MILLRACE
"""
import gzip, json, os, re, shutil, signal, subprocess, sys, tempfile

millrace = sys.argv[1]
CREATE = """CREATE STREAM %s (id INT KEY, name VARCHAR, x DOUBLE, b BOOLEAN, de DECIMAL(6,2), ts TIMESTAMP, d DATE, t TIME, a ARRAY<VARCHAR>,
  st STRUCT<one INT, two VARCHAR>, raw BYTES) WITH (VALUE_FORMAT='JSON', PARTITIONS=1);"""
INSERT = """INSERT INTO s VALUES (1, 'Zürich "quoted", two
lines\tand a \\', 1.5, true, 12.50, '2024-02-29T01:02:03.004', '2024-01-02', '10:11:12', ARRAY['x,y', NULL], STRUCT(one := 1, two := 'z'),
  TO_BYTES('00ff', 'hex'));
INSERT INTO s (id, name) VALUES (2, '');
INSERT INTO s (id) VALUES (3);"""


def check(condition, what, seen=""):
    if not condition:
        sys.exit("%s: %s" % (what, seen))


def run(*arguments, input=None, status=0):
    done = subprocess.run([millrace, *arguments], capture_output=True, input=input, text=not isinstance(input, bytes), timeout=300)
    check(done.returncode == status, "%r ended with %d" % (arguments, done.returncode), (done.stdout, done.stderr))
    return done


def main(folder):
    data = ["--data", folder + "/data"]

    def rows(source, columns="*"):
        answer = run("run", *data, "--output", "json", "-c", "SELECT %s FROM %s;" % (columns, source))
        return json.loads(answer.stdout)

    def load(content, *options, status=0, name="file"):
        path = folder + "/" + name
        with open(path, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        run("run", *data, "-c", "DROP STREAM IF EXISTS r DELETE TOPIC;" + CREATE % "r")
        return run("load", "r", path, *options, *data, status=status).stderr

    run("run", *data, "-c", CREATE % "s" + INSERT)
    wanted = rows("s")
    check(len(wanted) == 3, "three rows", wanted)

    # What the product writes it reads, as it is and compressed.
    for form in "csv", "tsv", "json", "ndjson":
        written = run("run", *data, "--output", form, "-c", "SELECT * FROM s;").stdout
        flags = ["--format", "json" if form == "ndjson" else form]
        for name, content in (("plain", written.encode()), ("zipped.gz", gzip.compress(written.encode()))):
            report = load(content, *flags, name=name)
            check(report.startswith("3 records, in"), "%s of %s" % (name, form), report)
            check(rows("r") == wanted, "%s of %s comes back" % (name, form), rows("r"))
    for program, ending in (("zstd", "zst"), ("lz4", "lz4")):
        if shutil.which(program):
            packed = subprocess.run([program, "-c"], input=(written * 5_000).encode(), capture_output=True, check=True).stdout
            check(load(packed, name="packed." + ending).startswith("15000 records"), "a file of %s" % program)
    half = gzip.compress((written * 1000).encode())
    check("damaged" in load(half[:len(half) // 2], status=1), "half a file is no file")

    # Texts that look like what stands for NULL, and characters that no terminal may get.
    odd = ["\\N", "a\\Nb", "\\\\N", "N", "", "x\vy\f\bz\x1b", "\\u{b}", "tab\t", "\\", None]
    lines = "".join(json.dumps({"id": 1, "name": name}) + "\n" for name in odd)
    check(load(lines).startswith("10 records"), "odd texts")
    for form in "csv", "tsv", "json", "ndjson":
        written = run("run", *data, "--output", form, "-c", "SELECT id, name FROM r;").stdout
        load(written, "--format", "json" if form == "ndjson" else form)
        found = [row["NAME"] for row in rows("r", "name")]
        check(found == odd, "odd texts in " + form, found)
        load(lines)

    # JSON in all arrangements, and times as text.
    pretty = json.dumps({"id": 1, "name": "a", "ts": "2024-02-29T01:02:03Z", "st": {"one": 2}}, indent=2)
    for content, count in (
        (pretty + "\n" + pretty, 2), ("[" + pretty + ",\n" + pretty + "]", 2), ("[]", 0), ("", 0), ('[{"id":1},{"id":2}]', 2),
        ('\ufeff{"id":1}\r\n\r\n{"id":2}', 2),
    ):
        report = load(content)
        check(report.startswith("%d record" % count) and "rejected" not in report, "JSON %r" % content, report)
    check(load(pretty) and rows("r", "ts")[0] == {"TS": "2024-02-29T01:02:03.000"}, "a time as text", rows("r", "ts"))
    report = load('{"id":1}\n{"id":\n{"id":2}\n{"id":"x"}\n', "--max-errors", "2")
    check(report.startswith("2 records, 2 lines rejected (first: line 2"), "a line without an end spoils no other", report)

    # A bare null is no row: neither of a stream, nor a deletion, for which it would need a key.
    report = load('null\n{"id":1}\n null \n', "--max-errors", "2")
    check(report.startswith("1 record, 2 lines rejected (first: line 1: the JSON is no object but null)"), "a line that is null", report)
    check(len(rows("r")) == 1, "no row of NULLs", rows("r"))
    run("run", *data, "-c", "CREATE STREAM bare (v INT) WITH (KAFKA_TOPIC='bare', VALUE_FORMAT='JSON', WRAP_SINGLE_VALUE=false, PARTITIONS=1);")
    check(run("load", "bare", *data, input="null\n1\n").stderr.startswith("2 records"), "a value of a column that is kept bare")
    # A directory whose name was mistyped is not made.
    for arguments in ["load", "r"], ["tail", "r"], ["topics", "list"]:
        done = run(*arguments, "--data", folder + "/mistyped", input="", status=3)
        check("there is no directory" in done.stderr and not os.path.exists(folder + "/mistyped"), "no directory is made", done.stderr)
    os.mkdir(folder + "/empty")
    check("holds no data" in run("tail", "r", "--data", folder + "/empty", status=3).stderr and not os.listdir(folder + "/empty"), "an empty directory")
    check("a new data directory was made there" in run("run", "--data", folder + "/made.data", "-c", "SHOW TABLES;").stderr, "a directory that is made")
    doctor = run("doctor", "--data", folder + "/mistyped").stdout
    check("there is no " in doctor and not os.path.exists(folder + "/mistyped"), "doctor makes none either", doctor)

    # A stream that is made as the file is.
    for name, content, columns in (
        ("made.jsonl", '{"id":1,"at":"2024-02-29T01:02:03Z","x":1,"tags":["a"],"deep":{"b":true}}\n{"id":2,"x":1.5,"Day":"2024-01-02","none":null}\n',
         "ID BIGINT, `AT` TIMESTAMP, X DOUBLE, TAGS ARRAY<VARCHAR>, DEEP STRUCT<B BOOLEAN>, DAY DATE, NONE VARCHAR"),
        ("made.csv", 'id,Code,"on, or off",x,at\n1,007,true,1e3,2024-01-02\n2,08,,2,2024-01-02T03:04:05\n',
         "ID BIGINT, CODE VARCHAR, `ON, OR OFF` BOOLEAN, X DOUBLE, `AT` TIMESTAMP"),
    ):
        path = folder + "/" + name
        open(path, "w").write(content)
        run("run", *data, "-c", "DROP STREAM IF EXISTS made DELETE TOPIC;")
        done = run("load", "made", path, "--create", *data)
        check(" ".join(done.stdout.split()).startswith("CREATE STREAM MADE ( " + columns + " ) WITH ("), "the columns of " + name, done.stdout)
        check(done.stderr.startswith("2 records, in"), "loaded into what was made", done.stderr)
        check(len(rows("made")) == 2, "its rows", rows("made"))
        again = run("load", "made", path, "--create", *data, status=1)
        check(again.stdout == "" and "42P07" in again.stderr, "a statement that was not carried out is not shown", again)
    check("the name of the stream is empty" in run("load", "", folder + "/made.csv", "--create", *data, status=2).stderr, "an empty name")
    open(folder + "/numbers.csv", "w").write("1,2\n3,4\n")
    check("has no names of columns" in run("load", "made2", folder + "/numbers.csv", "--create", *data, status=1).stderr, "CSV without names")

    # A file that grows, loses its name to another one, and is cut off; what was written to it last is not lost.
    log = folder + "/app.log"
    open(log, "w").write('{"id":1}\n')
    run("run", *data, "-c", "DROP STREAM IF EXISTS r DELETE TOPIC;" + CREATE % "r")
    serving = subprocess.Popen([millrace, "serve", *data, "--listen", "127.0.0.1:0"], stderr=subprocess.PIPE, text=True)
    there = ["--server", re.search("address=(\\S+)", next(line for line in serving.stderr if "event=listening" in line)).group(1)]
    following = subprocess.Popen([millrace, "load", "r", log, "--follow", *there], stderr=subprocess.PIPE, text=True)
    arrivals = subprocess.Popen(
        [millrace, "run", *there, "--output", "csv", "-c", "SET 'auto.offset.reset'='earliest'; SELECT id FROM r EMIT CHANGES;"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    seen = []

    def arrive(*wanted):
        while not set(wanted) <= set(seen):
            line = arrivals.stdout.readline().strip()
            seen.extend([int(line)] if line.isdigit() else [])

    arrive(1)
    with open(log, "a") as file:
        file.write('{"id":2}\n{"id":')
        file.flush()
        arrive(2)
        file.write('3}\n')
        file.flush()
        arrive(3)
        os.rename(log, log + ".1")
        file.write('{"id":4}\n')
    open(log, "w").write('{"id":5,"name":"%s"}\n' % ("x" * 100))
    arrive(4, 5)
    # Shorter than it was: it begins anew.
    open(log, "w").write('{"id":8}\n')
    arrive(8)
    following.send_signal(signal.SIGINT)
    check(following.wait(300) == 0, "Ctrl-C ends a load that follows", following.stderr.read())
    check(sorted(seen) == [1, 2, 3, 4, 5, 8], "every line once", seen)
    arrivals.kill()
    serving.terminate()
    check(serving.wait(300) == 0, "the server stops")

    # CSV of spreadsheets.
    for content, options, found in (
        ("name,ID\r\nann,1\r\n\"b,\"\"c\",2\r\n", [], [(1, "ann"), (2, 'b,"c')]), ("id;name\n1;ann\n", ["--delimiter", ";"], [(1, "ann")]),
        ("id,name\n1,NA\n2,\"NA\"\n", ["--null", "NA"], [(1, None), (2, "NA")]), ("id,name\n1,\"a\nb\"\n3,", [], [(1, "a\nb"), (3, None)]),
    ):
        report = load(content, "--format", "csv", *options)
        check([(row["ID"], row["NAME"]) for row in rows("r")] == found, "CSV %r" % content, (report, rows("r")))
    report = load("id,name\n1,a\n2\n3,c\n", "--format", "csv", status=1)
    check("2 records, 1 line rejected (line 3: 1 field instead of 2: 2)" in report, "too few fields", report)
    errors = json.loads(run("run", *data, "--output", "json", "-c", "SELECT reason, FROM_BYTES(raw, 'utf8') AS raw FROM millrace.errors;").stdout)
    check({"REASON": "1 field instead of 2: 2", "RAW": "2"} in errors, "the line is kept as it was, with a reason of CSV", errors)
    report = load('id,name\n1,a\n2,"b\n3,c\n', "--format", "csv", status=1)
    check("1 record, 1 line rejected" in report and "a quoted field has no end" in report, "a quote without an end", report)
    check("MILLRACE_ERRORS" in report, "it is said where rejected lines are", report)

    for cut in '[{"id":1},{"id":2}', '[{"id":1},{"id":2},':
        report = load(cut, status=1)
        check("2 records" in report and "the array of records has no end" in report, "half an array is told", report)
    check("no end" not in load('[{"id":1},{"id":2}]\n'), "a whole array is whole")
    report = load("id,nome\n1,2\n", "--format", "csv", "--max-errors", "2")
    check("nome is no column" in report, "a header with another name is told", report)
    check(load("id,name\n1,2\n", name="named.csv").startswith("1 record"), "the file's name says how it is written")
    # Several files and standard input, into a server, too.
    for number in 1, 2:
        open(folder + "/many%d" % number, "w").write('{"id":%d}' % number)
    run("run", *data, "-c", "DROP STREAM IF EXISTS r DELETE TOPIC;" + CREATE % "r")
    check(run("load", "r", folder + "/many1", folder + "/many2", *data).stderr.startswith("2 records"), "two files")
    open(folder + "/many3", "w").write('{"id":3}\n{"id":"x"}\n')
    report = run("load", "r", folder + "/many1", folder + "/many3", *data, status=1).stderr
    check("3 lines" not in report and "(line 2 of %s/many3: " % folder in report, "lines are counted by file", report)
    run("run", *data, "-c", "DROP STREAM IF EXISTS r DELETE TOPIC;" + CREATE % "r")
    check(run("load", "r", folder + "/many1", folder + "/many2", *data).stderr.startswith("2 records"), "two files again")
    check("cannot open" in run("load", "r", folder + "/many1", folder + "/none", *data, status=1).stderr, "a file that is not there")
    check(len(rows("r")) == 2, "nothing is loaded when a file is not there", rows("r"))
    server = subprocess.Popen(
        [millrace, "serve", *data, "--listen", "127.0.0.1:0"], stderr=subprocess.PIPE, text=True)
    try:
        address = next(found.group(1) for found in (re.search(r"event=listening address=(\S+)", line) for line in server.stderr) if found)
        there = ["--server", address]
        report = run("load", "r", "-", "--format", "csv", *there, input="name,id\n.a,7\n").stderr
        check(report.startswith("1 record"), "standard input into a server", report)
        # The same script starts push queries at the same end everywhere.
        for command in (["run", *there, "-c"], ["shell", *there, "-c"]):
            answer = run(*command, "SELECT id FROM r EMIT CHANGES LIMIT 3;", "--output", "csv").stdout
            check(answer == "ID\n1\n2\n7\n", "%r begins at the earliest row" % command, answer)
        piped = run("shell", *there, "--output", "csv", input="SELECT id FROM r EMIT CHANGES LIMIT 1;\n").stdout
        check(piped == "ID\n1\n", "so does a pipe", piped)
        # A refusal comes while the records are still being sent.
        open(folder + "/large.json", "w").write('{"id":1}\n' * 2_000_000)
        after = run("shell", *there, "--output", "csv", input="\\copy nosuch from %s/large.json\nSELECT 7 AS n;\n" % folder, status=1)
        check("N\n7" in after.stdout, "a statement after a refused load is carried out", after)
    finally:
        server.terminate()
        server.communicate()

    # Of a directory that nobody else can write into, tail shows what is there.
    check(run("tail", "r", *data).stdout.count("rowtime") == 3, "tail ends with the last record of a directory")

    # Scripts inside scripts, with the commands of the shell.
    open(folder + "/inner.sql", "w").write("SELECT 2 AS inner_;\nSELECT nothing FROM nowhere;\n")
    open(folder + "/outer.sql", "w").write("\\echo begin\nSELECT 1 AS outer_;\nRUN SCRIPT '%s/inner.sql'\nSELECT 3 AS never;\n" % folder)
    done = run("run", folder + "/outer.sql", "--output", "csv", status=1)
    check(done.stdout.split() == ["begin", "OUTER_", "1", "INNER_", "2"], "a script inside a script", done.stdout)
    end = """1 statement before it was carried out, on line 1: SELECT 2 AS inner_;
called at %s/outer.sql:3
1 statement before it was carried out, on line 2: SELECT 1 AS outer_;
""" % folder
    check("inner.sql:2: error" in done.stderr and done.stderr.endswith(end) and done.stderr.count("error") == 1, "an error names file and line, once", done.stderr)
    open(folder + "/loop.sql", "w").write("\\i %s/loop.sql\n" % folder)
    check("deep" in run("run", folder + "/loop.sql", status=1).stderr, "a script that runs itself ends")


with tempfile.TemporaryDirectory() as place:
    main(place)
print("ok")
