#!/usr/bin/env python3
"""Watches a server as its operator does: millrace top and doctor, signals, a service manager, records for programs.

  watching.py MILLRACE
"""
import json, os, queue, re, select, signal, socket, subprocess, sys, tempfile, threading

sys.dont_write_bytecode = True
from pseudo_terminal import Terminal

millrace = sys.argv[1]
PATIENCE = 120
SETUP = """CREATE STREAM s (id INT KEY, b STRING) WITH (KAFKA_TOPIC='s', PARTITIONS=1, VALUE_FORMAT='JSON');
CREATE TABLE t AS SELECT id, COUNT(*) AS n FROM s GROUP BY id;
INSERT INTO s VALUES (1, 'a "b"');"""


def check(condition, what, seen=""):
    if not condition:
        sys.exit("%s: %s" % (what, seen))


def run(*arguments, status=0):
    done = subprocess.run([millrace, *arguments], capture_output=True, text=True, timeout=PATIENCE)
    check(done.returncode == status, "%r ended with %d" % (arguments, done.returncode), (done.stdout, done.stderr))
    return done.stdout


class Server:
    """A server whose log is read line by line."""

    def __init__(self, folder, *arguments, **options):
        self.process = subprocess.Popen([millrace, "serve", "--data", folder, *arguments], stderr=subprocess.PIPE, text=True, **options)
        self.address = re.search(r"address=(\S+)", self.expect("event=listening")).group(1)

    def expect(self, word):
        while True:
            line = self.process.stderr.readline()
            check(line, "the server ended while %r was waited for" % word)
            if word in line:
                return line

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        check(self.process.wait(PATIENCE) == 0, "a server that is stopped")


def main(folder):
    config = folder + "/millrace.properties"
    open(config, "w").write("millrace.log.level=info\nmillrace.log.slow.statement.ms=1\n")

    # A service manager hears that the server is ready, that it lives, and that it stops.
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(folder + "/notify")
    messages = queue.Queue()

    def listen():
        # Always, as service managers do: the system keeps ten messages, and a server does not wait for who takes none.
        while True:
            messages.put(manager.recv(4096).decode())

    threading.Thread(target=listen, daemon=True).start()
    environment = dict(os.environ, NOTIFY_SOCKET=folder + "/notify", WATCHDOG_USEC="10000000")
    server = Server(folder + "/data", "--listen", "127.0.0.1:0", "--config", config, env=environment)

    def told(word):
        while True:
            text = messages.get(timeout=PATIENCE)
            if word in text:
                return text

    check("STATUS=listening at " + server.address in told("READY=1"), "READY=1")
    told("WATCHDOG=1")
    there = ["--server", server.address]
    run("run", *there, "-c", SETUP)

    # SIGHUP reads the level of the log again, and ends nothing; what cannot be read changes nothing.
    open(config, "w").write("millrace.log.level=debug\n")
    server.process.send_signal(signal.SIGHUP)
    check("log_level=debug" in server.expect("event=reloaded"), "the level is read again")
    told("RELOADING=1")
    told("READY=1")
    run("run", *there, "-c", "SELECT 1 AS one;")
    server.expect("event=connected")
    open(config, "w").write("millrace.log.level=loud\n")
    server.process.send_signal(signal.SIGHUP)
    server.expect("event=not_reloaded")
    run("run", *there, "-c", "SELECT COUNT(*) AS n FROM GENERATE_SERIES(1, 1000000);")
    check("GENERATE_SERIES" in server.expect("event=slow_statement"), "a slow statement is logged")

    # Records for programs have columns, from a server as from a directory.
    wanted = {"partition": 0, "offset": 0, "key": "1", "value": '{"B":"a \\"b\\""}'}
    for command in ["tail", "s", "--from-beginning", "--limit", "1"], ["topics", "dump", "s"]:
        for form in "json", "ndjson":
            found = json.loads(run(*command, *there, "--output", form))
            if form == "json":
                check(len(found) == 1, "%r is an array" % command, found)
                found = found[0]
            check(found.pop("time") and found == wanted, "%r as %s" % (command, form), found)
        lines = run(*command, *there, "--output", "csv").splitlines()
        check(lines[0] == "partition,offset,time,key,value" and lines[1].endswith(',1,"{""B"":""a \\""b\\""""}"'), "%r as CSV" % command, lines)
    check(run("tail", "s", "--from-beginning", "--limit", "1", *there).startswith("rowtime: "), "lines for people, without what they seem to be")
    # Ctrl-C and SIGTERM end the document, too.
    for number in signal.SIGINT, signal.SIGTERM:
        push = ["run", *there, "--output", "json", "-c", "SELECT b AS value FROM s EMIT CHANGES;"]
        for command in ["tail", "s", "--from-beginning", "--output", "json", *there], push:
            running = subprocess.Popen([millrace, *command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            begun = ""
            while "}" not in begun:
                more = running.stdout.read(1)
                check(more, "%r gives a row" % command, begun)
                begun += more
            running.send_signal(number)
            whole = begun + running.stdout.read()
            ended = running.wait()
            check(ended == 128 + number and len(json.loads(whole)) == 1, "an array that signal %d interrupts is whole: %r" % (number, command), (ended, whole))

    # millrace top, once without a terminal, and redrawn on one.
    once = run("top", *there)
    check("CONNECTIONS" in once and "CTAS_T_0" in once and "RUNNING" in once, "top", once)
    rows = json.loads(run("top", *there, "--output", "json"))
    check(any(row["ID"] == "CTAS_T_0" and row["LAG"] == 0 for row in rows), "top as JSON", rows)
    screen = Terminal([millrace, "top", *there, "--interval", "1"], folder, columns=100, lines=24)
    for _ in range(2):
        screen.expect(r"\x1b\[H", "top draws from the corner")
        screen.expect(r"CTAS_T_0", "top shows a query")
    screen.leave("\x03", "Ctrl-C ends top")
    screen = Terminal([millrace, "top", *there, "--interval", "3600"], folder, columns=100, lines=24)
    screen.expect(r"q or Ctrl-C ends", "top says how it ends")
    screen.type("q")
    screen.leave("", "q ends top, however long it would have waited")
    check("needs --server" in subprocess.run([millrace, "top"], capture_output=True, text=True).stderr, "top without a server")

    # millrace doctor says who is at the port.
    port = server.address.rsplit(":", 1)[1]
    report = subprocess.run(
        [millrace, "doctor", "--data", folder + "/data", "--listen", "127.0.0.1:" + port, "--output", "json"], capture_output=True, text=True, timeout=PATIENCE)
    findings = {row["check"]: row for row in json.loads(report.stdout)}
    check({"open files", "memory", "clock", "locale", "time zones", "disk space", "disk sync", "line protocol"} <= set(findings), "doctor", findings)
    check("millrace, process %d" % server.process.pid in findings["line protocol"]["finding"], "who is at the port", findings["line protocol"])
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        report = subprocess.run(
            [millrace, "doctor", "--data", folder, "--listen", "127.0.0.1:%d" % other.getsockname()[1]], capture_output=True, text=True, timeout=PATIENCE)
        check(report.returncode == 1 and "in use by python" in report.stdout, "another program at the port", report.stdout)

    server.stop()
    told("STOPPING=1")

    # Sockets that somebody else has opened, which stay when the server ends.
    listening = socket.create_server(("127.0.0.1", 0))
    metrics = socket.create_server(("127.0.0.1", 0))

    def hand_over():
        # From descriptor 3 on, as the service manager does it.
        first, second = os.dup(listening.fileno()), os.dup(metrics.fileno())
        os.dup2(first, 3, inheritable=True)
        os.dup2(second, 4, inheritable=True)

    # The process that LISTEN_PID names is the one that a shell becomes.
    command = 'export LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=lines:metrics; exec "$0" serve --data "$1"'
    for _ in range(2):
        activated = subprocess.Popen(
            ["sh", "-c", command, millrace, folder + "/data"], stderr=subprocess.PIPE, text=True, preexec_fn=hand_over, close_fds=False)
        while True:
            line = activated.stderr.readline()
            check(line, "the server that was activated ended")
            if "protocol=http" in line:
                break
        place = "127.0.0.1:%d" % listening.getsockname()[1]
        check("1" in run("run", "--server", place, "--output", "csv", "-c", "SELECT n FROM t;"), "a server at a socket that it was given")
        with socket.create_connection(metrics.getsockname()) as page:
            page.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            check(page.makefile().readline().startswith("HTTP/1.1 200"), "metrics at a socket that it was given")
        activated.send_signal(signal.SIGTERM)
        check(activated.wait(PATIENCE) == 0, "it stops")
    print("ok")


with tempfile.TemporaryDirectory() as folder:
    main(folder)
