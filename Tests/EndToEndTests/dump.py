#!/usr/bin/env python3
"""Checks that `millrace topics dump` ends with the last record of a topic, of a server as of a directory.

  dump.py MILLRACE

Prints what is wrong, and ends with 1 then."""
import subprocess, sys, tempfile
from serving import Connection, Server

PATIENCE = 120


def dump(millrace, *place):
    done = subprocess.run([millrace, "topics", "dump", "t", *place], capture_output=True, text=True, timeout=PATIENCE)
    if done.returncode != 0:
        sys.exit("topics dump %s ended with %d: %s" % (place, done.returncode, done.stderr))
    return done.stdout


def main(millrace):
    with tempfile.TemporaryDirectory() as folder:
        server = Server(millrace, folder)
        connection = Connection(server.port)
        connection.send("CREATE STREAM s (k INT KEY, v STRING) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON', PARTITIONS=2);\n")
        connection.answer()
        address = "127.0.0.1:%d" % server.port
        if "rowtime" in dump(millrace, "--server", address):
            sys.exit("an empty topic has records")
        for number in range(5):
            connection.send("INSERT INTO s VALUES (%d, 'row %d');\n" % (number, number))
            connection.answer()
        of_server = dump(millrace, "--server", address)
        of_two = dump(millrace, "--server", address, "--limit", "2")
        connection.close()
        server.process.terminate()
        server.process.wait(PATIENCE)
        of_directory = dump(millrace, "--data", folder)
        for number in range(5):
            for text in (of_server, of_directory):
                if text.count("row %d" % number) != 1:
                    sys.exit("row %d is missing: %s" % (number, text))
        if of_two.count("rowtime") != 2:
            sys.exit("--limit 2 printed %s" % of_two)


main(sys.argv[1])
