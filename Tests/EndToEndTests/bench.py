#!/usr/bin/env python3
"""Interrupts `millrace bench` and looks at what is left behind.

  bench.py MILLRACE
"""
import os, shutil, signal, subprocess, sys, tempfile

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


interrupted(signal.SIGINT, 130)
interrupted(signal.SIGTERM, 143)

shutil.rmtree(home)
print("ok" if not wrong else "%d wrong" % len(wrong))
sys.exit(1 if wrong else 0)
