#!/usr/bin/env python3
"""Replays the conversation on the page about the line protocol with a server.

  protocol_page.py MILLRACE PAGE
"""
import re, socket, sys, tempfile

sys.dont_write_bytecode = True
from serving import Server


def replay(address, lines):
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), 30) as connection, connection.makefile("rb") as answers:
        for line in lines:
            if line.startswith("> "):
                connection.sendall(line[2:].encode() + b"\n")
                continue
            found = answers.readline().decode().rstrip("\n")
            # An ellipsis stands for what differs from run to run.
            pattern = ".*".join(map(re.escape, line.split("…")))
            if not re.fullmatch(pattern, found):
                sys.exit("%r instead of %r" % (found, line))
        rest = answers.read()
        if not re.fullmatch(rb"(\+ [^\n]*\n)?", rest):
            sys.exit("%r at the end" % rest)


def main():
    with open(sys.argv[2], encoding="utf-8") as file:
        conversations = re.findall(r"^```wire\n(.*?)^```", file.read(), re.S | re.M)
    if not conversations:
        sys.exit("there is no conversation on the page")
    with tempfile.TemporaryDirectory() as folder:
        server = Server(sys.argv[1], folder + "/data")
        try:
            for conversation in conversations:
                replay("127.0.0.1:%d" % server.port, conversation.splitlines())
        finally:
            server.process.terminate()
            server.process.wait()
    print("ok")


main()
