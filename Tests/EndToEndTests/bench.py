#!/usr/bin/env python3
"""Interrupts `millrace bench`, looks at what is left behind, and reads a plot.

  bench.py MILLRACE
"""
import os, shutil, signal, subprocess, sys, tempfile
import xml.etree.ElementTree as xml

millrace = os.path.abspath(sys.argv[1])
home = tempfile.mkdtemp(prefix="millrace-bench-test-")
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


def interrupted(number, status):
    process = start("--rows", "50000000", "--runs", "1", "load", "q0")
    # In the middle of a load: the log has segments.
    wait_for(lambda: any("segments" in place or place.endswith("/log") for place, _, _ in os.walk(process.folder)), process)
    process.send_signal(number)
    output, errors = process.communicate(timeout=60)
    check(process.returncode == status, "%s: status %s, %s" % (number, process.returncode, errors))
    check(os.listdir(process.folder) == [], "%s: %s is left" % (number, os.listdir(process.folder)))


SMALL = ("--rows", "2000", "--runs", "1")

interrupted(signal.SIGINT, 130)
interrupted(signal.SIGTERM, 143)

# The plot is XML with a panel for each thing that was measured.
plot = home + "/growth.svg"
drawn = run("--groups", "10", "--groups", "1000", "--partitions", "1", "--partitions", "2", "--plot", plot, *SMALL)
check(drawn.returncode == 0, "a plot: " + drawn.errors)
if drawn.returncode == 0:
    texts = [text.text for text in xml.parse(plot).iter("{http://www.w3.org/2000/svg}text")]
    for text in ("groups", "partitions", "1 k", "µs for a row"):
        check(text in texts, "the plot has no %r: %s" % (text, texts))

shutil.rmtree(home)
print("ok" if not wrong else "%d wrong" % len(wrong))
sys.exit(1 if wrong else 0)
