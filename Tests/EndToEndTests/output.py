#!/usr/bin/env python3
"""Checks that output which cannot be written is an error, and that a reader who leaves ends a command in silence.

  output.py MILLRACE

Prints what is wrong, and ends with 1 then."""
import os, subprocess, sys, tempfile

PATIENCE = 120
CREATE = "CREATE STREAM s (k INT KEY, v STRING) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON', PARTITIONS=1);"
FORMS = ("table", "vertical", "csv", "tsv", "json", "ndjson", "markdown")


def carry_out(command, output, text=""):
    return subprocess.run(command, input=text.encode(), stdout=output, stderr=subprocess.PIPE, timeout=PATIENCE)


def closed_pipe():
    """The writing end of a pipe that nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    return writing


def main(millrace):
    with tempfile.TemporaryDirectory() as folder:
        rows = "".join("INSERT INTO s VALUES (%d, 'row');" % number for number in range(3))
        carry_out([millrace, "run", "--data", folder, "-c", CREATE + rows], subprocess.DEVNULL).check_returncode()
        place = ["--data", folder]
        commands = [([millrace, "--help"], ""), ([millrace, "--version"], ""), ([millrace, "completions", "bash"], "")]
        for form in FORMS:
            output = ["--output", form]
            commands += [
                ([millrace, "run", *place, *output, "-c", "SHOW STREAMS;"], ""),
                ([millrace, "shell", *place, *output, "-c", "SHOW STREAMS;"], ""),
                ([millrace, "shell", *place, *output], "SHOW STREAMS;\n"),
                ([millrace, "tail", *place, *output, "t", "--from-beginning", "--limit", "3"], ""),
                ([millrace, "topics", "list", *place, *output], ""),
                ([millrace, "topics", "describe", "t", *place, *output], ""),
                ([millrace, "topics", "verify", "t", *place, *output], ""),
                ([millrace, "topics", "dump", "t", *place, *output], ""),
            ]
        for command, text in commands:
            with open("/dev/full", "wb") as full:
                done = carry_out(command, full, text)
            if done.returncode != 1 or b"cannot write standard output: " not in done.stderr:
                sys.exit("%s to a full disk ended with %d and says %r" % (command, done.returncode, done.stderr))
            writing = closed_pipe()
            done = carry_out(command, writing, text)
            os.close(writing)
            # What tail takes records for goes to people, not to the output.
            told = [line for line in done.stderr.splitlines() if not line.startswith((b"Key format: ", b"Value format: "))]
            if done.returncode == 0 or told:
                sys.exit("%s to nobody ended with %d and says %r" % (command, done.returncode, done.stderr))
            whole = carry_out(command, subprocess.DEVNULL, text)
            if whole.returncode != 0:
                sys.exit("%s ended with %d and says %r" % (command, whole.returncode, whole.stderr))


main(sys.argv[1])
