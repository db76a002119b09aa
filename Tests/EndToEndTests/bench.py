#!/usr/bin/env python3
"""Interrupts `millrace bench` and runs it beside scripts that stand for a peer: nothing is left behind, and what is missing is named.

  bench.py MILLRACE
"""
import atexit, json, os, shutil, signal, subprocess, sys, tempfile
import xml.etree.ElementTree as xml

millrace = os.path.abspath(sys.argv[1])
home = tempfile.mkdtemp(prefix="millrace-bench-test-")
atexit.register(shutil.rmtree, home, ignore_errors=True)
wrong = []


def check(holds, what):
    if not holds:
        wrong.append(what)
        print("wrong: " + what)


def start(*arguments, **surroundings):
    """The command, with its directories in a folder of its own."""
    folder = tempfile.mkdtemp(dir=home)
    environment = dict(os.environ, TMPDIR=folder, **surroundings)
    process = subprocess.Popen(
        [millrace, "bench", *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.folder = folder
    return process


def run(*arguments, **surroundings):
    process = start(*arguments, **surroundings)
    process.output, process.errors = process.communicate(timeout=300)
    return process


def wait_for(holds, process):
    """Waits until something is true; the process must not end before."""
    while not holds():
        if process.poll() is not None:
            sys.exit("bench ended by itself: " + process.stderr.read())
        os.sched_yield()


def is_there(number):
    """Whether a process is there that has not ended."""
    try:
        with open("/proc/%d/stat" % number) as status:
            return status.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def interrupted(number, status):
    process = start("--rows", "50000000", "--runs", "1", "load", "q0")
    # In the middle of a load: the log has segments.
    wait_for(lambda: any("segments" in place or place.endswith("/log") for place, _, _ in os.walk(process.folder)), process)
    process.send_signal(number)
    output, errors = process.communicate(timeout=60)
    check(process.returncode == status, "%s: status %s, %s" % (number, process.returncode, errors))
    check(os.listdir(process.folder) == [], "%s: %s is left" % (number, os.listdir(process.folder)))


def peers(script, modules=("duckdb",)):
    """A folder as the one of the peers, with a script of ours and modules that Python finds."""
    folder = tempfile.mkdtemp(dir=home)
    os.mkdir(folder + "/peers")
    os.mkdir(folder + "/modules")
    for module in modules:
        open(folder + "/modules/%s.py" % module, "w").close()
    if script is not None:
        with open(folder + "/peers/run_duckdb.py", "w") as file:
            file.write(script)
    return dict(MILLRACE_SHARED=folder, PYTHONPATH=folder + "/modules")


ANSWERING = """
import json, sys
arguments = dict(zip(sys.argv[1::2], sys.argv[2::2]))
rows = sum(1 for _ in open(arguments["--data"] + "/bid.jsonl"))
print("RESULT " + json.dumps(dict(query=arguments["--query"], eps=rows, cpu_per_m=0.5)), flush=True)
"""
FAILING = "import sys; sys.exit('no such query')"
# Starts a process of its own, says both numbers, and never ends.
HANGING = """
import os, subprocess, sys
child = subprocess.Popen(["sleep", "1000"])
with open(os.environ["TELL"] + ".new", "w") as file: file.write("%d %d" % (os.getpid(), child.pid))
os.rename(os.environ["TELL"] + ".new", os.environ["TELL"])
child.wait()
"""
SMALL = ("--rows", "2000", "--runs", "1")

interrupted(signal.SIGINT, 130)
interrupted(signal.SIGTERM, 143)

# Beside a peer.
beside = run("--against", "duckdb", "q0", "q2", "--json", *SMALL, **peers(ANSWERING))
check(beside.returncode == 0, "beside a peer: " + beside.errors)
if beside.returncode == 0:
    pairs = json.loads(beside.output)["comparisons"]
    check([pair["query"] for pair in pairs] == ["q0", "q2"], "the queries: %s" % pairs)
    # The script tells how many bids it has found: those of the file are the rows of the run.
    check(all(pair["peerRate"] == 2000 and pair["rate"] > 0 for pair in pairs), "the figures: %s" % pairs)
check(os.listdir(beside.folder) == [], "beside a peer: %s is left" % os.listdir(beside.folder))
table = run("--against", "duckdb", "q0", *SMALL, **peers(ANSWERING))
check("duckdb rows/s" in table.output and "ratio" in table.output, "the table: " + table.output)
for what, arguments, surroundings, reason in (
    ("a script", ["q0"], peers(None), "needs %s/peers/run_duckdb.py, which is not there"),
    ("a module", ["q0"], peers(ANSWERING, modules=()), "needs the module duckdb"),
    ("success", ["q0"], peers(FAILING), "no such query"),
):
    if what == "a module":
        # Where the module is there in earnest, its absence cannot be seen.
        if subprocess.run(["python3", "-c", "import duckdb"], capture_output=True).returncode == 0:
            continue
    missing = run("--against", "duckdb", *arguments, *SMALL, **surroundings)
    expected = reason.replace("%s", surroundings["MILLRACE_SHARED"])
    check(missing.returncode == 3 and expected in missing.errors, "without %s: %d, %s" % (what, missing.returncode, missing.errors))
    check(os.listdir(missing.folder) == [], "without %s: %s is left" % (what, os.listdir(missing.folder)))
refused = run("--against", "kafka", "q3", *SMALL)
check(refused.returncode == 2 and "no query that runs beside kafka" in refused.errors, "a query of none: " + refused.errors)

# An interrupt ends the peer, too, with what it has started.
told = home + "/told"
hanging = start("--against", "duckdb", "q0", *SMALL, TELL=told, **peers(HANGING))
wait_for(lambda: os.path.exists(told), hanging)
hanging.send_signal(signal.SIGINT)
hanging.communicate(timeout=60)
numbers = [int(word) for word in open(told).read().split()]
check(hanging.returncode == 130, "a peer that hangs: status %s" % hanging.returncode)
while any(is_there(number) for number in numbers):
    os.sched_yield()
check(os.listdir(hanging.folder) == [], "a peer that hangs: %s is left" % os.listdir(hanging.folder))

# The plot is XML with a panel for each thing that was measured.
plot = home + "/growth.svg"
drawn = run("--groups", "10", "--groups", "1000", "--partitions", "1", "--partitions", "2", "--plot", plot, *SMALL)
check(drawn.returncode == 0, "a plot: " + drawn.errors)
if drawn.returncode == 0:
    texts = [text.text for text in xml.parse(plot).iter("{http://www.w3.org/2000/svg}text")]
    for text in ("groups", "partitions", "1 k", "µs for a row"):
        check(text in texts, "the plot has no %r: %s" % (text, texts))

print("ok" if not wrong else "%d wrong" % len(wrong))
sys.exit(1 if wrong else 0)
